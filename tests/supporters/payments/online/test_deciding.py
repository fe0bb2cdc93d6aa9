"""What a person decides about a payment, and about a commitment whose charges fail."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from supporters.audit import AuditEntry
from supporters.errors import NotAllowed, Refused
from supporters.giving.commitment import Commitment
from supporters.mail.letter import Letter, render
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.gateway import MandateRef
from supporters.payments.online import deciding, failing, jobs, vendor_mandates
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.people.timeline import timeline
from supporters.tasks import Task
from tests.cast import ANNA, CARL
from tests.supporters.payments.online.till import Till


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


def test_what_does_not_fit_and_is_not_ours_was_never_made(till: Till) -> None:
    online = parked(till)
    with till.session() as session:
        row = session.get_one(OnlinePayment, online.id)
        with pytest.raises(NotAllowed):
            row.never_made(session, by=CARL, now=till.now)
        row.never_made(session, by=ANNA, now=till.now, why="not ours")
        session.commit()
        assert (row.step, row.payment.state, row.failure_code) == ("cancelled", "cancelled", "never_made")
        (task,) = session.scalars(select(Task)).all()
        assert (task.kind, task.outcome, task.done_by) == ("payment_parked", "not ours", ANNA.key)
        trace = session.scalars(select(AuditEntry).where(AuditEntry.verb == "never_made")).one()
        assert (trace.by, trace.detail["why"]) == (ANNA.key, "not ours")
        with pytest.raises(Refused, match="is cancelled"):
            row.never_made(session, by=ANNA, now=till.now)


def test_what_does_not_fit_waits_while_the_donor_pays_in_another_way(till: Till) -> None:
    online = parked(till)
    assert online.checkout_id is not None
    with till.session() as session:
        session.get_one(OnlinePayment, online.id).step = "cancelled"
        session.commit()
    till.cashier.begin(online.checkout_id)
    with till.session() as session:
        session.get_one(OnlinePayment, online.id).step = "parked"
        session.commit()
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
    vendor_mandates.look_at(till.cashier, mandate.id)
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
