"""What a second person looks at before saying yes: what changed, what was left out, what looks wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, Subquery, and_, case, func, literal, select
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.term import Term
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa.batch import CollectionBatch
from supporters.payments.sepa.selection import REASONS, Exclusion
from supporters.people.supporter import Supporter, named

#: So many times the usual amount looks like a slip of the keyboard.
TOO_MUCH = 10
#: With fewer lines of one interval than this, the usual first amount is that of the whole collection.
ENOUGH = 5
#: Lines shown of each section; its count and total are always whole.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One commitment in a section. ``usual`` is what it is compared with: the amount before, or the usual one."""

    supporter: Supporter
    commitment_id: int
    amount: Money
    usual: Money | None = None
    reason: str = ""
    due_on: date | None = None
    payment_id: int | None = None

    @property
    def commitment_number(self) -> str:
        return f"C{self.commitment_id:07d}"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together; ``lines`` is capped, ``count`` and ``total`` are not."""

    name: str
    count: int
    total: Money
    lines: tuple[Line, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def more(self) -> int:
        """How many lines are not shown."""
        return max(0, self.count - len(self.lines))


@dataclass(frozen=True, slots=True)
class SequenceLine:
    """One sequence type, this time and in the collection before."""

    sequence_type: str
    count: int
    total: Money
    count_before: int
    total_before: Money


@dataclass(frozen=True, slots=True)
class Preview:
    """A collection as its approver sees it. ``previous`` is the collection before it on the same account."""

    batch: CollectionBatch
    previous: CollectionBatch | None
    sequences: tuple[SequenceLine, ...]
    #: Never collected before.
    new: Section
    #: Collected before, but not in the collection before this one: each quarter, each year, after a pause.
    back: Section
    #: In the collection before this one and not in this one; the reason is why it was left out, ended or not_due.
    gone: Section
    #: In both, with another amount.
    changed: Section
    #: Left out of this collection, one section for each reason.
    left_out: tuple[Section, ...]
    #: What looks wrong: ten_times_usual, same_account_and_amount.
    suspicious: tuple[Section, ...]
    #: What keeps it from being approved or exported: somebody died, a mandate or commitment ended.
    blocked: Section

    @classmethod
    def of(cls, session: Session, batch: CollectionBatch, *, shown: int = SHOWN) -> Preview:
        """Look at the batch as it is now, in a handful of queries whatever its size."""
        return _Looking(session, batch, shown).preview()

    @property
    def money_before(self) -> Money:
        return Money(self.previous.total if self.previous else 0, self.batch.account.currency)


class _Looking:
    def __init__(self, session: Session, batch: CollectionBatch, shown: int) -> None:
        self.session, self.batch, self.shown = session, batch, shown
        self.currency = batch.account.currency
        self.previous = session.scalar(
            select(CollectionBatch)
            .where(
                CollectionBatch.creditor_account_id == batch.creditor_account_id,
                CollectionBatch.id < batch.id,
                CollectionBatch.state != "cancelled",
            )
            .order_by(CollectionBatch.id.desc())
            .limit(1)
        )
        self.here = self._by_commitment(batch, "here")
        self.there = self._by_commitment(self.previous, "there")
        # A batch holds a commitment's payments of the past only where it was collected before this one.
        self.usual = (
            select(Instalment.commitment_id, func.avg(Payment.amount).label("amount"))
            .join(Payment, Payment.instalment_id == Instalment.id)
            .where(
                Payment.state != "cancelled",
                Payment.batch_id < batch.id,
                Instalment.commitment_id.in_(select(self.here.c.commitment_id)),
            )
            .group_by(Instalment.commitment_id)
            .subquery("usual")
        )

    def preview(self) -> Preview:
        return Preview(
            batch=self.batch,
            previous=self.previous,
            sequences=self._sequences(),
            new=self._section("new", self._not_there().where(self.usual.c.commitment_id.is_(None))),
            back=self._section("back", self._not_there().where(self.usual.c.commitment_id.is_not(None))),
            gone=self._section("gone", self._gone(), last="not_due"),
            changed=self._section("changed", self._changed()),
            left_out=self._left_out(),
            suspicious=tuple(s for s in (self._too_much(), self._twice()) if s.count),
            blocked=self._blocked(),
        )

    # -- what is compared ---------------------------------------------------------------------------

    def _mine(self, batch: CollectionBatch) -> list[Any]:
        """Its payments: those withdrawn from it do not count, unless all of it was cancelled."""
        conditions: list[Any] = [Payment.batch_id == batch.id]
        if batch.state != "cancelled":
            conditions.append(Payment.state != "cancelled")
        return conditions

    def _by_commitment(self, batch: CollectionBatch | None, name: str) -> Subquery:
        """Each commitment in a batch: what it pays in all, and for one instalment."""
        conditions = self._mine(batch) if batch else [literal(False)]
        return (
            select(
                Instalment.commitment_id,
                func.sum(Payment.amount).label("total"),
                func.max(Payment.amount).label("amount"),
            )
            .join(Payment, Payment.instalment_id == Instalment.id)
            .where(*conditions)
            .group_by(Instalment.commitment_id)
            .subquery(name)
        )

    def _sequences(self) -> tuple[SequenceLine, ...]:
        def counted(batch: CollectionBatch | None) -> dict[str, tuple[int, int]]:
            if batch is None:
                return {}
            rows = self.session.execute(
                select(Payment.sequence_type, func.count(), func.sum(Payment.amount))
                .where(*self._mine(batch))
                .group_by(Payment.sequence_type)
            )
            return {kind or "": (count, int(total)) for kind, count, total in rows}

        now, before = counted(self.batch), counted(self.previous)
        kinds = [kind for kind in ("FRST", "RCUR", "OOFF") if kind in now or kind in before]
        return tuple(
            SequenceLine(
                kind,
                now.get(kind, (0, 0))[0],
                self._money(now.get(kind, (0, 0))[1]),
                before.get(kind, (0, 0))[0],
                self._money(before.get(kind, (0, 0))[1]),
            )
            for kind in kinds
        )

    # -- sections -----------------------------------------------------------------------------------
    # Each query gives: commitment_id, amount, total, usual, reason.

    def _not_there(self) -> Select[Any]:
        here, there = self.here, self.there
        return (
            select(*self._columns(here, literal(None), literal("")))
            .outerjoin(there, there.c.commitment_id == here.c.commitment_id)
            .outerjoin(self.usual, self.usual.c.commitment_id == here.c.commitment_id)
            .where(there.c.commitment_id.is_(None))
        )

    def _changed(self) -> Select[Any]:
        here, there = self.here, self.there
        return (
            select(*self._columns(here, there.c.amount, literal("")))
            .join(there, there.c.commitment_id == here.c.commitment_id)
            .where(here.c.amount != there.c.amount)
        )

    def _gone(self) -> Select[Any]:
        here, there = self.here, self.there
        why_left_out = (
            select(func.min(Exclusion.reason))
            .join(Instalment, Instalment.id == Exclusion.instalment_id)
            .where(Exclusion.batch_id == self.batch.id, Instalment.commitment_id == there.c.commitment_id)
            .correlate(there)
            .scalar_subquery()
        )
        reason = func.coalesce(why_left_out, case((Commitment.ended_on.is_not(None), "ended"), else_="not_due"))
        return (
            select(*self._columns(there, literal(None), reason))
            .join(Commitment, Commitment.id == there.c.commitment_id)
            .outerjoin(here, here.c.commitment_id == there.c.commitment_id)
            .where(here.c.commitment_id.is_(None))
        )

    def _columns(self, table: Subquery, usual: Any, reason: Any) -> list[Any]:
        return [
            table.c.commitment_id,
            table.c.amount,
            table.c.total.label("total"),
            usual.label("usual"),
            reason.label("reason"),
        ]

    def _section(self, name: str, query: Select[Any], last: str = "") -> Section:
        found = query.subquery(name)
        rows = self.session.execute(
            select(found.c.reason, func.count(), func.sum(found.c.total)).group_by(found.c.reason)
        ).all()
        reasons = {reason: count for reason, count, _ in rows if reason}
        shown: list[Any] = []
        if rows:
            order = (case((found.c.reason == last, 1), else_=0), found.c.amount.desc(), found.c.commitment_id)
            shown = list(self.session.execute(select(found).order_by(*order).limit(self.shown)))
        return Section(
            name,
            sum(count for _, count, _ in rows),
            self._money(sum(int(total) for _, _, total in rows)),
            self._lines(shown),
            reasons,
        )

    def _left_out(self) -> tuple[Section, ...]:
        counted = {
            reason: (count, int(total))
            for reason, count, total in self.session.execute(
                select(Exclusion.reason, func.count(), func.sum(Exclusion.amount))
                .where(Exclusion.batch_id == self.batch.id)
                .group_by(Exclusion.reason)
            )
        }
        if not counted:
            return ()
        position = func.row_number().over(partition_by=Exclusion.reason, order_by=Exclusion.id)
        numbered = (
            select(
                Exclusion.reason,
                Exclusion.amount,
                Instalment.commitment_id,
                Instalment.due_on,
                position.label("position"),
            )
            .join(Instalment, Instalment.id == Exclusion.instalment_id)
            .where(Exclusion.batch_id == self.batch.id)
            .subquery()
        )
        rows = self.session.execute(
            select(numbered).where(numbered.c.position <= self.shown).order_by(numbered.c.position)
        ).all()
        lines = defaultdict(list)
        for line in self._lines(rows):
            lines[line.reason].append(line)
        return tuple(
            Section(reason, counted[reason][0], self._money(counted[reason][1]), tuple(lines[reason]))
            for reason in REASONS
            if reason in counted
        )

    # -- what looks wrong ---------------------------------------------------------------------------

    def _too_much(self) -> Section:
        """Ten times what the commitment paid before; for a first payment, ten times what is usual at its interval."""
        medians = self._medians()
        whole = medians.pop(None, 0)
        each = [(Term.interval_months == months, literal(amount)) for months, amount in medians.items()]
        first = case(*each, else_=whole) if each else literal(whole)
        usual = func.coalesce(self.usual.c.amount, first)
        found = (
            select(*self._of_payments(usual, "ten_times_usual"))
            .join(Instalment, Instalment.id == Payment.instalment_id)
            .join(Term, Term.id == Instalment.term_id)
            .outerjoin(self.usual, self.usual.c.commitment_id == Instalment.commitment_id)
            .where(*self._mine(self.batch), Payment.amount >= TOO_MUCH * usual)
        )
        return self._section("ten_times_usual", found)

    def _of_payments(self, usual: Any, reason: str) -> list[Any]:
        return [
            Payment.id.label("payment_id"),
            Payment.amount,
            Payment.amount.label("total"),
            Instalment.commitment_id,
            Instalment.due_on,
            usual.label("usual"),
            literal(reason).label("reason"),
        ]

    def _medians(self) -> dict[int | None, int]:
        """The middle amount of the batch (key None), and at each interval that has enough lines to speak of one."""
        rows = self.session.execute(
            select(Term.interval_months, Payment.amount, func.count())
            .join(Instalment, Instalment.id == Payment.instalment_id)
            .join(Term, Term.id == Instalment.term_id)
            .where(*self._mine(self.batch))
            .group_by(Term.interval_months, Payment.amount)
        )
        amounts: dict[int | None, Counter[int]] = defaultdict(Counter)
        for months, amount, count in rows:
            amounts[months][amount] += count
            amounts[None][amount] += count
        return {
            months: _median(counted)
            for months, counted in amounts.items()
            if months is None or counted.total() >= ENOUGH
        }

    def _twice(self) -> Section:
        """The same amount more than once from one bank account; one that is tried again stands beside the next."""
        pairs = (
            select(Payment.iban, Payment.amount)
            .where(*self._mine(self.batch), Payment.attempt == 1)
            .group_by(Payment.iban, Payment.amount)
            .having(func.count() > 1)
            .subquery("pairs")
        )
        found = (
            select(*self._of_payments(literal(None), "same_account_and_amount"))
            .join(pairs, and_(pairs.c.iban == Payment.iban, pairs.c.amount == Payment.amount))
            .join(Instalment, Instalment.id == Payment.instalment_id)
            .where(*self._mine(self.batch), Payment.attempt == 1)
        )
        return self._section("same_account_and_amount", found)

    def _blocked(self) -> Section:
        if self.batch.state not in ("prepared", "approved"):
            return Section("blocked", 0, self._money(0))
        blockers = self.batch.blockers(self.session, limit=self.shown)
        lines = tuple(
            Line(payment.payer, payment.instalment.commitment_id, payment.money, reason=why, payment_id=payment.id)
            for payment, why in blockers
            if payment.instalment is not None
        )
        return Section("blocked", len(lines), self._money(sum(line.amount.amount for line in lines)), lines)

    # -- rows to lines ------------------------------------------------------------------------------

    def _lines(self, rows: Iterable[Row[Any]]) -> tuple[Line, ...]:
        found = [row._mapping for row in rows]
        commitments = {row["commitment_id"] for row in found}
        owners: dict[int, int] = {}
        if commitments:
            query = select(Commitment.id, Commitment.supporter_id).where(Commitment.id.in_(commitments))
            owners = {row.id: row.supporter_id for row in self.session.execute(query)}
        people = named(self.session, sorted(set(owners.values()))) if owners else {}
        return tuple(
            Line(
                supporter=people[owners[row["commitment_id"]]],
                commitment_id=row["commitment_id"],
                amount=self._money(row["amount"]),
                usual=None if row.get("usual") is None else self._money(round(row["usual"])),
                reason=row["reason"],
                due_on=row.get("due_on"),
                payment_id=row.get("payment_id"),
            )
            for row in found
        )

    def _money(self, amount: int) -> Money:
        return Money(int(amount), self.currency)


def _median(counted: Counter[int]) -> int:
    """The middle of amounts that are given with how often each occurs."""
    left = (counted.total() + 1) // 2
    for amount in sorted(counted):
        left -= counted[amount]
        if left <= 0:
            return amount
    return 0
