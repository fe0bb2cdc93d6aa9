"""camt.053, camt.054 and camt.052: statements, notifications and reports, whatever their version.

The versions differ in a few wrappers (``Pty`` around a party, ``Cd`` in a status), never in what they mean, so one tree
of elements reads them all. The parts that say what one transaction is are in ``camt_detail``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from supporters.payments.bank.reading import camt_detail
from supporters.payments.bank.reading.camt_entry import EntryReader
from supporters.payments.bank.reading.values import currency_of, day, minor, moment, one_line, whole, without_spaces
from supporters.payments.bank.reading.xml import Node, Walk, leaf, path
from supporters.payments.bank.told import BadBankFile, Balance, Head, Tail, Told

#: The message, what holds one account's entries in it, what we call that, and its family.
MESSAGES = {
    "BkToCstmrStmt": ("Stmt", "statement", "camt.053"),
    "BkToCstmrAcctRpt": ("Rpt", "report", "camt.052"),
    "BkToCstmrDbtCdtNtfctn": ("Ntfctn", "notification", "camt.054"),
}
_NAMESPACE = re.compile(r"camt\.05[234]\.001\.\d\d")
_MOST_BALANCES = 1000


def read(stream: IO[bytes]) -> Iterator[Told]:
    return _Camt(stream).through()


class _Camt:
    def __init__(self, stream: IO[bytes]) -> None:
        self._out: list[Told] = []
        self._header: dict[str, Any] = {}
        self._stated: dict[str, Any] = {}  # what one statement says of itself
        self._balance: dict[str, Any] = {}
        self._balances: list[tuple[str, Balance]] = []
        self._head: Head | None = None
        self._namespace = ""
        self._kind = self._family = ""
        root = Node(begin=self._outer)
        root.other = root  # A message may stand in an envelope; it is looked for at any depth.
        self._walk = Walk(stream, root)
        self._walk.within = self._within
        self._statements = 0
        self._entries = EntryReader(self._walk, self._begun, self._out)
        for message, (statement, kind, family) in MESSAGES.items():
            root[message] = self._message(statement, kind, family)

    def through(self) -> Iterator[Told]:
        return self._walk.through(self._out)

    # -- the tree -----------------------------------------------------------------------------------------------

    def _message(self, statement: str, kind: str, family: str) -> Node:
        def begin(attributes: list[str]) -> None:
            self._outer(attributes)
            self._kind, self._family = kind, family
            self._header.clear()

        return Node(
            {"GrpHdr": Node({"CreDtTm": leaf(self._header, "made")}), statement: self._statement()}, begin=begin
        )

    def _statement(self) -> Node:
        said = self._stated
        summary = Node({"NbOfNtries": leaf(said, "entries"), "Sum": leaf(said, "total")})
        account = {
            "Id": Node({"IBAN": leaf(said, "iban"), "Othr": Node({"Id": leaf(said, "account")})}),
            "Ccy": leaf(said, "currency"),
            "Ownr": camt_detail.party(said, "owner"),
        }
        return Node(
            {
                "Id": leaf(said, "id"),
                "ElctrncSeqNb": leaf(said, "number"),
                "LglSeqNb": leaf(said, "legal_number"),
                "CreDtTm": leaf(said, "made"),
                "FrToDt": Node({
                    "FrDtTm": leaf(said, "from"), "ToDtTm": leaf(said, "to"), "FrDt": leaf(said, "from"),
                    "ToDt": leaf(said, "to"),
                }),
                "Acct": Node(account),
                "Bal": self._balance_node(),
                "TxsSummry": Node({
                    "TtlNtries": summary,
                    "TtlCdtNtries": Node({"NbOfNtries": leaf(said, "credits"), "Sum": leaf(said, "credited")}),
                    "TtlDbtNtries": Node({"NbOfNtries": leaf(said, "debits"), "Sum": leaf(said, "debited")}),
                }),
                "Ntry": self._entries.node,
            },
            begin=self._begin,
            end=self._end,
        )  # fmt: skip

    def _balance_node(self) -> Node:
        said = self._balance
        return Node(
            {
                **path("Tp/CdOrPrtry", Node({"Cd": leaf(said, "code"), "Prtry": leaf(said, "code")})),
                "Amt": leaf(said, "amount", money=True),
                "CdtDbtInd": leaf(said, "side"),
                "Dt": Node({"Dt": leaf(said, "on"), "DtTm": leaf(said, "on")}),
            },
            end=self._end_balance,
        )

    # -- what happens on the way --------------------------------------------------------------------------------

    def _outer(self, attributes: list[str]) -> None:
        """Elements around the message: one of them names its version."""
        for name, value in zip(attributes[::2], attributes[1::2], strict=False):
            if name.startswith("xmlns") and (found := _NAMESPACE.search(value)):
                self._namespace = found.group()

    def _begin(self, attributes: list[str]) -> None:
        self._stated.clear()
        self._balances.clear()
        self._head = None
        self._statements += 1
        self._entries.forget(self._statement_place)
        self._place = self._walk.place

    @property
    def _statement_place(self) -> str:
        """Which statement it is, where it is not the first."""
        return f", statement {self._statements}" if self._statements > 1 else ""

    def _within(self) -> str:
        return self._entries.within or self._statement_place

    def _end_balance(self) -> None:
        said, place = self._balance, self._walk.place
        code = said.get("code", "")
        if "amount" not in said or "on" not in said:
            raise BadBankFile("A balance needs an amount and a date (Amt, Dt).", place=f"{place}, Bal")
        text, currency = said["amount"]
        currency = currency_of(currency, place, "Bal/Amt")
        amount = camt_detail.signed(minor(text, currency, place, "Bal/Amt"), said.get("side", ""), place, "Bal")
        if len(self._balances) >= _MOST_BALANCES:
            raise BadBankFile("%(element)s comes more than %(most)s times.", place=place, element="Bal", most=1000)
        self._balances.append((code, Balance(amount, currency, day(said["on"], place, "Bal/Dt"))))
        said.clear()

    def _begun(self) -> Head:
        """The head, which is told before the first entry: by then all of it has been read."""
        if self._head is None:
            said, place = self._stated, self._place
            currency = said.get("currency") or (self._balances[0][1].currency if self._balances else None)
            opening, closing = self._pick(currency)
            made = said.get("made") or self._header.get("made")
            self._head = Head(
                kind=self._kind,
                format=self._namespace if self._namespace.startswith(self._family) else self._family,
                place=place,
                ident=said.get("id", ""),
                number=said.get("number") or said.get("legal_number", ""),
                account=without_spaces(said.get("iban") or said.get("account", "")),
                currency=currency_of(currency, place, "Acct/Ccy") if currency else None,
                owner=one_line(said.get("owner", "")),
                made_at=moment(made) if made else None,
                from_on=day(said["from"], place, "FrToDt") if "from" in said else None,
                to_on=day(said["to"], place, "FrToDt") if "to" in said else None,
                opening=opening,
                closing=closing,
            )
            if not self._head.account:
                raise BadBankFile("It does not say which account it is about (Acct/Id).", place=place)
            self._out.append(self._head)
        return self._head

    def _pick(self, currency: str | None) -> tuple[Balance | None, Balance | None]:
        """The balances before and after the entries: of a page that is not the first or last, those in between."""
        told: dict[str, list[Balance]] = {}
        for code, balance in self._balances:
            if currency is None or balance.currency == currency:
                told.setdefault(code, []).append(balance)
        between = told.get("ITBD", [])
        closing = told.get("CLBD")
        opening = told.get("OPBD") or told.get("PRCD") or (between[:1] if closing or len(between) > 1 else [])
        closing = closing or between
        return (
            min(opening, key=lambda balance: balance.on) if opening else None,
            # Of several on one day the last counts, and of several days the last day.
            sorted(closing, key=lambda balance: balance.on)[-1] if closing else None,
        )

    def _end(self) -> None:
        head, said, place = self._begun(), self._stated, self._walk.place
        opening, closing = self._pick(head.currency)
        # A bank that tells its balances behind its entries has them told late.
        head.opening = head.opening or opening
        entries, total = whole(said.get("entries")), None
        if head.currency:
            summed = ("total",) if "total" in said else ("credited", "debited")
            if all(name in said for name in summed):
                total = sum(minor(said[name], head.currency, place, "TxsSummry/Sum") for name in summed)
        if entries is None and "credits" in said and "debits" in said:
            entries = (whole(said["credits"]) or 0) + (whole(said["debits"]) or 0)
        self._out.append(Tail(place, None if head.closing else closing, entries, total))
