"""``kill -9`` before or after any commit and any request, and then again: the same books, nothing moved twice.

``ACHTERBAN_KILLS=99`` kills at every one of these instants on each database; without it at some.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.instalment import Instalment
from supporters.money import Money
from supporters.payments.online import jobs, post
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from tests.cast import ANNA
from tests.databases import SqliteDatabases
from tests.processes import context
from tests.supporters.payments.online.mortal import STEPS, at_hand, work
from tests.supporters.payments.online.till import Till

ALL = int(os.environ.get("ACHTERBAN_KILLS", "5")) > 5
EVERY = {"sqlite": 1, "postgresql": 1} if ALL else {"sqlite": 7, "postgresql": 13}


# -- what there is before the step; what it answers is given to the step -----------------------------------------------


def a_form(till: Till) -> int:
    return till.checkout()


def news_of_three(till: Till) -> int:
    for kind, amount in (("gift", "25.00"), ("commitment", "10.00"), ("gift", "40.00")):
        online = till.begin(kind, amount)
        assert online.external_id is not None
        till.vendor.pay(online.external_id)
        if amount == "40.00":
            till.vendor.refund(online.external_id, Money.eur("15.00"))
        till.post(online.external_id)
    return 0


def two_that_are_due(till: Till) -> int:
    till.given("commitment", "10.00")
    till.given("commitment", "20.00", method="paypal")
    till.later(days=31)
    return 0


def one_that_is_refused(till: Till) -> int:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("hard")
    return 0


def two_refunds(till: Till) -> int:
    online = till.given(amount="100.00")
    with till.session() as session:
        for amount in ("30.00", "50.00"):
            money = Money.eur(amount)
            row = session.get_one(OnlinePayment, online.id)
            Refund.request(session, row, money, why="asked", limit=money, by=ANNA, now=till.now)
        session.commit()
    return 0


def one_that_stopped(till: Till) -> int:
    till.given("commitment", "10.00")
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.stop(session, "donor_request", on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        session.commit()
    return 0


def no_news(till: Till) -> int:
    """A charge whose answer was lost, a gift that was paid, a direct debit that arrived: nobody posted."""
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.trouble("drop")
    jobs.charge_due(till.work)
    online = till.begin()
    assert online.external_id is not None
    till.vendor.pay(online.external_id)
    till.later(minutes=10)
    return 0


CASES: list[tuple[str, Callable[[Till], int]]] = [
    ("begin", a_form),
    ("work_through", news_of_three),
    ("charge_due", two_that_are_due),
    ("charge_due", one_that_is_refused),
    ("send_refunds", two_refunds),
    ("revoke", one_that_stopped),
    ("poll", no_news),
]


def everything_again(till: Till, step: str, number: int) -> None:
    """Somebody starts the machine again; a donor presses once more, and pays."""
    if step == "begin":
        online = till.cashier.begin(number)
        assert online.external_id is not None
        assert online.checkout_url
        till.vendor.pay(online.external_id)
        till.post(online.external_id)
    for _ in range(2):
        till.later(minutes=12)
        post.work_through(till.cashier)
        jobs.poll_gateways(till.work)
        jobs.charge_due(till.work)
        jobs.send_refunds(till.work)
        jobs.gateway_mandates(till.work)


def outcome(till: Till) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gifts": sorted(till.gifts()), "facts": sorted(till.facts()), "mails": Counter(till.mails()),
        "tasks": sorted(set(till.tasks()) - {"news_missing"}), "payments at the vendor": till.vendor.count("payments"),
        "refunds at the vendor": till.vendor.count("refunds"),
    }  # fmt: skip
    assert till.findings() == []
    with till.session() as session:

        def every(model: Any) -> list[Any]:
            return list(session.scalars(select(model).order_by(model.id)))

        found["charges"] = [(row.step, row.payment.state, row.purpose) for row in every(OnlinePayment)]
        found["instalments"] = [(row.number, row.status, row.attempts) for row in every(Instalment)]
        found["refunds"] = [row.state for row in every(Refund)]
        found["mandates"] = [(row.state, row.revoked_at is not None) for row in every(GatewayMandate)]
    return found


@pytest.mark.parametrize(("step", "before"), CASES, ids=[f"{step}-{case.__name__}" for step, case in CASES])
def test_whoever_is_killed_and_starts_again_leaves_the_same_books(
    databases: Any, step: str, before: Callable[[Till], int]
) -> None:
    processes, current = context(), []

    def lived(address: tuple[str, int], at: int) -> tuple[bool, dict[str, Any]]:
        """Whether it died, and what the books are after all was done again."""
        engine = databases.create()
        try:
            till = Till(engine)
            number = before(till)
            current[:] = [till.gateway]
            engine.dispose()
            url = engine.url.render_as_string(hide_password=False)
            child = processes.Process(target=work, args=(url, address, step, number, till.now, at))
            child.start()
            child.join(60)
            assert child.exitcode in (0, -9)
            everything_again(till, step, number)
            return child.exitcode == -9, outcome(till)
        finally:
            databases.drop(engine)

    with at_hand(lambda: current[0]) as address:
        _, calm = lived(address, 0)
        every, killed = EVERY["sqlite" if isinstance(databases, SqliteDatabases) else "postgresql"], 0
        for at in range(1, 200, every):
            died, found = lived(address, at)
            assert found == calm, f"killed at {at}"
            if not died:
                break
            killed += 1
    assert killed * every >= 4
    assert calm["payments at the vendor"] + calm["refunds at the vendor"] > 0


def test_every_step_is_killed() -> None:
    assert {step for step, _ in CASES} == set(STEPS)
