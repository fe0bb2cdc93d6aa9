"""The trace every change leaves: who, when, what, from where. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word


class AuditEntry(Base):
    __tablename__ = "supporters_audit_entry"
    __table_args__ = (Index(None, "subject", "subject_id"), Index(None, "supporter_id", "id"))

    id: Mapped[pk]
    at: Mapped[instant]
    by: Mapped[actor_key]
    via: Mapped[line]
    verb: Mapped[word]
    subject: Mapped[word]  # the noun, such as "commitment"
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    # No foreign key: supporters live a floor above. The column still says what merging and erasing do.
    supporter_id: Mapped[int | None] = mapped_column(BigInteger, info={"on_merge": "move", "on_erase": "redact"})
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


def record(
    session: Session,
    by: Actor,
    verb: str,
    subject: Base | str,
    *,
    now: datetime,
    supporter: int | None = None,
    **detail: Any,
) -> AuditEntry:
    """Write one line. ``subject`` is a row (flushed, so that it has its key) or the bare name of a noun."""
    if isinstance(subject, Base):
        session.flush()
    entry = line_of(by, verb, subject, now=now, supporter=supporter, **detail)
    session.add(entry)
    return entry


def line_of(
    by: Actor, verb: str, subject: Base | str, *, now: datetime, supporter: int | None = None, **detail: Any
) -> AuditEntry:
    """The line that ``record`` writes, for who adds many at once. A row has its key by now."""
    subject_id = None
    if isinstance(subject, Base):
        subject_id = subject.id  # type: ignore[attr-defined]
        supporter = supporter if supporter is not None else getattr(subject, "supporter_id", None)
        name = subject.__tablename__.split("_", 1)[1]
    else:
        name = subject
    return AuditEntry(
        at=now,
        by=by.key,
        via=by.via,
        verb=verb,
        subject=name,
        subject_id=subject_id,
        supporter_id=supporter,
        detail=detail,
    )
