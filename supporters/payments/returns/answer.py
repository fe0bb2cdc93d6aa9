"""What the bank answered about a collection file that it got: a pain.002, noted once."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.payments.bank.file import BankFile
from supporters.payments.sepa.batch import CollectionFile

#: accepted: whole · partly: some of its debits were rejected · rejected: whole · pending: the bank has not finished
STATUSES = ("accepted", "partly", "rejected", "pending")


class BankAnswer(Base):
    __tablename__ = "supporters_bank_answer"
    __table_args__ = (
        UniqueConstraint("collection_file_id", "ident"),
        CheckConstraint(f"status IN ({', '.join(repr(s) for s in STATUSES)})", name="status"),
    )

    id: Mapped[pk]
    collection_file_id: Mapped[int] = mapped_column(ForeignKey("supporters_collection_file.id"))
    ident: Mapped[str] = mapped_column(String(80))  # the bank's name for its message
    status: Mapped[word]
    reason: Mapped[str] = mapped_column(String(40), default="")
    told: Mapped[line] = mapped_column(default="")
    told_on: Mapped[date]
    accepted: Mapped[int] = mapped_column(default=0)  # debits of the file that were not rejected, when this was noted
    rejected: Mapped[int] = mapped_column(default=0)  # those that this message rejects
    file_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_bank_file.id"))
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]

    collection_file: Mapped[CollectionFile] = relationship()
    file: Mapped[BankFile | None] = relationship()
