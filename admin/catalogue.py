"""For developers: ``python -m admin.catalogue`` brings the Dutch catalogue up to date with the strings in the code.

Strings stand in English in the code and the templates; the sentences of the library's errors and tasks are among
them, because a screen shows those too. What still lacks its Dutch is printed, and the exit code is 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from admin.i18n import WORDS

ADMIN = Path(__file__).parent
PO = ADMIN / "translations" / "nl" / "LC_MESSAGES" / "messages.po"

_CALLS = {"_": None, "gettext": None, "lazy": None, "ngettext": (1, 2)}
#: In the library, what a person may get to read is the first text of these calls.
_LIBRARY_CALLS = {
    "BadInput": None,
    "Refused": None,
    "NotFound": None,
    "NotAllowed": None,
    "MoneyError": None,
    "CurrencyMismatch": None,
    "YearClosed": None,
    "BadFile": None,
    "BadMapping": None,
    "FileRefused": None,
    "raise_": (3,),
    "error": (2,),
    "warn": (2,),
}


def strings() -> Iterator[tuple[str, ...]]:
    """Every string there is to translate; a pair where it has a plural."""
    found = [(word,) for word in sorted(WORDS)]
    found += list(_in(ADMIN, {**_CALLS, **_LIBRARY_CALLS}, passing_over="demo"))
    for package in ("supporters", "campaigns"):
        found += _in(ADMIN.parent / package, _LIBRARY_CALLS)
    yield from dict.fromkeys(found)


def _in(
    folder: Path, calls: dict[str, tuple[int, ...] | None], passing_over: str | None = None
) -> Iterator[tuple[str, ...]]:
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    if passing_over:  # The demo speaks on the command line only.
        methods.insert(0, (f"{passing_over}/**", "ignore"))
    for _file, _line, message, _comments, _context in extract_from_dir(folder, methods, keywords=calls):
        parts = message if isinstance(message, tuple) else (message,)
        if all(parts):
            yield tuple(parts)


def read() -> Catalog:
    if not PO.exists():
        return Catalog(locale="nl", project="achterban")
    with PO.open("rb") as file:
        return read_po(file, locale="nl")


def updated(old: Catalog) -> Catalog:
    """The catalogue for what the code says now; a translation of what is gone is dropped."""
    new = Catalog(locale="nl", project="achterban", creation_date=old.creation_date, revision_date=old.revision_date)
    new.header_comment = "# Dutch for the screens of achterban. After a change: python -m admin.catalogue"
    for parts in sorted(strings()):
        known = old.get(parts[0])
        translation = known.string if known is not None else ""
        if len(parts) > 1 and not isinstance(translation, tuple):
            translation = ("", "")
        new.add(parts if len(parts) > 1 else parts[0], string=translation)
    return new


def missing(catalogue: Catalog) -> list[str]:
    """What has no Dutch yet."""
    return [str(m.id) for m in catalogue if m.id and not (all(m.string) if isinstance(m.string, tuple) else m.string)]


def main() -> int:
    catalogue = updated(read())
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, omit_header=False, width=120)
    with PO.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)
    lacking = missing(catalogue)
    for text in lacking:
        print(text)
    print(f"{len(lacking)} of {len(catalogue)} strings lack their Dutch.", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
