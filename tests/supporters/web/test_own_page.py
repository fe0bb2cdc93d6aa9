"""A supporter's own page over HTTP: the link comes by mail, buttons post, and stopping takes no more than starting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from supporters import sealing
from supporters.actor import Actor
from supporters.db import Base
from supporters.extension import Supporters
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.lifecycle.death import Death
from supporters.mail.letter import Letter, render
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.online import jobs, own_page
from supporters.payments.returns import holding
from supporters.people.supporter import Supporter
from supporters.sealing import Keyring
from tests import cast
from tests.cast import ANNA, NOW
from tests.supporters.payments.online.till import Till


@pytest.fixture
def till(fresh_engine: Engine) -> Till:
    sealing.use(fresh_engine, Keyring.generate())
    return Till(fresh_engine)


def engine_of(till: Till) -> Engine:
    assert isinstance(till.bind, Engine)
    return till.bind


@pytest.fixture
def app(till: Till) -> Iterator[Flask]:
    app = Flask("site")
    url = engine_of(till).url.render_as_string(hide_password=False)
    app.config.update(
        TESTING=True, SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url, SUPPORTERS_GATEWAYS=till.cashier.accounts,
        SUPPORTERS_NOW=till.now.isoformat(), SUPPORTERS_PUBLIC_URL="https://charity.example",
    )  # fmt: skip
    db = SQLAlchemy(app)
    Supporters(app, db)
    with app.app_context():
        sealing.use(db.engine, sealing.of(engine_of(till)))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def web(app: Flask) -> FlaskClient:
    return app.test_client()


def path(till: Till, supporter: Supporter | None = None) -> str:
    """Where the link in the mail leads."""
    with till.session() as session:
        who = supporter or session.scalars(select(Supporter).order_by(Supporter.id.desc())).first()
        assert who is not None
        return own_page.link(session, who, settings=till.settings, now=till.now).removeprefix("https://charity.example")


def contents(till: Till) -> dict[str, list[Any]]:
    """Every row there is."""
    with engine_of(till).connect() as connection:
        return {t.name: [tuple(r) for r in connection.execute(t.select())] for t in Base.metadata.sorted_tables}


def commitment(till: Till) -> Commitment:
    return till.commitment()


def test_the_link_comes_by_mail_and_a_stranger_gets_the_same_answer(till: Till, web: FlaskClient) -> None:
    till.given("commitment", "10.00")
    known = web.post("/my", data={"email": "ADA@example.org"})
    stranger = web.post("/my", data={"email": "nobody@example.org"})
    assert (known.status_code, known.data) == (200, stranger.data)
    with till.session() as session:
        (message,) = session.scalars(select(OutboxMessage).where(OutboxMessage.template == "own_page_link"))
        letter = render(session, message, settings=till.settings, now=till.now)
    assert isinstance(letter, Letter)
    found = re.search(r"https://charity\.example(/my/\S+)", letter.text)
    assert found is not None
    page = web.get(found.group(1))
    assert page.status_code == 200
    assert "Beste Ada Lovelace" in page.text
    assert "€\u00a010,00 per maand" in page.text
    assert "Volgende afschrijving op 1 januari 2027" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    web.post("/my", data={"email": "ada@example.org"})
    with till.session() as session:
        assert len(session.scalars(select(OutboxMessage).where(OutboxMessage.template == "own_page_link")).all()) == 1


def test_what_is_no_address_is_said_beside_the_field(web: FlaskClient) -> None:
    answer = web.post("/my", data={"email": "ada"}, headers={"Accept-Language": "en"})
    assert answer.status_code == 422
    assert "is not an e-mail address" in answer.text
    assert 'value="ada"' in answer.text


def test_opening_the_page_decides_nothing(till: Till, web: FlaskClient) -> None:
    till.given("commitment", "10.00")
    number = commitment(till).number
    before = contents(till)
    for address in ("/my", path(till), f"{path(till)}?year=2025", f"{path(till)}/years/2026.pdf"):
        for method in (web.get, web.head):
            assert method(address).status_code == 200
    assert contents(till) == before
    for action in ("stop", "pause", "change", "renew", "resume", "account"):
        assert web.get(f"{path(till)}/{number}/{action}").status_code == 405
    assert commitment(till).ended_on is None


def test_change_pause_go_on_and_stop(till: Till, web: FlaskClient) -> None:
    till.given("commitment", "10.00")
    number = commitment(till).number
    here = path(till)
    changed = web.post(f"{here}/{number}/change", data={"amount": "12,50", "every": "quarter"})
    assert changed.status_code == 303
    assert commitment(till).money == Money.eur("12.50")
    assert web.post(f"{here}/{number}/pause", data={"months": "3"}).status_code == 303
    assert commitment(till).state(date(2027, 2, 28)) == "paused"
    assert "Gepauzeerd tot 1 april 2027" in web.get(here).text
    assert web.post(f"{here}/{number}/resume").status_code == 303
    assert commitment(till).state(date(2027, 2, 28)) == "active"
    stopped = web.post(f"{here}/{number}/stop", data={"reason": "financial"})
    assert stopped.status_code == 303
    assert "gestopt" in web.get(stopped.headers["Location"]).text
    found = commitment(till)
    assert (found.ended_on, found.end_reason, found.ended_by) == (date(2026, 12, 1), "financial", "visitor:S0000001")
    jobs.gateway_mandates(till.work)
    mandate = commitment(till).gateway_mandate
    assert mandate is not None
    assert mandate.revoked_at is not None


@pytest.mark.parametrize(
    ("action", "data", "said"),
    [
        ("change", {"amount": "ten"}, "is geen bedrag"),
        ("change", {"amount": "0"}, "meer dan niets"),
        ("pause", {"months": "100"}, "Kies hoe lang"),
        ("stop", {"reason": "deceased"}, "Kies een van de redenen"),
        ("renew", {"method": "cash"}, "Kies hoe u wilt betalen"),
        ("resume", {}, "niet gepauzeerd"),
        ("account", {"iban": "NL91ABNA0417164300"}, "niet van een bankrekening"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    till: Till, web: FlaskClient, action: str, data: dict[str, str], said: str
) -> None:
    till.given("commitment", "10.00")
    number = commitment(till).number
    answer = web.post(f"{path(till)}/{number}/{action}", data=data)
    assert (answer.status_code, commitment(till).ended_on) == (422, None)
    assert said in answer.text


def test_nobody_reaches_what_is_anothers(till: Till, web: FlaskClient) -> None:
    till.given("commitment", "10.00")
    number = commitment(till).number
    with till.session() as session:
        other = Supporter.welcome(session, "eve@example.org", first_name="Eve", now=NOW)
        session.commit()
        gift = session.scalars(select(Gift)).one().id
        eves = path(till, other)
    assert number not in web.get(eves).text
    assert web.post(f"{eves}/{number}/stop").status_code == 404
    assert web.get(f"{eves}/receipts/{gift}.pdf").status_code == 404
    assert web.get(f"{eves}/years/2026.pdf").status_code == 404
    assert commitment(till).ended_on is None
    token = path(till).removeprefix("/my/")
    assert web.get(f"/my/{token[:20]}{'A' if token[20] != 'A' else 'B'}{token[21:]}").status_code == 404
    assert web.get("/my/" + "x" * 5_000).status_code == 404


def test_an_old_link_asks_for_a_new_one_and_the_dead_have_no_page(till: Till, web: FlaskClient, app: Flask) -> None:
    till.given()
    here = path(till)
    till.now -= timedelta(days=20)
    old = path(till)
    till.now += timedelta(days=20)
    answer = web.get(old)
    assert answer.status_code == 404
    assert "te oud" in answer.text
    assert 'name="email"' in answer.text
    with till.session() as session:
        Death.report(session, session.scalars(select(Supporter)).one(), source="family", by=ANNA, now=NOW)
        session.commit()
    assert web.get(here).status_code == 404
    web.post("/my", data={"email": "ada@example.org"})
    with till.session() as session:
        assert session.scalars(select(OutboxMessage).where(OutboxMessage.template == "own_page_link")).all() == []


def test_what_failed_is_paid_and_a_new_way_to_pay_is_chosen_in_one_go(till: Till, web: FlaskClient, app: Flask) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("hard")
    jobs.charge_due(till.work)
    here = path(till)
    page = web.get(here)
    assert "niet meer geldig" in page.text
    number = commitment(till).number
    form = {"method": "ideal", "pay": "yes", "submission_key": "once"}
    one, two = (web.post(f"{here}/{number}/renew", data=form) for _ in range(2))
    assert one.status_code == 303
    assert one.headers["Location"] == two.headers["Location"]
    (external_id,) = [
        name for name, payment in till.gateway.vendor.payments.items() if payment.snapshot.state == "open"
    ]
    till.vendor.pay(external_id)
    till.news(external_id)
    found = commitment(till)
    assert found.gateway_mandate is not None
    assert (found.gateway_mandate.state, found.instalments[1].status) == ("valid", "paid")
    assert "niet meer geldig" not in web.get(here).text


def test_the_vendor_does_not_answer_and_nothing_is_lost(till: Till, web: FlaskClient) -> None:
    till.given("commitment", "10.00")
    number = commitment(till).number
    till.vendor.trouble("500")
    answer = web.post(f"{path(till)}/{number}/renew", data={"method": "card", "submission_key": "k"})
    assert answer.status_code == 422
    assert "antwoordt niet" in answer.text
    again = web.post(f"{path(till)}/{number}/renew", data={"method": "card", "submission_key": "k"})
    assert again.status_code == 303


def test_an_account_number_changes_and_the_donor_hears_of_it(till: Till, web: FlaskClient) -> None:
    with Session(engine_of(till)) as session:
        cast.creditor(session)
        made = cast.monthly(session)
        session.commit()
        number, supporter_id = made.number, made.supporter_id
        here = path(till, session.get_one(Supporter, supporter_id))
    assert "•••• 4300" in web.get(here).text
    wrong = web.post(f"{here}/{number}/account", data={"iban": "NL00ABNA0417164300"})
    assert wrong.status_code == 422
    assert web.post(f"{here}/{number}/account", data={"iban": cast.SAMS_IBAN}).status_code == 303
    assert "•••• 4567" in web.get(here).text
    with till.session() as session:
        message = session.scalars(select(OutboxMessage).where(OutboxMessage.template == "account_changed")).one()
        letter = render(session, message, settings=till.settings, now=till.now)
        assert isinstance(letter, Letter)
        assert "eindigt op 4567" in letter.text


def test_receipts_are_pdfs_of_what_was_given(till: Till, web: FlaskClient) -> None:
    till.given(amount="25.00")
    with till.session() as session:
        gift = session.scalars(select(Gift)).one()
        gift.reverse(session, Money.eur("5.00"), on=gift.received_on, kind="refund", by=Actor.job("x"), now=NOW)
        session.commit()
        gift_id = gift.id
    for name in (f"receipts/{gift_id}.pdf", "years/2026.pdf"):
        answer = web.get(f"{path(till)}/{name}")
        assert answer.status_code == 200
        assert answer.data.startswith(b"%PDF")
    assert "€\u00a020,00" in web.get(path(till)).text
    assert web.get(f"{path(till)}/years/2020.pdf").status_code == 404


def test_what_waits_for_another_account_goes_on_with_it_and_not_before(till: Till, web: FlaskClient) -> None:
    with Session(engine_of(till)) as session:
        cast.creditor(session)
        made = cast.monthly(session)
        holding.hold(session, [made.id], today=cast.TODAY, reason=holding.NEW_ACCOUNT, by=cast.ANNA, now=cast.NOW)
        session.commit()
        number, supporter_id = made.number, made.supporter_id
        here = path(till, session.get_one(Supporter, supporter_id))
    early = web.post(f"{here}/{number}/resume")
    assert early.status_code == 422 and "Wijzig eerst uw rekeningnummer" in early.text
    assert web.post(f"{here}/{number}/account", data={"iban": cast.SAMS_IBAN}).status_code == 303
    with till.session() as session:
        assert session.get_one(Commitment, int(number[1:])).state(till.now.date()) != "paused"


@pytest.mark.parametrize(("language", "words"), [("nl", "Laad deze pagina over een minuut"), ("en", "Load this page")])
def test_when_the_database_is_away_the_page_says_when_to_come_back(
    app: Flask, till: Till, web: FlaskClient, language: str, words: str
) -> None:
    till.given("commitment", "10.00")
    here, number = path(till), commitment(till).number

    def away(*_: Any) -> None:
        raise OperationalError("SELECT secret", {}, ConnectionError("gone"))

    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    event.listen(engine, "before_cursor_execute", away)
    looked = [web.get(f"{each}?lang={language}") for each in (here, f"{here}/years/2026.pdf")]
    sent = [
        web.post(f"{each}?lang={language}", data={"email": "ada@example.org", "months": "3"})
        for each in ("/my", f"{here}/{number}/pause")
    ]
    event.remove(engine, "before_cursor_execute", away)
    for answer in (*looked, *sent):
        assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (503, "30", "text/html")
        assert "secret" not in answer.text and answer.headers["Cache-Control"] == "no-store"
    assert all(words in answer.text for answer in looked)
    assert all(words not in answer.text for answer in sent)
    assert commitment(till).state(till.now.date()) == "active"
