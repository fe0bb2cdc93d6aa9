"""Pages about who gave: the wall with what they said may be seen, and the end of the news they asked for."""

from __future__ import annotations

import json
from datetime import date

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.crowdfunding import update
from campaigns.web import crowdfunding, editions, language
from campaigns.web.embed_edition import EmbeddedEdition
from campaigns.web.view import desk
from supporters.errors import AchterbanError
from supporters.web import problems
from supporters.web.headers import keep_private

NAME = "achterban_givers"
bp = Blueprint(NAME, __name__, template_folder="templates")


@bp.get("/crowdfunding/<slug>/wall")
def wall(slug: str) -> ResponseReturnValue:
    """All that givers said may be seen, a screenful at a time."""
    found = EmbeddedEdition.find(slug, request.args.get("lang"))
    before = editions.before_of(request.args.get("before"))
    shown = json.loads(desk().walls.get(f"{slug}:{before}"))
    older = shown["next_before"]
    return language.shown_crowdfunding(
        "wall.html", found.reader, found=found, posts=shown["posts"], is_first=not before,
        day_of=lambda text: found.reader.day(date.fromisoformat(text)),
        older=url_for(f"{NAME}.wall", slug=slug, before=older, lang=found.reader.locale) if older else None,
    )  # fmt: skip


@bp.get("/unsubscribe/edition/<token>")
def unsubscribing(token: str) -> ResponseReturnValue:
    """Asks; only the button decides."""
    return _unsubscribe_page(token, done=False)


@bp.post("/unsubscribe/edition/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """The button, and the one click of a mail program (RFC 8058)."""
    session = desk().supporters.session
    update.stop(session, *update.of_link(session, token), now=desk().now())
    session.commit()
    return _unsubscribe_page(token, done=True)


def _unsubscribe_page(token: str, *, done: bool) -> ResponseReturnValue:
    supporter, edition = update.of_link(desk().supporters.session, token)
    reader = language.reader(request.args.get("lang") or supporter.language)
    return language.shown_crowdfunding("unsubscribe.html", reader, edition=edition, token=token, done=done)


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    return crowdfunding.refuse(error)


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    return crowdfunding.unavailable(error)


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return error


@bp.after_request
def add_headers(answer: Response) -> Response:
    """Names of people: no search engine is asked to keep them after they were taken off."""
    return keep_private(answer)


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (wall, unsubscribing, unsubscribe):
    view_function.__dict__["public"] = True
