"""Whether a gateway answers and its news comes, and what raises an alarm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from supporters.payments.online import health, jobs
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.health import Health
from supporters.payments.online.inbox import Notification
from supporters.tasks import Task
from tests.supporters.payments.online.till import Till


def of(till: Till, *, live: bool = True) -> Health:
    with till.session() as session:
        (found,) = health.health(session, {"memory": live}, now=till.now)
    return found


def call(till: Till, count: int = 1, *, ms: int = 100, ok: bool = True, outcome: str = "paid", **ago: float) -> None:
    with till.session() as session:
        for _ in range(count):
            session.add(
                GatewayCall(
                    account="memory", verb="fetch", at=till.now - timedelta(**ago), milliseconds=ms, is_ok=ok,
                    outcome=outcome,
                )
            )  # fmt: skip
        session.commit()


def test_a_gateway_nobody_used_has_nothing_to_tell(till: Till) -> None:
    found = of(till)
    assert (found.calls, found.p95, found.error_share, found.last_call_at, found.alarms) == (0, None, None, None, ())
    assert (found.month.total, found.month.share("webhook")) == (0, None)
    with till.session() as session:
        assert health.health(session, {}, now=till.now) == []


def test_calls_are_counted_over_a_day_and_a_refused_charge_is_no_error(till: Till) -> None:
    for ms in range(1, 101):
        call(till, ms=ms, hours=2)
    call(till, ms=9000, days=2)
    call(till, 3, ms=50, ok=False, outcome="unavailable: no connection", hours=5)
    call(till, 4, ms=50, ok=False, outcome="declined: insufficient_funds", hours=5)
    found = of(till)
    assert (found.calls, found.errors) == (107, 3)
    assert found.error_share == pytest.approx(100 * 3 / 107)
    assert found.p95 == 95
    assert found.last_call_at == till.now - timedelta(hours=2)


def test_how_facts_were_first_learnt_is_shared_out_by_week_and_month(till: Till) -> None:
    for _ in range(3):
        till.given()
    polled = till.begin()
    assert polled.external_id is not None
    till.vendor.pay(polled.external_id)
    till.cashier.sync(polled.payment_id, "poll")
    with till.session() as session:
        old = session.scalars(select(PaymentFact.id).order_by(PaymentFact.id)).first()
        session.execute(
            update(PaymentFact).where(PaymentFact.id == old).values(observed_at=till.now - timedelta(days=20))
        )
        session.commit()
    found = of(till)
    assert (found.month.by, found.month.share("webhook")) == ({"webhook": 3, "poll": 1}, 75.0)
    assert (found.week.by["webhook"], found.week.total) == (2, 3)
    till.later(days=15)
    assert of(till).month.by == {"webhook": 2, "poll": 1}
    assert of(till).week.total == 0


def test_news_that_waits_is_bad_or_is_not_ours_is_counted(till: Till) -> None:
    online = till.begin()
    assert online.external_id is not None
    headers, body = till.vendor.news(online.external_id)
    with till.session() as session:
        for _ in range(2):
            Notification.receive(session, till.gateway, {}, b"forged", now=till.now)
        Notification.receive(session, till.gateway, headers, body, now=till.now)
        session.commit()
    found = of(till)
    assert (found.waiting, found.waiting_since, found.bad, found.ignored) == (1, till.now, 2, 0)
    assert found.alarms == ()
    till.later(hours=2)
    assert of(till).alarms == ("waiting",)


def test_a_live_account_whose_facts_come_by_our_own_looking_only_is_silent(till: Till) -> None:
    till.given()
    till.later(hours=25)
    online = till.begin()
    assert online.external_id is not None
    till.vendor.pay(online.external_id)
    assert of(till).alarms == ()  # Nobody paid since: silence is no news.
    till.cashier.sync(online.payment_id, "poll")
    assert of(till).alarms == ("silent",)
    assert of(till, live=False).alarms == ()
    headers, body = till.vendor.news(online.external_id)
    with till.session() as session:
        Notification.receive(session, till.gateway, headers, body, now=till.now)
        session.commit()
    assert of(till).alarms == ()


def test_what_was_found_by_looking_and_silence_are_one_task_until_it_is_done(till: Till) -> None:
    for _ in range(3):
        online = till.begin()
        assert online.external_id is not None
        till.vendor.pay(online.external_id)
        till.later(hours=30)
        till.cashier.sync(online.payment_id, "poll")
        with till.session() as session:
            assert health.health(session, {"memory": True}, now=till.now)[0].alarms == ("silent",)
            assert health.raise_alarms(session, {"memory": True}, now=till.now) == 0
    assert till.tasks() == ["news_missing"]


def test_calls_that_mostly_fail_raise_an_alarm_and_one_task_until_it_is_done(till: Till) -> None:
    call(till, 2, ok=False, outcome="unavailable: no connection", minutes=5)
    assert of(till).alarms == ()
    call(till, 2, minutes=5)
    call(till, 1, ok=False, outcome="unauthorised: key", minutes=5)
    assert of(till).alarms == ("failing",)
    with till.session() as session:
        for _ in range(2):
            health.raise_alarms(session, {"memory": True}, now=till.now)
            session.commit()
        (task,) = session.scalars(select(Task)).all()
        assert (task.kind, task.params) == ("gateway_failing", {"account": "memory"})
        task.finish(
            session, "called them", by=health.Actor.person("anna@example.org", authenticated=True), now=till.now
        )
        till.later(minutes=1)
        assert health.raise_alarms(session, {"memory": True}, now=till.now) == 1
    assert jobs.watch_gateways(till.work) is None  # The account of this counter is a test account.
