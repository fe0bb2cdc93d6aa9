"""One entry of a camt file (``Ntry``), and how it falls apart into what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supporters.payments.bank.reading import camt_detail
from supporters.payments.bank.reading.camt_detail import (
    Said,
    charges_in,
    code_of,
    detail,
    is_return,
    reason_in,
    signed,
)
from supporters.payments.bank.reading.values import (
    currency_of,
    day,
    day_or_none,
    minor,
    one_line,
    reference,
    signed_minor,
    whole,
)
from supporters.payments.bank.reading.xml import Node, Walk, leaf
from supporters.payments.bank.told import BadBankFile, Detail, Entry, Head, Line, Told

#: With more transactions than this an entry is told in portions, so that its size does not matter.
MOST_AT_ONCE = 1000
_CHECKED_EVERY = 50
_MOST_BYTES_AT_ONCE = 8 << 20
_LONGEST_JOINED_TEXT = 500
#: Not booked yet, never booked, or booked in the future; what the balance counts has another status.
_NOT_BOOKED = {"PDNG", "INFO", "FUTR"}


class EntryReader:
    """The ``node`` of an entry; what it finds goes into ``out`` as lines, behind the head that ``begun`` makes."""

    def __init__(self, walk: Walk, begun: Callable[[], Head], out: list[Told]) -> None:
        self._walk, self._begun, self._out = walk, begun, out
        self._said: Said = {}
        self._batch: Said = {}
        self._detail: Said = {}
        self._waiting: list[Said] = []
        self._batches: list[Said] = []
        self._count = self._told = self._sum = self._in_group = 0
        self._entry: Entry | None = None
        self._line = self._offset = self._ordinal = 0
        self._statement = ""
        #: Which entry this is, within one: ", entry 4".
        self.within = ""
        said, batch = self._said, self._batch
        on = Node({"Dt": leaf(said, "booked"), "DtTm": leaf(said, "booked")})
        value = Node({"Dt": leaf(said, "value"), "DtTm": leaf(said, "value")})
        status = leaf(said, "status")
        status["Cd"] = status["Prtry"] = leaf(said, "status")
        self.node = Node(
            {
                "NtryRef": leaf(said, "own_reference"),
                "Amt": leaf(said, "amount", money=True),
                "CdtDbtInd": leaf(said, "side"),
                "RvslInd": leaf(said, "reversal"),
                "Sts": status,
                "BookgDt": on,
                "ValDt": value,
                "AcctSvcrRef": leaf(said, "reference"),
                "BkTxCd": camt_detail.code(said, "code"),
                "Chrgs": camt_detail.Charges(said).node,
                "AddtlNtryInf": leaf(said, "text", many=True),
                "NtryDtls": Node(
                    {
                        "Btch": Node({
                            "MsgId": leaf(batch, "message"), "PmtInfId": leaf(batch, "batch"),
                            "NbOfTxs": leaf(batch, "count"), "TtlAmt": leaf(batch, "amount", money=True),
                            "CdtDbtInd": leaf(batch, "side"),
                        }),
                        "TxDtls": Node(camt_detail.details(self._detail), end=self._end_detail),
                    },
                    end=self._end_group,
                ),
            },
            begin=self._begin,
            end=self._end,
        )  # fmt: skip

    def forget(self, statement: str) -> None:
        """The next entry is the first of another statement, which has this place."""
        self._count = self._ordinal = 0
        self._statement, self.within = statement, ""

    # -- as the elements come -----------------------------------------------------------------------------------

    def _begin(self, attributes: list[str]) -> None:
        self._said.clear()
        if self._batches:
            self._batches.clear()
        self._waiting.clear()
        self._entry = None
        self._told = self._sum = 0
        self._line = self._walk.line
        self._ordinal += 1  # as one counts them in the file: with those that are not booked yet
        self.within = f"{self._statement}, entry {self._ordinal}"

    def _end_detail(self) -> None:
        self._in_group += 1
        self._waiting.append(self._detail.copy())
        self._detail.clear()
        if not len(self._waiting) % _CHECKED_EVERY:
            self._tell_portion()

    def _tell_portion(self) -> None:
        """Tell what waits of a large entry, before it takes room that grows with it."""
        if len(self._waiting) == _CHECKED_EVERY:
            self._offset = self._walk.offset
        if len(self._waiting) <= MOST_AT_ONCE and self._walk.offset - self._offset < _MOST_BYTES_AT_ONCE:
            return
        if self._said.get("status") not in _NOT_BOOKED:
            for said in self._waiting[-self._in_group :]:
                _of_the_batch(said, self._batch)
            self._tell(self._entry or self._made(), self._converted())
        self._waiting.clear()

    def _end_group(self) -> None:
        """One ``NtryDtls``: what it says of its batch goes for each of its transactions, or stands for them all."""
        if self._batch:
            batch = dict(self._batch)
            self._batch.clear()
            if len(self._batches) < MOST_AT_ONCE:
                self._batches.append(batch)
            if not self._in_group:
                alone = ("message", "batch", "amount", "side")
                self._waiting.append({name: batch[name] for name in alone if name in batch})
            else:
                for said in self._waiting[-self._in_group :]:
                    _of_the_batch(said, batch)
        self._in_group = 0

    def _end(self) -> None:
        if self._said.get("status") not in _NOT_BOOKED:
            self._tell_rest()
        self.within = ""

    def _tell_rest(self) -> None:
        entry = self._entry or self._made()
        if "text" in self._said:
            entry.text = one_line(*self._said["text"])
        waiting = self._converted()
        if self._told:
            self._tell(entry, waiting)
            self._out.extend(self._missing(entry))
        elif len(waiting) < 2:
            self._whole(entry, waiting[0] if waiting else Detail())
        else:
            self._out.extend(self._parts(entry, waiting))

    # -- what it makes of them ----------------------------------------------------------------------------------

    def _made(self) -> Entry:
        head, said, place = self._begun(), self._said, f"line {self._line}{self.within}"
        if "amount" not in said:
            raise BadBankFile("An entry has no amount (Amt).", place=f"{place}, Ntry")
        booked = said.get("booked") or said.get("value")
        if booked is None:
            raise BadBankFile("An entry has no date (BookgDt).", place=f"{place}, Ntry")
        self._count += 1
        text, currency = said["amount"]
        amount = signed_minor(text, currency, said.get("side", ""))
        if amount is None:  # Say which of the three is wrong.
            currency = currency_of(currency, place, "Ntry/Amt")
            amount = signed(minor(text, currency, place, "Ntry/Amt"), said.get("side", ""), place, "Ntry")
        entry = self._entry = Entry(
            place=place,
            position=self._count,
            amount=amount,
            currency=currency,
            booked_on=day_or_none(booked) or day(booked, place, "Ntry/BookgDt"),
            value_on=day(said["value"], place, "Ntry/ValDt") if "value" in said else None,
            code=code_of(said, "code"),
        )
        if "reference" in said:
            entry.reference = reference(said["reference"])
        if "own_reference" in said:
            entry.own_reference = reference(said["own_reference"])
        if "reversal" in said:
            entry.is_reversal = said["reversal"] in ("true", "1")
        self._own_account = head.account
        self._known_charges = {0}
        if "charges" in said:
            entry.charges, everything = charges_in(said, currency, place)
            self._known_charges |= {entry.charges, everything}
        return entry

    def _converted(self) -> list[Detail]:
        """The transactions that wait, as far as the entry's own words are needed to read them."""
        entry, said = self._entry or self._made(), self._said
        side, returned, made, place = said["side"], is_return(said), [], entry.place
        within = everything = 0
        for number, one in enumerate(self._waiting, start=self._told + 1):
            if number > 1:
                place = f"{entry.place}, part {number}"
            made.append(detail(one, entry, side, self._own_account, returned, place))
            if "charges" in one:
                its_own, all_its = charges_in(one, entry.currency, place)
                within, everything = within + its_own, everything + all_its
        if within or everything:
            self._known_charges |= {within, everything}
        if batches := self._batches or ([self._batch] if self._batch else None):
            self._about_the_batch(entry, batches)
        if len(made) == 1 and not self._told:
            only = made[0]
            if not entry.code:
                entry.code = code_of(self._waiting[0], "code")
            if only.batch_reference and not (entry.batch_reference or only.end_to_end_id or only.iban or only.mandate):
                entry.batch_reference, entry.message_reference = only.batch_reference, only.message_reference
        return made

    def _about_the_batch(self, entry: Entry, batches: list[Said]) -> None:
        for name, field in (("batch", "batch_reference"), ("message", "message_reference")):
            values = {reference(batch.get(name)) for batch in batches}
            if len(values) == 1:
                setattr(entry, field, values.pop())
        counts = [count for batch in batches if (count := whole(batch.get("count"))) is not None]
        entry.count = sum(counts) if counts else None

    def _whole(self, entry: Entry, detail: Detail) -> None:
        """An entry that is one transaction, or does not say of what it is made."""
        if detail.amount is not None and detail.amount != entry.amount:
            entry.charges = self._as_charges(entry.amount - detail.amount) or entry.charges
            detail.amount = None
        if not detail.reason and is_return(self._said):
            detail.reason = reason_in(entry.text)
        self._out.append(Line(entry, detail))

    def _parts(self, entry: Entry, details: list[Detail]) -> list[Line]:
        amounts = [detail.amount for detail in details if detail.amount is not None]
        if len(amounts) == len(details):
            lines = [Line(entry, detail, number) for number, detail in enumerate(details, start=1)]
            difference = entry.amount - sum(amounts)
            if not difference:
                return lines
            if charges := self._as_charges(difference):
                entry.charges = charges
                return [*lines, self._extra(entry, "charges", difference, len(lines) + 1)]
        return [Line(entry, _in_common(details))]

    def _tell(self, entry: Entry, details: list[Detail]) -> None:
        for one in details:
            self._told += 1
            one.amount = one.amount or 0
            self._sum += one.amount
            self._out.append(Line(entry, one, self._told))

    def _missing(self, entry: Entry) -> list[Line]:
        difference = entry.amount - self._sum
        if not difference:
            return []
        charges = self._as_charges(difference)
        entry.charges = charges or entry.charges
        return [self._extra(entry, "charges" if charges else "difference", difference, self._told + 1)]

    def _extra(self, entry: Entry, purpose: str, amount: int, number: int) -> Line:
        return Line(entry, Detail(amount=amount, text=purpose, purpose=purpose), number)

    def _as_charges(self, difference: int) -> int:
        """The difference between an entry and what it is made of, where the bank says that it took just that."""
        return difference if difference in self._known_charges else 0


def _of_the_batch(said: Said, batch: Said) -> None:
    for name in ("message", "batch"):
        if name in batch:
            said.setdefault(name, batch[name])


def _in_common(details: list[Detail]) -> Detail:
    first, common = details[0], Detail()
    for name in (
        "end_to_end_id", "mandate", "creditor_id", "creditor_reference", "batch_reference", "message_reference",
        "reference", "name", "iban", "account", "bic", "reason", "reason_text", "purpose", "original_code",
    ):  # fmt: skip
        value: Any = getattr(first, name)
        if value and all(getattr(other, name) == value for other in details):
            setattr(common, name, value)
    common.text = one_line(*dict.fromkeys(detail.text for detail in details if detail.text))[:_LONGEST_JOINED_TEXT]
    return common
