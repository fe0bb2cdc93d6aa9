"""One due date of a commitment, known by its number: what makes that nothing is collected twice."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    case,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.db import Base, cents, pk, word
from supporters.giving.months import month_grid
from supporters.giving.pause import Pause
from supporters.giving.term import Term

if TYPE_CHECKING:
    from supporters.giving.commitment import Commitment

#: due: may be collected · claimed: a payment is under way · paid · returned: it came back; a retry is a decision ·
#: skipped, paused, waived: never owed · missed: no run took it in time; not owed unless a person asks for it.
STATUSES = ("due", "claimed", "paid", "returned", "skipped", "paused", "waived", "missed")


class Instalment(Base):
    __tablename__ = "supporters_instalment"
    __table_args__ = (
        UniqueConstraint("commitment_id", "number"),
        CheckConstraint(f"status IN ({', '.join(repr(s) for s in STATUSES)})", name="status"),
        CheckConstraint("number > 0", name="number_positive"),
        Index(None, "status", "due_on"),
    )

    id: Mapped[pk]
    commitment_id: Mapped[int] = mapped_column(ForeignKey("supporters_commitment.id"))
    number: Mapped[int]
    term_id: Mapped[int] = mapped_column(ForeignKey("supporters_term.id"))
    due_on: Mapped[date]  # never changed; a holiday moves the payment's collect_on
    amount: Mapped[cents]
    status: Mapped[word] = mapped_column(default="due")
    attempts: Mapped[int] = mapped_column(default=0)  # payments made for it so far, the failed ones included
    asked_again_on: Mapped[date | None]  # when a person asked for a returned or missed one after all
    not_before_on: Mapped[date | None]  # a charge that was refused is tried again on this day

    commitment: Mapped[Commitment] = relationship(back_populates="instalments")
    term: Mapped[Term] = relationship()


def materialise(
    session: Session,
    through: date,
    *,
    missed_before: date,
    commitment_id: int | None = None,
    only: ColumnElement[bool] | None = None,
) -> int:
    """Write the instalments that fall due up to ``through``; those due before ``missed_before`` are set down as missed.

    Set-based: a pass takes one instalment of every commitment that has one due, so a commitment that is k behind
    costs k passes. Run twice, or by two at once, it writes nothing twice: UNIQUE(commitment, number). A commitment's
    number moves on only where its instalment exists. ``only`` is a condition on Commitment.
    """
    from supporters.giving.commitment import Commitment

    insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    due = [
        Commitment.next_due_on <= through,
        or_(Commitment.ended_on.is_(None), Commitment.next_due_on < Commitment.ended_on),
    ]
    if commitment_id is not None:
        due.append(Commitment.id == commitment_id)
    if only is not None:
        due.append(only)
    open_term = and_(Term.commitment_id == Commitment.id, Term.last_number.is_(None))
    in_a_pause = exists().where(
        Pause.commitment_id == Commitment.id,
        Pause.from_on <= Commitment.next_due_on,
        or_(Pause.until_on.is_(None), Commitment.next_due_on < Pause.until_on),
    )
    status = case((in_a_pause, "paused"), (Commitment.next_due_on < missed_before, "missed"), else_="due")
    rows = (
        select(Commitment.id, Commitment.next_number, Term.id, Commitment.next_due_on, Term.amount, status)
        .join(Term, open_term)
        .where(*due)
        .order_by(Commitment.id)  # of equal ones a collection takes the first: the same ones each time
    )
    columns = ["commitment_id", "number", "term_id", "due_on", "amount", "status"]
    there = exists().where(Instalment.commitment_id == Commitment.id, Instalment.number == Commitment.next_number)
    following = case(
        (Term.interval_months == 0, literal(None)),
        else_=month_grid(
            Term.anchor_on, (Commitment.next_number + 1 - Term.first_number) * Term.interval_months, Term.anchor_day
        ),
    )
    next_due_on = select(following).where(open_term).scalar_subquery()
    written = 0
    while True:
        adding = insert(Instalment).from_select(columns, rows).on_conflict_do_nothing()
        added: Any = session.execute(adding.execution_options(preserve_rowcount=True))
        moved: Any = session.execute(
            update(Commitment)
            .where(*due, there)
            .values(next_due_on=next_due_on, next_number=Commitment.next_number + 1)
            .execution_options(synchronize_session=False)
        )
        written += int(added.rowcount)
        if not moved.rowcount:
            session.expire_all()
            return written
