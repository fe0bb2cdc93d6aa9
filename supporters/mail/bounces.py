"""News of a mail that did not arrive, as mail servers send it back (RFC 3464)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

from sqlalchemy.orm import Session

from supporters import hooks
from supporters.mail.envelope import anonymous, returned
from supporters.mail.message import OutboxMessage
from supporters.sealing import keyring
from supporters.settings import Settings

#: Where the return address stands that the news came to.
_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "To")
_ADDRESS = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")
_NOT_FINAL = ("delayed", "delivered", "relayed", "expanded")


@dataclass(frozen=True, slots=True)
class Bounce:
    """What one notification says. ``reason`` names nobody."""

    came_to: tuple[str, ...]
    permanent: bool
    #: Whether the address is at fault: 5.7 says that our mail was not wanted, whoever it is for.
    about_the_address: bool
    reason: str

    @classmethod
    def read(cls, raw: bytes, *, to: str = "") -> Bounce | None:
        """From a whole mail; None where it is no delivery status notification: a holiday notice, somebody's answer."""
        mail = message_from_bytes(raw)
        about = [one for one in _recipients(mail) if one["Action"] or one["Status"]]
        if mail.get_content_type() != "multipart/report" or not about:
            return None
        came_to = [to] if to else []
        for header in _TO:
            for value in mail.get_all(header, []):
                came_to += _ADDRESS.findall(str(value))
        final = next((one for one in about if _is_permanent(one)), None)
        told = about[0] if final is None else final
        not_wanted = re.search(r"\b5\.7\.\d", f"{told['Status']} {told['Diagnostic-Code']}")
        return cls(tuple(came_to), final is not None, not not_wanted, _reason(told))

    def book(self, session: Session, *, settings: Settings, now: datetime) -> OutboxMessage | None:
        """The message failed, where the news is final and about one of ours; told once. The caller commits."""
        number = next(self._numbers(session, settings), None)
        if number is None or not self.permanent:
            return None
        message = session.get(OutboxMessage, number, with_for_update=True, populate_existing=True)
        if message is None or message.state not in ("queued", "sent"):
            return None
        message.state, message.ended_at, message.sealed_address = "failed", now, None
        message.reason = self.reason
        session.flush()
        if self.about_the_address:
            hooks.fire("mail_bounced", session, message=message, reason=self.reason, now=now)
        return message

    def is_ours(self, session: Session, settings: Settings) -> bool:
        """Whether it came to the return address of a message of ours."""
        return any(True for _ in self._numbers(session, settings))

    def _numbers(self, session: Session, settings: Settings) -> Iterator[int]:
        ring = keyring(session)
        for address in self.came_to:
            if (number := returned(address, ring, settings)) is not None:
                yield number


def _recipients(mail: Message[Any, Any]) -> Iterable[Message[Any, Any]]:
    """The blocks of a delivery-status part; the first one is about the message as a whole."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(blocks := part.get_payload(), list):
            yield from (block for block in blocks if isinstance(block, Message))


def _is_permanent(block: Message[Any, Any]) -> bool:
    action, status = (str(block[name] or "").strip().lower() for name in ("Action", "Status"))
    return action == "failed" or (status.startswith("5") and action not in _NOT_FINAL)


def _reason(block: Message[Any, Any]) -> str:
    said = f"{block['Status'] or ''} {str(block['Diagnostic-Code'] or '').partition(';')[2]}".strip()
    headers = ("Original-Recipient", "Final-Recipient")
    return anonymous(said, *(str(block[header] or "").rpartition(";")[2].strip() for header in headers))
