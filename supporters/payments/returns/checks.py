"""What `achterban check` looks for in returns: each tells of its payment, and what went back twice is settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import String, and_, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from supporters.giving.gift import Reversal
from supporters.giving.instalment import Instalment
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from supporters.payments.taking_back import twice_key
from supporters.registry import Finding, broken, check
from supporters.tasks import Task


@check("returns")
def returns(session: Session, *, now: datetime) -> Iterator[Finding]:
    """A return says what its payment says; and where we refunded what came back too, somebody settles it."""
    yield from broken(
        session,
        "return-is-the-payment",
        "return",
        select(Returned.id, Returned.stage.label("stage"), Payment.state.label("state"), Payment.reference.label("ref"))
        .join(Payment, Payment.id == Returned.payment_id)
        .outerjoin(Instalment, Instalment.id == Payment.instalment_id)
        .where(
            or_(
                and_(Returned.stage == "rejected", Payment.state != "failed"),
                and_(Returned.stage == "returned", Payment.state != "returned"),
                Returned.amount != Payment.amount,
                Returned.currency != Payment.currency,
                Returned.supporter_id != Payment.supporter_id,
                Returned.commitment_id.is_distinct_from(Instalment.commitment_id),
            )
        )
        .order_by(Returned.id),
        "was %(stage)s, and tells another story than its payment %(ref)s, which is %(state)s",
    )
    yield from _twice(session)


def _twice(session: Session) -> Iterator[Finding]:
    own: Any = func.coalesce(
        func.sum(Reversal.amount).filter(
            Reversal.booking_key == literal("payment:") + cast(Payment.id, String) + ":returned"
        ),
        0,
    )
    given: Any = func.coalesce(func.sum(Reversal.amount).filter(Reversal.kind.in_(("refund", "reinstated"))), 0)
    key = literal(twice_key(0)[:-1]) + cast(Payment.id, String)
    rows = session.execute(
        select(Payment.id, Payment.reference, Payment.amount, Payment.currency, own, given, Task.raised_at)
        .join(Reversal, Reversal.gift_id == Payment.gift_id)
        .outerjoin(Task, Task.key == key)
        .where(Payment.state == "returned", Payment.gateway == "sepa", Task.done_at.is_(None))
        .group_by(Payment.id, Payment.reference, Payment.amount, Payment.currency, Task.raised_at)
        .having(own < Payment.amount, given > 0)
        .order_by(Payment.id)
    ).all()
    for payment_id, reference, amount, currency, back, refunded, since in rows:
        lost = Money(min(amount - int(back), int(refunded)), currency)
        yield Finding(
            "paid-back-twice",
            f"payment {payment_id}",
            f"{reference} went back twice, by our refund and by the bank: {lost} too much",
            amount=lost,
            since=since.date() if since is not None else None,
            advice="Ask the donor for it, or let it go; then finish the task about it.",
        )
