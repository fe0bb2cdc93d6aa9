"""Changing an account of ours. From another day on it books, so lines cross over: to be matched, or kept and let be."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import and_, case, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput, Refused
from supporters.payments.bank import matching
from supporters.payments.bank.line import OPEN, BankLine
from supporters.payments.bank.our_account import OurAccount


def change(
    session: Session, account: OurAccount, *, name: str, book_from_on: date | None, is_active: bool, by: Actor,
    now: datetime, today: date,
) -> None:  # fmt: skip
    """Refused where a line of before that day is booked already, or set aside by somebody."""
    if not name.strip():
        raise BadInput("An account needs a name, such as “Donations”.", field="name")
    session.execute(select(OurAccount.id).where(OurAccount.id == account.id).with_for_update())
    before = {
        "name": account.name, "book_from_on": str(account.book_from_on or ""), "is_active": account.is_active,
    }  # fmt: skip
    moved = account.book_from_on != book_from_on
    account.name, account.book_from_on, account.is_active = name.strip(), book_from_on, is_active
    session.flush()
    if moved:
        _cross_over(session, account)
        matching.match(session, now=now, today=today)
    audit.record(session, by, "edit", account, now=now, before=before)


def _cross_over(session: Session, account: OurAccount) -> None:
    since = account.book_from_on
    ours = BankLine.account_id == account.id
    if since is not None:
        settled = select(BankLine.id).where(
            ours, BankLine.booked_on < since,
            or_(BankLine.state == "booked", and_(BankLine.state == "set_aside", BankLine.settled_by.is_not(None))),
        )  # fmt: skip
        if session.scalar(settled.limit(1)) is not None:
            raise Refused(
                "A line of before %(day)s is booked already: take that back first, or choose an earlier day.",
                field="book_from_on", day=since,
            )  # fmt: skip
        session.execute(
            update(BankLine)
            .where(ours, BankLine.booked_on < since, BankLine.state.in_((*OPEN, "detailed")))
            .values(state="before")
            .execution_options(synchronize_session=False)
        )
    child = aliased(BankLine)
    divided = exists().where(child.parent_id == BankLine.id)
    now_ours = [ours, BankLine.state == "before"]
    if since is not None:
        now_ours.append(BankLine.booked_on >= since)
    session.execute(
        update(BankLine)
        .where(*now_ours)
        .values(
            state=case((divided, "detailed"), (BankLine.amount == 0, "set_aside"), else_="unknown"),
            why=case((and_(~divided, BankLine.amount == 0), "something_else"), else_=BankLine.why),
        )
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
