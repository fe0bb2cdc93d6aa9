"""What a gateway said happened to a payment's money: append-only, each once, and what it booked."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from supporters.db import Base, cents, currency, instant, line, pk, word
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.payments.gateway import FACT_ORDER
from supporters.payments.payment import Payment

RECEIVED = text("kind = 'received'")


class PaymentFact(Base):
    """Unique by ``(account, kind, external_id)``, whoever learns it, how often and in which order."""

    __tablename__ = "supporters_payment_fact"
    __table_args__ = (
        UniqueConstraint("account", "kind", "external_id"),
        CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in FACT_ORDER)})", name="kind"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("booked >= 0 AND booked <= amount", name="booked_at_most"),
        Index(
            "uq_supporters_payment_fact_received",
            "payment_id",
            unique=True,
            sqlite_where=RECEIVED,
            postgresql_where=RECEIVED,
        ),
        Index(None, "payment_id"),
        Index(None, "observed_at"),
    )

    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("supporters_payment.id"))
    account: Mapped[word]
    kind: Mapped[word]
    external_id: Mapped[str] = mapped_column(String(100))
    amount: Mapped[cents]
    currency: Mapped[currency]
    happened_at: Mapped[instant]  # the vendor's
    observed_at: Mapped[instant]  # when we learnt it
    learnt_by: Mapped[word]  # webhook, return, poll, button, answer
    reason: Mapped[line] = mapped_column(default="")
    #: What of it the gift took: less than the amount where a refund and a chargeback together are more than was given.
    booked: Mapped[cents]
    gift_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gift.id"), index=True)
    reversal_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_reversal.id"))

    payment: Mapped[Payment] = relationship()
    gift: Mapped[Gift | None] = relationship()
    reversal: Mapped[Reversal | None] = relationship()

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def sign(self) -> int:
        """+1 where it brought money, -1 where it took some."""
        return -1 if self.kind in ("refunded", "charged_back") else 1
