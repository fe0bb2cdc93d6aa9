"""Writing signatures in the caller's transaction: one statement for however many arrived at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from campaigns.petitions import intake_postgresql, intake_sqlite
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.once import misused
from campaigns.petitions.petition import Petition
from campaigns.petitions.terms import Closed, Prepared, Terms, Written
from supporters.sealing import keyring

#: new: it is in. known: the address had signed. repeated: the very same form came again. Never tell a visitor which.
Kind = Literal["new", "known", "repeated"]


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: Kind
    signature_id: int | None = None


def sign(session: Session, petition: Petition, form: SignatureForm, *, now: datetime) -> Outcome:
    """One signature in the caller's transaction; see ``Petition.sign``."""
    session.flush()
    row = Terms.of(session, petition).prepare(form, keyring(session), now=now)
    outcome = write(session.connection(), [row])[0]
    session.expire_all()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def write(connection: Connection, rows: Sequence[Prepared]) -> list[Outcome | Exception]:
    """Write these in the connection's transaction; an outcome or a refusal for each, in their order."""
    outcomes: list[Outcome | Exception | None] = [None] * len(rows)
    waiting = list(enumerate(rows))
    while waiting:
        # What shares an address or a key with one before it takes its turn after it.
        seen: set[Any] = set()
        turn: list[tuple[int, Prepared]] = []
        later: list[tuple[int, Prepared]] = []
        for at, row in waiting:
            mine = {(row.petition_id, row.address_key), *(key for _, key in row.keys)}
            (later if seen & mine else turn).append((at, row))
            seen |= mine
        for (at, _), found in zip(turn, _write_turn(connection, [row for _, row in turn]), strict=True):
            outcomes[at] = found
        waiting = later
    return [outcome for outcome in outcomes if outcome is not None]


def _write_turn(connection: Connection, rows: Sequence[Prepared]) -> list[Outcome | Exception]:
    body = intake_postgresql if connection.dialect.name == "postgresql" else intake_sqlite
    return [_outcome(connection, row, what) for row, what in zip(rows, body.insert(connection, rows), strict=True)]


def _outcome(connection: Connection, row: Prepared, what: Written) -> Outcome | Exception:
    if not what.is_open:
        return Closed("This petition is closed: it cannot be signed any more.")
    if not what.is_first:
        return misused(connection, row) or Outcome("repeated")
    if what.kind is None:  # Somebody signed from there at this very moment.
        return _write_turn(connection, [replace(row, keys=())])[0]
    return Outcome(what.kind, what.signature_id)
