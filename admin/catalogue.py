"""For developers: ``python -m admin.catalogue`` brings the Dutch catalogues up to date with the strings in the code.

There are three: of the screens, and of what visitors of the public pages read, about petitions and about giving.

Strings stand in English in the code and the templates; the sentences of the library's errors and tasks are among
them, because a screen shows those too. What still lacks its Dutch is printed, and the exit code is 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from admin.i18n import WORDS

ADMIN = Path(__file__).parent
PO = ADMIN / "translations" / "nl" / "LC_MESSAGES" / "messages.po"
PUBLIC_PO = ADMIN.parent / "campaigns" / "translations" / "nl" / "LC_MESSAGES" / "messages.po"
GIVING_PO = ADMIN.parent / "supporters" / "translations" / "nl" / "LC_MESSAGES" / "messages.po"
#: Where the sentences come from that a visitor can get to read; the rest of the library speaks to staff.
_PUBLIC_SOURCES = (
    "campaigns/web", "campaigns/petitions/form.py", "campaigns/petitions/terms.py", "campaigns/petitions/intake.py",
    "campaigns/crowdfunding/page.py", "campaigns/crowdfunding/page_request.py", "campaigns/crowdfunding/page_links.py",
    "campaigns/crowdfunding/picture.py", "supporters/money.py",
    "campaigns/petitions/once.py", "campaigns/petitions/signature.py", "campaigns/petitions/petition.py",
    "supporters/sealing.py",
    "supporters/people/contact.py", "supporters/people/typed.py", "supporters/links.py", "supporters/web/limits.py",
    "supporters/web/problems.py", "supporters/web/proof.py",
)  # fmt: skip

_GIVING_SOURCES = (
    "supporters/web", "supporters/payments/online", "supporters/payments/gateway.py", "supporters/sealing.py",
    "supporters/people/contact.py", "supporters/people/supporter.py", "supporters/people/typed.py",
    "supporters/money.py", "supporters/giving", "supporters/links.py",
)  # fmt: skip

#: Calls in the screens whose first text is shown (and the second too, where it is the plural).
_CALLS = {"_": 1, "gettext": 1, "lazy": 1, "ngettext": 2}
_PUBLIC_CALLS = {"say": 1, "wrong": 2}
#: In the library, what a person may get to read is the first text of a call that ends in one of these.
_LIBRARY_CALLS = {
    "BadInput": 1, "Refused": 1, "NotFound": 1, "NotAllowed": 1, "MoneyError": 1, "CurrencyMismatch": 1,
    "YearClosed": 1, "LinkTooOld": 1, "BadFile": 1, "BadMapping": 1, "FileRefused": 1, "error": 1, "warn": 1,
    "raise_": 1, "Closed": 1, "BadBankFile": 1, "NotBookedYet": 1, "Reason": 1,
}  # fmt: skip
#: Errors of the public pages, whose names say what they are.
_OTHER_ERRORS = {"TooLarge": 1, "WrongKind": 1, "WrongOrigin": 1, "Flood": 1}
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


def public_strings() -> Iterator[tuple[str, ...]]:
    """What the public pages and the API say."""
    found: list[tuple[str, ...]] = []
    for source in _PUBLIC_SOURCES:
        found += _in_python(ADMIN.parent / source, _LIBRARY_CALLS | _PUBLIC_CALLS | _OTHER_ERRORS)
    found += _in_python(ADMIN.parent / "supporters" / "web" / "sent.py", _LIBRARY_CALLS | _OTHER_ERRORS)
    found += _titles(ADMIN.parent / "supporters" / "web" / "problems.py")
    found += _titles(ADMIN.parent / "campaigns" / "web" / "api.py")
    found += _in_templates(ADMIN.parent / "campaigns" / "web" / "templates", {"say": None})
    yield from dict.fromkeys(found)


def giving_strings() -> Iterator[tuple[str, ...]]:
    """What the public pages and the API of giving say."""
    found: list[tuple[str, ...]] = []
    for source in _GIVING_SOURCES:
        found += _in_python(ADMIN.parent / source, _LIBRARY_CALLS | _PUBLIC_CALLS | _OTHER_ERRORS)
    for path in sorted((ADMIN.parent / "supporters" / "web").rglob("*.py")):
        found += _titles(path)
    found += _in_templates(ADMIN.parent / "supporters" / "web" / "templates", {"say": None})
    yield from dict.fromkeys(found)


def _titles(path: Path) -> Iterator[tuple[str, ...]]:
    """The texts of a table of statuses, and of sentences by field: values of a dictionary at the top."""
    for node in ast.parse(path.read_text()).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Dict):
            for each in ast.walk(value):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value[:1].isupper():
                    yield (each.value,)


def _in_python(folder: Path, calls: dict[str, int]) -> Iterator[tuple[str, ...]]:
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        if folder.is_dir() and set(path.relative_to(folder).parts) & set(_PASSED_OVER):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and not _logs(node.func) and (wanted := calls.get(_name(node.func))):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                if _name(node.func) == "wrong":  # The field it is about comes first.
                    texts, wanted = texts[-1:] if len(texts) > 1 or " " in (texts or [""])[0] else [], 1
                if _name(node.func) == "BadBankFile" and any(one.arg == "place" for one in node.keywords):
                    texts = [f"%(place)s: {text}" for text in texts]  # As the error itself puts it in front.
                # A log line or a code is one word; what is said to people has a space or a capital.
                texts = [text for text in texts if _name(node.func) in _CALLS or " " in text or text[:1].isupper()]
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


def _logs(function: ast.expr) -> bool:
    """Whether it writes to a log, which no fundraiser reads."""
    return isinstance(function, ast.Attribute) and _name(function.value) in ("log", "logger")


def _in_templates(folder: Path, calls: dict[str, Any] | None = None) -> Iterator[tuple[str, ...]]:
    calls = calls or {name: (1, 2) if texts == 2 else None for name, texts in _CALLS.items()}
    for _file, _line, message, _comments, _context in extract_from_dir(folder, [("**.html", "jinja2")], keywords=calls):
        parts = message if isinstance(message, tuple) else (message,)
        if all(parts):
            yield tuple(parts)


def read(path: Path = PO) -> Catalog:
    if not path.exists():
        return Catalog(locale="nl", project="achterban")
    with path.open("rb") as file:
        return read_po(file, locale="nl")


def updated(old: Catalog, said: Iterable[tuple[str, ...]] | None = None) -> Catalog:
    """The catalogue for what the code says now; a translation of what is gone is dropped."""
    new = Catalog(locale="nl", project="achterban", creation_date=old.creation_date, revision_date=old.revision_date)
    new.header_comment = "# Dutch for achterban. After a change: python -m admin.catalogue"
    for parts in sorted(strings() if said is None else said):
        known = old.get(parts[0])
        translation = known.string if known is not None else ""
        if len(parts) > 1 and not isinstance(translation, tuple):
            translation = ("", "")
        new.add(parts if len(parts) > 1 else parts[0], string=translation)
    return new


def missing(catalogue: Catalog) -> list[str]:
    """What has no Dutch yet."""
    return [str(m.id) for m in catalogue if m.id and not (all(m.string) if isinstance(m.string, tuple) else m.string)]


def borrowed(catalogue: Catalog, other: Catalog) -> Catalog:
    """What both say has one translation, wherever somebody wrote it."""
    for message in catalogue:
        if message.id and not message.string and (known := other.get(str(message.id))) is not None:
            message.string = known.string
    return catalogue


def write(catalogue: Catalog, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, omit_header=False, width=120)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)


def main() -> int:
    screens, public = updated(read()), updated(read(PUBLIC_PO), public_strings())
    giving = updated(read(GIVING_PO), giving_strings())
    three = ((screens, PO), (public, PUBLIC_PO), (giving, GIVING_PO))
    for catalogue, _ in three:
        for other, _ in three:
            borrowed(catalogue, other)
    lacking: list[str] = []
    for catalogue, path in three:
        write(catalogue, path)
        lacking += missing(catalogue)
    for text in dict.fromkeys(lacking):
        print(text)
    total = sum(len(catalogue) for catalogue, _ in three)
    print(f"{len(lacking)} of {total} strings lack their Dutch.", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
