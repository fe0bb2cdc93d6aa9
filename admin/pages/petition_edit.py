"""A petition as it is drafted, changed, opened and closed, and the words its signers agree to."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import BooleanField, IntegerField, RadioField, SelectField, TextAreaField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, moment, number
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, MomentField, required, saving, shown, strip
from admin.kit.forms import text as line
from admin.labels import choices
from admin.pages.petition_desk import crumbs, found
from admin.pages.petitions import to_petition
from campaigns.campaign import Campaign
from campaigns.petitions.petition import CONFIRM_POLICIES, PROFILES, Petition, lines_of
from campaigns.petitions.wording import ASKED, HOUSE_TEXTS, LOCALES, Wording
from supporters.errors import BadInput, NotFound
from supporters.people.consent import ConsentText


def area(label: Any, *validators: Any, rows: int = 4, **options: Any) -> TextAreaField:
    return TextAreaField(label, [*validators], filters=[strip], render_kw={"rows": rows}, **options)


class PetitionForm(Form):
    title = line(lazy("Title"), required())
    text = area(
        lazy("Text"), required(), rows=12,
        description=lazy("What you ask, and why. An empty line begins a paragraph; **bold**, *italic*, - list."),
    )  # fmt: skip
    addressee = line(lazy("Addressed to"), required(), description=lazy("Who can decide about it."))
    locale = SelectField(lazy("Language of the text"), choices=choices("language"), default="nl")
    goals = area(
        lazy("Goals"), rows=3,
        description=lazy("One number on a line, rising. When one is reached, the next is shown."),
    )  # fmt: skip
    confirm_policy = RadioField(
        lazy("Confirming by mail"), choices=choices("confirm_policy", CONFIRM_POLICIES), default="required",
        description=lazy("Required is the safest: nobody can sign with somebody else's address."),
    )  # fmt: skip
    per_address = RadioField(
        lazy("From one e-mail address"),
        choices=[("1", lazy("One person signs")), ("2", lazy("Two people may sign, such as a couple"))], default="1",
    )  # fmt: skip
    opens_at = MomentField(lazy("Opens"), description=lazy("Left empty, it opens when you open it."))
    closes_at = MomentField(lazy("Closes"), description=lazy("Left empty, it stays open until you close it."))
    retention_days = IntegerField(
        lazy("Days that personal data is kept"), [required()], default=180,
        description=lazy("Counted from the hand-over. Then names and addresses are erased; the numbers stay."),
    )  # fmt: skip
    allowed_origins = area(
        lazy("Allowed sites"), rows=3,
        description=lazy("One on a line, such as https://www.example.org: only their forms are accepted."),
    )  # fmt: skip
    return_urls = area(
        lazy("Pages to return to"), rows=3,
        description=lazy(
            "One on a line: where a form may send somebody afterwards. https://www.example.org/* is all pages there."
        ),
    )  # fmt: skip
    campaign = SelectField(lazy("Campaign"), [Optional()])

    def values(self) -> dict[str, Any]:
        """As the verbs want it; raises BadInput where a goal is no number."""
        names = ("title", "addressee", "locale", "confirm_policy", "opens_at", "closes_at", "retention_days")
        known = {name: self[name].data for name in names}
        if "text" in self:
            known["text"] = self.text.data
        return known | {
            "goals": [_goal(line) for line in lines_of(self.goals.data or "")],
            "per_address": int(self.per_address.data),
            "allowed_origins": list(lines_of(self.allowed_origins.data or "")),
            "return_urls": list(lines_of(self.return_urls.data or "")),
            "campaign_id": int(self.campaign.data) if self.campaign.data else None,
        }

    def offer_campaigns(self) -> None:
        rows = session().execute(select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()).limit(200))
        self.campaign.choices = [("", _("None")), *((str(key), name) for key, name in rows)]


class NewForm(PetitionForm):
    slug = line(
        lazy("Web address"), required(), length=80,
        description=lazy("The end of it, for ever: small letters, digits and hyphens, such as help-afghans."),
    )  # fmt: skip
    profile = RadioField(
        lazy("Kind"), choices=choices("petition_profile", PROFILES), default="plain",
        description=lazy("It decides what the form asks, and cannot change later."),
    )  # fmt: skip


ORDER = ("title", "slug", "text", "addressee", "locale", "profile")
ROWS = [("opens_at", "closes_at"), ("addressee", "locale")]
#: Fields of the library whose field here has another name.
FIELDS = {"campaign_id": "campaign"}


def _goal(line: str) -> int:
    digits = "".join(line.replace(".", " ").replace(",", " ").split())
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise BadInput("“%(value)s” is not a whole number; write one such as 40000.", field="goals", value=line[:20])
    return int(digits)


@bp.route("/new-petition", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_new() -> ResponseReturnValue:
    form = NewForm()
    form._fields = {n: form._fields[n] for n in (*ORDER, *(n for n in form._fields if n not in ORDER))}
    form.offer_campaigns()
    if form.validate_on_submit():
        with saving(form, FIELDS) as saved:
            values = form.values()
            known = [values.pop(name) for name in ("title", "text", "addressee")]
            petition = Petition.draft(
                saved, form.slug.data, *known, profile=form.profile.data, by=current_actor(), now=clock.now(), **values
            )
        if not form.refusal:
            flash(_("Drafted. Nobody sees it before you open it."), "success")
            return redirect(to_petition(petition))
    return shown(
        "form.html", form=form, title=_("New petition"), button=_("Draft it"), rows=ROWS,
        lead=_("This makes a draft. You open it when everything is right."),
        crumbs=[(_("Petitions"), url_for(f"{NAME}.petitions"))], back=url_for(f"{NAME}.petitions"),
    )  # fmt: skip


@bp.route("/petitions/<slug>/change", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_edit(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    form = PetitionForm(data=_as_typed(petition) if request.method == "GET" else None)
    form.offer_campaigns()
    is_draft = petition.state == "draft"
    if not is_draft:
        del form.text
    if form.validate_on_submit():
        with saving(form, FIELDS) as saved:
            petition.edit(saved, by=current_actor(), now=clock.now(), **form.values())
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(to_petition(petition))
    return shown(
        "form.html", form=form, title=_("Change the petition"), button=_("Save"), rows=ROWS, crumbs=crumbs(petition),
        lead=None if is_draft else _("Its text stays as it is: people have signed it."), back=to_petition(petition),
    )  # fmt: skip


def _as_typed(petition: Petition) -> dict[str, Any]:
    names = ("title", "text", "addressee", "locale", "confirm_policy", "opens_at", "closes_at", "retention_days")
    return {name: getattr(petition, name) for name in names} | {
        "goals": "\n".join(str(goal) for goal in petition.goals),
        "per_address": str(petition.per_address),
        "allowed_origins": "\n".join(petition.allowed_origins),
        "return_urls": "\n".join(petition.return_urls),
        "campaign": str(petition.campaign_id or ""),
    }


# --- open and close --------------------------------------------------------------------------------------------


class SureForm(Form):
    """Only the token: the page is the question."""


@bp.route("/petitions/<slug>/open", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_open(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form, {"closes_at": ""}) as saved:
            petition.open(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("It is open."), "success")
            return redirect(to_petition(petition))
    opens = petition.opens_at
    later = opens is not None and opens > clock.now()
    return Confirmation(
        title=_("Open “%(title)s”", title=petition.title),
        question=_("It can be signed from then on:"),
        points=[
            _("It opens on %(moment)s.", moment=moment(opens)) if later else _("It opens at once."),
            _("It closes on %(moment)s.", moment=moment(petition.closes_at))
            if petition.closes_at
            else _("It stays open until you close it."),
            _("Its text can no longer change."),
            _("Forms are accepted from: %(sites)s.", sites=", ".join(petition.allowed_origins))
            if petition.allowed_origins
            else _("No other site may send forms yet; only its own page here."),
        ],
        button=_("Open it"), back=to_petition(petition), crumbs=crumbs(petition),
    ).show(form)  # fmt: skip


@bp.route("/petitions/<slug>/close", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_close(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            petition.close(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("It is closed."), "success")
            return redirect(to_petition(petition))
    count = petition.count(session(), now=clock.now())
    return Confirmation(
        title=_("Close “%(title)s”", title=petition.title),
        question=_("Nobody can sign any more. It stands at:"),
        points=[
            _("%(count)s signatures still wait for their button; it keeps working.",
              count=number(count.signed - count.confirmed))
            if petition.confirm_policy == "required"
            else _("What was signed stays."),
            _("Until it is handed over, you can open it again."),
        ],
        count=petition.headline(count), button=_("Close it"), back=to_petition(petition), danger=True,
        crumbs=crumbs(petition),
    ).show(form)  # fmt: skip


# --- the words beside the boxes --------------------------------------------------------------------------------


class WordingForm(Form):
    sign = area(lazy("Sign"), required(), rows=4)
    show_name = area(lazy("Show my name"), required(), rows=3)
    covers_comment = BooleanField(
        lazy("These words name the comment too"),
        description=lazy("Then the form asks for a comment. Without this nobody’s comment is shown."),
    )
    updates = area(lazy("Updates about this petition"), required(), rows=2)
    newsletter = area(lazy("News about your other work"), required(), rows=2)


@bp.route("/petitions/<slug>/consent-texts/<language>", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_wording(slug: str, language: str) -> ResponseReturnValue:
    """Other words are a new set; the old ones stay known, with who agreed to them."""
    petition = found(slug)
    if language not in LOCALES:
        raise NotFound("We write in nl or en, not in “%(language)s”.", language=language[:10])
    wording = Wording.current(session(), petition.id, language)
    current = {**wording.texts(session()), "covers_comment": wording.covers_comment}
    form = WordingForm(data=current if request.method == "GET" else None)
    if form.validate_on_submit():
        texts = {purpose: " ".join(form[purpose].data.split()) for purpose in ASKED}
        covers_comment = bool(form.covers_comment.data)
        if {**texts, "covers_comment": covers_comment} == current:
            flash(_("These are the words that are there already."), "info")
            return redirect(request.path)
        with saving(form) as saved:
            Wording.change(
                saved, petition, language, texts, covers_comment=covers_comment, by=current_actor(), now=clock.now()
            )
        if not form.refusal:
            flash(_("From now on the form has these words."), "success")
            return redirect(request.path)
    return shown(
        "petition_wording.html", form=form, petition=petition, title=_("Consent texts"), button=_("Use these words"),
        crumbs=crumbs(petition), back=to_petition(petition), language=language, locales=LOCALES,
        versions=_versions(petition, language), wording=wording, house=HOUSE_TEXTS[language],
    )  # fmt: skip


def _versions(petition: Petition, language: str) -> list[tuple[Wording, dict[str, str]]]:
    """Every set there was, newest first, with its words."""
    sets = list(
        session().scalars(
            select(Wording)
            .where(Wording.petition_id == petition.id, Wording.locale == language)
            .order_by(Wording.id.desc())
            .limit(50)
        )
    )
    ids = {each.text_id(purpose) for each in sets for purpose in ASKED}
    words = {t.id: t.wording for t in session().scalars(select(ConsentText).where(ConsentText.id.in_(ids)))}
    return [(each, {purpose: words[each.text_id(purpose)] for purpose in ASKED}) for each in sets]
