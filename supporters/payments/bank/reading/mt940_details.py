"""What banks write into ``:86:``, each in its own way: words between slashes, numbered parts, columns, plain text."""

from __future__ import annotations

import re
from typing import Any

import mt940

from supporters.payments.bank.reading.camt_detail import reason_in
from supporters.payments.bank.reading.values import is_iban, one_line, reference, whole, without_spaces
from supporters.payments.bank.told import Detail, Entry, Line

_WIDTH = 65
_RULES = mt940.models.Transactions(options=mt940.Options.all())
_DETAILS = mt940.tags.TransactionDetails()
_GERMAN, _TRIODOS = re.compile(r"\d{3}\?\d\d"), re.compile(r"\d{3}>\d\d")
#: The words that Dutch banks put between slashes.
_WORDS = re.compile(
    r"/(TRTP|RTYP|IBAN|BIC|NAME|REMI|EREF|ORDP|BENM|CSID|MARF|PREF|RTRN|CNTP|ISDT|PURP|ULTD|ULTC|ULTB|UDTR|UCRD|SVCL"
    r"|ADDR|EXCH|CHGS[0-9]?|OCMT|INIT|TRCD|NRTX|ID|SWOC|SWOD|PIND|CREF|ACCW|DACS|FEES?|INFO|SUBF)/"
)
#: And those in the columns of the older form.
_COLUMNS = re.compile(
    r"\b(IBAN|BIC|NAAM|OMSCHRIJVING|KENMERK|MACHTIGING|INCASSANT|BETALINGSKENMERK|REKENINGNUMMER): *"
    r"|\b(BETALINGSKENM)\. *"
)
_COLUMN_FORM = re.compile(
    r"(SEPA|IDEAL|ACCEPTGIRO|STORNO|TERUGBOEKING)\b.*\b(IBAN|NAAM|INCASSANT|MACHTIGING|KENMERK):", re.IGNORECASE
)
_PARTIES = {"ORDP", "BENM", "ULTD", "ULTC", "ULTB", "UDTR", "UCRD", "INIT"}
_REASON = re.compile(r"[A-Z0-9]{4}")
_ORIGINAL = re.compile(r"([A-Z]{3}) ?(\d{1,12}),(\d{2})\b", re.ASCII)
_STRUCTURED = re.compile(r"RF\d\d[A-Z0-9]{1,21}|\d{16}")
#: Where a bank has no code for money that comes back, it has a word.
_RETURNED = re.compile(
    r"\b(STORNERING|STORNO|GESTORNEERD|TERUGBOEKING|TERUGGEBOEKT|NIET UITGEVOERD|REVERSAL OF DIRECT DEBIT"
    r"|R-TRANSACTIE|RUECKLASTSCHRIFT|RÜCKLASTSCHRIFT|RUECKUEBERWEISUNG|RETOURE)\b",
    re.IGNORECASE,
)  # fmt: skip
_RETURN_CODES = {"NRTI", "NRET"}
_GERMAN_RETURNS = {"108", "109", "159"}


def explain(lines: list[str], line: Line) -> None:
    """Put what the lines say into the entry and its detail."""
    entry, detail = line.entry, line.detail
    text = _joined(lines)
    if _GERMAN.match(text):
        _german(text, entry, detail)
    elif _TRIODOS.match(text):
        _triodos(lines, entry, detail)
    elif found := _WORDS.search(text):
        _slashes(text[: found.start()], text[found.start() :], entry, detail)
    elif _COLUMN_FORM.match(text):
        _columns(text, entry, detail)
    else:
        _plain(text, entry, detail)
    _about_a_return(entry, detail)


def _joined(lines: list[str]) -> str:
    """A line that is full was broken off wherever it ended; one that is not ended by itself."""
    if len(lines) == 1:
        return lines[0].strip()
    return "".join([line if len(line) >= _WIDTH else line.rstrip() + " " for line in lines]).strip()


# -- /TRTP/…/REMI/… -------------------------------------------------------------------------------------------------


def _slashes(before: str, text: str, entry: Entry, detail: Detail) -> None:
    parts = _WORDS.split(text)
    said: dict[str, str] = {}
    party = ""
    for word, value in zip(parts[1::2], parts[2::2], strict=True):
        if word in _PARTIES:
            party = word if word not in ("ORDP", "BENM") else ""
            word = party or "NAME"
        elif party and word in ("NAME", "ID", "ADDR"):
            word = party
        value = value.strip(" ") if word in ("REMI", "CNTP") else value.strip("/ ")
        if value and value != "/" and word not in said:
            said[word] = one_line(value)
    _texts(said, before, entry, detail)
    _party(said, detail)
    get = said.get
    if "EREF" in said:
        detail.end_to_end_id = reference(said["EREF"])
    if "MARF" in said:
        detail.mandate = reference(said["MARF"])
    if "CSID" in said:
        detail.creditor_id = without_spaces(said["CSID"])
    if "PURP" in said:
        detail.purpose = said["PURP"].removeprefix("CD/")
    if reason := get("RTRN"):
        detail.reason, detail.reason_text = (reason, "") if _REASON.fullmatch(reason) else ("", reason)
    if found := _ORIGINAL.match(get("OCMT", "")):
        detail.original_currency, detail.original_amount = found[1], int(found[2] + found[3])
    if "PREF" in said:
        detail.batch_reference = reference(said["PREF"])
        entry.count = whole(get("NRTX"))
        if not (detail.end_to_end_id or detail.mandate or detail.iban):
            entry.batch_reference = detail.batch_reference


def _texts(said: dict[str, str], before: str, entry: Entry, detail: Detail) -> None:
    words = said.get("RTYP") or said.get("TRTP", "")
    entry.text = one_line(entry.text, before, words) if entry.text or before else words
    text = said.get("REMI", "").strip("/ ")
    if text.startswith("STRD/"):
        detail.creditor_reference = without_spaces(text.rpartition("/")[2])
    else:
        detail.text = text.removeprefix("USTD//").removeprefix("USTD/")
        if _STRUCTURED.fullmatch(number := without_spaces(detail.text)):
            detail.creditor_reference = number


def _party(said: dict[str, str], detail: Detail) -> None:
    if "CNTP" in said:
        account, bic, name, *_ = [*said["CNTP"].split("/"), "", "", ""]
        _account(account, detail)
        detail.bic, detail.name = bic.strip(), name.strip()
    if "IBAN" in said:
        _account(said["IBAN"], detail)
    detail.bic = detail.bic or without_spaces(said.get("BIC", ""))
    detail.name = detail.name or said.get("NAME") or said.get("ULTD") or said.get("ULTB", "")


def _account(text: str, detail: Detail) -> None:
    number = without_spaces(text).upper()
    if is_iban(number):
        detail.iban, detail.account = number, ""
    elif number and not detail.iban:
        detail.account = number


# -- the other ways -------------------------------------------------------------------------------------------------


def _german(text: str, entry: Entry, detail: Detail) -> None:
    """``166?00…?20EREF+…?32…``, which the library reads."""
    said: dict[str, Any] = {"transaction_details": text}
    said = mt940.processors.transaction_details_post_processor(_RULES, _DETAILS, said, dict(said))

    def get(name: str) -> str:
        return one_line(said.get(name) or "")

    entry.text = one_line(entry.text, get("posting_text"))
    detail.name, detail.bic = get("applicant_name"), get("applicant_bin")
    for name in ("applicant_iban", "gvc_applicant_iban"):
        _account(get(name), detail)
    detail.end_to_end_id, detail.mandate = reference(get("end_to_end_reference")), get("additional_position_reference")
    detail.creditor_id, detail.purpose = get("applicant_creditor_id"), get("purpose_code")
    detail.text = one_line(get("purpose"), get("additional_purpose"))
    if text[:3] in _GERMAN_RETURNS:
        detail.reason = reason_in(detail.text)
        detail.reason_text = "" if detail.reason else detail.text or entry.text


def _triodos(lines: list[str], entry: Entry, detail: Detail) -> None:
    """``000>10…>20BIC>21IBAN>22name and text``: parts of 27 characters, the name not told apart from the text."""
    parts = re.split(r">(\d\d)", "".join(lines))
    said = [(number, value) for number, value in zip(parts[1::2], parts[2::2], strict=True) if number[0] == "2"]
    texts = ""
    for _, value in said:
        number = without_spaces(value)
        if not texts and not detail.bic and re.fullmatch(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", number):
            detail.bic = number
        elif not texts and not detail.iban and is_iban(number):
            detail.iban = number
        else:
            texts += value if len(value) >= 27 else value.rstrip() + " "
    detail.text = one_line(texts)


def _columns(text: str, entry: Entry, detail: Detail) -> None:
    """``SEPA OVERBOEKING  IBAN: …  NAAM: …  OMSCHRIJVING: …``"""
    first, *parts = _COLUMNS.split(text)
    said: dict[str, str] = {}
    for word, other, value in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        said.setdefault(word or other, one_line(value))
    entry.text = one_line(entry.text, first)
    _account(said.get("IBAN") or said.get("REKENINGNUMMER", ""), detail)
    detail.bic, detail.name = without_spaces(said.get("BIC", "")), said.get("NAAM", "")
    detail.text = said.get("OMSCHRIJVING", "")
    detail.end_to_end_id = reference(said.get("KENMERK", ""))
    detail.mandate = reference(said.get("MACHTIGING", ""))
    detail.creditor_id = without_spaces(said.get("INCASSANT", ""))
    number = without_spaces(said.get("BETALINGSKENMERK") or said.get("BETALINGSKENM", ""))
    detail.creditor_reference = number if _STRUCTURED.fullmatch(number) else ""


def _plain(text: str, entry: Entry, detail: Detail) -> None:
    detail.text = one_line(text)
    if not detail.iban:
        found = [one for one in re.findall(r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b", text) if is_iban(one)]
        if len(found) == 1:
            detail.iban = found[0]


def _about_a_return(entry: Entry, detail: Detail) -> None:
    """Where money came back without a code for it, the bank's own word is the reason that we have."""
    if detail.reason or detail.reason_text:
        return
    # What the other party wrote may hold such a word too; the bank's own text is what counts where there is one.
    banks_own = entry.text or detail.text
    word = _RETURNED.search(banks_own)
    if entry.code in _RETURN_CODES or word:
        detail.reason = reason_in(f"{entry.text} {detail.text}")
        if not detail.reason:
            detail.reason_text = banks_own if entry.text else word[0] if word else entry.code
