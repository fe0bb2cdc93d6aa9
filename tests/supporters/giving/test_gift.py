"""Posted money is never edited: it is reversed or reallocated, and always adds up."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.errors import BadInput, Refused
from supporters.giving.fund import Fund
from supporters.giving.gift import Designation, Gift, Reversal
from supporters.money import CurrencyMismatch, Money
from tests import cast
from tests.cast import ANNA, BRAM, NOW, TODAY
from tests.promises.ledger import broken_promises, refused_and_nothing_changed


@pytest.fixture
def gift(session: Session) -> Gift:
    """Twenty-five euros of Ada's."""
    gift = cast.gift(session, cast.ada(session))
    session.commit()
    return gift


def in_funds(gift: Gift) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in gift.designations:
        found[part.fund.code] = found.get(part.fund.code, 0) + part.amount
    return found


def test_the_same_money_is_booked_once(session: Session) -> None:
    ada = cast.ada(session)
    one, two = (cast.gift(session, ada, booking_key="form:1") for _ in range(2))
    assert one is two
    assert len(session.scalars(select(Gift)).all()) == 1


def test_a_gift_divides_over_funds(session: Session) -> None:
    water = cast.fund(session, "water", "Water")
    parts = {cast.fund(session): Money.eur("10"), water: Money.eur("15")}
    gift = cast.gift(session, cast.ada(session), fund=parts)
    session.commit()
    assert in_funds(gift) == {"general": 1000, "water": 1500}


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [((1000, 1000), "add up to EUR 25.00"), ((3000, -500), "more than nothing"), ((2500, 0), "more than nothing")],
)
def test_parts_that_do_not_add_up_are_refused(session: Session, parts: tuple[int, int], sentence: str) -> None:
    funds = (cast.fund(session), cast.fund(session, "water", "Water"))
    ada = cast.ada(session)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, sentence, "fund"):
        cast.gift(session, ada, fund={fund: Money(part) for fund, part in zip(funds, parts, strict=True)})


@pytest.mark.parametrize(
    ("money", "kind", "field"),
    [(Money(0), "gift", "amount"), (Money(-5), "gift", "amount"), (Money(5), "present", "kind")],
)
def test_a_gift_that_makes_no_sense_is_refused(session: Session, money: Money, kind: str, field: str) -> None:
    ada, fund = cast.ada(session), cast.fund(session)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "", field):
        Gift.book(session, ada, money, received_on=TODAY, fund=fund, booking_key="x", kind=kind, by=ANNA, now=NOW)


def test_part_of_a_gift_moves_to_another_fund_as_two_rows(session: Session, gift: Gift) -> None:
    general, water = cast.fund(session), cast.fund(session, "water", "Water")
    gift.reallocate(session, Money.eur("10"), source=general, target=water, by=BRAM, now=NOW)
    session.commit()
    assert [d.amount for d in gift.designations] == [2500, -1000, 1000]
    assert in_funds(gift) == {"general": 1500, "water": 1000}
    gift.reallocate(session, Money.eur("10"), source=water, target=general, by=BRAM, now=NOW)
    session.commit()
    assert in_funds(gift) == {"general": 2500, "water": 0}
    for money, source in ((Money(1), water), (Money(2501), general), (Money(0), general), (Money(-5), general)):
        with refused_and_nothing_changed(session, Refused, "of this gift is for"):
            gift.reallocate(session, money, source=source, target=water, by=BRAM, now=NOW)
    assert broken_promises(session) == []


def test_money_goes_back_in_parts_and_never_more_than_came(session: Session, gift: Gift) -> None:
    gift.reverse(session, Money.eur("10"), on=TODAY, kind="refund", by=ANNA, now=NOW)
    session.commit()
    assert (gift.reversed, gift.net) == (Money.eur("10"), Money.eur("15"))
    for money in (Money.eur("15.01"), Money(0), Money(-1)):
        with refused_and_nothing_changed(session, Refused, "At most EUR 15.00 of this gift can go back", "amount"):
            gift.reverse(session, money, on=TODAY, kind="refund", by=ANNA, now=NOW)
    with refused_and_nothing_changed(session, CurrencyMismatch, "cannot be added or compared"):
        gift.reverse(session, Money(1, "USD"), on=TODAY, kind="refund", by=ANNA, now=NOW)
    with refused_and_nothing_changed(session, BadInput, "there are: refund, return, chargeback", "kind"):
        gift.reverse(session, on=TODAY, kind="regret", by=ANNA, now=NOW)
    gift.reverse(session, on=TODAY, kind="chargeback", by=ANNA, now=NOW)
    assert gift.net == Money(0)


def test_the_same_news_of_money_going_back_counts_once(session: Session, gift: Gift) -> None:
    one, two = (
        gift.reverse(session, on=TODAY, kind="return", by=ANNA, now=NOW, booking_key="bank:1") for _ in range(2)
    )
    assert one is two
    assert len(session.scalars(select(Reversal)).all()) == 1


def test_the_database_too_refuses_more_back_than_came(session: Session, gift: Gift) -> None:
    gift.reverse(session, Money.eur("20"), on=TODAY, kind="refund", by=ANNA, now=NOW)
    fields: dict[str, Any] = {"booking_key": "x", "booked_at": NOW, "booked_by": "x"}
    session.add(Reversal(gift_id=gift.id, amount=501, reversed_on=TODAY, kind="refund", **fields))
    with pytest.raises(IntegrityError, match="more would go back"):
        session.flush()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE supporters_gift SET amount = 1", "DELETE FROM supporters_gift",
        "UPDATE supporters_gift SET received_on = '2020-01-01'",
        "UPDATE supporters_designation SET amount = 1", "DELETE FROM supporters_designation",
        "UPDATE supporters_reversal SET amount = 1", "DELETE FROM supporters_reversal",
    ],
)  # fmt: skip
def test_the_database_lets_nobody_edit_or_delete_what_was_posted(session: Session, gift: Gift, statement: str) -> None:
    gift.reverse(session, Money(5), on=TODAY, kind="refund", by=ANNA, now=NOW)
    with pytest.raises(IntegrityError, match="never"):
        session.execute(text(statement))


def test_postgresql_holds_a_gift_and_its_designations_together(pg_session: Session) -> None:
    gift = cast.gift(pg_session, cast.ada(pg_session))
    water = Fund.open(pg_session, "water", "Water")
    pg_session.commit()
    pg_session.add(Designation(gift_id=gift.id, fund=water, amount=1, made_at=NOW, made_by="x"))
    with pytest.raises(IntegrityError, match="do not add up"):
        pg_session.commit()


def test_a_soft_credit_is_beside_the_money(session: Session, gift: Gift) -> None:
    sam, _ = cast.sam_and_suzie(session)
    credit = gift.soft_credit(session, sam, "partner", by=ANNA, now=NOW)
    session.commit()
    assert (credit.amount, gift.net) == (2500, Money(2500))
    with refused_and_nothing_changed(session, Refused, "credited for this gift already"):
        gift.soft_credit(session, sam, "brought in by", Money(5), by=ANNA, now=NOW)
    for money in (Money(2501), Money(0)):
        with refused_and_nothing_changed(session, BadInput, "at most the gift itself", "amount"):
            gift.soft_credit(session, gift.supporter, "partner", money, by=ANNA, now=NOW)


def test_the_first_thanks_stand(session: Session, gift: Gift) -> None:
    gift.thank(session, by=ANNA, now=NOW)
    gift.thank(session, by=BRAM, now=NOW.replace(year=2027))
    session.commit()
    assert (gift.thanked_at, gift.thanked_by) == (NOW, ANNA.key)


def test_a_gift_counts_on_the_day_it_was_received(session: Session) -> None:
    gift = cast.gift(session, cast.ada(session), on=date(2026, 12, 31))
    session.commit()
    session.refresh(gift)
    assert gift.received_on == date(2026, 12, 31)
