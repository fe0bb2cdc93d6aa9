"""An import: bound to its file and its columns, checked as often as one likes, applied in one transaction."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving import turns
from supporters.lifecycle.importing import columns as naming
from supporters.lifecycle.importing.columns import BadMapping, Field
from supporters.lifecycle.importing.commitments import CommitmentImporter
from supporters.lifecycle.importing.gifts import GiftImporter
from supporters.lifecycle.importing.lookups import take_turns
from supporters.lifecycle.importing.people import SupporterImporter
from supporters.lifecycle.importing.plan import ImportRefused, Plan, Row
from supporters.lifecycle.importing.reader import Table, clean

BLOCK = 1_000  # rows that are looked up and written at once

#: Called with what is being done ("check", "write"), how many bytes of the file were read, and how many there are.
Progress = Callable[[str, int, int], None]


class Writable(Protocol):
    """Where rows with a mistake go: any text file."""

    def write(self, text: str, /) -> object: ...


class Importer(Protocol):
    """One pass over the rows of one kind: each row is read, a block is looked up at once, and written at once."""

    def read(self, row: Row) -> None:
        """From text to values; what is wrong is noted in the row."""

    def resolve(self, session: Session, rows: Sequence[Row]) -> None:
        """Compare rows that were read well with what is known: sets ``is_known`` and notes what is wrong."""

    def write(self, session: Session, rows: Sequence[Row], *, by: Actor, now: datetime) -> None:
        """Insert rows that are ready."""


IMPORTERS: dict[str, type[SupporterImporter] | type[CommitmentImporter] | type[GiftImporter]] = {
    "supporters": SupporterImporter,
    "commitments": CommitmentImporter,
    "gifts": GiftImporter,
}
KINDS = tuple(IMPORTERS)


def fields_of(kind: str) -> Mapping[str, Field]:
    """The fields there are, in the order a person thinks of them."""
    if kind not in IMPORTERS:
        raise BadMapping(
            "There is no import of “%(kind)s”; there are: %(known)s.", kind=kind[:40], known=", ".join(KINDS)
        )
    return IMPORTERS[kind].fields


def suggest(kind: str, columns: Iterable[str]) -> dict[str, str | None]:
    """The field that each column of a file names by itself, or None: what a form begins with."""
    return naming.suggest(fields_of(kind), columns)


class Import:
    """A file with the meaning of its columns. Make one with :meth:`open`; it can be checked and applied."""

    def __init__(self, kind: str, table: Table, bound: Mapping[str, int], settings: Mapping[str, str]) -> None:
        self.kind, self.table, self.settings = kind, table, dict(settings)
        self._bound = dict(bound)
        self._column_of = {name: table.columns[at] for name, at in bound.items()}

    @classmethod
    def open(
        cls,
        kind: str,
        source: Path | str | IO[bytes] | Table,
        *,
        mapping: Mapping[str, str] | None = None,
        ignore: Iterable[str] = (),
        settings: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> Import:
        """An import of ``kind`` (supporters, commitments or gifts) from a CSV file.

        ``mapping`` says column → field where the name of the column does not; ``settings`` gives fields a value where
        the file has none. Raises BadFile and BadMapping.
        """
        known = fields_of(kind)
        table = source if isinstance(source, Table) else Table(source, name=name)
        given = {field: clean(value) for field, value in (settings or {}).items()}
        bound = naming.bind(known, table.columns, mapping=mapping or {}, ignore=ignore, settings=given)
        return cls(kind, table, bound, given)

    # -- the two verbs ------------------------------------------------------------------------------------------

    def check(
        self, session: Session, *, on: date, errors: Writable | None = None, progress: Progress | None = None
    ) -> Plan:
        """What would happen on that day; nothing is changed. Rows with a mistake are written to ``errors``."""
        return self._pass(session, on=on, errors=errors, progress=progress, write=None)

    def apply(
        self,
        session: Session,
        *,
        by: Actor,
        now: datetime,
        on: date | None = None,
        good_part: bool = False,
        errors: Writable | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """Import everything, or with ``good_part`` the rows without a mistake; the caller commits.

        Raises ImportRefused, with the plan in it, where there is a mistake and the good part was not asked for:
        then nothing was changed. The same file again adds nothing.
        """
        on = on or now.date()
        turns.together(session)
        take_turns(session)
        if not good_part:
            plan = self._pass(session, on=on, errors=errors, progress=progress, write=None)
            if not plan.is_good:
                raise ImportRefused(plan)
            errors = None
        try:
            with session.begin_nested():
                plan = self._pass(session, on=on, errors=errors, progress=progress, write=(by, now))
        except IntegrityError as error:
            raise Refused(
                "Nothing was imported: somebody changed the same things at that moment. Import the file again."
            ) from error
        audit.record(
            session, by, "import", self.kind, now=now,
            file=self.table.name, rows=plan.rows, imported=plan.ready, known=plan.known, failed=plan.failed,
        )  # fmt: skip
        plan.is_done = True
        return plan

    # -- one pass -----------------------------------------------------------------------------------------------

    def _pass(
        self,
        session: Session,
        *,
        on: date,
        errors: Writable | None,
        progress: Progress | None,
        write: tuple[Actor, datetime] | None,
    ) -> Plan:
        plan = Plan(self.kind, self.table.name)
        importer: Importer = IMPORTERS[self.kind](session, self.settings, frozenset(self._bound), on=on)
        rejects = _Rejects(errors, self.table)
        rows = self._rows()
        while block := list(islice(rows, BLOCK)):
            for row in block:
                if not row.is_bad:
                    importer.read(row)
            importer.resolve(session, [row for row in block if not row.is_bad])
            if write is not None and (ready := [row for row in block if not row.is_bad and not row.is_known]):
                importer.write(session, ready, by=write[0], now=write[1])
            for row in block:
                plan.count(row)
                if row.is_bad:
                    rejects.write(row)
            if progress is not None:
                progress("check" if write is None else "write", self.table.position, self.table.size)
        return plan

    def _rows(self) -> Iterator[Row]:
        width = len(self.table.columns)
        nameless = [at for at, column in enumerate(self.table.columns) if not column]
        for line, cells in self.table.rows():
            given = dict(self.settings)
            given.update((name, cells[at]) for name, at in self._bound.items() if cells[at])
            row = Row(line, cells, given, self._column_of)
            if len(cells) > width:
                row.error(
                    "",
                    "This row has %(found)s cells, and the header has %(expected)s columns: is there a “%(delimiter)s” "
                    "in a cell that is not in quotes?",
                    found=len(cells), expected=width, delimiter=self.table.delimiter,
                )  # fmt: skip
            elif (stray := next((at for at in nameless if cells[at]), None)) is not None:
                row.error("", "Cell %(number)s holds something, but its column has no name.", number=stray + 1)
            yield row


class _Rejects:
    """The file of rows that could not be imported: as they were, with their line and what is wrong."""

    def __init__(self, out: Writable | None, table: Table) -> None:
        self._table, self._out, self._begun = table, out, False
        # A file of rejects that is imported again has these columns already.
        self._kept = [at for at, column in enumerate(table.columns) if column.lower() not in naming.ADDED]

    def write(self, row: Row) -> None:
        if self._out is None:
            return
        writer = csv.writer(self._out, delimiter=self._table.delimiter)
        if not self._begun:
            writer.writerow([*(self._table.columns[at] for at in self._kept), *naming.ADDED])
            self._begun = True
        wrong = "; ".join(
            f"{problem.column}: {problem.message}" if problem.column else problem.message
            for problem in row.problems
            if problem.is_error
        )
        # What a row has too much stays too much, so that it is not taken for a good one when it is imported again.
        too_much = row.cells[len(self._table.columns) :]
        writer.writerow([*(row.cells[at] for at in self._kept), str(row.line), wrong, *too_much])
