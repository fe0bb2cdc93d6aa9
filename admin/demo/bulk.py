"""Many rows at once into one table, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.orm import Session

from supporters.db import Base

BLOCK = 10_000


def insert_rows(session: Session, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """``rows`` hold a value for each of ``columns``; instants are aware. Keys given by hand move the sequence on."""
    connection = session.connection()
    two_bodies = _copy if connection.dialect.name == "postgresql" else _executemany
    two_bodies(connection, model, columns, _blocks(rows))


def _copy(connection: Connection, model: type[Base], columns: Sequence[str], blocks: Iterator[list[Any]]) -> None:
    name = model.__tablename__
    driver: Any = connection.connection.driver_connection
    for block in blocks:
        with driver.cursor().copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in block:
                copy.write_row(row)
    if "id" in columns:
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))


def _executemany(
    connection: Connection, model: type[Base], columns: Sequence[str], blocks: Iterator[list[Any]]
) -> None:
    statement = insert(model)
    for block in blocks:
        connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in block])


def _blocks(rows: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    # Made before they are sent: nothing else can be asked of the database while a block is under way.
    remaining = iter(rows)
    while block := list(islice(remaining, BLOCK)):
        yield block


def next_id(session: Session, model: type[Base]) -> int:
    """The first key nobody has; for rows that others refer to by key before they are stored."""
    return (session.scalar(select(func.max(model.__table__.c.id))) or 0) + 1


def analyse(session: Session) -> None:
    """Let the planner know what came in; without it the first collections walk whole tables."""
    session.execute(text("ANALYZE"))
