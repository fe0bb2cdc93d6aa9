"""The mails about a petition: what they say, to whom, and when they no longer make sense."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from campaigns.petitions.update import PetitionUpdate
from supporters.lifecycle.death import Death
from supporters.mail.letter import Letter, preview
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.settings import Settings
from tests import cast
from tests.campaigns.petitions.test_signing import FORM, petition
from tests.supporters.mail.post import Post, everything, free_port, send

TEMPLATES = (
    "petition_confirm", "petition_reminder", "petition_thanks", "petition_known", "petition_update", "petition_story",
)  # fmt: skip


@pytest.fixture
def post() -> Post:
    return Post(free_port())


@pytest.mark.parametrize("locale", ["nl", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_each_mail_can_be_looked_at_before_it_is_sent(session: Session, template: str, locale: str) -> None:
    afghanen = petition(session)
    news = PetitionUpdate.write(session, afghanen, "Overhandigd", "Het **is** zover.", by=cast.ANNA, now=cast.NOW)
    news.send(session, by=cast.ANNA, now=cast.NOW)
    letter = preview(
        session, template, settings=Settings(public_url="https://c.example"), now=cast.NOW, locale=locale,
        petition=afghanen.id, update=news.id,
    )  # fmt: skip
    assert isinstance(letter, Letter)
    assert afghanen.title in letter.subject
    for text in (letter.text, letter.html):
        assert "{{" not in text
        assert ("Beste Ada" if locale == "nl" else "Dear Ada") in text
    is_news = template in ("petition_update", "petition_story")
    assert (letter.unsubscribe_url is not None) is is_news
    assert ("<strong>is</strong>" if is_news else "https://c.example/confirm/") in letter.html


def test_a_name_cannot_change_what_a_mail_is(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        petition(session).sign(session, replace(FORM, first_name="<b>Ada</b>"), now=cast.NOW)
        session.commit()
    with post.open():
        send(fresh_engine, post)
    ((_, _, mail),) = post.arrived
    html = mail.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;Ada" in html.get_content()


def test_the_link_in_the_mail_confirms_and_the_address_is_forgotten(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        petition(session).sign(session, FORM, now=cast.NOW)
        session.commit()
    with post.open():
        assert send(fresh_engine, post).sent == 1
        assert send(fresh_engine, post).sent == 0
    ((_, to, mail),) = post.arrived
    assert to == FORM.email
    text = mail.get_body(("plain",))
    assert text is not None
    (token,) = re.findall(r"/confirm/([\w-]+)", text.get_content())
    with Session(fresh_engine) as session:
        signature = Signature.by_token(session, token)
        assert signature.confirm(session, now=cast.NOW)
        assert session.scalars(select(OutboxMessage.sealed_address)).all() == [None]
    assert FORM.email not in everything(fresh_engine)


def test_a_confirmed_signature_gets_no_second_request(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        outcome = afghanen.sign(session, FORM, now=cast.NOW)
        Signature.get(session, outcome.signature_id or 0).confirm(session, now=cast.NOW)
        session.commit()
    with post.open():
        assert send(fresh_engine, post).dropped == 1
    assert post.arrived == []


def test_an_update_goes_once_to_each_address_that_still_wants_it(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session, per_address=2)
        people = [
            replace(FORM, first_name=name, email=f"{box}@example.org", updates=wants)
            for name, box, wants in (
                ("Ada", "couple", True), ("Bert", "couple", True), ("Cas", "cas", True), ("Dirk", "dirk", False),
                ("Els", "els", True), ("Fien", "fien", True),
            )
        ]  # fmt: skip
        for form in people:
            outcome = afghanen.sign(session, form, now=cast.NOW)
            if form.first_name != "Fien":  # who never pressed the button
                Signature.get(session, outcome.signature_id or 0).confirm(session, now=cast.NOW)
        news = PetitionUpdate.write(session, afghanen, "Nieuws", "Tekst.", by=cast.ANNA, now=cast.NOW)
        assert news.send(session, by=cast.ANNA, now=cast.NOW) == 3
        els = session.scalars(select(Signature).order_by(Signature.id)).all()[4]
        els.stop_mail(session, now=cast.NOW)  # between queueing and sending
        session.commit()
    with post.open():
        send(fresh_engine, post)
    updates = [(to, mail) for _, to, mail in post.arrived if str(mail["Subject"]).startswith("Nieuws")]
    assert sorted(to for to, _ in updates) == ["cas@example.org", "couple@example.org"]
    assert updates[0][1]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (address,) = re.findall(r"<https://voorbeeld.example(/unsubscribe/[\w-]+)>", updates[0][1]["List-Unsubscribe"])
    with Session(fresh_engine) as session:
        assert Signature.by_token(session, address.rpartition("/")[2], "unsubscribe")


def test_nothing_is_written_to_somebody_who_died(fresh_engine: Engine, post: Post) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        for box in ("gone", "shared"):
            outcome = afghanen.sign(session, replace(FORM, email=f"{box}@example.org", updates=True), now=cast.NOW)
            Signature.get(session, outcome.signature_id or 0).confirm(session, now=cast.NOW)
            dead = Supporter.welcome(session, f"{box}@example.org", first_name="Jan", surname="Jansen", now=cast.NOW)
            Death.report(session, dead, source="family", by=cast.ANNA, now=cast.NOW)
        Supporter.welcome(session, "shared@example.org", first_name="An", surname="Jansen", now=cast.NOW)
        PetitionUpdate.write(session, afghanen, "Nieuws", "Tekst.", by=cast.ANNA, now=cast.NOW).send(
            session, by=cast.ANNA, now=cast.NOW
        )
        session.commit()
    with post.open():
        send(fresh_engine, post)
    assert [to for _, to, mail in post.arrived if str(mail["Subject"]).startswith("Nieuws")] == ["shared@example.org"]


def test_who_signs_late_gets_the_story_so_far(fresh_engine: Engine, post: Post) -> None:
    later = cast.NOW + timedelta(days=3)
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        for title in ("Eerst", "Daarna"):
            news = PetitionUpdate.write(session, afghanen, title, "Tekst.", by=cast.ANNA, now=cast.NOW)
            news.send(session, by=cast.ANNA, now=cast.NOW)
        outcome = afghanen.sign(session, replace(FORM, updates=True), now=later)
        Signature.get(session, outcome.signature_id or 0).confirm(session, now=later)
        session.commit()
    with post.open():
        send(fresh_engine, post, now=later)
    ((_, _, mail),) = post.arrived
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().index("Eerst") < text.get_content().index("Daarna")


def test_a_link_for_one_thing_is_no_link_for_another(session: Session) -> None:
    afghanen = petition(session)
    outcome = afghanen.sign(session, FORM, now=cast.NOW)
    signature = Signature.get(session, outcome.signature_id or 0)
    ring = keyring(session)
    assert signature.token(ring) != signature.token(ring, "unsubscribe")
    assert session.scalars(select(Consent.purpose)).all() == ["sign"]
    assert Petition.by_slug(session, "afghanen").id == signature.petition_id
