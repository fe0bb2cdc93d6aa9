"""Signatures on paper: a number counted by hand, the scan that proves it, and taking a wrong one back."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from wtforms import IntegerField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, ngettext
from admin.i18n import gettext as _
from admin.kit.confirm import Confirmation
from admin.kit.documents import download, kind_of
from admin.kit.forms import DateField, Form, required, saving, shown
from admin.kit.forms import text as line
from admin.pages.petition_desk import crumbs, found, page
from admin.pages.petition_edit import SureForm
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from supporters import audit
from supporters.db import is_key
from supporters.documents import Document
from supporters.errors import BadInput, NotFound


class OfflineForm(Form):
    count = IntegerField(lazy("How many signatures"), [required()])
    counter = line(lazy("Who counted"), required())
    counted_on = DateField(lazy("Counted on"), [required()])
    place = line(lazy("Where the sheets lay"))
    scan = FileField(
        lazy("Scan of the sheets"), [FileRequired(lazy("Choose a file."))],
        description=lazy("A PDF, or a JPEG or PNG picture. It is kept for who wants to count again."),
        render_kw={"accept": ".pdf,.jpg,.jpeg,.png,application/pdf,image/jpeg,image/png"},
    )  # fmt: skip


def to_offline(petition: Petition) -> str:
    return url_for(f"{NAME}.petition_offline", slug=petition.slug)


def _find(petition: Petition, count_id: int) -> OfflineCount:
    row = session().get(OfflineCount, count_id) if is_key(count_id) else None
    if row is None or row.petition_id != petition.id:
        raise NotFound("This petition has no count of sheets with that number.")
    return row


@bp.get("/petitions/<slug>/paper")
@needs("petitions.see")
def petition_offline(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    query = select(OfflineCount).where(OfflineCount.petition_id == petition.id).order_by(OfflineCount.id.desc())
    return page("petition_offline.html", petition, counts=list(session().scalars(query.limit(500))))


@bp.route("/petitions/<slug>/paper/new", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_offline_new(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    form = OfflineForm()
    if request.method == "GET":
        form.counted_on.data = clock.today()
    if form.validate_on_submit():
        with saving(form) as saved:
            stream = form.scan.data.stream
            media_type, ending = kind_of(stream, "scan")
            if form.counted_on.data > clock.today():
                raise BadInput("They cannot have been counted in the future.", field="counted_on")
            given = {"by": current_actor(), "now": clock.now()}
            scan = Document.store(
                saved, iter(lambda: stream.read(1 << 20), b""), kind="count_sheet", media_type=media_type,
                filename=f"{petition.slug[:60]}-{form.counted_on.data.isoformat()}.{ending}", **given,
            )  # fmt: skip
            OfflineCount.record(
                saved, petition, form.count.data, counted_on=form.counted_on.data, counter=form.counter.data,
                place=form.place.data or "", scan=scan, **given,
            )  # fmt: skip
        if not form.refusal:
            flash(_("Added to the count."), "success")
            return redirect(to_offline(petition))
    return shown(
        "form.html", form=form, title=_("Add paper sheets"), button=_("Add to the count"), upload=True,
        rows=[("count", "counted_on"), ("counter", "place")],
        crumbs=crumbs(petition, (_("Paper sheets"), to_offline(petition))), back=to_offline(petition),
    )  # fmt: skip


@bp.route("/petitions/<slug>/paper/<int:count_id>/withdraw", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_offline_withdraw(slug: str, count_id: int) -> ResponseReturnValue:
    petition = found(slug)
    row = _find(petition, count_id)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            row.withdraw(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(ngettext("%(num)s taken off the count.", "%(num)s taken off the count.", row.count), "success")
            return redirect(to_offline(petition))
    return Confirmation(
        title=_("Take these sheets off the count"),
        question=_("Counted by %(name)s on %(day)s:", name=row.counter, day=day(row.counted_on)),
        points=[
            _("The number on paper goes down by this many."),
            _("It stays in the list as taken off; record it anew with the right number."),
        ],
        count=row.count, button=_("Take it off"), back=to_offline(petition), danger=True,
        crumbs=crumbs(petition, (_("Paper sheets"), to_offline(petition))),
    ).show(form)  # fmt: skip


@bp.post("/petitions/<slug>/paper/<int:count_id>/scan")
@needs("petitions.private")
def petition_offline_scan(slug: str, count_id: int) -> ResponseReturnValue:
    """The sheets have names on them, so that looking leaves a trace: a button and not a link."""
    petition = found(slug)
    row = _find(petition, count_id)
    with saving() as saved:
        audit.record(saved, current_actor(), "see", row, now=clock.now(), petition=petition.slug)
    return download(row.document_id)
