"""``achterban report``: what the rows add up to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import click

from supporters.cli import extension, group
from supporters.money import Money
from supporters.reports.year import Figure, YearReport

report = group("report", help="What the rows add up to.")

NAMES = {
    "donors": "Donors",
    "income_from_donors_cents": "Income from donors, bequests included",
    "gifts_of_the_living_cents": "  gifts of the living",
    "bequests_cents": "  bequests",
    "commitments_active": "Donors with an active commitment, 31 December",
    "individuals": "Individuals",
    "companies": "Companies",
    "lotteries": "Lotteries",
    "governments": "Government subsidies",
    "affiliated_nonprofits": "Affiliated non-profits",
    "other_nonprofits": "Other non-profits",
    "raised": "Raised",
    "goods_and_services": "For goods and services",
}


@report.command("year")
@click.argument("year", type=int)
@click.option("--json", "as_json", is_flag=True, help="For a program to read; amounts in cents.")
def year(year: int, as_json: bool) -> None:
    """The figures of YEAR beside those of the year before."""
    found = YearReport.of(extension().session, year)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    for row in table(found):
        click.echo(row.rstrip())


def table(found: YearReport) -> Iterator[str]:
    """The report as lines of text."""
    yield f"{'':46}{found.year:>20}{found.year - 1:>20}{'growth':>10}"
    yield from _lines(found.figures)
    yield ""
    yield "Income by category (RJ 650)"
    yield from _lines(found.income_by_category, money=True)
    for currency, figure in found.other_currencies.items():
        yield _line(f"In {currency}, in no figure above", figure, currency)


def _lines(figures: Mapping[str, Figure], *, money: bool = False) -> Iterator[str]:
    for name, figure in figures.items():
        yield _line(NAMES[name], figure, "EUR" if money or name.endswith("_cents") else None)


def _line(name: str, figure: Figure, currency: str | None) -> str:
    shown = [str(Money(n, currency)) if currency else f"{n:,}" for n in (figure.this_year, figure.last_year)]
    growth = "" if figure.growth_percent is None else f"{figure.growth_percent:+} %"
    return f"{name:46}{shown[0]:>20}{shown[1]:>20}{growth:>10}"
