"""Whatever happens at the vendor, and in whatever order, how often and how late we hear of it: the same books.

``ACHTERBAN_HISTORIES=500`` lives through as many histories on each database, with another seed each time.
"""

from __future__ import annotations

import contextlib
import copy
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from supporters.errors import Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.gift import Gift
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.gateway import MandateRef, Snapshot
from supporters.payments.online import jobs, post
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.people.supporter import Supporter
from supporters.tasks import Task
from tests.cast import ANNA
from tests.databases import PostgresDatabases
from tests.supporters.payments.online.till import Till

WANTED = int(os.environ.get("ACHTERBAN_HISTORIES", "0"))
QUICK = {"sqlite": 10, "postgresql": 4}
#: What the vendor holds when a history begins: a gift that is open, one that is paid and of which our own refund waits,
#: two payments of one checkout of which the first expired, a first payment of a commitment that is open, a commitment
#: that was started, and its second instalment that is processing.
GIFT, PAID, FIRST, SECOND, OPENING, STARTED, CHARGE = range(7)
#: It says how often we heard of something, not what is true.
ABOUT_THE_NEWS = ("news_missing", "mandate_over")


@dataclass
class World:
    """A till and what its vendor holds, to be set back after each history."""

    till: Till
    payments: list[OnlinePayment]
    vendor: dict[str, Any]
    mandate: MandateRef
    held: list[tuple[int, Snapshot]] = field(default_factory=list)
    checkouts: list[int] = field(default_factory=list)

    @classmethod
    def begin(cls, bind: Connection | Engine) -> World:
        till = Till(bind)
        people = [Person(first, "Tester", f"{first.lower()}@example.org") for first in ("Bea", "Cas", "Dirk", "Eva")]
        started = till.given("commitment", "10.00", person=people[0], method="paypal")
        till.later(days=31)
        jobs.charge_due(till.work)
        charge = till.last()
        gift = till.begin(amount="100.00")
        till.gateway.vendor.refunds_wait = True
        paid = till.given(amount="80.00", person=people[1])
        with till.session() as session:
            online = session.get_one(OnlinePayment, paid.id)
            part = Money.eur("40.00")
            Refund.request(session, online, part, why="asked", limit=part, by=ANNA, now=till.now)
            session.commit()
        jobs.send_refunds(till.work)
        twice = till.checkout(amount="60.00", person=people[2])
        first = till.cashier.begin(twice)
        till.vendor.expire(name(first))
        till.news(name(first))
        second = till.cashier.begin(twice)
        till.gateway.vendor.get(name(first)).change(till.now, "open")
        opening = till.begin("commitment", "15.00", person=people[3])
        payments = [gift, paid, first, second, opening, started, charge]
        mandate = till.gateway.vendor.get(name(started)).mandate
        assert mandate is not None
        return cls(till, payments, cls._kept(till), mandate)

    @staticmethod
    def _kept(till: Till) -> dict[str, Any]:
        vendor = till.gateway.vendor
        return copy.deepcopy({each: getattr(vendor, each) for each in ("payments", "customers", "mandates", "keys")})

    def set_back(self) -> None:
        for each, value in copy.deepcopy(self.vendor).items():
            setattr(self.till.gateway.vendor, each, value)
        self.held.clear()

    def id(self, which: int) -> str:
        return name(self.payments[which])


def name(online: OnlinePayment) -> str:
    assert online.external_id is not None
    return online.external_id


# -- what happens at the vendor ----------------------------------------------------------------------------------------

Step = tuple[str, int, int]


def happen(world: World, step: Step) -> None:
    """What cannot happen now does not: a history is a list of attempts."""
    act, which, number = step
    vendor, external_id = world.till.vendor, world.id(which)
    payment = world.till.gateway.vendor.get(external_id)
    state, snapshot = payment.snapshot.state, payment.snapshot
    can = {"open": ("pay", "process", "fail", "expire"), "processing": ("pay", "fail")}
    if act in can.get(state, ()):
        if act == "fail":
            vendor.fail(external_id, ("soft", "hard", "donor")[number % 3])
        elif not (act == "expire" and which == CHARGE):
            getattr(vendor, act)(external_id)
    elif act == "pay_late" and state in ("expired", "failed") and which in (GIFT, FIRST, SECOND):
        payment.change(world.till.now, "open")
        vendor.pay(external_id)
    elif act == "end_mandate":
        vendor.end_mandate(world.mandate)
    elif state == "paid":
        money = payment.left if number % 2 else Money(min(number * 500 + 500, payment.left.amount))
        refunds = [one.external_id for one in snapshot.refunds if one.state != "failed"]
        contested = [one.external_id for one in snapshot.chargebacks if one.reversed_at is None]
        if act == "refund" and money.amount > 0:
            vendor.refund(external_id, money)
        elif act == "finish_refunds":
            vendor.finish_refunds(external_id)
        elif act == "fail_refund" and refunds:
            vendor.fail_refund(external_id, refunds[number % len(refunds)])
        elif act == "charge_back" and len(snapshot.chargebacks) < 2:
            vendor.charge_back(external_id, snapshot.money if number % 2 else Money(snapshot.money.amount // 2))
        elif act == "reverse" and contested:
            vendor.reverse_chargeback(external_id, contested[number % len(contested)])


BEFORE = ("process", "fail", "expire", "end_mandate")
AFTER = (
    "refund", "refund", "refund", "fail_refund", "fail_refund", "fail_refund", "charge_back", "charge_back",
    "charge_back", "reverse", "reverse", "finish_refunds", "end_mandate", "pay_late", "process",
)  # fmt: skip
ALL = range(7)

# -- and how we hear of it ---------------------------------------------------------------------------------------------

HEARINGS: dict[str, Callable[[World, int], Any]] = {
    "post": lambda world, which: world.till.post(world.id(which)),
    "look at what was posted": lambda world, _: post.work_through(world.till.cashier),
    "poll": lambda world, _: jobs.poll_gateways(world.till.work),
    "catch up": lambda world, _: jobs.catch_up(world.till.work),
    "come back": lambda world, which: world.till.cashier.sync(world.payments[which].payment_id, "return"),
    "ask": lambda world, which: world.held.append((which, world.till.gateway.fetch(world.id(which)))),
    "hear an old answer": lambda world, which: book_late(world, which),
}
Heard = list[tuple[str, int]]
#: A step at the vendor, and how we hear of that and of what was before it.
History = list[tuple[Step, Heard]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Of one or two payments, so that each of them lives through much: most are paid, and then money goes back."""
    some = draw(st.lists(st.sampled_from(ALL), min_size=1, max_size=draw(st.sampled_from((1, 1, 2))), unique=True))
    which, number = st.sampled_from(some), st.integers(0, 7)
    heard = st.lists(st.tuples(st.sampled_from(sorted(HEARINGS)), which), max_size=3)
    before = draw(st.lists(st.tuples(st.tuples(st.sampled_from(BEFORE), which, number), heard), max_size=3))
    paid = [((draw(st.sampled_from(("pay", "pay", "pay", "process"))), each, 0), draw(heard)) for each in some]
    after = draw(st.lists(st.tuples(st.tuples(st.sampled_from(AFTER), which, number), heard), min_size=4, max_size=12))
    return before + paid + after


def book_late(world: World, which: int) -> None:
    """An answer that somebody got a while ago and books only now; it may come again."""
    if world.held:
        of, snapshot = world.held[which % len(world.held)]
        world.till.cashier.book(world.payments[of].payment_id, snapshot, "webhook")


def hear_everything(world: World) -> None:
    for which in range(len(world.payments)):
        world.till.news(world.id(which))


# -- what is compared --------------------------------------------------------------------------------------------------


def books(world: World) -> dict[str, Any]:
    """What is true afterwards, without keys, instants and who of two was the first."""
    till = world.till
    assert till.findings() == []
    with till.session() as session:
        found: dict[str, Any] = {}
        pair = []
        for which, mine in enumerate(world.payments):
            online = session.get_one(OnlinePayment, mine.id)
            payment, gift = online.payment, online.payment.gift
            facts = list(session.scalars(select(PaymentFact).where(PaymentFact.payment_id == payment.id)))
            entry = {
                "step": online.step, "state": payment.state, "gift": gift and (gift.amount, gift.net.amount),
                "dates": gift and gift.received_on, "facts": sorted((f.kind, f.amount) for f in facts),
                "booked": sum(f.sign * f.booked for f in facts),
                "instalment": payment.instalment and (payment.instalment.number, payment.instalment.status),
                "supporter": payment.supporter and payment.supporter.name,
            }  # fmt: skip
            found[f"payment {which}"] = entry
            if which in (FIRST, SECOND):
                pair.append((payment.state, gift is not None, online.duplicate_of_id is not None))
            if gift is not None:
                assert entry["booked"] == gift.net.amount == left(till.gateway.fetch(name(mine)))
        found["second"] = sum(flagged for _, _, flagged in pair)
        found["gifts"] = sorted((gift.amount, gift.net.amount) for gift in session.scalars(select(Gift)))
        found["supporters"] = sorted(session.scalars(select(Supporter.first_name)))
        thanks = session.scalars(select(OutboxMessage.subject_id).where(OutboxMessage.template == "gift_receipt")).all()
        assert max(Counter(thanks).values()) == 1, "somebody is thanked twice"
        found["thanks"] = len(thanks)
        open_tasks = select(Task.kind).where(Task.done_at.is_(None), Task.kind.not_in(ABOUT_THE_NEWS))
        found["tasks"] = Counter(session.scalars(open_tasks))
        on = till.settings.day_of(till.now)
        found["commitments"] = sorted(
            (c.supporter.name, c.state(on), [(i.number, i.status, i.not_before_on) for i in c.instalments])
            for c in session.scalars(select(Commitment))
        )
        found["mandates"] = sorted(session.scalars(select(GatewayMandate.state)))
        found["refunds"] = sorted((refund.amount, refund.state) for refund in session.scalars(select(Refund)))
    return found


def left(snapshot: Snapshot) -> int:
    """Of the gift, by what the vendor has in the end."""
    gone = sum(one.money.amount for one in snapshot.refunds if one.state == "done")
    gone += sum(one.money.amount for one in snapshot.chargebacks if one.reversed_at is None)
    return max(0, snapshot.money.amount - gone)


@pytest.fixture(scope="module")
def world(engine: Engine) -> Iterator[World]:
    with engine.connect() as connection:
        outer = connection.begin()
        yield World.begin(connection)
        outer.rollback()


def lived(world: World, live: Callable[[World], None]) -> dict[str, Any]:
    """What the books are after a history, of which nothing is kept."""
    connection, began = world.till.bind, world.till.now
    assert isinstance(connection, Connection)
    world.set_back()
    kept = connection.begin_nested()
    try:
        live(world)
        return books(world)
    finally:
        kept.rollback()
        world.till.now = began


def in_order(history: History) -> Callable[[World], None]:
    def live(world: World) -> None:
        for step, _ in history:
            world.till.later(minutes=1)
            happen(world, step)
            hear_everything(world)

    return live


def in_any_order(history: History, late: list[int]) -> Callable[[World], None]:
    """Somebody asks after every step, and books the answer perhaps much later; in the end all do, the oldest last."""

    def live(world: World) -> None:
        for which in dict.fromkeys(which for (_, which, _), _ in history):
            HEARINGS["ask"](world, which)
        for step, heard in history:
            world.till.later(minutes=1)
            happen(world, step)
            HEARINGS["ask"](world, step[1])
            for how, which in heard:
                HEARINGS[how](world, which)
        for which in late:
            book_late(world, which)
        hear_everything(world)
        for which in reversed(range(len(world.held))):
            book_late(world, which)

    return live


def test_any_order_of_the_news_leaves_the_same_books(world: World, request: pytest.FixtureRequest) -> None:
    dialect = world.till.bind.dialect.name

    @settings(
        max_examples=WANTED or QUICK[dialect],
        derandomize=not WANTED,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink) if WANTED else (Phase.explicit, Phase.generate),
    )
    @example([(("process", GIFT, 0), [])], [])
    @example([(("pay", GIFT, 0), []), (("charge_back", GIFT, 0), []), (("refund", GIFT, 1), [])], [1, 0])
    @given(histories(), st.lists(st.integers(0, 20), max_size=6))
    def hold(history: History, late: list[int]) -> None:
        expected = lived(world, in_order(history))
        assert lived(world, in_any_order(history, late)) == expected

    hold()


# -- all at once, on a server ------------------------------------------------------------------------------------------

THREADS = 16
DUE = 6


def crowded(bind: Engine) -> World:
    """The same, and what the threads have to share out: charges that are due, refunds that are ready, somebody who
    gives for the first time, twice.
    """
    world = World.begin(bind)
    till = world.till
    for number in range(DUE):
        person = Person(f"M{number}", "Monthly", f"m{number}@example.org")
        till.given("commitment", f"{20 + number}.00", person=person, method="paypal" if number % 2 else "card")
    for amount in ("7.00", "9.00"):
        online = till.given(amount=amount, person=Person("Rik", "Refund", "rik@example.org"))
        with till.session() as session:
            row = session.get_one(OnlinePayment, online.id)
            Refund.request(session, row, None, why="asked", limit=Money.eur("99.00"), by=ANNA, now=till.now)
            session.commit()
        world.payments.append(online)
    for amount in ("11.00", "13.00"):
        world.payments.append(till.begin(amount=amount, person=Person("Nel", "New", "nel@example.org")))
    till.later(days=31)
    # Whether this one is charged first, or taken back first and then charged no more, would be up to chance.
    with till.session() as session:
        started = session.scalars(select(Commitment).order_by(Commitment.id).limit(1)).one()
        started.pause(session, from_on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        session.commit()
        world.checkouts += session.scalars(select(Checkout.id))
    return world


def rounds(world: World, chance: random.Random) -> Iterator[list[int]]:
    """What happens at the vendor, a little at a time: the payments to which it did."""
    acts = [act for act in (*BEFORE, "pay", "pay", *AFTER) if act != "end_mandate"]
    last = len(world.payments) - 1
    for pair in ([FIRST, SECOND], [last - 1, last], [GIFT, OPENING]):
        for which in pair:
            world.till.vendor.pay(world.id(which))
        yield pair
    for _ in range(30 if WANTED else 15):
        some = [chance.choice(ALL) for _ in range(2)]
        for which in some:
            happen(world, (chance.choice(acts), which, chance.randrange(8)))
        charges_arrive(world)
        yield some


def charges_arrive(world: World) -> None:
    """What was charged on a mandate and the bank was at is there, and the vendor says so."""
    for external_id, payment in list(world.till.gateway.vendor.payments.items()):
        waits = payment.order.purpose == "recurring" and payment.snapshot.state == "processing"
        if waits and external_id != world.id(CHARGE):
            world.till.vendor.pay(external_id)
            world.till.post(external_id)


def everything_is_done(world: World) -> None:
    """The vendor finishes what waits there, and all of it is heard of."""
    till = world.till
    for which in range(len(world.payments)):
        if till.gateway.fetch(world.id(which)).state == "paid":
            till.vendor.finish_refunds(world.id(which))
    for _ in range(2):
        jobs.charge_due(till.work)
        jobs.send_refunds(till.work)
        charges_arrive(world)
        hear_everything(world)


def in_a_crowd(world: World, touched: list[int], seed: int, together: threading.Barrier) -> Counter[str]:
    """One of the many: looks at what just changed, all at the same moment, and does something else besides."""
    chance, till = random.Random(seed), world.till
    others: dict[str, Callable[[], Any]] = {
        "charge": lambda: jobs.charge_due(till.work),
        "refund": lambda: jobs.send_refunds(till.work),
        "mandates": lambda: jobs.gateway_mandates(till.work),
        "begin": lambda: till.cashier.begin(chance.choice(world.checkouts)),
    }
    which = chance.choice(touched)
    if seed % 2:
        till.post(world.id(which))
    what = "charge" if seed < THREADS else chance.choice([*HEARINGS, *others])
    together.wait(60)
    (HEARINGS["look at what was posted"] if seed % 2 else HEARINGS["come back"])(world, which)
    with contextlib.suppress(Refused):  # It was paid already, says the page.
        others[what]() if what in others else HEARINGS[what](world, chance.randrange(len(world.payments)))
    return Counter([what])


def charged(world: World) -> int:
    """Without the donor there, at the vendor."""
    return sum(payment.order.purpose == "recurring" for payment in world.till.gateway.vendor.payments.values())


def test_sixteen_at_once_leave_the_same_books(
    postgres_databases: PostgresDatabases, caplog: pytest.LogCaptureFixture
) -> None:
    engines = [postgres_databases.create() for _ in range(2)]
    try:
        calm = crowded(engines[0])
        jobs.charge_due(calm.till.work)
        jobs.send_refunds(calm.till.work)
        for _ in rounds(calm, random.Random(2026)):
            hear_everything(calm)
        everything_is_done(calm)

        world, done = crowded(engines[1]), Counter[str]()
        together = threading.Barrier(THREADS)
        with ThreadPoolExecutor(THREADS) as pool:
            for number, touched in enumerate(rounds(world, random.Random(2026))):
                seeds = range(number * THREADS, (number + 1) * THREADS)
                for what in pool.map(lambda seed, some=touched: in_a_crowd(world, some, seed, together), seeds):
                    done += what
        everything_is_done(world)
        assert not [record for record in caplog.records if record.exc_info], "something went wrong and was put off"
        assert len(done) == len(HEARINGS) + 4
        assert books(world) == books(calm)
        assert world.till.vendor.count("refunds") == calm.till.vendor.count("refunds")
        assert charged(world) == charged(calm) == 1 + DUE
    finally:
        for engine in engines:
            postgres_databases.drop(engine)
