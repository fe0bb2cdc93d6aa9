"""Statements that tell one period of one account and close with different balances: only the bank knows which is right.

One that adds up and one that adds up to more are a day that was told halfway and then whole. Where somebody accepted
one of them though it did not add up, the lines cannot say which balance is the account's, and a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from supporters.actor import Actor
from supporters.money import Money
from supporters.payments.bank.statement import BankStatement
from supporters.tasks import Task

KIND = "statements_contradict"


def contradictions(session: Session, ids: Iterable[int]) -> Iterator[tuple[BankStatement, BankStatement]]:
    """Each of these statements with each other one that contradicts it."""
    mine, other = BankStatement, aliased(BankStatement)
    query = (
        select(mine, other)
        .join(
            other,
            and_(
                other.account_id == mine.account_id, other.id != mine.id, other.kind == "statement",
                other.from_on == mine.from_on, other.to_on == mine.to_on, other.number == mine.number,
                # Parts of a day follow each other; what opens alike is told twice.
                other.opening == mine.opening, other.closing != mine.closing,
            ),
        )
        .where(
            mine.id.in_(list(ids)), mine.kind == "statement",
            or_(mine.number != "", mine.ident == other.ident),
            or_(mine.accepted_by.is_not(None), other.accepted_by.is_not(None)),
        )
        .order_by(mine.id, other.id)
        .options(joinedload(mine.file), joinedload(mine.account), joinedload(other.file))
    )  # fmt: skip
    yield from ((one, another) for one, another in session.execute(query))


def ask(session: Session, statement: BankStatement, *, by: Actor, now: datetime) -> None:
    """A task for each statement that this new one contradicts."""
    for new, there in contradictions(session, [statement.id]):
        Task.raise_(
            session, KIND,
            "Statement %(statement)s of %(account)s, %(begins)s to %(ends)s, is here with two closing balances:"
            " %(first)s in %(first_file)s (read in on %(first_on)s) and %(second)s in %(second_file)s (read in on"
            " %(second_on)s). One of them was accepted though it does not add up. Ask the bank which is right.",
            by=by, now=now, key=f"{KIND}:{there.id}:{new.id}", statement=new.number or new.ident,
            account=new.account.number, begins=str(new.from_on), ends=str(new.to_on), first=_closing(there),
            first_file=there.file.filename[:100], first_on=str(there.file.imported_at.date()), second=_closing(new),
            second_file=new.file.filename[:100], second_on=str(new.file.imported_at.date()),
        )  # fmt: skip


def _closing(statement: BankStatement) -> str:
    return str(Money(statement.closing or 0, statement.currency))
