"""Gifts and mandates at Stripe's page: what Stripe is asked, and what we read in its answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.money import Money
from supporters.payments.conformance import GatewayConformance
from supporters.payments.conformance import Stage as AnyStage
from supporters.payments.gateway import GatewayAccount, Gone, Misasked, Unavailable
from supporters.payments.online.accounts import Accounts
from supporters.payments.stripe import Stripe
from supporters.payments.stripe.reading import to_minor, to_money
from supporters.settings import BadSetting
from tests.supporters.payments.stripe_stage import ACCOUNT, PAYER, URLS, Stage, staged

IDEAL, CARD, DEBIT = "ideal", "card", "sepa_debit"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


class TestConformance(GatewayConformance):
    many = 120  # a page is 100

    @pytest.fixture
    def stage(self) -> Iterator[AnyStage]:
        with staged(real_time=True) as found:
            yield found.gateway, found.backstage


class TestConformanceOfACardAccountInDollars(GatewayConformance):
    many = 120

    @pytest.fixture
    def stage(self) -> Iterator[AnyStage]:
        with staged(real_time=True, currency="USD", methods=("card",)) as found:
            yield found.gateway, found.backstage


# --- what is asked ----------------------------------------------------------------------------------------------


def test_of_who_gives_once_stripe_hears_nothing(stage: Stage) -> None:
    order = stage.order(payer=PAYER, customer="cus_1234567890")
    stage.gateway.begin(order, URLS)
    (sent,) = stage.posts()
    assert "lovelace" not in sent.form.lower()
    assert "example.org" not in sent.form
    assert not {"customer", "customer_email", "customer_creation"} & sent.params.keys()
    assert sent.params["mode"] == "payment"
    assert sent.params["submit_type"] == "donate"
    assert sent.params["adaptive_pricing"] == {"enabled": "false"}
    assert sent.params["metadata"] == sent.params["payment_intent_data"]["metadata"] == {"payment": order.key}
    assert sent.headers["idempotency-key"] == order.key
    assert "setup_future_usage" not in sent.params["payment_intent_data"]


def test_a_first_payment_makes_a_customer_once_it_is_paid(stage: Stage) -> None:
    begun = stage.begun("first")
    (sent,) = stage.posts()
    assert sent.params["customer_creation"] == "always"
    assert sent.params["customer_email"] == PAYER.email
    assert sent.params["payment_intent_data"]["setup_future_usage"] == "off_session"
    assert not stage.state.all("customer")
    stage.backstage.pay(begun.external_id)
    assert len(stage.state.all("customer")) == 1


def test_who_was_here_before_stays_the_same_customer(stage: Stage) -> None:
    ref = stage.mandate()
    stage.begun("first", customer=ref.customer)
    assert stage.posts()[-1].params["customer"] == ref.customer
    assert not {"customer_email", "customer_creation"} & stage.posts()[-1].params.keys()
    with pytest.raises(Gone):
        stage.begun("first", customer="cus_ThatNobodyHas")


def test_a_setup_asks_for_no_money(stage: Stage) -> None:
    order = stage.order("setup")
    begun = stage.gateway.begin(order, URLS)
    (sent,) = stage.posts()
    assert sent.params["mode"] == "setup"
    assert sent.params["currency"] == "eur"
    assert sent.params["setup_intent_data"]["metadata"] == {"payment": order.key}
    assert not {"line_items", "submit_type", "payment_intent_data"} & sent.params.keys()
    assert begun.money == Money(0)


@pytest.mark.parametrize(("ours", "theirs"), [("nl", "nl"), ("nl_BE", "nl"), ("en-GB", "en-GB"), ("fy", "auto")])
def test_the_page_speaks_the_donors_language_where_stripe_has_it(stage: Stage, ours: str, theirs: str) -> None:
    stage.begun(locale=ours)
    assert stage.posts()[0].params["locale"] == theirs


def test_only_what_the_account_offers_for_the_purpose_is_offered(stage: Stage) -> None:
    stage.begun()
    assert stage.sent[-1].params["allowed_payment_method_types"] == [IDEAL, "bancontact", CARD, "paypal", DEBIT]
    stage.begun("first")
    assert stage.sent[-1].params["allowed_payment_method_types"] == [IDEAL, "bancontact", CARD, DEBIT]
    stage.begun(method=IDEAL)
    assert stage.sent[-1].params["allowed_payment_method_types"] == [IDEAL]
    some = stage.other(methods=(IDEAL, "paypal"))
    assert some.capabilities().once == (IDEAL, "paypal")
    assert some.capabilities().mandates == (IDEAL,)
    assert stage.other(currency="USD").capabilities().mandates == (CARD,)
    asked = len(stage.sent)
    for order in (stage.order(method=CARD), stage.order("first", method="paypal")):
        with pytest.raises(Misasked):
            some.begin(order, URLS)
    with pytest.raises(Misasked):
        stage.begun(method=IDEAL, money=Money(1000, "JPY"))
    assert len(stage.sent) == asked


@pytest.mark.parametrize("money", [Money(0), Money(-500), Money(12_345, "KWD")])
def test_what_stripe_cannot_move_is_refused_before_it_is_asked(stage: Stage, money: Money) -> None:
    with pytest.raises(Misasked):
        stage.begun(money=money)
    assert not stage.sent


@pytest.mark.parametrize(
    ("money", "minor"),
    [
        (Money(1250), 1250), (Money(500, "JPY"), 500), (Money(500, "ISK"), 50_000), (Money(500, "UGX"), 500),
        (Money(5_000, "XOF"), 50), (Money(12_340, "KWD"), 12_340), (Money(1234, "USD"), 1234),
    ],
)  # fmt: skip
def test_an_amount_is_said_in_stripes_units(money: Money, minor: int) -> None:
    assert to_minor(money) == minor
    assert to_money(minor, money.currency.lower()) == money


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "USD", "JPY", "ISK", "CLP", "KWD", "XAF", "OMR"]))
def test_no_amount_changes_on_the_way(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    try:
        minor = to_minor(money)
    except Misasked:
        return
    assert to_money(minor, currency.lower()) == money


def test_what_does_not_begin_at_a_page_is_not_begun(stage: Stage) -> None:
    with pytest.raises(Misasked):
        stage.begun("recurring")
    assert not stage.sent


# --- what became of it ------------------------------------------------------------------------------------------


def test_a_debit_that_the_donor_is_done_with_is_processing(stage: Stage) -> None:
    """complete and unpaid: nobody is to be asked to pay again."""
    begun = stage.begun(method=DEBIT)
    stage.backstage.process(begun.external_id)
    session = stage.thing(begun.external_id)
    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    found = stage.gateway.fetch(begun.external_id)
    assert (found.state, found.checkout_url, found.facts()) == ("processing", None, ())
    assert found.transaction_id == session["payment_intent"]
    stage.backstage.pay(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).state == "paid"


@pytest.mark.parametrize(("kind", "code"), [("soft", "insufficient_funds"), ("hard", "debit_not_authorized")])
def test_a_debit_can_fail_days_later(stage: Stage, kind: Any, code: str) -> None:
    begun = stage.begun(method=DEBIT)
    stage.backstage.process(begun.external_id)
    stage.backstage.fail(begun.external_id, kind)
    found = stage.gateway.fetch(begun.external_id)
    assert found.state == "failed"
    assert found.failure is not None
    assert (found.failure.kind, found.failure.code) == (kind, code)


def test_who_was_refused_at_the_page_can_try_again(stage: Stage) -> None:
    begun = stage.begun(method=CARD)
    stage.backstage.refuse(begun.external_id)
    found = stage.gateway.fetch(begun.external_id)
    assert (found.state, found.failure) == ("open", None)
    assert found.checkout_url
    stage.backstage.pay(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).state == "paid"
    assert stage.backstage.count("payments") == 1


def test_who_goes_back_leaves_it_open_until_it_expires(stage: Stage) -> None:
    begun = stage.begun()
    stage.backstage.give_up(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).state == "open"
    stage.backstage.expire(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).state == "expired"


def test_the_money_decides_whatever_the_page_says(stage: Stage) -> None:
    paid = stage.paid()
    stage.thing(paid.external_id)["payment_status"] = "unpaid"
    assert stage.gateway.fetch(paid.external_id).state == "paid"
    stage.thing(paid.external_id)["status"] = "expired"
    assert stage.gateway.fetch(paid.external_id).state == "paid"


def test_a_payment_says_when_it_came_what_it_cost_and_where_it_is_booked(stage: Stage) -> None:
    paid = stage.paid(method=CARD)
    line = stage.state.all("balance_transaction")[0]
    assert paid.paid_at == stage.now
    assert paid.fee == Money(40)
    assert paid.balance_reference == line["id"]
    assert paid.method == CARD
    line |= {"currency": "usd", "fee": 47}
    assert stage.gateway.fetch(paid.external_id).fee == Money(47, "USD")


def test_a_charge_that_was_just_captured_is_in_no_ledger_yet(stage: Stage) -> None:
    paid = stage.paid(method=CARD)
    charge = stage.state.all("charge")[0]
    charge["balance_transaction"] = None
    found = stage.gateway.fetch(paid.external_id)
    assert (found.fee, found.balance_reference, found.paid_at) == (
        None,
        None,
        datetime.fromtimestamp(charge["created"], UTC),
    )
    assert [fact.kind for fact in found.facts()] == ["received"]


def test_what_came_in_is_said_and_not_what_was_asked(stage: Stage) -> None:
    paid = stage.paid()
    stage.thing(paid.transaction_id)["amount_received"] = 900
    assert stage.gateway.fetch(paid.external_id).money == Money(900)


@pytest.mark.parametrize("method", [IDEAL, CARD, DEBIT])
def test_a_setup_is_never_a_gift(stage: Stage, method: Any) -> None:
    done = stage.paid("setup", method)
    assert (done.state, done.money, done.paid_at, done.facts()) == ("paid", Money(0), None, ())
    assert done.mandate is not None
    assert done.transaction_id is None


def test_a_setup_can_take_the_bank_some_time_and_fail(stage: Stage) -> None:
    begun = stage.begun("setup", DEBIT)
    stage.backstage.process(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).state == "processing"
    stage.backstage.fail(begun.external_id)
    failed = stage.gateway.fetch(begun.external_id)
    assert (failed.state, failed.mandate) == ("failed", None)


@pytest.mark.parametrize("step", ["pay", "process", "fail", "refuse"])
def test_a_checkout_is_the_same_by_both_of_its_names(stage: Stage, step: str) -> None:
    begun = stage.begun("first", DEBIT)
    getattr(stage.backstage, step)(begun.external_id)
    by_session = stage.gateway.fetch(begun.external_id)
    assert by_session.transaction_id is not None
    assert stage.gateway.fetch(by_session.transaction_id) == by_session


def test_what_is_not_ours_has_another_key_or_none(stage: Stage) -> None:
    paid = stage.paid()
    stage.thing(paid.external_id)["metadata"] = {}
    assert stage.gateway.fetch(paid.external_id).key is None
    stage.thing(paid.external_id)["metadata"] = {"payment": "theirs"}
    assert stage.gateway.fetch(paid.external_id).key == "theirs"
    stage.thing(paid.external_id)["livemode"] = True
    assert stage.gateway.fetch(paid.external_id).is_live


def test_an_answer_that_lacks_what_stripe_promises_is_no_answer(stage: Stage) -> None:
    begun = stage.begun()
    stage.thing(begun.external_id)["currency"] = "??"
    with pytest.raises(Unavailable) as caught:
        stage.gateway.fetch(begun.external_id)
    assert not caught.value.outcome_unknown


# --- the account ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "live"),
    [
        ("sk_live_x", False),
        ("sk_test_x", True),
        ("rk_live_x", False),
        ("pk_test_x", False),
        ("test_x", False),
        ("", False),
    ],
)
def test_a_key_of_another_kind_is_refused_and_not_shown(key: str, live: bool) -> None:
    with pytest.raises(Misasked) as caught:
        Stripe(GatewayAccount("stripe", "stripe", key, live))
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(("key", "live"), [("sk_test_x", False), ("rk_test_x", False), ("sk_live_x", True)])
def test_a_secret_or_restricted_key_of_its_kind_is_taken(key: str, live: bool) -> None:
    assert Stripe(GatewayAccount("stripe", "stripe", key, live)).account.is_live is live


def test_the_settings_name_it(stage: Stage) -> None:
    account = {"name": "stripe-nl", "gateway": "stripe", "key": "sk_test_x", "methods": ["ideal", "card"]}
    accounts = Accounts.read([account], now=lambda: stage.now)
    assert isinstance(accounts["stripe-nl"], Stripe)
    assert accounts.methods(lasting=True) == {"ideal": "stripe-nl", "card": "stripe-nl"}
    with pytest.raises(BadSetting):
        Accounts.read([account | {"live": True}], now=lambda: stage.now)


def test_without_its_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(Misasked, match=r"pip install achterban\[stripe\]"):
        Stripe(ACCOUNT)
