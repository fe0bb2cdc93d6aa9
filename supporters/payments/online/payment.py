"""What a gateway knows of a payment, beside the payment itself: under which names, how far it is, when to ask again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, cents, instant, line, pk, word
from supporters.errors import Refused
from supporters.giving import turns
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.money import Money
from supporters.payments.gateway import Order, Snapshot
from supporters.payments.online.checkout import Checkout
from supporters.payments.payment import Payment
from supporters.tasks import Task

#: prepared: the row is there, nobody was asked · submitting: we are asking · unknown: we asked and do not know what
#: came of it · open, processing, paid, failed, cancelled, expired: as the gateway says · parked: what the gateway has
#: under this name is not what we asked for, and a person has to look.
STEPS = (
    "prepared", "submitting", "unknown", "open", "processing", "paid", "failed", "cancelled", "expired", "parked",
)  # fmt: skip
UNDER_WAY = ("prepared", "submitting", "unknown", "open", "processing")
PURPOSES = ("one_off", "first", "setup", "recurring")
LIVE = text("next_sync_at IS NOT NULL")
#: One that the donor, or a job, is at; a second is made only once this one came to nothing.
AT_IT = text(f"checkout_id IS NOT NULL AND step IN ({', '.join(repr(s) for s in UNDER_WAY)})")


class OnlinePayment(Base):
    """Its payment's ``reference`` is the idempotency key, and travels in the vendor's metadata."""

    __tablename__ = "supporters_online_payment"
    __table_args__ = (
        UniqueConstraint("payment_id"),
        UniqueConstraint("account", "external_id"),
        UniqueConstraint("account", "transaction_id"),
        CheckConstraint(f"step IN ({', '.join(repr(s) for s in STEPS)})", name="step"),
        CheckConstraint(f"purpose IN ({', '.join(repr(p) for p in PURPOSES)})", name="purpose"),
        CheckConstraint("purpose <> 'recurring' OR gateway_mandate_id IS NOT NULL", name="recurring_has_mandate"),
        CheckConstraint("purpose = 'recurring' OR checkout_id IS NOT NULL", name="others_have_checkout"),
        Index("ix_supporters_online_payment_next_sync_at", "next_sync_at", sqlite_where=LIVE, postgresql_where=LIVE),
        Index(
            "uq_supporters_online_payment_at_it", "checkout_id", unique=True, sqlite_where=AT_IT, postgresql_where=AT_IT
        ),
        Index(None, "checkout_id"),
        Index(None, "gateway_mandate_id"),
        Index(None, "step", "id"),
    )

    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("supporters_payment.id"))
    account: Mapped[word]
    is_live: Mapped[bool]
    purpose: Mapped[word]
    checkout_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_checkout.id"))
    gateway_mandate_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gateway_mandate.id"))
    step: Mapped[word] = mapped_column(default="prepared")
    external_id: Mapped[str | None] = mapped_column(String(100))
    transaction_id: Mapped[str | None] = mapped_column(String(100))
    checkout_url: Mapped[str | None] = mapped_column(String(2000))
    method: Mapped[word | None]
    failure_kind: Mapped[word | None]
    failure_code: Mapped[str | None] = mapped_column(String(80))
    parked_for: Mapped[line | None]
    fee: Mapped[cents | None]
    balance_reference: Mapped[str | None] = mapped_column(String(100))
    #: A second payment for what was paid already: booked as a gift, and for a person to give back.
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_payment.id"))
    submitted_at: Mapped[instant | None]  # when we first asked: how old the key is at the vendor
    observed_at: Mapped[instant | None]  # of the last snapshot that was believed
    syncs: Mapped[int] = mapped_column(default=0)
    next_sync_at: Mapped[instant | None]  # None: only news makes us look
    settled_at: Mapped[instant | None]  # when we learnt what became of it

    payment: Mapped[Payment] = relationship(foreign_keys=[payment_id], lazy="joined")
    duplicate_of: Mapped[Payment | None] = relationship(foreign_keys=[duplicate_of_id])
    checkout: Mapped[Checkout | None] = relationship()
    gateway_mandate: Mapped[GatewayMandate | None] = relationship()

    @property
    def is_under_way(self) -> bool:
        return self.step in UNDER_WAY

    def order(self, description: str, **more: object) -> Order:
        """As it is asked of the gateway; asked again, it is the same."""
        return Order(
            key=self.payment.reference, purpose=self.purpose, money=self.payment.money, description=description,  # type: ignore[arg-type]
            made_at=self.payment.created_at, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def why_not(self, snapshot: Snapshot) -> str | None:
        """Why what the gateway has under this name is not this payment; None where it is."""
        payment = self.payment
        return _why_not(
            snapshot,
            payment.reference,
            self.is_live,
            self.external_id,
            None if self.purpose == "setup" else payment.money,
        )

    @property
    def is_for_a_person(self) -> bool:
        """Nobody knows and nobody looks any more, or it does not fit; and no money of it is in the books."""
        lost = self.step == "unknown" and self.next_sync_at is None
        return (lost or self.step == "parked") and self.payment.gift_id is None

    def never_made(self, session: Session, *, by: Actor, now: datetime, why: str = "") -> None:
        """A person looked, and the vendor has no such payment: its instalment is charged afresh, with another key.

        Raises Refused while we still find that out ourselves.
        """
        by.must_be_signed_in()
        turns.together(session)
        session.get(Payment, self.payment_id, with_for_update=True, populate_existing=True)
        session.refresh(self)
        if not self.is_for_a_person:
            raise Refused("What came of this payment is known, or we are still asking: it is %(step)s.", step=self.step)
        self.step, self.settled_at, self.payment.state = "cancelled", now, "cancelled"
        self.failure_kind, self.failure_code, self.parked_for = "soft", "never_made", None
        instalment = self.payment.instalment
        if instalment is not None and instalment.status == "claimed":
            ended = instalment.commitment.ended_on is not None
            instalment.status, instalment.not_before_on = ("waived", None) if ended else ("due", now.date())
        keys = (f"unknown:{self.id}", f"parked:{self.id}")
        for task in session.scalars(select(Task).where(Task.key.in_(keys), Task.done_at.is_(None))):
            task.finish(session, why[:500] or "never made", by=by, now=now)
        audit.record(session, by, "never_made", self, now=now, supporter=self.payment.supporter_id, why=why[:200])
        session.flush()

    def ask_again(self, *, now: datetime) -> None:
        """When to look next where no news comes: after 5 minutes, an hour, then daily, for as long as it is open."""
        pace = (timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
        self.syncs += 1
        self.next_sync_at = now + pace[min(self.syncs, len(pace)) - 1]


def mismatch(row: Any, snapshot: Snapshot) -> str | None:
    """``OnlinePayment.why_not`` for a row with the columns of a payment and what a gateway knows of it."""
    asked = None if row.purpose == "setup" else Money(row.amount, row.currency)
    return _why_not(snapshot, row.reference, row.is_live, row.external_id, asked)


def _why_not(snapshot: Snapshot, key: str, is_live: bool, external_id: str | None, asked: Money | None) -> str | None:
    if snapshot.key != key:
        return "it was made for something else"
    if snapshot.is_live != is_live:
        return "a test payment on a live account" if is_live else "a live payment on a test account"
    if external_id is not None and snapshot.external_id != external_id:
        return "it has another name at the gateway"
    if asked is not None and snapshot.money != asked:
        return f"{snapshot.money} where {asked} was asked"
    return None
