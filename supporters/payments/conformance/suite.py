"""What every part of the suite has at hand."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from unittest import mock
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from supporters.money import Money
from supporters.payments.backstage import Backstage
from supporters.payments.gateway import (
    Declined,
    Failure,
    Gateway,
    GatewayError,
    MandateRef,
    Order,
    Payer,
    Purpose,
    RateLimited,
    RefundOrder,
    RefundSnapshot,
    Snapshot,
    Unavailable,
    Urls,
)

Answer = TypeVar("Answer")
Stage = tuple[Gateway, Backstage]

URLS = Urls("https://charity.example/thanks", "https://charity.example/webhook")
PAYER = Payer("Ada Lovelace-Byron", "ada.lovelace@example.org")
#: An example is a conversation with a test double over HTTP, and the tests are inherited by many a class.
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
        HealthCheck.too_slow,
    ],
)


class Suite:
    #: More than one page of the vendor's lists as the gateway asks for them.
    many: ClassVar[int] = 60
    #: How often the gateway asks before it gives up.
    tries: ClassVar[int] = 1
    #: Whether all news is signed; where some is not, anybody can make the gateway look at a payment, and no more.
    signed: ClassVar[bool] = True
    #: What the vendor is asked for in a setup, in minor units.
    setup_amount: ClassVar[int] = 1

    def now(self) -> datetime:
        """The double's clock."""
        return datetime.now(UTC)

    def unknown(self, external_id: str) -> str:
        """An id of the same kind that the vendor does not have."""
        return external_id[:-1] + ("1" if external_id[-1] == "0" else "0")

    # --- asking ---

    def second(self) -> datetime:
        return self.now().replace(microsecond=0)

    def order(self, gateway: Gateway, purpose: Purpose = "one_off", amount: int = 1000, **fields: Any) -> Order:
        with_payer = {"payer": PAYER} if purpose in ("first", "setup") else {}
        given = {"money": Money(amount, gateway.account.currency), "made_at": self.now(), **with_payer, **fields}
        return Order(key=str(uuid4()), purpose=purpose, description="Gift to Example", **given)

    def refund_order(self, gateway: Gateway, amount: int) -> RefundOrder:
        return RefundOrder(str(uuid4()), Money(amount, gateway.account.currency), "Refund by Example", self.now())

    def begun(self, stage: Stage, purpose: Purpose = "one_off", amount: int = 1000) -> Snapshot:
        return stage[0].begin(self.order(stage[0], purpose, amount), URLS)

    def paid(self, stage: Stage, purpose: Purpose = "one_off", amount: int = 1000) -> Snapshot:
        gateway, backstage = stage
        external_id = self.begun(stage, purpose, amount).external_id
        backstage.pay(external_id)
        return gateway.fetch(external_id)

    def mandate(self, stage: Stage, purpose: Purpose = "first") -> MandateRef:
        """Of a payer who just made it. Skips the test where the gateway has no mandates."""
        self.needs_mandates(stage[0])
        snapshot = self.paid(stage, purpose, self.setup_amount if purpose == "setup" else 1000)
        assert snapshot.mandate is not None, "the payment left no mandate"
        assert snapshot.mandate.state == "valid", f"the mandate is {snapshot.mandate.state}"
        return snapshot.mandate.ref

    def needs_mandates(self, gateway: Gateway) -> None:
        if not gateway.capabilities().mandates:
            pytest.skip("this gateway has no mandates")

    def needs_refunds(self, gateway: Gateway) -> None:
        if not gateway.capabilities().refunds:
            pytest.skip("this gateway gives nothing back")

    def refunded(self, stage: Stage, snapshot: Snapshot, amount: int) -> RefundSnapshot:
        """A refund of ours, done."""
        gateway, backstage = stage
        order = self.refund_order(gateway, amount)
        gateway.refund(order, snapshot.external_id)
        backstage.finish_refunds(snapshot.external_id)
        return next(one for one in gateway.fetch(snapshot.external_id).refunds if one.key == order.key)

    def refusal(self, gateway: Gateway, order: Order, mandate: MandateRef) -> Failure:
        """How a charge that cannot succeed fails: by an error, or by a payment that failed."""
        try:
            snapshot = gateway.charge(order, mandate)
        except Declined as declined:
            return declined.failure
        assert snapshot.state == "failed", f"a charge that cannot succeed is {snapshot.state}"
        assert snapshot.failure is not None, "a charge failed and does not say why"
        assert snapshot.facts() == (), "a failed charge moved money"
        return snapshot.failure


def refused(call: Callable[[], object], *kinds: type[GatewayError]) -> GatewayError:
    """The error that the call raises; any other, or none, fails the test."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    try:
        answer = call()
    except kinds as error:
        return error
    except Exception as other:
        raise AssertionError(f"{wanted} was expected, and not {type(other).__name__}: {other}") from other
    raise AssertionError(f"{wanted} was expected, and not the answer {answer!r}")


def patiently(call: Callable[[], Answer]) -> Answer:
    """As a job does it: the same again until it goes through."""
    for _ in range(10):
        try:
            return call()
        except (RateLimited, Unavailable):
            pass
    return call()


def same_payment(one: Snapshot, other: Snapshot | None) -> None:
    assert other is not None, "the payment was not found"
    assert other.external_id == one.external_id, f"{one.external_id} is also called {other.external_id}"
    assert other.key == one.key, f"the key {one.key} became {other.key}"
    assert other.money == one.money, f"{one.money} became {other.money}"


@contextmanager
def no_requests() -> Iterator[None]:
    """What happens inside must ask nobody; another thread, such as a test double's, may go on."""
    here, asked = threading.get_ident(), []

    def guard(owner: Any, name: str) -> Any:
        original = getattr(owner, name)

        def guarded(*given: Any, **more: Any) -> Any:
            if threading.get_ident() == here:
                asked.append(name)
                raise OSError("a test forbids this request")
            return original(*given, **more)

        return mock.patch.object(owner, name, guarded)

    with ExitStack() as stack:
        stack.enter_context(guard(socket, "getaddrinfo"))
        for kind in (socket.socket, ssl.SSLSocket):
            for name in ("connect", "connect_ex", "send", "sendall", "sendto"):
                stack.enter_context(guard(kind, name))
        yield
    assert not asked, f"a request was made ({asked[0]})"
