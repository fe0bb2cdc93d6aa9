"""The pages and teams of an edition with what each brought: one query for all, the largest first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from campaigns.crowdfunding.counter import CounterEntry
from campaigns.crowdfunding.page import FundraisingPage, Team
from campaigns.edition import Edition

#: More than this nobody reads on one page.
MOST = 50


@dataclass(frozen=True, slots=True)
class Listed:
    slug: str
    title: str
    target: int | None
    amount: int  # of the public figure
    team: str | None = None  # its slug


def pages_of(session: Session, edition: Edition, *, team: Team | None = None, most: int = MOST) -> list[Listed]:
    """Those that everybody may see; of one team where that is given."""
    page, brought = FundraisingPage, _brought()
    query = (
        select(page.slug, page.title, page.target, brought, Team.slug)
        .outerjoin(CounterEntry, _public(edition))
        .outerjoin(Team, Team.id == page.team_id)
        .where(page.edition_id == edition.id, page.state == "live")
        .group_by(page.id, Team.id)
        .order_by(brought.desc(), page.id)
        .limit(most)
    )
    return _listed(session, query if team is None else query.where(page.team_id == team.id))


def teams_of(session: Session, edition: Edition, *, most: int = MOST) -> list[Listed]:
    """A team is all its pages: what one brought that was taken off still counts."""
    brought = _brought()
    query = (
        select(Team.slug, Team.name, Team.target, brought, Team.slug)
        .outerjoin(FundraisingPage, FundraisingPage.team_id == Team.id)
        .outerjoin(CounterEntry, _public(edition))
        .where(Team.edition_id == edition.id)
        .group_by(Team.id)
        .order_by(brought.desc(), Team.id)
        .limit(most)
    )
    return _listed(session, query)


def live_pages(session: Session, edition: Edition) -> int:
    """How many there are, for who sees only the largest."""
    live = FundraisingPage.edition_id == edition.id, FundraisingPage.state == "live"
    return session.scalar(select(func.count()).select_from(FundraisingPage).where(*live)) or 0


def _brought() -> ColumnElement[int]:
    return func.coalesce(func.sum(CounterEntry.amount), 0)


def _public(edition: Edition) -> ColumnElement[bool]:
    """Its entries in the figure that everybody sees: a promise is not in it."""
    entry = CounterEntry
    return and_(
        entry.edition_id == edition.id, entry.page_id == FundraisingPage.id, entry.stage.in_(("received", "on_its_way"))
    )


def _listed(session: Session, query: Select[str, str, int | None, int, str | None]) -> list[Listed]:
    return [
        Listed(slug, title, target, int(amount), team) for slug, title, target, amount, team in session.execute(query)
    ]
