"""Month arithmetic from an anchor: 31 January, 28 February, 31 March; never by chaining."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Any

from sqlalchemy import Date
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

#: How often, in months; 0 is once.
INTERVALS = {"once": 0, "month": 1, "two_months": 2, "quarter": 3, "half_year": 6, "year": 12}
INTERVAL_NAMES = {months: name for name, months in INTERVALS.items()}


def add_months(anchor: date, months: int, day: int | None = None) -> date:
    """The date so many months after the anchor's month, on ``day`` (the anchor's own) or the month's last day."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(day or anchor.day, calendar.monthrange(year, month + 1)[1]))


class month_grid(FunctionElement[date]):
    """`add_months` in SQL, with one body for each database: ``month_grid(anchor_on, months, day)``."""

    type = Date()
    inherit_cache = True
    name = "month_grid"

    def __init__(self, anchor: Any, months: Any, day: Any) -> None:
        super().__init__(anchor, months, day)


@compiles(month_grid, "postgresql")
def _postgresql(element: month_grid, compiler: Any, **kw: Any) -> str:
    anchor, months, day = (compiler.process(clause, **kw) for clause in element.clauses)
    first = f"(date_trunc('month', {anchor}) + make_interval(months => CAST({months} AS integer)))"
    last = f"extract(day from {first} + interval '1 month' - interval '1 day')"
    return f"CAST({first} + make_interval(days => CAST(least({day}, {last}) AS integer) - 1) AS date)"


@compiles(month_grid, "sqlite")
def _sqlite(element: month_grid, compiler: Any, **kw: Any) -> str:
    anchor, months, day = (compiler.process(clause, **kw) for clause in element.clauses)
    first = f"date({anchor}, 'start of month', ({months}) || ' months')"
    last = f"CAST(strftime('%d', {first}, '+1 month', '-1 day') AS integer)"
    return f"date({first}, (min({day}, {last}) - 1) || ' days')"
