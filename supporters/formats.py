"""Days, amounts and numbers as people write them here: Dutch, or English with the day before the month."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from supporters.money import Money

#: What Babel is asked for. A charity in the Netherlands writes to English readers as Europe does.
REGIONS = {"nl": "nl_NL", "en": "en_GB"}


def region(locale: str) -> str:
    return REGIONS.get(locale, locale)


def day(on: date | datetime, locale: str, length: str = "long") -> str:
    """1 February 2027, 1 februari 2027."""
    return str(format_date(on, length, locale=region(locale)))


def money(amount: Money, locale: str) -> str:
    """€10.00, € 10,00."""
    return str(format_currency(amount.decimal, amount.currency, locale=region(locale)))


def number(value: int, locale: str) -> str:
    """1,234 and 1.234."""
    return str(format_decimal(value, locale=region(locale)))
