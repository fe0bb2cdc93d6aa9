"""Sending an update says how many mails that is, on both databases, and reads what it needs in a few sets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.signature import Signature
from campaigns.petitions.update import PetitionUpdate
from supporters.actor import Actor
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from tests.campaigns.petitions.test_signing import petition as opened

FORM = SignatureForm("Parwana", "Rezai", "parwana@example.org", consent=True, updates=True)
ANNA = Actor.person("anna@example.org", authenticated=True)
VISITOR = Actor("visitor", "a link in a mail")


@pytest.fixture
def petition(session: Session) -> Petition:
    return opened(session, per_address=2)


def signed(session: Session, petition: Petition, now: datetime, *, confirm: bool = True, **fields: Any) -> Signature:
    outcome = petition.sign(session, replace(FORM, **fields), now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    if confirm:
        signature.confirm(session, now=now)
    return signature


def say(session: Session, about: Signature, granted: bool, at: datetime, scope: str | None = None) -> None:
    Consent.record(
        session, about.address_key, "updates", granted=granted, by=VISITOR, now=at, evidence=f"signature:{about.id}",
        scope=about.scope if scope is None else scope,
    )  # fmt: skip


def gets_it(session: Session, petition: Petition, now: datetime) -> list[int]:
    """Whose signature the mails are about; asserts that this is how many were announced, and said afterwards."""
    news = PetitionUpdate.write(session, petition, "Nieuws", "Het gaat goed.", by=ANNA, now=now)
    session.flush()
    announced = news.recipients_now(session, now=now)
    assert news.send(session, by=ANNA, now=now) == announced
    assert PetitionUpdate.get(session, news.id).recipients == announced
    about = select(OutboxMessage.subject_id).where(OutboxMessage.key.like(f"petition-update:{news.id}:%"))
    found = list(session.scalars(about.order_by(OutboxMessage.subject_id)))
    assert len(found) == announced
    return [key for key in found if key is not None]


def test_who_counts_and_asked_for_updates_gets_one(session: Session, petition: Petition, now: datetime) -> None:
    wanted = [signed(session, petition, now, email=f"{name}@example.org") for name in "ab"]
    signed(session, petition, now, email="c@example.org", updates=False)
    signed(session, petition, now, email="d@example.org", confirm=False)
    signed(session, petition, now, email="e@example.org").withdraw(session, now=now)
    removed = signed(session, petition, now, email="f@example.org")
    RemovalRun.run(session, petition, Criteria(signature_id=removed.id), "spam", expected=1, by=ANNA, now=now)
    erased = signed(session, petition, now, email="g@example.org")
    session.execute(update(Signature).where(Signature.id == erased.id).values(erased_at=now))
    other = opened(session, slug="other")
    elsewhere = signed(session, other, now, email="c@example.org")
    assert gets_it(session, petition, now) == [one.id for one in wanted]
    assert gets_it(session, other, now) == [elsewhere.id]


def test_what_counts_at_once_gets_one_at_once(session: Session, now: datetime) -> None:
    soft = opened(session, slug="soft", confirm_policy="soft")
    assert gets_it(session, soft, now) == []
    one = signed(session, soft, now, confirm=False)
    assert gets_it(session, soft, now) == [one.id]


@pytest.mark.parametrize(
    ("said", "gets"),
    [
        ([(False, 1)], False), ([(False, 1), (True, 2)], True), ([(True, 2), (False, 1)], True),
        ([(True, 1), (False, 2)], False), ([(False, -1)], True), ([(False, 0)], False), ([(False, 0), (True, 0)], True),
    ],
)  # fmt: skip
def test_the_last_word_of_the_address_counts(
    session: Session, petition: Petition, now: datetime, said: list[tuple[bool, int]], gets: bool
) -> None:
    one = signed(session, petition, now)
    for granted, hours in said:
        say(session, one, granted, now + timedelta(hours=hours))
    session.flush()
    assert bool(gets_it(session, petition, now + timedelta(days=1))) is gets


def test_a_no_to_all_updates_counts_and_one_to_another_petition_does_not(
    session: Session, petition: Petition, now: datetime
) -> None:
    one, two = (signed(session, petition, now, email=f"{name}@example.org") for name in "ab")
    say(session, one, False, now + timedelta(hours=1), scope="")
    say(session, two, False, now + timedelta(hours=1), scope=f"petition:{petition.id + 1}")
    session.flush()
    assert gets_it(session, petition, now + timedelta(days=1)) == [two.id]


def test_a_couple_gets_one_mail(session: Session, petition: Petition, now: datetime) -> None:
    first = signed(session, petition, now)
    signed(session, petition, now, first_name="Bert")
    assert gets_it(session, petition, now) == [first.id]


@pytest.mark.parametrize("first", ["never confirmed", "withdrew"])
def test_the_second_of_a_couple_gets_it_where_the_first_does_not_count(
    session: Session, petition: Petition, now: datetime, first: str
) -> None:
    one = signed(session, petition, now, confirm=first == "withdrew")
    second = signed(session, petition, now + timedelta(hours=2), first_name="Bert", confirm=False)
    if first == "withdrew":
        one.withdraw(session, now=now + timedelta(hours=1))
    second.confirm(session, now=now + timedelta(hours=3))
    assert second.slot == 2
    assert gets_it(session, petition, now + timedelta(days=1)) == [second.id]


def test_no_part_of_it_is_run_for_each_signature(pg_session: Session, now: datetime) -> None:
    """A subquery that PostgreSQL cannot turn into a join is a look-up for each of the millions who signed."""
    session = pg_session
    petition = opened(session)
    news = PetitionUpdate.write(session, petition, "Nieuws", "Het gaat goed.", by=ANNA, now=now)
    session.flush()
    seen: list[Any] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *given: seen.append(given[2:4]))
    news.recipients_now(session, now=now)
    statement, values = next(each for each in seen if "supporters_consent" in each[0])
    plan = "\n".join(line for (line,) in connection.exec_driver_sql(f"EXPLAIN {statement}", values))
    assert "campaigns_signature_person" in plan
    assert "SubPlan" not in plan
