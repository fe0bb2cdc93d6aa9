"""What a gateway's snapshot means for the books: new facts, each booked once, whoever learns of them and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.giving import turns
from supporters.giving.gift import Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.giving.year import FinancialYear
from supporters.money import Money
from supporters.payments.gateway import FINAL, Fact, Failure, Snapshot
from supporters.payments.online import announcing, dunning, fulfilment
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.payments.payment import Payment
from supporters.tasks import Task


@dataclass(frozen=True, slots=True)
class Learning:
    """Who tells us, when, and on which calendar the days are."""

    learnt_by: str  # webhook, return, poll, button, answer
    by: Actor
    now: datetime
    day_of: Callable[[datetime], date]


def learn(session: Session, online: OnlinePayment, snapshot: Snapshot, how: Learning) -> list[PaymentFact]:
    """Take over what the gateway says of a payment; the new facts, each booked and announced in this transaction.

    Several at once follow each other; the same snapshot again, or an older one, adds nothing.
    """
    lock(session, online)
    if online.step == "parked":
        return []
    if why := online.why_not(snapshot):
        _park(session, online, why, how)
        return []
    _take_over(online, snapshot)
    _move(session, online, snapshot, how)
    found = [made for fact in snapshot.facts() if (made := _fact(session, online, fact, how)) is not None]
    fulfilment.complete(session, online, snapshot, how)
    _note_refunds(session, online, snapshot, how)
    session.flush()
    return found


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
    session.flush()
    turns.together(session)
    session.get(Payment, online.payment_id, with_for_update=True, populate_existing=True)
    session.refresh(online)


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
    online.settled_at, online.next_sync_at = how.now, None
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
    if fact.kind == "refund_returned" and _paired(session, row) is None:
        return None  # It never left: the refund failed before it was done.
    session.add(row)
    session.flush()
    _BOOK[fact.kind](session, online, row, how)
    session.flush()
    announcing.announce(session, online, row, how)
    return row


def _received(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    payment = online.payment
    if (first := _paid_before(session, online)) is not None:
        online.duplicate_of_id = first
        payment.instalment_id = None
    supporter, terms = fulfilment.payer(session, online, how)
    payment.supporter_id = supporter.id
    gift = Gift.book(
        session, supporter, payment.money, received_on=_open_day(session, fact, how), fund=terms.fund,
        booking_key=f"payment:{payment.id}", by=how.by, now=how.now, source_code=terms.source_code,
        description=terms.description,
    )  # fmt: skip
    payment.gift_id, payment.state = gift.id, "booked"
    if payment.instalment_id is not None:
        instalment = session.get_one(Instalment, payment.instalment_id)
        instalment.status, instalment.not_before_on = "paid", None
        gift.instalment_id, gift.commitment_id = instalment.id, instalment.commitment_id
    session.flush()
    session.expire(payment, ["gift", "supporter", "instalment"])
    fact.gift_id, fact.booked = gift.id, fact.amount
    if online.duplicate_of_id is not None:
        _flag_second(session, online, how)


def _paid_before(session: Session, online: OnlinePayment) -> int | None:
    """A payment that already fulfilled what this one is for: the same checkout, or the same instalment."""
    payment = online.payment
    others = select(Payment.id).where(Payment.id != payment.id)
    if online.checkout_id is not None:
        same = others.join(OnlinePayment, OnlinePayment.payment_id == Payment.id).where(
            OnlinePayment.checkout_id == online.checkout_id, Payment.state.in_(("booked", "returned"))
        )
        if (found := session.scalar(same.limit(1))) is not None:
            return found
    if payment.instalment_id is not None:
        held = others.where(Payment.instalment_id == payment.instalment_id, Payment.state.in_(("open", "booked")))
        return session.scalar(held.limit(1))
    return None


def _flag_second(session: Session, online: OnlinePayment, how: Learning) -> None:
    payment = online.payment
    Task.raise_(
        session, "second_payment",
        "%(money)s came in twice from %(name)s: payment %(reference)s is the second. Ask, or give it back.",
        by=how.by, now=how.now, key=f"second:{payment.id}", supporter_id=payment.supporter_id,
        money=str(payment.money), reference=payment.reference,
        name=payment.supporter.name if payment.supporter else "",
    )  # fmt: skip


def _went_back(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    """A refund or chargeback. What it takes beyond what the gift still is, is a loss and not a gift less."""
    payment = online.payment
    gift = payment.gift
    assert gift is not None
    session.get(Gift, gift.id, with_for_update=True, populate_existing=True)
    session.expire(gift, ["reversals"])
    part = min(fact.amount, gift.net.amount)
    if part > 0:
        reversal = gift.reverse(
            session, Money(part, fact.currency), on=_open_day(session, fact, how),
            kind="refund" if fact.kind == "refunded" else "chargeback", by=how.by, now=how.now,
            reason_code=fact.reason[:40] or None, booking_key=f"fact:{fact.id}",
        )  # fmt: skip
        fact.reversal_id, fact.booked = reversal.id, part
    if part < fact.amount:
        Task.raise_(
            session, "paid_back_twice",
            "%(lost)s of payment %(reference)s went back twice, by a refund and by a chargeback: contest it.",
            by=how.by, now=how.now, key=f"lost:{fact.id}", supporter_id=payment.supporter_id,
            lost=str(Money(fact.amount - part, fact.currency)), reference=payment.reference,
        )  # fmt: skip
    session.expire(gift, ["reversals"])
    if fact.kind == "charged_back":
        dunning.charged_back(session, online, fact, how)
    if gift.net.amount == 0 and payment.state == "booked" and fact.kind == "charged_back":
        payment.state = "returned"
        if payment.instalment is not None:
            payment.instalment.status = "returned"
        session.flush()
        hooks.fire("payments_returned", session, payment_ids=[payment.id], by=how.by, now=how.now)


def _came_again(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    """A refund that failed, or a chargeback that was won: what it had taken of the gift is there again."""
    paired = _paired(session, fact)
    payment = online.payment
    if paired is None or paired.reversal_id is None or payment.gift is None:
        return
    back = payment.gift.reinstate(
        session, session.get_one(Reversal, paired.reversal_id), on=_open_day(session, fact, how), by=how.by,
        now=how.now, booking_key=f"fact:{fact.id}",
    )  # fmt: skip
    fact.reversal_id, fact.booked = back.id, paired.booked
    if payment.state == "returned":
        _is_ours_again(session, payment)


def _is_ours_again(session: Session, payment: Payment) -> None:
    held = select(Payment.id).where(
        Payment.id != payment.id, Payment.instalment_id == payment.instalment_id, Payment.state.in_(("open", "booked"))
    )
    if payment.instalment is not None and session.scalar(held.limit(1)) is not None:
        # It was collected again meanwhile: this one is a gift of its own now.
        payment.instalment_id = None
        if payment.gift is not None:
            payment.gift.instalment_id = None
    elif payment.instalment is not None:
        payment.instalment.status = "paid"
    payment.state = "booked"
    session.flush()
    session.expire(payment, ["instalment"])


def _paired(session: Session, fact: PaymentFact) -> PaymentFact | None:
    kind = {"refund_returned": "refunded", "chargeback_reversed": "charged_back"}[fact.kind]
    return session.scalar(
        select(PaymentFact).where(
            PaymentFact.account == fact.account, PaymentFact.kind == kind, PaymentFact.external_id == fact.external_id
        )
    )


_BOOK = {
    "received": _received,
    "refunded": _went_back,
    "charged_back": _went_back,
    "refund_returned": _came_again,
    "chargeback_reversed": _came_again,
}


def _open_day(session: Session, fact: PaymentFact, how: Learning) -> date:
    """Its own day, or today where that day's year is closed: corrections go into the open year."""
    on = how.day_of(fact.happened_at)
    closed = session.scalar(
        select(FinancialYear.year).where(FinancialYear.year == on.year, FinancialYear.closed_at.is_not(None))
    )
    return on if closed is None else how.day_of(how.now)


def _note_refunds(session: Session, online: OnlinePayment, snapshot: Snapshot, how: Learning) -> None:
    if not snapshot.refunds:
        return
    ours = {r.key: r for r in session.scalars(select(Refund).where(Refund.payment_id == online.payment_id))}
    for each in snapshot.refunds:
        refund = ours.get(each.key or "") or next((r for r in ours.values() if r.external_id == each.external_id), None)
        if refund is not None:
            refund.note(session, each, by=how.by, now=how.now)
