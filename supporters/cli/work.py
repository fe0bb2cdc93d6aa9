"""``achterban work``: the jobs that every floor registered, run on their schedule by Huey.

The tables are the truth and a job is only a nudge to look at them: a nudge that is lost or comes twice changes nothing.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click
from flask import Flask, current_app
from huey import Huey
from huey.consumer import Consumer, Scheduler
from huey.storage import MemoryStorage, PostgresStorage, SqliteStorage
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from supporters.cli import command, extension
from supporters.errors import AchterbanError, Refused
from supporters.registry import Job, Work, jobs

log = logging.getLogger("supporters.work")

#: Of Huey's queue and, on PostgreSQL, of its tables.
QUEUE = "supporters_huey"
WORKERS = 2


@command("work")
@click.option("--once", is_flag=True, help="Run every job once, in this process, and stop.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=WORKERS, show_default=True, help="Jobs at the same time."
)
def work(once: bool, workers: int) -> None:
    """Do what is due, again and again: deliver mail, and whatever else registered a job."""
    if once:
        if not run_once():
            sys.exit(1)
        return
    logging.getLogger("supporters").setLevel(logging.INFO)
    if not logging.root.handlers:
        logging.basicConfig(format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    consumer = make_consumer(workers)
    click.echo(f"Working on {', '.join(jobs)}; stop with Ctrl-C.", err=True)
    consumer.run()


def run_once() -> bool:
    """Every job in order, with a line about each; a job that fails does not keep the others from running."""
    engine, given = _engine(), make_work()
    failed = 0
    for one in jobs.values():
        try:
            said = run(one, given, engine) or "nothing to do"
        except Exception as error:
            failed += 1
            said = f"failed: {error.message if isinstance(error, AchterbanError) else type(error).__name__}"
            log.debug("%s", one.name, exc_info=error)
        click.echo(f"{one.name}: {said}", err=said.startswith("failed: "))
    return not failed


def make_work(stopping: Callable[[], bool] = lambda: False) -> Work:
    """What the running app gives its jobs."""
    engine = _engine()
    return Work(lambda: Session(engine), extension().settings, extension().now, current_app.config, stopping)


def run(one: Job, given: Work, engine: Engine) -> str | None:
    """The job, where nobody else is at it."""
    if not one.single:
        return one.run(given)
    with _alone(engine, one.name) as alone:
        return one.run(given) if alone else "somebody else is at it"


# -- one at a time --------------------------------------------------------------------------------------

_here: dict[str, threading.Lock] = {}


@contextmanager
def _alone(engine: Engine, name: str) -> Iterator[bool]:
    """Whether this is the only one: of this process, and on PostgreSQL of all machines."""
    lock = _here.setdefault(name, threading.Lock())
    if not lock.acquire(blocking=False):
        yield False
        return
    try:
        if engine.dialect.name != "postgresql":
            yield True
            return
        key = {"key": f"supporters job {name}"}
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            got = connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), key)
            try:
                yield bool(got)
            finally:
                if got:
                    connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)
    finally:
        lock.release()


# -- Huey -----------------------------------------------------------------------------------------------


def make_huey(engine: Engine) -> Huey:
    """A queue that is kept where the tables are: beside the SQLite file, or in the PostgreSQL database."""
    if engine.dialect.name == "postgresql":
        try:
            return Huey(
                QUEUE, results=False, storage_class=PostgresStorage, table_prefix=QUEUE, dsn=_libpq(engine),
            )  # fmt: skip
        except Exception as error:
            raise Refused(
                "The jobs' queue cannot be opened in the database (%(why)s).", why=type(error).__name__
            ) from error
    if engine.url.database in (None, "", ":memory:"):
        return Huey(QUEUE, results=False, storage_class=MemoryStorage)
    return Huey(QUEUE, results=False, storage_class=SqliteStorage, filename=f"{engine.url.database}-jobs")


def _libpq(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


class EverySecond(Scheduler):  # type: ignore[misc]
    """Huey looks at its periodic tasks once a minute; mail should not wait that long."""

    periodic_task_seconds = 1


class JobConsumer(Consumer):  # type: ignore[misc]
    scheduler_class = EverySecond


def make_consumer(workers: int = WORKERS) -> Any:
    """Huey's consumer with every job; it ends at SIGTERM after what it is doing, at Ctrl-C at once."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    engine = _engine()
    huey = make_huey(engine)
    consumer = JobConsumer(huey, workers=workers, max_delay=1.0, graceful_signal="TERM")
    given = make_work(consumer.stop_flag.is_set)
    for one in jobs.values():
        huey.periodic_task(
            _Turns(huey, one), name=one.name, expires=max(one.every, timedelta(seconds=60))
        )(_task(app, one, given, engine))  # fmt: skip
    return consumer


def _task(app: Flask, one: Job, given: Work, engine: Engine) -> Callable[[], None]:
    def task() -> None:
        try:
            with app.app_context():
                if said := run(one, given, engine):
                    log.debug("%s: %s", one.name, said)
        except AchterbanError as error:
            log.error("%s failed: %s", one.name, error.message)
        except Exception:
            log.exception("%s failed", one.name)

    task.__name__ = one.name
    return task


class _Turns:
    """Says when it is a job's turn: once in each ``every``, whichever of the machines asks first."""

    def __init__(self, huey: Huey, one: Job) -> None:
        self.huey, self.name, self.every = huey, one.name, max(one.every.total_seconds(), 1.0)
        self.last = ""

    def __call__(self, _timestamp: datetime) -> bool:
        turn = f"turn.{self.name}.{int(time.time() // self.every)}"
        if turn == self.last:
            return False
        if self.last:
            self.huey.storage.delete_data(self.last)
        self.last = turn
        return bool(self.huey.storage.put_if_empty(turn, b"1"))


def _engine() -> Engine:
    bind = extension().session.get_bind()
    return bind.engine if not isinstance(bind, Engine) else bind
