"""The audit log: who did what, when, from where."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin import clock
from admin.access import needs
from admin.audit_lines import describe
from admin.blueprint import bp
from admin.data import session
from admin.i18n import lazy
from admin.kit.lists import Column, Filter, listing
from admin.pages.people import to_supporter
from supporters import AuditEntry


def _from(query: Any, day: Any) -> Any:
    return query.where(AuditEntry.at >= datetime.combine(day, time(), clock.zone()).astimezone(UTC))


def _until(query: Any, day: Any) -> Any:
    return query.where(AuditEntry.at < datetime.combine(day + timedelta(days=1), time(), clock.zone()).astimezone(UTC))


def _detail(entry: AuditEntry) -> str:
    """What came with it, as "amount: 2500, reason: by telephone"."""
    return ", ".join(f"{name}: {_plain(value)}" for name, value in (entry.detail or {}).items() if value)[:300]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return " → ".join(map(str, value)) if isinstance(value, list) else str(value)


AUDIT = listing(
    endpoint="audit_log",
    title=lazy("Audit log"),
    query=lambda: select(AuditEntry),
    key=AuditEntry.id,
    permission="audit.see",
    default_sort="at",
    columns=(
        Column("at", lazy("When"), lambda e: e.at, "moment", sort=AuditEntry.id, descending=True),
        Column("by", lazy("Who"), lambda e: e.by.removeprefix("person:")),
        Column("via", lazy("From where"), lambda e: e.via),
        Column("what", lazy("What"), describe),
        Column("subject", lazy("Subject"), lambda e: f"{e.subject} {e.subject_id or ''}".strip(), on_screen=False),
        Column(
            "supporter",
            lazy("Supporter"),
            lambda e: f"S{e.supporter_id:07d}" if e.supporter_id else "",
            link=lambda e: to_supporter(e.supporter_id) if e.supporter_id else None,
        ),
        Column("detail", lazy("Details"), _detail),
    ),
    filters=(
        Filter("by", lazy("Who"), lambda q, v: q.where(AuditEntry.by.contains(v, autoescape=True)), "text"),
        Filter("from", lazy("From"), _from, "date"),
        Filter("until", lazy("Until"), _until, "date"),
        Filter(
            "supporter",
            lazy("Number of a supporter"),
            lambda q, v: q.where(AuditEntry.supporter_id == int("".join(filter(str.isdecimal, v))[:15] or 0)),
            "text",
        ),
    ),
)


@bp.get("/audit")
@needs("audit.see")
def audit_log() -> ResponseReturnValue:
    return render_template("achterban/list.html", page=AUDIT.page(session(), request.args))
