"""The lines of the bank: the list, and one line with all that the bank told and what it was booked as."""

from __future__ import annotations

import re
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, and_, case, literal, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from admin import bank_view
from admin.access import may, needs
from admin.bank_view import to_line
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices, label
from admin.pages.bank_statements import account_choices, period
from admin.pages.people import to_supporter
from supporters import AuditEntry, Supporter
from supporters.payments.bank.line import KINDS, BankAllocation, BankLine, BankTelling
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.returns.returned import Returned

#: Texts of this length are looked for anywhere in a line; shorter ones would find half of them.
LEAST = 2
#: So much of the bank's text stands in the list.
SHORT = 90
HISTORY = 50
_STATES = ("matched", "proposed", "unknown", "booked", "set_aside", "before")


def _found(query: Select[Any], words: str) -> Select[Any]:
    """By our number, by account, or by a part of what the bank wrote."""
    if number := re.fullmatch(r"[Ll]0*(\d{1,15})", words):
        return query.where(BankLine.id == int(number[1]))
    plain = re.sub(r"\s", "", words).upper()
    if re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{8,30}", plain):
        return query.where(BankLine.iban == plain)
    if len(words) < LEAST:
        return query
    texts = (
        BankLine.name, BankLine.text, BankLine.reference, BankLine.end_to_end_id, BankLine.mandate_reference,
        BankLine.creditor_reference, BankLine.batch_reference, BankLine.iban,
    )  # fmt: skip
    return query.where(or_(*(each.icontains(words, autoescape=True) for each in texts)))


def _state(query: Select[Any], value: str) -> Select[Any]:
    return query.where(BankLine.state.in_(("proposed", "unknown")) if value == "open" else BankLine.state == value)


def _of_statement(query: Select[Any], value: str) -> Select[Any]:
    """What it told, first or after another."""
    if not value.isdecimal() or len(value) > 15:
        return query
    again = select(BankTelling.line_id).where(BankTelling.statement_id == int(value))
    parts = select(BankLine.id).where(BankLine.id.in_(again))
    return query.where(or_(BankLine.statement_id == int(value), BankLine.id.in_(again), BankLine.parent_id.in_(parts)))


def _amount(query: Select[Any], cents: int) -> Select[Any]:
    return query.where(BankLine.amount.in_((cents, -cents)))


def what(line: BankLine) -> str:
    """What it is, in few words."""
    if line.kind == "other" or line.state == "set_aside":
        return label("not_a_gift", line.why) if line.why else label("line_kind", "other")
    return label("line_kind", line.kind)


def short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[: SHORT - 1].rstrip()}…"


LINES = listing(
    endpoint="bank_lines",
    title=lazy("Lines of the bank"),
    query=lambda: (
        select(BankLine, OurAccount, Supporter)
        .join(OurAccount, OurAccount.id == BankLine.account_id)
        .outerjoin(Supporter, Supporter.id == BankLine.supporter_id)
        .where(BankLine.state != "detailed")
    ),
    key=BankLine.id,
    permission="money.see",
    default_sort="booked",
    amount=case((BankLine.currency == "EUR", BankLine.amount), else_=literal(0)),
    empty=lazy("No line is found with this."),
    options=(contains_eager(BankLine.account),),
    columns=(
        Column("number", lazy("Line"), lambda r: r[0].number, link=lambda r: to_line(r[0].id)),
        Column("booked", lazy("Day"), lambda r: r[0].booked_on, "date", sort=BankLine.booked_on, descending=True),
        Column("name", lazy("Name"), lambda r: r[0].name),
        Column("iban", lazy("IBAN"), lambda r: bank_view.iban(r[0].iban), on_screen=False),
        Column("text", lazy("Text"), lambda r: short(bank_view.words(r[0].text)), in_file=False),
        Column("whole", lazy("Text"), lambda r: bank_view.words(r[0].text), on_screen=False),
        Column("amount", lazy("Amount"), lambda r: r[0].money, "money", sort=BankLine.amount, descending=True),
        Column("account", lazy("Our account"), lambda r: r[1].name, on_screen=False),
        Column("currency", lazy("Currency"), lambda r: r[0].currency, on_screen=False),
        Column("end_to_end_id", lazy("End-to-end id"), lambda r: r[0].end_to_end_id, on_screen=False),
        Column("mandate", lazy("Mandate"), lambda r: r[0].mandate_reference, on_screen=False),
        Column("reference", lazy("Payment reference"), lambda r: r[0].creditor_reference, on_screen=False),
        Column("bank_reference", lazy("Reference of the bank"), lambda r: r[0].reference, on_screen=False),
        Column("what", lazy("What it is"), lambda r: what(r[0])),
        Column(
            "supporter",
            lazy("Supporter"),
            lambda r: r[2].name if r[2] is not None else "",
            link=lambda r: to_supporter(r[2].id) if r[2] is not None else None,
        ),
        Column("why", lazy("Why"), lambda r: bank_view.why(r[0]), on_screen=False),
        Column("state", lazy("State"), lambda r: badge("line_state", r[0].state), "badge"),
    ),
    filters=(
        Filter("q", lazy("Name, IBAN, text or reference"), _found, "text"),
        Filter("state", lazy("State"), _state,
               choices=lambda: [("open", _("To be answered")), *choices("line_state", _STATES)]),
        Filter("kind", lazy("What it is"), lambda q, v: q.where(BankLine.kind == v),
               choices=lambda: choices("line_kind", KINDS)),
        Filter("way", lazy("In or out"),
               lambda q, v: q.where(BankLine.amount > 0 if v == "in" else BankLine.amount < 0),
               choices=lambda: [("in", _("Came in")), ("out", _("Went out"))]),
        Filter("account", lazy("Our account"), lambda q, v: q.where(BankLine.account_id == int(v)),
               choices=account_choices),
        Filter("from", lazy("From"), lambda q, v: q.where(BankLine.booked_on >= v), "date"),
        Filter("until", lazy("Until"), lambda q, v: q.where(BankLine.booked_on <= v), "date"),
        Filter("amount", lazy("Amount"), _amount, "money"),
        Filter("statement", lazy("Statement"), _of_statement, "hidden"),
    ),
)  # fmt: skip


@bp.get("/bank/lines")
@needs("money.see")
def bank_lines() -> ResponseReturnValue:
    lead = None
    key = request.args.get("statement", "")
    if key.isdecimal() and len(key) < 16 and (statement := session().get(BankStatement, int(key))) is not None:
        lead = _(
            "Of statement %(statement)s of %(account)s: %(period)s.", statement=statement.number or statement.ident,
            account=statement.account.name, period=period(statement),
        )  # fmt: skip
    page = LINES.page(session(), request.args)
    return render_template("achterban/list.html", page=page, lead=lead, crumbs=[(_("Bank"), url_for(f"{NAME}.bank"))])


# --- one line --------------------------------------------------------------------------------------------------


def find(line_id: int) -> BankLine:
    line: BankLine = BankLine.get(session(), line_id)
    return line


def tellings(line: BankLine) -> list[BankStatement]:
    """The statements and notifications that told of it, the first one first."""
    key = line.parent_id or line.id
    again = select(BankTelling.statement_id).where(BankTelling.line_id == key)
    query = (
        select(BankStatement)
        .where(or_(BankStatement.id == line.statement_id, BankStatement.id.in_(again)))
        .options(joinedload(BankStatement.file))
        .order_by(BankStatement.id != line.statement_id, BankStatement.id)
    )
    return list(session().scalars(query))


def booked_as(line: BankLine) -> list[BankAllocation]:
    query = (
        select(BankAllocation)
        .where(BankAllocation.line_id == line.id)
        .options(joinedload(BankAllocation.supporter), joinedload(BankAllocation.gift))
        .order_by(BankAllocation.undone_at.is_not(None), BankAllocation.id)
    )
    return list(session().scalars(query.limit(200)))


def history(line: BankLine) -> list[AuditEntry]:
    about = and_(AuditEntry.subject == "bank_line", AuditEntry.subject_id == line.id)
    query = select(AuditEntry).where(about).order_by(AuditEntry.id.desc()).limit(HISTORY)
    return list(session().scalars(query))


@bp.get("/bank/lines/<int:line_id>")
@needs("money.see")
def bank_line(line_id: int) -> ResponseReturnValue:
    line = find(line_id)
    parent = find(line.parent_id) if line.parent_id else None
    parts: list[BankLine] = []
    if line.state == "detailed":
        of_it = select(BankLine).where(BankLine.parent_id == line.id).order_by(BankLine.of).limit(100)
        parts = list(session().scalars(of_it))
    twin = find(line.twin_of_id) if line.twin_of_id else None
    return render_template(
        "achterban/bank_line.html",
        line=line,
        parent=parent,
        parts=parts,
        twin=twin,
        what=what(line),
        why=bank_view.why(line),
        statements=tellings(line),
        period=period,
        allocations=booked_as(line),
        returned=session().scalar(select(Returned).where(Returned.line_id == line.id).limit(1)),
        history=history(line) if may("bank.work") else [],
    )
