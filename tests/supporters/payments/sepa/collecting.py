"""A collection in a few lines, for the tests: promises that were announced, and each step of a run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.payments.payment import Payment
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.sepa.batch import CollectionBatch
from supporters.payments.sepa.selection import Exclusion
from tests import cast

DUE = date(2026, 12, 28)  # a Monday, and a day on which TARGET is open
LONG_AGO = date(2026, 11, 1)


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def announced(session: Session, *people: Any, on: date = LONG_AGO, start_on: date = DUE, **fields: Any) -> Commitment:
    """A monthly promise from ``start_on`` that nobody can say they were not told of."""
    cast.creditor(session)
    commitment = cast.monthly(session, *people, start_on=start_on, **fields)
    Announcement.make(session, commitment, on=on, channel="letter", evidence="", by=cast.ANNA, now=cast.NOW)
    session.commit()
    return commitment


def prepared(session: Session, on: date = DUE, now: datetime = cast.NOW, **options: Any) -> CollectionBatch:
    batch = CollectionBatch.prepare(session, cast.creditor(session), on=on, by=cast.ANNA, now=now, **options)
    session.commit()
    return batch


def approved(session: Session, on: date = DUE, now: datetime = cast.NOW) -> CollectionBatch:
    batch = prepared(session, on, now)
    batch.approve(session, by=cast.BRAM, now=now)
    session.commit()
    return batch


def exported(session: Session, on: date = DUE, now: datetime = cast.NOW) -> CollectionBatch:
    batch = approved(session, on, now)
    batch.export(session, by=cast.BRAM, now=now)
    session.commit()
    return batch


def booked(session: Session, on: date = DUE, now: datetime = cast.NOW) -> CollectionBatch:
    batch = exported(session, on, now)
    batch.book(session, by=cast.ANNA, now=at(batch.collect_on))
    session.commit()
    return batch


def payments(session: Session, batch: CollectionBatch | None = None) -> list[Payment]:
    query = select(Payment).order_by(Payment.id)
    return list(session.scalars(query.where(Payment.batch_id == batch.id) if batch else query))


def left_out(session: Session, batch: CollectionBatch) -> dict[int, str]:
    """Commitment → why its instalment was left out."""
    from supporters.giving.instalment import Instalment

    query = (
        select(Instalment.commitment_id, Exclusion.reason)
        .join(Instalment, Instalment.id == Exclusion.instalment_id)
        .where(Exclusion.batch_id == batch.id)
    )
    return {row.commitment_id: row.reason for row in session.execute(query)}


def statuses(commitment: Commitment) -> list[tuple[int, str]]:
    return [(one.number, one.status) for one in commitment.instalments]
