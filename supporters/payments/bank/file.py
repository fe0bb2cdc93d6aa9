"""A file of the bank as it came, kept with its hash: the same file again is known by it."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.documents import Document


class BankFile(Base):
    __tablename__ = "supporters_bank_file"
    __table_args__ = (UniqueConstraint("sha256"),)

    id: Mapped[pk]
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    filename: Mapped[line]
    format: Mapped[word]  # "camt.053.001.02", "MT940", "pain.002.001.03"
    #: Lines it brought, and those that another file had told already; of a pain.002 the debits it told of.
    new: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    imported_at: Mapped[instant]
    imported_by: Mapped[actor_key]

    document: Mapped[Document] = relationship()
