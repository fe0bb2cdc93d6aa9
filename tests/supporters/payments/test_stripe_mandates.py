"""Mandates at Stripe: payment methods that are charged without the donor, and how that can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from supporters.money import Money
from supporters.payments.gateway import Declined, FailureKind, Gone, MandateRef, Misasked, Unavailable
from supporters.payments.stripe.errors import failure
from tests.supporters.payments.stripe_stage import Stage, answering, said, staged, wrong


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


# --- what a first payment leaves --------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["first", "setup"])
@pytest.mark.parametrize("method", ["ideal", "bancontact"])
def test_a_method_that_serves_once_leaves_a_debit(stage: Stage, purpose: Any, method: Any) -> None:
    done = stage.paid(purpose, method)
    assert done.mandate is not None
    made = stage.thing(done.mandate.ref.mandate)
    (mandate,) = stage.state.all("mandate")
    assert made["type"] == "sepa_debit"
    assert (done.mandate.state, done.mandate.method, done.mandate.label) == ("valid", "directdebit", "NL•• •••• 4300")
    assert done.mandate.reference == mandate["payment_method_details"]["sepa_debit"]["reference"]
    assert stage.gateway.mandate(done.mandate.ref) == done.mandate
    assert done.method == method


@pytest.mark.parametrize("purpose", ["first", "setup"])
def test_a_card_and_a_debit_are_kept_themselves(stage: Stage, purpose: Any) -> None:
    card, debit = stage.paid(purpose, "card").mandate, stage.paid(purpose, "sepa_debit").mandate
    assert card is not None
    assert debit is not None
    assert (card.method, card.label, card.reference) == ("card", "Visa •••• 4242 (12/30)", "")
    assert (debit.method, debit.label) == ("directdebit", "NL•• •••• 4300")
    assert debit.reference
    for one in (card, debit):
        assert stage.gateway.mandate(one.ref) == one


def test_no_more_of_an_account_than_four_digits_comes_out(stage: Stage) -> None:
    mandate = stage.paid("first", "sepa_debit").mandate
    assert mandate is not None
    assert "example.org" not in repr(mandate)
    assert "Donor" not in repr(mandate)


def test_a_gift_leaves_no_mandate(stage: Stage) -> None:
    assert stage.paid("one_off", "card").mandate is None


def test_a_first_payment_that_failed_leaves_none(stage: Stage) -> None:
    begun = stage.begun("first", "sepa_debit")
    stage.backstage.process(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).mandate is not None
    stage.backstage.fail(begun.external_id)
    assert stage.gateway.fetch(begun.external_id).mandate is None


@pytest.mark.parametrize(("theirs", "ours"), [("active", "valid"), ("pending", "pending"), ("inactive", "invalid")])
@pytest.mark.parametrize("method", ["ideal", "sepa_debit"])
def test_a_bank_can_end_a_mandate_while_the_method_stays(stage: Stage, method: Any, theirs: str, ours: str) -> None:
    paid = stage.paid("first", method)
    assert paid.mandate is not None
    stage.state.all("mandate")[0]["status"] = theirs
    found = stage.gateway.mandate(paid.mandate.ref)
    assert (found.state, found.reason) == (ours, "inactive" if ours == "invalid" else "")
    assert stage.gateway.fetch(paid.external_id).mandate == found


def test_a_detached_method_is_of_no_use_whatever_its_mandate_says(stage: Stage) -> None:
    ref = stage.mandate("ideal")
    stage.backstage.end_mandate(ref)
    stage.state.all("mandate")[0]["status"] = "active"
    found = stage.gateway.mandate(ref)
    assert (found.state, found.reason) == ("invalid", "detached")


def test_a_method_of_somebody_else_is_not_this_customers(stage: Stage) -> None:
    one, other = stage.mandate(), stage.mandate()
    crossed = MandateRef(one.customer, other.mandate)
    with pytest.raises(Gone):
        stage.gateway.mandate(crossed)
    assert stage.gateway.revoke(crossed).state == "invalid"
    assert stage.gateway.mandate(other).state == "valid", "the other's was ended"


@pytest.mark.parametrize(
    "ref",
    [MandateRef("cus_1234567890", "pm_1/../../x"), MandateRef("../x", "pm_1234567890"), MandateRef("", "")],
)
def test_what_is_no_id_is_asked_of_nobody(stage: Stage, ref: MandateRef) -> None:
    for ask in (
        lambda: stage.gateway.mandate(ref),
        lambda: stage.gateway.revoke(ref),
        lambda: stage.gateway.charge(stage.order("recurring"), ref),
    ):
        with pytest.raises(Misasked):
            ask()
    assert not stage.sent


# --- charging ---------------------------------------------------------------------------------------------------


def test_a_charge_says_that_the_donor_is_not_there(stage: Stage) -> None:
    ref, order = stage.mandate("ideal"), stage.order("recurring")
    charged = stage.gateway.charge(order, ref)
    sent = stage.posts()[-1]
    assert sent.params | {"expand": None, "description": None} == {
        "amount": "1000", "currency": "eur", "customer": ref.customer, "payment_method": ref.mandate,
        "off_session": "true", "confirm": "true", "metadata": {"payment": order.key}, "expand": None,
        "automatic_payment_methods": {"enabled": "true", "allow_redirects": "never"}, "description": None,
    }  # fmt: skip
    assert sent.headers["idempotency-key"] == order.key
    assert charged.external_id.startswith("pi_")
    assert (charged.state, charged.checkout_url, charged.transaction_id) == ("processing", None, None)
    assert charged.mandate is not None
    assert charged.mandate.ref == ref


def test_a_card_pays_at_once(stage: Stage) -> None:
    charged = stage.gateway.charge(stage.order("recurring"), stage.mandate("card"))
    assert [fact.kind for fact in charged.facts()] == ["received"]
    assert charged.fee == Money(40)
    assert stage.gateway.fetch(charged.external_id) == charged


KINDS: list[tuple[FailureKind, str]] = [
    ("soft", "insufficient_funds"), ("hard", "stolen_card"), ("donor", "authentication_required"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_a_refused_charge_is_a_payment_that_failed(stage: Stage, kind: FailureKind, code: str) -> None:
    ref, order = stage.mandate("card"), stage.order("recurring")
    stage.backstage.decline_next_charge(kind)
    refused = stage.gateway.charge(order, ref)
    assert (refused.state, refused.key, refused.money) == ("failed", order.key, order.money)
    assert refused.failure is not None
    assert (refused.failure.kind, refused.failure.code) == (kind, code)
    assert refused.failure.message
    assert refused.facts() == ()
    assert stage.gateway.charge(order, ref) == refused, "the same key was charged again"
    assert stage.gateway.find(order) == refused


def test_a_charge_that_waits_for_the_donor_failed(stage: Stage) -> None:
    charged = stage.gateway.charge(stage.order("recurring"), stage.mandate("sepa_debit"))
    stage.thing(charged.external_id)["status"] = "requires_action"
    found = stage.gateway.fetch(charged.external_id)
    assert found.failure is not None
    assert (found.state, found.failure.kind, found.failure.code) == ("failed", "donor", "authentication_required")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", "paid"), ("processing", "processing"), ("requires_capture", "processing"),
        ("canceled", "cancelled"), ("requires_payment_method", "open"), ("requires_confirmation", "open"),
    ],
)  # fmt: skip
def test_a_charge_is_what_its_intent_is(stage: Stage, status: str, state: str) -> None:
    charged = stage.gateway.charge(stage.order("recurring"), stage.mandate("sepa_debit"))
    stage.thing(charged.external_id).update(status=status, amount_received=1000)
    assert stage.gateway.fetch(charged.external_id).state == state


def test_a_charge_of_another_customers_order_is_not_made(stage: Stage) -> None:
    ref = stage.mandate()
    asked = len(stage.posts())
    for order in (stage.order("recurring", customer="cus_SomebodyElse"), stage.order("one_off")):
        with pytest.raises(Misasked):
            stage.gateway.charge(order, ref)
    assert len(stage.posts()) == asked


def test_a_method_that_was_detached_is_declined_for_good(stage: Stage) -> None:
    ref = stage.mandate()
    stage.backstage.end_mandate(ref)
    with pytest.raises(Declined) as caught:
        stage.gateway.charge(stage.order("recurring"), ref)
    assert caught.value.failure.kind == "hard"
    assert len(stage.state.all("payment_intent")) == 1


def test_a_charge_that_nobody_needs_any_more_is_cancelled_where_it_still_can_be(stage: Stage) -> None:
    charged = stage.gateway.charge(stage.order("recurring"), stage.mandate("sepa_debit"))
    assert stage.gateway.cancel(charged.external_id).state == "processing"
    stage.thing(charged.external_id)["status"] = "requires_confirmation"
    assert stage.gateway.cancel(charged.external_id).state == "cancelled"


def test_a_mandate_may_be_refused_without_a_payment_coming_of_it(stage: Stage) -> None:
    order, ref = stage.order("recurring"), MandateRef("cus_1234567890", "pm_1234567890")
    card_error = wrong(402, type="card_error", code="card_declined", decline_code="expired_card")
    for answer, kind, code in [
        (card_error, "hard", "expired_card"),
        (
            wrong(402, type="card_error", code="card_declined", decline_code="try_again_later"),
            "soft",
            "try_again_later",
        ),
        (wrong(400, code="payment_intent_mandate_invalid"), "hard", "payment_intent_mandate_invalid"),
        (wrong(400, param="payment_method"), "hard", "payment_method_unusable"),
    ]:
        with answering(answer) as (gateway, _), pytest.raises(Declined) as caught:
            gateway.charge(order, ref)
        assert (caught.value.failure.kind, caught.value.failure.code) == (kind, code)
    for answer, error in [
        (wrong(400, code="resource_missing", param="payment_method"), Gone),
        (wrong(400, code="parameter_unknown", param="offsession"), Misasked),
    ]:
        with answering(answer) as (gateway, _), pytest.raises(error):
            gateway.charge(order, ref)


def test_a_refusal_that_cannot_be_looked_at_is_not_taken_for_nothing(stage: Stage) -> None:
    order, ref = stage.order("recurring"), MandateRef("cus_1234567890", "pm_1234567890")
    refusal = wrong(402, type="card_error", code="card_declined", payment_intent={"id": "pi_1234567890"})
    with answering(refusal, said(500, {"error": {}})) as (gateway, _), pytest.raises(Unavailable) as caught:
        gateway.charge(order, ref)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("error", "charge", "kind", "code"),
    [
        ({"code": "card_declined", "decline_code": "do_not_honor"}, {}, "soft", "do_not_honor"),
        ({"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}, {}, "hard", "do_not_honor"),
        (
            {"decline_code": "generic_decline"},
            {"outcome": {"advice_code": "confirm_card_data"}},
            "hard",
            "generic_decline",
        ),
        ({"decline_code": "lost_card"}, {}, "hard", "lost_card"),
        ({"decline_code": "revocation_of_authorization"}, {}, "hard", "revocation_of_authorization"),
        ({"decline_code": "processing_error"}, {}, "soft", "processing_error"),
        ({"code": "expired_card", "decline_code": None}, {}, "hard", "expired_card"),
        ({"code": "authentication_required"}, {}, "donor", "authentication_required"),
        ({"code": "payment_intent_authentication_failure"}, {}, "donor", "payment_intent_authentication_failure"),
        (
            {"code": "payment_intent_payment_attempt_failed"},
            {"failure_code": "account_closed"},
            "hard",
            "account_closed",
        ),
        ({"code": "card_declined"}, {}, "soft", "card_declined"),
        ({}, {"failure_code": "debit_not_authorized"}, "hard", "debit_not_authorized"),
        (None, None, "soft", "unknown"),
    ],
)
def test_what_a_refusal_means_for_a_next_try(error: Any, charge: Any, kind: str, code: str) -> None:
    found = failure(error, charge)
    assert (found.kind, found.code) == (kind, code)


# --- the end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["card", "ideal", "sepa_debit"])
def test_revoking_detaches_the_method_and_looks_again(stage: Stage, method: Any) -> None:
    ref = stage.mandate(method)
    stage.sent.clear()
    revoked = stage.gateway.revoke(ref)
    assert (revoked.state, revoked.reason) == ("invalid", "detached")
    assert stage.thing(ref.mandate)["customer"] is None
    paths = [(one.method, one.path) for one in stage.sent]
    detach = paths.index(("POST", f"/v1/payment_methods/{ref.mandate}/detach"))
    assert ("GET", f"/v1/payment_methods/{ref.mandate}") in paths[detach:]
    stage.sent.clear()
    assert stage.gateway.revoke(ref).state == "invalid"
    assert not stage.posts(), "what is detached was detached again"


def test_what_stripe_forgot_is_as_good_as_revoked(stage: Stage) -> None:
    gone = stage.gateway.revoke(MandateRef("cus_1234567890", "pm_1234567890"))
    assert (gone.state, gone.reason) == ("invalid", "gone")


def test_who_detaches_at_the_same_moment_is_no_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = stage.mandate()
    look = stage.gateway.mandate

    def slow(asked: MandateRef) -> Any:
        found = look(asked)
        if found.state == "valid":
            stage.backstage.end_mandate(asked)
        return found

    monkeypatch.setattr(stage.gateway, "mandate", slow)
    assert stage.gateway.revoke(ref).state == "invalid"


def test_an_old_debit_finds_its_mandate_among_the_charges_of_its_customer(stage: Stage) -> None:
    """A method that was kept by a payment is named by no setup."""
    paid = stage.paid("first", "sepa_debit")
    assert paid.mandate is not None
    for _ in range(3):
        order = replace(stage.order("recurring"), customer=paid.mandate.ref.customer)
        stage.gateway.charge(order, paid.mandate.ref)
    assert stage.gateway.mandate(paid.mandate.ref).reference == paid.mandate.reference
