"""People's own pages in an edition, and the teams they are in, as staff change them."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import SelectField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.forms import Form, MoneyField, required, saving, shown
from admin.kit.forms import text as line
from admin.pages.edition_desk import back_to, crumbs, do, found, part_of
from admin.pages.petition_edit import area
from campaigns.crowdfunding.page import FundraisingPage, Team
from campaigns.crowdfunding.picture import PagePicture
from campaigns.edition import Edition
from supporters.errors import NotFound
from supporters.money import Money


class TeamForm(Form):
    name = line(lazy("Name"), required())
    slug = line(
        lazy("Web address"), required(), length=40,
        description=lazy("The end of it, for ever: small letters, digits and hyphens, such as utrecht."),
    )  # fmt: skip
    target = MoneyField(lazy("Target"), description=lazy("What its pages together want to bring."))


@bp.route("/editions/<slug>/teams/new", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_team_new(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    form = TeamForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            Team.form(
                saved, edition, form.slug.data, form.name.data, target=form.target.data, by=current_actor(),
                now=clock.now(),
            )  # fmt: skip
        if not form.refusal:
            flash(_("The team is there: move pages to it with “Change” beside a page."), "success")
            return redirect(back_to(edition, "pages"))
    return shown(
        "form.html", form=form, title=_("Form a team"), button=_("Form it"), crumbs=crumbs(edition),
        rows=[("slug", "target")], back=back_to(edition, "pages"),
    )  # fmt: skip


class PageForm(Form):
    title = line(lazy("Title"), required())
    story = area(
        lazy("Story"), rows=8, description=lazy("An empty line begins a paragraph; **bold**, *italic*, - list.")
    )
    thanks = area(lazy("What who gave reads"), rows=3)
    target = MoneyField(lazy("Target"))
    team = SelectField(
        lazy("Team"), [Optional()], description=lazy("What the page brought goes along to the team it is in.")
    )

    def offer_teams(self, edition: Edition) -> None:
        teams = session().execute(select(Team.id, Team.name).where(Team.edition_id == edition.id).order_by(Team.name))
        self.team.choices = [("", _("None")), *((str(key), name) for key, name in teams)]


@bp.route("/editions/<slug>/pages/<int:page_id>/change", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_page_change(slug: str, page_id: int) -> ResponseReturnValue:
    edition = found(slug)
    page: FundraisingPage = part_of(edition, FundraisingPage, page_id)
    written: dict[str, Any] = {
        "title": page.title, "story": page.story, "thanks": page.thanks,
        "target": Money(page.target, edition.currency) if page.target else None,
    }  # fmt: skip
    form = PageForm(data=written | {"team": str(page.team_id or "")})
    form.offer_teams(edition)
    if form.validate_on_submit():
        given: dict[str, Any] = {"by": current_actor(), "now": clock.now()}
        changed = {name: form[name].data for name in written if _plain(form[name].data) != _plain(written[name])}
        with saving(form) as saved:
            if changed:
                page.write(saved, **changed, **given)
            if form.team.data != str(page.team_id or ""):
                page.join(saved, part_of(edition, Team, int(form.team.data)) if form.team.data else None, **given)
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(back_to(edition, "pages"))
    return shown(
        "edition_page.html", form=form, page=page, edition=edition, pictures=PagePicture.of(session(), page),
        title=_("Change the page"), button=_("Save"), crumbs=crumbs(edition),
        rows=[("target", "team")], back=back_to(edition, "pages"),
        lead=_("It is the page of %(name)s, who may write something else again.", name=page.owner.name),
    )  # fmt: skip


@bp.post("/editions/<slug>/pages/<int:page_id>/picture")
@needs("crowdfunding.edit")
def edition_page_picture(slug: str, page_id: int) -> ResponseReturnValue:
    """Show the picture that waits, or do not; the one that was looked at, and not one that came in since."""
    edition = found(slug)
    page: FundraisingPage = part_of(edition, FundraisingPage, page_id)
    decision, seen = request.form.get("decision", ""), request.form.get("seen", "")
    picture = PagePicture.of(session(), page).get("waiting")
    if decision not in ("show", "refuse") or picture is None:
        raise NotFound("There is no decision “%(decision)s”.", decision=decision[:20])
    given: dict[str, Any] = {"seen": seen, "by": current_actor(), "now": clock.now()}
    if decision == "show":
        said = _("The picture is on the page, once the page itself is live.")
    else:
        said = _("The picture is not shown; its sender sees that at the page.")
    return do(edition, lambda s: picture.decide(s, show=decision == "show", **given), said, anchor="pages")


@bp.get("/editions/<slug>/pages/<int:page_id>/picture/<any(waiting, shown):state>")
@needs("crowdfunding.edit")
def edition_page_picture_file(slug: str, page_id: int, state: str) -> ResponseReturnValue:
    page: FundraisingPage = part_of(found(slug), FundraisingPage, page_id)
    picture = PagePicture.of(session(), page).get(state)
    if picture is None:
        raise NotFound("There is no such picture.", field="picture")
    return Response(picture.content, mimetype="image/jpeg")


def _plain(value: Any) -> Any:
    """As typed: a browser sends lines that end in two characters."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
