"""Nobody can tell by the way a form goes whether its address signed before: nor by what the database is asked."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, delete, event, func, select, update
from sqlalchemy.orm import Session

from campaigns.petitions.again import MOST_MAILS
from campaigns.petitions.intake import write
from campaigns.petitions.petition import CONFIRM_POLICIES, Petition
from campaigns.petitions.signature import STATES, Publication, Signature
from campaigns.petitions.terms import Prepared
from supporters.mail.message import OutboxMessage
from tests import cast
from tests.campaigns.petitions.test_signing import petition, prepared

BARE = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "consent": "1"}
FULL = {**BARE, "show_name": "1", "updates": "1", "newsletter": "1", "comment": "Ja!", "town": "Ede", "source": "fb"}


@pytest.fixture(autouse=True)
def kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site reads its petitions once, and not by chance while a form is looked at."""
    monkeypatch.setattr("campaigns.web.view._FRESH", 1e9)
    monkeypatch.setattr("campaigns.web.limits._FRESH", 1e9)


@pytest.fixture
def asked(site: Flask) -> Iterator[list[Any]]:
    """Whatever the site asks its database from now on, with begin and commit; and for how many rows."""
    engine: Engine = site.extensions["campaigns_desk"].engine
    log: list[Any] = []

    def statement(_connection: Any, _cursor: Any, sql: str, given: Any, _context: Any, many: bool) -> None:
        log.append((sql, len(given) if many else 1))

    listeners: list[tuple[str, Callable[..., None]]] = [("before_cursor_execute", statement)]
    for what in ("begin", "commit", "rollback", "savepoint"):
        listeners.append((what, lambda *_, what=what: log.append(what)))
    for what, listener in listeners:
        event.listen(engine, what, listener)
    yield log
    for what, listener in listeners:
        event.remove(engine, what, listener)


@pytest.fixture
def way(visitor: FlaskClient, asked: list[Any]) -> Callable[..., list[Any]]:
    """What the database is asked for a form that is accepted."""
    number = 0

    def post(fields: dict[str, str], **more: str) -> list[Any]:
        nonlocal number
        number += 1
        asked.clear()
        # From another network each time, or the limits would have their say.
        place = {"REMOTE_ADDR": f"10.{number // 250}.{number % 250}.1"}
        answer = visitor.post("/api/petitions/afghanen/signatures", json={**fields, **more}, environ_base=place)
        assert answer.status_code == 202
        return list(asked)

    return post


def as_if_it_were(session: Session, signature_id: int, **values: Any) -> None:
    """In that state, with nothing left of how it got there."""
    values["confirmed_at"] = cast.NOW if values["state"] == "confirmed" else None
    session.execute(update(Signature).where(Signature.id == signature_id).values(**values))
    session.execute(delete(Publication).where(Publication.signature_id == signature_id))
    session.execute(delete(OutboxMessage).where(OutboxMessage.subject_id == signature_id))
    session.commit()


def test_each_step_is_seen(way: Callable[..., list[Any]]) -> None:
    way(BARE, email="first@example.org")
    log = way(BARE)
    assert log.count("begin") == log.count("commit") == 1
    assert any("campaigns_signature" in each[0] for each in log)


@pytest.mark.parametrize(
    "fields", [BARE, FULL, {**FULL, "website": "https://spam.example"}], ids=["bare", "full", "trap"]
)
@pytest.mark.parametrize("policy", CONFIRM_POLICIES)
def test_the_database_is_asked_the_same_for_an_address_it_knows(
    stored: Session, way: Callable[..., list[Any]], fields: dict[str, str], policy: str
) -> None:
    stored.execute(update(Petition).values(confirm_policy=policy))
    stored.commit()
    way(fields, email="first@example.org")  # what is read once, is read
    unknown = way(fields)
    ada = stored.scalars(select(Signature).order_by(Signature.id.desc()).limit(1)).one().id
    stored.rollback()
    for state in STATES:
        for mails in (0, 1, MOST_MAILS):
            as_if_it_were(stored, ada, state=state, mails=mails)
            for name in ("Ada", "Somebody Else", "Somebody Else"):
                assert way(fields, first_name=name) == unknown, (state, mails, name)
    assert way(fields, email="last@example.org") == unknown


def test_nor_does_it_show_that_two_signed_from_there(stored: Session, way: Callable[..., list[Any]]) -> None:
    stored.execute(update(Petition).values(per_address=2))
    stored.commit()
    way(FULL, email="first@example.org")
    unknown = way(FULL)
    assert [way(FULL, first_name=name) == unknown for name in ("Bert", "Bert", "Ada", "Cas")] == [True] * 4
    assert stored.scalar(select(func.count()).select_from(Signature)) == 3


@pytest.fixture
def timed(fresh_engine: Engine) -> Iterator[Callable[[Prepared], float]]:
    """Seconds until a row is written. The disk's part, the commit, is the same for all and would hide a difference."""
    with fresh_engine.connect() as connection:

        def run(row: Prepared) -> float:
            with connection.begin():
                begin = time.perf_counter()
                write(connection, [row])
                return time.perf_counter() - begin

        yield run


def test_it_takes_as_long_for_an_address_it_knows(fresh_engine: Engine, timed: Callable[[Prepared], float]) -> None:
    rounds, attempts = 80, 3
    with Session(fresh_engine) as session:
        form = prepared(session, petition(session), cast.NOW)
        session.commit()
    for attempt in range(1, attempts + 1):
        rows = {
            kind: [replace(form, address_key=f"{attempt} {kind} {n}".encode().ljust(32)) for n in range(rounds)]
            for kind in ("new", "pending", "confirmed")
        }
        with fresh_engine.begin() as connection:
            write(connection, [*rows["pending"], *rows["confirmed"]])
            connection.execute(
                update(Signature)
                .where(Signature.address_key.in_([row.address_key for row in rows["confirmed"]]))
                .values(state="confirmed", confirmed_at=cast.NOW)
            )
        spent: dict[str, list[float]] = {kind: [] for kind in rows}
        for turn in zip(*rows.values(), strict=True):
            for kind, row in zip(spent, turn, strict=True):
                spent[kind].append(timed(row))
        with fresh_engine.connect() as connection:
            found = connection.execute(select(OutboxMessage.template, func.count()).group_by(OutboxMessage.template))
            # Each did what it had to.
            assert dict(found.all()) == {"petition_confirm": 4 * rounds * attempt, "petition_known": rounds * attempt}
        # What else the machine does only adds: the quicker ones say what it takes.
        quartile = {kind: statistics.quantiles(each[10:], n=4)[0] for kind, each in spent.items()}
        if max(quartile.values()) < 1.5 * min(quartile.values()):
            return  # A longer way is longer at every attempt; a machine that is busy is not.
    raise AssertionError(quartile)
