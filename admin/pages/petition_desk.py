"""Looking at names and comments before anybody else does: by keyboard, twenty at a time, and it can be undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import TextAreaField

from admin import clock
from admin.access import Denied, current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.data import asked_key, session
from admin.i18n import gettext as _
from admin.i18n import lazy, ngettext, say
from admin.kit.forms import Form, at_most, saving, shown, strip, text
from admin.labels import choices
from campaigns.petitions import moderation
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Publication
from supporters.errors import AchterbanError, NotFound

BATCH = 20
#: The screens about one petition that this family has: what they are called and who sees them.
TABS = (
    ("petition_moderation", lazy("Moderation"), "petitions.see"),
    ("petition_trends", lazy("Trends"), "petitions.see"),
    ("petition_quarantine", lazy("Quarantine"), "petitions.remove"),
    ("petition_removals", lazy("Removals"), "petitions.see"),
    ("petition_handovers", lazy("Hand-over"), "petitions.see"),
)


def found(slug: str) -> Petition:
    return Petition.by_slug(session(), slug)


def crumbs(petition: Petition, *more: tuple[str, str]) -> list[tuple[str, str]]:
    """From the list, by the petition's page, to here."""
    trail = [(_("Petitions"), _address("petitions"))]
    trail.append((petition.title, _address("petition_page", slug=petition.slug)))
    return [(label, href) for label, href in (*trail, *more) if href]


def _address(endpoint: str, **values: Any) -> str:
    name = f"{NAME}.{endpoint}"
    return url_for(name, **values) if name in current_app.view_functions else ""


def tabs(petition: Petition) -> list[tuple[Any, str, bool]]:
    """Label, address, and whether it is the page we are on."""
    here = (request.endpoint or "").removeprefix(f"{NAME}.")
    return [
        (label, _address(endpoint, slug=petition.slug), here.startswith(endpoint.rstrip("s")))
        for endpoint, label, permission in TABS
        if may(permission) and _address(endpoint, slug=petition.slug)
    ]


def page(template: str, petition: Petition, **values: Any) -> ResponseReturnValue:
    """A page about this petition, with its tabs."""
    return shown(template, petition=petition, tabs=tabs(petition), **{"crumbs": crumbs(petition), **values})


# --- the queue -------------------------------------------------------------------------------------------------


@bp.get("/petitions/<slug>/moderation")
@needs("petitions.see")
def petition_moderation(slug: str) -> ResponseReturnValue:
    """What waits, or what was decided. Without the permission for private data: only what everybody can read."""
    petition = found(slug)
    state = request.args.get("state", "waiting" if may("petitions.private") else "approved")
    if state not in moderation.STATES:
        raise NotFound("There is no list “%(state)s”.", state=state[:20])
    if state != "approved" and not may("petitions.private"):
        raise Denied("petitions.private")
    after = asked_key("after")
    items = moderation.queue(session(), petition, state, after=after, most=BATCH)
    done = asked_key("done")
    last = session().get(Publication, done) if done else None
    return page(
        "petition_moderation.html",
        petition,
        form=None,
        state=state,
        items=items,
        counts=moderation.counts(session(), petition),
        plain=[item.publication.id for item in items if not item.flags] if state == "waiting" else [],
        after=after,
        following=items[-1].publication.id if len(items) == BATCH else None,
        last=last if last and last.petition_id == petition.id and last.state != "waiting" else None,
        reasons=choices("moderation_reason"),
    )


@bp.post("/petitions/<slug>/moderation/<int:publication_id>")
@needs("petitions.edit")
def petition_moderation_decide(slug: str, publication_id: int) -> ResponseReturnValue:
    """One decision. With htmx the item changes in its place; without, the page comes again with an undo on top."""
    petition = found(slug)
    publication = of_petition(petition, publication_id)
    decision = request.form.get("decision", "")
    reason = request.form.get("reason", "")
    complaint = ""
    try:
        with saving() as saved:
            who: dict[str, Any] = {"by": current_actor(), "now": clock.now()}
            if decision == "approve":
                moderation.approve(saved, publication, **who)
            elif decision == "reject":
                moderation.reject(saved, publication, reason, **who)
            elif decision == "unpublish":
                moderation.unpublish(saved, publication, reason, **who)
            elif decision == "undo":
                moderation.reconsider(saved, publication, **who)
            else:
                raise NotFound("There is no decision “%(decision)s”.", decision=decision[:20])
    except AchterbanError as error:
        complaint = say(error)
    if request.headers.get("HX-Request"):
        return _item_again(petition, publication_id, complaint=complaint, decided=not complaint and decision != "undo")
    if complaint:
        flash(complaint, "error")
    else:
        flash(said(decision), "success")
    back = {key: value for key in ("state", "after") if (value := request.form.get(key))}
    done = publication_id if not complaint and decision != "undo" else None
    return redirect(url_for(f"{NAME}.petition_moderation", slug=slug, done=done, **back))  # type: ignore[arg-type]


def _item_again(petition: Petition, publication_id: int, *, complaint: str, decided: bool) -> str:
    """The item in its place, and beside it what counts items: the lists, and the button for all that are plain."""
    item = moderation.item(session(), of_petition(petition, publication_id))
    plain = {key for key in request.form.getlist("id")[:BATCH] if key != str(publication_id)}
    state = request.form.get("state", "")
    if item.publication.state == "waiting" and not item.flags:
        plain.add(str(publication_id))
    return render_template(
        "achterban/petition_moderation_again.html",
        petition=petition,
        item=item,
        complaint=complaint,
        reasons=choices("moderation_reason"),
        decided=decided,
        state=state,
        counts=moderation.counts(session(), petition),
        plain=sorted(plain) if state == "waiting" else [],
        again=True,
    )


def said(decision: str) -> str:
    return {
        "approve": _("Approved: it is shown from now on."),
        "reject": _("Rejected: it is not shown. The signature counts as before."),
        "unpublish": _("Taken off the page."),
        "undo": _("Undone: it waits again."),
    }.get(decision, "")


def of_petition(petition: Petition, publication_id: int) -> Publication:
    publication: Publication = Publication.get(session(), publication_id)
    if publication.petition_id != petition.id:
        raise NotFound("This name belongs to another petition.")
    return publication


@bp.post("/petitions/<slug>/moderation/plain")
@needs("petitions.edit")
def petition_moderation_plain(slug: str) -> ResponseReturnValue:
    """Approve all on the page at which nothing stood out."""
    petition = found(slug)
    ids = [int(value) for value in request.form.getlist("id")[:BATCH] if value.isdecimal() and len(value) < 16]
    query = select(Publication).where(Publication.petition_id == petition.id, Publication.id.in_(ids))
    with saving() as saved:
        approved = moderation.approve_all(
            saved, list(saved.scalars(query.order_by(Publication.id))), by=current_actor(), now=clock.now()
        )
    flash(ngettext("%(num)s name approved.", "%(num)s names approved.", approved), "success")
    return redirect(url_for(f"{NAME}.petition_moderation", slug=slug))


# --- taking something out --------------------------------------------------------------------------------------


class RedactForm(Form):
    name = text(lazy("Name to show"), length=255)
    town = text(lazy("Town to show"), length=255)
    comment = TextAreaField(
        lazy("Comment to show"), [at_most(1000)], filters=[strip], render_kw={"rows": "5"},
        description=lazy("Only take things out, or put … in their place."),
    )  # fmt: skip


@bp.route("/petitions/<slug>/moderation/<int:publication_id>/redact", methods=["GET", "POST"])
@needs("petitions.private")
def petition_moderation_redact(slug: str, publication_id: int) -> ResponseReturnValue:
    petition = found(slug)
    publication = of_petition(petition, publication_id)
    item = moderation.item(session(), publication)
    form = RedactForm(data={"name": item.sent.name, "town": item.sent.town, "comment": item.sent.comment})
    if form.validate_on_submit():
        if not may("petitions.edit"):
            raise Denied("petitions.edit")
        with saving(form) as saved:
            if publication.state == "approved":
                moderation.reconsider(saved, publication, by=current_actor(), now=clock.now())
            moderation.approve(
                saved, publication, by=current_actor(), now=clock.now(), name=form.name.data or "",
                town=form.town.data or "", comment=(form.comment.data or "").replace("\r", ""),
            )  # fmt: skip
        if not form.refusal:
            flash(said("approve"), "success")
            return redirect(url_for(f"{NAME}.petition_moderation", slug=slug, done=publication_id))
        item = moderation.item(session(), of_petition(petition, publication_id))
    where = next((flag.field for flag in item.flags), "comment" if item.sent.comment else "name")
    form[where].render_kw = {**(form[where].render_kw or {}), "autofocus": True}
    here = (_("Moderation"), url_for(f"{NAME}.petition_moderation", slug=slug))
    return page("petition_redact.html", petition, form=form, item=item, crumbs=crumbs(petition, here))


def of_hour(instant: datetime) -> str:
    """For a field of the browser that takes a local moment."""
    return f"{instant.astimezone(clock.zone()):%Y-%m-%dT%H:%M}"
