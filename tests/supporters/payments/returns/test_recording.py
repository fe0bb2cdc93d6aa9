"""What a bank tells of a debit is set down once, in whatever order and however often it comes."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.errors import Refused
from supporters.giving.gift import Reversal
from supporters.giving.year import FinancialYear, YearClosed
from supporters.money import Money
from supporters.payments.returns.recording import News, record
from supporters.payments.returns.returned import NotBookedYet, Returned
from supporters.tasks import Task
from tests.cast import ANNA, NOW
from tests.promises.ledger import broken_promises, refused_and_nothing_changed
from tests.supporters.payments.returns.coming_back import BACK, LATER, came_back, payment_of, promises, told
from tests.supporters.payments.sepa.collecting import DUE, at, booked, exported, payments, prepared, statuses


def test_a_reject_fails_the_debit_and_a_return_reverses_the_gift(session: Session) -> None:
    first, second = promises(session, 2)
    batch = exported(session)
    rejected = came_back(session, first, "AC04")
    batch.book(session, by=ANNA, now=at(DUE))
    session.commit()
    returned = came_back(session, second, "MD06", told="DD REFUND MD06")
    assert (rejected.stage, rejected.payment.state, rejected.payment.gift) == ("rejected", "failed", None)
    assert (returned.stage, returned.payment.state, returned.told) == ("returned", "returned", "DD REFUND MD06")
    assert returned.payment.gift is not None and returned.payment.gift.net == Money(0)
    assert returned.payment.gift.reversals[0].reason_code == "MD06"
    assert statuses(first) == statuses(second) == [(1, "returned")]
    assert (returned.why.who, returned.commitment_id, returned.money) == ("donor", second.id, Money.eur("10"))
    assert broken_promises(session) == []


NEWS: dict[str, dict[str, Any]] = {
    "status report": {"reason": "MS03", "collected": False},
    "statement": {"reason": "", "told": "STORNO ONVOLDOENDE SALDO", "collected": True},
    "notification": {"reason": "AM04", "collected": True},
}


@pytest.mark.parametrize("order", list(permutations(NEWS)), ids=lambda order: " > ".join(order))
@pytest.mark.parametrize("book_after", [0, 1, 2, 3])
def test_the_same_story_in_any_order_gives_the_same_books(
    session: Session, order: tuple[str, ...], book_after: int
) -> None:
    """A debit that came back is told by three files, and its collection is booked at some point between them."""
    (commitment,) = promises(session, 1)
    batch = exported(session)
    for step in range(4):
        if step == book_after:
            batch.book(session, by=ANNA, now=at(DUE))
            session.commit()
        for name in order[: step + 1]:  # Each file comes again with every later one.
            with suppress(NotBookedYet):
                came_back(session, commitment, **NEWS[name])
    for name in order:
        came_back(session, commitment, **NEWS[name])
    (row,) = session.scalars(select(Returned)).all()
    assert row.reason == "AM04"
    assert statuses(commitment) == [(1, "returned")]
    assert row.stage == {"failed": "rejected", "returned": "returned"}[row.payment.state]
    assert len(session.scalars(select(Reversal)).all()) == (1 if row.stage == "returned" else 0)
    assert broken_promises(session) == []


def test_what_was_collected_waits_for_its_collection_to_be_booked(session: Session) -> None:
    (commitment,) = promises(session, 1)
    batch = exported(session)
    with refused_and_nothing_changed(session, NotBookedYet, "its collection is not booked yet"):
        came_back(session, commitment, "AM04", collected=True)
    batch.book(session, by=ANNA, now=at(DUE))
    session.commit()
    assert came_back(session, commitment, "AM04", collected=True).stage == "returned"


def test_what_was_not_sent_cannot_come_back(session: Session) -> None:
    (commitment,) = promises(session, 1)
    batch = prepared(session)
    with refused_and_nothing_changed(session, Refused, "was not sent to the bank"):
        came_back(session, commitment)
    batch.cancel(session, "x", by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "was not sent to the bank"):
        came_back(session, commitment)


def test_a_better_reason_fills_in_a_vague_one_and_never_the_other_way_round(session: Session) -> None:
    (commitment,) = promises(session, 1)
    booked(session)
    for reason, known in (("", ""), ("MS03", "MS03"), ("AM04", "AM04"), ("MS03", "AM04"), ("AC04", "AM04")):
        assert came_back(session, commitment, reason).reason == known
    assert len(session.scalars(select(Returned)).all()) == 1


def test_many_at_once_are_each_answered(session: Session) -> None:
    first, second, third = promises(session, 3)
    batch = exported(session)
    of = [payment_of(session, each) for each in (first, second, third)]
    news = [
        News(of[0], "AC01", BACK),
        News(of[1], "AM04", BACK, collected=True),
        News(of[0], "", BACK, told="again"),
        News(of[2], "", BACK),
        News(of[2], "MD07", BACK),
    ]
    answers = record(session, news, by=ANNA, now=LATER)
    session.commit()
    assert [type(answer).__name__ for answer in answers] == ["Returned", "NotBookedYet", *["Returned"] * 3]
    assert told(session) == [(of[0].reference, "rejected", "AC01"), (of[2].reference, "rejected", "MD07")]
    assert batch.book(session, by=ANNA, now=at(DUE)) == 1
    session.commit()
    assert broken_promises(session) == []


def test_a_return_in_a_closed_year_is_refused_whole(session: Session) -> None:
    first, second = promises(session, 2)
    booked(session)
    FinancialYear.close(session, 2026, by=ANNA, now=at(date(2027, 1, 20)))
    session.commit()
    of = [payment_of(session, each) for each in (first, second)]
    with refused_and_nothing_changed(session, YearClosed, "2026 is closed", "reversed_on"):
        record(session, [News(of[0], "AM04", BACK), News(of[1], "AM04", DUE)], by=ANNA, now=LATER)


def refunded(session: Session, money: Money) -> None:
    gift = payments(session)[0].gift
    assert gift is not None
    gift.reverse(session, money, on=date(2027, 1, 2), kind="refund", by=ANNA, now=at(date(2027, 1, 2)))
    session.commit()


@pytest.mark.parametrize(("cents", "twice"), [(1000, "10.00"), (400, "4.00")])
def test_what_we_gave_back_and_the_donor_takes_back_too_is_a_case_for_a_person(
    session: Session, cents: int, twice: str
) -> None:
    (commitment,) = promises(session, 1)
    booked(session)
    refunded(session, Money(cents))
    row = came_back(session, commitment, "MD06", collected=True)
    again = came_back(session, commitment, "MD06", collected=True)
    assert row is again and row.stage == "returned"
    payment = row.payment
    assert payment.gift is not None
    assert (payment.state, payment.gift.net, statuses(commitment)) == ("returned", Money(0), [(1, "returned")])
    assert sum(back.amount for back in payment.gift.reversals) == 1000
    (task,) = session.scalars(select(Task).where(Task.kind == "paid_back_twice")).all()
    assert twice in task.title and payment.reference in task.title
    (found,) = [finding for name, finding in registry.findings(session, now=LATER) if name == "returns"]
    assert (found.rule, twice in found.message) == ("paid-back-twice", True)
    task.finish(session, "paid back by the donor", by=ANNA, now=LATER)
    session.commit()
    assert list(registry.findings(session, now=LATER)) == []


def test_a_gift_that_was_only_set_right_did_not_go_back_twice(session: Session) -> None:
    (commitment,) = promises(session, 1)
    booked(session)
    gift = payments(session)[0].gift
    assert gift is not None
    gift.reverse(session, Money(1000), on=BACK, kind="correction", by=ANNA, now=LATER)
    session.commit()
    came_back(session, commitment, "MD06")
    assert session.scalars(select(Task)).all() == []
