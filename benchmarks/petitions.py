"""What signing, counting and handing over a petition cost on PostgreSQL, beside the bare insert and the Django way.

    python benchmarks/petitions.py [--quick] [--only signing|sustained|large]

Everything is on: consent, tally, outbox, limits, sealing; fsync and synchronous_commit too. Two gunicorn workers with
threads, and the load comes from a process of its own on the same machine: where that has two cores, all three share
them, so the ratios within one run say something and the absolute numbers little. Signing by ours and by each peer goes
in turns, and the middle of each one's rounds is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from _databases import database
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

import admin.migrations  # noqa: F401
import campaigns.migrations  # noqa: F401  (registers the tables)
from admin.demo.signatures import Signatures, Signing, Wave
from benchmarks._petitions import floor
from benchmarks._petitions.server import ROOT, THREADS, WORKERS, serving
from campaigns import Petition
from campaigns.petitions.handover import Handover
from campaigns.petitions.network import NetworkRule
from campaigns.petitions.signature import SIGNED, Signature
from campaigns.petitions.tally import Tally
from supporters import Actor, sealing
from supporters.sealing import Keyring

BENCH = Actor.job("bench")
SLUG = "bench"
CONNECTIONS = 48
PYTITION = "0.7 to 2.6 signatures/s as shipped, 23.9 with its bcrypt cost lowered from 12 to 4"


class Bench:
    """A database of our own with one open petition, and the environment that servers on it need."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        keys, pepper = Keyring.new_secret(), Keyring.new_secret()
        sealing.use(engine, Keyring.read(keys, pepper))
        url = engine.url.render_as_string(hide_password=False)
        self.environment = {
            "BENCH_DSN": url.replace("postgresql+psycopg://", "postgresql://"),
            "FLASK_SQLALCHEMY_DATABASE_URI": url,
            "FLASK_SUPPORTERS_KEYS": keys,
            "FLASK_SUPPORTERS_PEPPER": pepper,
            "FLASK_SECRET_KEY": "bench" * 8,
            "FLASK_SECURITY_PASSWORD_SALT": "bench" * 8,
        }
        with Session(engine) as session:
            now = datetime.now(UTC)
            NetworkRule.add(session, "127.0.0.0/8", "allow", "the benchmark", by=BENCH, now=now)
            petition = Petition.draft(session, SLUG, "Bench", "Tekst.", "de Kamer", by=BENCH, now=now)
            petition.open(session, by=BENCH, now=now)
            session.connection().exec_driver_sql(floor.TABLES)
            session.commit()
            self.petition_id = petition.id

    def settings(self) -> str:
        with self.engine.connect() as connection:
            shown = [
                f"{name} {connection.scalar(text(f'SHOW {name}'))}"
                for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers")
            ]
        return f"PostgreSQL: {', '.join(shown)}; {os.cpu_count()} cores for server, database and load together"

    def differs(self) -> tuple[int, int] | None:
        """The count and the number of rows in one snapshot, where they differ."""
        with Session(self.engine) as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            count = Tally.count(session, self.petition_id, now=datetime.now(UTC)).signed
            rows = session.scalar(
                select(func.count()).where(Signature.petition_id == self.petition_id, Signature.state.in_(SIGNED))
            )
        return None if count == rows else (count, rows or 0)


# -- signing ----------------------------------------------------------------------------------------------------

#: What is shown, its module, its path, and how the form is sent.
SIGNING = (
    ("ours, JSON", "ours:create_app", f"/api/petitions/{SLUG}/signatures", "json"),
    ("ours, form", "ours:create_app", f"/api/petitions/{SLUG}/signatures", "form"),
    (
        "ours, JSON, with the admin in the process",
        "ours:create_with_admin",
        f"/api/petitions/{SLUG}/signatures",
        "json",
    ),
    ("floor: Flask + psycopg, one insert", "floor:create_app", "/floor", "json"),
    ("hot-row counter, Flask + psycopg (method)", "floor:create_app", "/hot-row", "json"),
    ("Django REST framework, same tables", "django_peer:create_app", f"/django/{SLUG}", "json"),
)


def signing(bench: Bench, quick: bool) -> None:
    seconds, rounds = (4.0, 3) if quick else (12.0, 5)
    print(
        f"signing: {WORKERS} workers of {THREADS} threads, {CONNECTIONS} connections, {rounds} rounds of {seconds:.0f} s"
    )
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name, *_ in SIGNING}
    for nth in range(rounds):
        for place, (name, module, path, kind) in enumerate(SIGNING):
            # One at a time: each keeps a connection a thread, and PostgreSQL has a hundred.
            with serving(module, bench.environment) as server:
                (flow,) = server.load(
                    {"path": path, "connections": CONNECTIONS, "kind": kind, "stamp": f"{place}.{nth}."},
                    seconds=seconds, warm_up=2.0,
                )  # fmt: skip
                flow["cpu"] = server.cpu() / sum(flow["statuses"].values()) * 1000
            seen[name].append(flow)
            _roll_up(bench)
    middle = {name: _middle(flows) for name, flows in seen.items()}
    for name, flow in middle.items():
        bad = {
            status: n for each in seen[name] for status, n in each["statuses"].items() if status not in ("202", "303")
        }
        print(
            f"  {name:42} {flow['rate']:7.0f}/s  p50 {flow['p50']:6.1f} ms  p99 {flow['p99']:6.1f} ms"
            f"  {flow['cpu']:5.2f} ms CPU of a worker each{f'  ERRORS {bad}' if bad else ''}"
        )

    def times(other: str, mine: str = "ours, JSON") -> float:
        """Round by round: what else the machine does falls on both."""
        return statistics.median(a["rate"] / b["rate"] for a, b in zip(seen[mine], seen[other], strict=True))

    floor_, hot, django_ = (name for name, *_ in SIGNING[3:])
    print(f"  against the floor {times(floor_):.2f} ({_verdict(times(floor_) >= 1)}: 1.0; below 0.6 it is not done);"
          f" form {times(floor_, 'ours, form'):.2f}")  # fmt: skip
    print(f"  against Django REST framework {times(django_):.1f} times ({_verdict(times(django_) >= 2)}: 2)")
    print(f"  against the hot row {times(hot):.1f} times, which seals nothing and knows no consent")
    print(f"  Pytition is not in this package index, so it was not run here; on another day and box: {PYTITION}")
    found = bench.differs()
    print(f"  the count {'is exactly the rows' if found is None else f'DIFFERS from the rows: {found}'}")


def _middle(flows: list[dict[str, Any]]) -> dict[str, float]:
    return {key: statistics.median(flow[key] for flow in flows) for key in ("rate", "p50", "p99", "cpu")}


def _verdict(met: bool) -> str:
    return "goal met" if met else "goal MISSED"


def _roll_up(bench: Bench) -> None:
    with Session(bench.engine) as session:
        while Tally.roll_up(session, now=datetime.now(UTC)):
            session.commit()


# -- the record, sustained --------------------------------------------------------------------------------------


def sustained(bench: Bench, quick: bool) -> None:
    seconds = 20.0 if quick else 300.0
    print(f"sustained: 34 signatures/s and 500 counts/s for {seconds:.0f} s, on a schedule, with the roll-up at work")
    with serving("ours:create_app", bench.environment) as server:
        server.load({"path": f"/api/petitions/{SLUG}/count", "connections": 8, "kind": "get"}, seconds=1)
        load = server.begin(
            {"path": f"/api/petitions/{SLUG}/signatures", "connections": 24, "kind": "json", "rate": 34.0,
             "stamp": f"s{int(time.time())}."},
            {"path": f"/api/petitions/{SLUG}/count", "connections": 24, "kind": "get", "rate": 500.0},
            seconds=seconds,
        )  # fmt: skip
        sampled, wrong = _sample(bench, load)
        posts, reads = server.wait(load)
        errors = sum(
            n for flow in (posts, reads) for status, n in flow["statuses"].items() if status not in ("200", "202")
        )
        for name, flow in (("signatures", posts), ("counts", reads)):
            print(
                f"  {name:10} {flow['rate']:6.1f}/s  p50 {flow['p50']:6.1f} ms  p99 {flow['p99']:6.1f} ms"
                f"  most {flow['most']:6.1f} ms"
            )
        print(
            f"  p99 of signing {posts['p99']:.0f} ms ({_verdict(posts['p99'] < 100)}: under 100 ms); errors: {errors}"
        )
        print(f"  the count was the rows at {sampled - len(wrong)} of {sampled} moments{f': {wrong}' if wrong else ''}")
        time.sleep(1.2)
        found = bench.differs()
        print(f"  at the end the count {'is exactly the rows' if found is None else f'DIFFERS from the rows: {found}'}")


def _sample(bench: Bench, load: Any) -> tuple[int, list[tuple[int, int]]]:
    """Roll up each second, and look twice a second whether count and rows are the same."""
    sampled, wrong = 0, []
    stop = threading.Event()

    def roll() -> None:
        while not stop.wait(1.0):
            _roll_up(bench)

    roller = threading.Thread(target=roll)
    roller.start()
    while load.poll() is None:
        if found := bench.differs():
            wrong.append(found)
        sampled += 1
        time.sleep(0.5)
    stop.set()
    roller.join()
    return sampled, wrong


# -- a very large one -------------------------------------------------------------------------------------------


@contextmanager
def timed(what: str, goal_ms: float, times: int = 1) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    spent = (time.perf_counter() - begin) * 1000 / times
    print(f"  {what:30} {spent:9.1f} ms ({_verdict(spent <= goal_ms)}: {goal_ms:.0f} ms)")


def large(bench: Bench, quick: bool) -> None:
    count = 61_000 if quick else 6_100_000
    print(f"large: a petition of {count:,} signatures")
    now = datetime.now(UTC)
    begin = time.perf_counter()
    with Session(bench.engine) as session:
        begins = now - timedelta(days=20)  # so that nothing has expired yet
        petition = Petition.draft(
            session, "large", "Large", "Tekst.", "de Kamer", by=BENCH, now=begins, opens_at=begins, goals=[7_000_000]
        )
        petition.open(session, by=BENCH, now=begins)
        session.flush()
        states = {"confirmed": count * 9 // 10, "pending": count - count * 9 // 10}
        waves = (Wave(0, 1, 40, {"media": 3, "newsletter": 2, "": 1}), Wave(0, 1, 200, {"facebook": 1}))
        signing = Signing(
            begins, now - timedelta(minutes=1), now, states, waves, "bench",
            shares={"show_name": 0.1, "updates": 0.4}, with_comment=0.02,
        )  # fmt: skip
        Signatures(session, petition, signing).store()
        session.commit()
        session.execute(text("ANALYZE"))
        session.commit()
        slug = petition.slug
    print(f"  stored in {time.perf_counter() - begin:.0f} s, {_size(bench)} on disk")
    with Session(bench.engine) as session:
        petition = Petition.by_slug(session, slug)
        petition.count(session, now=now)
        with timed("count", 10, 20):
            for _ in range(20):
                found = petition.count(session, now=now)
        assert found.signed == count, found
        begin = time.perf_counter()
        rows = session.scalar(
            select(func.count()).where(Signature.petition_id == petition.id, Signature.state.in_(SIGNED))
        )
        spent = (time.perf_counter() - begin) * 1000
        print(
            f"  {'COUNT(*) of the same rows':30} {spent:9.1f} ms; {'the same' if rows == found.signed else 'NOT THE SAME'}"
        )
        Handover.make(session, petition, "de Kamer", by=BENCH, now=now)  # once, for the fonts
        session.rollback()
        with timed("hand-over: numbers and file", 200):
            Handover.make(session, petition, "de Kamer", by=BENCH, now=now)
            session.commit()
    _page(bench, slug)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._petitions.export", slug], cwd=ROOT, env=os.environ | bench.environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    print(
        f"  {'export, first signature':30} {told['first'] * 1000:9.1f} ms ({_verdict(told['first'] < 1)}: 1000 ms);"
        f" {told['lines']:,} lines, {told['bytes'] / 1e6:.0f} MB in {told['seconds']:.1f} s,"
        f" memory {told['before']} MB before and {told['peak']} MB at most"
    )


def _page(bench: Bench, slug: str) -> None:
    """The page that everybody can see, whole, with its names, updates and count, read afresh."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(bench.environment | {"ACHTERBAN_INSTANCE": folder})
        from benchmarks._petitions.ours import create_app

        app = create_app()
        client = app.test_client()
        client.get(f"/petitions/{SLUG}")  # templates are compiled once
        with timed("public page, nothing kept", 200):
            answer = client.get(f"/petitions/{slug}")
        assert answer.status_code == 200, answer.status


def _size(bench: Bench) -> str:
    with bench.engine.connect() as connection:
        return str(connection.scalar(text("SELECT pg_size_pretty(pg_database_size(current_database()))")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds for minutes, and 61,000 for 6,100,000")
    parser.add_argument("--only", choices=("signing", "sustained", "large"))
    arguments = parser.parse_args()
    with database() as engine:
        bench = Bench(engine)
        print(bench.settings())
        for part in (signing, sustained, large):
            if arguments.only in (None, part.__name__):
                part(bench, arguments.quick)


if __name__ == "__main__":
    main()
