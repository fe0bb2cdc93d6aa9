"""Which column of a file is which field: by name, by what the person says, and never by guessing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from supporters.errors import BadInput
from supporters.people.folding import fold

#: What an error file adds to the columns of the file it came from.
ADDED = ("line", "error")


class BadMapping(BadInput):
    """The columns of the file and the fields of the import do not fit together."""

    code = "bad_mapping"


@dataclass(frozen=True, slots=True)
class Field:
    """``aliases`` are other names that columns have for it, here in Dutch too."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    settable: bool = False  # only for the file as a whole, with --set


def fields(*given: Field | str) -> dict[str, Field]:
    """A table of fields; "phone telefoon tel" is the field phone with two aliases, "amount! bedrag" is required."""
    made = {}
    for one in given:
        if isinstance(one, str):
            name, *aliases = one.split()
            one = Field(name.rstrip("!@"), tuple(aliases), name.endswith("!"), name.endswith("@"))
        made[one.name] = one
    return made


def _key(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", fold(name))


def suggest(known: Mapping[str, Field], columns: Iterable[str]) -> dict[str, str | None]:
    """The field that each column names by itself, or None."""
    names = {
        _key(alias): field.name
        for field in known.values()
        if not field.settable
        for alias in (field.name, *field.aliases)
    }
    return {column: names.get(_key(column)) for column in columns}


def bind(
    known: Mapping[str, Field],
    columns: list[str],
    *,
    mapping: Mapping[str, str],
    ignore: Iterable[str],
    settings: Mapping[str, str],
) -> dict[str, int]:
    """Where in a row each field stands. Raises BadMapping where a column or field is unknown, double or missing."""
    twice = next((column for column in columns if column and columns.count(column) > 1), None)
    if twice is not None:
        raise BadMapping("Two columns are named “%(column)s”: rename one.", column=twice[:60])
    passed_over = {_find(columns, column) for column in ignore}
    told = {_find(columns, column): field for column, field in mapping.items()}
    for field in (*told.values(), *settings):
        if field not in known:
            raise BadMapping("There is no field “%(name)s”; there are: %(known)s.", name=field[:60], known=_list(known))
    for field in told.values():
        if known[field].settable:
            raise BadMapping(
                "“%(name)s” holds for the whole file: give it with --set %(name)s=…", field=field, name=field
            )
    bound: dict[str, int] = {}
    strange: list[str] = []
    named: dict[str, str | None] = {**suggest(known, columns), **told}
    for column, meant in named.items():
        if column in passed_over or not column or (column not in told and _key(column) in ADDED):
            continue
        if meant is None:
            strange.append(column)
        elif meant in bound:
            raise BadMapping(
                "The columns “%(one)s” and “%(other)s” are both %(name)s: leave one out with --ignore “%(other)s”.",
                field=meant, one=columns[bound[meant]][:60], other=column[:60], name=meant,
            )  # fmt: skip
        else:
            bound[meant] = columns.index(column)
    if strange:
        shown = ", ".join(f"“{column[:60]}”" for column in strange[:10])
        raise BadMapping(
            "What is column %(columns)s? Say so with --map “%(first)s=FIELD”, or leave it out with "
            "--ignore “%(first)s”. The fields are: %(known)s.",
            columns=shown, first=strange[0][:60], known=_list(known),
        )  # fmt: skip
    for name, one in known.items():
        if one.required and name not in bound and not settings.get(name):
            raise BadMapping(
                "The file has no column “%(name)s”, and it cannot be imported without: add it, or say which one "
                "it is with --map COLUMN=%(name)s. The file has: %(columns)s.",
                field=name, name=name, columns=", ".join(column[:60] for column in columns[:50] if column),
            )  # fmt: skip
    return bound


def _find(columns: list[str], wanted: str) -> str:
    found = wanted.strip()
    if found not in columns:
        found = next((column for column in columns if _key(column) == _key(wanted)), "")
    if not found:
        raise BadMapping(
            "The file has no column “%(column)s”; it has: %(columns)s.",
            column=wanted[:60], columns=", ".join(column[:60] for column in columns[:50] if column),
        )  # fmt: skip
    return found


def _list(known: Mapping[str, Field]) -> str:
    return ", ".join(known)
