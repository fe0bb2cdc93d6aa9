"""The grid is computed from its anchor, in Python and in SQL alike."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, bindparam, literal, select
from sqlalchemy.orm import Session

from supporters.giving.months import INTERVAL_NAMES, INTERVALS, add_months, month_grid

ANCHORS = st.dates(date(1990, 1, 1), date(2080, 12, 31))


def in_sql(session: Session, cases: list[tuple[date, int, int]]) -> list[date]:
    parts = [
        select(literal(number), month_grid(literal(anchor, Date()), literal(months), literal(day)))
        for number, (anchor, months, day) in enumerate(cases)
    ]
    return [found for _, found in sorted(session.execute(parts[0].union_all(*parts[1:])))]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(st.tuples(ANCHORS, st.integers(-24, 480), st.integers(1, 31)), min_size=1, max_size=40))
def test_python_and_sql_agree_on_every_day(session: Session, cases: list[tuple[date, int, int]]) -> None:
    assert in_sql(session, cases) == [add_months(*case) for case in cases]


def test_python_and_sql_agree_on_every_last_day_through_leap_years(session: Session) -> None:
    day, cases = date(2023, 12, 28), []
    while day < date(2025, 1, 3):
        cases += [(day, months, day.day) for months in (0, 1, 2, 12, 14)]
        day += timedelta(days=1 if day.day > 26 or day.day < 3 else 5)
    for start in range(0, len(cases), 100):
        part = cases[start : start + 100]
        assert in_sql(session, part) == [add_months(*case) for case in part]


def test_the_database_reads_the_day_from_a_bound_date_too(session: Session) -> None:
    value = bindparam("anchor", date(2026, 1, 31), Date())
    assert session.scalar(select(month_grid(value, literal(1), literal(31)))) == date(2026, 2, 28)


def test_the_31st_comes_back_after_a_short_month() -> None:
    anchor = date(2027, 1, 31)
    assert [add_months(anchor, n) for n in range(5)] == [
        date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31),
    ]  # fmt: skip


def test_a_day_that_is_kept_apart_wins_over_the_anchors_own() -> None:
    assert add_months(date(2027, 2, 28), 1, 31) == date(2027, 3, 31)
    assert add_months(date(2027, 2, 28), 12, 29) == date(2028, 2, 29)


@given(ANCHORS, st.integers(0, 400))
def test_a_step_further_is_a_month_later_and_never_past_the_anchors_day(anchor: date, months: int) -> None:
    there, next_one = add_months(anchor, months), add_months(anchor, months + 1)
    assert (next_one.year * 12 + next_one.month) - (there.year * 12 + there.month) == 1
    assert there.day <= anchor.day
    assert there.day == anchor.day or (there + timedelta(days=1)).day == 1


@pytest.mark.parametrize("name", INTERVALS)
def test_every_interval_has_one_name(name: str) -> None:
    assert INTERVAL_NAMES[INTERVALS[name]] == name
