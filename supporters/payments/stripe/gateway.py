"""Stripe, through its own library. Gifts and mandates begin at Stripe's page (Checkout), as ``cs_…``; a mandate is
charged as a payment intent, ``pi_…``. A checkout has such an intent too: that is its ``transaction_id``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from supporters.payments.gateway import (
    Capabilities,
    Conflict,
    Declined,
    Failure,
    GatewayError,
    Gone,
    MandateRef,
    MandateSnapshot,
    Method,
    Misasked,
    Nudge,
    Order,
    RefundOrder,
    Snapshot,
    Unavailable,
    Urls,
)
from supporters.payments.stripe import asking, errors, news, reading
from supporters.payments.stripe.looking import Looking
from supporters.payments.stripe.reading import Plain

#: Stripe forgets a key after a day; who comes later with it has to look first.
KEYS_LAST = timedelta(hours=23)

_EURO_ONLY: tuple[Method, ...] = ("ideal", "bancontact", "sepa_debit")
_ONCE: tuple[Method, ...] = ("ideal", "bancontact", "card", "paypal", "sepa_debit")
_MANDATES: tuple[Method, ...] = ("ideal", "bancontact", "card", "sepa_debit")

T = TypeVar("T")


class Stripe(Looking):
    def capabilities(self) -> Capabilities:
        currency = self.account.currency
        return Capabilities(once=self._offered(_ONCE, currency), mandates=self._offered(_MANDATES, currency))

    def _offered(self, methods: tuple[Method, ...], currency: str) -> tuple[Method, ...]:
        return tuple(
            method
            for method in methods
            if (not self.account.methods or method in self.account.methods)
            and (currency == "EUR" or method not in _EURO_ONLY)
        )

    # --- money in -----------------------------------------------------------------------------------------------

    def begin(self, order: Order, urls: Urls) -> Snapshot:
        if order.purpose not in ("one_off", "first", "setup"):
            raise Misasked("A %(purpose)s payment does not begin at a page.", purpose=order.purpose)
        offered = self._offered(_ONCE if order.purpose == "one_off" else _MANDATES, order.money.currency)
        methods = [method for method in offered if order.method in (None, method)]
        if not methods:
            raise Misasked("Account %(account)s has no such way to pay.", account=self.account.name)
        params = asking.checkout(order, urls, methods)
        return self._once(order, lambda: self._begun(order, params))

    def _begun(self, order: Order, params: Plain) -> Snapshot:
        session, again = self.made(lambda o: self._client.checkout.sessions.create(params, o), order.key)
        # What Stripe repeats is its first answer, however old.
        return _afterwards(lambda: self.fetch(session["id"]) if again else self.from_checkout(session))

    def charge(self, order: Order, mandate: MandateRef) -> Snapshot:
        asking.check_mandate(mandate)
        if order.purpose != "recurring" or order.customer not in (None, mandate.customer):
            raise Misasked("A mandate is charged for a recurring payment of its own customer.")
        params = asking.charge(order, mandate)
        return self._once(replace(order, customer=mandate.customer), lambda: self._charged(order, params))

    def _charged(self, order: Order, params: Plain) -> Snapshot:
        try:
            intent, again = self.made(lambda o: self._client.payment_intents.create(params, o), order.key)
        except (Misasked, Gone) as error:
            if (ident := errors.intent_of(error.__cause__)) is not None:  # refused, and there it is
                return _afterwards(lambda: self.charged(ident))
            if (why := errors.refusal_of_charge(error.__cause__)) is not None:
                raise Declined(why) from error.__cause__
            raise
        return _afterwards(lambda: self.charged(intent["id"]) if again else self.from_intent(intent))

    def _once(self, order: Order, make: Callable[[], Snapshot]) -> Snapshot:
        """Make it, unless it is there: the key may be forgotten by now, and a 500 that Stripe once answered it repeats
        to its key even where the payment was made.
        """
        if self._now() - order.made_at > KEYS_LAST and (found := self.find(order)) is not None:
            return found
        try:
            return make()
        except Unavailable as error:
            if errors.replayed(error.__cause__) and (found := _afterwards(lambda: self.find(order))) is not None:
                return found
            raise

    def cancel(self, external_id: str) -> Snapshot:
        snapshot = self.fetch(external_id)
        if snapshot.state != "open":
            return snapshot
        ident = snapshot.external_id
        if reading.CHECKOUT.fullmatch(ident):
            end = self._client.checkout.sessions.expire
        else:
            end = self._client.payment_intents.cancel
        with suppress(Misasked):  # the donor was quicker
            self.made(lambda o: end(ident, {}, o), f"cancel-{ident}")
        return _afterwards(lambda: self.fetch(ident))

    # --- money out ----------------------------------------------------------------------------------------------

    def refund(self, order: RefundOrder, external_id: str) -> Snapshot:
        snapshot = self.fetch(external_id)
        intent = snapshot.transaction_id or snapshot.external_id
        if snapshot.state != "paid" or not reading.INTENT.fullmatch(intent):
            raise Declined(Failure("hard", "not_paid"))
        if order.money.currency != snapshot.money.currency:
            raise Misasked("What was paid in %(currency)s goes back in it.", currency=snapshot.money.currency)
        known = next((refund for refund in snapshot.refunds if refund.key == order.key), None)
        if known is not None:
            if known.money != order.money:
                raise Conflict("This key refunded another amount.")
            return snapshot
        params = asking.refund(order, intent)
        try:
            self.made(lambda o: self._client.refunds.create(params, o), order.key)
        except Misasked as error:
            if (why := errors.refusal_of_refund(error.__cause__)) is not None:
                raise Declined(why) from error.__cause__
            raise
        return _afterwards(lambda: self.fetch(snapshot.external_id))

    # --- mandates -----------------------------------------------------------------------------------------------

    def revoke(self, ref: MandateRef) -> MandateSnapshot:
        asking.check_mandate(ref)
        try:
            mandate = self.mandate(ref)
            if mandate.reason == "detached":
                return mandate
            with suppress(Misasked):  # somebody else was quicker
                self.made(lambda o: self._client.payment_methods.detach(ref.mandate, {}, o), f"detach-{ref.mandate}")
        except Gone:
            return MandateSnapshot(ref, "invalid", "card", reason="gone")
        return _afterwards(lambda: self.mandate(ref))

    # --- news ---------------------------------------------------------------------------------------------------

    def notifications(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Nudge]:
        nudge = news.nudge(news.verified(headers, raw, self.account.webhook_secrets, now))
        return [nudge] if nudge else []


def _afterwards(look: Callable[[], T]) -> T:
    """What was asked is done: where looking at it fails, nobody must think that nothing happened."""
    try:
        return look()
    except GatewayError as error:
        raise Unavailable(outcome_unknown=True, why=f"done, and then {error.code}") from error
