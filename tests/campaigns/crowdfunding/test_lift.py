"""The lift of a spot: which gifts are compared with which, and an interval that holds what it promises."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp, lgamma, log
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from campaigns import Credit, Edition, Placement
from campaigns.crowdfunding.lift import WINDOW, Lift, interval
from supporters import Money
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from tests import cast
from tests.campaigns.crowdfunding import world

ZONE = ZoneInfo("Europe/Amsterdam")
#: A Tuesday, seven weeks into an edition that runs from September to the end of the year.
AIRED = datetime(2026, 11, 10, 18, 30, tzinfo=ZONE)
NOW = datetime(2026, 12, 30, 12, tzinfo=ZONE)


@pytest.fixture
def edition(session: Session) -> Edition:
    return world.edition(session, starts_on=AIRED.date().replace(month=9, day=1))


def spot(
    session: Session, edition: Edition, code: str = "radio", at: datetime = AIRED, kind: str = "radio"
) -> Placement:
    placement = Placement.place(
        session, edition, code, f"Spot {code}", kind=kind, aired_at=at, by=cast.ANNA, now=cast.NOW
    )
    session.flush()
    return placement


def online(session: Session, edition: Edition, at: datetime, placement: Placement | None = None) -> None:
    """A gift through the form that was sent at that moment, credited to the edition."""
    giver = world.donor(session, int(at.timestamp()) + (placement.id if placement else 0))
    session.flush()
    checkout = Checkout.open(
        session, "gift", Money.eur("10"), account="memory", fund=edition.fund, supporter=giver, edition=edition.slug,
        submission_key=f"{at} {placement and placement.code}", now=at,
    )  # fmt: skip
    gift = world.gift(session, giver, "10.00", source_code=None, on=at.date())
    payment = Payment(
        gateway="memory", supporter_id=giver.id, amount=1000, currency="EUR", state="booked", attempt=1,
        reference=f"P{checkout.id}", created_at=at, gift_id=gift.id,
        collect_on=at.date(),
    )  # fmt: skip
    session.add(payment)
    session.flush()
    session.add(
        OnlinePayment(
            payment_id=payment.id, checkout_id=checkout.id, account="memory", is_live=False, purpose="one_off",
            step="paid",
        )
    )  # fmt: skip
    Credit.give(session, gift, edition, placement=placement, by=cast.ANNA, now=cast.NOW)


def lift(session: Session, placement: Placement, now: datetime = NOW) -> Lift | None:
    return Lift.of(session, placement, zone=ZONE, now=now)


def test_gifts_of_its_two_hours_are_compared_with_the_same_hours_of_other_weeks(
    session: Session, edition: Edition
) -> None:
    radio, flyer = spot(session, edition), spot(session, edition, "flyer", kind="flyer")
    for minutes in (0, 5, 30, 60, 119):
        online(session, edition, AIRED + timedelta(minutes=minutes))
    for outside in (timedelta(minutes=-1), WINDOW, timedelta(days=1), timedelta(weeks=5)):
        online(session, edition, AIRED + outside)
    for known in (radio, flyer):  # these are told elsewhere, to the cent
        online(session, edition, AIRED + timedelta(minutes=7), known)
    online(session, edition, AIRED - timedelta(weeks=1))
    # Four weeks earlier the clocks stood at summer time: the same time of the clock is another distance.
    online(session, edition, datetime(2026, 10, 13, 20, 29, tzinfo=ZONE))
    online(session, edition, datetime(2026, 10, 13, 20, 31, tzinfo=ZONE))
    found = lift(session, radio)
    assert found is not None
    assert (found.seen, found.before, found.windows, found.usual, found.together) == (5, 2, 8, 0.25, ())
    assert found.low < found.more == 4.75 < found.high and found.is_clear
    told = found.to_json()
    assert (told["gifts"], told["usual"], told["more"], told["is_clear"]) == (5, 0.25, 4.75, True)


def test_weeks_with_another_spot_are_left_out_and_one_in_the_same_hours_is_named(
    session: Session, edition: Edition
) -> None:
    radio = spot(session, edition)
    spot(session, edition, "tv", AIRED + timedelta(minutes=50), "tv")
    spot(session, edition, "later", AIRED + timedelta(weeks=1, minutes=110))
    spot(session, edition, "far", AIRED + timedelta(weeks=2, hours=2))
    for weeks in (0, 1, 2):
        online(session, edition, AIRED + timedelta(weeks=weeks, minutes=1))
    found = lift(session, radio)
    assert found is not None
    assert (found.seen, found.before, found.windows, found.together) == (1, 1, 7, ("Spot tv",))


def test_it_is_not_told_too_early_or_with_nothing_to_compare_or_of_what_is_no_spot(
    session: Session, edition: Edition
) -> None:
    radio = spot(session, edition)
    over = AIRED + WINDOW
    assert lift(session, radio, over - timedelta(seconds=1)) is None
    assert lift(session, radio, over) is not None
    first = spot(session, edition, "first", datetime(2026, 9, 1, 9, tzinfo=ZONE))
    assert lift(session, first, datetime(2026, 9, 8, 11, tzinfo=ZONE)) is None  # one week is no usual
    assert lift(session, first, datetime(2026, 9, 15, 11, tzinfo=ZONE)) is not None
    assert lift(session, spot(session, edition, "ad", kind="newspaper")) is None


def poisson(rate: float, count: int) -> float:
    return exp(count * log(rate) - rate - lgamma(count + 1))


@pytest.mark.parametrize("windows", [2, 4, 8])
@pytest.mark.parametrize("usual", [1.0, 4.0, 12.0])
@pytest.mark.parametrize("more", [0.0, 3.0, 15.0])
def test_the_interval_holds_the_truth_as_often_as_it_says(windows: int, usual: float, more: float) -> None:
    """Every outcome with its chance, added up: no draw of lots."""
    held = 0.0
    for seen in range(80):
        for before in range(200):
            chance = poisson(usual + more, seen) * poisson(usual * windows, before)
            if chance > 1e-12:
                low, high = interval(seen, before, windows)
                held += chance * (low <= more <= high)
    assert 0.93 <= held <= 0.99


@given(seen=st.integers(0, 10_000), before=st.integers(0, 10_000), windows=st.integers(2, 8))
def test_more_gifts_never_say_less(seen: int, before: int, windows: int) -> None:
    low, high = interval(seen, before, windows)
    assert low < seen - before / windows < high
    assert interval(seen + 1, before, windows)[0] > low
    assert interval(seen, before + 1, windows)[1] < high


def test_nothing_against_nothing_is_not_clear() -> None:
    low, high = interval(0, 0, 8)
    assert low < 0 < high
    wrong: Any = Lift(AIRED, AIRED + WINDOW, 0, 0, 8, low, high, ())
    assert not wrong.is_clear and wrong.more == 0
