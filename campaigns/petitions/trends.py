"""Where signatures came from in the last hours, and what stands out there: the first look when something is wrong.

Everything is grouped by the database, within one stretch of time, so it costs as much as that stretch holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature, SignaturePerson

#: Fewer than this from one place is never remarkable.
FEW = 20
#: Large mail providers: a big share of everybody's signatures comes from these.
USUAL = frozenset({
    "gmail.com", "hotmail.com", "hotmail.nl", "outlook.com", "live.nl", "live.com", "icloud.com", "yahoo.com",
    "ziggo.nl", "kpnmail.nl", "kpnplanet.nl", "planet.nl", "home.nl", "casema.nl", "upcmail.nl", "xs4all.nl",
    "hetnet.nl", "msn.com", "me.com", "proton.me", "protonmail.com", "gmx.net", "telfort.nl", "tele2.nl",
    "quicknet.nl", "chello.nl", "solcon.nl", "freedom.nl",
})  # fmt: skip
#: Why a line stands out.
REASONS = ("crowd", "grew", "unconfirmed", "burst")


@dataclass(frozen=True, slots=True)
class Line:
    """What one network, domain, hour or source brought."""

    key: str
    count: int
    confirmed: int
    quarantined: int
    first_at: datetime
    last_at: datetime
    stands_out: tuple[str, ...] = ()

    @property
    def share_confirmed(self) -> float:
        return self.confirmed / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Trends:
    """``networks`` are hashes that mean something on one day only; the largest come first, hours in their order."""

    since: datetime
    until: datetime
    count: int
    confirmed: int
    quarantined: int
    networks: list[Line]
    domains: list[Line]
    hours: list[Line]
    sources: list[Line]

    @classmethod
    def of(cls, session: Session, petition: Petition, *, now: datetime, hours: int = 24, most: int = 15) -> Trends:
        """The last ``hours`` hours of a petition, whatever became of what was sent."""
        since = now - timedelta(hours=hours)
        mine = _between(petition, since, now)
        every = by(session, mine, "hour", most=hours + 1)
        count, confirmed = sum(line.count for line in every), sum(line.confirmed for line in every)
        networks = by(session, mine, "network", most=most)
        domains = by(session, mine, "domain", most=most)
        before = _shares(session, _between(petition, since - (now - since), since), [line.key for line in domains])
        asks = petition.confirm_policy == "required"
        return cls(
            since, now, count, confirmed, sum(line.quarantined for line in every),
            [_marked(line, count, confirmed, asks=asks, crowd=_is_crowd(line, networks)) for line in networks],
            [
                _marked(
                    line, count, confirmed, asks=asks, grew=before is not None and _grew(line, count, before),
                    crowd=before is None and line.key not in USUAL and line.count >= count / 5,
                )
                for line in domains
            ],
            sorted(every, key=lambda line: line.key),
            by(session, mine, "source", most=most),
        )  # fmt: skip

    @property
    def remarkable(self) -> int:
        """How many networks and domains stand out."""
        return sum(1 for line in (*self.networks, *self.domains) if line.stands_out)


def by(session: Session, which: ColumnElement[bool], what: str, *, most: int = 15) -> list[Line]:
    """The signatures in ``which`` by network, domain, hour or source: the largest first."""
    key: Any = {
        "network": SignaturePerson.network_key,
        "domain": SignaturePerson.domain,
        "source": Signature.source,
        "hour": _hour(session),
    }[what]
    count = func.count()
    query = select(
        key,
        count,
        func.sum(case((Signature.state == "confirmed", 1), else_=0)),
        func.sum(case((Signature.state == "quarantined", 1), else_=0)),
        func.min(Signature.signed_at),
        func.max(Signature.signed_at),
    ).where(which)
    if what in ("network", "domain"):
        query = query.join(SignaturePerson, SignaturePerson.signature_id == Signature.id).where(key.is_not(None))
    rows = session.execute(query.group_by(key).order_by(count.desc(), key).limit(most)).all()
    return [Line(_text(key), n, int(yes), int(held), first, last) for key, n, yes, held, first, last in rows]


def hour_at(line: Line) -> datetime:
    """The hour a line of hours is about."""
    return datetime.fromisoformat(f"{line.key}:00:00").replace(tzinfo=UTC)


def _hour(session: Session) -> ColumnElement[str]:
    """“2026-12-01 09”, in UTC, on both databases."""
    if session.get_bind().dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", Signature.signed_at), "YYYY-MM-DD HH24")
    return func.strftime("%Y-%m-%d %H", Signature.signed_at)


def _text(key: Any) -> str:
    return bytes(key).hex() if isinstance(key, bytes | memoryview) else str(key)


def _between(petition: Petition, since: datetime, until: datetime) -> ColumnElement[bool]:
    return (
        (Signature.petition_id == petition.id) & (Signature.signed_at >= since) & (Signature.signed_at < until)
    )  # fmt: skip


def _shares(session: Session, earlier: ColumnElement[bool], domains: list[str]) -> dict[str, float] | None:
    """Each domain's part of the stretch before; None where that holds too few to compare with."""
    total = session.scalar(select(func.count()).select_from(Signature).where(earlier)) or 0
    if total < 5 * FEW:
        return None
    found = session.execute(
        select(SignaturePerson.domain, func.count())
        .join(Signature, SignaturePerson.signature_id == Signature.id)
        .where(earlier, SignaturePerson.domain.in_(domains))
        .group_by(SignaturePerson.domain)
    )
    return {domain: count / total for domain, count in found}


def _grew(line: Line, count: int, before: dict[str, float]) -> bool:
    return line.count / count >= 3 * max(before.get(line.key, 0.0), 0.01)


def _is_crowd(line: Line, networks: list[Line]) -> bool:
    """At least ten times what the network in the middle brought."""
    middle = sorted(other.count for other in networks)[len(networks) // 2]
    return line.count >= 10 * middle or len(networks) == 1


def _marked(line: Line, count: int, confirmed: int, *, asks: bool, crowd: bool = False, grew: bool = False) -> Line:
    """The line with why it stands out."""
    if line.count < FEW:
        return line
    others = count - line.count
    usual = (confirmed - line.confirmed) / others if others else 0.0
    why = {
        "crowd": crowd,
        "grew": grew,
        "unconfirmed": asks and others >= FEW and line.share_confirmed < usual / 2,
        "burst": count > line.count and line.last_at - line.first_at <= timedelta(minutes=10),
    }
    found = tuple(reason for reason in REASONS if why[reason])
    return Line(line.key, line.count, line.confirmed, line.quarantined, line.first_at, line.last_at, found)
