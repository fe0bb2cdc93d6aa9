"""The declarative base, its constraint names, and the column types every table shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Dialect, Engine, Integer, MetaData, String, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from supporters.errors import BadInput, NotFound

#: Errors are recognised by constraint name, so every constraint has a predictable one.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC on both databases; a naive datetime is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone: pass an aware datetime")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Key = BigInteger().with_variant(Integer, "sqlite")

pk = Annotated[int, mapped_column(Key, primary_key=True)]
cents = Annotated[int, mapped_column(BigInteger)]  # minor units of the row's currency
currency = Annotated[str, mapped_column(String(3), default="EUR")]
instant = Annotated[datetime, mapped_column(UtcDateTime)]
actor_key = Annotated[str, mapped_column(String(255))]  # Actor.key of who did it
word = Annotated[str, mapped_column(String(40))]  # a value from a fixed list
line = Annotated[str, mapped_column(String(255))]


def is_key(number: int) -> bool:
    """Whether a row can have this number at all: what is larger than the column is an error in both databases."""
    return 0 < number < 1 << 63


class Base(DeclarativeBase):
    """The base of every table of this library; its metadata is its own, apart from the host's."""

    metadata = MetaData(naming_convention=NAMING)

    @classmethod
    def get(cls, session: Session, key: int, *, lock: bool = False) -> Any:
        """The row with this key, or NotFound. ``lock`` takes a row lock until the transaction ends."""
        row = session.get(cls, key, with_for_update=lock or None, populate_existing=lock) if is_key(key) else None
        if row is None:
            raise NotFound("There is no %(what)s with number %(key)s.", what=cls.__name__, key=key)
        return row


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _keep_texts_within_their_columns(model: type[Base], key: str, attribute: Any) -> None:
    """Both databases refuse a text longer than its column, and by the field's name; SQLite alone would take it."""
    columns = getattr(attribute.property, "columns", None)
    most = getattr(columns[0].type, "length", None) if columns else None
    if not isinstance(most, int):
        return

    def refuse_longer(_target: Any, value: Any, _before: Any, _initiator: Any) -> None:
        if isinstance(value, str) and len(value) > most:
            raise BadInput(
                "“%(start)s…” is too long: at most %(most)s characters fit, this has %(found)s.",
                field=key,
                start=value[:20],
                most=most,
                found=len(value),
            )

    event.listen(attribute, "set", refuse_longer)


def violates(error: Exception, constraint: str) -> bool:
    """Whether an IntegrityError came from the constraint of this name.

    SQLite names checks and unique indexes by expression, but plain unique constraints only by their
    columns, so a caller gives the PostgreSQL name and SQLite's message is compared by table and columns.
    """
    text = str(getattr(error, "orig", error))
    if constraint in text:
        return True
    for table in Base.metadata.tables.values():
        named = {c.name: c for c in table.constraints} | {i.name: i for i in table.indexes}
        if found := named.get(constraint):
            columns = [f"{table.name}.{column.name}" for column in getattr(found, "columns", [])]
            return bool(columns) and f"UNIQUE constraint failed: {', '.join(columns)}" in text
    return False


def configure_sqlite(engine: Engine) -> None:
    """Give SQLite one honest writer: WAL, foreign keys, a busy timeout, BEGIN IMMEDIATE."""
    if engine.dialect.name != "sqlite" or event.contains(engine, "connect", _on_connect):
        return
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: DBAPIConnection, _record: object) -> None:
    # Transactions are begun by us, not by the driver's guess at which statements write.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
