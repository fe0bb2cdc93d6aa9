"""Why a debit was refused or came back: one table of the banks' codes, each with what is done about it, dated."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

#: retry: once more, after the next payday · ask_iban: the account is wrong, the donor gives another · end_mandate:
#: there is no permission (any more) · hold_and_call: nothing is collected until somebody spoke to the donor · fix_data:
#: our own mistake · deceased: a person verifies it and reports the death · investigate: a person looks, and it is not
#: collected again · nothing: it stays as it is · end: the promise ends, proposed for too many points and for no code.
ACTIONS = (
    "retry", "ask_iban", "end_mandate", "hold_and_call", "fix_data", "deceased", "investigate", "nothing", "end",
)  # fmt: skip
#: So many points in a row, and it is proposed that the promise ends. A debit that succeeds takes them all away.
END_AT = 3

#: SEPA direct debit began. It stands for what holds for as long as anybody needs to know.
LAUNCH = date(2009, 11, 2)
#: Whom to allow, how often and how much at most: what a payer may ask of their bank since then.
LIMITS = date(2014, 2, 1)
#: Version 8.0 of the guidance gave RR02 and RR03 a second meaning: an address in a form that is no longer taken.
GUIDANCE_8 = date(2024, 11, 1)

_EPC = "EPC, Guidance on reason codes for SDD R-transactions, 8.0 (November 2024)"
_ISO = "ISO 20022 external code sets, return and status reasons"
_LAW = "Regulation (EU) 260/2012, article 5(3)(d); ISO 20022 external code sets"
_OURS = "achterban"


@dataclass(frozen=True, slots=True)
class Reason:
    """One row: the meaning first, because it is what people read (and what is translated)."""

    meaning: str
    code: str
    who: str  # bank: refused it (afgekeurd) · donor: took it back (gestorneerd) · us: our own data or file
    action: str
    points: int = 0
    source: str = _EPC
    valid_from: date = LAUNCH

    @property
    def is_vague(self) -> bool:
        """Whether it leaves open what happened, so that any other code about the same debit says more."""
        return self.code in VAGUE or self.source == _OURS


#: Codes that say no more than that it did not go well.
VAGUE = frozenset({"", "MS02", "MS03", "NARR", "NOAS", "TECH"})

TABLE: tuple[Reason, ...] = (
    # The account
    Reason("The account number is wrong or unknown", "AC01", "bank", "ask_iban", 3),
    Reason("The account number is wrong or missing", "AC02", "bank", "ask_iban", 3, _ISO),
    Reason("Our own account number is wrong", "AC03", "us", "fix_data", 0, _ISO),
    Reason("The account is closed", "AC04", "bank", "ask_iban", 3),
    Reason("The account is closed", "AC05", "bank", "ask_iban", 3, _ISO),
    Reason("The account is blocked for direct debits, by the bank or its holder", "AC06", "bank", "hold_and_call", 3),
    Reason("A consumer's account was debited as a company's (B2B)", "AC13", "us", "fix_data"),
    Reason("It is no current account: a savings account, for example", "AG01", "bank", "ask_iban", 3),
    Reason("The sequence type is wrong, or a one-off mandate was used again", "AG02", "us", "fix_data"),
    Reason("The bank does not take direct debits on this kind of account", "AG03", "bank", "ask_iban", 3, _ISO),
    Reason("The debit did not succeed", "AG07", "bank", "retry", 1, _ISO),
    # The amount
    Reason("The amount is zero", "AM01", "us", "fix_data", 0, _ISO),
    Reason("The amount is above what the account allows", "AM02", "donor", "hold_and_call", 1, _ISO),
    Reason("The currency is not allowed", "AM03", "us", "fix_data", 0, _ISO),
    Reason("Not enough money in the account", "AM04", "bank", "retry", 1),
    Reason("The bank holds it for a duplicate", "AM05", "us", "investigate"),
    Reason("The amount is below what was agreed with the bank", "AM06", "us", "fix_data", 0, _ISO),
    Reason("The money in the account is reserved", "AM07", "bank", "retry", 1, _ISO),
    Reason("It is not the amount that was agreed", "AM09", "us", "fix_data", 0, _ISO),
    Reason("The totals in our file do not add up", "AM10", "us", "fix_data", 0, _ISO),
    Reason("The currency is wrong", "CURR", "us", "fix_data", 0, _ISO),
    # Who is who
    Reason("The name does not fit the account", "BE01", "bank", "ask_iban", 3, _ISO),
    Reason("Our address is missing or wrong in the file", "BE04", "us", "fix_data", 0, _ISO),
    Reason("Our creditor identifier is wrong, or changed without being told", "BE05", "us", "fix_data"),
    Reason("The bank does not know the account holder (any more)", "BE06", "bank", "ask_iban", 3, _ISO),
    Reason("The address of the account holder is missing", "BE07", "us", "fix_data", 0, _ISO),
    Reason("The bank made a mistake", "BE08", "bank", "retry", 0, _ISO),
    Reason("Our bank cannot be reached under this BIC", "CNOR", "us", "fix_data"),
    Reason("The bank of the account holder cannot be reached under this BIC", "DNOR", "bank", "ask_iban", 3),
    Reason("The BIC is wrong", "RC01", "us", "fix_data"),
    Reason("Our own BIC is wrong", "RC07", "us", "fix_data", 0, _ISO),
    # The file
    Reason("The collection date cannot be used", "DT01", "us", "fix_data", 0, _ISO),
    Reason("The file is not in the right form", "FF01", "us", "fix_data"),
    Reason("The kind of direct debit (CORE or B2B) is wrong", "FF05", "us", "fix_data"),
    Reason("The reference was used before", "RF01", "us", "fix_data", 0, _ISO),
    Reason("The file came too late", "TM01", "us", "fix_data", 0, _ISO),
    Reason("The bank has this payment already", "DUPL", "us", "investigate", 0, _ISO),
    # The mandate and the donor
    Reason("There is no valid mandate, or the donor says they gave none", "MD01", "donor", "end_mandate", 3),
    Reason("Something about the mandate is missing or wrong in the file", "MD02", "us", "fix_data", 0, _ISO),
    Reason("The donor asked for the money back", "MD06", "donor", "hold_and_call", 1),
    Reason("The account holder has died", "MD07", "bank", "deceased"),
    Reason("The donor refused it, and no reason is given", "MS02", "donor", "hold_and_call", 1),
    Reason("The bank refused it and gives no reason; often there is not enough money", "MS03", "bank", "retry", 1),
    Reason("The donor has blocked it, or limits direct debits, at their bank", "SL01", "donor", "hold_and_call", 1),
    Reason("Only some may debit the donor, and not we", "SL11", "donor", "hold_and_call", 1, _LAW, LIMITS),
    Reason("The donor has blocked us at their bank", "SL12", "donor", "hold_and_call", 3, _LAW, LIMITS),
    Reason("More direct debits than the donor allows in this time", "SL13", "donor", "hold_and_call", 1, _LAW, LIMITS),
    Reason("A higher amount than the donor allows", "SL14", "donor", "hold_and_call", 1, _LAW, LIMITS),
    # What the law asks
    Reason("The account or identification of the donor is missing", "RR01", "us", "fix_data"),
    Reason("The name or address of the donor is missing", "RR02", "us", "fix_data"),
    Reason("The name or address of the donor is missing, or in a form that is no longer taken", "RR02", "us",
           "fix_data", valid_from=GUIDANCE_8),
    Reason("Our name or address is missing", "RR03", "us", "fix_data"),
    Reason("Our name or address is missing, or in a form that is no longer taken", "RR03", "us", "fix_data",
           valid_from=GUIDANCE_8),
    Reason("The law does not allow it", "RR04", "bank", "hold_and_call", 1),
    # Between the banks
    Reason("It had come back before", "ARDT", "bank", "investigate", 0, _ISO),
    Reason("It was cancelled because the payer asked for that", "CUST", "donor", "hold_and_call", 1, _ISO),
    Reason("The banks could not settle it between them", "ED05", "bank", "retry", 0, _ISO),
    Reason("We asked to have it cancelled", "FOCR", "us", "nothing", 0, _ISO),
    Reason("The bank suspects fraud", "FR01", "bank", "hold_and_call", 3, _ISO),
    Reason("The bank suspects fraud", "FRAD", "bank", "hold_and_call", 3, _ISO),
    Reason("The reason is told in words only", "NARR", "bank", "hold_and_call", 1, _ISO),
    Reason("The account holder did not answer their bank", "NOAS", "bank", "hold_and_call", 1, _ISO),
    Reason("The bank never got the debit", "NOOR", "bank", "investigate", 0, _ISO),
    Reason("Something went wrong between the banks", "TECH", "bank", "investigate", 0, _ISO),
)  # fmt: skip

_NONE_GIVEN = Reason("The bank gives no reason", "", "bank", "hold_and_call", 1, _OURS)
_UNKNOWN = Reason("A reason that we do not know; these are the bank's own words", "", "bank", "hold_and_call", 1, _OURS)

_BY_CODE: dict[str, list[Reason]] = {}
for _row in sorted(TABLE, key=lambda row: row.valid_from):
    _BY_CODE.setdefault(_row.code, []).append(_row)

#: What banks write instead of a code, in capitals. From the return signals of the Dutch banks (VerwInfo, and the lists
#: that Rabobank, Buckaroo and others publish of them); looked for in this order.
WORDS: tuple[tuple[str, str], ...] = (
    (r"OVERLEDEN|DECEASED", "MD07"),
    (r"ONTERECHTE INCASSO|\bMOI\b|GEEN (GELDIGE )?(INCASSO)?MACHTIGING|MACHTIGING (IS )?INGETROKKEN"
     r"|NO (VALID )?MANDATE", "MD01"),
    (r"ONVOLDOENDE SALDO|SALDO (IS )?(NIET TOEREIKEND|ONTOEREIKEND|ONVOLDOENDE)|SALDOTEKORT"
     r"|INSUFFICIENT FUNDS", "AM04"),
    (r"REKENING(NUMMER)? (IS )?(VERVALLEN|OPGEHEVEN|GESLOTEN)|ACCOUNT CLOSED", "AC04"),
    (r"(REKENING(NUMMER)?|IBAN) (IS )?(ONBEKEND|ONJUIST|INCORRECT|FOUT)|ONBEKENDE? REKENING"
     r"|ONJUIST (REKENINGNUMMER|IBAN)|INCORRECT ACCOUNT", "AC01"),
    (r"NAAM/?(EN )?(REKENING)?NUMMER STEM(MEN|T) NIET OVEREEN", "BE01"),
    (r"SELE[CK]TIEVE INCASSO ?BLOKKADE|INCASSANT GEBLOKKEERD", "SL12"),
    (r"REKENING(NUMMER)? (IS )?GEBLOKKEERD|INCASSO ?BLOKKADE|GEBLOKKEERD VOOR INCASSO|ACCOUNT BLOCKED", "AC06"),
    (r"REKENING(NUMMER)? WKA|SPAARREKENING|GEEN BETAALREKENING|REKENING(NUMMER)? NIET TOEGESTAAN", "AG01"),
    (r"DUBBEL(E|)? (BETAALD|INDIENING|INCASSO|AANGEBODEN)|DUPLICA", "AM05"),
    (r"(MAXIMUM|MAXIMAAL|MAX\.?) ?BEDRAG|BEDRAGLIMIET|INCASSOLIMIET", "SL14"),
    (r"NIET AKKOORD|OP VERZOEK|TERUGGEVRAAGD|DOOR (DE )?(KLANT|DEBITEUR|REKENINGHOUDER) (TERUGGEBOEKT|GESTORNEERD)"
     r"|REFUND REQUEST", "MD06"),
    (r"ONBEKENDE REDEN KLANT|GEWEIGERD DOOR (DE )?(KLANT|DEBITEUR|REKENINGHOUDER)", "MS02"),
    (r"ADMINISTRATIEVE (REDEN|FOUT)|ONBEKENDE REDEN|REDEN ONBEKEND|NOT SPECIFIED", "MS03"),
)  # fmt: skip
_WORDS = tuple((re.compile(pattern), code) for pattern, code in WORDS)
#: Within a text only those with a digit: CUST and TECH are words that say something else there.
_IN_TEXT = "|".join(sorted(code for code in _BY_CODE if code[-1].isdecimal()))
_TOLD_CODE = re.compile(rf"(?<![A-Z0-9])({_IN_TEXT})(?![A-Z0-9])")
_LOOKS_LIKE_A_CODE = re.compile(r"[A-Z]{2}[A-Z0-9]{2}")


def reason_of(code: str, on: date | None = None) -> Reason:
    """The row of this code as it held on that day (today's without one); for one not in the table, a careful one."""
    known = _BY_CODE.get(code)
    if known is None:
        return replace(_UNKNOWN, code=code) if code else _NONE_GIVEN
    return next((row for row in reversed(known) if on is None or row.valid_from <= on), known[0])


def recognised(reason: str, told: str = "") -> str:
    """The code for what a bank says: its code, one within its words, or one that the words stand for.

    A bank's own word that means nothing to us is kept as it is; "" where it says nothing that could be a reason.
    """
    given, words = _plain(reason), _plain(told)
    if given in _BY_CODE:
        return given
    found = _in_words(given) or ("" if _LOOKS_LIKE_A_CODE.fullmatch(given) else _in_words(words))
    return found or given[:40]


def _in_words(words: str) -> str:
    if code := _TOLD_CODE.search(words):
        return code[1]
    return next((code for pattern, code in _WORDS if pattern.search(words)), "")


def _plain(text: str) -> str:
    return " ".join(text.upper().split())


def says_more(new: str, known: str) -> bool:
    """Whether the newer code tells what the one that we have leaves open."""
    return (reason_of(known).is_vague and not reason_of(new).is_vague) or (not known and bool(new))
