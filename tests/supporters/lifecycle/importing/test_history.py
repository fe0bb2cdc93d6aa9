from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from supporters.giving.months import add_months
from supporters.lifecycle.importing.history import NEAR_DAYS, nearest_due


@given(
    start_on=st.dates(date(2005, 1, 1), date(2026, 12, 1)),
    months=st.sampled_from([1, 2, 3, 6, 12]),
    number=st.integers(0, 240),
    late=st.integers(-13, 13),
)
def test_a_collection_belongs_to_the_due_date_it_was_made_for(
    start_on: date, months: int, number: int, late: int
) -> None:
    collected_on = add_months(start_on, number * months) + timedelta(days=late)
    assert nearest_due(start_on, months, collected_on) == number


@given(
    start_on=st.dates(date(2005, 1, 1), date(2026, 12, 1)),
    months=st.sampled_from([1, 2, 3, 6, 12]),
    collected_on=st.dates(date(2005, 1, 1), date(2026, 12, 1)),
)
def test_the_next_due_date_is_always_well_after_the_last_collection(
    start_on: date, months: int, collected_on: date
) -> None:
    steps = nearest_due(start_on, months, collected_on)
    due_on = add_months(start_on, steps * months)
    if abs((due_on - collected_on).days) <= NEAR_DAYS:  # else the row is refused
        assert add_months(start_on, (steps + 1) * months) > collected_on + timedelta(days=12)
