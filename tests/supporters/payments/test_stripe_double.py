"""The double of Stripe is as strict as Stripe, and looks like it: else green tests would mean nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe as sdk
from flask import Flask

from admin.demo.vendors.stripe import StripeBackstage, StripeState, create_app
from supporters.payments.gateway import Misasked
from supporters.payments.stripe import Stripe
from supporters.payments.stripe import asking as stripe_asking
from tests.cast import NOW
from tests.supporters.payments.stripe_contract import VERSION, object_faults, request_faults
from tests.supporters.payments.stripe_stage import ACCOUNT, URLS, Stage, serving, staged

HEADERS = {"stripe-version": VERSION, "idempotency-key": "a-key"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


@pytest.fixture
def vendor(stage: Stage) -> Any:
    """Stripe's own library, as a tutorial would use it."""
    return sdk.StripeClient("sk_test_x", base_addresses={"api": stage.url}, max_network_retries=0).v1


# --- the contract -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "form", "fault"),
    [
        ("checkout/sessions", "mode=payment&payment_method_types[0]=card", "payment_method_types: there is no such"),
        ("checkout/sessions", "mode=gift", "mode: 'gift' is none of"),
        ("checkout/sessions", "ui_mode=hosted", "ui_mode: 'hosted' is none of"),
        ("checkout/sessions", "allowed_payment_method_types[0]=ideaal", "allowed_payment_method_types[0]: 'ideaal'"),
        ("checkout/sessions", "line_items[0][price_data][unit_amount]=10.50", "[unit_amount]: '10.50' is no int"),
        ("checkout/sessions", "line_items[0][price_data][unit_amount]=5", "[price_data]: currency is missing"),
        ("checkout/sessions", "adaptive_pricing[enabled]=no", "adaptive_pricing[enabled]: 'no' is no bool"),
        ("checkout/sessions", "metadata[a][b]=c", "metadata: {'a': {'b': 'c'}} does not name texts"),
        ("checkout/sessions", "line_items=7", "line_items: '7' is no list"),
        ("payment_intents", "currency=eur", "amount is missing"),
        ("payment_intents", "amount=1&currency=eur&payment_method_types[0]=card", "payment_method_types: there is no"),
        ("refunds", "amount=1&reason=because", "reason: 'because' is none of"),
        ("subscriptions", "", "nothing is said about this request"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_caught(path: str, form: str, fault: str) -> None:
    faults = request_faults("POST", f"/v1/{path}", form, HEADERS)
    assert any(fault in one for one in faults), faults


def test_a_request_says_its_version_and_its_key_and_nothing_of_the_machine() -> None:
    good = "amount=1&currency=eur"
    assert request_faults("POST", "/v1/payment_intents", good, HEADERS) == []
    for headers in (
        HEADERS | {"stripe-version": "2024-04-10"},
        {"stripe-version": VERSION},
        HEADERS | {"x-stripe-client-telemetry": "{}"},
    ):
        assert len(request_faults("POST", "/v1/payment_intents", good, headers)) == 1


def test_what_our_code_would_ask_wrongly_fails_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check on every request that a test makes, at work."""
    right = stripe_asking.checkout

    def wrongly(*given: Any) -> Any:
        params = right(*given)
        return params | {"payment_method_types": params.pop("allowed_payment_method_types")}

    monkeypatch.setattr(stripe_asking, "checkout", wrongly)
    caught = pytest.raises(AssertionError, match="payment_method_types: there is no such parameter")
    refused = pytest.raises(Misasked, match="payment_method_types_no_longer_supported")
    with caught, staged() as stage, refused:
        stage.gateway.begin(stage.order(), URLS)


def test_an_object_that_stripe_does_not_send_is_caught(stage: Stage) -> None:
    stage.paid("first", "ideal")
    for thing in stage.state.things.values():
        assert object_faults(thing) == []
    (charge,) = stage.state.all("charge")
    assert object_faults(charge | {"invoice": None}) == ["charge.invoice: Stripe sends no such thing"]
    assert object_faults({k: v for k, v in charge.items() if k != "paid"}) == ["charge: paid is missing"]
    assert object_faults(charge | {"amount": "1000"}) == ["charge.amount: '1000' is no int"]
    assert object_faults(charge | {"status": "done"}) == ["charge.status: 'done' is none of its words"]


# --- what it refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"payment_intent_data": {"receipt": "x"}}, "parameter_unknown", "payment_intent_data[receipt]"),
        ({"mode": "subscription"}, None, "mode"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"success_url": ""}, "parameter_invalid_empty", "success_url"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"customer": "cus_NoSuchCustomer"}, "resource_missing", "customer"),
        ({"expand": ["payment_intent.latest_charge.balance_transaction.source.x"]}, None, "expand"),
        ({"expand": ["nothing"]}, None, "expand"),
        ({"line_items": [{"price_data": {"currency": "eur", "unit_amount": 49}}]}, "amount_too_small", None),
    ],
)
def test_what_stripe_refuses_is_refused(stage: Stage, vendor: Any, params: Any, code: Any, param: Any) -> None:
    good = {"mode": "payment", "success_url": "https://a.example/", "ui_mode": "hosted_page",
            "line_items": [{"price_data": {"currency": "eur", "unit_amount": 1000}}]}  # fmt: skip
    with pytest.raises(sdk.InvalidRequestError) as caught:
        vendor.checkout.sessions.create(good | params)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert vendor.checkout.sessions.create(good).status == "open"


def test_a_charge_that_could_send_the_donor_away_needs_an_address(stage: Stage, vendor: Any) -> None:
    ref = stage.mandate()
    params = {"amount": 1000, "currency": "eur", "customer": ref.customer, "payment_method": ref.mandate,
              "confirm": True, "off_session": True}  # fmt: skip
    with pytest.raises(sdk.InvalidRequestError, match="return_url"):
        vendor.payment_intents.create(params)
    never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    assert vendor.payment_intents.create(params | never).status == "succeeded"


def test_a_key_is_remembered_for_a_day_and_for_one_thing(stage: Stage, vendor: Any) -> None:
    first = vendor.customers.create({"email": "a@example.org"}, {"idempotency_key": "k"})
    again = vendor.customers.create({"email": "a@example.org"}, {"idempotency_key": "k"})
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(sdk.IdempotencyError):
        vendor.customers.create({"email": "b@example.org"}, {"idempotency_key": "k"})
    stage.now += timedelta(hours=25)
    assert vendor.customers.create({"email": "b@example.org"}, {"idempotency_key": "k"}).id != first.id


def test_a_request_that_was_refused_leaves_its_key_free(stage: Stage, vendor: Any) -> None:
    with pytest.raises(sdk.InvalidRequestError):
        vendor.customers.create({"colour": "red"}, {"idempotency_key": "k"})
    assert vendor.customers.create({"email": "a@example.org"}, {"idempotency_key": "k"}).id


def test_a_list_goes_by_pages_both_ways(stage: Stage, vendor: Any) -> None:
    made = [stage.begun().external_id for _ in range(7)][::-1]
    page = vendor.checkout.sessions.list({"limit": 3})
    assert ([one.id for one in page.data], page.has_more) == (made[:3], True)
    assert [one.id for one in page.auto_paging_iter()] == made
    back = vendor.checkout.sessions.list({"limit": 3, "ending_before": made[5]})
    assert ([one.id for one in back.data], back.has_more) == (made[2:5], True)
    for params in ({"limit": 0}, {"limit": 101}, {"starting_after": "cs_test_nothing"}):
        with pytest.raises(sdk.InvalidRequestError):
            vendor.checkout.sessions.list(params)


@pytest.mark.parametrize(
    ("key", "error"), [("sk_live_x", sdk.AuthenticationError), ("rk_test_restricted", sdk.PermissionError)]
)
def test_whose_key_it_is_matters(stage: Stage, key: str, error: type[Exception]) -> None:
    client = sdk.StripeClient(key, base_addresses={"api": stage.url}, max_network_retries=0).v1
    with pytest.raises(error):
        client.events.list()


def test_what_it_does_not_know_it_does_not_answer(stage: Stage, vendor: Any) -> None:
    for ask in (
        lambda: vendor.subscriptions.list(),
        lambda: vendor.payment_intents.search({"query": "x"}),
        lambda: vendor.customers.delete("cus_1"),
        lambda: vendor.events.retrieve("evt_1"),
    ):
        with pytest.raises(sdk.InvalidRequestError):
            ask()


def test_it_keeps_what_it_knows_between_two_starts(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "stripe.json"
    state = StripeState(path, clock=NOW.timestamp)
    with serving(create_app(state)) as url:
        gateway = Stripe(type(ACCOUNT)("s", "stripe", "sk_test_x", False, base_url=url), now=lambda: NOW)
        with staged() as elsewhere:
            order = elsewhere.order("first", "ideal")
        begun = gateway.begin(order, URLS)
    later = StripeState(path, clock=NOW.timestamp)
    with serving(create_app(later)) as url:
        gateway = Stripe(type(ACCOUNT)("s", "stripe", "sk_test_x", False, base_url=url), now=lambda: NOW)
        assert gateway.begin(order, URLS).external_id == begun.external_id
        StripeBackstage(later).pay(begun.external_id)
        assert gateway.fetch(begun.external_id).mandate is not None
    assert [one.name for one in path.parent.iterdir()] == ["stripe.json"]


def test_it_forgets_what_stripe_forgets(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin.demo.vendors.stripe.state.EVENTS_KEPT", 5)
    for _ in range(3):
        stage.paid()
        stage.now += timedelta(days=2)
    kept = [one["type"] for one in stage.state.all("event")]
    assert (len(kept), kept[0]) == (5, "checkout.session.completed")
    assert len(stage.state.replies) == 1


def test_many_at_once_lose_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.state._path = tmp_path / "stripe.json"
    threads = [threading.Thread(target=stage.paid) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.backstage.count("payments") == 8
    assert len(StripeState(tmp_path / "stripe.json").all("charge")) == 8


# --- its post ---------------------------------------------------------------------------------------------------


def test_its_news_is_posted_signed_and_again_where_nobody_took_it(stage: Stage) -> None:
    site, got = Flask("site"), []

    @site.post("/webhooks/stripe")
    def take() -> tuple[str, int]:
        from flask import request

        got.append((dict(request.headers), request.get_data()))
        return "", 500 if len(got) == 1 else 204

    with serving(site) as url:
        stage.state.webhook_url = f"{url}/webhooks/stripe"
        begun = stage.begun()
        stage.backstage.pay(begun.external_id)
        stage.state.post.wait()
    nudges = [stage.gateway.notifications(headers, raw, stage.now) for headers, raw in got]
    kinds = [one.kind for found in nudges for one in found]
    assert kinds[0] == kinds[1] == "payment_intent.created", "what nobody took did not come again"
    assert kinds[2:] == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
    assert {one.key for found in nudges for one in found} == {begun.key}
