"""MT940: the older text format, in the dialects of Dutch banks and in the general form.

The library ``mt-940`` reads what one line says: balances, and the entry with its dates over a new year and the sign of
a reversal. Which line belongs to what is decided here, one line at a time, so that a file's size does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, Any

import mt940

from supporters.money import exponent
from supporters.payments.bank.reading.mt940_details import explain
from supporters.payments.bank.reading.mt940_lines import Lines
from supporters.payments.bank.reading.values import currency_of, is_iban, one_line, reference, without_spaces
from supporters.payments.bank.told import BadBankFile, Balance, Detail, Entry, Head, Line, Tail, Told

_TAG = re.compile(r":(20|21|25P?|28C?|60[FM]?|61|62[FM]?|64|65|86|13D?|34F|90[CD]|NS|940):")
_ENVELOPE = re.compile(r"\{[1-5S]:")
_END = re.compile(r"-(\}.*)?")
_EXPECTED = re.compile(r"\d{6}(\d{4}|\s{4})?E[CD]", re.ASCII)
_OWN_NUMBER = re.compile(r"P?\d{7,10}", re.ASCII)
_KIND = re.compile(r"/TRCD/\w+/?")
#: Words in the place of a reference that only say where it is to be found.
_POINTERS = {"EREF", "PREF", "MARF", "CREF", "KREF", "NONREF", "NOREF"}
_MOST_LINES = 500  # of one field; SWIFT has 6
_LARGEST = 10**15

_OPENING, _CLOSING, _ENTRY = mt940.tags.OpeningBalance(), mt940.tags.ClosingBalance(), mt940.tags.Statement()
_LONG_ENTRY = mt940.tags.StatementGLS()  # for references longer than 16 characters


def read(stream: IO[bytes]) -> Iterator[Told]:
    return _Mt940(stream).through()


class _Mt940:
    def __init__(self, stream: IO[bytes]) -> None:
        self._lines = Lines(stream)
        self._out: list[Told] = []
        self._rules = mt940.models.Transactions(options=mt940.Options.all())
        self._tag, self._at, self._value = "", 0, [""]
        self._inside = self._closed = False
        self._stray = 0  # a line between statements that announces the next one, or is left over
        self._head: Head | None = None
        self._begun_at = self._count = 0
        self._said: dict[str, str] = {}
        self._waiting: Line | None = None

    def through(self) -> Iterator[Told]:
        for number, text in self._lines:
            self._take(number, text)
            if self._out:
                yield from self._out
                self._out.clear()
        self._finish(at_end=True)
        if self._inside and not self._closed:
            raise self._cut(self._lines.number)
        if self._stray:
            raise BadBankFile("The file ends where a statement should begin.", place=f"line {self._stray}")
        yield from self._out

    def _cut(self, number: int) -> BadBankFile:
        return BadBankFile(
            "The statement that begins on line %(begun)s ends without a closing balance (:62F:): fetch the file from"
            " the bank again.",
            place=f"line {number}", begun=self._begun_at,
        )  # fmt: skip

    # -- which line belongs to what -----------------------------------------------------------------------------

    def _take(self, number: int, text: str) -> None:
        if text.startswith(":") and (found := _TAG.match(text)):
            self._finish()
            self._tag, self._at, self._value = found[1], number, [text[found.end() :]]
        elif not text:
            pass
        elif text.startswith("{") and _ENVELOPE.match(text) and (self._is_over or not self._inside):
            self._leave()
            rest = text.rpartition("{4:")[2] if "{4:" in text else ""
            if rest.strip():
                self._take(number, rest.strip())
            elif not text.startswith(("{5:", "{S:")):
                self._stray = number
        elif self._inside and not (self._is_over and (self._tag not in ("86", "NS") or _END.fullmatch(text))):
            if len(self._value) >= _MOST_LINES:
                raise BadBankFile("One field has more than %(most)s lines.", place=f"line {number}", most=_MOST_LINES)
            self._value.append(text)
        else:
            self._leave()
            if not _END.fullmatch(text):
                self._stray = number

    @property
    def _is_over(self) -> bool:
        """Whether the closing balance has come, so that a line that is no field is not the statement's."""
        return self._closed or self._tag.startswith("62")

    def _leave(self) -> None:
        self._finish()
        self._inside = False

    def _finish(self, *, at_end: bool = False) -> None:
        """What the field says, now that all of its lines have come."""
        tag, self._tag = self._tag, ""
        if not tag or tag == "940":
            return
        if tag == "20" or not self._inside:
            self._begin(tag)
        value = self._value[0].strip()
        if tag in ("25", "25P"):
            self._said["account"] = value
        elif tag in ("28", "28C"):
            self._said["number"] = value
        elif self._closed:
            if tag == "61":
                raise BadBankFile("An entry stands behind the closing balance.", place=f"line {self._at}")
        elif tag.startswith("60"):
            self._open(value)
        elif tag == "61":
            self._tell_waiting()
            self._waiting = self._entry()
        elif tag == "86" and self._waiting is not None:
            explain(self._value, self._waiting)
        elif tag.startswith("62"):
            self._tell_waiting()
            self._close(value, complete=not at_end or self._lines.is_terminated)

    # -- what the fields say ------------------------------------------------------------------------------------

    def _begin(self, tag: str) -> None:
        if self._inside and not self._closed:
            raise self._cut(self._at)
        self._inside, self._closed, self._stray = True, False, 0
        self._head, self._waiting, self._count = None, None, 0
        self._begun_at = self._at
        self._said = {"ident": self._value[0].strip()} if tag == "20" else {}

    def _open(self, value: str) -> None:
        if self._head is not None:
            raise BadBankFile("The statement has a second opening balance.", place=f"line {self._at}")
        said, opening = self._said, self._balance(_OPENING, "opening_balance", value)
        account = _account(said.get("account", ""))
        if not account:
            raise BadBankFile("It does not say which account it is about (:25:).", place=f"line {self._at}")
        self._head = Head(
            kind="statement",
            format="MT940",
            place=f"line {self._begun_at}",
            ident=said.get("ident", ""),
            number=said.get("number", ""),
            account=account,
            currency=opening.currency,
            opening=opening,
        )
        self._out.append(self._head)

    def _close(self, value: str, *, complete: bool) -> None:
        head, closing = self._opened(), self._balance(_CLOSING, "closing_balance", value)
        if closing.currency != head.currency:
            raise BadBankFile(
                "The closing balance is in %(currency)s, and the opening balance in %(opening)s.",
                place=f"line {self._at}", currency=closing.currency, opening=head.currency,
            )  # fmt: skip
        decimals = len(value.rpartition(",")[2]) if "," in value else 0
        if not complete and decimals != exponent(closing.currency):
            raise self._cut(self._at)
        self._out.append(Tail(f"line {self._at}", closing))
        self._closed = True

    def _opened(self) -> Head:
        if self._head is None:
            raise BadBankFile("The statement has no opening balance (:60F:) before this.", place=f"line {self._at}")
        return self._head

    def _balance(self, tag: mt940.tags.Tag, slug: str, value: str) -> Balance:
        place = f"line {self._at}"
        found = tag.re.fullmatch(value)
        if found is None:
            raise BadBankFile(
                "“%(text)s” is not a balance; it is written as C261130EUR1234,50.", place=place, text=value[:40]
            )
        said: Any = self._read(tag, found)[slug]
        currency = currency_of(said.amount.currency, place, ":60F:/:62F:")
        return Balance(self._minor(said.amount.amount, currency), currency, _day(said.date))

    def _entry(self) -> Line | None:
        head, place = self._opened(), f"line {self._at}"
        first, *more = self._value
        if "E" in first[6:11] and _EXPECTED.match(first):
            return None  # It is announced, and not on the account yet.
        if "/TRCD/" in first or more:
            first = _KIND.sub("", first)
            more = [text for line in more if (text := _KIND.sub("", line).strip())]
        text = "\n".join([first.rstrip(), " ".join(more)]) if more else first.rstrip()
        tag = _ENTRY
        found = tag.re.match(text)
        if found is None or (found["extra_details"] and not more):
            tag = _LONG_ENTRY
            found = tag.re.match(text) or found
        if found is None:
            raise BadBankFile(
                "“%(text)s” is not an entry; it is written as 2611301130C12,50NTRFNONREF.",
                place=place, text=first[:40],
            )  # fmt: skip
        said = self._read(tag, found)
        assert head.currency is not None
        self._count += 1
        on: date = _day(said["date"])
        entry = Entry(
            place=place,
            position=self._count,
            amount=self._minor(said["amount"].amount, head.currency),
            currency=head.currency,
            booked_on=_day(said["entry_date"]) if isinstance(said.get("entry_date"), date) else on,
            value_on=on,
            is_reversal=said["status"].upper().startswith("R"),
            reference=reference((said.get("bank_reference") or "").strip()),
            own_reference=_own_reference(said.get("customer_reference") or ""),
            code=(said.get("id") or "").strip(),
        )
        detail = Detail()
        if extra := one_line(said.get("extra_details") or ""):
            if is_iban(number := without_spaces(extra)):
                detail.iban = number
            elif _OWN_NUMBER.fullmatch(extra):
                detail.account = extra.lstrip("P").lstrip("0")
            else:
                entry.text = extra
        return Line(entry, detail)

    def _read(self, tag: mt940.tags.Tag, found: re.Match[str]) -> dict[str, Any]:
        try:
            return dict(tag(self._rules, found.groupdict()))
        except (ValueError, ArithmeticError, TypeError) as error:
            raise BadBankFile(
                "“%(text)s” has a date or an amount that does not exist.",
                place=f"line {self._at}", text=found.string[:40],
            ) from error  # fmt: skip

    def _minor(self, amount: Decimal, currency: str) -> int:
        try:
            minor = amount.scaleb(exponent(currency))
            whole = int(minor)
        except (InvalidOperation, OverflowError, ValueError) as error:
            raise BadBankFile(
                "“%(text)s” is larger than any amount we handle.", place=f"line {self._at}", text=str(amount)
            ) from error
        if minor != whole:
            raise BadBankFile(
                "“%(text)s” has more decimals than %(currency)s has (%(decimals)s).",
                place=f"line {self._at}", text=str(abs(amount)), currency=currency, decimals=exponent(currency),
            )  # fmt: skip
        if abs(whole) >= _LARGEST:
            raise BadBankFile(
                "“%(text)s” is larger than any amount we handle.", place=f"line {self._at}", text=str(amount)
            )
        return whole

    def _tell_waiting(self) -> None:
        if self._waiting is not None:
            self._out.append(self._waiting)
            self._waiting = None


def _day(told: date) -> date:
    return date(told.year, told.month, told.day)


def _own_reference(text: str) -> str:
    text = reference(text.strip())
    return "" if text in _POINTERS else text


def _account(text: str) -> str:
    """Our account: an IBAN with the currency behind it, "BIC/account", or the bank's own number."""
    for part in reversed(text.split("/")):
        number = without_spaces(part)
        if number[-3:].isalpha() and (is_iban(number[:-3]) or number[:-3].isdigit()):
            number = number[:-3]
        if number:
            return number
    return ""
