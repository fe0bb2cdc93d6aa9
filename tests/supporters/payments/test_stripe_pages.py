"""What people see of the double of Stripe: where a donor pays, and the dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from admin.demo.vendors.stripe import StripeState, create_app
from supporters.money import Money
from supporters.payments.stripe import Stripe
from tests.cast import NOW
from tests.supporters.payments.stripe_stage import ACCOUNT, SECRETS, URLS, Stage, serving, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


@pytest.mark.parametrize(
    ("locale", "mark", "button", "amount"),
    [("nl", "Simulatie", "Later betalen", "€\xa010,00"), ("en", "Simulation", "Pay later", "€10.00")],
)
def test_the_page_says_what_it_is_in_the_donors_language(
    stage: Stage, locale: str, mark: str, button: str, amount: str
) -> None:
    begun = stage.begun(locale=locale)
    page = stage.app.test_client().get(begun.checkout_url or "").get_data(as_text=True)
    for text in (f'lang="{locale}"', mark, button, amount, "Gift to Example P1"):
        assert text in page
    assert "<script" not in page


def _press(stage: Stage, url: str | None, then: str, method: str) -> str:
    answer = stage.app.test_client().post(url or "", data={"then": then, "method": method})
    assert answer.status_code == 303
    return answer.location


@pytest.mark.parametrize(
    ("then", "method", "state"),
    [
        ("pay", "ideal", "paid"), ("pay", "card", "paid"), ("pay", "sepa_debit", "processing"),
        ("slow", "ideal", "processing"), ("refused", "sepa_debit", "failed"), ("refused", "ideal", "open"),
        ("cancel", "ideal", "open"),
    ],
)  # fmt: skip
def test_what_is_pressed_at_the_page_happens(stage: Stage, then: str, method: str, state: str) -> None:
    begun = stage.begun()
    where = _press(stage, begun.checkout_url, then, method)
    assert stage.gateway.fetch(begun.external_id).state == state
    if (then, state) == ("refused", "open"):
        assert "alert" in stage.app.test_client().get(where).get_data(as_text=True)
    else:
        assert where == URLS.back


@pytest.mark.parametrize(("then", "state"), [("pay", "paid"), ("slow", "processing")])
def test_a_permission_is_given_at_the_page_too(stage: Stage, then: str, state: str) -> None:
    begun = stage.begun("setup")
    page = stage.app.test_client().get(begun.checkout_url or "").get_data(as_text=True)
    assert "Toestemming geven" in page
    _press(stage, begun.checkout_url, then, "sepa_debit")
    assert stage.gateway.fetch(begun.external_id).state == state


def test_what_is_over_cannot_be_paid_again(stage: Stage) -> None:
    paid = stage.begun()
    _press(stage, paid.checkout_url, "pay", "ideal")
    assert "<form" not in stage.app.test_client().get(paid.checkout_url or "").get_data(as_text=True)
    _press(stage, paid.checkout_url, "pay", "ideal")
    assert len(stage.state.all("charge")) == 1
    client = stage.app.test_client()
    assert client.post(stage.begun().checkout_url or "", data={"then": "pay", "method": "cash"}).status_code == 400
    assert client.get("/checkout/cs_test_nothing").status_code == 404


def _buttons(stage: Stage) -> list[str]:
    page = stage.app.test_client().get("/", headers={"Accept-Language": "en"}).get_data(as_text=True)
    return re.findall(r'action="(/act/[^"]+)"', page)


def _act(stage: Stage, act: str, **data: str) -> None:
    (where,) = [one for one in _buttons(stage) if one.startswith(f"/act/{act}/")]
    assert stage.app.test_client().post(where, data=data).status_code == 303


def test_the_dashboard_does_what_the_vendors_staff_do(stage: Stage) -> None:
    paid = stage.paid("first", "ideal", money=Money(5000))
    _act(stage, "refund", amount="12,50")
    assert [(one.money, one.state) for one in stage.gateway.fetch(paid.external_id).refunds] == [
        (Money(1250), "pending")
    ]
    _act(stage, "finish")
    assert stage.gateway.fetch(paid.external_id).refunds[0].state == "done"
    _act(stage, "bounce")
    assert stage.gateway.fetch(paid.external_id).refunds[0].state == "failed"
    _act(stage, "dispute")
    assert stage.gateway.fetch(paid.external_id).chargebacks[0].reversed_at is None
    _act(stage, "win")
    assert stage.gateway.fetch(paid.external_id).chargebacks[0].reversed_at is not None
    _act(stage, "detach")
    found = stage.gateway.fetch(paid.external_id).mandate
    assert found is not None
    assert found.reason == "detached"


def test_the_dashboard_lets_money_arrive_fail_and_expire(stage: Stage) -> None:
    slow, bad = stage.begun(method="sepa_debit"), stage.begun("setup", "sepa_debit")
    stage.backstage.process(slow.external_id)
    _act(stage, "settle")
    assert stage.gateway.fetch(slow.external_id).state == "paid"
    stage.backstage.process(bad.external_id)
    _act(stage, "fail")
    assert stage.gateway.fetch(bad.external_id).state == "failed"
    gone = stage.begun()
    _act(stage, "expire")
    assert stage.gateway.fetch(gone.external_id).state == "expired"


@pytest.mark.parametrize("amount", ["", "x", "0", "-5", "99999", "1.000", "12,345"])
def test_an_amount_that_cannot_be_refunded_is_said(stage: Stage, amount: str) -> None:
    paid = stage.paid()
    where = next(one for one in _buttons(stage) if one.startswith("/act/refund/"))
    answer = stage.app.test_client().post(where, data={"amount": amount}, follow_redirects=True)
    assert "no amount that can be refunded" in answer.get_data(as_text=True)
    assert stage.gateway.fetch(paid.external_id).refunds == ()


def test_the_dashboard_does_nothing_else(stage: Stage) -> None:
    paid = stage.paid()
    client = stage.app.test_client()
    for path in (f"/act/explode/{paid.transaction_id}", "/act/refund/pi_nothing", f"/act/win/{paid.transaction_id}"):
        assert client.post(path).status_code == 404
    assert client.get(f"/act/refund/{paid.transaction_id}").status_code == 405


def test_it_can_stand_below_a_prefix() -> None:
    state = StripeState(clock=NOW.timestamp, webhook_secret=SECRETS[0])
    home = Flask("home")
    home.wsgi_app = DispatcherMiddleware(home.wsgi_app, {"/vendors/stripe": create_app(state)})  # type: ignore[method-assign]
    with serving(home) as url, staged() as elsewhere:
        gateway = Stripe(
            type(ACCOUNT)("s", "stripe", "sk_test_x", False, base_url=f"{url}/vendors/stripe/"), now=lambda: NOW
        )
        begun = gateway.begin(elsewhere.order(), URLS)
        assert (begun.checkout_url or "").startswith(f"{url}/vendors/stripe/checkout/cs_test_")
        client = home.test_client()
        path = (begun.checkout_url or "").removeprefix(url)
        assert "/vendors/stripe/assets/stripe.css" in client.get(path).get_data(as_text=True)
        assert client.get("/vendors/stripe/assets/stripe.css").status_code == 200
        assert client.post(path, data={"then": "pay", "method": "ideal"}).location == URLS.back
        assert "/vendors/stripe/act/refund/" in client.get("/vendors/stripe/").get_data(as_text=True)
        assert gateway.fetch(begun.external_id).state == "paid"
        many = [gateway.begin(elsewhere.order(), URLS).external_id for _ in range(102)]
        assert set(many) <= set(gateway.changed_since(NOW)), "the second page is somewhere else"
        state.public_url = "https://demo.example/pay/"
        assert (gateway.begin(elsewhere.order(), URLS).checkout_url or "").startswith(
            "https://demo.example/pay/checkout/"
        )
