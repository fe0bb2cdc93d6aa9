"""Talking to the mail server. What it answers is sorted by what has to happen next, and names nobody."""

from __future__ import annotations

import ipaddress
import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

from supporters.mail.envelope import Envelope, anonymous
from supporters.settings import BadSetting

#: Seconds that one step of the conversation may take.
TIMEOUT = 30.0
_ENHANCED = re.compile(r"\b[245]\.(\d{1,3})\.\d{1,3}\b")
_ABOUT_US = {530, 534, 535, 538}  # sign in first, and its relatives


class ServerDown(Exception):
    """It cannot be reached or does not let us in: no message can be sent now."""


class TryLater(Exception):
    """Not now. ``ours`` where it may not be about this recipient, so that the next may fare the same."""

    def __init__(self, reason: str, *, ours: bool) -> None:
        super().__init__(reason)
        self.ours = ours


class Refused(Exception):
    """The recipient's address does not take mail and will not."""


class Transport(Protocol):
    """Where mail is handed over; one at a time, ``open`` before each."""

    def open(self) -> None:
        """Be connected; raises ServerDown."""

    def send(self, mail: Envelope) -> None:
        """Hand it over; raises TryLater or Refused."""

    def close(self) -> None:
        """Say goodbye, where connected."""


@dataclass
class SmtpTransport:
    """One connection, kept for as long as the server likes."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    #: Encrypted from the first byte (smtps); else as soon as the server offers it.
    encrypted: bool = False
    timeout: float = TIMEOUT
    _connection: smtplib.SMTP | None = None

    @classmethod
    def read(cls, address: str, *, timeout: float = TIMEOUT) -> SmtpTransport:
        """From smtp://user:password@host:587 or smtps://…"""
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            # Not the value itself: it may hold a password.
            raise BadSetting(
                "%(key)s is not the address of a mail server; write it as smtp://user:password@host:587.",
                field="SUPPORTERS_MAIL_SERVER", key="SUPPORTERS_MAIL_SERVER",
            )  # fmt: skip
        encrypted = parts.scheme == "smtps"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(
            parts.hostname, port or (465 if encrypted else 587 if user else 25), user, password, encrypted, timeout
        )

    def open(self) -> None:
        if self._connection is not None:
            return
        connection: smtplib.SMTP | None = None
        try:
            if self.encrypted:
                connection = smtplib.SMTP_SSL(
                    self.host, self.port, timeout=self.timeout, context=ssl.create_default_context()
                )
            else:
                connection = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
                connection.ehlo()
                if connection.has_extn("starttls"):
                    connection.starttls(context=self._starttls_context())
                    connection.ehlo()
                elif self.user and not _is_this_machine(self.host):
                    raise ServerDown("it offers no encryption, and a password is not sent without")
            if self.user:
                connection.login(self.user, self.password)
        except (OSError, smtplib.SMTPException, ServerDown) as error:
            if connection is not None:
                connection.close()
            raise ServerDown(_what_it_said(error)) from None
        self._connection = connection

    def _starttls_context(self) -> ssl.SSLContext:
        """A password goes only to the host we mean; without one, encryption is better than none, whoever it is."""
        context = ssl.create_default_context()
        if not self.user or _is_this_machine(self.host):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def send(self, mail: Envelope) -> None:
        connection = self._connection
        if connection is None:
            raise TryLater("there was no connection", ours=True)
        try:
            connection.send_message(mail.content, mail.sender, [mail.recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            self._still_connected(code)
            raise _sorted(code, text, mail.recipient, at_recipient=True) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            self._still_connected(error.smtp_code)
            raise _sorted(error.smtp_code, error.smtp_error, mail.recipient, at_recipient=False) from None
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server takes no addresses with letters outside ASCII") from None
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise TryLater(_what_it_said(error, mail.recipient), ours=True) from None

    def _still_connected(self, code: int) -> None:
        if code == 421 or self._connection is None or self._connection.sock is None:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        if self._connection is not None:
            try:
                self._connection.quit()
            except (OSError, smtplib.SMTPException):
                self._connection.close()
            self._connection = None


def _sorted(code: int, text: bytes | str, recipient: str, *, at_recipient: bool) -> Exception:
    """What an answer of 4xx or 5xx means for the message it was given to."""
    said = anonymous(f"{code} {_text(text)}", recipient)
    if code < 500:
        return TryLater(said, ours=not at_recipient or code == 421)
    enhanced = _ENHANCED.search(_text(text))
    about = enhanced[1] if enhanced else ""
    if code in _ABOUT_US or about == "7" or re.search(r"\brelay", said, re.IGNORECASE):
        return TryLater(said, ours=True)  # It does not want mail from us: our set-up is at fault, not the address.
    if at_recipient or about in ("1", "2"):
        return Refused(said)
    return TryLater(said, ours=True)  # The sender or the content was refused, whoever it is for.


def _what_it_said(error: Exception, recipient: str = "") -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return anonymous(f"{error.smtp_code} {_text(error.smtp_error)}", recipient)
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return anonymous(str(error) or type(error).__name__, recipient)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
