"""Offline money of an edition: entering it with its document, and finding the gift that it became."""

from __future__ import annotations

from flask import flash, redirect
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import bp
from admin.data import session
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.kit.documents import kind_of
from admin.kit.forms import DateField, Form, MoneyField, chosen, required, saving, shown
from admin.kit.forms import text as line
from admin.labels import choices
from admin.pages.edition_desk import back_to, crumbs, found, part_of
from campaigns.crowdfunding.offline import KINDS, OfflineMoney
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from supporters.documents import Document
from supporters.errors import BadInput
from supporters.giving.gift import Gift
from supporters.money import Money

#: Of more pages than this the newest are offered.
MOST_PAGES = 500


def page_choices(edition: Edition, there: FundraisingPage | None = None) -> list[tuple[str, str]]:
    """Its pages by title, with the one that is chosen ``there`` however old it is."""
    query = (
        select(FundraisingPage.id, FundraisingPage.title)
        .where(FundraisingPage.edition_id == edition.id)
        .order_by(FundraisingPage.id.desc())
        .limit(MOST_PAGES)
    )
    pages = {str(key): title for key, title in session().execute(query)} | (
        {str(there.id): there.title} if there is not None else {}
    )
    return [("", _("None")), *sorted(pages.items(), key=lambda page: page[1].casefold())]


class OfflineForm(Form):
    amount = MoneyField(lazy("Amount"), [required()])
    kind = SelectField(lazy("Kind"), [chosen()], choices=choices("counted_kind", KINDS))
    handed_on = DateField(lazy("Handed in on"), [required()], description=lazy("The day on which it counts."))
    place = line(lazy("Where, or through whom"), required(), description=lazy("Such as the box on the Christmas fair."))
    page = SelectField(lazy("Thanks to somebody's own page"), [Optional()])
    document = FileField(
        lazy("Document"), [FileRequired(lazy("Choose a file."))],
        description=lazy("A PDF, or a JPEG or PNG picture: a receipt, a photo of the box, a statement."),
        render_kw={"accept": ".pdf,.jpg,.jpeg,.png,application/pdf,image/jpeg,image/png"},
    )  # fmt: skip


@bp.route("/editions/<slug>/offline/new", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_offline_new(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    form = OfflineForm(data={"handed_on": clock.today()})
    form.page.choices = page_choices(edition)
    if form.validate_on_submit():
        with saving(form) as saved:
            page = part_of(edition, FundraisingPage, int(form.page.data)) if form.page.data else None
            if form.handed_on.data > clock.today():
                raise BadInput("It cannot have been handed in in the future.", field="handed_on")
            OfflineMoney.enter(
                saved, edition, form.amount.data, kind=form.kind.data, handed_on=form.handed_on.data,
                place=form.place.data, page=page, document=_document(saved, edition, form), by=current_actor(),
                now=clock.now(),
            )  # fmt: skip
        if not form.refusal:
            flash(_("Entered. It counts once a colleague looked at its document."), "success")
            return redirect(back_to(edition, "offline"))
    return shown(
        "form.html", form=form, title=_("Enter money that comes by hand"), button=_("Enter it"), upload=True,
        crumbs=crumbs(edition), rows=[("amount", "kind"), ("handed_on", "page")], back=back_to(edition, "offline"),
        lead=_("Cash, a collection, or another platform: it counts as on its way until it is on our account."),
    )  # fmt: skip


def _document(saved: Session, edition: Edition, form: OfflineForm) -> Document:
    stream = form.document.data.stream
    media_type, ending = kind_of(stream, "document")
    return Document.store(
        saved, iter(lambda: stream.read(1 << 20), b""), kind="receipt", media_type=media_type,
        filename=f"{edition.slug}-{form.handed_on.data.isoformat()}.{ending}", by=current_actor(), now=clock.now(),
    )  # fmt: skip


class MeetForm(Form):
    gift = RadioField(lazy("Which gift is it?"), [chosen()])


@bp.route("/editions/<slug>/offline/<int:money_id>/meet", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_offline_meet(slug: str, money_id: int) -> ResponseReturnValue:
    """It is on our account: from then on the gift counts, and this is no longer on its way."""
    edition = found(slug)
    row: OfflineMoney = part_of(edition, OfflineMoney, money_id)
    form = MeetForm()
    offered = row.likely(session())
    form.gift.choices = [
        (str(each.id), f"{money(each.money)}, {day(each.received_on)}: {each.supporter.name}") for each in offered
    ]
    if form.validate_on_submit():
        with saving(form) as saved:
            row.meet(saved, Gift.get(saved, int(form.gift.data)), by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("It counts as received now, and is no longer on its way."), "success")
            return redirect(back_to(edition, "offline"))
    amount = money(Money(row.amount, edition.currency))
    about = {"place": row.place, "amount": amount, "day": day(row.handed_on)}
    lead = (
        _("%(place)s: %(amount)s, handed in on %(day)s. These gifts are of about that amount and day.", **about)
        if offered
        else _(
            "%(place)s: %(amount)s, handed in on %(day)s. No gift of about that amount came in yet: book it first, for"
            " who brought it, or at the bank.", **about
        )
    )  # fmt: skip
    return shown(
        "form.html" if offered else "edition_nothing.html", form=form, title=_("It came in"), button=_("This is it"),
        crumbs=crumbs(edition), back=back_to(edition, "offline"), lead=lead,
    )  # fmt: skip
