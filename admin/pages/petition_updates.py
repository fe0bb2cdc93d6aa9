"""News for the signers who asked for it: written, looked at, and sent once."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import SubmitField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, ngettext
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, required, saving, shown
from admin.kit.forms import text as line
from admin.pages.petition_desk import crumbs, found, page
from admin.pages.petition_edit import SureForm, area
from campaigns.petitions.markdown import to_html
from campaigns.petitions.petition import Petition
from campaigns.petitions.update import PetitionUpdate
from supporters.db import is_key
from supporters.errors import NotFound


class UpdateForm(Form):
    title = line(lazy("Subject"), required())
    text = area(
        lazy("Text"), required(), rows=12,
        description=lazy("An empty line begins a paragraph; **bold**, *italic*, - list, [words](https://…)."),
    )  # fmt: skip
    look = SubmitField(lazy("Show how it looks"))


def to_updates(petition: Petition) -> str:
    return url_for(f"{NAME}.petition_updates", slug=petition.slug)


def _find(petition: Petition, update_id: int) -> PetitionUpdate:
    update = session().get(PetitionUpdate, update_id) if is_key(update_id) else None
    if update is None or update.petition_id != petition.id:
        raise NotFound("This petition has no update with that number.")
    return update


@bp.get("/petitions/<slug>/updates")
@needs("petitions.see")
def petition_updates(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    query = select(PetitionUpdate).where(PetitionUpdate.petition_id == petition.id).order_by(PetitionUpdate.id.desc())
    updates = [(each, to_html(each.text)) for each in session().scalars(query.limit(100))]
    return page("petition_updates.html", petition, updates=updates)


@bp.route("/petitions/<slug>/updates/new", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_update_new(slug: str) -> ResponseReturnValue:
    return _write(found(slug), None)


@bp.route("/petitions/<slug>/updates/<int:update_id>", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_update_edit(slug: str, update_id: int) -> ResponseReturnValue:
    petition = found(slug)
    return _write(petition, _find(petition, update_id))


def _write(petition: Petition, update: PetitionUpdate | None) -> ResponseReturnValue:
    """One page for a new draft and a changed one; looking at it keeps nothing."""
    form = UpdateForm(obj=update)
    looks: dict[str, Any] = {}
    if request.method == "POST" and form.look.data:
        looks = {"looks": to_html(form.text.data or ""), "looks_title": form.title.data}
    elif form.validate_on_submit():
        with saving(form) as saved:
            given = {"by": current_actor(), "now": clock.now()}
            if update is None:
                PetitionUpdate.write(saved, petition, form.title.data, form.text.data, **given)
            else:
                update.edit(saved, form.title.data, form.text.data, **given)
        if not form.refusal:
            flash(_("Kept as a draft. Nobody gets it before you send it."), "success")
            return redirect(to_updates(petition))
    title = _("Write an update") if update is None else _("Change the update")
    return shown(
        "petition_update.html", form=form, title=title, button=_("Keep as a draft"), petition=petition,
        crumbs=crumbs(petition, (_("Updates"), to_updates(petition))), back=to_updates(petition), **looks,
    )  # fmt: skip


@bp.route("/petitions/<slug>/updates/<int:update_id>/send", methods=["GET", "POST"])
@needs("petitions.edit")
def petition_update_send(slug: str, update_id: int) -> ResponseReturnValue:
    petition = found(slug)
    update = _find(petition, update_id)
    form = SureForm()
    if form.validate_on_submit():
        sent = 0
        with saving(form) as saved:
            sent = update.send(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(ngettext("On its way to %(num)s person.", "On its way to %(num)s people.", sent), "success")
            return redirect(to_updates(petition))
    return Confirmation(
        title=_("Send “%(title)s”", title=update.title),
        question=_("This goes by e-mail to everybody who signed and asked for updates:"),
        points=[
            _("One mail an address. It cannot be called back."),
            _("Who unsubscribes before it leaves does not get it."),
            _("Who signs later gets it with the story so far."),
        ],
        count=update.recipients_now(session(), now=clock.now()),
        button=_("Send it"), back=to_updates(petition),
        crumbs=crumbs(petition, (_("Updates"), to_updates(petition))),
    ).show(form)  # fmt: skip
