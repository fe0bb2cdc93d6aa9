"""From a form to the books: given once, every month, stopped, taken back. The vendor lives in this process."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from supporters.errors import NotAllowed, Refused
from supporters.giving.commitment import Commitment
from supporters.money import Money
from supporters.payments.gateway import MandateRef
from supporters.payments.online import jobs, post
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.inbox import Notification
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.payments.payment import Payment
from supporters.people.supporter import Supporter
from tests.cast import ANNA, BRAM
from tests.supporters.payments.online.till import ADA, Till


def test_a_gift_is_booked_when_the_vendor_says_it_is_paid_and_once(till: Till) -> None:
    online = till.begin()
    assert (online.step, online.purpose) == ("open", "one_off")
    assert online.checkout_url
    with till.session() as session:
        assert session.scalar(select(func.count(Supporter.id))) == 0
    assert online.external_id is not None
    till.vendor.pay(online.external_id)
    for _ in range(3):
        till.news(online.external_id)
    till.cashier.sync(online.payment_id, "return")
    assert (till.gifts(), till.facts(), till.mails()) == ([(2500, 2500)], [("received", 2500, 2500)], ["gift_receipt"])
    with till.session() as session:
        supporter = session.scalars(select(Supporter)).one()
        assert (supporter.name, supporter.email) == ("Ada Lovelace", "ada@example.org")
        checkout = session.scalars(select(Checkout)).one()
        assert (checkout.sealed_person, checkout.supporter_id) == (None, supporter.id)
        assert checkout.completed_at is not None


def test_who_gives_again_is_the_same_supporter_and_another_name_is_another(till: Till) -> None:
    till.given()
    till.given()
    till.given(person=Person("Byron", "Lovelace", ADA.email))
    with till.session() as session:
        assert sorted(s.first_name for s in session.scalars(select(Supporter))) == ["Ada", "Byron"]


def test_the_same_form_twice_is_one_payment(till: Till) -> None:
    one, two = (till.begin(submission_key="form-1") for _ in range(2))
    assert (one.payment_id, one.checkout_url) == (two.payment_id, two.checkout_url)
    assert till.vendor.count("payments") == 1


def test_a_payment_that_came_to_nothing_can_be_tried_again(till: Till) -> None:
    checkout = till.checkout()
    first = till.cashier.begin(checkout)
    assert first.external_id is not None
    till.vendor.give_up(first.external_id)
    till.news(first.external_id)
    assert till.online(first.payment_id).step == "cancelled"
    second = till.cashier.begin(checkout)
    assert second.payment_id != first.payment_id
    assert second.external_id is not None
    till.vendor.pay(second.external_id)
    till.news(second.external_id)
    assert till.gifts() == [(2500, 2500)]
    with pytest.raises(Refused, match="paid already"):
        till.cashier.begin(checkout)


def test_a_first_payment_starts_a_commitment_that_is_charged_every_month(till: Till) -> None:
    till.given("commitment", "10.00")
    commitment = till.commitment()
    assert (commitment.method, commitment.money, commitment.next_due_on) == (
        "online", Money.eur("10.00"), date(2027, 1, 1),
    )  # fmt: skip
    assert [(i.number, i.status) for i in commitment.instalments] == [(1, "paid")]
    assert commitment.gateway_mandate is not None
    assert commitment.gateway_mandate.state == "valid"
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 1
    till.later(days=31)
    for _ in range(2):
        jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2
    assert till.gifts() == [(1000, 1000)] * 2
    assert [(i.number, i.status) for i in till.commitment().instalments] == [(1, "paid"), (2, "paid")]
    assert till.mails() == ["gift_receipt", "charge_notice"]


def test_a_paused_or_stopped_commitment_is_not_charged_and_its_mandate_ends_at_the_vendor(till: Till) -> None:
    till.given("commitment", "10.00")
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.pause(session, from_on=date(2026, 12, 20), until_on=date(2027, 1, 20), by=ANNA, now=till.now)
        session.commit()
    till.later(days=31)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 1
    till.later(days=31)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2
    with till.session() as session:
        found = session.scalars(select(Commitment)).one()
        found.stop(session, "donor_request", on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        session.commit()
    jobs.gateway_mandates(till.work)
    mandate = till.commitment().gateway_mandate
    assert mandate is not None
    assert (mandate.state, mandate.revoked_at is not None) == ("ended", True)
    till.later(days=62)
    jobs.charge_due(till.work)
    assert till.vendor.count("payments") == 2


def test_money_goes_back_with_a_second_person_above_the_limit(till: Till) -> None:
    online = till.given(amount="250.00")
    with till.session() as session:
        row = session.scalars(select(OnlinePayment)).one()
        small = Refund.request(
            session, row, Money.eur("50.00"), why="asked", limit=Money.eur("100.00"), by=ANNA, now=till.now
        )
        large = Refund.request(session, row, None, why="asked", limit=Money.eur("100.00"), by=ANNA, now=till.now)
        assert (small.state, large.state, large.money) == ("ready", "waiting", Money.eur("200.00"))
        with pytest.raises(NotAllowed):
            large.approve(session, by=ANNA, now=till.now)
        with pytest.raises(Refused, match=r"At most EUR 0\.00"):
            Refund.request(session, row, Money.eur("1.00"), why="x", limit=Money.eur("100.00"), by=ANNA, now=till.now)
        session.commit()
        large_id = large.id
    jobs.send_refunds(till.work)
    assert till.gifts() == [(25000, 20000)]
    with till.session() as session:
        session.get_one(Refund, large_id).approve(session, by=BRAM, now=till.now)
        session.commit()
    jobs.send_refunds(till.work)
    jobs.send_refunds(till.work)
    assert till.gifts() == [(25000, 0)]
    assert till.vendor.count("refunds") == 2
    with till.session() as session:
        assert {r.state for r in session.scalars(select(Refund))} == {"done"}
    assert till.facts()[1:] == [("refunded", 5000, 5000), ("refunded", 20000, 20000)]
    assert till.online(online.payment_id).step == "paid"


def test_a_chargeback_takes_the_gift_back_pauses_and_a_won_one_brings_it_again(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    jobs.charge_due(till.work)
    with till.session() as session:
        online = session.scalars(select(OnlinePayment).where(OnlinePayment.purpose == "recurring")).one()
        external_id = online.external_id
    assert external_id is not None
    back = till.vendor.charge_back(external_id, Money.eur("10.00"))
    till.news(external_id)
    assert till.gifts() == [(1000, 1000), (1000, 0)]
    commitment = till.commitment()
    assert (commitment.state(till.settings.day_of(till.now)), commitment.instalments[1].status) == (
        "paused", "returned",
    )  # fmt: skip
    assert till.tasks() == ["charged_back"]
    till.later(days=10)
    till.vendor.reverse_chargeback(external_id, back)
    till.news(external_id)
    assert till.gifts() == [(1000, 1000), (1000, 1000)]
    assert till.commitment().instalments[1].status == "paid"


def test_a_soft_decline_is_tried_again_three_times_and_then_a_person_decides(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    for wait in (3, 7, 14):
        till.vendor.decline_next_charge("soft")
        jobs.charge_due(till.work)
        (_, second) = till.commitment().instalments
        today = till.settings.day_of(till.now)
        assert (second.status, second.not_before_on) == ("due", today + timedelta(days=wait))
        till.later(days=wait - 1)
        jobs.charge_due(till.work)
        till.later(days=1)
    till.vendor.decline_next_charge("soft")
    jobs.charge_due(till.work)
    assert till.commitment().instalments[1].status == "returned"
    assert till.tasks() == ["charge_failed"]
    assert till.mails().count("charge_retry") == 3
    assert till.mails()[-1] == "charge_given_up"
    assert till.gifts() == [(1000, 1000)]


def test_a_hard_decline_ends_the_mandate_and_the_donor_makes_a_new_one(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("hard")
    jobs.charge_due(till.work)
    commitment = till.commitment()
    assert commitment.gateway_mandate is not None
    assert (commitment.gateway_mandate.state, till.mails()[-1]) == ("invalid", "charge_needs_you")
    with till.session() as session:
        there = session.get_one(Commitment, commitment.id)
        checkout = Checkout.open(
            session, "mandate", there.money, account="memory", fund=there.fund, submission_key="repair",
            supporter=there.supporter, commitment=there, instalment=there.instalments[1], method="card", now=till.now,
        )  # fmt: skip
        session.commit()
        checkout_id = checkout.id
    online = till.cashier.begin(checkout_id)
    assert (online.purpose, till.commitment().instalments[1].status) == ("first", "claimed")
    assert online.external_id is not None
    till.vendor.pay(online.external_id)
    till.news(online.external_id)
    commitment = till.commitment()
    assert commitment.gateway_mandate is not None
    assert (commitment.gateway_mandate.state, commitment.instalments[1].status) == ("valid", "paid")
    assert till.gifts() == [(1000, 1000)] * 2


def test_an_answer_that_was_lost_is_asked_for_with_the_same_key(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.trouble("drop")
    jobs.charge_due(till.work)
    with till.session() as session:
        assert (
            session.scalars(select(OnlinePayment).where(OnlinePayment.purpose == "recurring")).one().step == "unknown"
        )
    till.later(minutes=6)
    jobs.poll_gateways(till.work)
    assert till.vendor.count("payments") == 2
    assert till.gifts() == [(1000, 1000)] * 2


def test_a_second_real_payment_is_a_flagged_gift(till: Till) -> None:
    checkout = till.checkout()
    first = till.cashier.begin(checkout)
    assert first.external_id is not None
    till.vendor.give_up(first.external_id)
    till.news(first.external_id)
    second = till.cashier.begin(checkout)
    assert second.external_id is not None
    till.vendor.pay(second.external_id)
    till.news(second.external_id)
    with till.session() as session:
        session.execute(select(Payment.id))
        # The first was cancelled here, and paid at the vendor all the same.
        assert till.gateway.vendor.get(first.external_id).snapshot.state == "cancelled"
        till.gateway.vendor.get(first.external_id).change(till.now, "open")
    till.vendor.pay(first.external_id)
    till.news(first.external_id)
    assert till.gifts() == [(2500, 2500)] * 2
    assert till.online(first.payment_id).duplicate_of_id == second.payment_id
    assert (till.tasks(), till.mails()) == (["second_payment"], ["gift_receipt"])


def test_news_of_a_mandate_alone_is_looked_at(till: Till) -> None:
    till.given("commitment", "10.00")
    mandate = till.commitment().gateway_mandate
    assert mandate is not None
    till.vendor.end_mandate(MandateRef(mandate.customer, mandate.external_id))
    with till.session() as session:
        session.add(
            Notification(
                account="memory", received_at=till.now, headers={}, size=0, digest=b"d" * 32,
                kind="mandate", external_id=mandate.external_id, state="waiting", next_at=till.now,
            )
        )  # fmt: skip
        session.commit()
    assert post.work_through(till.cashier) == {"done": 1, "ignored": 0, "later": 0}
    mandate = till.commitment().gateway_mandate
    assert mandate is not None
    assert mandate.state == "invalid"
