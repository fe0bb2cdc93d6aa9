"""What `achterban check` looks for in gifts and commitments; on SQLite also what PostgreSQL's triggers would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.giving.gift import Designation, Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.giving.months import month_grid
from supporters.giving.term import Term
from supporters.giving.year import FinancialYear
from supporters.people.supporter import Supporter
from supporters.registry import Finding, broken, check


@check("gifts")
def gifts(session: Session, *, now: datetime) -> Iterator[Finding]:
    """The parts of a gift are the gift, and no more went back than came in."""
    parts = (
        select(Designation.gift_id, func.sum(Designation.amount).label("total"))
        .group_by(Designation.gift_id)
        .subquery()
    )
    yield from broken(
        session,
        "designations-are-the-gift",
        "gift",
        select(Gift.id, Gift.amount.label("amount"), func.coalesce(parts.c.total, 0).label("total"))
        .outerjoin(parts, parts.c.gift_id == Gift.id)
        .where(func.coalesce(parts.c.total, 0) != Gift.amount)
        .order_by(Gift.id),
        "is %(amount)s cents, and its parts for funds add up to %(total)s",
    )
    back = select(Reversal.gift_id, func.sum(Reversal.amount).label("total")).group_by(Reversal.gift_id).subquery()
    yield from broken(
        session,
        "reversals-at-most-the-gift",
        "gift",
        select(Gift.id, Gift.amount.label("amount"), back.c.total.label("total"))
        .join(back, back.c.gift_id == Gift.id)
        .where(back.c.total > Gift.amount)
        .order_by(Gift.id),
        "is %(amount)s cents, and %(total)s went back",
    )


@check("years")
def years(session: Session, *, now: datetime) -> Iterator[Finding]:
    """Nothing was posted into a year after it was closed."""
    closed = select(FinancialYear.year, FinancialYear.closed_at).where(FinancialYear.closed_at.is_not(None))
    for year, closed_at in session.execute(closed.order_by(FinancialYear.year)).all():
        first, last = date(year, 1, 1), date(year, 12, 31)
        yield from broken(
            session,
            "closed-year",
            "gift",
            select(Gift.id, Gift.received_on.label("day"))
            .where(Gift.received_on.between(first, last), Gift.booked_at > closed_at)
            .order_by(Gift.id),
            f"was booked on %(day)s after {year} was closed",
        )
        yield from broken(
            session,
            "closed-year",
            "reversal",
            select(Reversal.id, Reversal.reversed_on.label("day"))
            .where(Reversal.reversed_on.between(first, last), Reversal.booked_at > closed_at)
            .order_by(Reversal.id),
            f"was booked on %(day)s after {year} was closed",
        )


@check("commitments")
def commitments(session: Session, *, now: datetime) -> Iterator[Finding]:
    """Terms follow each other, due dates stand on their grid, and the next one is where the open term says."""
    yield from _terms(session)
    yield from _grid(session)
    yield from _next(session)
    for noun, query in (
        ("commitment", select(Commitment.id).where(Commitment.ended_on.is_(None))),
        ("mandate", select(Mandate.id).where(Mandate.cancelled_on.is_(None))),
    ):
        model = Commitment if noun == "commitment" else Mandate
        yield from broken(
            session,
            "death-ends-everything",
            noun,
            query.join(Supporter, Supporter.id == model.supporter_id)
            .where(Supporter.death_reported_at.is_not(None))
            .order_by(model.id),
            "goes on although the supporter has died",
        )


def _terms(session: Session) -> Iterator[Finding]:
    open_ones = (
        select(Term.commitment_id, func.count().label("found"))
        .where(Term.last_number.is_(None))
        .group_by(Term.commitment_id)
        .subquery()
    )
    yield from broken(
        session,
        "one-open-term",
        "commitment",
        select(Commitment.id, func.coalesce(open_ones.c.found, 0).label("found"))
        .outerjoin(open_ones, open_ones.c.commitment_id == Commitment.id)
        .where(func.coalesce(open_ones.c.found, 0) != 1)
        .order_by(Commitment.id),
        "has %(found)s terms in force, and always has one",
    )
    # A term that was replaced before its first instalment covers no number.
    before = func.lag(Term.last_number).over(partition_by=Term.commitment_id, order_by=(Term.first_number, Term.id))
    numbered = (
        select(Term.commitment_id, Term.first_number.label("first"), before.label("before"))
        .where(or_(Term.last_number.is_(None), Term.last_number >= Term.first_number))
        .subquery()
    )
    yield from broken(
        session,
        "terms-follow-each-other",
        "commitment",
        select(numbered.c.commitment_id, numbered.c.before.label("before"), numbered.c.first.label("first"))
        .where(numbered.c.before.is_not(None), numbered.c.first != numbered.c.before + 1)
        .order_by(numbered.c.commitment_id),
        "has a term that ends with number %(before)s and one that begins with %(first)s",
    )


def _grid(session: Session) -> Iterator[Finding]:
    right = month_grid(Term.anchor_on, (Instalment.number - Term.first_number) * Term.interval_months, Term.anchor_day)
    yield from broken(
        session,
        "due-grid",
        "instalment",
        select(Instalment.id, Instalment.number.label("number"), Instalment.due_on.label("due"), right.label("right"))
        .join(Term, Term.id == Instalment.term_id)
        .where(Instalment.due_on != right)
        .order_by(Instalment.id),
        "(number %(number)s) is due on %(due)s, and its term says %(right)s",
    )
    yield from broken(
        session,
        "due-grid",
        "instalment",
        select(Instalment.id, Instalment.number.label("number"))
        .join(Term, Term.id == Instalment.term_id)
        .where(
            or_(
                Term.commitment_id != Instalment.commitment_id,
                Instalment.number < Term.first_number,
                # One that was left out ahead of time keeps the term it was left out of.
                and_(Instalment.number > Term.last_number, Instalment.status != "skipped"),
            )
        )
        .order_by(Instalment.id),
        "(number %(number)s) belongs to a term that does not cover it",
    )


def _next(session: Session) -> Iterator[Finding]:
    right = month_grid(
        Term.anchor_on, (Commitment.next_number - Term.first_number) * Term.interval_months, Term.anchor_day
    )
    open_term = and_(Term.commitment_id == Commitment.id, Term.last_number.is_(None))
    yield from broken(
        session,
        "next-instalment",
        "commitment",
        select(Commitment.id, Commitment.next_number.label("number"), Commitment.next_due_on.label("due"))
        .join(Term, open_term)
        .where(
            Commitment.next_number >= Term.first_number,
            or_(
                and_(Commitment.next_due_on.is_(None), Term.interval_months > 0),
                and_(Commitment.next_due_on.is_not(None), Commitment.next_due_on != right),
            ),
        )
        .order_by(Commitment.id),
        "expects number %(number)s on %(due)s, and its term says another day",
    )
    yield from broken(
        session,
        "next-instalment",
        "instalment",
        select(Instalment.id, Instalment.number.label("number"), Commitment.next_number.label("next"))
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .where(Instalment.number >= Commitment.next_number, Instalment.status != "skipped")
        .order_by(Instalment.id),
        "has number %(number)s, and its commitment still expects %(next)s",
    )
