"""What people type into a form on a website: cleaned, and looked at for what is no name."""

from __future__ import annotations

import re
import unicodedata

from supporters.errors import BadInput

YES = {"1", "on", "true", "yes", "ja"}
NO = {"", "0", "off", "false", "no", "nee"}
_ADDRESS = re.compile(r"://|www\.|\.(?:com|net|org|nl|ru|info|biz|xyz|top|io)(?:[/\s]|$)", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SOURCE = re.compile(r"[a-z0-9]+(?:[-/][a-z0-9]+)*")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")


def clean(field: str, value: str, most: int, *, lines: bool = False) -> str:
    """Composed, trimmed, on one line (or ``lines``), without what cannot be seen; raises BadInput where too long."""
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    if lines:
        value = "\n".join(" ".join(each.split()) for each in value.splitlines()).strip()
    else:
        value = " ".join(value.split())
    if not value.isprintable():
        value = "".join(c for c in value if c == "\n" or unicodedata.category(c) not in _HIDDEN)
    if len(value) > most:
        raise BadInput(
            "This is too long: at most %(most)s characters fit, this has %(found)s.",
            field=field, most=most, found=len(value),
        )  # fmt: skip
    return value


def not_a_name(field: str, value: str) -> BadInput | None:
    """Why this is no name or place: a web address, or what a spreadsheet would take for a formula."""
    if has_address(value):
        return BadInput("There can be no web address in this field.", field=field)
    if value.startswith(_FORMULA):
        return BadInput("This cannot begin with “%(sign)s”.", field=field, sign=value[0])
    return None


def has_address(value: str) -> bool:
    """Whether a web address is in it."""
    return _ADDRESS.search(value) is not None


def ticked(field: str, value: str) -> bool:
    """Whether a box is ticked; raises BadInput where what was sent is neither."""
    if value.lower() not in YES | NO:
        raise BadInput("A box is ticked (1) or left out; not “%(value)s”.", field=field, value=value[:20])
    return value.lower() in YES


def is_source(text: str, most: int = 40) -> bool:
    """Whether it is written as a source code is: newsletter, street/utrecht."""
    return len(text) <= most and _SOURCE.fullmatch(text) is not None
