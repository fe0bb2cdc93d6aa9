"""From the text of a cell to its value. Each function raises BadInput that says what would be right."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import date, timedelta

import phonenumbers

from supporters.errors import BadInput
from supporters.lifecycle.importing import words
from supporters.money import Money
from supporters.people.folding import fold

_SCIENTIFIC = re.compile(r"[+-]?\d[.,]?\d*E[+-]\d+", re.IGNORECASE)
_SPREADSHEET_ERROR = re.compile(
    r"#(?:REF!|N/A|N/B|NAME\?|NAAM\?|VALUE!|WAARDE!|DIV/0!|DEEL/0!|NUM!|GETAL!|NULL!|LEEG!|VERW!|#+)"
)


def plain(text: str) -> str:
    """One line of text; raises BadInput for what a spreadsheet damaged."""
    if _SCIENTIFIC.fullmatch(text):
        raise BadInput(
            "“%(value)s” is what a spreadsheet makes of a long number: give the column the format “text”, fill "
            "in the whole number again and save.",
            value=text[:40],
        )  # fmt: skip
    return sentence(text)


def sentence(text: str) -> str:
    """One line of free text."""
    if _SPREADSHEET_ERROR.fullmatch(text):
        raise BadInput("“%(value)s” is an error of the spreadsheet, not a value: mend its formula.", value=text[:40])
    if not text.isprintable():
        text = " ".join(text.split())
        if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
            raise BadInput(
                "There is an invisible control character in “%(value)s”: remove it.", value=_visible(text)[:40]
            )
    return text


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in text)


def choice(text: str, meanings: dict[str, str]) -> str:
    """The meaning of one of the words of a fixed list (see ``words``)."""
    if found := meanings.get(fold(text)):
        return found
    raise BadInput(
        "“%(value)s” is not one of: %(known)s.", value=text[:40], known=", ".join(dict.fromkeys(meanings.values()))
    )


def country(text: str) -> str:
    """The two letters of a country (NL), also from its usual names."""
    code = text.strip().upper()
    if code in phonenumbers.SUPPORTED_REGIONS:
        return code
    if found := words.COUNTRIES.get(fold(text)):
        return found
    raise BadInput("“%(value)s” is not a country; write its two letters, such as NL.", value=text[:40])


def money(text: str) -> Money:
    """More than nothing, in euros."""
    amount = Money.parse(text)
    if amount.amount <= 0:
        raise BadInput("“%(value)s” is not more than nothing.", value=text[:40])
    return amount


def whole_number(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise BadInput("“%(value)s” is not a whole number, such as 12.", value=text[:40])
    return int(text)


# -- dates ----------------------------------------------------------------------------------------------------------

_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + _TIME)
_DAY_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})" + _TIME)
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NAMED = re.compile(r"(\d{1,2})[-/. ]+([^\W\d_]{3,12})\.?[-/. ]+(\d{4}|\d{2})")
_SHORT_YEAR = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{2})")


def day(text: str) -> date:
    """A date: 2021-03-01, 01-03-2021, 1/3/2021, 20210301 or 1 maart 2021; the day comes before the month."""
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(text, int(found[1]), int(found[3]), int(found[4]))
    if found := _DAY_FIRST.fullmatch(text):
        return _day(text, int(found[4]), int(found[3]), int(found[1]))
    if found := _PACKED.fullmatch(text):
        return _day(text, int(found[1]), int(found[2]), int(found[3]))
    if (found := _NAMED.fullmatch(text)) and (month := words.MONTHS.get(fold(found[2])[:3])):
        if len(found[3]) == 4:
            return _day(text, int(found[3]), month, int(found[1]))
        raise _two_digits(text)
    if _SHORT_YEAR.fullmatch(text):
        raise _two_digits(text)
    if re.fullmatch(r"[1-6]\d{4}([.,]\d+)?", text):
        meant = date(1899, 12, 30) + timedelta(days=int(text[:5]))
        raise BadInput(
            "“%(value)s” is a spreadsheet's number for a date (it may be %(meant)s): give the column the format “date” "
            "and save again.",
            value=text, meant=meant.isoformat(),
        )  # fmt: skip
    raise BadInput("“%(value)s” is not a date; write it as 2021-03-31 or 31-03-2021.", value=text[:40])


def _two_digits(text: str) -> BadInput:
    return BadInput("“%(value)s” has two digits for the year: write all four, as in 31-03-2021.", value=text[:40])


def _day(text: str, year: int, month: int, number: int) -> date:
    if not 1850 <= year <= 2200:
        raise BadInput("“%(value)s” is in the year %(year)s, which cannot be meant.", value=text[:40], year=year)
    if not 1 <= month <= 12:
        raise BadInput(
            "“%(value)s” does not exist: there is no month %(month)s. The day comes first, as in 31-03-2021.",
            value=text[:40], month=month,
        )  # fmt: skip
    last = calendar.monthrange(year, month)[1]
    if not 1 <= number <= last:
        raise BadInput("“%(value)s” does not exist: that month has days 1 to %(last)s.", value=text[:40], last=last)
    return date(year, month, number)


def past_day(text: str, on: date) -> date:
    """A date that is not after ``on``."""
    found = day(text)
    if found > on:
        raise BadInput("“%(value)s” lies in the future.", value=text[:40])
    return found
