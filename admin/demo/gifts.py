"""What comes in besides the collections: single gifts in bulk, bequests, and what institutions give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from admin.demo import names, plan
from admin.demo.bulk import insert_rows, next_id
from admin.demo.plan import EARMARK, EMERGENCY, GENERAL, SEED, Plan, at, shares
from admin.demo.population import Occasional, day_of_year
from admin.demo.runs import ANNA, BRAM
from supporters.actor import Actor
from supporters.giving.fund import Fund
from supporters.giving.gift import Designation, Gift, Reversal
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.people.contact import Address
from supporters.people.supporter import Supporter

#: What people give at once, in cents, by weight.
AMOUNTS = {
    1000: 16, 1500: 8, 2000: 9, 2500: 20, 3000: 5, 5000: 20, 7500: 5, 10000: 10, 15000: 2.5, 20000: 1.5, 25000: 2,
    50000: 0.9, 100000: 0.35, 250000: 0.06,
}  # fmt: skip
SOURCES = {"web": 34, "mail": 26, "event": 5, "newspaper": 7, "tv": 6, "in_memory": 4, "transfer": 18}
CROWDFUNDING = "samen-voor-gezinnen"
#: The crowdfunding counter stood above this at the end of the year, in euros.
CROWDFUNDING_EUROS = {2020: 31_000, 2021: 90_000}
#: What brought its gifts, where they tell.
PLACEMENTS = {2020: ("nieuwsbrief",), 2021: ("trouw", "radio-2", "npo-1", "facebook", "flyer")}
BANK = Actor("import", "bank", "demo")
COLUMNS = (
    "id", "supporter_id", "amount", "currency", "received_on", "kind", "source_code", "description", "booking_key",
    "booked_at", "booked_by", "thanked_at", "thanked_by",
)  # fmt: skip


@dataclass(slots=True)
class _Given:
    supporter_id: int
    amount: int
    on: date
    source: str
    fund: str = GENERAL
    #: Given by mistake and paid back, so it changes no sum.
    is_refunded: bool = False


class Single:
    """Gifts of the living that fill each year to its figure: what collections less returns leave of it."""

    def __init__(self, session: Session, plan: Plan, occasionals: list[Occasional], funds: dict[str, int]) -> None:
        self.session, self.plan, self.funds = session, plan, funds
        self.occasionals = occasionals
        self.gave: set[int] = set()

    def fill(self, year: int) -> None:
        rng = Random(f"{SEED}:single:{year}")
        target = self.plan.years[year]
        nets = _nets(self.session, year)
        donors = [supporter_id for supporter_id, net in nets if net > 0]
        missing = target.donors - len(donors)
        room = target.living - sum(net for _, net in nets)
        givers = self._choose(rng, year, missing)
        given = list(self._gifts(rng, year, givers, donors, room))
        self.gave = {person.id for person in givers}
        self._crowdfund(rng, year, given)
        given.sort(key=lambda gift: (gift.on, gift.supporter_id, gift.amount))
        self._store(year, given)

    def _choose(self, rng: Random, year: int, count: int) -> list[Occasional]:
        """Nearly all who came in the year, then those who gave the year before, then others who came earlier."""
        came = [person for person in self.occasionals if person.joined_on.year == year]
        again = [p for p in self.occasionals if p.joined_on.year < year and p.id in self.gave]
        earlier = [p for p in self.occasionals if p.joined_on.year < year and p.id not in self.gave]
        chosen = rng.sample(came, min(count, len(came) * 94 // 100))
        chosen += rng.sample(again, min(count - len(chosen), len(again) * 58 // 100))
        chosen += rng.sample(earlier, count - len(chosen))
        return sorted(chosen, key=lambda person: person.id)

    def _gifts(
        self, rng: Random, year: int, givers: list[Occasional], donors: list[int], room: int
    ) -> Iterator[_Given]:
        """One from everybody who has to become a donor, then more from people who are, until the year is full."""
        amounts, weights = list(AMOUNTS), list(AMOUNTS.values())
        for person in givers:
            amount = min(rng.choices(amounts, weights)[0], 50_000)
            on = person.joined_on if person.joined_on.year == year else day_of_year(rng, year)
            room -= amount
            yield self._gift(rng, person.id, amount, on)
        if room < 0:
            raise AssertionError(f"the single gifts of {year} already exceed what the year brought")
        while room:
            amount = min(rng.choices(amounts, weights)[0], room)
            if room - amount < 1_000:
                amount = room
            room -= amount
            if rng.random() < 0.5:
                person = givers[int(rng.random() * len(givers))]
                on = max(day_of_year(rng, year), person.joined_on)
                yield self._gift(rng, person.id, amount, on)
            else:
                yield self._gift(rng, donors[int(rng.random() * len(donors))], amount, day_of_year(rng, year))
        for _ in range(self.plan.some(60)):
            amount = rng.choice((5000, 10000, 25000))
            twice = self._gift(rng, donors[int(rng.random() * len(donors))], amount, date(year, 6, 1))
            twice.is_refunded = True
            yield twice

    def _gift(self, rng: Random, supporter_id: int, amount: int, on: date) -> _Given:
        source = rng.choices(list(SOURCES), list(SOURCES.values()))[0]
        if date(2021, 8, 16) <= on <= date(2021, 9, 30) and rng.random() < 0.6:
            source = "kabul-2021"
        return _Given(supporter_id, amount, on, source, EMERGENCY if rng.random() < 0.07 else GENERAL)

    def _crowdfund(self, rng: Random, year: int, given: list[_Given]) -> None:
        """The small gifts of autumn for bringing families together, until the counter stands above its mark."""
        autumn = [g for g in given if g.on >= date(year, 10, 11) and g.amount <= 5_000 and not g.is_refunded]
        rng.shuffle(autumn)
        raised = 0
        for gift in autumn:
            if raised > CROWDFUNDING_EUROS[year] * 100 // self.plan.one_in:
                break
            gift.source = rng.choice((CROWDFUNDING, *(f"{CROWDFUNDING}/{code}" for code in PLACEMENTS[year])))
            if year == 2021:
                gift.fund = EMERGENCY
            raised += gift.amount
        for gift in [g for g in given if g.is_refunded][:3]:  # and a few who gave twice, and got it back
            gift.source, gift.on = CROWDFUNDING, date(year, 11, 16)

    def _store(self, year: int, given: list[_Given]) -> None:
        first = next_id(self.session, Gift)
        numbered = list(enumerate(given, first))
        insert_rows(self.session, Gift, COLUMNS, (_row(year, key, gift) for key, gift in numbered))
        insert_rows(self.session, Designation, ("gift_id", "fund_id", "amount", "made_at", "made_by"), (
            (key, self.funds[gift.fund], gift.amount, at(gift.on), BANK.key) for key, gift in numbered
        ))  # fmt: skip
        insert_rows(self.session, Reversal, (
            "gift_id", "amount", "reversed_on", "kind", "description", "booking_key", "booked_at", "booked_by",
        ), (
            (
                key, gift.amount, gift.on + timedelta(days=6), "refund", "transferred twice", f"gift:{key}:1",
                at(gift.on + timedelta(days=6)), ANNA.key,
            )
            for key, gift in numbered if gift.is_refunded
        ))  # fmt: skip


def _row(year: int, key: int, gift: _Given) -> tuple[Any, ...]:
    # Whoever gave something large in December still has to be thanked.
    thanked = gift.on < date(2021, 12, 6) or (gift.amount < 25_000 and key % 3)
    return (
        key, gift.supporter_id, gift.amount, "EUR", gift.on, "gift", gift.source, "", f"demo:{year}:{key}",
        at(gift.on, 7), BANK.key, at(gift.on + timedelta(days=4), 10) if thanked else None,
        ANNA.key if thanked else None,
    )  # fmt: skip


def _nets(session: Session, year: int) -> list[tuple[int, int]]:
    """What each supporter gave so far in the year, less what went back in it."""
    first, end = date(year, 1, 1), date(year + 1, 1, 1)
    came = select(Gift.supporter_id, Gift.amount.label("amount")).where(
        Gift.kind == "gift", Gift.received_on >= first, Gift.received_on < end
    )
    went: Any = (
        select(Gift.supporter_id, (-Reversal.amount).label("amount"))
        .join(Gift, Gift.id == Reversal.gift_id)
        .where(Gift.kind == "gift", Reversal.reversed_on >= first, Reversal.reversed_on < end)
    )
    moved = union_all(came, went).subquery()
    rows = session.execute(
        select(moved.c.supporter_id, func.sum(moved.c.amount)).group_by(moved.c.supporter_id).order_by("supporter_id")
    )
    return [(supporter_id, int(net)) for supporter_id, net in rows]


# -- bequests and institutions: few, so by the verb ------------------------------------------------------------------


class Institutions:
    """Organisations with what they gave, each gift by its verb."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self.session, self.plan = session, plan
        self.funds = {fund.code: fund for fund in session.scalars(select(Fund))}
        there = session.scalars(select(Supporter).where(Supporter.kind == "organisation"))
        self.known = {supporter.organisation_name: supporter for supporter in there}

    def arrive(self) -> None:
        """Everybody by name, before the people come."""
        for name in (
            plan.LOTTERY, *plan.FOUNDATIONS, plan.JUSTICE, plan.LEGAL_AID, plan.SOCIAL_AFFAIRS, *plan.COMPANIES,
            *plan.MUNICIPALITIES,
        ):  # fmt: skip
            self.known[name] = self._welcome(name, plan.MIGRATED_AT.date())

    def give(self, year: int) -> None:
        target = self.plan.years[year]
        general, projects = self.funds[GENERAL], self.funds["projecten"]
        divided: Any = general
        if target.earmarked:
            divided = {
                general: Money(target.lottery - target.earmarked),
                self.funds[EARMARK]: Money(target.earmarked),
            }
        self._book(plan.LOTTERY, target.lottery, date(year, 2, 11), "lottery", divided, "jaarlijkse bijdrage")
        weights = [30, 22, 18, 9, 26, 14, 7, 6, 11, 5]
        for place, (name, amount) in enumerate(zip(plan.FOUNDATIONS, shares(target.foundations, weights), strict=True)):
            self._book(name, amount, date(year, 3 + place % 8, 4 + place), "foundation", projects, "projectbijdrage")
        for name, amount, parts in (
            (plan.JUSTICE, target.justice, 4), (plan.LEGAL_AID, target.legal_aid, 2),
            (plan.SOCIAL_AFFAIRS, target.social_affairs, 2),
        ):  # fmt: skip
            for part, share in enumerate(shares(amount, [1] * parts)):
                on = date(year, 1 + part * 12 // parts, 18)
                self._book(name, share, on, "government", general, f"subsidie {year}, termijn {part + 1}")
        for place, (name, amount) in enumerate(
            zip(plan.COMPANIES, shares(target.companies, [4, 3, 2, 1]), strict=True)
        ):
            self._book(name, amount, date(year, 4 + place * 2, 12), "company", general, "sponsoring")
        for place, (name, amount) in enumerate(
            zip(plan.MUNICIPALITIES, shares(target.municipalities, [3, 2, 1]), strict=True)
        ):
            self._book(name, amount, date(year, 7 + place, 1), "sale", general, "maatschappelijke begeleiding")

    def bequeath(self, year: int) -> None:
        """Bequests of people who died since; half of them come from the heirs, as an organisation."""
        rng = Random(f"{SEED}:bequests:{year}")
        total = self.plan.years[year].bequests
        count = self.plan.some(34 if year == 2021 else 14, least=3 if year == 2021 else 2)
        weights = [1 + int(40 * rng.random() ** 3) for _ in range(count)]
        persons, homes = names.people(rng, count), names.homes(rng, count)
        for number, (amount, person, home) in enumerate(zip(shares(total, weights), persons, homes, strict=True)):
            received_on = date(year, 1 + int(rng.random() * 12), 1 + int(rng.random() * 28))
            died_on = received_on - timedelta(days=rng.randrange(240, 600))
            late = Supporter.welcome(
                self.session, first_name=person.first_name, initials=person.initials, prefix=person.prefix,
                surname=person.surname, birth_date=date(died_on.year - rng.randrange(70, 97), 5, 1 + number % 28),
                address=Address(home.street, home.number, home.addition, home.postcode, home.city),
                on=date(2009, 3, 2), now=plan.MIGRATED_AT, by=BANK,
            )  # fmt: skip
            reported_at = max(plan.MIGRATED_AT, at(died_on + timedelta(days=20), 13))
            Death.report(
                self.session, late, source="notary", died_on=died_on, note="bericht van de notaris", by=ANNA,
                now=reported_at,
            )  # fmt: skip
            giver = late if number % 2 else self._welcome(f"Erven {late.name}", received_on)
            self._book_for(
                giver, amount, received_on, "bequest", self.funds[GENERAL],
                f"nalatenschap van {late.name} ({late.number})", f"demo:bequest:{year}:{number}",
            )  # fmt: skip

    def _welcome(self, name: str, on: date) -> Supporter:
        return Supporter.welcome(
            self.session, kind="organisation", organisation_name=name, on=on, now=max(plan.MIGRATED_AT, at(on)), by=ANNA
        )

    def _book(self, name: str, amount: int, on: date, kind: str, fund: Any, description: str) -> None:
        key = f"demo:{kind}:{on}:{name}"
        self._book_for(self.known[name], amount, on, kind, fund, description, key)

    def _book_for(
        self, giver: Supporter, amount: int, on: date, kind: str, fund: Any, description: str, key: str
    ) -> None:
        gift = Gift.book(
            self.session, giver, Money(amount), received_on=on, fund=fund, booking_key=key, kind=kind,
            description=description, by=BRAM, now=at(on + timedelta(days=1)),
        )  # fmt: skip
        if on < date(2021, 11, 1):
            gift.thank(self.session, by=ANNA, now=at(on + timedelta(days=3)))
