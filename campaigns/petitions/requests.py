"""Somebody asks what we hold about them, or that we erase it: by their e-mail address, over all petitions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.petitions import erasure
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import SIGNED, Publication, Signature
from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent, ConsentText, address_key
from supporters.sealing import keyring

NOUN = "data_request"


@dataclass(frozen=True, slots=True)
class HeldSignature:
    id: int
    petition: str
    title: str
    state: str
    signed_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    reminded_at: datetime | None
    language: str
    source: str
    email: str | None
    details: dict[str, str]
    shown: dict[str, str]
    supporter_id: int | None


@dataclass(frozen=True, slots=True)
class ConsentReceipt:
    """What was said yes or no to, in which words, on which page and when."""

    purpose: str
    channel: str
    scope: str
    granted: bool
    wording: str
    sha256: str
    form: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldMail:
    template: str
    state: str
    queued_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """Everything we hold about one address in petitions."""

    signatures: tuple[HeldSignature, ...]
    consents: tuple[ConsentReceipt, ...]
    mails: tuple[HeldMail, ...]

    def __bool__(self) -> bool:
        return bool(self.signatures or self.consents or self.mails)

    def as_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``: moments are ISO 8601."""
        found: dict[str, Any] = _plain(asdict(self))
        return found


def find(session: Session, email: str, *, by: Actor, now: datetime) -> Held:
    """What we hold about this address; that somebody looked is in the log, the address is not."""
    key = _key(session, email)
    signatures = _signatures(session, key)
    held = Held(
        tuple(_held(session, signature, petition) for signature, petition in signatures),
        _consents(session, key),
        _mails(session, key),
    )
    audit.record(session, by, "see", NOUN, now=now, signatures=[signature.id for signature, _ in signatures])
    return held


def erase(session: Session, email: str, *, by: Actor, now: datetime) -> dict[str, int]:
    """Withdraw what still counts, erase the person from all of it and drop what was to be mailed; rows by table."""
    key = _key(session, email)
    found = _signatures(session, key, lock=True)
    withdrawn = sum(
        signature.withdraw(session, now=now)
        for signature, _ in found
        if signature.state in (*SIGNED, "quarantined")
    )  # fmt: skip
    done = erasure.erase(session, [signature.id for signature, _ in found], now=now)
    mails: Any = session.execute(
        erasure.forget_mail(now).where(OutboxMessage.address_key == key, OutboxMessage.template.like("petition%")),
        execution_options={"synchronize_session": False},
    )
    done["outbox_message"] += int(mails.rowcount)
    session.expire_all()
    counts = {"withdrawn": withdrawn, **done}
    audit.record(session, by, "erase", NOUN, now=now, signatures=[signature.id for signature, _ in found], **counts)
    return counts


def _key(session: Session, email: str) -> bytes:
    if "@" not in email:
        raise BadInput(
            "“%(email)s” is not an e-mail address; write one such as ada@example.org.", field="email", email=email[:80]
        )
    return address_key(keyring(session), email.strip())


def _signatures(session: Session, key: bytes, *, lock: bool = False) -> list[tuple[Signature, Petition]]:
    # Petition by petition, because the index on addresses begins with it.
    query = (
        select(Signature, Petition)
        .join(Petition, Petition.id == Signature.petition_id)
        .where(Signature.petition_id.in_(list(session.scalars(select(Petition.id)))), Signature.address_key == key)
        .order_by(Signature.id)
    )
    if lock:
        query = query.with_for_update(of=Signature)
    return [(signature, petition) for signature, petition in session.execute(query)]


def _held(session: Session, signature: Signature, petition: Petition) -> HeldSignature:
    shown = session.scalar(select(Publication).where(Publication.signature_id == signature.id))
    who = asdict(signature.who(session))
    return HeldSignature(
        signature.id, petition.slug, petition.title, signature.state, signature.signed_at, signature.confirmed_at,
        signature.ended_at, signature.end_reason, signature.reminded_at, signature.locale, signature.source,
        signature.address(session), {name: value for name, value in who.items() if value},
        {"state": shown.state, "name": shown.name, "town": shown.town, "comment": shown.comment} if shown else {},
        signature.supporter_id,
    )  # fmt: skip


def _consents(session: Session, key: bytes) -> tuple[ConsentReceipt, ...]:
    query = (
        select(Consent, ConsentText)
        .join(ConsentText, ConsentText.id == Consent.text_id, isouter=True)
        .where(Consent.address_key == key)
        .order_by(Consent.at, Consent.id)
    )
    return tuple(
        ConsentReceipt(
            row.purpose, row.channel, row.scope, row.granted, text.wording if text else "", text.sha256 if text else "",
            row.source, row.at,
        )
        for row, text in session.execute(query)
    )  # fmt: skip


def _mails(session: Session, key: bytes) -> tuple[HeldMail, ...]:
    query = (
        select(OutboxMessage)
        .where(OutboxMessage.address_key == key, OutboxMessage.template.like("petition%"))
        .order_by(OutboxMessage.id)
    )
    return tuple(HeldMail(row.template, row.state, row.queued_at, row.ended_at) for row in session.scalars(query))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
