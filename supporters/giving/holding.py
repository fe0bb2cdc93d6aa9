"""Many promises held at once: nothing of them is collected until a person resumes each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.pause import Pause

BLOCK = 1_000


def hold(
    session: Session, commitment_ids: Sequence[int], *, from_on: date, reason: str, by: Actor, now: datetime
) -> None:
    """``Commitment.hold`` for each; those that have no other pause go together."""
    session.flush()
    turns.together(session)
    ids = sorted(set(commitment_ids))
    for start in range(0, len(ids), BLOCK):
        _some(session, ids[start : start + BLOCK], from_on, reason, by, now)


def _some(session: Session, ids: list[int], from_on: date, reason: str, by: Actor, now: datetime) -> None:
    locked = select(Commitment).where(Commitment.id.in_(ids)).order_by(Commitment.id).with_for_update(key_share=True)
    found = session.scalars(locked.execution_options(populate_existing=True)).all()
    there: dict[int, list[Pause]] = defaultdict(list)
    pauses = select(Pause).where(Pause.commitment_id.in_(ids), or_(Pause.until_on.is_(None), Pause.until_on > from_on))
    for pause in session.scalars(pauses):
        there[pause.commitment_id].append(pause)
    free = [each for each in found if each.ended_on is None and each.id not in there]
    made = [
        Pause(commitment_id=each.id, from_on=from_on, reason=reason, recorded_at=now, recorded_by=by.key)
        for each in free
    ]
    session.add_all(made)
    session.execute(
        update(Instalment)
        .where(
            Instalment.commitment_id.in_([each.id for each in free]),
            Instalment.status == "due",
            Instalment.due_on >= from_on,
        )
        .values(status="paused")
        .execution_options(synchronize_session="fetch")
    )
    session.add_all(
        audit.line_of(by, "pause", each, now=now, from_on=from_on.isoformat(), until_on=None, reason=reason)
        for each in free
    )
    session.flush()
    for each, pause in zip(free, made, strict=True):
        session.expire(each, ["pauses", "instalments"])
        hooks.fire("commitment_paused", session, commitment_id=each.id, pause=pause, by=by, now=now)
    for each in found:
        if each.id in there:
            each.hold(session, from_on=from_on, reason=reason, by=by, now=now)
