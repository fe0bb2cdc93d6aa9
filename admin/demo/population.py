"""The people of the demo in bulk: those who promised something, and those who give now and then or never yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from admin.demo import names
from admin.demo.bulk import insert_rows, next_id
from admin.demo.plan import MIGRATED_AT, SEED, Plan, at
from admin.demo.promises import Promise
from supporters.people import folding
from supporters.people.bank_account import BankAccount
from supporters.people.contact import ContactPoint
from supporters.people.household import Household, HouseholdMember
from supporters.people.names import Name, sort_key
from supporters.people.reference import ExternalReference
from supporters.people.search import SearchToken
from supporters.people.supporter import Supporter

#: How much of a year's single gifts comes in each month: Christmas, World Refugee Day, and Kabul in 2021.
SEASON = {2020: [6, 5, 6, 7, 6, 8, 5, 5, 7, 8, 13, 24], 2021: [5, 4, 5, 5, 5, 7, 5, 16, 13, 8, 10, 17]}
BY = "import:old_crm"


@dataclass(slots=True)
class Occasional:
    """Somebody without a commitment, who may give now and then."""

    id: int
    joined_on: date


@dataclass(slots=True)
class _Someone:
    joined_on: date
    promises: list[Promise]
    person: names.Person
    home: names.Home | None
    email: str
    account: tuple[str, str] | None
    id: int = 0
    account_id: int = 0
    household: int | None = None
    born_on: date | None = None
    phone: str = ""
    language: str = "nl"
    source: str | None = None

    @property
    def was_migrated(self) -> bool:
        return self.joined_on < MIGRATED_AT.date()


def store(session: Session, plan: Plan, promises: list[Promise]) -> list[Occasional]:
    """Give every commitment its owner and account, and return everybody else in the order they came."""
    someones = _draw(plan, promises)
    first, first_account = next_id(session, Supporter), next_id(session, BankAccount)
    for number, someone in enumerate(someones):
        someone.id = first + number
    holders = [someone for someone in someones if someone.account]
    for number, someone in enumerate(holders):
        someone.account_id = first_account + number
    for someone in someones:
        for promise in someone.promises:
            promise.supporter_id, promise.account_id = someone.id, someone.account_id
    _insert(session, someones, holders)
    return [Occasional(s.id, s.joined_on) for s in someones if not s.promises]


def _draw(plan: Plan, promises: list[Promise]) -> list[_Someone]:
    rng = Random(f"{SEED}:people")
    owned: dict[int, list[Promise]] = {}
    for promise in promises:
        owned.setdefault(promise.owner, []).append(promise)
    joins = [(min(p.signed_on for p in mine), mine) for mine in owned.values()]
    joins += [(_joined(rng, place), []) for place in range(plan.some(49_500) + 12)]
    joins.sort(key=lambda join: (join[0], join[1][0].id if join[1] else 0))
    count = len(joins)
    persons, homes, accounts = names.people(rng, count), names.homes(rng, count), names.accounts(rng, count)
    households = _pair(rng, persons, homes)
    emails = names.emails(rng, persons)
    found = []
    for number, (joined_on, mine) in enumerate(joins):
        someone = _Someone(
            joined_on=joined_on,
            promises=mine,
            person=persons[number],
            home=homes[number] if number in households or rng.random() < 0.92 else None,
            email=emails[number],
            account=accounts[number] if mine or rng.random() < 0.5 else None,
            household=households.get(number),
        )
        if rng.random() < 0.55:
            someone.born_on = date(1932, 1, 1) + timedelta(days=int((1 - (1 - rng.random()) ** 1.3) * 25_500))
        if rng.random() < 0.6:
            someone.phone = names.phone(rng)
        someone.language = "en" if rng.random() < 0.04 else "nl"
        someone.source = mine[0].source if mine else rng.choice(("web", "mail", "event", "petition"))
        found.append(someone)
    return found


def _joined(rng: Random, place: int) -> date:
    """Of those without a commitment 60 in 100 came before 2020, 11 in 2020 and 29 in 2021, most of them by giving."""
    share = place % 100
    if share < 60:
        return date(2019, 12, 1) - timedelta(days=int(rng.random() ** 1.4 * 365 * 12))
    year = 2020 if share < 71 else 2021
    return day_of_year(rng, year)


def day_of_year(rng: Random, year: int) -> date:
    """A day on which somebody gives."""
    month = rng.choices(range(1, 13), weights=SEASON[year])[0]
    return date(year, month, 1 + int(rng.random() * 28))


def _pair(rng: Random, persons: list[names.Person], homes: list[names.Home]) -> dict[int, int]:
    """One in eight shares an address, and mostly a surname, with somebody: who is in which household."""
    chosen = rng.sample(range(len(persons)), len(persons) // 16 * 2)
    found = {}
    for number, (one, other) in enumerate(zip(chosen[::2], chosen[1::2], strict=True), 1):
        found[one] = found[other] = number
        homes[other] = homes[one]
        if rng.random() < 0.7:
            persons[other].prefix, persons[other].surname = persons[one].prefix, persons[one].surname
    return found


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who becomes a supporter by something else than a gift."""

    came_at: datetime
    first_name: str
    surname: str
    email: str
    language: str
    source: str


def welcome(session: Session, newcomers: list[Newcomer]) -> list[int]:
    """Their keys, in the order given."""
    first = next_id(session, Supporter)
    someones = [
        _Someone(
            joined_on=new.came_at.date(), promises=[], person=names.Person(new.first_name, "", "", new.surname, None),
            home=None, email=new.email, account=None, id=number, language=new.language, source=new.source or None,
        )
        for number, new in enumerate(newcomers, first)
    ]  # fmt: skip
    if someones:
        _insert(session, someones, [])
    return [someone.id for someone in someones]


# -- into the tables ------------------------------------------------------------------------------------------------


def _insert(session: Session, someones: list[_Someone], holders: list[_Someone]) -> None:
    insert_rows(session, Supporter, (
        "id", "kind", "first_name", "initials", "prefix", "surname", "organisation_name", "form_of_address", "language",
        "birth_date", "sort_name", "source_code", "joined_on", "created_at",
    ), (_supporter(someone) for someone in someones))  # fmt: skip
    insert_rows(session, ContactPoint, (
        "supporter_id", "kind", "value", "street", "house_number", "house_addition", "postcode", "city", "country",
        "from_on", "recorded_by",
    ), _contacts(someones))  # fmt: skip
    insert_rows(session, BankAccount, ("id", "supporter_id", "iban", "bic", "from_on", "recorded_by"), (
        (s.account_id, s.id, *s.account, s.joined_on, BY) for s in holders if s.account
    ))  # fmt: skip
    insert_rows(session, ExternalReference, ("supporter_id", "system", "value"), (
        (s.id, "old_crm", _old_number(s)) for s in someones if s.was_migrated
    ))  # fmt: skip
    members: dict[int, list[_Someone]] = {}
    for someone in someones:
        if someone.household:
            members.setdefault(someone.household, []).append(someone)
    insert_rows(session, Household, ("id", "created_at"), ((number, MIGRATED_AT) for number in sorted(members)))
    insert_rows(session, HouseholdMember, ("household_id", "supporter_id", "from_on"), (
        (number, someone.id, max(s.joined_on for s in members[number]))
        for number in sorted(members) for someone in members[number]
    ))  # fmt: skip
    insert_rows(session, SearchToken, ("token", "supporter_id"), _tokens(someones))


def _old_number(someone: _Someone) -> str:
    return str(200_000 + someone.id * 3)


def _supporter(someone: _Someone) -> tuple[Any, ...]:
    person = someone.person
    name = Name(person.first_name, person.initials, person.prefix, person.surname)
    came_at = MIGRATED_AT if someone.was_migrated else at(someone.joined_on, 8 + someone.id % 9, someone.id % 60)
    return (
        someone.id, "person", person.first_name, person.initials, person.prefix, person.surname, "",
        person.form_of_address, someone.language, someone.born_on, folding.fold(sort_key(name))[:320],
        someone.source, someone.joined_on, came_at,
    )  # fmt: skip


def _contacts(someones: list[_Someone]) -> Iterator[tuple[Any, ...]]:
    nowhere = ("", "", "", "", "", "NL")
    for someone in someones:
        if someone.email:
            yield (someone.id, "email", someone.email, *nowhere, someone.joined_on, BY)
        if someone.phone:
            yield (someone.id, "phone", someone.phone, *nowhere, someone.joined_on, BY)
        if home := someone.home:
            yield (
                someone.id, "address", "", home.street, home.number, home.addition, home.postcode, home.city, "NL",
                someone.joined_on, BY,
            )  # fmt: skip


def _tokens(someones: list[_Someone]) -> Iterator[tuple[str, int]]:
    for someone in someones:
        person = someone.person
        tokens = folding.tokens_of(
            names=(person.first_name, person.initials, person.prefix, person.surname),
            emails=[someone.email] if someone.email else (),
            ibans=[someone.account[0]] if someone.account else (),
            postcodes=[someone.home.postcode] if someone.home else (),
            number=someone.id,
            references=[_old_number(someone)] if someone.was_migrated else (),
            phones=[someone.phone] if someone.phone else (),
        )
        for token in sorted(tokens):
            yield token, someone.id
