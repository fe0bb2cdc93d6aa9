"""What a year adds up to, beside the year before: the figures of the annual report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, distinct, exists, extract, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from supporters.errors import BadInput
from supporters.giving.commitment import Commitment
from supporters.giving.gift import CATEGORY, Gift, Reversal
from supporters.giving.months import add_months
from supporters.people.supporter import Supporter

#: The income categories of RJ 650 in its order. The first six together are what was raised; what comes in return for
#: goods and services stands apart.
RAISED = (
    "individuals",
    "companies",
    "lotteries",
    "governments",
    "affiliated_nonprofits",
    "other_nonprofits",
)
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number for the year and the year before."""

    this_year: int = 0
    last_year: int = 0

    @property
    def growth_percent(self) -> Decimal | None:
        """To one decimal, halves away from zero; None where there was nothing to grow from."""
        if self.last_year <= 0:
            return None
        grown = Decimal(100 * (self.this_year - self.last_year)) / self.last_year
        return grown.quantize(Decimal("0.1"), ROUND_HALF_UP)

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.this_year + other.this_year, self.last_year + other.last_year)

    def to_json(self) -> dict[str, Any]:
        growth = self.growth_percent
        return {
            "this_year": self.this_year,
            "last_year": self.last_year,
            "growth_percent": None if growth is None else float(growth),
        }


@dataclass(frozen=True, slots=True)
class YearReport:
    """Amounts are net of what went back, in cents; a reversal counts on its own date, also of an older gift.

    Soft credits enter no total, and a merged supporter counts as the one who is left. Everything is in euros: gifts in
    other currencies are in no figure and stand in ``other_currencies``, net, by currency.
    """

    year: int
    #: People whose own gifts, less what went back in the year, are above zero. A bequest makes nobody a donor.
    donors: Figure
    #: People with a commitment that had begun and not ended on 31 December; a paused one counts, it is still promised.
    commitments_active: Figure
    gifts_of_the_living_cents: Figure
    bequests_cents: Figure
    #: By the categories of RJ 650, in its order, with ``raised`` (their sum) before ``goods_and_services``.
    income_by_category: Mapping[str, Figure]
    other_currencies: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def income_from_donors_cents(self) -> Figure:
        """Gifts of the living and bequests together."""
        return self.gifts_of_the_living_cents + self.bequests_cents

    @property
    def figures(self) -> dict[str, Figure]:
        return {
            "donors": self.donors,
            "income_from_donors_cents": self.income_from_donors_cents,
            "gifts_of_the_living_cents": self.gifts_of_the_living_cents,
            "bequests_cents": self.bequests_cents,
            "commitments_active": self.commitments_active,
        }

    def to_json(self) -> dict[str, Any]:
        """``other_currencies`` is there only where there are any."""
        answer: dict[str, Any] = {
            "year": self.year,
            "figures": _json(self.figures),
            "income_by_category": _json(self.income_by_category),
        }
        if self.other_currencies:
            answer["other_currencies"] = _json(self.other_currencies)
        return answer

    @classmethod
    def of(cls, session: Session, year: int) -> YearReport:
        """The figures of the calendar year as the rows add up to them now. Raises BadInput for a year nobody means."""
        _must_be_a_year(year)
        return cls._up_to(session, date(year, 12, 31))

    @classmethod
    def last_twelve_months(cls, session: Session, last_day: date) -> YearReport:
        """The twelve months up to and with ``last_day``, beside the twelve before; it says something in January too."""
        return cls._up_to(session, last_day)

    @classmethod
    def _up_to(cls, session: Session, last_day: date) -> YearReport:
        end = last_day + timedelta(days=1)
        period = (add_months(end, -24), add_months(end, -12), end)
        merged = _merged(session)
        income: dict[str, Figure] = defaultdict(Figure)
        others: dict[str, Figure] = defaultdict(Figure)
        donors = Figure()
        for kind, currency, now, before, givers_now, givers_before in session.execute(_totals(period, merged)):
            amounts = Figure(int(now or 0), int(before or 0))
            if currency != CURRENCY:
                others[currency] += amounts
                continue
            income[kind] += amounts
            if kind == "gift":
                donors = Figure(int(givers_now or 0), int(givers_before or 0))
        categories: dict[str, Figure] = dict.fromkeys(RAISED, Figure())
        categories["raised"] = categories["goods_and_services"] = Figure()
        for kind, amounts in income.items():
            categories[CATEGORY[kind]] += amounts
        for name in RAISED:
            categories["raised"] += categories[name]
        promised = session.execute(_promised((last_day, period[1] - timedelta(days=1)), merged)).one()
        return cls(
            year=last_day.year,
            donors=donors,
            commitments_active=Figure(*promised),
            gifts_of_the_living_cents=income["gift"],
            bequests_cents=income["bequest"],
            income_by_category=categories,
            other_currencies=dict(sorted(others.items())),
        )


@dataclass(frozen=True, slots=True)
class MonthlyIncome:
    """Net cents of one month in euros: gifts of the living, bequests, and everything that is not from individuals."""

    year: int
    month: int
    living_cents: int = 0
    bequests_cents: int = 0
    other_cents: int = 0

    @property
    def total_cents(self) -> int:
        return self.living_cents + self.bequests_cents + self.other_cents


def monthly_income(session: Session, year: int, last_month: int = 12) -> list[MonthlyIncome]:
    """The twenty-four months up to and with that month, in order; a month without income is there."""
    _must_be_a_year(year)
    months = [add_months(date(year, last_month, 1), step) for step in range(-23, 1)]
    column = {"gift": 0, "bequest": 1}
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    of_year = (months[0], add_months(months[-1], 1))
    gifts = select(
        extract("year", Gift.received_on).label("year"), extract("month", Gift.received_on).label("month"), Gift.kind,
        func.sum(Gift.amount).label("amount"),
    ).where(Gift.received_on >= of_year[0], Gift.received_on < of_year[1], Gift.currency == CURRENCY)  # fmt: skip
    back = (
        select(
            extract("year", Reversal.reversed_on).label("year"), extract("month", Reversal.reversed_on).label("month"),
            Gift.kind, func.sum(-Reversal.amount).label("amount"),
        )
        .join(Gift, Gift.id == Reversal.gift_id)
        .where(Reversal.reversed_on >= of_year[0], Reversal.reversed_on < of_year[1], Gift.currency == CURRENCY)
    )  # fmt: skip
    for query in (gifts, back):
        for its_year, month, kind, amount in session.execute(query.group_by("year", "month", Gift.kind)):
            sums[int(its_year), int(month)][column.get(kind, 2)] += int(amount)
    return [MonthlyIncome(on.year, on.month, *sums[on.year, on.month]) for on in months]


def _must_be_a_year(year: int) -> None:
    if not 1900 <= year <= 9998:
        raise BadInput("%(year)s is not a year to report on; write one such as 2021.", field="year", year=year)


def _json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: figure.to_json() for name, figure in figures.items()}


def _merged(session: Session) -> Subquery | None:
    """Who each merged supporter is today, through chains of merges; None where nobody was ever merged."""
    if not session.scalar(select(exists().where(Supporter.merged_into_id.is_not(None)))):
        return None
    step = select(Supporter.id.label("was"), Supporter.merged_into_id.label("is_now")).where(
        Supporter.merged_into_id.is_not(None)
    )
    chain = step.cte("merged_chain", recursive=True)
    following = aliased(Supporter)
    chain = chain.union_all(
        select(chain.c.was, following.merged_into_id).join(
            following, and_(following.id == chain.c.is_now, following.merged_into_id.is_not(None))
        )
    )
    last = aliased(Supporter)
    return (
        select(chain.c.was, chain.c.is_now)
        .join(last, and_(last.id == chain.c.is_now, last.merged_into_id.is_(None)))
        .subquery("merged")
    )


def _totals(period: tuple[date, date, date], merged: Subquery | None) -> Any:
    """By kind and currency: both years' sums, and how many people stand above zero. Each table is read once.

    ``period`` is the first day of the year before, the first of the year, and the day after it.
    """
    first, middle, end = period

    def split(on: Any, amount: Any) -> list[ColumnElement[Any]]:
        return [
            case((on >= middle, amount), else_=0).label("now"),
            case((on < middle, amount), else_=0).label("before"),
        ]

    came = select(Gift.supporter_id, Gift.kind, Gift.currency, *split(Gift.received_on, Gift.amount)).where(
        Gift.received_on >= first, Gift.received_on < end
    )
    went = (
        select(Gift.supporter_id, Gift.kind, Gift.currency, *split(Reversal.reversed_on, -Reversal.amount))
        .join(Gift, Gift.id == Reversal.gift_id)
        .where(Reversal.reversed_on >= first, Reversal.reversed_on < end)
    )
    moved = union_all(came, went).subquery("moved")
    given = _summed(moved, moved.c.supporter_id)
    if merged is not None:
        # Those who were merged are few, so the sums come first and only then are they put together.
        owner = func.coalesce(merged.c.is_now, given.c.supporter_id)
        given = _summed(given.outerjoin(merged, merged.c.was == given.c.supporter_id), owner, given)

    def givers(amount: ColumnElement[Any]) -> ColumnElement[int]:
        return func.sum(case((and_(Supporter.kind == "person", amount > 0), 1), else_=0))

    return (
        select(
            given.c.kind, given.c.currency, func.sum(given.c.now), func.sum(given.c.before),
            givers(given.c.now), givers(given.c.before),
        )
        .join(Supporter, Supporter.id == given.c.supporter_id)
        .group_by(given.c.kind, given.c.currency)
    )  # fmt: skip


def _summed(source: Any, owner: ColumnElement[int], columns: Subquery | None = None) -> Subquery:
    moved = (columns if columns is not None else source).c
    return (
        select(
            owner.label("supporter_id"), moved.kind, moved.currency, func.sum(moved.now).label("now"),
            func.sum(moved.before).label("before"),
        )
        .select_from(source)
        .group_by(owner, moved.kind, moved.currency)
        .subquery()
    )  # fmt: skip


def _promised(days: tuple[date, date], merged: Subquery | None) -> Any:
    """How many people had a commitment on each of these days."""

    def active(last_day: date) -> ColumnElement[bool]:
        return and_(
            Commitment.started_on <= last_day, or_(Commitment.ended_on.is_(None), Commitment.ended_on > last_day)
        )

    owner: ColumnElement[int] = Commitment.supporter_id.expression
    query = select(Commitment.supporter_id)
    if merged is not None:
        owner = func.coalesce(merged.c.is_now, Commitment.supporter_id)
        query = query.outerjoin(merged, merged.c.was == Commitment.supporter_id)
    counts: Iterable[Any] = (func.count(distinct(case((active(day), owner)))) for day in days)
    return (
        query.with_only_columns(*counts)
        .join(Supporter, Supporter.id == owner)
        .where(Supporter.kind == "person", or_(*(active(day) for day in days)))
    )
