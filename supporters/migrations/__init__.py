"""Our own Alembic environment: a library cannot rely on the host's folder, nor share the host's version table.

Each package above adds a folder of revisions with :func:`register_location`; its revisions form a branch of
their own, so that a site that uses only part of the library has only that part's tables.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from supporters.db import Base, configure_sqlite

VERSION_TABLE = "supporters_alembic_version"
HERE = Path(__file__).parent

#: Branch label → folder of its revisions. Its tables are those whose name starts with "<label>_".
locations: dict[str, Path] = {"supporters": HERE / "versions"}

# Any constant does, as long as every version of the library takes the same one.
_ADVISORY_LOCK = 0x61636874657262

# Alembic keeps its running environment in a module global, so two threads of one process take turns.
_one_at_a_time = threading.RLock()


def register_location(label: str, folder: Path) -> None:
    """Add a package's revisions: the branch ``label``, which owns the tables named ``<label>_…``."""
    if not label.isidentifier() or label.endswith("_"):
        raise ValueError(f"a branch label is a bare package name such as 'admin', not {label!r}")
    if locations.setdefault(label, folder) != folder:
        raise ValueError(f"the branch {label!r} has its revisions in {locations[label]} already")


def owner_of(table: str) -> str | None:
    """The branch that a table belongs to, by its name."""
    return next((label for label in ("supporters", "campaigns", "admin") if table.startswith(f"{label}_")), None)


def is_ours(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Whether something Alembic compares belongs to this library.

    What a model declares is judged by its metadata, so a site may well have a table ``admin_note`` of its own;
    only a table that no model declares is judged by its name.
    """
    declared = compare_to if reflected else item
    if declared is not None:
        table = declared if kind == "table" else declared.table
        return table is not None and table.metadata is Base.metadata
    table = item if kind == "table" else item.table
    if table.name == VERSION_TABLE or table.name in Base.metadata.tables:
        return True
    return kind == "table" and owner_of(table.name) is not None


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """For ``context.configure`` in the site's own ``env.py``: its autogenerate then leaves our tables alone."""
    return not is_ours(item, name, kind, reflected, compare_to)


def config_for(connection: Connection | None = None, **attributes: Any) -> Config:
    """An Alembic configuration that needs no file; ``attributes`` reach ``env.py``."""
    config = Config()
    folders = [str(folder) for folder in locations.values() if folder.is_dir()]
    config.set_main_option("script_location", _escaped(str(HERE)))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped("\n".join(folders)))
    config.attributes.update(attributes, connection=connection)
    return config


def upgrade(target: Engine | Connection, revision: str = "heads") -> None:
    """Bring the tables up to ``revision``, all or nothing.

    An engine gets a transaction of its own. A connection that is in a transaction already keeps it: its
    owner commits. Two upgrades at once are safe: the second waits and finds nothing to do.
    """
    with _one_at_a_time, _connected(target) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        command.upgrade(config_for(connection), revision)


def current(target: Engine | Connection) -> set[str]:
    """The revisions the database stands at: one for each branch, none for an empty database."""
    if isinstance(target, Connection):
        noted = MigrationContext.configure(target, opts={"version_table": VERSION_TABLE}).get_current_heads()
        # Alembic does not note a revision that another one it notes depends on.
        return set(noted) | (heads() & _reached(noted))
    with target.connect() as connection:
        return current(connection)


def heads() -> set[str]:
    """The revisions this version of the library brings."""
    return set(ScriptDirectory.from_config(config_for()).get_heads())


def _reached(revisions: Iterable[str]) -> set[str]:
    """Everything these build on, themselves included."""
    scripts = ScriptDirectory.from_config(config_for())
    known = {script.revision: script for script in scripts.walk_revisions()}
    found: set[str] = set()
    ahead = list(revisions)
    while ahead:
        if (revision := ahead.pop()) not in found and revision in known:
            found.add(revision)
            script = known[revision]
            for below in (script.down_revision, script.dependencies):
                ahead += [below] if isinstance(below, str) else below or ()
    return found


def is_current(target: Engine | Connection) -> bool:
    """Whether the database is where this version of the library wants it."""
    return heads() <= current(target)


@contextmanager
def _connected(target: Engine | Connection) -> Iterator[Connection]:
    if isinstance(target, Connection):
        if target.in_transaction():
            yield target
        else:
            with target.begin():
                yield target
        return
    configure_sqlite(target)
    two_bodies: Callable[[Engine], Any] = _on_sqlite if target.dialect.name == "sqlite" else _on_postgresql
    with two_bodies(target) as connection, connection.begin():
        yield connection
        if target.dialect.name == "sqlite":
            _refuse_broken_references(connection)


@contextmanager
def _on_postgresql(engine: Engine) -> Iterator[Connection]:
    # The statement after the lock has to see what the other upgrade committed, whatever the site's default is.
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        yield connection


@contextmanager
def _on_sqlite(engine: Engine) -> Iterator[Connection]:
    # SQLite changes a table by rebuilding it, and dropping the old one would delete what refers to it. The
    # setting only takes outside a transaction, hence on the driver's own connection, before any is begun.
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _refuse_broken_references(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        table, row, parent, _ = broken[0]
        raise RuntimeError(
            f"the migration would leave {len(broken)} broken references; the first: row {row} of {table} refers to "
            f"a row of {parent} that is not there. Nothing was changed."
        )


def _escaped(value: str) -> str:
    return value.replace("%", "%%")
