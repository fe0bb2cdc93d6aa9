"""Mollie's gateway against the simulated Mollie, over real HTTP."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from supporters.errors import BadInput
from supporters.money import Money
from supporters.payments.gateway import (
    Conflict,
    Declined,
    GatewayAccount,
    Gone,
    MandateRef,
    Misasked,
    Order,
    Payer,
    RateLimited,
    RefundOrder,
    Snapshot,
    Unauthorised,
    Unavailable,
    Urls,
)
from supporters.payments.mollie import Mollie, answers, asking
from supporters.payments.mollie.session import PAGE
from tests.supporters.payments.mollie_contract import ABSENT, SPEC, violations
from tests.supporters.payments.mollie_double import KEY, Stage, gateway, staged

URLS = Urls("https://charity.example/thanks", "https://charity.example/webhooks/mollie")
ADA = Payer("Ada Lovelace", "ada@example.org")
TEN = Money.eur("10.00")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def order(stage: Stage, key: str = "key-1", purpose: Any = "one_off", money: Money = TEN, **more: Any) -> Order:
    return Order(key, purpose, money, "Gift to Example", made_at=stage.clock(), **more)


def begun(stage: Stage, **more: Any) -> Snapshot:
    return stage.gateway.begin(order(stage, **more), URLS)


def paid(stage: Stage, **more: Any) -> Snapshot:
    external_id = begun(stage, **more).external_id
    stage.backstage.pay(external_id)
    return stage.gateway.fetch(external_id)


def mandate(stage: Stage, method: Any = "ideal", key: str = "first-1") -> MandateRef:
    made = paid(stage, key=key, purpose="first", method=method, payer=ADA).mandate
    assert made is not None and made.state == "valid"
    return made.ref


def charge(stage: Stage, ref: MandateRef, key: str = "charge-1") -> Snapshot:
    return stage.gateway.charge(order(stage, key, "recurring"), ref)


def sent(stage: Stage, at: int = -1) -> dict[str, Any]:
    """The body of the last POST, or of an earlier one."""
    found: dict[str, Any] = json.loads([each for each in stage.asked if each.method == "POST"][at].body)
    return found


# --- beginning --------------------------------------------------------------------------------------------------------


def test_a_gift_is_asked_for_with_our_key_and_nothing_of_the_donor(stage: Stage) -> None:
    snapshot = begun(stage, method="ideal", payer=ADA)
    assert snapshot.state == "open"
    assert snapshot.checkout_url == f"{stage.address}/checkout/{snapshot.external_id[3:]}"
    assert sent(stage) == {
        "amount": {"currency": "EUR", "value": "10.00"}, "description": "Gift to Example", "method": "ideal",
        "redirectUrl": URLS.back, "webhookUrl": URLS.notify, "sequenceType": "oneoff", "locale": "nl_NL",
        "metadata": {"payment": "key-1"},
    }  # fmt: skip
    assert stage.asked[-1].headers["idempotency-key"] == "key-1"
    assert ADA.email.encode() not in b"".join(each.body for each in stage.asked)


def test_every_change_has_a_key_of_ours(stage: Stage) -> None:
    ref = mandate(stage)
    charge(stage, ref)
    stage.gateway.cancel(begun(stage, key="key-2").external_id)
    stage.gateway.refund(
        RefundOrder("refund-1", Money.eur(1), "Back", stage.clock()), paid(stage, key="k3").external_id
    )
    stage.gateway.revoke(ref)
    keys = [each.headers.get("idempotency-key") for each in stage.asked if each.method == "POST"]
    assert keys == ["first-1-customer", "first-1", "charge-1", "key-2", "k3", "refund-1"]


def test_no_request_names_this_machine(stage: Stage) -> None:
    begun(stage)
    assert stage.asked[0].headers["x-mollie-client-info"] == "achterban"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("nl", "nl_NL"), ("en", "en_GB"), ("nl_BE", "nl_BE"), ("fr-BE", "fr_BE"), ("sv", "sv_SE"), ("de_XX", "de_DE")],
)
def test_the_page_speaks_the_donors_language(ours: str, theirs: str) -> None:
    assert asking.locale(ours) == theirs


def test_a_language_mollie_does_not_speak_is_left_to_the_browser(stage: Stage) -> None:
    begun(stage, locale="fy")
    assert "locale" not in sent(stage)


def test_a_long_description_is_cut_where_mollie_cuts_it(stage: Stage) -> None:
    stage.gateway.begin(replace(order(stage), description="x" * 300), URLS)
    assert sent(stage)["description"] == "x" * 255


@pytest.mark.parametrize(
    ("money", "value"),
    [(Money(1), "0.01"), (Money(123456), "1234.56"), (Money(1230, "JPY"), "1230"), (Money(1230, "KWD"), "1.230")],
)
def test_money_is_an_exact_string(stage: Stage, money: Money, value: str) -> None:
    assert begun(stage, money=money).money == money
    assert sent(stage)["amount"] == {"currency": money.currency, "value": value}


def test_an_accounts_methods_are_all_that_is_offered(stage: Stage) -> None:
    few = stage.another(methods=("sepa_debit", "card", "ideal"))
    assert few.capabilities().once == few.capabilities().mandates == ("ideal", "card")
    few.begin(order(stage), URLS)
    assert sent(stage)["method"] == ["ideal", "creditcard"]
    with pytest.raises(Misasked, match="paypal"):
        few.begin(order(stage, "key-2", method="paypal"), URLS)
    assert stage.gateway.capabilities().once == ("ideal", "bancontact", "card", "paypal")


@pytest.mark.parametrize("payer", [ADA, None])
def test_a_first_payment_makes_the_customer_it_needs(stage: Stage, payer: Payer | None) -> None:
    begun(stage, purpose="first", payer=payer)
    assert sent(stage, 0) == ({"name": ADA.name, "email": ADA.email} if payer else {})
    assert re.fullmatch(r"cst_\w+", sent(stage)["customerId"])
    assert sent(stage)["sequenceType"] == "first"


def test_a_known_customer_is_not_made_again(stage: Stage) -> None:
    ref = mandate(stage)
    begun(stage, key="key-2", purpose="first", customer=ref.customer, payer=ADA)
    assert sent(stage)["customerId"] == ref.customer
    assert len(stage.state.data["customers"]) == 1


def test_a_customer_that_mollie_forgot_is_gone(stage: Stage) -> None:
    with pytest.raises(Gone):
        begun(stage, purpose="first", customer="cst_neverMade1")


@pytest.mark.parametrize("trouble", ["drop", "500_done"])
def test_a_first_payment_that_is_tried_again_makes_one_customer(stage: Stage, trouble: Any) -> None:
    stage.backstage.trouble(trouble)
    with pytest.raises(Unavailable):
        begun(stage, purpose="first")
    begun(stage, purpose="first")
    assert len(stage.state.data["customers"]) == stage.backstage.count("payments") == 1


@pytest.mark.parametrize(
    ("method", "asked", "moved"),
    [("ideal", 0, 1), ("bancontact", 0, 1), ("card", 0, 0), ("paypal", 0, 0), (None, 0, 1), ("card", 1, 1)],
)
def test_a_setup_moves_as_little_as_the_method_can(stage: Stage, method: Any, asked: int, moved: int) -> None:
    made = paid(stage, purpose="setup", money=Money(asked), method=method)
    assert (made.money, made.state) == (Money(moved), "paid")
    assert made.mandate is not None and made.mandate.state == "valid"


def test_a_setup_is_no_gift(stage: Stage) -> None:
    with pytest.raises(Misasked, match=r"EUR 10\.00"):
        begun(stage, purpose="setup")
    assert stage.asked == []


def test_what_recurs_needs_no_page_and_what_needs_a_page_does_not_recur(stage: Stage) -> None:
    with pytest.raises(Misasked):
        begun(stage, purpose="recurring")
    with pytest.raises(Misasked):
        stage.gateway.charge(order(stage, purpose="first"), MandateRef("cst_abcd1234", "mdt_abcd1234"))
    assert stage.asked == []


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("open", "open"), ("pending", "processing"), ("authorized", "processing"), ("paid", "paid"),
        ("failed", "failed"), ("canceled", "cancelled"), ("expired", "expired"),
    ],
)  # fmt: skip
def test_each_state_of_mollie_is_one_of_ours(stage: Stage, theirs: str, ours: str) -> None:
    external_id = begun(stage).external_id
    stage.state.payment(external_id).update(status=theirs, paidAt="2026-11-30T12:00:00+00:00")
    found = stage.gateway.fetch(external_id)
    assert found.state == ours
    assert (found.checkout_url is not None) == (ours == "open")
    assert (found.paid_at is not None) == (found.facts() != ()) == (ours == "paid")


def test_a_state_we_do_not_know_is_not_guessed(stage: Stage) -> None:
    external_id = begun(stage).external_id
    stage.state.payment(external_id)["status"] = "tomorrow"
    with pytest.raises(Unavailable, match="nobody can read"):
        stage.gateway.fetch(external_id)


def test_what_was_wholly_refunded_or_charged_back_is_paid_and_says_so(stage: Stage) -> None:
    """The SDK's is_paid() and the dates of a payment say the same before and after."""
    refunded, taken = paid(stage), paid(stage, key="key-2")
    stage.backstage.refund(refunded.external_id, TEN)
    stage.backstage.charge_back(taken.external_id, TEN)
    assert [fact.kind for fact in stage.gateway.fetch(refunded.external_id).facts()] == ["received", "refunded"]
    assert [fact.kind for fact in stage.gateway.fetch(taken.external_id).facts()] == ["received", "charged_back"]


def test_a_payment_of_somebody_elses_has_another_key_or_none(stage: Stage) -> None:
    for metadata, key in [(None, None), ("order 5", None), ({"payment": 5}, None), ([], None), ({"payment": "x"}, "x")]:
        external_id = begun(stage, key=f"key-{metadata}").external_id
        stage.state.payment(external_id)["metadata"] = metadata
        assert stage.gateway.fetch(external_id).key == key


def test_a_fee_is_known_only_where_mollie_names_it(stage: Stage) -> None:
    external_id = paid(stage, method="paypal").external_id
    assert stage.gateway.fetch(external_id).fee is None
    stage.state.payment(external_id)["details"]["paypalFee"] = {"currency": "EUR", "value": "0.69"}
    stage.state.settle(external_id, "stl_BkEjN2eBb")
    found = stage.gateway.fetch(external_id)
    assert (found.fee, found.balance_reference, found.method) == (Money(69), "stl_BkEjN2eBb", "paypal")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *[(code, "soft") for code in ("AM04", "MS03", "insufficient_funds", "card_declined", "unknown_reason", "XX99")],
        *[(code, "hard") for code in ("AC01", "AC04", "AC06", "AG01", "MD01", "MD07", "MS02", "MD06")],
        *[(code, "hard") for code in ("invalid_card_number", "card_expired", "possible_fraud", "inactive_card")],
        *[(code, "donor") for code in ("authentication_failed", "authentication_required", "authentication_abandoned")],
    ],
)
def test_why_it_failed_says_what_to_do(code: str, kind: str) -> None:
    assert answers.failure_kind(code) == kind


def test_every_reason_that_mollie_describes_for_a_card_is_of_some_kind() -> None:
    if not SPEC.exists():
        pytest.skip(ABSENT)
    schemas = json.loads(SPEC.read_text())["components"]["schemas"]
    reasons = [one for one in schemas["payment-details-failure-reason-response"]["enum"] if one]
    soft = {"card_declined", "insufficient_funds", "refused_by_issuer", "unknown_reason"}
    assert {one for one in reasons if answers.failure_kind(one) == "soft"} == soft
    assert set(asking.LOCALES) == {one for one in schemas["locale"]["enum"] if one}
    assert set(answers.STATES) == set(schemas["payment-status"]["enum"])


# --- charging ---------------------------------------------------------------------------------------------------------


def test_a_mandate_is_always_named(stage: Stage) -> None:
    """Without, Mollie charges the customer's newest, here the card."""
    ref = mandate(stage)
    second = paid(stage, key="first-2", purpose="first", method="card", customer=ref.customer).mandate
    assert second is not None and second.ref.customer == ref.customer
    charged = charge(stage, ref)
    assert charged.method == "sepa_debit"
    assert sent(stage) == {
        "amount": {"currency": "EUR", "value": "10.00"}, "description": "Gift to Example", "customerId": ref.customer,
        "mandateId": ref.mandate, "sequenceType": "recurring", "metadata": {"payment": "charge-1"},
    }  # fmt: skip


def test_a_charge_tells_where_its_news_goes(stage: Stage) -> None:
    ref = mandate(stage)
    account = stage.gateway.account
    Mollie(replace(account, notify_url=URLS.notify), now=stage.clock).charge(order(stage, "charge-1", "recurring"), ref)
    assert sent(stage)["webhookUrl"] == URLS.notify


def test_a_debit_arrives_later_and_a_card_at_once(stage: Stage) -> None:
    debit, card = charge(stage, mandate(stage)), charge(stage, mandate(stage, "card", "first-2"), "charge-2")
    assert (debit.state, card.state) == ("processing", "paid")
    assert [fact.kind for fact in card.facts()] == ["received"]
    stage.backstage.pay(debit.external_id)
    assert stage.gateway.fetch(debit.external_id).state == "paid"


@pytest.mark.parametrize("kind", ["soft", "hard", "donor"])
def test_a_declined_charge_is_a_payment_that_failed(stage: Stage, kind: Any) -> None:
    ref = mandate(stage, "card" if kind == "donor" else "ideal")
    stage.backstage.decline_next_charge(kind)
    failed = charge(stage, ref)
    assert failed.state == "failed" and failed.failure is not None
    assert failed.failure.kind == kind
    code = {"soft": "AM04", "hard": "AC04", "donor": "authentication_failed"}[kind]
    assert failed.failure.code == code
    assert stage.gateway.fetch(failed.external_id).failure == failed.failure


@pytest.mark.parametrize("end", ["bank", "us"])
def test_a_mandate_that_ended_is_declined_and_no_other_is_charged(stage: Stage, end: str) -> None:
    ref = mandate(stage)
    paid(stage, key="first-2", purpose="first", method="card", customer=ref.customer)
    if end == "bank":
        stage.backstage.end_mandate(ref)
    else:
        assert stage.gateway.revoke(ref).state == "invalid"
    before = stage.backstage.count("payments")
    with pytest.raises(Declined) as caught:
        charge(stage, ref)
    assert caught.value.failure.kind == "hard"
    assert stage.backstage.count("payments") == before


# --- mandates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "kind", "label"),
    [
        ("ideal", "directdebit", "NL•• •••• 0000"), ("bancontact", "directdebit", "NL•• •••• 0000"),
        ("card", "card", "Visa •••• 4242 (12/28)"), ("paypal", "paypal", "PayPal"),
    ],
)  # fmt: skip
def test_a_mandate_shows_no_more_than_four_digits(stage: Stage, method: Any, kind: str, label: str) -> None:
    found = stage.gateway.mandate(mandate(stage, method))
    assert (found.method, found.label, found.state) == (kind, label, "valid")
    assert bool(found.reference) == (kind == "directdebit")
    assert "Donateur" not in repr(found) and "@" not in repr(found)


def test_odd_details_of_a_mandate_do_not_hide_it(stage: Stage) -> None:
    ref = mandate(stage, "card")
    for details in ({}, {"cardNumber": None}, {"cardNumber": "42", "cardExpiryDate": "soon"}, None):
        stage.state.data["mandates"][ref.mandate]["details"] = details
        assert stage.gateway.mandate(ref).state == "valid"


def test_a_first_payment_that_was_cancelled_leaves_no_mandate(stage: Stage) -> None:
    """At Mollie it stays pending for ever, and would look as if the bank were slow."""
    external_id = begun(stage, purpose="first", method="ideal").external_id
    stage.backstage.give_up(external_id)
    assert [each["status"] for each in stage.state.data["mandates"].values()] == ["pending"]
    assert stage.gateway.fetch(external_id).mandate is None


def test_a_first_payment_under_way_has_a_mandate_that_is_pending(stage: Stage) -> None:
    external_id = begun(stage, purpose="first", method="ideal").external_id
    assert stage.gateway.fetch(external_id).mandate is None
    stage.backstage.process(external_id)
    found = stage.gateway.fetch(external_id).mandate
    assert found is not None and found.state == "pending"


def test_a_payment_whose_mandate_is_gone_can_be_booked_all_the_same(stage: Stage) -> None:
    first = paid(stage, purpose="first", method="card")
    assert first.mandate is not None
    stage.gateway.revoke(first.mandate.ref)
    after = stage.gateway.fetch(first.external_id)
    assert after.facts() == first.facts()
    assert after.mandate is not None
    assert (after.mandate.state, after.mandate.method, after.mandate.reason) == ("invalid", "card", "gone")


def test_revoking_is_confirmed_by_asking_and_may_be_repeated(stage: Stage) -> None:
    ref = mandate(stage, "card")
    ended = stage.gateway.revoke(ref)
    assert (ended.state, ended.method, ended.reason) == ("invalid", "card", "revoked")
    assert [each.method for each in stage.asked[-3:]] == ["GET", "DELETE", "GET"]
    assert stage.gateway.revoke(ref).state == "invalid"
    with pytest.raises(Gone):
        stage.gateway.mandate(ref)


def test_a_mandate_the_bank_ended_is_seen(stage: Stage) -> None:
    ref = mandate(stage)
    stage.backstage.end_mandate(ref)
    assert stage.gateway.mandate(ref).state == "invalid"
    assert stage.gateway.revoke(ref).state == "invalid"
    assert stage.asked[-1].method == "GET", "there was nothing left to revoke"


# --- going back -------------------------------------------------------------------------------------------------------


def test_a_refund_is_pending_then_done_or_failed(stage: Stage) -> None:
    external_id = paid(stage).external_id
    answer = stage.gateway.refund(RefundOrder("refund-1", Money.eur(4), "Back", stage.clock()), external_id)
    (refund,) = answer.refunds
    assert (refund.key, refund.money, refund.state) == ("refund-1", Money.eur(4), "pending")
    assert [fact.kind for fact in answer.facts()] == ["received"]
    kept = stage.state.data["refunds"][refund.external_id]
    for theirs, ours in [
        ("queued", "pending"), ("processing", "pending"), ("refunded", "done"), ("failed", "failed"),
        ("canceled", "failed"),
    ]:  # fmt: skip
        kept["status"] = theirs
        after = stage.gateway.fetch(external_id)
        (found,) = after.refunds
        assert found.state == ours
        assert found.at == datetime.fromisoformat(kept["createdAt"])
        facts = [fact.kind for fact in after.facts()[1:]]
        assert facts == {"refunded": ["refunded"], "failed": ["refunded", "refund_returned"]}.get(theirs, [])


def test_a_refunds_key_is_found_though_its_metadata_comes_back_as_text(stage: Stage) -> None:
    """As in an example of the vendor's."""
    external_id = paid(stage).external_id
    stage.gateway.refund(RefundOrder("refund-1", Money.eur(4), "Back", stage.clock()), external_id)
    for refund in stage.state.data["refunds"].values():
        refund["metadata"] = '{"refund":"refund-1"}'
    assert stage.gateway.fetch(external_id).refunds[0].key == "refund-1"


def test_what_cannot_go_back_is_declined(stage: Stage) -> None:
    gone = RefundOrder("refund-1", Money.eur("10.01"), "Back", stage.clock())
    with pytest.raises(Declined) as caught:
        stage.gateway.refund(gone, paid(stage).external_id)
    assert (caught.value.failure.kind, caught.value.failure.code) == ("hard", "refund_refused")
    with pytest.raises(Declined):
        stage.gateway.refund(replace(gone, key="refund-2"), begun(stage, key="key-2").external_id)
    with pytest.raises(Gone):
        stage.gateway.refund(replace(gone, key="refund-3"), "tr_nobodyHasIt")
    assert stage.backstage.count("refunds") == 0


def test_a_chargeback_has_its_reason_and_can_be_reversed(stage: Stage) -> None:
    external_id = charge(stage, mandate(stage)).external_id
    stage.backstage.pay(external_id)
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    its_id = stage.backstage.charge_back(external_id, TEN, at=at)
    (back,) = stage.gateway.fetch(external_id).chargebacks
    assert (back.external_id, back.money, back.at, back.reason, back.reversed_at) == (its_id, TEN, at, "MD06", None)
    stage.backstage.reverse_chargeback(external_id, its_id, at=at + timedelta(days=3))
    after = stage.gateway.fetch(external_id)
    assert {fact.kind for fact in after.facts()} == {"received", "charged_back", "chargeback_reversed"}
    assert after.chargebacks[0].reversed_at == at + timedelta(days=3)


def test_many_refunds_are_read_page_by_page(stage: Stage) -> None:
    external_id = paid(stage, money=Money.eur(1000)).external_id
    made = {stage.backstage.refund(external_id, Money(1)) for _ in range(PAGE + 1)}
    assert {one.external_id for one in stage.gateway.fetch(external_id).refunds} == made
    listed = [each for each in stage.asked if each.path.endswith("/refunds")]
    assert len(listed) == 2
    assert "from=re_" in listed[1].query and f"limit={PAGE}" in listed[1].query


def test_a_payment_without_refunds_is_one_request(stage: Stage) -> None:
    external_id = paid(stage).external_id
    assert [each.path for each in stage.asked[1:]] == [f"/v2/payments/{external_id}"]


# --- the same key -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["drop", "500", "500_done", "html", "429"])
@pytest.mark.parametrize("move", ["begin", "charge", "refund"])
def test_the_same_key_moves_money_once_whatever_happens(stage: Stage, move: str, trouble: Any) -> None:
    ref = mandate(stage) if move == "charge" else None
    target = paid(stage, key="other").external_id if move == "refund" else ""

    def ask() -> Snapshot:
        if move == "begin":
            return begun(stage)
        if ref is not None:
            return charge(stage, ref)
        return stage.gateway.refund(RefundOrder("refund-1", Money.eur(4), "Back", stage.clock()), target)

    what: Any = "refunds" if move == "refund" else "payments"
    before = stage.backstage.count(what)
    stage.backstage.trouble(trouble)
    with pytest.raises(RateLimited if trouble == "429" else Unavailable) as caught:
        ask()
    assert getattr(caught.value, "outcome_unknown", False) == (trouble != "429")
    assert len({ask().external_id for _ in range(3)}) == 1
    assert stage.backstage.count(what) == before + 1


def test_a_replayed_answer_is_looked_up_because_it_is_old(stage: Stage) -> None:
    first = begun(stage)
    stage.backstage.pay(first.external_id)
    again = begun(stage)
    assert (again.external_id, again.state) == (first.external_id, "paid")


@pytest.mark.parametrize("move", ["begin", "charge", "refund"])
def test_a_key_that_mollie_forgot_moves_nothing_again(stage: Stage, move: str) -> None:
    """It remembers keys for an hour; a job may come back to one a day later."""
    ref = mandate(stage)
    target = paid(stage, key="other").external_id
    gift, debit = order(stage), order(stage, "charge-1", "recurring")
    back = RefundOrder("refund-1", Money.eur(4), "Back", stage.clock())
    do = {
        "begin": lambda: stage.gateway.begin(gift, URLS), "charge": lambda: stage.gateway.charge(debit, ref),
        "refund": lambda: stage.gateway.refund(back, target),
    }[move]  # fmt: skip
    first = do()
    before = stage.backstage.count("payments"), stage.backstage.count("refunds")
    stage.clock.ahead = timedelta(days=1)
    again = do()
    assert again.external_id == first.external_id
    assert (stage.backstage.count("payments"), stage.backstage.count("refunds")) == before


@pytest.mark.parametrize("move", ["begin", "charge", "refund"])
def test_while_nobody_can_look_an_old_key_may_have_moved_money(stage: Stage, move: str) -> None:
    ref = mandate(stage)
    gift, debit = order(stage), order(stage, "charge-1", "recurring")
    back = RefundOrder("refund-1", Money.eur(4), "Back", stage.clock())
    stage.clock.ahead = timedelta(hours=1)
    deaf = stage.another(base_url="http://127.0.0.1:1")
    do = {
        "begin": lambda: deaf.begin(gift, URLS), "charge": lambda: deaf.charge(debit, ref),
        "refund": lambda: deaf.refund(back, "tr_abcd1234"),
    }[move]  # fmt: skip
    with pytest.raises(Unavailable) as caught:
        do()
    assert caught.value.outcome_unknown


def test_an_old_order_that_was_never_sent_is_sent_once(stage: Stage) -> None:
    late = order(stage)
    stage.clock.ahead = timedelta(days=1)
    assert stage.gateway.begin(late, URLS).external_id == stage.gateway.begin(late, URLS).external_id


def test_a_key_for_something_else_is_a_conflict(stage: Stage) -> None:
    begun(stage)
    with pytest.raises(Conflict):
        begun(stage, money=Money.eur(20))
    assert stage.backstage.count("payments") == 1


def test_a_key_that_is_being_worked_on_is_a_conflict(stage: Stage) -> None:
    stage.state.busy.add("test:key-1")
    with pytest.raises(Conflict):
        begun(stage)


# --- looking ----------------------------------------------------------------------------------------------------------


def test_find_goes_through_the_pages_and_follows_no_link_elsewhere(stage: Stage) -> None:
    """The links to next pages name the vendor's own host, as the vendor's do; no test reaches that."""
    mine = order(stage)
    assert stage.gateway.find(mine) is None
    first = stage.gateway.begin(mine, URLS)
    for number in range(PAGE):
        stage.state.create_payment(
            {"amount": {"currency": "EUR", "value": "1.00"}, "description": str(number), "redirectUrl": URLS.back},
            "test",
        )
    found = stage.gateway.find(mine)
    assert found is not None and found.external_id == first.external_id
    assert [each.query for each in stage.asked if each.path == "/v2/payments" and each.method == "GET"][-2:] == [
        f"limit={PAGE}", f"limit={PAGE}&from={first.external_id}",
    ]  # fmt: skip


def test_find_of_a_known_customer_reads_their_payments_only(stage: Stage) -> None:
    ref = mandate(stage)
    charged = charge(stage, ref)
    found = stage.gateway.find(order(stage, "charge-1", "recurring", customer=ref.customer))
    assert found is not None and found.external_id == charged.external_id
    assert any(each.path == f"/v2/customers/{ref.customer}/payments" for each in stage.asked)
    del stage.state.data["customers"][ref.customer]
    found = stage.gateway.find(order(stage, "charge-1", "recurring", customer=ref.customer))
    assert found is not None and found.external_id == charged.external_id


def test_find_stops_at_what_is_older_than_the_key(stage: Stage) -> None:
    begun(stage)
    stage.clock.ahead = timedelta(hours=1)
    assert stage.gateway.find(order(stage)) is None


def test_what_changed_since_is_what_was_made_refunded_or_charged_back(stage: Stage) -> None:
    old, refunded, taken = (paid(stage, key=key).external_id for key in ("old", "refunded", "taken"))
    stage.clock.ahead = timedelta(hours=2)
    since = stage.clock()
    stage.backstage.refund(refunded, Money(100))
    stage.backstage.charge_back(taken, TEN)
    new = begun(stage, key="new").external_id
    found = list(stage.gateway.changed_since(since))
    assert sorted(found) == sorted([refunded, taken, new])
    assert old not in found


@pytest.mark.parametrize("page", ["more", "loop", "nowhere"])
def test_a_link_to_no_next_page_is_an_error_and_no_endless_list(
    stage: Stage, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from admin.demo.vendors.mollie import api as mollie_api

    begun(stage)
    href = {"more": "https://api.mollie.com/v2/payments?from=../../x", "nowhere": "https://api.mollie.com/v2/payments"}
    loop = "https://api.mollie.com/v2/payments?from=" + next(iter(stage.state.data["payments"]))
    monkeypatch.setattr(mollie_api, "_next", lambda begin, limit: {"href": href.get(page, loop)})
    with pytest.raises(Unavailable, match="nobody can read"):
        stage.gateway.find(order(stage, "another"))


HOSTILE = (
    "tr_1/../../v2/customers", "tr_", "tr_abc", "", "re_abcd1234", "tr_abcd1234\n", " tr_abcd1234", "tr_abcd1234?x=1",
    "tr_abcd1234#", "tr_abcd%31234", "tr_ábcd1234", "tr_" + "x" * 100, "TR_abcd1234",
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_id_that_is_none_is_refused_before_anything_is_asked(stage: Stage, hostile: str) -> None:
    refund = RefundOrder("refund-1", TEN, "Back", stage.clock())
    for ask in (stage.gateway.fetch, stage.gateway.cancel, lambda its_id: stage.gateway.refund(refund, its_id)):
        with pytest.raises(Misasked):
            ask(hostile)
    swapped = hostile.replace("tr_", "cst_"), hostile.replace("tr_", "mdt_")
    for ref in (MandateRef(swapped[0], "mdt_abcd1234"), MandateRef("cst_abcd1234", swapped[1])):
        for act in (stage.gateway.mandate, stage.gateway.revoke, lambda ref: charge(stage, ref)):
            with pytest.raises(Misasked):
                act(ref)
    assert stage.asked == []


def test_cancelling_is_what_can_still_be_done(stage: Stage) -> None:
    undecided = begun(stage)
    assert stage.gateway.cancel(undecided.external_id).state == "cancelled"
    chosen = begun(stage, key="key-2", method="ideal")
    assert stage.gateway.cancel(chosen.external_id).state == "open", "its bank may be busy with it"
    done = paid(stage, key="key-3")
    assert stage.gateway.cancel(done.external_id).facts() == done.facts()
    debit = charge(stage, mandate(stage))
    assert stage.gateway.cancel(debit.external_id).state == "cancelled"


# --- the account ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "is_live", "base_url"),
    [
        ("test_abc", True, ""), ("live_abc", False, ""), ("access_abc", True, ""), ("", False, ""),
        ("test_abc def", False, ""), ("live_abc", True, "http://127.0.0.1:1"),
    ],
)  # fmt: skip
def test_a_key_that_does_not_fit_the_account_is_refused_by_the_settings_name(
    key: str, is_live: bool, base_url: str
) -> None:
    with pytest.raises(BadInput, match="SUPPORTERS_GATEWAYS") as caught:
        Mollie(GatewayAccount("mollie", "mollie", key, is_live, base_url=base_url))
    assert not key or key not in f"{caught.value!r} {caught.value.params}"


def test_a_key_mollie_does_not_take_is_said_and_not_shown(stage: Stage) -> None:
    stage.state.keys = ("test_another",)
    with pytest.raises(Unauthorised) as caught:
        begun(stage)
    assert KEY not in repr(caught.value)
    assert KEY not in repr(stage.gateway) + repr(stage.gateway.account)


def test_live_is_what_the_payment_says(stage: Stage) -> None:
    external_id = begun(stage).external_id
    assert stage.gateway.fetch(external_id).is_live is False
    stage.state.payment(external_id)["mode"] = "live"
    stage.state.payment(external_id)  # a test key is not told of it
    with pytest.raises(Gone):
        stage.gateway.fetch(external_id)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mollie.api.client", None)
    monkeypatch.delitem(sys.modules, "supporters.payments.mollie.session", raising=False)
    with pytest.raises(BadInput, match=r"pip install achterban\[mollie\]"):
        gateway("http://127.0.0.1:1")


# --- the contract -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SPEC.exists(), reason=ABSENT)
def test_all_that_the_gateway_can_ask_is_as_mollie_describes_it(stage: Stage) -> None:
    ref = mandate(stage)
    external_id = charge(stage, ref).external_id
    stage.backstage.pay(external_id)
    stage.gateway.refund(RefundOrder("refund-1", Money.eur(4), "Back", stage.clock()), external_id)
    begun(stage, key="k2", locale="en")
    stage.another(methods=("card", "paypal")).begin(order(stage, "k3", "setup", Money(0)), URLS)
    stage.gateway.cancel(begun(stage, key="k4").external_id)
    stage.gateway.find(order(stage, "k4", customer=ref.customer))
    list(stage.gateway.changed_since(stage.clock()))
    stage.gateway.mandate(ref)
    stage.gateway.revoke(ref)
    assert len({(each.method, re.sub(r"_\w+", "_", each.path)) for each in stage.asked}) >= 10
    assert [wrong for each in stage.asked for wrong in violations(each)] == []
