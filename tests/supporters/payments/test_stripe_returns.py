"""Money that goes back through Stripe: refunds, ours and theirs, and disputes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from supporters.money import Money
from supporters.payments.gateway import Conflict, Declined, Misasked
from tests.supporters.payments.stripe_stage import Stage, answering, said, staged, wrong


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def test_a_refund_names_its_payment_its_amount_and_our_key(stage: Stage) -> None:
    paid, order = stage.paid(method="card"), stage.refund_order(400)
    after = stage.gateway.refund(order, paid.external_id)
    sent = stage.posts()[-1]
    assert sent.params == {"payment_intent": paid.transaction_id, "amount": "400", "metadata": {"refund": order.key}}
    assert sent.headers["idempotency-key"] == order.key
    assert [(one.key, one.money, one.state, one.at) for one in after.refunds] == [
        (order.key, Money(400), "done", stage.now)
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("pending", "pending"), ("requires_action", "pending"), ("succeeded", "done"), ("failed", "failed"),
        ("canceled", "failed"), ("yet_to_come", "pending"),
    ],
)  # fmt: skip
def test_a_refund_is_what_stripe_says(stage: Stage, theirs: str, ours: str) -> None:
    paid = stage.paid()
    refund_id = stage.backstage.refund(paid.external_id, Money(400))
    stage.thing(refund_id)["status"] = theirs
    assert [one.state for one in stage.gateway.fetch(paid.external_id).refunds] == [ours]


def test_a_refund_to_a_bank_is_under_way_first(stage: Stage) -> None:
    paid = stage.paid(method="ideal")
    after = stage.gateway.refund(stage.refund_order(), paid.external_id)
    assert [one.state for one in after.refunds] == ["pending"]
    assert [fact.kind for fact in after.facts()] == ["received"]
    stage.backstage.finish_refunds(paid.external_id)
    assert [fact.kind for fact in stage.gateway.fetch(paid.external_id).facts()] == ["received", "refunded"]


def test_a_refund_that_came_back_says_when_and_why(stage: Stage) -> None:
    paid = stage.paid()
    refund_id = stage.backstage.refund(paid.external_id, Money(400))
    before, later = stage.gateway.fetch(paid.external_id), stage.now + timedelta(days=3)
    stage.backstage.fail_refund(paid.external_id, refund_id, at=later)
    after = stage.gateway.fetch(paid.external_id)
    (refund,) = after.refunds
    assert (refund.state, refund.at, refund.returned_at, refund.reason) == ("failed", stage.now, later, "unknown")
    assert [(fact.kind, fact.at) for fact in after.facts()] == [
        *((fact.kind, fact.at) for fact in before.facts()), ("refund_returned", later),
    ]  # fmt: skip


def test_a_refund_that_never_left_did_not_come_back(stage: Stage) -> None:
    """One that waited for money in the account, and was cancelled: it is in no ledger."""
    paid = stage.paid()
    refund_id = stage.backstage.refund(paid.external_id, Money(400))
    stage.thing(refund_id).update(status="canceled", balance_transaction=None)
    found = stage.gateway.fetch(paid.external_id)
    assert [(one.state, one.returned_at) for one in found.refunds] == [("failed", None)]
    assert [fact.kind for fact in found.facts()] == ["received"]


def test_a_refund_that_failed_before_its_line_is_written_is_back_all_the_same(stage: Stage) -> None:
    paid = stage.paid()
    refund_id = stage.backstage.refund(paid.external_id, Money(400))
    stage.thing(refund_id)["status"] = "failed"
    found = stage.gateway.fetch(paid.external_id)
    assert [fact.kind for fact in found.facts()] == ["received", "refunded", "refund_returned"]


def test_a_charge_on_a_mandate_is_refunded_too(stage: Stage) -> None:
    charged = stage.gateway.charge(stage.order("recurring"), stage.mandate("card"))
    after = stage.gateway.refund(stage.refund_order(1000), charged.external_id)
    assert after.external_id == charged.external_id
    assert [fact.kind for fact in after.facts()] == ["received", "refunded"]


def test_a_refund_key_that_stripe_forgot_gives_nothing_back_twice(stage: Stage) -> None:
    paid, order = stage.paid(method="card"), stage.refund_order()
    stage.gateway.refund(order, paid.external_id)
    stage.now += timedelta(days=9)
    again = stage.gateway.refund(order, paid.external_id)
    assert [one.key for one in again.refunds] == [order.key]
    assert stage.backstage.count("refunds") == 1
    with pytest.raises(Conflict):
        stage.gateway.refund(stage.refund_order(500, key=order.key), paid.external_id)


def test_what_cannot_go_back_is_declined(stage: Stage) -> None:
    paid = stage.paid(method="card")
    with pytest.raises(Declined, match="amount_too_large"):
        stage.gateway.refund(stage.refund_order(1001), paid.external_id)
    stage.gateway.refund(stage.refund_order(1000), paid.external_id)
    with pytest.raises(Declined, match="charge_already_refunded"):
        stage.gateway.refund(stage.refund_order(1), paid.external_id)
    asked = len(stage.posts())
    for external_id in (stage.begun().external_id, stage.paid("setup", "card").external_id):
        with pytest.raises(Declined, match="not_paid"):
            stage.gateway.refund(stage.refund_order(), external_id)
    with pytest.raises(Misasked):
        stage.gateway.refund(stage.refund_order(0), paid.external_id)
    assert all("refund" not in one.path for one in stage.posts()[asked:])


def test_why_it_cannot_go_back_says_whether_it_can_later(stage: Stage) -> None:
    paid = stage.paid(method="card")
    intent = stage.thing(paid.transaction_id) | {"payment_method": None, "latest_charge": None}
    session = stage.thing(paid.external_id) | {"payment_intent": intent}
    empty = {"object": "list", "data": [], "has_more": False, "url": "/v1/refunds"}
    for code, kind in [("balance_insufficient", "soft"), ("refund_disputed_payment", "hard")]:
        answers = (said(200, session), said(200, empty), said(200, empty), wrong(400, code=code))
        with answering(*answers) as (gateway, _), pytest.raises(Declined) as caught:
            gateway.refund(stage.refund_order(), paid.external_id)
        assert (caught.value.failure.kind, caught.value.failure.code) == (kind, code)


def test_of_very_many_refunds_each_is_seen(stage: Stage) -> None:
    paid = stage.paid(method="card", money=Money(100_000))
    made = [stage.backstage.refund(paid.external_id, Money(10 + place)) for place in range(205)]
    stage.sent.clear()
    found = stage.gateway.fetch(paid.external_id).refunds
    assert [one.external_id for one in found] == made
    pages = [one for one in stage.sent if one.path == "/v1/refunds"]
    assert len(pages) == 3
    assert pages[1].params["starting_after"]


# --- disputes ---------------------------------------------------------------------------------------------------


def test_a_debit_that_is_taken_back_is_gone_at_once(stage: Stage) -> None:
    paid, moment = stage.paid(method="sepa_debit"), stage.now + timedelta(days=40)
    dispute_id = stage.backstage.charge_back(paid.external_id, Money(1000), at=moment)
    (back,) = stage.gateway.fetch(paid.external_id).chargebacks
    assert (back.external_id, back.money, back.at, back.reversed_at) == (dispute_id, Money(1000), moment, None)
    assert back.reason == "debit_not_authorized"
    assert stage.thing(dispute_id)["status"] == "lost"


def test_an_inquiry_took_no_money(stage: Stage) -> None:
    paid = stage.paid(method="card")
    dispute_id = stage.backstage.inquire(paid.external_id, Money(1000))
    for status in ("warning_needs_response", "warning_under_review", "warning_closed", "prevented"):
        stage.thing(dispute_id)["status"] = status
        assert stage.gateway.fetch(paid.external_id).chargebacks == ()


def test_a_dispute_is_charged_back_while_it_lasts_and_reversed_once_it_is_won(stage: Stage) -> None:
    paid = stage.paid(method="card")
    taken, back = stage.now + timedelta(days=1), stage.now + timedelta(days=30)
    dispute_id = stage.backstage.charge_back(paid.external_id, Money(600), at=taken)
    assert [fact.kind for fact in stage.gateway.fetch(paid.external_id).facts()] == ["received", "charged_back"]
    stage.thing(dispute_id)["status"] = "won"
    assert stage.gateway.fetch(paid.external_id).chargebacks[0].reversed_at is None, "won, and no money yet"
    stage.thing(dispute_id)["status"] = "under_review"
    stage.backstage.reverse_chargeback(paid.external_id, dispute_id, at=back)
    (found,) = stage.gateway.fetch(paid.external_id).chargebacks
    assert (found.at, found.reversed_at, found.money) == (taken, back, Money(600))


def test_what_was_put_back_and_taken_again_is_not_reversed(stage: Stage) -> None:
    paid = stage.paid(method="card")
    dispute_id = stage.backstage.charge_back(paid.external_id, Money(600), at=stage.now)
    stage.backstage.reverse_chargeback(paid.external_id, dispute_id, at=stage.now + timedelta(days=1))
    lines = stage.thing(dispute_id)["balance_transactions"]
    lines.append(lines[0] | {"id": "txn_again", "created": int((stage.now + timedelta(days=9)).timestamp())})
    (found,) = stage.gateway.fetch(paid.external_id).chargebacks
    assert (found.at, found.reversed_at) == (stage.now, None)


def test_a_dispute_in_another_currency_takes_what_was_charged(stage: Stage) -> None:
    """Its ledger lines are in the currency that is paid out."""
    paid = stage.paid(method="card")
    dispute_id = stage.backstage.charge_back(paid.external_id, Money(1000))
    stage.thing(dispute_id)["balance_transactions"][0].update(amount=-1170, currency="usd")
    (found,) = stage.gateway.fetch(paid.external_id).chargebacks
    assert found.money == Money(1000)


def test_a_payment_that_went_back_twice_says_both(stage: Stage) -> None:
    paid = stage.paid(method="card")
    stage.backstage.refund(paid.external_id, Money(1000))
    stage.backstage.charge_back(paid.external_id, Money(1000))
    found = stage.gateway.fetch(paid.external_id)
    assert [fact.kind for fact in found.facts()] == ["received", "refunded", "charged_back"]
    assert found.state == "paid"
