"""What happens to payments at the double of Stripe: the donor pays or does not, banks are slow, money goes back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from admin.demo.vendors.stripe import shapes
from admin.demo.vendors.stripe.asks import ApiError
from admin.demo.vendors.stripe.mandates import generate, mandate_of
from admin.demo.vendors.stripe.returns import ledger_line
from admin.demo.vendors.stripe.shapes import Thing
from admin.demo.vendors.stripe.state import StripeState
from supporters.payments.gateway import FailureKind

#: Paid at once; the others can be as slow as the bank likes, and a debit always is.
AT_ONCE = ("card", "ideal", "bancontact", "paypal")
SINGLE_USE = ("ideal", "bancontact")
METHODS = ("ideal", "bancontact", "card", "paypal", "sepa_debit")
REFUSALS: dict[FailureKind, tuple[str, str]] = {
    "soft": ("insufficient_funds", "There is not enough money in this account."),
    "hard": ("stolen_card", "This was reported as stolen."),
    "donor": ("authentication_required", "The bank wants to hear it from the donor."),
}
_DEBIT_REFUSALS: dict[FailureKind, str] = {"soft": "insufficient_funds", "hard": "debit_not_authorized"}
_FEES = {"card": (25, 150), "ideal": (29, 0), "bancontact": (35, 0), "sepa_debit": (35, 0), "paypal": (10, 200)}


# --- at the page ------------------------------------------------------------------------------------------------


def complete(state: StripeState, session: Thing, method: str = "", *, slow: bool = False, at: int = 0) -> None:
    """The donor is done at the page; ``slow``: the bank is not."""
    method = method or offered(session)[0]
    at = at or state.moment()
    customer = _customer(state, session, at)
    kept = state.keep(shapes.payment_method(state.new_id("pm"), at, method))
    kept["billing_details"] = shapes.nobody(session["customer_email"], "A. Donor")
    session |= {"status": "complete", "url": None, "customer": customer}
    session["customer_details"] = {
        "address": dict(shapes.NO_ADDRESS), "business_name": None, "email": session["customer_email"],
        "individual_name": None, "name": "A. Donor", "phone": None, "tax_exempt": "none", "tax_ids": [],
    }  # fmt: skip
    if session["mode"] == "setup":
        _set_up(state, session, kept, slow=slow, at=at)
        return
    intent = _intent(state, session, kept, at)
    _confirm(state, intent, kept, slow=slow, at=at)
    session["payment_status"] = "unpaid" if slow else "paid"
    state.tell("checkout.session.completed", session, at)


def refuse(state: StripeState, session: Thing, kind: FailureKind, method: str = "") -> None:
    """The bank refuses while the donor is at the page, who may try again."""
    at = state.moment()
    if session["mode"] == "setup":
        return
    kept = state.keep(shapes.payment_method(state.new_id("pm"), at, method or offered(session)[0]))
    intent = _intent(state, session, kept, at)
    _charged(state, intent, kept, at)
    _failed(state, intent, kind, at)


def expire(state: StripeState, session: Thing) -> None:
    session |= {"status": "expired", "url": None}
    state.tell("checkout.session.expired", session)


def offered(session: Thing) -> list[str]:
    allowed = session["allowed_payment_method_types"] or list(METHODS)
    return [one for one in METHODS if one in allowed and not (session["mode"] == "setup" and one == "paypal")]


def _customer(state: StripeState, session: Thing, at: int) -> str | None:
    known: str | None = session["customer"]
    if known or session["customer_creation"] != "always":
        return known
    ident = state.new_id("cus")
    state.keep(shapes.customer(ident, at, email=session["customer_email"], name="A. Donor"))
    return ident


def _intent(state: StripeState, session: Thing, kept: Thing, at: int) -> Thing:
    """Stripe makes a session's intent when the donor first tries to pay."""
    intent = state.get(session["payment_intent"])
    if intent is None:
        about = state.hidden.get(session["id"], {}).get("payment_intent_data", {})
        intent = state.keep(shapes.payment_intent(state.new_id("pi"), at, **about))
        intent |= {
            "amount": session["amount_total"], "currency": session["currency"], "customer": session["customer"],
            "payment_method_types": session["payment_method_types"],
            "allowed_payment_method_types": session["allowed_payment_method_types"],
        }  # fmt: skip
        session["payment_intent"] = intent["id"]
        state.tell("payment_intent.created", intent, at)
    intent |= {"payment_method": kept["id"], "customer": session["customer"]}
    return intent


def _set_up(state: StripeState, session: Thing, kept: Thing, *, slow: bool, at: int) -> None:
    setup = state.things[session["setup_intent"]]
    attempt = state.keep(shapes.setup_attempt(state.new_id("setatt"), at, setup_intent=setup["id"]))
    attempt |= {"payment_method": kept["id"], "customer": session["customer"]}
    attempt["payment_method_details"] = shapes.paid_with(kept["type"], setup=True)
    setup |= {"payment_method": kept["id"], "customer": session["customer"], "latest_attempt": attempt["id"]}
    if kept["type"] == "sepa_debit":
        setup["mandate"] = mandate_of(state, kept, at)["id"]
    if kept["type"] not in SINGLE_USE:
        kept["customer"] = session["customer"]
    session["payment_status"] = "no_payment_required"
    setup["status"] = "processing"
    attempt["status"] = "processing"
    if not slow:
        _is_set_up(state, setup, at)
    state.tell("checkout.session.completed", session, at)


def _is_set_up(state: StripeState, setup: Thing, at: int) -> None:
    setup["status"] = "succeeded"
    attempt = state.things[setup["latest_attempt"]]
    attempt["status"] = "succeeded"
    if attempt["payment_method_details"]["type"] in SINGLE_USE:
        generate(state, attempt, setup["customer"], at, setup_attempt=attempt["id"])
    state.tell("setup_intent.succeeded", setup, at)


# --- charges ----------------------------------------------------------------------------------------------------


def charge(state: StripeState, asked: Thing) -> Thing:
    """A mandate is charged without the donor; raises ApiError where it is refused."""
    kept = state.get(asked["payment_method"])
    if kept is None or kept["object"] != "payment_method":
        raise missing("payment_method", asked["payment_method"])
    if state.get(asked["customer"]) is None:
        raise missing("customer", asked["customer"])
    if kept["customer"] != asked["customer"]:
        raise ApiError(
            400, "The customer does not have this payment method: it must be attached to the customer first.",
            param="payment_method",
        )  # fmt: skip
    at = state.moment()
    intent = state.keep(shapes.payment_intent(state.new_id("pi"), at))
    shown = ("amount", "currency", "customer", "payment_method", "description", "metadata", "automatic_payment_methods")
    intent |= {name: asked[name] for name in shown if name in asked} | {"payment_method_types": [kept["type"]]}
    state.tell("payment_intent.created", intent, at)
    kind, state.next_decline = state.next_decline, None
    if kind is not None:
        _charged(state, intent, kept, at)
        _failed(state, intent, kind, at)
        error = {name: intent["last_payment_error"][name] for name in ("code", "decline_code", "message", "charge")}
        raise ApiError(
            402, error.pop("message"), kind="card_error", payment_intent=intent, payment_method=kept, **error
        )
    _confirm(state, intent, kept, slow=kept["type"] not in AT_ONCE, at=at)
    return intent


def settle(state: StripeState, intent: Thing, at: int = 0) -> None:
    """What was on its way arrives."""
    if intent["object"] == "setup_intent":
        if intent["status"] == "processing":
            _is_set_up(state, intent, at or state.moment())
        return
    if intent["status"] != "processing":
        return
    _succeeded(state, intent, at or state.moment())
    if (session := session_of(state, intent)) is not None:
        session["payment_status"] = "paid"
        state.tell("checkout.session.async_payment_succeeded", session, at)


def fail(state: StripeState, intent: Thing, kind: FailureKind) -> None:
    """What was on its way does not arrive."""
    if intent["object"] == "setup_intent":
        intent |= {"status": "requires_payment_method", "last_setup_error": _error(kind, "sepa_debit", None)}
        state.tell("setup_intent.setup_failed", intent)
        return
    _failed(state, intent, kind, state.moment())
    if (session := session_of(state, intent)) is not None:
        state.tell("checkout.session.async_payment_failed", session)


def cancel(state: StripeState, intent: Thing) -> None:
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise ApiError(
            400, f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state", payment_intent=intent,
        )  # fmt: skip
    intent |= {"status": "canceled", "canceled_at": state.moment(), "cancellation_reason": "abandoned"}
    state.tell("payment_intent.canceled", intent)


def session_of(state: StripeState, intent: Thing) -> Thing | None:
    return next(iter(state.all("checkout.session", payment_intent=intent["id"])), None)


def _confirm(state: StripeState, intent: Thing, kept: Thing, *, slow: bool, at: int) -> None:
    _charged(state, intent, kept, at)
    intent["last_payment_error"] = None
    if intent["setup_future_usage"] == "off_session" and kept["type"] not in SINGLE_USE:
        kept["customer"] = intent["customer"]
    if slow:
        intent["status"] = "processing"
        state.tell("payment_intent.processing", intent, at)
        state.tell("charge.pending", state.things[intent["latest_charge"]], at)
    else:
        _succeeded(state, intent, at)


def _charged(state: StripeState, intent: Thing, kept: Thing, at: int) -> None:
    made = shapes.charge(state.new_id("ch" if kept["type"] == "card" else "py"), at)
    shown = ("amount", "currency", "customer", "description", "payment_method")
    made |= {name: intent[name] for name in shown} | {"payment_intent": intent["id"], "metadata": intent["metadata"]}
    made |= {"billing_details": kept["billing_details"], "payment_method_details": shapes.paid_with(kept["type"])}
    if kept["type"] == "sepa_debit":
        made["payment_method_details"]["sepa_debit"]["mandate"] = mandate_of(state, kept, at)["id"]
    intent["latest_charge"] = state.keep(made)["id"]


def _succeeded(state: StripeState, intent: Thing, at: int) -> None:
    charged = state.things[intent["latest_charge"]]
    method = charged["payment_method_details"]["type"]
    fixed, share = _FEES[method]
    fee = fixed + (intent["amount"] * share + 9999) // 10000
    line = ledger_line(state, charged, at, intent["amount"], fee, type="charge" if method == "card" else "payment")
    charged |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": intent["amount"]}
    charged["balance_transaction"] = line["id"]
    charged["outcome"] = {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None, "reason": None,
        "network_status": "approved_by_network", "seller_message": "Payment complete.", "type": "authorized",
    }  # fmt: skip
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    if method in SINGLE_USE and intent["setup_future_usage"] == "off_session":
        generate(state, charged, intent["customer"], at, charge=charged["id"])
    state.tell("charge.succeeded", charged, at)
    state.tell("payment_intent.succeeded", intent, at)


def _failed(state: StripeState, intent: Thing, kind: FailureKind, at: int) -> None:
    charged = state.things[intent["latest_charge"]]
    error = _error(kind, charged["payment_method_details"]["type"], charged["id"])
    error["payment_method"] = state.get(intent["payment_method"])
    charged |= {"status": "failed", "failure_code": error["code"], "failure_message": error["message"]}
    charged["outcome"] = {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None,
        "network_status": "declined_by_network", "reason": error["decline_code"], "seller_message": error["message"],
        "type": "issuer_declined",
    }  # fmt: skip
    intent |= {"status": "requires_payment_method", "last_payment_error": error, "payment_method": None}
    state.tell("charge.failed", charged, at)
    state.tell("payment_intent.payment_failed", intent, at)


def _error(kind: FailureKind, method: str, charged: str | None) -> Thing:
    """A card says why in its decline code, a debit in the code itself."""
    reason, message = REFUSALS[kind]
    debit = method == "sepa_debit" and kind in _DEBIT_REFUSALS
    code = _DEBIT_REFUSALS[kind] if debit else "authentication_required" if kind == "donor" else "card_declined"
    said: dict[str, Any] = {"type": "card_error", "code": code, "decline_code": None if debit else reason}
    return said | {"message": message, "charge": charged}


# --- asked for by the API ---------------------------------------------------------------------------------------


def begin(state: StripeState, asked: Thing, page: str) -> Thing:
    """A checkout session; ``page``: the address of its page, but for its name."""
    at = state.moment()
    if asked.get("customer") and state.get(asked["customer"]) is None:
        raise missing("customer", asked["customer"])
    if asked.get("customer") and (asked.get("customer_creation") or asked.get("customer_email")):
        raise ApiError(
            400, "You may only specify one of these parameters: customer, customer_email.",
            param="customer", code="parameters_exclusive",
        )  # fmt: skip
    setup = asked["mode"] == "setup"
    made = shapes.session(state.new_id("cs_test"), at)
    hidden = ("expand", "line_items", "payment_intent_data", "setup_intent_data", "payment_method_data")
    made |= {name: value for name, value in asked.items() if name not in hidden}
    made["url"] = f"{page}/{made['id']}"
    state.hidden[made["id"]] = {name: asked[name] for name in hidden[2:] if name in asked}
    if setup:
        if asked.get("line_items") or asked.get("payment_intent_data") or asked.get("submit_type"):
            raise ApiError(400, "You can not pass this parameter in `setup` mode.", param="line_items")
        if not asked.get("currency") and not asked.get("allowed_payment_method_types"):
            raise missing_parameter("currency")
        made["setup_intent"] = state.keep(
            shapes.setup_intent(
                state.new_id("seti"), at, customer=made["customer"], **asked.get("setup_intent_data", {})
            )
        )["id"]
        made["payment_status"] = "no_payment_required"
    else:
        if not asked.get("line_items"):
            raise missing_parameter("line_items")
        prices = [(line["price_data"], line.get("quantity", 1)) for line in asked["line_items"]]
        total = sum(price["unit_amount"] * quantity for price, quantity in prices)
        if total < 50:
            raise ApiError(400, "The Checkout Session's total amount due must add up to at least €0.50 eur",
                           code="amount_too_small")  # fmt: skip
        made |= {"amount_total": total, "amount_subtotal": total, "currency": prices[0][0]["currency"]}
        made["total_details"] = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    made["payment_method_types"] = offered(made)
    if not made["payment_method_types"]:
        raise ApiError(400, "No payment method types are available.", param="allowed_payment_method_types")
    return state.keep(made)


def missing(param: str, ident: str) -> ApiError:
    return ApiError(400, f"No such {param}: '{ident}'", code="resource_missing", param=param)


def missing_parameter(param: str) -> ApiError:
    return ApiError(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def seconds(at: datetime | None) -> int:
    return int(at.timestamp()) if at is not None else 0
