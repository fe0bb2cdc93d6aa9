"""Handing a petition over: what it is now, to whom, the file that proves it, and the day on which the clock starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import RadioField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy
from admin.i18n import gettext as _
from admin.kit.confirm import Confirmation
from admin.kit.forms import DateField, Form, required, saving, text
from admin.labels import choices
from admin.pages.petition_desk import crumbs, found, page
from campaigns.petitions.handover import Handover
from campaigns.petitions.petition import Petition
from supporters import audit
from supporters.documents import Document
from supporters.errors import NotFound


def to_handovers(petition: Petition) -> str:
    return url_for(f"{NAME}.petition_handovers", slug=petition.slug)


def here(petition: Petition) -> list[tuple[str, str]]:
    return crumbs(petition, (_("Hand-over"), to_handovers(petition)))


def of_petition(petition: Petition, handover_id: int) -> Handover:
    handover: Handover = Handover.get(session(), handover_id)
    if handover.petition_id != petition.id:
        raise NotFound("This hand-over belongs to another petition.")
    return handover


@bp.get("/petitions/<slug>/hand-over")
@needs("petitions.see")
def petition_handovers(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    query = select(Handover).where(Handover.petition_id == petition.id).order_by(Handover.id.desc())
    return page(
        "petition_handovers.html",
        petition,
        form=None,
        count=petition.count(session(), now=clock.now()),
        handovers=[(each, session().get_one(Document, each.document_id)) for each in session().scalars(query)],
    )


class HandoverForm(Form):
    recipient = text(lazy("To whom"), required(), description=lazy("Such as “the petitions committee of the House”."))
    profile = RadioField(lazy("What is in the file"), choices=choices("handover_profile"), default="plain")


@bp.route("/petitions/<slug>/hand-over/new", methods=["GET", "POST"])
@needs("petitions.handover", fresh=True)
def petition_handover_new(slug: str) -> ResponseReturnValue:
    """The numbers are frozen at the press of the button, and the file is made with them."""
    petition = found(slug)
    form = HandoverForm()
    names = petition.profile == "citizens_initiative"
    if not names:
        del form.profile
    elif request.method == "GET":
        form.profile.data = "plain"
    if form.validate_on_submit():
        with saving(form) as saved:
            Handover.make(
                saved, petition, form.recipient.data, profile=form.profile.data if names else "plain",
                by=current_actor(), now=clock.now(),
            )  # fmt: skip
        if not form.refusal:
            flash(_("The numbers are frozen and the file is made. Download it below."), "success")
            return redirect(to_handovers(petition))
    return page(
        "petition_handover_new.html",
        petition,
        form=form,
        names=names,
        count=petition.count(session(), now=clock.now()),
        crumbs=here(petition),
    )


@bp.post("/petitions/<slug>/hand-over/<int:handover_id>/file")
@needs("petitions.handover", fresh=True)
def petition_handover_file(slug: str, handover_id: int) -> ResponseReturnValue:
    """The stored bytes. It takes a button, because each download stands in the log."""
    petition = found(slug)
    handover = of_petition(petition, handover_id)
    document = session().get_one(Document, handover.document_id)
    with saving() as saved:
        audit.record(saved, current_actor(), "download", handover, now=clock.now(), sha256=handover.sha256)
    headers = {
        "Content-Disposition": f'attachment; filename="{document.filename}"',
        "Content-Length": str(document.size),
        "Cache-Control": "no-store",
    }
    key, engine, kind = document.id, session().get_bind(), document.media_type

    def content() -> Iterator[bytes]:
        with Session(engine) as own:
            kept: Document = Document.get(own, key)
            yield from kept.chunks(own)

    return Response(content(), mimetype=kind, headers=headers)


class TookPlaceForm(Form):
    on = DateField(lazy("It took place on"), [required()])


@bp.route("/petitions/<slug>/hand-over/<int:handover_id>/took-place", methods=["GET", "POST"])
@needs("petitions.handover", fresh=True)
def petition_handover_took_place(slug: str, handover_id: int) -> ResponseReturnValue:
    petition = found(slug)
    handover = of_petition(petition, handover_id)
    form = TookPlaceForm()
    if request.method == "GET":
        form.on.data = clock.today()
    if form.validate_on_submit():
        with saving(form) as saved:
            handover.took_place(saved, form.on.data, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(
                _("Recorded. What is personal is erased on %(day)s; the numbers stay.", day=day(petition.retain_until)),
                "success",
            )
            return redirect(to_handovers(petition))
    until = ends_on(petition, clock.today())
    return Confirmation(
        title=_("The hand-over took place"),
        question=_("From that day the clock runs:"),
        points=[
            _("Names, addresses and comments are erased %(days)s days later: on %(day)s where it was today.",
              days=petition.retention_days, day=day(until)),
            _("The numbers, this hand-over and the hash of its file stay."),
            _("Nobody can sign any more, so close the petition first."),
            _("Who wants your newsletter stays your supporter."),
        ],
        button=_("It took place on this day"),
        back=to_handovers(petition),
        crumbs=here(petition),
    ).show(form)  # fmt: skip


def ends_on(petition: Petition, on: date) -> date:
    return on + timedelta(days=petition.retention_days)
