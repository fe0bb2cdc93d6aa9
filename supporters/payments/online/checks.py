"""What `achterban check` looks for in online payments: the books are what the gateways said, and nothing waits long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.gift import Gift, Reversal
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import UNDER_WAY, OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.payments.payment import Payment
from supporters.registry import Finding, broken, check
from supporters.tasks import Task

#: What a payment is at each step; one that is parked was something else before.
_TOGETHER = {
    **dict.fromkeys(UNDER_WAY, ("open",)),
    "failed": ("failed",),
    "cancelled": ("cancelled",),
    "expired": ("cancelled",),
}
#: A vendor that cannot be reached for a weekend is no broken promise.
REVOKED_WITHIN = timedelta(days=3)
SENT_WITHIN = timedelta(days=3)
ARRIVES_WITHIN = timedelta(days=14)


@check("online payments")
def online_payments(session: Session, *, now: datetime) -> Iterator[Finding]:
    """A gift is what came in by its facts less what is gone, its payment is as far as the gateway says, and alone."""
    yield from _facts(session)
    wrong = [and_(OnlinePayment.step == step, Payment.state.not_in(states)) for step, states in _TOGETHER.items()]
    setup = OnlinePayment.purpose == "setup"
    wrong.append(and_(OnlinePayment.step == "paid", setup, Payment.state != "cancelled"))
    yield from broken(
        session,
        "step-is-the-state",
        "payment",
        select(Payment.id, OnlinePayment.step.label("step"), Payment.state.label("state"))
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(or_(*wrong))
        .order_by(Payment.id),
        "is %(state)s, and %(step)s at its gateway",
    )
    yield from broken(
        session,
        "paid-is-a-gift",
        "payment",
        select(Payment.id, Payment.state.label("state"), OnlinePayment.account.label("account"))
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(OnlinePayment.step == "paid", ~setup, Payment.gift_id.is_(None))
        .order_by(Payment.id),
        "is paid at %(account)s, and there is no gift of it: it is %(state)s",
    )
    yield from _seconds(session)


def _facts(session: Session) -> Iterator[Finding]:
    sign = case((PaymentFact.kind.in_(("refunded", "charged_back")), -1), else_=1)
    said = (
        select(PaymentFact.payment_id, func.sum(sign * PaymentFact.booked).label("total"))
        .group_by(PaymentFact.payment_id)
        .subquery()
    )
    back = (
        select(Reversal.gift_id, func.sum(Reversal.amount).label("total"))
        .where(Reversal.booking_key.like("fact:%"))
        .group_by(Reversal.gift_id)
        .subquery()
    )
    booked = func.coalesce(Gift.amount, 0) - func.coalesce(back.c.total, 0)
    yield from broken(
        session,
        "facts-are-booked",
        "payment",
        select(said.c.payment_id, said.c.total.label("said"), booked.label("booked"))
        .join(Payment, Payment.id == said.c.payment_id)
        .outerjoin(Gift, Gift.id == Payment.gift_id)
        .outerjoin(back, back.c.gift_id == Gift.id)
        .where(said.c.total != booked)
        .order_by(said.c.payment_id),
        "brought %(said)s cents by what its gateway said, and the books have %(booked)s",
    )
    yield from broken(
        session,
        "facts-are-booked",
        "payment",
        select(Payment.id, PaymentFact.amount.label("said"), Payment.amount.label("amount"))
        .join(PaymentFact, and_(PaymentFact.payment_id == Payment.id, PaymentFact.kind == "received"))
        .where(
            or_(
                PaymentFact.amount != Payment.amount,
                PaymentFact.currency != Payment.currency,
                PaymentFact.gift_id.is_distinct_from(Payment.gift_id),
            )
        )
        .order_by(Payment.id),
        "is of %(amount)s cents, and its gateway said that %(said)s came in, or it is another gift",
    )


def _seconds(session: Session) -> Iterator[Finding]:
    other, theirs = aliased(OnlinePayment), aliased(Payment)
    brought = ("booked", "returned")
    earlier = exists().where(
        other.checkout_id == OnlinePayment.checkout_id,
        other.duplicate_of_id.is_(None),
        theirs.id == other.payment_id,
        theirs.state.in_(brought),
        theirs.id < Payment.id,
    )
    yield from broken(
        session,
        "second-is-flagged",
        "payment",
        select(Payment.id, OnlinePayment.checkout_id.label("checkout"))
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(Payment.state.in_(brought), OnlinePayment.duplicate_of_id.is_(None), earlier)
        .order_by(Payment.id),
        "is a second one for checkout %(checkout)s, and nobody is told",
    )
    key = literal("second:") + cast(Payment.id, String)
    yield from broken(
        session,
        "second-is-flagged",
        "payment",
        select(Payment.id, OnlinePayment.duplicate_of_id.label("first"))
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(OnlinePayment.duplicate_of_id.is_not(None), ~exists().where(Task.key == key))
        .order_by(Payment.id),
        "came in beside payment %(first)s, and nobody is told",
    )


@check("gateways")
def gateways(session: Session, *, now: datetime) -> Iterator[Finding]:
    """What is over here is over at the vendor, and money that was promised back is on its way."""
    yield from broken(
        session,
        "ended-is-revoked",
        "gateway mandate",
        select(GatewayMandate.id, GatewayMandate.account.label("account"), GatewayMandate.ended_at.label("ended_at"))
        .where(
            GatewayMandate.state == "ended",
            GatewayMandate.revoked_at.is_(None),
            GatewayMandate.ended_at < now - REVOKED_WITHIN,
        )
        .order_by(GatewayMandate.id),
        "ended at %(ended_at)s, and %(account)s did not confirm it since",
    )
    began: Any = func.coalesce(Refund.submitted_at, Refund.approved_at, Refund.requested_at)
    yield from broken(
        session,
        "refund-arrives",
        "refund",
        select(Refund.id, Refund.state.label("state"), cast(began, String).label("since"))
        .where(
            or_(
                and_(Refund.state.in_(("ready", "submitting", "unknown")), began < now - SENT_WITHIN),
                and_(Refund.state == "pending", began < now - ARRIVES_WITHIN),
            )
        )
        .order_by(Refund.id),
        "is %(state)s since %(since)s",
    )
