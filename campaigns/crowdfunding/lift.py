"""What a radio or tv spot seems to have brought besides the gifts that are known to be thanks to it: an estimate, which
credits no gift.

Who hears a spot mostly types the charity's name, so that nothing tells what brought them. Counted are online gifts to
the edition of which nothing tells it, in the two hours after the spot, against the same weekday and hours of the weeks
around it. Both counts are taken for Poisson; the interval of their difference is made of the score intervals of the two
rates (MOVER: Zou and Donner, Statistics in Medicine 27 (2008) 1693; for Poisson rates Li, Tang and Wong, Computational
Statistics 29 (2014) 869).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from campaigns.credit import Credit
from campaigns.placement import AIRED, Placement
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment

WINDOW = timedelta(hours=2)
#: Weeks before and after that it is compared with, and how few of them say nothing.
WEEKS, FEWEST = 4, 2
_Z = 1.959964  # of 95 %


@dataclass(frozen=True, slots=True)
class Lift:
    """``seen`` gifts in the hours from ``from_at``; ``before`` in all of the ``windows`` it is compared with.

    With 95 % confidence the spot brought ``low`` to ``high`` gifts more than usual; below zero is fewer.
    """

    from_at: datetime
    until_at: datetime
    seen: int
    before: int
    windows: int
    low: float
    high: float
    together: tuple[str, ...]  # names of other spots in the same hours: it may be thanks to those

    @property
    def usual(self) -> float:
        return self.before / self.windows

    @property
    def more(self) -> float:
        return self.seen - self.usual

    @property
    def is_clear(self) -> bool:
        """Whether chance alone seldom does this."""
        return self.low > 0

    @classmethod
    def of(cls, session: Session, placement: Placement, *, zone: ZoneInfo, now: datetime) -> Lift | None:
        """None for what is no spot, until its two hours are over, and where fewer than ``FEWEST`` weeks of the edition
        can be compared with: weeks in which another spot was on the air at that time are left out.
        """
        aired = placement.aired_at
        if placement.kind not in AIRED or aired is None or aired + WINDOW > now:
            return None
        others = session.execute(
            select(Placement.name, Placement.aired_at).where(
                Placement.edition_id == placement.edition_id, Placement.id != placement.id,
                Placement.kind.in_(AIRED), Placement.aired_at.is_not(None),
            )
        ).all()  # fmt: skip

        def on_the_air(begin: datetime) -> tuple[str, ...]:
            return tuple(name for name, at in others if at is not None and abs(at - begin) < WINDOW)

        edition, local = placement.edition, aired.astimezone(zone)
        weeks = [number for number in range(-WEEKS, WEEKS + 1) if number]
        # The same time of the clock, also where the clock changed in between.
        begins = [(local.replace(tzinfo=None) + timedelta(weeks=number)).replace(tzinfo=zone) for number in weeks]
        compared = [
            begin for begin in begins
            if edition.starts_on <= begin.date() and (begin + WINDOW).date() < edition.ends_on
            and begin + WINDOW <= now and not on_the_air(begin)
        ]  # fmt: skip
        if len(compared) < FEWEST:
            return None
        given = _given(session, placement, [aired, *compared])
        seen = sum(aired <= at < aired + WINDOW for at in given)
        before = len(given) - seen
        low, high = interval(seen, before, len(compared))
        return cls(aired, aired + WINDOW, seen, before, len(compared), low, high, on_the_air(aired))

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.from_at.isoformat(), "until": self.until_at.isoformat(), "gifts": self.seen,
            "usual": round(self.usual, 2), "windows": self.windows, "more": round(self.more, 2),
            "low": round(self.low, 2), "high": round(self.high, 2), "is_clear": self.is_clear,
            "together_with": list(self.together),
        }  # fmt: skip


def interval(seen: int, before: int, windows: int) -> tuple[float, float]:
    """With 95 % confidence, by how much the rate behind ``seen`` in one window is more than that behind ``before`` in
    ``windows`` of them.
    """
    rate, usual = float(seen), before / windows
    (low, high), (usual_low, usual_high) = _score(seen, 1), _score(before, windows)
    return (
        rate - usual - sqrt((rate - low) ** 2 + (usual_high - usual) ** 2),
        rate - usual + sqrt((high - rate) ** 2 + (usual - usual_low) ** 2),
    )


def _score(count: int, windows: int) -> tuple[float, float]:
    """Of a Poisson rate per window."""
    middle, half = count + _Z**2 / 2, _Z * sqrt(count + _Z**2 / 4)
    return (middle - half) / windows, (middle + half) / windows


def _given(session: Session, placement: Placement, begins: list[datetime]) -> list[datetime]:
    """When the forms were sent in these hours that led to gifts to the edition of which nothing tells what brought
    them.
    """
    hours = or_(*(and_(Checkout.created_at >= at, Checkout.created_at < at + WINDOW) for at in begins))
    sent = (
        select(Checkout.id, Checkout.created_at)
        .join(OnlinePayment, OnlinePayment.checkout_id == Checkout.id)
        .join(Payment, Payment.id == OnlinePayment.payment_id)
        .join(Credit, Credit.gift_id == Payment.gift_id)
        .where(Credit.edition_id == placement.edition_id, Credit.placement_id.is_(None), hours)
        .distinct()
    )
    return [at for _, at in session.execute(sent)]
