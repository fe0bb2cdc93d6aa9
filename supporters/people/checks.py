"""What `achterban check` looks for in people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from supporters.people.contact import ContactPoint
from supporters.people.search import SearchToken
from supporters.people.supporter import Supporter
from supporters.registry import Finding, broken, check


@check("people")
def people(session: Session, *, now: datetime) -> Iterator[Finding]:
    """Everybody can be found, and has one address to write to."""
    has_tokens = exists().where(SearchToken.supporter_id == Supporter.id)
    yield from broken(
        session,
        "search-tokens",
        "supporter",
        select(Supporter.id).where(Supporter.merged_into_id.is_(None), ~has_tokens).order_by(Supporter.id),
        "cannot be found: nothing of them is in the search table",
    )
    yield from broken(
        session,
        "search-tokens",
        "supporter",
        select(Supporter.id).where(Supporter.merged_into_id.is_not(None), has_tokens).order_by(Supporter.id),
        "is merged into another supporter and can still be found",
    )
    yield from broken(
        session,
        "one-current-contact",
        "supporter",
        select(ContactPoint.supporter_id, ContactPoint.kind.label("kind"), func.count().label("found"))
        .where(ContactPoint.until_on.is_(None))
        .group_by(ContactPoint.supporter_id, ContactPoint.kind)
        .having(func.count() > 1)
        .order_by(ContactPoint.supporter_id),
        "has %(found)s contact points of kind %(kind)s that hold at the same time",
    )
