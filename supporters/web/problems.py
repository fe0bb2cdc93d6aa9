"""An error of the library over HTTP: a problem document (RFC 9457) that names the field and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, json
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from supporters.errors import AchterbanError, BadInput, Mistakes, NotAllowed, NotFound, Refused

STATUS: dict[type[AchterbanError], tuple[int, str]] = {
    BadInput: (422, "Something given is not what it should be"),
    Refused: (409, "A rule says no"),
    NotFound: (404, "There is no such thing"),
    NotAllowed: (403, "Not allowed"),
}
#: What is raised where the database does not answer, or has no connection left.
NO_DATABASE: tuple[type[SQLAlchemyError], ...] = (OperationalError, InterfaceError, NoConnection)


def problem(error: AchterbanError, translate: Callable[[str], str] = str) -> Response:
    """The answer for this error; ``translate`` turns its sentences into the reader's language."""
    status, title = next((found for kind, found in STATUS.items() if isinstance(error, kind)), (400, "An error"))
    body: dict[str, Any] = {
        "type": "about:blank", "title": translate(title), "status": status, "detail": said(error, translate),
        "code": error.code,
    }  # fmt: skip
    if error.field:
        body["field"] = error.field
    if isinstance(error, Mistakes):
        body["errors"] = [
            {"field": each.field, "code": each.code, "message": said(each, translate)} for each in error.errors
        ]
    return answer(status, body)


def answer(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def unavailable(error: SQLAlchemyError, say: Callable[[str], str]) -> Response:
    """The database does not answer: nothing was kept, and the sender is told to come back."""
    current_app.logger.warning("what was sent could not be stored: %s", type(error).__name__)
    found = answer(503, {
        "type": "about:blank", "title": say("Not available"), "status": 503, "code": "unavailable",
        "detail": say("This cannot be stored at the moment. Send it again in a minute."),
    })  # fmt: skip
    found.headers["Retry-After"] = "30"
    return found


def away(error: SQLAlchemyError, method: str, say: Callable[[str], str]) -> str:
    """What a page says where the database does not answer: of what was sent, that nothing was kept."""
    current_app.logger.warning("a page could not be shown: %s", type(error).__name__)
    if method == "POST":
        return say("This cannot be stored at the moment. Send it again in a minute.")
    return say("We cannot look it up just now. Load this page again in a minute.")


def of_http(error: HTTPException) -> Response | HTTPException:
    """What werkzeug raises, as a problem document with its headers."""
    if error.response is not None or error.code is None:
        return error
    body = {"type": "about:blank", "title": error.name, "status": error.code, "detail": error.description or ""}
    found = answer(error.code, body)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            found.headers[name] = value
    return found


def said(error: AchterbanError, translate: Callable[[str], str] = str) -> str:
    """Its sentence in the reader's language."""
    text = translate(error.template)
    return text % error.params if error.params else text


def init_app(app: Flask) -> None:
    """Answer so wherever the site has no answer of its own for this library's errors."""
    if AchterbanError not in app.error_handler_spec[None][None]:
        app.register_error_handler(AchterbanError, problem)
