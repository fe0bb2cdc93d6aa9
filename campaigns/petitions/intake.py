"""Writing signatures: one statement for however many arrived at once, and one commit for all of them.

Each of a group is answered only after the commit, so what was answered is kept. A row that fails is written again
alone, so it never fails a stranger's.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, ForeignKey, LargeBinary, delete, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import OVER, SIGNED, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import TallyEvent
from campaigns.petitions.terms import REMEMBERED, Closed, Prepared, Terms
from supporters.db import Base, instant
from supporters.errors import BadInput, Mistakes
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from supporters.sealing import keyring

#: At most this many in one statement.
MOST = 200
#: The confirmation is mailed at most so often for one signature: nobody can flood somebody else's mailbox.
MOST_MAILS = 5
BY = "visitor:petition form"

#: new: it is in. known: the address had signed. repeated: the very same form came again. Never tell a visitor which.
Kind = Literal["new", "known", "repeated"]


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: Kind
    signature_id: int | None = None


class Once(Base):
    """Keys that are good for one form: the form's own, and a solved proof of work. Forgotten after a while."""

    __tablename__ = "campaigns_once"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    forget_at: Mapped[instant] = mapped_column(index=True)


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
    two_bodies = _insert_postgresql if connection.dialect.name == "postgresql" else _insert_sqlite
    outcomes: list[Outcome | Exception] = []
    for row, (signature_id, is_open, is_first) in zip(rows, two_bodies(connection, rows, 1), strict=True):
        if signature_id is not None:
            outcomes.append(Outcome("new", signature_id))
        elif not is_open:
            outcomes.append(Closed("This petition is closed: it cannot be signed any more."))
        elif not is_first:
            outcomes.append(_repeated(connection, row))
        else:
            outcomes.append(_known(connection, row))
    return outcomes


#: For each row: the key of its new signature, whether the petition is open, whether its keys were never used.
Inserted = tuple[int | None, bool, bool]

_INSERT = """
WITH given AS (
  SELECT * FROM unnest(
    %(n)s::int[], %(petition_id)s::bigint[], %(address_key)s::bytea[], %(name_key)s::bytea[], %(state)s::text[],
    %(locale)s::text[], %(source)s::text[], %(wording_id)s::bigint[], %(signed_at)s::timestamptz[],
    %(hour)s::timestamptz[], %(sealed)s::bytea[], %(sealed_address)s::bytea[], %(domain)s::text[],
    %(network_key)s::bytea[], %(wants_updates)s::bool[], %(risk)s::text[], %(publishes)s::bool[],
    %(shows_comment)s::bool[], %(form_url)s::text[], %(template)s::text[], %(priority)s::int[],
    %(content_hash)s::bytea[]
  ) AS g (n, petition_id, address_key, name_key, state, locale, source, wording_id, signed_at, hour, sealed,
    sealed_address, domain, network_key, wants_updates, risk, publishes, shows_comment, form_url, template, priority,
    content_hash)
), key AS (
  SELECT * FROM unnest(%(key_n)s::int[], %(key)s::bytea[]) AS k (n, key)
), first AS (
  INSERT INTO campaigns_once (key, petition_id, content_hash, forget_at)
  SELECT key, petition_id, content_hash, signed_at + %(remembered)s FROM key JOIN given USING (n)
  ON CONFLICT DO NOTHING RETURNING key
), allowed AS (
  SELECT g.*, p.open, f.first FROM given g
  CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT 1 FROM campaigns_petition p WHERE p.id = g.petition_id AND p.state = 'open'
      AND (p.opens_at IS NULL OR p.opens_at <= g.signed_at)
      AND (p.closes_at IS NULL OR p.closes_at > g.signed_at)) AS open
  ) p
  CROSS JOIN LATERAL (
    SELECT NOT EXISTS (SELECT 1 FROM key WHERE key.n = g.n AND key.key NOT IN (SELECT key FROM first)) AS first
  ) f
), signed AS (
  INSERT INTO campaigns_signature (petition_id, address_key, name_key, slot, state, locale, source, wording_id,
    signed_at, mails)
  SELECT petition_id, address_key, name_key, %(slot)s, state, locale, source, wording_id, signed_at,
    CASE WHEN template = 'petition_confirm' THEN 1 ELSE 0 END
  FROM allowed WHERE open AND first ORDER BY petition_id, address_key
  ON CONFLICT (petition_id, address_key, slot) DO NOTHING RETURNING id, petition_id, address_key
), new AS (
  SELECT signed.id, a.* FROM signed JOIN allowed a USING (petition_id, address_key)
), person AS (
  INSERT INTO campaigns_signature_person (signature_id, sealed, sealed_address, domain, network_key, wants_updates,
    risk)
  SELECT id, sealed, sealed_address, domain, network_key, wants_updates, risk FROM new
), consent AS (
  INSERT INTO supporters_consent (address_key, purpose, channel, scope, granted, text_id, source, evidence, at, by)
  SELECT address_key, c.purpose, CASE c.purpose WHEN 'show_name' THEN 'public' ELSE 'email' END,
    CASE c.purpose WHEN 'newsletter' THEN '' ELSE 'petition:' || petition_id END, true, c.text_id, form_url,
    'signature:' || id, signed_at, %(by)s
  FROM new JOIN unnest(%(consent_n)s::int[], %(purpose)s::text[], %(text_id)s::bigint[]) AS c (n, purpose, text_id)
    USING (n)
), tally AS (
  INSERT INTO campaigns_tally_event (petition_id, hour, source, signed, confirmed, offline)
  SELECT petition_id, hour, source, 1, 0, 0 FROM new WHERE state <> 'quarantined'
), shown AS (
  INSERT INTO campaigns_publication (petition_id, signature_id, state, with_comment, name, town, comment)
  SELECT petition_id, id, 'waiting', shows_comment, '', '', '' FROM new WHERE publishes
), mail AS (
  INSERT INTO supporters_outbox_message (template, subject_id, params, locale, key, priority, sealed_address,
    address_key, purpose, scope, state, attempts, next_at, queued_at)
  SELECT template, id, '{}', locale, replace(template, '_', '-') || ':' || id || ':1', priority, sealed_address,
    address_key, 'service', 'petition:' || petition_id, 'queued', 0, signed_at, signed_at
  FROM new WHERE template IS NOT NULL
)
SELECT a.n, new.id, a.open, a.first FROM allowed a LEFT JOIN new USING (n)
"""
_COLUMNS = (
    "petition_id", "address_key", "name_key", "state", "locale", "source", "wording_id", "signed_at", "hour", "sealed",
    "sealed_address", "domain", "network_key", "wants_updates", "risk", "publishes", "shows_comment", "form_url",
    "template", "priority", "content_hash",
)  # fmt: skip


def _insert_postgresql(connection: Connection, rows: Sequence[Prepared], slot: int) -> list[Inserted]:
    keys = [(n, key) for n, row in enumerate(rows) for _, key in row.keys]
    consents = [(n, *consent) for n, row in enumerate(rows) for consent in row.consents]
    given: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
    given |= {
        "n": list(range(len(rows))), "slot": slot, "by": BY, "remembered": REMEMBERED,
        "key_n": [n for n, _ in keys], "key": [key for _, key in keys],
        "consent_n": [n for n, _, _ in consents], "purpose": [purpose for _, purpose, _ in consents],
        "text_id": [text_id for _, _, text_id in consents],
    }  # fmt: skip
    found = {n: (key, is_open, is_first) for n, key, is_open, is_first in connection.exec_driver_sql(_INSERT, given)}
    return [found[n] for n in range(len(rows))]


def _insert_sqlite(connection: Connection, rows: Sequence[Prepared], slot: int) -> list[Inserted]:
    """Row by row: there is one writer, and no journey to a server to save."""
    found: list[Inserted] = []
    for row in rows:
        is_open = _is_open(connection, row)
        is_first = True
        for _, key in row.keys:
            given = {
                "key": key, "petition_id": row.petition_id, "content_hash": row.content_hash,
                "forget_at": row.signed_at + REMEMBERED,
            }  # fmt: skip
            is_first &= connection.execute(sqlite.insert(Once).on_conflict_do_nothing(), given).rowcount == 1
        signature_id = None
        if is_open and is_first:
            statement = sqlite.insert(Signature).on_conflict_do_nothing().returning(Signature.id)
            signature_id = connection.execute(statement, _signature_of(row, slot)).scalar()
        if signature_id is not None:
            _insert_rest(connection, row, signature_id)
        found.append((signature_id, is_open, is_first))
    return found


def _is_open(connection: Connection, row: Prepared) -> bool:
    petition = connection.execute(
        select(Petition.state, Petition.opens_at, Petition.closes_at).where(Petition.id == row.petition_id)
    ).one()
    begun = petition.opens_at is None or petition.opens_at <= row.signed_at
    return petition.state == "open" and begun and (petition.closes_at is None or row.signed_at < petition.closes_at)


def _signature_of(row: Prepared, slot: int) -> dict[str, Any]:
    return {
        "petition_id": row.petition_id, "address_key": row.address_key, "name_key": row.name_key, "slot": slot,
        "state": row.state, "locale": row.locale, "source": row.source, "wording_id": row.wording_id,
        "signed_at": row.signed_at, "mails": int(row.template == "petition_confirm"),
    }  # fmt: skip


def _insert_rest(connection: Connection, row: Prepared, signature_id: int, mail: int = 1) -> None:
    """What goes with a signature: its person, consents, count, publication and mail."""
    connection.execute(insert(SignaturePerson), {"signature_id": signature_id, **_person_of(row)})
    connection.execute(insert(Consent), [
        {
            "address_key": row.address_key, "purpose": purpose, "granted": True, "text_id": text_id,
            "channel": "public" if purpose == "show_name" else "email",
            "scope": "" if purpose == "newsletter" else f"petition:{row.petition_id}",
            "source": row.form_url, "evidence": f"signature:{signature_id}", "at": row.signed_at, "by": BY,
        }
        for purpose, text_id in row.consents
    ])  # fmt: skip
    if row.state in SIGNED:
        _count(connection, row)
    if row.publishes:
        shown = {"petition_id": row.petition_id, "signature_id": signature_id, "with_comment": row.shows_comment}
        connection.execute(insert(Publication), shown)
    if row.template is not None:
        _mail(connection, row, row.template, signature_id, f"{row.template.replace('_', '-')}:{signature_id}:{mail}")


def _person_of(row: Prepared) -> dict[str, Any]:
    return {
        "sealed": row.sealed, "sealed_address": row.sealed_address, "domain": row.domain,
        "network_key": row.network_key,
        "wants_updates": row.wants_updates, "risk": row.risk,
    }  # fmt: skip


def _count(connection: Connection, row: Prepared) -> None:
    connection.execute(
        insert(TallyEvent),
        {
            "petition_id": row.petition_id,
            "hour": row.hour,
            "source": row.source,
            "signed": 1,
            "confirmed": 0,
            "offline": 0,
        },
    )


def _mail(connection: Connection, row: Prepared, template: str, signature_id: int, key: str) -> None:
    connection.execute(insert(OutboxMessage), {
        "template": template, "subject_id": signature_id, "params": {}, "locale": row.locale, "key": key,
        "priority": row.priority, "sealed_address": row.sealed_address, "address_key": row.address_key,
        "scope": f"petition:{row.petition_id}", "next_at": row.signed_at, "queued_at": row.signed_at,
    })  # fmt: skip


# -- an address or a form that was here before ----------------------------------------------------------------


def _repeated(connection: Connection, row: Prepared) -> Outcome | Exception:
    """The same form again is as good as once; the same key with another form is a mistake."""
    keys = [key for _, key in row.keys]
    known = connection.execute(select(Once.key, Once.content_hash).where(Once.key.in_(keys))).all()
    taken = {key for key, content_hash in known if content_hash != row.content_hash}
    if not taken:
        return Outcome("repeated")
    # A corrected form must not find its new keys spent by this one.
    connection.execute(
        delete(Once).where(Once.key.in_(set(keys) - taken), Once.forget_at == row.signed_at + REMEMBERED)
    )
    return Mistakes([BadInput(_TAKEN[name], field=name) for name, key in row.keys if key in taken])


_TAKEN = {
    "submission_key": "Another form was sent with this key; load the form once more.",
    "altcha": "This proof was used before; wait a moment and send the form once more.",
}


def _known(connection: Connection, row: Prepared) -> Outcome:
    """The address signed before. The visitor gets the answer everybody gets; the mailbox hears how it stands."""
    columns = (
        Signature.id, Signature.state, Signature.name_key, Signature.slot, Signature.mails, Signature.erased_at
    )  # fmt: skip
    there = connection.execute(
        select(*columns)
        .where(Signature.petition_id == row.petition_id, Signature.address_key == row.address_key)
        .order_by(Signature.slot)
        .with_for_update()
    ).all()
    same = next((s for s in there if s.name_key == row.name_key), None)
    if same is None and len(there) < row.per_address:
        two_bodies = _insert_postgresql if connection.dialect.name == "postgresql" else _insert_sqlite
        signature_id, _, _ = two_bodies(connection, [replace(row, keys=())], len(there) + 1)[0]
        if signature_id is not None:
            return Outcome("new", signature_id)
        return _known(connection, row)  # Somebody else took the second place meanwhile.
    before = same or next((s for s in there if s.state in (*OVER, "pending")), there[0])
    if before.state in OVER:
        _anew(connection, row, before)
    elif before.state in ("pending", "received") and before.mails < MOST_MAILS and row.template == "petition_confirm":
        if before.state == "pending":  # Not confirmed yet, so a name can still be corrected.
            connection.execute(
                update(SignaturePerson).where(SignaturePerson.signature_id == before.id).values(sealed=row.sealed)
            )
            if not row.shows_comment:  # The yes to showing it was to another form: it does not hold for these words.
                connection.execute(
                    update(Publication)
                    .where(Publication.signature_id == before.id)
                    .values(with_comment=False, comment="")
                )
        connection.execute(
            update(Signature)
            .where(Signature.id == before.id)
            .values(mails=before.mails + 1, **({"name_key": row.name_key} if before.state == "pending" else {}))
        )
        _mail(connection, row, "petition_confirm", before.id, f"petition-confirm:{before.id}:{before.mails + 1}")
    elif before.state == "confirmed" and row.template is not None:
        key = f"petition-known:{before.id}:{row.signed_at.date().isoformat()}"
        if connection.execute(select(OutboxMessage.id).where(OutboxMessage.key == key)).first() is None:
            _mail(connection, row, "petition_known", before.id, key)
    return Outcome("known", before.id)


def _anew(connection: Connection, row: Prepared, before: Any) -> None:
    """It was withdrawn, rejected or never confirmed, and now they sign (again)."""
    connection.execute(
        update(Signature)
        .where(Signature.id == before.id)
        .values(
            state=row.state, name_key=row.name_key, locale=row.locale, source=row.source, wording_id=row.wording_id,
            signed_at=row.signed_at, confirmed_at=None, ended_at=None, end_reason=None, reminded_at=None,
            mails=before.mails + 1,
        )
    )  # fmt: skip
    connection.execute(delete(SignaturePerson).where(SignaturePerson.signature_id == before.id))
    connection.execute(delete(Publication).where(Publication.signature_id == before.id))
    limited = row if before.mails < 4 * MOST_MAILS else replace(row, template=None)
    _insert_rest(connection, limited, before.id, before.mails + 1)


# -- many at once -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    row: Prepared
    outcome: Outcome | Exception | None = None
    #: There is an outcome, or it is this one's turn to lead.
    signal: threading.Event = field(default_factory=threading.Event)


class Intake:
    """Group commit for the threads of one process.

    Whoever comes first writes for all that wait, once, and hands on. While it commits the next gather; so nobody waits
    for company, and under load one commit carries many.
    """

    def __init__(self, engine: Engine, writer: Callable[[Connection, Sequence[Prepared]], list[Any]] = write) -> None:
        self.engine = engine
        self._writer = writer
        self._queue: deque[_Waiting] = deque()
        self._leading = threading.Lock()

    def submit(self, row: Prepared) -> Outcome:
        """Write it durably; raises what it was refused with. Returns only after the commit."""
        mine = _Waiting(row)
        self._queue.append(mine)
        while mine.outcome is None:
            if self._leading.acquire(blocking=False):
                try:
                    self._commit(self._take())
                finally:
                    self._leading.release()
                    self._hand_on()
            else:
                mine.signal.wait(0.05)
                mine.signal.clear()
        if isinstance(mine.outcome, Exception):
            raise mine.outcome
        return mine.outcome

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        while self._queue and len(group) < MOST:
            group.append(self._queue.popleft())
        return group

    def _hand_on(self) -> None:
        # Whoever came while the lead was held is in the queue by now.
        with contextlib.suppress(IndexError):
            self._queue[0].signal.set()

    def _commit(self, group: list[_Waiting]) -> None:
        if not group:
            return
        outcomes: list[Any]
        try:
            with self.engine.begin() as connection:
                outcomes = self._writer(connection, [each.row for each in group])
        except Exception as error:
            if len(group) > 1:
                for each in group:
                    self._commit([each])
                return
            outcomes = [error]
        except BaseException:
            # This thread is being ended: the others must not wait for it for ever.
            for each in group:
                self._answer(each, RuntimeError("the process is stopping"))
            raise
        for each, outcome in zip(group, outcomes, strict=True):
            self._answer(each, outcome)

    @staticmethod
    def _answer(each: _Waiting, outcome: Outcome | Exception) -> None:
        each.outcome = outcome
        each.signal.set()
