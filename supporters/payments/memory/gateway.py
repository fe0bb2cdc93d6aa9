"""What the library asks of the vendor."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from supporters.payments.gateway import (
    BadNotification,
    Capabilities,
    Conflict,
    Declined,
    Failure,
    GatewayAccount,
    Gone,
    MandateRef,
    MandateSnapshot,
    Method,
    Misasked,
    Nudge,
    Order,
    Purpose,
    RateLimited,
    RefundOrder,
    Snapshot,
    Unavailable,
    Urls,
)
from supporters.payments.memory.vendor import DECLINES, PAYMENT_ID, MemoryPayment, MemoryVendor

METHODS: tuple[Method, ...] = ("ideal", "bancontact", "card", "paypal", "sepa_debit")
SIGNATURE = "X-Memory-Signature"
LONGEST_BODY = 65_536
_UNDONE = {"500": "server error", "html": "no JSON"}  # the others are done, and only the answer is lost


class MemoryGateway:
    """See the module. ``now`` says what time it is at the vendor."""

    def __init__(
        self, account: GatewayAccount, *, now: Callable[[], datetime], vendor: MemoryVendor | None = None
    ) -> None:
        self.account = account
        self.vendor = vendor or MemoryVendor(now)

    def capabilities(self) -> Capabilities:
        methods = tuple(one for one in METHODS if not self.account.methods or one in self.account.methods)
        return Capabilities(once=methods, mandates=methods)

    def begin(self, order: Order, urls: Urls) -> Snapshot:
        self._check(order, ("one_off", "first", "setup"))
        asked = (order.purpose, order.money, order.customer)
        with self._request() as vendor:
            if order.customer is not None and order.customer not in vendor.customers:
                raise Gone("There is no such customer.")
            return self._seen(vendor.known(order.key, asked) or vendor.make(order, asked, self.account))

    def charge(self, order: Order, mandate: MandateRef) -> Snapshot:
        """A card pays at once; a direct debit and PayPal are processing first."""
        self._check(order, ("recurring",))
        asked = (order.purpose, order.money, mandate)
        with self._request() as vendor:
            payment = vendor.known(order.key, asked)
            if payment is None:
                held = self._mandate(mandate)
                if failure := self._refusal(held):
                    vendor.keys[order.key] = asked, failure
                    raise Declined(failure)
                payment = vendor.make(order, asked, self.account)
                payment.mandate = mandate
                payment.change(payment.changed_at, "processing", method=held.method)
                if held.method == "card":
                    vendor.settle(payment, payment.changed_at)
            return self._seen(payment)

    def refund(self, order: RefundOrder, external_id: str) -> Snapshot:
        if order.money.amount <= 0:
            raise Misasked("What goes back is more than nothing.")
        with self._request() as vendor:
            payment = vendor.get(external_id)
            asked = (payment.snapshot.external_id, order.money)
            if order.key in vendor.refund_keys:
                if vendor.refund_keys[order.key] != asked:
                    raise Conflict("The key was used for something else.")
                return self._seen(payment)
            if order.money.currency != payment.snapshot.money.currency:
                raise Misasked("A payment goes back in its own currency.")
            if payment.snapshot.state != "paid":
                raise Declined(Failure("hard", "not_paid"))
            if order.money > payment.left:
                raise Declined(Failure("hard", "more_than_is_left"))
            waits, why = vendor.refunds_wait, order.description
            vendor.give_back(payment, order.money, vendor.now(), key=order.key, reason=why, waits=waits)
            vendor.refund_keys[order.key] = asked
            return self._seen(payment)

    def fetch(self, external_id: str) -> Snapshot:
        with self.vendor.lock:
            return self._seen(self.vendor.get(external_id))

    def find(self, order: Order) -> Snapshot | None:
        with self.vendor.lock:
            _, outcome = self.vendor.keys.get(order.key, (None, None))
            return self._seen(self.vendor.payments[outcome]) if isinstance(outcome, str) else None

    def cancel(self, external_id: str) -> Snapshot:
        with self._request() as vendor:
            payment = vendor.get(external_id)
            if payment.snapshot.state == "open":
                payment.change(vendor.now(), "cancelled")
            return self._seen(payment)

    def mandate(self, ref: MandateRef) -> MandateSnapshot:
        with self.vendor.lock:
            return self._mandate(ref)

    def revoke(self, ref: MandateRef) -> MandateSnapshot:
        with self._request() as vendor:
            held = vendor.mandates.get(ref)
            if held is None:
                return MandateSnapshot(ref, "invalid", "directdebit", reason="unknown")
            if held.state != "invalid":
                vendor.mandates[ref] = replace(held, state="invalid", reason="revoked")
            return vendor.mandates[ref]

    def notifications(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Nudge]:
        """``{"id": a payment's, "event": the event's}``, signed by a webhook secret in ``X-Memory-Signature``."""
        given = next((value for name, value in headers.items() if name.lower() == SIGNATURE.lower()), "")
        shown = given.encode("utf-8", "replace")
        if len(raw) > LONGEST_BODY or not any(
            hmac.compare_digest(sign(secret, raw).encode(), shown) for secret in self.account.webhook_secrets
        ):
            raise BadNotification("The notification is not signed by the gateway.")
        try:
            match json.loads(raw):
                case {"id": str(external_id), "event": str(event)} if PAYMENT_ID.fullmatch(external_id):
                    return [Nudge(external_id, event)]
        except (ValueError, RecursionError):
            pass
        raise BadNotification("The notification cannot be read.")

    def changed_since(self, since: datetime) -> list[str]:
        with self.vendor.lock:
            return [one for one, payment in self.vendor.payments.items() if payment.changed_at >= since]

    def _check(self, order: Order, purposes: tuple[Purpose, ...]) -> None:
        if order.purpose not in purposes:
            raise Misasked("What is %(purpose)s is asked in another way.", purpose=order.purpose)
        if order.money.amount < (0 if order.purpose == "setup" else 1):
            raise Misasked("A payment is of more than nothing.")
        if order.method is not None and order.method not in self.capabilities().once:
            raise Misasked("This account does not take %(method)s.", method=order.method)

    @contextmanager
    def _request(self) -> Iterator[MemoryVendor]:
        """A request that changes something, with what the backstage lets happen to it."""
        with self.vendor.lock:
            trouble = self.vendor.troubles.popleft() if self.vendor.troubles else None
            if trouble == "429":
                raise RateLimited()
            if trouble in _UNDONE:
                raise Unavailable(outcome_unknown=True, why=_UNDONE[trouble])
            try:
                yield self.vendor
            finally:
                if trouble is not None:
                    raise Unavailable(outcome_unknown=True, why="the answer was lost")

    def _refusal(self, held: MandateSnapshot) -> Failure | None:
        if held.state == "invalid":
            return Failure("hard", "mandate_invalid", held.reason)
        if held.state == "pending":
            return Failure("soft", "mandate_pending")
        if self.vendor.declines:
            kind = self.vendor.declines.popleft()
            return Failure(kind, DECLINES[kind])
        return None

    def _mandate(self, ref: MandateRef) -> MandateSnapshot:
        held = self.vendor.mandates.get(ref)
        if held is None:
            raise Gone("There is no such mandate.")
        return held

    def _seen(self, payment: MemoryPayment) -> Snapshot:
        mandate = self.vendor.mandates[payment.mandate] if payment.mandate is not None else None
        return replace(payment.snapshot, observed_at=self.vendor.now(), mandate=mandate)


def sign(secret: str, raw: bytes) -> str:
    """What ``X-Memory-Signature`` says of this body."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
