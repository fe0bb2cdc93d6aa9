"""Signing from anyone's form: what is answered, and what is never told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from campaigns.petitions.network import NetworkRule
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature, SignaturePerson
from campaigns.petitions.wording import HOUSE_TEXTS, Wording
from campaigns.web.kept import Kept
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from supporters.sealing import keyring
from tests import cast
from tests.campaigns.web.conftest import SITE
from tests.riddles import solve

URL = "/api/petitions/afghanen/signatures"
ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "consent": "1"}
ALL_TABLES = (Signature, SignaturePerson, Consent, OutboxMessage)


def rows(session: Session) -> list[int]:
    """How many of each there are; holds no lock afterwards, for SQLite has one writer."""
    session.rollback()
    found = [session.scalar(select(func.count()).select_from(model)) or 0 for model in ALL_TABLES]
    session.rollback()
    return found


def states(session: Session) -> list[str]:
    session.rollback()
    found = list(session.scalars(select(Signature.state).order_by(Signature.id)))
    session.rollback()
    return found


def test_a_plain_form_on_an_allowed_site_signs(visitor: FlaskClient, stored: Session) -> None:
    page = f"{SITE}/actie"
    answer = visitor.post(URL, data=ADA, headers={"Origin": SITE, "Referer": f"{page}?from=mail"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/petitions/afghanen/thanks?lang=nl")
    assert "Set-Cookie" not in answer.headers
    assert rows(stored) == [1, 1, 1, 1]
    assert stored.scalars(select(Consent.source)).one() == page


def test_it_goes_back_to_the_page_on_the_list_and_to_no_other(visitor: FlaskClient, stored: Session) -> None:
    back = f"{SITE}/dank/petitie"
    assert visitor.post(URL, data={**ADA, "return_to": back}).headers["Location"] == back
    for other in (
        "https://evil.example/dank/",
        f"{SITE}/dank/../weg",
        f"{SITE}.evil.example/dank/x",
        "//evil.example/",
    ):
        answer = visitor.post(URL, json={**ADA, "email": "b@example.org", "return_to": other})
        assert (answer.status_code, answer.json["field"]) == (422, "return_to")
    assert rows(stored) == [1, 1, 1, 1]


def test_the_answer_is_the_same_to_the_byte_for_a_known_address(visitor: FlaskClient) -> None:
    def post(**fields: str) -> tuple[int, bytes, list[tuple[str, str]]]:
        answer = visitor.post(URL, json={**ADA, **fields}, headers={"Origin": SITE})
        return answer.status_code, answer.data, sorted(h for h in answer.headers if h[0] != "Date")

    first = post()
    assert first[0] == 202
    assert json.loads(first[1]) == {"status": "accepted", "next": "check_email"}
    assert first == post() == post(email="ADA@example.org") == post(email="new@example.org")
    assert first == post(email="trap@example.org", website="https://spam.example")


def test_only_an_allowed_site_may_read_the_answer(visitor: FlaskClient, stored: Session) -> None:
    asked = visitor.options(URL, headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, SITE)
    assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]
    stranger = visitor.options(URL, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers
    refused = visitor.post(URL, json=ADA, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert rows(stored) == [0, 0, 0, 0]


def test_a_form_on_a_site_that_is_not_allowed_is_refused_in_the_readers_language(visitor: FlaskClient) -> None:
    headers = {"Origin": "https://evil.example", "Accept": "text/html", "Accept-Language": "nl"}
    answer = visitor.post(URL, data=ADA, headers=headers)
    assert answer.status_code == 403 and "kan niet vanaf https://evil.example worden ondertekend" in answer.text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"consent": ""}, "consent"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "See www.spam.example"}, "first_name"),
        ({"last_name": "=cmd()"}, "last_name"),
        ({"email": "ada@"}, "email"),
        ({"email": ["a", "b"]}, "email"),
        ({"town": "x" * 101}, "town"),
        ({"consent_text_id": 999999}, "consent_text_id"),
        ({"locale": "fr"}, "locale"),
        ({"updates": "maybe"}, "updates"),
        ({"altcha": "bm9uc2Vuc2U="}, "altcha"),
    ],
)
def test_a_mistake_is_named_and_stores_nothing(
    visitor: FlaskClient, stored: Session, fields: dict[str, Any], field: str
) -> None:
    answer = visitor.post(URL, json={**ADA, **fields})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["field"] == field
    assert rows(stored) == [0, 0, 0, 0]


def test_all_mistakes_come_at_once_in_the_readers_language(visitor: FlaskClient) -> None:
    answer = visitor.post(URL, json={"email": "x", "locale": "nl"})
    assert [error["field"] for error in answer.json["errors"]] == ["first_name", "last_name", "email", "consent"]
    assert answer.json["errors"][0]["message"] == "Vul uw voornaam in."
    assert answer.json["errors"][2]["message"] == "“x” is geen e-mailadres; schrijf er een zoals ada@example.org."
    english = visitor.post(URL, json={"email": "x", "locale": "en"})
    assert english.json["errors"][0]["message"] == "Fill in your first name."


def test_a_form_with_a_mistake_comes_back_with_what_was_typed(visitor: FlaskClient, stored: Session) -> None:
    answer = visitor.post(
        URL,
        data={**ADA, "consent": "", "town": "Ütrecht <b>"},
        headers={"Accept": "text/html", "Accept-Language": "nl"},
    )
    page = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert 'value="Ada"' in page
    assert "Ütrecht &lt;b&gt;" in page
    assert "zonder uw toestemming" in page
    assert "<h1>Nog niet verstuurd</h1>" in page
    assert rows(stored) == [0, 0, 0, 0]


def test_a_comment_comes_back_with_a_mistake_and_is_kept_without_one(visitor: FlaskClient, stored: Session) -> None:
    said = "Zij horen erbij.\nEcht <b>waar</b>."
    page = {"Accept": "text/html", "Accept-Language": "nl"}
    answer = visitor.post(URL, data={**ADA, "consent": "", "comment": said}, headers=page)
    assert answer.status_code == 422
    assert ">\nZij horen erbij.\nEcht &lt;b&gt;waar&lt;/b&gt;.</textarea>" in answer.text
    answer = visitor.post(URL, data={**ADA, "comment": "x" * 1001}, headers=page)
    assert answer.status_code == 422
    assert 'href="#petition-comment"' in answer.text and "x" * 1001 in answer.text
    assert 'aria-describedby="petition-comment-hint petition-comment-error"' in answer.text
    assert visitor.post(URL, data={**ADA, "comment": said}, headers=page).status_code == 303
    assert stored.scalars(select(Signature)).one().who(stored).comment == said


def test_the_api_says_in_which_language_to_ask_for_a_comment(
    site: Flask, visitor: FlaskClient, stored: Session
) -> None:
    def asks() -> dict[str, bool]:
        texts = visitor.get("/api/petitions/afghanen").json["texts"]
        return {locale: texts[locale]["asks_comment"] for locale in texts}

    assert asks() == {"nl": True, "en": True}
    petition = Petition.by_slug(stored, "afghanen")
    Wording.change(stored, petition, "nl", HOUSE_TEXTS["nl"], by=cast.ANNA, now=cast.NOW)
    stored.commit()
    site.extensions["campaigns_desk"].views.forget()
    assert asks() == {"nl": False, "en": True}


@pytest.mark.parametrize(
    ("url", "sent", "status"),
    [
        ("/api/petitions/none/signatures", {"json": ADA}, 404),
        (URL, {"data": b"x=" + b"y" * 10_000_000, "content_type": "application/x-www-form-urlencoded"}, 413),
        (URL, {"data": b"{}" + b" " * 70_000, "content_type": "application/json"}, 413),
        (URL, {"data": b"<a/>", "content_type": "application/xml"}, 415),
        (URL, {"data": b"first_name=%ff%fe", "content_type": "application/x-www-form-urlencoded"}, 422),
        (URL, {"data": b'{"first_name": "\xff"}', "content_type": "application/json"}, 422),
        (URL, {"data": b"[" * 60_000, "content_type": "application/json"}, 422),
        (URL, {"data": b"[]", "content_type": "application/json"}, 422),
    ],
)
def test_what_is_no_form_gets_its_answer(
    visitor: FlaskClient, stored: Session, url: str, sent: dict[str, Any], status: int
) -> None:
    answer = visitor.post(url, **sent)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert rows(stored) == [0, 0, 0, 0]


def test_a_closed_petition_is_gone(site: Flask, visitor: FlaskClient, stored: Session) -> None:
    visitor.get("/api/petitions/afghanen/count")  # so that the process keeps it as open
    Petition.by_slug(stored, "afghanen").close(stored, by=cast.ANNA, now=cast.NOW)
    stored.commit()
    answer = visitor.post(URL, json=ADA)
    assert (answer.status_code, answer.json["code"]) == (410, "closed")
    assert rows(stored) == [0, 0, 0, 0]


def test_the_same_key_with_another_form_is_a_mistake(visitor: FlaskClient, stored: Session) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert [visitor.post(URL, json=ADA, headers=headers).status_code for _ in range(2)] == [202, 202]
    assert rows(stored) == [1, 1, 1, 1]
    other = visitor.post(URL, json={**ADA, "email": "b@example.org"}, headers=headers)
    assert (other.status_code, other.json["field"]) == (422, "submission_key")
    assert rows(stored) == [1, 1, 1, 1]


def test_a_proof_of_work_is_good_for_one_form(visitor: FlaskClient, stored: Session) -> None:
    proof = solve(visitor.get("/api/petitions/afghanen/challenge").json)
    first = {**ADA, "altcha": proof}
    assert visitor.post(URL, json=first).status_code == 202
    assert visitor.post(URL, json=first).status_code == 202  # the same form again
    replayed = visitor.post(URL, json={**first, "email": "b@example.org"})
    assert (replayed.status_code, replayed.json["field"]) == (422, "altcha")
    assert rows(stored) == [1, 1, 1, 1]


def test_when_no_connection_is_left_they_are_told_to_send_it_again(
    site: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise NoConnection("no connection in 30 seconds")

    monkeypatch.setattr(site.extensions["campaigns_desk"].limits, "look", busy)
    answer = visitor.post(URL, json=ADA)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert answer.json["detail"] == "Dit kan op dit moment niet worden bewaard. Stuur het over een minuut nog een keer."


def test_when_the_database_is_away_the_pages_say_when_to_come_back(
    site: Flask, visitor: FlaskClient, stored: Session
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("SELECT secret", {}, ConnectionError("gone"))

    with site.app_context():
        engine = site.extensions["sqlalchemy"].engine
    visitor.post(URL, json=ADA)
    signature, ring = stored.scalars(select(Signature)).one(), keyring(stored)
    own = [f"confirm/{signature.token(ring)}", f"unsubscribe/{signature.token(ring, 'unsubscribe')}"]
    stored.rollback()
    site.extensions["campaigns_desk"].views.forget()
    event.listen(engine, "before_cursor_execute", away)
    pages = ["petitions/afghanen", "petitions/afghanen/thanks", *own]
    looked = [visitor.get(f"/{path}?lang=en") for path in pages]
    sent = [visitor.post(f"/{path}?lang=en") for path in own]
    event.remove(engine, "before_cursor_execute", away)
    for answers, words in ((looked, "Load this page again in a minute."), (sent, "Send it again in a minute.")):
        for answer in answers:
            assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (503, "30", "text/html")
            assert words in answer.text and "secret" not in answer.text
    assert [visitor.get(f"/{path}").status_code for path in pages] == [200] * 4


@pytest.mark.usefixtures("one_moment_for_limits")
def test_a_thousand_from_one_network_are_held_and_then_told_to_wait(visitor: FlaskClient, stored: Session) -> None:
    ring = keyring(stored)
    answers = []
    for number in range(320):
        answer = visitor.post(URL, json={**ADA, "email": f"p{number}@example.org"})
        answers.append(answer.status_code)
    assert answers[:300] == [202] * 300
    assert set(answers[301:]) == {429}
    assert int(answer.headers["Retry-After"]) >= 1
    stored.rollback()
    states = dict(stored.execute(select(Signature.state, func.count()).group_by(Signature.state)).all())
    assert states["pending"] == 20
    assert states["quarantined"] == 280
    assert stored.scalar(select(func.count()).select_from(OutboxMessage)) == 20
    keys = set(stored.scalars(select(SignaturePerson.network_key)))
    assert keys == {ring.network_hash("127.0.0.0/24", cast.TODAY)}


def test_a_school_on_the_list_is_not_limited(visitor: FlaskClient, stored: Session) -> None:
    NetworkRule.add(stored, "127.0.0.0/8", "allow", "the school next door", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    for number in range(40):
        visitor.post(URL, json={**ADA, "email": f"p{number}@example.org"})
    stored.rollback()
    assert set(stored.scalars(select(Signature.state))) == {"pending"}


def test_the_link_shows_and_only_the_button_decides(site: Flask, visitor: FlaskClient, stored: Session) -> None:
    visitor.post(URL, json=ADA)
    signature = stored.scalars(select(Signature)).one()
    url = f"/confirm/{signature.token(keyring(stored))}"
    stored.rollback()
    site.extensions["campaigns_desk"].counts = Kept(60, site.extensions["campaigns_desk"]._count)
    visitor.get("/api/petitions/afghanen/count")  # so that the process keeps the count of before
    for _ in range(3):
        page = visitor.get(url)
        assert page.status_code == 200
        assert "Ada Lovelace" in page.get_data(as_text=True)
        assert page.headers["Cache-Control"] == "no-store"
    assert states(stored) == ["pending"]
    for _ in range(2):
        assert visitor.post(url, data={"choice": "confirm"}).status_code == 303
    assert states(stored) == ["confirmed"]
    thanks = visitor.get(url).get_data(as_text=True)
    assert "telt" in thanks and 'data-petition="headline">1<' in thanks


def test_it_was_not_me(visitor: FlaskClient, stored: Session) -> None:
    visitor.post(URL, json=ADA)
    signature = stored.scalars(select(Signature)).one()
    url = f"/confirm/{signature.token(keyring(stored))}"
    stored.rollback()
    visitor.post(url, data={"choice": "not_me"})
    stored.rollback()
    assert stored.scalars(select(Signature.state)).one() == "rejected"
    assert Petition.by_slug(stored, "afghanen").count(stored, now=cast.NOW).signed == 0


@pytest.mark.parametrize("token", ["x", "A" * 40, "..", "%00", "AAAAAAAAAAHOAAAAAAAAAAAAAAAAAAAA"])
def test_a_made_up_link_leads_nowhere(visitor: FlaskClient, token: str) -> None:
    assert visitor.get(f"/confirm/{token}").status_code == 404
    assert visitor.post(f"/confirm/{token}").status_code == 404


def test_one_click_stops_the_mail_and_not_the_signature(visitor: FlaskClient, stored: Session) -> None:
    visitor.post(URL, json={**ADA, "updates": True})
    signature = stored.scalars(select(Signature)).one()
    url, other = (f"/{to}/{signature.token(keyring(stored), 'unsubscribe')}" for to in ("unsubscribe", "confirm"))
    stored.rollback()
    assert visitor.get(url).status_code == 200
    assert rows(stored)[2] == 2  # a yes to sign and a yes to updates
    assert visitor.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    stored.rollback()
    assert stored.scalars(select(Consent.purpose).where(~Consent.granted)).all() == ["updates"]
    assert stored.scalars(select(Signature.state)).one() == "pending"
    stored.rollback()
    assert visitor.get(other).status_code == 404


def test_the_count_is_exact_and_made_for_caches(visitor: FlaskClient) -> None:
    visitor.post(URL, json=ADA)
    answer = visitor.get("/api/petitions/afghanen/count")
    assert {key: answer.json[key] for key in ("signed", "confirmed", "offline", "headline", "goal")} == {
        "signed": 1, "confirmed": 0, "offline": 0, "headline": 0, "goal": 100,
    }  # fmt: skip
    assert "stale-while-revalidate" in answer.headers["Cache-Control"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers


def test_a_petition_shows_itself(visitor: FlaskClient) -> None:
    shown = visitor.get("/api/petitions/afghanen").json
    assert shown["text_html"] == "<p>Wij vragen <strong>bescherming</strong>.</p>\n"
    assert set(shown["texts"]) == {"nl", "en"}
    assert shown["fields"] == ["first_name", "last_name", "email", "town", "postcode"]
    assert shown["challenge_url"].endswith("/api/petitions/afghanen/challenge")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_our_own_pages_work(visitor: FlaskClient, language: str) -> None:
    for path in ("", "/thanks"):
        page = visitor.get(f"/petitions/afghanen{path}?lang={language}")
        assert (page.status_code, f'<html lang="{language}"' in page.get_data(as_text=True)) == (200, True)
        assert "Set-Cookie" not in page.headers
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_draft_is_not_there(visitor: FlaskClient, stored: Session) -> None:
    Petition.draft(stored, "later", "Later", "Text.", "Somebody", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    for path in ("/api/petitions/later", "/api/petitions/later/count", "/petitions/later", "/petitions/none"):
        assert visitor.get(path).status_code == 404


def test_the_api_documents_itself(visitor: FlaskClient) -> None:
    document = visitor.get("/api/openapi.json").json
    assert set(document["paths"]) >= {
        "/api/petitions/{slug}", "/api/petitions/{slug}/count", "/api/petitions/{slug}/signatures",
    }  # fmt: skip
