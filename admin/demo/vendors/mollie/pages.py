"""What people see of the simulated Mollie: where a donor pays, and the dashboard. Both say what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from babel.numbers import format_currency
from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Anything

from admin.demo.vendors.mollie.post import post
from admin.demo.vendors.mollie.rules import Json, Wrong, money, shown
from admin.demo.vendors.mollie.state import State
from supporters.errors import BadInput
from supporters.money import Money

bp = Blueprint("pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets")


def _text(nl: str, en: str) -> dict[str, str]:
    return {"nl": nl, "en": en}


TEXTS = {
    "simulation": _text("Simulatie van Mollie", "Simulation of Mollie"),
    "no_money": _text("Er gaat geen echt geld om.", "No real money moves here."),
    "checkout": _text("Betaling afronden", "Complete your payment"),
    "amount": _text("Bedrag", "Amount"),
    "for": _text("Waarvoor", "For"),
    "method": _text("Betaalmethode", "Payment method"),
    "mandate": _text(
        "Met deze betaling geef je ook toestemming om later af te schrijven.",
        "With this payment you also give permission for later debits.",
    ),
    "pay": _text("Betalen", "Pay"),
    "slow": _text("Later betalen (de bank is traag)", "Pay later (the bank is slow)"),
    "refuse": _text("Geweigerd door de bank", "Refused by the bank"),
    "cancel": _text("Annuleren", "Cancel"),
    "ended": _text("Deze betaling is al afgehandeld.", "This payment has already been dealt with."),
    "back": _text("Terug naar het goede doel", "Back to the charity"),
    "dashboard": _text("Dashboard van de betaaldienst", "The payment service's dashboard"),
    "payments": _text("Betalingen", "Payments"),
    "none": _text("Er zijn nog geen betalingen.", "There are no payments yet."),
    "when": _text("Wanneer", "When"),
    "what": _text("Betaling", "Payment"),
    "status": _text("Status", "Status"),
    "actions": _text("Doen", "Do"),
    "arrive": _text("Het geld komt binnen", "The money arrives"),
    "fail": _text("Het mislukt", "It fails"),
    "expire": _text("Laat verlopen", "Let it expire"),
    "refund": _text("Terugbetalen", "Refund"),
    "finish_refund": _text("Terugbetaling voltooien", "Complete the refund"),
    "fail_refund": _text("Terugbetaling mislukt", "The refund fails"),
    "charge_back": _text("Terugboeken door de donateur", "Charged back by the donor"),
    "reverse": _text("Terugboeking ongedaan maken", "Reverse the chargeback"),
    "end_mandate": _text("Machtiging beëindigen", "End the mandate"),
    "open_page": _text("Betaalpagina openen", "Open the payment page"),
    "mandate_is": _text("Machtiging", "Mandate"),
    "refund_is": _text("Terugbetaling", "Refund"),
    "chargeback_is": _text("Terugboeking", "Chargeback"),
    "reversed": _text("ongedaan gemaakt", "reversed"),
    "posted": _text("Verstuurde berichten", "News posted"),
    "answer": _text("Antwoord", "Answer"),
    "status_open": _text("open", "open"),
    "status_pending": _text("bezig bij de bank", "pending at the bank"),
    "status_paid": _text("betaald", "paid"),
    "status_failed": _text("mislukt", "failed"),
    "status_canceled": _text("geannuleerd", "canceled"),
    "status_expired": _text("verlopen", "expired"),
    "status_valid": _text("geldig", "valid"),
    "status_invalid": _text("ongeldig", "invalid"),
    "status_refunded": _text("voltooid", "completed"),
    "status_queued": _text("in de wacht", "queued"),
    "status_processing": _text("bezig", "processing"),
    "method_ideal": _text("iDEAL", "iDEAL"),
    "method_bancontact": _text("Bancontact", "Bancontact"),
    "method_creditcard": _text("Kaart", "Card"),
    "method_paypal": _text("PayPal", "PayPal"),
    "method_directdebit": _text("Automatische incasso", "Direct debit"),
}


def state() -> State:
    found: State = current_app.extensions["mollie"]
    return found


def page(template: str, language: str, **given: Any) -> str:
    def amount(found: Json) -> str:
        return format_currency(money(found).decimal, found["currency"], locale=language)

    words = {name: text[language] for name, text in TEXTS.items()}
    return render_template(template, t=words, language=language, amount=amount, **given)


@bp.after_request
def closed(response: Response) -> Response:
    """Nothing of these pages runs, and nobody frames them."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.errorhandler(Wrong)
def said(error: Wrong) -> tuple[str, int]:
    language = _language()
    return page("mollie_wrong.html", language, words=error.detail), error.status


# --- where a donor pays -----------------------------------------------------------------------------------------------


@bp.get("/checkout/<token>")
def checkout(token: str) -> str:
    payment = _of(token)
    return page("mollie_checkout.html", _language(payment), payment=payment)


@bp.post("/checkout/<token>")
def pay(token: str) -> Anything:
    """What the donor does, told by a post in the background; then back to where the merchant wants them."""
    payment = _of(token)
    its_id = payment["id"]
    done: dict[str, Callable[[], None]] = {
        "pay": lambda: state().pay(its_id), "slow": lambda: state().process(its_id),
        "refuse": lambda: state().fail(its_id), "cancel": lambda: state().give_up(its_id),
    }  # fmt: skip
    act = done.get(request.form.get("act", ""))
    if act is None:
        abort(400)
    if payment["status"] == "open":
        state().choose(its_id, request.form.get("method", ""))
        act()
        post(state(), its_id)
    return redirect(payment["redirectUrl"], 303)


def _of(token: str) -> Json:
    payment = state().payment(f"tr_{token}")
    if payment["sequenceType"] == "recurring":
        abort(404)
    return payment


def _language(payment: Json | None = None) -> str:
    """The donor's, as the merchant said; of the dashboard, and where it was not said, the browser's."""
    if payment and payment.get("locale"):
        return "nl" if payment["locale"].startswith("nl") else "en"
    return request.accept_languages.best_match(["nl", "en"]) or "en"


# --- the dashboard ----------------------------------------------------------------------------------------------------


@bp.get("/")
def dashboard() -> str:
    kept = state()
    with kept.lock:
        rows = [
            {
                "payment": each,
                "refunds": kept.of("refunds", each["id"]),
                "chargebacks": kept.of("chargebacks", each["id"]),
                "mandate": kept.data["mandates"].get(each.get("mandateId", "")),
                "token": each["id"].removeprefix("tr_"),
                "left": shown(kept.left(each))["value"],
            }
            for each in reversed(kept.data["payments"].values())
        ]
        posted = list(reversed(kept.posted))
        return page("mollie_dashboard.html", _language(), rows=rows[:200], posted=posted)


@bp.post("/payments/<its_id>/<act>")
def act(its_id: str, act: str) -> Anything:
    """What the vendor's staff or a bank does; told by a post, as all that happens to a payment."""
    kept, other = state(), request.form.get("id", "")
    payment = kept.payment(its_id)
    acts: dict[str, Callable[[], object]] = {
        "arrive": lambda: kept.pay(its_id),
        "fail": lambda: kept.fail(its_id),
        "expire": lambda: kept.expire(its_id),
        "refund": lambda: kept.refund(its_id, _amount(payment)),
        "finish_refund": lambda: kept.end_refund(other, "refunded"),
        "fail_refund": lambda: kept.end_refund(other, "failed"),
        "charge_back": lambda: kept.charge_back(its_id, money(payment["amount"])),
        "reverse": lambda: kept.reverse_chargeback(other),
        "end_mandate": lambda: kept.end_mandate(payment["customerId"], payment["mandateId"]),
    }
    if act not in acts:
        abort(404)
    acts[act]()
    post(kept, its_id)
    return redirect(url_for("pages.dashboard") + f"#{its_id}", 303)


def _amount(payment: Json) -> Money:
    try:
        return Money.parse(request.form.get("amount", ""), payment["amount"]["currency"])
    except BadInput as error:
        raise Wrong(422, str(error), "amount") from None
