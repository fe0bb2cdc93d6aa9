"""The entries of one statement on their way into the tables: each is found among what is known, or kept as new."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters.bulk import insert_rows, take_keys
from supporters.payments.bank.aligning import NOTED, Answer, Known, Marks, Placed, Told, align
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.line import BankLine, BankTelling
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.bank.told import Balance, Detail, Entry, Head, Line

_COLUMNS = (
    "id", "account_id", "statement_id", "parent_id", "of", "position", "before", "key", "booked_on", "value_on",
    "amount", "currency", "is_reversal", "count", "code", "reference", "end_to_end_id", "mandate_reference",
    "creditor_reference", "batch_reference", "reason", "name", "iban", "text", "purpose", "state", "why", "note",
    "twin_of_id", "attempt",
)  # fmt: skip
#: What a line may learn from another telling of it, where it does not say it yet. Never the bank's own reference: each
#: format has its own.
_LEARNT = (
    "end_to_end_id", "mandate_reference", "creditor_reference", "batch_reference", "reason", "name",
    "iban", "text", "purpose", "code",
)  # fmt: skip
_NOTHING = ("NONREF", "NOTPROVIDED", "NOT PROVIDED", "EREF", "MREF", "PREF")
#: Keys asked for at a time: both databases take so many values.
_ASKED = 5_000


@dataclass(slots=True)
class Kept:
    """An entry with what it is made of, and the balance before it."""

    entry: Entry
    details: list[Line]
    before: int | None
    key: str = ""
    line_id: int = 0

    @property
    def is_divided(self) -> bool:
        return len(self.details) > 1


class Keeper:
    """``new``, ``known`` and ``doubtful`` count entries; ``line_ids`` are the lines that came or learnt something."""

    def __init__(
        self, session: Session, account: OurAccount, statement: BankStatement, head: Head, *, now: datetime
    ) -> None:
        self.session, self.account, self.statement, self.head, self.now = session, account, statement, head, now
        self.new = self.known = self.doubtful = 0
        self.line_ids: list[int] = []
        self._waiting: list[Kept] = []
        self._balance = head.opening.amount if head.opening is not None and statement.kind == "statement" else None
        self._downwards = self._begun = False
        self._last: Kept | None = None

    def keep(self, lines: Sequence[Line]) -> None:
        """Some lines of the statement, in its order."""
        found = self._entries(lines)
        if not found:
            return
        days = {each.entry.booked_on for each in found}
        told = select(BankLine.booked_on).where(
            BankLine.account_id == self.account.id, BankLine.booked_on.in_(days),
            BankLine.statement_id != self.statement.id,
        )  # fmt: skip
        taken = set(self.session.scalars(told.distinct()))
        self._add([each for each in found if each.entry.booked_on not in taken])
        self._waiting += [each for each in found if each.entry.booked_on in taken]

    def finish(self, closing: Balance | None) -> None:
        """The days that another statement told of too, now that this one is whole."""
        if not self._waiting:
            return
        answer = self._align(closing)
        same, fresh = [], []
        for place, kept in enumerate(self._waiting):
            if place in answer.same:
                kept.line_id = answer.same[place]
                same.append(kept)
            else:
                fresh.append(kept)
        twins = {id(self._waiting[place]): line_id for place, line_id in answer.doubtful.items()}
        self._add(fresh, twins)
        self._tell_again(same)
        self._waiting = []

    # -- what comes in ----------------------------------------------------------------------------

    def _entries(self, lines: Sequence[Line]) -> list[Kept]:
        """Grouped by entry; more of an entry that was kept before goes to it at once."""
        found: list[Kept] = []
        more: list[Line] = []
        for line in lines:
            if self._last is not None and line.entry is self._last.entry:
                if found:
                    self._last.details.append(line)
                else:
                    more.append(line)
            else:
                self._last = Kept(line.entry, [line], None)
                found.append(self._last)
        if more:
            self._add_more(more)
        if found and not self._begun:
            self._begin(found)
        for kept in found:
            if self._balance is None:
                continue
            if self._downwards:
                self._balance -= kept.entry.amount
                kept.before = self._balance
            else:
                kept.before = self._balance
                self._balance += kept.entry.amount
        return found

    def _begin(self, found: list[Kept]) -> None:
        """Some banks write the newest first: then the balances go down from the closing one."""
        self._begun = True
        newest_first = found[0].entry.booked_on > found[-1].entry.booked_on
        if newest_first and self._balance is not None and self.head.closing is not None:
            self._downwards, self._balance = True, self.head.closing.amount

    def _add_more(self, more: list[Line]) -> None:
        """The rest of an entry of very many transactions."""
        owner = self._last
        if owner is None:
            return
        if owner.line_id and owner.is_divided:
            self._add_parts([(owner, line) for line in more])
        elif not owner.line_id:
            owner.details += more  # it waits until the statement is whole

    # -- new lines --------------------------------------------------------------------------------

    def _add(self, fresh: list[Kept], twins: dict[int, int] | None = None) -> None:
        if not fresh:
            return
        twins = twins or {}
        self._name(fresh)
        for kept, line_id in zip(fresh, take_keys(self.session, BankLine, len(fresh)), strict=True):
            kept.line_id = line_id
        self._insert([self._row(kept, twins.get(id(kept))) for kept in fresh])
        self._add_parts([(kept, line) for kept in fresh if kept.is_divided for line in kept.details])
        self.new += len(fresh)
        self.doubtful += len(twins)

    def _name(self, fresh: list[Kept]) -> None:
        """A key for each: day, amount and balance before; and a number where even these were there before."""
        bases = [_base(kept) for kept in fresh]
        there: Counter[str] = Counter()
        distinct = list(dict.fromkeys(bases))
        for start in range(0, len(distinct), _ASKED):
            asked = distinct[start : start + _ASKED]
            query = select(BankLine.key).where(
                BankLine.account_id == self.account.id, BankLine.key.in_([f"{base}|0" for base in asked])
            )
            for key in self.session.scalars(query):
                base = key.rpartition("|")[0]
                count = select(func.count()).where(
                    BankLine.account_id == self.account.id, BankLine.key.startswith(f"{base}|", autoescape=True)
                )
                there[base] = self.session.scalar(count) or 0
        for kept, base in zip(fresh, bases, strict=True):
            kept.key = f"{base}|{there[base]}"
            there[base] += 1

    def _row(self, kept: Kept, twin: int | None = None) -> tuple[Any, ...]:
        return self._values(
            kept, kept.details[0].detail if not kept.is_divided else Detail(), line_id=kept.line_id, parent_id=None,
            of=0, key=kept.key, amount=kept.entry.amount, state=self._state(kept), twin=twin,
        )  # fmt: skip

    def _add_parts(self, parts: list[tuple[Kept, Line]]) -> None:
        """The transactions that entries are made of, each with its entry."""
        keys = take_keys(self.session, BankLine, len(parts))
        self._insert(
            [
                self._values(
                    kept, line.detail, line_id=line_id, parent_id=kept.line_id, of=line.of,
                    key=f"{kept.line_id}.{line.of}", amount=line.detail.amount or 0, state=self._state_of(kept, line),
                )
                for (kept, line), line_id in zip(parts, keys, strict=True)
            ]
        )  # fmt: skip

    def _state_of(self, kept: Kept, line: Line) -> str:
        if self._is_before(kept):
            return "before"
        return "unknown" if line.detail.amount else "set_aside"

    def _values(
        self, kept: Kept, detail: Detail, *, line_id: int, parent_id: int | None, of: int, key: str, amount: int,
        state: str, twin: int | None = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        entry = kept.entry
        said = _said(entry, detail, whole=not kept.is_divided)
        return (
            line_id, self.account.id, self.statement.id, parent_id, of, entry.position,
            kept.before if parent_id is None else None, key, entry.booked_on, entry.value_on, amount, entry.currency,
            entry.is_reversal, entry.count if parent_id is None else None, said["code"], said["reference"],
            said["end_to_end_id"], said["mandate_reference"], said["creditor_reference"], said["batch_reference"],
            said["reason"], said["name"], said["iban"], said["text"], said["purpose"], state,
            "something_else" if state == "set_aside" else None, "", twin, 1,
        )  # fmt: skip

    def _state(self, kept: Kept) -> str:
        if self._is_before(kept):
            return "before"
        if kept.is_divided:
            return "detailed"
        return "set_aside" if kept.entry.amount == 0 else "unknown"

    def _is_before(self, kept: Kept) -> bool:
        return self.account.book_from_on is not None and kept.entry.booked_on < self.account.book_from_on

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            insert_rows(self.session, BankLine, _COLUMNS, rows, keys_taken=True)
            self.line_ids += [row[0] for row in rows]

    # -- lines that are known ---------------------------------------------------------------------

    def _align(self, closing: Balance | None) -> Answer:
        days = {kept.entry.booked_on for kept in self._waiting}
        family = _family(self.statement.file.format)
        told = [
            Told(place, kept.entry.booked_on, kept.entry.amount, kept.before, _marks(family, kept))
            for place, kept in enumerate(self._waiting)
        ]
        row = self.statement
        placed = Placed(
            family if row.kind == "statement" else NOTED, row.number, row.ident, row.from_on, row.to_on, row.opening,
            closing.amount if closing is not None else None,
        )  # fmt: skip
        known, statements = self._known(days)
        return align(told, known, placed, statements)

    def _known(self, days: set[Any]) -> tuple[list[Known], dict[int, Placed]]:
        """Every telling of these days by other statements; what only notifications told, as of none."""
        wanted = (
            BankLine.account_id == self.account.id, BankLine.parent_id.is_(None), BankLine.booked_on.in_(days),
            BankLine.statement_id != self.statement.id,
        )  # fmt: skip
        columns = (
            BankLine.id, BankLine.booked_on, BankLine.amount, BankLine.reference, BankLine.end_to_end_id,
            BankLine.iban, BankLine.mandate_reference, BankStatement.id.label("statement"), BankStatement.kind,
            BankStatement.number, BankStatement.ident, BankStatement.from_on, BankStatement.to_on,
            BankStatement.opening, BankStatement.closing, BankFile.format,
        )  # fmt: skip
        first = (
            select(*columns, BankLine.position, BankLine.before)
            .join(BankStatement, BankStatement.id == BankLine.statement_id)
            .join(BankFile, BankFile.id == BankStatement.file_id)
            .where(*wanted)
        )
        again = (
            select(*columns, BankTelling.position, BankTelling.before)
            .join(BankTelling, BankTelling.line_id == BankLine.id)
            .join(BankStatement, BankStatement.id == BankTelling.statement_id)
            .join(BankFile, BankFile.id == BankStatement.file_id)
            .where(*wanted, BankTelling.statement_id != self.statement.id)
        )
        known, noted = [], {}
        statements: dict[int, Placed] = {}
        stated: set[int] = set()
        first_family: dict[int, str] = {}
        for row in [*self.session.execute(first), *self.session.execute(again)]:
            # The marks of a line are as the first telling wrote them.
            family = first_family.setdefault(row.id, _family(row.format))
            marks = _marks_of(family, row.reference, row.end_to_end_id, row.iban, row.mandate_reference)
            one = Known(row.id, row.statement, row.position, row.booked_on, row.amount, row.before, marks)
            if row.kind == "statement":
                statements[row.statement] = Placed(
                    _family(row.format), row.number, row.ident, row.from_on, row.to_on, row.opening, row.closing
                )
                stated.add(row.id)
                known.append(one)
            else:
                one.statement_id = 0
                noted[row.id] = one
        return known + [one for line_id, one in noted.items() if line_id not in stated], statements

    def _tell_again(self, same: list[Kept]) -> None:
        if not same:
            return
        insert_rows(
            self.session, BankTelling, ("statement_id", "position", "line_id", "before"),
            [(self.statement.id, kept.entry.position, kept.line_id, kept.before) for kept in same],
        )  # fmt: skip
        self.known += len(same)
        by_line = {kept.line_id: kept for kept in same}
        ids = list(by_line)
        for start in range(0, len(ids), _ASKED):
            block = ids[start : start + _ASKED]
            divided = set(
                self.session.scalars(select(BankLine.parent_id).where(BankLine.parent_id.in_(block)).distinct())
            )
            for line in self.session.scalars(select(BankLine).where(BankLine.id.in_(block))):
                self._learn(line, by_line[line.id], is_divided=line.id in divided)
            self.session.flush()

    def _learn(self, line: BankLine, kept: Kept, *, is_divided: bool) -> None:
        """What this telling says more about a line than the one before."""
        is_open = line.state in ("unknown", "proposed", "matched")
        if kept.is_divided:
            if is_open and not is_divided:
                line.state, line.kind, line.because, line.doubt = "detailed", None, None, None
                self.session.flush()
                self._add_parts([(kept, each) for each in kept.details])
            return
        said = _said(kept.entry, kept.details[0].detail, whole=True)
        more = {name: said[name] for name in _LEARNT if said[name] and not getattr(line, name)}
        if more:
            for name, value in more.items():
                setattr(line, name, value)
            if is_open:
                self.line_ids.append(line.id)


def _said(entry: Entry, detail: Detail, *, whole: bool) -> dict[str, str]:
    """What a line says, within the widths of its columns."""
    text = " ".join(filter(None, (detail.text, entry.text if whole else "")))
    return {
        "code": entry.code[:40],
        "reference": ((detail.reference if not whole else "") or entry.reference or detail.reference)[:255],
        "end_to_end_id": detail.end_to_end_id[:80],
        "mandate_reference": detail.mandate[:80],
        "creditor_reference": detail.creditor_reference[:80],
        "batch_reference": next(
            filter(
                None, (detail.batch_reference, entry.batch_reference, detail.message_reference, entry.message_reference)
            ),
            "",
        )[:80],
        "reason": detail.reason[:40],
        "name": detail.name[:255],
        "iban": (detail.iban or detail.account)[:40],
        "text": text[:1000],
        "purpose": detail.purpose[:40],
    }


def _marks(family: str, kept: Kept) -> Marks:
    said = _said(kept.entry, kept.details[0].detail if not kept.is_divided else Detail(), whole=not kept.is_divided)
    return _marks_of(family, said["reference"], said["end_to_end_id"], said["iban"], said["mandate_reference"])


def _marks_of(family: str, reference: str, end_to_end_id: str, account: str, mandate: str) -> Marks:
    """Formats write them with other spaces and cases; an account only where it is an IBAN in each of them."""
    iban = account if re.match(r"[A-Z]{2}[0-9]{2}", account) else ""
    return Marks(family, _plain(reference), _plain(end_to_end_id), iban, _plain(mandate))


def _base(kept: Kept) -> str:
    entry = kept.entry
    if kept.before is not None:
        return f"{entry.booked_on}|{entry.amount}|{kept.before}"
    said = _said(entry, kept.details[0].detail, whole=True)
    marks = "|".join((said["reference"], said["end_to_end_id"], said["iban"], said["name"], said["text"]))
    return f"{entry.booked_on}|{entry.amount}|~{hashlib.sha256(marks.encode()).hexdigest()[:16]}"


def _family(format: str) -> str:
    return "MT940" if format.startswith("MT940") else "camt"


def _plain(reference: str) -> str:
    return "" if reference.strip().upper() in _NOTHING else re.sub(r"[^0-9A-Za-z]", "", reference).upper()
