"""What online payments cost on PostgreSQL: news booked beside a bare endpoint that stores it, and a month prepared.

    python benchmarks/online_payments.py [--quick] [--only news|prepare]

The vendor lives in this process and answers at once, so what is measured is ours. News is of charges on mandates, as a
gateway posts it at the end of a month: each is posted over WSGI, stored, answered, looked up, and booked as a gift with
its facts. The floor is a Flask view with psycopg that inserts the same body and commits. Both are posted to from the
same number of threads; each takes its turn, three times, and the middle one counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg
from _databases import database
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.orm import Session

from supporters import Actor, Commitment, Fund, Gift, Supporter, Supporters, sealing
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.term import Term
from supporters.payments.gateway import GatewayAccount, Order
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import charging, post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.payment import OnlinePayment
from supporters.sealing import Keyring
from supporters.settings import Settings

BENCH = Actor.job("bench")
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
ACCOUNT = GatewayAccount("memory", "memory", "test_key_of_the_bench", False, ("hush",))
THREADS = 8
ROUNDS = 3


class Bench:
    """Donors who each gave a mandate, with an instalment due today, at a vendor in this process."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self.engine = engine
        keys, pepper = Keyring.new_secret(), Keyring.new_secret()
        self.gateway = MemoryGateway(ACCOUNT, now=lambda: NOW)
        self.vendor = MemoryBackstage(self.gateway)
        accounts = Accounts({"memory": self.gateway})
        self.app = Flask("bench", instance_path=folder)
        self.app.config.update(
            SECRET_KEY="bench", SUPPORTERS_KEYS=keys, SUPPORTERS_PEPPER=pepper, SUPPORTERS_GATEWAYS=accounts,
            SUPPORTERS_NOW=NOW.isoformat(), SQLALCHEMY_DATABASE_URI=engine.url.render_as_string(hide_password=False),
            SQLALCHEMY_ENGINE_OPTIONS={"pool_size": THREADS + 2},
        )  # fmt: skip
        db = SQLAlchemy(self.app)
        Supporters(self.app, db)
        sealing.use(engine, Keyring.read(keys, pepper))
        self.settings = Settings(gateways=accounts)
        self.cashier = Cashier(lambda: Session(engine), accounts, self.settings, lambda: NOW)

    def donors(self, count: int) -> None:
        """Set-based, as an import writes them: the benchmark is not about welcoming."""
        with Session(self.engine) as session:
            fund = session.scalar(select(Fund).where(Fund.code == "general")) or Fund.open(
                session, "general", "General"
            )
            session.flush()
            first = (session.scalar(select(func.max(Supporter.id))) or 0) + 1
            ids = range(first, first + count)
            person = {
                "kind": "person", "language": "nl", "joined_on": TODAY, "created_at": NOW, "initials": "", "prefix": "",
                "organisation_name": "",
            }  # fmt: skip
            session.execute(insert(Supporter), [
                {"id": n, "first_name": "Ada", "surname": f"L{n}", "sort_name": f"l{n}, ada"} | person for n in ids
            ])  # fmt: skip
            session.execute(insert(GatewayMandate), [
                {
                    "id": n, "supporter_id": n, "account": "memory", "customer": f"memcst_{n:032x}",
                    "external_id": f"memmdt_{n:032x}", "method": "card", "label": "Visa •••• 4242", "reference": "",
                    "state": "valid", "reason": "", "created_at": NOW, "created_by": BENCH.key,
                }
                for n in ids
            ])  # fmt: skip
            session.execute(insert(Commitment), [
                {
                    "id": n, "supporter_id": n, "fund_id": fund.id, "gateway_mandate_id": n, "method": "online",
                    "currency": "EUR", "started_on": TODAY, "next_number": 1, "next_due_on": TODAY, "created_at": NOW,
                    "created_by": BENCH.key,
                }
                for n in ids
            ])  # fmt: skip
            session.execute(insert(Term), [
                {
                    "commitment_id": n, "amount": 1000, "interval_months": 1, "anchor_on": TODAY, "anchor_day": 1,
                    "first_number": 1, "reason": "started", "recorded_at": NOW, "recorded_by": BENCH.key,
                }
                for n in ids
            ])  # fmt: skip
            for table in ("supporter", "gateway_mandate", "commitment"):
                name = f"supporters_{table}"
                session.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))
            session.commit()
            session.execute(text("ANALYZE"))
            session.commit()

    def prepare(self) -> int:
        with Session(self.engine) as session:
            made = charging.prepare(session, {"memory": False}, on=TODAY, notice_days=14, late_days=27, now=NOW)
            session.commit()
        return made


def prepare(bench: Bench, quick: bool) -> None:
    count = 5_000 if quick else 49_340
    bench.donors(count)
    began = time.perf_counter()
    made = bench.prepare()
    spent = time.perf_counter() - began
    print(f"prepare: {made:,} instalments made ready to charge in {spent:.2f} s ({spent / made * 1e6:.0f} µs each)")
    began = time.perf_counter()
    assert bench.prepare() == 0
    print(f"  again, which finds nothing: {time.perf_counter() - began:.2f} s")


def news(bench: Bench, quick: bool) -> None:
    count = 600 if quick else 3_000
    print(f"news: {count:,} charges a round, posted from {THREADS} threads, {os.cpu_count()} cores for everything")
    floor = Floor(bench.engine)
    floors, ours = [], []
    for _ in range(ROUNDS):
        floors.append(count / _timed(_post_all, floor.app.test_client, "/floor", _charged(bench, count)))
        ours.append(count / _timed(_ours, bench, _charged(bench, count)))
    best = statistics.median(floors)
    print(f"  floor: Flask + psycopg, stored     {best:8.0f} /s")
    middle = statistics.median(ours)
    verdict = "met" if middle / best >= 0.4 else "missed"
    print(f"  ours: stored, looked up and booked {middle:8.0f} /s, {middle / best:.2f} of it (goal {verdict}: 0.4)")
    with Session(bench.engine) as session:
        gifts = session.scalar(select(func.count()).select_from(Gift))
        paid = session.scalar(select(func.count()).where(OnlinePayment.step == "paid"))
        assert gifts == paid == ROUNDS * count, (gifts, paid)
    print(f"  {gifts:,} gifts booked, one for each payment whose news was posted to us")


def _charged(bench: Bench, count: int) -> list[tuple[dict[str, str], bytes]]:
    """Charges that wait for the bank, which then says yes; what the vendor posts about each."""
    bench.donors(count)
    bench.prepare()
    with Session(bench.engine) as session:
        rows = session.execute(
            select(OnlinePayment).where(OnlinePayment.step == "prepared").order_by(OnlinePayment.id)
        ).scalars().all()  # fmt: skip
        found = []
        for online in rows:
            external = _at_the_vendor(bench, online.order("Gift"))
            online.step, online.external_id, online.submitted_at = "processing", external, NOW
            headers, body = bench.vendor.news(external)
            found.append((dict(headers), body))
        session.commit()
    return found


def _at_the_vendor(bench: Bench, order: Order) -> str:
    with bench.gateway.vendor.lock:
        payment = bench.gateway.vendor.make(order, (order.purpose, order.money, None), ACCOUNT)
        bench.gateway.vendor.settle(payment, NOW)
    return str(payment.snapshot.external_id)


def _ours(bench: Bench, bodies: list[tuple[dict[str, str], bytes]]) -> None:
    """Posted and, at the same time, worked through, as the web and the worker do; until all is booked."""
    with ThreadPoolExecutor(1) as worker:
        done: list[bool] = []

        def work() -> None:
            while True:
                ended = bool(done)
                found = post.work_through(bench.cashier)
                if ended and not any(found.values()):
                    return

        working = worker.submit(work)
        _post_all(bench.app.test_client, "/webhooks/memory", bodies)
        done.append(True)
        working.result()


def _post_all(client: Callable[[], Any], path: str, bodies: list[tuple[dict[str, str], bytes]]) -> None:
    def some(part: list[tuple[dict[str, str], bytes]]) -> None:
        visitor = client()
        for headers, body in part:
            assert visitor.post(path, data=body, headers=headers).status_code == 200

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(some, [bodies[n::THREADS] for n in range(THREADS)]))


def _timed(run: Callable[..., None], *given: Any) -> float:
    began = time.perf_counter()
    run(*given)
    return time.perf_counter() - began


class Floor:
    """The least that an endpoint for news can do: keep the body, durably."""

    def __init__(self, engine: Engine) -> None:
        dsn = engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(dsn) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, body bytea, at timestamptz)"
            )
        self.app = Flask("floor")
        kept = threading.local()

        @self.app.post("/floor")
        def store() -> str:
            if not hasattr(kept, "connection"):
                kept.connection = psycopg.connect(dsn)
            with kept.connection.transaction():
                kept.connection.execute(
                    "INSERT INTO bench_floor VALUES (%s, %s, now())", (uuid.uuid4(), request.get_data())
                )
            return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="600 for 3,000, and 5,000 for 49,340")
    parser.add_argument("--only", choices=("news", "prepare"))
    arguments = parser.parse_args()
    for part in (news, prepare):
        if arguments.only in (None, part.__name__):
            with database() as engine, tempfile.TemporaryDirectory() as folder:
                part(Bench(engine, folder), arguments.quick)


if __name__ == "__main__":
    main()
