"""The signers as rows of a file: streamed from one statement, so that it is one snapshot of any length."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Select, and_, func, select, true
from sqlalchemy.orm import Session

from campaigns.petitions.signature import CONFIRMED, PERSON, SIGNED, Person, Signature, SignaturePerson
from campaigns.petitions.tally import NUMBERS, Count, Tally, TallyEvent
from supporters.errors import Refused
from supporters.mail.message import ADDRESS
from supporters.sealing import keyring
from supporters.spreadsheet import harmless

#: Rows fetched, opened and written at a time.
BLOCK = 1_000
_CITIZENS = ("name", "street", "house_number", "postcode", "town", "birth_date", "supported_on")
_EXPORT = (
    "number", "state", "first_name", "last_name", "email", "street", "house_number", "postcode", "town", "birth_date",
    "comment", "language", "source", "signed_at", "confirmed_at",
)  # fmt: skip


@dataclass(slots=True)
class Frozen:
    """The numbers as the file's own statement saw them; known once the first row was read."""

    now: datetime
    count: Count = field(init=False)


def count_query(petition_id: int) -> Select[Any]:
    """The three numbers, exact, as a part of a larger statement."""
    waiting = (
        select(*(func.coalesce(func.sum(getattr(TallyEvent, name)), 0).label(name) for name in NUMBERS))
        .where(TallyEvent.petition_id == petition_id)
        .subquery()
    )
    sums = [(getattr(Tally, name) + waiting.c[name]).label(f"total_{name}") for name in NUMBERS]
    return select(*sums).join(waiting, true()).where(Tally.petition_id == petition_id)


def citizens_csv(session: Session, petition_id: int, frozen: Frozen) -> Iterator[bytes]:
    """Every confirmed signer with what a citizens' initiative takes; raises Refused where that is not the count."""
    total = count_query(petition_id).subquery()
    mine = and_(Signature.petition_id == petition_id, Signature.state.in_(CONFIRMED))
    query = (
        select(total, Signature.id, Signature.signed_at, SignaturePerson.sealed)
        .select_from(total)
        .join(Signature, mine, isouter=True)
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id, isouter=True)
        .order_by(Signature.id)
    )
    ring = keyring(session)
    yield _csv([_CITIZENS], mark=True)
    found = 0
    for block in _blocks(session, query):
        lines: list[Sequence[str]] = []
        for signed, confirmed, offline, key, signed_at, sealed in block:
            frozen.count = Count(int(signed), int(confirmed), int(offline), frozen.now)
            if key is None:
                continue
            if sealed is None:
                raise Refused("The details of signature %(key)s are gone, so it cannot be handed over.", key=key)
            who = Person.from_json(ring.open(sealed, PERSON))
            day = signed_at.astimezone(frozen.now.tzinfo).date().isoformat()
            lines.append((who.name, who.street, who.house_number, who.postcode, who.town, who.birth_date, day))
        found += len(lines)
        yield _csv(lines)
    if found != frozen.count.confirmed:
        raise Refused(
            "%(found)s confirmed signatures are there and %(count)s are counted; run “achterban check”.",
            found=found, count=frozen.count.confirmed,
        )  # fmt: skip


def export_csv(session: Session, petition_id: int) -> Iterator[bytes]:
    """Every signature that counts, with all we hold about its signer."""
    yield _csv([_EXPORT], mark=True)
    ring = keyring(session)
    query = (
        select(
            Signature.id, Signature.state, Signature.locale, Signature.source, Signature.signed_at,
            Signature.confirmed_at, SignaturePerson.sealed, SignaturePerson.sealed_address,
        )
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id, isouter=True)
        .where(Signature.petition_id == petition_id, Signature.state.in_(SIGNED))
        .order_by(Signature.id)
    )  # fmt: skip
    for block in _blocks(session, query):
        lines: list[Sequence[str]] = []
        for key, state, locale, source, signed_at, confirmed_at, sealed, sealed_address in block:
            who = Person.from_json(ring.open(sealed, PERSON)) if sealed else Person()
            address = ring.open(sealed_address, ADDRESS) if sealed_address else ""
            lines.append((
                str(key), state, who.first_name, who.last_name, address, who.street, who.house_number, who.postcode,
                who.town, who.birth_date, who.comment, locale, source, signed_at.isoformat(),
                confirmed_at.isoformat() if confirmed_at else "",
            ))  # fmt: skip
        yield _csv(lines)


def _blocks(session: Session, query: Executable) -> Iterable[Sequence[Any]]:
    """On PostgreSQL through a cursor of the server, so that the client never holds more than a block."""
    return session.execute(query, execution_options={"yield_per": BLOCK}).partitions()


def _csv(rows: Iterable[Sequence[str]], *, mark: bool = False) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    # The mark at the beginning tells a spreadsheet that this is UTF-8.
    return buffer.getvalue().encode("utf-8-sig" if mark else "utf-8")
