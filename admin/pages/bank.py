"""Bank: what came in and where it stands, the accounts, and what does not agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from admin.access import needs
from admin.bank_agrees import Case, agreement
from admin.bank_view import counts
from admin.blueprint import bp
from admin.data import session
from admin.pages.bank_booking import left_over
from admin.pages.bank_statements import latest
from admin.pages.bank_upload import waiting
from supporters import Money
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement


@dataclass(frozen=True)
class Account:
    """An account with the last balance that a statement gave."""

    account: OurAccount
    closing: Money | None
    closing_on: date | None
    waiting: int


def accounts() -> list[Account]:
    place = func.row_number().over(
        partition_by=BankStatement.account_id, order_by=(BankStatement.to_on.desc(), BankStatement.id.desc())
    )
    ranked = select(BankStatement, place.label("place")).where(BankStatement.closing.is_not(None)).subquery()
    last = aliased(BankStatement, ranked)
    open_lines = dict(
        session().execute(
            select(BankLine.account_id, func.count())
            .where(BankLine.state.in_(("unknown", "proposed")))
            .group_by(BankLine.account_id)
        ).all()
    )  # fmt: skip
    rows = session().execute(
        select(OurAccount, last)
        .outerjoin(last, (last.account_id == OurAccount.id) & (ranked.c.place == 1))
        .order_by(OurAccount.is_active.desc(), OurAccount.name, OurAccount.id)
    )
    return [
        Account(
            account,
            Money(statement.closing or 0, statement.currency) if statement is not None else None,
            statement.closing_on if statement is not None else None,
            open_lines.get(account.id, 0),
        )
        for account, statement in rows
    ]


@bp.get("/bank")
@needs("money.see")
def bank() -> ResponseReturnValue:
    found = counts()
    return render_template(
        "achterban/bank.html",
        counts=found,
        matched=sum(each.count for each in found if each.state == "matched"),
        to_answer=sum(each.count for each in found if each.state in ("proposed", "unknown")),
        accounts=accounts(),
        statements=latest(),
        waiting=waiting(),
        agreement=agreement(),
        left=left_over(),
    )


@bp.get("/bank/agrees")
@needs("money.see")
def bank_agrees() -> ResponseReturnValue:
    """Every difference by name: how much, since when, and what to do."""
    found = agreement(anew=True)
    return render_template("achterban/bank_agrees.html", agreement=found, cases=[Case.of(each) for each in found.cases])
