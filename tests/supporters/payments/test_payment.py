"""What becomes of a payment: how sure it is, what comes back, and what is never tried again by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.errors import Refused
from supporters.giving.gift import Reversal
from supporters.giving.year import FinancialYear, YearClosed
from supporters.money import Money
from tests import cast
from tests.cast import ANNA, NOW
from tests.promises.ledger import broken_promises, refused_and_nothing_changed
from tests.supporters.payments.sepa.collecting import (
    DUE,
    announced,
    at,
    booked,
    exported,
    left_out,
    payments,
    prepared,
    statuses,
)


def test_money_is_safe_in_three_steps(session: Session) -> None:
    announced(session)
    exported(session)
    (payment,) = payments(session)
    assert payment.certainty(DUE) == "open"
    batch = booked_again(session)
    assert batch == 1
    (payment,) = payments(session)
    # Five business days of TARGET past New Year's Day, 56 days, and 13 months.
    assert (payment.provisional_until, payment.refundable_until, payment.contestable_until) == (
        date(2027, 1, 5), date(2027, 2, 22), date(2028, 1, 28),
    )  # fmt: skip
    assert [
        payment.certainty(day)
        for day in (DUE, date(2027, 1, 5), date(2027, 1, 6), date(2027, 2, 22), date(2027, 2, 23), date(2028, 1, 28))
    ] == ["provisional", "provisional", "refundable", "refundable", "contestable", "contestable"]
    assert payment.certainty(date(2028, 1, 29)) == "safe"


def booked_again(session: Session) -> int:
    (payment,) = payments(session)
    from supporters.payments.sepa.batch import CollectionBatch

    count = session.get_one(CollectionBatch, payment.batch_id).book(session, by=ANNA, now=at(DUE))
    session.commit()
    return count


def test_a_return_reverses_the_gift_once_however_often_it_is_told(session: Session) -> None:
    commitment = announced(session)
    booked(session)
    (payment,) = payments(session)
    one, two = (payment.take_back(session, on=date(2027, 1, 4), by=ANNA, now=NOW, reason_code="MD06") for _ in range(2))
    session.commit()
    assert one is two
    assert payment.gift is not None
    assert (payment.state, payment.certainty(DUE), payment.gift.net) == ("returned", "returned", Money(0))
    assert (statuses(commitment), one.reversed_on, one.reason_code) == ([(1, "returned")], date(2027, 1, 4), "MD06")
    assert broken_promises(session) == []


def test_what_came_back_is_tried_again_only_when_somebody_asks(session: Session) -> None:
    commitment = announced(session)
    booked(session)
    payments(session)[0].take_back(session, on=DUE, by=ANNA, now=NOW)
    session.commit()
    again = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5)))
    assert (again.count, left_out(session, again)) == (1, {commitment.id: "returned"})
    again.cancel(session, "x", by=ANNA, now=NOW)
    commitment.ask_again(session, 1, by=ANNA, now=NOW)
    session.commit()
    both = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5)))
    assert both.count == 2
    assert sorted(p.reference.split("-")[1] for p in payments(session, both)) == ["2", "2"]
    assert broken_promises(session) == []


def test_news_of_an_old_return_after_a_second_success_changes_nothing(session: Session) -> None:
    commitment = announced(session)
    booked(session)
    first = payments(session)[0]
    first.take_back(session, on=DUE, by=ANNA, now=NOW)
    commitment.ask_again(session, 1, by=ANNA, now=NOW)
    session.commit()
    booked(session, on=date(2026, 12, 29), now=NOW)
    first.take_back(session, on=date(2027, 1, 10), by=ANNA, now=NOW)
    session.commit()
    assert statuses(commitment) == [(1, "paid")]
    assert len(session.scalars(select(Reversal)).all()) == 1
    assert broken_promises(session) == []


def test_only_what_was_booked_comes_back_and_only_what_was_sent_fails(session: Session) -> None:
    commitment = announced(session)
    batch = prepared(session)
    (payment,) = payments(session)
    with refused_and_nothing_changed(session, Refused, "is open: only a booked one can be returned"):
        payment.take_back(session, on=DUE, by=ANNA, now=NOW)
    with refused_and_nothing_changed(session, Refused, "is not at the bank yet"):
        payment.fail(session, by=ANNA, now=NOW)
    batch.cancel(session, "x", by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "is cancelled: only an open one can fail"):
        payment.fail(session, by=ANNA, now=NOW)
    booked(session)
    with refused_and_nothing_changed(session, Refused, "is booked: only an open one can fail"):
        payments(session)[1].fail(session, by=ANNA, now=NOW)
    assert statuses(commitment) == [(1, "paid")]


def test_a_return_is_dated_in_an_open_year(session: Session) -> None:
    announced(session)
    booked(session)
    FinancialYear.close(session, 2026, by=ANNA, now=at(date(2027, 1, 20)))
    session.commit()
    (payment,) = payments(session)
    with refused_and_nothing_changed(session, YearClosed, "2026 is closed", "reversed_on"):
        payment.take_back(session, on=DUE, by=ANNA, now=NOW)
    payment.take_back(session, on=date(2027, 1, 20), by=ANNA, now=NOW)
    session.commit()
    assert broken_promises(session) == []


@pytest.mark.parametrize("late", [0, 1, 40])
def test_booking_late_keeps_the_collection_date(session: Session, late: int) -> None:
    announced(session)
    batch = exported(session)
    batch.book(session, by=ANNA, now=at(DUE + timedelta(days=late)))
    (payment,) = payments(session)
    assert payment.gift is not None
    assert payment.gift.received_on == batch.collect_on == cast.TODAY + timedelta(days=27)
