"""The bank's statements and files: what each told, and where one is missing between two."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import contains_eager

from admin.access import needs
from admin.bank_view import Came
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.kit.lists import Column, Filter, listing
from admin.labels import choices, label
from supporters import Money
from supporters.payments.bank.checks import closed_before, nothing_before
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import KINDS, BankStatement

RECENT = 12
_DAY = func.coalesce(BankStatement.to_on, literal(date(1, 1, 1), BankStatement.to_on.type))


def account_choices() -> list[tuple[str, str]]:
    rows = session().execute(select(OurAccount.id, OurAccount.name, OurAccount.number).order_by(OurAccount.name))
    return [(str(key), f"{name} ({number[-4:]})") for key, name, number in rows]


def period(statement: BankStatement) -> str:
    if statement.from_on is None or statement.from_on == statement.to_on:
        return day(statement.to_on, "medium")
    return f"{day(statement.from_on, 'medium')} – {day(statement.to_on, 'medium')}"


def _query() -> Select[Any]:
    return (
        select(BankStatement, OurAccount, BankFile, nothing_before().label("gap"), closed_before().label("before"))
        .join(OurAccount, OurAccount.id == BankStatement.account_id)
        .join(BankFile, BankFile.id == BankStatement.file_id)
    )


def verdict(row: Any) -> tuple[str, str] | None:
    """What is to be said of a statement beside its figures."""
    statement, _account, _file, gap, before = row
    if gap:
        if before is None:
            return _("One is missing before it"), "bad"
        missing = Money(statement.opening - before, statement.currency)
        return _("One is missing before it: %(amount)s", amount=money(missing)), "bad"
    if statement.difference is not None:
        return _("Accepted with a difference of %(amount)s", amount=money(statement.difference)), "warn"
    return (_("Adds up"), "good") if statement.kind == "statement" and statement.closing is not None else None


def _money(name: str) -> Any:
    def value(row: Any) -> Money | None:
        amount = getattr(row[0], name)
        return Money(amount, row[0].currency) if amount is not None else None

    return value


STATEMENTS = listing(
    endpoint="bank_statements",
    title=lazy("Bank statements"),
    query=_query,
    key=BankStatement.id,
    permission="money.see",
    default_sort="until",
    empty=lazy("No statement was read in yet."),
    options=(contains_eager(BankStatement.account), contains_eager(BankStatement.file)),
    columns=(
        Column("ident", lazy("Statement"), lambda r: r[0].number or r[0].ident or f"#{r[0].id}",
               link=lambda r: url_for(f"{NAME}.bank_lines", statement=r[0].id)),
        Column("account", lazy("Our account"), lambda r: r[1].name),
        Column("iban", lazy("IBAN"), lambda r: r[1].number, on_screen=False),
        Column("kind", lazy("Kind"), lambda r: label("statement_kind", r[0].kind), on_screen=False),
        Column("from", lazy("From"), lambda r: r[0].from_on, "date"),
        Column("until", lazy("Until"), lambda r: r[0].to_on, "date", sort=_DAY, descending=True),
        Column("opening", lazy("Opening balance"), _money("opening"), "money"),
        Column("entries", lazy("Lines"), lambda r: r[0].entries, "number"),
        Column("entered", lazy("In and out"), _money("entered"), "money"),
        Column("closing", lazy("Closing balance"), _money("closing"), "money"),
        Column("known", lazy("Known already"), lambda r: r[0].known, "number", on_screen=False),
        Column("file", lazy("File"), lambda r: r[2].filename, on_screen=False),
        Column("verdict", lazy("State"), verdict, "badge"),
    ),
    filters=(
        Filter("account", lazy("Our account"), lambda q, v: q.where(BankStatement.account_id == int(v)),
               choices=account_choices),
        Filter("kind", lazy("Kind"), lambda q, v: q.where(BankStatement.kind == v),
               choices=lambda: choices("statement_kind", KINDS)),
        Filter("from", lazy("From"), lambda q, v: q.where(BankStatement.to_on >= v), "date"),
        Filter("until", lazy("Until"), lambda q, v: q.where(BankStatement.from_on <= v), "date"),
        Filter("gap", lazy("Missing"), lambda q, v: q.where(nothing_before()),
               choices=lambda: [("yes", _("Where one is missing"))]),
    ),
)  # fmt: skip


def latest() -> list[tuple[Any, tuple[str, str] | None]]:
    """The newest statements, each with what is to be said of it."""
    query = _query().where(BankStatement.kind == "statement").order_by(_DAY.desc(), BankStatement.id.desc())
    return [(row, verdict(row)) for row in session().execute(query.limit(RECENT))]


@bp.get("/bank/statements")
@needs("money.see")
def bank_statements() -> ResponseReturnValue:
    page = STATEMENTS.page(session(), request.args)
    return render_template("achterban/list.html", page=page, crumbs=[(_("Bank"), url_for(f"{NAME}.bank"))])


@bp.get("/bank/files/<int:file_id>")
@needs("money.see")
def bank_file(file_id: int) -> ResponseReturnValue:
    file: BankFile = BankFile.get(session(), file_id)
    return render_template("achterban/bank_file.html", came=Came.of(file))
