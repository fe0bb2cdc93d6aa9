"""pain.002: what became of a file that we sent, of its batches and of each debit in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from supporters.payments.bank.reading.camt_detail import account, party
from supporters.payments.bank.reading.values import (
    currency_of,
    day,
    is_iban,
    minor,
    moment,
    one_line,
    reference,
    without_spaces,
)
from supporters.payments.bank.reading.xml import Node, Walk, leaf, path
from supporters.payments.bank.told import BatchStatus, PaymentStatus, Status, StatusHead

MESSAGE = "CstmrPmtStsRpt"
FAMILY = "pain.002"
_NAMESPACE = re.compile(r"pain\.002\.001\.\d\d")


def read(stream: IO[bytes]) -> Iterator[Status]:
    return _Pain002(stream).through()


class _Pain002:
    def __init__(self, stream: IO[bytes]) -> None:
        self._out: list[Status] = []
        self._header: dict[str, Any] = {}
        self._group: dict[str, Any] = {}
        self._batch: dict[str, Any] = {}
        self._payment: dict[str, Any] = {}
        self._namespace = ""
        self._head_told = self._batch_told = False
        self._group_line = 0
        self._batches = self._debits = 0  # as one counts them in the file
        self._within = self._batch_place = self._payment_place = ""
        root = Node(begin=self._outer)
        root.other = root
        self._walk = Walk(stream, root)
        self._walk.within = lambda: self._within
        root[MESSAGE] = Node(
            {
                "GrpHdr": Node({"MsgId": leaf(self._header, "id"), "CreDtTm": leaf(self._header, "made")}),
                "OrgnlGrpInfAndSts": Node(
                    {
                        "OrgnlMsgId": leaf(self._group, "message"),
                        "OrgnlMsgNmId": leaf(self._group, "format"),
                        "GrpSts": leaf(self._group, "status"),
                        "StsRsnInf": _why(self._group),
                    },
                    end=self._tell_head,
                ),
                "OrgnlPmtInfAndSts": Node(
                    {
                        "OrgnlPmtInfId": leaf(self._batch, "batch"),
                        "PmtInfSts": leaf(self._batch, "status"),
                        "StsRsnInf": _why(self._batch),
                        "TxInfAndSts": self._transaction(),
                    },
                    begin=self._begin_batch,
                    end=self._tell_batch,
                ),
                # Where a bank leaves out the level of the batch, the debits stand in the message itself.
                "TxInfAndSts": self._transaction(),
            },
            begin=self._begin,
            end=self._tell_head,
        )

    def through(self) -> Iterator[Status]:
        return self._walk.through(self._out)

    def _transaction(self) -> Node:
        said = self._payment
        amount = leaf(said, "amount", money=True)
        original = {
            "Amt": Node({"InstdAmt": amount, "EqvtAmt": Node({"Amt": amount})}),
            "IntrBkSttlmAmt": leaf(said, "settled", money=True),
            "ReqdColltnDt": leaf(said, "on"),
            "MndtRltdInf": Node({
                "MndtId": leaf(said, "mandate"), **path("DrctDbtMndt/MndtId", leaf(said, "mandate")),
            }),
            "Dbtr": party(said, "name"),
            "DbtrAcct": account(said, "account"),
        }  # fmt: skip
        return Node(
            {
                "StsId": leaf(said, "reference"),
                "OrgnlInstrId": leaf(said, "instruction"),
                "OrgnlEndToEndId": leaf(said, "end_to_end"),
                "TxSts": leaf(said, "status"),
                "StsRsnInf": _why(said),
                "AcctSvcrRef": leaf(said, "bank_reference"),
                "OrgnlTxRef": Node(original),
            },
            begin=self._begin_payment,
            end=self._tell_payment,
        )

    # -- on the way ---------------------------------------------------------------------------------------------

    def _outer(self, attributes: list[str]) -> None:
        for name, value in zip(attributes[::2], attributes[1::2], strict=False):
            if name.startswith("xmlns") and (found := _NAMESPACE.search(value)):
                self._namespace = found.group()

    def _begin(self, attributes: list[str]) -> None:
        self._outer(attributes)
        for said in (self._header, self._group, self._batch, self._payment):
            said.clear()
        self._head_told = self._batch_told = False
        self._within = ""
        self._group_line = self._walk.line

    def _begin_batch(self, attributes: list[str]) -> None:
        self._batch.clear()
        self._batch_told = False
        self._batches += 1
        self._within = f", batch {self._batches}"
        self._batch_place = self._walk.place

    def _begin_payment(self, attributes: list[str]) -> None:
        self._payment.clear()
        self._debits += 1
        self._within = f", debit {self._debits}"
        self._payment_place = self._walk.place

    def _tell_head(self) -> None:
        if self._head_told:
            return
        said, header = self._group, self._header
        self._head_told = True
        self._out.append(
            StatusHead(
                format=self._namespace or FAMILY,
                place=f"line {self._group_line}",
                ident=header.get("id", ""),
                made_at=moment(header["made"]) if "made" in header else None,
                message_reference=reference(said.get("message", "")),
                original_format=said.get("format", ""),
                status=said.get("status", ""),
                **_because(said),
            )
        )

    def _tell_batch(self) -> None:
        """At the first of its debits, or at its end: the bank's own order."""
        self._tell_head()
        if self._batch_told or not self._batch:
            return
        said, self._batch_told = self._batch, True
        self._out.append(
            BatchStatus(
                place=self._batch_place,
                batch_reference=reference(said.get("batch", "")),
                status=said.get("status", ""),
                **_because(said),
            )
        )

    def _tell_payment(self) -> None:
        self._tell_batch()
        said, place = self._payment, self._payment_place
        number = without_spaces(said.get("account", "")).upper()
        made = PaymentStatus(
            place=place,
            end_to_end_id=reference(said.get("end_to_end", "")),
            batch_reference=reference(self._batch.get("batch", "")),
            message_reference=reference(self._group.get("message", "")),
            instruction_id=reference(said.get("instruction", "")),
            status=said.get("status", ""),
            mandate=reference(said.get("mandate", "")),
            iban=number if is_iban(number) else "",
            name=one_line(said.get("name", "")),
            reference=reference(said.get("reference") or said.get("bank_reference", "")),
            collect_on=day(said["on"], place, "ReqdColltnDt") if "on" in said else None,
            **_because(said),
        )
        if told := said.get("amount") or said.get("settled"):
            text, currency = told
            made.currency = currency_of(currency, place, "OrgnlTxRef/Amt")
            made.amount = minor(text, made.currency, place, "OrgnlTxRef/Amt")
        self._out.append(made)


def _why(into: dict[str, Any]) -> Node:
    """A reason; banks write it as a code or in a word of their own, and some give several: the first one is it."""
    said: dict[str, Any] = {}

    def end() -> None:
        if "reason" in said:
            into.setdefault("reason", said["reason"])
        if len(texts := into.setdefault("reason_text", [])) < 100:
            texts.extend(said.get("text", ()))
        said.clear()

    reason = Node({"Cd": leaf(said, "reason"), "Prtry": leaf(said, "reason")})
    return Node({"Rsn": reason, "AddtlInf": leaf(said, "text", many=True)}, end=end)


def _because(said: dict[str, Any]) -> dict[str, Any]:
    return {"reason": said.get("reason", ""), "reason_text": one_line(*said.get("reason_text", ()))}
