"""A counter inside the admin's application: a gateway in this process, donors who pay, and a clock that moves."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.money import Money
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import jobs, post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.inbox import Notification
from supporters.payments.online.payment import OnlinePayment
from supporters.registry import Work
from tests import cast

ACCOUNT = GatewayAccount("memory", "memory", "live_secret", True, ("hush",))
ADA = Person("Ada", "Lovelace", "ada@example.org")


class Counter:
    """``settings`` go into ``create_app``; ``open`` it with the application afterwards."""

    def __init__(self) -> None:
        self.gateway = MemoryGateway(ACCOUNT, now=lambda: self.now)
        self.vendor = MemoryBackstage(self.gateway)
        self.accounts = Accounts({"memory": self.gateway})
        self.app: Flask | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return {"SUPPORTERS_GATEWAYS": self.accounts, "SUPPORTERS_PUBLIC_URL": "https://charity.example"}

    def open(self, app: Flask) -> Counter:
        self.app = app
        with self.session() as session:
            cast.fund(session)
            session.commit()
        return self

    @property
    def now(self) -> datetime:
        if self.app is None:
            return cast.NOW
        with self.app.app_context():
            moment: datetime = self.app.extensions["supporters"].now()
            return moment

    def later(self, **time: float) -> None:
        assert self.app is not None
        settings = self.app.extensions["supporters_settings"]
        self.app.extensions["supporters_settings"] = replace(settings, now=self.now + timedelta(**time))

    @contextmanager
    def session(self) -> Any:
        assert self.app is not None
        with self.app.app_context():
            engine = self.app.extensions["sqlalchemy"].engine
        with Session(engine) as session:
            yield session

    @property
    def work(self) -> Work:
        assert self.app is not None
        return Work(self.session, self.app.extensions["supporters_settings"], lambda: self.now)

    @property
    def cashier(self) -> Any:
        found = jobs.cashier(self.work)
        assert found is not None
        return found

    # -- what happens --------------------------------------------------------------------------------------------

    def checkout(self, kind: str = "gift", amount: str = "25.00", *, person: Person | None = ADA, **fields: Any) -> int:
        with self.session() as session:
            every = "month" if kind == "commitment" else None
            checkout = Checkout.open(
                session, kind, Money.eur(amount), account="memory", fund=cast.fund(session),
                submission_key=str(uuid.uuid4()), person=person, now=self.now,
                **({"every": every, "method": "card"} | fields),
            )  # fmt: skip
            session.commit()
            return checkout.id

    def begin(self, kind: str = "gift", amount: str = "25.00", **fields: Any) -> OnlinePayment:
        found: OnlinePayment = self.cashier.begin(self.checkout(kind, amount, **fields))
        return found

    def given(self, kind: str = "gift", amount: str = "25.00", **fields: Any) -> int:
        """Begun, paid, and learnt by the news; the payment's number."""
        online = self.begin(kind, amount, **fields)
        assert online.external_id is not None
        self.vendor.pay(online.external_id)
        self.news(online.external_id)
        return online.payment_id

    def paid_twice(self, amount: str = "25.00") -> int:
        """The donor gave up, paid anew, and the first came in after all; the number of that second payment."""
        checkout = self.checkout(amount=amount)
        first = self.cashier.begin(checkout)
        self.vendor.give_up(first.external_id)
        self.news(first.external_id)
        again = self.cashier.begin(checkout)
        self.vendor.pay(again.external_id)
        self.news(again.external_id)
        self.gateway.vendor.get(first.external_id).change(self.now, "open")
        self.vendor.pay(first.external_id)
        self.news(first.external_id)
        return int(first.payment_id)

    def charged(self, decline: Any = None, days: int = 31) -> None:
        """So many days later what falls due is charged, or declined."""
        self.later(days=days)
        if decline:
            self.vendor.decline_next_charge(decline)
        jobs.charge_due(self.work)

    def lost(self, trouble: Any = "500") -> int:
        """A charge of which nobody knows whether it was made, and nobody looks any more."""
        self.given("commitment", "7.50")
        self.later(days=31)
        self.vendor.trouble(trouble)
        jobs.charge_due(self.work)
        with self.session() as session:
            online = session.scalars(select(OnlinePayment).where(OnlinePayment.step == "unknown")).one()
            online.next_sync_at, online.submitted_at = None, self.now - timedelta(days=2)
            session.commit()
            return int(online.payment_id)

    def parked(self) -> int:
        """What the gateway has under the name is not what was asked."""
        online = self.begin()
        assert online.external_id is not None
        self.gateway.vendor.get(online.external_id).change(self.now, money=Money.eur("5.00"))
        self.vendor.pay(online.external_id)
        self.news(online.external_id)
        return online.payment_id

    def news(self, external_id: str) -> None:
        headers, body = self.vendor.news(external_id)
        with self.session() as session:
            assert Notification.receive(session, self.gateway, headers, body, now=self.now)
            session.commit()
        post.work_through(self.cashier)

    def online(self, payment_id: int) -> OnlinePayment:
        with self.session() as session:
            found: OnlinePayment = session.scalars(
                select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)
            ).one()
            session.expunge_all()
        return found
