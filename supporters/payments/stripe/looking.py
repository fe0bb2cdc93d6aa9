"""Asking Stripe how things are: its library's objects become plain data here, and its exceptions ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from supporters.errors import AchterbanError
from supporters.payments.gateway import (
    GatewayAccount,
    GatewayError,
    Gone,
    MandateRef,
    MandateSnapshot,
    Misasked,
    Order,
    Snapshot,
    Unavailable,
)
from supporters.payments.stripe import errors, news, reading
from supporters.payments.stripe.asking import CHECKOUT_PARTS, INTENT_PARTS, check, check_mandate
from supporters.payments.stripe.reading import Plain

#: The version of Stripe's API that this is written for; the library's own moves on with an upgrade.
API_VERSION = "2026-10-28.endive"
#: Our clock and Stripe's may differ by this where something is looked up by when it was made.
CLOCKS_DIFFER = timedelta(minutes=5)
PAGE = 100

_KEY = re.compile(r"(?:sk|rk)_(live|test)_[A-Za-z0-9_]+")


def clock() -> datetime:
    return datetime.now(UTC)


class Looking:
    """One account at Stripe. ``timeout``: seconds for the connection, and between two pieces of an answer.

    Nothing is tried again by itself: who calls knows how long somebody waits, and has the key.
    """

    def __init__(
        self,
        account: GatewayAccount,
        *,
        now: Callable[[], datetime] = clock,
        timeout: tuple[float, float] = (3, 15),
    ) -> None:
        try:
            import stripe
        except ImportError as error:
            raise Misasked("Stripe needs its library: pip install achterban[stripe]") from error
        mode = _KEY.fullmatch(account.key)
        if mode is None or (mode[1] == "live") is not account.is_live:
            raise Misasked(
                "The key of account %(account)s is not a secret key of Stripe's for %(mode)s payments.",
                account=account.name,
                mode="live" if account.is_live else "test",
            )
        stripe.enable_telemetry = False  # it would send what machine this is, and how slow
        log = logging.getLogger("stripe")
        if log.level == logging.NOTSET:  # at DEBUG it writes what it sends, and that is about people
            log.setLevel(logging.WARNING)
        self.account = account
        self._now = now
        self._client: Any = stripe.StripeClient(
            account.key,
            stripe_version=API_VERSION,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout),
            base_addresses={"api": account.base_url.rstrip("/")} if account.base_url else None,
        ).v1

    # --- payments -----------------------------------------------------------------------------------------------

    def fetch(self, external_id: str) -> Snapshot:
        sessions = self._client.checkout.sessions
        if reading.CHECKOUT.fullmatch(external_id):
            return self.from_checkout(self.asked(lambda: sessions.retrieve(external_id, {"expand": CHECKOUT_PARTS})))
        check(reading.INTENT, external_id)
        parts = [f"data.{part}" for part in CHECKOUT_PARTS]
        of_it = self.pages(lambda: sessions.list({"payment_intent": external_id, "limit": 1, "expand": parts}))
        session = next(of_it, None)
        return self.from_checkout(session) if session else self.charged(external_id)

    def charged(self, ident: str) -> Snapshot:
        """A charge on a mandate."""
        return self.from_intent(
            self.asked(lambda: self._client.payment_intents.retrieve(ident, {"expand": INTENT_PARTS}))
        )

    def find(self, order: Order) -> Snapshot | None:
        params: Plain = {"limit": PAGE, "created": {"gte": _seconds(order.made_at - CLOCKS_DIFFER)}}
        if order.customer is not None and order.purpose != "one_off":
            check(reading.CUSTOMER, order.customer)
            params["customer"] = order.customer
        recurring = order.purpose == "recurring"
        things = self._client.payment_intents if recurring else self._client.checkout.sessions
        with readable():
            made = self.pages(lambda: things.list(params))
            ident = next((one["id"] for one in made if reading.key_of(one) == order.key), None)
        if ident is None:
            return None
        return self.charged(ident) if recurring else self.fetch(ident)

    def changed_since(self, since: datetime) -> Iterable[str]:
        created = {"gte": _seconds(since)}
        events = {"limit": PAGE, "created": created, "types": list(news.EVENTS)}
        seen: set[str] = set()
        # That a session was made is no event.
        for session in self.pages(lambda: self._client.checkout.sessions.list({"limit": PAGE, "created": created})):
            seen.add(session["id"])
            yield session["id"]
        for event in self.pages(lambda: self._client.events.list(events)):
            with readable():
                nudge = news.nudge(event)
            if nudge is not None and nudge.external_id not in seen:
                seen.add(nudge.external_id)
                yield nudge.external_id

    def from_checkout(self, session: Plain) -> Snapshot:
        with readable():
            setup = session["mode"] == "setup"
            intent = reading.expanded(session["setup_intent" if setup else "payment_intent"])
            state = reading.checkout_state(session, intent)
            common: Plain = {
                "external_id": session["id"],
                "key": reading.key_of(session),
                "is_live": session["livemode"],
                "money": reading.to_money(
                    session.get("amount_total") or 0, session.get("currency") or self.account.currency
                ),
                "state": state,
                "observed_at": self._now(),
                "checkout_url": session.get("url") if state == "open" else None,
            }
            if intent is None:
                return Snapshot(**common)
            common["method"] = reading.method_of(intent)
            common["transaction_id"] = None if setup else intent["id"]
            if state == "failed":
                common["failure"] = reading.intent_failure(intent, off_session=False)
            if state in ("processing", "paid") and (setup or intent.get("setup_future_usage") == "off_session"):
                common["mandate"] = self._mandate_left(intent)
            return Snapshot(**common | (self._money_of(intent) if state == "paid" and not setup else {}))

    def from_intent(self, intent: Plain) -> Snapshot:
        with readable():
            state = reading.charge_state(intent)
            common: Plain = {
                "external_id": intent["id"],
                "key": reading.key_of(intent),
                "is_live": intent["livemode"],
                "money": reading.to_money(intent["amount"], intent["currency"]),
                "state": state,
                "observed_at": self._now(),
                "method": reading.method_of(intent),
                "failure": reading.intent_failure(intent, off_session=True) if state == "failed" else None,
                "mandate": self._mandate_left(intent),
            }
            return Snapshot(**common | (self._money_of(intent) if state == "paid" else {}))

    def _money_of(self, intent: Plain) -> Plain:
        """What came in for an intent that succeeded, and what went back."""
        charge = reading.charge_of(intent) or {}
        fee, line = reading.fee_of(charge)
        of_it: Plain = {"payment_intent": intent["id"], "limit": PAGE}
        refunds_of_it = of_it | {"expand": ["data.failure_balance_transaction"]}
        refunds = [reading.refund_snapshot(one) for one in self.pages(lambda: self._client.refunds.list(refunds_of_it))]
        return {
            "money": reading.to_money(intent["amount_received"], intent["currency"]),
            "paid_at": reading.paid_at_of(charge or intent),
            "fee": fee,
            "balance_reference": line,
            "refunds": tuple(sorted(refunds, key=lambda one: (one.at, one.external_id))),
            "chargebacks": reading.chargebacks(self.pages(lambda: self._client.disputes.list(of_it))),
        }

    # --- mandates -----------------------------------------------------------------------------------------------

    def mandate(self, ref: MandateRef) -> MandateSnapshot:
        check_mandate(ref)
        method = self._method(ref.mandate)
        with readable():
            if reading.id_of(method.get("customer")) not in (None, ref.customer):
                raise Gone("Stripe has no such mandate of this customer.")
            return self._mandate(ref, method, self._mandate_of(ref, method))

    def _mandate_left(self, intent: Plain) -> MandateSnapshot | None:
        """The one that a payment was made on, or that it left."""
        method, mandate, customer = reading.left_by(intent)
        ident = reading.id_of(method)
        if ident is None or customer is None:
            return None
        whole = reading.expanded(method) or self._method(ident)
        return self._mandate(MandateRef(customer, ident), whole, reading.id_of(mandate))

    def _mandate(self, ref: MandateRef, method: Plain, ident: str | None) -> MandateSnapshot:
        found = self.asked(lambda: self._client.mandates.retrieve(ident)) if ident else None
        return reading.mandate_snapshot(ref, method, found)

    def _method(self, ident: str) -> Plain:
        return self.asked(lambda: self._client.payment_methods.retrieve(ident))

    def _mandate_of(self, ref: MandateRef, method: Plain) -> str | None:
        """A payment method does not say which mandate stands behind it; what made it, or was charged on it, does."""
        if method["type"] != "sepa_debit":
            return None
        origin = (method["sepa_debit"] or {}).get("generated_from") or {}
        charge, attempt = reading.id_of(origin.get("charge")), reading.id_of(origin.get("setup_attempt"))
        if charge is not None:
            return reading.generated_mandate(self.asked(lambda: self._client.charges.retrieve(charge)))
        of_customer = {"customer": ref.customer, "limit": PAGE, "expand": ["data.latest_attempt"]}
        for setup in self.pages(lambda: self._client.setup_intents.list(of_customer)):
            if attempt is not None and reading.id_of(setup.get("latest_attempt")) == attempt:
                return reading.generated_mandate(setup["latest_attempt"])
            if reading.id_of(setup.get("payment_method")) == ref.mandate and setup.get("mandate"):
                return reading.id_of(setup["mandate"])
        charges = self.pages(lambda: self._client.charges.list({"customer": ref.customer, "limit": PAGE}))
        used = (one for one in charges if one.get("payment_method") == ref.mandate)
        return next((reading.id_of(one["payment_method_details"]["sepa_debit"].get("mandate")) for one in used), None)

    # --- asking -------------------------------------------------------------------------------------------------

    def asked(self, call: Callable[[], Any]) -> Plain:
        """The answer to what changes nothing."""
        try:
            answer: Plain = plain(call())
            return answer
        except Exception as error:
            raise errors.translated(error, changing=False) from errors.Told(error)

    def made(self, call: Callable[[Plain], Any], key: str) -> tuple[Plain, bool]:
        """The answer to what changes something, and whether Stripe only repeats what it answered to this key before."""
        try:
            answer = call({"idempotency_key": key})
            headers = answer.last_response.headers if answer.last_response else {}
            return plain(answer), errors.says_replayed(headers)
        except Exception as error:
            raise errors.translated(error, changing=True) from errors.Told(error)

    def pages(self, call: Callable[[], Any]) -> Iterator[Plain]:
        """All of a list; its next page is asked for when it is needed."""
        try:
            page = call()
            while True:
                yield from (plain(one) for one in page.data)
                if not page.has_more or not page.data:
                    return
                page = page.next_page()
        except Exception as error:
            raise errors.translated(error, changing=False) from errors.Told(error)


@contextmanager
def readable() -> Iterator[None]:
    """Where Stripe sends what its documents do not say, nobody crashes on it."""
    try:
        yield
    except GatewayError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, AchterbanError) as error:
        raise Unavailable(outcome_unknown=False, why="no readable answer") from error


def plain(value: Any) -> Any:
    """An object of Stripe's library (which is no dictionary), and all in it, as ``json.loads`` would have made it."""
    import stripe

    if isinstance(value, stripe.StripeObject):
        value = value.to_dict(recursive=False)
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
