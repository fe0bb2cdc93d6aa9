"""The outbox: what is to be mailed, written in the transaction that wants it and delivered by a job.

A message is a template's name with what its renderer needs. The address is sealed, and forgotten once it was delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.db import Base, instant, pk, word
from supporters.people.consent import SERVICE, address_key
from supporters.sealing import keyring

#: For the keyring: what an address is sealed as, in the outbox and wherever a row is copied into it.
ADDRESS = "e-mail address"
#: Lower goes first: somebody waits for a confirmation, nobody waits for a newsletter.
URGENT, NORMAL, BULK = 10, 50, 90
STATES = ("queued", "sent", "failed", "dropped")


class OutboxMessage(Base):
    """One mail to one address. ``key`` says what it is about: the same matter is mailed once."""

    __tablename__ = "supporters_outbox_message"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("state IN ('queued', 'sent', 'failed', 'dropped')", name="state"),
        CheckConstraint("state <> 'queued' OR sealed_address IS NOT NULL", name="queued_has_address"),
        Index(
            "ix_supporters_outbox_message_waiting",
            "priority",
            "next_at",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(None, "address_key"),
        Index(
            "ix_supporters_outbox_message_scope",
            "scope",
            "state",
            sqlite_where=text("scope <> ''"),
            postgresql_where=text("scope <> ''"),
        ),
        Index(
            "ix_supporters_outbox_message_supporter_id",
            "supporter_id",
            sqlite_where=text("supporter_id IS NOT NULL"),
            postgresql_where=text("supporter_id IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    template: Mapped[word]
    subject_id: Mapped[int | None] = mapped_column(BigInteger)  # the row that the template is about
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # nothing personal
    locale: Mapped[str] = mapped_column(String(2), default="nl")
    key: Mapped[str] = mapped_column(String(120))
    priority: Mapped[int] = mapped_column(SmallInteger, default=NORMAL)
    sealed_address: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": ADDRESS})
    address_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    # What `may_contact` is asked with at the moment of sending.
    purpose: Mapped[word] = mapped_column(default=SERVICE)
    scope: Mapped[str] = mapped_column(String(60), default="")
    supporter_id: Mapped[int | None] = mapped_column(BigInteger, info={"on_merge": "move", "on_erase": "redact"})
    state: Mapped[word] = mapped_column(default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_at: Mapped[instant]  # not before
    queued_at: Mapped[instant]
    ended_at: Mapped[instant | None]  # sent, failed or dropped
    reason: Mapped[str | None] = mapped_column(String(255))  # what the server said, or why it was dropped

    @classmethod
    def queue(
        cls,
        session: Session,
        template: str,
        address: str,
        *,
        key: str,
        now: datetime,
        subject_id: int | None = None,
        locale: str = "nl",
        priority: int = NORMAL,
        purpose: str = SERVICE,
        scope: str = "",
        supporter_id: int | None = None,
        not_before: datetime | None = None,
        **params: Any,
    ) -> OutboxMessage | None:
        """Queue a mail in the caller's transaction; None where the same matter (``key``) was queued before."""
        ring = keyring(session)
        if session.scalar(select(cls.id).where(cls.key == key)):
            return None
        message = cls(
            template=template, subject_id=subject_id, params=params, locale=locale, key=key, priority=priority,
            sealed_address=ring.seal(address, ADDRESS), address_key=address_key(ring, address), purpose=purpose,
            scope=scope, supporter_id=supporter_id, next_at=not_before or now, queued_at=now,
        )  # fmt: skip
        session.add(message)
        session.flush()
        return message

    @classmethod
    def queue_all(
        cls, session: Session, template: str, mails: Sequence[tuple[str, str, dict[str, Any]]], *, now: datetime
    ) -> int:
        """Queue a mail to each (``key``, address, further columns); those that were queued before stay as they are."""
        ring = keyring(session)
        known: set[str] = set()
        for start in range(0, len(mails), 1_000):
            keys = [key for key, _, _ in mails[start : start + 1_000]]
            known.update(session.scalars(select(cls.key).where(cls.key.in_(keys))))
        new = [
            cls(
                template=template, key=key, sealed_address=ring.seal(address, ADDRESS),
                address_key=address_key(ring, address), next_at=now, queued_at=now, **more,
            )
            for key, address, more in mails
            if key not in known
        ]  # fmt: skip
        session.add_all(new)
        session.flush()
        return len(new)
