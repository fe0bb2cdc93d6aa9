"""A sponsor's match: what was promised, drafted by one and announced by another; its size, its end, its payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import IntegerField, RadioField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.kit.forms import DateField, Form, MoneyField, chosen, required, saving, shown
from admin.kit.forms import text as line
from admin.kit.supporters import SupporterField
from admin.labels import choices, label
from admin.pages.edition_desk import back_to, crumbs, found, part_of, sure
from admin.pages.editions import days_of
from campaigns.credit import Credit
from campaigns.crowdfunding.match import FREED, Match
from campaigns.edition import Edition
from supporters.giving.gift import Gift
from supporters.money import Money

#: So many gifts of a sponsor are offered as the payment.
MOST = 25


class MatchForm(Form):
    sponsor = SupporterField(
        lazy("Sponsor"), [required()], description=lazy("Who is not known yet is added under Supporters first.")
    )
    title = line(
        lazy("What the public reads"), required(), description=lazy("Such as “Until Sunday every euro is doubled”.")
    )
    promised = MoneyField(lazy("What the sponsor promised"), [required()])
    most = MoneyField(lazy("How much of it is for this match"), description=lazy("Left empty, all of it."))
    percent = IntegerField(
        lazy("Adds to each gift, in per cent"), [required()], default=100,
        description=lazy("100 doubles it, 50 adds half."),
    )  # fmt: skip
    from_on = DateField(lazy("First day"), [required()])
    last_on = DateField(lazy("Last day"), description=lazy("Left empty, until it is used up."))
    per_gift = MoneyField(lazy("At most for one gift"))
    per_donor = MoneyField(lazy("At most for all gifts of one giver"))
    condition = MoneyField(
        lazy("Only once givers brought"), description=lazy("Left empty, the sponsor pays in any case.")
    )
    freed = RadioField(
        lazy("When a gift that was matched goes back"), choices=choices("match_freed", FREED), default="oldest"
    )


def to_match(match: Match) -> str:
    return url_for(f"{NAME}.edition_match", slug=match.edition.slug, match_id=match.id)


@bp.route("/editions/<slug>/matches/new", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_match_new(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    form = MatchForm(data={"from_on": max(clock.today(), edition.starts_on), "percent": 100, "freed": "oldest"})
    if form.validate_on_submit():
        names = ("from_on", "percent", "most", "per_gift", "per_donor", "condition", "freed")
        until = form.last_on.data + timedelta(days=1) if form.last_on.data else None
        with saving(form, {"until_on": "last_on"}) as saved:
            match = Match.promise(
                saved, edition, form.sponsor.data, form.title.data, form.promised.data, until_on=until,
                by=current_actor(), now=clock.now(), **{name: form[name].data for name in names},
            )  # fmt: skip
            saved.flush()
        if not form.refusal:
            flash(_("Entered. It matches nothing before a colleague announces it."), "success")
            return redirect(to_match(match))
    return shown(
        "form.html", form=form, title=_("Add a match"), button=_("Enter it"), crumbs=crumbs(edition),
        rows=[("promised", "most"), ("from_on", "last_on"), ("per_gift", "per_donor")],
        back=back_to(edition, "matches"),
        lead=_("A sponsor adds to what others give, up to what was promised. A colleague of finance announces it."),
    )  # fmt: skip


def terms_of(match: Match) -> list[str]:
    """What a sponsor promised, in sentences."""
    written = {
        name: money(Money(amount, match.edition.currency))
        for name in ("promised", "per_gift", "per_donor", "condition")
        if (amount := getattr(match, name)) is not None
    }
    points = [
        _("Days: %(days)s.", days=days_of(match.from_on, match.until_on)),
        _("To each gift it adds %(percent)s%% of that gift.", percent=match.percent),
        _("The sponsor promised %(amount)s.", amount=written["promised"]),
    ]
    if "per_gift" in written:
        points.append(_("At most %(amount)s for one gift.", amount=written["per_gift"]))
    if "per_donor" in written:
        points.append(_("At most %(amount)s for all gifts of one giver.", amount=written["per_donor"]))
    if "condition" in written:
        points.append(_("The sponsor pays once givers brought %(amount)s.", amount=written["condition"]))
    points.append(_("Gifts of its days that are there already are matched first, in the order in which they came."))
    return points


@bp.get("/editions/<slug>/matches/<int:match_id>")
@needs("crowdfunding.see")
def edition_match(slug: str, match_id: int) -> ResponseReturnValue:
    edition = found(slug)
    match: Match = part_of(edition, Match, match_id)
    return render_template(
        "achterban/edition_match.html", edition=edition, match=match, crumbs=crumbs(edition), points=terms_of(match),
        freed=label("match_freed", match.freed), me=current_actor().key, payments=_payments(match),
        cents=lambda amount: Money(amount, edition.currency),
    )  # fmt: skip


def _payments(match: Match) -> Sequence[Gift]:
    query = select(Gift).join(Credit, Credit.gift_id == Gift.id).where(Credit.match_id == match.id)
    return session().scalars(query.order_by(Gift.received_on, Gift.id)).all()


# --- what may still change -------------------------------------------------------------------------------------


class SizeForm(Form):
    most = MoneyField(lazy("How much of the promise is for this match"), [required()])


@bp.route("/editions/<slug>/matches/<int:match_id>/size", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_match_size(slug: str, match_id: int) -> ResponseReturnValue:
    edition = found(slug)
    match: Match = part_of(edition, Match, match_id)
    form = SizeForm(data={"most": Money(match.most, edition.currency)})
    if form.validate_on_submit():
        with saving(form) as saved:
            match.change(saved, most=form.most.data, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Saved. What there is more goes first to gifts that wait for it."), "success")
            return redirect(to_match(match))
    promised = money(Money(match.promised, edition.currency))
    given = money(Money(match.given + match.lapsed, edition.currency))
    return shown(
        "form.html", form=form, title=_("Make the match larger or smaller"), button=_("Save"),
        crumbs=_here(edition, match), back=to_match(match),
        lead=_("The sponsor promised %(promised)s; %(given)s was given.", promised=promised, given=given),
    )  # fmt: skip


@bp.route("/editions/<slug>/matches/<int:match_id>/end", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_match_end(slug: str, match_id: int) -> ResponseReturnValue:
    edition = found(slug)
    match: Match = part_of(edition, Match, match_id)
    return sure(
        edition,
        lambda s: match.end(s, by=current_actor(), now=clock.now()),
        _("The match has ended."),
        back=to_match(match),
        title=_("End “%(title)s”", title=match.title),
        question=_("It takes no more gifts, and cannot be announced again. What it gave stays given:"),
        total=Money(match.given, edition.currency),
        points=[_("The sponsor still pays what was given.")],
        button=_("End it"),
        danger=True,
    )


class PaymentForm(Form):
    gift = RadioField(lazy("Which gift is it?"), [chosen()])


@bp.route("/editions/<slug>/matches/<int:match_id>/payment", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_match_payment(slug: str, match_id: int) -> ResponseReturnValue:
    """The sponsor's gift pays for what was promised to gifts, and counts no second time."""
    edition = found(slug)
    match: Match = part_of(edition, Match, match_id)
    form = PaymentForm()
    offered = _offered(match)
    form.gift.choices = [(str(each.id), f"{money(each.net)}, {day(each.received_on)}") for each in offered]
    if form.validate_on_submit():
        with saving(form) as saved:
            gift: Gift = Gift.get(saved, int(form.gift.data))
            match.receive(saved, gift, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Noted: what was promised is received now."), "success")
            return redirect(to_match(match))
    if not offered:
        del form.gift
    name = match.sponsor.name
    lead = (
        _("%(name)s gave this. Choose what pays for the match; it is not counted a second time.", name=name)
        if offered
        else _("Every gift of %(name)s counts for an edition already, or there is none. Book it first.", name=name)
    )
    return shown(
        "form.html" if offered else "edition_nothing.html", form=form, title=_("Note the sponsor's payment"),
        button=_("Note it"), crumbs=_here(edition, match), back=to_match(match),
        lead=lead,
    )  # fmt: skip


def _offered(match: Match) -> Sequence[Gift]:
    """Gifts of the sponsor that count for nothing yet, the newest first."""
    query = (
        select(Gift)
        .outerjoin(Credit, Credit.gift_id == Gift.id)
        .where(Gift.supporter_id == match.sponsor_id, Gift.currency == match.edition.currency, Credit.id.is_(None))
        .order_by(Gift.received_on.desc(), Gift.id.desc())
    )
    return session().scalars(query.limit(MOST)).all()


def _here(edition: Edition, match: Match) -> list[tuple[str, Any]]:
    return crumbs(edition, (match.title, to_match(match)))
