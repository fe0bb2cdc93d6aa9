"""What a simulated Mollie keeps, and what can happen to it: customers, mandates, payments, refunds and chargebacks."""

from __future__ import annotations

import json
import os
import secrets
import string
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from admin.demo.vendors.mollie.rules import (
    FAILURES,
    FOR_NOTHING,
    Json,
    Wrong,
    choices,
    details,
    is_cancelable,
    look_over,
    mandate_details,
    money,
    shown,
    told,
)
from supporters.money import Money
from supporters.payments.gateway import FailureKind

KINDS = ("customers", "mandates", "payments", "refunds", "chargebacks")
PREFIXES = {"customers": "cst", "mandates": "mdt", "payments": "tr", "refunds": "re", "chargebacks": "chb"}
KEY_LIVES = timedelta(hours=1)
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase


class State:
    """One account at the simulated Mollie. With a ``path`` it is as it was after a restart.

    ``public_url`` is how a browser gets to it, where that is another address than our own requests come by;
    ``vendor_host`` makes links to next pages name the real vendor's host, as the real vendor's do.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        public_url: str = "",
        vendor_host: str = "",
        keys: tuple[str, ...] = (),
    ) -> None:
        self.now, self.public_url, self.vendor_host, self.keys = now, public_url.rstrip("/"), vendor_host, keys
        self.lock = threading.RLock()
        self._path = path
        self._depth = 0
        self.troubles: list[str] = []
        self.declines: list[FailureKind] = []
        self.busy: set[str] = set()  # idempotency keys of requests that are being dealt with
        self.posted: list[tuple[datetime, str, str]] = []  # news: when, of which payment, what came of it
        self.data: dict[str, dict[str, Json]] = {kind: {} for kind in (*KINDS, "answers")}
        if path is not None and path.exists():
            self.data |= json.loads(path.read_text(encoding="utf-8"))

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else looks or changes meanwhile, and afterwards it is on disk: whole, or as it was."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            if self._path is None or self._depth:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self.data, file)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self._path)

    # --- looking ----------------------------------------------------------------------------------------------------

    def get(self, kind: str, its_id: str, mode: str | None = None) -> Json:
        found = self.data[kind].get(its_id)
        if found is None or (mode and found["mode"] != mode):
            raise Wrong(404, f"No {kind[:-1]} exists with token {its_id}.")
        if found.get("revoked"):
            raise Wrong(410, f"The {kind[:-1]} is no longer available")
        return found

    def payment(self, its_id: str) -> Json:
        return self.get("payments", its_id)

    def of(self, kind: str, payment_id: str) -> list[Json]:
        """The refunds or chargebacks of a payment, newest first."""
        return [each for each in reversed(self.data[kind].values()) if each["paymentId"] == payment_id]

    def gone_back(self, kind: str, payment: Json) -> Money:
        """How much of it was refunded, or charged back and not reversed."""
        total = Money(0, payment["amount"]["currency"])
        for each in self.of(kind, payment["id"]):
            if each.get("status") not in ("failed", "canceled") and not each.get("reversedAt"):
                total += money(each["amount"])
        return total

    def left(self, payment: Json) -> Money:
        return money(payment["amount"]) - self.gone_back("refunds", payment) - self.gone_back("chargebacks", payment)

    # --- asked by the merchant --------------------------------------------------------------------------------------

    def add(self, kind: str, mode: str, **fields: Any) -> Json:
        """Ids sort as they were made, so that what happened in one second has an order; they cannot be guessed."""
        made_before = sum(len(self.data[each]) for each in KINDS)
        number = "".join(_LETTERS[made_before // len(_LETTERS) ** place % len(_LETTERS)] for place in (3, 2, 1, 0))
        its_id = f"{PREFIXES[kind]}_{number}" + "".join(secrets.choice(_LETTERS) for _ in range(10))
        made = {"resource": kind[:-1], "id": its_id, "mode": mode, "createdAt": told(self.now()), **fields}
        self.data[kind][its_id] = made
        return made

    def create_customer(self, asked: Json, mode: str) -> Json:
        with self.changing():
            fields = {name: asked.get(name) for name in ("name", "email", "locale", "metadata")}
            return self.add("customers", mode, **fields)

    def create_payment(self, asked: Json, mode: str) -> Json:
        """Open, with a page to go to; a recurring one is tried at once: a debit is on its way, a card has paid."""
        with self.changing():
            sequence = asked.get("sequenceType", "oneoff")
            look_over(asked, sequence)
            if sequence != "oneoff":
                self._customer_for(asked, mode)
            mandate = self._mandate_for(asked) if sequence == "recurring" else None
            method = asked.get("method")
            method = method[0] if isinstance(method, list) and len(method) == 1 else method
            fields = {
                name: asked.get(name) for name in ("amount", "description", "redirectUrl", "webhookUrl", "metadata")
            } | {name: asked[name] for name in ("locale", "customerId") if asked.get(name)}
            payment = self.add(
                "payments", mode, status="open", sequenceType=sequence, profileId="pfl_simulated1",
                method=method if isinstance(method, str) else None,
                choices=choices(asked),
                expiresAt=told(self.now() + timedelta(minutes=15)), details=None, **fields,
            )  # fmt: skip
            if sequence == "first" and payment["method"]:
                self._give_mandate(payment)
            if mandate is not None:
                self._charge(payment, mandate)
            return payment

    def _customer_for(self, asked: Json, mode: str) -> None:
        customer = self.data["customers"].get(asked.get("customerId") or "")
        if customer is None or customer["mode"] != mode:
            raise Wrong(422, "The customer id is invalid", "customerId")

    def _mandate_for(self, asked: Json) -> Json:
        """The named one, or else the newest that can be charged, as the vendor does."""
        of_customer = [one for one in self.data["mandates"].values() if one["customerId"] == asked["customerId"]]
        usable = [one for one in of_customer if one["status"] == "valid" and not one.get("revoked")]
        if named := asked.get("mandateId"):
            usable = [one for one in usable if one["id"] == named]
        if not usable:
            raise Wrong(422, "No suitable mandates found for customer", "mandateId" if named else None)
        return usable[-1]

    def _charge(self, payment: Json, mandate: Json) -> None:
        payment |= {"mandateId": mandate["id"], "method": mandate["method"], "redirectUrl": None, "expiresAt": None}
        if self.declines:
            self.fail(payment["id"], self.declines.pop(0))
        elif mandate["method"] == "directdebit":
            payment["status"] = "pending"
        else:
            self.pay(payment["id"])

    def create_refund(self, payment_id: str, asked: Json, mode: str) -> Json:
        with self.changing():
            payment = self.get("payments", payment_id, mode)
            return self._refund(payment, asked.get("amount"), asked, "pending", told(self.now()))

    def _refund(self, payment: Json, amount: Any, asked: Json, status: str, at: str) -> Json:
        if payment["status"] != "paid":
            raise Wrong(422, "The payment is not paid and cannot be refunded")
        if not isinstance(amount, dict) or not isinstance(amount.get("value"), str):
            raise Wrong(422, "The amount is required.", "amount")
        left = self.left(payment)
        if amount["currency"] != left.currency or not 0 < money(amount).amount <= left.amount:
            raise Wrong(422, "The specified amount cannot be refunded", "amount")
        refund = self.add(
            "refunds", payment["mode"], amount=amount, description=str(asked.get("description") or ""),
            metadata=asked.get("metadata"), status=status, paymentId=payment["id"],
        )  # fmt: skip
        refund["createdAt"] = at
        return refund

    def cancel(self, payment_id: str, mode: str) -> Json:
        with self.changing():
            payment = self.get("payments", payment_id, mode)
            if not is_cancelable(payment):
                raise Wrong(422, "The payment cannot be cancelled")
            self._end(payment, "canceled")
            return payment

    def revoke(self, customer_id: str, mandate_id: str, mode: str) -> None:
        with self.changing():
            mandate = self.mandate(customer_id, mandate_id, mode)
            mandate |= {"status": "invalid", "revoked": True}

    def mandate(self, customer_id: str, mandate_id: str, mode: str | None = None) -> Json:
        found = self.get("mandates", mandate_id, mode)
        if found["customerId"] != customer_id:
            raise Wrong(404, f"No mandate exists with token {mandate_id}.")
        return found

    # --- done by the donor, a bank, or in the dashboard -------------------------------------------------------------

    def choose(self, payment_id: str, method: str) -> None:
        """The donor takes a method, where the merchant left that open."""
        with self.changing():
            payment = self.payment(payment_id)
            if payment["method"] is None:
                payment["method"] = method if method in payment["choices"] else payment["choices"][0]
                if payment["sequenceType"] == "first":
                    self._give_mandate(payment)

    def pay(self, payment_id: str, at: datetime | None = None) -> None:
        with self.changing():
            payment = self._under_way(payment_id)
            payment["details"] = details(payment["method"])
            self._end(payment, "paid", at)
            if payment["sequenceType"] == "first":
                mandate = self.data["mandates"][payment["mandateId"]]
                mandate |= {"status": "valid", "signatureDate": payment["paidAt"][:10]}
                mandate["details"] = mandate_details(mandate["method"])

    def process(self, payment_id: str) -> None:
        with self.changing():
            self._under_way(payment_id)["status"] = "pending"

    def fail(self, payment_id: str, kind: FailureKind = "soft") -> None:
        with self.changing():
            payment = self._under_way(payment_id)
            bank, card = FAILURES[kind]
            if payment["method"] == "directdebit" and bank:
                payment["details"] = {"bankReasonCode": bank, "bankReason": "Simulated by the demo"}
            else:
                payment["details"] = {"failureReason": card, "failureMessage": "Simulated by the demo"}
            self._end(payment, "failed")

    def give_up(self, payment_id: str) -> None:
        with self.changing():
            self._end(self._under_way(payment_id), "canceled")

    def expire(self, payment_id: str) -> None:
        with self.changing():
            self._end(self._under_way(payment_id), "expired")

    def refund(self, payment_id: str, amount: Money, at: datetime | None = None) -> Json:
        with self.changing():
            return self._refund(self.payment(payment_id), shown(amount), {}, "refunded", told(at or self.now()))

    def end_refund(self, refund_id: str, status: str) -> None:
        with self.changing():
            self.get("refunds", refund_id)["status"] = status

    def finish_refunds(self, payment_id: str) -> None:
        with self.changing():
            for refund in self.of("refunds", payment_id):
                if refund["status"] in ("queued", "pending", "processing"):
                    refund["status"] = "refunded"

    def charge_back(self, payment_id: str, amount: Money, at: datetime | None = None) -> Json:
        with self.changing():
            payment = self.payment(payment_id)
            if payment["status"] != "paid" or amount > money(payment["amount"]):
                raise Wrong(422, "That cannot be charged back")
            debit = payment["method"] == "directdebit"
            made = self.add(
                "chargebacks", payment["mode"], amount=shown(amount), paymentId=payment_id, reversedAt=None,
                reason={"code": "MD06", "description": "Return of funds requested by end customer"} if debit else None,
            )  # fmt: skip
            made["createdAt"] = told(at or self.now())
            return made

    def reverse_chargeback(self, chargeback_id: str, at: datetime | None = None) -> None:
        with self.changing():
            self.get("chargebacks", chargeback_id)["reversedAt"] = told(at or self.now())

    def end_mandate(self, customer_id: str, mandate_id: str) -> None:
        with self.changing():
            self.mandate(customer_id, mandate_id)["status"] = "invalid"

    def settle(self, payment_id: str, settlement: str) -> None:
        """It is in a payout."""
        with self.changing():
            self.payment(payment_id)["settlementId"] = settlement

    def _under_way(self, payment_id: str) -> Json:
        payment = self.payment(payment_id)
        if payment["status"] not in ("open", "pending"):
            raise Wrong(422, "The payment has ended")
        self.choose(payment_id, "")
        return payment

    def _end(self, payment: Json, status: str, at: datetime | None = None) -> None:
        payment |= {"status": status, f"{status}At": told(at or self.now()), "expiresAt": None}

    def _give_mandate(self, payment: Json) -> None:
        """Pending until the payment is paid, and for ever if it never is, as at the vendor."""
        method = payment["method"] if payment["method"] in FOR_NOTHING else "directdebit"
        mandate = self.add(
            "mandates", payment["mode"], status="pending", method=method, details={}, signatureDate=None,
            customerId=payment["customerId"], scopes=["customer-not-present"],
        )  # fmt: skip
        mandate["mandateReference"] = f"SIM-{mandate['id'][4:].upper()}" if method == "directdebit" else None
        payment["mandateId"] = mandate["id"]
