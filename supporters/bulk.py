"""Many rows at once into one table, in the caller's transaction: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, Connection, any_, bindparam, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from supporters.db import Base

BLOCK = 5_000


def insert_rows(
    session: Session,
    model: type[Base],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    keys_taken: bool = False,
) -> None:
    """``rows`` hold a value for each of ``columns``, defaults included; instants are aware.

    Keys given by hand move the table's sequence on, and want nobody beside them; those of ``take_keys`` moved it
    already (``keys_taken``), and others may take some at the same time.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _copy(connection, model, columns, rows)
        if "id" in columns and not keys_taken:
            _move_sequence(connection, model)
    else:
        _executemany(connection, model, columns, rows)


def _copy(connection: Connection, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    name = model.__tablename__
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _move_sequence(connection: Connection, model: type[Base]) -> None:
    name = model.__tablename__
    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))


def _executemany(
    connection: Connection, model: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    statement = insert(model.__table__)  # type: ignore[arg-type]
    stream: Iterator[Sequence[Any]] = iter(rows)
    while block := [dict(zip(columns, row, strict=True)) for row in islice(stream, BLOCK)]:
        connection.execute(statement, block)


def take_keys(session: Session, model: type[Base], count: int) -> list[int]:
    """So many keys that nobody else gets, for rows that refer to each other before they are stored."""
    connection, name = session.connection(), model.__tablename__
    if not count:
        return []
    if connection.dialect.name == "postgresql":
        query = text(f"SELECT nextval(pg_get_serial_sequence('{name}', 'id')) FROM generate_series(1, :count)")
        return [int(key) for key in connection.execute(query, {"count": count}).scalars()]
    last = connection.execute(text(f"SELECT coalesce(max(id), 0) FROM {name}")).scalar_one()
    return list(range(last + 1, last + 1 + count))


def among(session: Session, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column has one of these values, however many there are: they go as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(ColumnElement[bool], column == any_(literal(list(values), ARRAY(column.type))))
    each = func.json_each(json.dumps(list(values))).table_valued("value")
    return cast(ColumnElement[bool], column.in_(select(each.c.value)))


def update_rows(session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Each of ``rows`` is a key and its new value for each of ``columns``: one statement for all of them.

    On SQLite one for each row, which costs nothing there.
    """
    if not rows:
        return
    connection = session.connection()
    table: Any = model.__table__
    key, *others = ("id", *columns)
    if connection.dialect.name == "postgresql":
        given = [table.c[name] for name in (key, *others)]
        types = [each.type.compile(connection.dialect).partition("(")[0] for each in given]
        arrays = ", ".join(f"%s::{type}[]" for type in types)
        new = ", ".join(f"{name} = given.{name}" for name in others)
        statement = (
            f"UPDATE {table.name} SET {new} FROM unnest({arrays}) AS given ({', '.join((key, *others))})"
            f" WHERE {table.name}.id = given.id"
        )
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
        return
    changed = update(table).where(table.c.id == bindparam("key_")).values({name: bindparam(name) for name in others})
    connection.execute(changed, [dict(zip(("key_", *others), row, strict=True)) for row in rows])


def refresh_statistics(session: Session, *models: type[Base]) -> None:
    """Tell PostgreSQL's planner what came into these tables in this transaction; SQLite plans without.

    A batch that is new to the statistics counts as one row, and what is joined to it then goes row by row.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {', '.join(model.__tablename__ for model in models)}"))
