"""Reminders, expiry, bounces and what is only remembered for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

import campaigns.extension  # noqa: F401  (registers the hook)
from campaigns.petitions import waiting
from campaigns.petitions.once import Once
from campaigns.petitions.signature import Signature, SignaturePerson
from supporters import hooks
from supporters.mail.message import OutboxMessage
from supporters.people.consent import address_key, may_contact
from supporters.sealing import keyring
from tests.campaigns.petitions.test_handover import FORM, petition, signed


def test_who_did_not_press_the_button_is_reminded_once(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    signed(session, afghanen, 1, now, confirm=False)
    signed(session, afghanen, 2, now)
    assert waiting.remind(session, now=now + timedelta(days=6, hours=23)) == 0
    assert [waiting.remind(session, now=now + timedelta(days=7)) for _ in range(2)] == [1, 0]
    mails = session.scalars(select(OutboxMessage).where(OutboxMessage.template == "petition_reminder")).all()
    assert [mail.key for mail in mails] == [f"petition-reminder:{mails[0].subject_id}"]


def test_expiring_lowers_the_count_once_and_erases_who_it_was(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.sign(session, replace(FORM, updates=True), now=now)
    signed(session, afghanen, 2, now)
    later = now + timedelta(weeks=3)
    assert waiting.expire(session, now=later - timedelta(minutes=1)) == 0
    assert [waiting.expire(session, now=later) for _ in range(2)] == [1, 0]
    expired = session.scalars(select(Signature).where(Signature.state == "expired")).one()
    assert session.get(SignaturePerson, expired.id) is None and expired.end_reason == "not_confirmed"
    assert afghanen.count(session, now=later).signed == 1
    key = address_key(keyring(session), FORM.email)
    assert not may_contact(key, "updates", session=session, scope=expired.scope)
    assert afghanen.sign(session, FORM, now=later).kind == "known"
    assert afghanen.count(session, now=later).signed == 2


def test_a_bounce_rejects_what_was_not_confirmed_once(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    signed(session, afghanen, 1, now, confirm=False)
    signed(session, afghanen, 2, now)
    for mail in session.scalars(select(OutboxMessage)).all() * 2:
        hooks.fire("mail_bounced", session, message=mail, reason="550", now=now)
    count = afghanen.count(session, now=now)
    assert (count.signed, count.confirmed) == (1, 1)
    assert session.scalars(select(Signature.end_reason).where(Signature.state == "rejected")).all() == ["bounced"]


def test_keys_and_networks_are_forgotten(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.sign(session, replace(FORM, submission_key="k"), now=now)
    person = session.scalars(select(SignaturePerson)).one()
    person.network_key = b"n" * 16
    session.flush()
    later = now + timedelta(days=3)
    assert (waiting.forget_networks(session, now=now), waiting.forget_networks(session, now=later)) == (0, 1)
    assert (waiting.forget_keys(session, now=later), waiting.forget_keys(session, now=now + timedelta(days=8))) == (
        0,
        1,
    )
    assert session.scalars(select(Once)).all() == []
