"""What happened while no news came is found, however long nothing ran, and nothing is looked at over and over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters.money import Money
from supporters.payments.gateway import Unavailable
from supporters.payments.online import jobs
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.catching_up import catch_up
from tests.supporters.payments.online.till import Till


def looks(till: Till) -> list[tuple[bool, str]]:
    with till.session() as session:
        calls = session.scalars(
            select(GatewayCall).where(GatewayCall.verb == "changed_since").order_by(GatewayCall.id)
        ).all()
        return [(call.is_ok, call.outcome) for call in calls]


def refunded_in_the_dashboard(till: Till) -> None:
    online = till.given(amount="25.00")
    till.later(hours=2)
    jobs.catch_up(till.work)
    till.later(hours=1)
    assert online.external_id is not None
    till.vendor.refund(online.external_id, Money.eur("5.00"))


def test_what_happened_while_nothing_ran_for_days_is_found(till: Till) -> None:
    refunded_in_the_dashboard(till)
    till.later(days=6)
    jobs.catch_up(till.work)
    assert till.gifts() == [(2500, 2000)]


def test_what_was_looked_at_is_looked_at_no_more(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    refunded_in_the_dashboard(till)
    jobs.catch_up(till.work)
    till.later(hours=1, minutes=1)
    assert jobs.catch_up(till.work) == "1 looked at"  # an hour of what was looked at, once more
    asked: list[str] = []
    fetch = till.gateway.fetch
    monkeypatch.setattr(till.gateway, "fetch", lambda name: asked.append(name) or fetch(name))
    for _ in range(3):
        till.later(hours=1, minutes=1)
        assert jobs.catch_up(till.work) is None
    assert asked == []
    assert looks(till)[-1] == (True, f"0 changed since {till.now - timedelta(hours=2, minutes=1):%Y-%m-%d %H:%M}")


def test_a_look_that_broke_off_begins_anew(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    refunded_in_the_dashboard(till)
    before = looks(till)
    till.later(days=2)
    assert catch_up(till.cashier, "memory", stopping=lambda: True) == 0
    assert looks(till) == before
    assert till.gifts() == [(2500, 2500)]
    assert catch_up(till.cashier, "memory") == 1
    assert till.gifts() == [(2500, 2000)]


def test_a_vendor_that_does_not_answer_is_asked_for_the_same_time_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    refunded_in_the_dashboard(till)
    till.later(days=2)

    def down(_since: object) -> list[str]:
        raise Unavailable(outcome_unknown=False, why="no connection")

    with monkeypatch.context() as patch:
        patch.setattr(till.gateway, "changed_since", down)
        assert jobs.catch_up(till.work) is None
    assert looks(till)[-1][0] is False
    jobs.catch_up(till.work)
    assert till.gifts() == [(2500, 2000)]
