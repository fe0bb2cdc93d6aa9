"""Which message is whose: of several deliverers, each message has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supporters.mail.message import OutboxMessage

#: On SQLite: after how long somebody else may take a message whose deliverer never came back.
LEASE = timedelta(minutes=10)


def due(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """The messages that should go, most urgent first."""
    return session.scalars(
        select(OutboxMessage.id)
        .where(OutboxMessage.state == "queued", OutboxMessage.next_at <= now)
        .order_by(OutboxMessage.priority, OutboxMessage.next_at, OutboxMessage.id)
        .limit(limit)
    ).all()


def claim(session: Session, message_id: int, *, now: datetime) -> OutboxMessage | None:
    """The message, which nobody else sends until this transaction ends; None where somebody else has it.

    On PostgreSQL the row is locked. SQLite has one writer, who must not wait for a mail server: there the message is
    put off for a while and committed, and :func:`let_go` ends the transaction before sending.
    """
    wanted = (OutboxMessage.id == message_id, OutboxMessage.state == "queued", OutboxMessage.next_at <= now)
    if _locks_rows(session):
        return session.scalar(select(OutboxMessage).where(*wanted).with_for_update(skip_locked=True))
    taken = session.scalar(update(OutboxMessage).where(*wanted).values(next_at=now + LEASE).returning(OutboxMessage.id))
    session.commit()
    return session.get(OutboxMessage, message_id, populate_existing=True) if taken else None


def let_go(session: Session) -> None:
    """What has to end before something slow: nothing on PostgreSQL, the one writer's transaction on SQLite."""
    if not _locks_rows(session):
        session.commit()


def _locks_rows(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
