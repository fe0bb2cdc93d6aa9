"""What a bank's file tells, as plain data: the same words whatever the format. Nothing here knows a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from supporters.errors import BadInput


class BadBankFile(BadInput):
    """A file that cannot be read, with the place: a line of the file, or an element and its line."""

    code = "bad_bank_file"

    def __init__(self, template: str, *, place: str = "", **params: object) -> None:
        self.place = place
        if place:
            template = f"%(place)s: {template}"
            params["place"] = place
        super().__init__(template, field="file", **params)


@dataclass(frozen=True, slots=True)
class Balance:
    amount: int  # minor units; below zero where the account is overdrawn
    currency: str
    on: date


@dataclass(slots=True)
class Head:
    """The beginning of a statement (or of a notification, which has no balances)."""

    kind: str  # "statement" (camt.053, MT940), "notification" (camt.054), "report" (camt.052)
    format: str  # "camt.053.001.02", "MT940"
    place: str
    ident: str = ""  # the bank's name for this statement
    number: str = ""  # its running number, as the bank writes it: "85", "19321/1"
    account: str = ""  # the IBAN, or the bank's own number of the account; without spaces
    currency: str | None = None
    owner: str = ""
    made_at: datetime | None = None
    from_on: date | None = None
    to_on: date | None = None
    opening: Balance | None = None
    #: camt tells it before its entries, MT940 after them (then it comes with the Tail).
    closing: Balance | None = None


@dataclass(slots=True)
class Entry:
    """One movement on the account, as the balance counts it. What moves money out is below zero."""

    place: str
    position: int  # 1 for the first of its statement
    amount: int  # signed minor units, as the bank's own debit or credit indicator says; a reversal is not turned round
    currency: str
    booked_on: date
    value_on: date | None = None
    is_reversal: bool = False  # the bank undoes one of its own entries
    reference: str = ""  # the bank's: AcctSvcrRef, or what follows // in :61:
    own_reference: str = ""  # NtryRef, or the customer's reference in :61:
    code: str = ""  # "PMNT-RCDT-ESCT", "N192", "NDDT"
    batch_reference: str = ""  # PmtInfId of what we sent, where the entry is about a whole batch
    message_reference: str = ""  # MsgId of the file that we sent
    count: int | None = None  # how many transactions it says it is made of
    charges: int = 0  # minor units that the bank kept of it or took with it, below zero where they went off
    text: str = ""  # what the bank wrote about the entry as a whole


@dataclass(slots=True)
class Detail:
    """One transaction within an entry. Each field is empty where the bank does not say it."""

    amount: int | None = None  # signed, in the entry's currency only; None where it is not told, or in another currency
    end_to_end_id: str = ""  # never NOTPROVIDED
    mandate: str = ""
    creditor_id: str = ""
    creditor_reference: str = ""  # structured: RF… (ISO 11649), betalingskenmerk
    batch_reference: str = ""  # PmtInfId
    message_reference: str = ""
    reference: str = ""  # the bank's own: AcctSvcrRef, TxId, InstrId
    name: str = ""  # of the other party: who paid us, or whom we debited or paid
    iban: str = ""  # theirs; only where its check digits fit
    account: str = ""  # theirs where it is no IBAN
    bic: str = ""
    text: str = ""  # what the other party wrote: unstructured remittance, lines joined by one space
    reason: str = ""  # of a return: AC06, MD06; or the bank's own word for it
    reason_text: str = ""
    purpose: str = ""
    original_amount: int | None = None  # minor units of original_currency, where it was another currency
    original_currency: str = ""
    original_code: str = ""  # of a return: the code of the transaction that came back, "PMNT-IDDT-ESDD"


@dataclass(slots=True)
class Line:
    """An entry, or one of the transactions that it is made of. ``of``: 0 where it is the whole entry, else 1, 2, …"""

    entry: Entry
    detail: Detail
    of: int = 0


@dataclass(slots=True)
class Tail:
    """The end of a statement: what the bank counted, where it did."""

    place: str
    closing: Balance | None = None
    entries: int | None = None  # as the bank's summary says
    total: int | None = None  # the sum of all amounts, without sign, as the summary says


#: What a reader of statements yields, in the order of the file: Head, its Lines, Tail; and again.
Told = Head | Line | Tail


@dataclass(slots=True)
class StatusHead:
    """The beginning of a pain.002: what became of a file that we sent."""

    format: str
    place: str
    ident: str = ""
    made_at: datetime | None = None
    message_reference: str = ""  # OrgnlMsgId
    original_format: str = ""  # OrgnlMsgNmId
    status: str = ""  # GrpSts: ACCP, ACTC, ACSP, PART, RJCT, PDNG; "" where not told
    reason: str = ""
    reason_text: str = ""


@dataclass(slots=True)
class BatchStatus:
    """What became of one PmtInf of it, where the bank says so for the whole."""

    place: str
    batch_reference: str  # OrgnlPmtInfId
    status: str = ""
    reason: str = ""
    reason_text: str = ""
    collect_on: date | None = None


@dataclass(slots=True)
class PaymentStatus:
    """What became of one debit."""

    place: str
    end_to_end_id: str
    batch_reference: str = ""
    message_reference: str = ""
    instruction_id: str = ""
    status: str = ""  # RJCT, ACSC, …; empty in some banks' files that hold only rejects
    reason: str = ""
    reason_text: str = ""
    amount: int | None = None
    currency: str = ""
    mandate: str = ""
    iban: str = ""
    name: str = ""
    reference: str = ""  # StsId or TxId
    collect_on: date | None = None


Status = StatusHead | BatchStatus | PaymentStatus


@dataclass(slots=True)
class Sniffed:
    """What kind of file it is."""

    format: str  # "camt.053.001.02", "pain.002.001.03", "MT940"
    family: str  # "camt", "pain.002", "MT940"
    notes: list[str] = field(default_factory=list)
