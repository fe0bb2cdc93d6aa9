"""The same lines of the bank give the same books, in whatever order and however often they are looked at and booked."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.money import Money
from supporters.payments.bank import booking, matching
from supporters.payments.bank.answering import assign, set_aside
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.bank.undoing import undo
from supporters.payments.payment import Payment
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter
from tests import cast
from tests.cast import ANNA, BRAM, NOW
from tests.promises.operators import at_once
from tests.supporters.payments.bank.lines import DAY, from_ada, line, reference
from tests.supporters.payments.sepa.collecting import DUE, announced, exported, payments

LATER = DAY + timedelta(days=14)
#: Each example is a world of its own in a transaction that is rolled back: nothing of it is worth shrinking.
QUIETLY: dict[str, Any] = {
    "deadline": None, "phases": (Phase.explicit, Phase.generate),
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}  # fmt: skip
NEW_IBAN = "NL39RABO0300065264"


def world(session: Session) -> list[dict[str, Any]]:
    """A few people with promises, a collection at the bank, and everything that the bank has to tell of them."""
    cast.fund(session)
    cast.creditor(session, transactions_per_file=2)
    ada = cast.ada(session)
    sam, suzie = cast.sam_and_suzie(session)
    BankAccount.known(session, suzie, cast.SAMS_IBAN, by=ANNA, on=NOW.date())
    Commitment.start(
        session, ada, Money.eur("15.00"), every="month", start_on=date(2026, 11, 25), method="transfer", by=ANNA,
        now=NOW, fund=cast.fund(session),
    )  # fmt: skip
    announced(session, ada)
    announced(session, sam, Money.eur("7.50"), iban=cast.SAMS_IBAN)
    announced(session, suzie, Money.eur("5.00"), iban=cast.SAMS_IBAN)
    batch = exported(session)
    first, second, third = payments(session, batch)
    assert [each.payer for each in (first, second, third)] == [ada, sam, suzie]
    session.commit()
    here, hers = {"iban": cast.ADAS_IBAN, "name": "A. Lovelace"}, {"iban": cast.SAMS_IBAN, "name": "S. van den Berg"}
    return [
        {"amount": 1500, "on": date(2026, 11, 25), **here},
        {"amount": 1500, "on": date(2026, 12, 28), **here},
        {"amount": 1500, "on": date(2026, 12, 29), **here},
        {"amount": 2500, "on": DAY, **here},
        {"amount": 2500, "on": DAY, **here},
        {"amount": 2500, "on": DAY, **hers},
        {"amount": 4000, "on": DAY, "creditor_reference": ada.creditor_reference},
        {"amount": 4000, "on": DAY, "text": f"voor {sam.number}", "name": "Berg S van den"},
        {"amount": 300, "on": DAY, "name": "Nobody", "iban": NEW_IBAN},
        {"amount": first.amount + second.amount, "on": DUE, "batch_reference": reference(batch, 1)},
        {"amount": first.amount + second.amount, "on": DUE, "batch_reference": reference(batch, 1)},
        {"amount": third.amount, "on": DUE, "end_to_end_id": third.reference},
        {"amount": -first.amount, "on": LATER, "end_to_end_id": first.reference, "reason": "MD06"},
        {"amount": -first.amount, "on": LATER, "end_to_end_id": first.reference, "reason": "MD06"},
        {"amount": -350, "on": DAY, "code": "PMNT-MCOP-CHRG"},
    ]


def books(session: Session) -> list[tuple[Any, ...]]:
    """What anybody could see of it, but for the keys."""
    session.commit()
    session.expire_all()
    gifts = [
        (gift.supporter.name, gift.amount, gift.received_on, gift.instalment_id is not None, gift.net.amount)
        for gift in session.scalars(select(Gift))
    ]
    lines = [
        (
            each.booked_on, each.amount, each.state, each.kind, each.because, each.doubt,
            each.instalment_id is not None, each.supporter.name if each.supporter else None,
        )
        for each in session.scalars(select(BankLine))
    ]  # fmt: skip
    debits = [(each.payer.name, each.amount, each.state) for each in session.scalars(select(Payment))]
    return [*sorted(gifts, key=str), *sorted(lines, key=str), *sorted(debits)]


def once(session: Session) -> None:
    booking.book_matched(session, by=ANNA, now=NOW, today=LATER)


def look(session: Session) -> None:
    matching.match(session, now=NOW, today=LATER)


def nothing_is_broken(session: Session) -> bool:
    session.commit()
    found = [finding for _, finding in registry.findings(session, now=NOW)]
    return found == []


def told(session: Session, number: int, fields: dict[str, Any]) -> BankLine:
    """Its key says what it is, as an import's does, and not when it came."""
    return line(session, **{**fields, "key": f"{fields['on']}|{fields['amount']}|{number}"})


@pytest.fixture(scope="module")
def everything(engine: Engine) -> list[tuple[Any, ...]]:
    """The books after one look at all of it, and one booking."""
    with engine.connect() as connection:
        outer = connection.begin()
        session = Session(connection, join_transaction_mode="create_savepoint")
        for number, fields in enumerate(world(session)):
            told(session, number, fields)
        look(session)
        once(session)
        assert nothing_is_broken(session)
        found = books(session)
        session.close()
        outer.rollback()
    return found


@settings(max_examples=4, **QUIETLY)
@given(seed=st.integers(0, 10_000), every=st.integers(1, 6))
def test_any_order_of_lines_and_looks_gives_the_same_matches(
    engine: Engine, everything: list[tuple[Any, ...]], seed: int, every: int
) -> None:
    with engine.connect() as connection:
        outer = connection.begin()
        session = Session(connection, join_transaction_mode="create_savepoint")
        lines = list(enumerate(world(session)))
        Random(seed).shuffle(lines)
        for place, (number, fields) in enumerate(lines):
            told(session, number, fields)
            if place % every == 0:
                look(session)
        look(session)
        look(session)
        once(session)
        once(session)
        found = books(session)
        session.close()
        outer.rollback()
    assert found == everything


@settings(max_examples=2, **QUIETLY)
@given(seed=st.integers(0, 10_000))
def test_booking_in_between_books_the_same_money_and_nothing_twice(engine: Engine, seed: int) -> None:
    """Where a day's news is booked before older news comes, the same gifts and debits stand in the books."""
    found = []
    for booked_between in (False, True):
        with engine.connect() as connection:
            outer = connection.begin()
            session = Session(connection, join_transaction_mode="create_savepoint")
            lines = list(enumerate(world(session)))
            Random(seed).shuffle(lines)
            for number, fields in lines:
                told(session, number, fields)
                if booked_between:
                    look(session)
                    once(session)
            look(session)
            once(session)
            assert nothing_is_broken(session)
            rows = session.execute(select(Gift.amount, Gift.received_on, Gift.kind).order_by(Gift.amount)).all()
            found.append(sorted((amount, kind) for amount, _, kind in rows))
            session.close()
            outer.rollback()
    assert found[0] == found[1]


# -- two at once ------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(fresh_pg_engine: Engine) -> Engine:
    with Session(fresh_pg_engine) as session:
        for number, fields in enumerate(world(session)):
            told(session, number, fields)
        session.commit()
    return fresh_pg_engine


def test_two_people_who_match_and_book_at_once_make_the_same_books(
    shared: Engine, everything: list[tuple[Any, ...]]
) -> None:
    def act(session: Session) -> None:
        look(session)
        once(session)

    assert at_once(shared, act, act, act).done == 3
    with Session(shared) as session:
        assert books(session) == everything
        assert nothing_is_broken(session)


def test_an_answer_and_the_button_at_once_book_a_line_once(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        cast.fund(session)
        ada_id = cast.ada(session).id
        session.commit()
    for _ in range(8):
        with Session(fresh_pg_engine) as session:
            line_id = from_ada(session).id
            look(session)
            session.commit()

        def by_hand(session: Session, line_id: int = line_id) -> None:
            assign(session, session.get_one(BankLine, line_id), session.get_one(Supporter, ada_id), by=BRAM, now=NOW)

        def no_gift(session: Session, line_id: int = line_id) -> None:
            set_aside(session, session.get_one(BankLine, line_id), "mistake", by=BRAM, now=NOW)

        at_once(fresh_pg_engine, by_hand, once, no_gift)
        with Session(fresh_pg_engine) as session:
            made = session.scalars(select(BankAllocation).where(BankAllocation.line_id == line_id)).all()
            assert len(made) == 1
            assert nothing_is_broken(session)


def test_two_who_take_back_the_same_answer_correct_it_once(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        cast.fund(session)
        ada = cast.ada(session)
        line_id = from_ada(session).id
        assign(session, session.get_one(BankLine, line_id), ada, by=ANNA, now=NOW)
        session.commit()

    def back(session: Session) -> None:
        undo(session, session.get_one(BankLine, line_id), by=BRAM, now=NOW)

    assert at_once(fresh_pg_engine, back, back).done == 1
    with Session(fresh_pg_engine) as session:
        assert len(session.scalars(select(Gift)).one().reversals) == 1
        assert nothing_is_broken(session)
