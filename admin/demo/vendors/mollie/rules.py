"""What a simulated Mollie takes and what it tells: amounts, methods, errors, details of who paid."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from supporters.money import Money, exponent
from supporters.payments.gateway import FailureKind

Json = dict[str, Any]

METHODS = ("ideal", "bancontact", "creditcard", "paypal")
#: Methods that can make a mandate for nothing.
FOR_NOTHING = ("creditcard", "paypal")
#: What a bank says of a debit, and what is said of anything else.
FAILURES: dict[FailureKind, tuple[str, str]] = {
    "soft": ("AM04", "insufficient_funds"),
    "hard": ("AC04", "card_expired"),
    "donor": ("", "authentication_failed"),
}
_IBAN = "NL55INGB0000000000"


class Wrong(Exception):
    """An error of Mollie's own form."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        self.status, self.detail, self.field = status, detail, field
        super().__init__(detail)


def look_over(asked: Json, sequence: str) -> None:
    """What is wrong with a payment that is asked for, wherever it comes from."""
    amount = asked.get("amount")
    if not isinstance(amount, dict) or not isinstance(amount.get("value"), str):
        raise Wrong(422, "The amount is required.", "amount")
    decimals = exponent(amount.get("currency") or "EUR")
    shape = r"\d+" + (rf"\.\d{{{decimals}}}" if decimals else "")
    if not re.fullmatch(shape, amount["value"]) or not isinstance(amount.get("currency"), str):
        raise Wrong(422, "The amount contains an invalid value", "amount.value")
    if not isinstance(asked.get("description"), str) or not asked["description"]:
        raise Wrong(422, "The description is required", "description")
    if sequence not in ("oneoff", "first", "recurring"):
        raise Wrong(422, "The sequence type is invalid", "sequenceType")
    if sequence != "recurring" and not str(asked.get("redirectUrl") or "").startswith(("http://", "https://")):
        raise Wrong(422, "The redirect URL is required", "redirectUrl")
    if not str(asked.get("webhookUrl") or "http://").startswith(("http://", "https://")):
        raise Wrong(422, "The webhook URL is invalid", "webhookUrl")
    methods = asked.get("method") or []
    methods = methods if isinstance(methods, list) else [methods]
    if unknown := [one for one in methods if one not in METHODS]:
        raise Wrong(422, f"The payment method is invalid: {unknown[0]}", "method")
    if not choices(asked):
        raise Wrong(422, "The amount is lower than the minimum", "amount")


def choices(asked: Json) -> list[str]:
    """What the donor can take, of what the merchant allows: for nothing only some, and only to make a mandate."""
    methods = asked.get("method") or METHODS
    methods = [methods] if isinstance(methods, str) else methods
    nought = not Decimal(asked["amount"]["value"])
    can = METHODS if not nought else FOR_NOTHING if asked.get("sequenceType") == "first" else ()
    return [one for one in can if one in methods]


def is_cancelable(payment: Json) -> bool:
    """Not once a method of the web was chosen: its bank may be busy with it."""
    state, method = payment["status"], payment["method"]
    return bool((state == "open" and method is None) or (state == "pending" and method == "directdebit"))


def told(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def money(amount: Json) -> Money:
    return Money.of(Decimal(amount["value"]), amount["currency"])


def shown(amount: Money) -> Json:
    return {"value": f"{amount.decimal:.{exponent(amount.currency)}f}", "currency": amount.currency}


def details(method: str) -> Json:
    if method == "creditcard":
        return {
            "cardNumber": "4242", "cardHolder": "A. Donateur", "cardLabel": "Visa", "cardCountryCode": "NL",
            "cardSecurity": "3dsecure", "feeRegion": "intra-eu",
        }  # fmt: skip
    if method == "paypal":
        return {"consumerName": "A. Donateur", "consumerAccount": "donateur@example.org", "paypalReference": "SIM1"}
    return {"consumerName": "A. Donateur", "consumerAccount": _IBAN, "consumerBic": "INGBNL2A"}


def mandate_details(method: str) -> Json:
    if method == "creditcard":
        return {
            "cardHolder": "A. Donateur", "cardNumber": "4242", "cardLabel": "Visa", "cardExpiryDate": "2028-12-31",
            "cardFingerprint": "simulated",
        }  # fmt: skip
    return {key: value for key, value in details(method).items() if key.startswith("consumer")}
