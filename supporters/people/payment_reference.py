"""The references that we give a supporter to pay with, each with check digits: a typing mistake leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum.iso7064 import mod_97_10

#: Weights of the Dutch betalingskenmerk, from the last digit to the left (mod 11).
_WEIGHTS = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1, 2, 4, 8, 5, 10)
_RF = re.compile(r"(?<![A-Z0-9])RF\s?(\d\d)\s?([A-Z])((?:\s?\d){7,12})(?!\s?\d)")
_SIXTEEN = re.compile(r"(?<!\d)\d{4}[ .]?\d{4}[ .]?\d{4}[ .]?\d{4}(?!\d)")


def creditor_reference(supporter_id: int) -> str:
    """ISO 11649 over the supporter's number, for a structured field or a QR code: RF36S0000012."""
    return structured("S", supporter_id)


def structured(letter: str, number: int) -> str:
    """ISO 11649 over a number of ours; the letter says of what."""
    base = f"{letter}{number:07d}"
    return f"RF{mod_97_10.calc_check_digits(base + 'RF')}{base}"


def structured_in(text: str, letter: str) -> Iterator[int]:
    """The numbers with this letter whose check digits fit; spaces in a reference are no matter."""
    for check, found, digits in _RF.findall(text.upper()):
        number = "".join(digits.split())
        # ISO 7064 over the letter and what follows it, letters counted from A = 10; "RF" and the check go last.
        if found == letter and int(f"{ord(letter) - 55}{number}2715{check}") % 97 == 1:
            yield int(number)


def betalingskenmerk(supporter_id: int) -> str:
    """Sixteen digits, the first of which checks the others (mod 11), as Dutch banks take them."""
    digits = f"{supporter_id:015d}"
    return f"{_check_digit(digits)}{digits}"


def supporter_ids_in(text: str) -> Iterator[int]:
    """Of every reference of ours in the text whose check digits fit; spaces in it are no matter."""
    folded = text.upper()
    if "RF" in folded:
        yield from structured_in(folded, "S")
    for found in _SIXTEEN.findall(folded):
        number = re.sub(r"[ .]", "", found)
        if number[0] == _check_digit(number[1:]) and int(number[1:]):
            yield int(number[1:])


def _check_digit(digits: str) -> str:
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(reversed(digits), _WEIGHTS, strict=True)) % 11
    return str({10: 1, 11: 0}.get(rest, rest))
