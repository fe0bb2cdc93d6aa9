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
from typing import TypeAlias, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving import turns
from supporters.payments.gateway import (
    Declined,
    Failure,
    Gateway,
    GatewayError,
    Gone,
    MandateRef,
    Misasked,
    Order,
    Payer,
    RateLimited,
    Snapshot,
    Unauthorised,
    Unavailable,
    Urls,
)
from supporters.payments.online import booking, bulk
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.booking import Learning
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
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
#: What news is about: the account, the vendor's name for the payment, and our key if it had that.
News: TypeAlias = tuple[str, str, str | None]


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
                snapshot = self.call(gateway, "charge", payment_id, lambda: gateway.charge(order, mandate))
            else:
                snapshot = self.call(gateway, "begin", payment_id, lambda: gateway.begin(order, urls))
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
        return self.book(payment_id, snapshot, "answer")

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
        return gateway, online.order(self.description(online), **more), urls, ref

    @staticmethod
    def _is_gone(session: Session, checkout: Checkout) -> bool:
        """Whether the vendor said that it has no such customer (any more)."""
        gone = select(OnlinePayment.id).where(
            OnlinePayment.checkout_id == checkout.id, OnlinePayment.failure_code == Gone.code
        )
        return session.scalar(gone.limit(1)) is not None

    def description(self, online: OnlinePayment) -> str:
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
            snapshot = self.call(gateway, "fetch", payment_id, lambda: gateway.fetch(external_id))
        except GatewayError:
            self.later(payment_id)
            raise
        return self.book(payment_id, snapshot, learnt_by)

    def sync_many(self, payment_ids: Iterable[int], learnt_by: str) -> dict[int, str | Exception]:
        """Look at many, several at once, and book together what is plain: by payment, what came of it in words.

        One that cannot be looked at or booked keeps no other waiting: its error stands in the place of words.
        """
        ids = list(dict.fromkeys(payment_ids))
        found: dict[int, str | Exception] = {}
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
                facts = self.book(payment_id, snapshot, learnt_by) if snapshot else self.sync(payment_id, learnt_by)
            except GatewayError as error:
                found[payment_id] = error
            except Exception as error:  # It stays to be seen, and is looked at again later.
                log.exception("payment %s could not be booked", payment_id)
                self.later(payment_id)
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
            return payment_id, *self.asking(gateway, "fetch", payment_id, lambda: gateway.fetch(name))

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
                how = Learning(learnt_by, self.actor(account), self.now(), self.settings.day_of)
                try:
                    booked |= bulk.learn_plain(session, mine, how)
                    session.commit()
                except Exception:  # Each by itself, then, which says whose fault it is.
                    log.exception("payments of %s could not be booked together", account)
                    session.rollback()
        return booked

    def find_payments(self, news: Iterable[News]) -> dict[News, int]:
        """Which payment of ours each piece of news is about: by the vendor's name for it, else by our key."""
        by_account: dict[str, set[News]] = {}
        for each in news:
            by_account.setdefault(each[0], set()).add(each)
        found: dict[News, int] = {}
        with self.session() as session:
            for account, mine in by_account.items():
                found |= _find(session, account, mine)
        return found

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
        snapshot = self.call(gateway, "fetch", None, lambda: gateway.fetch(external_id))
        news = (account, external_id, snapshot.key)
        payment_id = self.find_payments([news]).get(news)
        return self.book(payment_id, snapshot, "poll") if payment_id is not None else []

    def _look_up(self, payment_id: int) -> list[PaymentFact]:
        """The key is too old to be sent again: look whether the vendor has it, and if not, a person decides."""
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            gateway, order, _, _ = self._asked(session, online)
        try:
            snapshot = self.call(gateway, "find", payment_id, lambda: gateway.find(order))
        except GatewayError:
            self.later(payment_id)
            return []
        if snapshot is not None:
            return self.book(payment_id, snapshot, "poll")
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
                by=self.actor(online.account), now=self.now(), key=f"unknown:{online.id}",
                supporter_id=online.payment.supporter_id, reference=online.payment.reference,
                money=str(online.payment.money), account=online.account,
            )  # fmt: skip
            session.commit()
        return []

    # -- writing down what came of it ----------------------------------------------------------------------------

    def book(self, payment_id: int, snapshot: Snapshot, learnt_by: str) -> list[PaymentFact]:
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            by = self.actor(online.account)
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
            how = Learning("answer", self.actor(online.account), now, self.settings.day_of)
            booking.refuse(session, online, failure, how)
            session.commit()

    def _unknown(self, payment_id: int, error: GatewayError) -> None:
        """No answer. Where nothing can have happened it is asked afresh, else with the same key, or looked up."""
        with self.session() as session:
            online = session.scalars(
                select(OnlinePayment).where(OnlinePayment.payment_id == payment_id).with_for_update(of=OnlinePayment)
            ).one()
            if online.step in ("submitting", "unknown"):
                if online.step == "submitting" and nothing_was_done(error):
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

    def call(self, gateway: Gateway, verb: str, payment_id: int | None, ask: Callable[[], T]) -> T:
        """Ask, and leave a line about it in a transaction of its own, whatever came of it."""
        answer, call = self.asking(gateway, verb, payment_id, ask)
        with self.session() as session:
            session.add(call)
            session.commit()
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def asking(
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
    def actor(account: str) -> Actor:
        return Actor("gateway", account, "gateway", authenticated=True)


def _find(session: Session, account: str, news: set[News]) -> dict[News, int]:
    ours = OnlinePayment.account == account
    names = {name for _, name, _ in news}
    named: dict[str | None, int] = {}
    for column in (OnlinePayment.external_id, OnlinePayment.transaction_id):
        query = select(column, OnlinePayment.payment_id).where(ours, column.in_(names))
        named |= dict(session.execute(query).all())
    keys = {key for _, name, key in news if key and name not in named}
    keyed: dict[str | None, int] = {}
    if keys:
        answers = select(Payment.reference, Payment.id).join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        keyed |= dict(session.execute(answers.where(ours, Payment.reference.in_(keys))).all())
    found = {each: named.get(each[1], keyed.get(each[2])) for each in news}
    return {each: known for each, known in found.items() if known is not None}


def nothing_was_done(error: GatewayError) -> bool:
    return isinstance(error, (RateLimited, Unauthorised)) or (
        isinstance(error, Unavailable) and not error.outcome_unknown
    )
