"""One attempt to move money, through one gateway. A retry is a new payment."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.actor import Actor
from supporters.db import Base, cents, currency, instant, pk, word
from supporters.giving.gift import Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.money import Money
from supporters.people.supporter import Supporter

STATES = ("open", "booked", "returned", "failed", "cancelled")
HOLDS_INSTALMENT = text("instalment_id IS NOT NULL AND state IN ('open', 'booked')")


class Payment(Base):
    __tablename__ = "supporters_payment"
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("gift_id"),
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        # Nothing moves where somebody only leaves a mandate at a gateway.
        CheckConstraint("amount > 0 OR (amount = 0 AND gift_id IS NULL AND gateway <> 'sepa')", name="amount_positive"),
        CheckConstraint(
            "state NOT IN ('booked', 'returned') OR (gift_id IS NOT NULL AND supporter_id IS NOT NULL)",
            name="booked_has_gift",
        ),
        CheckConstraint(
            "gateway <> 'sepa' OR (batch_id IS NOT NULL AND mandate_id IS NOT NULL AND iban IS NOT NULL"
            " AND supporter_id IS NOT NULL)",
            name="sepa_complete",
        ),
        # What makes that an instalment is collected once.
        Index(
            "uq_supporters_payment_instalment",
            "instalment_id",
            unique=True,
            sqlite_where=HOLDS_INSTALMENT,
            postgresql_where=HOLDS_INSTALMENT,
        ),
        Index(None, "batch_id", "sequence_type", "id"),
        Index(None, "mandate_id"),
        Index(None, "supporter_id"),
        Index(None, "instalment_id"),
    )

    id: Mapped[pk]
    gateway: Mapped[word]  # "sepa", or the name of an account at a payment gateway
    #: None while somebody new has not paid yet: who nobody heard of does not become a supporter by filling in a form.
    supporter_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "keep"}
    )
    instalment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_instalment.id"))
    mandate_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_mandate.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_collection_batch.id"))
    amendment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_mandate_amendment.id"))
    amount: Mapped[cents]
    currency: Mapped[currency]
    state: Mapped[word] = mapped_column(default="open")
    attempt: Mapped[int] = mapped_column(default=1)
    reference: Mapped[str] = mapped_column(String(64))  # end-to-end id, or the gateway's idempotency key
    sequence_type: Mapped[str | None] = mapped_column(String(4))
    iban: Mapped[str | None] = mapped_column(String(34))  # what was debited, whatever the mandate says later
    bic: Mapped[str | None] = mapped_column(String(11))
    collect_on: Mapped[date]
    created_at: Mapped[instant]
    gift_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gift.id"))
    #: The three days after which it is safer: the bank can no longer reject it (five interbank business days), the
    #: donor can no longer take it back without a reason (56 days), or as unauthorised (13 months).
    provisional_until: Mapped[date | None]
    refundable_until: Mapped[date | None]
    contestable_until: Mapped[date | None]

    supporter: Mapped[Supporter | None] = relationship()
    instalment: Mapped[Instalment | None] = relationship()
    mandate: Mapped[Mandate | None] = relationship()
    gift: Mapped[Gift | None] = relationship()

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def payer(self) -> Supporter:
        """Who it is from, where that is known: of every debit, and of all that came in."""
        assert self.supporter is not None
        return self.supporter

    def certainty(self, on: date) -> str:
        """How sure the money is on that day: open, provisional, refundable, contestable, safe; or what became of it."""
        if self.state != "booked":
            return self.state
        steps = (
            (self.provisional_until, "provisional"),
            (self.refundable_until, "refundable"),
            (self.contestable_until, "contestable"),
        )
        return next((word for until, word in steps if until is not None and on <= until), "safe")

    def take_back(
        self,
        session: Session,
        *,
        on: date,
        by: Actor,
        now: datetime,
        reason_code: str | None = None,
        kind: str = "return",
        description: str = "",
    ) -> Reversal | None:
        """The bank or donor took a booked payment back: the gift is reversed and the instalment set down as returned.

        The same news twice changes nothing. It is not collected again unless a person asks for it. None where nothing
        of the gift was left, because we had given it back already: a task then says what went back twice.
        """
        from supporters.payments.taking_back import Back, take_back

        back = Back(self, on, reason_code, kind, description)
        return take_back(session, [back], by=by, now=now)[self.id]

    def fail(self, session: Session, *, by: Actor, now: datetime, reason_code: str | None = None) -> None:
        """The bank refused it before money moved; nothing is booked."""
        from supporters.payments.taking_back import fail

        fail(session, [(self, reason_code)], by=by, now=now)
