"""What a gift is thanks to, as somebody of ours says it: an edition, with a page or a placement of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import SelectField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.kit.forms import Form, chosen, saving, shown
from admin.labels import label
from admin.pages.edition_desk import part_of
from admin.pages.edition_offline import page_choices
from admin.pages.editions import days_of
from campaigns.credit import Credit
from campaigns.crowdfunding.match import Match
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from campaigns.placement import Placement
from supporters.errors import Refused
from supporters.giving.gift import Gift

#: So many editions are offered, those of the gift's own day first.
MOST = 50


@dataclass(frozen=True)
class Thanks:
    """What the page of a gift says of it."""

    credit: Credit | None
    match: Match | None  # that it pays for
    is_possible: bool  # there is an edition that it could be thanks to

    @classmethod
    def of(cls, gift: Gift) -> Thanks:
        query = select(Credit).where(Credit.gift_id == gift.id)
        parts = (joinedload(Credit.edition), joinedload(Credit.page), joinedload(Credit.placement))
        credit = session().scalar(query.options(*parts))
        match = session().get(Match, credit.match_id) if credit is not None and credit.match_id else None
        there = select(Edition.id).where(Edition.state != "draft").limit(1)
        return cls(credit, match, credit is not None or session().scalar(there) is not None)

    @property
    def how(self) -> str:
        return label("credit_how", self.credit.how) if self.credit else ""

    @property
    def standing(self) -> str:
        return label("credit_standing", self.credit.standing) if self.credit else ""


class ChooseForm(Form):
    edition = SelectField(lazy("Edition"), [chosen()])


class CreditForm(Form):
    page = SelectField(
        lazy("Somebody's own page"), [Optional()], description=lazy("Where the giver said so, or it is known.")
    )
    placement = SelectField(lazy("Placement"), [Optional()], description=lazy("The ad, spot or post that brought it."))


def _trail(gift: Gift) -> list[tuple[str, str]]:
    here = url_for(f"{NAME}.gift_page", gift_id=gift.id)
    return [(_("Gifts"), url_for(f"{NAME}.gifts")), (f"{money(gift.money)}, {day(gift.received_on)}", here)]


@bp.route("/gifts/<int:gift_id>/credit", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def gift_credit(gift_id: int) -> ResponseReturnValue:
    """First which edition; then what of it."""
    gift: Gift = Gift.get(session(), gift_id)
    form = ChooseForm()
    form.edition.choices = [
        (each.slug, f"{each.title} ({days_of(each.starts_on, each.ends_on)})") for each in _editions(gift)
    ]
    if form.validate_on_submit():
        return redirect(url_for(f"{NAME}.gift_credit_to", gift_id=gift_id, slug=form.edition.data))
    return shown(
        "form.html", form=form, title=_("What is this gift thanks to?"), button=_("Go on"), crumbs=_trail(gift),
        back=_trail(gift)[1][1],
        lead=_("It then counts there, on the day on which it was received; a match of that day adds to it."),
    )  # fmt: skip


def _editions(gift: Gift) -> list[Edition]:
    """Those in which it counts first, then the newest."""
    query = select(Edition).where(Edition.state != "draft").order_by(Edition.starts_on.desc(), Edition.id.desc())
    rows = list(session().scalars(query.limit(MOST)))
    return sorted(rows, key=lambda each: each.standing(gift.received_on, gift.currency) != "counts")


@bp.route("/gifts/<int:gift_id>/credit/<slug>", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def gift_credit_to(gift_id: int, slug: str) -> ResponseReturnValue:
    gift: Gift = Gift.get(session(), gift_id)
    edition = Edition.by_slug(session(), slug)
    form = CreditForm()
    form.page.choices = page_choices(edition)
    form.placement.choices = _placements(edition)
    for name in [name for name in ("page", "placement") if len(form[name].choices) == 1]:
        del form[name]
    if form.validate_on_submit():
        with saving(form, {"gift": ""}) as saved:
            parts = {
                name: part_of(edition, model, int(form[name].data))
                for name, model in (("page", FundraisingPage), ("placement", Placement))
                if name in form and form[name].data
            }
            Credit.give(saved, gift, edition, by=current_actor(), now=clock.now(), **parts)
        if not form.refusal:
            flash(_("Noted."), "success")
            return redirect(_trail(gift)[1][1])
    standing = edition.standing(gift.received_on, gift.currency)
    return shown(
        "form.html", form=form, title=_("Thanks to “%(title)s”", title=edition.title), button=_("Note it"),
        crumbs=_trail(gift), back=_trail(gift)[1][1], lead=label("credit_standing", standing) + ".",
    )  # fmt: skip


def _placements(edition: Edition) -> list[tuple[str, Any]]:
    query = select(Placement.id, Placement.name).where(Placement.edition_id == edition.id).order_by(Placement.name)
    return [("", _("Not known")), *((str(key), name) for key, name in session().execute(query))]


class MoveForm(Form):
    page = SelectField(lazy("Somebody's own page"), [Optional()])


@bp.route("/gifts/<int:gift_id>/move-credit", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def gift_credit_move(gift_id: int) -> ResponseReturnValue:
    """To another page of the same edition, or to none."""
    gift: Gift = Gift.get(session(), gift_id)
    credit = session().scalar(select(Credit).where(Credit.gift_id == gift.id))
    if credit is None or credit.match_id is not None:
        raise Refused("This gift is thanks to no edition, or pays for a match.")
    form = MoveForm(data={"page": str(credit.page_id or "")})
    form.page.choices = page_choices(credit.edition, credit.page)
    if form.validate_on_submit():
        with saving(form) as saved:
            page = part_of(credit.edition, FundraisingPage, int(form.page.data)) if form.page.data else None
            if (page.id if page else None) != credit.page_id:
                credit.move(saved, page, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Moved."), "success")
            return redirect(_trail(gift)[1][1])
    return shown(
        "form.html", form=form, title=_("Move it to another page"), button=_("Move it"), crumbs=_trail(gift),
        back=_trail(gift)[1][1], lead=_("All that the gift brought goes along, what matched it too."),
    )  # fmt: skip
