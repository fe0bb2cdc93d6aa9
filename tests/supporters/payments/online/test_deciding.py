"""What a person decides about a payment, and about a commitment whose charges fail."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from supporters.audit import AuditEntry
from supporters.errors import BadInput, NotAllowed, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.mail.letter import Letter, render
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.gateway import GatewayError, MandateRef
from supporters.payments.online import deciding, failing, jobs
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.people.timeline import timeline
from supporters.tasks import Task
from tests.cast import ANNA, CARL
from tests.supporters.payments.online.till import Till


def lost(till: Till) -> int:
    """A charge whose answer never came, two days ago."""
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.trouble("500", times=9)
    jobs.charge_due(till.work)
    till.later(days=2)
    jobs.poll_gateways(till.work)
    with till.session() as session:
        online = session.scalars(select(OnlinePayment).where(OnlinePayment.purpose == "recurring")).one()
        assert (online.step, online.next_sync_at) == ("unknown", None)
        return online.payment_id


def set_down(till: Till, payment_id: int, by: object = ANNA, why: str = "not there") -> None:
    with till.session() as session:
        online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
        deciding.set_down(session, online, why, by=by, now=till.now, day_of=till.settings.day_of)  # type: ignore[arg-type]
        session.commit()


def test_a_lost_charge_that_is_set_down_is_tried_again_and_its_task_is_done(till: Till) -> None:
    payment_id = lost(till)
    with pytest.raises(NotAllowed):
        set_down(till, payment_id, CARL)
    with pytest.raises(BadInput, match="what you saw"):
        set_down(till, payment_id, why=" ")
    set_down(till, payment_id)
    instalment = till.commitment().instalments[1]
    assert (instalment.status, instalment.not_before_on) != ("claimed", None)
    assert instalment.status == "due"
    with till.session() as session:
        (task,) = session.scalars(select(Task)).all()
        assert (task.kind, task.outcome, task.done_by) == ("payment_unknown", "not there", ANNA.key)
        trace = session.scalars(select(AuditEntry).where(AuditEntry.verb == "set_down")).one()
        assert (trace.by, trace.detail["why"]) == (ANNA.key, "not there")
    till.gateway.vendor.troubles.clear()
    till.later(days=3)
    jobs.charge_due(till.work)
    assert till.commitment().instalments[1].status == "paid"
    with pytest.raises(Refused, match="cannot be set down"):
        set_down(till, payment_id)


def test_money_of_a_payment_that_was_set_down_is_booked_when_it_comes_after_all(till: Till) -> None:
    checkout = till.checkout()
    till.vendor.trouble("500_done")
    with pytest.raises(GatewayError):
        till.cashier.begin(checkout)
    (external_id,) = till.gateway.vendor.payments
    with till.session() as session:
        online = session.scalars(select(OnlinePayment)).one()
        online.next_sync_at = None
        session.commit()
        payment_id = online.payment_id
    set_down(till, payment_id)
    assert till.online(payment_id).step == "failed"
    with till.session() as session:
        online = session.scalars(select(OnlinePayment)).one()
        online.external_id = external_id
        session.commit()
    till.vendor.pay(external_id)
    till.news(external_id)
    assert till.online(payment_id).step == "paid"
    with till.session() as session:
        assert [gift.amount for gift in session.scalars(select(Gift))] == [2500]


def parked(till: Till) -> OnlinePayment:
    online = till.begin()
    assert online.external_id is not None
    till.gateway.vendor.get(online.external_id).change(till.now, money=Money.eur("5.00"))
    till.vendor.pay(online.external_id)
    till.news(online.external_id)
    return till.online(online.payment_id)


def test_what_does_not_fit_is_put_back_unless_it_fits_now(till: Till) -> None:
    online = parked(till)
    assert online.external_id is not None

    def again() -> str:
        with till.session() as session:
            row = session.get_one(OnlinePayment, online.id)
            deciding.reconsider(session, row, by=ANNA, now=till.now)
            session.commit()
        till.cashier.sync(online.payment_id, "button")
        return till.online(online.payment_id).step

    assert again() == "parked"
    till.gateway.vendor.get(online.external_id).change(till.now, money=Money.eur("25.00"))
    assert again() == "paid"
    with pytest.raises(Refused, match="was not put aside"):
        again()


def test_what_does_not_fit_waits_while_the_donor_pays_in_another_way(till: Till) -> None:
    online = parked(till)
    with till.session() as session:
        assert online.checkout_id is not None
    till.cashier.begin(online.checkout_id)
    with till.session() as session, pytest.raises(Refused, match="in another way"):
        deciding.reconsider(session, session.get_one(OnlinePayment, online.id), by=ANNA, now=till.now)


def test_a_form_sent_twice_is_one_refund(till: Till) -> None:
    till.given()
    with till.session() as session:
        online = session.scalars(select(OnlinePayment)).one()
        made = [
            deciding.give_back(
                session, online, Money.eur("10.00"), why="asked", limit=Money.eur("100.00"), by=ANNA, now=till.now,
                key="one",
            ).id
            for _ in range(2)
        ]  # fmt: skip
        session.commit()
        assert made[0] == made[1]
        assert [refund.amount for refund in session.scalars(select(Refund))] == [1000]


# -- failing commitments ------------------------------------------------------------------------------------------


def why(till: Till) -> list[str]:
    with till.session() as session:
        return [row.why for row in session.execute(failing.failing(till.settings.day_of(till.now)))]


def send(till: Till) -> Letter:
    with till.session() as session:
        commitment = session.scalars(select(Commitment)).one()
        message = failing.send_link(session, commitment, on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        letter = render(session, message, settings=till.settings, now=till.now)
        session.commit()
    assert isinstance(letter, Letter)
    return letter


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        ("soft", "retry", "Wij proberen het op"),
        ("hard", "mandate", "niet meer geldig"),
        ("donor", "donor", "zelf goedkeurt"),
    ],
)  # fmt: skip
def test_a_charge_that_failed_is_in_the_queue_with_its_reason_and_its_letter(
    till: Till, kind: str, reason: str, words: str
) -> None:
    till.given("commitment", "10.00")
    assert why(till) == []
    till.later(days=31)
    till.vendor.decline_next_charge(kind)  # type: ignore[arg-type]
    jobs.charge_due(till.work)
    assert why(till) == [reason]
    assert words in send(till).text
    with pytest.raises(Refused, match="today already"):
        send(till)
    till.later(days=1)
    assert words in send(till).text
    with till.session() as session:
        sent = session.scalars(select(OutboxMessage).where(OutboxMessage.key.like("link:%"))).all()
        assert len(sent) == 2
        assert session.scalar(select(AuditEntry.by).where(AuditEntry.verb == "send_link").limit(1)) == ANNA.key


def test_a_mandate_that_ended_by_itself_is_told_without_a_charge_that_failed(till: Till) -> None:
    till.given("commitment", "10.00")
    mandate = till.commitment().gateway_mandate
    assert mandate is not None
    till.vendor.end_mandate(MandateRef(mandate.customer, mandate.external_id))
    till.cashier.look_at_mandate(mandate.id)
    assert why(till) == ["mandate"]
    letter = send(till)
    assert "De kaart of machtiging waarmee u ons" in letter.text and "€ 10,00" in letter.text.replace("\xa0", " ")


def test_what_was_given_up_or_taken_back_and_what_is_asked_for_again(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    for wait in (3, 7, 14, 0):
        till.vendor.decline_next_charge("soft")
        jobs.charge_due(till.work)
        till.later(days=wait)
    assert why(till) == ["given_up"]
    assert "een paar keer niet gelukt" in send(till).text
    with till.session() as session:
        commitment = session.scalars(select(Commitment)).one()
        commitment.ask_again(session, 2, by=ANNA, now=till.now)
        session.commit()
    assert why(till) == ["asked"]
    jobs.charge_due(till.work)
    assert why(till) == []
    with till.session() as session:
        online = session.scalars(select(OnlinePayment).order_by(OnlinePayment.id.desc())).first()
        assert online is not None and online.external_id is not None
        external_id = online.external_id
    till.vendor.charge_back(external_id, Money.eur("10.00"))
    till.news(external_id)
    assert why(till) == ["charged_back"]
    with pytest.raises(Refused, match="call them instead"):
        send(till)


def test_the_timeline_tells_of_payments_through_a_gateway_in_their_own_words(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("soft")
    jobs.charge_due(till.work)
    with till.session() as session:
        supporter = session.scalars(select(Commitment.supporter_id)).one()
        told = [entry.sentence for entry in timeline(session, supporter)[0] if entry.subject == "payment"]
    assert told == ["Charge of EUR 10.00 failed"]
