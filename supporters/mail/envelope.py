"""A letter made ready for the mail server: its headers, who it is from and for, and where it comes back to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from email_validator import validate_email

from supporters.errors import NotFound
from supporters.mail.letter import Letter
from supporters.mail.message import OutboxMessage
from supporters.sealing import Keyring
from supporters.settings import BadSetting, Settings

#: For the keyring: what the token in a return address is made for.
BOUNCE = "bounce"
#: A letter may add headers, except those that say who it is from and for and what it is.
_OURS = re.compile(
    r"from|sender|to|cc|bcc|date|message-id|subject|return-path|reply-path|received|resent-.*|content-.*|mime-version"
    r"|auto-submitted|list-unsubscribe(-post)?|dkim-.*|arc-.*|authentication-results",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_ADDRESS = re.compile(r"\S*@\S*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WEB_ADDRESS = re.compile(r"https?://[!-;=?-~]{1,1990}")  # printable ASCII without < and >


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the mail server gets. ``sender`` is where news of its failure goes, which the reader does not see."""

    sender: str
    recipient: str
    content: EmailMessage


def envelope(
    letter: Letter, message: OutboxMessage, address: str, *, ring: Keyring, settings: Settings, now: datetime
) -> Envelope:
    """The letter to this address. Line breaks in a header become spaces: nothing a visitor typed can add a header."""
    name, mailbox = sender(settings)
    to = validate_email(address, check_deliverability=False)
    recipient = f"{to.local_part}@{to.ascii_domain}"
    content = EmailMessage(policy=SMTP)
    content["From"] = Address(_one_line(name), addr_spec=mailbox)
    content["To"] = Address(addr_spec=recipient)
    content["Subject"] = _one_line(letter.subject)
    content["Date"] = format_datetime(now)
    content["Message-ID"] = message_id(message.key, ring, mailbox)
    content["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe_url:
        if not _WEB_ADDRESS.fullmatch(letter.unsubscribe_url):
            raise ValueError("an unsubscribe_url is a whole https:// address")
        content["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        content["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for header, value in letter.headers.items():
        if not _NAME.fullmatch(header) or _OURS.fullmatch(header):
            raise ValueError(f"a letter has no say over the header {header[:40]!r}")
        content[header] = _one_line(value)
    content.set_content(letter.text)
    if letter.html:
        content.add_alternative(letter.html, subtype="html")
    return Envelope(return_address(message.id, ring, settings), recipient, content)


def sender(settings: Settings) -> tuple[str, str]:
    """Who mail is from: a name and an address; raises BadSetting where that is not set."""
    name, mailbox = parseaddr(settings.mail_from)
    if "@" not in mailbox:
        raise BadSetting(
            "%(key)s is not set, so there is nobody that mail is from; write Name <address@charity.example>.",
            field="SUPPORTERS_MAIL_FROM", key="SUPPORTERS_MAIL_FROM",
        )  # fmt: skip
    return name, mailbox


def message_id(key: str, ring: Keyring, mailbox: str) -> str:
    """The same for each sending of one row, so that whoever receives it twice can tell."""
    return f"<{ring.hash('message id', key, 16).hex()}@{mailbox.rpartition('@')[2]}>"


def return_address(message_id: int, ring: Keyring, settings: Settings) -> str:
    """Where news of this message's failure goes: a mailbox of its own (VERP), or without one the sender's."""
    local, _, domain = settings.mail_bounce.rpartition("@")
    if not local:
        return parseaddr(settings.mail_from)[1]
    return f"{local}+{ring.token(BOUNCE, message_id)}@{domain}"


def returned(address: str, ring: Keyring, settings: Settings) -> int | None:
    """Which message this return address is of; None where it is none of ours."""
    local, _, domain = settings.mail_bounce.rpartition("@")
    found, _, at = address.strip().strip("<>").rpartition("@")
    prefix = f"{local}+"
    if not local or at.lower() != domain.lower() or found[: len(prefix)].lower() != prefix.lower():
        return None
    try:
        (number,) = ring.read_token(BOUNCE, found[len(prefix) :])
    except (NotFound, ValueError):
        return None
    return number


def anonymous(text: str, *recipients: str) -> str:
    """What a server said, on one line, without anybody's address, or the part of one before the @."""
    text = _ADDRESS.sub("<…>", " ".join(text.split()))
    for part in (part for recipient in recipients for part in (recipient, recipient.rpartition("@")[0]) if part):
        whole_word = rf"(?:\w+[.+-])*(?<!\w){re.escape(part)}(?!\w)(?:[.+-]\w+)*"
        text = re.sub(whole_word, "…", text, flags=re.IGNORECASE)
    return text[:250]


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()
