"""Every ``SUPPORTERS_…`` key there is, with its default and its rule. The extension hands in the app's config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from supporters.errors import BadInput

PREFIX = "SUPPORTERS_"


class BadSetting(BadInput):
    """A configuration key has a value that cannot be meant; the message names the key."""

    code = "bad_setting"


@dataclass(frozen=True, slots=True)
class Settings:
    """Field ``notice_days`` is the key ``SUPPORTERS_NOTICE_DAYS``, and so on."""

    #: Where the calendar dates are: what "today" is, and which day an instant falls on.
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Amsterdam"))
    #: Days between telling someone about a direct debit and the debit.
    notice_days: int = 14
    #: Days an instalment may still be collected after it was due; later it is missed and a person decides.
    late_days: int = 27
    #: Business days before the collection date on which the bank wants the file.
    lead_days: int = 2
    #: Direct debits in one SEPA file at most.
    file_limit: int = 50_000
    #: The instant at which the clock stands still, for the demo; None lets it run.
    now: datetime | None = None

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Settings:
        """The settings in ``config``; raises BadSetting, naming the key, where a value cannot be meant."""
        given: dict[str, Any] = {}
        for each in fields(cls):
            key = PREFIX + each.name.upper()
            if config.get(key) is not None:
                given[each.name] = _READERS[each.name](key, config[key])
        return cls(**given)

    def clock(self) -> datetime:
        """The instant it is, in the charity's time zone: so that ``now.date()`` is the day it is there.

        What a view, command or job passes on as ``now``; stored instants are in UTC.
        """
        return (self.now or datetime.now(UTC)).astimezone(self.timezone)

    def day_of(self, instant: datetime) -> date:
        """The calendar date on which ``instant`` falls where the charity is."""
        return instant.astimezone(self.timezone).date()


def _timezone(key: str, value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, TypeError, OSError):
        raise BadSetting(
            "%(key)s is %(value)r, which is not a time zone; write one such as Europe/Amsterdam.",
            field=key, key=key, value=value,
        ) from None  # fmt: skip


def _whole(lowest: int, highest: int) -> Callable[[str, Any], int]:
    def read(key: str, value: Any) -> int:
        text = str(value).strip()
        if isinstance(value, (int, str)) and text.isdecimal() and lowest <= int(text) <= highest:
            return int(text)
        raise BadSetting(
            "%(key)s is %(value)r; it is a whole number from %(lowest)s to %(highest)s.",
            field=key, key=key, value=value, lowest=lowest, highest=highest,
        )  # fmt: skip

    return read


def _instant(key: str, value: Any) -> datetime:
    instant = value
    if isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
    if isinstance(instant, datetime) and instant.tzinfo:
        return instant.astimezone(UTC)
    raise BadSetting(
        "%(key)s is %(value)r; write an instant with its time zone, such as 2021-12-31T12:00:00+01:00.",
        field=key, key=key, value=value,
    )  # fmt: skip


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "timezone": _timezone,
    "notice_days": _whole(0, 365),
    "late_days": _whole(0, 365),
    "lead_days": _whole(0, 30),
    "file_limit": _whole(1, 1_000_000),
    "now": _instant,
}
