"""A stretch in which a commitment collects nothing; what falls due in it is never owed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.db import Base, actor_key, instant, line, pk


class Pause(Base):
    __tablename__ = "supporters_pause"
    __table_args__ = (
        CheckConstraint("until_on IS NULL OR until_on >= from_on", name="period"),
        Index(
            "uq_supporters_pause_open",
            "commitment_id",
            unique=True,
            sqlite_where=text("until_on IS NULL"),
            postgresql_where=text("until_on IS NULL"),
        ),
    )

    id: Mapped[pk]
    commitment_id: Mapped[int] = mapped_column(ForeignKey("supporters_commitment.id"), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date | None]  # first day after it; None until somebody resumes
    reason: Mapped[line] = mapped_column(default="")
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]
    resumed_by: Mapped[actor_key | None]

    def covers(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or day < self.until_on)
