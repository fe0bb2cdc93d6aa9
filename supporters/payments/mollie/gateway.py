"""Mollie, by its own SDK: payments, mandates, refunds, and what it posts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar
from uuid import uuid4

from supporters.payments.gateway import (
    Capabilities,
    Declined,
    Failure,
    FailureKind,
    GatewayAccount,
    GatewayError,
    Gone,
    MandateRef,
    MandateSnapshot,
    Misasked,
    Nudge,
    Order,
    RefundOrder,
    Snapshot,
    Unavailable,
    Urls,
)
from supporters.payments.mollie import answers, asking, news
from supporters.payments.mollie.checks import SETTING, account_fits, known_id
from supporters.payments.mollie.line import Refusal, within
from supporters.settings import BadSetting

Json = Mapping[str, Any]
Answer = TypeVar("Answer")
#: Mollie forgets an idempotency key after an hour (it was a day once); well before that we look before we ask again.
KEY_LIVES = timedelta(minutes=30)
#: Between the moment we made a key and the one at which Mollie says it made the payment, on other clocks.
CLOCKS_DIFFER = timedelta(minutes=10)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Mollie:
    """A ``Gateway``. Payments are ``tr_…``; a mandate's customer is ``cst_…``, itself ``mdt_…``.

    ``account.notify_url`` is where Mollie posts news of charges on a mandate, of which no other address is given;
    without it they are only seen by asking, or by the signed events that are set up in Mollie's dashboard.
    """

    def __init__(
        self,
        account: GatewayAccount,
        *,
        now: Callable[[], datetime] = utc_now,
        timeout: tuple[float, float] = (3, 10),
    ) -> None:
        account_fits(account)
        try:
            from supporters.payments.mollie.session import Sdk, page
        except ImportError as error:
            raise BadSetting(
                "%(key)s names Mollie, whose library is not installed (%(name)s): pip install achterban[mollie]",
                field=SETTING, key=SETTING, name=error.name,
            ) from error  # fmt: skip
        self.account = account
        self._now = now
        self._notify = account.notify_url
        self._seconds = 2 * sum(timeout)
        self._sdk = Sdk(account.key, account.base_url, timeout)
        self._page = page

    def __repr__(self) -> str:
        return f"<Mollie {self.account.name}>"

    def capabilities(self) -> Capabilities:
        """A one-off direct debit Mollie has not: a debit is charged on the mandate that another method left."""
        ours = asking.allowed(self.account.methods)
        return Capabilities(once=ours, mandates=ours)

    # --- what moves money -------------------------------------------------------------------------------------------

    def begin(self, order: Order, urls: Urls) -> Snapshot:
        """The snapshot's money of a setup can be a cent where nought was asked: not every method knows nought."""
        if order.purpose not in ("one_off", "first", "setup"):
            raise Misasked(
                "A donor goes to Mollie's page for a gift or a mandate, not for %(what)s.", what=order.purpose
            )
        asked = asking.payment(order, urls, self.account.methods)

        def call() -> Snapshot:
            if order.purpose != "one_off":
                asked["customerId"] = order.customer or self._customer(order)
            try:
                return self._made(asked, order.key)
            except Refusal as refusal:
                if refusal.about == "customerId":
                    raise Gone("Mollie does not have the customer (any more).") from None
                raise

        if order.customer is not None:
            known_id("cst", order.customer)
        return self._known(order) or self._ask(call, changes=True)

    def charge(self, order: Order, mandate: MandateRef) -> Snapshot:
        if order.purpose != "recurring":
            raise Misasked("A mandate is charged for what recurs, not for %(what)s.", what=order.purpose)
        known_id("cst", mandate.customer)
        known_id("mdt", mandate.mandate)
        asked = asking.debit(order, mandate, self._notify)
        known = self._known(replace(order, customer=mandate.customer))
        try:
            return known or self._ask(lambda: self._made(asked, order.key), changes=True)
        except Refusal as refusal:
            if refusal.about not in ("mandateId", "customerId") and not _speaks_of_a_mandate(refusal.words):
                raise
            raise Declined(Failure("hard", "mandate_refused", refusal.words)) from None

    def refund(self, order: RefundOrder, external_id: str) -> Snapshot:
        known_id("tr", external_id)

        def call() -> Snapshot:
            self._sdk.payment(external_id).refunds.create(asking.refund(order), idempotency_key=order.key)
            return _then(lambda: self._fetch(external_id))

        if self._is_old(order.made_at):
            before = _first(lambda: self.fetch(external_id))
            if any(refund.key == order.key for refund in before.refunds):
                return before
        try:
            return self._ask(call, changes=True)
        except Refusal as refusal:
            if refusal.about not in ("", "amount", "amount.value"):
                raise
            kind: FailureKind = "soft" if "balance" in refusal.words.lower() else "hard"
            raise Declined(Failure(kind, "refund_refused", refusal.words)) from None

    def cancel(self, external_id: str) -> Snapshot:
        known_id("tr", external_id)

        def call() -> Snapshot:
            try:
                return self._read(self._sdk.payments.delete(external_id, idempotency_key=str(uuid4())))
            except Refusal:  # it is too late, or this method has no cancelling
                return self._fetch(external_id)

        return self._ask(call, changes=True)

    # --- what only looks --------------------------------------------------------------------------------------------

    def fetch(self, external_id: str) -> Snapshot:
        known_id("tr", external_id)
        return self._ask(lambda: self._fetch(external_id))

    def find(self, order: Order) -> Snapshot | None:
        if order.customer is not None:
            known_id("cst", order.customer)
        try:
            found = self._found(order, order.customer)
        except Gone:  # the customer was erased at Mollie, the payments were not
            found = self._found(order, None)
        return self.fetch(found) if found else None

    def changed_since(self, since: datetime) -> Iterable[str]:
        """Those that were made, refunded or charged back since. What has been open for longer, ask for by its id."""
        seen: set[str] = set()
        for kind, name in (("payments", "id"), ("refunds", "paymentId"), ("chargebacks", "paymentId")):
            for its_id in self._newest(getattr(self._sdk, kind), kind, since, itemgetter(name)):
                if its_id not in seen:
                    seen.add(its_id)
                    yield its_id

    def notifications(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Nudge]:
        return news.read(headers, raw, self.account.webhook_secrets)

    # --- mandates ---------------------------------------------------------------------------------------------------

    def mandate(self, ref: MandateRef) -> MandateSnapshot:
        known_id("cst", ref.customer)
        known_id("mdt", ref.mandate)
        return self._ask(lambda: self._mandate(ref))

    def revoke(self, ref: MandateRef) -> MandateSnapshot:
        known_id("cst", ref.customer)
        known_id("mdt", ref.mandate)

        def call() -> MandateSnapshot:
            before = self._mandate_or_gone(ref, "", "revoked")
            if before.state == "invalid":
                return before
            with suppress(Gone):
                self._mandates(ref.customer).delete(ref.mandate, idempotency_key=str(uuid4()))
            return _then(lambda: self._mandate_or_gone(ref, before.method, "revoked"))

        return self._ask(call, changes=True)

    # --- below: a call is inside ``_ask`` ---------------------------------------------------------------------------

    def _ask(self, call: Callable[[], Answer], *, changes: bool = False) -> Answer:
        return within(self._seconds, call, changes=changes)

    def _customer(self, order: Order) -> str:
        made = self._sdk.customers.create(asking.customer(order.payer), idempotency_key=f"{order.key}-customer")
        return answers.its_id("cst", made["id"])

    def _is_old(self, made_at: datetime) -> bool:
        return self._now() - made_at > KEY_LIVES

    def _known(self, order: Order) -> Snapshot | None:
        """Of a key that Mollie may have forgotten: what was made with it."""
        return _first(lambda: self.find(order)) if self._is_old(order.made_at) else None

    def _fetch(self, external_id: str) -> Snapshot:
        payment = self._sdk.payments.get(external_id)
        if payment["id"] != external_id:
            raise ValueError("another payment than was asked for")
        return self._read(payment)

    def _made(self, asked: dict[str, Any], key: str) -> Snapshot:
        """A replayed answer is as old as the first, and the payment is not."""
        payment = self._sdk.payments.create(asked, idempotency_key=key)
        if self._sdk.is_replay:
            return _then(lambda: self._fetch(payment["id"]))
        return answers.snapshot(payment, now=self._now())

    def _read(self, payment: Json) -> Snapshot:
        mandate = None
        # A first one that was cancelled leaves a mandate that will be pending for ever: it was never given.
        if payment.get("mandateId") and (
            payment["sequenceType"] != "first" or payment["status"] in ("paid", "pending")
        ):
            ref = MandateRef(answers.its_id("cst", payment["customerId"]), answers.its_id("mdt", payment["mandateId"]))
            mandate = self._mandate_or_gone(ref, payment.get("method") or "", "gone")
        return answers.snapshot(
            payment, refunds=self._those("refunds", payment), chargebacks=self._those("chargebacks", payment),
            mandate=mandate, now=self._now(),
        )  # fmt: skip

    def _those(self, kind: str, payment: Json) -> list[Json]:
        """All of them, where there are any: a payment links to its refunds and chargebacks once it has some."""
        found: list[Json] = []
        if not (payment.get("_links") or {}).get(kind):
            return found
        source, cursor = getattr(self._sdk.payment(payment["id"]), kind), None
        while True:
            more, cursor = self._page(source, kind, cursor)
            found += more
            if cursor is None:
                return found

    def _mandates(self, customer: str) -> Any:
        return self._sdk.customer(customer).mandates

    def _mandate(self, ref: MandateRef) -> MandateSnapshot:
        return answers.mandate(self._mandates(ref.customer).get(ref.mandate), ref)

    def _mandate_or_gone(self, ref: MandateRef, method: str, reason: str) -> MandateSnapshot:
        try:
            return self._mandate(ref)
        except Gone:
            return answers.gone(ref, method, reason)

    # --- lists, a page to a call ------------------------------------------------------------------------------------

    def _found(self, order: Order, customer: str | None) -> str | None:
        source = self._sdk.customer(customer).payments if customer else self._sdk.payments
        named = self._newest(
            source, "payments", order.made_at, lambda it: (str(it["id"]), answers.key_in(it.get("metadata"), "payment"))
        )
        return next((its_id for its_id, key in named if key == order.key), None)

    def _newest(self, source: Any, kind: str, since: datetime, read: Callable[[Json], Answer]) -> Iterator[Answer]:
        """Newest first, until what is older."""

        def call(cursor: str | None) -> tuple[list[Answer], str | None]:
            found, following = self._page(source, kind, cursor)
            young = [each for each in found if answers.moment(each["createdAt"]) >= since - CLOCKS_DIFFER]
            return [read(each) for each in young], following if len(young) == len(found) else None

        found, cursor = self._ask(lambda: call(None))
        yield from found
        while cursor is not None:
            found, cursor = self._ask(partial(call, cursor))
            yield from found


def _first(call: Callable[[], Answer]) -> Answer:
    """Before something is done: while nobody can look whether it was done already, it may have been."""
    try:
        return call()
    except Unavailable as error:
        raise Unavailable(outcome_unknown=True, why=str(error.params["why"])) from None


def _then(call: Callable[[], Answer]) -> Answer:
    """After something was done: whatever goes wrong with looking at it, it was."""
    try:
        return call()
    except GatewayError as error:
        raise Unavailable(outcome_unknown=True, why=f"it was done, and then: {error.code}") from None


def _speaks_of_a_mandate(words: str) -> bool:
    return "mandate" in words.lower() or "card was not found" in words.lower()
