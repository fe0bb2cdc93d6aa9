"""Many rows at once into one table, in the caller's transaction: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, text
from sqlalchemy.orm import Session

from supporters.db import Base

BLOCK = 5_000


def insert_rows(session: Session, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """``rows`` hold a value for each of ``columns``, defaults included; instants are aware.

    Keys given by hand move the table's sequence on.
    """
    connection = session.connection()
    write = _copy if connection.dialect.name == "postgresql" else _executemany
    write(connection, model, columns, rows)


def _copy(connection: Connection, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    name = model.__tablename__
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    if "id" in columns:
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))


def _executemany(
    connection: Connection, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    statement = insert(model.__table__)  # type: ignore[arg-type]
    stream: Iterator[Sequence[Any]] = iter(rows)
    while block := [dict(zip(columns, row, strict=True)) for row in islice(stream, BLOCK)]:
        connection.execute(statement, block)


def refresh_statistics(session: Session, *models: type[Base]) -> None:
    """Tell PostgreSQL's planner what came into these tables in this transaction; SQLite plans without.

    A batch that is new to the statistics counts as one row, and what is joined to it then goes row by row.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {', '.join(model.__tablename__ for model in models)}"))
