"""Where gateways post their news: stored, then answered. A job looks up at the vendor what became of it."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from supporters.payments.online.inbox import LARGEST, Notification
from supporters.web import problems
from supporters.web.desk import desk

NAME = "achterban_webhooks"
bp = Blueprint(NAME, __name__)


@bp.post("/webhooks/<account>")
def receive(account: str) -> ResponseReturnValue:
    """200 only once it is stored; 400 where it is not the vendor's, and kept for a look all the same."""
    at = desk()
    gateway = at.supporters.accounts.get(account)
    if gateway is None:
        return _answer(404, "There is no such account")
    request.max_content_length = LARGEST
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _answer(413, f"At most {LARGEST // 1024} kilobytes are read")
    try:
        with at.session() as session:
            is_right = Notification.receive(session, gateway, dict(request.headers), raw, now=at.now())
            session.commit()
    except SQLAlchemyError as error:
        current_app.logger.warning("news of %s could not be stored: %s", account, type(error).__name__)
        return _later("The database does not answer")
    except Exception:  # The vendor posts it again; by then somebody has read this line.
        current_app.logger.exception("news of %s could not be read", account)
        return _later("This cannot be read just now")
    if not is_right:
        return _answer(400, "This is not news of ours")
    return Response("", 200, mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _answer(status: int, title: str) -> Response:
    answer = problems.answer(status, {"type": "about:blank", "title": title, "status": status})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _later(title: str) -> Response:
    answer = _answer(503, title)
    answer.headers["Retry-After"] = "30"
    return answer


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return problems.of_http(error)


receive.__dict__["public"] = True
