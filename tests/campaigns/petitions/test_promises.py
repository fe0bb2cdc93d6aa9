"""What a petition promises, under many at once and under kill -9."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from campaigns.petitions.group_commit import GroupCommit
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import CONFIRMED, SIGNED, Signature
from campaigns.petitions.tally import Tally
from supporters.db import Base
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from supporters.sealing import keyring
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.campaigns.petitions import server
from tests.campaigns.petitions.test_signing import FORM, at_once, petition, prepared
from tests.promises.test_kill import context
from tests.supporters.mail.post import free_port


def counted(session: Session) -> tuple[int, int]:
    """The two online numbers by looking at every signature."""
    signed, confirmed = (
        session.scalar(select(func.count()).select_from(Signature).where(Signature.state.in_(states)))
        for states in (SIGNED, CONFIRMED)
    )
    return signed or 0, confirmed or 0


def published(session: Session) -> tuple[int, int]:
    count = Petition.by_slug(session, "afghanen").count(session, now=cast.NOW)
    return count.signed, count.confirmed


def test_fifty_buttons_pressed_at_once_are_one_confirmation(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        outcome = petition(session).sign(session, replace(FORM, newsletter=True), now=cast.NOW)
        session.commit()

    def press(_number: int) -> bool:
        with Session(fresh_engine) as session:
            changed = Signature.get(session, outcome.signature_id or 0).confirm(session, now=cast.NOW)
            session.commit()
            return changed

    found = at_once(50 if fresh_engine.dialect.name == "postgresql" else 8, press)
    assert sorted(found, key=bool) == [False] * (len(found) - 1) + [True]
    with Session(fresh_engine) as session:
        assert counted(session) == published(session) == (1, 1)


def test_confirming_and_withdrawing_at_once_leave_a_count_that_is_right(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session)
        ids = [
            afghanen.sign(session, replace(FORM, email=f"p{n}@example.org"), now=cast.NOW).signature_id or 0
            for n in range(12)
        ]
        session.commit()

    def act(number: int) -> None:
        with Session(fresh_pg_engine) as session:
            signature = Signature.get(session, ids[number % 12])
            if number % 2:
                signature.confirm(session, now=cast.NOW)
            else:
                signature.withdraw(session, now=cast.NOW)
            session.commit()

    assert at_once(24, act) == [None] * 24
    assert at_once(24, lambda number: act(number + 1)) == [None] * 24
    with Session(fresh_pg_engine) as session:
        assert counted(session) == published(session)


def test_the_count_is_exact_in_every_snapshot_while_it_is_rolled_up(fresh_pg_engine: Engine) -> None:
    engine = fresh_pg_engine
    with Session(engine) as session:
        afghanen = petition(session)
        forms = [prepared(session, afghanen, cast.NOW, email=f"p{n}@example.org") for n in range(300)]
        session.commit()
    done = threading.Event()
    wrong: list[Any] = []
    looked = 0

    def sign() -> None:
        intake = GroupCommit(engine)
        for number, form in enumerate(forms):
            outcome = intake.submit(form)
            if number % 3 == 0:
                with Session(engine) as session:
                    Signature.get(session, outcome.signature_id or 0).confirm(session, now=cast.NOW)
                    session.commit()
        done.set()

    def roll() -> None:
        while not done.is_set():
            with Session(engine) as session:
                Tally.roll_up(session, now=cast.NOW, most=11)
                session.commit()

    threads = [threading.Thread(target=sign), threading.Thread(target=roll), threading.Thread(target=roll)]
    for thread in threads:
        thread.start()
    snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
    while not done.is_set():
        with Session(snapshots) as session:
            exact, shown = counted(session), published(session)
            looked += 1
            if exact != shown:
                wrong.append((exact, shown))
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert looked > 10
    with Session(engine) as session:
        while Tally.roll_up(session, now=cast.NOW):
            pass
        assert counted(session) == published(session) == (300, 100)


def test_a_roll_up_that_is_killed_loses_and_doubles_nothing(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        for number in range(60):
            afghanen.sign(session, replace(FORM, email=f"p{number}@example.org"), now=cast.NOW)
        session.commit()
    url, processes = fresh_engine.url.render_as_string(hide_password=False), context()
    fresh_engine.dispose()
    for attempt in range(5):
        child = processes.Process(target=server.roll_up, args=(url,))
        child.start()
        time.sleep(0.05 + 0.1 * attempt)
        child.kill()
        child.join(20)
        assert child.exitcode == -9
        with Session(fresh_engine) as session:
            assert published(session) == (60, 0)


# -- over HTTP, with the server killed ---------------------------------------------------------------------------


@pytest.fixture
def running(fresh_engine: Engine) -> Iterator[Any]:
    """Starts a server on a port, as often as it is asked to."""
    with Session(fresh_engine) as session:
        petition(session)
        session.commit()
    url, processes = fresh_engine.url.render_as_string(hide_password=False), context()
    fresh_engine.dispose()
    children: list[Any] = []

    def start(port: int) -> Any:
        child = processes.Process(target=server.serve, args=(url, port))
        child.start()
        children.append(child)
        for _ in range(400):
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/api/petitions/afghanen/count")
                if connection.getresponse().status == 200:
                    return child
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    yield start
    for child in children:
        child.kill()
        child.join(20)


def post(port: int, number: int) -> int | None:
    """The status of the answer; None where there was none."""
    form = {
        "first_name": "Ada", "last_name": "Lovelace", "email": f"p{number}@example.org", "consent": True,
        "submission_key": f"k{number}",
    }  # fmt: skip
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/api/petitions/afghanen/signatures", json.dumps(form), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None


def test_what_was_answered_survives_a_kill_and_what_was_not_can_be_sent_again(
    fresh_engine: Engine, running: Any
) -> None:
    answered: set[int] = set()
    sent = 0
    for attempt in range(3):
        port = free_port()
        child = running(port)
        first, stop = sent, threading.Event()
        numbers = iter(range(first, first + 100_000))

        def visit(port: int = port, numbers: Any = numbers, stop: threading.Event = stop) -> None:
            nonlocal sent
            while not stop.is_set():
                number = next(numbers)
                sent = max(sent, number + 1)
                if post(port, number) == 202:
                    answered.add(number)

        visitors = [threading.Thread(target=visit) for _ in range(6)]
        for visitor in visitors:
            visitor.start()
        time.sleep(0.6 + 0.3 * attempt)
        child.kill()
        child.join(20)
        stop.set()
        for visitor in visitors:
            visitor.join(30)
    assert answered
    with Session(fresh_engine) as session:
        ring = keyring(session)
        there = set(session.scalars(select(Signature.address_key)))
        assert {n for n in answered if ring.hash("address", f"p{n}@example.org") not in there} == set()
        assert counted(session) == published(session) == (len(there), 0)
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == len(there)
        assert session.scalar(select(func.count()).select_from(Consent)) == len(there)
    running(port := free_port())
    assert {post(port, number) for number in range(sent)} == {202}
    with Session(fresh_engine) as session:
        assert counted(session) == published(session) == (sent, 0)
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == sent


def test_reading_changes_nothing(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        outcome = petition(session).sign(session, replace(FORM, updates=True), now=cast.NOW)
        signature = Signature.get(session, outcome.signature_id or 0)
        ran = world.edition(session, "afghanen")
        world.page(session, ran, world.donor(session, 1)).check(session, "live", by=cast.BRAM, now=cast.NOW)
        tokens = {purpose: signature.token(keyring(session), purpose) for purpose in ("signature", "unsubscribe")}
        session.commit()
    app = server.site(fresh_engine.url.render_as_string(hide_password=False))
    before = contents(fresh_engine)
    visitor = app.test_client()
    seen = 0
    for rule in app.url_map.iter_rules():
        has_its_own_test = "achterban_own_page", "achterban_crowdfunding", "achterban_givers"
        own_page = rule.endpoint.startswith(has_its_own_test) or "<team>" in rule.rule
        if "GET" in (rule.methods or ()) and not rule.endpoint.endswith("static") and not own_page:
            token = tokens["unsubscribe" if "unsubscribe" in rule.rule else "signature"]
            path = rule.rule.replace("<slug>", "afghanen").replace("<page>", "ada-runs").replace("<token>", token)
            for method in (visitor.get, visitor.head):
                assert method(path).status_code == 200, path
            seen += 1
    assert seen >= 11
    assert contents(fresh_engine) == before
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def contents(engine: Engine) -> dict[str, list[Any]]:
    """Every row there is."""
    with engine.connect() as connection:
        return {t.name: [tuple(r) for r in connection.execute(t.select())] for t in Base.metadata.sorted_tables}
