"""Who may have given what a line brought: the few that a person chooses from, the likeliest first, each with why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from supporters.payments.bank.evidence import EVIDENCE
from supporters.payments.bank.known import Known
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.matching import lines
from supporters.payments.bank.naming import agrees, words_of
from supporters.people.search import search
from supporters.people.supporter import Supporter


@dataclass(frozen=True, slots=True)
class Candidate:
    supporter: Supporter
    because: str  # a word of evidence.EVIDENCE
    #: Whether the name that the bank told can be theirs.
    name_agrees: bool
    #: The promise that such an amount was due of about then.
    commitment_id: int | None = None
    instalment_id: int | None = None

    @property
    def reason(self) -> str:
        return EVIDENCE[self.because]


def candidates(session: Session, line: BankLine, limit: int = 9) -> list[Candidate]:
    """At most ``limit`` supporters for this line. Somebody who died is among them: it may be for their estate."""
    scope = [BankLine.id == line.id]
    told = session.execute(lines().where(*scope)).all()
    known = Known(session, scope, told)
    ranked: dict[int, str] = {}
    for because, persons in (
        ("creditor_reference", known.persons(known.references.get(line.id, ()))),
        ("supporter_number", known.persons(known.numbers.get(line.id, ()))),
        ("old_number", known.persons(known.old_numbers.get(line.id, ()))),
        ("iban", known.owners.get(line.iban, [])),
        ("name", known.namesakes.get(line.id, [])),
    ):
        for person in sorted(persons, key=lambda person: (not agrees(line.name, person), person.id)):
            ranked.setdefault(person.id, because)
    if len(ranked) < limit and (words := words_of(line.name)):
        for alike in _alike(session, words, limit):
            ranked.setdefault(alike.id, "name")
    ids = list(ranked)[:limit]
    query = select(Supporter).where(Supporter.id.in_(ids)).options(selectinload(Supporter.contact_points))
    people = {each.id: each for each in session.scalars(query)}
    promised: dict[int, Any] = {}
    for person in known.people.values():
        waiting = [each for each in known.expected(person, told[0]) if each.status in ("due", "missed")] if told else []
        if waiting:
            promised[person.id] = waiting[0]
    made = []
    for key in ids:
        each = promised.get(key)
        because = "expected" if each is not None and ranked[key] == "iban" else ranked[key]
        agreed = agrees(line.name, people[key])
        promise = (each.commitment_id, each.instalment_id) if each is not None else (None, None)
        made.append(Candidate(people[key], because, agreed, *promise))
    return made


def _alike(session: Session, words: list[str], limit: int) -> list[Supporter]:
    """By the words of the name: all of them, else the longest, which is most of a surname."""
    found = search(session, " ".join(words), limit=limit)
    longest = max(words, key=len)
    if len(found) < limit and len(longest) > 3:
        found += [each for each in search(session, longest, limit=limit) if each not in found]
    return found
