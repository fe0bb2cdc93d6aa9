"""Things a person has to do, with a not-before date. Nothing sends or decides by itself."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, pk, violates, word
from supporters.errors import Refused


class Task(Base):
    __tablename__ = "supporters_task"
    __table_args__ = (UniqueConstraint("key"), Index(None, "done_at", "not_before_on"))

    id: Mapped[pk]
    kind: Mapped[word]
    text: Mapped[str] = mapped_column(String(500))  # an English template over ``params``
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    key: Mapped[str | None] = mapped_column(String(255))  # the same matter raises one task
    supporter_id: Mapped[int | None] = mapped_column(
        BigInteger, index=True, info={"on_merge": "move", "on_erase": "redact"}
    )
    not_before_on: Mapped[date | None]
    due_on: Mapped[date | None]
    raised_at: Mapped[instant]
    raised_by: Mapped[actor_key]
    assigned_to: Mapped[str | None] = mapped_column(String(255))
    done_at: Mapped[instant | None]
    done_by: Mapped[actor_key | None]
    outcome: Mapped[str | None] = mapped_column(String(500))

    @classmethod
    def raise_(
        cls,
        session: Session,
        kind: str,
        text: str,
        *,
        by: Actor,
        now: datetime,
        key: str | None = None,
        supporter_id: int | None = None,
        not_before_on: date | None = None,
        due_on: date | None = None,
        **params: Any,
    ) -> Task:
        """Raise a task; with a ``key`` that is already there, the one there is returned."""
        if key and (known := session.scalar(select(cls).where(cls.key == key))):
            return known
        task = cls(
            kind=kind, text=text, params=params, key=key, supporter_id=supporter_id, not_before_on=not_before_on,
            due_on=due_on, raised_at=now, raised_by=by.key,
        )  # fmt: skip
        if not key:
            session.add(task)
            return task
        session.flush()
        try:
            with session.begin_nested():
                session.add(task)
        except IntegrityError as error:
            # Another process raised the same matter between our look and our insert.
            if not violates(error, "uq_supporters_task_key"):
                raise
            return session.scalars(select(cls).where(cls.key == key)).one()
        return task

    @property
    def title(self) -> str:
        return self.text % self.params if self.params else self.text

    @property
    def is_open(self) -> bool:
        return self.done_at is None

    def finish(self, session: Session, outcome: str = "", *, by: Actor, now: datetime) -> None:
        if not self.is_open:
            raise Refused("This task was done already.")
        self.done_at, self.done_by, self.outcome = now, by.key, outcome or None
        audit.record(session, by, "finish", self, now=now, outcome=outcome)

    def reopen(self, session: Session, *, by: Actor, now: datetime) -> None:
        """What was done came undone; one that is open stays as it is."""
        if not self.is_open:
            self.done_at = self.done_by = self.outcome = None
            audit.record(session, by, "reopen", self, now=now)
