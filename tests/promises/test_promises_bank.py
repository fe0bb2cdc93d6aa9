"""The promises of the design that what the bank tells keeps too, by their numbers.

6: see also each of its rules broken (test_checks beside the bank's lines) and the month in any order (test_bank_month).
"""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from supporters import audit, registry
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift, Reversal
from supporters.mail.message import OutboxMessage
from supporters.payments.bank import answering, undoing
from supporters.payments.bank.booking import book_matched
from supporters.payments.bank.intake import take_in
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from supporters.people.supporter import Supporter
from tests.bank_month import Month, at_the_bank, month
from tests.cast import ANNA
from tests.modules import tables

LATER = datetime(2027, 1, 20, 9, tzinfo=UTC)


@pytest.fixture
def told(session: Session) -> Month:
    """Eight debits at the bank, and what it told of them: read, and booked."""
    told = month(session, at_the_bank(session, 8), strangers=2)
    for name, content in told.files:
        take_in(session, io.BytesIO(content), name, by=ANNA, now=LATER, today=LATER.date())
    for _ in range(2):
        book_matched(session, by=ANNA, now=LATER, today=LATER.date())
    session.commit()
    return told


def unknown_gift(session: Session) -> BankLine:
    query = select(BankLine).where(BankLine.state == "unknown", BankLine.amount > 0).order_by(BankLine.id)
    return session.scalars(query.limit(1)).one()


def test_promise_03_what_the_bank_tells_books_at_most_one_gift(session: Session, told: Month) -> None:
    gifts = session.scalar(select(func.count()).select_from(Gift))
    for name, content in told.files:
        take_in(session, io.BytesIO(content + b"\n"), f"again {name}", by=ANNA, now=LATER, today=LATER.date())
    book_matched(session, by=ANNA, now=LATER, today=LATER.date())
    assert session.scalar(select(func.count()).select_from(Gift)) == gifts
    per_payment = select(func.count(Gift.id)).join(Payment, Payment.gift_id == Gift.id).group_by(Payment.id)
    assert set(session.scalars(per_payment)) == {1}
    names = {each.name for each in tables().tables["supporters_bank_line"].constraints}
    assert "uq_supporters_bank_line_account_id_key" in names
    columns = ", ".join(f'"{each.name}"' for each in BankLine.__table__.columns if each.name != "id")
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text(f"INSERT INTO supporters_bank_line ({columns}) SELECT {columns} FROM supporters_bank_line")
        )
    return_columns = ", ".join(each.name for each in BankAllocation.__table__.columns if each.name != "id")
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text(
                f"INSERT INTO supporters_bank_allocation ({return_columns}) SELECT {return_columns}"
                " FROM supporters_bank_allocation WHERE kind = 'return'"
            )
        )


def test_promise_04_what_the_bank_told_and_what_was_booked_of_it_is_never_edited(session: Session, told: Month) -> None:
    line, donor = unknown_gift(session), session.scalars(select(Supporter).limit(1)).one()
    answering.assign(session, line, donor, by=ANNA, now=LATER)
    gift = session.scalars(select(Gift).order_by(Gift.id.desc()).limit(1)).one()
    undoing.undo(session, line, by=ANNA, now=LATER, today=LATER.date())
    session.commit()
    back = session.scalars(select(Reversal).where(Reversal.gift_id == gift.id)).one()
    assert (back.kind, back.amount, back.reversed_on) == ("correction", gift.amount, gift.received_on)
    for refused in (
        "UPDATE supporters_bank_line SET amount = 1",
        "DELETE FROM supporters_bank_line",
        "UPDATE supporters_bank_statement SET opening = 1",
        "UPDATE supporters_bank_statement SET closing = 1",
        "UPDATE supporters_bank_allocation SET amount = 1",
        "DELETE FROM supporters_bank_allocation",
    ):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(refused))


def test_promise_06_every_euro_on_a_statement_can_be_proved(session: Session, told: Month) -> None:
    assert list(registry.findings(session, now=LATER)) == []
    sums = dict(
        session.execute(
            select(BankAllocation.kind, func.sum(BankAllocation.amount)).group_by(BankAllocation.kind)
        ).all()
    )
    assert (sums["collection"], -sums["return"]) == (told.banked_cents, told.returned_cents)
    session.execute(text("UPDATE supporters_payment SET state = 'failed' WHERE state = 'returned'"))
    assert "returned-is-banked" in {each.rule for _, each in registry.findings(session, now=LATER)}


def test_promise_09_a_bank_that_speaks_of_a_death_ends_nothing_by_itself_and_nobody_is_written_to(
    session: Session,
) -> None:
    batch = at_the_bank(session, 2)
    batch.book(session, by=ANNA, now=LATER, today=LATER.date())
    payment = session.scalars(select(Payment).order_by(Payment.id).limit(1)).one()
    case = Returned.record(session, payment, "MD07", told_on=LATER.date(), by=ANNA, now=LATER)
    mails = session.scalar(select(func.count()).select_from(OutboxMessage))
    case.act(session, case.why.action, by=ANNA, now=LATER, today=LATER.date())
    session.commit()
    assert case.why.action == "deceased"
    assert payment.payer.death_reported_at is None
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) == mails
    held = session.scalars(select(Commitment).where(Commitment.supporter_id == payment.supporter_id)).one()
    assert held.state(LATER.date()) == "paused"


def test_promise_17_reading_booking_answering_and_taking_back_leave_a_trace(session: Session, told: Month) -> None:
    line, donor = unknown_gift(session), session.scalars(select(Supporter).limit(1)).one()
    answering.assign(session, line, donor, by=ANNA, now=LATER)
    undoing.undo(session, line, by=ANNA, now=LATER, today=LATER.date())
    answering.set_aside(session, line, "mistake", by=ANNA, now=LATER)
    session.commit()
    traces = {
        (each.verb, each.subject)
        for each in session.scalars(select(audit.AuditEntry).where(audit.AuditEntry.by == ANNA.key))
    }
    wanted = {("import", "bank_file"), ("book", "bank_lines"), ("undo", "bank_line"), ("set_aside", "bank_line")}
    assert wanted <= traces
    assert any(subject == "bank_line" and verb in ("assign", "answer") for verb, subject in traces)
