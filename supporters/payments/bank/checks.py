"""What `achterban check` looks for on the bank: every euro that it reports is somewhere, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.batch import CollectionBatch
from supporters.registry import Finding, broken, check

#: Days after a collection that its money must be on a statement.
BANKED_WITHIN = timedelta(days=7)


@check("bank")
def bank(session: Session, *, now: datetime) -> Iterator[Finding]:
    """Statements follow each other, lines are what they were booked as, and collections came in."""
    yield from gaps(session)
    yield from _lines(session)
    yield from not_banked(session, now=now)


def nothing_before() -> ColumnElement[bool]:
    """Of a statement: it opens with what no other closed with, and does not begin within another."""
    before, covering, earlier = aliased(BankStatement), aliased(BankStatement), aliased(BankStatement)
    placed = (BankStatement.kind == "statement", BankStatement.opening.is_not(None), BankStatement.from_on.is_not(None))
    mine = BankStatement.account_id
    follows = exists().where(
        before.account_id == mine, before.id != BankStatement.id, before.kind == "statement",
        before.from_on <= BankStatement.from_on,
        or_(
            before.closing == BankStatement.opening,
            # One that was accepted though it did not add up: what its lines come to may be the balance after all.
            and_(before.accepted_by.is_not(None), before.opening + before.entered == BankStatement.opening),
        ),
    )  # fmt: skip
    within = exists().where(
        covering.account_id == mine, covering.id != BankStatement.id, covering.kind == "statement",
        covering.closing.is_not(None), covering.from_on <= BankStatement.from_on,
        covering.to_on >= BankStatement.from_on, BankStatement.known > 0,
    )  # fmt: skip
    has_earlier = exists().where(
        earlier.account_id == mine, earlier.id != BankStatement.id, earlier.kind == "statement",
        or_(
            earlier.from_on < BankStatement.from_on,
            and_(earlier.from_on == BankStatement.from_on, earlier.to_on < BankStatement.to_on),
        ),
    )  # fmt: skip
    return and_(*placed, has_earlier, ~follows, ~within)


def closed_before() -> ScalarSelect[Any]:
    """Of a statement: the balance with which the last one before it closed."""
    earlier = aliased(BankStatement)
    return (
        select(earlier.closing)
        .where(
            earlier.account_id == BankStatement.account_id, earlier.id != BankStatement.id,
            earlier.kind == "statement", earlier.closing.is_not(None), earlier.to_on <= BankStatement.from_on,
        )
        .order_by(earlier.to_on.desc(), earlier.id.desc())
        .limit(1)
        .correlate(BankStatement)
        .scalar_subquery()
    )  # fmt: skip


def gaps(session: Session) -> Iterator[Finding]:
    """A statement opens with what another closed with, or begins within another; an account's first is free."""
    rows = session.execute(
        select(BankStatement, OurAccount.number, closed_before().label("last"))
        .join(OurAccount, OurAccount.id == BankStatement.account_id)
        .where(nothing_before())
        .order_by(BankStatement.account_id, BankStatement.from_on)
    )
    for statement, number, closed in rows:
        opening = Money(statement.opening, statement.currency)
        closing = Money(closed, statement.currency) if closed is not None else None
        amount = opening - closing if closing is not None else opening
        yield Finding(
            "statements-follow", f"statement {statement.ident or statement.number} of {number}",
            f"opens with {opening}, and the one before it closed with {closing or 'nothing'}: one is missing",
            amount=amount, since=statement.from_on,
            advice="Ask the bank for the statement that is missing, and read it in.",
        )  # fmt: skip


def _lines(session: Session) -> Iterator[Finding]:
    standing = (
        select(func.coalesce(func.sum(BankAllocation.amount), 0))
        .where(BankAllocation.line_id == BankLine.id, BankAllocation.undone_at.is_(None))
        .correlate(BankLine)
        .scalar_subquery()
    )
    wrong = or_(
        and_(BankLine.state == "booked", standing != BankLine.amount),
        and_(BankLine.state.not_in(("booked", "set_aside")), standing != 0),
    )
    rows: Any = select(
        BankLine.id, BankLine.state.label("state"), BankLine.amount.label("amount"), standing.label("standing")
    ).where(wrong)
    yield from broken(
        session, "line-is-booked-whole", "bank line", rows.order_by(BankLine.id),
        "is %(state)s: %(amount)s cents, of which %(standing)s are booked",
    )  # fmt: skip
    child = aliased(BankLine)
    parts = (
        select(func.coalesce(func.sum(child.amount), 0))
        .where(child.parent_id == BankLine.id)
        .correlate(BankLine)
        .scalar_subquery()
    )
    yield from broken(
        session, "total-is-its-parts", "bank line",
        select(BankLine.id, BankLine.amount.label("amount"), parts.label("parts"))
        .where(BankLine.state == "detailed", parts != BankLine.amount)
        .order_by(BankLine.id),
        "is a total of %(amount)s cents, and its parts come to %(parts)s",
    )  # fmt: skip
    net = case((Reversal.kind == "correction", Reversal.amount), else_=0)
    corrected = (
        select(func.coalesce(func.sum(net), 0)).where(Reversal.gift_id == Gift.id).correlate(Gift).scalar_subquery()
    )
    yield from broken(
        session, "line-is-the-gift", "bank line",
        select(BankAllocation.line_id, BankAllocation.amount.label("amount"), Gift.amount.label("gift"))
        .join(Gift, Gift.id == BankAllocation.gift_id)
        .where(
            BankAllocation.kind == "gift",
            or_(
                Gift.amount != BankAllocation.amount,
                and_(BankAllocation.undone_at.is_(None), corrected != 0),
                and_(BankAllocation.undone_at.is_not(None), corrected != Gift.amount),
            ),
        )
        .order_by(BankAllocation.line_id),
        "of %(amount)s cents was booked as a gift of %(gift)s, or taken back without it",
    )  # fmt: skip
    yield from broken(
        session, "line-is-the-gift", "gift",
        select(Gift.id, Gift.booking_key.label("key"))
        .outerjoin(BankAllocation, BankAllocation.gift_id == Gift.id)
        .where(Gift.booking_key.like("bank:%"), BankAllocation.id.is_(None))
        .order_by(Gift.id),
        "was booked for %(key)s, which does not know of it",
    )  # fmt: skip


def not_banked(session: Session, *, now: datetime) -> Iterator[Finding]:
    """collected − returned = banked: of each collection whose days the statements of its account have reached."""
    reached = (
        select(func.max(BankStatement.to_on))
        .join(OurAccount, OurAccount.id == BankStatement.account_id)
        .where(OurAccount.number == CreditorAccount.iban, BankStatement.kind == "statement")
        .correlate(CreditorAccount)
        .scalar_subquery()
    )
    began = (
        select(func.min(BankStatement.from_on))
        .join(OurAccount, OurAccount.id == BankStatement.account_id)
        .where(OurAccount.number == CreditorAccount.iban, BankStatement.kind == "statement")
        .correlate(CreditorAccount)
        .scalar_subquery()
    )
    collected = (
        select(Payment.batch_id, func.sum(Payment.amount).label("total"))
        .where(Payment.batch_id.is_not(None), Payment.state.in_(("open", "booked", "returned")))
        .group_by(Payment.batch_id)
        .subquery()
    )
    banked = (
        select(BankAllocation.batch_id, func.sum(BankAllocation.amount).label("total"))
        .where(
            BankAllocation.batch_id.is_not(None), BankAllocation.kind.in_(("collection", "payment")),
            BankAllocation.undone_at.is_(None),
        )
        .group_by(BankAllocation.batch_id)
        .subquery()
    )  # fmt: skip
    came = func.coalesce(banked.c.total, 0)
    rows = session.execute(
        select(CollectionBatch, collected.c.total, came, reached)
        .join(CreditorAccount, CreditorAccount.id == CollectionBatch.creditor_account_id)
        .join(collected, collected.c.batch_id == CollectionBatch.id)
        .outerjoin(banked, banked.c.batch_id == CollectionBatch.id)
        .where(
            CollectionBatch.state.in_(("exported", "booked")), came != collected.c.total,
            CollectionBatch.collect_on >= began,
        )
        .order_by(CollectionBatch.id)
    )  # fmt: skip
    for batch, total, found, until in rows:
        if until is None or until < batch.collect_on + BANKED_WITHIN:
            continue
        due, there = Money(int(total), "EUR"), Money(int(found), "EUR")
        yield Finding(
            "collected-is-banked", f"collection {batch.number}",
            f"collected {due}, and {there} of it is on the statements that were read up to {until}",
            amount=due - there, since=batch.collect_on,
            advice="Look among the lines that nobody knows for the rest, or ask the bank.",
        )  # fmt: skip
    yield from broken(
        session, "returned-is-banked", "payment",
        select(Payment.id, Payment.reference.label("reference"))
        .join(BankAllocation, and_(BankAllocation.payment_id == Payment.id, BankAllocation.kind == "return"))
        .where(BankAllocation.undone_at.is_(None), Payment.state != "returned")
        .order_by(Payment.id),
        "%(reference)s came back on a statement, and is not returned here",
    )  # fmt: skip
