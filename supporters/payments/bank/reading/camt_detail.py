"""One transaction of a camt file (``TxDtls``): who, how much, with which references, and why it came back."""

from __future__ import annotations

import re
from typing import Any

from supporters.payments.bank.reading.values import (
    currency_of,
    is_iban,
    minor,
    one_line,
    reference,
    signed_minor,
    without_spaces,
)
from supporters.payments.bank.reading.xml import Node, leaf, path
from supporters.payments.bank.told import BadBankFile, Detail, Entry

Said = dict[str, Any]

#: What ISO calls money that comes back: a direct debit returned, refunded or recalled, a transfer returned.
_RETURNS = {"UPDD", "PRDD", "RCDD", "RRTN", "UPCT", "UPCQ", "UPTC"}
_REASON = re.compile(r"(?<![A-Z0-9])(A[BCGM]\d\d|AG\d\d|B[EI]\d\d|CNOR|DNOR|CUST|DUPL|F[FO]\d\d|FOCR|MD\d\d|MS\d\d|NARR"
                     r"|R[CRF]\d\d|SL\d\d|SVNR|TECH|TM01|ED05)(?![A-Z0-9])")  # fmt: skip


def party(into: Said, field: str, identifier: str | None = None) -> Node:
    """A party's name, with or without the ``Pty`` that later versions put around it."""
    node = Node({"Nm": leaf(into, field)})
    if identifier:
        other = leaf(into, identifier)
        node["Id"] = Node({**path("PrvtId/Othr/Id", other), **path("OrgId/Othr/Id", other)})
    node["Pty"] = node
    return node


def account(into: Said, field: str) -> Node:
    return Node({"Id": Node({"IBAN": leaf(into, field), **path("Othr/Id", leaf(into, field))})})


def code(into: Said, prefix: str) -> Node:
    """A bank transaction code: of the bank's own making, or ISO's in three parts."""
    return Node({
        "Domn": Node({
            "Cd": leaf(into, f"{prefix}1"),
            "Fmly": Node({"Cd": leaf(into, f"{prefix}2"), "SubFmlyCd": leaf(into, f"{prefix}3")}),
        }),
        "Prtry": Node({"Cd": leaf(into, f"{prefix}0")}),
    })  # fmt: skip


def code_of(said: Said, prefix: str) -> str:
    if domain := said.get(prefix + "1"):
        family, kind = said.get(prefix + "2"), said.get(prefix + "3")
        return f"{domain}-{family}-{kind}" if family and kind else f"{domain}-{family}" if family else str(domain)
    return str(said.get(prefix + "0", ""))


class Charges:
    """What the bank took: each ``Chrgs`` an amount of its own (version 2), or records with a total (later)."""

    def __init__(self, into: Said) -> None:
        self._into = into
        self._said: Said = {}
        one = {
            "Amt": leaf(self._said, "amount", money=True),
            "CdtDbtInd": leaf(self._said, "side"),
            "ChrgInclInd": leaf(self._said, "included"),
        }
        self.node = Node(
            {"TtlChrgsAndTaxAmt": leaf(self._said, "all", money=True), **one, "Rcrd": Node(one, end=self._add)},
            end=self._end,
        )

    def _add(self) -> None:
        said = self._said
        if "amount" in said:
            self._into.setdefault("charges", []).append((said.pop("amount"), said.get("side"), said.get("included")))
            if len(self._into["charges"]) > 100:
                del self._into["charges"][100:]
            said["recorded"] = True
        said.pop("side", None)
        said.pop("included", None)

    def _end(self) -> None:
        self._add()
        if "recorded" not in self._said and "all" in self._said:
            self._into.setdefault("charges", []).append((self._said["all"], "DBIT", None))
        self._said.clear()


def charges_in(said: Said, currency: str, place: str) -> tuple[int, int]:
    """What went off with the amount, and what did with that which the bank says it takes apart."""
    within = apart = 0
    for (text, its_currency), side, included in said.get("charges", ()):
        if its_currency == currency:
            amount = minor(text, currency, place, "Chrgs/Amt")
            amount = amount if side == "CRDT" else -amount
            if included in ("false", "0"):
                apart += amount
            else:
                within += amount
    return within, within + apart


def details(into: Said) -> dict[str, Node]:
    """The elements of one ``TxDtls`` that we read."""
    amounts = {
        "TxAmt": Node({"Amt": leaf(into, "transaction_amount", money=True)}),
        "InstdAmt": Node({"Amt": leaf(into, "instructed_amount", money=True)}),
    }
    return {
        "Refs": Node({
            "MsgId": leaf(into, "message"), "AcctSvcrRef": leaf(into, "bank_reference"),
            "PmtInfId": leaf(into, "batch"), "InstrId": leaf(into, "instruction"),
            "EndToEndId": leaf(into, "end_to_end"), "TxId": leaf(into, "transaction"),
            "MndtId": leaf(into, "mandate"),
        }),
        "Amt": leaf(into, "amount", money=True),
        "CdtDbtInd": leaf(into, "side"),
        "AmtDtls": Node(amounts),
        "BkTxCd": code(into, "code"),
        "Chrgs": Charges(into).node,
        "RltdPties": Node({
            "Dbtr": party(into, "debtor"),
            "DbtrAcct": account(into, "debtor_account"),
            "UltmtDbtr": party(into, "last_debtor"),
            "Cdtr": party(into, "creditor", "creditor_id"),
            "CdtrAcct": account(into, "creditor_account"),
            "UltmtCdtr": party(into, "last_creditor"),
        }),
        "RltdAgts": Node({
            agent: Node({"FinInstnId": Node({"BIC": leaf(into, field), "BICFI": leaf(into, field)})})
            for agent, field in (("DbtrAgt", "debtor_bic"), ("CdtrAgt", "creditor_bic"))
        }),
        "Purp": Node({"Cd": leaf(into, "purpose"), "Prtry": leaf(into, "purpose")}),
        "RmtInf": Node({
            "Ustrd": leaf(into, "text", many=True),
            "Strd": Node({
                "CdtrRefInf": Node({name: leaf(into, "structured", many=True) for name in ("Ref", "CdtrRef")}),
                "AddtlRmtInf": leaf(into, "more", many=True),
            }),
        }),
        "RtrInf": Node({
            "OrgnlBkTxCd": code(into, "original"),
            "Rsn": Node({"Cd": leaf(into, "reason"), "Prtry": leaf(into, "reason")}),
            "AddtlInf": leaf(into, "reason_text", many=True),
        }),
        "AddtlTxInf": leaf(into, "bank_text"),
    }  # fmt: skip


def signed(amount: int, side: str, place: str, what: str) -> int:
    if side == "CRDT":
        return amount
    if side == "DBIT":
        return -amount
    raise BadBankFile(
        "“%(side)s” does not say which way the money went; it is CRDT or DBIT (CdtDbtInd).",
        place=f"{place}, {what}", side=side[:40] or "–",
    )  # fmt: skip


def detail(said: Said, entry: Entry, side: str, own_account: str, returned: bool, place: str) -> Detail:
    """What the bank says of one transaction; ``side`` is the entry's, which it follows where it has none itself."""
    get = said.get
    made = Detail()
    if found := get("end_to_end"):
        made.end_to_end_id = reference(found)
    if found := get("mandate"):
        made.mandate = reference(found)
    if found := get("batch"):
        made.batch_reference = reference(found)
    if found := get("message"):
        made.message_reference = reference(found)
    if found := get("bank_reference") or get("transaction") or get("instruction"):
        made.reference = reference(found)
    _amounts(made, said, entry, get("side") or side, place)
    if "text" in said:
        made.text = one_line(*said["text"], *get("more", ()))
    elif "more" in said:
        made.text = one_line(*said["more"])
    elif "bank_text" in said and "structured" not in said:
        made.text = one_line(said["bank_text"])
    if "structured" in said:
        made.creditor_reference = without_spaces(said["structured"][0])
    if "purpose" in said:
        made.purpose = said["purpose"]
    if "creditor_id" in said:
        made.creditor_id = said["creditor_id"]
    returned = returned or get("code3") in _RETURNS
    if "reason" in said or "reason_text" in said:
        made.reason, made.reason_text = get("reason", ""), one_line(*get("reason_text", ()))
        made.original_code, returned = code_of(said, "original"), True
    elif returned:
        made.reason = reason_in(made.text)
    _other_party(made, said, own_account, (entry.amount >= 0) != returned)
    return made


def is_return(said: Said) -> bool:
    return said.get("code3") in _RETURNS


def reason_in(text: str) -> str:
    """The reason code that a bank only writes into its text."""
    return found.group() if (found := _REASON.search(text)) else ""


def _amounts(made: Detail, said: Said, entry: Entry, side: str, place: str) -> None:
    for name in ("amount", "transaction_amount", "instructed_amount"):
        if name not in said:
            continue
        text, currency = said[name]
        if currency == entry.currency:
            if made.amount is None:
                made.amount = signed_minor(text, currency, side)
                if made.amount is None:
                    made.amount = signed(minor(text, currency, place, "TxDtls/Amt"), side, place, "TxDtls")
        elif currency:
            made.original_currency = currency_of(currency, place, "TxDtls/AmtDtls")
            made.original_amount = minor(text, currency, place, "TxDtls/AmtDtls")


def _other_party(made: Detail, said: Said, own_account: str, incoming: bool) -> None:
    """Who is not us. The money's direction says it, except where it comes back; two accounts say it best."""
    get = said.get
    debtor, creditor = get("debtor_account", ""), get("creditor_account", "")
    if " " in debtor or " " in creditor:
        debtor, creditor = without_spaces(debtor), without_spaces(creditor)
    if debtor != creditor and own_account and own_account in (debtor, creditor):
        is_debtor = own_account == creditor
    else:
        has_debtor, has_creditor = bool(debtor) or "debtor" in said, bool(creditor) or "creditor" in said
        is_debtor = incoming if has_debtor == has_creditor else has_debtor
    if is_debtor:
        name, number, made.bic = get("debtor") or get("last_debtor"), debtor, get("debtor_bic", "")
    else:
        name, number, made.bic = get("creditor") or get("last_creditor"), creditor, get("creditor_bic", "")
    if name:
        made.name = one_line(name)
    if number:
        number = number.upper()
        if is_iban(number):
            made.iban = number
        else:
            made.account = number
