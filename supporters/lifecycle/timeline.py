"""A death and its undoing, as entries of the timeline."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.lifecycle.death import Death
from supporters.people.timeline import page
from supporters.registry import Place, TimelineEntry


@registry.timeline("deaths")
def deaths(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(death: Death) -> tuple[str, str, dict[str, Any]]:
        return "reported", "Death reported by %(source)s", {"source": death.source, "by": death.reported_by}

    query = select(Death).where(Death.supporter_id == supporter)
    return page(session, query, Death.reported_at, Death.id, before, limit, entry, "death")


@registry.timeline("deaths undone")
def undone(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(death: Death) -> tuple[str, str, dict[str, Any]]:
        return "undone", "Report of the death undone", {"by": death.undone_by}

    query = select(Death).where(Death.supporter_id == supporter, Death.undone_at.is_not(None))
    return page(session, query, Death.undone_at, Death.id, before, limit, entry, "death_undone")
