"""Who talks to the gateways: asks, looks, books. The only place where a network call and our books meet.

Each step is a transaction of its own, and a row says what is being asked before anybody is asked. So a process that
ends between any two steps loses nothing: whoever comes next asks with the same key, or looks it up.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving import turns
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.money import Money
from supporters.payments.gateway import (
    Declined,
    Failure,
    Gateway,
    GatewayError,
    Gone,
    MandateRef,
    MandateSnapshot,
    Misasked,
    Order,
    Payer,
    RateLimited,
    RefundOrder,
    Snapshot,
    Unauthorised,
    Unavailable,
    Urls,
)
from supporters.payments.online import booking, bulk, dunning
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.booking import Learning
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.payments.payment import Payment
from supporters.settings import Settings
from supporters.tasks import Task

log = logging.getLogger("supporters.payments")
#: How long a vendor surely remembers a key; after that only a look can tell (Stripe prunes keys after 24 hours).
KEY_LIVES = timedelta(hours=23)
#: Looks at a vendor at the same time.
FETCHERS = 8

#: Of these we do not have the vendor's name yet: it is asked for, or looked for.
UNASKED = ("prepared", "submitting", "unknown")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cashier:
    session: Callable[[], AbstractContextManager[Session]]
    accounts: Accounts
    settings: Settings
    now: Callable[[], datetime]

    # -- asking -------------------------------------------------------------------------------------------------

    def begin(self, checkout_id: int) -> OnlinePayment:
        """The payment that somebody at a checkout goes and pays; its ``checkout_url`` is where.

        The one that is under way, else, where that came to nothing, a new one. Raises GatewayError where the gateway
        does not answer (what was begun is found again), Refused where all is paid.
        """
        payment_id, fresh = self._row(checkout_id)
        try:
            if fresh:
                self._submit(payment_id)
            else:
                self.sync(payment_id, "return")
        except Gone:
            # The vendor has forgotten the customer of the mandate before: it is asked again as for somebody new.
            payment_id, _ = self._row(checkout_id)
            self._submit(payment_id)
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            _ = online.payment, online.checkout
            session.expunge_all()
        return online

    def _row(self, checkout_id: int) -> tuple[int, bool]:
        """The payment's row, committed before anybody is asked; two at once get the same one."""
        now = self.now()
        with self.session() as session:
            turns.together(session)
            checkout = session.get_one(Checkout, checkout_id, with_for_update=True)
            mine = select(OnlinePayment).where(OnlinePayment.checkout_id == checkout_id).order_by(OnlinePayment.id)
            there = list(session.scalars(mine))
            if checkout.completed_at is not None or any(each.step == "paid" for each in there):
                raise Refused("This was paid already; thank you.", field="token")
            if any(each.step == "parked" for each in there):
                raise Refused("We are looking at what became of this payment; you need not pay again.", field="token")
            for each in there:
                if each.is_under_way:
                    return each.payment_id, each.step in UNASKED
            gateway = self.accounts.find(checkout.account)
            purpose = "one_off" if checkout.kind == "gift" else "first" if checkout.amount else "setup"
            instalment = checkout.instalment
            if instalment is not None:
                session.refresh(instalment, with_for_update=True)
                if instalment.status == "paid":
                    raise Refused("This was paid already; thank you.", field="token")
                if instalment.status == "claimed":
                    raise Refused("A payment of this is under way already; look again tomorrow.", field="token")
            payment = Payment(
                gateway=checkout.account, supporter_id=checkout.supporter_id, amount=checkout.amount,
                currency=checkout.currency, reference=str(uuid.uuid4()), collect_on=self.settings.day_of(now),
                created_at=now, attempt=len(there) + 1,
            )  # fmt: skip
            if instalment is not None and instalment.status in ("returned", "missed", "due"):
                payment.instalment_id = instalment.id
                instalment.status = "claimed"
                instalment.attempts += 1
                payment.attempt = instalment.attempts
            session.add(payment)
            session.flush()
            online = OnlinePayment(
                payment_id=payment.id, account=checkout.account, is_live=gateway.account.is_live, purpose=purpose,
                checkout_id=checkout.id, next_sync_at=now + timedelta(minutes=2), method=checkout.method,
            )  # fmt: skip
            session.add(online)
            session.commit()
            return payment.id, True

    def charge(self, payment_id: int) -> list[PaymentFact]:
        """Charge a mandate for a payment that was prepared; whoever else is at it keeps it."""
        return self._submit(payment_id, ("prepared",))

    def _submit(self, payment_id: int, steps: Sequence[str] = UNASKED) -> list[PaymentFact]:
        """Ask for it, the first time or again with the same key while the vendor remembers it; then book the answer."""
        now = self.now()
        with self.session() as session:
            online = session.scalars(
                select(OnlinePayment).where(OnlinePayment.payment_id == payment_id).with_for_update(of=OnlinePayment)
            ).one()
            if online.step not in steps:
                return []
            if online.submitted_at is not None and now - online.submitted_at > KEY_LIVES:
                session.rollback()
                return self._look_up(payment_id)
            # Only of the first time that we ask can it be said that nothing came of it.
            online.step = "submitting" if online.step == "prepared" else "unknown"
            online.submitted_at = online.submitted_at or now
            online.next_sync_at = now + timedelta(minutes=2)
            gateway, order, urls, mandate = self._asked(session, online)
            session.commit()
        try:
            if mandate is not None:
                snapshot = self._call(gateway, "charge", payment_id, lambda: gateway.charge(order, mandate))
            else:
                snapshot = self._call(gateway, "begin", payment_id, lambda: gateway.begin(order, urls))
        except Declined as error:
            self._refused(payment_id, error.failure)
            return []
        except (Misasked, Gone) as error:
            self._refused(payment_id, Failure("hard" if isinstance(error, Gone) else "soft", error.code, error.message))
            if isinstance(error, Misasked):
                log.error(
                    "%s refused what we asked for payment %s: %s", gateway.account.name, payment_id, error.message
                )
            if mandate is None:
                raise
            return []
        except GatewayError as error:
            self._unknown(payment_id, error)
            if mandate is None:
                raise
            return []
        return self._book(payment_id, snapshot, "answer")

    def _asked(self, session: Session, online: OnlinePayment) -> tuple[Gateway, Order, Urls, MandateRef | None]:
        gateway = self.accounts.find(online.account)
        checkout, mandate = online.checkout, online.gateway_mandate
        base = self.settings.public_url
        urls = Urls(
            back=f"{base}/give/{checkout.token}" if checkout is not None else base,
            notify=f"{base}/webhooks/{online.account}",
        )
        more: dict[str, object] = {}
        if checkout is not None:
            person = checkout.person(session)
            known = checkout.supporter
            if checkout.kind != "gift":
                if person is not None:
                    more["payer"] = Payer(person.name, person.email)
                elif known is not None:
                    more["payer"] = Payer(known.name, known.email or "")
            more |= {"method": checkout.method, "locale": checkout.locale}
            before = checkout.commitment.gateway_mandate if checkout.commitment is not None else None
            if before is not None and before.account == online.account and not self._is_gone(session, checkout):
                more["customer"] = before.customer
        ref = None
        if online.purpose == "recurring" and mandate is not None:
            ref = MandateRef(mandate.customer, mandate.external_id)
            more["customer"] = mandate.customer
        return gateway, online.order(self._description(online), **more), urls, ref

    @staticmethod
    def _is_gone(session: Session, checkout: Checkout) -> bool:
        """Whether the vendor said that it has no such customer (any more)."""
        gone = select(OnlinePayment.id).where(
            OnlinePayment.checkout_id == checkout.id, OnlinePayment.failure_code == Gone.code
        )
        return session.scalar(gone.limit(1)) is not None

    def _description(self, online: OnlinePayment) -> str:
        """What stands on the donor's bank statement, with something to name when they ask us."""
        from supporters.mail.templating import charity_name

        instalment = online.payment.instalment
        about = instalment.commitment.number if instalment is not None else f"P{online.payment_id}"
        return f"{charity_name(self.settings)} {about}"[:140]

    # -- looking ------------------------------------------------------------------------------------------------

    def sync(self, payment_id: int, learnt_by: str) -> list[PaymentFact]:
        """Look at the gateway and book what is new: what webhook, return page, poller and button all call."""
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            account, external_id, step = online.account, online.external_id, online.step
        if external_id is None:
            return self._submit(payment_id) if step in UNASKED else []
        gateway = self.accounts.find(account)
        try:
            snapshot = self._call(gateway, "fetch", payment_id, lambda: gateway.fetch(external_id))
        except GatewayError:
            self.later(payment_id)
            raise
        return self._book(payment_id, snapshot, learnt_by)

    def sync_many(self, payment_ids: Iterable[int], learnt_by: str) -> dict[int, str | GatewayError]:
        """Look at many, several at once, and book together what is plain: by payment, what came of it in words."""
        ids = list(dict.fromkeys(payment_ids))
        found: dict[int, str | GatewayError] = {}
        with self.session() as session:
            query = select(OnlinePayment.payment_id, OnlinePayment.account, OnlinePayment.external_id)
            known = session.execute(query.where(OnlinePayment.payment_id.in_(ids))).all()
        seen: dict[int, Snapshot] = {}
        calls: list[GatewayCall] = []
        asked = [(key, self.accounts.find(account), name) for key, account, name in known if name is not None]
        for payment_id, answer, call in self._fetched(asked):
            calls.append(call)
            if isinstance(answer, GatewayError):
                found[payment_id] = answer
                self.later(payment_id)
            else:
                seen[payment_id] = answer
        # What we had to find ourselves is looked at one by one: the news of it should have come.
        booked = self._book_plain(seen if learnt_by == "webhook" else {}, calls, learnt_by)
        found |= dict.fromkeys(booked, "1 new: received")
        for payment_id in ids:
            if payment_id in found:
                continue
            try:
                snapshot = seen.get(payment_id)
                facts = self._book(payment_id, snapshot, learnt_by) if snapshot else self.sync(payment_id, learnt_by)
            except GatewayError as error:
                found[payment_id] = error
            else:
                kinds = ", ".join(fact.kind for fact in facts)
                found[payment_id] = f"{len(facts)} new: {kinds}" if facts else "nothing new"
        return found

    def _fetched(
        self, asked: list[tuple[int, Gateway, str]]
    ) -> Iterator[tuple[int, Snapshot | GatewayError, GatewayCall]]:
        def fetch(each: tuple[int, Gateway, str]) -> tuple[int, Snapshot | GatewayError, GatewayCall]:
            payment_id, gateway, name = each
            return payment_id, *self._asking(gateway, "fetch", payment_id, lambda: gateway.fetch(name))

        if len(asked) < FETCHERS:
            yield from map(fetch, asked)
            return
        with ThreadPoolExecutor(FETCHERS) as pool:
            yield from pool.map(fetch, asked)

    def _book_plain(self, seen: dict[int, Snapshot], calls: list[GatewayCall], learnt_by: str) -> set[int]:
        """Together, in one transaction; where that fails nothing is booked, and each is tried by itself."""
        with self.session() as session:
            accounts = {call.payment_id: call.account for call in calls}
            session.add_all(calls)
            session.commit()
            booked: set[int] = set()
            for account in sorted(set(accounts.values())):
                mine = {key: snapshot for key, snapshot in seen.items() if accounts[key] == account}
                how = Learning(learnt_by, self._actor(account), self.now(), self.settings.day_of)
                try:
                    booked |= bulk.learn_plain(session, mine, how)
                    session.commit()
                except IntegrityError:
                    log.warning("payments of %s are booked one by one", account, exc_info=True)
                    session.rollback()
        return booked

    def find_payments(self, news: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Payments by the account and either of the vendor's names for it; those that are ours."""
        found: dict[tuple[str, str], int] = {}
        by_account: dict[str, list[str]] = {}
        for account, name in news:
            by_account.setdefault(account, []).append(name)
        with self.session() as session:
            for account, names in by_account.items():
                for column in (OnlinePayment.external_id, OnlinePayment.transaction_id):
                    query = select(column, OnlinePayment.payment_id).where(
                        OnlinePayment.account == account, column.in_(names)
                    )
                    found |= {(account, name): key for name, key in session.execute(query) if name is not None}
        return found

    def find_payment(self, account: str, external_id: str, key: str | None) -> int | None:
        """Which payment of ours news is about, by the vendor's names for it or our key."""
        with self.session() as session:
            named = select(OnlinePayment.payment_id).where(
                OnlinePayment.account == account,
                (OnlinePayment.external_id == external_id) | (OnlinePayment.transaction_id == external_id),
            )
            if (found := session.scalar(named)) is not None or key is None:
                return found
            return session.scalar(
                select(OnlinePayment.payment_id)
                .join(Payment, Payment.id == OnlinePayment.payment_id)
                .where(Payment.reference == key, OnlinePayment.account == account)
            )

    def recognise(self, account: str, external_id: str) -> list[PaymentFact]:
        """The vendor lists a name that we do not know: perhaps a payment of ours whose answer was lost, by its key."""
        now = self.now()
        with self.session() as session:
            lost = select(OnlinePayment.id).where(
                OnlinePayment.account == account, OnlinePayment.external_id.is_(None),
                OnlinePayment.submitted_at > now - timedelta(days=2),
            )  # fmt: skip
            if session.scalar(lost.limit(1)) is None:
                return []
        gateway = self.accounts.find(account)
        snapshot = self._call(gateway, "fetch", None, lambda: gateway.fetch(external_id))
        payment_id = self.find_payment(account, external_id, snapshot.key) if snapshot.key is not None else None
        return self._book(payment_id, snapshot, "poll") if payment_id is not None else []

    def _look_up(self, payment_id: int) -> list[PaymentFact]:
        """The key is too old to be sent again: look whether the vendor has it, and if not, a person decides."""
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            gateway, order, _, _ = self._asked(session, online)
        try:
            snapshot = self._call(gateway, "find", payment_id, lambda: gateway.find(order))
        except GatewayError:
            self.later(payment_id)
            return []
        if snapshot is not None:
            return self._book(payment_id, snapshot, "poll")
        if order.purpose != "recurring":
            # Nobody was ever sent to the vendor's page of it, so nobody can have paid; another can be made.
            self._refused(payment_id, Failure("soft", "never_made"))
            return []
        with self.session() as session:
            online = session.scalars(
                select(OnlinePayment).where(OnlinePayment.payment_id == payment_id).with_for_update(of=OnlinePayment)
            ).one()
            if online.step not in UNASKED:
                return []
            online.step, online.next_sync_at = "unknown", None
            Task.raise_(
                session, "payment_unknown",
                "Whether payment %(reference)s of %(money)s was made at %(account)s is not known: look there, then say"
                " so on its page.",
                by=self._actor(online.account), now=self.now(), key=f"unknown:{online.id}",
                supporter_id=online.payment.supporter_id, reference=online.payment.reference,
                money=str(online.payment.money), account=online.account,
            )  # fmt: skip
            session.commit()
        return []

    # -- giving back, and ending ------------------------------------------------------------------------------------

    def refund(self, refund_id: int) -> None:
        """Send a refund that is ready, or one of which we do not know what came; whoever else is at it keeps it."""
        now = self.now()
        with self.session() as session:
            refund = session.get_one(Refund, refund_id, with_for_update=True)
            if refund.state not in ("ready", "submitting", "unknown"):
                return
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == refund.payment_id)).one()
            account, external_id = online.account, online.external_id
            if refund.state == "ready" and Refund.left(session, online.payment).amount < 0:
                why = "the money went back in another way meanwhile"
                refund.fail(session, why, by=self._actor(account), now=now)
                session.commit()
                return
            old = refund.submitted_at is not None and now - refund.submitted_at > KEY_LIVES
            # As with a payment: only of the first time can it be said that nothing came of it.
            refund.state = "submitting" if refund.state == "ready" else "unknown"
            refund.submitted_at, refund.next_at = refund.submitted_at or now, now + timedelta(minutes=5)
            order = RefundOrder(refund.key, refund.money, self._description(online), refund.requested_at)
            payment_id = refund.payment_id
            session.commit()
        gateway = self.accounts.find(account)
        assert external_id is not None
        try:
            if old:  # Its key may be forgotten: only a look can tell whether it was made.
                snapshot = self._call(gateway, "fetch", payment_id, lambda: gateway.fetch(external_id))
            else:
                snapshot = self._call(gateway, "refund", payment_id, lambda: gateway.refund(order, external_id))
        except (Declined, Misasked, Gone) as error:
            with self.session() as session:
                refund = session.get_one(Refund, refund_id, with_for_update=True)
                refund.fail(session, error.message, by=self._actor(account), now=self.now())
                session.commit()
            return
        except GatewayError as error:
            with self.session() as session:
                refund = session.get_one(Refund, refund_id, with_for_update=True)
                if refund.state == "submitting" and _nothing_was_done(error):
                    refund.state, refund.submitted_at = "ready", None
                elif refund.state == "submitting":
                    refund.state = "unknown"
                session.commit()
            return
        self._book(payment_id, snapshot, "answer")
        with self.session() as session:
            refund = session.get_one(Refund, refund_id, with_for_update=True)
            if refund.state in ("submitting", "unknown"):
                # It was sent and does not show yet, or it never was made and its key is gone: a person decides.
                refund.state, refund.next_at = "unknown", None if old else self.now() + timedelta(minutes=5)
                if old:
                    refund.fail(session, "the gateway has no such refund", by=self._actor(account), now=self.now())
            session.commit()

    def revoke(self, gateway_mandate_id: int) -> bool:
        """Tell the vendor that a mandate is over; whether it says so too now. Tried again until it does."""
        with self.session() as session:
            mandate = session.get_one(GatewayMandate, gateway_mandate_id)
            account, ref = mandate.account, MandateRef(mandate.customer, mandate.external_id)
        gateway = self.accounts.find(account)
        found: MandateSnapshot | None
        try:
            found = self._call(gateway, "revoke", None, lambda: gateway.revoke(ref))
        except Gone:
            found = None
        if found is not None and found.state != "invalid":
            return False
        with self.session() as session:
            mandate = session.get_one(GatewayMandate, gateway_mandate_id, with_for_update=True)
            mandate.revoked_at = self.now()
            session.commit()
        return True

    def find_mandate(self, account: str, external_id: str) -> int | None:
        """Which mandate of ours news is about, where it names one."""
        with self.session() as session:
            return session.scalar(
                select(GatewayMandate.id).where(
                    GatewayMandate.account == account, GatewayMandate.external_id == external_id
                )
            )

    def look_at_mandate(self, gateway_mandate_id: int) -> None:
        """A mandate that the vendor ended is ended here too."""
        with self.session() as session:
            mandate = session.get_one(GatewayMandate, gateway_mandate_id)
            account, ref = mandate.account, MandateRef(mandate.customer, mandate.external_id)
        gateway = self.accounts.find(account)
        try:
            found = self._call(gateway, "mandate", None, lambda: gateway.mandate(ref))
            state, reason = found.state, found.reason
        except Gone:
            state, reason = "invalid", "the gateway has it no more"
        with self.session() as session:
            mandate = session.get_one(GatewayMandate, gateway_mandate_id, with_for_update=True)
            dunning.note_mandate(session, mandate, state, reason, by=self._actor(account), now=self.now())
            session.commit()

    # -- writing down what came of it ----------------------------------------------------------------------------

    def _book(self, payment_id: int, snapshot: Snapshot, learnt_by: str) -> list[PaymentFact]:
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            by = self._actor(online.account)
            how = Learning(learnt_by, by, self.now(), self.settings.day_of)
            facts = booking.learn(session, online, snapshot, how)
            if online.step in ("open", "processing", "submitting", "unknown"):
                online.ask_again(now=how.now)
            session.commit()
            for fact in facts:
                session.refresh(fact)
            session.expunge_all()
            return facts

    def _refused(self, payment_id: int, failure: Failure) -> None:
        """The vendor made no payment of it."""
        now = self.now()
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            how = Learning("answer", self._actor(online.account), now, self.settings.day_of)
            booking.refuse(session, online, failure, how)
            session.commit()

    def _unknown(self, payment_id: int, error: GatewayError) -> None:
        """No answer. Where nothing can have happened it is asked afresh, else with the same key, or looked up."""
        with self.session() as session:
            online = session.scalars(
                select(OnlinePayment).where(OnlinePayment.payment_id == payment_id).with_for_update(of=OnlinePayment)
            ).one()
            if online.step in ("submitting", "unknown"):
                if online.step == "submitting" and _nothing_was_done(error):
                    online.step, online.submitted_at = "prepared", None
                else:
                    online.step = "unknown"
                online.ask_again(now=self.now())
            session.commit()

    def later(self, payment_id: int) -> None:
        """It could not be looked at or booked now: not again at once, and not before others."""
        with self.session() as session:
            online = session.scalars(
                select(OnlinePayment).where(OnlinePayment.payment_id == payment_id).with_for_update(of=OnlinePayment)
            ).one()
            if online.is_under_way or online.next_sync_at is not None:
                online.ask_again(now=self.now())
            session.commit()

    def _call(self, gateway: Gateway, verb: str, payment_id: int | None, ask: Callable[[], T]) -> T:
        """Ask, and leave a line about it in a transaction of its own, whatever came of it."""
        answer, call = self._asking(gateway, verb, payment_id, ask)
        with self.session() as session:
            session.add(call)
            session.commit()
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def _asking(
        self, gateway: Gateway, verb: str, payment_id: int | None, ask: Callable[[], T]
    ) -> tuple[T | GatewayError, GatewayCall]:
        """The answer, or the error there was instead, and the line about it."""
        began, at = time.monotonic(), self.now()
        answer: T | GatewayError
        try:
            answer = ask()
            outcome = str(getattr(answer, "state", "found" if answer is not None else "nothing"))
        except GatewayError as error:
            answer, outcome = error, f"{error.code}: {error.message}"
        spent = round((time.monotonic() - began) * 1000)
        return answer, GatewayCall(
            account=gateway.account.name, verb=verb, payment_id=payment_id, at=at, milliseconds=spent,
            is_ok=not isinstance(answer, GatewayError), outcome=outcome[:255],
        )  # fmt: skip

    @staticmethod
    def _actor(account: str) -> Actor:
        return Actor("gateway", account, "gateway", authenticated=True)

    def refund_limit(self, currency: str) -> Money:
        return Money(self.settings.refund_limit, currency)


def _nothing_was_done(error: GatewayError) -> bool:
    return isinstance(error, (RateLimited, Unauthorised)) or (
        isinstance(error, Unavailable) and not error.outcome_unknown
    )
