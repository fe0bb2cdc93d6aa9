"""What the screens of the bank show alike: an account's number, the bank's text, and why a line is what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload

from admin.access import may
from admin.blueprint import NAME
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import money
from admin.labels import label
from supporters import Money
from supporters.payments.bank.contradicting import contradictions
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.statement import BankStatement
from supporters.payments.returns.reasons import reason_of
from supporters.payments.returns.returned import Returned
from supporters.people.bank_account import mask_iban

#: What waits for somebody: a button, or an answer.
WAITING = ("matched", "proposed", "unknown")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}\b")


def to_line(line_id: int) -> str:
    return url_for(f"{NAME}.bank_line", line_id=line_id)


def to_file(file_id: int) -> str:
    return url_for(f"{NAME}.bank_file", file_id=file_id)


def iban(number: str) -> str:
    """In groups of four; for those who may not see it whole, only its ends."""
    if not number:
        return ""
    if not may("people.private"):
        return mask_iban(number)
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4)) if number[:2].isalpha() else number


def words(text: str) -> str:
    """What the bank wrote, with the accounts in it as this reader may see them."""
    return text if may("people.private") else _IBAN.sub(lambda found: mask_iban(found[0].replace(" ", "")), text)


def reason(code: str) -> str:
    """What a bank's reason means, with its code."""
    meaning = _(reason_of(code).meaning)
    return f"{meaning} ({code})" if code else meaning


def why(line: BankLine) -> str:
    """Why it is what it is, in a sentence; what speaks against it after a comma."""
    said = label("match_evidence", line.because) if line.because else ""
    doubt = label("doubt", getattr(line, "doubt", None) or "")
    expected = getattr(line, "expected", None)
    if doubt and expected is not None:
        doubt = _("%(doubt)s (%(amount)s)", doubt=doubt, amount=money(expected, line.currency))
    if said and doubt:
        return _("%(evidence)s, but %(doubt)s.", evidence=said, doubt=doubt)
    if said or doubt:
        return f"{said or doubt[:1].upper() + doubt[1:]}."
    return ""


@dataclass(frozen=True)
class Counted:
    """So many lines, what they bring and what they take."""

    state: str
    currency: str
    count: int
    came: int
    went: int

    @property
    def incoming(self) -> Money:
        return Money(self.came, self.currency)

    @property
    def outgoing(self) -> Money:
        return Money(-self.went, self.currency)

    @property
    def total(self) -> Money:
        return Money(self.came + self.went, self.currency)


def counts(*where: Any, states: Iterable[str] | None = WAITING) -> list[Counted]:
    """How many lines are in each state and what they add up to; totals that are told in parts count by their parts."""
    came, went = (
        func.coalesce(func.sum(case((sign, BankLine.amount), else_=0)), 0)
        for sign in (BankLine.amount > 0, BankLine.amount < 0)
    )
    which = BankLine.state.in_(tuple(states)) if states is not None else BankLine.state != "detailed"
    query = select(BankLine.state, BankLine.currency, func.count(), came, went).where(which, *where)
    rows = session().execute(query.group_by(BankLine.state, BankLine.currency))
    found = [Counted(state, currency, count, int(plus), int(minus)) for state, currency, count, plus, minus in rows]
    order = (*WAITING, "booked", "set_aside", "before")
    return sorted(found, key=lambda each: (order.index(each.state), each.currency != "EUR", each.currency))


@dataclass(frozen=True)
class Rejected:
    """Debits that a status report refuses for one reason."""

    reason: str
    count: int
    total: int


@dataclass
class Came:
    """What one file of the bank brought."""

    file: BankFile
    statements: list[BankStatement]
    doubtful: dict[int, int]  # by statement: lines that may be known
    counts: list[Counted]
    rejected: list[Rejected]
    #: Where this very file came in before: when.
    known_since: datetime | None = None
    #: By statement: those that tell the same period and close with another balance.
    contradicted_by: dict[int, list[BankStatement]] = field(default_factory=dict)
    by_state: dict[str, Counted] = field(init=False)

    def __post_init__(self) -> None:
        self.by_state = {each.state: each for each in reversed(self.counts)}

    @classmethod
    def of(cls, file: BankFile, known_since: datetime | None = None) -> Came:
        query = select(BankStatement).where(BankStatement.file_id == file.id).order_by(BankStatement.position)
        statements = list(session().scalars(query.options(joinedload(BankStatement.account)).limit(200)))
        ids = select(BankStatement.id).where(BankStatement.file_id == file.id)
        doubtful = session().execute(
            select(BankLine.statement_id, func.count())
            .where(BankLine.statement_id.in_(ids), BankLine.twin_of_id.is_not(None))
            .group_by(BankLine.statement_id)
        )
        rejected = session().execute(
            select(Returned.reason, func.count(), func.sum(Returned.amount))
            .where(Returned.file_id == file.id)
            .group_by(Returned.reason)
            .order_by(func.count().desc())
        )
        contradicted_by: dict[int, list[BankStatement]] = {}
        for mine, other in contradictions(session(), [each.id for each in statements]):
            contradicted_by.setdefault(mine.id, []).append(other)
        return cls(
            file, statements, {key: count for key, count in doubtful if count},
            counts(BankLine.statement_id.in_(ids), states=None),
            [Rejected(reason, count, int(total)) for reason, count, total in rejected], known_since,
            contradicted_by,
        )  # fmt: skip
