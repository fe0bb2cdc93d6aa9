"""News of an edition: written, looked at, and sent once to givers who asked for it; then it is on the page too."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import ngettext
from admin.kit.confirm import Confirmation
from admin.kit.forms import saving, shown
from admin.pages.edition_desk import SureForm, crumbs, found, part_of
from admin.pages.petition_updates import UpdateForm
from campaigns.crowdfunding.update import EditionUpdate
from campaigns.edition import Edition
from campaigns.petitions.markdown import to_html


def _to_news(edition: Edition) -> str:
    return url_for(f"{NAME}.edition_news", slug=edition.slug)


@bp.get("/editions/<slug>/news")
@needs("crowdfunding.see")
def edition_news(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    query = select(EditionUpdate).where(EditionUpdate.edition_id == edition.id).order_by(EditionUpdate.id.desc())
    news = [(each, to_html(each.text)) for each in session().scalars(query.limit(100))]
    return shown("edition_news.html", form=None, edition=edition, crumbs=crumbs(edition), news=news)


@bp.route("/editions/<slug>/news/new", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_news_new(slug: str) -> ResponseReturnValue:
    return _write(found(slug), None)


@bp.route("/editions/<slug>/news/<int:update_id>", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_news_edit(slug: str, update_id: int) -> ResponseReturnValue:
    edition = found(slug)
    return _write(edition, part_of(edition, EditionUpdate, update_id))


def _write(edition: Edition, update: EditionUpdate | None) -> ResponseReturnValue:
    """One page for a new draft and a changed one; looking at it keeps nothing."""
    form = UpdateForm(obj=update)
    looks: dict[str, Any] = {}
    if request.method == "POST" and form.look.data:
        looks = {"looks": to_html(form.text.data or ""), "looks_title": form.title.data}
    elif form.validate_on_submit():
        with saving(form) as saved:
            given = {"by": current_actor(), "now": clock.now()}
            if update is None:
                EditionUpdate.write(saved, edition, form.title.data, form.text.data, **given)
            else:
                update.edit(saved, form.title.data, form.text.data, **given)
        if not form.refusal:
            flash(_("Kept as a draft. Nobody gets it before you send it."), "success")
            return redirect(_to_news(edition))
    return shown(
        "petition_update.html", form=form, button=_("Keep as a draft"), petition=edition,
        title=_("Write news") if update is None else _("Change the news"),
        crumbs=crumbs(edition, (_("News"), _to_news(edition))), back=_to_news(edition), **looks,
    )  # fmt: skip


@bp.route("/editions/<slug>/news/<int:update_id>/send", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_news_send(slug: str, update_id: int) -> ResponseReturnValue:
    edition = found(slug)
    update: EditionUpdate = part_of(edition, EditionUpdate, update_id)
    form = SureForm()
    if form.validate_on_submit():
        sent = 0
        with saving(form) as saved:
            sent = update.send(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            on_its_way = ngettext("On its way to %(num)s person.", "On its way to %(num)s people.", sent)
            flash(f"{_('It is on the page.')} {on_its_way}", "success")
            return redirect(_to_news(edition))
    return Confirmation(
        title=_("Send “%(title)s”", title=update.title),
        question=_("It comes on the page for everybody, and goes by e-mail to every giver who asked for news:"),
        points=[
            _("One mail an address. It cannot be called back."),
            _("Who unsubscribes before it leaves does not get it."),
        ],
        count=update.recipients_now(session()), button=_("Send it"), back=_to_news(edition),
        crumbs=crumbs(edition, (_("News"), _to_news(edition))),
    ).show(form)  # fmt: skip
