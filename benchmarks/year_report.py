"""The year report at full size on PostgreSQL beside the same sums in hand-written SQL.

    python benchmarks/year_report.py [--quick] [--keep NAME]

Builds the demo at 87,100 donors (a tenth with --quick) in a database of its own, dropped afterwards; with --keep it
stays under that name and is found again. Both sides run in turns in the same session, and the best of each counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from _databases import database
from sqlalchemy import text
from sqlalchemy.orm import Session

import admin.demo.building as building
import supporters.public  # noqa: F401  (every model and hook, as an application has them)
from supporters.reports.year import YearReport

GOAL = 1.2
ROUNDS = 15

# One pass over the gifts for donors and income both, as somebody would write it who knows the tables.
GIVEN = """
SELECT given.kind, sum(now), sum(before),
  count(*) FILTER (WHERE s.kind = 'person' AND now > 0), count(*) FILTER (WHERE s.kind = 'person' AND before > 0)
FROM (
  SELECT supporter_id, kind, sum(amount) FILTER (WHERE day >= '2021-01-01') AS now,
    sum(amount) FILTER (WHERE day < '2021-01-01') AS before
  FROM (
    SELECT supporter_id, kind, amount, received_on AS day FROM supporters_gift
    WHERE currency = 'EUR' AND received_on BETWEEN '2020-01-01' AND '2021-12-31'
    UNION ALL
    SELECT g.supporter_id, g.kind, -r.amount, r.reversed_on
    FROM supporters_reversal r JOIN supporters_gift g ON g.id = r.gift_id
    WHERE g.currency = 'EUR' AND r.reversed_on BETWEEN '2020-01-01' AND '2021-12-31'
  ) AS moved GROUP BY supporter_id, kind
) AS given JOIN supporters_supporter s ON s.id = given.supporter_id GROUP BY given.kind
"""
PROMISED = """
SELECT count(DISTINCT c.supporter_id) FROM supporters_commitment c JOIN supporters_supporter s ON s.id = c.supporter_id
WHERE s.kind = 'person' AND c.started_on <= :day AND (c.ended_on IS NULL OR c.ended_on > :day)
"""


def by_hand(session: Session) -> dict[str, Any]:
    given = {kind: rest for kind, *rest in session.execute(text(GIVEN))}
    promised = [session.scalar(text(PROMISED), {"day": day}) for day in ("2021-12-31", "2020-12-31")]
    return {"donors": given["gift"][2:], "living": given["gift"], "bequests": given["bequest"], "promised": promised}


def ours(session: Session) -> YearReport:
    return YearReport.of(session, 2021)


def best(rounds: int, *sides: Callable[[], object]) -> list[float]:
    found = [float("inf")] * len(sides)
    for _ in range(rounds):
        for place, side in enumerate(sides):
            start = time.perf_counter()
            side()
            found[place] = min(found[place], time.perf_counter() - start)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--keep", metavar="NAME", help="keep the database under this name, and use it if it is there")
    options = parser.parse_args()
    with database(options.keep) as engine:
        with Session(engine) as session:
            found = building.state(session)
        if found == "empty":
            start = time.perf_counter()
            building.build(engine, one_in=10 if options.quick else 1)
            print(f"building the demo, its 24 collections included: {time.perf_counter() - start:.0f} s")
        with Session(engine) as session:
            report, hand = ours(session), by_hand(session)
            for name, figure in report.figures.items():
                print(f"  {name:26} {figure.this_year:>15,} {figure.last_year:>15,} {figure.growth_percent:+} %")
            assert [report.donors.this_year, report.donors.last_year] == hand["donors"]
            assert report.gifts_of_the_living_cents.this_year == hand["living"][0]
            assert report.bequests_cents.last_year == hand["bequests"][1]
            assert [report.commitments_active.this_year, report.commitments_active.last_year] == hand["promised"]
            mine, theirs = best(ROUNDS, lambda: ours(session), lambda: by_hand(session))
    ratio = mine / theirs
    print(f"YearReport.of {mine * 1000:.0f} ms, hand-written SQL {theirs * 1000:.0f} ms: {ratio:.2f} times it")
    print(f"goal {'met' if ratio <= GOAL else 'MISSED'}: at most {GOAL} times")


if __name__ == "__main__":
    main()
