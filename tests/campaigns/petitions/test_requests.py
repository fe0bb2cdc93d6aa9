"""Somebody asks what we hold about them, and to erase it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.petitions import requests
from campaigns.petitions.signature import Signature, SignaturePerson
from supporters.audit import AuditEntry
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from tests import cast
from tests.campaigns.petitions.test_handover import FORM, petition, signed


def test_a_person_sees_all_of_it_with_the_words_they_agreed_to(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.sign(session, replace(FORM, updates=True, form_url="https://x.example/a"), now=now)
    held = requests.find(session, "PARWANA@example.org", by=cast.ANNA, now=now).as_json()
    (mine,) = held["signatures"]
    assert (mine["petition"], mine["email"], mine["details"]["town"]) == ("afghanen", FORM.email, "Utrecht")
    assert {c["purpose"] for c in held["consents"]} == {"sign", "updates"}
    assert all(len(c["sha256"]) == 64 and c["wording"] and c["form"] == "https://x.example/a" for c in held["consents"])
    assert [m["template"] for m in held["mails"]] == ["petition_confirm"]
    assert "parwana" not in json.dumps([e.detail for e in session.scalars(select(AuditEntry))])
    assert not requests.find(session, "nobody@example.org", by=cast.ANNA, now=now)


def test_erasing_lowers_the_count_once_and_leaves_strangers_alone(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.sign(session, replace(FORM, newsletter=True), now=now)
    signed(session, afghanen, 7, now)
    done = requests.erase(session, FORM.email, by=cast.ANNA, now=now)
    assert (done["withdrawn"], done["signature"], done["signature_person"]) == (1, 1, 1)
    assert afghanen.count(session, now=now).signed == 1
    again = requests.erase(session, FORM.email, by=cast.ANNA, now=now)
    assert again["withdrawn"] == 0 and afghanen.count(session, now=now).signed == 1
    assert not requests.find(session, FORM.email, by=cast.ANNA, now=now)
    erased = session.scalars(select(Signature).where(Signature.erased_at.is_not(None))).one()
    assert session.get(SignaturePerson, erased.id) is None
    mail = session.scalars(select(OutboxMessage).where(OutboxMessage.subject_id == erased.id)).one()
    assert (mail.state, mail.sealed_address, mail.address_key) == ("dropped", None, None)
    theirs = session.scalars(select(Consent).where(Consent.evidence == f"signature:{erased.id}")).all()
    assert theirs and all(c.address_key is None and c.erased_at for c in theirs)
    assert requests.find(session, "p7@example.org", by=cast.ANNA, now=now).signatures
