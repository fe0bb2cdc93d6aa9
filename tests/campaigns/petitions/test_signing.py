"""Signing by the library and by the web's intake: once an address, counted exactly, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.group_commit import GroupCommit
from campaigns.petitions.intake import Outcome, write
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import SIGNED, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import Tally
from campaigns.petitions.terms import Closed, Prepared, Terms
from supporters.actor import Actor
from supporters.errors import Mistakes
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent, address_key, may_contact
from supporters.sealing import keyring
from tests import cast

FORM = SignatureForm("Parwana", "Rezai", "parwana@example.org", consent=True)


def petition(session: Session, **fields: Any) -> Petition:
    by = Actor.person("anna@example.org", authenticated=True)
    made = Petition.draft(
        session, fields.pop("slug", "afghanen"), "Bied Afghanen bescherming", "Wij vragen **bescherming**.",
        "de Tweede Kamer", by=by, now=cast.NOW, **fields,
    )  # fmt: skip
    made.open(session, by=by, now=cast.NOW)
    session.flush()
    return made


def rows(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_signature_leaves_everything_it_needs(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    form = replace(FORM, show_name=True, updates=True, newsletter=True, town="Utrecht", form_url="https://x.example/a")
    outcome = afghanen.sign(session, form, now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    assert (outcome.kind, signature.state) == ("new", "pending")
    assert signature.who(session).name == "Parwana Rezai"
    assert signature.address(session) == "parwana@example.org"
    consents = session.scalars(select(Consent).order_by(Consent.id)).all()
    assert {c.purpose for c in consents} == {"sign", "show_name", "updates", "newsletter"}
    assert all(c.text_id and c.source == "https://x.example/a" for c in consents)
    mail = session.scalars(select(OutboxMessage)).one()
    assert (mail.template, mail.subject_id, mail.key) == (
        "petition_confirm", signature.id, f"petition-confirm:{signature.id}:1",
    )  # fmt: skip
    assert rows(session, Publication) == 1
    count = afghanen.count(session, now=now)
    assert (count.signed, count.confirmed, count.offline) == (1, 0, 0)


def test_the_button_counts_once_and_who_wants_news_becomes_a_supporter(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    outcome = afghanen.sign(session, replace(FORM, newsletter=True), now=now)
    signature = Signature.by_token(session, Signature.get(session, outcome.signature_id or 0).token(keyring(session)))
    assert signature.confirm(session, now=now) is True
    assert signature.confirm(session, now=now) is False
    count = afghanen.count(session, now=now)
    assert (count.signed, count.confirmed) == (1, 1)
    assert signature.supporter_id is not None


def test_withdrawing_lowers_the_count_once_and_ends_the_consent(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    outcome = afghanen.sign(session, replace(FORM, updates=True), now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    key = address_key(keyring(session), FORM.email)
    assert may_contact(key, "updates", session=session, scope=signature.scope)
    assert signature.withdraw(session, now=now + timedelta(minutes=1)) is True
    assert signature.withdraw(session, now=now + timedelta(minutes=1)) is False
    assert afghanen.count(session, now=now).signed == 0
    assert not may_contact(key, "updates", session=session, scope=signature.scope)


@pytest.mark.parametrize("spelling", ["PARWANA@example.org", " parwana@EXAMPLE.org "])
def test_one_address_signs_once_however_it_is_spelled(session: Session, now: datetime, spelling: str) -> None:
    afghanen = petition(session)
    assert afghanen.sign(session, FORM, now=now).kind == "new"
    assert afghanen.sign(session, replace(FORM, email=spelling), now=now).kind == "known"
    assert afghanen.count(session, now=now).signed == 1
    assert rows(session, OutboxMessage) == 2


def test_a_couple_signs_twice_from_one_address_and_not_three_times(session: Session, now: datetime) -> None:
    afghanen = petition(session, per_address=2)
    for first_name, kind in (("Ada", "new"), ("Bert", "new"), ("Ada", "known"), ("Cas", "known")):
        assert afghanen.sign(session, replace(FORM, first_name=first_name), now=now).kind == kind
    assert afghanen.count(session, now=now).signed == 2


def test_somebody_cannot_be_flooded_with_mail(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    for _ in range(12):
        afghanen.sign(session, FORM, now=now)
    assert rows(session, OutboxMessage) == 5


def test_a_name_can_be_corrected_until_it_is_confirmed(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    outcome = afghanen.sign(session, replace(FORM, last_name="Rezia"), now=now)
    afghanen.sign(session, FORM, now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    assert signature.who(session).last_name == "Rezai"
    signature.confirm(session, now=now)
    afghanen.sign(session, replace(FORM, last_name="Else"), now=now)
    session.expire_all()
    assert signature.who(session).last_name == "Rezai"


def test_who_withdrew_may_sign_again(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    outcome = afghanen.sign(session, FORM, now=now)
    Signature.get(session, outcome.signature_id or 0).withdraw(session, now=now)
    assert afghanen.sign(session, FORM, now=now).kind == "known"
    assert afghanen.count(session, now=now).signed == 1
    assert rows(session, SignaturePerson) == 1


def test_the_same_form_twice_is_one_signature_and_one_mail(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    form = replace(FORM, submission_key="k1")
    assert [afghanen.sign(session, form, now=now).kind for _ in range(2)] == ["new", "repeated"]
    assert rows(session, OutboxMessage) == 1
    with pytest.raises(Mistakes) as caught:
        afghanen.sign(session, replace(form, email="else@example.org"), now=now)
    assert caught.value.field == "submission_key"


def test_a_trap_field_looks_like_success_and_counts_nothing(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    outcome = afghanen.sign(session, replace(FORM, website="https://spam.example"), now=now)
    assert Signature.get(session, outcome.signature_id or 0).state == "quarantined"
    assert afghanen.count(session, now=now).signed == 0
    assert rows(session, OutboxMessage) == 0


def test_a_closed_petition_takes_nothing(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.close(session, by=cast.ANNA, now=now + timedelta(hours=1))
    with pytest.raises(Closed):
        afghanen.sign(session, FORM, now=now + timedelta(hours=2))
    assert rows(session, Signature) == 0


def test_rolling_up_moves_the_count_and_never_changes_it(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    for number in range(7):
        afghanen.sign(session, replace(FORM, email=f"p{number}@example.org"), now=now)
    while Tally.roll_up(session, now=now, most=3):
        assert afghanen.count(session, now=now).signed == 7
    tally = session.get_one(Tally, afghanen.id)
    assert (tally.signed, afghanen.count(session, now=now).signed) == (7, 7)


def prepared(session: Session, afghanen: Petition, now: datetime, **changes: Any) -> Prepared:
    return Terms.of(session, afghanen).prepare(replace(FORM, **changes), keyring(session), now=now)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` gives in so many threads that begin together."""
    found: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            found[number] = work(number)
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_fifty_posts_of_one_address_at_once_are_one_signature(fresh_engine: Engine, now: datetime) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        forms = [prepared(session, afghanen, now) for _ in range(50)]
        session.commit()
    intake = GroupCommit(fresh_engine)
    found = at_once(50, lambda number: intake.submit(forms[number]))
    assert sorted(outcome.kind for outcome in found) == ["known"] * 49 + ["new"]
    with Session(fresh_engine) as session:
        assert rows(session, Signature) == 1
        assert Petition.by_slug(session, "afghanen").count(session, now=now).signed == 1


def test_processes_that_do_not_know_of_each_other_agree(fresh_pg_engine: Engine, now: datetime) -> None:
    with Session(fresh_pg_engine) as session:
        afghanen = petition(session, per_address=2)
        forms = [prepared(session, afghanen, now, first_name="ABC"[n % 3]) for n in range(18)]
        session.commit()
    intakes = [GroupCommit(fresh_pg_engine) for _ in range(6)]
    found = at_once(18, lambda number: intakes[number % 6].submit(forms[number]))
    assert sorted(outcome.kind for outcome in found) == ["known"] * 16 + ["new"] * 2
    with Session(fresh_pg_engine) as session:
        counted = session.scalar(select(func.count()).select_from(Signature).where(Signature.state.in_(SIGNED)))
        assert counted == 2 == Petition.by_slug(session, "afghanen").count(session, now=now).signed


def test_a_bad_row_never_fails_a_strangers(fresh_engine: Engine, now: datetime) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        forms = [prepared(session, afghanen, now, email=f"p{n}@example.org") for n in range(20)]
        session.commit()
    forms[7] = replace(forms[7], wording_id=999_999)  # breaks a foreign key
    intake = GroupCommit(fresh_engine)
    found = at_once(20, lambda number: intake.submit(forms[number]))
    assert [n for n, outcome in enumerate(found) if not isinstance(outcome, Outcome)] == [7]
    with Session(fresh_engine) as session:
        assert rows(session, Signature) == 19


def test_a_group_may_hold_the_same_address_and_the_same_key(fresh_engine: Engine, now: datetime) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        one = prepared(session, afghanen, now, submission_key="k")
        other = prepared(session, afghanen, now, submission_key="k", email="else@example.org")
        session.commit()
    with fresh_engine.begin() as connection:
        found = write(connection, [one, one, other])
    assert [getattr(outcome, "kind", type(outcome)) for outcome in found] == ["new", "repeated", Mistakes]
