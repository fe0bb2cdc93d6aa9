"""What a person decides about a payment where nobody else can: look once more, or give it back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.money import Money
from supporters.payments.online import booking
from supporters.payments.online.payment import UNDER_WAY, OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.tasks import Task


def reconsider(session: Session, online: OnlinePayment, *, by: Actor, now: datetime) -> None:
    """One that was put aside because it did not fit may be looked at again; where it still does not, it is put back."""
    by.must_be_signed_in()
    booking.lock(session, online)
    if online.step != "parked":
        raise Refused("Payment %(reference)s was not put aside.", reference=online.payment.reference)
    others = select(OnlinePayment.id).where(
        OnlinePayment.checkout_id == online.checkout_id, OnlinePayment.id != online.id,
        OnlinePayment.step.in_(UNDER_WAY),
    )  # fmt: skip
    if online.checkout_id is not None and session.scalar(others.limit(1)) is not None:
        raise Refused("The donor is paying in another way at this moment; look again when that is done.")
    online.step, online.parked_for = "unknown", None
    audit.record(session, by, "reconsider", online, now=now, supporter=online.payment.supporter_id)
    session.flush()


def note_fits(session: Session, online: OnlinePayment, *, by: Actor, now: datetime) -> None:
    """After a second look it fits: nobody has to do anything about it any more."""
    if online.step != "parked":
        _finish(session, (f"parked:{online.id}",), "", by=by, now=now)


def give_back(
    session: Session,
    online: OnlinePayment,
    money: Money,
    *,
    why: str,
    limit: Money,
    by: Actor,
    now: datetime,
    key: str | None = None,
) -> Refund:
    """Ask for a refund; of a second payment that goes back whole, nobody has to think any more."""
    refund = Refund.request(session, online, money, why=why, limit=limit, by=by, now=now, key=key)
    if online.duplicate_of_id is not None and refund.money == online.payment.money:
        _finish(session, (f"second:{online.payment_id}",), why, by=by, now=now)
    return refund


def _finish(session: Session, keys: tuple[str, ...], outcome: str, *, by: Actor, now: datetime) -> None:
    for task in session.scalars(select(Task).where(Task.key.in_(keys), Task.done_at.is_(None))):
        task.finish(session, outcome.strip()[:500], by=by, now=now)
