"""One timeline of a supporter, newest first, out of what each floor registered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Date, Select, and_, or_, select, tuple_
from sqlalchemy.orm import Session

from supporters import registry
from supporters.audit import AuditEntry
from supporters.people.contact import ContactPoint
from supporters.registry import Place, TimelineEntry


def timeline(
    session: Session, supporter: int, before: Place | None = None, limit: int = 50
) -> tuple[list[TimelineEntry], Place | None]:
    """The newest entries before that place, and the place of what comes earlier, or None where nothing does."""
    found = [
        entry
        for source in registry.timeline_sources.values()
        for entry in source(session, supporter, before, limit + 1)
    ]
    found.sort(key=lambda entry: entry.place, reverse=True)
    shown = found[:limit]
    return shown, shown[-1].place if len(found) > limit else None


def page(
    session: Session,
    query: Select[Any],
    at: Any,
    key: Any,
    before: Place | None,
    limit: int,
    entry: Callable[[Any], tuple[str, str, dict[str, Any]]],
    subject: str,
) -> list[TimelineEntry]:
    """The rows of ``query`` (one entity each) as entries; ``entry`` gives kind, text and params of a row.

    ``at`` is a column of instants, or of dates, which stand at the beginning of their day in UTC.
    """
    dated = isinstance(at.type, Date)
    if before is not None:
        moment, its_subject, its_key = before
        here: Any = moment.date() if dated else moment
        on_the_dot = not dated or moment == _midnight(moment.date())
        if not on_the_dot:
            query = query.where(at <= here)
        elif subject > its_subject:
            query = query.where(at < here)
        elif subject < its_subject:
            query = query.where(at <= here)
        else:
            query = query.where(or_(at < here, and_(at == here, key < its_key)))
    entries = []
    for row in session.scalars(query.order_by(at.desc(), key.desc()).limit(limit)):
        moment = getattr(row, at.key)
        kind, text, params = entry(row)
        entries.append(
            TimelineEntry(_midnight(moment) if dated else moment, kind, text, params, subject, getattr(row, key.key))
        )
    return entries


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


#: Audit lines that become entries of their own kind, and what they say.
_SAYS = {
    ("supporter", "welcome"): "Became known to us",
    ("supporter", "rename"): "Name or personal details changed",
    ("supporter", "drop_email"): "E-mail address no longer holds",
    ("supporter", "drop_phone"): "Telephone number no longer holds",
    ("supporter", "drop_address"): "Address no longer holds",
    ("commitment", "resume"): "Commitment resumed",
    ("commitment", "skip"): "Instalment %(number)s skipped",
    ("commitment", "ask_again"): "Instalment %(number)s asked for again",
    ("commitment", "use_mandate"): "Commitment got mandate %(reference)s",
    ("mandate", "change_account"): "Mandate moved to another IBAN",
    ("gift", "reallocate"): "Gift moved from %(source)s to %(target)s",
    ("gift", "thank"): "Thanked",
    ("task", "finish"): "Task done",
}


@registry.timeline("audit")
def changes(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    """What left a trace and is not told by a row of its own."""
    query = select(AuditEntry).where(
        AuditEntry.supporter_id == supporter, tuple_(AuditEntry.subject, AuditEntry.verb).in_(list(_SAYS))
    )

    def entry(line: AuditEntry) -> tuple[str, str, dict[str, Any]]:
        return line.verb, _SAYS[line.subject, line.verb], {**_missing(), **line.detail, "by": line.by}

    return page(session, query, AuditEntry.at, AuditEntry.id, before, limit, entry, "audit_entry")


def _missing() -> dict[str, str]:
    return dict.fromkeys(("number", "reference", "source", "target"), "?")


@registry.timeline("contacts")
def contacts(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    texts = {"email": "E-mail address %(value)s", "phone": "Telephone number %(value)s", "address": "Address %(value)s"}

    def entry(point: ContactPoint) -> tuple[str, str, dict[str, Any]]:
        return point.kind, texts[point.kind], {"value": str(point), "by": point.recorded_by}

    query = select(ContactPoint).where(ContactPoint.supporter_id == supporter)
    return page(session, query, ContactPoint.from_on, ContactPoint.id, before, limit, entry, "contact_point")
