"""One key moves money once at Stripe, however often it is asked, and whatever Stripe remembers; and cancelling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from supporters.money import Money
from supporters.payments.gateway import Conflict, Snapshot, Unavailable
from supporters.payments.stripe.gateway import KEYS_LAST
from tests.supporters.payments.stripe_stage import URLS, Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def test_what_stripe_repeats_may_be_old_so_it_is_looked_at_again(stage: Stage) -> None:
    order = stage.order(method="ideal")
    begun = stage.gateway.begin(order, URLS)
    stage.backstage.pay(begun.external_id)
    again = stage.gateway.begin(order, URLS)
    assert (again.external_id, again.state) == (begun.external_id, "paid")


def test_a_key_that_stripe_forgot_makes_nothing_twice(stage: Stage) -> None:
    order = stage.order()
    begun = stage.gateway.begin(order, URLS)
    stage.now += KEYS_LAST + timedelta(hours=2)
    assert stage.gateway.begin(order, URLS).external_id == begun.external_id
    assert stage.backstage.count("payments") == 1
    late = replace(stage.order(), made_at=stage.now - timedelta(days=3))
    assert stage.gateway.begin(late, URLS).state == "open"


def test_an_error_that_stripe_repeats_does_not_hide_the_payment(stage: Stage) -> None:
    order = stage.order()
    stage.backstage.trouble("500_done")
    with pytest.raises(Unavailable) as caught:
        stage.gateway.begin(order, URLS)
    assert caught.value.outcome_unknown
    found = stage.gateway.begin(order, URLS)
    assert found.key == order.key
    assert stage.backstage.count("payments") == 1


def test_an_error_that_stripe_repeats_and_nothing_came_of_stays_an_error(stage: Stage) -> None:
    order = stage.order()
    stage.backstage.trouble("500_done")
    with pytest.raises(Unavailable):
        stage.gateway.begin(order, URLS)
    stage.state.forget(stage.state.all("checkout.session")[0]["id"])
    with pytest.raises(Unavailable) as caught:
        stage.gateway.begin(order, URLS)
    assert caught.value.outcome_unknown
    assert stage.backstage.count("payments") == 0


def test_a_key_that_is_at_work_is_a_conflict(stage: Stage) -> None:
    order = stage.order()
    stage.state.busy.add(order.key)
    with pytest.raises(Conflict):
        stage.gateway.begin(order, URLS)
    stage.state.busy.clear()
    assert stage.gateway.begin(order, URLS).state == "open"


def test_a_key_is_for_one_thing(stage: Stage) -> None:
    order = stage.order()
    stage.gateway.begin(order, URLS)
    with pytest.raises(Conflict):
        stage.gateway.begin(replace(order, money=Money(2000)), URLS)


def test_who_looks_for_a_key_lists_and_never_searches(stage: Stage) -> None:
    order = stage.order("first", made_at=stage.now - timedelta(hours=1), customer=stage.mandate().customer)
    begun = stage.gateway.begin(order, URLS)
    stage.sent.clear()
    found = stage.gateway.find(order)
    assert found is not None
    assert found.external_id == begun.external_id
    assert not any("search" in one.path for one in stage.sent)
    first = stage.sent[0].params
    assert first["customer"] == order.customer
    assert int(first["created"]["gte"]) < order.made_at.timestamp()


# --- cancelling -------------------------------------------------------------------------------------------------


def test_cancelling_closes_the_page(stage: Stage) -> None:
    begun = stage.begun()
    assert stage.gateway.cancel(begun.external_id).state == "expired"
    assert stage.gateway.cancel(begun.external_id).state == "expired"
    assert [one.path for one in stage.posts()] == [
        "/v1/checkout/sessions",
        f"/v1/checkout/sessions/{begun.external_id}/expire",
    ]


def test_who_pays_while_it_is_cancelled_has_paid(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = stage.begun()
    look = stage.gateway.fetch

    def slow(external_id: str) -> Snapshot:
        found = look(external_id)
        if found.state == "open":
            stage.backstage.pay(external_id)
        return found

    monkeypatch.setattr(stage.gateway, "fetch", slow)
    assert stage.gateway.cancel(begun.external_id).state == "paid"
