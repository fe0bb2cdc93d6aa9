"""What to do about each return: what its reason asks for, unless the promise behind it says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.giving.pause import Pause
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.returns.reasons import END_AT, TABLE, Reason, reason_of
from supporters.payments.returns.returned import Returned
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter

#: A debit is tried so often in all: the first time, and once more.
ATTEMPTS = 2
_NEWEST_FIRST = sorted(TABLE, key=lambda row: row.valid_from, reverse=True)
_UNKNOWN = reason_of("?")


def _of_table(row: Any, pick: str) -> ColumnElement[Any]:
    """A column of the table of reasons, in SQL, as it held on the day of the return."""
    whens = [
        (and_(row.reason == each.code, row.told_on >= each.valid_from), literal(getattr(each, pick)))
        for each in _NEWEST_FIRST
    ]
    return case(*whens, else_=literal(getattr(_UNKNOWN, pick)))


def points(commitment_id: Any) -> ColumnElement[int]:
    """How far a promise is on the way to its end: the points of what came back since a debit last succeeded."""
    return _in_a_row(commitment_id, lambda total: total)


def _is_at_the_end(commitment_id: Any) -> ColumnElement[bool]:
    """Enough points, and not by one return alone: for that its own action is the better answer."""
    total = _in_a_row(commitment_id, lambda total: case((func.count() > 1, total), else_=0))
    return total >= END_AT


def _in_a_row(commitment_id: Any, of: Callable[[Any], Any]) -> ColumnElement[int]:
    row, payment, instalment = aliased(Returned), aliased(Payment), aliased(Instalment)
    good, later = aliased(Payment), aliased(Instalment)
    succeeded_since = exists().where(
        later.commitment_id == row.commitment_id,
        good.instalment_id == later.id,
        good.state == "booked",
        later.due_on >= instalment.due_on,
    )
    found: ColumnElement[int] = (
        select(of(func.coalesce(func.sum(_of_table(row, "points")), 0)))
        .join_from(row, payment, payment.id == row.payment_id)
        .join(instalment, instalment.id == payment.instalment_id)
        .where(row.commitment_id == commitment_id, ~succeeded_since)
        .scalar_subquery()
    )
    return found


def proposal(today: date) -> ColumnElement[str]:
    """One of ``reasons.ACTIONS``, over the rows of ``waiting``."""
    action = _of_table(Returned, "action")
    over = or_(
        Supporter.death_reported_at.is_not(None),
        Commitment.id.is_(None),
        and_(Commitment.ended_on.is_not(None), Commitment.ended_on <= today),
    )
    moved_on = or_(
        Commitment.mandate_id.is_distinct_from(Payment.mandate_id),
        exists().where(BankAccount.id == Mandate.bank_account_id, BankAccount.iban != Payment.iban),
    )
    held = exists().where(Pause.commitment_id == Commitment.id, Pause.until_on.is_(None), Pause.from_on <= today)
    return case(
        (and_(action == "deceased", Supporter.death_reported_at.is_(None)), "deceased"),
        (action.in_(("fix_data", "investigate", "nothing")), action),
        (and_(action == "end_mandate", Mandate.cancelled_on.is_(None)), "end_mandate"),
        (over, "nothing"),
        (_is_at_the_end(Commitment.id), "end"),
        # Somebody asked for it again by hand, or it was paid in another way.
        (and_(action == "retry", Instalment.status != "returned"), "nothing"),
        (and_(action == "retry", or_(Instalment.attempts >= ATTEMPTS, held)), "hold_and_call"),
        (action == "end_mandate", "nothing"),
        (and_(action == "ask_iban", moved_on), "nothing"),
        (and_(action == "ask_iban", Mandate.cancelled_on.is_not(None)), "hold_and_call"),
        else_=action,
    )


def waiting(today: date) -> Select[Any]:
    """Those of ``told`` that nobody acted on yet."""
    return told(today).where(Returned.acted_at.is_(None))


def told(today: date) -> Select[Any]:
    """Rows of return, payment, supporter, commitment, instalment and what is proposed."""
    rows: Any = (
        select(Returned, Payment, Supporter, Commitment, Instalment, proposal(today).label("proposal"))
        .join(Payment, Payment.id == Returned.payment_id)
        .join(Supporter, Supporter.id == Returned.supporter_id)
        .outerjoin(Commitment, Commitment.id == Returned.commitment_id)
        .outerjoin(Instalment, Instalment.id == Payment.instalment_id)
        .outerjoin(Mandate, Mandate.id == Payment.mandate_id)
    )
    found: Select[Any] = rows
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """Returns with one reason for which one thing is proposed."""

    reason: Reason
    action: str
    count: int
    total: Money
    since: date

    @property
    def code(self) -> str:
        return self.reason.code


def groups(session: Session, today: date) -> list[Group]:
    """All that waits, the largest groups first."""
    columns = (Returned.reason, Returned.currency, Returned.amount, Returned.told_on)
    rows = waiting(today).with_only_columns(*columns, proposal(today).label("proposal")).subquery()
    found = session.execute(
        select(rows.c.reason, rows.c.proposal, rows.c.currency, func.count(), func.sum(rows.c.amount),
               func.min(rows.c.told_on))
        .group_by(rows.c.reason, rows.c.proposal, rows.c.currency)
    ).all()  # fmt: skip
    made = [
        Group(reason_of(code), action, int(count), Money(int(total), currency), since)
        for code, action, currency, count, total, since in found
    ]
    return sorted(made, key=lambda each: (-each.count, each.code, each.action))


def ids_of(session: Session, today: date, reason: str, action: str | None = None) -> list[int]:
    """The returns with this reason that wait, or those of them for which ``action`` is proposed."""
    query = waiting(today).where(Returned.reason == reason)
    if action is not None:
        query = query.where(proposal(today) == action)
    return list(session.scalars(query.with_only_columns(Returned.id).order_by(Returned.id)))
