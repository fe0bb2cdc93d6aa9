"""Money that goes back at the double of Stripe: refunds, disputes, and the lines of its ledger."""

from __future__ import annotations

from typing import Any

from admin.demo.vendors.stripe import shapes
from admin.demo.vendors.stripe.asks import ApiError
from admin.demo.vendors.stripe.shapes import Thing
from admin.demo.vendors.stripe.state import StripeState


def refund(state: StripeState, intent: Thing, amount: int | None, *, at: int = 0, **said: Any) -> Thing:
    charged = state.get(intent["latest_charge"])
    if intent["status"] != "succeeded" or charged is None:
        raise ApiError(
            400, f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
        )  # fmt: skip
    left = charged["amount"] - charged["amount_refunded"]
    if left == 0:
        raise ApiError(400, f"Charge {charged['id']} has already been refunded.", code="charge_already_refunded")
    amount = left if amount is None else amount
    if amount > left:
        raise ApiError(400, "Refund amount is greater than unrefunded amount on charge.", param="amount")
    at = at or state.moment()
    made = state.keep(shapes.refund(state.new_id("re"), at, **said))
    made |= {"amount": amount, "currency": charged["currency"], "charge": charged["id"], "payment_intent": intent["id"]}
    made["balance_transaction"] = ledger_line(state, made, at, -amount, 0, type="refund")["id"]
    made["status"] = "succeeded" if charged["payment_method_details"]["type"] == "card" else "pending"
    charged["amount_refunded"] += amount
    charged["refunded"] = charged["amount_refunded"] == charged["amount"]
    state.tell("charge.refunded", charged, at)
    state.tell("refund.created", made, at)
    return made


def finish_refund(state: StripeState, made: Thing) -> None:
    if made["status"] == "pending":
        made["status"] = "succeeded"
        state.tell("refund.updated", made)


def fail_refund(state: StripeState, made: Thing, at: int = 0) -> None:
    if made["status"] == "failed":
        return
    at = at or state.moment()
    charged = state.things[made["charge"]]
    line = ledger_line(state, made, at, made["amount"], 0, type="refund_failure")
    made |= {"status": "failed", "failure_reason": "unknown", "failure_balance_transaction": line["id"]}
    charged["amount_refunded"] -= made["amount"]
    charged["refunded"] = False
    state.tell("refund.failed", made, at)
    state.tell("charge.refund.updated", made, at)


def dispute(state: StripeState, intent: Thing, amount: int, *, at: int = 0, inquiry: bool = False) -> Thing:
    """The donor takes it back. A debit is lost at once; about a card one may argue; an inquiry moves no money."""
    charged = state.things[intent["latest_charge"]]
    debit = charged["payment_method_details"]["type"] != "card"
    at = at or state.moment()
    made = state.keep(shapes.dispute(state.new_id("du"), at, amount=amount, currency=charged["currency"]))
    made |= {"charge": charged["id"], "payment_intent": intent["id"]}
    made |= {"status": "lost" if debit else "needs_response", "reason": "debit_not_authorized" if debit else "general"}
    charged["disputed"] = True
    if inquiry:
        made["status"] = "warning_needs_response"
    else:
        made["balance_transactions"] = [ledger_line(state, made, at, -amount, 1500, type="adjustment")]
    state.tell("charge.dispute.created", made, at)
    if not inquiry:
        state.tell("charge.dispute.funds_withdrawn", made, at)
    return made


def win(state: StripeState, made: Thing, at: int = 0) -> None:
    if made["status"] == "won":
        return
    at = at or state.moment()
    made["status"] = "won"
    made["balance_transactions"].append(ledger_line(state, made, at, made["amount"], -1500, type="adjustment"))
    state.tell("charge.dispute.funds_reinstated", made, at)
    state.tell("charge.dispute.closed", made, at)


def ledger_line(state: StripeState, source: Thing, at: int, amount: int, fee: int, **said: Any) -> Thing:
    line = shapes.balance_transaction(state.new_id("txn"), at, amount=amount, fee=fee, source=source["id"], **said)
    return state.keep(line | {"currency": source["currency"]})
