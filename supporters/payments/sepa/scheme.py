"""What the SEPA Direct Debit rulebooks ask above the XML schema: a file can be valid XML and still be no collection."""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from supporters.errors import BadInput
from supporters.payments.sepa.calendar import is_business_day, next_business_day
from supporters.payments.sepa.charset import is_sepa_reference, to_sepa
from supporters.payments.sepa.debit import SMNDA, Amendment, Block, Creditor, Debit

MAX_CENTS = 99_999_999_999
SEQUENCE_TYPES = ("FRST", "RCUR", "OOFF", "FNAL")
SCHEMES = ("CORE", "B2B")

# The countries of the SEPA schemes and how long their IBANs are; territories use the code of their country.
IBAN_LENGTHS = {
    "AD": 24, "AL": 28, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15,
    "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}  # fmt: skip

_NUMBERS = {ord(letter): str(number) for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", start=10)}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+").fullmatch
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?").fullmatch
_CREDITOR_IDENTIFIER = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}").fullmatch
_CREDITOR_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}").fullmatch


class FileRefused(BadInput):
    """This is not a collection file a bank would take, or could not become one."""

    code = "file_refused"


def _mod97(text: str) -> int:
    return int(text.translate(_NUMBERS)) % 97


@lru_cache(maxsize=4096)
def _digits(text: str) -> str:
    """The letters as numbers; remembered, for a file has few banks and only 98 pairs of check digits a country."""
    return text.translate(_NUMBERS)


def is_iban(text: str) -> bool:
    """Whether ``text`` is the IBAN of an account SEPA reaches: letters, length for its country and check digits."""
    if IBAN_LENGTHS.get(text[:2]) != len(text) or _IBAN(text) is None:
        return False
    account = text[8:] if text[8:].isdigit() else text[8:].translate(_NUMBERS)
    return int(_digits(text[4:8]) + account + _digits(text[:4])) % 97 == 1


def is_bic(text: str) -> bool:
    return _BIC(text) is not None


def is_creditor_identifier(text: str) -> bool:
    """Whether the check digits hold; the three-letter business code in the middle is free and not counted."""
    return _CREDITOR_IDENTIFIER(text) is not None and _mod97(text[7:] + text[:4]) == 1


def is_creditor_reference(text: str) -> bool:
    """Whether ``text`` is a structured reference by ISO 11649, such as RF18539007547034."""
    return _CREDITOR_REFERENCE(text) is not None and _mod97(text[4:] + text[:4]) == 1


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


class SchemeCheck:
    """Holds every block and debit of one file against the rulebook; the first that fails raises ``FileRefused``."""

    def __init__(self, creditor: Creditor, *, created_on: date | None = None) -> None:
        self._created_on = created_on
        # Hashes of 64 bits, a third of the memory of the ids: that two different ones of 200,000 share one happens once
        # in a billion files, and such a file is refused, not sent wrong.
        self._end_to_end_ids: set[int] = set()
        # A country has some dozens of banks, so each is looked at once.
        self._bics: set[str | None] = {None}
        self._creditor(creditor)

    def _creditor(self, creditor: Creditor) -> None:
        if not to_sepa(creditor.name, 70):
            raise FileRefused("The creditor has no name that a bank can read; fill it in.", field="name")
        if not is_creditor_identifier(creditor.identifier):
            raise FileRefused(
                "The creditor identifier “%(identifier)s” has a mistake: it is the country, two check digits that fit,"
                " three letters or digits and the number the bank gave, such as NL69ZZZ123456780000.",
                field="identifier", identifier=creditor.identifier,
            )  # fmt: skip
        if not is_iban(creditor.iban):
            raise FileRefused(
                "The creditor's IBAN “%(iban)s” has a mistake; copy it again from the bank.",
                field="iban", iban=creditor.iban,
            )  # fmt: skip
        if creditor.bic is not None and not is_bic(creditor.bic):
            raise FileRefused(
                "The creditor's BIC “%(bic)s” has a mistake; it has 8 or 11 letters and digits, such as INGBNL2A.",
                field="bic", bic=creditor.bic,
            )  # fmt: skip
        if creditor.currency != "EUR":
            raise FileRefused(
                "SEPA collects euros only, so the creditor's currency cannot be %(currency)s; it must be EUR.",
                field="currency", currency=creditor.currency,
            )  # fmt: skip

    def blocks(self, blocks: Sequence[Block]) -> None:
        """Hold the plan of the file against the rulebook, before the first debit."""
        if not blocks:
            raise FileRefused("There is nothing to collect; a file needs at least one debit.", field="blocks")
        seen = set()
        for block in blocks:
            self._block(block)
            key = (block.sequence_type, block.collect_on, block.scheme)
            if key in seen:
                raise FileRefused(
                    "Two blocks collect %(sequence_type)s on %(collect_on)s under %(scheme)s; make them one.",
                    field="blocks", sequence_type=block.sequence_type, collect_on=block.collect_on, scheme=block.scheme,
                )  # fmt: skip
            seen.add(key)

    def _block(self, block: Block) -> None:
        if block.sequence_type not in SEQUENCE_TYPES:
            raise FileRefused(
                "“%(sequence_type)s” is not a sequence type; use FRST, RCUR, OOFF or FNAL.",
                field="sequence_type", sequence_type=block.sequence_type,
            )  # fmt: skip
        if block.scheme not in SCHEMES:
            raise FileRefused(
                "“%(scheme)s” is not a SEPA scheme; use CORE or, between companies, B2B.",
                field="scheme", scheme=block.scheme,
            )  # fmt: skip
        if not is_business_day(block.collect_on):
            raise FileRefused(
                "The collection date %(collect_on)s is not a day on which banks settle euros; the next one is"
                " %(right)s.",
                field="collect_on", collect_on=block.collect_on, right=next_business_day(block.collect_on),
            )  # fmt: skip
        if self._created_on is not None and block.collect_on <= self._created_on:
            raise FileRefused(
                "The collection date %(collect_on)s is not after the day the file is made, %(created_on)s; choose a"
                " later one.",
                field="collect_on", collect_on=block.collect_on, created_on=self._created_on,
            )  # fmt: skip
        if block.count < 1 or block.total < block.count:
            raise FileRefused(
                "The block %(sequence_type)s on %(collect_on)s promises %(count)s debits of %(total)s cents together;"
                " it needs at least one, of at least one cent.",
                field="blocks", sequence_type=block.sequence_type, collect_on=block.collect_on, count=block.count,
                total=block.total,
            )  # fmt: skip

    def debit(self, debit: Debit, block: Block) -> None:
        """Hold one debit against the rulebook and against the block it stands in."""
        end_to_end_id, amount, iban, bic, name, mandate, signed_on, sequence_type, _, reference, amendment = debit
        if not is_sepa_reference(end_to_end_id):
            raise FileRefused(
                "Debit “%(debit)s”: the end-to-end id has %(length)s characters or letters a bank refuses; use 1 to 35"
                " of A-Z a-z 0-9 / - ? : ( ) . , ' + with no slash at either end or two in a row.",
                field="end_to_end_id", debit=end_to_end_id, length=len(end_to_end_id),
            )  # fmt: skip
        mark = hash(end_to_end_id)
        if mark in self._end_to_end_ids:
            raise FileRefused(
                "Debit %(debit)s: the end-to-end id is used twice in this file; every debit needs its own.",
                field="end_to_end_id", debit=end_to_end_id,
            )  # fmt: skip
        self._end_to_end_ids.add(mark)
        if type(amount) is not int or not 1 <= amount <= MAX_CENTS:
            raise FileRefused(
                "Debit %(debit)s: the amount is %(amount)s cents; it must be a whole number from 1 to 99999999999.",
                field="amount", debit=end_to_end_id, amount=amount,
            )  # fmt: skip
        if not is_iban(iban):
            self._refuse_iban(end_to_end_id, iban)
        if bic not in self._bics:
            self._bic(end_to_end_id, bic)
        if not name or name.isspace():
            raise FileRefused(
                "Debit %(debit)s: the name is empty; fill in the name of the account's holder.",
                field="name", debit=end_to_end_id,
            )  # fmt: skip
        if not is_sepa_reference(mandate):
            raise FileRefused(
                "Debit %(debit)s: the mandate reference “%(mandate)s” (%(length)s characters) is not one a bank takes;"
                " use 1 to 35 of A-Z a-z 0-9 / - ? : ( ) . , ' + with no slash at either end or two in a row.",
                field="mandate_reference", debit=end_to_end_id, mandate=mandate, length=len(mandate),
            )  # fmt: skip
        if signed_on > block.collect_on:
            raise FileRefused(
                "Debit %(debit)s: the mandate was signed on %(signed_on)s, after the collection date %(collect_on)s;"
                " correct the signature date or collect later.",
                field="mandate_signed_on", debit=end_to_end_id, signed_on=signed_on, collect_on=block.collect_on,
            )  # fmt: skip
        if sequence_type != block.sequence_type:
            raise FileRefused(
                "Debit %(debit)s: its sequence type is %(sequence_type)s in a block of %(right)s; put it in a block of"
                " its own type.",
                field="sequence_type", debit=end_to_end_id, sequence_type=sequence_type, right=block.sequence_type,
            )  # fmt: skip
        if reference is not None and not is_creditor_reference(reference):
            raise FileRefused(
                "Debit %(debit)s: the creditor reference “%(reference)s” has a mistake; it is RF, two check digits that"
                " fit and up to 21 letters and digits, such as RF18539007547034.",
                field="creditor_reference", debit=end_to_end_id, reference=reference,
            )  # fmt: skip
        if amendment is not None:
            self._amendment(end_to_end_id, amendment)

    def _refuse_iban(self, debit: str, iban: str) -> None:
        length = IBAN_LENGTHS.get(iban[:2])
        if length is None:
            raise FileRefused(
                "Debit %(debit)s: the IBAN “%(iban)s” does not start with the code of a SEPA country, such as NL.",
                field="iban", debit=debit, iban=iban,
            )  # fmt: skip
        if len(iban) != length:
            raise FileRefused(
                "Debit %(debit)s: the IBAN “%(iban)s” has %(length)s characters; one from %(country)s has %(right)s,"
                " without spaces.",
                field="iban", debit=debit, iban=iban, length=len(iban), country=iban[:2], right=length,
            )  # fmt: skip
        raise FileRefused(
            "Debit %(debit)s: the IBAN “%(iban)s” has a mistake, its check digits do not fit; ask the holder for it.",
            field="iban", debit=debit, iban=iban,
        )  # fmt: skip

    def _bic(self, debit: str, bic: str | None) -> None:
        if bic is not None and not is_bic(bic):
            raise FileRefused(
                "Debit %(debit)s: the BIC “%(bic)s” has a mistake; it has 8 or 11 letters and digits, such as INGBNL2A,"
                " or is left out.",
                field="bic", debit=debit, bic=bic,
            )  # fmt: skip
        self._bics.add(bic)

    def _amendment(self, debit: str, amendment: Amendment) -> None:
        account = amendment.original_account
        if account is not None and account != SMNDA and not is_iban(account):
            raise FileRefused(
                "Debit %(debit)s: the original IBAN “%(iban)s” of the amended mandate has a mistake; correct it or"
                " leave it out.",
                field="original_iban", debit=debit, iban=account,
            )  # fmt: skip
        reference = amendment.original_mandate_reference
        if reference is not None and not is_sepa_reference(reference):
            raise FileRefused(
                "Debit %(debit)s: the original mandate reference “%(reference)s” is not one a bank takes; use 1 to 35"
                " of A-Z a-z 0-9 / - ? : ( ) . , ' + with no slash at either end or two in a row.",
                field="original_mandate_reference", debit=debit, reference=reference,
            )  # fmt: skip
        identifier = amendment.original_creditor_identifier
        if identifier is not None and not is_creditor_identifier(identifier):
            raise FileRefused(
                "Debit %(debit)s: the original creditor identifier “%(identifier)s” has a mistake; its check digits"
                " must fit, as in NL69ZZZ123456780000.",
                field="original_creditor_identifier", debit=debit, identifier=identifier,
            )  # fmt: skip
        if amendment.original_creditor_name is not None and not to_sepa(amendment.original_creditor_name, 70):
            raise FileRefused(
                "Debit %(debit)s: the original creditor name of the amended mandate is empty; fill it in or leave it"
                " out.",
                field="original_creditor_name", debit=debit,
            )  # fmt: skip


__all__ = ["FileRefused", "SchemeCheck", "is_bic", "is_creditor_identifier", "is_creditor_reference", "is_iban"]
