"""Money in integer minor units with its currency; never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from supporters.errors import AchterbanError, BadInput

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3, "JOD": 3}


class MoneyError(BadInput):
    """The text or value is not an amount of money."""

    code = "bad_amount"


class CurrencyMismatch(AchterbanError):
    """Two amounts in different currencies were added or compared."""

    code = "currency_mismatch"


def exponent(currency: str) -> int:
    """How many decimals the currency has: 2 for EUR, 0 for JPY."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` minor units (cents for EUR, yen for JPY) of ``currency`` (ISO 4217)."""

    amount: int
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(f"Money counts whole minor units (cents), not {type(self.amount).__name__}")
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise MoneyError(
                "“%(currency)s” is not a currency code such as EUR.", field="currency", currency=self.currency
            )

    @classmethod
    def eur(cls, amount: str | int | Decimal) -> Money:
        """Whole euros from an int, euros and cents from text such as "12.50"."""
        return cls.of(amount, "EUR")

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Money:
        if isinstance(amount, str):
            return cls.parse(amount, currency)
        if isinstance(amount, (bool, float)):
            raise TypeError(f"Money is never made from a {type(amount).__name__}: write the amount as text, 12.50")
        return cls._exact(Decimal(amount), currency, str(amount))

    @classmethod
    def parse(cls, text: str, currency: str = "EUR") -> Money:
        """Read an amount as people type it: ``12,50``, ``12.50``, ``€ 1.234,56``, ``1,234.56``.

        Raises MoneyError where it could mean two things ("1.000": one, or a thousand?).
        """
        shown = text.strip()[:40]
        cleaned = re.sub(r"[\s\u00a0\u202f]", "", text.strip())
        cleaned = re.sub(rf"^(€|{currency})|(€|{currency})$", "", cleaned, flags=re.IGNORECASE)
        sign = -1 if cleaned.startswith(("-", "−")) else 1
        cleaned = cleaned[1:] if cleaned.startswith(("+", "-", "−")) else cleaned
        if cleaned.endswith((",-", ",--", ".-", ".--")):
            cleaned = re.split(r"[.,]-", cleaned)[0]
        if not cleaned.strip(".,"):
            raise MoneyError("An amount is missing; write it as 12,50.", field="amount")
        if wrong := re.search(r"[^0-9.,]", cleaned):
            if wrong.group() in "oO":
                raise MoneyError(
                    "“%(text)s” has the letter %(letter)s where a zero belongs; write %(right)s.",
                    field="amount", text=shown, letter=wrong.group(), right=re.sub("[oO]", "0", shown),
                )  # fmt: skip
            raise MoneyError("“%(text)s” is not an amount; write it as 12,50.", field="amount", text=shown)
        separators = re.findall(r"[.,]", cleaned)
        if not separators:
            return cls._exact(Decimal(sign) * Decimal(cleaned), currency, shown)
        last = separators[-1]
        whole, _, rest = cleaned.rpartition(last)
        others = set(separators[:-1])
        if not others and len(rest) == 3 and exponent(currency) != 3:
            raise MoneyError(
                "“%(text)s” can mean two amounts; write %(small)s or %(large)s.",
                field="amount", text=shown, small=f"{whole or 0},{rest[:2]}", large=f"{whole or 0}{rest},00",
            )  # fmt: skip
        if others == {last}:  # Only thousands separators, as in 1.000.000.
            if not re.fullmatch(rf"\d{{1,3}}(\{last}\d{{3}})+", cleaned):
                raise MoneyError("“%(text)s” is not an amount; write it as 1234,50.", field="amount", text=shown)
            return cls._exact(Decimal(sign) * Decimal(cleaned.replace(last, "")), currency, shown)
        if others and (len(others) > 1 or not re.fullmatch(r"\d{1,3}([.,]\d{3})+", whole)):
            raise MoneyError("“%(text)s” is not an amount; write it as 1234,50.", field="amount", text=shown)
        digits = re.sub(r"[.,]", "", whole)
        return cls._exact(Decimal(sign) * Decimal(f"{digits or 0}.{rest or 0}"), currency, shown)

    @classmethod
    def _exact(cls, value: Decimal, currency: str, shown: str) -> Money:
        try:
            minor = value.scaleb(exponent(currency))
            whole = int(minor)
        except (InvalidOperation, OverflowError, ValueError) as error:
            raise MoneyError("“%(text)s” is not an amount; write it as 12,50.", field="amount", text=shown) from error
        if minor != whole:
            raise MoneyError(
                "“%(text)s” has more decimals than %(currency)s has (%(decimals)s).",
                field="amount", text=shown, currency=currency, decimals=exponent(currency),
            )  # fmt: skip
        if abs(whole) >= 10**15:
            raise MoneyError("“%(text)s” is larger than any amount we handle.", field="amount", text=shown)
        return cls(whole, currency)

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(
                "%(one)s and %(other)s cannot be added or compared.", one=self.currency, other=other.currency
            )

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.amount * times, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount <= other.amount

    def __gt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount > other.amount

    def __ge__(self, other: Money) -> bool:
        self._same(other)
        return self.amount >= other.amount

    def __str__(self) -> str:
        return f"{self.currency} {self.decimal:,.{exponent(self.currency)}f}"
