"""One movement on an account of ours, known once whatever file, format or day it comes in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.payment import Payment
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.supporter import Supporter

#: unknown: nobody knows what it is · proposed: a person has to say · matched: ready to be booked · booked · set_aside:
#: not a gift, with the reason · detailed: the lines under it say what it is made of · before: of before we booked here
STATES = ("unknown", "proposed", "matched", "booked", "set_aside", "detailed", "before")
#: What a line can be. collection: what a batch of ours brought · payment: one debit of ours, by itself · return: one
#: debit that came back · gift: given by a supporter · payout: what a gateway paid out · refund: what we gave back ·
#: other: not a gift, see ``why``
KINDS = ("collection", "payment", "return", "gift", "payout", "refund", "other")
#: Why something is not a gift.
WHYS = ("own_transfer", "bank_charges", "interest", "cost", "income", "mistake", "something_else")
#: A line as the books do not know it yet: what matching looks at, again and again.
OPEN = ("unknown", "proposed", "matched")


def partly(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that have something there: most lines have not, and every index is paid for each time."""
    return Index(name, *columns, unique=unique, sqlite_where=sql(where), postgresql_where=sql(where))


class BankLine(Base):
    __tablename__ = "supporters_bank_line"
    __table_args__ = (
        # What makes that a line is booked once: the day, the amount, and where it stands in the account's history.
        UniqueConstraint("account_id", "key"),
        partly("uq_supporters_bank_line_parent_id_of", "parent_id", "of", where="parent_id IS NOT NULL", unique=True),
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint(f"kind IN ({', '.join(repr(k) for k in KINDS)})", name="kind"),
        CheckConstraint(f"why IN ({', '.join(repr(w) for w in WHYS)})", name="why"),
        CheckConstraint("state <> 'matched' OR kind IS NOT NULL", name="matched_with"),
        CheckConstraint("state <> 'set_aside' OR why IS NOT NULL", name="set_aside_why"),
        Index(None, "account_id", "booked_on", "id"),
        Index(None, "state", "booked_on", "id"),
        Index(None, "statement_id"),
        partly("ix_supporters_bank_line_end_to_end_id", "end_to_end_id", where="end_to_end_id <> ''"),
        partly("ix_supporters_bank_line_batch_id", "batch_id", where="batch_id IS NOT NULL"),
        partly("ix_supporters_bank_line_payment_id", "payment_id", where="payment_id IS NOT NULL"),
        partly("ix_supporters_bank_line_instalment_id", "instalment_id", where="instalment_id IS NOT NULL"),
        Index(None, "iban"),
    )

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("supporters_our_account.id"))
    statement_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_statement.id"))  # that told it first
    #: Of a transaction within an entry: the entry, and which of its transactions. An entry by itself has no parent.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_bank_line.id"))
    of: Mapped[int] = mapped_column(default=0)
    position: Mapped[int]  # in that statement, from 1
    before: Mapped[cents | None]  # the balance before it, where the statement adds up
    key: Mapped[str] = mapped_column(String(64))
    booked_on: Mapped[date]
    value_on: Mapped[date | None]
    amount: Mapped[cents]  # below zero: went off
    currency: Mapped[str] = mapped_column(String(3))
    is_reversal: Mapped[bool] = mapped_column(default=False)
    count: Mapped[int | None]  # of a batch total: how many transactions the bank says it is made of
    code: Mapped[word] = mapped_column(default="")
    reference: Mapped[line] = mapped_column(default="")  # the bank's own
    end_to_end_id: Mapped[str] = mapped_column(String(80), default="")
    mandate_reference: Mapped[str] = mapped_column(String(80), default="")
    creditor_reference: Mapped[str] = mapped_column(String(80), default="")
    batch_reference: Mapped[str] = mapped_column(String(80), default="")
    reason: Mapped[str] = mapped_column(String(40), default="")  # of a return
    name: Mapped[line] = mapped_column(default="")
    iban: Mapped[str] = mapped_column(String(40), default="")
    text: Mapped[str] = mapped_column(String(1000), default="")
    purpose: Mapped[word] = mapped_column(default="")

    state: Mapped[word] = mapped_column(default="unknown")
    kind: Mapped[word | None]
    because: Mapped[word | None]  # what decided or suggests it: see evidence.EVIDENCE
    #: Why a person has to say, or why a matched one could not be booked yet: see evidence.DOUBTS.
    doubt: Mapped[word | None]
    expected: Mapped[cents | None]  # what the amount should have been, where it is another
    why: Mapped[word | None]  # why it is not a gift
    note: Mapped[str] = mapped_column(String(500), default="")
    supporter_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    commitment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_commitment.id"))
    instalment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_instalment.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_payment.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_collection_batch.id"))
    #: Perhaps it is this one, told in another way: nothing decides it, so a person does, and it is not booked before.
    twin_of_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_bank_line.id"))
    #: Counts up each time it is taken back, so that what it books next has a key of its own.
    attempt: Mapped[int] = mapped_column(default=1, server_default="1")
    settled_at: Mapped[instant | None]  # when it was booked or set aside
    settled_by: Mapped[actor_key | None]

    account: Mapped[OurAccount] = relationship()
    statement: Mapped[BankStatement] = relationship()
    supporter: Mapped[Supporter | None] = relationship()
    payment: Mapped[Payment | None] = relationship()
    batch: Mapped[CollectionBatch | None] = relationship()
    allocations: Mapped[list[BankAllocation]] = relationship(back_populates="line", order_by="BankAllocation.id")

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def number(self) -> str:
        return f"L{self.id:06d}"


class BankTelling(Base):
    """That a later statement told a known entry again, and at which place."""

    __tablename__ = "supporters_bank_telling"
    __table_args__ = (UniqueConstraint("statement_id", "position"), Index(None, "line_id"))

    id: Mapped[pk]
    statement_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_statement.id"))
    position: Mapped[int]
    line_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_line.id"))
    before: Mapped[cents | None]


class BankAllocation(Base):
    """What a line, or a part of it, was booked as. Taking it back leaves it here, with who and when."""

    __tablename__ = "supporters_bank_allocation"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(k) for k in KINDS)})", name="kind"),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        CheckConstraint("kind <> 'gift' OR gift_id IS NOT NULL", name="gift"),
        # What makes that the bank collects a debit once, and brings it back once.
        partly(
            "uq_supporters_bank_allocation_payment",
            "payment_id",
            "kind",
            where="payment_id IS NOT NULL AND undone_at IS NULL",
            unique=True,
        ),
        Index(None, "line_id"),
        Index(None, "gift_id"),
        partly("ix_supporters_bank_allocation_payment_id", "payment_id", where="payment_id IS NOT NULL"),
        partly("ix_supporters_bank_allocation_batch_id", "batch_id", where="batch_id IS NOT NULL"),
    )

    id: Mapped[pk]
    line_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_line.id"))
    amount: Mapped[cents]  # with the sign of the line; the standing ones of a line add up to it
    kind: Mapped[word]
    because: Mapped[word]
    supporter_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    gift_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gift.id"))
    reversal_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_reversal.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_payment.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_collection_batch.id"))
    why: Mapped[word | None]
    reference: Mapped[str] = mapped_column(String(80), default="")  # of a collection: which part of it
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    made_at: Mapped[instant]
    made_by: Mapped[actor_key]
    undone_at: Mapped[instant | None]
    undone_by: Mapped[actor_key | None]

    line: Mapped[BankLine] = relationship(back_populates="allocations")
    gift: Mapped[Gift | None] = relationship()
    reversal: Mapped[Reversal | None] = relationship()
    payment: Mapped[Payment | None] = relationship()
    supporter: Mapped[Supporter | None] = relationship()

    @property
    def is_standing(self) -> bool:
        return self.undone_at is None

    def undo(self, *, by: str, now: datetime) -> None:
        self.undone_at, self.undone_by = now, by
