"""When somebody dies or stops, their lines leave a collection nobody approved; a debit at the bank becomes a task.

A collection that is approved but not exported is left whole; it refuses to be exported instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.actor import Actor
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.pause import Pause
from supporters.payments.payment import Payment
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.supporter import Supporter
from supporters.tasks import Task


@hooks.on("commitments_ended")
def leave_with_commitments(session: Session, *, commitment_ids: Sequence[int], by: Actor, now: datetime) -> None:
    _withdraw(
        session,
        Payment.instalment_id.in_(
            select(Instalment.id)
            .join(Commitment, Commitment.id == Instalment.commitment_id)
            .where(Commitment.id.in_(commitment_ids), Commitment.ended_on <= Payment.collect_on)
        ),
        by,
        now,
    )


@hooks.on("commitment_paused")
def leave_with_a_pause(session: Session, *, commitment_id: int, pause: Pause, by: Actor, now: datetime) -> None:
    until_on = pause.until_on or date.max
    in_it = and_(Instalment.due_on >= pause.from_on, Instalment.due_on < until_on)
    _withdraw(
        session,
        Payment.instalment_id.in_(select(Instalment.id).where(Instalment.commitment_id == commitment_id, in_it)),
        by,
        now,
    )


@hooks.on("mandate_ended")
def leave_with_mandate(session: Session, *, mandate_id: int, by: Actor, now: datetime) -> None:
    _withdraw(session, Payment.mandate_id == mandate_id, by, now)


@hooks.on("supporter_died")
def leave_with_the_dead(session: Session, *, supporter: Supporter, death: Any, by: Actor, now: datetime) -> None:
    _withdraw(session, Payment.supporter_id == supporter.id, by, now)
    at_the_bank = session.execute(
        select(Payment, CollectionBatch)
        .join(CollectionBatch, CollectionBatch.id == Payment.batch_id)
        .where(Payment.supporter_id == supporter.id, Payment.state == "open", CollectionBatch.state == "exported")
    ).all()
    for payment, batch in at_the_bank:
        Task.raise_(
            session,
            "recall",
            "Ask the bank to recall %(reference)s (%(money)s) of %(name)s from collection %(batch)s,"
            " or refund it: they have died.",
            by=by,
            now=now,
            key=f"recall:{payment.id}:{death.id}",
            supporter_id=supporter.id,
            due_on=payment.collect_on,
            reference=payment.reference,
            money=str(payment.money),
            name=supporter.name,
            batch=batch.number,
        )


@hooks.on("death_undone")
def drop_recall_tasks(session: Session, *, supporter: Supporter, death: Any, by: Actor, now: datetime) -> None:
    recalls = select(Task).where(Task.supporter_id == supporter.id, Task.kind == "recall", Task.done_at.is_(None))
    for task in session.scalars(recalls):
        task.finish(session, "undone", by=by, now=now)


def _withdraw(session: Session, condition: Any, by: Actor, now: datetime) -> None:
    # Asked first, because mostly there is none, and then no payment of all those years is looked at.
    prepared = session.scalars(select(CollectionBatch.id).where(CollectionBatch.state == "prepared")).all()
    if not prepared:
        return
    lines = session.execute(
        select(Payment.batch_id, Payment.id).where(condition, Payment.state == "open", Payment.batch_id.in_(prepared))
    ).all()
    for batch_id in sorted({line.batch_id for line in lines}):
        batch = session.get_one(CollectionBatch, batch_id)
        batch.withdraw(session, [line.id for line in lines if line.batch_id == batch_id], by=by, now=now)
