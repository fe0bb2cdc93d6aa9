"""The ledger of yes and no, and what it answers at the moment of sending."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import BadInput
from supporters.people.consent import PURPOSES, SERVICE, Consent, ConsentText, address_key, may_contact
from supporters.sealing import keyring
from tests import cast
from tests.cast import ANNA, NOW

VISITOR = Actor("visitor", "form", "website")
MINUTE = timedelta(minutes=1)


def say(session: Session, subject: Any, granted: bool, minutes: int = 0, **more: Any) -> Consent:
    given_ = {"purpose": "newsletter", "evidence": "form:1", "by": VISITOR, "now": NOW + minutes * MINUTE} | more
    row = Consent.record(session, subject, given_.pop("purpose"), granted=granted, **given_)
    session.flush()
    return row


def key_of(session: Session, address: str = "ada@example.org") -> bytes:
    return address_key(keyring(session), address)


def test_the_last_word_counts(session: Session) -> None:
    key = key_of(session)
    answer = may_contact(key, "newsletter", session=session)
    assert (bool(answer), answer.why) == (False, "never asked for it")
    say(session, key, True)
    assert may_contact(key, "newsletter", session=session).why == "said yes on 2026-12-01"
    say(session, key, False, 1)
    answer = may_contact(key, "newsletter", session=session)
    assert (answer.allowed, answer.why) == (False, "said no on 2026-12-01")
    say(session, key, True, 2)
    assert may_contact(key, "newsletter", session=session)


def test_a_word_about_one_thing_counts_there_only(session: Session) -> None:
    key = key_of(session)
    say(session, key, True, purpose="updates", scope="petition:1")
    assert may_contact(key, "updates", session=session, scope="petition:1")
    assert not may_contact(key, "updates", session=session, scope="petition:2")
    assert not may_contact(key, "updates", session=session)
    assert not may_contact(key, "newsletter", session=session, scope="petition:1")
    assert not may_contact(key, "updates", "letter", session=session, scope="petition:1")
    say(session, key, False, 1, purpose="updates")
    assert not may_contact(key, "updates", session=session, scope="petition:1"), "a no without a scope is about all"
    say(session, key, True, 2, purpose="updates", scope="petition:1")
    assert may_contact(key, "updates", session=session, scope="petition:1"), "and a later yes about one holds again"


def test_an_address_and_its_supporter_answer_for_each_other(session: Session) -> None:
    ada = cast.ada(session)
    session.flush()
    say(session, key_of(session), True)
    assert may_contact(ada, "newsletter")
    say(session, ada, False, 1)
    assert not may_contact(ada, "newsletter")
    say(session, key_of(session, "ADA@example.org"), True, 2)
    assert may_contact(ada, "newsletter")
    say(session, key_of(session), False, 3)
    assert not may_contact(ada, "newsletter")
    assert not may_contact(key_of(session, "other@example.org"), "newsletter", session=session)


def test_a_no_of_a_supporter_holds_for_their_address(session: Session) -> None:
    ada = cast.ada(session)
    session.flush()
    say(session, key_of(session), True)
    say(session, ada, False, 1)
    assert not may_contact(key_of(session), "newsletter", session=session)


def test_a_yes_is_not_that_of_whoever_shares_the_mailbox(session: Session) -> None:
    sam = cast.ada(session, first_name="Sam", iban=None)
    suzie = cast.ada(session, first_name="Suzie", iban=None)
    session.flush()
    say(session, sam, False)
    say(session, suzie, True, 1)
    assert may_contact(suzie, "newsletter")
    assert not may_contact(sam, "newsletter")
    say(session, sam, True, 2)
    assert may_contact(sam, "newsletter")


def test_as_of_a_day(session: Session) -> None:
    key = key_of(session)
    say(session, key, True)
    say(session, key, False, 3 * 24 * 60)
    assert not may_contact(key, "newsletter", "email", date(2026, 11, 30), session=session)
    assert may_contact(key, "newsletter", "email", date(2026, 12, 1), session=session)
    assert may_contact(key, "newsletter", "email", date(2026, 12, 3), session=session)
    assert not may_contact(key, "newsletter", "email", date(2026, 12, 4), session=session)


def test_what_we_owe_people_needs_no_yes_unless_they_died(session: Session) -> None:
    ada = cast.ada(session)
    session.flush()
    assert may_contact(ada).why == "is a supporter"
    assert may_contact(b"x" * 32, SERVICE).why == "asked for it"
    say(session, ada, True)
    ada.death_reported_at = NOW
    for purpose in (SERVICE, "newsletter"):
        assert may_contact(ada, purpose).why == "has died"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"purpose": "everything"}, "purpose"),
        ({"channel": "pigeon"}, "channel"),
        ({"evidence": ""}, "text"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(session: Session, more: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as error:
        say(session, b"x" * 32, True, **more)
    assert error.value.field == field
    assert session.scalars(select(Consent)).all() == []


def test_a_no_needs_no_evidence(session: Session) -> None:
    say(session, b"x" * 32, False, evidence="")


def test_the_ledger_is_only_added_to(session: Session) -> None:
    row = say(session, key_of(session), True)
    session.commit()
    for statement in (
        update(Consent).values(granted=False),
        update(Consent).values(at=NOW - MINUTE),
        delete(Consent).where(Consent.id == row.id),
    ):
        with pytest.raises(DBAPIError, match="consent is never"), session.begin_nested():
            session.execute(statement)


def test_the_words_are_kept_by_version(session: Session) -> None:
    one = ConsentText.say(session, "newsletter", "nl", "Ja,  stuur mij\nde nieuwsbrief", by=ANNA, now=NOW)
    assert (one.version, one.wording) == (1, "Ja, stuur mij de nieuwsbrief")
    assert ConsentText.say(session, "newsletter", "nl", " Ja, stuur mij de nieuwsbrief ", by=ANNA, now=NOW) is one
    two = ConsentText.say(session, "newsletter", "nl", "Ja, graag", by=ANNA, now=NOW)
    english = ConsentText.say(session, "newsletter", "en", "Yes, please", by=ANNA, now=NOW)
    assert (two.version, english.version) == (2, 1)
    for purpose, wording, field in (("all", "x", "purpose"), ("newsletter", "  ", "wording")):
        with pytest.raises(BadInput) as error:
            ConsentText.say(session, purpose, "nl", wording, by=ANNA, now=NOW)
        assert error.value.field == field
    session.commit()
    for statement in (update(ConsentText).values(wording="x"), delete(ConsentText)):
        with pytest.raises(DBAPIError, match="the words somebody agreed to"), session.begin_nested():
            session.execute(statement)


lines = st.tuples(st.sampled_from(PURPOSES), st.sampled_from(["", "petition:1", "petition:2"]), st.booleans())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, max_size=12))
def test_whatever_was_said_the_answer_is_the_last_of_it(session: Session, said: list[tuple[str, str, bool]]) -> None:
    with session.begin_nested() as kept:
        for minute, (purpose, scope, granted) in enumerate(said):
            say(session, b"x" * 32, granted, minute, purpose=purpose, scope=scope)
        for purpose in PURPOSES:
            for scope in ("", "petition:1", "petition:2"):
                about = [granted for p, s, granted in said if p == purpose and s in ("", scope)]
                answer = may_contact(b"x" * 32, purpose, session=session, scope=scope)
                assert answer.allowed == (about[-1] if about else False)
        kept.rollback()
