"""A counter with a gateway in this process and a clock that a test moves: where the tests of online payments stand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from supporters import sealing
from supporters.giving.commitment import Commitment
from supporters.money import Money
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.inbox import Notification
from supporters.payments.online.payment import OnlinePayment
from supporters.registry import Work
from supporters.sealing import Keyring
from supporters.settings import Settings
from tests import cast
from tests.cast import NOW

ACCOUNT = GatewayAccount("memory", "memory", "test_secret", False, ("hush",))
ADA = Person("Ada", "Lovelace", "ada@example.org")


@dataclass
class Till:
    engine: Engine
    now: datetime = NOW
    settings: Settings = field(default_factory=lambda: Settings(public_url="https://charity.example"))

    def __post_init__(self) -> None:
        sealing.use(self.engine, Keyring.generate())
        self.gateway = MemoryGateway(ACCOUNT, now=lambda: self.now)
        self.vendor = MemoryBackstage(self.gateway)
        accounts = Accounts({"memory": self.gateway})
        self.settings = replace(self.settings, gateways=accounts)
        self.cashier = Cashier(self.session, accounts, self.settings, lambda: self.now)
        with self.session() as session:
            cast.fund(session)
            session.commit()

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Session(self.engine) as session:
            yield session

    @property
    def work(self) -> Work:
        return Work(self.session, self.settings, lambda: self.now)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    # -- the donor -----------------------------------------------------------------------------------------------

    def checkout(
        self, kind: str = "gift", amount: str = "25.00", *, person: Person | None = ADA, **fields: object
    ) -> int:
        with self.session() as session:
            every = "month" if kind == "commitment" else None
            checkout = Checkout.open(
                session, kind, Money.eur(amount), account="memory", fund=cast.fund(session),
                submission_key=str(fields.pop("submission_key", uuid.uuid4())), person=person, now=self.now,
                **({"every": every, "method": "card"} | fields),  # type: ignore[arg-type]
            )  # fmt: skip
            session.commit()
            return checkout.id

    def begin(self, kind: str = "gift", amount: str = "25.00", **fields: object) -> OnlinePayment:
        return self.cashier.begin(self.checkout(kind, amount, **fields))  # type: ignore[arg-type]

    def given(self, kind: str = "gift", amount: str = "25.00", **fields: object) -> OnlinePayment:
        """Begun, paid, and learnt by the news."""
        online = self.begin(kind, amount, **fields)
        assert online.external_id is not None
        self.vendor.pay(online.external_id)
        self.news(online.external_id)
        return self.online(online.payment_id)

    # -- the vendor ----------------------------------------------------------------------------------------------

    def news(self, external_id: str) -> dict[str, int]:
        """The vendor posts, and it is looked at."""
        headers, body = self.vendor.news(external_id)
        with self.session() as session:
            assert Notification.receive(session, self.gateway, headers, body, now=self.now)
            session.commit()
        return post.work_through(self.cashier)

    # -- what there is -------------------------------------------------------------------------------------------

    def online(self, payment_id: int) -> OnlinePayment:
        with self.session() as session:
            found = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            session.expunge_all()
        return found

    def commitment(self) -> Commitment:
        with self.session() as session:
            found = session.scalars(select(Commitment).order_by(Commitment.id.desc())).first()
            assert found is not None
            _ = found.terms, found.instalments, found.pauses, found.gateway_mandate, found.supporter
            session.expunge_all()
        return found
