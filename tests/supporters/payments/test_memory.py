"""The gateway that lives in this process: what the suite for all gateways does not ask of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from supporters.money import Money
from supporters.payments.gateway import (
    BadNotification,
    Conflict,
    Declined,
    GatewayAccount,
    Gone,
    MandateRef,
    Misasked,
    Nudge,
    Order,
    RefundOrder,
    Urls,
)
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.memory.gateway import SIGNATURE, sign
from tests.cast import NOW

ACCOUNT = GatewayAccount("memory", "memory", "the-key", False, ("the-new-secret", "the-old-secret"))
URLS = Urls("https://charity.example/thanks", "https://charity.example/webhook")


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock) -> MemoryGateway:
    return MemoryGateway(ACCOUNT, now=clock)


@pytest.fixture
def backstage(gateway: MemoryGateway) -> MemoryBackstage:
    return MemoryBackstage(gateway)


def order(purpose="one_off", cents=1000, **fields) -> Order:
    return Order(str(uuid4()), purpose, Money(cents), "Gift", NOW, **fields)


def mandate(gateway: MemoryGateway, backstage: MemoryBackstage, **fields) -> MandateRef:
    begun = gateway.begin(order("first", **fields), URLS)
    backstage.pay(begun.external_id)
    return gateway.fetch(begun.external_id).mandate.ref


def test_two_gateways_can_have_one_vendor(gateway: MemoryGateway, backstage: MemoryBackstage, clock: Clock) -> None:
    other = MemoryGateway(ACCOUNT, now=clock, vendor=gateway.vendor)
    mine = order()
    begun = gateway.begin(mine, URLS)
    assert other.begin(mine, URLS).external_id == other.fetch(begun.external_id).external_id == begun.external_id
    with pytest.raises(Gone):
        MemoryGateway(ACCOUNT, now=clock).fetch(begun.external_id)


def test_the_vendors_clock_is_ours(gateway: MemoryGateway, backstage: MemoryBackstage, clock: Clock) -> None:
    begun = gateway.begin(order(), URLS)
    clock.time += timedelta(minutes=5)
    backstage.pay(begun.external_id)
    paid = gateway.fetch(begun.external_id)
    assert (begun.observed_at, paid.paid_at, paid.observed_at) == (NOW, clock.time, clock.time)
    assert gateway.changed_since(clock.time) == [begun.external_id]
    assert gateway.changed_since(clock.time + timedelta(seconds=1)) == []


def test_the_page_is_where_the_account_says(clock: Clock) -> None:
    gateway = MemoryGateway(replace(ACCOUNT, base_url="http://127.0.0.1:5000/pay"), now=clock)
    begun = gateway.begin(order(), URLS)
    assert begun.checkout_url == f"http://127.0.0.1:5000/pay/{begun.external_id}"


@pytest.mark.parametrize(
    ("method", "kind", "state"),
    [("ideal", "directdebit", "processing"), ("paypal", "paypal", "processing"), ("card", "card", "paid")],
)
def test_a_card_pays_at_once_and_a_direct_debit_does_not(
    gateway: MemoryGateway, backstage: MemoryBackstage, method: str, kind: str, state: str
) -> None:
    charged = gateway.charge(order("recurring"), mandate(gateway, backstage, method=method))
    assert (charged.mandate.method, charged.method, charged.state) == (kind, kind, state)


def test_a_mandate_is_pending_while_the_first_payment_is(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    begun = gateway.begin(order("first"), URLS)
    backstage.process(begun.external_id)
    held = gateway.fetch(begun.external_id).mandate
    assert held.state == "pending"
    with pytest.raises(Declined) as declined:
        gateway.charge(order("recurring"), held.ref)
    assert declined.value.failure.kind == "soft"
    backstage.fail(begun.external_id)
    assert gateway.mandate(held.ref).state == "invalid"


def test_a_cent_of_a_setup_goes_back_at_once(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    for cents, back in ((1, [1]), (0, [])):
        begun = gateway.begin(order("setup", cents), URLS)
        backstage.pay(begun.external_id)
        assert [one.money.amount for one in gateway.fetch(begun.external_id).refunds] == back


def test_refunds_can_wait(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    backstage.vendor.refunds_wait = True
    begun = gateway.begin(order(), URLS)
    backstage.pay(begun.external_id)
    wanted = RefundOrder(str(uuid4()), Money(400), "A mistake", NOW)
    waiting = gateway.refund(wanted, begun.external_id)
    assert [one.state for one in waiting.refunds] == ["pending"]
    assert [fact.kind for fact in waiting.facts()] == ["received"]
    with pytest.raises(Declined):
        gateway.refund(replace(wanted, key="another", money=Money(601)), begun.external_id)
    backstage.finish_refunds(begun.external_id)
    assert [fact.key for fact in gateway.fetch(begun.external_id).facts()] == [None, wanted.key]


def test_what_came_back_can_be_given_back_again(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    begun = gateway.begin(order(), URLS)
    backstage.pay(begun.external_id)
    backstage.fail_refund(begun.external_id, backstage.refund(begun.external_id, Money(1000)))
    again = gateway.refund(RefundOrder("r-2", Money(1000), "", NOW), begun.external_id)
    assert [one.state for one in again.refunds] == ["failed", "done"]


def test_a_key_is_for_one_thing(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    one, other = mandate(gateway, backstage), mandate(gateway, backstage)
    asked = order("recurring")
    charged = gateway.charge(asked, one)
    with pytest.raises(Conflict):
        gateway.charge(asked, other)
    with pytest.raises(Conflict):
        gateway.charge(replace(asked, money=Money(2000)), one)
    backstage.pay(charged.external_id)
    gateway.refund(RefundOrder("r", Money(100), "", NOW), charged.external_id)
    with pytest.raises(Conflict):
        gateway.refund(RefundOrder("r", Money(200), "", NOW), charged.external_id)


def test_a_declined_key_stays_declined(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    ref, asked = mandate(gateway, backstage), order("recurring")
    backstage.decline_next_charge("soft")
    for _ in range(2):
        with pytest.raises(Declined):
            gateway.charge(asked, ref)
    assert gateway.find(asked) is None
    assert gateway.charge(order("recurring"), ref).state == "processing"


@pytest.mark.parametrize(
    "asked",
    [
        order("recurring"), order(cents=0), order(cents=-1), order("setup", -1), order(method="cheque"),
        order(method="paypal"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_misasked(clock: Clock, asked: Order) -> None:
    gateway = MemoryGateway(replace(ACCOUNT, methods=("ideal", "card")), now=clock)
    with pytest.raises(Misasked):
        gateway.begin(asked, URLS)
    assert MemoryBackstage(gateway).count("payments") == 0


def test_a_customer_it_does_not_know_is_gone(gateway: MemoryGateway) -> None:
    with pytest.raises(Gone):
        gateway.begin(order("first", customer="memcus_0"), URLS)


def test_the_backstage_does_not_do_what_cannot_happen(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    begun = gateway.begin(order(), URLS)
    with pytest.raises(ValueError, match="is open, not paid"):
        backstage.refund(begun.external_id, Money(100))
    backstage.pay(begun.external_id)
    for wrong in (
        lambda: backstage.pay(begun.external_id),
        lambda: backstage.refund(begun.external_id, Money(1001)),
        lambda: backstage.fail_refund(begun.external_id, "memref_0"),
        lambda: backstage.reverse_chargeback(begun.external_id, "memcb_0"),
    ):
        with pytest.raises(ValueError):
            wrong()


# --- news ---


def test_each_secret_is_tried(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    begun = gateway.begin(order(), URLS)
    headers, raw = backstage.news(begun.external_id)
    assert headers[SIGNATURE] == sign("the-new-secret", raw)
    for secret in ACCOUNT.webhook_secrets:
        assert [nudge.external_id for nudge in gateway.notifications({SIGNATURE: sign(secret, raw)}, raw, NOW)] == [
            begun.external_id
        ]
    with pytest.raises(BadNotification):
        gateway.notifications({SIGNATURE: sign("a-stranger", raw)}, raw, NOW)


def test_an_account_without_secrets_believes_nobody(clock: Clock) -> None:
    gateway = MemoryGateway(replace(ACCOUNT, webhook_secrets=()), now=clock)
    raw = b'{"id": "mem_0123456789abcdef", "event": "1"}'
    with pytest.raises(BadNotification):
        gateway.notifications({SIGNATURE: sign("", raw)}, raw, NOW)


def test_news_of_each_change_has_its_own_event(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    begun = gateway.begin(order(), URLS)

    def event() -> Nudge:
        return gateway.notifications(*backstage.news(begun.external_id), NOW)[0]

    backstage.pay(begun.external_id)
    first = event()
    assert event() == first
    backstage.refund(begun.external_id, Money(100))
    assert event().event_id != first.event_id


@pytest.mark.parametrize(
    "raw",
    [
        b"null", b"[]", b"{}", b'{"id": 1, "event": "e"}', b'{"id": "mem_0123456789abcdef"}',
        b'{"id": "mem_0123456789abcdef/..", "event": "e"}', b'{"id": "mem_0123456789abcdef\\n", "event": "e"}',
        b"\xff\xfe", b"[" * 60_000, b'{"id":' * 9_000, b"1" * 5_000, b" " * 65_537,
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_signed_and_still_no_news_is_refused(gateway: MemoryGateway, raw: bytes) -> None:
    with pytest.raises(BadNotification):
        gateway.notifications({SIGNATURE: sign("the-new-secret", raw)}, raw, NOW)


# --- many at once ---


def test_threads_do_not_get_in_each_others_way(gateway: MemoryGateway, backstage: MemoryBackstage) -> None:
    ref = mandate(gateway, backstage)
    asked = [order("recurring", cents) for cents in range(1, 201)] * 4
    with ThreadPoolExecutor(8) as threads:
        charged = list(threads.map(lambda one: gateway.charge(one, ref), asked))
    assert backstage.count("payments") == 1 + 200
    assert len({one.external_id for one in charged}) == 200
    paid = gateway.begin(order(cents=100), URLS).external_id
    backstage.pay(paid)

    def give_back(number: int) -> int:
        try:
            gateway.refund(RefundOrder(f"r-{number}", Money(7), "", NOW), paid)
        except Declined:
            return 0
        return 7

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(give_back, range(50))) == 98
    assert len(gateway.fetch(paid).refunds) == 14
