"""What follows a signature's change: a supporter who wants to hear more, the story so far, a consent that ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, literal, select
from sqlalchemy.orm import Session

from campaigns.petitions.signature import Publication, Signature
from supporters.actor import Actor
from supporters.people.canonical import canonical_email
from supporters.people.consent import Consent, ConsentText, may_contact
from supporters.people.contact import ContactPoint
from supporters.people.folding import fold
from supporters.people.supporter import Supporter

SIGNER = Actor("visitor", "petition signer", "petition")


def after_confirming(session: Session, signature: Signature, *, now: datetime) -> None:
    """They proved that the address is theirs: who wants news becomes a supporter, who wants updates gets the story."""
    if may_contact(signature.address_key, "newsletter", session=session):
        _become_supporter(session, signature, now=now)
    if signature.person is not None and signature.person.wants_updates:
        from campaigns.petitions.update import PetitionUpdate

        PetitionUpdate.catch_up(session, signature, now=now)


def after_ending(session: Session, signature: Signature, *, now: datetime) -> None:
    """What they said yes to with this signature no longer holds, and their name is shown nowhere."""
    _take_back(session, signature, now=now)
    session.execute(delete(Publication).where(Publication.signature_id == signature.id))


def stop_mail(session: Session, signature: Signature, *, now: datetime) -> None:
    """A no to updates about this petition and to news, for the address and for the supporter it belongs to."""
    supporter = session.get(Supporter, signature.supporter_id) if signature.supporter_id else None
    for subject in (signature.address_key, supporter):
        for purpose, scope in (("updates", signature.scope), ("newsletter", "")):
            if subject is not None and may_contact(subject, purpose, session=session, scope=scope):
                Consent.record(
                    session, subject, purpose, granted=False, scope=scope, by=SIGNER, now=now,
                    evidence=f"signature:{signature.id}",
                )  # fmt: skip


def _take_back(session: Session, signature: Signature, *, now: datetime) -> None:
    """A no for each yes that came with it, so that the ledger tells the whole story."""
    given = session.scalars(
        select(Consent).where(
            Consent.address_key == signature.address_key,
            Consent.evidence == f"signature:{signature.id}",
            Consent.granted,
        )
    )
    for purpose, channel, scope in sorted({(c.purpose, c.channel, c.scope) for c in given}):
        Consent.record(
            session, signature.address_key, purpose, granted=False, channel=channel, scope=scope, by=SIGNER, now=now,
            evidence=f"signature:{signature.id}",
        )  # fmt: skip


def after_ending_all(session: Session, ids: Sequence[int], *, now: datetime) -> None:
    """`after_ending` for many signatures at once."""
    session.flush()
    given = (
        select(
            Consent.address_key, Consent.purpose, Consent.channel, Consent.scope, literal(False), literal(""),
            Consent.evidence, literal(now, Consent.at.type), literal(SIGNER.key),
        )
        .where(
            Consent.address_key.in_(select(Signature.address_key).where(Signature.id.in_(ids))),
            Consent.evidence.in_([f"signature:{key}" for key in ids]),
            Consent.granted,
        )
        .distinct()
    )  # fmt: skip
    columns = ["address_key", "purpose", "channel", "scope", "granted", "source", "evidence", "at", "by"]
    session.execute(insert(Consent).from_select(columns, given))
    session.execute(delete(Publication).where(Publication.signature_id.in_(ids)))


def _become_supporter(session: Session, signature: Signature, *, now: datetime) -> None:
    """Their supporter where exactly one has this address and name; else a new one. An address alone is not a person."""
    address = signature.address(session)
    if address is None:
        return
    who = signature.who(session)
    supporter = alike(session, address, who.last_name)
    if supporter is None:
        supporter = Supporter.welcome(
            session, address, first_name=who.first_name, surname=who.last_name, language=signature.locale,
            source_code=signature.source or None, by=SIGNER, now=now,
        )  # fmt: skip
    signature.supporter_id = supporter.id
    yes = session.scalars(
        select(Consent)
        .where(Consent.address_key == signature.address_key, Consent.purpose == "newsletter", Consent.granted)
        .order_by(Consent.id.desc())
        .limit(1)
    ).one()
    Consent.record(
        session, supporter, "newsletter", granted=True, by=SIGNER, now=now, source=yes.source,
        text=session.get(ConsentText, yes.text_id) if yes.text_id else None, evidence=f"signature:{signature.id}",
    )  # fmt: skip


def alike(session: Session, address: str, surname: str) -> Supporter | None:
    """The one supporter with this address and surname, if there is exactly one."""
    found = session.scalars(
        select(Supporter)
        .join(ContactPoint, ContactPoint.supporter_id == Supporter.id)
        .where(
            ContactPoint.kind == "email", ContactPoint.until_on.is_(None), Supporter.merged_into_id.is_(None),
            ContactPoint.value.in_({address, canonical_email(address)}),
        )
        .limit(5)
    ).unique()  # fmt: skip
    same = [one for one in found if fold(one.surname) == fold(surname) and not one.is_deceased]
    return same[0] if len(same) == 1 else None
