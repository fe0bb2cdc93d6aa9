"""What looked wrong when it was sent: its sender saw a success, it counts nothing, and it waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, String, cast, func, insert, literal, select, update
from sqlalchemy.orm import Session

from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import must_be_as_shown
from campaigns.petitions.signature import Person, Signature, SignaturePerson, move_all, opened
from supporters import audit
from supporters.actor import Actor
from supporters.mail.message import NORMAL, URGENT, OutboxMessage
from supporters.people.consent import SERVICE


@dataclass(frozen=True, slots=True)
class Risk:
    """How many are held for one reason."""

    name: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    signature: Signature
    person: Person
    risk: str
    domain: str


def risks(session: Session, petition: Petition) -> list[Risk]:
    """What is held, by reason, the most first."""
    rows = session.execute(
        select(SignaturePerson.risk, func.count(), func.min(Signature.signed_at), func.max(Signature.signed_at))
        .join(Signature, Signature.id == SignaturePerson.signature_id)
        .where(_held(petition))
        .group_by(SignaturePerson.risk)
        .order_by(func.count().desc(), SignaturePerson.risk)
    )
    return [Risk(*row) for row in rows]


def held(
    session: Session, petition: Petition, *, risk: str | None = None, after: int | None = None, most: int = 50
) -> list[Held]:
    """Those that are held, newest first. ``after`` is the last one seen."""
    query = (
        select(Signature, SignaturePerson)
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
        .where(_held(petition))
        .order_by(Signature.id.desc())
        .limit(most)
    )
    if risk is not None:
        query = query.where(SignaturePerson.risk == risk)
    if after is not None:
        query = query.where(Signature.id < after)
    rows = session.execute(query).all()
    people = opened(session, [person for _, person in rows])
    return [Held(signature, people[signature.id], person.risk, person.domain) for signature, person in rows]


def count(session: Session, petition: Petition, risk: str) -> int:
    return session.scalar(select(func.count()).select_from(Signature).where(_held_for(petition, risk))) or 0


def release_all(
    session: Session, petition: Petition, risk: str, *, expected: int, by: Actor, now: datetime, most: int = 5_000
) -> int:
    """They are real signatures after all: they count, and each gets its mail; how many.

    ``expected`` is the number that was shown; where it grew by over a tenth, nothing is done.
    """
    must_be_as_shown(expected, count(session, petition, risk))
    state = "pending" if petition.confirm_policy == "required" else "received"
    released = 0
    while ids := list(
        session.scalars(
            select(Signature.id).where(_held_for(petition, risk)).order_by(Signature.id).limit(most).with_for_update()
        )
    ):
        move_all(session, Signature.id.in_(ids), state, now=now, most=most)
        _mail_all(session, petition, ids, now=now)
        released += len(ids)
    audit.record(session, by, "release_all", petition, now=now, petition=petition.slug, risk=risk, count=released)
    return released


def _held(petition: Petition) -> ColumnElement[bool]:
    return (Signature.petition_id == petition.id) & (Signature.state == "quarantined")


def _held_for(petition: Petition, risk: str) -> ColumnElement[bool]:
    same = select(SignaturePerson.signature_id).where(
        SignaturePerson.signature_id == Signature.id, SignaturePerson.risk == risk
    )
    return _held(petition) & same.correlate(Signature).exists()


def _mail_all(session: Session, petition: Petition, ids: Sequence[int], *, now: datetime) -> None:
    """What `queue_confirmation` does for one, for all of these in one statement: a sealed address is copied sealed."""
    asks = petition.confirm_policy != "none"
    template = "petition_confirm" if asks else "petition_thanks"
    mine = Signature.id.in_(ids)
    session.execute(
        update(Signature).where(mine).values(mails=Signature.mails + 1),
        execution_options={"synchronize_session": False},
    )
    key = literal(f"{template.replace('_', '-')}:") + cast(Signature.id, String) + ":" + cast(Signature.mails, String)
    values: dict[str, Any] = {
        "template": literal(template),
        "subject_id": Signature.id,
        "params": literal({}, JSON()),
        "locale": Signature.locale,
        "key": key,
        "priority": literal(URGENT if asks else NORMAL),
        "sealed_address": SignaturePerson.sealed_address,
        "address_key": Signature.address_key,
        "purpose": literal(SERVICE),
        "scope": literal(f"petition:{petition.id}"),
        "state": literal("queued"),
        "attempts": literal(0),
        "next_at": literal(now, OutboxMessage.next_at.type),
        "queued_at": literal(now, OutboxMessage.queued_at.type),
    }
    rows: Select[Any] = (
        select(*(value.label(name) for name, value in values.items()))
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
        .where(mine)
    )
    session.execute(insert(OutboxMessage).from_select(list(values), rows))
