"""What our books make of what Stripe says: its names, moments and amounts fit, and each thing is booked once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from supporters.money import Money
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from tests.supporters.payments.online.till import Till
from tests.supporters.payments.stripe_stage import Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(name="memory") as found:  # the till's own account, at another vendor
        yield found


@pytest.fixture
def till(fresh_engine: Engine, stage: Stage) -> Till:
    till = Till(fresh_engine)
    accounts = Accounts({"memory": stage.gateway})
    till.gateway, till.vendor = stage.gateway, stage.backstage  # type: ignore[assignment]
    till.settings = replace(till.settings, gateways=accounts)
    till.cashier = Cashier(till.session, accounts, till.settings, lambda: till.now)
    return till


@pytest.mark.parametrize("method", ["ideal", "card", "sepa_debit"])
def test_a_gift_comes_goes_and_comes_back(till: Till, method: Any) -> None:
    online = till.begin("gift", "25.00", method=method)
    ident = online.external_id or ""
    seen = []

    def learn() -> None:
        till.news(ident)
        till.news(ident)  # news comes twice
        now = till.online(online.payment_id)
        seen.append((now.step, now.payment.state))

    till.vendor.process(ident)
    learn()
    till.vendor.pay(ident)
    learn()
    refund = till.vendor.refund(ident, Money(500))
    learn()
    till.vendor.fail_refund(ident, refund)
    learn()
    dispute = till.vendor.charge_back(ident, Money(2500))
    learn()
    till.vendor.reverse_chargeback(ident, dispute)
    learn()
    assert seen == [
        ("processing", "open"), ("paid", "booked"), ("paid", "booked"), ("paid", "booked"), ("paid", "returned"),
        ("paid", "booked"),
    ]  # fmt: skip
    paid = till.online(online.payment_id)
    assert (paid.method, paid.fee) == (method, {"ideal": 29, "card": 63, "sepa_debit": 35}[method])


def test_a_commitment_keeps_the_mandate_that_stripe_made(till: Till, stage: Stage) -> None:
    till.given("commitment", "10.00", method="ideal")
    mandate = till.commitment().gateway_mandate
    assert mandate is not None
    assert (mandate.state, mandate.method) == ("valid", "directdebit")
    assert stage.thing(mandate.external_id)["type"] == "sepa_debit"
