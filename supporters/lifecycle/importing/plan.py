"""What an import would do: which rows are ready, which are there already, and what is wrong with the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from supporters.errors import BadInput
from supporters.lifecycle.importing import parsing

#: Problems that are kept for showing; the counts go on, and the error file has every one.
LISTED = 200
SAMPLE = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell, or odd, where ``is_error`` is false; ``column`` is as the file names it."""

    line: int
    column: str
    field: str
    template: str
    params: dict[str, Any]
    is_error: bool = True

    @property
    def message(self) -> str:
        return self.template % self.params if self.params else self.template

    def __str__(self) -> str:
        return (
            f"line {self.line}, column “{self.column}”: {self.message}"
            if self.column
            else f"line {self.line}: {self.message}"
        )


@dataclass(slots=True)
class Row:
    """One row of the file on its way in. ``given`` is the text of each field, ``values`` what it means."""

    line: int
    cells: list[str]
    given: dict[str, str]
    column_of: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_known: bool = False

    @property
    def is_bad(self) -> bool:
        return any(problem.is_error for problem in self.problems)

    def error(self, name: str, template: str, /, **params: Any) -> None:
        self._add(name, template, params, is_error=True)

    def warn(self, name: str, template: str, /, **params: Any) -> None:
        self._add(name, template, params, is_error=False)

    def _add(self, name: str, template: str, params: dict[str, Any], *, is_error: bool) -> None:
        column = self.column_of.get(name, name)
        self.problems.append(Problem(self.line, column, name, template, params, is_error))

    def take(self, name: str, parse: Callable[[str], T], *, free: bool = False) -> T | None:
        """The value of a field, also put in ``values``; None where it is empty or wrong (which is then noted)."""
        value: T | None = None
        if text := self.given.get(name, ""):
            try:
                value = parse(parsing.sentence(text) if free else parsing.plain(text))
            except BadInput as error:
                self.error(name, error.template, **error.params)
        self.values[name] = value
        return value

    def need(self, name: str, parse: Callable[[str], T]) -> T | None:
        if not self.given.get(name, ""):
            self.error(name, "This is empty, and cannot be.")
            return None
        return self.take(name, parse)

    def text(self, name: str, most: int = 255, *, free: bool = False) -> str:
        def short(text: str) -> str:
            if len(text) > most:
                raise BadInput(
                    "“%(value)s…” is %(found)s characters long; there is room for %(most)s.",
                    value=text[:30], found=len(text), most=most,
                )  # fmt: skip
            return text

        value = self.take(name, short, free=free) or ""
        self.values[name] = value
        return value


@dataclass(slots=True)
class Plan:
    """``ready`` rows can be imported (or were: ``is_done``), ``known`` ones are there, ``failed`` ones cannot."""

    kind: str
    name: str
    rows: int = 0
    ready: int = 0
    known: int = 0
    failed: int = 0
    warned: int = 0
    is_done: bool = False
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    #: What was done to many rows alike, such as capitals that were mended, with how often.
    notes: Counter[str] = field(default_factory=Counter)
    #: The first ready rows, field → text, for a preview.
    sample: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return self.failed == 0

    def count(self, row: Row) -> None:
        self.rows += 1
        bad = row.is_bad
        if bad:
            self.failed += 1
        elif row.is_known:
            self.known += 1
        else:
            self.ready += 1
            self.notes.update(row.notes)
            if len(self.sample) < SAMPLE:
                self.sample.append(row.given)
        self.warned += any(not problem.is_error for problem in row.problems)
        for problem in row.problems:
            listed = self.errors if problem.is_error else self.warnings
            if len(listed) < LISTED:
                listed.append(problem)


class ImportRefused(BadInput):
    """There are rows that cannot be imported, so none was; ``plan`` says which."""

    code = "import_refused"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        super().__init__(
            "Nothing was imported: %(failed)s of %(rows)s rows have a mistake.", failed=plan.failed, rows=plan.rows
        )
