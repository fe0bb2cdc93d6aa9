"""The smallest parts of what banks write: amounts, dates, account numbers, references."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from supporters.money import exponent
from supporters.payments.bank.told import BadBankFile

_CLOCK = ZoneInfo("Europe/Amsterdam")
_LARGEST = 10**15
_IN_DIGITS = {code: str(int(chr(code), 36)) for code in (*range(48, 58), *range(65, 91))}
_NOTHING = {"NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOREF", "NOTAVAILABLE"}


def minor(text: str, currency: str, place: str, what: str) -> int:
    """Minor units from an amount with a decimal point, and without a sign. More decimals than the currency has are
    zeros, or a mistake."""
    amount = _minor(text, currency)
    if isinstance(amount, int):
        return amount
    if amount == "decimals":
        raise BadBankFile(
            "“%(text)s” has more decimals than %(currency)s has (%(decimals)s).",
            place=f"{place}, {what}", text=text[:40], currency=currency, decimals=exponent(currency),
        )  # fmt: skip
    if amount == "large":
        raise BadBankFile("“%(text)s” is larger than any amount we handle.", place=f"{place}, {what}", text=text[:40])
    raise BadBankFile(
        "“%(text)s” is not an amount; here it is written as 1234.50, without a sign.",
        place=f"{place}, {what}", text=text[:40],
    )  # fmt: skip


@lru_cache(maxsize=4096)
def signed_minor(text: str, currency: str, side: str) -> int | None:
    """What ``minor`` says with the sign of CRDT or DBIT, or None where anything is wrong with it. Kept, because amounts
    come again and again."""
    if side not in ("CRDT", "DBIT") or not _is_currency(currency):
        return None
    amount = _minor(text, currency)
    return None if isinstance(amount, str) else amount if side == "CRDT" else -amount


@lru_cache(maxsize=4096)
def _minor(text: str, currency: str) -> int | str:
    """The amount, or what is wrong with it."""
    whole, _, part = text.partition(".")
    decimals = exponent(currency)
    if len(part) > decimals:
        if part[decimals:].strip("0"):
            return "decimals" if part.isdigit() else "text"
        part = part[:decimals]
    digits = whole + part.ljust(decimals, "0")
    if not (digits.isascii() and digits.isdigit()):
        return "text"
    return int(digits) if len(digits) < 40 and int(digits) < _LARGEST else "large"


def currency_of(text: str, place: str, what: str) -> str:
    if _is_currency(text):
        return text
    raise BadBankFile("“%(text)s” is not a currency code such as EUR.", place=f"{place}, {what}", text=text[:40] or "–")


def _is_currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


def day(text: str, place: str, what: str) -> date:
    """The date in a date, or in a date and time: that of our clock where it says its offset."""
    found = day_or_none(text)
    if found is None:
        raise BadBankFile(
            "“%(text)s” is not a date; here it is written as 2026-11-30.", place=f"{place}, {what}", text=text[:40]
        )
    return found


@lru_cache(maxsize=1024)
def day_or_none(text: str) -> date | None:
    if len(text) > 16 or "T" in text:
        at = _moment(text)
        return None if at is None else at.date() if at.tzinfo is None else at.astimezone(_CLOCK).date()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(Z|[+-]\d\d:\d\d)?", text, re.ASCII):
        return None
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2199 else None


def moment(text: str) -> datetime | None:
    """An instant, or None where it is none: only said beside what matters. Without an offset it is of our clock."""
    at = _moment(text)
    return None if at is None else (at.replace(tzinfo=_CLOCK) if at.tzinfo is None else at).astimezone(UTC)


@lru_cache(maxsize=64)
def _moment(text: str) -> datetime | None:
    pattern = r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?"
    if not (found := re.fullmatch(pattern, text, re.ASCII)):
        return None
    on, at, fraction, offset = found.groups()
    late = at == "24:00:00"  # XML's way to say the end of a day
    try:
        moment = datetime.fromisoformat(
            f"{on}T{'00:00:00' if late else at}.{(fraction or '0')[:6].ljust(6, '0')}{offset or ''}"
        )
    except ValueError:
        return None
    if not 1900 <= moment.year <= 2199:
        return None
    return moment + timedelta(days=1) if late else moment


def is_iban(text: str) -> bool:
    """Whether it is one, without spaces and in capitals, whose check digits fit."""
    if not (15 <= len(text) <= 34 and text.isascii() and text.isalnum() and text.isupper() and text[2:4].isdigit()):
        return False
    account = text[8:]
    if not account.isdigit():
        account = account.translate(_IN_DIGITS)
    return text[:2].isalpha() and int(_digits(text[4:8]) + account + _digits(text[:4])) % 97 == 1


@lru_cache(maxsize=4096)
def _digits(text: str) -> str:
    return text.translate(_IN_DIGITS)


def without_spaces(text: str) -> str:
    return text if text.isalnum() else "".join(text.split())


def reference(text: str | None) -> str:
    """A reference, or nothing where the bank only says that there is none."""
    return "" if not text or text.upper() in _NOTHING else text


def whole(text: str | None) -> int | None:
    """A count, or None where it is none: only said beside what matters."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def one_line(*texts: str) -> str:
    text = texts[0] if len(texts) == 1 else " ".join(texts)
    return text.strip() if text.isprintable() and "  " not in text else " ".join(text.split())
