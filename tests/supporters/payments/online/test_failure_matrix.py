"""Everything that goes wrong with payments through a gateway, a test for each: what then must happen, does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from supporters.errors import Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.gift import Gift
from supporters.giving.instalment import Instalment
from supporters.giving.year import FinancialYear
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.gateway import (
    Gone,
    MandateRef,
    MandateSnapshot,
    Nudge,
    Order,
    RateLimited,
    Snapshot,
    Unauthorised,
    Unavailable,
)
from supporters.payments.online import jobs, post
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.inbox import Notification
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.people.supporter import Supporter
from supporters.tasks import Task
from tests import cast
from tests.cast import ANNA
from tests.supporters.payments.online.till import ADA, Till

LIMIT = Money.eur("1000.00")


def name(online: OnlinePayment) -> str:
    assert online.external_id is not None
    return online.external_id


def refund(till: Till, payment_id: int, amount: str | None = None) -> int:
    """Asked for, sent, and what came of it booked."""
    with till.session() as session:
        online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
        money = Money.eur(amount) if amount else None
        made = Refund.request(session, online, money, why="asked", limit=LIMIT, by=ANNA, now=till.now)
        session.commit()
        refund_id = made.id
    jobs.send_refunds(till.work)
    return refund_id


def refund_state(till: Till, refund_id: int) -> str:
    with till.session() as session:
        return session.get_one(Refund, refund_id).state


def notes(till: Till) -> list[tuple[str, str]]:
    """State and note of what was posted."""
    with till.session() as session:
        return [(row.state, row.note) for row in session.scalars(select(Notification).order_by(Notification.id))]


def mandate_of(till: Till) -> GatewayMandate:
    found = till.commitment().gateway_mandate
    assert found is not None
    return found


def failing(error: Exception, times: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """So often it raises, and then it works."""

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        left = [times]

        def call(*args: Any, **kwargs: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise error
            return real(*args, **kwargs)

        return call

    return around


def repair(till: Till, number: int, **fields: Any) -> int:
    """What the link in the mail opens: a checkout that makes a new mandate and pays the instalment."""
    with till.session() as session:
        there = session.get_one(Commitment, till.commitment().id)
        checkout = Checkout.open(
            session, "mandate", there.money, account="memory", fund=there.fund, submission_key=f"repair-{till.now}",
            supporter=there.supporter, commitment=there, instalment=there.instalments[number - 1], method="card",
            now=till.now, **fields,
        )  # fmt: skip
        session.commit()
        return checkout.id


# -- 1 ----------------------------------------------------------------------------------------------------------------


def test_double_click_or_two_tabs(till: Till) -> None:
    one, two = (till.begin(submission_key="form-1") for _ in range(2))
    assert (one.payment_id, one.checkout_url) == (two.payment_id, two.checkout_url)
    assert till.vendor.count("payments") == 1
    till.vendor.pay(name(one))
    till.news(name(one))
    with till.session() as session:
        checkout = session.scalars(select(Checkout)).one()
    with pytest.raises(Refused, match="paid already"):
        till.cashier.begin(checkout.id)
    # Another tab has a form of its own. Somebody may mean to give twice: both are booked and thanked, a person asks.
    till.given()
    assert till.gifts() == [(2500, 2500)] * 2
    assert (till.tasks(), till.mails()) == (["possible_duplicate"], ["gift_receipt"] * 2)


@pytest.mark.parametrize("later", [{"hours": 2}, {"minutes": 5}])
def test_giving_again_is_a_possible_duplicate_only_soon_and_of_the_same(till: Till, later: dict[str, float]) -> None:
    till.given()
    till.later(**later)
    till.given(amount="20.00")
    till.given(person=Person("Byron", "Lovelace", ADA.email))
    assert till.tasks() == []
    till.given()
    assert till.tasks() == ([] if "hours" in later else ["possible_duplicate"])


def test_a_second_real_payment_of_one_checkout_is_booked_flagged_and_can_go_back(till: Till) -> None:
    checkout = till.checkout()
    first = till.cashier.begin(checkout)
    till.vendor.expire(name(first))
    till.news(name(first))
    second = till.cashier.begin(checkout)
    till.gateway.vendor.get(name(first)).change(till.now, "open")  # It was expired, and the donor paid all the same.
    till.vendor.pay(name(second))
    till.vendor.pay(name(first))
    for each in (second, first):
        till.news(name(each))
    assert (till.gifts(), till.tasks(), till.mails()) == (
        [(2500, 2500)] * 2, ["second_payment"], ["gift_receipt"],
    )  # fmt: skip
    flagged = till.online(first.payment_id)
    assert flagged.duplicate_of_id == second.payment_id
    refund(till, flagged.payment_id)
    assert till.gifts() == [(2500, 2500), (2500, 0)]


def test_a_commitment_that_was_paid_twice_is_one_and_the_spare_mandate_is_revoked(till: Till) -> None:
    checkout = till.checkout("commitment", "10.00")
    first = till.cashier.begin(checkout)
    till.vendor.expire(name(first))
    till.news(name(first))
    second = till.cashier.begin(checkout)
    till.gateway.vendor.get(name(first)).change(till.now, "open")
    for each in (first, second):
        till.vendor.pay(name(each))
        till.news(name(each))
    assert (till.gifts(), till.tasks()) == ([(1000, 1000)] * 2, ["second_payment"])
    jobs.gateway_mandates(till.work)
    assert sorted(mandate.state for mandate in till.gateway.vendor.mandates.values()) == ["invalid", "valid"]
    assert mandate_of(till).state == "valid"
    till.later(days=31)
    jobs.charge_due(till.work)
    assert (len(till.gifts()), till.vendor.count("payments")) == (3, 3)


# -- 2 and 3 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["drop", "500_done", "500", "html"])
def test_timeout_after_the_vendor_committed(till: Till, trouble: Any) -> None:
    """Nothing else was asked with another key, whatever became of the answer."""
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.trouble(trouble)
    jobs.charge_due(till.work)
    online = till.last()
    assert online.step == "unknown"
    jobs.charge_due(till.work)
    till.later(minutes=6)
    jobs.poll_gateways(till.work)
    assert (till.last().id, till.last().step) == (online.id, "paid")
    assert till.vendor.count("payments") == 2
    assert till.gifts() == [(1000, 1000)] * 2
    with till.session() as session:
        key = session.scalars(select(OnlinePayment).order_by(OnlinePayment.id.desc()).limit(1)).one().payment.reference
    assert till.gateway.vendor.keys.keys() >= {key}


def test_a_timeout_at_the_form_is_found_again_when_the_donor_tries_again(till: Till) -> None:
    checkout = till.checkout()
    till.vendor.trouble("drop")
    with pytest.raises(Unavailable):
        till.cashier.begin(checkout)
    online = till.cashier.begin(checkout)
    assert (online.step, till.vendor.count("payments")) == ("open", 1)
    assert online.checkout_url


@pytest.mark.parametrize(
    "error", [RateLimited(30), Unauthorised("no"), Unavailable(outcome_unknown=False)], ids=lambda e: e.code
)
def test_where_nothing_was_done_the_key_is_as_good_as_new(
    till: Till, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor that is down, or refuses our key, for days: no person has to look up what was never asked."""
    till.given("commitment", "10.00")
    till.later(days=31)
    monkeypatch.setattr(till.gateway, "charge", failing(error, 10_000)(till.gateway.charge))
    jobs.charge_due(till.work)
    for _ in range(8):
        till.later(hours=6)
        jobs.poll_gateways(till.work)
        assert till.last().step == "prepared"
    monkeypatch.undo()
    till.later(days=1)
    jobs.poll_gateways(till.work)
    assert (till.last().step, till.tasks()) == ("paid", [])
    assert till.gifts() == [(1000, 1000)] * 2


def test_once_an_answer_was_lost_no_later_refusal_makes_it_certain(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.trouble("drop")
    jobs.charge_due(till.work)
    monkeypatch.setattr(till.gateway, "charge", failing(RateLimited(30), 10_000)(till.gateway.charge))
    till.later(minutes=6)
    jobs.poll_gateways(till.work)
    assert till.last().step == "unknown"
    till.later(days=1)
    jobs.poll_gateways(till.work)  # By now only a look can tell, and it does.
    assert (till.last().step, till.vendor.count("payments")) == ("paid", 2)


def test_key_expired(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found, or a person says that it was never made; until then nothing is charged."""
    till.given("commitment", "10.00")
    till.later(days=31)
    asked: list[str] = []
    real = till.gateway.charge

    def charge(order: Order, mandate: MandateRef) -> Snapshot:
        asked.append(order.key)
        raise Unavailable(outcome_unknown=True)

    monkeypatch.setattr(till.gateway, "charge", charge)
    jobs.charge_due(till.work)
    till.later(hours=25)
    for _ in range(3):
        jobs.poll_gateways(till.work)
        jobs.charge_due(till.work)
        till.later(hours=25)
    assert len(asked) == 1
    assert (till.last().step, till.tasks()) == ("unknown", ["payment_unknown"])
    monkeypatch.setattr(till.gateway, "charge", real)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 1, "nobody said that it was not made"
    with till.session() as session:
        online = session.get_one(OnlinePayment, till.last().id)
        online.never_made(session, by=ANNA, now=till.now)
        session.commit()
        with pytest.raises(Refused, match="cancelled"):
            online.never_made(session, by=ANNA, now=till.now)
    assert till.tasks() == []
    jobs.charge_due(till.work)
    assert (till.last().step, till.vendor.count("payments")) == ("paid", 2)
    assert [(i.status, i.attempts) for i in till.commitment().instalments][1:] == [("paid", 2)]


def test_a_key_that_expired_at_the_form_was_nobodys_payment_and_the_donor_begins_again(till: Till) -> None:
    checkout = till.checkout()
    till.vendor.trouble("500")
    with pytest.raises(Unavailable):
        till.cashier.begin(checkout)
    till.later(hours=25)
    jobs.poll_gateways(till.work)
    assert (till.last().step, till.tasks()) == ("failed", [])
    online = till.cashier.begin(checkout)
    assert (online.step, till.vendor.count("payments")) == ("open", 1)


def test_what_a_person_said_was_never_made_is_recognised_where_the_vendor_lists_it(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were wrong. Its money is booked, and no third charge follows."""
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.trouble("drop")
    jobs.charge_due(till.work)
    lost = till.last()
    monkeypatch.setattr(till.gateway, "find", lambda order: None)
    till.later(hours=25)
    jobs.poll_gateways(till.work)
    with till.session() as session:
        session.get_one(OnlinePayment, lost.id).never_made(session, by=ANNA, now=till.now)
        session.commit()
    jobs.charge_due(till.work)
    jobs.catch_up(till.work)
    assert till.online(lost.payment_id).step == "paid"
    assert till.gifts() == [(1000, 1000)] * 3
    assert till.tasks() == ["second_payment"]
    assert till.online(lost.payment_id).duplicate_of_id == till.last().payment_id


# -- 4 to 8: news -----------------------------------------------------------------------------------------------------


def test_webhook_replayed_forged_or_for_another_gift(till: Till) -> None:
    one, other = till.begin(), till.begin(amount="40.00", person=Person("Bram", "Bos", "bram@example.org"))
    till.vendor.pay(name(one))
    headers, body = till.vendor.news(name(one))
    with till.session() as session:
        for bad in (body.replace(name(one).encode(), name(other).encode()), body + b" ", b"", b"\xff\xfe"):
            assert not Notification.receive(session, till.gateway, headers, bad, now=till.now)
        assert not Notification.receive(session, till.gateway, {}, body, now=till.now)
        session.commit()
    assert post.work_through(till.cashier) == {"done": 0, "ignored": 0, "later": 0}
    for _ in range(4):
        till.news(name(one))
    assert till.facts() == [("received", 2500, 2500)]
    # What the vendor has under a name of ours was made for another gift.
    till.gateway.vendor.get(name(other)).change(till.now, "paid", paid_at=till.now, key=one.payment.reference)
    till.news(name(other))
    assert (till.online(other.payment_id).step, till.tasks()) == ("parked", ["payment_parked"])
    assert till.gifts() == [(2500, 2500)]


def test_webhook_before_our_commit_or_before_the_redirect(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor posts while our own question is still on its way. Nobody sleeps, and it is booked once."""
    checkout = till.checkout()
    real = till.gateway.begin

    def begin(order: Order, urls: Any) -> Snapshot:
        answer = real(order, urls)
        till.vendor.pay(answer.external_id)
        assert till.news(answer.external_id)["later"] == 1
        return answer

    monkeypatch.setattr(till.gateway, "begin", begin)
    online = till.cashier.begin(checkout)
    monkeypatch.undo()
    assert (online.step, till.gifts()) == ("open", [])
    till.later(seconds=6)
    assert post.work_through(till.cashier)["done"] == 1
    assert till.gifts() == [(2500, 2500)]
    # The donor is back before the news: the page looks for itself, and shows what there is.
    second = till.begin(amount="30.00")
    till.cashier.sync(second.payment_id, "return")
    assert till.online(second.payment_id).step == "open"
    till.vendor.pay(name(second))
    till.cashier.sync(second.payment_id, "return")
    till.news(name(second))
    assert till.gifts()[1:] == [(3000, 3000)]
    assert till.mails() == ["gift_receipt"] * 2


def test_webhook_never_arrives(till: Till) -> None:
    """We look after minutes, an hour, daily; a person is told that news does not reach us, once a day."""
    online = till.begin()
    looks = []
    for _ in range(60):
        till.later(minutes=30)
        before = till.online(online.payment_id).syncs
        jobs.poll_gateways(till.work)
        looks.append(till.online(online.payment_id).syncs - before)
    assert 3 <= sum(looks) <= 8
    till.vendor.pay(name(online))
    other = till.begin(amount="30.00")
    till.vendor.pay(name(other))
    till.later(days=1)
    jobs.poll_gateways(till.work)
    assert sorted(till.gifts()) == [(2500, 2500), (3000, 3000)]
    assert till.tasks() == ["news_missing"]
    with till.session() as session:
        assert {fact.learnt_by for fact in session.scalars(select(PaymentFact))} == {"poll"}
    # A refund in the dashboard of something long settled: found among what changed.
    till.vendor.refund(name(online), Money.eur("5.00"))
    till.later(hours=1)
    jobs.catch_up(till.work)
    assert sorted(till.gifts()) == [(2500, 2000), (3000, 3000)]


def test_a_look_that_was_only_quicker_than_the_news_alarms_nobody(till: Till) -> None:
    online = till.begin()
    till.later(minutes=5)
    till.vendor.pay(name(online))
    till.later(minutes=1)
    jobs.poll_gateways(till.work)
    assert (till.gifts(), till.tasks()) == ([(2500, 2500)], [])


def test_api_down_while_handling_the_webhook(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    online = till.begin()
    till.vendor.pay(name(online))
    down = failing(Unavailable(outcome_unknown=False, why="down"), 3)
    monkeypatch.setattr(till.gateway, "fetch", down(till.gateway.fetch))
    assert till.news(name(online)) == {"done": 0, "ignored": 0, "later": 1}
    waits = []
    while till.gifts() == []:
        ((state, note),) = notes(till)
        assert (state, note) == ("waiting", "The gateway does not answer (down).")
        till.later(seconds=1)
        waits.append(post.work_through(till.cashier)["later"])
    assert [second for second, later in enumerate(waits, 1) if later] == [5, 20]
    assert notes(till) == [("done", "1 new: received")]


def test_what_cannot_be_booked_keeps_no_other_waiting(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """One payment trips over our own mistake: in the inbox, at a poll, at a charge."""
    bad, good = till.begin(), till.begin(amount="30.00")
    for each in (bad, good):
        till.vendor.pay(name(each))
        till.post(name(each))
    real = Gift.book.__func__  # type: ignore[attr-defined]

    def book(cls: type[Gift], session: Any, supporter: Supporter, money: Money, **fields: Any) -> Gift:
        if money == Money.eur("25.00"):
            raise KeyError("a mistake of ours")
        found: Gift = real(cls, session, supporter, money, **fields)
        return found

    monkeypatch.setattr(Gift, "book", classmethod(book))
    assert post.work_through(till.cashier) == {"done": 1, "ignored": 0, "later": 1}
    assert till.gifts() == [(3000, 3000)]
    third = till.begin(amount="35.00")
    till.vendor.pay(name(third))
    till.later(hours=1)
    jobs.poll_gateways(till.work)
    assert till.gifts() == [(3000, 3000), (3500, 3500)]
    again = till.online(bad.payment_id).next_sync_at
    assert again is not None
    assert again > till.now
    monkeypatch.undo()
    till.later(days=1)
    jobs.poll_gateways(till.work)
    assert till.gifts()[2:] == [(2500, 2500)]


def test_out_of_order_events(till: Till) -> None:
    """Every answer the vendor gave, in the worst order: what happened is what happened."""
    online = till.begin(amount="100.00")
    seen = [till.gateway.fetch(name(online))]

    def then(act: Callable[[], Any]) -> Any:
        till.later(minutes=1)
        found = act()
        seen.append(till.gateway.fetch(name(online)))
        return found

    then(lambda: till.vendor.process(name(online)))
    then(lambda: till.vendor.pay(name(online)))
    back = then(lambda: till.vendor.refund(name(online), Money.eur("30.00")))
    then(lambda: till.vendor.fail_refund(name(online), back))
    taken = then(lambda: till.vendor.charge_back(name(online), Money.eur("100.00")))
    then(lambda: till.vendor.reverse_chargeback(name(online), taken))
    for snapshot in (seen[6], seen[0], seen[3], seen[1], seen[5], seen[2], seen[4], seen[0]):
        till.cashier.book(online.payment_id, snapshot, "webhook")
    assert till.gifts() == [(10000, 10000)]
    assert [kind for kind, _, _ in till.facts()] == [
        "received", "refunded", "refund_returned", "charged_back", "chargeback_reversed",
    ]  # fmt: skip
    found = till.online(online.payment_id)
    assert (found.step, found.payment.state) == ("paid", "booked")


# -- 9 to 13: bank money that is not there yet, or no longer ----------------------------------------------------------


def test_sepa_unpaid_completion(till: Till) -> None:
    """The donor is done and the bank is not: no thanks yet, and no second payment."""
    checkout = till.checkout(method="sepa_debit")
    online = till.cashier.begin(checkout)
    till.vendor.process(name(online))
    till.news(name(online))
    assert till.online(online.payment_id).step == "processing"
    assert (till.gifts(), till.mails(), till.tasks()) == ([], [], [])
    again = till.cashier.begin(checkout)
    assert (again.payment_id, till.vendor.count("payments")) == (online.payment_id, 1)
    till.later(days=4)
    till.vendor.pay(name(online))
    till.news(name(online))
    assert (till.gifts(), till.mails()) == ([(2500, 2500)], ["gift_receipt"])


@pytest.mark.parametrize("days", [10, 395])
def test_chargeback(till: Till, days: int) -> None:
    """After days or after thirteen months, when the year of the gift is long closed."""
    online = till.charged()
    till.later(days=days)
    with till.session() as session:
        if till.now.year > 2027:
            FinancialYear.close(session, 2027, by=ANNA, now=till.now)
            session.commit()
    till.vendor.charge_back(name(online), Money.eur("10.00"))
    till.news(name(online))
    assert till.gifts() == [(1000, 1000), (1000, 0)]
    today = till.settings.day_of(till.now)
    with till.session() as session:
        (reversal,) = session.scalars(select(Gift).order_by(Gift.id.desc()).limit(1)).one().reversals
        assert (reversal.kind, reversal.reversed_on, reversal.reason_code) == ("chargeback", today, "MD06")
    commitment = till.commitment()
    assert (commitment.state(today), commitment.instalments[1].status) == ("paused", "returned")
    assert till.tasks() == ["charged_back"]
    till.later(days=62)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2, "nothing is charged until a person has looked"


@pytest.mark.parametrize("pause", [(0, 30), (20, 60), (20, None), (-5, None)], ids=str)
def test_a_chargeback_holds_a_commitment_that_has_a_pause(till: Till, pause: tuple[int, int | None]) -> None:
    """Which begins later, or ends before a person has looked: nothing is charged before, between or after."""
    online = till.charged()
    today = till.settings.day_of(till.now)
    begins, ends = (None if days is None else today + timedelta(days=days) for days in pause)
    assert begins is not None
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.pause(session, from_on=begins, until_on=ends, by=ANNA, now=till.now)
        session.commit()
    till.vendor.charge_back(name(online), Money.eur("10.00"))
    till.news(name(online))
    assert till.gifts() == [(1000, 1000), (1000, 0)]
    for _ in range(8):
        till.later(days=16)
        assert till.commitment().state(till.settings.day_of(till.now)) == "paused"
        jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2


def test_a_chargeback_that_is_known_before_the_mandate_holds_what_then_begins(till: Till) -> None:
    """A first payment is taken back before the vendor has made its mandate."""
    online = till.begin("commitment", "10.00")
    till.vendor.pay(name(online))
    with_mandate = till.gateway.fetch(name(online))
    till.cashier.book(online.payment_id, replace(with_mandate, mandate=None), "webhook")
    till.vendor.charge_back(name(online), Money.eur("10.00"))
    taken_back = till.gateway.fetch(name(online))
    till.cashier.book(online.payment_id, replace(taken_back, mandate=None), "webhook")
    with till.session() as session:
        assert session.scalar(select(func.count(Commitment.id))) == 0
    till.news(name(online))
    commitment = till.commitment()
    assert (commitment.state(till.settings.day_of(till.now)), commitment.instalments[0].status) == (
        "paused", "returned",
    )  # fmt: skip
    till.later(days=62)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 1


def test_chargeback_after_refund(till: Till) -> None:
    """Both happened. What went back twice is a loss that a person contests, and is nothing once it came again."""
    online = till.given(amount="100.00")
    refund(till, online.payment_id, "60.00")
    back = till.vendor.charge_back(name(online), Money.eur("100.00"))
    till.news(name(online))
    assert till.facts()[1:] == [("refunded", 6000, 6000), ("charged_back", 10000, 4000)]
    assert till.gifts() == [(10000, 0)]
    assert sorted(till.tasks()) == ["charged_back", "paid_back_twice"]
    with till.session() as session:
        told = session.scalars(select(Task).where(Task.kind == "paid_back_twice")).one()
        assert "EUR 60.00" in told.title
    till.vendor.reverse_chargeback(name(online), back)
    till.news(name(online))
    assert till.gifts() == [(10000, 4000)]
    assert till.tasks() == ["charged_back"]


def test_a_refund_that_comes_back_makes_room_for_the_chargeback_that_was_a_loss(till: Till) -> None:
    online = till.given(amount="100.00")
    refund(till, online.payment_id, "100.00")
    till.vendor.charge_back(name(online), Money.eur("100.00"))
    till.news(name(online))
    (made,) = till.gateway.fetch(name(online)).refunds
    till.vendor.fail_refund(name(online), made.external_id)
    till.news(name(online))
    assert till.gifts() == [(10000, 0)], "the donor has it, by their bank"
    assert till.online(online.payment_id).payment.state == "returned"
    assert "paid_back_twice" not in till.tasks()


def test_refund_fails_later(till: Till) -> None:
    online = till.given()
    refund_id = refund(till, online.payment_id)
    assert (till.gifts(), refund_state(till, refund_id)) == ([(2500, 0)], "done")
    (made,) = till.gateway.fetch(name(online)).refunds
    till.later(days=3)
    till.vendor.fail_refund(name(online), made.external_id)
    till.news(name(online))
    assert (till.gifts(), refund_state(till, refund_id)) == ([(2500, 2500)], "failed")
    assert [kind for kind, _, _ in till.facts()] == ["received", "refunded", "refund_returned"]
    assert till.tasks() == ["refund_failed"]


def test_a_refund_that_fails_opens_again_what_it_was_to_put_right(till: Till) -> None:
    """A second payment was given back, in the vendor's dashboard, and the task about it was done."""
    test_a_second_real_payment_of_one_checkout_is_booked_flagged_and_can_go_back(till)
    with till.session() as session:
        session.scalars(select(Task)).one().finish(session, "given back", by=ANNA, now=till.now)
        session.commit()
        flagged = session.scalars(select(OnlinePayment).where(OnlinePayment.duplicate_of_id.is_not(None))).one()
    assert till.tasks() == []
    (made,) = till.gateway.fetch(name(flagged)).refunds
    till.vendor.fail_refund(name(flagged), made.external_id)
    for _ in range(2):
        till.news(name(flagged))
    assert till.tasks() == ["second_payment", "refund_failed"]
    assert till.gifts() == [(2500, 2500)] * 2


def test_a_refund_that_waits_is_looked_at_until_it_is_done(till: Till) -> None:
    """No news comes of it, and an old answer does not undo what a later one said."""
    till.gateway.vendor.refunds_wait = True
    online = till.given()
    refund_id = refund(till, online.payment_id)
    old = till.gateway.fetch(name(online))
    assert (refund_state(till, refund_id), till.gifts()) == ("pending", [(2500, 2500)])
    till.vendor.finish_refunds(name(online))
    till.later(days=1)
    jobs.poll_gateways(till.work)
    assert (refund_state(till, refund_id), till.gifts()) == ("done", [(2500, 0)])
    till.cashier.book(online.payment_id, old, "webhook")
    assert refund_state(till, refund_id) == "done"
    for _ in range(9):
        till.later(days=1)
        jobs.poll_gateways(till.work)
    assert till.online(online.payment_id).next_sync_at is None


def test_a_refund_is_not_sent_where_the_donor_took_the_money_back_meanwhile(till: Till) -> None:
    online = till.given(amount="100.00")
    with till.session() as session:
        row = session.get_one(OnlinePayment, online.id)
        made = Refund.request(session, row, None, why="asked", limit=LIMIT, by=ANNA, now=till.now)
        session.commit()
        refund_id = made.id
    till.vendor.charge_back(name(online), Money.eur("100.00"))
    till.news(name(online))
    jobs.send_refunds(till.work)
    assert (refund_state(till, refund_id), till.vendor.count("refunds")) == ("failed", 0)
    assert sorted(till.tasks()) == ["charged_back", "refund_failed"]


@pytest.mark.parametrize("trouble", ["drop", "500", "429"])
def test_a_refund_whose_answer_was_lost_is_sent_once(till: Till, trouble: Any) -> None:
    online = till.given()
    till.vendor.trouble(trouble)
    refund_id = refund(till, online.payment_id)
    assert refund_state(till, refund_id) == ("ready" if trouble == "429" else "unknown")
    till.later(minutes=6)
    jobs.send_refunds(till.work)
    assert (refund_state(till, refund_id), till.vendor.count("refunds")) == ("done", 1)
    assert till.gifts() == [(2500, 0)]


def test_refund_made_in_the_dashboard(till: Till) -> None:
    """It is the vendor's staff's, beside ours and not instead of it."""
    online = till.given(amount="100.00")
    ours = refund(till, online.payment_id, "30.00")
    theirs = till.vendor.refund(name(online), Money.eur("30.00"))
    for _ in range(2):
        till.news(name(online))
    assert till.facts()[1:] == [("refunded", 3000, 3000)] * 2
    assert till.gifts() == [(10000, 4000)]
    with till.session() as session:
        (row,) = session.scalars(select(Refund))
        assert (row.id, row.state) == (ours, "done")
        assert row.external_id != theirs
        with pytest.raises(Refused, match=r"At most EUR 40\.00"):
            Refund.request(
                session, session.get_one(OnlinePayment, online.id), Money.eur("41.00"), why="x", limit=LIMIT, by=ANNA,
                now=till.now,
            )  # fmt: skip
    till.vendor.fail_refund(name(online), theirs)
    till.news(name(online))
    assert (till.gifts(), till.tasks()) == ([(10000, 7000)], ["refund_failed"])


# -- 14 to 18: mandates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["declined", "ended", "gone"])
def test_mandate_invalid_410_or_declined_hard(till: Till, how: str) -> None:
    till.given("commitment", "10.00")
    first = till.last()
    ref = MandateRef(mandate_of(till).customer, mandate_of(till).external_id)
    till.later(days=31)
    if how == "declined":
        till.vendor.decline_next_charge("hard")
    elif how == "ended":
        till.vendor.end_mandate(ref)
    else:
        till.gateway.vendor.mandates.pop(ref)
        till.gateway.vendor.customers.discard(ref.customer)
        till.gateway.vendor.get(name(first)).mandate = None
    # Another mandate of the same customer is never charged instead.
    other = MandateRef(ref.customer, "memmdt_another")
    till.gateway.vendor.mandates[other] = MandateSnapshot(other, "valid", "card")
    jobs.charge_due(till.work)
    assert (mandate_of(till).state, till.mails()[-1]) == ("invalid", "charge_needs_you")
    till.news(name(first))  # The vendor calls it valid still, where it only refused to charge it.
    assert mandate_of(till).state == "invalid"
    for _ in range(20):
        till.later(days=1)
        jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 1
    assert (till.commitment().instalments[1].status, till.gifts()) == ("returned", [(1000, 1000)])
    # The donor makes a new one by the link, also where the vendor forgot who they were.
    online = till.cashier.begin(repair(till, 2))
    till.vendor.pay(name(online))
    till.news(name(online))
    assert (mandate_of(till).state, mandate_of(till).external_id != ref.mandate) == ("valid", True)
    assert (till.commitment().instalments[1].status, till.gifts()) == ("paid", [(1000, 1000)] * 2)
    till.later(days=31)
    jobs.charge_due(till.work)
    assert till.gifts() == [(1000, 1000)] * 3


def test_a_mandate_that_was_revoked_at_the_gateway_is_mirrored(till: Till) -> None:
    """By the news of its first payment; an old answer does not make it valid again, nor does a new one."""
    online = till.given("commitment", "10.00")
    valid = till.gateway.fetch(name(online))
    till.vendor.end_mandate(MandateRef(mandate_of(till).customer, mandate_of(till).external_id))
    till.later(days=1)
    till.news(name(online))
    assert (mandate_of(till).state, mandate_of(till).reason) == ("invalid", "ended by the donor")
    till.cashier.book(online.payment_id, valid, "webhook")
    assert mandate_of(till).state == "invalid"
    till.later(days=31)
    jobs.charge_due(till.work)
    assert (till.vendor.count("payments"), till.tasks()) == (1, ["mandate_over"])
    jobs.gateway_mandates(till.work)


def test_a_charge_that_waits_to_be_tried_again_is_not_when_its_mandate_is_over(till: Till) -> None:
    first = till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("soft")
    jobs.charge_due(till.work)
    assert till.commitment().instalments[1].status == "due"
    till.vendor.end_mandate(MandateRef(mandate_of(till).customer, mandate_of(till).external_id))
    till.news(name(first))
    found = till.commitment().instalments[1]
    assert (found.status, found.not_before_on, till.tasks()) == ("returned", None, ["mandate_over"])
    online = till.cashier.begin(repair(till, 2))
    till.vendor.pay(name(online))
    till.news(name(online))
    assert till.gifts() == [(1000, 1000)] * 2


def test_soft_decline(till: Till) -> None:
    """Three tries more, on days that are told; then it lapses, and the next month is charged as ever."""
    till.given("commitment", "10.00")
    till.later(days=31)
    tried = []
    for _ in range(30):
        till.gateway.vendor.declines.clear()
        till.vendor.decline_next_charge("soft")
        before = till.last().id
        jobs.charge_due(till.work)
        if till.last().id != before:
            tried.append(till.settings.day_of(till.now))
        till.later(days=1)
    assert [(day - tried[0]).days for day in tried] == [0, 3, 10, 24]
    assert till.mails().count("charge_retry") == 3
    assert till.mails().count("charge_given_up") == 1
    assert (till.commitment().instalments[1].status, till.tasks()) == ("returned", ["charge_failed"])
    till.gateway.vendor.declines.clear()
    till.later(days=1)
    jobs.charge_due(till.work)
    assert [i.status for i in till.commitment().instalments] == ["paid", "returned", "paid"]
    assert mandate_of(till).state == "valid"


def test_a_donor_who_opens_the_link_and_leaves_is_tried_again_as_was_told(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("soft")
    jobs.charge_due(till.work)
    checkout = repair(till, 2)
    online = till.cashier.begin(checkout)
    assert till.commitment().instalments[1].status == "claimed"
    with pytest.raises(Refused, match="under way already"):
        till.later(seconds=1)
        till.cashier.begin(repair(till, 2))
    till.vendor.expire(name(online))
    till.news(name(online))
    assert till.commitment().instalments[1].status == "due"
    till.later(days=3)
    jobs.charge_due(till.work)
    assert till.gifts() == [(1000, 1000)] * 2
    with pytest.raises(Refused, match="paid already"):
        till.cashier.begin(checkout)
    assert till.vendor.count("payments") == 3


def test_authentication_required(till: Till) -> None:
    """The old attempt failed; the donor is asked to be there, by a link, and the mandate that works goes on."""
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("donor")
    jobs.charge_due(till.work)
    failed = till.last()
    assert (failed.step, failed.failure_kind, till.mails()[-1]) == ("failed", "donor", "charge_needs_you")
    for _ in range(20):
        till.later(days=1)
        jobs.charge_due(till.work)
    assert till.last().id == failed.id
    online = till.cashier.begin(repair(till, 2))
    assert online.purpose == "first"
    till.vendor.pay(name(online))
    till.news(name(online))
    assert (till.gifts(), till.commitment().instalments[1].status) == ([(1000, 1000)] * 2, "paid")
    assert till.online(failed.payment_id).step == "failed"
    jobs.gateway_mandates(till.work)
    with till.session() as session:
        old, new = session.scalars(select(GatewayMandate).order_by(GatewayMandate.id))
        assert (old.state, old.revoked_at is not None, new.state) == ("ended", True, "valid")


def test_donor_cancels(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is prepared is let go in the transaction that stops; the vendor is told until it says so itself."""
    till.given("commitment", "10.00")
    till.later(days=31)
    monkeypatch.setattr(jobs.Cashier, "charge", lambda self, payment_id: [])
    monkeypatch.setattr(jobs, "_prepared", lambda work, accounts: [])
    jobs.charge_due(till.work)
    monkeypatch.undo()
    assert till.last().step == "prepared"
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.stop(session, "donor_request", on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        session.commit()
    assert (till.last().step, till.last().payment.state) == ("cancelled", "cancelled")
    assert [i.status for i in till.commitment().instalments] == ["paid", "waived"]
    ref = MandateRef(mandate_of(till).customer, mandate_of(till).external_id)
    still_valid = failing(Unavailable(outcome_unknown=True), 1)(
        failing(RateLimited(), 1)(lambda ref: replace(till.gateway.mandate(ref)))
    )
    monkeypatch.setattr(till.gateway, "revoke", still_valid)
    for _ in range(4):
        jobs.gateway_mandates(till.work)
        assert (mandate_of(till).state, mandate_of(till).revoked_at) == ("ended", None)
        till.later(minutes=15)
    monkeypatch.undo()
    jobs.gateway_mandates(till.work)
    assert (till.gateway.mandate(ref).state, mandate_of(till).revoked_at) == ("invalid", till.now)
    jobs.charge_due(till.work)
    till.later(days=31)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 1


def test_a_vendor_that_forgot_the_mandate_has_revoked_it(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.given("commitment", "10.00")
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.stop(session, "donor_request", on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        session.commit()
    monkeypatch.setattr(till.gateway, "revoke", failing(Gone("no such mandate"), 9)(till.gateway.revoke))
    jobs.gateway_mandates(till.work)
    assert mandate_of(till).revoked_at == till.now


def test_who_stops_from_a_later_day_is_charged_until_then_and_no_longer(till: Till) -> None:
    till.given("commitment", "10.00")
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.stop(session, "donor_request", on=date(2027, 1, 15), by=ANNA, now=till.now)
        session.commit()
    assert mandate_of(till).state == "valid"
    till.later(days=31)
    jobs.charge_due(till.work)
    assert till.gifts() == [(1000, 1000)] * 2
    jobs.gateway_mandates(till.work)
    assert mandate_of(till).state == "valid"
    till.later(days=15)
    jobs.gateway_mandates(till.work)
    assert (mandate_of(till).state, mandate_of(till).revoked_at) == ("ended", till.now)
    till.later(days=31)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2


@pytest.mark.parametrize("late_days", [27, 90])
@pytest.mark.parametrize("away", [31, 69, 370])
def test_scheduler_runs_twice_or_skips_days(till: Till, away: int, late_days: int) -> None:
    """Once for the period, whatever ran how often; after months in which nothing ran, one period and not all."""
    till.settings = replace(till.settings, late_days=late_days)
    till.given("commitment", "10.00")
    till.later(days=away)
    for _ in range(3):
        jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2
    statuses = [i.status for i in till.commitment().instalments]
    assert statuses == ["paid", *["missed"] * (len(statuses) - 2), "paid"]
    with till.session() as session:
        held = select(func.count()).select_from(OnlinePayment).group_by(OnlinePayment.payment_id)
        assert set(session.scalars(held)) == {1}
        assert session.scalar(select(func.count(Instalment.id))) == len(statuses)


# -- 19 to 22: what the vendor says is not what we asked --------------------------------------------------------------


@pytest.mark.parametrize("cents", [0, 1])
def test_one_cent_ideal_setup(till: Till, cents: int) -> None:
    """What a vendor moves to make a mandate is never a gift: nothing at all, or a cent that goes back at once."""
    till.given("commitment", "10.00")
    with till.session() as session:
        there = session.scalars(select(Commitment)).one()
        checkout = Checkout.open(
            session, "mandate", Money.eur("0.00"), account="memory", fund=there.fund, submission_key="new-mandate",
            supporter=there.supporter, commitment=there, method="ideal", now=till.now,
        )  # fmt: skip
        session.commit()
        checkout_id = checkout.id
    old = mandate_of(till)
    online = till.cashier.begin(checkout_id)
    assert online.purpose == "setup"
    payment = till.gateway.vendor.get(name(online))
    payment.order = replace(payment.order, money=Money(cents))
    payment.change(till.now, money=Money(cents))
    till.vendor.pay(name(online))
    assert till.vendor.count("refunds") == cents
    for _ in range(2):
        till.news(name(online))
    assert (till.gifts(), till.facts()) == ([(1000, 1000)], [("received", 1000, 1000)])
    assert (till.online(online.payment_id).step, till.tasks()) == ("paid", [])
    assert mandate_of(till).id != old.id
    assert till.mails() == ["gift_receipt"]


def test_test_event_on_a_live_endpoint(till: Till) -> None:
    """News of the other mode is not even looked up, and a payment of the other mode is not booked."""
    online = till.begin()
    till.vendor.pay(name(online))
    mode = [True]

    class Told:
        account = till.gateway.account

        def notifications(self, headers: Any, raw: bytes, now: Any) -> list[Nudge]:
            return [Nudge(name(online), "evt_1", "paid", is_live=mode[0])]

    told: Any = Told()
    with till.session() as session:
        assert Notification.receive(session, told, {}, b"{}", now=till.now)
        session.commit()
    assert post.work_through(till.cashier) == {"done": 0, "ignored": 0, "later": 0}
    assert notes(till) == [("ignored", "of another mode than the account: live or test")]
    mode[0] = False
    till.gateway.vendor.get(name(online)).change(till.now, is_live=True)
    with till.session() as session:
        assert Notification.receive(session, told, {}, b"{}", now=till.now)
        session.commit()
    assert post.work_through(till.cashier)["done"] == 1
    assert (till.gifts(), till.online(online.payment_id).step, till.tasks()) == ([], "parked", ["payment_parked"])


@pytest.mark.parametrize(
    "money", [Money.eur("24.99"), Money.eur("2500.00"), Money(2500, "USD")], ids=["less", "more", "currency"]
)
def test_amount_edited_or_wrong_currency(till: Till, money: Money) -> None:
    checkout = till.checkout()
    online = till.cashier.begin(checkout)
    till.gateway.vendor.get(name(online)).change(till.now, money=money)
    till.vendor.pay(name(online))
    for _ in range(3):
        till.news(name(online))
    found = till.online(online.payment_id)
    assert (found.step, found.next_sync_at) == ("parked", None)
    assert found.parked_for is not None
    assert str(money) in found.parked_for
    assert (till.gifts(), till.facts(), till.mails()) == ([], [], [])
    assert till.tasks() == ["payment_parked"]
    with pytest.raises(Refused, match="need not pay again"):
        till.cashier.begin(checkout)


def test_a_name_that_another_payment_has_is_parked(till: Till) -> None:
    one, other = till.begin(), till.checkout(amount="40.00")
    till.vendor.trouble("drop")
    with pytest.raises(Unavailable):
        till.cashier.begin(other)
    lost = till.last()
    theirs = till.gateway.vendor.payments[till.gateway.vendor.keys[lost.payment.reference][1]]  # type: ignore[index]
    theirs.change(till.now, "paid", paid_at=till.now, external_id=name(one))
    till.later(minutes=6)
    jobs.poll_gateways(till.work)
    assert till.online(lost.payment_id).step == "parked"
    assert till.gifts() == []


def test_money_is_booked_also_where_what_it_was_for_cannot_be_done(till: Till) -> None:
    """Somebody we know begins a commitment, and is reported dead before the news of its first payment."""
    till.given()
    with till.session() as session:
        known = session.scalars(select(Supporter)).one()
        checkout = Checkout.open(
            session, "commitment", Money.eur("10.00"), account="memory", fund=cast.fund(session), every="month",
            submission_key="again", supporter=known, method="card", now=till.now,
        )  # fmt: skip
        session.commit()
        checkout_id = checkout.id
    online = till.cashier.begin(checkout_id)
    till.vendor.pay(name(online))
    with till.session() as session:
        Death.report(session, session.scalars(select(Supporter)).one(), source="family", by=ANNA, now=till.now)
        session.commit()
    for _ in range(2):
        till.news(name(online))
    assert till.gifts() == [(2500, 2500), (1000, 1000)]
    assert till.tasks()[-1] == "checkout_incomplete"
    with till.session() as session:
        assert session.scalar(select(func.count(Commitment.id))) == 0
    jobs.gateway_mandates(till.work)
    assert [mandate.state for mandate in till.gateway.vendor.mandates.values()] == ["invalid"]


def test_payout_is_not_the_sum_of_its_lines(till: Till) -> None:
    """What a payout is compared with is kept: the vendor's fee, and its own name for the line."""
    online = till.begin()
    till.vendor.pay(name(online))
    till.news(name(online))
    assert (till.online(online.payment_id).fee, till.online(online.payment_id).balance_reference) == (None, None)
    known = till.gateway.vendor.get(name(online))
    known.change(till.now, fee=Money.eur("0.29"), balance_reference="baltr_1")
    before = till.gateway.fetch(name(online))
    till.news(name(online))
    till.cashier.book(online.payment_id, replace(before, fee=None, balance_reference=None), "webhook")
    found = till.online(online.payment_id)
    assert (found.fee, found.balance_reference) == (29, "baltr_1")
    assert till.gifts() == [(2500, 2500)], "a fee is no part of the gift"
