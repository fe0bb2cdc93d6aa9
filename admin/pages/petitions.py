"""Petitions: the list, and the one page on which everything about a petition stands."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from sqlalchemy import BigInteger, cast, func, select

from admin import clock
from admin.access import may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, number
from admin.i18n import gettext as _
from admin.kit.charts import Chart, Series
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices
from admin.pages.petition_desk import found, tabs
from campaigns.campaign import Campaign
from campaigns.petitions.agreed import QUESTIONS, agreed
from campaigns.petitions.curve import Curve
from campaigns.petitions.form import most_of
from campaigns.petitions.markdown import to_html
from campaigns.petitions.petition import STATES, Petition
from campaigns.petitions.tally import Count, Tally, TallyEvent
from campaigns.petitions.update import PetitionUpdate
from campaigns.petitions.wording import ASKED, LOCALES, Wording
from campaigns.web.view import asked
from supporters.mail.state import MailState


def to_petition(petition: Petition) -> str:
    return url_for(f"{NAME}.petition_page", slug=petition.slug)


def _query() -> Any:
    """Each petition with its three numbers, what is not rolled up yet included, in one statement."""
    names = ("signed", "confirmed", "offline")
    waiting = (
        select(TallyEvent.petition_id, *(func.sum(getattr(TallyEvent, name)).label(name) for name in names))
        .group_by(TallyEvent.petition_id)
        .subquery()
    )
    numbers = (cast(getattr(Tally, name) + func.coalesce(waiting.c[name], 0), BigInteger).label(name) for name in names)
    return (
        select(Petition, *numbers)
        .join(Tally, Tally.petition_id == Petition.id)
        .outerjoin(waiting, waiting.c.petition_id == Petition.id)
    )


def state_of(petition: Petition) -> str:
    """As a fundraiser sees it: what is open by its state may still have to begin, or be over by its date."""
    if petition.state != "open" or petition.is_open(clock.now()):
        return petition.state
    begun = petition.opens_at is None or petition.opens_at <= clock.now()
    return "over" if begun else "waits"


def _headline(row: Any) -> int:
    return int(row[0].headline(Count(row[1], row[2], row[3], clock.now())))


def _progress(row: Any) -> str:
    goal = row[0].goal_at(_headline(row))
    return _("%(share)s%% of %(goal)s", share=100 * _headline(row) // goal, goal=number(goal)) if goal else ""


PETITIONS = listing(
    endpoint="petitions",
    title=lazy("Petitions"),
    query=_query,
    key=Petition.id,
    permission="petitions.see",
    default_sort="made",
    empty=lazy("There is no petition yet, or none is found with this."),
    columns=(
        Column("title", lazy("Title"), lambda r: r[0].title, link=lambda r: to_petition(r[0]), sort=Petition.title),
        Column("state", lazy("State"), lambda r: badge("petition", state_of(r[0])), "badge"),
        Column("signed", lazy("Signed"), lambda r: r[1], "number"),
        Column("confirmed", lazy("Confirmed"), lambda r: r[2], "number"),
        Column("offline", lazy("On paper"), lambda r: r[3], "number"),
        Column("goal", lazy("Goal"), _progress, "short"),
        Column("opens", lazy("Opens"), lambda r: r[0].opens_at, "date"),
        Column("closes", lazy("Closes"), lambda r: r[0].closes_at, "date"),
        Column("made", lazy("Made"), lambda r: r[0].created_at, "date", sort=Petition.created_at, descending=True),
    ),
    filters=(
        Filter("q", lazy("Title"), lambda q, v: q.where(Petition.title.icontains(v, autoescape=True)), "text"),
        Filter(
            "state",
            lazy("State"),
            lambda q, v: q.where(Petition.state == v),
            choices=lambda: choices("petition", STATES),
        ),
    ),
)


@bp.get("/petitions")
@needs("petitions.see")
def petitions() -> ResponseReturnValue:
    page = PETITIONS.page(session(), request.args)
    actions = [(_("New petition"), url_for(f"{NAME}.petition_new"))] if may("petitions.edit") else []
    return render_template("achterban/list.html", page=page, actions=actions)


# --- one petition ----------------------------------------------------------------------------------------------


@bp.get("/petitions/<slug>")
@needs("petitions.see")
def petition_page(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    count = petition.count(session(), now=clock.now())
    headline = petition.headline(count)
    goal = petition.goal_at(headline)
    until = clock.now()
    if petition.state == "closed" and petition.closes_at is not None:
        until = min(until, petition.closes_at)
    curve = Curve.of(session(), petition.id, until=until, zone=clock.zone())
    return render_template(
        "achterban/petition.html",
        petition=petition,
        state=state_of(petition),
        count=count,
        headline=headline,
        goal=goal,
        reached=min(100, 100 * headline // goal) if goal else 0,
        share=round(100 * count.confirmed / count.signed) if count.signed else None,
        text_html=to_html(petition.text),
        curve=curve,
        by_hour=_by_hour(curve),
        by_day=_by_day(curve),
        tabs=tabs(petition),
        elsewhere=_elsewhere(),
        public=_public_page(petition),
        campaign=session().get(Campaign, petition.campaign_id) if petition.campaign_id else None,
        drafts=session().scalar(
            select(func.count())
            .select_from(PetitionUpdate)
            .where(PetitionUpdate.petition_id == petition.id, PetitionUpdate.sent_at.is_(None))
        ),
        snippets=snippets(petition),
    )


def _public_page(petition: Petition) -> str:
    """Where visitors read it, on this site; a draft is not there yet."""
    endpoint = "achterban_petitions.petition"
    shown = petition.state != "draft" and endpoint in current_app.view_functions
    return url_for(endpoint, slug=petition.slug) if shown else ""


def _elsewhere() -> list[tuple[str, str]]:
    """What is not about one petition, where it exists and this role reaches it."""
    pages = (("data_requests", _("Data requests"), "petitions.private"), ("networks", _("Networks"), "petitions.see"))
    return [
        (text, url_for(f"{NAME}.{endpoint}"))
        for endpoint, text, permission in pages
        if f"{NAME}.{endpoint}" in current_app.view_functions and may(permission)
    ]


def _by_hour(curve: Curve) -> Chart:
    local = [step.at.astimezone(clock.zone()) for step in curve.hours]
    labels = [f"{at:%H}" if at.hour % 6 == 0 else "" for at in local]
    return _chart(
        _("By hour, the last 48 hours it was open"), labels, [s.signed for s in curve.hours],
        [s.confirmed for s in curve.hours],
        _("Hour"), "hours", [day(at, "medium") + f" {at:%H}:00" for at in local],
    )  # fmt: skip


def _by_day(curve: Curve) -> Chart:
    days = [line[0] for line in curve.days]
    labels = [f"{at.day}-{at.month}" if index % 10 == 9 else "" for index, at in enumerate(days)]
    return _chart(
        _("By day, the last 60 days it was open"), labels, [line[1] for line in curve.days],
        [line[2] for line in curve.days],
        _("Day"), "days", [day(at, "medium") for at in days],
    )  # fmt: skip


def _chart(
    title: str, labels: list[str], signed: list[int], confirmed: list[int], of: str, id: str, names: list[str]
) -> Chart:
    """``names`` is what the table and the bars call each step; under the axis there is no room for all of them."""
    chart = Chart(
        title, labels, (Series(_("Signed"), signed), Series(_("Confirmed"), confirmed)),
        write=number, write_short=number, of=of, id=id,
    )  # fmt: skip
    per_series = len(names)
    for index, bar in enumerate(chart.bars):
        series = chart.series[index // per_series]
        at = index % per_series
        bar["title"] = f"{names[at]}, {series.name}: {number(series.values[at])}"
    chart.labels = names
    return chart


# --- how it does: consent and mail -----------------------------------------------------------------------------


@bp.get("/petitions/<slug>/mail")
@needs("petitions.see")
def petition_mail(slug: str) -> ResponseReturnValue:
    """Fetched by the petition's page after it is shown; without a script it is a page of its own."""
    petition = found(slug)
    state = MailState.of(session(), f"petition:{petition.id}", now=clock.now())
    return render_template("achterban/petition_mail.html", petition=petition, mail=state)


@bp.get("/petitions/<slug>/agreed")
@needs("petitions.see")
def petition_agreed(slug: str) -> ResponseReturnValue:
    """Fetched after the page, for it reads every consent; without a script it is a page of its own."""
    petition = found(slug)
    return render_template(
        "achterban/petition_agreed.html", petition=petition, questions=QUESTIONS, agreed=agreed(session(), petition)
    )


# --- on a site -------------------------------------------------------------------------------------------------


def snippets(petition: Petition) -> dict[str, str]:
    """What a web team puts on its page: the element with its script, and the form that needs none."""
    base = current_app.extensions["supporters"].settings.public_url
    source = f"{base}/api/petitions/{petition.slug}"
    locale = petition.locale if petition.locale in LOCALES else "nl"
    wording = Wording.current(session(), petition.id, locale)
    element = Markup(
        '<script src="{}/petitions/widget.js" defer></script>\n'
        '<achterban-petition src="{}" locale="{}"></achterban-petition>\n'
    ).format(base, source, locale)
    return {"element": str(element), "form": _plain_form(petition, f"{source}/signatures", wording)}


def _plain_form(petition: Petition, action: str, wording: Wording) -> str:
    names = _FIELD_NAMES[wording.locale]
    texts = wording.texts(session())
    fields = asked(petition.profile, comment=wording.covers_comment)
    must = {"first_name", "last_name", "email"}
    if petition.profile == "citizens_initiative":
        must = set(asked(petition.profile))
    lines = [f'<form method="post" action="{escape(action)}">']
    for name in fields:
        kind = {"email": "email", "birth_date": "date"}.get(name, "text")
        needed = " required" if name in must else ""
        if name == "comment":
            lines.append(
                f"  <p><label>{escape(names[name])}<br>"
                f'<textarea name="{name}" rows="3" maxlength="{most_of(name)}"></textarea></label></p>'
            )
            continue
        lines.append(f'  <p><label>{escape(names[name])}<br><input type="{kind}" name="{name}"{needed}></label></p>')
    for purpose in ASKED:
        name, needed = ("consent", " required") if purpose == "sign" else (purpose, "")
        lines.append(
            f'  <p><label><input type="checkbox" name="{name}" value="1"{needed}> {escape(texts[purpose])}</label></p>'
        )
    lines += [
        f'  <input type="hidden" name="consent_text_id" value="{wording.id}">',
        f'  <input type="hidden" name="locale" value="{wording.locale}">',
    ]
    back = next((url for url in petition.return_urls if not url.endswith("/*")), "")
    if back:
        lines.append(f'  <input type="hidden" name="return_to" value="{escape(back)}">')
    lines += [
        '  <p hidden><label>Website <input name="website" tabindex="-1" autocomplete="off"></label></p>',
        f"  <button>{names['sign']}</button>",
        "</form>",
    ]
    return "\n".join(lines) + "\n"


#: In the language of the form, which is not that of the screen.
_FIELD_NAMES = {
    "nl": {
        "first_name": "Voornaam", "last_name": "Achternaam", "email": "E-mailadres", "town": "Woonplaats",
        "postcode": "Postcode", "street": "Straat", "house_number": "Huisnummer", "birth_date": "Geboortedatum",
        "comment": "Reactie: waarom tekent u? (niet verplicht, hoogstens 1.000 tekens)", "sign": "Ondertekenen",
    },
    "en": {
        "first_name": "First name", "last_name": "Surname", "email": "E-mail address", "town": "Town",
        "postcode": "Postcode", "street": "Street", "house_number": "House number", "birth_date": "Date of birth",
        "comment": "Comment: why do you sign? (optional, at most 1,000 characters)", "sign": "Sign",
    },
}  # fmt: skip
