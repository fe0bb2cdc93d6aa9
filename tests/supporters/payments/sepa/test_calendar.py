from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.payments.sepa.calendar import add_business_days, before, is_business_day, next_business_day

DAYS = st.dates(date(2009, 1, 1), date(2099, 12, 1))


@pytest.mark.parametrize(
    "closed",
    [
        date(2026, 1, 1),
        date(2026, 4, 3),  # Good Friday
        date(2026, 4, 6),  # Easter Monday
        date(2026, 5, 1),
        date(2026, 12, 25),
        date(2024, 12, 26),
        date(2026, 11, 28),  # a Saturday
        date(2026, 11, 29),
    ],
)
def test_target_is_closed_on_its_holidays_and_in_the_weekend(closed: date) -> None:
    assert not is_business_day(closed)


@pytest.mark.parametrize("open_day", [date(2026, 4, 27), date(2026, 5, 5), date(2026, 5, 14), date(2026, 12, 24)])
def test_target_is_open_on_national_holidays(open_day: date) -> None:
    assert is_business_day(open_day)


def test_the_next_business_day_is_the_day_itself_when_it_is_one() -> None:
    assert next_business_day(date(2026, 12, 1)) == date(2026, 12, 1)
    assert next_business_day(date(2026, 12, 25)) == date(2026, 12, 28)
    assert next_business_day(date(2026, 4, 3)) == date(2026, 4, 7)
    assert next_business_day(date(2027, 12, 31)) == date(2027, 12, 31)
    assert next_business_day(date(2028, 1, 1)) == date(2028, 1, 3)


def test_counting_forward_and_back_skips_closed_days() -> None:
    assert add_business_days(date(2026, 12, 24), 1) == date(2026, 12, 28)
    assert add_business_days(date(2026, 12, 26), 0) == date(2026, 12, 28)
    assert before(date(2026, 12, 28), 1) == date(2026, 12, 24)
    assert before(date(2027, 1, 4), 3) == date(2026, 12, 29)


def test_counting_the_wrong_way_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError, match="before"):
        add_business_days(date(2026, 12, 1), -1)
    with pytest.raises(ValueError, match="at least one"):
        before(date(2026, 12, 1), 0)


@given(DAYS, st.integers(1, 30))
def test_back_undoes_forward_from_a_business_day(day: date, count: int) -> None:
    start = next_business_day(day)
    assert before(add_business_days(start, count), count) == start


@given(DAYS)
def test_target_is_never_closed_for_more_than_four_days(day: date) -> None:
    assert next_business_day(day) - day <= timedelta(days=4)
