"""Finding out what each line of the bank is, as often as there is news: a question about all that is not booked yet.

The answer depends on the lines and the books alone, not on the order in which they came: what was found before is
looked at again. Nothing here touches a line that is booked or set aside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session, aliased

from supporters.bulk import among, update_rows
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import materialise
from supporters.payments.bank.deciding import Decision, decide
from supporters.payments.bank.known import EARLY_DAYS, LATE_DAYS, Known
from supporters.payments.bank.line import OPEN, BankAllocation, BankLine
from supporters.payments.sepa.batch import CollectionBatch

BLOCK = 10_000
_COLUMNS = Decision._fields
#: Why a line is a question only because another line is what it would be.
GAVE_WAY = ("told_twice", "second_in_period")


@dataclass(slots=True)
class Matched:
    """How many lines were looked at, and how many of them stand differently now; by state what is open after it."""

    looked_at: int = 0
    changed: int = 0
    open: dict[str, int] = field(default_factory=dict)


def take_turn(session: Session) -> None:
    """Who matches, books or answers follow each other, until the transaction ends."""
    turns.together(session)
    turns.of(session, "bank lines")


def match(session: Session, ids: Iterable[int] | None = None, *, now: datetime, today: date | None = None) -> Matched:
    """Look at every line that is not booked or set aside, or only at these, and write down what it is.

    In the caller's transaction. Run again without news it changes nothing.
    """
    session.flush()
    take_turn(session)
    done = Matched()
    scope: list[ColumnElement[bool]] = [BankLine.state.in_(OPEN)]
    wanted = None if ids is None else sorted(ids)
    _expect(session, scope, today or now.date())
    last, held = 0, set[int]()
    while True:
        here = [*scope, BankLine.id > last]
        if wanted is not None:
            if not (part := wanted[:BLOCK]):
                break
            wanted = wanted[BLOCK:]
            here = [*scope, BankLine.id.in_(part)]
        told = session.connection().execute(lines().where(*here).order_by(BankLine.id).limit(BLOCK)).all()
        if told:
            last = told[-1].id
            if wanted is None:
                here = [*scope, BankLine.id.between(told[0].id, last)]
            known = Known(session, here, told)
            done.looked_at += len(told)
            done.changed += _write(session, [(line, decide(line, known)) for line in told], held)
        elif wanted is None:
            break
    _once(session)
    _at_most(session)
    if held:
        still = select(BankLine.id).where(among(session, BankLine.id, held), BankLine.state == "proposed")
        done.changed -= len(session.scalars(still).all())
    session.expire_all()
    counts = select(BankLine.state, func.count()).where(*scope).group_by(BankLine.state)
    done.open = {row[0]: row[1] for row in session.execute(counts)}
    return done


def lines() -> Any:
    """What matching takes of a line, and what it wrote there."""
    entry = aliased(BankLine)
    return select(
        func.coalesce(BankLine.twin_of_id, entry.twin_of_id).label("twin_id"),
        BankLine.id, BankLine.booked_on, BankLine.amount, BankLine.currency, BankLine.is_reversal, BankLine.code,
        BankLine.reference, BankLine.end_to_end_id, BankLine.mandate_reference, BankLine.creditor_reference,
        BankLine.batch_reference, BankLine.name, BankLine.iban, BankLine.text,
        *(getattr(BankLine, name) for name in _COLUMNS),
    ).outerjoin(entry, entry.id == BankLine.parent_id)  # fmt: skip


def _expect(session: Session, scope: list[ColumnElement[bool]], today: date) -> None:
    """Write the instalments that donors transfer by themselves, so far as the lines reach."""
    if (through := session.scalar(select(func.max(BankLine.booked_on)).where(*scope))) is None:
        return
    materialise(
        session,
        min(through, today + timedelta(days=LATE_DAYS)) + timedelta(days=EARLY_DAYS),
        missed_before=today - timedelta(days=LATE_DAYS),
        only=Commitment.method == "transfer",
    )


def _write(session: Session, decided: list[tuple[Any, Decision]], held: set[int]) -> int:
    """Write what is new of it. ``held`` gets the lines that only gave way to another one before, and may again."""
    first = len(decided[0][0]) - len(_COLUMNS) if decided else 0
    rows = []
    for line, decision in decided:
        was = tuple(line[first:])
        if was != decision:
            rows.append((line.id, *decision))
            if decision.state == "matched" and line.doubt in GAVE_WAY and was == _gave_way(decision, line.doubt):
                held.add(line.id)
    update_rows(session, BankLine, _COLUMNS, rows)
    return len(rows)


def _gave_way(found: Decision, doubt: str) -> Decision:
    """What stands of a match when another line comes before it: a gift that is none of what was promised."""
    if found.kind == "gift":
        because = "iban" if found.because == "expected" else found.because
        found = found._replace(because=because, commitment_id=None, instalment_id=None)
    return found._replace(state="proposed", doubt=doubt)


def _once(session: Session) -> None:
    """Where several lines say the same, the first is it and a person looks at the others."""
    ordinary = {
        "because": case((BankLine.because == "expected", "iban"), else_=BankLine.because),
        "commitment_id": None, "instalment_id": None,
    }  # fmt: skip
    for doubt, kinds, same in (
        ("told_twice", ("payment", "return"), (BankLine.kind, BankLine.payment_id)),
        ("told_twice", ("collection",), (BankLine.batch_id, BankLine.batch_reference, BankLine.amount)),
        ("second_in_period", ("gift",), (BankLine.instalment_id,)),
    ):
        asked = [BankLine.state == "matched", BankLine.kind.in_(kinds), same[-1].is_not(None)]
        if kinds == ("collection",):
            asked.append(BankLine.batch_reference != "")
        place = func.row_number().over(partition_by=same, order_by=(BankLine.booked_on, BankLine.key, BankLine.id))
        ranked = select(BankLine.id, place.label("place")).where(*asked).subquery()
        session.execute(
            update(BankLine)
            .where(BankLine.id.in_(select(ranked.c.id).where(ranked.c.place > 1)))
            .values(state="proposed", doubt=doubt, **(ordinary if kinds == ("gift",) else {}))
            .execution_options(synchronize_session=False)
        )


def _at_most(session: Session) -> None:
    """A collection brings no more than was in it, whether the bank tells totals, single debits, or both."""
    kinds = ("collection", "payment")
    asked = [BankLine.state == "matched", BankLine.kind.in_(kinds)]
    coming = select(BankLine.batch_id, func.sum(BankLine.amount).label("sum")).where(*asked).group_by(BankLine.batch_id)
    banked = (
        select(BankAllocation.batch_id, func.sum(BankAllocation.amount).label("sum"))
        .where(BankAllocation.kind.in_(kinds), BankAllocation.undone_at.is_(None))
        .group_by(BankAllocation.batch_id)
    )
    first, second = coming.subquery(), banked.subquery()
    room = CollectionBatch.total - func.coalesce(second.c.sum, 0)
    over = (
        select(CollectionBatch.id, room)
        .join(first, first.c.batch_id == CollectionBatch.id)
        .outerjoin(second, second.c.batch_id == CollectionBatch.id)
        .where(first.c.sum > room)
    )
    left: dict[Any, int] = {batch_id: int(most) for batch_id, most in session.execute(over)}
    if not left:
        return
    told = (
        select(BankLine.id, BankLine.batch_id, BankLine.amount)
        .where(*asked, BankLine.batch_id.in_(left))
        .order_by(BankLine.booked_on, BankLine.key, BankLine.id)
    )
    twice: list[int] = []
    for line_id, batch_id, amount in session.execute(told).all():
        if amount <= left[batch_id]:
            left[batch_id] -= amount
        else:
            twice.append(line_id)
    update_rows(session, BankLine, ("state", "doubt"), [(each, "proposed", "told_twice") for each in twice])
