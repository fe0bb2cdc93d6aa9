"""A comment is shown only to the readers its signer said yes to, in words that name it, after a person read it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns.petitions import moderation
from campaigns.petitions.checks import look
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.moderation import Shown
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Publication, Signature
from campaigns.petitions.wording import HOUSE_TEXTS, Wording
from supporters.people.consent import Consent, ConsentText
from tests import cast

ANNA = cast.ANNA
#: What the house said before it named the comment.
OLD = {
    "nl": HOUSE_TEXTS["nl"] | {"show_name": "Mijn voornaam en woonplaats mogen op de website staan."},
    "en": HOUSE_TEXTS["en"] | {"show_name": "My first name and town may be shown on the website."},
}
FORM = SignatureForm(
    "Parwana", "Rezai", "parwana@example.org", consent=True, show_name=True, town="Utrecht", comment="Zij horen erbij."
)
FULL, BARE = Shown("Parwana", "Utrecht", "Zij horen erbij."), Shown("Parwana", "Utrecht", "")


@pytest.fixture
def petition(session: Session) -> Petition:
    made = Petition.draft(session, "afghanen", "Bied bescherming", "Wij vragen.", "de Kamer", by=ANNA, now=cast.NOW)
    made.open(session, by=ANNA, now=cast.NOW)
    session.flush()
    return made


def old_words(session: Session, petition: Petition, locale: str = "nl") -> Wording:
    return Wording.change(session, petition, locale, OLD[locale], by=ANNA, now=cast.NOW)


def signed(session: Session, petition: Petition, now: datetime, **fields: Any) -> Publication:
    outcome = petition.sign(session, replace(FORM, **fields), now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    signature.confirm(session, now=now)
    return session.scalars(select(Publication).where(Publication.signature_id == signature.id)).one()


@pytest.mark.parametrize("locale", ["nl", "en"])
def test_the_words_of_the_house_name_what_is_shown_and_that_somebody_reads_it(
    session: Session, petition: Petition, now: datetime, locale: str
) -> None:
    current = Wording.current(session, petition.id, locale)
    words = current.texts(session)["show_name"]
    named = {"nl": ("voornaam", "woonplaats", "reactie", "gelezen"), "en": ("name", "town", "comment", "read")}
    assert current.covers_comment and all(each in words for each in named[locale])
    publication = signed(session, petition, now, locale=locale)
    assert moderation.shown(session, petition) == []  # nobody read it yet
    moderation.approve(session, publication, by=ANNA, now=now)
    assert moderation.shown(session, petition) == [FULL]


def test_new_words_are_a_new_version_and_old_evidence_points_to_the_old(
    session: Session, petition: Petition, now: datetime
) -> None:
    before = old_words(session, petition)
    first = signed(session, petition, now)
    after = Wording.change(session, petition, "nl", HOUSE_TEXTS["nl"], covers_comment=True, by=ANNA, now=now)
    second = signed(session, petition, now, email="b@example.org")

    def agreed_to(publication: Publication) -> ConsentText:
        signature = Signature.get(session, publication.signature_id)
        query = select(ConsentText).join(Consent, Consent.text_id == ConsentText.id)
        evidence = (Consent.evidence == f"signature:{signature.id}") & (Consent.purpose == "show_name")
        return session.scalars(query.where(evidence)).one()

    old, new = agreed_to(first), agreed_to(second)
    assert (old.wording, new.wording) == (OLD["nl"]["show_name"], HOUSE_TEXTS["nl"]["show_name"])
    for text in (old, new):
        assert text.sha256 == hashlib.sha256(text.wording.encode()).hexdigest()
    assert old.version != new.version and old.id == before.show_name_text_id and new.id == after.show_name_text_id
    assert Signature.get(session, first.signature_id).wording_id == before.id
    for publication in (first, second):
        moderation.approve(session, publication, by=ANNA, now=now)
    assert moderation.shown(session, petition) == [FULL, BARE]


def test_who_agreed_to_words_without_it_has_no_comment_to_look_at_or_to_show(
    session: Session, petition: Petition, now: datetime
) -> None:
    old_words(session, petition)
    publication = signed(session, petition, now, comment="BEL 06 12345678, SCHANDE")
    (item,) = moderation.queue(session, petition)
    assert (item.sent, item.flags) == (BARE, ())
    moderation.approve(session, publication, by=ANNA, now=now, comment="")
    assert (publication.comment, moderation.shown(session, petition)) == ("", [BARE])
    # Their words are not lost: whoever asks what is held gets them.
    assert Signature.get(session, publication.signature_id).who(session).comment == "BEL 06 12345678, SCHANDE"


@pytest.mark.parametrize("second", ["unticked", "older words"])
def test_a_yes_does_not_hold_for_what_was_written_beside_an_unticked_box(
    session: Session, petition: Petition, now: datetime, second: str
) -> None:
    older = old_words(session, petition)
    Wording.change(session, petition, "nl", HOUSE_TEXTS["nl"], covers_comment=True, by=ANNA, now=now)
    outcome = petition.sign(session, FORM, now=now)
    corrected = {"show_name": False} if second == "unticked" else {"consent_text_id": older.id}
    petition.sign(session, replace(FORM, comment="Niet voor de website.", **corrected), now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    assert signature.who(session).comment == "Niet voor de website."
    signature.confirm(session, now=now)
    publication = session.scalars(select(Publication)).one()
    moderation.approve(session, publication, by=ANNA, now=now)
    assert moderation.shown(session, petition) == [BARE]


def test_a_comment_that_is_corrected_under_the_same_yes_is_shown_as_corrected(
    session: Session, petition: Petition, now: datetime
) -> None:
    petition.sign(session, replace(FORM, comment="Zei horen erbij."), now=now)
    publication = signed(session, petition, now)
    moderation.approve(session, publication, by=ANNA, now=now)
    assert moderation.shown(session, petition) == [FULL]


def test_who_did_not_tick_the_box_is_never_in_the_queue(session: Session, petition: Petition, now: datetime) -> None:
    outcome = petition.sign(session, replace(FORM, show_name=False), now=now)
    Signature.get(session, outcome.signature_id or 0).confirm(session, now=now)
    assert session.scalars(select(Publication)).all() == []


def test_who_signs_anew_under_words_that_name_it_may_be_shown_with_it(
    session: Session, petition: Petition, now: datetime
) -> None:
    old_words(session, petition)
    Signature.get(session, signed(session, petition, now).signature_id).withdraw(session, now=now)
    Wording.change(session, petition, "nl", HOUSE_TEXTS["nl"], covers_comment=True, by=ANNA, now=now)
    publication = signed(session, petition, now)
    moderation.approve(session, publication, by=ANNA, now=now)
    assert moderation.shown(session, petition) == [FULL]


def test_the_database_keeps_no_comment_in_clear_without_the_yes(
    session: Session, petition: Petition, now: datetime
) -> None:
    old_words(session, petition)
    publication = signed(session, petition, now)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(update(Publication).where(Publication.id == publication.id).values(comment="Zij horen erbij."))


def test_the_check_finds_a_comment_that_nobody_agreed_to_show(
    session: Session, petition: Petition, now: datetime
) -> None:
    publication = signed(session, petition, now)
    assert list(look(session, now=now)) == []
    session.execute(update(Wording).values(covers_comment=False))
    found = [(each.rule, each.subject) for each in look(session, now=now)]
    assert found == [("shown-comment-was-agreed-to", f"publication {publication.id}")]
