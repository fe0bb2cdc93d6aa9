"""A sponsor's match gives in the order in which gifts came, and never more than was promised."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns import Counter, CounterEntry, Edition, FundraisingPage, Match, MatchedGift
from campaigns.credit import Credit
from supporters import BadInput, Gift, Money, NotAllowed, Refused
from supporters.giving.gift import Reversal
from supporters.registry import findings
from tests import cast
from tests.campaigns.crowdfunding import world


def given(session: Session) -> list[tuple[int, int]]:
    """What each gift got of what it asked for."""
    rows = session.scalars(select(MatchedGift).order_by(MatchedGift.gift_id).execution_options(populate_existing=True))
    return [(row.given, row.wanted) for row in rows]


def nothing_is_broken(session: Session) -> None:
    assert [found for name, found in findings(session, now=cast.NOW) if name == "crowdfunding"] == []


def test_gifts_are_doubled_until_the_match_is_spent_and_a_freed_part_goes_to_who_waits_longest(
    session: Session,
) -> None:
    edition = world.edition(session)
    match = world.match(session, edition, "50.00")
    first, second, third = (world.gift(session, world.donor(session, n), "25.00") for n in range(3))
    late = world.gift(session, world.donor(session, 4), "10.00")
    assert given(session) == [(25_00, 25_00), (25_00, 25_00), (0, 25_00), (0, 10_00)]
    counter = Counter.read(session, edition)
    assert (counter.received.amount, counter.promised.amount, counter.supporters) == (85_00, 50_00, 4)
    world.back(session, first, "15.00")
    assert given(session) == [(10_00, 10_00), (25_00, 25_00), (15_00, 25_00), (0, 10_00)]
    world.back(session, second)
    assert given(session) == [(10_00, 10_00), (0, 0), (25_00, 25_00), (10_00, 10_00)]
    session.refresh(match)
    assert (match.given, match.room) == (45_00, 5_00)
    assert Counter.read(session, edition).promised.amount == 45_00
    assert late.reversals == [] and third.reversals == []
    nothing_is_broken(session)


def test_a_freed_match_may_lapse(session: Session) -> None:
    match = world.match(session, world.edition(session), "20.00", freed="lapses")
    first = world.gift(session, world.donor(session, 1), "20.00")
    world.gift(session, world.donor(session, 2), "20.00")
    world.back(session, first)
    session.refresh(match)
    assert (given(session), match.lapsed, match.room) == ([(0, 0), (0, 20_00)], 20_00, 0)
    nothing_is_broken(session)


def test_caps_of_a_gift_and_of_a_giver_hold_and_the_share_is_whole_cents(session: Session) -> None:
    world.match(
        session, world.edition(session), "100.00", percent=50, per_gift=Money.eur("10.00"), per_donor=Money.eur("12.00")
    )
    ada = world.donor(session, 1)
    for euros in ("40.00", "9.99", "30.00"):
        world.gift(session, ada, euros)
    world.gift(session, world.donor(session, 2), "0.01")
    assert given(session) == [(10_00, 10_00), (2_00, 4_99), (0, 10_00), (0, 0)]
    nothing_is_broken(session)


def test_the_sponsors_money_is_income_once_and_covers_what_was_promised(session: Session) -> None:
    edition = world.edition(session)
    match = world.match(session, edition, "50.00")
    gifts = [world.gift(session, world.donor(session, n), "20.00") for n in range(2)]
    paid = cast.gift(session, match.sponsor, Money.eur("30.00"))
    match.receive(session, paid, by=cast.ANNA, now=cast.NOW)
    counter = Counter.read(session, edition)
    assert (counter.received.amount, counter.promised.amount, counter.of_kind("match").amount) == (70_00, 10_00, 30_00)
    with pytest.raises(Refused):
        match.receive(session, paid, by=cast.ANNA, now=cast.NOW)
    world.back(session, gifts[0])  # its match was paid: the next ones have it
    world.gift(session, world.donor(session, 5), "5.00")
    counter = Counter.read(session, edition)
    assert (counter.received.amount, counter.promised.amount) == (20_00 + 5_00 + 25_00, 0)
    world.back(session, paid, "10.00")
    counter = Counter.read(session, edition)
    assert (counter.of_kind("match").amount, counter.promised.amount) == (20_00, 5_00)
    nothing_is_broken(session)


def test_a_gift_that_moves_takes_its_match_along_and_one_that_was_won_back_asks_again(session: Session) -> None:
    edition = world.edition(session)
    world.match(session, edition, "50.00")
    page = world.page(session, edition, world.donor(session, 1))
    gift = world.gift(session, world.donor(session, 2), "20.00")
    credit = session.scalars(select(Credit)).one()
    credit.move(session, page, by=cast.ANNA, now=cast.NOW)
    counter = Counter.read(session, edition, of=page)
    assert (counter.received.amount, counter.promised.amount) == (20_00, 20_00)
    world.back(session, gift)
    counter = Counter.read(session, edition, of=page)
    assert (counter.received.amount, counter.promised.amount) == (0, 0)
    [gone] = gift.reversals
    gift.reinstate(session, gone, on=cast.TODAY, by=cast.ANNA, now=cast.NOW, booking_key="won")
    counter = Counter.read(session, edition, of=page)
    assert (counter.received.amount, counter.promised.amount) == (20_00, 20_00)
    nothing_is_broken(session)


def test_a_match_that_is_announced_later_takes_the_gifts_of_its_days_in_order(session: Session) -> None:
    edition = world.edition(session)
    for number, day in enumerate((20, 10, 15)):
        world.gift(session, world.donor(session, number), "10.00", on=date(2026, 11, day))
    world.match(session, edition, "15.00")
    assert given(session) == [(0, 10_00), (10_00, 10_00), (5_00, 10_00)]
    match = session.scalars(select(Match)).one()
    with pytest.raises(BadInput, match="cannot be more"):
        match.change(session, most=Money.eur("15.01"), by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused, match="given already"):
        match.change(session, most=Money.eur("14.99"), by=cast.ANNA, now=cast.NOW)


def test_a_condition_that_fails_takes_the_match_off_the_counter(session: Session) -> None:
    edition = world.edition(session)
    match = world.match(session, edition, "50.00", condition=Money.eur("500.00"))
    world.gift(session, world.donor(session, 1), "20.00")
    match.lapse(session, by=cast.ANNA, now=cast.NOW)
    assert Counter.read(session, edition).promised.amount == 0
    world.gift(session, world.donor(session, 2), "20.00")
    assert given(session) == [(0, 0)]
    nothing_is_broken(session)


def test_what_is_wrong_with_a_match_is_named(session: Session) -> None:
    edition = world.edition(session)
    sponsor = world.donor(session, 1)
    fine = {"title": "Doubled", "promised": Money.eur("10.00"), "from_on": world.FIRST}
    for fields, field in (
        ({"title": ""}, "title"),
        ({"promised": Money.eur("0.00")}, "promised"),
        ({"most": Money.eur("10.01")}, "most"),
        ({"per_gift": Money.of("1.00", "USD")}, "per_gift"),
        ({"percent": 0}, "percent"),
        ({"until_on": world.FIRST}, "until_on"),
        ({"freed": "never"}, "freed"),
    ):
        asked = fine | fields
        with pytest.raises(BadInput) as caught:
            Match.promise(
                session,
                edition,
                sponsor,
                asked.pop("title"),
                asked.pop("promised"),
                by=cast.ANNA,
                now=cast.NOW,
                **asked,
            )
        assert caught.value.field == field
    match = Match.promise(
        session, edition, sponsor, "Doubled", Money.eur("10.00"), from_on=world.FIRST, by=cast.ANNA, now=cast.NOW
    )
    session.flush()
    with pytest.raises(NotAllowed):
        match.approve(session, by=cast.ANNA, now=cast.NOW)
    world.gift(session, world.donor(session, 2), "5.00")
    assert given(session) == []


def test_the_database_itself_refuses_more_than_was_promised(session: Session) -> None:
    match = world.match(session, world.edition(session), "50.00")
    with pytest.raises(IntegrityError, match="never_more_than_promised"):
        session.execute(text("UPDATE campaigns_match SET given = 5001 WHERE id = :id"), {"id": match.id})


WORKERS, GIFTS = 16, 96


def test_sixteen_at_once_never_pass_the_cap_and_every_snapshot_agrees(fresh_pg_engine: Engine) -> None:
    """Gifts, returns, moves, page changes and edits of the match at once; who looks sees sums that agree."""
    with Session(fresh_pg_engine) as session:
        edition = world.edition(session)
        world.match(session, edition, "400.00", per_donor=Money.eur("60.00"))
        donors = [world.donor(session, number).id for number in range(12)]
        pages = [world.page(session, edition, world.donor(session, 50 + n), f"page-{n}").id for n in range(3)]
        cast.fund(session)
        session.commit()
        edition_id = edition.id
    over = threading.Event()
    seen: list[str] = []

    def look() -> None:
        while not over.is_set():
            apart = fresh_pg_engine.execution_options(isolation_level="REPEATABLE READ")
            with Session(apart) as session:
                seen.extend(_disagreements(session, edition_id))

    def work(number: int) -> None:
        dice = random.Random(number)
        for _ in range(GIFTS // WORKERS):
            with Session(fresh_pg_engine) as session:
                supporter = session.get_one(world.Supporter, dice.choice(donors))
                gift = world.gift(session, supporter, f"{dice.randint(1, 40)}.{dice.randint(10, 99)}")
                session.commit()
                gift_id = gift.id
            with Session(fresh_pg_engine) as session:
                chance = dice.random()
                if chance < 0.35:
                    world.back(session, session.get_one(Gift, gift_id), None if chance < 0.2 else "0.50")
                elif chance < 0.6:
                    credit = session.scalars(select(Credit).where(Credit.gift_id == gift_id)).one()
                    page = session.get_one(FundraisingPage, dice.choice(pages))
                    credit.move(session, page, by=cast.ANNA, now=cast.NOW)
                elif chance < 0.7:
                    match = session.scalars(select(Match)).one()
                    try:
                        most = Money(dice.randint(100_00, 400_00), "EUR")
                        match.change(session, most=most, by=cast.ANNA, now=cast.NOW)
                    except Refused:
                        session.rollback()
                session.commit()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, range(WORKERS)))
    finally:
        over.set()
        watcher.join()
    with Session(fresh_pg_engine) as session:
        assert _disagreements(session, edition_id) == seen == []
        nothing_is_broken(session)
        match = session.scalars(select(Match)).one()
        if match.room > 0:  # then whoever still waits has all that a giver may have
            per_donor = dict(
                tuple(row)
                for row in session.execute(
                    select(MatchedGift.supporter_id, func.sum(MatchedGift.given)).group_by(MatchedGift.supporter_id)
                )
            )
            waiting = session.scalars(select(MatchedGift).where(MatchedGift.given < MatchedGift.wanted))
            assert {per_donor[each.supporter_id] for each in waiting} <= {60_00}


def _disagreements(session: Session, edition_id: int) -> list[str]:
    match = session.scalars(select(Match)).one()
    edition = session.get_one(Edition, edition_id)
    counter = Counter.read(session, edition)
    pages = session.scalars(select(FundraisingPage).where(FundraisingPage.edition_id == edition_id)).all()
    children = sum(Counter.read(session, edition, of=page).received.amount for page in pages)
    own = session.scalar(
        select(func.coalesce(func.sum(CounterEntry.amount), 0)).where(
            CounterEntry.page_id.is_(None), CounterEntry.stage == "received"
        )
    )
    ledger = (session.scalar(select(func.sum(Gift.amount))) or 0) - (
        session.scalar(select(func.sum(Reversal.amount))) or 0
    )
    given = session.scalar(select(func.sum(MatchedGift.given))) or 0
    givers = select(func.sum(MatchedGift.given)).group_by(MatchedGift.supporter_id)
    wrong = {
        f"the cap was passed: {match.given} of {match.most}": match.given > match.most,
        f"a giver has more than they may: {match.id}": any(each > 60_00 for each in session.scalars(givers)),
        f"promised {counter.promised.amount}, given {given}": not counter.promised.amount == given == match.given,
        f"received {counter.received.amount}, ledger {ledger}": counter.received.amount != ledger,
        f"parts {children} + {own}, whole {counter.received.amount}": children + int(own or 0)
        != counter.received.amount,
    }
    return [what for what, is_wrong in wrong.items() if is_wrong]
