"""Every ``SUPPORTERS_…`` key there is, with its default and its rule. The extension hands in the app's config."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from email.utils import parseaddr
from pathlib import Path
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
    #: What seals personal data: 32 random bytes each in base64, separated by commas; the first seals, all of them open.
    keys: str = ""
    #: What tells addresses apart without keeping them, and signs the links in mail. It can never be replaced.
    pepper: str = ""
    #: The address of the mail server: smtp://user:password@host:587, or smtps://… for one that begins encrypted.
    mail_server: str = ""
    #: Who our mail is from: "Name <address>".
    mail_from: str = ""
    #: Where mail that cannot be delivered goes: an address whose part before the @ is followed by +token.
    mail_bounce: str = ""
    #: A folder with templates that go before ours, such as nl/petition_confirm.txt or base.html.
    mail_templates: str = ""
    #: The address of this site as the outside world writes it, for links in mail: https://charity.example
    public_url: str = "http://127.0.0.1:5000"
    #: The accounts at payment gateways, as a list or JSON of one: see ``supporters.payments.online.accounts``.
    gateways: Any = field(default=None, repr=False)
    #: Cents up to which one person gives money back alone; above it a second one approves.
    refund_limit: int = 10_000
    #: The day of the month on which most people have their income: a debit that came back is tried again after it.
    payday: int = 25
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


def kept_secret(folder: str | Path, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """A secret made once and kept in a folder, readable by its owner only."""
    path = Path(folder) / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Whole or not at all, and the first of several processes wins.
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{name}")
        with os.fdopen(handle, "w") as file:
            file.write(make())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text().strip()


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


def _text(key: str, value: Any) -> str:
    return str(value).strip()


def _url(*schemes: str) -> Callable[[str, Any], str]:
    def read(key: str, value: Any) -> str:
        text = str(value).strip().rstrip("/")
        if not text or any(text.startswith(f"{scheme}://") and len(text) > len(scheme) + 3 for scheme in schemes):
            return text
        raise BadSetting(
            "%(key)s is %(value)r; it is an address that begins with %(schemes)s.",
            field=key, key=key, value=value, schemes=" or ".join(f"{scheme}://" for scheme in schemes),
        )  # fmt: skip

    return read


def _sender(key: str, value: Any) -> str:
    text = str(value).strip()
    if not text or _is_address(parseaddr(text)[1]):
        return text
    raise BadSetting(
        "%(key)s is %(value)r; it is who mail is from, such as Name <address@charity.example>.",
        field=key, key=key, value=value,
    )  # fmt: skip


def _return_address(key: str, value: Any) -> str:
    text = str(value).strip()
    # A token of 32 characters and a plus sign follow the part before the @, which has room for 64.
    if not text or (_is_address(text) and len(text.rpartition("@")[0]) <= 31):
        return text
    raise BadSetting(
        "%(key)s is %(value)r; it is an address with at most 31 characters before the @: bounce@charity.example.",
        field=key, key=key, value=value,
    )  # fmt: skip


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9._=-]+@[A-Za-z0-9.-]+", text))


def _folder(key: str, value: Any) -> str:
    text = str(value).strip()
    if not text or Path(text).is_dir():
        return text
    raise BadSetting("%(key)s is %(value)r, which is not a folder.", field=key, key=key, value=value)


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "timezone": _timezone,
    "notice_days": _whole(0, 365),
    "late_days": _whole(0, 365),
    "lead_days": _whole(0, 30),
    "file_limit": _whole(1, 1_000_000),
    "keys": _text,
    "pepper": _text,
    "mail_server": _url("smtp", "smtps"),
    "mail_from": _sender,
    "mail_bounce": _return_address,
    "mail_templates": _folder,
    "public_url": _url("https", "http"),
    "gateways": lambda _key, value: value,
    "refund_limit": _whole(0, 100_000_000),
    "payday": _whole(1, 28),
    "now": _instant,
}
