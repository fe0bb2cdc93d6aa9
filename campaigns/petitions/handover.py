"""Handing a petition over: the numbers are frozen, the file is made and hashed, and the retention clock starts."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from supporters.db import Base, actor_key, instant, line, pk, word


class Handover(Base):
    __tablename__ = "campaigns_handover"
    __table_args__ = (
        CheckConstraint("profile IN ('plain', 'citizens_initiative')", name="profile"),
        Index(None, "petition_id"),
    )

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    profile: Mapped[word]
    recipient: Mapped[line]
    frozen_at: Mapped[instant]
    signed: Mapped[int] = mapped_column(BigInteger)
    confirmed: Mapped[int] = mapped_column(BigInteger)
    offline: Mapped[int] = mapped_column(BigInteger)
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    sha256: Mapped[str] = mapped_column(String(64))  # of the file, as it can be checked by whoever gets it
    handed_over_on: Mapped[date | None]  # set when it took place; starts the retention clock
    made_by: Mapped[actor_key]
