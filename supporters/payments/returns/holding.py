"""Promises that are held because a debit came back; a new account number or mandate lets them go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.actor import Actor
from supporters.giving import holding
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.pause import Pause
from supporters.payments.returns.returned import Returned
from supporters.tasks import Task

#: Why it is held: until there is another account number; until somebody spoke to the donor; until it is known whether
#: the donor died.
NEW_ACCOUNT, RETURNED, DIED = "new_account", "debit_returned", "died_perhaps"


def hold(
    session: Session, commitment_ids: Sequence[int], *, today: date, reason: str, by: Actor, now: datetime
) -> None:
    """Collect nothing from today on, and let what waits to be tried again wait for a person instead."""
    ids = sorted(set(commitment_ids))
    holding.hold(session, ids, from_on=today, reason=reason, by=by, now=now)
    for start in range(0, len(ids), holding.BLOCK):
        session.execute(
            update(Instalment)
            .where(
                Instalment.commitment_id.in_(ids[start : start + holding.BLOCK]),
                Instalment.status == "due",
                Instalment.not_before_on.is_not(None),
            )
            .values(status="returned", not_before_on=None)
            .execution_options(synchronize_session="fetch")
        )


def task_key(returned_id: int) -> str:
    return f"returned:{returned_id}"


def waits_for_account(commitment: Commitment) -> bool:
    return any(pause.until_on is None and pause.reason == NEW_ACCOUNT for pause in commitment.pauses)


@hooks.on("account_changed")
def go_on_with_account(session: Session, *, mandate_id: int, on: date, by: Actor, now: datetime) -> None:
    """What waited for another account number goes on, and nobody has to ask for it any more."""
    _go_on(session, list(session.scalars(_waiting().where(Commitment.mandate_id == mandate_id))), on, by, now)


@hooks.on("mandate_taken")
def go_on_with_mandate(session: Session, *, commitment_id: int, by: Actor, now: datetime) -> None:
    _go_on(session, list(session.scalars(_waiting().where(Commitment.id == commitment_id))), now.date(), by, now)


def _waiting() -> Select[Any]:
    return (
        select(Commitment)
        .join(Pause, Pause.commitment_id == Commitment.id)
        .where(Pause.until_on.is_(None), Pause.reason == NEW_ACCOUNT, Commitment.ended_on.is_(None))
        .order_by(Commitment.id)
    )


def _go_on(session: Session, commitments: list[Commitment], on: date, by: Actor, now: datetime) -> None:
    for commitment in commitments:
        commitment.resume(session, on=on, by=by, now=now)
        asked = select(Returned.id).where(
            Returned.commitment_id == commitment.id, or_(Returned.action == "ask_iban", Returned.action.is_(None))
        )
        keys = [task_key(key) for key in session.scalars(asked)]
        for task in session.scalars(select(Task).where(Task.key.in_(keys), Task.done_at.is_(None))):
            task.finish(session, "there is a new account number", by=by, now=now)
