"""Stripe's objects, as plain data, read into ours. Nothing here asks Stripe anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from supporters.money import Money, exponent
from supporters.payments.gateway import (
    ChargebackSnapshot,
    Failure,
    MandateRef,
    MandateSnapshot,
    Misasked,
    RefundSnapshot,
    State,
)
from supporters.payments.stripe.errors import failure

Plain = dict[str, Any]

CHECKOUT = re.compile(r"cs_(?:test_|live_)?[A-Za-z0-9]{6,250}")
INTENT = re.compile(r"pi_[A-Za-z0-9]{6,250}")
CUSTOMER = re.compile(r"cus_[A-Za-z0-9]{6,250}")
METHOD = re.compile(r"pm_[A-Za-z0-9]{6,250}")

# Stripe's own minor units (docs: currencies); the króna and the Ugandan shilling have none and are sent with two.
_WITHOUT_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_WITH_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])

_MANDATE_METHODS: dict[str, Literal["directdebit", "card", "paypal"]] = {
    "sepa_debit": "directdebit",
    "paypal": "paypal",
}
_MANDATE_STATES: dict[str, Literal["pending", "valid", "invalid"]] = {"active": "valid", "pending": "pending"}
_REFUND_STATES: dict[str, Literal["pending", "done", "failed"]] = {
    "succeeded": "done", "failed": "failed", "canceled": "failed",
}  # fmt: skip
#: What a checkout that the donor is done with became, by its intent.
_DONE_STATES: dict[str, State] = {
    "succeeded": "paid",
    "requires_payment_method": "failed",
    "canceled": "cancelled",
}
#: A charge without the donor: whatever still needs somebody failed.
_CHARGE_STATES: dict[str, State] = {
    "succeeded": "paid",
    "processing": "processing",
    "requires_capture": "processing",
    "requires_confirmation": "open",
    "canceled": "cancelled",
}


def to_minor(money: Money) -> int:
    """What Stripe calls this amount; raises Misasked where it cannot be said in Stripe's units."""
    shift = _decimals(money.currency) - exponent(money.currency)
    whole, left = _shifted(money.amount, shift)
    if left or (money.currency in _WITH_THREE and whole % 10):
        raise Misasked("Stripe cannot move this amount of %(currency)s.", currency=money.currency)
    return whole


def to_money(amount: int, currency: str) -> Money:
    """Raises ValueError where our money cannot say it."""
    code = currency.upper()
    shift = exponent(code) - _decimals(code)
    whole, left = _shifted(amount, shift)
    if left:
        raise ValueError("an amount in parts of a minor unit")
    return Money(whole, code)


def _shifted(amount: int, places: int) -> tuple[int, int]:
    factor: int = 10 ** abs(places)
    return (amount * factor, 0) if places >= 0 else divmod(amount, factor)


def _decimals(currency: str) -> int:
    return 0 if currency in _WITHOUT_DECIMALS else 3 if currency in _WITH_THREE else 2


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def expanded(value: Any) -> Plain | None:
    """The object itself, where Stripe was asked to send it along."""
    return value if isinstance(value, dict) else None


def id_of(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


def key_of(thing: Mapping[str, Any]) -> str | None:
    """Ours, from the metadata of a payment."""
    return (thing.get("metadata") or {}).get("payment")


def checkout_state(session: Plain, intent: Plain | None) -> State:
    """The money decides: an intent that succeeded is paid, whatever its page still says."""
    if intent is not None and intent["status"] == "succeeded":
        return "paid"
    if session["status"] == "expired":
        return "expired"
    if session["status"] == "open":
        return "open"
    if session["payment_status"] == "paid" or intent is None:
        return "paid"
    return _DONE_STATES.get(intent["status"], "processing")


def charge_state(intent: Plain) -> State:
    if intent["status"] == "requires_payment_method" and not intent.get("last_payment_error"):
        return "open"  # nobody tried yet: not one of ours
    return _CHARGE_STATES.get(intent["status"], "failed")


def intent_failure(intent: Plain, *, off_session: bool) -> Failure:
    """Why a payment intent or setup intent failed."""
    if off_session and intent["status"] == "requires_action":
        return Failure("donor", "authentication_required")
    return failure(intent.get("last_payment_error") or intent.get("last_setup_error"), charge_of(intent))


def charge_of(intent: Plain) -> Plain | None:
    return expanded(intent.get("latest_charge"))


def paid_at_of(charge: Plain) -> datetime:
    """A charge that was just captured has no line in Stripe's ledger yet."""
    line = expanded(charge.get("balance_transaction"))
    return moment((line or charge)["created"])


def fee_of(charge: Plain) -> tuple[Money | None, str | None]:
    """What Stripe kept, in the currency it pays out, and where its ledger says so."""
    line = expanded(charge.get("balance_transaction"))
    return (to_money(line["fee"], line["currency"]), line["id"]) if line else (None, None)


def method_of(intent: Plain) -> str:
    """How the donor pays, in Stripe's word, which is ours."""
    details = (charge_of(intent) or expanded(intent.get("latest_attempt")) or {}).get("payment_method_details")
    return (details or expanded(intent.get("payment_method")) or {}).get("type") or ""


def left_by(intent: Plain) -> tuple[Any, Any, str | None]:
    """The payment method that a payment or setup leaves for later, its mandate and its customer.

    iDEAL and Bancontact serve once; Stripe makes a direct debit of them, and a mandate for it.
    """
    source = charge_of(intent) or expanded(intent.get("latest_attempt")) or {}
    details = source.get("payment_method_details") or {}
    kind = details.get("type") or ""
    detail = details.get(kind) or {}
    customer = id_of(intent.get("customer"))
    if kind in ("ideal", "bancontact"):
        return detail.get("generated_sepa_debit"), detail.get("generated_sepa_debit_mandate"), customer
    return intent.get("payment_method"), intent.get("mandate") or detail.get("mandate"), customer


def generated_mandate(source: Plain) -> str | None:
    """The mandate that Stripe made of an iDEAL or Bancontact payment or setup."""
    details = source["payment_method_details"]
    return id_of((details.get(details["type"]) or {}).get("generated_sepa_debit_mandate"))


def refund_snapshot(refund: Plain) -> RefundSnapshot:
    """Stripe takes a refund out of its ledger when it is made, and puts one that failed back in a line of its own."""
    state = _REFUND_STATES.get(refund["status"], "pending")
    failed = state == "failed"
    line = expanded(refund.get("failure_balance_transaction"))
    left = line is not None or refund.get("balance_transaction") is not None
    return RefundSnapshot(
        refund["id"],
        to_money(refund["amount"], refund["currency"]),
        state,
        moment(refund["created"]),
        (refund.get("metadata") or {}).get("refund"),
        (refund.get("failure_reason") if failed else refund.get("reason")) or "",
        moment((line or refund)["created"]) if failed and left else None,
    )


def chargebacks(disputes: Iterable[Plain]) -> tuple[ChargebackSnapshot, ...]:
    """Those that took money: an inquiry is a letter. What was put back last and not taken again is reversed."""
    found = []
    for dispute in disputes:
        lines = sorted(dispute["balance_transactions"], key=lambda line: (line["created"], line["amount"] > 0))
        taken = [line for line in lines if line["amount"] < 0]
        if not taken:
            continue
        found.append(
            ChargebackSnapshot(
                dispute["id"],
                to_money(dispute["amount"], dispute["currency"]),
                moment(taken[0]["created"]),
                dispute.get("reason") or "",
                moment(lines[-1]["created"]) if lines[-1]["amount"] > 0 else None,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.at, one.external_id)))


def mandate_snapshot(ref: MandateRef, method: Plain, mandate: Plain | None) -> MandateSnapshot:
    """A payment method that is no longer its customer's is of no use, whatever its mandate says."""
    detached = id_of(method.get("customer")) != ref.customer
    standing = _MANDATE_STATES.get(mandate["status"], "invalid") if mandate else "valid"
    reason = "detached" if detached else "inactive" if standing == "invalid" else ""
    details = ((mandate or {}).get("payment_method_details") or {}).get("sepa_debit") or {}
    return MandateSnapshot(
        ref,
        "invalid" if detached else standing,
        _MANDATE_METHODS.get(method["type"], "card"),
        _label(method),
        reason,
        details.get("reference") or "",
    )


def _label(method: Plain) -> str:
    """Enough for the donor to know it by."""
    debit, card = method.get("sepa_debit"), method.get("card")
    if debit:
        return f"{debit.get('country') or '••'}•• •••• {debit.get('last4') or '••••'}"
    if card:
        brand = str(card.get("display_brand") or card["brand"]).replace("_", " ").title()
        return f"{brand} •••• {card['last4']} ({card['exp_month']:02}/{card['exp_year'] % 100:02})"
    return {"paypal": "PayPal"}.get(method["type"], "")
