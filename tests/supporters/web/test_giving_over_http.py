"""Giving from anyone's form: what is begun, what is answered, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gift import Gift
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from supporters.people.consent import Consent, ConsentText
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.web.proof import challenge
from tests import cast
from tests.riddles import solve
from tests.supporters.web.conftest import ADA, HOST, SITE, Counter

GIFTS, COMMITMENTS = "/api/gifts", "/api/commitments"
PAGE = {"Accept": "text/html", "Accept-Language": "nl"}


def test_a_plain_form_on_an_allowed_site_goes_on_to_pay_and_the_gift_is_booked(
    site: Counter, visitor: FlaskClient
) -> None:
    sent = {**ADA, "source_code": "street/utrecht", "placement": "door-1", "edition": "2026", "prefix": "van der"}
    answer = visitor.post(GIFTS, data=sent, headers={"Origin": SITE, "Referer": f"{SITE}/doneer?x=1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"https://memory.invalid/{site.external_id}")
    assert "Set-Cookie" not in answer.headers
    assert site.rows(Gift) == site.rows(Supporter) == 0
    with Session(site.engine) as session:
        checkout = session.scalars(select(Checkout)).one()
        assert (checkout.source_code, checkout.placement, checkout.edition) == ("street/utrecht", "door-1", "2026")
        assert checkout.form_url == f"{SITE}/doneer"
    site.vendor.pay(site.external_id)
    headers, body = site.vendor.news(site.external_id)
    assert visitor.post("/webhooks/memory", data=body, headers=headers).status_code == 200
    assert site.work() == {"done": 1, "ignored": 0, "later": 0}
    assert site.all(Gift.amount) == [2500]
    assert site.all(Supporter.prefix) == ["van der"]


def test_json_is_answered_with_where_to_pay_and_where_to_look(site: Counter, visitor: FlaskClient) -> None:
    answer = visitor.post(GIFTS, json={**ADA, "amount": "12,50"}, headers={"Origin": SITE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (201, SITE)
    assert set(answer.json) == {"token", "checkout_url", "status_url"}
    assert answer.json["status_url"] == f"{HOST}/api/checkouts/{answer.json['token']}"
    assert answer.json["checkout_url"].startswith("https://memory.invalid/")
    state = visitor.get(f"/api/checkouts/{answer.json['token']}").json
    assert (state["state"], state["amount"], state["is_final"]) == ("waiting", "12.50", False)
    assert site.all(Checkout.amount) == [1250]


@pytest.mark.parametrize(
    ("path", "fields", "every"),
    [
        (COMMITMENTS, {}, "month"),
        (COMMITMENTS, {"interval": "quarter"}, "quarter"),
        (GIFTS, {"interval": "year"}, "year"),
        (GIFTS, {"interval": "once"}, None),
        (GIFTS, {}, None),
    ],
)
def test_a_commitment_begins_with_its_first_payment(
    site: Counter, visitor: FlaskClient, path: str, fields: dict[str, str], every: str | None
) -> None:
    token = visitor.post(path, json=ADA | fields).json["token"]
    assert (site.all(Checkout.every), site.all(OnlinePayment.purpose)) == ([every], ["first" if every else "one_off"])
    site.vendor.pay(site.external_id)
    assert visitor.get(f"/api/checkouts/{token}").json["state"] == "paid"
    assert site.rows(Commitment) == (1 if every else 0)
    assert site.all(Gift.amount) == [2500]


def test_the_amount_somebody_writes_goes_before_the_button(site: Counter, visitor: FlaskClient) -> None:
    for amount, own in (("other", "7,50"), ("25.00", "7,50"), ("", "7.5"), ("7,50", "")):
        assert visitor.post(GIFTS, data={**ADA, "amount": amount, "amount_other": own}).status_code == 303
    assert site.all(Checkout.amount) == [750] * 4


def test_covering_the_costs_is_a_choice(site: Counter, visitor: FlaskClient) -> None:
    for fields in (
        {"method": "ideal"},
        {"method": "ideal", "cover_costs": "1"},
        {"method": "paypal", "cover_costs": 1},
    ):
        assert visitor.post(GIFTS, json=ADA | {k: str(v) for k, v in fields.items()}).status_code == 201
    assert site.all(Checkout.amount) == [2500, 2532, 2500]
    assert site.all(Checkout.covered_costs) == [0, 32, 0]


def test_a_yes_to_the_newsletter_keeps_the_words_that_stood_there(site: Counter, visitor: FlaskClient) -> None:
    assert visitor.get("/api/giving?locale=en").json["newsletter"]["id"] is None
    visitor.post(GIFTS, json={**ADA, "locale": "en", "newsletter": True}, headers={"Origin": SITE})
    shown = visitor.get("/api/giving?locale=en").json["newsletter"]
    assert shown["id"] == site.all(ConsentText.id)[0]
    visitor.post(GIFTS, json={**ADA, "locale": "en", "newsletter": True, "consent_text_id": shown["id"], "amount": "9"})
    site.vendor.pay(site.external_id)
    headers, body = site.vendor.news(site.external_id)
    visitor.post("/webhooks/memory", data=body, headers=headers)
    site.work()
    with Session(site.engine) as session:
        consent = session.scalars(select(Consent)).one()
        text = session.get(ConsentText, consent.text_id)
        assert (consent.purpose, consent.granted) == ("newsletter", True)
        assert text is not None
        assert text.wording == shown["text"]
    assert "confirm" not in shown["text"]


# -- what is wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": "1.000"}, "amount"),
        ({"amount": "0,99"}, "amount"),
        ({"amount": "-25"}, "amount"),
        ({"amount": 25.0}, "amount"),
        ({"amount": ["25"]}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "10000,01"}, "amount"),
        ({"amount_other": "x"}, "amount_other"),
        ({"amount": "other"}, "amount_other"),
        ({"interval": "day"}, "interval"),
        ({"interval": "two_months"}, "interval"),
        ({"method": "cash"}, "method"),
        ({"cover_costs": "1"}, "method"),
        ({"cover_costs": "maybe"}, "cover_costs"),
        ({"fund": "nothing"}, "fund"),
        ({"fund": "closed"}, "fund"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "See www.spam.example"}, "first_name"),
        ({"surname": "=cmd()"}, "surname"),
        ({"surname": "x" * 101}, "surname"),
        ({"prefix": "x" * 41}, "prefix"),
        ({"email": "ada@"}, "email"),
        ({"newsletter": "perhaps"}, "newsletter"),
        ({"consent_text_id": 999_999}, "consent_text_id"),
        ({"locale": "fr"}, "locale"),
        ({"source_code": "<x>"}, "source_code"),
        ({"placement": "a b"}, "placement"),
        ({"return_to": "https://evil.example/"}, "return_to"),
        ({"return_to": f"{SITE}.evil.example/dank/x"}, "return_to"),
        ({"return_to": "https://[x"}, "return_to"),
    ],
)
def test_a_mistake_is_named_and_begins_nothing(
    site: Counter, visitor: FlaskClient, fields: dict[str, Any], field: str
) -> None:
    with Session(site.engine) as session:
        Fund.open(session, "closed", "Closed").closed_on = cast.TODAY
        session.commit()
    answer = visitor.post(GIFTS, json=ADA | fields)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["field"] == field
    assert site.rows(Checkout) == site.vendor.count("payments") == 0


def test_a_commitment_is_not_for_once(visitor: FlaskClient) -> None:
    answer = visitor.post(COMMITMENTS, json={**ADA, "interval": "once"})
    assert (answer.status_code, answer.json["field"]) == (422, "interval")


def test_all_mistakes_come_at_once_in_the_readers_language(visitor: FlaskClient) -> None:
    wrong = {"amount": "99999", "email": "x", "method": "cash"}
    dutch = visitor.post(GIFTS, json={**wrong, "locale": "nl"}).json["errors"]
    assert [each["field"] for each in dutch] == ["amount", "method", "first_name", "surname", "email"]
    assert "€ 10.000" in dutch[0]["message"]
    assert "Bel of schrijf" in dutch[0]["message"]
    english = visitor.post(GIFTS, json={**wrong, "locale": "en"}).json["errors"]
    assert "€10,000" in english[0]["message"]
    assert english[3]["message"] == "Fill in your surname."
    named = visitor.post(GIFTS, json={**wrong, "last_name": ""}).json["errors"]
    assert named[3]["field"] == "last_name"


def test_a_form_with_a_mistake_comes_back_with_what_was_typed(site: Counter, visitor: FlaskClient) -> None:
    sent = {**ADA, "amount": "other", "amount_other": "lots", "surname": "Ütrecht <b>", "source_code": "flyer",
            "submission_key": "k-1", "interval": "month"}  # fmt: skip
    answer = visitor.post(GIFTS, data=sent, headers=PAGE)
    page = answer.text
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    for kept in ('value="lots"', "Ütrecht &lt;b&gt;", 'name="source_code" value="flyer"', 'value="k-1"'):
        assert kept in page
    assert re.search(r'value="month" checked', page)
    assert 'aria-describedby="donate-amount-error"' in page
    assert "is geen bedrag" in page
    assert site.rows(Checkout) == 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"x=" + b"y" * 10_000_000, "content_type": "application/x-www-form-urlencoded"}, 413),
        ({"data": b"{}" + b" " * 70_000, "content_type": "application/json"}, 413),
        ({"data": b"<a/>", "content_type": "application/xml"}, 415),
        ({"data": b"first_name=%ff%fe", "content_type": "application/x-www-form-urlencoded"}, 422),
        ({"data": b'{"first_name": "\xff"}', "content_type": "application/json"}, 422),
        ({"data": b"[" * 60_000, "content_type": "application/json"}, 422),
        ({"data": b'{"amount": "\\ud800"}', "content_type": "application/json"}, 422),
        ({"data": b"[]", "content_type": "application/json"}, 422),
    ],
)
@pytest.mark.parametrize("path", [GIFTS, COMMITMENTS])
def test_what_is_no_form_gets_its_answer(
    site: Counter, visitor: FlaskClient, path: str, sent: dict[str, Any], status: int
) -> None:
    answer = visitor.post(path, **sent)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert site.rows(Checkout) == 0


def test_only_an_allowed_site_may_send_and_read(site: Counter, visitor: FlaskClient) -> None:
    for path in (GIFTS, COMMITMENTS):
        asked = visitor.options(path, headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
        assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, SITE)
        assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in asked.headers
        for evil in ("https://evil.example", f"{SITE}.evil.example", SITE.replace("https", "http"), f"{SITE}:444"):
            assert "Access-Control-Allow-Origin" not in visitor.options(path, headers={"Origin": evil}).headers
            refused = visitor.post(path, json=ADA, headers={"Origin": evil})
            assert (refused.status_code, refused.json["code"]) == (403, "wrong_origin")
            assert "Access-Control-Allow-Origin" not in refused.headers
    assert site.rows(Checkout) == 0
    wrong = visitor.post(GIFTS, json={}, headers={"Origin": SITE})
    assert (wrong.status_code, wrong.headers["Access-Control-Allow-Origin"]) == (422, SITE)
    assert visitor.post(GIFTS, json=ADA, headers={"Origin": HOST}).status_code == 201


# -- robots and repetition --------------------------------------------------------------------------------------


def test_a_robot_is_told_nothing_and_nothing_begins(site: Counter, visitor: FlaskClient) -> None:
    trap = {**ADA, "website": "https://spam.example"}
    answer = visitor.post(GIFTS, json=trap)
    assert (answer.status_code, set(answer.json)) == (201, {"token", "checkout_url", "status_url"})
    assert visitor.post(GIFTS, data=trap).status_code == 303
    assert site.rows(Checkout) == site.rows(OnlinePayment) == site.vendor.count("payments") == 0


def test_the_same_form_twice_gives_the_same_redirect(site: Counter, visitor: FlaskClient) -> None:
    form = {**ADA, "submission_key": "form-1"}
    first, second = (visitor.post(GIFTS, data=form).headers["Location"] for _ in range(2))
    assert first == second
    by_header = [visitor.post(GIFTS, json=ADA, headers={"Idempotency-Key": "p-1"}).json for _ in range(2)]
    assert by_header[0] == by_header[1]
    assert site.vendor.count("payments") == site.rows(Checkout) == 2
    changed = visitor.post(GIFTS, data={**form, "amount": "50"}).headers["Location"]
    assert changed != first
    assert site.all(Checkout.amount) == [2500, 2500, 5000]


def test_the_same_form_once_more_when_it_was_paid_leads_to_the_thanks(site: Counter, visitor: FlaskClient) -> None:
    form = {**ADA, "submission_key": "form-1"}
    token = visitor.post(GIFTS, json=form).json["token"]
    site.vendor.pay(site.external_id)
    assert visitor.get(f"/api/checkouts/{token}").json["state"] == "paid"
    again = visitor.post(GIFTS, json=form)
    assert (again.status_code, again.json["checkout_url"]) == (201, f"{HOST}/give/{token}")
    assert visitor.post(GIFTS, data=form).headers["Location"] == f"{HOST}/give/{token}"
    assert site.vendor.count("payments") == 1
    assert site.all(Gift.amount) == [2500]


@pytest.mark.usefixtures("one_moment_for_limits")
def test_a_network_that_tries_many_cards_has_to_wait(site: Counter, visitor: FlaskClient) -> None:
    assert visitor.post(GIFTS, json={}).status_code == 422  # a mistake is not counted
    answers = [visitor.post(GIFTS, json={**ADA, "amount": str(n + 1)}) for n in range(22)]
    assert [a.status_code for a in answers[:20]] == [201] * 20
    assert {a.status_code for a in answers[20:]} == {429}
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert answers[-1].json["code"] == "flood"
    assert site.rows(Checkout) == 20
    page = visitor.post(GIFTS, data=ADA, headers=PAGE)
    assert (page.status_code, page.mimetype) == (429, "text/html")
    assert int(page.headers["Retry-After"]) >= 1
    elsewhere = visitor.post(GIFTS, json=ADA, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 201


@pytest.mark.usefixtures("one_moment_for_limits")
def test_a_proof_of_work_makes_room_for_more_and_serves_once(site: Counter, visitor: FlaskClient) -> None:
    offer = visitor.get("/api/giving").json
    assert offer["challenge_url"] == f"{HOST}/api/giving/challenge"
    riddle = visitor.get("/api/giving/challenge")
    assert (riddle.headers["Cache-Control"], riddle.headers["Access-Control-Allow-Origin"]) == ("no-store", "*")
    proof = solve(riddle.json)
    for n in range(20):
        assert visitor.post(GIFTS, json={**ADA, "amount": str(n + 1)}).status_code == 201
    assert visitor.post(GIFTS, json=ADA).status_code == 429
    assert visitor.post(GIFTS, json={**ADA, "altcha": proof}).status_code == 201
    assert visitor.post(GIFTS, json={**ADA, "altcha": proof, "amount": "21"}).status_code == 429
    another = solve(visitor.get("/api/giving/challenge").json)
    assert visitor.post(GIFTS, json={**ADA, "altcha": another, "amount": "22"}).status_code == 201


def test_a_proof_of_work_that_is_wrong_or_another_forms_is_refused(site: Counter, visitor: FlaskClient) -> None:
    with Session(site.engine) as session:
        petitions = solve(challenge(keyring(session), "petition-giving", 100))
    for wrong in ("bm9uc2Vuc2U=", "{}", petitions):
        answer = visitor.post(GIFTS, json={**ADA, "altcha": wrong})
        assert (answer.status_code, answer.json["field"]) == (422, "altcha")
    assert site.rows(Checkout) == 0


# -- what can be given ------------------------------------------------------------------------------------------


def test_what_can_be_given_is_said_and_may_be_kept(site: Counter, visitor: FlaskClient) -> None:
    with Session(site.engine) as session:
        Fund.open(session, "water", "Water", is_restricted=True)
        Fund.open(session, "closed", "Closed").closed_on = cast.TODAY
        session.commit()
    answer = visitor.get("/api/giving?locale=nl")
    offer = answer.json
    assert (offer["amounts"], offer["smallest"], offer["largest"]) == (["10.00", "25.00", "50.00"], "1.00", "10000.00")
    assert offer["intervals"] == ["once", "month", "quarter", "year"]
    assert [each["method"] for each in offer["methods"]["once"]] == [
        "ideal",
        "bancontact",
        "card",
        "paypal",
        "sepa_debit",
    ]
    assert offer["costs"] == {"ideal": "0.32", "card": "0.50"}
    assert offer["funds"] == [{"code": "general", "name": "General"}, {"code": "water", "name": "Water"}]
    assert "Afmelden" in offer["newsletter"]["text"]
    assert "max-age=60" in answer.headers["Cache-Control"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert site.rows(ConsentText) == 0  # looking writes nothing


def test_the_api_documents_itself(visitor: FlaskClient) -> None:
    paths = visitor.get("/api/openapi.json").json["paths"]
    assert set(paths) >= {"/api/giving", "/api/gifts", "/api/commitments", "/api/checkouts/{token}"}
    assert "/webhooks/{account}" not in paths
