"""What a bank told of one account over some days: a statement with its balances, or a notification without."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.money import Money
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.our_account import OurAccount

KINDS = ("statement", "notification")


class BankStatement(Base):
    __tablename__ = "supporters_bank_statement"
    __table_args__ = (
        CheckConstraint("kind IN ('statement', 'notification')", name="kind"),
        # Opening balance and entries are the closing balance; where not, a person with that right said why.
        CheckConstraint(
            "opening IS NULL OR closing IS NULL OR opening + entered = closing OR accepted_by IS NOT NULL",
            name="adds_up",
        ),
        CheckConstraint("accepted_by IS NULL OR accept_reason <> ''", name="accepted_with_reason"),
        UniqueConstraint("file_id", "position"),
        Index(None, "account_id", "to_on"),
    )

    id: Mapped[pk]
    file_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_file.id"))
    position: Mapped[int]  # in its file, from 1
    account_id: Mapped[int] = mapped_column(ForeignKey("supporters_our_account.id"))
    kind: Mapped[word]
    ident: Mapped[line]  # the bank's name for it
    number: Mapped[str] = mapped_column(String(40), default="")  # its running number
    currency: Mapped[str] = mapped_column(String(3))
    opening: Mapped[cents | None]
    opening_on: Mapped[date | None]
    closing: Mapped[cents | None]
    closing_on: Mapped[date | None]
    from_on: Mapped[date | None]  # the first and last day that it tells of
    to_on: Mapped[date | None]
    entries: Mapped[int] = mapped_column(default=0)
    entered: Mapped[cents] = mapped_column(default=0)  # the sum of its entries
    known: Mapped[int] = mapped_column(default=0)  # entries that another statement had told already
    accepted_at: Mapped[instant | None]
    accepted_by: Mapped[actor_key | None]
    accept_reason: Mapped[str] = mapped_column(String(500), default="")

    file: Mapped[BankFile] = relationship()
    account: Mapped[OurAccount] = relationship()

    @property
    def difference(self) -> Money | None:
        """How much is missing (below zero) or too much; None where it adds up or has no balances."""
        if self.opening is None or self.closing is None or self.opening + self.entered == self.closing:
            return None
        return Money(self.opening + self.entered - self.closing, self.currency)
