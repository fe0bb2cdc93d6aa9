"""Lists: columns, filters, sorting, pages by key (never by offset), a capped count, a total, an export."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, Select, func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from admin import i18n
from supporters.errors import BadInput
from supporters.money import Money
from supporters.spreadsheet import harmless

CAP = 10_000
PAGE = 50


@dataclass(frozen=True)
class Column:
    """One column. ``value`` takes a row of the query; ``kind`` decides how it is written on screen and in a file."""

    key: str
    label: Any
    value: Callable[[Any], Any]
    kind: str = "text"  # text, short (on one line), money, date, moment, number, badge (a pair of text and colour)
    link: Callable[[Any], str] | None = None
    #: What to sort on; must never be NULL and, with ``Listing.key``, order the rows.
    sort: ColumnElement[Any] | None = None
    descending: bool = False  # the way the first click sorts
    on_screen: bool = True
    in_file: bool = True

    @property
    def is_number(self) -> bool:
        return self.kind in ("money", "number")


@dataclass(frozen=True)
class Filter:
    """One field of the filter bar. ``apply`` gets the query and the cleaned value."""

    name: str
    label: Any
    apply: Callable[[Select[Any], Any], Select[Any]]
    kind: str = "choice"  # choice, text, date, money; hidden: only links set it
    choices: Callable[[], Sequence[tuple[str, Any]]] | None = None
    default: str = ""

    def clean(self, raw: str) -> Any:
        """The value, or None where nothing (sensible) was given: a bad filter filters nothing."""
        raw = raw.strip()
        if not raw:
            return None
        if self.kind == "choice":
            return raw if raw in {value for value, _ in self.options()} else None
        if self.kind == "date":
            try:
                return date.fromisoformat(raw)
            except ValueError:
                return None
        if self.kind == "money":
            try:
                return Money.parse(raw).amount
            except BadInput:
                return None
        return raw[:200]

    def options(self) -> Sequence[tuple[str, Any]]:
        return self.choices() if self.choices else ()


@dataclass
class Page:
    """What the template shows."""

    listing: Listing
    rows: list[Any]
    args: dict[str, str]
    sort: str
    descending: bool
    count: int
    capped: bool
    total: Money | None
    earlier: str | None = None
    later: str | None = None

    @property
    def columns(self) -> list[Column]:
        return [column for column in self.listing.columns if column.on_screen]

    def href(self, **changes: str | None) -> str:
        values: dict[str, Any] = {
            **self.args,
            "sort": self.sort,
            "dir": "desc" if self.descending else "asc",
            **changes,
        }
        return url_for(f"achterban_admin.{self.listing.endpoint}", **{k: v for k, v in values.items() if v})

    def sort_href(self, column: Column) -> str:
        down = not self.descending if column.key == self.sort else column.descending
        return self.href(sort=column.key, dir="desc" if down else "asc")

    @property
    def export_href(self) -> str:
        return url_for("achterban_admin.export", what=self.listing.endpoint, **self.args)


@dataclass
class Listing:
    """A list of rows of one query; ``query`` is made anew for each request."""

    endpoint: str
    title: Any
    query: Callable[[], Select[Any]]
    key: ColumnElement[Any]
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    #: The amount that is added up under the list, in cents of euros.
    amount: ColumnElement[Any] | None = None
    default_sort: str = ""
    permission: str = ""
    #: Loader options for what the columns read besides the row itself.
    options: Sequence[Any] = ()
    per_page: int = PAGE
    empty: Any = ""
    _by_key: dict[str, Column] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._by_key = {column.key: column for column in self.columns}

    # --- the query -----------------------------------------------------------------------------------------

    def given(self, args: Mapping[str, str]) -> dict[str, str]:
        """The filters as they are set, by name; what was not touched has its default."""
        return {f.name: args.get(f.name, f.default) for f in self.filters if args.get(f.name, f.default)}

    def filtered(self, args: Mapping[str, str]) -> Select[Any]:
        query = self.query()
        given = self.given(args)
        for each in self.filters:
            value = each.clean(given.get(each.name, ""))
            if value is not None:
                query = each.apply(query, value)
        return query

    def page(self, session: Session, args: Mapping[str, str]) -> Page:
        query = self.filtered(args)
        wanted = self._by_key.get(args.get("sort", ""))
        column = wanted if wanted is not None and wanted.sort is not None else self._by_key[self.default_sort]
        descending = args["dir"] == "desc" if args.get("dir") in ("asc", "desc") else column.descending
        count, total = self.measure(session, query)
        page = Page(
            self, [], self.given(args), column.key, descending, min(count, CAP), count > CAP,
            Money(total) if total is not None else None,
        )  # fmt: skip
        after, before = _read(args.get("after")), _read(args.get("before"))
        backwards = before is not None
        rows = self._slice(session, query, column, descending, before if backwards else after, backwards)
        more = len(rows) > self.per_page
        rows = rows[: self.per_page]
        if backwards:
            rows.reverse()
        page.rows = [tuple(row)[:-2] if len(row) > 3 else row[0] for row in rows]
        if rows and (more if backwards else after is not None):
            page.earlier = page.href(before=_write(rows[0]))
        if rows and (True if backwards else more):
            page.later = page.href(after=_write(rows[-1]))
        return page

    def measure(self, session: Session, query: Select[Any]) -> tuple[int, int | None]:
        """How many, at most one more than CAP, and their total where it is not capped."""
        bare = query.order_by(None).select_from(self.key.class_)
        amount = self.amount if self.amount is not None else literal_column("0")
        some = bare.with_only_columns(amount.label("amount")).limit(CAP + 1).subquery()
        count, total = session.execute(select(func.count(), func.coalesce(func.sum(some.c.amount), 0))).one()
        return count, int(total) if self.amount is not None and count <= CAP else None

    def _slice(
        self, session: Session, query: Select[Any], column: Column, descending: bool, cursor: Any, backwards: bool
    ) -> list[Any]:
        sort = column.sort
        assert sort is not None
        down = descending != backwards
        if cursor is not None:
            value, key = cursor
            here = tuple_(sort, self.key)
            there = tuple_(literal(_typed(column, value), sort.type), literal(key))
            query = query.where(here < there if down else here > there)
        order = (sort.desc(), self.key.desc()) if down else (sort.asc(), self.key.asc())
        query = (
            query.options(*self.options)
            .add_columns(sort.label("_sort"), self.key.label("_key"))
            .order_by(None)
            .order_by(*order)
        )
        return list(session.execute(query.limit(self.per_page + 1)).all())

    # --- the file ------------------------------------------------------------------------------------------

    def csv(self, session: Session, args: Mapping[str, str]) -> Iterator[str]:
        """The whole filtered list, row by row, in constant memory; with a BOM, because Excel wants it."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
        columns = [column for column in self.columns if column.in_file]
        writer.writerow([str(column.label) for column in columns])
        yield "\ufeff" + _taken(buffer)
        query = self.filtered(args).options(*self.options).order_by(self.key).execution_options(yield_per=500)
        for number, row in enumerate(session.execute(query), 1):
            item = row[0] if len(row) == 1 else row
            writer.writerow([_cell(column, column.value(item)) for column in columns])
            if number % 500 == 0:
                yield _taken(buffer)
                session.expunge_all()
        yield _taken(buffer)


def shown_value(column: Column, row: Any) -> str:
    """A value as the screen writes it."""
    value = column.value(row)
    if value is None or value == "":
        return ""
    if column.kind == "money":
        return i18n.money(value)
    if column.kind == "date":
        return i18n.day(value, "medium")
    if column.kind == "moment":
        return i18n.moment(value)
    if column.kind == "number":
        return i18n.number(value)
    return str(value)


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if column.kind == "money":
        money = value if isinstance(value, Money) else Money(int(value))
        return f"{money.decimal:f}".replace(".", ",") if i18n.locale().language == "nl" else f"{money.decimal:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if column.kind == "number":
        return str(value)
    return harmless(str(value[0] if column.kind == "badge" else value))


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _write(row: Any) -> str:
    value, key = row[-2], row[-1]
    value = value.isoformat() if isinstance(value, date | datetime) else value
    return base64.urlsafe_b64encode(json.dumps([value, key]).encode()).decode().rstrip("=")


def _read(text: str | None) -> tuple[Any, int] | None:
    """The place a page begins; whatever else somebody typed there begins at the start."""
    if not text or len(text) > 1000:
        return None
    try:
        value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        return None
    return (value, key) if isinstance(key, int) and isinstance(value, str | int) else None


def _typed(column: Column, value: Any) -> Any:
    """The value of a cursor as its column has it; what does not fit begins at the start."""
    assert column.sort is not None
    kind = column.sort.type.python_type
    try:
        if kind is datetime:
            return datetime.fromisoformat(value).astimezone(UTC)
        return date.fromisoformat(value) if kind is date else kind(value)
    except (TypeError, ValueError):
        return {datetime: datetime(1, 1, 2, tzinfo=UTC), date: date(1, 1, 1), str: ""}.get(kind, 0)


#: Every list there is, by the endpoint that shows it.
listings: dict[str, Listing] = {}


def listing(**parts: Any) -> Listing:
    made = Listing(**parts)
    listings[made.endpoint] = made
    return made
