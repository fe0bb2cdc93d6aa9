"""For developers: ``python -m admin.catalogue`` brings the Dutch catalogue up to date with the strings in the code.

Strings stand in English in the code and the templates; the sentences of the library's errors and tasks are among
them, because a screen shows those too. What still lacks its Dutch is printed, and the exit code is 1.
"""

from __future__ import annotations

import ast
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

#: Calls in the screens whose first text is shown (and the second too, where it is the plural).
_CALLS = {"_": 1, "gettext": 1, "lazy": 1, "ngettext": 2}
#: In the library, what a person may get to read is the first text of a call that ends in one of these.
_LIBRARY_CALLS = {
    "BadInput": 1, "Refused": 1, "NotFound": 1, "NotAllowed": 1, "MoneyError": 1, "CurrencyMismatch": 1,
    "YearClosed": 1, "BadFile": 1, "BadMapping": 1, "FileRefused": 1, "error": 1, "warn": 1, "raise_": 1,
}  # fmt: skip
#: Where somebody speaks on the command line only.
_PASSED_OVER = ("demo", "cli")


def strings() -> Iterator[tuple[str, ...]]:
    """Every string there is to translate; a pair where it has a plural."""
    found = [(word,) for word in sorted(WORDS)]
    found += _in_python(ADMIN, _CALLS | _LIBRARY_CALLS)
    found += _tasks(ADMIN / "demo")
    found += _in_templates(ADMIN / "templates")
    for package in ("supporters", "campaigns"):
        found += _in_python(ADMIN.parent / package, _LIBRARY_CALLS)
    yield from dict.fromkeys(found)


def _in_python(folder: Path, calls: dict[str, int]) -> Iterator[tuple[str, ...]]:
    for path in sorted(folder.rglob("*.py")):
        if set(path.relative_to(folder).parts) & set(_PASSED_OVER):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (wanted := calls.get(_name(node.func))):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                # A log line or a code is one word; what is said to people has a space or a capital.
                texts = [text for text in texts if _name(node.func) in _CALLS or " " in text]
                if len(texts) >= wanted and texts[0]:
                    yield tuple(texts[:wanted])


def _tasks(folder: Path) -> Iterator[tuple[str, ...]]:
    """Every sentence in a function that raises tasks: some take theirs from a table."""
    for path in sorted(folder.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            inside = list(ast.walk(function))
            if not any(isinstance(node, ast.Call) and _name(node.func) == "raise_" for node in inside):
                continue
            said = ast.get_docstring(function, clean=False)
            texts = [node.value for node in inside if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            yield from ((text,) for text in texts if text != said and text.endswith(".") and " " in text)


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", None) or getattr(function, "id", "")


def _in_templates(folder: Path) -> Iterator[tuple[str, ...]]:
    calls = {name: (1, 2) if texts == 2 else None for name, texts in _CALLS.items()}
    for _file, _line, message, _comments, _context in extract_from_dir(folder, [("**.html", "jinja2")], keywords=calls):
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
