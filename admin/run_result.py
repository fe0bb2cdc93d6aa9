"""What became of a collection at the bank: accepted, refused, come back, banked, still open; and why for each loss."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import CollectionBatch, CollectionFile, Money, Payment
from supporters.payments.bank.line import BankAllocation
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.returns.answer import BankAnswer
from supporters.payments.returns.returned import Returned


@dataclass(frozen=True)
class Part:
    """So many debits and what they come to."""

    count: int = 0
    cents: int = 0

    @property
    def money(self) -> Money:
        return Money(self.cents)

    def __add__(self, other: Part) -> Part:
        return Part(self.count + other.count, self.cents + other.cents)

    def __sub__(self, other: Part) -> Part:
        return Part(self.count - other.count, self.cents - other.cents)


@dataclass(frozen=True)
class Loss:
    """What was lost for one reason, and about how many of them something was done."""

    stage: str
    reason: str
    part: Part
    acted: int


@dataclass(frozen=True)
class RunResult:
    exported: Part
    rejected: Part
    returned: Part
    banked: int | None  # cents that came on the account; None where no statement has its days
    losses: list[Loss]
    is_answered: bool  # the bank said what it takes, or shows what came

    @property
    def is_known(self) -> bool:
        """Whether anything was heard of the bank: until then nothing is accepted."""
        return self.is_answered or self.banked is not None or self.rejected.count > 0

    @property
    def accepted(self) -> Part:
        return self.exported - self.rejected

    @property
    def still_open(self) -> Money:
        """What the bank took and is on no statement yet; below zero where more came than was asked."""
        return Money(self.accepted.cents - (self.banked or 0))

    @property
    def kept(self) -> Money:
        return (self.accepted - self.returned).money

    @property
    def lost(self) -> Part:
        return self.rejected + self.returned

    def share(self, part: Part) -> float:
        """Of what went to the bank, in percents."""
        return 100 * part.cents / self.exported.cents if self.exported.cents else 0.0

    @classmethod
    def of(cls, session: Session, batch: CollectionBatch) -> RunResult:
        by_state: dict[str, Part] = {}
        of_it = select(Payment.state, func.count(), func.sum(Payment.amount)).where(Payment.batch_id == batch.id)
        for state, count, cents in session.execute(of_it.group_by(Payment.state)):
            by_state[state] = Part(count, int(cents))
        banked = None
        if _statements_reach(session, batch):
            banked = session.scalar(
            select(func.coalesce(func.sum(BankAllocation.amount), 0)).where(
                BankAllocation.batch_id == batch.id, BankAllocation.kind.in_(("collection", "payment")),
                BankAllocation.undone_at.is_(None),
            )
            )  # fmt: skip
        rows = session.execute(
            select(
                Returned.stage, Returned.reason, func.count(), func.sum(Returned.amount), func.count(Returned.acted_at)
            )
            .join(Payment, Payment.id == Returned.payment_id)
            .where(Payment.batch_id == batch.id)
            .group_by(Returned.stage, Returned.reason)
            .order_by(func.sum(Returned.amount).desc())
        )
        losses = [Loss(stage, reason, Part(count, int(cents)), acted) for stage, reason, count, cents, acted in rows]
        exported = sum((part for state, part in by_state.items() if state != "cancelled"), Part())
        return cls(
            exported, by_state.get("failed", Part()), by_state.get("returned", Part()),
            None if banked is None else int(banked), losses, _has_answered(session, batch),
        )  # fmt: skip


def _has_answered(session: Session, batch: CollectionBatch) -> bool:
    """Whether a status report of the bank spoke of one of its files."""
    answer = select(BankAnswer.id).join(CollectionFile, CollectionFile.id == BankAnswer.collection_file_id)
    return session.scalar(answer.where(CollectionFile.batch_id == batch.id).limit(1)) is not None


def _statements_reach(session: Session, batch: CollectionBatch) -> bool:
    """Whether the statements of its account begin before it and go on beyond it."""
    first, last = session.execute(
        select(func.min(BankStatement.from_on), func.max(BankStatement.to_on))
        .join(OurAccount, OurAccount.id == BankStatement.account_id)
        .where(OurAccount.number == batch.account.iban, BankStatement.kind == "statement")
    ).one()
    return first is not None and last is not None and first <= batch.collect_on <= last
