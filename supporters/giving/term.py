"""One stretch of a commitment with one amount and interval. A change closes one and opens the next."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.db import Base, actor_key, cents, instant, line, pk
from supporters.giving.months import INTERVAL_NAMES, add_months


class Term(Base):
    __tablename__ = "supporters_term"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("interval_months IN (0, 1, 2, 3, 6, 12)", name="interval"),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day"),
        # A term replaced before its first instalment ends one number before it began: it covered none.
        CheckConstraint("last_number IS NULL OR last_number >= first_number - 1", name="numbers"),
        Index(
            "uq_supporters_term_first_number",
            "commitment_id",
            "first_number",
            unique=True,
            sqlite_where=text("last_number IS NULL OR last_number >= first_number"),
            postgresql_where=text("last_number IS NULL OR last_number >= first_number"),
        ),
        Index(
            "uq_supporters_term_open",
            "commitment_id",
            unique=True,
            sqlite_where=text("last_number IS NULL"),
            postgresql_where=text("last_number IS NULL"),
        ),
    )

    id: Mapped[pk]
    commitment_id: Mapped[int] = mapped_column(ForeignKey("supporters_commitment.id"))
    amount: Mapped[cents]
    interval_months: Mapped[int]  # 0 is once
    anchor_on: Mapped[date]  # due date of its first number
    anchor_day: Mapped[int]  # kept apart, so that a term that begins on 28 February still falls on the 31st
    first_number: Mapped[int]
    last_number: Mapped[int | None]
    reason: Mapped[line] = mapped_column(default="")
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]

    def due_on(self, number: int) -> date:
        """The due date of instalment ``number``, computed from the anchor."""
        return add_months(self.anchor_on, (number - self.first_number) * self.interval_months, self.anchor_day)

    @property
    def every(self) -> str:
        return INTERVAL_NAMES[self.interval_months]
