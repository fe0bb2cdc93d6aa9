"""Placements of an edition: noting one, and all that goes into the ad: its link, its reference, its QR codes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import SelectField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, number
from admin.kit.forms import Form, MomentField, MoneyField, chosen, required, saving, shown
from admin.kit.forms import text as line
from admin.labels import choices, label
from admin.pages.edition_desk import back_to, crumbs, found, part_of
from campaigns.crowdfunding.lift import Lift
from campaigns.crowdfunding.report import Account
from campaigns.edition import Edition
from campaigns.placement import AIRED, KINDS, Placement
from campaigns.web.embed_edition import PAGES
from supporters.errors import BadInput, NotFound
from supporters.money import Money
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.sepa.account import CreditorAccount
from supporters.people.bank_account import clean_iban
from supporters.web import giving_pages


class ChangeForm(Form):
    name = line(lazy("Name"), required(), description=lazy("What colleagues call it, such as Trouw, page 3."))
    cost = MoneyField(lazy("What it cost"))
    aired_at = MomentField(
        lazy("When it appeared"), description=lazy("Needed for radio and television; else where you know it.")
    )


class PlacementForm(ChangeForm):
    kind = SelectField(lazy("Kind"), [chosen()], choices=choices("placement_kind", KINDS))
    code = line(
        lazy("Code"), required(), length=40,
        description=lazy("It stands in the link, for ever: small letters, digits and hyphens, such as trouw."),
    )  # fmt: skip


def to_placement(placement: Placement) -> str:
    return url_for(f"{NAME}.edition_placement", slug=placement.edition.slug, placement_id=placement.id)


@bp.route("/editions/<slug>/placements/new", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_placement_new(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    form = PlacementForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            placement = Placement.place(
                saved, edition, form.code.data, form.name.data, kind=form.kind.data, cost=form.cost.data,
                aired_at=form.aired_at.data, by=current_actor(), now=clock.now(),
            )  # fmt: skip
            saved.flush()
        if not form.refusal:
            flash(_("Noted. Below is all that goes into it."), "success")
            return redirect(to_placement(placement))
    return shown(
        "form.html", form=form, title=_("Add a placement"), button=_("Add it"), crumbs=crumbs(edition),
        rows=[("kind", "code"), ("cost", "aired_at")], back=back_to(edition, "placements"),
        lead=_("An ad, spot, post, flyer or mailing: you get a link and a reference by which its gifts are known."),
    )  # fmt: skip


@bp.route("/editions/<slug>/placements/<int:placement_id>/change", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_placement_change(slug: str, placement_id: int) -> ResponseReturnValue:
    edition = found(slug)
    placement: Placement = part_of(edition, Placement, placement_id)
    typed = {"name": placement.name, "cost": Money(placement.cost, edition.currency), "aired_at": placement.aired_at}
    form = ChangeForm(data=typed)
    if form.validate_on_submit():
        with saving(form) as saved:
            placement.change(
                saved, name=form.name.data, cost=form.cost.data, aired_at=form.aired_at.data, by=current_actor(),
                now=clock.now(),
            )  # fmt: skip
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(to_placement(placement))
    here = (placement.name, to_placement(placement))
    return shown(
        "form.html", form=form, title=_("Change the placement"), button=_("Save"), crumbs=crumbs(edition, here),
        rows=[("cost", "aired_at")], back=here[1],
        lead=_("Its code, link and reference stay: they may be printed already."),
    )  # fmt: skip


# --- what goes into the ad -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Payee:
    """An account of ours that people can transfer to."""

    iban: str
    name: str  # of its holder

    @property
    def spaced(self) -> str:
        return " ".join(self.iban[at : at + 4] for at in range(0, len(self.iban), 4))


def accounts() -> list[Payee]:
    """Those that we collect on bear our name as donors know it; then the others whose statements are read."""
    collecting = session().scalars(
        select(CreditorAccount)
        .where(CreditorAccount.is_active, CreditorAccount.currency == "EUR")
        .order_by(CreditorAccount.id)
    )
    known = {each.iban: Payee(each.iban, each.name) for each in collecting}
    ours = select(OurAccount).where(OurAccount.is_active, OurAccount.currency == "EUR").order_by(OurAccount.id)
    for each in session().scalars(ours):
        with suppress(BadInput):  # a number of the bank's own is none to transfer to
            known.setdefault(clean_iban(each.number), Payee(each.number, each.name))
    return list(known.values())


#: A source code that is longer is not read.
SOURCE = 40


def link_of(placement: Placement) -> str | None:
    """Our form for giving, for the fund of the edition and thanks to this placement; None where nobody gives online."""
    if giving_pages.NAME not in current_app.blueprints:
        return None
    edition = placement.edition
    asked = {"edition": edition.slug, "placement": placement.code, "fund": edition.fund.code}
    if len(placement.source_code) <= SOURCE:
        asked["source"] = placement.source_code
    base = current_app.extensions["supporters"].settings.public_url
    return str(base) + url_for(f"{giving_pages.NAME}.form", **asked)


def short_of(placement: Placement) -> str:
    """The address to print: it leads to our page of the edition."""
    return str(current_app.extensions["supporters"].settings.public_url) + url_for(
        f"{PAGES}.short", slug=placement.edition.slug, code=placement.code
    )


@bp.get("/editions/<slug>/placements/<int:placement_id>")
@needs("crowdfunding.see")
def edition_placement(slug: str, placement_id: int) -> ResponseReturnValue:
    edition = found(slug)
    placement: Placement = part_of(edition, Placement, placement_id)
    account = Account.of(session(), edition, clock.today())
    spent = next(each for each in account.placements if each.placement.id == placement.id)
    ours, zone = accounts(), current_app.extensions["supporters"].settings.timezone
    return render_template(
        "achterban/edition_placement.html", edition=edition, placement=placement, spent=spent,
        link_to_give=link_of(placement), short=short_of(placement), accounts=ours, account=_chosen(ours),
        crumbs=crumbs(edition), kind=label("placement_kind", placement.kind), is_spot=placement.kind in AIRED,
        lift=Lift.of(session(), placement, zone=zone, now=clock.now()), rounded=lambda value: number(round(value, 1)),
        cents=lambda amount: Money(amount, edition.currency),
    )  # fmt: skip


def _chosen(ours: list[Payee]) -> Payee | None:
    asked = request.args.get("account", "")
    return next((each for each in ours if each.iban == asked), ours[0] if ours else None)


@bp.get("/editions/<slug>/placements/<int:placement_id>/<any(link, transfer):what>.svg")
@needs("crowdfunding.see")
def edition_placement_code(slug: str, placement_id: int, what: str) -> ResponseReturnValue:
    """A QR code, for the page and for the designer: it scales to any size."""
    edition: Edition = found(slug)
    placement: Placement = part_of(edition, Placement, placement_id)
    if what == "link":
        drawing = Placement.link_code(short_of(placement))
    else:
        if (account := _chosen(accounts())) is None:
            raise NotFound("No bank account of ours is known yet.")
        drawing = placement.transfer_code(account.name, account.iban)
    return Response(drawing, mimetype="image/svg+xml")
