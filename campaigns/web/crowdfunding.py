"""Our own pages of an edition: itself, its teams, the pages in it; and their short addresses. No cookies, no script
needed.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.edition import SLUG, Edition
from campaigns.placement import Placement
from campaigns.web import language
from campaigns.web.embed_edition import PAGES, EmbeddedEdition
from campaigns.web.view import desk
from supporters.errors import AchterbanError, NotFound
from supporters.payments.online.offer import CURRENCY, GENERAL
from supporters.web import giving_pages, problems, widgets
from supporters.web.donating import Donating
from supporters.web.headers import keep_private

NAME = PAGES
bp = Blueprint(
    NAME, __name__, template_folder="templates", static_folder="static", static_url_path="/crowdfunding/static"
)
_SCRIPT = "achterban-crowdfunding.js"
#: The view where people start pages of their own.
_STARTING = "achterban_own_pages.starting"
#: What may be kept on the way: it is the same for everybody.
_KEPT = tuple(f"{NAME}.{each}" for each in ("static", "widget", "share_edition", "share_team", "share_page"))
#: A source code that is longer is not read.
_LONGEST_SOURCE = 40
#: What a link says that the pages it leads to go on saying.
_CARRIED = ("lang", "placement")


@bp.get("/crowdfunding/<slug>")
def shown_edition(slug: str) -> ResponseReturnValue:
    """The edition with its thermometer and a form; ``?placement=`` in the link says what brought them."""
    return _page(EmbeddedEdition.find(slug, request.args.get("lang")))


@bp.get("/crowdfunding/<slug>/teams/<team>")
def shown_team(slug: str, team: str) -> ResponseReturnValue:
    return _page(EmbeddedEdition.find(slug, request.args.get("lang"), team=team))


@bp.get("/crowdfunding/<slug>/<page>")
def shown_page(slug: str, page: str) -> ResponseReturnValue:
    """Somebody's own page; what is given here is thanks to it."""
    return _page(EmbeddedEdition.find(slug, request.args.get("lang"), page=page))


@bp.get("/crowdfunding/<slug>/share.png")
def share_edition(slug: str) -> ResponseReturnValue:
    """The picture that a network shows of a link to it."""
    return _picture(slug)


@bp.get("/crowdfunding/<slug>/teams/<team>/share.png")
def share_team(slug: str, team: str) -> ResponseReturnValue:
    return _picture(f"{slug}/teams/{team}")


@bp.get("/crowdfunding/<slug>/<page>/share.png")
def share_page(slug: str, page: str) -> ResponseReturnValue:
    return _picture(f"{slug}/{page}")


def _picture(path: str) -> ResponseReturnValue:
    desk().editions.get(path)  # what was taken off is gone at once, drawn or not
    locale = language.reader(request.args.get("lang")).locale
    answer = Response(desk().shares.get(f"{locale}:{path}"), mimetype="image/png")
    answer.cache_control.public, answer.cache_control.max_age = True, 300
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.add_etag()
    return answer.make_conditional(request)


@bp.get("/go/<slug>/<code>")
def short(slug: str, code: str) -> ResponseReturnValue:
    """The short address of a placement; one that was mistyped leads to the edition all the same."""
    desk().editions.get(slug)
    found = None
    if SLUG.fullmatch(code):
        named = Edition.slug == slug, Placement.code == code
        found = desk().supporters.session.scalar(select(Placement.code).join(Placement.edition).where(*named))
    return redirect(url_for(f"{NAME}.shown_edition", slug=slug, placement=found), 302)


@bp.get("/crowdfunding/widget.js")
def widget() -> ResponseReturnValue:
    """The custom element for other sites."""
    return widgets.script(Path(str(bp.static_folder)) / _SCRIPT, proves=False)


def _page(found: EmbeddedEdition) -> ResponseReturnValue:
    at = desk()
    form = _form(found) if found.phase == "open" else None
    carried: dict[str, Any] = {name: request.args[name] for name in _CARRIED if name in request.args}

    def way(kind: str, **place: Any) -> str:
        """The address of a page of ours, for whoever came by this link."""
        return url_for(f"{NAME}.shown_{kind}", slug=found.slug, **place, **carried)

    return language.shown_crowdfunding(
        "edition.html", found.reader, found=found, edition=found.edition, part=found.part, form=form, way=way,
        day_of=lambda text: found.reader.day(date.fromisoformat(text)), html=_made_clean,
        here=at.link(f"{NAME}.shown_{found.kind}", **found.place, lang=found.reader.locale),
        picture=at.link(f"{NAME}.share_{found.kind}", **found.place, lang=found.reader.locale),
        start=_start(found), giving=url_for("achterban_giving_api.giving").removesuffix("api/giving") if form else "",
    )  # fmt: skip


def _start(found: EmbeddedEdition) -> str:
    """Where somebody starts a page of their own, where that can be done."""
    if _STARTING not in current_app.view_functions or found.phase not in ("early", "open", "paused"):
        return ""
    return url_for(_STARTING, edition=found.slug, lang=found.reader.locale)


def _made_clean(story_html: str) -> Markup:
    return Markup(story_html)  # noqa: S704  (the API tells it as campaigns.petitions.markdown made it)


def _form(found: EmbeddedEdition) -> Donating | None:
    """For the fund of the edition, or none: a gift for something else would not be what they came for."""
    if giving_pages.NAME not in current_app.blueprints or found.figures["currency"] != CURRENCY:
        return None
    placement = request.args.get("placement", "")
    placement = placement if SLUG.fullmatch(placement) and len(placement) <= _LONGEST_SOURCE else ""
    campaign, fund = found.edition["campaign"], found.edition["fund"]
    source = f"{campaign}/{placement}" if placement else campaign
    form = Donating.find(
        locale=found.reader.locale, fund=fund, edition=found.name, placement=placement,
        source_code=source if len(source) <= _LONGEST_SOURCE else campaign,
        amount=request.args.get("amount", ""), interval=request.args.get("interval", ""),
    )  # fmt: skip
    can_be_given = fund in form.offer.open_codes and (fund in form.offer.funds or fund == GENERAL)
    return form if can_be_given and form.intervals else None


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    status = 404 if isinstance(error, NotFound) else 409
    reader = language.reader(request.args.get("lang"))
    message = problems.said(error, reader.translate)
    return language.shown_crowdfunding("refused.html", reader, message=message), status


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    """The database does not answer: they are told to come back, on a page like the others."""
    reader = language.reader(request.args.get("lang"))
    message = problems.away(error, request.method, reader.say)
    return language.shown_crowdfunding("refused.html", reader, message=message), 503, {"Retry-After": "30"}


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return error


@bp.after_request
def add_headers(answer: Response) -> Response:
    """A form in them is for one visitor: nothing keeps them."""
    if request.endpoint in _KEPT and answer.status_code < 400:
        return answer
    return keep_private(answer, is_findable=request.endpoint != f"{NAME}.short" and answer.status_code == 200)


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (
    shown_edition,
    shown_team,
    shown_page,
    share_edition,
    share_team,
    share_page,
    short,
    widget,
):
    view_function.__dict__["public"] = True
