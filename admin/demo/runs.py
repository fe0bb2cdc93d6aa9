"""The twenty-four collections of the demo, by the verbs that fundraisers use, and what happened between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.demo import names
from admin.demo.bulk import analyse
from admin.demo.plan import SEED, TODAY, Plan, at, next_month
from admin.demo.promises import Promise
from supporters.actor import Actor
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.lifecycle.death import SOURCES, Death
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.sepa.batch import CollectionBatch
from supporters.payments.sepa.calendar import add_business_days
from supporters.people.supporter import Supporter
from supporters.tasks import Task

ANNA = Actor.person("anna@demo.example", via="demo", authenticated=True)
BRAM = Actor.person("bram@demo.example", via="demo", authenticated=True)
#: Why a bank sends a debit back, by weight, and within how many days; MD06 is the donor's own refund.
RETURNS = {
    "AM04": (46, 5), "MD06": (27, 50), "AC04": (9, 5), "MS02": (8, 5), "MD01": (4, 40), "AC01": (3, 5), "AC06": (3, 5),
}  # fmt: skip
RETURNED_OF_A_THOUSAND = 5
#: What came back before this day was looked at; the rest waits on the screen.
LOOKED_AT = date(2021, 12, 1)
#: What happens in a month at full size, outside the bulk.
HAPPENS = {"change": 30, "pause": 15, "skip": 8, "move": 15, "stop": 20, "die": 8}


@dataclass
class Events:
    """What a verb does to whom on which day, by month."""

    by_month: dict[date, list[tuple[date, str, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, day: date, what: str, commitment_id: int) -> None:
        self.by_month[day.replace(day=1)].append((day, what, commitment_id))


def draw(plan: Plan, promises: list[Promise]) -> Events:
    """Who changes, pauses, skips, moves account; and which of the ends and deaths go by the verb."""
    rng = Random(f"{SEED}:events")
    events = Events()
    steady = [p for p in promises if p.is_steady and p.started_on < date(2020, 6, 1)]
    rng.shuffle(steady)
    ends: dict[date, list[Promise]] = defaultdict(list)
    seen: dict[int, int] = defaultdict(int)
    for promise in promises:
        seen[promise.owner] += 1
        if promise.ended_on:
            ends[promise.ended_on.replace(day=1)].append(promise)
    for month in (next_month(date(2020, 1, 1), count) for count in range(24)):
        # Those who end by a verb are among those who end anyway, so the year's count stays what was planned.
        chosen = [p for p in ends[month] if seen[p.owner] == 1][
            : plan.some(HAPPENS["stop"]) + plan.some(HAPPENS["die"])
        ]
        for place, promise in enumerate(chosen):
            promise.ends_in_bulk = False
            assert promise.ended_on is not None
            events.add(promise.ended_on, "die" if place < plan.some(HAPPENS["die"]) else "stop", promise.id)
        if month < date(2020, 7, 1):
            continue
        for what in ("change", "pause", "skip", "move"):
            for _ in range(plan.some(HAPPENS[what])):
                if steady:
                    promise = steady.pop()
                    day = month.replace(day=rng.randrange(7, 16))
                    events.add(day, what, promise.id)
                    if what == "pause" and rng.random() < 0.4 and month < date(2021, 9, 1):
                        events.add(next_month(month, 3).replace(day=9), "resume", promise.id)
    return events


class Runs:
    """One collection a month, prepared on the 20th for the first, with its returns; then the events of the month."""

    def __init__(
        self, session: Session, plan: Plan, account: CreditorAccount, events: Events, ended: dict[int, Promise]
    ) -> None:
        self.session, self.plan, self.account_id = session, plan, account.id
        self.events, self.ended = events, ended
        self.rng = Random(f"{SEED}:runs")

    def month(self, month: date) -> None:
        batch = self._collect(month)
        self._returns(batch)
        self._happen(month)
        self.session.commit()
        # The session would keep every row it ever saw.
        self.session.expunge_all()

    def _collect(self, month: date) -> CollectionBatch:
        session = self.session
        account = session.get_one(CreditorAccount, self.account_id)
        before = next_month(month, -1)
        batch = CollectionBatch.prepare(session, account, on=month, by=ANNA, now=at(before.replace(day=20)))
        session.commit()
        batch.approve(session, by=BRAM, now=at(before.replace(day=21), 10))
        session.commit()
        batch.export(session, by=BRAM, now=at(before.replace(day=21), 10, 5))
        session.commit()
        batch.book(session, by=ANNA, now=at(batch.collect_on, 8))
        session.commit()
        if month.month % 6 == 1:
            analyse(session)
            session.commit()
        return batch

    def _returns(self, batch: CollectionBatch) -> None:
        """Some are sent back by the bank or taken back by the donor, each by its verb on its own day."""
        taken: Any = (
            select(Payment.id, Instalment.commitment_id)
            .join(Instalment, Instalment.id == Payment.instalment_id)
            .where(Payment.batch_id == batch.id)
            .order_by(Instalment.commitment_id, Instalment.number)
        )
        lines = self.session.execute(taken).all()
        count = max(1, len(lines) * RETURNED_OF_A_THOUSAND // 1000)
        codes = self.rng.choices(list(RETURNS), weights=[weight for weight, _ in RETURNS.values()], k=count)
        for line, code in zip(self.rng.sample(lines, count), codes, strict=True):
            on = add_business_days(batch.collect_on + timedelta(days=self.rng.randrange(1, RETURNS[code][1])), 1)
            if on >= TODAY:
                continue
            payment = self.session.get_one(Payment, line.id)
            row = Returned.record(self.session, payment, code, told_on=on, by=ANNA, now=at(on, 7, 30), collected=True)
            if on < LOOKED_AT:
                row.act(self.session, "nothing", by=ANNA, now=at(on, 9), today=on)
            if code in ("AC04", "AC01", "MD01"):
                self._ask(payment.supporter, code, on, f"{batch.number}:{line.commitment_id}")

    def _ask(self, supporter: Supporter, code: str, on: date, key: str) -> None:
        text = {
            "AC04": "Ask %(name)s for a new account: the bank closed the old one (%(code)s).",
            "AC01": "Ask %(name)s for the right IBAN: the bank does not know it (%(code)s).",
            "MD01": "Ask %(name)s for a signed mandate: the bank has no permission (%(code)s).",
        }[code]
        now = at(on, 7, 30)
        task = Task.raise_(
            self.session, "returned", text, by=ANNA, now=now, key=f"returned:{key}", supporter_id=supporter.id,
            due_on=on + timedelta(days=14), name=supporter.name, code=code,
        )  # fmt: skip
        if on < date(2021, 10, 1):
            task.finish(self.session, "called", by=BRAM, now=now + timedelta(days=9))

    def _happen(self, month: date) -> None:
        verbs: dict[str, Callable[[Commitment, date], None]] = {
            "change": self._change, "pause": self._pause, "resume": self._resume, "skip": self._skip,
            "move": self._move, "stop": self._stop, "die": self._die,
        }  # fmt: skip
        for day, what, commitment_id in sorted(self.events.by_month.get(month, ())):
            verbs[what](self.session.get_one(Commitment, commitment_id), day)

    def _change(self, commitment: Commitment, day: date) -> None:
        old = commitment.term.amount
        up = self.rng.random() < 0.8
        new = old + self.rng.choice((100, 250, 500)) if up else max(250, old // 200 * 100)
        if new == old:
            new += 250
        reason = "upgrade call" if up else "donor asked by telephone"
        now = at(day, 14)
        commitment.change(self.session, Money(new), reason=reason, by=ANNA, now=now)
        # Nobody has written the letters for December yet.
        if day < date(2021, 12, 1):
            Announcement.make(
                self.session, commitment, on=day, channel="letter", evidence=reason, by=ANNA, now=now
            )  # fmt: skip

    def _pause(self, commitment: Commitment, day: date) -> None:
        open_ended = any(
            what == "resume" and commitment_id == commitment.id
            for events in self.events.by_month.values()
            for _, what, commitment_id in events
        )
        until = None if open_ended or day > date(2021, 10, 1) else next_month(day, self.rng.randrange(3, 6))
        commitment.pause(
            self.session, from_on=next_month(day), until_on=until, reason="asked for some air", by=ANNA, now=at(day, 11)
        )

    def _resume(self, commitment: Commitment, day: date) -> None:
        commitment.resume(self.session, on=day, by=BRAM, now=at(day, 11))

    def _skip(self, commitment: Commitment, day: date) -> None:
        commitment.skip(self.session, by=ANNA, now=at(day, 12))

    def _move(self, commitment: Commitment, day: date) -> None:
        ((iban, _),) = names.accounts(self.rng, 1)
        if commitment.mandate:
            commitment.mandate.change_account(self.session, iban, by=ANNA, now=at(day, 13), on=day)
            commitment.supporter.index(self.session)

    def _stop(self, commitment: Commitment, day: date) -> None:
        reason = self.ended[commitment.id].end_reason or "donor_request"
        commitment.stop(self.session, reason, on=day, by=ANNA, now=at(day, 15))

    def _die(self, commitment: Commitment, day: date) -> None:
        Death.report(
            self.session, commitment.supporter, source=self.rng.choice(SOURCES[:4]),
            died_on=day - timedelta(days=self.rng.randrange(3, 30)), by=ANNA, now=at(day, 16),
        )  # fmt: skip
