"""The intake's body for SQLite: row by row, for there is one writer and no journey to a server to save.

For each row the same statements, whether or not its address signed before: they write what the signature and its
person shall be, which may be what they were, and what goes with a signature only where one begins to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Connection, and_, bindparam, select, update
from sqlalchemy.dialects import sqlite

from campaigns.petitions.again import MOST_ANEW, Before, Step, next_step
from campaigns.petitions.once import Once
from campaigns.petitions.petition import Petition, is_open
from campaigns.petitions.signature import SIGNED, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import TallyEvent
from campaigns.petitions.terms import BY, REMEMBERED, Prepared, Written
from supporters.db import Base
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent

_OF_SIGNATURE = (
    "state", "name_key", "locale", "source", "wording_id", "signed_at", "confirmed_at", "ended_at", "end_reason",
    "reminded_at", "mails",
)  # fmt: skip
_OF_PERSON = ("sealed", "sealed_address", "domain", "network_key", "wants_updates", "risk")

_FIND = (
    select(
        Petition.state.label("petition_state"), Petition.opens_at, Petition.closes_at, Signature.id, Signature.slot,
        *(getattr(Signature, name) for name in _OF_SIGNATURE), SignaturePerson.signature_id,
        *(getattr(SignaturePerson, name) for name in _OF_PERSON),
    )
    .join_from(
        Petition, Signature,
        and_(Signature.petition_id == Petition.id, Signature.address_key == bindparam("address_key")), isouter=True,
    )
    .join(SignaturePerson, SignaturePerson.signature_id == Signature.id, isouter=True)
    .where(Petition.id == bindparam("petition_id"))
    .order_by(Signature.slot)
)  # fmt: skip


def _where_asked(model: type[Base], *names: str) -> sqlite.Insert:
    """Inserts a row of these columns; none where ``does`` is false."""
    columns = [model.__table__.c[name] for name in names]
    values = select(*(bindparam(column.name, type_=column.type) for column in columns))
    return sqlite.insert(model).from_select(columns, values.where(bindparam("does", type_=Boolean)))


def _or_replace(statement: sqlite.Insert, key: tuple[str, ...], names: tuple[str, ...]) -> sqlite.Insert:
    new = statement.excluded
    return statement.on_conflict_do_update(index_elements=key, set_={name: new[name] for name in names})


_ONCE = sqlite.insert(Once).on_conflict_do_nothing()
_PLACE = ("petition_id", "address_key", "slot")
_SIGNED = _or_replace(sqlite.insert(Signature), _PLACE, _OF_SIGNATURE).returning(Signature.id)
_NAMED = _or_replace(_where_asked(SignaturePerson, "signature_id", *_OF_PERSON), ("signature_id",), _OF_PERSON)
_CONSENT = _where_asked(
    Consent, "address_key", "purpose", "channel", "scope", "granted", "text_id", "source", "evidence", "at", "by"
)
_COUNTED = _where_asked(TallyEvent, "petition_id", "hour", "source", "signed", "confirmed", "offline")
_SHOWN = _where_asked(Publication, "petition_id", "signature_id", "with_comment")
#: The yes to showing a comment was to another form: it does not hold for other words.
_UNSHOWN = (
    update(Publication)
    .where(Publication.signature_id == bindparam("of"), bindparam("does", type_=Boolean))
    .values(with_comment=False, comment="")
)
_MAIL = _where_asked(
    OutboxMessage, "template", "subject_id", "params", "locale", "key", "priority", "sealed_address", "address_key",
    "scope", "next_at", "queued_at",
).on_conflict_do_nothing()  # fmt: skip


def insert(connection: Connection, rows: Sequence[Prepared]) -> list[Written]:
    """What became of each."""
    return [_insert(connection, row) for row in rows]


def _insert(connection: Connection, row: Prepared) -> Written:
    found = connection.execute(_FIND, {"petition_id": row.petition_id, "address_key": row.address_key}).all()
    can_sign = is_open(found[0].petition_state, found[0].opens_at, found[0].closes_at, row.signed_at)
    is_first = True
    for _, key in row.keys:
        given = {
            "key": key, "petition_id": row.petition_id, "content_hash": row.content_hash,
            "forget_at": row.signed_at + REMEMBERED,
        }  # fmt: skip
        is_first &= connection.execute(_ONCE, given).rowcount == 1
    if not can_sign or not is_first:
        return Written(can_sign, is_first)
    there = {one.slot: one for one in found if one.id is not None}
    step, chosen = next_step([Before(one.slot, one.name_key, one.state, one.mails) for one in there.values()], row)
    before = there[chosen.slot] if chosen else None
    place = {
        "petition_id": row.petition_id, "address_key": row.address_key,
        "slot": chosen.slot if chosen else 2 if step == "second" else 1,
    }  # fmt: skip
    signature, person = _as_it_shall_be(row, step, before)
    signature_id: int = connection.execute(_SIGNED, {**place, **signature}).scalar_one()
    counts = step in ("first", "second", "anew")
    has_person = counts or (before is not None and before.signature_id is not None)
    connection.execute(_NAMED, {"signature_id": signature_id, **person, "does": has_person})
    other_words = step == "ask" and before is not None and before.state == "pending" and not row.shows_comment
    connection.execute(_UNSHOWN, {"of": signature_id, "does": other_words})
    _write_what_goes_with_it(connection, row, signature_id, does=counts)
    if row.template is not None:
        template, about = _letter(row, step, signature["mails"])
        connection.execute(_MAIL, {
            "template": template, "subject_id": signature_id, "params": {}, "locale": row.locale,
            "key": f"{template.replace('_', '-')}:{signature_id}:{about}", "priority": row.priority,
            "sealed_address": row.sealed_address, "address_key": row.address_key,
            "scope": f"petition:{row.petition_id}", "next_at": row.signed_at, "queued_at": row.signed_at,
            "does": bool(template),
        })  # fmt: skip
    return Written(can_sign, is_first, "new" if before is None else "known", signature_id)


def _as_it_shall_be(row: Prepared, step: Step, before: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The signature and its person."""
    if step in ("first", "second", "anew"):
        mails = before.mails + 1 if before is not None else int(row.template == "petition_confirm")
        ended = dict.fromkeys(("confirmed_at", "ended_at", "end_reason", "reminded_at"))
        signature = {name: getattr(row, name) for name in _OF_SIGNATURE if name not in ended and name != "mails"}
        return {**signature, **ended, "mails": mails}, {name: getattr(row, name) for name in _OF_PERSON}
    signature = {name: getattr(before, name) for name in _OF_SIGNATURE}
    person = {name: getattr(before, name) for name in _OF_PERSON}
    if step == "ask":
        signature["mails"] += 1
        if before.state == "pending":  # Not confirmed yet, so a name can still be corrected.
            signature["name_key"], person["sealed"] = row.name_key, row.sealed
    return signature, person


def _write_what_goes_with_it(connection: Connection, row: Prepared, signature_id: int, *, does: bool) -> None:
    """Its consents, its line for the count, and its name for whoever decides what is shown."""
    connection.execute(_CONSENT, [
        {
            "address_key": row.address_key, "purpose": purpose, "granted": True, "text_id": text_id,
            "channel": "public" if purpose == "show_name" else "email",
            "scope": "" if purpose == "newsletter" else f"petition:{row.petition_id}",
            "source": row.form_url, "evidence": f"signature:{signature_id}", "at": row.signed_at, "by": BY,
            "does": does,
        }
        for purpose, text_id in row.consents
    ])  # fmt: skip
    if row.state in SIGNED:
        connection.execute(_COUNTED, {
            "petition_id": row.petition_id, "hour": row.hour, "source": row.source, "signed": 1, "confirmed": 0,
            "offline": 0, "does": does,
        })  # fmt: skip
    if row.publishes:
        shown = {"petition_id": row.petition_id, "signature_id": signature_id, "with_comment": row.shows_comment}
        connection.execute(_SHOWN, shown | {"does": does})


def _letter(row: Prepared, step: Step, mails: int) -> tuple[str, str]:
    """Which mail goes out, and what its key says beside the signature; no name where none does."""
    if step == "ask":
        return "petition_confirm", str(mails)
    if step == "tell":
        return "petition_known", row.signed_at.date().isoformat()
    if step == "nothing" or row.template is None or mails > MOST_ANEW:
        return "", ""
    return row.template, str(mails if row.template == "petition_confirm" else mails + 1)
