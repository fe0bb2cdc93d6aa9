"""A month from the file that went to the bank to books that agree with the bank to the cent."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.giving.gift import Gift, Reversal
from supporters.payments.bank.booking import book_matched
from supporters.payments.bank.intake import take_in
from supporters.payments.bank.line import BankLine
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa.batch import CollectionBatch
from tests.bank_month import at_the_bank, month
from tests.cast import ANNA

DONORS = 60
BEFORE = datetime(2026, 11, 10, 9, tzinfo=UTC)


@pytest.fixture
def batch(session: Session) -> CollectionBatch:
    return at_the_bank(session, DONORS)


@pytest.mark.parametrize("order", [None, 1])
def test_the_books_agree_with_the_bank(session: Session, batch: CollectionBatch, order: int | None) -> None:
    """Whatever order its files come in, and whether or not somebody books between them."""
    told = month(session, batch, strangers=6)
    book_between = order != 1
    if order is not None:
        Random(order).shuffle(told.files)
    number = batch.id
    now = datetime(2027, 1, 20, 9, tzinfo=UTC)
    for name, content in told.files:
        take_in(session, io.BytesIO(content), name, by=ANNA, now=now, today=now.date())
        if book_between:
            book_matched(session, by=ANNA, now=now, today=now.date())
    for _ in range(3):
        book_matched(session, by=ANNA, now=now, today=now.date())
    session.commit()
    states = dict(session.execute(select(Payment.state, func.count()).group_by(Payment.state)).all())
    assert states.get("failed", 0) == told.rejected
    assert states.get("returned", 0) == told.returned
    assert states["booked"] == DONORS - told.rejected - told.returned
    collected = session.scalar(select(func.sum(Gift.amount)).where(Gift.commitment_id.is_not(None)))
    back = session.scalar(select(func.sum(Reversal.amount)))
    assert (collected, back) == (told.banked_cents, told.returned_cents)
    cases = session.scalars(select(Returned)).all()
    assert len(cases) == told.rejected + told.returned
    waiting = session.scalars(select(BankLine).where(BankLine.state.in_(("unknown", "proposed", "matched")))).all()
    assert {line.text.split()[0] for line in waiting} == {"gift", "KOSTEN"}
    for case in cases:
        action = case.why.action
        case.act(session, action, by=ANNA, now=now, today=now.date())
    session.commit()
    assert not session.scalars(select(Returned.id).where(Returned.acted_at.is_(None))).all()
    assert [finding for _, finding in registry.findings(session, now=now)] == []
    assert session.get_one(CollectionBatch, number).state == "booked"
    assert now.date() - batch.collect_on > timedelta(days=42)
