"""Finding a supporter among 100,000 and 1,000,000: the token table beside a scan with LIKE over the same columns.

    python benchmarks/search.py [--quick]

Wall milliseconds of `supporters.search` as the admin's search box calls it, over questions of every kind (surname, rare and
common, first name with surname, e-mail, IBAN, postcode, number, a word nobody has). The goal is p95 at most 100 ms.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

from _databases import database
from sqlalchemy import Engine, create_engine, or_, select, text
from sqlalchemy.orm import Session

from supporters import BankAccount, ContactPoint, Supporter, migrations, search
from supporters.bulk import insert_rows
from supporters.db import configure_sqlite
from supporters.people.search import reindex

FIRST = "Jan Piet Kees Anna Maria Sophie Emma Daan Sem Lucas Mila Tess Noor Fatima Willem Hendrik Ada Grace".split()
LAST = (
    "Jong Jansen Vries Berg Dijk Bakker Visser Smit Meijer Boer Mulder Groot Bos Vos Peters Hendriks Leeuwen Dekker Brouwer Wit "
    "Dijkstra Smits Graaf Meer Linden Kok Jacobs Haan Vermeulen Heuvel Veen Broek Bruijn Schouten Beek Willems Vliet Ven"
).split()
PREFIX = ["", "", "", "de", "van", "van den", "van der", "ter"]
BLOCK = 20_000
NOWHERE = {"street": "", "house_number": "", "house_addition": "", "city": "", "country": "NL"}


def people(count: int) -> Iterator[tuple[dict[str, object], ...]]:
    dice = random.Random(1)
    weights = [1 / (rank + 1) for rank in range(len(LAST))]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(1, count + 1):
        first, last, prefix = dice.choice(FIRST), dice.choices(LAST, weights)[0], dice.choice(PREFIX)
        if n % 5 == 0:  # A long tail of names that few people have.
            last = f"{last}{dice.choice(LAST).lower()}{n % 997}"
        yield (
            {
                "id": n, "kind": "person", "first_name": first, "initials": f"{first[0]}.", "prefix": prefix, "surname": last,
                "organisation_name": "", "language": "nl", "sort_name": f"{last.lower()}, {first[0].lower()}.", "joined_on": date(2020, 1, 1),
                "created_at": now,
            },
            {
                "supporter_id": n, "kind": "email", "value": f"{first}.{last}{n}@example.org".lower(), "postcode": "",
                "from_on": date(2020, 1, 1), "recorded_by": "bench", **NOWHERE,
            },
            {
                "supporter_id": n, "kind": "address", "value": "", "postcode": f"{1000 + n % 8999} {chr(65 + n % 26)}{chr(65 + n % 23)}",
                "from_on": date(2020, 1, 1), "recorded_by": "bench", **NOWHERE,
            },
            {"supporter_id": n, "iban": iban(n), "from_on": date(2020, 1, 1), "recorded_by": "bench"},
        )  # fmt: skip


def iban(number: int) -> str:
    account = f"{number * 7919:010d}"
    return f"NL{98 - int(f'10112310{account}232100') % 97:02d}ABNA{account}"


def build(session: Session, count: int) -> float:
    rows = people(count)
    start = time.perf_counter()
    for first in range(1, count + 1, BLOCK):
        block = list(islice(rows, BLOCK))
        for position, model in enumerate((Supporter, ContactPoint, ContactPoint, BankAccount)):
            columns = list(block[0][position])
            insert_rows(session, model, columns, [list(row[position].values()) for row in block])
        reindex(session, range(first, first + len(block)))
        session.commit()
    session.execute(text("ANALYZE"))
    session.commit()
    return time.perf_counter() - start


def questions(count: int) -> list[str]:
    dice = random.Random(2)
    asked = [
        "jansen",
        "jong",
        "jan",
        "jan jansen",
        "van den berg",
        "anna de vries",
        "vri",
        "ma",
        "nobodyhasthis",
        "jan nobodyhasthis",
    ]
    for _ in range(30):
        n = dice.randint(1, count)
        asked += [
            iban(n),
            f"{iban(n)[:4]} {iban(n)[4:8]}",
            f"S{n:07d}",
            str(n),
            f"{1000 + n % 8999} {chr(65 + n % 26)}{chr(65 + n % 23)}",
        ]
        asked += [
            f"{dice.choice(FIRST)} {dice.choice(LAST)}",
            dice.choice(LAST).lower()[:4],
            f"{dice.choice(LAST)}{dice.choice(LAST)}".lower(),
        ]
    return asked


def timed(session: Session, asked: list[str]) -> list[float]:
    spent = []
    for question in asked:
        session.expunge_all()
        start = time.perf_counter()
        search(session, question)
        spent.append((time.perf_counter() - start) * 1_000)
    return sorted(spent)


def peer(session: Session, asked: list[str]) -> list[float]:
    """The search that needs no table of its own: LIKE over the columns."""
    spent = []
    for question in asked:
        like = f"%{question}%"
        start = time.perf_counter()
        session.execute(
            select(Supporter.id)
            .outerjoin(ContactPoint, ContactPoint.supporter_id == Supporter.id)
            .outerjoin(BankAccount, BankAccount.supporter_id == Supporter.id)
            .where(
                or_(
                    Supporter.surname.ilike(like),
                    Supporter.first_name.ilike(like),
                    ContactPoint.value.ilike(like),
                    ContactPoint.postcode.ilike(like),
                    BankAccount.iban.ilike(like),
                )
            )
            .order_by(Supporter.sort_name)
            .limit(50)
        ).all()
        spent.append((time.perf_counter() - start) * 1_000)
    return sorted(spent)


def measure(engine: Engine, name: str, count: int) -> None:
    with Session(engine) as session:
        built = build(session, count)
        asked = questions(count)
        timed(session, asked[:40])
        ours = timed(session, asked)
        theirs = peer(session, asked[10:22])
        p95 = ours[int(len(ours) * 0.95)]
        print(
            f"{name}, {count:,} supporters (built in {built:.0f} s): median {statistics.median(ours):.1f} ms, p95 {p95:.1f} ms, "
            f"worst {ours[-1]:.1f} ms; LIKE median {statistics.median(theirs):.0f} ms; "
            f"ours is {statistics.median(ours) / statistics.median(theirs):.3f} of it; goal {'met' if p95 <= 100 else 'MISSED'}: p95 at most 100 ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="20,000 supporters only")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'search.sqlite'}")
        configure_sqlite(engine)
        migrations.upgrade(engine)
        measure(engine, "SQLite", 20_000 if quick else 100_000)
        engine.dispose()
    for count in (20_000,) if quick else (100_000, 1_000_000):
        with database() as engine:
            measure(engine, "PostgreSQL", count)


if __name__ == "__main__":
    main()
