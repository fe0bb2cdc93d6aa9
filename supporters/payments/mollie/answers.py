"""What Mollie answers, in our words. All of it trusts the form: what is missing raises, and is caught above."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from supporters.money import Money
from supporters.payments.gateway import (
    ChargebackSnapshot,
    Failure,
    FailureKind,
    MandateRef,
    MandateSnapshot,
    RefundSnapshot,
    Snapshot,
    State,
)
from supporters.payments.mollie.asking import METHODS
from supporters.payments.mollie.checks import is_id

Json = Mapping[str, Any]

STATES: dict[str, State] = {
    "open": "open", "pending": "processing", "authorized": "processing", "paid": "paid",
    "failed": "failed", "canceled": "cancelled", "expired": "expired",
}  # fmt: skip
_OURS = {theirs: ours for ours, theirs in METHODS.items()} | {"directdebit": "sepa_debit"}
_REFUNDS: dict[str, Any] = {
    "queued": "pending", "pending": "pending", "processing": "pending",
    "refunded": "done", "failed": "failed", "canceled": "failed",
}  # fmt: skip
#: What a bank or card says that no other day mends; all other reasons are soft, but for a missing authentication.
_HARD = frozenset({
    "AC01", "AC03", "AC04", "AC06", "AC13", "AG01", "AG03", "BE05", "CNOR", "DNOR", "MD01", "MD02", "MD06", "MD07",
    "MD15", "MS02", "RC01", "RR01", "RR02", "RR03", "RR04", "SL01", "card_expired", "inactive_card",
    "invalid_card_holder_name", "invalid_card_number", "invalid_card_type", "invalid_cvv", "possible_fraud",
})  # fmt: skip


def money(found: Json) -> Money:
    return Money.of(Decimal(found["value"]), found["currency"])


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant without a time zone")
    return found


def its_id(prefix: str, found: Any) -> str:
    if not is_id(prefix, found):
        raise ValueError("an id of another kind")
    return str(found)


def key_in(metadata: Any, name: str) -> str | None:
    """Ours, if it is; whoever made it elsewhere may have put anything there."""
    if isinstance(metadata, str):  # of a refund it can come back as the text it was sent as
        try:
            metadata = json.loads(metadata)
        except (ValueError, RecursionError):
            return None
    found = metadata.get(name) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) else None


def snapshot(
    payment: Json,
    *,
    refunds: Iterable[Json] = (),
    chargebacks: Iterable[Json] = (),
    mandate: MandateSnapshot | None = None,
    now: datetime,
) -> Snapshot:
    """``paidAt`` stays there when all of it was refunded or charged back: only the status says that it is paid."""
    state = STATES[payment["status"]]
    details = payment.get("details") or {}
    checkout = (payment.get("_links") or {}).get("checkout") or {}
    return Snapshot(
        external_id=its_id("tr", payment["id"]),
        key=key_in(payment.get("metadata"), "payment"),
        is_live={"live": True, "test": False}[payment["mode"]],
        money=money(payment["amount"]),
        state=state,
        observed_at=now,
        checkout_url=checkout.get("href") if state == "open" else None,
        paid_at=moment(payment["paidAt"]) if state == "paid" else None,
        failure=_failure(payment, details) if state == "failed" else None,
        mandate=mandate,
        refunds=tuple(sorted(map(_refund, refunds), key=_age)),
        chargebacks=tuple(sorted(map(_chargeback, chargebacks), key=_age)),
        method=_OURS.get(payment.get("method") or "", payment.get("method") or ""),
        # Of all fees Mollie names only the one that PayPal takes; settlementAmount is before fees.
        fee=money(details["paypalFee"]) if details.get("paypalFee") else None,
        balance_reference=payment.get("settlementId"),
    )


def failure_kind(code: str) -> FailureKind:
    if code.startswith("authentication_"):
        return "donor"
    return "hard" if code in _HARD else "soft"


def _failure(payment: Json, details: Json) -> Failure:
    status_reason = payment.get("statusReason") or {}
    code = (
        details.get("bankReasonCode") or details.get("failureReason") or status_reason.get("code") or "unknown_reason"
    )
    words = details.get("bankReason") or details.get("failureMessage") or status_reason.get("message") or ""
    return Failure(failure_kind(code), code, words)


def _age(part: RefundSnapshot | ChargebackSnapshot) -> tuple[datetime, str]:
    return part.at, part.external_id


def _refund(refund: Json) -> RefundSnapshot:
    """One that failed had been sent, one that was cancelled had not. Of when it came back Mollie tells nothing."""
    return RefundSnapshot(
        external_id=refund["id"],
        money=money(refund["amount"]),
        state=_REFUNDS[refund["status"]],
        at=moment(refund["createdAt"]),
        key=key_in(refund.get("metadata"), "refund"),
        returned_at=moment(refund["createdAt"]) if refund["status"] == "failed" else None,
    )


def _chargeback(chargeback: Json) -> ChargebackSnapshot:
    reversed_at = chargeback.get("reversedAt")
    return ChargebackSnapshot(
        external_id=chargeback["id"],
        money=money(chargeback["amount"]),
        at=moment(chargeback["createdAt"]),
        reason=(chargeback.get("reason") or {}).get("code") or "",
        reversed_at=moment(reversed_at) if reversed_at else None,
    )


def mandate(found: Json, ref: MandateRef) -> MandateSnapshot:
    state = found["status"]
    if state not in ("pending", "valid", "invalid"):
        raise ValueError("a state of a mandate that we do not know")
    method = _mandate_method(found["method"])
    return MandateSnapshot(
        ref, state, method, _label(method, found.get("details") or {}), reference=found.get("mandateReference") or ""
    )


def gone(ref: MandateRef, method: str, reason: str) -> MandateSnapshot:
    """A mandate that Mollie no longer tells of; ``method`` is that of the payment that made it."""
    return MandateSnapshot(ref, "invalid", _mandate_method(method), reason=reason)


def _mandate_method(theirs: str) -> Any:
    """What is paid by iDEAL or Bancontact leaves a direct debit."""
    return {"creditcard": "card", "card": "card", "paypal": "paypal"}.get(theirs, "directdebit")


def _label(method: str, details: Json) -> str:
    if method == "paypal":
        return "PayPal"
    if method == "directdebit":
        iban = "".join((details.get("consumerAccount") or "").split())
        return f"{iban[:2]}•• •••• {iban[-4:]}" if len(iban) > 8 else ""
    last = (details.get("cardNumber") or "")[-4:]
    if not last:
        return ""
    until = re.match(r"\d\d(\d\d)-(\d\d)-", details.get("cardExpiryDate") or "")
    return f"{details.get('cardLabel') or 'Card'} •••• {last}" + (f" ({until[2]}/{until[1]})" if until else "")
