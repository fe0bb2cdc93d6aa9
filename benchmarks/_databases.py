"""A PostgreSQL database of one's own for a benchmark, and what the server's side of the work cost."""

from __future__ import annotations

import os
import resource
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from supporters import migrations

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.databases import postgres_server  # noqa: E402


@contextmanager
def database(name: str | None = None) -> Iterator[Engine]:
    """A migrated database, dropped afterwards; with ``name`` it is kept and found again."""
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder)) as server:
        wanted = name or f"achterban_bench_{secrets.token_hex(4)}"
        admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with admin.connect() as connection:
            known = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": wanted})
            if not known:
                connection.execute(text(f'CREATE DATABASE "{wanted}" TEMPLATE template0'))
        engine = create_engine(server.set(database=wanted))
        try:
            migrations.upgrade(engine)
            yield engine
        finally:
            engine.dispose()
            if name is None:
                with admin.connect() as connection:
                    connection.execute(text(f'DROP DATABASE "{wanted}" WITH (FORCE)'))


def own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def server_cpu(pid: int) -> float:
    """CPU seconds of the server process behind a connection; 0 where it runs on another machine."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
