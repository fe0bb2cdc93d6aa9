"""Which names and comments are shown: a person looks at each before anybody else does, and can think again later.

Only what was approved is kept in clear. What waits stays sealed with its signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from campaigns.petitions.flags import Flag, flags_of
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import LIVE, Person, Publication, Signature, SignaturePerson, opened
from campaigns.shortening import shortened
from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput, Refused
from supporters.people.consent import Consent, may_contact

STATES = ("waiting", "approved", "rejected", "unpublished")
REASONS = ("unsuitable", "advertising", "somebody_elses_details", "not_a_name", "asked_by_signer")
_MOST = 10_001


@dataclass(frozen=True, slots=True)
class Shown:
    """What a visitor would read."""

    name: str = ""
    town: str = ""
    comment: str = ""

    @classmethod
    def of(cls, person: Person, publication: Publication) -> Shown:
        """What the consent says: first name and town, and the comment where its words name that."""
        return cls(person.first_name, person.town, person.comment if publication.with_comment else "")


@dataclass(frozen=True, slots=True)
class Item:
    """One name to look at: what was sent in, and what is or would be shown of it."""

    publication: Publication
    signed_at: datetime
    sent: Shown
    flags: tuple[Flag, ...]

    @property
    def shown(self) -> Shown:
        p = self.publication
        return Shown(p.name, p.town, p.comment) if p.state == "approved" else self.sent


def queue(
    session: Session, petition: Petition, state: str = "waiting", *, after: int | None = None, most: int = 20
) -> list[Item]:
    """Those in a state: what waits, oldest first; what was decided, newest first. ``after`` is the last one seen."""
    query = select(Publication, Signature.signed_at, SignaturePerson).join(
        Signature, Signature.id == Publication.signature_id
    )
    query = query.join(SignaturePerson, SignaturePerson.signature_id == Signature.id, isouter=state != "waiting")
    query = query.where(Publication.petition_id == petition.id, Publication.state == state)
    if state == "waiting":
        query = query.where(_may_be_shown(petition)).order_by(Publication.id)
        query = query.where(Publication.id > after) if after is not None else query
    else:
        query = query.order_by(Publication.id.desc())
        query = query.where(Publication.id < after) if after is not None else query
    return _items(session, session.execute(query.limit(most)))


def item(session: Session, publication: Publication) -> Item:
    """One of them by itself."""
    signature = session.get_one(Signature, publication.signature_id)
    rows = [(publication, signature.signed_at, signature.person)]
    return _items(session, rows)[0]


def _items(session: Session, rows: Iterable[tuple[Publication, datetime, SignaturePerson | None]]) -> list[Item]:
    found = list(rows)
    people = opened(session, [person for _, _, person in found if person is not None])
    items = []
    for publication, signed_at, _ in found:
        sent = Shown.of(people.get(publication.signature_id, Person()), publication)
        items.append(Item(publication, signed_at, sent, flags_of(sent.name, sent.town, sent.comment)))
    return items


def counts(session: Session, petition: Petition) -> dict[str, int]:
    """How many there are in each state, at most 10,001 of each."""
    found = {}
    for state in STATES:
        some = select(Publication.id).where(Publication.petition_id == petition.id, Publication.state == state)
        if state == "waiting":
            some = some.join(Signature, Signature.id == Publication.signature_id).where(_may_be_shown(petition))
        found[state] = session.scalar(select(func.count()).select_from(some.limit(_MOST).subquery())) or 0
    return found


def shown(session: Session, petition: Petition, limit: int = 20) -> list[Shown]:
    """The names to show, newest first: approved, still signed, and still allowed by who signed."""
    rows = session.execute(
        select(Publication.name, Publication.town, Publication.comment)
        .join(Signature, Signature.id == Publication.signature_id)
        .where(Publication.petition_id == petition.id, Publication.state == "approved", _may_be_shown(petition))
        .order_by(Publication.id.desc())
        .limit(limit)
    )
    return [Shown(*row) for row in rows]


# -- deciding ---------------------------------------------------------------------------------------------------


def approve(
    session: Session, publication: Publication, *, by: Actor, now: datetime, name: str | None = None,
    town: str | None = None, comment: str | None = None,
) -> None:  # fmt: skip
    """From now on it is shown, with what was taken out of ``name``, ``town`` or ``comment``; None leaves it whole.

    Things may be taken out of somebody's words, or hidden behind “…”; nothing may be put in.
    """
    locked = _locked(session, publication, not_in=("approved",))
    signature = session.get_one(Signature, locked.signature_id)
    _must_be_allowed(session, signature)
    sent = Shown.of(signature.who(session), locked)
    wanted = replace(sent)
    for field, value in (("name", name), ("town", town), ("comment", comment)):
        if value is not None:
            wanted = replace(wanted, **{field: shortened(field, getattr(sent, field), value)})
    if not wanted.name:
        raise BadInput(
            "A name is shown with at least one letter; reject it where there is nothing to show.", field="name"
        )
    locked.name, locked.town, locked.comment = wanted.name, wanted.town, wanted.comment
    verb = "approve" if wanted == sent else "redact"
    _decide(session, locked, "approved", verb, None, by=by, now=now)


def approve_all(session: Session, publications: Sequence[Publication], *, by: Actor, now: datetime) -> int:
    """Approve those that still wait and may be shown, as they were sent; how many. The others are left as they are."""
    approved = 0
    for publication in publications:
        try:
            if publication.state == "waiting":
                approve(session, publication, by=by, now=now)
                approved += 1
        except Refused:  # Somebody else decided meanwhile, or its signer took it back.
            continue
    return approved


def reject(session: Session, publication: Publication, reason: str, *, by: Actor, now: datetime) -> None:
    """It will not be shown; the signature goes on counting."""
    locked = _locked(session, publication, not_in=("approved", "rejected"))
    _decide(session, locked, "rejected", "reject", _known(reason), by=by, now=now)


def unpublish(session: Session, publication: Publication, reason: str, *, by: Actor, now: datetime) -> None:
    """It was shown and is not any more; nothing of it stays in clear."""
    locked = _locked(session, publication, only_in="approved")
    _decide(session, locked, "unpublished", "unpublish", _known(reason), by=by, now=now)


def reconsider(session: Session, publication: Publication, *, by: Actor, now: datetime) -> None:
    """Undo the decision: it waits again, and is not shown meanwhile."""
    locked = _locked(session, publication, not_in=("waiting",))
    _decide(session, locked, "waiting", "reconsider", None, by=by, now=now)


def _decide(
    session: Session, publication: Publication, state: str, verb: str, reason: str | None, *, by: Actor, now: datetime
) -> None:
    if state != "approved":
        publication.name = publication.town = publication.comment = ""
    publication.state, publication.reason = state, reason
    publication.decided_at, publication.decided_by = (None, None) if state == "waiting" else (now, by.key)
    detail: dict[str, Any] = {"reason": reason} if reason else {}
    audit.record(session, by, verb, publication, now=now, petition_id=publication.petition_id, **detail)


def _locked(
    session: Session, publication: Publication, *, not_in: tuple[str, ...] = (), only_in: str = ""
) -> Publication:
    locked: Publication = Publication.get(session, publication.id, lock=True)
    if locked.state in not_in or (only_in and locked.state != only_in):
        raise Refused("Somebody decided about this meanwhile; look once more.")
    return locked


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise BadInput("Say why; choose one of: %(known)s.", field="reason", known=", ".join(REASONS))
    return reason


def _must_be_allowed(session: Session, signature: Signature) -> None:
    if signature.state not in LIVE or signature.erased_at is not None or signature.person is None:
        raise Refused("This signature does not count, or its details are gone: there is nothing to show.")
    if not may_contact(signature.address_key, "show_name", "public", session=session, scope=signature.scope):
        raise Refused("Who signed does not want to be shown any more.")


def _may_be_shown(petition: Petition) -> ColumnElement[bool]:
    """The signature counts, and the last word of its signer about showing it is yes."""
    last = (
        select(Consent.granted)
        .where(
            Consent.address_key == Signature.address_key,
            Consent.purpose == "show_name",
            Consent.channel == "public",
            Consent.scope.in_({f"petition:{petition.id}", ""}),
        )
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
        .correlate(Signature)
        .scalar_subquery()
    )
    return Signature.state.in_(LIVE) & Signature.erased_at.is_(None) & (last.is_(True))
