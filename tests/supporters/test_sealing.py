"""Sealing, telling apart and tokens; and the commands that make and replace keys."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supporters import sealing
from supporters.cli import keys
from supporters.errors import BadInput, NotFound, Refused
from supporters.mail.message import ADDRESS, OutboxMessage
from supporters.sealing import Keyring, keyring
from tests.supporters.mail.post import queue

OLD, NEW, PEPPER = b"o" * 32, b"n" * 32, b"p" * 32
RING = Keyring([OLD], PEPPER)
TURNED = Keyring([NEW, OLD], PEPPER)

texts = st.text(st.characters(codec="utf-8"))
numbers = st.integers(0, 2**64 - 1)


@given(texts, texts)
def test_what_is_sealed_opens_again_for_the_same_purpose(text: str, purpose: str) -> None:
    sealed = RING.seal(text, purpose)
    assert RING.open(sealed, purpose) == text
    assert RING.seal(text, purpose) != sealed
    with pytest.raises(ValueError, match="not sealed as"):
        RING.open(sealed, purpose + "!")


@given(texts, st.data())
def test_what_was_changed_does_not_open(text: str, data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(text, "name"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError):
        RING.open(bytes(sealed), "name")


@given(st.binary(max_size=80))
def test_what_was_never_sealed_does_not_open(found: bytes) -> None:
    with pytest.raises(ValueError):
        RING.open(found, "name")


@pytest.mark.parametrize("size", range(1 + 4 + 12 + 3 + 16))
def test_half_of_it_does_not_open(size: int) -> None:
    with pytest.raises(ValueError):
        RING.open(RING.seal("Ada", "name")[:size], "name")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    before, after = RING.seal("Ada", "name"), TURNED.seal("Ada", "name")
    assert TURNED.open(before, "name") == TURNED.open(after, "name") == "Ada"
    assert (TURNED.is_current(before), TURNED.is_current(after), RING.is_current(before)) == (False, True, True)
    with pytest.raises(ValueError, match="not on the keyring"):
        RING.open(after, "name")


@given(texts)
def test_a_hash_is_for_ever_and_of_one_purpose(text: str) -> None:
    assert RING.hash("address", text) == TURNED.hash("address", text) == Keyring([NEW], PEPPER).hash("address", text)
    assert RING.hash("address", text) != RING.hash("name", text)
    assert RING.hash("address", text) != Keyring([OLD], b"q" * 32).hash("address", text)
    assert len(RING.hash("address", text)) == 32


def test_a_network_is_somebody_else_tomorrow() -> None:
    today = date(2026, 12, 1)
    assert RING.network_hash("192.0.2.0/24", today) == RING.network_hash("192.0.2.0/24", today)
    seen = {RING.network_hash("192.0.2.0/24", today + timedelta(days=days)) for days in range(1_500)}
    assert len(seen) == 1_500 and {len(one) for one in seen} == {16}
    assert len(RING._derived) <= 1_002


@given(st.lists(numbers, min_size=1, max_size=4))
def test_a_token_gives_its_numbers_back_to_its_purpose_only(given_: list[int]) -> None:
    token = RING.token("confirm", *given_)
    assert RING.read_token("confirm", token) == tuple(given_)
    assert RING.token("confirm", *given_) == token == TURNED.token("confirm", *given_)
    assert all(char.isalnum() or char in "-_" for char in token)
    for other in ("bounce", "confirm "):
        with pytest.raises(NotFound):
            RING.read_token(other, token)


@given(st.text(max_size=250))
def test_nobody_makes_a_token_up(token: str) -> None:
    with pytest.raises(NotFound, match="not complete"):
        RING.read_token("confirm", token)


@given(numbers, st.data())
def test_a_token_with_another_number_is_none(number: int, data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(RING.token("confirm", number)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotFound):
        RING.read_token("confirm", base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize(
    ("keys_", "pepper"),
    [([], PEPPER), ([b"short"], PEPPER), ([OLD, b"x" * 31], PEPPER), ([OLD], b"short"), ([PEPPER], PEPPER)],
)
def test_what_is_no_keyring(keys_: list[bytes], pepper: bytes) -> None:
    with pytest.raises(BadInput):
        Keyring(keys_, pepper)


@pytest.mark.parametrize("given_", ["", ",", "not base64 at all!", "YQ==", "é", "a" * 43])
def test_keys_that_cannot_be_read_are_said(given_: str) -> None:
    with pytest.raises(BadInput):
        Keyring.read(given_, Keyring.new_secret())
    with pytest.raises(BadInput):
        Keyring.read(Keyring.new_secret(), given_)


def test_several_keys_are_read_in_order() -> None:
    one, two, pepper = (Keyring.new_secret() for _ in range(3))
    before = Keyring.read(one, pepper).seal("Ada", "name")
    both = Keyring.read(f" {two} , {one},", pepper)
    assert both.open(before, "name") == "Ada" and not both.is_current(before)


def test_a_database_without_secrets_is_said() -> None:
    from sqlalchemy import create_engine

    with Session(create_engine("sqlite://")) as session, pytest.raises(RuntimeError, match="no keyring"):
        keyring(session)


# -- commands ---------------------------------------------------------------------------------------------


def test_made_keys_can_be_read(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["keys", "make"])
    assert done.exit_code == 0
    made = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert list(made) == ["SUPPORTERS_KEYS", "SUPPORTERS_PEPPER"]
    assert Keyring.read(made["SUPPORTERS_KEYS"], made["SUPPORTERS_PEPPER"])


@pytest.fixture
def sealed_before(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Five messages under the old key and one without an address, on a keyring that has a new one in front."""
    monkeypatch.setattr(keys, "BATCH", 2)
    monkeypatch.setitem(sealing._keyrings, session.get_bind().engine, RING)
    for number in range(6):
        queue(session, number)
    session.execute(
        update(OutboxMessage).where(OutboxMessage.key == "test:3").values(state="sent", sealed_address=None)
    )
    session.commit()
    monkeypatch.setitem(sealing._keyrings, session.get_bind().engine, TURNED)
    return session


def reseal(session: Session) -> list[int]:
    table = OutboxMessage.__table__
    return list(keys.reseal_column(session, table, table.c.sealed_address))  # type: ignore[arg-type]


def opened(session: Session, ring: Keyring) -> list[str]:
    rows = session.scalars(
        select(OutboxMessage.sealed_address).where(OutboxMessage.sealed_address.is_not(None)).order_by(OutboxMessage.id)
    )
    return [ring.open(one, ADDRESS) for one in rows if one]


def test_everything_is_sealed_anew_with_the_first_key(sealed_before: Session) -> None:
    assert sum(reseal(sealed_before)) == 5
    assert opened(sealed_before, Keyring([NEW], PEPPER)) == [f"n{n}@example.org" for n in (0, 1, 2, 4, 5)]
    assert sum(reseal(sealed_before)) == 0


def test_stopped_halfway_it_goes_on_where_it_was(sealed_before: Session) -> None:
    table: Any = OutboxMessage.__table__
    assert next(keys.reseal_column(sealed_before, table, table.c.sealed_address)) == 2
    assert sum(reseal(sealed_before)) == 3
    assert len(opened(sealed_before, Keyring([NEW], PEPPER))) == 5


def test_what_no_key_opens_is_named(sealed_before: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sealing._keyrings, sealed_before.get_bind().engine, Keyring([NEW], PEPPER))
    with pytest.raises(Refused, match=r"supporters_outbox_message .* cannot be opened with any key in SUPPORTERS_KEYS"):
        reseal(sealed_before)


def test_every_sealed_column_is_found(app: Flask) -> None:
    found = {f"{table.name}.{column.name}" for table, column in keys.sealed_columns()}
    assert "supporters_outbox_message.sealed_address" in found
    done = app.test_cli_runner().invoke(args=["keys", "reseal"])
    assert (done.exit_code, done.output) == (0, "Everything is under the first key.\n")
    for table, _ in keys.sealed_columns():
        assert len(table.primary_key.columns) == 1
