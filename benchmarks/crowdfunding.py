"""Crowdfunding on PostgreSQL: gifts credited and matched by sixteen at once, and a counter of a million entries read.

    python benchmarks/crowdfunding.py [--quick]

The peer of crediting is the same gift booked while no edition runs, with the same workers: what a counter and a match
that hands out cents one gift after another cost beside a gift. The peer of reading is the bare sum over the same rows in
SQL. A counter that a web process keeps is read through the HTTP endpoint.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

from _databases import database
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

import admin.migrations  # noqa: F401
import campaigns.migrations  # noqa: F401  (registers the tables)
from campaigns import Campaign, Campaigns, Counter, CounterEntry, Credit, Edition, Match, MatchedGift
from supporters import Actor, Fund, Gift, Money, Supporter, registry
from supporters.bulk import insert_rows, refresh_statistics
from supporters.extension import Supporters
from supporters.giving.gift import Designation

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
TODAY = date(2026, 12, 1)
ANNA = Actor.person("anna@example.org", authenticated=True)
BRAM = Actor.person("bram@example.org", authenticated=True)
WORKERS, WANTED = 16, 200


def edition(session: Session, slug: str) -> Edition:
    campaign = Campaign.open(session, slug, slug, started_on=date(2026, 1, 1), by=ANNA, now=NOW)
    found = Edition.draft(
        session, campaign, slug, slug, starts_on=date(2026, 1, 1), ends_on=date(2027, 1, 1),
        fund=Fund.by_code(session, "general"), surplus="More.", by=ANNA, now=NOW,
    )  # fmt: skip
    found.aim(session, 100_000_00, by=ANNA, now=NOW)
    found.approve(session, by=BRAM, now=NOW)
    found.move(session, "launch", by=ANNA, now=NOW)
    session.commit()
    return found


def people(session: Session, count: int) -> None:
    columns = ("kind", "first_name", "initials", "prefix", "surname", "organisation_name", "language", "sort_name",
               "joined_on", "created_at")  # fmt: skip
    insert_rows(
        session, Supporter, columns,
        (("person", "A", "A.", "", f"P{n}", "", "nl", f"p{n}", TODAY, NOW) for n in range(count)),
    )  # fmt: skip
    session.commit()


def booked(engine: Engine, count: int, source: str | None) -> float:
    """Gifts a second, each in a transaction of its own, by sixteen at once."""
    together = threading.Barrier(WORKERS + 1)

    def work(number: int) -> None:
        dice = random.Random(number)
        together.wait()
        for each in range(count // WORKERS):
            with Session(engine) as session:
                Gift.book(
                    session, session.get_one(Supporter, dice.randint(1, 5_000)), Money(dice.randint(5_00, 50_00), "EUR"),
                    received_on=TODAY, fund=Fund.by_code(session, "general"), booking_key=f"{source}:{number}:{each}",
                    by=ANNA, now=NOW, source_code=source,
                )  # fmt: skip
                session.commit()

    with ThreadPoolExecutor(WORKERS) as pool:
        done = [pool.submit(work, number) for number in range(WORKERS)]
        together.wait()
        began = time.perf_counter()
        for each in done:
            each.result()
    return count / (time.perf_counter() - began)


def crediting(engine: Engine, quick: bool) -> None:
    count = 800 if quick else 4_000
    with Session(engine) as session:
        Fund.open(session, "general", "General")
        people(session, 5_000)
    booked(engine, 160, "warm")
    bare = booked(engine, count, None)
    with Session(engine) as session:
        found = edition(session, "families")
        sponsor = Supporter.welcome(
            session, kind="organisation", organisation_name="Bakery", by=ANNA, now=NOW
        )  # fmt: skip
        match = Match.promise(
            session, found, sponsor, "Doubled", Money(count * 12_00, "EUR"), from_on=TODAY,
            per_donor=Money.eur("100.00"), by=ANNA, now=NOW,
        )  # fmt: skip
        session.flush()
        match.approve(session, by=BRAM, now=NOW)
        session.commit()
    matched = booked(engine, count, "families")
    with Session(engine) as session:
        match = session.scalars(select(Match)).one()
        given = session.scalar(select(func.sum(MatchedGift.given)))
        broken = [each for name, each in registry.findings(session, now=NOW) if name == "crowdfunding"]
        print(
            f"booked, no edition {bare:8.0f} gifts/s   credited and matched {matched:8.0f}   ratio {matched / bare:.2f}"
        )
        print(f"the match gave {given / 100:,.2f} of {match.most / 100:,.2f}; check finds {len(broken)}")
        goal(matched, WANTED, "gifts credited and matched a second")


def million(engine: Engine, count: int) -> None:
    with Session(engine) as session:
        found = edition(session, "large")
        general_id = Fund.by_code(session, "general").id
        edition_id = found.id  # asked for before the rows go in: nothing else can be asked meanwhile
        first = (session.scalar(select(func.max(Gift.id))) or 0) + 1
        dice = random.Random(1)
        gifts = [
            (key, 1 + key % 5_000, dice.randint(5_00, 50_00), "EUR", TODAY - timedelta(days=key % 300), "gift", "large",
             "", f"large:{key}", NOW, ANNA.key)
            for key in range(first, first + count)
        ]  # fmt: skip
        insert_rows(session, Gift, (
            "id", "supporter_id", "amount", "currency", "received_on", "kind", "source_code", "description",
            "booking_key", "booked_at", "booked_by",
        ), gifts)  # fmt: skip
        insert_rows(
            session, Designation, ("gift_id", "fund_id", "amount", "made_at", "made_by"),
            ((row[0], general_id, row[2], NOW, ANNA.key) for row in gifts),
        )  # fmt: skip
        insert_rows(
            session, Credit, ("gift_id", "edition_id", "how", "standing", "kind", "made_at", "made_by"),
            ((row[0], edition_id, "source", "counts", "other", NOW, ANNA.key) for row in gifts),
        )  # fmt: skip
        insert_rows(session, CounterEntry, (
            "edition_id", "stage", "kind", "amount", "counted_on", "key", "gift_id", "supporter_id", "made_at", "made_by",
        ), (
            (edition_id, "received", "other", row[2], row[4], f"gift:{row[0]}", row[0], row[1], NOW, ANNA.key)
            for row in gifts
        ))  # fmt: skip
        session.commit()
        refresh_statistics(session, Gift, Credit, CounterEntry)
        session.commit()
        assert Counter.read(session, found).received.amount == sum(row[2] for row in gifts)


def reading(engine: Engine, quick: bool) -> None:
    count = 100_000 if quick else 1_000_000
    million(engine, count)
    with Session(engine) as session:
        found = Edition.by_slug(session, "large")
        bare = text(f"SELECT sum(amount) FROM campaigns_counter_entry WHERE edition_id = {found.id}")
        peer = per_second(lambda: session.execute(bare).all())
        ours = per_second(lambda: Counter.read(session, found))
        day = per_second(lambda: Counter.read(session, found, on=TODAY - timedelta(days=200)))
    print(
        f"{count:,} entries: bare sum {peer:8.1f} reads/s   counter with its supporters {ours:8.1f}   on a day {day:8.1f}"
        f"   ratio {ours / peer:.2f}"
    )
    app = Flask("bench")
    app.config.update(
        SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=engine.url.render_as_string(hide_password=False),
        SUPPORTERS_NOW=NOW.isoformat(),
    )  # fmt: skip
    db = SQLAlchemy(app)
    Supporters(app, db)
    Campaigns(app, db)
    visitor = app.test_client()
    kept = per_second(lambda: visitor.get("/api/editions/large"), seconds=6)
    print(f"from what a process keeps: {kept:,.0f} reads/s through the endpoint, {kept / ours:,.0f} times the database")
    with app.app_context():
        db.engine.dispose()


def per_second(do: Callable[[], Any], *, seconds: float = 3) -> float:
    do()
    began, times = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        do()
        times += 1
    return times / (time.perf_counter() - began)


def goal(found: float, wanted: float, words: str) -> None:
    print(f"goal {'met' if found >= wanted else 'MISSED'}: {found:.0f} of at least {wanted:g} {words}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="800 gifts and a counter of 100,000 entries")
    quick = parser.parse_args().quick
    with database() as engine:
        crediting(engine, quick)
        reading(engine, quick)


if __name__ == "__main__":
    main()
