"""Whatever strangers, vendors and the network post to us: never an error, and never a booking that the vendor's own
answer does not support.
"""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from supporters.payments.gateway import Nudge
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.memory.gateway import SIGNATURE, sign
from supporters.payments.online import jobs, post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.inbox import BAD_AN_HOUR, KEPT, KEPT_BAD, LARGEST, STRANGE_AFTER, Notification
from supporters.payments.online.payment import OnlinePayment
from tests.supporters.payments.online.till import ACCOUNT, Till

COUNT = int(os.environ.get("ACHTERBAN_NEWS", "1600"))
THREADS = 16


class Told:
    """A gateway whose notifications say whatever the test wants; some vendors sign nothing."""

    account = ACCOUNT

    def __init__(self, *nudges: Nudge, error: Exception | None = None) -> None:
        self.nudges, self.error = list(nudges), error

    def notifications(self, headers: Any, raw: bytes, now: datetime) -> list[Nudge]:
        if self.error is not None:
            raise self.error
        return self.nudges


def name(online: OnlinePayment) -> str:
    assert online.external_id is not None
    return online.external_id


def receive(till: Till, gateway: Any, headers: Any = None, raw: bytes = b"{}") -> bool:
    with till.session() as session:
        known = Notification.receive(session, gateway, headers or {}, raw, now=till.now)
        session.commit()
    return known


def rows(till: Till) -> list[Notification]:
    with till.session() as session:
        found = list(session.scalars(select(Notification).order_by(Notification.id)))
        session.expunge_all()
    return found


def watched(till: Till, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that the vendor was asked about from now on."""
    asked: list[str] = []
    real = till.gateway.fetch

    def fetch(external_id: str) -> Any:
        asked.append(external_id)
        return real(external_id)

    monkeypatch.setattr(till.gateway, "fetch", fetch)
    return asked


def signed(raw: bytes, secret: str = "hush") -> tuple[dict[str, str], bytes]:
    return {SIGNATURE: sign(secret, raw)}, raw


def posted(external_id: object, event: object = "memevt_1") -> bytes:
    return json.dumps({"id": external_id, "event": event}).encode()


PAID = "mem_0123456789abcdef"
HOSTILE: dict[str, tuple[dict[str, str], bytes]] = {
    "tampered": (signed(posted(PAID))[0], posted("mem_ffffffffffffffff")),
    "a byte more": (signed(posted(PAID))[0], posted(PAID) + b"\n"),
    "unsigned": ({}, posted(PAID)),
    "an empty signature": ({SIGNATURE: ""}, posted(PAID)),
    "another secret": signed(posted(PAID), "hush!"),
    "an empty secret": signed(posted(PAID), ""),
    "a signature that is no text": ({SIGNATURE: "sha256=\udcff\u2603"}, posted(PAID)),
    "a signature of a megabyte": ({SIGNATURE: "x" * 1_000_000}, posted(PAID)),
    "not UTF-8": signed(b"\xff\xfe\x00\x80"),
    "not JSON": signed(b"{"),
    "another shape": signed(b'["mem_0123456789abcdef"]'),
    "nothing": signed(b""),
    "NUL": signed(b"\x00" * 100),
    "a path in the id": signed(posted("mem_1/../../v2/customers")),
    "a newline in the id": signed(posted(PAID + "\n")),
    "an id that is a number": signed(posted(17)),
    "no event": signed(json.dumps({"id": PAID}).encode()),
    "nested without end": signed(b"[" * 60_000),
    "too long": signed(posted(PAID) + b" " * 70_000),
    "far too long": ({}, b"x" * (4 * LARGEST)),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_not_the_vendors_is_kept_for_a_look_and_acted_on_never(
    till: Till, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, raw = HOSTILE[what]
    asked = watched(till, monkeypatch)
    assert not receive(till, till.gateway, headers, raw)
    assert not receive(till, till.gateway, headers, raw)
    (row,) = rows(till)
    assert (row.state, row.times, row.size) == ("bad", 2, len(raw))
    with till.session() as session:
        kept = session.scalars(select(Notification)).one()
        assert kept.body(session) == raw[:4096]
        assert kept.sealed_body is not None
        assert len(raw) < 8 or raw[:50] not in kept.sealed_body  # a few bytes may be there by chance
    till.later(days=1)
    assert post.work_through(till.cashier) == {"done": 0, "ignored": 0, "later": 0}
    assert (asked, till.gifts()) == ([], [])


@pytest.mark.parametrize("error", [KeyError("id"), UnicodeDecodeError("utf-8", b"x", 0, 1, "no"), RecursionError()])
def test_a_gateway_that_stumbles_over_a_body_has_not_seen_it(till: Till, error: Exception) -> None:
    assert not receive(till, Told(error=error), {}, b"boo")
    assert [(row.state, row.note) for row in rows(till)] == [("bad", f"could not be read: {type(error).__name__}")]


def test_old_news_and_the_same_again_only_make_us_look(till: Till) -> None:
    """The vendor's own, of months ago: what it has now counts."""
    online = till.begin()
    headers, raw = till.vendor.news(name(online))
    till.vendor.pay(name(online))
    later = till.vendor.news(name(online))
    for _ in range(5):
        assert receive(till, till.gateway, headers, raw)
    (row,) = rows(till)
    assert (row.times, row.state) == (5, "waiting")
    assert post.work_through(till.cashier)["done"] == 1
    assert till.facts() == [("received", 2500, 2500)]
    till.later(days=200)
    for each in (later, (headers, raw), later):
        assert receive(till, till.gateway, *each)
        post.work_through(till.cashier)
    assert till.facts() == [("received", 2500, 2500)]


def test_the_id_of_another_account_is_nothing_of_ours(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts at one vendor: news to the address of the one about a payment of the other."""
    other = MemoryGateway(replace(ACCOUNT, name="other"), now=lambda: till.now, vendor=till.gateway.vendor)
    accounts = Accounts({"memory": till.gateway, "other": other})
    cashier = Cashier(till.session, accounts, till.settings, lambda: till.now)
    online = till.begin()
    till.vendor.pay(name(online))
    asked = watched(till, monkeypatch)
    headers, raw = MemoryBackstage(other).news(name(online))
    assert receive(till, other, headers, raw)
    for _ in range(30):
        post.work_through(cashier)
        till.later(minutes=5)
    (row,) = rows(till)
    assert (row.account, row.state, row.note) == ("other", "ignored", "about nothing of ours")
    assert (asked, till.gifts()) == ([], [])


def test_another_payments_id_with_our_key_looks_at_that_payment(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger pays a cent of their own and says that it is ours: the vendor is asked by names that we know."""
    paid, unpaid = till.begin(), till.begin(amount="5000.00")
    till.vendor.pay(name(paid))
    asked = watched(till, monkeypatch)
    key = unpaid.payment.reference
    for external_id in (name(paid), "mem_eeeeeeeeeeeeeeee", "mem_1/../../x"):
        assert receive(till, Told(Nudge(external_id, "evt", "paid", key=key)))
    assert post.work_through(till.cashier) == {"done": 3, "ignored": 0, "later": 0}
    assert set(asked) == {name(paid), name(unpaid)}
    assert till.gifts() == [(2500, 2500)]
    assert (till.online(unpaid.payment_id).step, till.tasks()) == ("open", [])


def test_one_name_with_keys_of_two_payments_has_each_of_them_looked_at(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = till.begin(), till.begin()
    asked = watched(till, monkeypatch)
    for number, online in enumerate((one, two)):
        told = Nudge("mem_eeeeeeeeeeeeeeee", f"evt_{number}", "paid", key=online.payment.reference)
        assert receive(till, Told(told))
    assert post.work_through(till.cashier) == {"done": 2, "ignored": 0, "later": 0}
    assert sorted(asked) == sorted([name(one), name(two)])


@pytest.mark.parametrize("is_live", [True, False])
def test_live_and_test_are_not_mixed(till: Till, is_live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    online = till.begin()
    till.vendor.pay(name(online))
    asked = watched(till, monkeypatch)
    assert receive(till, Told(Nudge(name(online), "evt", "paid", is_live=is_live)))
    post.work_through(till.cashier)
    assert (bool(asked), len(till.gifts())) == ((False, 0) if is_live else (True, 1))


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)
NUDGE = st.builds(
    Nudge, ANYTHING, st.none() | ANYTHING, ANYTHING, st.none() | ANYTHING, st.none() | st.booleans()
)  # fmt: skip


def test_whatever_news_says_nothing_breaks_and_nothing_is_booked(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half characters, NULs, the names and keys of payments that nobody paid, all in one body."""
    online = till.begin()
    asked = watched(till, monkeypatch)
    ours = st.builds(Nudge, st.just(name(online)) | ANYTHING, st.none(), ANYTHING, st.just(online.payment.reference))
    headers = st.dictionaries(st.sampled_from(["User-Agent", "X-Signature", "Content-Type", "Cookie"]), ANYTHING)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(NUDGE | ours, max_size=5), headers, st.binary(max_size=200))
    def told(nudges: list[Nudge], said: dict[str, str], raw: bytes) -> None:
        assert receive(till, Told(*nudges), said, raw)
        assert not receive(till, till.gateway, said, raw)
        post.work_through(till.cashier)

    told()
    assert set(asked) == {name(online)}
    assert (till.gifts(), till.tasks(), till.online(online.payment_id).step) == ([], [], "open")
    assert not any("secret" in value or "Cookie" in row.headers for row in rows(till) for value in row.headers.values())


def test_bad_news_is_capped_per_hour_and_real_news_is_not(till: Till) -> None:
    online = till.begin()
    till.vendor.pay(name(online))
    for number in range(BAD_AN_HOUR + 40):
        assert not receive(till, till.gateway, {}, f"boo {number}".encode())
    assert till.news(name(online))["done"] == 1
    assert till.gifts() == [(2500, 2500)]
    bad = [row for row in rows(till) if row.state == "bad"]
    assert (len(bad), sum(row.times for row in bad)) == (BAD_AN_HOUR, BAD_AN_HOUR + 40)
    till.later(minutes=61)
    assert not receive(till, till.gateway, {}, b"boo again")
    assert len(rows(till)) == BAD_AN_HOUR + 2


def test_news_is_kept_some_weeks_and_what_waits_is_never_purged(till: Till) -> None:
    online = till.begin()
    till.vendor.pay(name(online))
    till.news(name(online))
    receive(till, till.gateway, {}, b"boo")
    receive(till, Told(Nudge("mem_eeeeeeeeeeeeeeee", "evt")))
    till.later(minutes=STRANGE_AFTER.total_seconds() / 60 + 1)
    post.work_through(till.cashier)
    assert [row.state for row in rows(till)] == ["done", "bad", "ignored"]
    till.post(name(online))
    till.now += KEPT_BAD
    jobs.forget_checkouts(till.work)
    assert [row.state for row in rows(till)] == ["done", "ignored", "waiting"]
    till.now += KEPT - KEPT_BAD
    jobs.forget_checkouts(till.work)
    assert [row.state for row in rows(till)] == ["waiting"]


def test_the_same_news_put_off_by_two_at_once_waits_once(till: Till) -> None:
    """One is being looked at while the same comes again, and both are to be looked at later."""
    online = till.begin()
    till.post(name(online))
    with till.session() as session:
        (first,) = Notification.take(session, 9, now=till.now)
        session.commit()
        till.post(name(online))
        (second,) = Notification.take(session, 9, now=till.now)
        session.commit()
        for each in (first, second):
            each.wait(session, till.now, now=till.now, note="down")
        session.commit()
    assert sorted(row.state for row in rows(till)) == ["done", "waiting"]
    till.post(name(online))
    with till.session() as session:
        Notification.take(session, 9, now=till.now)
        session.commit()
    till.post(name(online))
    till.later(minutes=11)  # Whoever took it is gone; meanwhile the same came again.
    assert post.work_through(till.cashier)["done"] == 1
    assert sorted(row.state for row in rows(till)) == ["done"] * 3


def test_thousands_at_once(fresh_pg_engine: Engine) -> None:
    """Real news of thirty payments among strangers' ids, replays and rubbish, from sixteen, while two are reading."""
    till = Till(fresh_pg_engine)
    payments = [till.begin(amount=f"{10 + number}.00") for number in range(30)]
    real = []
    for number, online in enumerate(payments):
        real.append(till.vendor.news(name(online)))
        if number % 3:
            till.vendor.pay(name(online))
            real.append(till.vendor.news(name(online)))
    kinds: list[Callable[[random.Random], tuple[Any, dict[str, str], bytes]]] = [
        lambda chance: (till.gateway, *chance.choice(real)),  # type: ignore[return-value]
        lambda chance: (till.gateway, *signed(posted(f"mem_{chance.randrange(200):016x}"))),
        lambda chance: (till.gateway, {}, chance.randbytes(20)),
        lambda chance: (till.gateway, *HOSTILE[chance.choice(sorted(HOSTILE))]),
        lambda chance: (till.gateway, {**chance.choice(real)[0]}, chance.choice(real)[1][:-1]),
        lambda chance: (
            Told(Nudge(name(chance.choice(payments)), str(chance.random()), key=payments[0].payment.reference)), {},
            b"id=x",
        ),
    ]  # fmt: skip
    over = threading.Event()

    def stranger(seed: int) -> int:
        chance = random.Random(seed)
        for _ in range(COUNT // THREADS):
            receive(till, *chance.choices(kinds, (3, 1, 3, 1, 1, 1))[0](chance))
        return COUNT // THREADS

    def reader() -> None:
        while not over.is_set():
            post.work_through(till.cashier)

    with ThreadPoolExecutor(THREADS + 2) as pool:
        readers = [pool.submit(reader) for _ in range(2)]
        strangers = [pool.submit(stranger, seed) for seed in range(THREADS)]
        sent = sum(one.result() for one in strangers)
        over.set()
        for one in readers:
            one.result()
    till.later(minutes=65)
    post.work_through(till.cashier)

    with till.session() as session:
        count, times = session.execute(select(func.count(), func.sum(Notification.times))).one()
        states = dict(session.execute(select(Notification.state, func.count()).group_by(Notification.state)).all())  # type: ignore[arg-type]
        booked = set(session.scalars(select(PaymentFact.external_id)))
    assert times == sent
    assert count < sent
    assert states.keys() == {"done", "ignored", "bad"}
    assert states["bad"] <= BAD_AN_HOUR + THREADS
    paid = {name(online) for number, online in enumerate(payments) if number % 3}
    assert booked == paid
    assert len(till.gifts()) == len(till.mails()) == len(paid)
    assert timedelta(hours=1) == STRANGE_AFTER
