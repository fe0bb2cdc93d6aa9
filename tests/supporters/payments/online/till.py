"""A counter with a gateway in this process and a clock that a test moves: where the tests of online payments stand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, event, select, text
from sqlalchemy.orm import Session

from supporters import registry
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import jobs, post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.inbox import Notification
from supporters.payments.online.payment import OnlinePayment
from supporters.registry import Finding, Work
from supporters.settings import Settings
from supporters.tasks import Task
from tests import cast
from tests.cast import NOW

ACCOUNT = GatewayAccount("memory", "memory", "test_secret", False, ("hush",))
ADA = Person("Ada", "Lovelace", "ada@example.org")


@dataclass
class Till:
    """On an engine every commit is real; on a connection all of it goes when the test's transaction is rolled back."""

    bind: Engine | Connection
    now: datetime = NOW
    settings: Settings = field(default_factory=lambda: Settings(public_url="https://charity.example"))

    def __post_init__(self) -> None:
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
        with Session(self.bind, join_transaction_mode="create_savepoint") as session:
            if isinstance(self.bind, Connection) and self.bind.dialect.name == "postgresql":
                event.listen(session, "before_commit", _check_what_is_deferred)
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

    def charged(self, amount: str = "10.00", **fields: object) -> OnlinePayment:
        """A commitment whose second instalment was charged a month later; that payment."""
        self.given("commitment", amount, **fields)
        self.later(days=31)
        jobs.charge_due(self.work)
        return self.last()

    # -- the vendor ----------------------------------------------------------------------------------------------

    def post(self, external_id: str) -> None:
        """The vendor posts, and nobody looked yet."""
        headers, body = self.vendor.news(external_id)
        with self.session() as session:
            assert Notification.receive(session, self.gateway, headers, body, now=self.now)
            session.commit()

    def news(self, external_id: str) -> dict[str, int]:
        """The vendor posts, and it is looked at."""
        self.post(external_id)
        return post.work_through(self.cashier)

    # -- what there is -------------------------------------------------------------------------------------------

    def online(self, payment_id: int) -> OnlinePayment:
        with self.session() as session:
            found = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id)).one()
            session.expunge_all()
        return found

    def last(self) -> OnlinePayment:
        """The payment that was made last."""
        with self.session() as session:
            found = session.scalars(select(OnlinePayment).order_by(OnlinePayment.id.desc()).limit(1)).one()
            session.expunge_all()
        return found

    def commitment(self) -> Commitment:
        with self.session() as session:
            found = session.scalars(select(Commitment).order_by(Commitment.id.desc())).first()
            assert found is not None
            _ = found.terms, found.instalments, found.pauses, found.gateway_mandate, found.supporter
            session.expunge_all()
        return found

    def gifts(self) -> list[tuple[int, int]]:
        """Amount and what is left of it, in the order of booking."""
        with self.session() as session:
            return [(gift.amount, gift.net.amount) for gift in session.scalars(select(Gift).order_by(Gift.id))]

    def facts(self) -> list[tuple[str, int, int]]:
        """Kind, amount, and what of it was booked."""
        with self.session() as session:
            return [(f.kind, f.amount, f.booked) for f in session.scalars(select(PaymentFact).order_by(PaymentFact.id))]

    def mails(self) -> list[str]:
        with self.session() as session:
            return list(session.scalars(select(OutboxMessage.template).order_by(OutboxMessage.id)))

    def findings(self) -> list[Finding]:
        """What `achterban check` finds."""
        with self.session() as session:
            return [found for look in registry.checks.values() for found in look(session, now=self.now)]

    def tasks(self) -> list[str]:
        """What somebody has to do."""
        with self.session() as session:
            return list(session.scalars(select(Task.kind).where(Task.done_at.is_(None)).order_by(Task.id)))


def _check_what_is_deferred(session: Session) -> None:
    if not session.in_nested_transaction():
        session.flush()
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
