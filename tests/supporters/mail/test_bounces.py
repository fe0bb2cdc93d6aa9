"""What a mail server sends back, read from standard input."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.extension import Supporters
from supporters.mail.bounces import Bounce
from supporters.mail.envelope import return_address
from supporters.mail.message import OutboxMessage
from supporters.sealing import keyring
from tests.cast import NOW
from tests.databases import KEYRING
from tests.supporters.mail.post import Post, everything, queue

POST = Post(2525)
DSN = """From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry. <ada@example.org> is not here.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ada@example.org
Original-Recipient: rfc822;Ada.Lovelace@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {said}

--b
Content-Type: message/rfc822

From: x@voorbeeld.example
To: ada@example.org
Status: 5.0.0

Hello
--b--
"""
NOBODY = "550 5.1.1 <ada@example.org>: Recipient\n rejected, no ada.lovelace in table"


def dsn(to: str = "x@y.example", action: str = "failed", status: str = "5.1.1", said: str = NOBODY) -> str:
    return DSN.format(to=to, action=action, status=status, said=said)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    heard: list[tuple[str, str]] = []

    def bounced(session: Session, *, message: OutboxMessage, reason: str, now: datetime) -> None:
        heard.append((message.key, reason))

    monkeypatch.setitem(hooks._handlers, "mail_bounced", [bounced])
    yield heard


def sent(session: Session) -> OutboxMessage:
    message = queue(session, to="ada@example.org")
    message.state, message.sealed_address, message.ended_at = "sent", None, NOW
    session.flush()
    return message


def test_final_news_marks_the_message_and_is_told_once(session: Session, told: Any) -> None:
    message = sent(session)
    to = return_address(message.id, keyring(session), POST.settings)
    bounce = Bounce.read(dsn(f"<{to}>").encode())
    assert bounce is not None
    assert bounce.book(session, settings=POST.settings, now=NOW) is message
    assert message.state == "failed"
    assert message.reason == "5.1.1 550 5.1.1 <…> Recipient rejected, no … in table"
    assert bounce.book(session, settings=POST.settings, now=NOW) is None
    assert told == [("test:1", message.reason)]


@pytest.mark.parametrize(
    ("action", "status", "permanent"),
    [
        ("failed", "5.1.1", True),
        ("Failed", "4.4.7", True),  # Five days of trying.
        ("delayed", "4.4.1", False),
        ("delivered", "2.0.0", False),
        ("relayed", "5.0.0", False),
        ("", "5.2.1", True),
        ("", "4.2.2", False),
    ],
)
def test_only_final_news_counts(session: Session, told: Any, action: str, status: str, permanent: bool) -> None:
    message = sent(session)
    to = return_address(message.id, keyring(session), POST.settings)
    bounce = Bounce.read(dsn(to, action, status, "").encode())
    assert bounce is not None and bounce.permanent is permanent
    bounce.book(session, settings=POST.settings, now=NOW)
    assert (message.state, len(told)) == (("failed", 1) if permanent else ("sent", 0))


def test_mail_that_was_not_wanted_is_no_fault_of_the_address(session: Session, told: Any) -> None:
    message = sent(session)
    to = return_address(message.id, keyring(session), POST.settings)
    bounce = Bounce.read(dsn(to, status="5.7.1", said="smtp; 554 5.7.1 spam").encode())
    assert bounce is not None and bounce.book(session, settings=POST.settings, now=NOW) is message
    assert (message.state, told) == ("failed", [])


def test_nobody_makes_a_return_address_up(session: Session, told: Any) -> None:
    message = sent(session)
    local, _, domain = return_address(message.id, keyring(session), POST.settings).partition("@")
    for made_up in (
        f"{local[:-1]}@{domain}", f"{local}x@{domain}", f"bounce+@{domain}", f"bounce@{domain}", "bounce+é@x.example",
        f"{local}@elsewhere.example", f"bounce+{KEYRING.token('signature', message.id)}@{domain}",
        f"bounce+{KEYRING.token('bounce', message.id, 1)}@{domain}",
        f"bounce+{KEYRING.token('bounce', 2**62)}@{domain}",
    ):  # fmt: skip
        bounce = Bounce.read(dsn().encode(), to=made_up)
        assert bounce is not None and bounce.book(session, settings=POST.settings, now=NOW) is None, made_up
    assert (message.state, told) == ("sent", [])


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe", b"Subject: Holiday\n\nI am away", dsn().replace("message/delivery-status", "a/b").encode()],
)
def test_what_is_no_notification(raw: bytes) -> None:
    assert Bounce.read(raw) is None


@pytest.fixture
def site(fresh_engine: Engine) -> Iterator[Flask]:
    app = Flask("site")
    app.config.update(
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=fresh_engine.url.render_as_string(hide_password=False),
        SUPPORTERS_KEYS="a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        SUPPORTERS_PEPPER="cHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHA=",
        SUPPORTERS_MAIL_BOUNCE="bounce@voorbeeld.example",
        SUPPORTERS_NOW="2026-12-01T10:00:00+01:00",
    )
    db = SQLAlchemy(app)
    Supporters(app, db)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_the_command_reads_what_a_mail_server_pipes_in(site: Flask, fresh_engine: Engine, told: Any) -> None:
    with Session(fresh_engine) as session:
        to = return_address(sent(session).id, KEYRING, POST.settings)
        session.commit()

    def says(raw: str, *more: str) -> str:
        done = site.test_cli_runner().invoke(args=["mail", "bounced", *more], input=raw)
        assert done.exit_code == 0, done.output
        return done.output

    assert "no delivery status notification" in says("Subject: hello\n\nthere")
    assert "not about a mail of ours" in says(dsn())
    assert "still being tried" in says(dsn(to, "delayed", "4.4.1"))
    assert told == []
    assert says(dsn(), "--to", to) == "Mail 1 did not arrive: 5.1.1 550 5.1.1 <…> Recipient rejected, no … in table\n"
    assert "known already" in says(dsn(to))
    assert len(told) == 1
    assert "example.org" not in everything(fresh_engine)


def test_the_command_says_what_is_missing(site: Flask, app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["mail", "bounced"], input=dsn())
    assert done.exit_code == 2 and "SUPPORTERS_MAIL_BOUNCE is not set" in done.stderr
    assert site.test_cli_runner().invoke(args=["mail", "bounced", "not there"]).exit_code == 2


def test_status_counts_and_names_the_oldest(site: Flask, fresh_engine: Engine) -> None:
    def status() -> list[str]:
        done = site.test_cli_runner().invoke(args=["mail", "status"])
        assert done.exit_code == 0, done.output
        return [" ".join(line.split()) for line in done.output.splitlines()]

    assert status() == ["queued 0", "sent 0", "failed 0", "dropped 0"]
    with Session(fresh_engine) as session:
        sent(session)
        tried = queue(session, 2)
        tried.attempts, tried.reason, tried.next_at = 1, "451 busy", NOW.replace(hour=23)
        queue(session, 3)
        session.commit()
    assert status() == [
        "queued 2", "sent 1", "failed 0", "dropped 0", "1 could go now, 1 were tried before.",
        "The oldest waits since 2026-12-01 10:00, last answer: 451 busy",
        "SUPPORTERS_MAIL_SERVER is not set, so all of it waits.",
    ]  # fmt: skip
