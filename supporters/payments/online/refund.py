"""Money we give back through the gateway it came by: asked for, above a limit approved by another, then sent."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, currency, instant, line, pk, word
from supporters.errors import BadInput, NotAllowed, Refused
from supporters.money import Money
from supporters.payments.gateway import RefundSnapshot
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from supporters.tasks import Task

#: waiting: for a second person · ready: to be sent · submitting, unknown: as with a payment · pending: the vendor is at
#: it · done · failed: it did not arrive, or the vendor refused · cancelled: nobody approved it.
STATES = ("waiting", "ready", "submitting", "unknown", "pending", "done", "failed", "cancelled")
#: What a gateway may say of one, in the order in which it can become so.
_SAID = ("pending", "done", "failed")
GOING = ("waiting", "ready", "submitting", "unknown", "pending")
UNSENT = text("state IN ('ready', 'submitting', 'unknown')")


class Refund(Base):
    __tablename__ = "supporters_refund"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="two_people"),
        Index("ix_supporters_refund_unsent", "next_at", sqlite_where=UNSENT, postgresql_where=UNSENT),
        Index(None, "payment_id"),
        Index(None, "state", "id"),
    )

    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("supporters_payment.id"))
    key: Mapped[str] = mapped_column(String(64))  # the idempotency key
    amount: Mapped[cents]
    currency: Mapped[currency]
    why: Mapped[line]
    state: Mapped[word]
    external_id: Mapped[str | None] = mapped_column(String(100))
    failure: Mapped[line] = mapped_column(default="")
    requested_at: Mapped[instant]
    requested_by: Mapped[actor_key]
    approved_at: Mapped[instant | None]
    approved_by: Mapped[actor_key | None]
    submitted_at: Mapped[instant | None]
    next_at: Mapped[instant | None]
    ended_at: Mapped[instant | None]

    payment: Mapped[Payment] = relationship()

    @classmethod
    def request(
        cls,
        session: Session,
        online: OnlinePayment,
        money: Money | None,
        *,
        why: str,
        limit: Money,
        by: Actor,
        now: datetime,
        key: str | None = None,
    ) -> Refund:
        """Give back ``money``, or all that is left. Above ``limit`` a second person approves it first.

        ``key`` is the form's: sent twice it is one refund. Raises Refused where more would go back than is there, what
        is on its way back included.
        """
        by.must_be_signed_in()
        payment = online.payment
        session.get(Payment, payment.id, with_for_update=True, populate_existing=True)
        if key and (known := session.scalar(select(cls).where(cls.key == key, cls.payment_id == payment.id))):
            return known
        if payment.gift is None or online.step != "paid":
            raise Refused("Payment %(reference)s brought no money that could go back.", reference=payment.reference)
        left = cls.left(session, payment)
        money = left if money is None else money
        if not why.strip():
            raise BadInput("Say why the money goes back.", field="why")
        if money.currency != left.currency or money.amount <= 0 or money > left:
            raise Refused(
                "At most %(left)s can go back, not %(money)s.", field="amount", left=str(left), money=str(money)
            )
        refund = cls(
            payment_id=payment.id, key=key or str(uuid.uuid4()), amount=money.amount, currency=money.currency,
            why=why.strip()[:255], state="ready" if money <= limit else "waiting", requested_at=now,
            requested_by=by.key, next_at=now,
        )  # fmt: skip
        session.add(refund)
        audit.record(session, by, "request", refund, now=now, supporter=payment.supporter_id, amount=money.amount)
        session.flush()
        return refund

    @classmethod
    def left(cls, session: Session, payment: Payment) -> Money:
        """What of it can still go back: what is there, less what is on its way."""
        assert payment.gift is not None
        session.expire(payment.gift, ["reversals"])
        going = select(func.coalesce(func.sum(cls.amount), 0)).where(cls.payment_id == payment.id, cls.state.in_(GOING))
        return payment.gift.net - Money(int(session.scalar(going) or 0), payment.currency)

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    def approve(self, session: Session, *, by: Actor, now: datetime) -> None:
        """A second person says yes; the preparer cannot."""
        self._must_wait(session, by)
        if by.key == self.requested_by:
            raise NotAllowed("You asked for this refund: a second person has to approve it.", field="actor")
        self.state, self.approved_at, self.approved_by, self.next_at = "ready", now, by.key, now
        audit.record(session, by, "approve", self, now=now, supporter=self.payment.supporter_id)

    def cancel(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It does not go back after all; only before it was sent."""
        self._must_wait(session, by)
        self.state, self.ended_at, self.next_at = "cancelled", now, None
        audit.record(session, by, "cancel", self, now=now, supporter=self.payment.supporter_id)

    def _must_wait(self, session: Session, by: Actor) -> None:
        by.must_be_signed_in()
        session.refresh(self, with_for_update=True)
        if self.state != "waiting":
            raise Refused("This refund does not wait for approval any more: it is %(state)s.", state=self.state)

    def note(self, session: Session, snapshot: RefundSnapshot, *, by: Actor, now: datetime) -> None:
        """What the gateway says of it. It only moves on, however late and old the answer: pending, done, failed.

        One that we gave up may turn out to be made after all. A failure raises a task: the donor did not get the money.
        """
        reached = _SAID.index(self.state) if self.external_id is not None and self.state in _SAID else -1
        if self.state == "cancelled" or _SAID.index(snapshot.state) <= reached:
            return
        self.external_id = snapshot.external_id
        self.state, self.next_at = snapshot.state, None
        self.ended_at = None if snapshot.state == "pending" else now
        if snapshot.state == "failed":
            self.fail(session, snapshot.reason, by=by, now=now)

    def fail(self, session: Session, why: str, *, by: Actor, now: datetime) -> None:
        self.state, self.failure, self.ended_at, self.next_at = "failed", why[:255], now, None
        self.tell_that_it_failed(session, self.payment, self.money, why, by=by, now=now, key=f"refund-failed:{self.id}")

    @staticmethod
    def tell_that_it_failed(
        session: Session, payment: Payment, money: Money, why: str, *, by: Actor, now: datetime, key: str
    ) -> None:
        """A person gives it back in another way. What it was to put right is open again: a second payment, say."""
        if session.scalar(select(Task.id).where(Task.key == key)) is not None:
            return
        Task.raise_(
            session, "refund_failed",
            "The refund of %(money)s on payment %(reference)s did not arrive (%(why)s): give it back another way.",
            by=by, now=now, key=key, supporter_id=payment.supporter_id, money=str(money), reference=payment.reference,
            why=why[:100] or "no reason given",
        )  # fmt: skip
        reason = session.scalar(select(Task).where(Task.key == f"second:{payment.id}"))
        if reason is not None:
            reason.reopen(session, by=by, now=now)


#: Days in which a donor can still take a debit back without a reason: who refunds then may pay twice (PSD2 art. 77).
REVERSIBLE_DAYS = 56


def reversible_until(online: OnlinePayment, received_on: date) -> date | None:
    """Until when the donor can take the payment back at their own bank; None where they cannot."""
    debit = online.method in ("directdebit", "sepa_debit")
    return received_on + timedelta(days=REVERSIBLE_DAYS) if debit else None
