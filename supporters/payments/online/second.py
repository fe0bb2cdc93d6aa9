"""Money that came twice for one thing: booked, set apart, and for a person to ask about or give back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving import turns
from supporters.giving.instalment import Instalment
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from supporters.tasks import Task

if TYPE_CHECKING:
    from supporters.payments.online.booking import Learning

#: Who gives the same twice within so long may have pressed twice, in two tabs.
TWICE_WITHIN = timedelta(hours=1)


def paid_before(session: Session, online: OnlinePayment) -> int | None:
    """A payment that already fulfilled what this one is for: the same checkout, or the same instalment."""
    if online.checkout_id is not None:
        same = (
            select(Payment.id)
            .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
            .where(OnlinePayment.checkout_id == online.checkout_id, Payment.id != online.payment_id)
            .where(Payment.state.in_(("booked", "returned")))
        )
        if (found := session.scalar(same.limit(1))) is not None:
            return found
    return holder(session, online.payment)


def holder(session: Session, payment: Payment) -> int | None:
    """Another payment that pays the same instalment, or is about to."""
    if payment.instalment_id is None:
        return None
    session.flush()
    session.get(Instalment, payment.instalment_id, with_for_update=True, populate_existing=True)
    held = select(Payment.id).where(
        Payment.id != payment.id, Payment.instalment_id == payment.instalment_id, Payment.state.in_(("open", "booked"))
    )
    return session.scalar(held.limit(1))


def set_apart(session: Session, online: OnlinePayment, first: int, how: Learning) -> None:
    """It is the second: its gift is a gift of its own, and a person asks the donor."""
    payment = online.payment
    online.duplicate_of_id, payment.instalment_id = first, None
    if payment.gift is not None:
        payment.gift.instalment_id = None
    Task.raise_(
        session, "second_payment",
        "%(money)s came in twice from %(name)s: payment %(reference)s is the second. Ask, or give it back.",
        by=how.by, now=how.now, key=f"second:{payment.id}", supporter_id=payment.supporter_id,
        money=str(payment.money), reference=payment.reference,
        name=payment.supporter.name if payment.supporter else "",
    )  # fmt: skip


def stand_in(session: Session, payment: Payment, how: Learning) -> bool:
    """A payment came to nothing. Whether another, set apart as its second, pays the instalment in its place."""
    other = session.scalar(
        select(OnlinePayment)
        .join(Payment, Payment.id == OnlinePayment.payment_id)
        .where(OnlinePayment.duplicate_of_id == payment.id, Payment.state == "booked")
        .with_for_update(of=OnlinePayment)
    )
    if other is None or payment.instalment is None or other.payment.gift is None:
        return False
    gift, instalment = other.payment.gift, payment.instalment
    other.duplicate_of_id, other.payment.instalment_id = None, instalment.id
    gift.instalment_id, gift.commitment_id = instalment.id, instalment.commitment_id
    instalment.status, instalment.not_before_on = "paid", None
    task = session.scalar(select(Task).where(Task.key == f"second:{other.payment_id}"))
    if task is not None and task.is_open:
        task.finish(session, "the other one failed", by=how.by, now=how.now)
    session.flush()
    return True


def point_out_twin(session: Session, online: OnlinePayment, how: Learning) -> None:
    """Somebody gave the same at another form within the hour. It may be meant: both are thanked for, a person asks."""
    checkout, payment = online.checkout, online.payment
    if checkout is None or payment.supporter_id is None or online.duplicate_of_id is not None:
        return
    turns.of(session, f"supporter {payment.supporter_id}")
    twins = session.scalars(
        select(Payment)
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .join(Checkout, Checkout.id == OnlinePayment.checkout_id)
        .where(
            Payment.supporter_id == payment.supporter_id, Payment.id != payment.id, Payment.state == "booked",
            Payment.amount == payment.amount, Payment.currency == payment.currency,
            OnlinePayment.duplicate_of_id.is_(None), Checkout.id != checkout.id, Checkout.kind == checkout.kind,
            Checkout.created_at.between(checkout.created_at - TWICE_WITHIN, checkout.created_at + TWICE_WITHIN),
        )
        .limit(20)
    )  # fmt: skip
    for twin in twins:
        one, other = sorted((twin, payment), key=lambda each: each.id)
        Task.raise_(
            session, "possible_duplicate",
            "%(name)s gave %(money)s twice within the hour (payments %(first)s and %(second)s): ask whether that was"
            " meant, or give one back.",
            by=how.by, now=how.now, key=f"twice:{one.id}:{other.id}", supporter_id=payment.supporter_id,
            money=str(payment.money), name=payment.supporter.name if payment.supporter else "", first=one.reference,
            second=other.reference,
        )  # fmt: skip
