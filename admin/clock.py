"""Where the screens get their time, which everything below wants passed in."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import current_app


def now() -> datetime:
    moment: datetime = current_app.extensions["supporters"].now()
    return moment


def today() -> date:
    day: date = current_app.extensions["supporters"].today()
    return day


def zone() -> ZoneInfo:
    where: ZoneInfo = current_app.extensions["supporters"].settings.timezone
    return where


def pretended() -> date | None:
    """The day a demo stands still at, so that a page can say so."""
    return today() if current_app.extensions["supporters"].settings.now else None
