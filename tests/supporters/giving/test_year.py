"""A closed year takes no postings: by the verb, by the database, and when it closes under somebody's hands."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.errors import NotAllowed, Refused
from supporters.giving.gift import Designation, Gift, Reversal
from supporters.giving.year import FinancialYear, YearClosed
from supporters.money import Money
from tests import cast
from tests.cast import ANNA, BRAM, CARL
from tests.promises.ledger import broken_promises, refused_and_nothing_changed

NEXT_YEAR = datetime(2027, 1, 15, 9, tzinfo=UTC)
OLD, NEW = date(2026, 12, 31), date(2027, 1, 1)


def test_nothing_is_posted_into_a_closed_year_and_corrections_go_into_the_open_one(session: Session) -> None:
    ada = cast.ada(session)
    gift = cast.gift(session, ada, on=OLD)
    FinancialYear.close(session, 2026, by=ANNA, now=NEXT_YEAR)
    session.commit()
    with refused_and_nothing_changed(session, YearClosed, "financial year 2026 is closed", "received_on"):
        cast.gift(session, ada, on=OLD, now=NEXT_YEAR)
    with refused_and_nothing_changed(session, YearClosed, "dated in an open year", "reversed_on"):
        gift.reverse(session, on=OLD, kind="refund", by=ANNA, now=NEXT_YEAR)
    cast.gift(session, ada, on=NEW, now=NEXT_YEAR)
    gift.reverse(session, on=NEW, kind="refund", by=ANNA, now=NEXT_YEAR)
    session.commit()
    assert broken_promises(session) == []


def test_a_year_closes_once_after_it_ended_by_somebody_signed_in(session: Session) -> None:
    with refused_and_nothing_changed(session, Refused, "2027 has not ended yet"):
        FinancialYear.close(session, 2027, by=ANNA, now=NEXT_YEAR)
    with refused_and_nothing_changed(session, NotAllowed, "signed-in person", "actor"):
        FinancialYear.close(session, 2026, by=CARL, now=NEXT_YEAR)
    FinancialYear.close(session, 2026, by=ANNA, now=NEXT_YEAR)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "2026 is closed already"):
        FinancialYear.close(session, 2026, by=BRAM, now=NEXT_YEAR)


def test_the_database_refuses_what_goes_around_the_verbs(session: Session) -> None:
    gift = cast.gift(session, cast.ada(session), on=OLD)
    FinancialYear.close(session, 2026, by=ANNA, now=NEXT_YEAR)
    session.commit()
    fields: dict[str, Any] = {"booking_key": "x", "booked_at": NEXT_YEAR, "booked_by": "x"}
    for row in (
        Gift(supporter_id=gift.supporter_id, amount=5, received_on=OLD, kind="gift", **fields),
        Reversal(gift_id=gift.id, amount=5, reversed_on=OLD, kind="refund", **fields),
    ):
        with pytest.raises(IntegrityError, match="is closed"), session.begin_nested():
            session.add(row)


def test_who_posts_while_the_year_closes_is_told_so(fresh_pg_engine: Engine) -> None:
    """Either the gift came first and the year waits for it, or the year is closed and the gift is refused."""
    with Session(fresh_pg_engine) as session:
        ada, fund = cast.ada(session), cast.fund(session)
        session.commit()
        ada_id, fund_id = ada.id, fund.id
    outcomes = []
    for year in range(1990, 2015):
        barrier, said = threading.Barrier(3), []

        def book(year: int = year, barrier: Any = barrier, said: Any = said) -> None:
            with Session(fresh_pg_engine) as session:
                donor = session.get_one(type(ada), ada_id)
                general = session.get_one(type(fund), fund_id)
                barrier.wait()
                try:
                    cast.gift(session, donor, Money(500), on=date(year, 6, 1), fund=general)
                    session.commit()
                    said.append("booked")
                except YearClosed as error:
                    said.append(error.message)

        def close(year: int = year, barrier: Any = barrier, said: Any = said, by: Any = ANNA) -> None:
            with Session(fresh_pg_engine) as session:
                session.execute(select(1))
                barrier.wait()
                try:
                    FinancialYear.close(session, year, by=by, now=NEXT_YEAR)
                    session.commit()
                    said.append("closed")
                except Refused as error:
                    said.append(error.message)

        threads = [threading.Thread(target=each) for each in (book, close, close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(said)[:1] == [f"{year} is closed already."], said
        assert said.count("closed") == 1
        with Session(fresh_pg_engine) as session:
            found = session.scalars(select(Gift).where(Gift.received_on == date(year, 6, 1))).all()
            assert len(found) == said.count("booked")
        outcomes.append(said.count("booked"))
    with Session(fresh_pg_engine) as session:
        assert broken_promises(session) == []
        assert len(session.scalars(select(Designation)).all()) == sum(outcomes)
