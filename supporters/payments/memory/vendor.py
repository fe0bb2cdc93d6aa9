"""What a vendor would have: payments, mandates, and the keys they were asked with."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from typing import Literal

from supporters.money import Money
from supporters.payments.backstage import Trouble
from supporters.payments.gateway import (
    Conflict,
    Declined,
    Failure,
    FailureKind,
    GatewayAccount,
    Gone,
    MandateRef,
    MandateSnapshot,
    Method,
    Misasked,
    Order,
    RefundSnapshot,
    Snapshot,
    State,
)

DECLINES: dict[FailureKind, str] = {"soft": "insufficient_funds", "hard": "account_closed", "donor": "needs_donor"}
PAYMENT_ID = re.compile(r"mem(?:tx)?_[0-9a-f]{16}")


@dataclass(slots=True)
class MemoryPayment:
    order: Order
    snapshot: Snapshot
    changed_at: datetime
    changes: int = 0
    mandate: MandateRef | None = None

    @property
    def hex(self) -> str:
        return self.snapshot.external_id.removeprefix("mem_")

    @property
    def left(self) -> Money:
        """What was not given or taken back."""
        gone = [one.money for one in self.snapshot.refunds if one.state != "failed"]
        gone += [one.money for one in self.snapshot.chargebacks if one.reversed_at is None]
        return self.snapshot.money - Money(sum(one.amount for one in gone), self.snapshot.money.currency)

    def change(self, at: datetime, state: State | None = None, **fields: object) -> None:
        if state is not None:
            fields |= {"state": state, "checkout_url": None, "transaction_id": f"memtx_{self.hex}"}
        self.snapshot = replace(self.snapshot, **fields)  # type: ignore[arg-type]
        self.changed_at = max(self.changed_at, at)
        self.changes += 1


@dataclass(slots=True)
class MemoryVendor:
    """What the vendor has. Two gateways with one vendor are two processes of a site."""

    now: Callable[[], datetime]
    lock: RLock = field(default_factory=RLock)
    payments: dict[str, MemoryPayment] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    mandates: dict[MandateRef, MandateSnapshot] = field(default_factory=dict)
    #: Key → what was asked with it, and what came of it: a payment's id, or why not.
    keys: dict[str, tuple[object, str | Failure]] = field(default_factory=dict)
    refund_keys: dict[str, object] = field(default_factory=dict)
    troubles: deque[Trouble] = field(default_factory=deque)
    declines: deque[FailureKind] = field(default_factory=deque)
    refunds_wait: bool = False  # our own refunds are pending until the backstage finishes them

    def get(self, external_id: str) -> MemoryPayment:
        if not PAYMENT_ID.fullmatch(external_id):
            raise Misasked("This is not a payment's id.")
        payment = self.payments.get(external_id.replace("tx", "", 1))
        if payment is None:
            raise Gone("There is no such payment.")
        return payment

    def known(self, key: str, asked: object) -> MemoryPayment | None:
        if key not in self.keys:
            return None
        before, outcome = self.keys[key]
        if before != asked:
            raise Conflict("The key was used for something else.")
        if isinstance(outcome, Failure):
            raise Declined(outcome)
        return self.payments[outcome]

    def make(self, order: Order, asked: object, account: GatewayAccount) -> MemoryPayment:
        now, external_id = self.now(), new_id("mem")
        page = f"{account.base_url or 'https://memory.invalid'}/{external_id}"
        snapshot = Snapshot(
            external_id, order.key, account.is_live, order.money, "open", now, page, method=order.method or "ideal"
        )
        self.payments[external_id] = payment = MemoryPayment(order, snapshot, now)
        self.keys[order.key] = asked, external_id
        return payment

    def settle(self, payment: MemoryPayment, at: datetime) -> None:
        """The money is there; what only made a mandate goes back at once."""
        order = payment.order
        self.agree(payment, "valid")
        payment.change(at, "paid", paid_at=at)
        if order.purpose == "setup" and order.money:
            self.give_back(payment, order.money, at, key=None, reason="setup")

    def agree(self, payment: MemoryPayment, state: Literal["pending", "valid", "invalid"], reason: str = "") -> None:
        """A first payment's or a setup's mandate, as far as it is."""
        order = payment.order
        if order.purpose not in ("first", "setup"):
            return
        ref = payment.mandate = payment.mandate or MandateRef(order.customer or new_id("memcus"), new_id("memmdt"))
        self.customers.add(ref.customer)
        kind = _kind(order.method)
        label = "Visa •••• 4242 (12/28)" if kind == "card" else "NL•• •••• 4300" if kind == "directdebit" else ""
        reference = f"MEM-{ref.mandate[-16:].upper()}" if kind == "directdebit" else ""
        self.mandates[ref] = MandateSnapshot(ref, state, kind, label, reason, reference)

    def give_back(
        self, payment: MemoryPayment, money: Money, at: datetime, *, key: str | None, reason: str, waits: bool = False
    ) -> str:
        refund_id = new_id("memref")
        refund = RefundSnapshot(refund_id, money, "pending" if waits else "done", at, key, reason)
        payment.change(at, refunds=(*payment.snapshot.refunds, refund))
        return refund_id


def new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(8)}"


def _kind(method: Method | None) -> Literal["directdebit", "card", "paypal"]:
    return "card" if method == "card" else "paypal" if method == "paypal" else "directdebit"
