"""Money of a gift that goes back or comes again: what the gift takes of it, in whatever order we learn of it.

A donor may get a gift back twice, by our refund and by their bank. The gift takes no more than it was; the rest is a
loss that a person contests. Which refund or chargeback took it and which was the loss depends on what we heard first;
what is left of the gift, and what was lost, does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.payments.online import dunning, second
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from supporters.tasks import Task

if TYPE_CHECKING:
    from supporters.payments.online.booking import Learning


@dataclass(frozen=True, slots=True)
class _Sums:
    """In minor units; what came again is taken off."""

    gone: int  # by refund and chargeback
    contested: int  # of it, by chargeback
    booked: int  # of it, taken by the gift
    short: bool  # whether an earlier fact took less of the gift than it is


def book(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    """Reverse or reinstate so much of the gift that it is what it was less what is gone now."""
    gift = online.payment.gift
    assert gift is not None
    gift.hold(session)
    session.expire(gift, ["reversals"])
    sums = _sums(session, fact)
    by_hand = gift.reversed.amount - sums.booked
    wanted = min(max(sums.gone, 0), gift.amount - by_hand)
    if fact.sign < 0:
        _take(session, gift, fact, min(wanted - sums.booked, fact.amount), how)
    else:
        _bring_again(session, gift, fact, min(sums.booked - wanted, fact.amount), how)
    session.flush()
    session.expire(gift, ["reversals"])
    if sums.short or fact.booked < fact.amount:
        _note_loss(session, online.payment, Money(max(sums.gone - wanted, 0), fact.currency), how)
    if fact.kind == "charged_back":
        dunning.charged_back(session, online, fact, how)
    _settle(session, online, gift, sums, how)


def _sums(session: Session, new: PaymentFact) -> _Sums:
    facts = session.scalars(
        select(PaymentFact).where(PaymentFact.payment_id == new.payment_id, PaymentFact.kind != "received")
    ).all()
    return _Sums(
        gone=-sum(fact.sign * fact.amount for fact in facts),
        contested=-sum(fact.sign * fact.amount for fact in facts if fact.kind.startswith("charge")),
        booked=-sum(fact.sign * fact.booked for fact in facts),
        short=any(fact.booked < fact.amount for fact in facts if fact is not new),
    )


def _take(session: Session, gift: Gift, fact: PaymentFact, part: int, how: Learning) -> None:
    if part <= 0:
        return
    reversal = gift.reverse(
        session, Money(part, fact.currency), on=how.open_day(session, fact.happened_at),
        kind="refund" if fact.kind == "refunded" else "chargeback", by=how.by, now=how.now,
        reason_code=fact.reason[:40] or None, booking_key=f"fact:{fact.id}",
    )  # fmt: skip
    fact.reversal_id, fact.booked = reversal.id, part


def _bring_again(session: Session, gift: Gift, fact: PaymentFact, part: int, how: Learning) -> None:
    if part <= 0:
        return
    took = (
        select(PaymentFact.reversal_id)
        .where(PaymentFact.payment_id == fact.payment_id, PaymentFact.kind.in_(("refunded", "charged_back")))
        .where(PaymentFact.reversal_id.is_not(None))
        .order_by(PaymentFact.external_id != fact.external_id, PaymentFact.id.desc())
    )
    back = gift.reinstate(
        session, session.get_one(Reversal, session.scalars(took.limit(1)).one()), Money(part, fact.currency),
        on=how.open_day(session, fact.happened_at), by=how.by, now=how.now, booking_key=f"fact:{fact.id}",
    )  # fmt: skip
    fact.reversal_id, fact.booked = back.id, part


def _note_loss(session: Session, payment: Payment, lost: Money, how: Learning) -> None:
    """What went back twice as it stands now: a person contests it, and has nothing to do once it came again."""
    task = session.scalar(select(Task).where(Task.key == f"lost:{payment.id}"))
    told: dict[str, Any] = {"lost": str(lost), "reference": payment.reference}
    if task is None and lost.amount:
        Task.raise_(
            session, "paid_back_twice",
            "%(lost)s of payment %(reference)s went back twice, by a refund and by a chargeback: contest it.",
            by=how.by, now=how.now, key=f"lost:{payment.id}", supporter_id=payment.supporter_id, **told,
        )  # fmt: skip
    elif task is not None and lost.amount:
        if task.params != told:
            task.params = told
            task.reopen(session, by=how.by, now=how.now)
    elif task is not None and task.is_open:
        task.finish(session, "came again", by=how.by, now=how.now)


def _settle(session: Session, online: OnlinePayment, gift: Gift, sums: _Sums, how: Learning) -> None:
    """Taken back by the donor is where nothing is left and a chargeback stands; given back by us it stays booked."""
    payment = online.payment
    returned = gift.net.amount == 0 and sums.contested > 0
    if returned and payment.state == "booked":
        payment.state = "returned"
        if payment.instalment is not None:
            payment.instalment.status = "returned"
        session.flush()
        hooks.fire("payments_returned", session, payment_ids=[payment.id], by=how.by, now=how.now)
    elif not returned and payment.state == "returned":
        _is_ours_again(session, online, how)


def _is_ours_again(session: Session, online: OnlinePayment, how: Learning) -> None:
    payment = online.payment
    if (other := second.holder(session, payment)) is not None:
        # It was collected again meanwhile: this one is a gift of its own now.
        second.set_apart(session, online, other, how)
    elif payment.instalment is not None:
        payment.instalment.status = "paid"
    payment.state = "booked"
    session.flush()
    session.expire(payment, ["instalment"])
