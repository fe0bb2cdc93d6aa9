"""What every test may ask for: both databases, a session that leaves nothing behind, a clock, and no network."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from supporters.actor import Actor
from supporters.extension import Supporters
from supporters.web import desk
from tests import cast
from tests.databases import DIALECTS, PostgresDatabases, SqliteDatabases, postgres_server

Databases = SqliteDatabases | PostgresDatabases


@pytest.fixture(scope="session", autouse=True)
def templates_are_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each test has an application of its own, and would compile every template anew."""
    folder = tmp_path_factory.mktemp("templates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": FileSystemBytecodeCache(str(folder))})
        yield


@pytest.fixture(scope="session", autouse=True)
def addresses_are_compiled_once() -> Iterator[None]:
    """Each test has an application of its own, and Werkzeug writes and compiles a function for each of its addresses
    anew: most of what it costs to make one. What the function does follows from the rule alone.
    """
    made: dict[tuple[Any, ...], Any] = {}
    compile_one = Rule._compile_builder

    def compiled(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults or type(rule) is not Rule:
            return compile_one(rule, append_unknown)
        key = (rule.rule, append_unknown, *rule._trace)
        if key not in made:
            made[key] = compile_one(rule, append_unknown)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compiled)
        yield


@pytest.fixture(scope="session", autouse=True)
def pages_wait_for_the_vendor() -> Iterator[None]:
    """A page that somebody comes back to waits four seconds for the vendor, which is too short for a machine that does
    much more: tests that are about waiting say how long.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "PATIENCE", 60.0)
        yield


@pytest.fixture
def one_moment_for_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a network may send is counted by the minute: a slow machine is not in the next one while a test counts."""
    moment = time.time()
    for module in ("limits.storage.memory", "limits.strategies"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(time=lambda: moment))


# --- databases -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteDatabases]:
    databases = SqliteDatabases(tmp_path_factory.mktemp("sqlite"))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def postgres_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresDatabases]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        databases = PostgresDatabases(server)
        try:
            yield databases
        finally:
            databases.close()


@pytest.fixture(scope="session", params=DIALECTS)
def databases(request: pytest.FixtureRequest) -> Databases:
    """Makes databases of one kind; a test that asks for it, or for anything built on it, runs on both."""
    return request.getfixturevalue("sqlite_databases" if request.param == "sqlite" else "postgres_databases")


@pytest.fixture(scope="session")
def engine(databases: Databases) -> Iterator[Engine]:
    """A migrated database, shared by the run: leave nothing in it (``session`` takes care of that)."""
    engine = databases.create()
    yield engine
    databases.drop(engine)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose commits are real to the test and are rolled back after it.

    Commit also checks what PostgreSQL would check at a real commit (deferred constraints and triggers).
    """
    yield from _rolled_back(engine)


@pytest.fixture
def fresh_engine(databases: Databases) -> Iterator[Engine]:
    """A migrated database of the test's own, for real commits from several threads."""
    engine = databases.create()
    yield engine
    databases.drop(engine)


@pytest.fixture
def empty_engine(databases: Databases) -> Iterator[Engine]:
    """A database without a single table."""
    engine = databases.create(empty=True)
    yield engine
    databases.drop(engine)


@pytest.fixture
def committed(fresh_engine: Engine) -> Iterator[Callable[[], Session]]:
    """Opens sessions on ``fresh_engine`` whose commits are real; call it once in each thread."""
    opened: list[Session] = []

    def open_session() -> Session:
        opened.append(Session(fresh_engine))
        return opened[-1]

    yield open_session
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def pg_engine(postgres_databases: PostgresDatabases) -> Iterator[Engine]:
    """``engine``, on PostgreSQL only."""
    engine = postgres_databases.create()
    yield engine
    postgres_databases.drop(engine)


@pytest.fixture
def pg_session(pg_engine: Engine) -> Iterator[Session]:
    """``session``, on PostgreSQL only."""
    yield from _rolled_back(pg_engine)


@pytest.fixture
def fresh_pg_engine(postgres_databases: PostgresDatabases) -> Iterator[Engine]:
    """``fresh_engine``, on PostgreSQL only."""
    engine = postgres_databases.create()
    yield engine
    postgres_databases.drop(engine)


def _rolled_back(engine: Engine) -> Iterator[Session]:
    with engine.connect() as connection:
        outer = connection.begin()
        session = Session(connection, join_transaction_mode="create_savepoint")
        if engine.dialect.name == "postgresql":
            event.listen(session, "before_commit", _check_what_is_deferred)
        yield session
        session.close()
        outer.rollback()


def _check_what_is_deferred(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


# --- who and when ----------------------------------------------------------------------------------------------


@pytest.fixture
def now() -> datetime:
    """Tuesday 1 December 2026, 10:00 in Amsterdam."""
    return cast.NOW


@pytest.fixture
def today() -> date:
    """The day of ``now``."""
    return cast.TODAY


@pytest.fixture
def anna() -> Actor:
    """A signed-in fundraiser, who prepares."""
    return cast.ANNA


@pytest.fixture
def bram() -> Actor:
    """Another signed-in fundraiser, who approves."""
    return cast.BRAM


# --- a host application ----------------------------------------------------------------------------------------


@pytest.fixture
def app(sqlite_databases: SqliteDatabases) -> Iterator[Flask]:
    """A site with its own Flask-SQLAlchemy (``app.extensions["sqlalchemy"]``) on SQLite, and ``Supporters``."""
    engine = sqlite_databases.create()
    app = Flask("site")
    app.config.update(TESTING=True, SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}")
    db = SQLAlchemy(app)
    Supporters(app, db)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    sqlite_databases.drop(engine)


# --- no network ------------------------------------------------------------------------------------------------


class NetworkIsClosed(Exception):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Only this machine can be reached from a test."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _must_be_local(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _must_be_local(self, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if not _is_local(host):
            raise NetworkIsClosed(f"a test looked up {host!r}; give it something on this machine to talk to")
        return getaddrinfo(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _must_be_local(used: socket.socket, address: Any) -> None:
    if used.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
        raise NetworkIsClosed(f"a test connected to {address[0]}; give it something on this machine to talk to")


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", "0.0.0.0", "::", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.endswith(".localhost")
