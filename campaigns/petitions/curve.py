"""How the signatures came in: by hour, by day and by source, from the sums and what still waits to be added to them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import BigInteger, Select, cast, func, select, union_all
from sqlalchemy.orm import Session

from campaigns.petitions.tally import TallyEvent, TallyHour, hour_of

HOURS, DAYS, SOURCES = 48, 60, 20


@dataclass(frozen=True, slots=True)
class Step:
    """What changed in an hour or on a day; less than zero where more was taken back than came."""

    at: datetime
    signed: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class FromSource:
    source: str
    signed: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Curve:
    """``sources`` has the largest; ``more`` says how many signatures came from all others together."""

    hours: list[Step]
    days: list[tuple[date, int, int]]
    sources: list[FromSource]
    more: FromSource

    @classmethod
    def of(cls, session: Session, petition_id: int, *, now: datetime, zone: tzinfo) -> Curve:
        """Reads no signature: its time depends on how many hours there were, not on how many signed."""
        today = now.astimezone(zone).date()
        first_day = today - timedelta(days=DAYS - 1)
        first = datetime(first_day.year, first_day.month, first_day.day, tzinfo=zone)
        found: dict[datetime, tuple[int, int]] = {
            row.hour: (int(row.signed), int(row.confirmed))
            for row in session.execute(_sums(petition_id, "hour", since=hour_of(first)))
        }
        last = hour_of(now)
        hours = [last - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
        by_day: dict[date, list[int]] = defaultdict(lambda: [0, 0])
        for hour, (signed, confirmed) in found.items():
            day = by_day[hour.astimezone(zone).date()]
            day[0] += signed
            day[1] += confirmed
        days = [first_day + timedelta(days=n) for n in range(DAYS)]
        sources = [
            FromSource(row.source, int(row.signed), int(row.confirmed))
            for row in session.execute(_sums(petition_id, "source"))
            if row.signed or row.confirmed
        ]
        sources.sort(key=lambda line: (-line.signed, line.source))
        rest = sources[SOURCES:]
        return cls(
            [Step(hour, *found.get(hour, (0, 0))) for hour in hours],
            [(day, by_day[day][0], by_day[day][1]) for day in days],
            sources[:SOURCES],
            FromSource("", sum(line.signed for line in rest), sum(line.confirmed for line in rest)),
        )


def _sums(petition_id: int, by: str, since: datetime | None = None) -> Select[tuple[object, int, int]]:
    """Both tables in one statement, and so in one snapshot, whatever is rolled up meanwhile."""
    parts = []
    for model in (TallyHour, TallyEvent):
        key = getattr(model, by)
        part = select(
            key.label("key"), func.sum(model.signed).label("signed"), func.sum(model.confirmed).label("confirmed")
        ).where(model.petition_id == petition_id)
        if since is not None:
            part = part.where(model.hour >= since)
        parts.append(part.group_by(key))
    both = union_all(*parts).subquery()
    signed, confirmed = (cast(func.sum(both.c[name]), BigInteger) for name in ("signed", "confirmed"))
    return select(both.c.key.label(by), signed.label("signed"), confirmed.label("confirmed")).group_by(both.c.key)
