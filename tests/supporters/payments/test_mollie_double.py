"""The simulated Mollie itself: its pages, the news it posts, what it keeps, and answers in the vendor's forms."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import jsonschema_rs
import pytest
from werkzeug.test import Client

from admin.demo.vendors.mollie import MollieBackstage, State, create_app
from admin.demo.vendors.mollie import post as mollie_post
from supporters.money import Money
from tests.supporters.payments.mollie_contract import ABSENT, SPEC
from tests.supporters.payments.mollie_double import KEY, serving

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ASKED = {
    "amount": {"currency": "EUR", "value": "12.50"}, "description": "Gift <b>& more", "locale": "nl_NL",
    "redirectUrl": "https://charity.example/thanks",
}  # fmt: skip


@pytest.fixture
def state() -> State:
    return State(now=lambda: NOW)


@pytest.fixture
def pages(state: State) -> Client:
    return create_app(state).test_client()


def made(state: State, **more: Any) -> str:
    return str(state.create_payment(ASKED | more, "test")["id"])


def at(its_id: str) -> str:
    return f"/checkout/{its_id.removeprefix('tr_')}"


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("nl_NL", ["Simulatie", "Er gaat geen echt geld om", "Betalen", "de bank is traag", "Geweigerd", "Annuleren"]),
        ("en_GB", ["Simulation", "No real money", "Pay", "the bank is slow", "Refused", "Cancel"]),
    ],
)
def test_the_page_where_a_donor_pays_says_what_it_is(pages: Any, state: State, locale: str, words: list[str]) -> None:
    shown = pages.get(at(made(state, locale=locale)))
    for word in words:
        assert word in shown.text
    assert f'lang="{locale[:2]}"' in shown.text
    assert "Gift &lt;b&gt;&amp; more" in shown.text
    assert "script" not in shown.text
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("act", "status"), [("pay", "paid"), ("slow", "pending"), ("refuse", "failed"), ("cancel", "canceled")]
)
def test_each_button_does_what_it_says_and_goes_back(pages: Any, state: State, act: str, status: str) -> None:
    its_id = made(state)
    back = pages.post(at(its_id), data={"act": act, "method": "paypal"})
    assert (back.status_code, back.location) == (303, ASKED["redirectUrl"])
    payment = state.payment(its_id)
    assert (payment["status"], payment["method"]) == (status, "paypal")
    again = pages.post(at(its_id), data={"act": "pay"})
    assert again.status_code == 303 and state.payment(its_id)["status"] == status, "what has ended stays so"
    assert "al afgehandeld" in pages.get(at(its_id)).text


def test_what_is_no_button_or_no_payment_is_refused(pages: Any, state: State) -> None:
    its_id = made(state)
    assert pages.post(at(its_id), data={"act": "steal"}).status_code == 400
    assert pages.get("/checkout/nobody").status_code == 404
    assert pages.post(f"/payments/{its_id}/steal").status_code == 404
    assert state.payment(its_id)["status"] == "open"


def test_for_nothing_only_methods_that_can_are_offered(pages: Any, state: State) -> None:
    customer = state.create_customer({}, "test")["id"]
    its_id = made(state, customerId=customer, sequenceType="first", amount={"currency": "EUR", "value": "0.00"})
    shown = pages.get(at(its_id)).text
    assert "PayPal" in shown and "iDEAL" not in shown
    assert "toestemming om later af te schrijven" in shown


def test_the_dashboard_does_all_that_a_vendors_does(pages: Any, state: State) -> None:
    assert "There are no payments yet" in pages.get("/").text
    customer = state.create_customer({}, "test")["id"]
    its_id = made(state, customerId=customer, sequenceType="first", method="ideal")

    def act(what: str, **data: str) -> str:
        assert pages.post(f"/payments/{its_id}/{what}", data=data).status_code == 303
        return str(pages.get("/", headers={"Accept-Language": "nl"}).text)

    assert "betaald" in act("arrive")
    assert "Terugbetaling" in act("refund", amount="2,50")
    (refund,) = state.of("refunds", its_id)
    assert refund["amount"] == {"currency": "EUR", "value": "2.50"}
    act("fail_refund", id=refund["id"])
    assert refund["status"] == "failed"
    assert "Terugboeking" in act("charge_back")
    (back,) = state.of("chargebacks", its_id)
    assert "ongedaan gemaakt" in act("reverse", id=back["id"])
    assert "ongeldig" in act("end_mandate")
    later = made(state)
    for what, status in (("fail", "failed"), ("expire", "expired")):
        its_id = made(state)
        act(what)
        assert state.payment(its_id)["status"] == status
    assert f"/checkout/{later[3:]}" in pages.get("/").text


def test_a_refund_that_cannot_be_is_said(pages: Any, state: State) -> None:
    its_id = made(state)
    state.pay(its_id)
    for amount in ("99", "much", ""):
        assert pages.post(f"/payments/{its_id}/refund", data={"amount": amount}).status_code == 422
    assert state.of("refunds", its_id) == []


def test_under_a_prefix_every_link_and_form_stays_under_it(state: State) -> None:
    its_id = made(state, method="ideal")
    state.pay(its_id)
    open_one = made(state)
    client = create_app(state).test_client()
    for path in ("/", at(its_id), at(open_one)):
        shown = client.get(path, base_url="http://demo.example/mollie/").text
        links = [part.split('"')[0] for name in ("href=", "action=") for part in shown.split(f'{name}"')[1:]]
        right = ("/mollie/", "#", "data:", "https://charity.example")
        assert links and all(link.startswith(right) for link in links), links
    answer = client.get(
        f"/v2/payments/{open_one}", base_url="http://demo.example/mollie/", headers={"Authorization": f"Bearer {KEY}"}
    ).get_json()
    assert answer["_links"]["checkout"]["href"] == f"http://demo.example/mollie{at(open_one)}"
    state.public_url = "https://demo.example/pay"
    answer = client.get(f"/v2/payments/{open_one}", headers={"Authorization": f"Bearer {KEY}"}).get_json()
    assert answer["_links"]["checkout"]["href"] == f"https://demo.example/pay{at(open_one)}"


# --- news -------------------------------------------------------------------------------------------------------------


class Inbox:
    """Answers each post with the next of ``answers``, the last for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.got, self.done = list(answers), [], threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.got.append((environ["CONTENT_TYPE"], raw))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        start_response(status, [])
        if status.startswith("200"):
            self.done.set()
        return [b""]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mollie_post, "WAITS", (0.0, 0.01, 0.01))


def test_what_happens_is_posted_until_it_is_taken(pages: Any, state: State) -> None:
    inbox = Inbox("500 No", "503 No", "200 OK")
    with serving(inbox) as address:
        its_id = made(state, webhookUrl=f"{address}/webhook")
        pages.post(at(its_id), data={"act": "pay"})
        assert inbox.done.wait(5)
    assert len(inbox.got) == 3
    for kind, raw in inbox.got:
        assert kind == "application/x-www-form-urlencoded"
        assert parse_qs(raw.decode()) == {"id": [its_id]}
    headers, raw = MollieBackstage(state).news(its_id)
    assert (headers["Content-Type"], raw) == inbox.got[0]


def test_news_that_nobody_takes_is_given_up_and_shown(pages: Any, state: State) -> None:
    inbox = Inbox("500 No")
    with serving(inbox) as address:
        its_id = made(state, webhookUrl=f"{address}/webhook")
        thread = mollie_post.post(state, its_id)
        assert thread is not None
        thread.join(5)
    assert len(inbox.got) == 3
    assert [outcome for _, _, outcome in state.posted] == ["500"] * 3
    assert "500" in pages.get("/").text


def test_without_an_address_nothing_is_posted(state: State) -> None:
    assert mollie_post.post(state, made(state)) is None


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_after_a_restart_it_is_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "mollie.json"
    before = State(file, now=lambda: NOW)
    its_id = made(before)
    before.pay(its_id)
    before.refund(its_id, Money.eur(5))
    after = State(file, now=lambda: NOW)
    assert after.data == before.data
    assert after.payment(its_id)["status"] == "paid"
    assert [each.name for each in file.parent.iterdir()] == ["mollie.json"], "drafts are left behind"


def test_a_key_is_remembered_over_a_restart(tmp_path: Path) -> None:
    ids = set()
    for _ in range(2):
        client = create_app(State(tmp_path / "mollie.json", now=lambda: NOW)).test_client()
        answer = client.post(
            "/v2/payments", json=ASKED, headers={"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k"}
        )
        assert answer.status_code == 201
        ids.add(answer.get_json()["id"])
    assert len(ids) == 1


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    state = State(tmp_path / "mollie.json", now=lambda: NOW)
    with serving(create_app(state)) as address:

        def click(number: int) -> None:
            for step in range(5):
                headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": f"{number % 4}-{step}"}
                try:
                    urlopen(Request(f"{address}/v2/payments", json.dumps(ASKED).encode(), headers), timeout=10).close()
                except OSError as error:
                    assert getattr(error, "code", None) == 409, error

        threads = [threading.Thread(target=click, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(state.data["payments"]) == 20, "each key made one"
    assert State(tmp_path / "mollie.json").data == state.data


# --- the vendor's forms -----------------------------------------------------------------------------------------------


@pytest.fixture
def api(state: State) -> Iterator[Any]:
    client = create_app(state).test_client()

    def ask(method: str, path: str, body: Any = None, key: str = KEY) -> Any:
        return client.open(f"/v2{path}", method=method, json=body, headers={"Authorization": f"Bearer {key}"})

    yield ask


@pytest.mark.parametrize(
    ("wrong", "status", "field"),
    [
        ({"amount": {"currency": "EUR", "value": "12.5"}}, 422, "amount.value"),
        ({"amount": {"currency": "EUR", "value": 12}}, 422, "amount"), ({"amount": None}, 422, "amount"),
        ({"amount": {"currency": "EUR", "value": "0.00"}}, 422, "amount"), ({"description": ""}, 422, "description"),
        ({"redirectUrl": None}, 422, "redirectUrl"), ({"webhookUrl": "ftp://x"}, 422, "webhookUrl"),
        ({"method": "cheque"}, 422, "method"), ({"sequenceType": "weekly"}, 422, "sequenceType"),
        ({"sequenceType": "first"}, 422, "customerId"), ({"sequenceType": "recurring"}, 422, "customerId"),
    ],
)  # fmt: skip
def test_what_mollie_would_not_take_is_refused_in_its_form(
    api: Any, state: State, wrong: Any, status: int, field: str
) -> None:
    said = api("POST", "/payments", ASKED | wrong)
    assert (said.status_code, said.get_json()["status"], said.get_json()["field"]) == (status, status, field)
    assert said.get_json()["detail"] and said.get_json()["title"]
    assert state.data["payments"] == {}


@pytest.mark.parametrize("key", ["", "sk_test_abc", "access_abc", "test_"])
def test_without_a_key_nothing_is_told(api: Any, key: str) -> None:
    assert api("GET", "/payments", key=key).status_code == 401


def test_test_and_live_do_not_see_each_other(api: Any) -> None:
    its_id = api("POST", "/payments", ASKED).get_json()["id"]
    assert api("GET", f"/payments/{its_id}", key="live_abc").status_code == 404
    assert api("GET", "/payments", key="live_abc").get_json()["count"] == 0


def test_what_does_not_exist_is_said_in_mollies_form(api: Any) -> None:
    for path in ("/payments/tr_nobody", "/customers/cst_nobody", "/customers/cst_nobody/mandates/mdt_nobody"):
        said = api("GET", path)
        assert (said.status_code, said.get_json()["status"]) == (404, 404)
    assert api("GET", "/payments?from=tr_nobody").status_code == 400
    assert api("GET", "/payments?limit=251").status_code == 400


@pytest.mark.skipif(not SPEC.exists(), reason=ABSENT)
def test_its_answers_have_the_form_of_the_vendors(api: Any, state: State) -> None:
    """Against the vendor's own schemas, of each kind of thing in each state."""
    customer = api("POST", "/customers", {"name": "Ada", "email": "ada@example.org"}).get_json()
    first = api("POST", "/payments", ASKED | {"customerId": customer["id"], "sequenceType": "first"}).get_json()
    state.pay(first["id"])
    mandate = state.payment(first["id"])["mandateId"]
    recurring = {"customerId": customer["id"], "mandateId": mandate, "sequenceType": "recurring"}
    debit = api("POST", "/payments", ASKED | recurring).get_json()
    state.fail(debit["id"])
    refund = api("POST", f"/payments/{first['id']}/refunds", {"amount": ASKED["amount"], "description": "x"}).get_json()
    state.charge_back(first["id"], Money.eur(1))
    for its_id, name in [
        *((f"/payments/{each['id']}", "payment-response") for each in (first, debit)),
        (f"/customers/{customer['id']}", "customer-response"),
        (f"/customers/{customer['id']}/mandates/{mandate}", "mandate-response"),
    ]:
        _fits(name, api("GET", its_id).get_json())
    _fits("customer-response", customer)
    _fits("payment-response", first)
    _fits("entity-refund-response", refund)
    for each in api("GET", "/chargebacks").get_json()["_embedded"]["chargebacks"]:
        _fits("entity-chargeback", each)
    _fits("error-response", api("GET", "/payments/tr_nobody").get_json())
    for kind in ("payments", "refunds", "chargebacks"):
        _fits("list-links", api("GET", f"/{kind}").get_json()["_links"])


def _fits(name: str, answer: Any) -> None:
    schemas = json.loads(SPEC.read_text())["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": schemas}
    errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(answer)
    assert [f"{name} {error.instance_path}: {error.message}" for error in errors] == []
