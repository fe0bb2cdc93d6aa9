"""A supporter's own page: see, change, pause and stop what they promised, and take receipts. No account, no cookies.

The link comes by mail. Opening it decides nothing; each button posts, and leads back to the page.
"""

from __future__ import annotations

import uuid
from datetime import date
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import extract, func, select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from supporters.errors import AchterbanError, BadInput, NotFound, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.giving.months import INTERVALS, add_months
from supporters.giving.receipt import Receipt, gifts_of
from supporters.mail.templating import charity_name
from supporters.money import Money
from supporters.payments.gateway import GatewayError
from supporters.payments.online import own_page, telling
from supporters.payments.returns.holding import waits_for_account
from supporters.people.supporter import Supporter
from supporters.web import problems
from supporters.web.headers import keep_private
from supporters.web.language import FOLDER, Language, Reader

NAME = "achterban_own_page"
bp = Blueprint(NAME, __name__, template_folder="templates", static_folder="static", static_url_path="/my/static")
_pages = Language(FOLDER, "achterban/my")
_CSP = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' https: http:; frame-ancestors 'none'; "
    "base-uri 'none'"
)
#: Months that can be chosen for a pause.
PAUSES = (1, 3, 6)
#: The reasons that a donor can give for stopping, and what each is called.
REASONS = ("donor_request", "financial", "other_charity", "dissatisfied", "no_longer_interested")


def _supporters() -> Any:
    return current_app.extensions["supporters"]


def _reader(supporter: Supporter | None = None) -> Reader:
    return _pages.reader(request.args.get("lang") or (supporter.language if supporter is not None else None))


# -- asking for the link -----------------------------------------------------------------------------------------


@bp.get("/my")
def asking() -> ResponseReturnValue:
    """Where somebody asks for the link to their page."""
    return _pages.shown("ask.html", _reader(), email="", error=None, is_sent=False, title=None)


@bp.post("/my")
def ask() -> ResponseReturnValue:
    """The same answer whether or not we know the address."""
    at, reader = _supporters(), _reader()
    email = request.form.get("email", "")[:320]
    try:
        own_page.ask(at.session, email, now=at.now())
    except BadInput as error:
        said = problems.said(error, reader.translate)
        return _pages.shown("ask.html", reader, email=email, error=said, is_sent=False), 422
    at.session.commit()
    return _pages.shown("ask.html", reader, email="", error=None, is_sent=True)


# -- the page ------------------------------------------------------------------------------------------------------


@bp.get("/my/<token>")
def page(token: str) -> ResponseReturnValue:
    """What this supporter gives and gave."""
    supporter = _whose(token)
    return _page(token, supporter)


def _whose(token: str) -> Supporter:
    at = _supporters()
    return own_page.opened(at.session, token, now=at.now())


def _page(token: str, supporter: Supporter, error: AchterbanError | None = None, at_number: str = "") -> str:
    at = _supporters()
    session, today = at.session, at.today()
    reader = _reader(supporter)
    commitments = session.scalars(
        select(Commitment).where(Commitment.supporter_id == supporter.id).order_by(Commitment.id.desc())
    ).all()
    year = func.distinct(extract("year", Gift.received_on))
    years = sorted(
        (int(each) for each in session.scalars(select(year).where(Gift.supporter_id == supporter.id))), reverse=True
    )
    chosen = request.args.get("year", type=int) or (years[0] if years else today.year)
    return _pages.shown(
        "page.html",
        reader,
        supporter=supporter,
        token=token,
        today=today,
        years=years,
        year=chosen,
        commitments=[_shown(each, today) for each in commitments],
        gifts=gifts_of(session, supporter, chosen),
        shown=telling.shown_of(session, supporter),
        money=reader.money,
        day=reader.day,
        methods=list(_lasting("EUR")),
        intervals=[each for each in INTERVALS if each != "once"],
        pauses=PAUSES,
        reasons=REASONS,
        done=request.args.get("done", ""),
        submission_key=uuid.uuid4(),
        charity=charity_name(at.settings),
        error=problems.said(error, reader.translate) if error is not None else None,
        at_number=at_number,
    )


def _lasting(currency: str) -> dict[Any, str]:
    found: dict[Any, str] = _supporters().accounts.methods(lasting=True, currency=currency)
    return found


def _shown(commitment: Commitment, today: date) -> dict[str, Any]:
    session = _supporters().session
    state = commitment.state(today)
    pause = next((each for each in commitment.pauses if each.covers(today)), None)
    online, mandate = commitment.gateway_mandate, commitment.mandate
    failed = own_page.open_instalment(session, commitment) if state != "ended" else None
    label = online.label if online is not None else f"•••• {mandate.bank_account.iban[-4:]}" if mandate else ""
    return {
        "of": commitment, "state": state, "pause": pause, "failed": failed, "label": label,
        "reference": online.reference if online is not None else mandate.reference if mandate else "",
        "needs_new": bool(online is not None and online.state in ("invalid", "ended") and state != "ended"),
        "next_on": commitment.next_due_on if state in ("active", "upcoming") else None,
        "amount": Money(commitment.term.amount, commitment.currency), "every": commitment.term.every,
        "iban": mandate is not None and commitment.method == "sepa" and mandate.why_unusable(today) is None,
    }  # fmt: skip


# -- the buttons -----------------------------------------------------------------------------------------------------


@bp.post("/my/<token>/<number>/<action>")
def act(token: str, number: str, action: str) -> ResponseReturnValue:
    """Change, pause, resume, stop, another account, another way to pay; then back to the page."""
    at = _supporters()
    supporter = _whose(token)
    if action not in _ACTIONS:
        raise NotFound("There is no such choice.", field="action")
    commitment = own_page.commitment_of(at.session, supporter, number)
    try:
        away = _ACTIONS[action](supporter, commitment)
        at.session.commit()
    except (BadInput, Refused) as error:
        at.session.rollback()
        return _page(token, _whose(token), error, number), 422
    if away is None:
        away = url_for(f"{NAME}.page", token=token, done=action, lang=request.args.get("lang"))
    return redirect(away, 303)


def _change(supporter: Supporter, commitment: Commitment) -> None:
    at = _supporters()
    money = Money.parse(request.form.get("amount", ""), commitment.currency)
    every = request.form.get("every") or None
    commitment.change(at.session, money, every=every, reason="own page", by=own_page.visitor(supporter), now=at.now())


def _pause(supporter: Supporter, commitment: Commitment) -> None:
    at = _supporters()
    months = request.form.get("months", type=int)
    if months not in PAUSES:
        raise BadInput("Choose how long you want to pause.", field="months")
    today = at.today()
    # Who pauses a month leaves out a payment, also on the day of one.
    ahead = commitment.next_due_on if 0 < commitment.term.interval_months <= months else None
    until_on = add_months(max(ahead or today, today), months)
    commitment.pause(
        at.session, from_on=today, until_on=until_on, reason="own page",
        by=own_page.visitor(supporter), now=at.now(),
    )  # fmt: skip


def _resume(supporter: Supporter, commitment: Commitment) -> None:
    at = _supporters()
    if waits_for_account(commitment):
        raise Refused("Change your account number first; your commitment then goes on by itself.")
    commitment.resume(at.session, on=at.today(), by=own_page.visitor(supporter), now=at.now())


def _stop(supporter: Supporter, commitment: Commitment) -> None:
    at = _supporters()
    reason = request.form.get("reason") or "donor_request"
    if reason not in REASONS:
        raise BadInput("Choose one of the reasons, or none.", field="reason")
    commitment.stop(at.session, reason, on=at.today(), by=own_page.visitor(supporter), now=at.now())


def _account(supporter: Supporter, commitment: Commitment) -> None:
    at = _supporters()
    if commitment.mandate is None or commitment.method != "sepa":
        raise Refused("This commitment is not collected from a bank account by us.")
    by, now = own_page.visitor(supporter), at.now()
    changed = commitment.mandate.change_account(at.session, request.form.get("iban", ""), by=by, now=now, on=at.today())
    if changed is not None:
        own_page.tell_account_changed(at.session, supporter, changed, now=now)


def _renew(supporter: Supporter, commitment: Commitment) -> str:
    """To the vendor's page, where the new mandate is made; what was asked for is kept before anybody is asked."""
    at = _supporters()
    checkout = own_page.renew(
        at.session, commitment, request.form.get("method", ""), pay=request.form.get("pay") == "yes",
        accounts=at.accounts, submission_key=request.form.get("submission_key", "")[:100] or str(uuid.uuid4()),
        locale=_reader(supporter).locale, now=at.now(),
    )  # fmt: skip
    checkout_id = checkout.id
    at.session.commit()
    try:
        online = at.cashier().begin(checkout_id)
    except GatewayError:
        raise Refused("The payment service does not answer. Try again in a few minutes; nothing was charged.") from None
    if not online.checkout_url:
        raise Refused("The payment service does not answer. Try again in a few minutes; nothing was charged.")
    return str(online.checkout_url)


_ACTIONS = {
    "change": _change, "pause": _pause, "resume": _resume, "stop": _stop, "account": _account, "renew": _renew,
}  # fmt: skip


@bp.post("/my/<token>/shown/<key>")
def take_off(token: str, key: str) -> ResponseReturnValue:
    """What others see of a gift is seen no more."""
    at, supporter = _supporters(), _whose(token)
    telling.take_off(at.session, supporter, key, by=own_page.visitor(supporter), now=at.now())
    at.session.commit()
    return redirect(url_for(f"{NAME}.page", token=token, done="take_off", lang=request.args.get("lang")), 303)


# -- receipts --------------------------------------------------------------------------------------------------------


@bp.get("/my/<token>/receipts/<int:gift>.pdf")
def gift_receipt(token: str, gift: int) -> ResponseReturnValue:
    at, supporter = _supporters(), _whose(token)
    return _pdf(Receipt.of_gift(at.session, supporter, gift, charity_name(at.settings)), f"G{gift}")


@bp.get("/my/<token>/years/<int:year>.pdf")
def year_receipt(token: str, year: int) -> ResponseReturnValue:
    at, supporter = _supporters(), _whose(token)
    return _pdf(Receipt.of_year(at.session, supporter, year, charity_name(at.settings)), str(year))


def _pdf(receipt: Receipt, name: str) -> Response:
    return send_file(BytesIO(receipt.pdf(_supporters().now())), "application/pdf", True, f"{name}.pdf")


# -- what goes wrong, and what every answer has ------------------------------------------------------------------------


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    reader = _reader()
    status = 404 if isinstance(error, NotFound) else 409
    message = problems.said(error, reader.translate)
    return _pages.shown("ask.html", reader, email="", error=message, is_sent=False, title="refused"), status


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    """The database does not answer: they are told to come back, on a page like the others."""
    reader = _reader()
    message = problems.away(error, request.method, reader.say)
    return _pages.shown("away.html", reader, message=message), 503, {"Retry-After": "30"}


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return error


@bp.after_request
def keep_it_private(answer: Response) -> Response:
    """The address of the page is the key to it: no cache keeps it and no link passes it on."""
    return answer if request.endpoint == f"{NAME}.static" else keep_private(answer, _CSP)


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (asking, ask, page, act, take_off, gift_receipt, year_receipt):
    view_function.__dict__["public"] = True
