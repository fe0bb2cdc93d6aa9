"""A real mail server on this machine that does as it is told, and letters to send through it."""

from __future__ import annotations

import email
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from supporters.db import Base
from supporters.mail.delivery import Round, deliver
from supporters.mail.delivery.smtp import SmtpTransport
from supporters.mail.letter import Dropped, Letter, renders
from supporters.mail.message import OutboxMessage
from supporters.settings import Settings
from tests.cast import NOW

FROM = "Stichting Voorbeeld <info@voorbeeld.example>"


@renders("test_greeting")
def greeting(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    if message.params.get("gone"):
        return Dropped("the petition is closed")
    if message.params.get("broken"):
        raise RuntimeError("ada@example.org is in these words")
    return Letter(
        message.params.get("subject", "Bevestig uw handtekening"),
        "Dag! Met één klik: https://voorbeeld.example/confirm/1\n",
        "<p>Dag!</p>" if message.params.get("html") else "",
        unsubscribe_url=message.params.get("unsubscribe"),
        headers=message.params.get("headers", {}),
    )


@dataclass
class Post:
    """What the mail server took in, and what it says to whom."""

    port: int
    #: (from, to, mail), in the order of arrival.
    arrived: list[tuple[str, str, EmailMessage]] = field(default_factory=list)
    #: What is answered to a recipient instead of yes; asked anew each time.
    at_recipient: Callable[[str], str | None] = lambda address: None
    at_data: Callable[[str], str | None] = lambda address: None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if no := self.at_recipient(address):
            return no
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if no := self.at_data(envelope.rcpt_tos[0]):
            return no
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.arrived += [(envelope.mail_from, to, mail) for to in envelope.rcpt_tos]
        return "250 OK"

    @property
    def recipients(self) -> list[str]:
        return [to for _, to, _ in self.arrived]

    @property
    def ids(self) -> Counter[str]:
        return Counter(str(mail["Message-ID"]) for _, _, mail in self.arrived)

    @property
    def settings(self) -> Settings:
        return Settings(
            mail_server=f"smtp://127.0.0.1:{self.port}", mail_from=FROM, mail_bounce="bounce@voorbeeld.example",
            public_url="https://voorbeeld.example",
        )  # fmt: skip

    @contextmanager
    def open(self) -> Iterator[None]:
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield
        finally:
            controller.stop()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def send(engine: Engine, post: Post, *, now: datetime = NOW, **more: Any) -> Round:
    return deliver(
        lambda: Session(engine), settings=post.settings, now=lambda: now,
        transport=SmtpTransport.read(post.settings.mail_server, timeout=5), **more,
    )  # fmt: skip


def queue(session: Session, number: int = 1, *, to: str | None = None, **fields: Any) -> OutboxMessage:
    given = {"key": f"test:{number}", "now": NOW} | fields
    message = OutboxMessage.queue(session, "test_greeting", to or f"n{number}@example.org", **given)
    assert message is not None
    return message


def states(engine: Engine) -> Counter[str]:
    with Session(engine) as session:
        return Counter(session.scalars(select(OutboxMessage.state)))


def everything(engine: Engine) -> str:
    """Every value of every table, as text."""
    with engine.connect() as connection:
        rows = [connection.execute(table.select()).all() for table in Base.metadata.sorted_tables]
    return repr(rows)
