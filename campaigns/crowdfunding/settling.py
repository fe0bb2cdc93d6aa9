"""An edition is over, and what was promised of it holds: nothing is judged while money is on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.crowdfunding.counter import Counter
from campaigns.crowdfunding.match import Match
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.edition import Edition
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.money import Money
from supporters.tasks import Task

#: Days in which gifts of an edition that did not reach its goal go back.
DAYS = 14


@dataclass(frozen=True, slots=True)
class Outlook:
    """What settling would do as things stand."""

    brought: Money  # by givers: without what sponsors add
    goal: Money
    lapsing: list[Match]
    gives_back: bool
    waits: int  # pieces of offline money that are not on our account yet

    @classmethod
    def of(cls, session: Session, edition: Edition) -> Outlook:
        waits = select(func.count()).where(
            OfflineMoney.edition_id == edition.id, OfflineMoney.state.in_(("entered", "counted"))
        )
        counter = Counter.read(session, edition)
        brought = counter.received.amount - counter.of_kind("match").amount
        lapsing = select(Match).where(
            Match.edition_id == edition.id, Match.state.in_(("live", "ended")), Match.condition > brought,
            Match.paid == 0,
        )  # fmt: skip
        goal = min((each.target for each in edition.goals if each.kind == "amount"), default=0)
        return cls(
            Money(brought, edition.currency), Money(goal, edition.currency),
            list(session.scalars(lapsing.order_by(Match.id))), edition.mode == "all_or_nothing" and brought < goal,
            session.scalar(waits) or 0,
        )  # fmt: skip


def settle(session: Session, edition: Edition, *, by: Actor, now: datetime) -> None:
    """Make up its account. A match whose condition was not met lapses; where all or nothing was said and the goal was
    not reached, giving back is a task. Raises Refused while offline money is waited for.
    """
    if Outlook.of(session, edition).waits:
        raise Refused("Offline money is still on its way: find it at the bank, or withdraw it.", field="offline")
    edition.move(session, "settle", by=by, now=now)
    found = Outlook.of(session, edition)  # with the edition's row held
    for match in found.lapsing:
        match.lapse(session, by=by, now=now)
    if found.gives_back:
        Task.raise_(
            session, "give_back",
            "%(title)s brought %(brought)s and not %(goal)s: all or nothing was said, so its gifts go back.", by=by,
            now=now, key=f"edition:{edition.id}:give_back", due_on=now.date() + timedelta(days=DAYS),
            title=edition.title, brought=str(found.brought), goal=str(found.goal),
        )  # fmt: skip
