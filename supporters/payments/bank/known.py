"""What the books know about a block of lines, fetched in a dozen queries however many lines there are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from supporters.bulk import among
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.giving.year import FinancialYear
from supporters.money import Money
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.bank.naming import sort_names
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.payment import Payment
from supporters.payments.sepa.batch import CollectionBatch
from supporters.payments.sepa.blocks import REFERENCE, Block, blocks
from supporters.people.bank_account import BankAccount
from supporters.people.payment_reference import supporter_ids_in
from supporters.people.reference import ExternalReference
from supporters.people.supporter import Supporter

#: A payment may come so long before and after the day on which it was expected.
EARLY_DAYS, LATE_DAYS = 10, 45
#: A collection is booked by the bank at most so many days from the day that we asked for.
COLLECTED_DAYS = 5
#: A refund leaves the account so soon around the day that we booked it.
REFUNDED_DAYS = 10
#: From so many cents on it is worth a look whether somebody ever gave as much.
UNUSUAL = 100_000
_NUMBER = re.compile(r"(?<![A-Z0-9])S\s?(\d{7,9})(?!\d)")
_LABELLED = re.compile(
    r"(?:DONATEUR|DONOR|SUPPORTER|RELATIE|KLANT)\w{0,10}[\s.:]{0,3}(?:NR|NO|NUMMER|NUMBER)?[\s.:]{0,3}S?(\d{1,9})(?!\d)"
)
_TOKEN = re.compile(r"(?=[^\s,;]*\d)[^\s,;]{5,40}")


class Person(NamedTuple):
    """A supporter as they are today, after all merges."""

    id: int
    kind: str
    first_name: str
    initials: str
    prefix: str
    surname: str
    organisation_name: str
    has_died: bool


class Expected(NamedTuple):
    """An instalment that its giver transfers by themselves."""

    instalment_id: int
    commitment_id: int
    due_on: date
    amount: int
    currency: str
    status: str


class Known:
    """Everything by what a line tells; what nobody asked for is not fetched."""

    def __init__(self, session: Session, scope: Sequence[ColumnElement[bool]], lines: Sequence[Row[Any]]) -> None:
        self._session, self._scope = session, scope
        # Plain rows: the session would look at each of them once more.
        self._connection = session.connection()
        self.own_accounts = frozenset(session.scalars(select(OurAccount.number)))
        self.closed_years = frozenset(
            session.scalars(select(FinancialYear.year).where(FinancialYear.closed_at.is_not(None)))
        )
        self.taken_back = self._taken_back()
        self.payments = self._payments()
        self.by_mandate = self._by_mandate()
        self.settled = self._settled()
        self._learn_collections(lines)
        self._learn_people(lines)
        self._learn_expected(lines)
        self._learn_large(lines)
        self.refunds = self._refunds()

    # -- debits of ours ---------------------------------------------------------------------------------------

    def _payments(self) -> dict[str, Row[Any]]:
        """Our debits by end-to-end id."""
        query = self._debits().join(BankLine, BankLine.end_to_end_id == Payment.reference).where(*self._scope)
        return {row.reference: row for row in self._connection.execute(query)}

    def _by_mandate(self) -> dict[tuple[str, int], list[Row[Any]]]:
        """Debits on a mandate that came in, by reference and amount, the last first."""
        query = (
            self._debits()
            .join(
                BankLine,
                and_(BankLine.mandate_reference == Mandate.reference, BankLine.amount == -Payment.amount),
            )
            .where(*self._scope, BankLine.end_to_end_id == "", Payment.state.in_(("booked", "returned")))
            .order_by(Payment.collect_on.desc(), Payment.id.desc())
        )
        found: dict[tuple[str, int], dict[int, Row[Any]]] = defaultdict(dict)
        for row in self._connection.execute(query):
            found[row.mandate, row.amount][row.id] = row
        return {key: list(rows.values()) for key, rows in found.items()}

    @staticmethod
    def _debits() -> Any:
        return (
            select(
                Payment.id, Payment.reference, Payment.state, Payment.amount, Payment.currency, Payment.iban,
                Payment.collect_on, Payment.supporter_id, Payment.batch_id, Mandate.reference.label("mandate"),
                CollectionBatch.state.label("batch_state"), Instalment.commitment_id,
            )
            .join(Mandate, Mandate.id == Payment.mandate_id)
            .join(CollectionBatch, CollectionBatch.id == Payment.batch_id)
            .outerjoin(Instalment, Instalment.id == Payment.instalment_id)
            .where(Payment.gateway == "sepa")
        )  # fmt: skip

    def _settled(self) -> set[tuple[int, str]]:
        """(payment, kind) that a line was booked as already."""
        ids = {row.id for row in self.payments.values()}
        ids.update(row.id for rows in self.by_mandate.values() for row in rows)
        found: set[tuple[int, str]] = set()
        if ids:
            query = select(BankAllocation.payment_id, BankAllocation.kind).where(
                among(self._session, BankAllocation.payment_id, ids), BankAllocation.undone_at.is_(None)
            )
            found.update((row.payment_id, row.kind) for row in self._connection.execute(query))
        return found

    # -- collections ------------------------------------------------------------------------------------------

    def _learn_collections(self, lines: Sequence[Row[Any]]) -> None:
        self.collections: dict[str, list[Block]] = defaultdict(list)
        self.collected: dict[int, list[Block]] = defaultdict(list)  # by what the bank should have paid out
        self.named = {line.id: found for line in lines if (found := message_references(line))}
        wanted = {int(each[1 : each.index("-")]) for found in self.named.values() for each in found}
        totals = [line for line in lines if may_be_a_total(line)]
        near: set[int] = set()
        if totals:
            days = {line.booked_on + timedelta(days=step) for line in totals for step in range(-COLLECTED_DAYS, 1)}
            query = select(CollectionBatch.id).where(
                CollectionBatch.state.in_(("exported", "booked")),
                CollectionBatch.collect_on.between(min(days), max(days)),
                CollectionBatch.total >= min(line.amount for line in totals),
            )
            near = set(self._session.scalars(query))
        ids = sorted(wanted | near)
        told = set()
        if ids:
            query_told = select(BankAllocation.batch_id, BankAllocation.reference).where(
                BankAllocation.batch_id.in_(ids),
                BankAllocation.kind == "collection",
                BankAllocation.undone_at.is_(None),
            )
            told = {(row.batch_id, row.reference) for row in self._connection.execute(query_told)}
        self.banked = {reference for _, reference in told}
        for block in blocks(self._session, ids):
            self.collections[block.reference].append(block)
            self.collections[block.message].append(block)
            if block.batch_id in near and not {block.reference, block.message} & self.banked:
                self.collected[block.expected].append(block)

    # -- people -----------------------------------------------------------------------------------------------

    def _learn_people(self, lines: Sequence[Row[Any]]) -> None:
        self.references: dict[int, list[int]] = {}
        self.numbers: dict[int, list[int]] = {}
        tokens: dict[int, list[str]] = {}
        for line in lines:
            if line.amount < 0:
                continue
            told = f"{line.creditor_reference} {line.end_to_end_id} {line.text}".upper()
            if found := list(dict.fromkeys(supporter_ids_in(told))):
                self.references[line.id] = found
            elif found := [*map(int, _NUMBER.findall(told)), *map(int, _LABELLED.findall(told))]:
                self.numbers[line.id] = list(dict.fromkeys(found))
            elif words := _TOKEN.findall(f"{line.creditor_reference} {line.text}"):
                tokens[line.id] = words
        self.old_numbers: dict[int, list[int]] = {}
        if old := self._old_numbers({word for words in tokens.values() for word in words}):
            for line_id, words in tokens.items():
                if found := list(dict.fromkeys(owner for word in words for owner in old.get(word, ()))):
                    self.old_numbers[line_id] = found
        owners = self._owners()
        asked = {
            each
            for found in (self.references, self.numbers, self.old_numbers)
            for ids in found.values()
            for each in ids
        }
        self.people = people(self._session, asked.union(*owners.values()) if owners else asked)
        self.owners = {iban: self._distinct(ids) for iban, ids in owners.items()}
        self._learn_names(lines)

    def persons(self, ids: Iterable[int]) -> list[Person]:
        """Who these numbers lead to today; a number that nobody has leads to nobody."""
        return self._distinct(ids)

    def _distinct(self, ids: Iterable[int]) -> list[Person]:
        found = {person.id: person for each in ids if (person := self.people.get(each)) is not None}
        return [found[key] for key in sorted(found)]

    def _old_numbers(self, words: set[str]) -> dict[str, set[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        if not words or not self._session.scalar(select(exists().where(ExternalReference.id.is_not(None)))):
            return found
        query = select(ExternalReference.value, ExternalReference.supporter_id)
        for value, owner in self._connection.execute(query.where(among(self._session, ExternalReference.value, words))):
            found[value].add(owner)
        return found

    def _owners(self) -> dict[str, set[int]]:
        """Who has an account: one that holds now, or that a mandate in force is on."""
        in_force = exists().where(Mandate.bank_account_id == BankAccount.id, Mandate.cancelled_on.is_(None))
        query = (
            select(BankAccount.iban, BankAccount.supporter_id)
            .join(BankLine, BankLine.iban == BankAccount.iban)
            .where(*self._scope, BankLine.iban != "", or_(BankAccount.until_on.is_(None), in_force))
        )
        found: dict[str, set[int]] = defaultdict(set)
        for iban, owner in self._connection.execute(query):
            found[iban].add(owner)
        return found

    def _learn_names(self, lines: Sequence[Row[Any]]) -> None:
        """Of the lines that no number and no account leads anywhere: whose name it may be."""
        self.namesakes: dict[int, list[Person]] = {}
        found = (self.references, self.numbers, self.old_numbers)
        asked = {
            line.id: sort_names(line.name)
            for line in lines
            if line.amount > 0 and line.name and line.iban not in self.owners and not any(f.get(line.id) for f in found)
        }
        known: dict[str, list[Person]] = defaultdict(list)
        if wanted := {name for names in asked.values() for name in names if name}:
            query = select(Supporter).where(
                among(self._session, Supporter.sort_name, wanted), Supporter.merged_into_id.is_(None)
            )
            for row in self._connection.execute(_columns(query, Supporter.sort_name)):
                known[row.sort_name].append(_person(row))
        for line_id, names in asked.items():
            persons = {person.id: person for name in names for person in known.get(name, ())}
            if persons:
                self.namesakes[line_id] = [persons[key] for key in sorted(persons)]

    # -- what was to come, and what went back -----------------------------------------------------------------

    def _learn_expected(self, lines: Sequence[Row[Any]]) -> None:
        self._expected: dict[int, list[Expected]] = defaultdict(list)
        if not self.people:
            return
        days = [line.booked_on for line in lines]
        query = (
            select(
                Commitment.supporter_id, Instalment.id, Instalment.commitment_id, Instalment.due_on, Instalment.amount,
                Commitment.currency, Instalment.status,
            )
            .join(Commitment, Commitment.id == Instalment.commitment_id)
            .where(
                Commitment.method == "transfer",
                Instalment.due_on.between(
                    min(days) - timedelta(days=LATE_DAYS), max(days) + timedelta(days=EARLY_DAYS)
                ),
            )
            .order_by(Instalment.due_on, Instalment.id)
        )  # fmt: skip
        wanted = {person.id for person in self.people.values()}
        for row in self._connection.execute(query.where(among(self._session, Commitment.supporter_id, wanted))):
            self._expected[row[0]].append(Expected(*row[1:]))

    def expected(self, person: Person, line: Row[Any]) -> list[Expected]:
        """The instalments of this person that such an amount on this day is for: of each promise the last one due."""
        latest: dict[int, Expected] = {}
        through, since = line.booked_on + timedelta(days=EARLY_DAYS), line.booked_on - timedelta(days=LATE_DAYS)
        for each in self._expected.get(person.id, ()):
            if since <= each.due_on <= through:
                latest[each.commitment_id] = each
        return [each for each in latest.values() if (each.amount, each.currency) == (line.amount, line.currency)]

    def _learn_large(self, lines: Sequence[Row[Any]]) -> None:
        """The most that somebody gave by other ways than the bank's lines, which come in any order."""
        self.most: dict[int, int] = {}
        if not any(line.amount >= UNUSUAL for line in lines):
            return
        ids = {person.id for person in self.people.values()}
        query = (
            select(Gift.supporter_id, func.max(Gift.amount))
            .where(among(self._session, Gift.supporter_id, ids), Gift.booking_key.not_like("bank:%"))
            .group_by(Gift.supporter_id)
        )
        self.most.update((owner, int(most)) for owner, most in self._connection.execute(query))

    def _refunds(self) -> dict[int, list[Row[Any]]]:
        """For a line that went off: the refunds of its amount to somebody who has that account."""
        query = (
            select(
                BankLine.id,
                Gift.supporter_id,
                Reversal.id.label("reversal_id"),
                Reversal.reversed_on,
                BankLine.booked_on,
            )
            .join(BankAccount, BankAccount.iban == BankLine.iban)
            .join(Gift, Gift.supporter_id == BankAccount.supporter_id)
            .join(Reversal, and_(Reversal.gift_id == Gift.id, Reversal.amount == -BankLine.amount))
            .where(*self._scope, BankLine.amount < 0, BankLine.iban != "", Reversal.kind == "refund")
            .order_by(Reversal.id)
        )
        found: dict[int, list[Any]] = defaultdict(list)
        for row in self._connection.execute(query):
            if abs((row.reversed_on - row.booked_on).days) <= REFUNDED_DAYS:
                found[row.id].append(row)
        return found

    def _taken_back(self) -> dict[int, set[tuple[str, int | None]]]:
        """Line → (kind, whom or what) of each booking of it that a person took back."""
        query = (
            select(
                BankAllocation.line_id, BankAllocation.kind, BankAllocation.supporter_id, BankAllocation.payment_id,
                BankAllocation.batch_id,
            )
            .join(BankLine, BankLine.id == BankAllocation.line_id)
            .where(*self._scope, BankAllocation.undone_at.is_not(None))
        )  # fmt: skip
        found: dict[int, set[tuple[str, int | None]]] = defaultdict(set)
        for row in self._connection.execute(query):
            what = (
                row.payment_id or row.batch_id if row.kind in ("payment", "return", "collection") else row.supporter_id
            )
            found[row.line_id].add((row.kind, what))
        return found


def waiting_instalment(session: Session, supporter_id: int, money: Money, on: date) -> int | None:
    """The instalment of a promise to transfer that such an amount on this day is for, where it waits for it."""
    query = (
        select(Instalment.id, Instalment.amount, Instalment.status, Instalment.commitment_id)
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .where(
            Commitment.supporter_id == supporter_id, Commitment.method == "transfer",
            Commitment.currency == money.currency,
            Instalment.due_on.between(on - timedelta(days=LATE_DAYS), on + timedelta(days=EARLY_DAYS)),
        )
        .order_by(Instalment.due_on, Instalment.id)
    )  # fmt: skip
    latest = {row.commitment_id: row for row in session.execute(query)}
    waits = [row.id for row in latest.values() if row.amount == money.amount and row.status in ("due", "missed")]
    return waits[0] if waits else None


def people(session: Session, ids: Collection[int]) -> dict[int, Person]:
    """Who each of these is today, through chains of merges."""
    found: dict[int, Person] = {}
    leads: dict[int, int] = {}
    todo = set(ids)
    while todo:
        following: set[int] = set()
        query = select(Supporter).where(among(session, Supporter.id, todo))
        for row in session.connection().execute(_columns(query, Supporter.merged_into_id)):
            if row.merged_into_id is None:
                found[row.id] = _person(row)
            else:
                leads[row.id] = row.merged_into_id
                following.add(row.merged_into_id)
        todo = following - found.keys() - leads.keys()
    for each in leads:
        last = each
        while last in leads:
            last = leads[last]
        found[each] = found[last]
    return found


def _columns(query: Any, *more: Any) -> Any:
    return query.with_only_columns(
        Supporter.id, Supporter.kind, Supporter.first_name, Supporter.initials, Supporter.prefix, Supporter.surname,
        Supporter.organisation_name, Supporter.death_reported_at, *more,
    )  # fmt: skip


def _person(row: Any) -> Person:
    return Person._make((*row[:7], row.death_reported_at is not None))


def message_references(line: Row[Any]) -> list[str]:
    """What may be the name of one of our collections, or of a part of it, wherever the bank wrote it."""
    told = f"{line.batch_reference} {line.reference} {line.end_to_end_id} {line.text}"
    if "B" not in told:
        return []
    return list(dict.fromkeys(message + part for message, part in REFERENCE.findall(told)))


def may_be_a_total(line: Row[Any]) -> bool:
    """Whether it can be what a collection brought: money in, from nobody in particular."""
    return line.amount > 0 and not line.iban and not line.end_to_end_id
