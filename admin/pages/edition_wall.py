"""The wall of givers of an edition: looking at names and messages before anybody else does, and taking them off."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import StringField, TextAreaField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import asked_key, session
from admin.i18n import gettext as _
from admin.i18n import lazy, ngettext, say
from admin.kit.forms import Form, at_most, saving, shown, strip
from admin.pages.edition_desk import crumbs, found, part_of
from campaigns.crowdfunding import wall
from campaigns.crowdfunding.wall import WallPost
from campaigns.edition import Edition
from supporters.errors import AchterbanError, NotFound
from supporters.payments.online.telling import LONGEST_MESSAGE, LONGEST_NAME

BATCH = 20


def _to_wall(edition: Edition, **values: Any) -> str:
    return url_for(f"{NAME}.edition_wall", slug=edition.slug, **values)


@bp.get("/editions/<slug>/wall")
@needs("crowdfunding.edit")
def edition_wall(slug: str) -> ResponseReturnValue:
    """What waits, or what was decided, a batch at a time."""
    edition = found(slug)
    state = request.args.get("state", "waiting")
    if state not in wall.STATES:
        raise NotFound("There is no list “%(state)s”.", state=state[:20])
    items = wall.queue(session(), edition, state, after=asked_key("after"), most=BATCH)
    done = asked_key("done")
    last = session().get(WallPost, done) if done else None
    return shown(
        "edition_wall.html", edition=edition, crumbs=crumbs(edition), form=None, state=state, items=items,
        counts=wall.counts(session(), edition), states=wall.STATES,
        plain=[item.post.id for item in items if not item.flags] if state == "waiting" else [],
        following=items[-1].post.id if len(items) == BATCH else None,
        last=last if last is not None and last.edition_id == edition.id and last.state != "waiting" else None,
    )  # fmt: skip


@bp.post("/editions/<slug>/wall/<int:post_id>")
@needs("crowdfunding.edit")
def edition_wall_decide(slug: str, post_id: int) -> ResponseReturnValue:
    """One decision; the page comes again with an undo on top."""
    edition = found(slug)
    post: WallPost = part_of(edition, WallPost, post_id)
    verbs = {
        "show": (post.show, _("It is on the page from now on.")),
        "refuse": (post.refuse, _("It is not shown. The gift counts as before.")),
        "take_off": (post.take_off, _("Nobody sees it any more.")),
        "undo": (post.reconsider, _("Undone: it waits again.")),
    }
    decision = request.form.get("decision", "")
    if decision not in verbs:
        raise NotFound("There is no decision “%(decision)s”.", decision=decision[:20])
    act, told = verbs[decision]
    state, done = request.form.get("state", "waiting"), None
    try:
        with saving() as saved:
            act(saved, by=current_actor(), now=clock.now())
        flash(told, "success")
        done = post_id if decision != "undo" else None
    except AchterbanError as error:
        flash(say(error), "error")
    return redirect(_to_wall(edition, state=state if state in wall.STATES else None, done=done))


@bp.post("/editions/<slug>/wall/plain")
@needs("crowdfunding.edit")
def edition_wall_plain(slug: str) -> ResponseReturnValue:
    """Show all on the page at which nothing stood out."""
    edition = found(slug)
    ids = [int(value) for value in request.form.getlist("id")[:BATCH] if value.isdecimal() and len(value) < 16]
    query = select(WallPost).where(WallPost.edition_id == edition.id, WallPost.id.in_(ids)).order_by(WallPost.id)
    with saving() as saved:
        number = wall.show_all(saved, list(saved.scalars(query)), by=current_actor(), now=clock.now())
    flash(ngettext("%(num)s gift is on the page now.", "%(num)s gifts are on the page now.", number), "success")
    return redirect(_to_wall(edition))


class TakeOutForm(Form):
    name = StringField(lazy("Name to show"), [at_most(LONGEST_NAME)], filters=[strip])
    message = TextAreaField(
        lazy("Message to show"), [at_most(LONGEST_MESSAGE)], filters=[strip], render_kw={"rows": "5"},
        description=lazy("Only take things out, or put … in their place."),
    )  # fmt: skip


@bp.route("/editions/<slug>/wall/<int:post_id>/take-out", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_wall_take_out(slug: str, post_id: int) -> ResponseReturnValue:
    """Show it without what should not be read."""
    edition = found(slug)
    post: WallPost = part_of(edition, WallPost, post_id)
    sent = post.checkout.telling(session())
    form = TakeOutForm(data={"name": sent.name, "message": sent.message})
    if form.validate_on_submit():
        words = {"name": form.name.data or "", "message": (form.message.data or "").replace("\r\n", "\n")}
        with saving(form) as saved:
            post.show(saved, by=current_actor(), now=clock.now(), **words)
        if not form.refusal:
            flash(_("It is on the page from now on."), "success")
            return redirect(_to_wall(edition))
    return shown(
        "form.html", form=form, title=_("Take something out"), button=_("Show this"), back=_to_wall(edition),
        crumbs=crumbs(edition, (_("Who gave"), _to_wall(edition))),
        lead=_("What is left is on the page from then on. The giver sees it at their own page."),
    )  # fmt: skip
