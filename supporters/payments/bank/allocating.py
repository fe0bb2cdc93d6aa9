"""A line in the hands of one person, and what they book it as."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import Refused
from supporters.money import Money
from supporters.payments.bank.line import OPEN, BankAllocation, BankLine
from supporters.payments.bank.matching import take_turn


def take_up(session: Session, line: BankLine, by: Actor, states: tuple[str, ...] = OPEN) -> None:
    """One person at a time; who comes second sees what the first did."""
    by.must_be_signed_in()
    session.flush()
    take_turn(session)
    session.get(BankLine, line.id, with_for_update=True, populate_existing=True)
    session.expire(line, ["allocations"])
    if line.state not in states:
        raise Refused(
            "Line %(number)s is %(state)s: somebody was here before you.", number=line.number, state=line.state
        )


def allocate(
    session: Session,
    line: BankLine,
    kind: str,
    money: Money | None = None,
    *,
    because: str,
    by: Actor,
    now: datetime,
    **more: Any,
) -> BankAllocation:
    """What a line, or a part of it, is booked as; the line is booked when nothing of it is left."""
    made = BankAllocation(
        line_id=line.id, amount=line.amount if money is None else money.amount, kind=kind, because=because,
        made_at=now, made_by=by.key, **more,
    )  # fmt: skip
    session.add(made)
    session.flush()
    line.state, line.doubt, line.settled_at, line.settled_by = "booked", None, now, by.key
    session.flush()
    return made
