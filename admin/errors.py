"""Error pages in house style, and which status a refusal of the library gets."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from admin import access, security
from admin.i18n import gettext as _
from admin.i18n import say
from supporters.errors import AchterbanError, BadInput, NotAllowed, NotFound, Refused

STATUS = {BadInput: 422, Refused: 409, NotFound: 404, NotAllowed: 403}


@dataclass(frozen=True)
class Page:
    status: int
    title: str
    text: str


def show(error: Exception) -> ResponseReturnValue:
    """An error as a page that says what happened and what to do next."""
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return error
    if not security.is_ours() or request.path.startswith(("/api/", "/webhooks/")):
        if isinstance(error, HTTPException):
            return error
        raise error
    _forget_half_work()
    page = describe(error)
    from admin.app import context

    return render_template("achterban/error.html", page=page, **context()), page.status


def describe(error: Exception) -> Page:
    if isinstance(error, AchterbanError):
        status = status_of(error)
        return Page(status, _title(status), say(error))
    if isinstance(error, access.Denied):
        roles = ", ".join(role_names()[role] for role in error.roles)
        return Page(403, _title(403), _("Your role does not reach this. Who can: %(roles)s.", roles=roles))
    if isinstance(error, RateLimitExceeded):
        return Page(
            429, _title(429), _("For safety there is a pause after many attempts. Try again in a quarter of an hour.")
        )
    status = error.code or 500 if isinstance(error, HTTPException) else 500
    texts = {
        400: _("The page was open too long, or something was missing. Go back, load it again and try once more."),
        404: _("There is nothing at this address. It may have been moved, or the number was mistyped."),
        405: _("This address only takes what a form on its page sends. Go back and use the button there."),
        413: _("That file is larger than this application takes."),
        500: _("Something went wrong on our side and nothing was saved. If it happens again, tell your administrator."),
    }  # fmt: skip
    return Page(status, _title(status), texts.get(status, _("This cannot be done.")))


def status_of(error: AchterbanError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 422)


def role_names() -> dict[str, str]:
    return {
        "viewer": _("Viewer"),
        "fundraiser": _("Fundraiser"),
        "finance": _("Finance"),
        "administrator": _("Administrator"),
    }


def _title(status: int) -> str:
    titles = {
        400: _("That request was not complete"),
        403: _("This is not yours to do"),
        404: _("Not found"),
        405: _("Not in this way"),
        409: _("A rule says no"),
        413: _("Too large"),
        422: _("Something has to be corrected"),
        429: _("Too many attempts"),
        500: _("Something went wrong"),
    }
    return titles.get(status, _("Something went wrong"))


def _forget_half_work() -> None:
    current_app.extensions["achterban_admin"].db.session.rollback()
