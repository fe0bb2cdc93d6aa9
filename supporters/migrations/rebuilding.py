"""SQLite changes little of a table in place: it is built anew here, with rows, indexes and triggers as they were."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text


def rebuild(connection: Connection, table: str, change: Callable[[str], str]) -> None:
    """Make ``table`` as ``change`` rewrites its CREATE statement; columns that both have keep what is in them.

    For a migration on SQLite, whose foreign keys the migrations switch off meanwhile. Raises ValueError where the
    change changes nothing, which is a mistake in the migration.
    """
    rows = connection.execute(
        text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL"), {"table": table}
    ).all()
    old = next(sql for kind, sql in rows if kind == "table")
    new = change(old)
    if new == old:
        raise ValueError(f"the migration meant to change {table} and does not")
    temporary = f"{table}__new"
    _, found, rest = new.partition("(")
    columns = _columns(connection, table)
    connection.exec_driver_sql(f"CREATE TABLE {temporary} {found}{rest}")
    both = ", ".join(f'"{name}"' for name in columns if name in _columns(connection, temporary))
    connection.exec_driver_sql(f"INSERT INTO {temporary} ({both}) SELECT {both} FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table=ON")  # other tables' triggers speak of it by its name
    connection.exec_driver_sql(f"ALTER TABLE {temporary} RENAME TO {table}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table=OFF")
    for kind, sql in rows:
        if kind != "table":
            connection.exec_driver_sql(sql)


def _columns(connection: Connection, table: str) -> list[str]:
    return [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
