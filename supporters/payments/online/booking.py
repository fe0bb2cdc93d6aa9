"""What a gateway's snapshot means for the books: new facts, each booked once, whoever learns of them and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.giving import turns
from supporters.giving.gift import Gift
from supporters.giving.instalment import Instalment
from supporters.giving.year import FinancialYear
from supporters.payments.gateway import FINAL, Fact, Failure, RefundSnapshot, Snapshot
from supporters.payments.online import announcing, dunning, fulfilment, going_back, health, second
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.payments.payment import Payment
from supporters.tasks import Task

#: Of what happened so long ago, the gateway's own news should have come before we looked.
NEWS_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Learning:
    """Who tells us, when, and on which calendar the days are."""

    learnt_by: str  # webhook, return, poll, button, answer
    by: Actor
    now: datetime
    day_of: Callable[[datetime], date]

    def open_day(self, session: Session, at: datetime) -> date:
        """Its own day, or today where that day's year is closed: corrections go into the open year."""
        on = self.day_of(at)
        closed = session.scalar(
            select(FinancialYear.year).where(FinancialYear.year == on.year, FinancialYear.closed_at.is_not(None))
        )
        return on if closed is None else self.day_of(self.now)


def learn(session: Session, online: OnlinePayment, snapshot: Snapshot, how: Learning) -> list[PaymentFact]:
    """Take over what the gateway says of a payment; the new facts, each booked and announced in this transaction.

    Several at once follow each other; the same snapshot again, or an older one, adds nothing.
    """
    lock(session, online)
    if online.step == "parked":
        return []
    if why := online.why_not(snapshot) or _taken(session, online, snapshot):
        _park(session, online, why, how)
        return []
    was_known = online.external_id is not None
    _take_over(online, snapshot)
    _move(session, online, snapshot, how)
    if not online.is_under_way:
        online.next_sync_at = None  # unless something below still waits for news
    # What was asked for is done before the money goes back: it is what a chargeback stops.
    facts = snapshot.facts()
    found = [_fact(session, online, fact, how) for fact in facts[:1]]
    fulfilment.complete(session, online, snapshot, how)
    found += [_fact(session, online, fact, how) for fact in facts[1:]]
    for each in snapshot.refunds:
        _note_refund(session, online, each, how)
    new = [fact for fact in found if fact is not None]
    if was_known and how.learnt_by == "poll" and any(fact.happened_at < how.now - NEWS_WITHIN for fact in new):
        health.miss_news(
            session, online.account, online.payment.reference, by=how.by, on=how.day_of(how.now), now=how.now
        )
    session.flush()
    return new


def refuse(session: Session, online: OnlinePayment, failure: Failure, how: Learning) -> None:
    """The vendor refused it and made no payment of it: it failed, and what follows from that follows."""
    lock(session, online)
    if not online.is_under_way:
        return
    online.step, online.settled_at, online.next_sync_at = "failed", how.now, None
    online.failure_kind, online.failure_code = failure.kind, failure.code[:80]
    online.payment.state = "failed"
    session.flush()
    dunning.let_go(session, online, how)
    session.flush()


def lock(session: Session, online: OnlinePayment) -> None:
    """Two payments of one checkout follow each other too: only one of them is the first."""
    session.flush()
    turns.together(session)
    if online.checkout_id is not None:
        session.get(Checkout, online.checkout_id, with_for_update=True, populate_existing=True)
    session.get(Payment, online.payment_id, with_for_update=True, populate_existing=True)
    session.refresh(online)


def _taken(session: Session, online: OnlinePayment, snapshot: Snapshot) -> str | None:
    """Why a name that the gateway gives this payment cannot be its name; None where it can."""
    names = {snapshot.external_id, snapshot.transaction_id} - {None, online.external_id, online.transaction_id}
    if not names:
        return None
    other = select(OnlinePayment.id).where(
        OnlinePayment.account == online.account, OnlinePayment.id != online.id,
        or_(OnlinePayment.external_id.in_(names), OnlinePayment.transaction_id.in_(names)),
    )  # fmt: skip
    return "another payment has this name" if session.scalar(other.limit(1)) is not None else None


def _park(session: Session, online: OnlinePayment, why: str, how: Learning) -> None:
    online.step, online.parked_for, online.next_sync_at = "parked", why[:255], None
    audit.record(session, how.by, "park", online, now=how.now, why=why)
    Task.raise_(
        session, "payment_parked", "Payment %(reference)s at %(account)s is not what we asked for: %(why)s.",
        by=how.by, now=how.now, key=f"parked:{online.id}", supporter_id=online.payment.supporter_id,
        reference=online.payment.reference, account=online.account, why=why,
    )  # fmt: skip
    session.flush()


def _take_over(online: OnlinePayment, snapshot: Snapshot) -> None:
    online.external_id = snapshot.external_id
    online.transaction_id = snapshot.transaction_id or online.transaction_id
    online.method = snapshot.method or online.method
    if snapshot.fee is not None:
        online.fee = snapshot.fee.amount
    online.balance_reference = snapshot.balance_reference or online.balance_reference
    if online.is_under_way:
        online.checkout_url = snapshot.checkout_url or online.checkout_url


def _move(session: Session, online: OnlinePayment, snapshot: Snapshot, how: Learning) -> None:
    """How far it is. What came to an end only moves on to paid: the money came after all."""
    older = online.observed_at is not None and snapshot.observed_at < online.observed_at
    ended = online.step in FINAL
    if online.step == "paid" or (snapshot.state != "paid" and (ended or older)):
        return
    online.step, online.observed_at = snapshot.state, snapshot.observed_at
    if snapshot.state not in FINAL:
        return
    online.settled_at = how.now
    payment = online.payment
    if snapshot.failure is not None and snapshot.state != "paid":
        online.failure_kind, online.failure_code = snapshot.failure.kind, snapshot.failure.code[:80]
    if snapshot.state == "paid":
        if online.purpose == "setup":
            payment.state = "cancelled"  # It was for the mandate; no money of it is ours.
    else:
        payment.state = "failed" if snapshot.state == "failed" else "cancelled"
        session.flush()
        dunning.let_go(session, online, how)


def _fact(session: Session, online: OnlinePayment, fact: Fact, how: Learning) -> PaymentFact | None:
    if online.purpose == "setup":
        return None
    known = select(PaymentFact.id).where(
        PaymentFact.account == online.account, PaymentFact.kind == fact.kind,
        PaymentFact.external_id == fact.external_id,
    )  # fmt: skip
    if session.scalar(known) is not None:
        return None
    row = PaymentFact(
        payment_id=online.payment_id, account=online.account, kind=fact.kind, external_id=fact.external_id,
        amount=fact.money.amount, currency=fact.money.currency, happened_at=fact.at, observed_at=how.now,
        learnt_by=how.learnt_by, reason=fact.reason[:255], booked=0,
    )  # fmt: skip
    session.add(row)
    session.flush()
    book = _received if fact.kind == "received" else going_back.book
    book(session, online, row, how)
    session.flush()
    announcing.announce(session, online, row, how)
    return row


def _received(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    payment = online.payment
    first = second.paid_before(session, online)
    supporter, terms = fulfilment.payer(session, online, how)
    payment.supporter_id = supporter.id
    gift = Gift.book(
        session, supporter, payment.money, received_on=how.open_day(session, fact.happened_at), fund=terms.fund,
        booking_key=f"payment:{payment.id}", by=how.by, now=how.now, source_code=terms.source_code,
        description=terms.description,
    )  # fmt: skip
    session.expire(payment, ["supporter"])
    if first is not None:
        second.set_apart(session, online, first, how)
        session.flush()
    payment.gift_id, payment.state = gift.id, "booked"
    if payment.instalment_id is not None:
        instalment = session.get_one(Instalment, payment.instalment_id)
        instalment.status, instalment.not_before_on = "paid", None
        gift.instalment_id, gift.commitment_id = instalment.id, instalment.commitment_id
    session.flush()
    session.expire(payment, ["gift", "instalment"])
    fact.gift_id, fact.booked = gift.id, fact.amount
    second.point_out_twin(session, online, how)


def _note_refund(session: Session, online: OnlinePayment, found: RefundSnapshot, how: Learning) -> None:
    """One of ours learns what became of it; one that was made at the vendor and failed is told to a person."""
    if found.state == "pending":
        online.ask_again(now=how.now)  # News of it may get lost; whoever waits for their money should not be.
    named = Refund.external_id == found.external_id
    mine = select(Refund).where(Refund.payment_id == online.payment_id)
    refund = session.scalar(mine.where(or_(named, Refund.key == found.key) if found.key is not None else named))
    if refund is not None:
        refund.note(session, found, by=how.by, now=how.now)
    elif found.state == "failed":
        Refund.tell_that_it_failed(
            session, online.payment, found.money, found.reason, by=how.by, now=how.now,
            key=f"refund-failed:{online.account}:{found.external_id}",
        )  # fmt: skip
