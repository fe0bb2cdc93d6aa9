"""Taking back what a line was booked as: the books stand as if it never was."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving.instalment import Instalment
from supporters.giving.year import FinancialYear
from supporters.payments.bank.allocating import take_up
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.bank.matching import match
from supporters.payments.bank.remembering import forget


def undo(session: Session, line: BankLine, *, by: Actor, now: datetime, today: date | None = None) -> None:
    """Take back what the line was booked as. The books stand as if it never was, and the line is a question again.

    A gift is corrected on its own day, or today where that day's year is closed: to nobody does money go back. Raises
    Refused for a return, and for a gift of which something went back.
    """
    take_up(session, line, by, states=("booked", "set_aside"))
    standing = [each for each in line.allocations if each.is_standing]
    if not standing:
        raise Refused("Nothing of this line was booked.")
    with session.begin_nested():
        for each in standing:
            _undo(session, each, by=by, now=now, today=today or now.date())
        line.state, line.kind, line.because, line.doubt, line.why = "unknown", None, None, None, None
        line.note, line.settled_at, line.settled_by, line.expected = "", None, None, None
        line.supporter_id = line.commitment_id = line.instalment_id = line.payment_id = line.batch_id = None
        line.attempt += 1
        audit.record(session, by, "undo", line, now=now, kinds=sorted({each.kind for each in standing}))
        session.flush()
        match(session, _concerned(session, line, standing), now=now, today=today)
    session.refresh(line)


def _concerned(session: Session, line: BankLine, undone: list[BankAllocation]) -> list[int]:
    """The line itself, and those that wait for what this one was: of the same account, payment or collection."""
    same = [BankLine.id == line.id]
    if line.iban:
        same.append(BankLine.iban == line.iban)
    payments = {each.payment_id for each in undone if each.payment_id is not None}
    batches = {each.batch_id for each in undone if each.batch_id is not None}
    same += [BankLine.payment_id.in_(payments), BankLine.batch_id.in_(batches)]
    waiting = BankLine.state.in_(("unknown", "proposed", "matched"))
    return list(session.scalars(select(BankLine.id).where(waiting, or_(*same))))


def _undo(session: Session, each: BankAllocation, *, by: Actor, now: datetime, today: date) -> None:
    if each.kind == "return":
        raise Refused(
            "This debit came back and its gift is reversed: that is not taken back here. If the bank was wrong it sends"
            " the money again; book that line as a gift of %(name)s.",
            name=each.supporter.name if each.supporter is not None else "?",
        )
    if each.kind == "gift":
        _correct(session, each, by=by, now=now, today=today)
    each.undo(by=by.key, now=now)
    session.flush()


def _correct(session: Session, each: BankAllocation, *, by: Actor, now: datetime, today: date) -> None:
    gift = each.gift
    assert gift is not None
    gift.hold(session)
    session.expire(gift, ["reversals"])
    if gift.reversed.amount:
        raise Refused(
            "%(money)s of this gift went back already, so it cannot be taken back whole: book another line, or reverse"
            " the rest of the gift by hand.",
            money=str(gift.reversed),
        )
    shut = session.scalar(
        select(FinancialYear.year).where(
            FinancialYear.year == gift.received_on.year, FinancialYear.closed_at.is_not(None)
        )
    )
    gift.reverse(
        session, on=gift.received_on if shut is None else today, kind="correction", by=by, now=now,
        booking_key=f"bank:{each.id}:undone", description=each.line.number,
    )  # fmt: skip
    if gift.instalment_id is not None:
        instalment = session.get_one(Instalment, gift.instalment_id, with_for_update=True, populate_existing=True)
        if instalment.status == "paid":
            instalment.status = "due"
    forget(session, each, by=by, now=now, today=today)
