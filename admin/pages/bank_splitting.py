"""Dividing a line of the bank over several supporters, funds, an estate, or what is no gift: to the cent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from admin import clock
from admin.access import current_actor, needs
from admin.bank_agrees import forget_bank
from admin.bank_choices import Choice, found_by
from admin.blueprint import bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import locale, say
from admin.kit.forms import saving, shown
from admin.labels import choices
from admin.pages.bank_lines import find
from admin.pages.bank_queue import following, to_queue
from admin.pages.commitments import fund_choices
from supporters import Fund, Money, Supporter
from supporters.errors import AchterbanError, BadInput
from supporters.payments.bank import answering
from supporters.payments.bank.answering import Part
from supporters.payments.bank.line import WHYS, BankLine

ROWS, MORE, MOST = 3, 3, 60


@dataclass
class Row:
    """One part as somebody typed it, who may be meant, and what is wrong with it."""

    what: str = "gift"
    supporter: str = ""  # a number, or what they are looked for by
    fund: str = ""
    amount: str = ""
    note: str = ""
    looked_for: str = ""
    found: list[Choice] = field(default_factory=list)
    name: str = ""  # of the one with this number
    complaint: str = ""
    about: str = "amount"  # the field that it is about

    @property
    def is_empty(self) -> bool:
        return not (self.amount or self.supporter)

    def money(self, currency: str) -> Money | None:
        try:
            return Money.parse(self.amount, currency) if self.amount else None
        except BadInput:
            return None


def typed(form: Mapping[str, str], count: int) -> list[Row]:
    names = ("what", "supporter", "fund", "amount", "note", "found", "pick")
    rows = []
    for number in range(count):
        *given, found, pick = (form.get(f"{name}-{number}", "").strip()[:500] for name in names)
        row = Row(*given)
        if pick and found == row.supporter:  # Who types another name after that looks for another one.
            row.supporter = pick
        rows.append(row)
    return rows


def is_number(words: str) -> bool:
    return re.fullmatch(r"[Ss]?\d{1,15}", words) is not None


@bp.route("/bank/lines/<int:line_id>/split", methods=["GET", "POST"])
@needs("bank.work")
def bank_split(line_id: int) -> ResponseReturnValue:
    line = find(line_id)
    if request.method == "GET":
        first = Row("gift" if line.amount > 0 else WHYS[0])
        if line.supporter_id is not None and line.amount > 0:
            first.supporter = f"S{line.supporter_id:07d}"
        rows = [first, *(Row("gift" if line.amount > 0 else WHYS[0]) for _each in range(ROWS - 1))]
        return _page(line, rows)
    given = request.form.get("rows", "")
    count = int(given) if given.isdecimal() and len(given) < 4 else ROWS
    rows = typed(request.form, min(count, MOST))
    decision = request.form.get("decision", "")
    if decision == "more":
        return _page(line, [*rows, *(Row(rows[-1].what) for _each in range(MORE))][:MOST])
    if asked := re.fullmatch(r"find-(\d{1,2})", decision):
        for row in rows[int(asked[1]) : int(asked[1]) + 1]:
            row.looked_for = row.supporter
        return _page(line, rows)
    try:
        with saving() as saved:
            parts = [_part(saved, line, row) for row in rows if not row.is_empty]
            if any(row.complaint for row in rows):
                raise BadInput("Look at what is marked below; nothing was saved yet.")
            answering.split(saved, find(line_id), [each for each in parts if each], by=current_actor(), now=clock.now())
    except AchterbanError as error:
        return _page(find(line_id), rows, say(error))
    forget_bank()
    return redirect(to_queue(following(find(line_id)), done=line_id))


def _part(saved: Session, line: BankLine, row: Row) -> Part | None:
    """What one row says; what is wrong with it is written on it."""
    try:
        money = Money.parse(row.amount, line.currency) if row.amount else None
        if money is None:
            raise BadInput("Fill in an amount.", field="amount")
        if money.amount <= 0:
            raise BadInput("Each part of a line is more than nothing.", field="amount")
        if row.what in WHYS:
            return Part(money, why=row.what, note=row.note)
        person = Supporter.find(saved, row.supporter) if row.supporter else None
        if person is None and is_number(row.supporter):
            number = row.supporter[:20]
            raise BadInput("There is no supporter with number %(number)s.", field="supporter", number=number)
        if person is None and row.supporter:
            row.looked_for = row.supporter
            raise BadInput("Choose who it is.", field="supporter")
        if person is None:
            raise BadInput("Fill in whose gift it is: a number such as S0000012, or a name.", field="supporter")
        fund = Fund.get(saved, int(row.fund)) if row.fund.isdecimal() and len(row.fund) < 16 else None
        return Part(money, person, fund, kind="bequest" if row.what == "bequest" else None)
    except AchterbanError as error:
        row.complaint, row.about = say(error), error.field or "amount"
        return None


def _page(line: BankLine, rows: list[Row], complaint: str = "") -> ResponseReturnValue:
    for row in rows:
        if row.looked_for:
            row.found = found_by(row.looked_for)
        elif row.supporter:
            person = Supporter.find(session(), row.supporter)
            row.name = person.name if person is not None else ""
    amounts = [row.money(line.currency) for row in rows]
    left = abs(line.amount) - sum(each.amount for each in amounts if each is not None)
    whats: list[tuple[str, Any]] = [("gift", _("Gift")), ("bequest", _("Bequest"))] if line.amount > 0 else []
    answer = shown(
        "bank_split.html", line=line, rows=rows, complaint=complaint, left=Money(left, line.currency),
        whole=Money(abs(line.amount), line.currency), whats=whats, whys=choices("not_a_gift", WHYS),
        funds=fund_choices(open_only=True), comma=locale().language == "nl",
    )  # fmt: skip
    return (answer[0], 422) if complaint and isinstance(answer, tuple) else answer
