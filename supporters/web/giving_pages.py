"""The pages around paying: the form, how it stands, to try again. No cookies, no script needed."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from supporters.errors import AchterbanError, NotFound, Refused
from supporters.links import clean_origin, with_answer
from supporters.network import network_of
from supporters.payments.online.offer import shown as money_shown
from supporters.payments.online.outcome import Outcome
from supporters.web import giving_api, giving_words, language, problems, widgets
from supporters.web.desk import Desk, desk
from supporters.web.donating import Donating
from supporters.web.headers import keep_private
from supporters.web.limits import Flood

NAME = "achterban_giving"
bp = Blueprint(NAME, __name__, template_folder="templates", static_folder="static", static_url_path="/give/static")

#: Seconds between two looks of a page that waits without a script; after the last it waits for somebody.
PAUSES = (2, 3, 5, 8, 13, 21, 34, 60, 60, 60)
_WAITING = ("unknown", "waiting", "processing")


@bp.get("/give")
def form() -> ResponseReturnValue:
    """Our own page with the form; ``?amount=25&interval=month&fund=…&source=…`` say what it begins with."""
    reader = language.reader(request.args.get("lang"))
    return language.shown("form.html", reader, form=Donating.linked(request.args, reader))


@bp.get("/give/widget.js")
def widget() -> ResponseReturnValue:
    """The custom element for other sites."""
    return widgets.script(Path(str(bp.static_folder)) / "achterban-donate.js")


@bp.get("/give/<token>")
def back(token: str) -> ResponseReturnValue:
    """Where they come back to: how it stands, after a look at the payment service. Opening it decides nothing."""
    at = desk()
    found = at.look(token)
    site = with_answer(found.return_to, payment=found.answer) if found.return_to and found.is_final else None
    if site is not None and found.state == "paid":
        return redirect(site, 303)
    reader = language.reader(request.args.get("lang") or found.locale)
    number = request.args.get("n", "0")
    looked = min(int(number), len(PAUSES)) if number.isascii() and number.isdigit() and len(number) < 4 else 0
    waits = found.state in _WAITING and looked < len(PAUSES)
    return language.shown(
        "back.html", reader, outcome=found, site=site, money=money_shown(found.money, reader.locale),
        every=giving_words.intervals(reader)[found.every or "once"].lower(), form_url=_form_of(at, found),
        pause=PAUSES[looked] if waits else None,
        next_look=url_for(f"{NAME}.back", token=token, lang=request.args.get("lang"), n=looked + 1),
    )  # fmt: skip


@bp.post("/give/<token>")
def again(token: str) -> ResponseReturnValue:
    """The button to pay after all: the payment that was begun, or another where that came to nothing."""
    at = desk()
    with at.session() as session:
        found = Outcome.of(session, token)
    here = url_for(f"{NAME}.back", token=token, lang=request.args.get("lang"))
    if found.state == "paid":
        return redirect(here, 303)
    if not found.can_try_again and found.state != "waiting":
        raise Refused("This is with the bank, or too long ago to be tried again.", field="token")
    at.limits.begin(network_of(request.remote_addr or ""))
    try:
        url = at.pay(found.checkout_id)
    except AchterbanError as error:
        error.__dict__["token"] = token
        raise
    return redirect(url or here, 303)


def _form_of(at: Desk, found: Outcome) -> str:
    """The page of the form they filled in, where we know that site; else ours."""
    try:
        site = clean_origin("/".join(found.form_url.split("/")[:3]))
    except AchterbanError:
        site = ""
    return found.form_url if site and at.may_come_from(site) else url_for(f"{NAME}.form")


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    reader = language.reader(request.args.get("lang"))
    if (token := getattr(error, "token", None)) is not None:
        answer = giving_api.no_answer(error, reader, token)
        message, status = answer.get_json(force=True)["detail"], answer.status_code
        headers = {name: value for name, value in answer.headers if name == "Retry-After"}
        return language.shown("no_answer.html", reader, token=token, message=message), status, headers
    status = 404 if isinstance(error, NotFound) else 429 if isinstance(error, Flood) else 409
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, Flood) else {}
    message = problems.said(error, reader.translate)
    return language.shown("refused.html", reader, message=message), status, headers


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    """The database does not answer: it can be looked at again."""
    reader = language.reader(request.args.get("lang"))
    message = problems.away(error, request.method, reader.say)
    return language.shown("refused.html", reader, message=message), 503, {"Retry-After": "30"}


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return error


@bp.after_request
def add_headers(answer: Response) -> Response:
    """The address is all it takes to see how it stands: nothing of it is kept, framed or passed on."""
    if request.endpoint in (f"{NAME}.static", f"{NAME}.widget"):
        return answer
    return keep_private(answer, is_findable=request.endpoint == f"{NAME}.form")


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (form, widget, back, again):
    view_function.__dict__["public"] = True
