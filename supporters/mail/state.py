"""How the mail about one thing is doing: what waits, since when, and what did not arrive and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters.mail.message import STATES, OutboxMessage

#: Counting stops here: past it the number no longer helps anybody.
MOST = 100_000


@dataclass(frozen=True, slots=True)
class MailState:
    #: Template → state → how many; what was counted up to MOST.
    counts: dict[str, dict[str, int]]
    #: The states of which there are more than were counted.
    capped: tuple[str, ...]
    oldest: datetime | None  # of what is due and still waits
    failures: list[tuple[str, int]]  # what the server said, most often first

    @classmethod
    def of(cls, session: Session, scope: str, *, now: datetime) -> MailState:
        """Of the messages with this ``scope``; index only, and never more than MOST rows of a state."""
        counts: dict[str, dict[str, int]] = {}
        capped = []
        for state in STATES:
            some = (
                select(OutboxMessage.template)
                .where(OutboxMessage.scope == scope, OutboxMessage.state == state)
                .limit(MOST + 1)
                .subquery()
            )
            rows = session.execute(select(some.c.template, func.count()).group_by(some.c.template)).all()
            for template, count in rows:
                counts.setdefault(template, dict.fromkeys(STATES, 0))[state] = count
            if sum(count for _, count in rows) > MOST:
                capped.append(state)
        waiting = select(OutboxMessage.next_at).where(OutboxMessage.scope == scope, OutboxMessage.state == "queued")
        due = waiting.order_by(OutboxMessage.priority, OutboxMessage.next_at, OutboxMessage.id).limit(1)
        oldest = session.scalar(due)
        broken = (
            select(OutboxMessage.reason)
            .where(OutboxMessage.scope == scope, OutboxMessage.state == "failed")
            .limit(MOST)
            .subquery()
        )
        failures = session.execute(
            select(func.coalesce(broken.c.reason, ""), func.count())
            .group_by(broken.c.reason)
            .order_by(func.count().desc())
            .limit(10)
        )
        return cls(
            dict(sorted(counts.items())), tuple(capped), oldest if oldest and oldest <= now else None,
            [(reason, count) for reason, count in failures],
        )  # fmt: skip
