"""The outbox against a real mail server: what arrives, what is tried again, and what is given up."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.actor import Actor
from supporters.mail.delivery import MOST_ATTEMPTS, wait_after
from supporters.mail.delivery.claiming import LEASE, claim
from supporters.mail.delivery.smtp import SmtpTransport, _sorted
from supporters.mail.envelope import anonymous
from supporters.mail.message import BULK, URGENT, OutboxMessage
from supporters.people.consent import Consent, address_key
from supporters.sealing import keyring
from supporters.settings import BadSetting, Settings
from tests import cast
from tests.cast import NOW
from tests.supporters.mail.post import Post, everything, free_port, queue, send, states


@pytest.fixture
def post() -> Post:
    return Post(free_port())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, str]]]:
    """Which hooks fired, on which key, with which reason."""
    heard: list[tuple[str, str, str]] = []

    def sent(session: Session, *, message: OutboxMessage, now: datetime) -> None:
        heard.append(("sent", message.key, ""))

    def bounced(session: Session, *, message: OutboxMessage, reason: str, now: datetime) -> None:
        heard.append(("bounced", message.key, reason))

    monkeypatch.setitem(hooks._handlers, "mail_sent", [sent])
    monkeypatch.setitem(hooks._handlers, "mail_bounced", [bounced])
    yield heard


def only(engine: Engine) -> OutboxMessage:
    with Session(engine) as session:
        return session.scalars(select(OutboxMessage)).one()


def test_a_mail_arrives_and_its_address_is_forgotten(fresh_engine: Engine, post: Post, told: Any) -> None:
    with Session(fresh_engine) as session:
        queue(session, to="Ada.Lovelace@example.org", html=True, unsubscribe="https://voorbeeld.example/u/1")
        session.commit()
    with post.open():
        assert str(send(fresh_engine, post)) == "1 sent, 0 to be tried again, 0 failed, 0 dropped"
        assert send(fresh_engine, post).sent == 0

    ((sender, to, mail),) = post.arrived
    assert to == "Ada.Lovelace@example.org"
    assert sender.startswith("bounce+") and sender.endswith("@voorbeeld.example")
    assert len(sender.partition("@")[0]) <= 64
    assert mail["From"] == "Stichting Voorbeeld <info@voorbeeld.example>"
    assert mail["Subject"] == "Bevestig uw handtekening"
    assert mail["Date"].datetime == NOW
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://voorbeeld.example/u/1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"].endswith("@voorbeeld.example>")
    assert "één klik" in mail.get_body(("plain",)).get_content()
    assert "<p>Dag!</p>" in mail.get_body(("html",)).get_content()

    row = only(fresh_engine)
    assert (row.state, row.ended_at, row.sealed_address, row.reason) == ("sent", NOW, None, None)
    assert told == [("sent", "test:1", "")]
    assert "example.org" not in everything(fresh_engine)


def test_what_is_refused_for_now_comes_later(fresh_engine: Engine, post: Post, told: Any) -> None:
    with Session(fresh_engine) as session:
        queue(session, to="ada@example.org")
        session.commit()
    post.at_recipient = lambda address: f"451 4.7.1 <{address}>: greylisted, ada, come back"
    with post.open():
        assert send(fresh_engine, post).retried == 1
        row = only(fresh_engine)
        assert (row.state, row.attempts) == ("queued", 1)
        assert timedelta(seconds=40) < row.next_at - NOW < timedelta(seconds=80)
        assert row.reason == "451 4.7.1 <…> greylisted, …, come back"
        assert send(fresh_engine, post).retried == 0, "it was tried again at once"
        post.at_recipient = lambda address: None
        assert send(fresh_engine, post, now=NOW + timedelta(minutes=2)).sent == 1
    assert post.recipients == ["ada@example.org"]
    assert told == [("sent", "test:1", "")]
    assert only(fresh_engine).reason is None


def test_an_address_that_does_not_exist_is_told_and_forgotten(fresh_engine: Engine, post: Post, told: Any) -> None:
    with Session(fresh_engine) as session:
        queue(session, to="ada@example.org")
        queue(session, 2)
        session.commit()
    post.at_recipient = lambda a: f"550 5.1.1 <{a}>: Recipient address rejected" if a.startswith("ada") else None
    with post.open():
        found = send(fresh_engine, post)
    assert (found.sent, found.failed) == (1, 1)
    assert told == [("bounced", "test:1", "550 5.1.1 <…> Recipient address rejected"), ("sent", "test:2", "")]
    assert "ada" not in everything(fresh_engine) and "example.org" not in everything(fresh_engine)


def test_a_server_that_is_down_costs_nothing(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        for number in range(20):
            queue(session, number)
        session.commit()
    for hours in range(3):
        assert "not there" in send(fresh_engine, post, now=NOW + timedelta(hours=hours)).stopped
    with Session(fresh_engine) as session:
        assert not any(session.scalars(select(OutboxMessage.attempts)))
    with post.open():
        assert send(fresh_engine, post, now=NOW + timedelta(hours=24)).sent == 20
    assert sorted(post.recipients) == sorted(f"n{number}@example.org" for number in range(20))
    assert set(post.ids.values()) == {1}


def test_a_server_that_does_not_want_our_mail_is_no_fault_of_the_address(
    fresh_engine: Engine, post: Post, told: Any
) -> None:
    with Session(fresh_engine) as session:
        for number in range(10):
            queue(session, number)
        session.commit()
    post.at_recipient = lambda address: "554 5.7.1 Relay access denied"
    with post.open():
        found = send(fresh_engine, post)
        assert (found.retried, found.failed, found.stopped) == (3, 0, "3 in a row went wrong")
        post.at_recipient = lambda address: None
        assert send(fresh_engine, post, now=NOW + timedelta(hours=1)).sent == 10
    assert [one for one, *_ in told] == ["sent"] * 10


def test_urgent_goes_first(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        queue(session, 1, priority=BULK)
        queue(session, 2)
        queue(session, 3, priority=URGENT, not_before=NOW + timedelta(hours=1))
        queue(session, 4, priority=URGENT)
        queue(session, 5, priority=URGENT, not_before=NOW - timedelta(minutes=1))
        session.commit()
    with post.open():
        send(fresh_engine, post)
    assert post.recipients == [f"n{number}@example.org" for number in (5, 4, 2, 1)]
    assert states(fresh_engine) == {"sent": 4, "queued": 1}


def test_somebody_who_died_gets_nothing(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        ada = cast.ada(session)
        session.flush()
        queue(session, to="ada@example.org", supporter_id=ada.id)
        queue(session, 2, to="ada@example.org", supporter_id=999_999)
        ada.death_reported_at = NOW
        session.commit()
    with post.open():
        assert send(fresh_engine, post).dropped == 2
    assert post.arrived == []
    with Session(fresh_engine) as session:
        rows = session.execute(select(OutboxMessage.reason, OutboxMessage.sealed_address)).all()
    assert rows == [("has died", None), ("nobody knows who it was for", None)]


def test_a_no_between_queueing_and_sending_counts(fresh_engine: Engine, post: Post) -> None:
    visitor = Actor("visitor", "form", "website")
    with Session(fresh_engine) as session:
        for number, address in ((1, "yes@example.org"), (2, "no@example.org"), (3, "never@example.org")):
            queue(session, number, to=address, purpose="updates", scope="petition:1")
            if number < 3:
                key = address_key(keyring(session), address)
                Consent.record(
                    session, key, "updates", granted=True, by=visitor, now=NOW, scope="petition:1", evidence="form"
                )
        session.commit()
        Consent.record(
            session, address_key(keyring(session), "no@example.org"), "updates", granted=False, by=visitor,
            now=NOW + timedelta(minutes=1),
        )  # fmt: skip
        session.commit()
    with post.open():
        found = send(fresh_engine, post, now=NOW + timedelta(minutes=2))
    assert (found.sent, found.dropped) == (1, 2)
    assert post.recipients == ["yes@example.org"]
    with Session(fresh_engine) as session:
        reasons = session.scalars(select(OutboxMessage.reason).order_by(OutboxMessage.id)).all()
    assert reasons == [None, "said no on 2026-12-01", "never asked for it"]


def test_what_is_no_longer_relevant_is_dropped(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        queue(session, gone=True)
        session.commit()
    with post.open():
        assert send(fresh_engine, post).dropped == 1
    row = only(fresh_engine)
    assert (row.state, row.reason, row.sealed_address) == ("dropped", "the petition is closed", None)


def test_a_letter_that_cannot_be_written_keeps_nobody_waiting(
    fresh_engine: Engine, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    with Session(fresh_engine) as session:
        for number in range(5):
            queue(session, number, broken=True)
        OutboxMessage.queue(session, "of_a_floor_that_is_not_there", "n9@example.org", key="x", now=NOW)
        queue(session, 6)
        session.commit()
    with post.open():
        found = send(fresh_engine, post)
    assert (found.sent, found.retried, found.stopped) == (1, 6, "")
    assert "RuntimeError in post.py" in caplog.text
    assert "example.org" not in caplog.text and "example.org" not in everything(fresh_engine)


def test_nothing_a_visitor_typed_adds_a_header(fresh_engine: Engine, post: Post) -> None:
    evil = "Hello\r\nBcc: victim@example.net\n\nbuy \u2028 this"
    with Session(fresh_engine) as session:
        queue(session, 1, subject=evil, headers={"X-Petition": evil})
        queue(session, 2, headers={"Bcc": "victim@example.net"})
        queue(session, 3, headers={"X-A: b\r\nBcc": "victim@example.net"})
        queue(session, 4, unsubscribe="https://x.example/>\r\nBcc: victim@example.net")
        session.commit()
    with post.open():
        found = send(fresh_engine, post)
    assert (found.sent, found.retried) == (1, 3)
    ((_, to, mail),) = post.arrived
    assert to == "n1@example.org"
    assert "Bcc" not in mail and mail["To"] == "n1@example.org"
    assert mail["Subject"] == mail["X-Petition"] == "Hello Bcc: victim@example.net buy   this"


def test_a_handler_that_fails_does_not_send_the_mail_again(
    fresh_engine: Engine, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(session: Session, **facts: Any) -> None:
        session.add(OutboxMessage(key=None))
        session.flush()

    monkeypatch.setitem(hooks._handlers, "mail_sent", [fails])
    with Session(fresh_engine) as session:
        queue(session)
        session.commit()
    with post.open():
        send(fresh_engine, post)
        send(fresh_engine, post, now=NOW + timedelta(days=1))
    assert len(post.arrived) == 1
    assert states(fresh_engine) == {"sent": 1}


def test_it_is_given_up_after_five_days(fresh_engine: Engine, post: Post, told: Any) -> None:
    with Session(fresh_engine) as session:
        queue(session)
        session.commit()
    post.at_recipient = lambda address: "452 4.2.2 mailbox full"
    when = NOW
    with post.open():
        while only(fresh_engine).state == "queued":
            when = only(fresh_engine).next_at
            send(fresh_engine, post, now=when)
    assert timedelta(days=4) < when - NOW < timedelta(days=6)
    row = only(fresh_engine)
    assert (row.state, row.attempts, row.sealed_address) == ("failed", MOST_ATTEMPTS, None)
    assert row.reason == "given up after 28 attempts: 452 4.2.2 mailbox full"
    assert told == []


def test_a_connection_that_breaks_takes_one_message_with_it(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        queue(session, 1, priority=URGENT)
        queue(session, 2)
        session.commit()
    post.at_data = lambda address: "421 4.3.0 going down" if address == "n1@example.org" else None
    with post.open():
        found = send(fresh_engine, post)
    assert (found.sent, found.retried) == (1, 1)
    assert post.recipients == ["n2@example.org"]


def test_stopping_ends_the_round_between_two_messages(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        for number in range(5):
            queue(session, number)
        session.commit()
    with post.open():
        found = send(fresh_engine, post, stopping=lambda: len(post.arrived) == 2)
    assert (found.sent, found.stopped) == (2, "asked to")
    assert states(fresh_engine) == {"sent": 2, "queued": 3}


def test_several_deliverers_send_each_mail_once(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        for number in range(120):
            queue(session, number)
        session.commit()
    rounds = []
    with post.open():
        threads = [threading.Thread(target=lambda: rounds.append(send(fresh_engine, post))) for _ in range(3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        send(fresh_engine, post)
    assert len(rounds) == 3
    assert sorted(post.recipients) == sorted(f"n{number}@example.org" for number in range(120))
    assert set(post.ids.values()) == {1} and len(post.ids) == 120
    assert states(fresh_engine) == {"sent": 120}


def test_a_message_that_somebody_is_sending_is_nobody_elses(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        number = queue(session).id
        session.commit()
    with Session(fresh_engine) as one, Session(fresh_engine) as other:
        assert claim(one, number, now=NOW) is not None
        if fresh_engine.dialect.name == "sqlite":
            one.commit()  # The one writer does not wait for a mail server.
        assert claim(other, number, now=NOW) is None
        other.rollback()
        one.rollback()  # It was killed.
        assert claim(other, number, now=NOW + LEASE) is not None


def test_on_sqlite_nobody_waits_for_the_mail_server(post: Post, sqlite_databases: Any) -> None:
    engine = sqlite_databases.create()
    with Session(engine) as session:
        queue(session)
        session.commit()
    wrote = []

    def write_meanwhile(address: str) -> None:
        with Session(engine) as session:
            queue(session, 2, not_before=NOW + timedelta(days=1))
            session.commit()
        wrote.append(address)

    post.at_data = write_meanwhile
    with post.open():
        assert send(engine, post).sent == 1
    assert len(wrote) == 1
    sqlite_databases.drop(engine)


def test_waiting_doubles_up_to_six_hours() -> None:
    chance = random.Random(1)
    for attempts, minutes in ((1, 1), (2, 2), (5, 16), (9, 256), (10, 360), (28, 360), (3000, 360)):
        waits = [wait_after(attempts, chance) / timedelta(minutes=minutes) for _ in range(100)]
        assert 0.8 <= min(waits) < 0.9 and 1.1 < max(waits) <= 1.2


def test_without_a_sender_nothing_is_tried(engine: Engine, post: Post) -> None:
    from supporters.mail.delivery import deliver

    with pytest.raises(BadSetting, match="SUPPORTERS_MAIL_FROM"):
        deliver(lambda: Session(engine), settings=Settings(), now=lambda: NOW, transport=SmtpTransport("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("code", "text", "at_recipient", "expected"),
    [
        (550, "5.1.1 no such user", True, "Refused"),
        (550, "no such user here", True, "Refused"),
        (552, "5.2.2 over quota", True, "Refused"),
        (550, "5.7.1 blocked", True, "TryLater"),
        (554, "Relay access denied", True, "TryLater"),
        (530, "authentication required", True, "TryLater"),
        (450, "4.2.1 busy", True, "TryLater"),
        (554, "spam", False, "TryLater"),
        (550, "5.1.1 no such user", False, "Refused"),
    ],
)
def test_what_a_servers_answer_means(code: int, text: str, at_recipient: bool, expected: str) -> None:
    assert type(_sorted(code, text, "ada@example.org", at_recipient=at_recipient)).__name__ == expected


@pytest.mark.parametrize(
    "said",
    [
        "<Ada.L@Example.org>: unknown",
        "user ada.l unknown",
        "Ada.L@example.org",
        "no mailbox 'ada.l'",
        "ADA.L\nADA.L",
        "no ada.l.m+x here",
    ],
)
def test_what_a_server_says_names_nobody(said: str) -> None:
    assert "ada.l" not in anonymous(said, "ada.l@example.org").lower()


@pytest.mark.parametrize(
    ("address", "host", "port", "encrypted", "user"),
    [
        ("smtp://localhost", "localhost", 25, False, ""),
        ("smtp://a%40b:p%2Fw@mail.example", "mail.example", 587, False, "a@b"),
        ("smtps://mail.example", "mail.example", 465, True, ""),
        ("smtps://mail.example:2465", "mail.example", 2465, True, ""),
    ],
)
def test_the_address_of_a_mail_server(address: str, host: str, port: int, encrypted: bool, user: str) -> None:
    found = SmtpTransport.read(address)
    assert (found.host, found.port, found.encrypted, found.user) == (host, port, encrypted, user)


@pytest.mark.parametrize("address", ["http://x", "smtp://", "smtp://host:port", "mail.example"])
def test_what_is_no_address_of_a_mail_server(address: str) -> None:
    with pytest.raises(BadSetting, match="SUPPORTERS_MAIL_SERVER"):
        SmtpTransport.read(address)
