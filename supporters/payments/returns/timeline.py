"""Debits that were refused or came back, and what was done about each, as entries of a supporter's timeline."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.payments.returns.returned import Returned
from supporters.people.timeline import page
from supporters.registry import Place, TimelineEntry

_STAGES = {
    "rejected": "Debit %(reference)s of %(money)s was refused (%(code)s): %(meaning)s",
    "returned": "Debit %(reference)s of %(money)s came back (%(code)s): %(meaning)s",
}
_DONE = "About debit %(reference)s that came back: %(action)s"


@registry.timeline("returns")
def returns(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    """That it came back, and why."""

    def entry(row: Returned) -> tuple[str, str, dict[str, Any]]:
        return row.stage, _STAGES[row.stage], _params(row)

    query = select(Returned).where(Returned.supporter_id == supporter)
    return page(session, query, Returned.told_on, Returned.id, before, limit, entry, "returned")


@registry.timeline("returns_acted")
def acted(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    """What somebody did about it."""

    def entry(row: Returned) -> tuple[str, str, dict[str, Any]]:
        return "acted", _DONE, {**_params(row), "action": row.action, "outcome": row.outcome, "by": row.acted_by}

    query = select(Returned).where(Returned.supporter_id == supporter, Returned.acted_at.is_not(None))
    return page(session, query, Returned.acted_at, Returned.id, before, limit, entry, "returned_acted")


def _params(row: Returned) -> dict[str, Any]:
    return {
        "money": str(row.money), "reference": row.payment.reference, "code": row.reason or "?",
        "meaning": row.why.meaning, "told": row.told,
    }  # fmt: skip
