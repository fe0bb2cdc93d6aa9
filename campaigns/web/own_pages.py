"""Everyone's own page in an edition: three fields, and the mail with the link to its desk. No cookies, no script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.crowdfunding import page_links
from campaigns.crowdfunding.page import LONGEST_TITLE, Team
from campaigns.crowdfunding.page_request import PageRequest
from campaigns.crowdfunding.picture import PagePicture
from campaigns.edition import SLUG, Edition
from campaigns.web.language import FOLDER
from campaigns.web.view import desk
from supporters.errors import AchterbanError, BadInput, Mistakes, NotFound
from supporters.network import network_of
from supporters.payments.online.own_page import LinkTooOld
from supporters.web import problems, sent
from supporters.web.headers import keep_private
from supporters.web.language import Language, Reader
from supporters.web.limits import Flood

NAME = "achterban_own_pages"
bp = Blueprint(
    NAME, __name__, template_folder="templates", static_folder="static", static_url_path="/crowdfunding/own/static"
)
pages = Language(FOLDER, "achterban/own_pages")
#: Nothing of another site; the owner's own picture is one of ours.
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
FIELDS = ("name", "email", "title", "team")


# -- starting one ------------------------------------------------------------------------------------------------


def public_edition(slug: str) -> Edition:
    """An edition that everybody may see; raises NotFound for any other."""
    session = desk().supporters.session
    found = session.scalar(select(Edition).where(Edition.slug == slug)) if SLUG.fullmatch(slug) else None
    if found is None or not found.is_public:
        raise NotFound("There is no edition “%(slug)s”.", field="slug", slug=slug[:80])
    edition: Edition = found
    return edition


def teams_of(edition: Edition) -> list[tuple[str, str]]:
    """Address and name of each."""
    query = select(Team.slug, Team.name).where(Team.edition_id == edition.id).order_by(Team.name, Team.id)
    return [(slug, name) for slug, name in desk().supporters.session.execute(query)]


def take_request(edition: Edition, fields: dict[str, Any], locale: str) -> None:
    """Keep it and mail the link. What a robot filled in is thrown away, and it is told what everybody is told."""
    at = desk()
    if fields.get("website"):
        return
    at.limits.ask_for_page(network_of(request.remote_addr or ""))
    given = {name: str(fields.get(name) or "") for name in FIELDS}
    PageRequest.ask(at.supporters.session, edition, **given, locale=locale, now=at.now())
    at.supporters.session.commit()


@bp.get("/crowdfunding/<edition>/start")
def starting(edition: str) -> ResponseReturnValue:
    """The three fields."""
    return _start_page(public_edition(edition), reader_of())


@bp.post("/crowdfunding/<edition>/start")
def start(edition: str) -> ResponseReturnValue:
    """The same answer for everybody; nothing is public yet."""
    found, reader = public_edition(edition), reader_of()
    fields = dict(sent.fields_of(request))
    try:
        take_request(found, fields, reader.locale)
    except BadInput as error:
        return _start_page(found, reader, fields, said_of(error, reader)), 422
    return _start_page(found, reader, is_sent=True)


def _start_page(
    edition: Edition, reader: Reader, values: dict[str, Any] | None = None, errors: dict[str, str] | None = None,
    *, is_sent: bool = False,
) -> str:  # fmt: skip
    return pages.shown(
        "start.html", reader, edition=edition, teams=teams_of(edition), values=values or {}, errors=errors or {},
        is_sent=is_sent, is_open=edition.state in ("live", "paused"), most=LONGEST_TITLE,
    )  # fmt: skip


@bp.get("/crowdfunding/own")
def asking() -> ResponseReturnValue:
    """Where somebody asks for the link to their page once more."""
    return pages.shown("ask.html", reader_of(), values={}, errors={}, is_sent=False, message="")


@bp.post("/crowdfunding/own")
def ask() -> ResponseReturnValue:
    """The same answer whether or not we know the address."""
    at, reader = desk(), reader_of()
    fields = dict(sent.fields_of(request))
    try:
        at.limits.ask_for_page(network_of(request.remote_addr or ""))
        page_links.ask(at.supporters.session, str(fields.get("email") or ""), now=at.now())
    except BadInput as error:
        return pages.shown(
            "ask.html", reader, values=fields, errors=said_of(error, reader), is_sent=False, message=""
        ), 422  # fmt: skip
    at.supporters.session.commit()
    return pages.shown("ask.html", reader, values={}, errors={}, is_sent=True, message="")


def reader_of(otherwise: str | None = None) -> Reader:
    return pages.reader(request.args.get("lang") or otherwise)


def said_of(error: AchterbanError, reader: Reader) -> dict[str, str]:
    errors = error.errors if isinstance(error, Mistakes) else [error]
    return {each.field or "": problems.said(each, reader.translate) for each in errors}


# -- its picture, for everybody ----------------------------------------------------------------------------------


@bp.get("/crowdfunding/<edition>/<page>/picture")
def picture(edition: str, page: str) -> ResponseReturnValue:
    """Of a live page, once somebody of ours looked at it; caches on the way may keep it for some minutes."""
    session = desk().supporters.session
    found = PagePicture.public(session, public_edition(edition), page)
    if found is None:
        raise NotFound("There is no such picture.", field="picture")
    answer = Response(mimetype="image/jpeg")
    answer.set_etag(found.sha256[:32])
    answer.cache_control.public, answer.cache_control.max_age = True, 300
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if found.sha256[:32] not in request.if_none_match:
        answer.set_data(found.content)
    return answer.make_conditional(request)


# -- what goes wrong, and what every answer has ------------------------------------------------------------------


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    reader, headers = reader_of(), {}
    message = problems.said(error, reader.translate)
    if isinstance(error, LinkTooOld):
        return pages.shown("ask.html", reader, values={}, errors={}, is_sent=False, message=message), 404
    status = 404 if isinstance(error, NotFound) else 422 if isinstance(error, BadInput) else 409
    if isinstance(error, Flood):
        status, headers = 429, {"Retry-After": str(error.seconds)}
    elif isinstance(error, sent.TooLarge | sent.WrongKind):
        status = 413 if isinstance(error, sent.TooLarge) else 415
    title = reader.say("This did not work")
    return pages.shown("message.html", reader, title=title, message=message), status, headers


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    """The database does not answer: they are told to come back, on a page like the others."""
    reader = reader_of()
    message = problems.away(error, request.method, reader.say)
    title = reader.say("This did not work")
    return pages.shown("message.html", reader, title=title, message=message), 503, {"Retry-After": "30"}


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return error


@bp.after_request
def add_headers(answer: Response) -> Response:
    """The address of a desk is the key to it: no cache keeps it and no link passes it on."""
    if request.endpoint == f"{NAME}.static" or (request.endpoint == f"{NAME}.picture" and answer.status_code < 400):
        return answer
    return keep_private(answer, _CSP, is_findable=request.endpoint == f"{NAME}.starting")


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (starting, start, asking, ask, picture):
    view_function.__dict__["public"] = True
