"""The few pages of our own: a petition, the thanks, what the links in mail lead to. No cookies, no script needed."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.petitions.form import is_source
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from campaigns.web import language
from campaigns.web.view import View, desk
from supporters.errors import AchterbanError, NotFound
from supporters.web import problems, widgets
from supporters.web.headers import keep_private

NAME = "achterban_petitions"
bp = Blueprint(NAME, __name__, template_folder="templates", static_folder="static", static_url_path="/petitions/static")

#: The choices of who opened the link in the mail, and what each does.
_CHOICES = ("confirm", "not_me", "withdraw")


@bp.get("/petitions/<slug>")
def petition(slug: str) -> ResponseReturnValue:
    """The petition with its form; ``?source=`` in the link says what brought them."""
    at, view = desk(), _shown(slug)
    reader = language.reader(request.args.get("lang"), view.terms.locale)
    source = request.args.get("source", "")
    return language.shown(
        "petition.html", reader, view=view, count=at.counts.get(slug), values={}, errors={},
        is_open=view.terms.is_open(at.now()), source=source if is_source(source) else "",
    )  # fmt: skip


@bp.get("/petitions/<slug>/thanks")
def thanks(slug: str) -> ResponseReturnValue:
    """Where a form goes that named no page of its own; the same for everybody."""
    view = _shown(slug)
    reader = language.reader(request.args.get("lang"), view.terms.locale)
    return language.shown("thanks.html", reader, view=view, count=desk().counts.get(slug))


@bp.get("/petitions/widget.js")
def widget() -> ResponseReturnValue:
    """The custom element for other sites."""
    return widgets.script(Path(str(bp.static_folder)) / "achterban-petition.js")


@bp.get("/confirm/<token>")
def confirmation(token: str) -> ResponseReturnValue:
    """What was signed, by whom, and the buttons. Opening it decides nothing: mail scanners open links too."""
    signature = Signature.by_token(desk().supporters.session, token)
    return _signature_page(signature, token)


@bp.post("/confirm/<token>")
def confirm(token: str) -> ResponseReturnValue:
    """A button was pressed; pressing it twice is as good as once."""
    session, now = desk().supporters.session, desk().now()
    signature = Signature.by_token(session, token)
    choice = request.form.get("choice", "confirm")
    if choice not in _CHOICES:
        raise NotFound("There is no such choice.", field="choice")
    if choice == "confirm":
        signature.confirm(session, now=now)
    elif choice == "not_me":
        signature.reject(session, "not_me", now=now)
    else:
        signature.withdraw(session, now=now)
    session.commit()
    return redirect(url_for(f"{NAME}.confirmation", token=token, lang=request.args.get("lang")), 303)


def _signature_page(signature: Signature, token: str) -> ResponseReturnValue:
    session = desk().supporters.session
    petition = session.get_one(Petition, signature.petition_id)
    reader = language.reader(request.args.get("lang") or signature.locale)
    # Not the count that is kept for a moment: who just pressed the button looks whether they are in it.
    count = petition.count(session, now=desk().now()) if signature.state == "confirmed" else None
    return language.shown(
        "confirm.html", reader, signature=signature, view=desk().views.get(petition.slug), token=token,
        who=signature.who(session), count=count,
    )  # fmt: skip


@bp.get("/unsubscribe/<token>")
def unsubscribing(token: str) -> ResponseReturnValue:
    """Asks; only the button decides."""
    return _unsubscribe_page(token, done=False)


@bp.post("/unsubscribe/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """The button, and the one click of a mail program (RFC 8058)."""
    session = desk().supporters.session
    Signature.by_token(session, token, "unsubscribe").stop_mail(session, now=desk().now())
    session.commit()
    return _unsubscribe_page(token, done=True)


def _unsubscribe_page(token: str, *, done: bool) -> ResponseReturnValue:
    session = desk().supporters.session
    signature = Signature.by_token(session, token, "unsubscribe")
    petition = session.get_one(Petition, signature.petition_id)
    reader = language.reader(request.args.get("lang") or signature.locale)
    return language.shown("unsubscribe.html", reader, petition=petition, token=token, done=done)


def _shown(slug: str) -> View:
    view = desk().views.get(slug)
    if view.terms.state == "draft":
        raise NotFound("There is no petition “%(slug)s”.", field="slug", slug=slug[:80])
    return view


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    status = 404 if isinstance(error, NotFound) else 409
    reader = language.reader(request.args.get("lang"))
    message = problems.said(error, reader.translate)
    return language.shown("refused.html", reader, message=message, status=status, view=None), status


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    """The database does not answer: they are told to come back, on a page like the others."""
    reader = language.reader(request.args.get("lang"))
    message = problems.away(error, request.method, reader.say)
    return language.shown("refused.html", reader, message=message, status=503, view=None), 503, {"Retry-After": "30"}


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return error


@bp.after_request
def add_headers(answer: Response) -> Response:
    """These pages hold names and tokens: nothing of them is kept, framed or passed on."""
    if request.endpoint in (f"{NAME}.static", f"{NAME}.widget"):
        return answer
    return keep_private(answer, is_findable=request.endpoint in (f"{NAME}.petition", f"{NAME}.thanks"))


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (petition, thanks, widget, confirmation, confirm, unsubscribing, unsubscribe):
    view_function.__dict__["public"] = True
