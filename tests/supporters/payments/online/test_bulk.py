"""What is booked together is what is booked one by one: the same rows, but for their keys."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select

from supporters.audit import AuditEntry
from supporters.db import Base
from supporters.giving.gift import Designation, Gift
from supporters.giving.instalment import Instalment
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.gateway import Snapshot
from supporters.payments.online import booking, bulk, jobs
from supporters.payments.online.booking import Learning
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from tests.supporters.payments.online.till import Till

TABLES: tuple[type[Base], ...] = (
    Gift, Designation, PaymentFact, Payment, OnlinePayment, Instalment, Checkout, OutboxMessage, AuditEntry,
)  # fmt: skip
#: Made at random, or another number for the same thing because rows were written in another order.
DIFFER = {"sealed_address", "address_key", "token", "submission_key", "reference", "external_id", "checkout_url"}


def history(till: Till) -> list[int]:
    """Debits that fell due, one of them refunded already, and what was given at forms; all paid, none booked."""
    for name in ("Ada", "Suzie", "Sam"):
        person = Person(name, "Q", f"{name.lower()}@example.org")
        till.given("commitment", "10.00", method="ideal", person=person)
    till.later(days=12)
    jobs.charge_due(till.work)  # tells them
    till.later(days=19)
    jobs.charge_due(till.work)
    online = [
        till.begin(amount="25.00"),
        till.begin("commitment", "7.00", person=Person("Mary", "Jackson", "mary@example.org")),
    ]
    with till.session() as session:
        debits = list(session.scalars(select(OnlinePayment).where(OnlinePayment.step == "processing")))
        session.expunge_all()
    assert len(debits) == 3
    for one in (*debits, *online):
        assert one.external_id is not None
        till.vendor.pay(one.external_id)
    assert debits[2].external_id is not None
    till.vendor.refund(debits[2].external_id, Money.eur("2.00"))
    return [one.payment_id for one in (*debits, *online)]


def snapshots(till: Till, ids: list[int]) -> dict[int, Snapshot]:
    found = {}
    for payment_id in ids:
        online = till.online(payment_id)
        snapshot = till.gateway.find(online.order("x"))
        assert snapshot is not None
        found[payment_id] = snapshot
    return found


def state(till: Till) -> dict[str, list[dict[str, Any]]]:
    with till.session() as session:
        return {
            table.__tablename__: sorted(
                (
                    {column.name: value for column in table.__table__.columns
                     if (value := getattr(row, column.name)) is not None
                     and column.name not in DIFFER and column.name != "id" and not column.name.endswith("_id")
                     and not (column.name in ("key", "booking_key") and ":" in str(value))}
                    for row in session.scalars(select(table))
                ),
                key=repr,
            )
            for table in TABLES
        }  # fmt: skip


def test_together_and_one_by_one_are_the_same_books(fresh_engine: Engine, databases: Any) -> None:
    together = Till(fresh_engine)
    other = databases.create()
    alone = Till(other)
    for till in (together, alone):
        ids = history(till)
        assert len(ids) == 5
        seen = snapshots(till, ids)
        how = Learning("webhook", till.cashier.actor("memory"), till.now, till.settings.day_of)
        with till.session() as session:
            booked = bulk.learn_plain(session, seen, how) if till is together else set()
            # Two debits are plain; one had a refund, and what was given at forms is looked at one by one.
            assert len(booked) == (2 if till is together else 0)
            for payment_id in ids:
                if payment_id not in booked:
                    online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
                    booking.learn(session, online, seen[payment_id], how)
            session.commit()
    assert state(together) == state(alone)
    databases.drop(other)


def test_what_was_booked_together_is_booked_no_more(till: Till) -> None:
    ids = history(till)
    for _ in range(3):
        till.cashier.sync_many(ids, "poll")
    with till.session() as session:
        assert len(session.scalars(select(Gift)).all()) == 8
        assert len(session.scalars(select(PaymentFact).where(PaymentFact.kind == "received")).all()) == 8


@pytest.mark.parametrize("fault", ["key", "money"])
def test_what_is_not_what_we_asked_is_not_booked_together(till: Till, fault: str) -> None:
    online = till.begin()
    assert online.external_id is not None
    till.vendor.pay(online.external_id)
    payment = till.gateway.vendor.get(online.external_id)
    from dataclasses import replace

    payment.snapshot = replace(
        payment.snapshot, **({"key": "another"} if fault == "key" else {"money": Money.eur("26.00")})
    )
    till.cashier.sync_many([online.payment_id], "webhook")
    assert till.online(online.payment_id).step == "parked"
    with till.session() as session:
        assert session.scalars(select(Gift)).all() == []
