"""An error of the library over HTTP: a problem document (RFC 9457) that names the field and what would be right."""

from __future__ import annotations

from flask import Flask, Response, json

from supporters.errors import AchterbanError, BadInput, NotAllowed, NotFound, Refused

STATUS: dict[type[AchterbanError], tuple[int, str]] = {
    BadInput: (422, "Something given is not what it should be"),
    Refused: (409, "A rule says no"),
    NotFound: (404, "There is no such thing"),
    NotAllowed: (403, "Not allowed"),
}


def problem(error: AchterbanError) -> Response:
    """The answer for this error."""
    status, title = next((found for kind, found in STATUS.items() if isinstance(error, kind)), (400, "An error"))
    body = {"type": "about:blank", "title": title, "status": status, "detail": error.message, "code": error.code}
    if error.field:
        body["field"] = error.field
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def init_app(app: Flask) -> None:
    """Answer so wherever the site has no answer of its own for this library's errors."""
    if AchterbanError not in app.error_handler_spec[None][None]:
        app.register_error_handler(AchterbanError, problem)
