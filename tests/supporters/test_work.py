"""``achterban work``: every job of every floor, once or for as long as the process lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from supporters import registry
from supporters.cli import work
from supporters.errors import Refused
from supporters.mail.message import OutboxMessage
from supporters.registry import Job, Work
from tests.supporters.mail.post import Post, free_port, queue

HOUR = timedelta(hours=1)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Job]]:
    """Only the jobs that the test registers."""
    made: dict[str, Job] = {}
    monkeypatch.setattr(registry, "jobs", made)
    monkeypatch.setattr(work, "jobs", made)
    yield made


def test_once_runs_every_job_in_order_and_says_what_it_did(app: Flask, jobs: dict[str, Job]) -> None:
    seen: list[Any] = []

    @registry.job("first", every=HOUR)
    def first(given: Work) -> str:
        with given.session() as session:
            seen.append(session.scalar(select(func.count()).select_from(OutboxMessage)))
        seen.append(given.config["SECRET_KEY"])
        seen.append(given.now().tzinfo is not None and given.settings.notice_days)
        return "3 looked at"

    @registry.job("second", every=HOUR, single=False)
    def second(given: Work) -> None:
        seen.append(given.stopping())

    done = app.test_cli_runner().invoke(args=["work", "--once"])
    assert (done.exit_code, done.output) == (0, "first: 3 looked at\nsecond: nothing to do\n")
    assert seen == [0, "test", 14, False]


def test_a_job_that_fails_leaves_the_others_alone(app: Flask, jobs: dict[str, Job]) -> None:
    @registry.job("wrong", every=HOUR)
    def wrong(given: Work) -> None:
        raise ValueError("ada@example.org")

    @registry.job("refused", every=HOUR)
    def refused(given: Work) -> None:
        raise Refused("The bank is closed.")

    @registry.job("right", every=HOUR)
    def right(given: Work) -> str:
        return "done"

    done = app.test_cli_runner().invoke(args=["work", "--once"])
    assert done.exit_code == 1
    assert done.stdout == "right: done\n"
    assert done.stderr == "wrong: failed: ValueError\nrefused: failed: The bank is closed.\n"


def test_mail_waits_for_a_server_and_says_so(app: Flask) -> None:
    runner = app.test_cli_runner()
    assert "deliver_mail: nothing to do" in runner.invoke(args=["work", "--once"]).output
    with app.app_context():
        queue(app.extensions["sqlalchemy"].session())
        app.extensions["sqlalchemy"].session.commit()
    done = runner.invoke(args=["work", "--once"])
    assert done.exit_code == 0
    assert "deliver_mail: mail waits: SUPPORTERS_MAIL_SERVER is not set" in done.output


def test_a_single_job_runs_once_at_a_time(fresh_engine: Engine) -> None:
    begun, go_on, said = threading.Event(), threading.Event(), []
    given = Work(lambda: Session(fresh_engine), None, datetime.now)  # type: ignore[arg-type]

    def slow(given: Work) -> str:
        begun.set()
        go_on.wait(10)
        return "did it"

    one = Job("slow", slow, HOUR)
    first = threading.Thread(target=lambda: said.append(work.run(one, given, fresh_engine)))
    first.start()
    begun.wait(10)
    assert work.run(one, given, fresh_engine) == "somebody else is at it"
    go_on.set()
    first.join()
    assert said == ["did it"]
    assert work.run(one, given, fresh_engine) == "did it"


def test_another_machine_at_it_is_noticed(fresh_pg_engine: Engine) -> None:
    given = Work(lambda: Session(fresh_pg_engine), None, datetime.now)  # type: ignore[arg-type]
    one, shared = (Job("roll_up", lambda given: "did it", HOUR, single) for single in (True, False))
    with fresh_pg_engine.connect() as elsewhere:
        elsewhere.execute(text("SELECT pg_advisory_lock(hashtextextended('supporters job roll_up', 0))"))
        assert work.run(one, given, fresh_pg_engine) == "somebody else is at it"
        assert work.run(shared, given, fresh_pg_engine) == "did it"
        elsewhere.execute(text("SELECT pg_advisory_unlock_all()"))
    assert work.run(one, given, fresh_pg_engine) == "did it"


def test_a_turn_comes_once_whoever_asks(fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000_000.0]
    monkeypatch.setattr(work.time, "time", lambda: clock[0])
    one = Job("x", lambda given: None, timedelta(seconds=10))
    machines = [work._Turns(work.make_huey(fresh_engine), one) for _ in range(2)]
    taken = []
    for _ in range(30):
        taken.append(sum(turns(datetime(2026, 12, 1)) for turns in machines))
        clock[0] += 1
    assert taken == [1, *[0] * 9] * 3
    assert machines[0].huey.storage.result_store_size() <= 2


def test_the_queue_follows_the_database(fresh_engine: Engine) -> None:
    storage = type(work.make_huey(fresh_engine).storage).__name__
    assert storage == {"sqlite": "SqliteStorage", "postgresql": "PostgresStorage"}[fresh_engine.dialect.name]


def test_a_sites_own_migrations_leave_the_queue_alone(fresh_pg_engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import MetaData

    from supporters import migrations

    work.make_huey(fresh_pg_engine)
    with fresh_pg_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": migrations.include_object})
        assert compare_metadata(context, MetaData()) == []


SITE = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from supporters.extension import Supporters
from supporters.mail.letter import Letter, renders

renders("test_greeting")(lambda session, message, *, settings, now: Letter("Dag", "Dag"))
app = Flask("site")
app.config.from_prefixed_env()
db = SQLAlchemy(app)
Supporters(app, db)
"""


def test_a_worker_delivers_until_it_is_asked_to_end(fresh_engine: Engine, tmp_path: Path) -> None:
    post = Post(free_port())
    (tmp_path / "site_of_a_test.py").write_text(SITE)
    settings = {
        "SQLALCHEMY_DATABASE_URI": fresh_engine.url.render_as_string(hide_password=False),
        "SUPPORTERS_MAIL_SERVER": post.settings.mail_server,
        "SUPPORTERS_MAIL_FROM": post.settings.mail_from,
        "SUPPORTERS_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "SUPPORTERS_PEPPER": "cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA=",
    }
    with Session(fresh_engine) as session:
        queue(session, now=datetime(2026, 1, 1).astimezone())
        session.commit()
    with post.open():
        worker = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "site_of_a_test", "work"], cwd=tmp_path, stderr=subprocess.PIPE,
            env=os.environ | {f"FLASK_{key}": value for key, value in settings.items()}, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not post.arrived and worker.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=30)
    assert post.recipients == ["n1@example.org"], said
    assert worker.returncode == 0, said
    assert "Traceback" not in said
    assert "example.org" not in said
