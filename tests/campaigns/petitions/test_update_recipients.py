"""Sending an update says how many mails that is, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from campaigns.petitions.update import PetitionUpdate
from supporters.actor import Actor

FORM = SignatureForm("Parwana", "Rezai", "parwana@example.org", consent=True, updates=True)
ANNA = Actor.person("anna@example.org", authenticated=True)


def test_the_number_of_recipients_is_that_of_the_mails_queued(session: Session, now: datetime) -> None:
    petition = Petition.draft(session, "afghanen", "Bied bescherming", "Tekst.", "de Kamer", by=ANNA, now=now)
    petition.open(session, by=ANNA, now=now)
    session.flush()
    for name, updates in (("a", True), ("b", True), ("c", False)):
        outcome = petition.sign(session, replace(FORM, email=f"{name}@example.org", updates=updates), now=now)
        Signature.get(session, outcome.signature_id or 0).confirm(session, now=now)
    news = PetitionUpdate.write(session, petition, "Nieuws", "Het gaat goed.", by=ANNA, now=now)
    session.flush()
    assert news.send(session, by=ANNA, now=now) == 2
    assert PetitionUpdate.get(session, news.id).recipients == 2
