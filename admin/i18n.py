"""Which language, and how money and dates are written in it. English stands in the code, Dutch in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent
from flask import Flask, current_app, has_request_context, request, session
from flask_babel import Babel, Domain, get_locale
from flask_babel.speaklater import LazyString
from flask_login import current_user

from admin import clock
from supporters import formats
from supporters.errors import AchterbanError
from supporters.money import Money

LANGUAGES = {"nl": "Nederlands", "en": "English"}
FOLDER = Path(__file__).parent / "translations"


def _marked(*words: str) -> frozenset[str]:
    """Words that a verb of the library puts into its sentences; the catalogue finds them here."""
    return frozenset(words)


WORDS = _marked(
    "has died", "ended the mandate", "stopped", "prepared", "approved", "exported", "booked", "cancelled", "approve",
    "export", "cancel", "book", "take lines out of", "lapsed", "used", "due", "claimed", "paid", "returned", "skipped",
    "paused", "waived", "missed", "open", "failed", "month", "two_months", "quarter", "half_year", "year",
    "nothing is due", "an Excel workbook (.xlsx) or a zip file", "an old Excel workbook (.xls)", "a PDF",
    "text in UTF-32", "it was made for something else", "a test payment on a live account",
    "a live payment on a test account", "it has another name at the gateway",
    "another payment has this name", "no reason given", "invalid",
    "ended", "draft", "live", "settled", "reported", "hidden", "entered", "counted", "met", "withdrawn",
    "pending", "waiting", "ready", "submitting", "unknown", "done", "nothing new", "about nothing of ours",
    "the same came again", "no payment of ours has this name yet",
    "a zip file or an Excel workbook", "a compressed file (.gz)", "a web page (HTML)", "a CSV file", "a JSON file",
    "an MT942", "XML of another kind", "a file of a kind we do not know",
    "a collection file (pain.008), which goes to the bank",
    "a file of payments to make (pain.001), which goes to the bank",
    "not well-formed (invalid token)", "mismatched tag", "undefined entity", "junk after document element",
    "duplicate attribute", "reference to invalid character number", "unknown encoding",
)  # fmt: skip

domain = Domain(translation_directories=[str(FOLDER)])


def gettext(text: str, **params: Any) -> str:
    return str(domain.gettext(text, **params))


def ngettext(one: str, many: str, num: int, **params: Any) -> str:
    text: str = domain.get_translations().ungettext(one, many, num)
    return text % {"num": number(num), **params}


def lazy(text: str) -> LazyString:
    """A label written where no request is: translated when it is shown."""
    return LazyString(domain.gettext, text)


def say(error: AchterbanError) -> str:
    """What a verb raised, in the reader's language; its template is the key."""
    return saying(error.template, error.params)


def saying(template: str, params: Mapping[str, Any]) -> str:
    """A template of the library filled in, with the dates and amounts in it written for the reader."""
    text = gettext(template)
    return text % {name: _for_reader(value) for name, value in params.items()} if params else text


def worded(text: str) -> str:
    """A reason that the library wrote down, in the reader's language where it is one of ours."""
    return str(_for_reader(text))


def _placed(part: str) -> str:
    """One part of a place in a file of the bank: its line, and what one counts there."""
    if not (found := re.fullmatch(r"(line|statement|entry|part|batch|debit) (\d+)", part)):
        return part
    words = {
        "line": gettext("line %(number)s"), "statement": gettext("statement %(number)s"),
        "entry": gettext("entry %(number)s"), "part": gettext("part %(number)s"),
        "batch": gettext("batch %(number)s"), "debit": gettext("debit %(number)s"),
    }  # fmt: skip
    return words[found[1]] % {"number": found[2]}


def _for_reader(value: Any) -> Any:
    if isinstance(value, Money | date):
        return money(value) if isinstance(value, Money) else day(value)
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return day(date.fromisoformat(value))
    if found := re.fullmatch(r"([A-Z]{3}) (-?[\d,]+(?:\.\d+)?)", value):
        return money(Money.of(found[2].replace(",", ""), found[1]))
    if found := re.fullmatch(r"([A-Z]{3} -?[\d,.]+) where ([A-Z]{3} -?[\d,.]+) was asked", value):
        return gettext("%(found)s where %(asked)s was asked", found=_for_reader(found[1]), asked=_for_reader(found[2]))
    if re.match(r"line \d+(, |$)", value):
        return ", ".join(_placed(part) for part in value.split(", "))
    words = [value] if value in WORDS else value.split(" or ")
    return " / ".join(gettext(word) for word in words) if set(words) <= WORDS else value


def init_app(app: Flask) -> None:
    """Follow the host's Flask-Babel where it has one; else bring our own."""
    if "babel" not in app.extensions:
        app.config.setdefault("BABEL_DEFAULT_LOCALE", app.config["ADMIN_LANGUAGE"])
        Babel(app, locale_selector=chosen_language, timezone_selector=lambda: str(clock.zone()))


def chosen_language() -> str:
    """What the reader chose (here, or on another day), else the browser's preference."""
    default: str = current_app.config["ADMIN_LANGUAGE"]
    if not has_request_context():
        return default
    for wish in (session.get("achterban_language"), getattr(current_user, "language", None)):
        if wish in LANGUAGES:
            return str(wish)
    return request.accept_languages.best_match(list(LANGUAGES), default) or default


def locale() -> Locale:
    return get_locale() or Locale("en")


def money(value: Money | int | None, currency: str = "EUR") -> str:
    """€ 1.234,56 in Dutch, €1,234.56 in English."""
    if value is None:
        return "–"
    value = value if isinstance(value, Money) else Money(int(value), currency)
    return str(format_currency(value.decimal, value.currency, locale=locale()))


def whole_money(value: Money | int | None, currency: str = "EUR") -> str:
    """For figures and axes: without the cents."""
    if value is None:
        return "–"
    value = value if isinstance(value, Money) else Money(int(value), currency)
    pattern = "¤ #,##0;¤ -#,##0" if locale().language == "nl" else "¤#,##0;-¤#,##0"
    return str(format_currency(value.decimal, value.currency, pattern, locale=locale(), currency_digits=False))


def short_money(value: Money | int | None, currency: str = "EUR") -> str:
    """For an axis: € 10 mln. where it is in millions, else whole."""
    value = value if isinstance(value, Money) else Money(int(value or 0), currency)
    if abs(value.decimal) < 1_000_000:
        return whole_money(value)
    return str(format_compact_currency(value.decimal, value.currency, locale=locale(), fraction_digits=1)).replace(
        ".0", ""
    )


def number(value: int | float | None) -> str:
    return "–" if value is None else str(format_decimal(value, locale=locale()))


def percent(value: float | None) -> str:
    """Growth, with its sign; the value counts in percents."""
    if value is None:
        return "–"
    return ("+" if value > 0 else "") + str(format_percent(value / 100, "#,##0.#%", locale=locale()))


def share(value: float) -> str:
    """Of a whole; the value counts in percents."""
    return str(format_percent(value / 100, "#,##0.0#%", locale=locale()))


def day(value: date | datetime | None, length: str = "long") -> str:
    """3 januari 2022; ``length="medium"`` where room is scarce: 3 jan 2022."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(clock.zone()).date()
    return formats.day(value, locale().language, length)


def moment(value: datetime | None) -> str:
    if value is None:
        return "–"
    zone = clock.zone()
    return str(format_datetime(value, "d MMM y HH:mm", tzinfo=zone, locale=locale()))


def month(value: date, length: str = "short") -> str:
    return str(format_date(value, "LLLL" if length == "long" else "LLL", locale=locale())).rstrip(".")
