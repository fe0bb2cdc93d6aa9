"""What people see of the double of Stripe: the page where a donor pays, and a dashboard. Both say what they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from babel.numbers import format_currency
from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from admin.demo.vendors.stripe import payments, returns
from admin.demo.vendors.stripe.asks import ApiError
from admin.demo.vendors.stripe.mandates import detach
from admin.demo.vendors.stripe.shapes import Thing
from admin.demo.vendors.stripe.state import StripeState
from supporters.money import Money, MoneyError

bp = Blueprint("stripe", __name__, template_folder="templates", static_folder="static", static_url_path="/assets")

#: Dutch, English.
TEXTS = {
    "simulation": ("Simulatie", "Simulation"),
    "no_money": ("Dit is Stripe niet, en er gaat geen geld om.", "This is not Stripe, and no money moves."),
    "checkout": ("Betaling afronden", "Complete your payment"),
    "setup": ("Toestemming om later af te schrijven", "Permission for later debits"),
    "lasting": (
        "Hiermee geef je ook toestemming om later af te schrijven.",
        "With this you also give permission for later debits.",
    ),
    "was_refused": (
        "De bank heeft deze betaling geweigerd. Je kunt het opnieuw proberen, of teruggaan.",
        "The bank refused this payment. You can try again, or go back.",
    ),
    "over": ("Hier valt niets meer te betalen.", "There is nothing to pay here any more."),
    "back": ("Terug naar het goede doel", "Back to the charity"),
    "method": ("Hoe betaal je?", "How do you pay?"),
    "debit": (
        "Een incasso is bij de bank een paar dagen onderweg: laat het geld binnenkomen op het dashboard.",
        "A debit takes the bank some days: let the money arrive on the dashboard.",
    ),
    "pay": ("Betalen", "Pay"),
    "allow": ("Toestemming geven", "Give permission"),
    "slow": ("Later betalen (de bank is traag)", "Pay later (the bank is slow)"),
    "refuse": ("Geweigerd door de bank", "Refused by the bank"),
    "cancel": ("Annuleren", "Cancel"),
    "dashboard": ("Dashboard van de betaaldienst", "The payment service's dashboard"),
    "payments": ("Betalingen", "Payments"),
    "none": ("Er zijn nog geen betalingen.", "There are no payments yet."),
    "open": ("Betaalpagina's die openstaan", "Pages that are open"),
    "amount": ("Bedrag", "Amount"),
    "settle": ("Het geld komt binnen", "The money arrives"),
    "fail": ("De bank weigert", "The bank refuses"),
    "expire": ("Laat verlopen", "Let it expire"),
    "refund": ("Terugbetalen", "Refund"),
    "finish": ("Terugbetaling voltooien", "Complete the refund"),
    "bounce": ("Terugbetaling mislukt", "The refund fails"),
    "dispute": ("Terugboeken door de donateur", "Charged back by the donor"),
    "win": ("Geschil winnen", "Win the dispute"),
    "detach": ("Betaalmethode loskoppelen", "Detach the payment method"),
    "refund_is": ("Terugbetaling", "Refund"),
    "dispute_is": ("Geschil", "Dispute"),
    "status_requires_payment_method": ("niet betaald", "not paid"),
    "status_processing": ("bezig bij de bank", "processing at the bank"),
    "status_succeeded": ("voltooid", "succeeded"),
    "status_canceled": ("geannuleerd", "canceled"),
    "status_pending": ("onderweg", "on its way"),
    "status_failed": ("mislukt", "failed"),
    "status_lost": ("verloren", "lost"),
    "status_won": ("gewonnen", "won"),
    "status_needs_response": ("wacht op antwoord", "needs a response"),
    "status_warning_needs_response": ("vraag van de bank", "the bank inquires"),
    "method_ideal": ("iDEAL | Wero", "iDEAL | Wero"),
    "method_bancontact": ("Bancontact", "Bancontact"),
    "method_card": ("Kaart", "Card"),
    "method_paypal": ("PayPal", "PayPal"),
    "method_sepa_debit": ("Automatische incasso", "Direct debit"),
    "wrong_amount": ("Dat is geen bedrag dat kan worden terugbetaald.", "That is no amount that can be refunded."),
    "wrong_not_now": ("Dat kan nu niet.", "That is not possible now."),
}


def _state() -> StripeState:
    found: StripeState = current_app.extensions["stripe_double"]
    return found


def _shown(template: str, language: str, **said: Any) -> str:
    texts = {name: pair[0 if language == "nl" else 1] for name, pair in TEXTS.items()}

    def amount(minor: int, currency: str) -> str:
        money = Money(minor, currency.upper())
        return format_currency(money.decimal, money.currency, locale="nl_NL" if language == "nl" else "en_GB")

    def moment(seconds: int) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")

    return render_template(template, t=texts, language=language, amount=amount, moment=moment, **said)


# --- the donor --------------------------------------------------------------------------------------------------


def _session(ident: str) -> Thing:
    session = _state().get(ident)
    if session is None or session["object"] != "checkout.session":
        abort(404)
    return session


@bp.get("/checkout/<ident>")
def checkout(ident: str) -> str:
    session, hidden = _session(ident), _state().hidden.get(ident, {})
    about = hidden.get("payment_intent_data") or hidden.get("setup_intent_data") or {}
    return _shown(
        "stripe_checkout.html", "nl" if (session["locale"] or "").startswith("nl") else "en",
        session=session, what=about.get("description"), lasting="setup_future_usage" in about,
        methods=payments.offered(session), refused="refused" in request.args,
    )  # fmt: skip


@bp.post("/checkout/<ident>")
def pay(ident: str) -> Response:
    state = _state()
    with state.change():
        session = _session(ident)
        then, method = request.form.get("then", ""), request.form.get("method", "")
        if session["status"] != "open" or then == "cancel":
            return redirect(session["cancel_url"] or session["success_url"], 303)
        if method not in payments.offered(session) or then not in ("pay", "slow", "refused"):
            abort(400)
        if then == "refused" and method in payments.AT_ONCE:
            payments.refuse(state, session, "soft", method)
            return redirect(url_for("stripe.checkout", ident=ident, refused=1), 303)
        at_once = then == "pay" and (method in payments.AT_ONCE or session["mode"] == "setup")
        payments.complete(state, session, method, slow=not at_once)
        if then == "refused":
            payments.fail(state, state.things[session["payment_intent"] or session["setup_intent"]], "soft")
        return redirect(session["success_url"], 303)


# --- the staff --------------------------------------------------------------------------------------------------


@bp.get("/")
def dashboard() -> str:
    state = _state()
    with state.look():
        intents = [one for one in state.all("payment_intent") if one["latest_charge"]]
        intents += [one for one in state.all("setup_intent") if one["latest_attempt"]]
        rows = [_row(state, one) for one in sorted(intents, key=lambda one: -one["created"])]
        is_open = state.all("checkout.session", status="open")
    wrong = request.args.get("wrong", "")
    return _shown(
        "stripe_dashboard.html", request.accept_languages.best_match(["nl", "en"], "en"), rows=rows, open=is_open,
        wrong=wrong if f"wrong_{wrong}" in TEXTS else "",
    )  # fmt: skip


def _row(state: StripeState, intent: Thing) -> Thing:
    source = state.things[intent.get("latest_charge") or intent["latest_attempt"]]
    details = source["payment_method_details"]
    names = {intent["payment_method"], details[details["type"]].get("generated_sepa_debit")}
    kept = [found for name in names if (found := state.get(name)) and found["customer"]]
    left = source["amount"] - source["amount_refunded"] if source.get("paid") else 0
    return {
        "intent": intent,
        "method": details["type"],
        "left": Money(left, intent["currency"].upper()).decimal if left else "",
        "refunds": state.all("refund", payment_intent=intent["id"]),
        "disputes": state.all("dispute", payment_intent=intent["id"]),
        "kept": kept,
    }


_ACTS: dict[tuple[str, str], Callable[[StripeState, Thing], object]] = {
    ("settle", "payment_intent"): payments.settle,
    ("settle", "setup_intent"): payments.settle,
    ("dispute", "payment_intent"): lambda state, thing: returns.dispute(state, thing, thing["amount"]),
    ("win", "dispute"): returns.win,
    ("detach", "payment_method"): detach,
    ("finish", "refund"): returns.finish_refund,
    ("bounce", "refund"): returns.fail_refund,
}


@bp.post("/act/<act>/<ident>")
def act(act: str, ident: str) -> Response:
    state = _state()
    wrong = None
    with state.change():
        thing = state.get(ident)
        if thing is None:
            abort(404)
        try:
            _do(state, act, thing)
        except (ApiError, MoneyError):
            wrong = "amount" if act == "refund" else "not_now"
    return redirect(url_for("stripe.dashboard", wrong=wrong), 303)


def _do(state: StripeState, act: str, thing: Thing) -> None:
    match act, thing["object"], thing.get("status"):
        case "refund", "payment_intent", "succeeded":
            money = Money.parse(request.form.get("amount", ""), thing["currency"].upper())
            if money.amount <= 0:
                raise ApiError(400, "A refund is of more than nothing.")
            returns.refund(state, thing, money.amount)
        case "expire", "checkout.session", "open":
            payments.expire(state, thing)
        case "fail", "payment_intent" | "setup_intent", "processing":
            payments.fail(state, thing, "soft")
        case "dispute", "payment_intent", status if status != "succeeded":
            raise ApiError(400, "Nothing was paid.")
        case _ if (does := _ACTS.get((act, thing["object"]))) is not None:
            does(state, thing)
        case _:
            abort(404)
