"""Signing again from an address that is there: the rule, held against what each database does."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, text
from sqlalchemy.orm import Session

from campaigns.petitions import erasure
from campaigns.petitions.again import MOST_ANEW, MOST_MAILS, Before, next_step
from campaigns.petitions.group_commit import GroupCommit
from campaigns.petitions.intake import Outcome, write
from campaigns.petitions.petition import CONFIRM_POLICIES, Petition
from campaigns.petitions.signature import STATES, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import TallyEvent
from campaigns.petitions.terms import Prepared
from supporters.db import Base
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from tests import cast
from tests.campaigns.petitions.test_signing import FORM, at_once, petition, prepared

MINE, OTHER, THIRD = b"m" * 16, b"o" * 16, b"t" * 16
#: Who is there, by slot: name, state, and how often the confirmation was mailed.
ALONE = [
    (one,) for one in product((MINE, OTHER), STATES, (0, 1, MOST_MAILS - 1, MOST_MAILS, MOST_ANEW - 1, MOST_ANEW))
]  # fmt: skip
COUPLES = [
    ((names[0], states[0], 1), (names[1], states[1], 2))
    for names, states in product(((MINE, OTHER), (OTHER, MINE), (OTHER, THIRD)), product(STATES, STATES))
]
THERE: list[tuple[tuple[bytes, str, int], ...]] = [(), *ALONE, *COUPLES]


def store(connection: Connection, row: Prepared, there: tuple[tuple[bytes, str, int], ...]) -> list[int]:
    """These signatures, as they would have been left; their keys, by slot."""
    keys = []
    for slot, (name_key, state, mails) in enumerate(there, 1):
        values = {
            "petition_id": row.petition_id, "address_key": row.address_key, "name_key": name_key, "slot": slot,
            "state": state, "locale": "en", "source": "old", "wording_id": row.wording_id, "signed_at": cast.NOW,
            "confirmed_at": cast.NOW if state == "confirmed" else None, "mails": mails,
        }  # fmt: skip
        keys.append(connection.execute(insert(Signature).values(**values).returning(Signature.id)).scalar_one())
        if state != "expired":
            connection.execute(insert(SignaturePerson), {
                "signature_id": keys[-1], "sealed": b"old", "sealed_address": b"old", "domain": "old",
                "wants_updates": True, "risk": "old",
            })  # fmt: skip
    return keys


class After:
    """What is stored, by signature."""

    def __init__(self, connection: Connection) -> None:
        self.signatures = {row.id: row for row in self._rows(connection, Signature)}
        self.people = {row.signature_id: row for row in self._rows(connection, SignaturePerson)}
        self.mails: dict[int, list[Any]] = {}
        for row in self._rows(connection, OutboxMessage):
            self.mails.setdefault(row.subject_id, []).append((row.template, row.key))
        self.consents = set(connection.scalars(select(Consent.evidence)))
        self.shown = set(connection.scalars(select(Publication.signature_id)))
        self.counted = connection.scalar(select(func.sum(TallyEvent.signed)))

    @staticmethod
    def _rows(connection: Connection, model: type[Base]) -> list[Any]:
        return [SimpleNamespace(**row) for row in connection.execute(select(model.__table__)).mappings()]


@pytest.mark.parametrize("per_address", [1, 2])
@pytest.mark.parametrize("policy", [*CONFIRM_POLICIES, "quarantined"])
def test_each_database_does_what_the_rule_says(session: Session, policy: str, per_address: int) -> None:
    settings = {"confirm_policy": "required" if policy == "quarantined" else policy, "per_address": per_address}
    form = prepared(session, petition(session, **settings), cast.NOW, show_name=True, source="new")
    if policy == "quarantined":
        form = replace(form, state="quarantined", risk="flood", template=None)
    connection = session.connection()
    connection.execute(delete(OutboxMessage))
    rows = [replace(form, address_key=n.to_bytes(32, "big"), name_key=MINE) for n in range(len(THERE))]
    keys = [store(connection, row, there) for row, there in zip(rows, THERE, strict=True)]
    before, outcomes = After(connection), write(connection, rows)
    after, signed = After(connection), 0
    for row, there, ids, outcome in zip(rows, THERE, keys, outcomes, strict=True):
        step, one = next_step([Before(slot, *each) for slot, each in enumerate(there, 1)], row)
        assert isinstance(outcome, Outcome)
        key = outcome.signature_id or 0
        assert (outcome.kind, key in ids) == (("new", False) if one is None else ("known", True)), there
        for other in {*ids} - {key}:
            assert after.signatures[other] == before.signatures[other]
            assert after.people.get(other) == before.people.get(other)
            assert other not in after.mails
        signature, was = after.signatures[key], before.signatures.get(key)
        mailed = [key_of for _, key_of in after.mails.get(key, [])]
        begins = step in ("first", "second", "anew")
        assert (f"signature:{key}" in after.consents, key in after.shown) == (begins, begins)
        if begins:
            signed += row.state != "quarantined"
            mails = was.mails + 1 if was else int(row.template == "petition_confirm")
            assert (signature.state, signature.name_key, signature.source, signature.confirmed_at, signature.mails) == (
                row.state, MINE, "new", None, mails,
            )  # fmt: skip
            assert signature.slot == (was.slot if was else len(there) + 1)
            assert (after.people[key].sealed, after.people[key].risk) == (row.sealed, row.risk)
            letter = row.template if mails <= MOST_ANEW else None
            nth = mails if letter == "petition_confirm" else mails + 1
            assert after.mails.get(key, []) == ([(letter, f"{letter.replace('_', '-')}:{key}:{nth}")] if letter else [])
        elif step == "ask":
            corrects = was.state == "pending"
            changed = {"mails": was.mails + 1, "name_key": MINE if corrects else was.name_key}
            assert vars(signature) == vars(was) | changed
            assert vars(after.people[key]) == vars(before.people[key]) | {"sealed": row.sealed if corrects else b"old"}
            assert mailed == [f"petition-confirm:{key}:{was.mails + 1}"]
        else:
            assert (signature, after.people.get(key)) == (was, before.people.get(key))
            assert mailed == ([f"petition-known:{key}:{cast.TODAY.isoformat()}"] if step == "tell" else [])
    assert after.counted == (signed or None)


@pytest.mark.parametrize("policy", CONFIRM_POLICIES)
def test_who_withdrew_gets_a_mail_each_time_they_sign_anew(session: Session, policy: str) -> None:
    afghanen = petition(session, confirm_policy=policy)
    for number in range(1, 4):
        outcome = afghanen.sign(session, replace(FORM, show_name=True), now=cast.NOW)
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == number
        assert session.scalar(select(func.count()).select_from(Publication)) == 1
        Signature.get(session, outcome.signature_id or 0).withdraw(session, now=cast.NOW)
    assert afghanen.count(session, now=cast.NOW).signed == 0


# -- at the same moment, on PostgreSQL ---------------------------------------------------------------------------


class Waiting:
    """Writes a row in a thread of its own, which a transaction of somebody else holds up."""

    def __init__(self, engine: Engine, row: Prepared) -> None:
        self.outcome: Any = None
        self._engine, self._row = engine, row
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.outcome = GroupCommit(self._engine).submit(self._row)

    def __enter__(self) -> Waiting:
        self._thread.start()
        waits = text("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity USING (pid) "
                     "WHERE NOT granted AND datname = current_database()")  # fmt: skip
        with self._engine.connect() as look:
            for _ in range(500):
                if look.scalar(waits):
                    return self
                look.rollback()
                time.sleep(0.01)
        raise AssertionError("nothing holds it up")

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)


def test_who_confirms_while_signing_again_is_told_and_not_asked(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        signed = petition(session).sign(session, replace(FORM, last_name="Rezia"), now=cast.NOW)
        again = prepared(session, Petition.by_slug(session, "afghanen"), cast.NOW)
        session.commit()
        signature = Signature.get(session, signed.signature_id or 0)
        signature.confirm(session, now=cast.NOW)
        with Waiting(fresh_pg_engine, again) as waiting:
            session.commit()
        assert waiting.outcome == Outcome("known", signature.id)
        session.refresh(signature)
        assert (signature.state, signature.mails, signature.who(session).last_name) == ("confirmed", 1, "Rezia")
        templates = session.scalars(select(OutboxMessage.template).order_by(OutboxMessage.id)).all()
        assert templates == ["petition_confirm", "petition_known"]


def test_who_withdraws_while_signing_again_signs_anew(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session)
        signature = Signature.get(session, afghanen.sign(session, FORM, now=cast.NOW).signature_id or 0)
        again = prepared(session, afghanen, cast.NOW)
        session.commit()
        signature.withdraw(session, now=cast.NOW)
        with Waiting(fresh_pg_engine, again) as waiting:
            session.commit()
        assert waiting.outcome == Outcome("known", signature.id)
        session.refresh(signature)
        assert (signature.state, signature.mails, signature.ended_at) == ("pending", 2, None)
        assert afghanen.count(session, now=cast.NOW).signed == 1
        assert session.scalar(select(func.count()).select_from(SignaturePerson)) == 1


@pytest.mark.parametrize("name", ["Parwana", "Somebody Else"])
def test_who_is_not_there_yet_when_another_looks_is_found(fresh_pg_engine: Engine, name: str) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session, per_address=2)
        again = prepared(session, afghanen, cast.NOW, first_name=name, submission_key="k")
        session.commit()
        first = afghanen.sign(session, FORM, now=cast.NOW)
        with Waiting(fresh_pg_engine, again) as waiting:
            session.commit()
        assert waiting.outcome.kind == ("known" if name == "Parwana" else "new")
        assert (waiting.outcome.signature_id == first.signature_id) == (name == "Parwana")
        # And its own key is not what it stumbles on.
        assert GroupCommit(fresh_pg_engine).submit(again).kind == "repeated"


def test_two_who_want_the_second_place_get_one(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session, per_address=2)
        afghanen.sign(session, FORM, now=cast.NOW)
        bert, cas = (prepared(session, afghanen, cast.NOW, first_name=name) for name in ("Bert", "Cas"))
        session.commit()
        with fresh_pg_engine.connect() as connection:
            (first,) = write(connection, [bert])
            with Waiting(fresh_pg_engine, cas) as waiting:
                connection.commit()
        assert (getattr(first, "kind", None), waiting.outcome.kind) == ("new", "known")
        assert afghanen.count(session, now=cast.NOW).signed == 2


def test_who_is_erased_while_signing_again_is_new(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session)
        before = afghanen.sign(session, FORM, now=cast.NOW)
        again = prepared(session, afghanen, cast.NOW)
        session.commit()
        erasure.erase(session, [before.signature_id or 0], now=cast.NOW)
        with Waiting(fresh_pg_engine, again) as waiting:
            session.commit()
        assert waiting.outcome.kind == "new"
        assert session.scalar(select(func.count()).select_from(SignaturePerson)) == 1


def test_fifty_who_know_the_address_at_once_send_five_mails(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        form = prepared(session, petition(session), cast.NOW)
        session.commit()
    intakes = [GroupCommit(fresh_pg_engine) for _ in range(8)]
    found = at_once(48, lambda number: intakes[number % 8].submit(form))
    assert sorted(outcome.kind for outcome in found) == ["known"] * 47 + ["new"]
    with Session(fresh_pg_engine) as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == MOST_MAILS
        assert session.scalar(select(Signature.mails)) == MOST_MAILS


def test_who_confirmed_is_told_once_a_day_however_many_ask(fresh_pg_engine: Engine) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session)
        signed = afghanen.sign(session, FORM, now=cast.NOW)
        Signature.get(session, signed.signature_id or 0).confirm(session, now=cast.NOW)
        form = prepared(session, afghanen, cast.NOW)
        session.commit()
    intakes = [GroupCommit(fresh_pg_engine) for _ in range(8)]
    found = at_once(24, lambda number: intakes[number % 8].submit(form))
    assert {outcome.kind for outcome in found} == {"known"}
    with Session(fresh_pg_engine) as session:
        assert session.scalars(select(OutboxMessage.template)).all().count("petition_known") == 1
