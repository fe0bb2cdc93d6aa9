"""The days on which euro payments settle: the working days of TARGET, the Eurosystem's payment system."""

from datetime import date, timedelta
from functools import cache

_DAY = timedelta(days=1)


@cache
def _closed(year: int) -> frozenset[date]:
    # Imported where it is first needed: the package takes a tenth of a second that most commands never use.
    import holidays

    return frozenset(holidays.financial_holidays("XECB", years=year))


def is_business_day(day: date) -> bool:
    """Whether TARGET is open on ``day``, the same for every country that uses SEPA."""
    return day.weekday() < 5 and day not in _closed(day.year)


def next_business_day(day: date) -> date:
    """``day`` itself when TARGET is open, else the first day after it on which it is."""
    while not is_business_day(day):
        day += _DAY
    return day


def add_business_days(day: date, count: int) -> date:
    """The ``count``-th business day after ``day``, which itself is not counted; 0 gives ``next_business_day``."""
    if count < 0:
        raise ValueError("add_business_days counts forward; use before() to count back.")
    if count == 0:
        return next_business_day(day)
    for _ in range(count):
        day = next_business_day(day + _DAY)
    return day


def before(day: date, count: int) -> date:
    """The ``count``-th business day before ``day``, which itself is not counted: how long ahead a bank wants a file."""
    if count < 1:
        raise ValueError("before counts back at least one business day.")
    for _ in range(count):
        day -= _DAY
        while not is_business_day(day):
            day -= _DAY
    return day
