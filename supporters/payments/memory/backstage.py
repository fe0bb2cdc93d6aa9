"""What happens behind the gateway's back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Literal

from supporters.money import Money
from supporters.payments.backstage import Trouble
from supporters.payments.gateway import (
    ChargebackSnapshot,
    Failure,
    FailureKind,
    MandateRef,
    RefundSnapshot,
    State,
)
from supporters.payments.memory.gateway import SIGNATURE, MemoryGateway, sign
from supporters.payments.memory.vendor import DECLINES, MemoryPayment, new_id


class MemoryBackstage:
    """What donors, banks and the vendor's staff do. ``vendor.refunds_wait = True`` keeps our own refunds pending."""

    def __init__(self, gateway: MemoryGateway) -> None:
        self.gateway = gateway
        self.vendor = gateway.vendor

    def pay(self, external_id: str, *, at: datetime | None = None) -> None:
        with self._payment(external_id, "open", "processing") as payment:
            self.vendor.settle(payment, at or self.vendor.now())

    def process(self, external_id: str) -> None:
        with self._payment(external_id, "open") as payment:
            self.vendor.agree(payment, "pending")
            payment.change(self.vendor.now(), "processing")

    def fail(self, external_id: str, kind: FailureKind = "soft") -> None:
        with self._payment(external_id, "open", "processing") as payment:
            if payment.mandate is not None:
                self.vendor.agree(payment, "invalid", "the first payment failed")
            payment.change(self.vendor.now(), "failed", failure=Failure(kind, DECLINES[kind]))

    def give_up(self, external_id: str) -> None:
        with self._payment(external_id, "open") as payment:
            payment.change(self.vendor.now(), "cancelled")

    def expire(self, external_id: str) -> None:
        with self._payment(external_id, "open") as payment:
            payment.change(self.vendor.now(), "expired")

    def refund(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        with self._payment(external_id, "paid") as payment:
            if money > payment.left:
                raise ValueError(f"only {payment.left} of {external_id} is left")
            return self.vendor.give_back(payment, money, at or self.vendor.now(), key=None, reason="dashboard")

    def fail_refund(self, external_id: str, refund_id: str, *, at: datetime | None = None) -> None:
        with self._payment(external_id, "paid") as payment:
            when = at or self.vendor.now()
            _one(payment.snapshot.refunds, refund_id)
            refunds = (
                replace(one, state="failed", reason="came back", returned_at=when if one.state == "done" else None)
                if one.external_id == refund_id
                else one
                for one in payment.snapshot.refunds
            )
            payment.change(when, refunds=tuple(refunds))

    def finish_refunds(self, external_id: str) -> None:
        with self._payment(external_id, "paid") as payment:
            refunds = (
                replace(one, state="done") if one.state == "pending" else one for one in payment.snapshot.refunds
            )
            payment.change(self.vendor.now(), refunds=tuple(refunds))

    def charge_back(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        """As banks do, whatever was given back before."""
        with self._payment(external_id, "paid") as payment:
            back = ChargebackSnapshot(new_id("memcb"), money, at or self.vendor.now(), "MD06")
            payment.change(back.at, chargebacks=(*payment.snapshot.chargebacks, back))
            return back.external_id

    def reverse_chargeback(self, external_id: str, chargeback_id: str, *, at: datetime | None = None) -> None:
        with self._payment(external_id, "paid") as payment:
            when = at or self.vendor.now()
            _one(payment.snapshot.chargebacks, chargeback_id)
            backs = (
                replace(one, reversed_at=when) if one.external_id == chargeback_id else one
                for one in payment.snapshot.chargebacks
            )
            payment.change(when, chargebacks=tuple(backs))

    def end_mandate(self, ref: MandateRef) -> None:
        with self.vendor.lock:
            self.vendor.mandates[ref] = replace(self.vendor.mandates[ref], state="invalid", reason="ended by the donor")

    def decline_next_charge(self, kind: FailureKind) -> None:
        self.vendor.declines.append(kind)

    def trouble(self, what: Trouble, times: int = 1) -> None:
        self.vendor.troubles.extend([what] * times)

    def news(self, external_id: str) -> tuple[Mapping[str, str], bytes]:
        """Signed by the account's first webhook secret."""
        payment = self.vendor.get(external_id)
        name = payment.snapshot.external_id
        raw = json.dumps({"id": name, "event": f"memevt_{payment.hex}_{payment.changes}"}).encode()
        return {"Content-Type": "application/json", SIGNATURE: sign(self.gateway.account.webhook_secrets[0], raw)}, raw

    def count(self, what: Literal["payments", "refunds"]) -> int:
        with self.vendor.lock:
            if what == "payments":
                return len(self.vendor.payments)
            return sum(len(payment.snapshot.refunds) for payment in self.vendor.payments.values())

    @contextmanager
    def _payment(self, external_id: str, *states: State) -> Iterator[MemoryPayment]:
        with self.vendor.lock:
            payment = self.vendor.get(external_id)
            if payment.snapshot.state not in states:
                raise ValueError(f"{external_id} is {payment.snapshot.state}, not {' or '.join(states)}")
            yield payment


def _one(those: tuple[RefundSnapshot, ...] | tuple[ChargebackSnapshot, ...], external_id: str) -> None:
    if all(one.external_id != external_id for one in those):
        raise ValueError(f"there is no {external_id}")
