"""A petition with something to do on each screen of its desk, for the tests of the screens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.intake import write
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from campaigns.petitions.terms import Terms
from supporters.sealing import keyring
from tests import cast

FORM = SignatureForm("Parwana", "Rezai", "p@example.org", consent=True, show_name=True, town="Utrecht")


def fill(session: Session) -> Petition:
    """Three confirmed names, one with a telephone number; a flood that is not confirmed; and two that are held."""
    now = cast.NOW
    petition = Petition.draft(
        session, "afghanen", "Bied Afghanen bescherming", "Wij vragen.", "de Kamer", by=cast.ANNA, now=now
    )
    petition.open(session, by=cast.ANNA, now=now - timedelta(days=3))
    session.flush()
    at = now - timedelta(hours=2)
    for name, comment in (("Parwana", ""), ("Bert", "Bel mij: 06 12345678"), ("Coby", "Goed plan!\nMooi.")):
        outcome = petition.sign(
            session, replace(FORM, first_name=name, email=f"{name}@gmail.com", comment=comment), now=at
        )
        Signature.get(session, outcome.signature_id or 0).confirm(session, now=at)
    for n in range(25):
        petition.sign(session, replace(FORM, email=f"r{n}@spam.example", show_name=False), now=at)
    terms, ring = Terms.of(session, petition), keyring(session)

    rows = [terms.prepare(replace(FORM, email=f"h{n}@school.example"), ring, now=at, risk="honeypot") for n in range(2)]
    write(session.connection(), rows)
    session.expire_all()
    return petition
