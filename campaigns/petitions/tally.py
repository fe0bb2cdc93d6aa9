"""The exact count without a hot row: each change adds a line, a job rolls the lines up, a reader sums both at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, delete, func, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.db import Base, instant, pk, word

#: Any constant does: one roll-up at a time, on however many machines.
_LOCK = 0x74616C6C79
NUMBERS = ("signed", "confirmed", "offline")


@dataclass(frozen=True, slots=True)
class Count:
    """Three numbers, exact as of one moment; they are never added up silently."""

    signed: int
    confirmed: int
    offline: int
    as_of: datetime


def headline(confirm_policy: str, count: Count) -> int:
    """The number to show large: what counts under the policy, with the paper sheets."""
    return (count.confirmed if confirm_policy == "required" else count.signed) + count.offline


def goal_at(goals: Sequence[int], number: int) -> int | None:
    """The first goal that this number has not reached, else the last."""
    return next((goal for goal in goals if goal > number), goals[-1] if goals else None)


class Tally(Base):
    """What is rolled up. Only the roll-up writes it, so that nobody who signs ever waits for it."""

    __tablename__ = "campaigns_tally"

    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"), primary_key=True)
    signed: Mapped[int] = mapped_column(BigInteger, default=0)
    confirmed: Mapped[int] = mapped_column(BigInteger, default=0)
    offline: Mapped[int] = mapped_column(BigInteger, default=0)
    rolled_at: Mapped[instant | None]

    @staticmethod
    def count(session: Session, petition_id: int, *, now: datetime) -> Count:
        """In one statement, and so in one snapshot, whatever is rolled up meanwhile."""
        waiting = select(
            *(func.coalesce(func.sum(getattr(TallyEvent, name)), 0).label(name) for name in NUMBERS)
        ).where(TallyEvent.petition_id == petition_id)
        found = waiting.subquery()
        sums = [getattr(Tally, name) + found.c[name] for name in NUMBERS]
        query = select(*sums).join(found, true()).where(Tally.petition_id == petition_id)
        signed, confirmed, offline = session.execute(query).one()
        return Count(int(signed), int(confirmed), int(offline), now)

    @staticmethod
    def roll_up(session: Session, *, now: datetime, most: int = 50_000) -> int:
        """Move at most this many lines into the sums; how many. A second one at the same time moves none."""
        is_shared = session.get_bind().dialect.name == "postgresql"
        if is_shared and not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0
        ids = select(TallyEvent.id).order_by(TallyEvent.id).limit(most).scalar_subquery()
        moved = session.execute(
            delete(TallyEvent)
            .where(TallyEvent.id.in_(ids))
            .returning(
                TallyEvent.petition_id, TallyEvent.hour, TallyEvent.source, TallyEvent.signed, TallyEvent.confirmed,
                TallyEvent.offline,
            )
        ).all()  # fmt: skip
        hours: dict[tuple[int, datetime, str], list[int]] = {}
        for petition_id, hour, source, *change in moved:
            known = hours.setdefault((petition_id, hour, source), [0, 0, 0])
            for at, value in enumerate(change):
                known[at] += value
        totals: dict[int, list[int]] = {}
        for (petition_id, _, _), change in hours.items():
            known = totals.setdefault(petition_id, [0, 0, 0])
            for at, value in enumerate(change):
                known[at] += value
        if hours:
            add_to(
                session,
                TallyHour,
                ("petition_id", "hour", "source"),
                [
                    {
                        "petition_id": petition_id, "hour": hour, "source": source, "signed": change[0],
                        "confirmed": change[1], "offline": change[2],
                    }
                    for (petition_id, hour, source), change in sorted(hours.items())
                ],
            )  # fmt: skip
        for petition_id, change in sorted(totals.items()):
            tally = session.get_one(Tally, petition_id, with_for_update=True, populate_existing=True)
            tally.signed += change[0]
            tally.confirmed += change[1]
            tally.offline += change[2]
            tally.rolled_at = now
        session.flush()
        return len(moved)


class TallyEvent(Base):
    """One change of the count, waiting to be rolled up; only ever added, and moved by the roll-up."""

    __tablename__ = "campaigns_tally_event"
    __table_args__ = (Index(None, "petition_id"),)

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    hour: Mapped[instant]
    source: Mapped[word] = mapped_column(default="")
    signed: Mapped[int] = mapped_column(SmallInteger, default=0)
    confirmed: Mapped[int] = mapped_column(SmallInteger, default=0)
    offline: Mapped[int] = mapped_column(BigInteger, default=0)


class TallyHour(Base):
    """The curve: what came in an hour from a source."""

    __tablename__ = "campaigns_tally_hour"
    __table_args__ = (UniqueConstraint("petition_id", "hour", "source"),)

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    hour: Mapped[instant]
    source: Mapped[word] = mapped_column(default="")
    signed: Mapped[int] = mapped_column(BigInteger, default=0)
    confirmed: Mapped[int] = mapped_column(BigInteger, default=0)
    offline: Mapped[int] = mapped_column(BigInteger, default=0)


def hour_of(at: datetime) -> datetime:
    """The hour an instant is in, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def add_to(session: Session, model: type[Base], key: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    """Insert each row, or add its numbers to the one that is there."""
    kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = kind.insert(model)
    statement = statement.on_conflict_do_update(
        index_elements=key,
        set_={name: getattr(model, name) + statement.excluded[name] for name in NUMBERS},
    )
    session.execute(statement, rows)
