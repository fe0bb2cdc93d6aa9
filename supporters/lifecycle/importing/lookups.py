"""What is known already, asked for a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from supporters.giving.fund import Fund
from supporters.lifecycle.importing.columns import BadMapping
from supporters.lifecycle.importing.plan import Row
from supporters.people.bank_account import BankAccount
from supporters.people.reference import ExternalReference
from supporters.people.supporter import Supporter

# Any constant does, as long as every import takes the same one.
_LOCK = 0x616368696D70


def take_turns(session: Session) -> None:
    """Two imports at once would not see each other's rows: the second waits until the first one's transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    # SQLite has one writer: its transactions begin with BEGIN IMMEDIATE.


def system_of(settings: Mapping[str, str]) -> str:
    """Whose numbers the references of a file are: --set source=…, or "import"."""
    system = settings.get("source") or "import"
    if len(system) > 40:
        raise BadMapping("A source has at most 40 characters.", field="source")
    return system


@dataclass(frozen=True, slots=True)
class Known:
    """What an import needs to know of a supporter; a merged one is the one it was merged into."""

    id: int
    kind: str
    sector: str | None
    has_died: bool


def by_reference(session: Session, system: str, references: Iterable[str]) -> dict[str, Known]:
    """Who each reference leads to today."""
    query = select(ExternalReference.value, ExternalReference.supporter_id)
    query = query.where(ExternalReference.system == system, ExternalReference.value.in_(set(references)))
    owners = {found.value: found.supporter_id for found in session.execute(query)}
    people: dict[int, tuple[Known, int | None]] = {}
    wanted = set(owners.values())
    while wanted:
        found = session.execute(
            select(
                Supporter.id, Supporter.kind, Supporter.sector, Supporter.death_reported_at, Supporter.merged_into_id
            ).where(Supporter.id.in_(wanted))
        )
        for key, kind, sector, died_at, merged_into in found:
            people[key] = Known(key, kind, sector, died_at is not None), merged_into
        wanted = {merged for _, merged in people.values() if merged is not None} - people.keys()

    def survivor(key: int) -> Known:
        known, merged_into = people[key]
        return known if merged_into is None else survivor(merged_into)

    return {value: survivor(key) for value, key in owners.items()}


def accounts_of(session: Session, supporter_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """IBAN → account id of each of these supporters."""
    found: dict[int, dict[str, int]] = {}
    query = select(BankAccount.supporter_id, BankAccount.iban, BankAccount.id).order_by(BankAccount.id)
    for supporter_id, iban, key in session.execute(query.where(BankAccount.supporter_id.in_(set(supporter_ids)))):
        found.setdefault(supporter_id, {})[iban] = key
    return found


def find_supporters(session: Session, system: str, rows: Sequence[Row]) -> None:
    """Put who a row is about in its ``values["supporter"]``; an unknown reference is a mistake of that row."""
    known = by_reference(session, system, (row.values["supporter_reference"] for row in rows))
    for row in rows:
        reference = row.values["supporter_reference"]
        row.values["supporter"] = known.get(reference)
        if reference not in known:
            row.error(
                "supporter_reference",
                "There is no supporter with reference “%(value)s” of “%(system)s”: correct it, or import the "
                "supporters first.",
                value=reference[:60], system=system,
            )  # fmt: skip


class Funds:
    """All funds by code; there are tens of them."""

    DEFAULT = "general"

    def __init__(self, session: Session) -> None:
        self._ids: dict[str, tuple[int, str, date | None]] = {}
        for key, code, closed_on in session.execute(select(Fund.id, Fund.code, Fund.closed_on)):
            self._ids[code.casefold()] = key, code, closed_on

    def find(self, row: Row, on: date) -> tuple[int, str] | None:
        """The id and code of the row's fund; what is wrong with it is noted in the row."""
        wanted = row.given.get("fund") or self.DEFAULT
        found = self._ids.get(wanted.casefold())
        if found is None:
            known = ", ".join(sorted(code for _, code, _ in self._ids.values())[:20]) or "none yet"
            row.error("fund", "There is no fund “%(code)s”; there are: %(known)s.", code=wanted[:40], known=known)
            return None
        key, code, closed_on = found
        if closed_on is not None and closed_on <= on:
            row.error("fund", "Fund “%(code)s” is closed since %(on)s.", code=code, on=closed_on.isoformat())
            return None
        return key, code
