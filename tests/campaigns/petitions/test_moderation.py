"""Nothing is shown before somebody looked, and nothing of it stays once it is taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.petitions import moderation
from campaigns.petitions.flags import flags_of
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.moderation import Shown
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.signature import Publication, Signature
from supporters.actor import Actor
from supporters.audit import AuditEntry
from supporters.errors import BadInput, Refused
from supporters.people.consent import Consent
from tests import cast

ANNA = cast.ANNA
FORM = SignatureForm(
    "Parwana", "Rezai", "parwana@example.org", consent=True, show_name=True, town="Utrecht", comment="Bel 06 12345678!"
)


@pytest.fixture
def petition(session: Session, now: datetime) -> Petition:
    made = Petition.draft(session, "afghanen", "Bied bescherming", "Wij vragen.", "de Kamer", by=ANNA, now=cast.NOW)
    made.open(session, by=ANNA, now=cast.NOW)
    session.flush()
    return made


def signed(session: Session, petition: Petition, now: datetime, *, confirm: bool = True, **fields: Any) -> Publication:
    outcome = petition.sign(session, replace(FORM, **fields), now=now)
    signature = Signature.get(session, outcome.signature_id or 0)
    if confirm:
        signature.confirm(session, now=now)
    return session.scalars(select(Publication).where(Publication.signature_id == signature.id)).one()


def test_the_queue_holds_only_what_is_confirmed_and_may_be_shown(
    session: Session, petition: Petition, now: datetime
) -> None:
    asked = signed(session, petition, now)
    signed(session, petition, now, confirm=False, email="b@example.org")
    petition.sign(session, replace(FORM, email="c@example.org", show_name=False), now=now)
    petition.sign(session, replace(FORM, email="d@example.org", website="x"), now=now)
    items = moderation.queue(session, petition)
    assert [item.publication.id for item in items] == [asked.id]
    assert items[0].sent == Shown("Parwana", "Utrecht", "Bel 06 12345678!")
    assert [(flag.field, flag.kind) for flag in items[0].flags] == [("comment", "phone")]
    assert moderation.counts(session, petition) == {"waiting": 1, "approved": 0, "rejected": 0, "unpublished": 0}
    assert moderation.queue(session, petition, after=asked.id) == []


def test_what_counts_at_once_can_be_shown_at_once(session: Session, now: datetime) -> None:
    soft = Petition.draft(session, "soft", "T", "T", "K", by=ANNA, now=cast.NOW, confirm_policy="soft")
    soft.open(session, by=ANNA, now=cast.NOW)
    signed(session, soft, now, confirm=False)
    assert len(moderation.queue(session, soft)) == 1


def test_only_what_was_approved_is_in_clear_and_it_goes_again(
    session: Session, petition: Petition, now: datetime
) -> None:
    publication = signed(session, petition, now)
    assert (publication.name, publication.town, publication.comment) == ("", "", "")
    moderation.approve(session, publication, by=ANNA, now=now)
    assert moderation.shown(session, petition, 5) == [Shown("Parwana", "Utrecht", "Bel 06 12345678!")]
    moderation.unpublish(session, publication, "unsuitable", by=ANNA, now=now)
    assert moderation.shown(session, petition) == []
    assert (publication.state, publication.name, publication.comment) == ("unpublished", "", "")
    moderation.approve(session, publication, by=ANNA, now=now, comment="Bel …!")
    assert moderation.shown(session, petition) == [Shown("Parwana", "Utrecht", "Bel …!")]
    moderation.reconsider(session, publication, by=ANNA, now=now)
    assert (publication.state, publication.name, publication.decided_at) == ("waiting", "", None)
    moderation.reject(session, publication, "advertising", by=ANNA, now=now)
    verbs = session.scalars(
        select(AuditEntry.verb).where(AuditEntry.subject == "publication").order_by(AuditEntry.id)
    ).all()
    assert verbs == ["approve", "unpublish", "redact", "reconsider", "reject"]
    assert "Parwana" not in str([e.detail for e in session.scalars(select(AuditEntry))])


@pytest.mark.parametrize("words", ["Bel 06 12345678!!", "Bel haar niet!", "Bel 12345678 06!", "Goed plan!"])
def test_words_can_be_taken_out_and_not_put_in(session: Session, petition: Petition, now: datetime, words: str) -> None:
    publication = signed(session, petition, now)
    with pytest.raises(BadInput) as caught:
        moderation.approve(session, publication, by=ANNA, now=now, comment=words)
    assert caught.value.field == "comment"
    with pytest.raises(BadInput, match="letter"):
        moderation.approve(session, publication, by=ANNA, now=now, name=" ")
    moderation.approve(session, publication, by=ANNA, now=now, name="P…", town="", comment="")
    assert moderation.shown(session, petition) == [Shown("P…", "", "")]


def test_who_takes_back_a_yes_is_shown_no_longer(session: Session, petition: Petition, now: datetime) -> None:
    publication = signed(session, petition, now)
    other = signed(session, petition, now, email="b@example.org", first_name="Bert")
    moderation.approve(session, publication, by=ANNA, now=now)
    moderation.approve(session, other, by=ANNA, now=now)
    signature = Signature.get(session, publication.signature_id)
    Consent.record(
        session, signature.address_key, "show_name", granted=False, channel="public", scope=signature.scope,
        by=Actor("visitor", "x"), now=now,
    )  # fmt: skip
    assert [each.name for each in moderation.shown(session, petition)] == ["Bert"]
    moderation.unpublish(session, publication, "asked_by_signer", by=ANNA, now=now)
    with pytest.raises(Refused, match="does not want"):
        moderation.approve(session, publication, by=ANNA, now=now)
    RemovalRun.run(session, petition, Criteria(signature_id=other.signature_id), "spam", expected=1, by=ANNA, now=now)
    assert moderation.shown(session, petition) == []


def test_two_moderators_do_not_undo_each_other(session: Session, petition: Petition, now: datetime) -> None:
    publication = signed(session, petition, now)
    moderation.approve(session, publication, by=ANNA, now=now)
    with pytest.raises(Refused, match="meanwhile"):
        moderation.reject(session, publication, "unsuitable", by=cast.BRAM, now=now)
    assert moderation.approve_all(session, [publication], by=cast.BRAM, now=now) == 0
    with pytest.raises(BadInput):
        moderation.unpublish(session, publication, "no idea", by=ANNA, now=now)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Mooi initiatief, hartelijk dank.", []),
        ("Kijk op koopnu.biz", ["web_address"]),
        ("mail jan@example.org", ["email"]),
        ("mail jan (at) example.org", ["email"]),
        ("bel +31 6 1234 5678", ["phone"]),
        ("Op 12-11-2026 waren we met 56500", []),
        ("wat een klootzakken", ["slur"]),
        ("f u c k", ["slur"]),
        ("h0er", ["slur"]),
        ("fùck", ["slur"]),
        ("ｆｕｃｋ", ["slur"]),
        ("Kutay uit Scunthorpe", []),
        ("DIT MOET NU STOPPEN!", ["capitals"]),
    ],
)
def test_what_a_moderator_should_look_at_twice(text: str, kinds: list[str]) -> None:
    assert [flag.kind for flag in flags_of("Ada", "Amsterdam", text)] == kinds
