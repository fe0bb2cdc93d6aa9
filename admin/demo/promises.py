"""The commitments of the demo: who promised what, from when, and what becomes of it. Drawn first, stored in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from admin.demo.bulk import insert_rows
from admin.demo.plan import EMERGENCY, GENERAL, MIGRATED_AT, SEED, Plan, at, next_month
from supporters.giving.commitment import Commitment
from supporters.giving.mandate import Mandate
from supporters.giving.pause import Pause
from supporters.giving.term import Term
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement

BEGIN = date(2020, 1, 1)
#: How often, by weight, and what people then give, in cents, the usual first.
INTERVALS = {1: 34, 3: 28, 12: 28, 6: 8, 2: 2}
AMOUNTS = {
    1: [500, 1000, 750, 1000, 500, 1500, 600, 400, 2000, 1250, 2500, 5000],
    2: [1000, 1500, 2000, 2500],
    3: [1500, 2500, 1500, 3000, 2000, 5000, 1250],
    6: [2500, 5000, 3000, 7500, 4000],
    12: [5000, 6000, 2500, 10000, 3500, 7500, 12000, 25000],
}
SOURCES = {"street": 34, "phone": 22, "web": 20, "mail": 14, "door": 10}
#: In how many of a year's months people begin; in 2021 a surge after the evacuation from Kabul in August.
SEASON = {
    2020: [8, 8, 7, 6, 6, 7, 7, 6, 8, 10, 12, 15],
    2021: [7, 7, 6, 6, 6, 7, 8, 7, 13, 19, 9, 5],
}
END_REASONS = {
    "donor_request": 30, "financial": 24, "no_longer_interested": 14, "other_charity": 8, "payment_failures": 12,
    "account_closed": 6, "dissatisfied": 4, "unknown": 2,
}  # fmt: skip


@dataclass(slots=True)
class Promise:
    signed_on: date
    started_on: date
    months: int
    amount: int
    source: str
    fund: str = GENERAL
    #: The first instalment that is ours to collect, and when it falls due; above 1 where it ran elsewhere before.
    next_number: int = 1
    next_due_on: date = BEGIN
    ended_on: date | None = None
    end_reason: str | None = None
    #: Stored as ended from the start; else a verb ends it on its day.
    ends_in_bulk: bool = True
    has_mandate: bool = True
    is_announced: bool = True
    has_lapsed: bool = False
    #: Which person: a place in the list of owners, filled in when there are people.
    owner: int = 0
    id: int = 0
    account_id: int = 0
    supporter_id: int = 0

    @property
    def was_migrated(self) -> bool:
        return self.next_number > 1

    @property
    def is_steady(self) -> bool:
        return self.ended_on is None and self.has_mandate and self.is_announced and not self.has_lapsed


def draw(plan: Plan) -> list[Promise]:
    """Every commitment, in the order in which they were made; ``owner`` counts people, a few of whom have two."""
    rng = Random(f"{SEED}:promises")
    first, second = plan.years[2020], plan.years[2021]
    found = [_migrated(rng) for _ in range(first.at_start)]
    for year, count in ((2020, first.begun), (2021, second.begun)):
        months = rng.choices(range(1, 13), weights=SEASON[year], k=count)
        found += [_begun(rng, date(year, month, 1)) for month in sorted(months)]
    _end(rng, found, 2020, first.ended)
    _end(rng, found, 2021, second.ended)
    late = [p for p in found if date(2021, 10, 1) <= p.started_on and p.ended_on is None]
    for promise in rng.sample(late, min(plan.some(170, least=3), len(late) // 3)):
        promise.has_mandate = False  # The form was sent and did not come back.
    old = [p for p in found if p.was_migrated and p.ended_on is None and p.months == 1]
    for promise in rng.sample(old, min(plan.some(240, least=3), len(old) // 3)):
        _lapse(rng, promise)
    for number, promise in enumerate(found):
        promise.owner = number
    for promise in rng.sample([p for p in found if p.was_migrated and p.is_steady], plan.some(620)):
        another = _begun(rng, next_month(BEGIN, rng.randrange(3, 22)))
        another.owner, another.fund, another.source = promise.owner, EMERGENCY, "mail"
        found.append(another)
    # They begin after New Year; part of them was not told yet what will be collected, and when.
    for number in range(plan.some(260, least=6)):
        coming = _begun(rng, date(2022, 1, 1) if number % 2 else date(2022, 2, 1))
        coming.owner, coming.is_announced = len(found), number % 4 == 1
        if not number % 2:
            coming.signed_on = date(2021, 12, 15) + timedelta(days=rng.randrange(17))
        found.append(coming)
    owners = {old: new for new, old in enumerate(sorted({p.owner for p in found}))}
    for promise in found:
        promise.owner = owners[promise.owner]
    found.sort(key=lambda p: (p.signed_on, p.owner, p.started_on))
    for number, promise in enumerate(found, 1):
        promise.id = number
    return found


def _what(rng: Random) -> tuple[int, int]:
    months = rng.choices(list(INTERVALS), weights=list(INTERVALS.values()))[0]
    amounts = AMOUNTS[months]
    return months, amounts[int(len(amounts) * rng.random() ** 1.4)]


def _migrated(rng: Random) -> Promise:
    months, amount = _what(rng)
    signed_on = date(2019, 11, 10) - timedelta(days=int(rng.random() ** 1.6 * 365 * 15))
    started_on = next_month(signed_on)
    behind = (BEGIN.year - started_on.year) * 12 + BEGIN.month - started_on.month
    number = -(-behind // months)
    return Promise(
        signed_on=signed_on,
        started_on=started_on,
        months=months,
        amount=amount,
        source=_source(rng),
        fund=EMERGENCY if rng.random() < 0.08 else GENERAL,
        next_number=number + 1,
        next_due_on=next_month(started_on, number * months),
    )


def _begun(rng: Random, started_on: date) -> Promise:
    months, amount = _what(rng)
    before = next_month(started_on, -1)
    # Two weeks' notice; who signs later in the month begins a month later.
    signed_on = before - timedelta(days=rng.randrange(1, 14)) if rng.random() < 0.4 else before.replace(
        day=rng.randrange(1, 15)
    )  # fmt: skip
    surge = date(2021, 9, 1) <= started_on <= date(2021, 11, 1) and rng.random() < 0.6
    return Promise(
        signed_on=signed_on,
        started_on=started_on,
        months=months,
        amount=amount,
        source="kabul-2021" if surge else _source(rng),
        fund=EMERGENCY if rng.random() < 0.1 else GENERAL,
        next_due_on=started_on,
    )


def _source(rng: Random) -> str:
    return rng.choices(list(SOURCES), weights=list(SOURCES.values()))[0]


def _end(rng: Random, promises: list[Promise], year: int, count: int) -> None:
    """So many end in the year, none within two months of its beginning, always between two collections."""
    going = [p for p in promises if p.ended_on is None and p.started_on < date(year, 9, 1)]
    for promise in rng.sample(going, count):
        earliest = max(1, promise.started_on.month + 2) if promise.started_on.year == year else 1
        promise.ended_on = date(year, rng.randrange(earliest, 13), rng.randrange(7, 17))
        promise.end_reason = rng.choices(list(END_REASONS), weights=list(END_REASONS.values()))[0]


def _lapse(rng: Random, promise: Promise) -> None:
    """Paused for years, until this New Year: the mandate was last used more than 36 months ago."""
    promise.has_lapsed = True
    promise.signed_on = date(2016 + rng.randrange(2), rng.randrange(1, 13), rng.randrange(1, 28))
    promise.started_on = next_month(promise.signed_on)
    behind = (BEGIN.year - promise.started_on.year) * 12 + BEGIN.month - promise.started_on.month
    promise.next_number, promise.next_due_on = behind + 1, BEGIN


# -- into the tables ------------------------------------------------------------------------------------------------


def store(session: Session, promises: list[Promise], account: CreditorAccount, funds: dict[str, int]) -> None:
    """``supporter_id`` and ``account_id`` are filled in by now. Mandate, commitment and term share their number."""
    signed = [p for p in promises if p.has_mandate]
    insert_rows(session, Mandate, (
        "id", "supporter_id", "bank_account_id", "creditor_identifier", "reference", "kind", "scheme", "evidence_kind",
        "signed_on", "first_used_on", "last_used_on", "cancelled_on", "cancel_reason", "created_at", "created_by",
    ), (_mandate(p, account, nth) for p, nth in _counted(signed)))  # fmt: skip
    insert_rows(session, Commitment, (
        "id", "supporter_id", "fund_id", "mandate_id", "method", "currency", "started_on", "ended_on", "end_reason",
        "ended_by", "source_code", "next_number", "next_due_on", "created_at", "created_by",
    ), (_commitment(p, funds) for p in promises))  # fmt: skip
    insert_rows(session, Term, (
        "id", "commitment_id", "amount", "interval_months", "anchor_on", "anchor_day", "first_number", "reason",
        "recorded_at", "recorded_by",
    ), (
        (
            p.id, p.id, p.amount, p.months, p.next_due_on, p.next_due_on.day, p.next_number, "started", _made_at(p),
            _by(p),
        )
        for p in promises
    ))  # fmt: skip
    insert_rows(session, Announcement, (
        "term_id", "amount", "first_due_on", "channel", "announced_on", "evidence", "recorded_at", "recorded_by",
    ), (_announcement(p) for p in promises if p.is_announced))  # fmt: skip
    insert_rows(session, Pause, (
        "commitment_id", "from_on", "until_on", "reason", "recorded_at", "recorded_by",
    ), (
        (p.id, date(2018, 10, 2), date(2022, 1, 1), "until they write to us again", MIGRATED_AT, _by(p))
        for p in promises if p.has_lapsed
    ))  # fmt: skip


def _counted(promises: list[Promise]) -> Iterator[tuple[Promise, int]]:
    """Each with which mandate of its owner it is."""
    seen: dict[int, int] = {}
    for promise in promises:
        seen[promise.supporter_id] = seen.get(promise.supporter_id, 0) + 1
        yield promise, seen[promise.supporter_id]


def _made_at(promise: Promise) -> Any:
    return MIGRATED_AT if promise.was_migrated else at(promise.signed_on, 9 + promise.id % 8, promise.id % 60)


def _by(promise: Promise) -> str:
    if promise.was_migrated:
        return "import:old_crm"
    return "visitor:website" if promise.source in ("web", "kabul-2021") else "person:anna@demo.example"


def _mandate(promise: Promise, account: CreditorAccount, nth: int) -> tuple[Any, ...]:
    used: tuple[date | None, date | None] = (None, None)
    if promise.has_lapsed:
        used = (promise.started_on, date(2018, 10, 1))
    elif promise.was_migrated:
        used = (promise.started_on, next_month(promise.next_due_on, -promise.months))
    return (
        promise.id, promise.supporter_id, promise.account_id, account.identifier,
        f"S{promise.supporter_id:07d}-{nth}", "recurring", "CORE",
        "first_payment" if promise.source in ("web", "kabul-2021") else "paper", promise.signed_on, *used,
        None, None, _made_at(promise), _by(promise),
    )  # fmt: skip


def _commitment(promise: Promise, funds: dict[str, int]) -> tuple[Any, ...]:
    ended = promise.ended_on if promise.ends_in_bulk else None
    return (
        promise.id, promise.supporter_id, funds[promise.fund], promise.id if promise.has_mandate else None, "sepa",
        "EUR", promise.started_on, ended, promise.end_reason if ended else None,
        "person:anna@demo.example" if ended else None, promise.source, promise.next_number, promise.next_due_on,
        _made_at(promise), _by(promise),
    )  # fmt: skip


def _announcement(promise: Promise) -> tuple[Any, ...]:
    told_on = MIGRATED_AT.date() if promise.was_migrated else promise.signed_on
    channel = "imported" if promise.was_migrated else "email" if promise.source in ("web", "kabul-2021") else "letter"
    return (
        promise.id, promise.amount, promise.next_due_on, channel, told_on,
        "agreed in the old system" if promise.was_migrated else "welcome letter", _made_at(promise), _by(promise),
    )  # fmt: skip
