"""What `achterban check` looks for in petitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import CONFIRMED, SIGNED, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import NUMBERS, Tally, TallyEvent
from campaigns.petitions.wording import Wording
from supporters.registry import Finding, broken, check


@check("petitions")
def look(session: Session, *, now: datetime) -> Iterator[Finding]:
    yield from _counts(session)
    yield from broken(
        session, "erased-signature-names-nobody", "signature",
        select(Signature.id)
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
        .where(Signature.erased_at.is_not(None))
        .order_by(Signature.id),
        "is erased, and somebody's details are still there",
    )  # fmt: skip
    yield from broken(
        session, "signature-names-its-wording", "signature",
        select(Signature.id)
        .join(Wording, Wording.id == Signature.wording_id, isouter=True)
        .where(
            Signature.erased_at.is_(None), or_(Wording.id.is_(None), Wording.petition_id != Signature.petition_id)
        )
        .order_by(Signature.id),
        "does not name a consent text of its petition",
    )  # fmt: skip
    yield from broken(
        session, "shown-comment-was-agreed-to", "publication",
        select(Publication.id)
        .join(Signature, Signature.id == Publication.signature_id)
        .join(Wording, Wording.id == Signature.wording_id)
        .where(Publication.with_comment, Wording.covers_comment.is_(False))
        .order_by(Publication.id),
        "may show a comment, and the words its signer agreed to do not name that",
    )  # fmt: skip
    # The job runs once a day: only what waits longer than that is a broken promise.
    people = (
        select(SignaturePerson.signature_id)
        .join(Signature, Signature.id == SignaturePerson.signature_id)
        .where(Signature.petition_id == Petition.id)
        .exists()
    )
    yield from broken(
        session, "retention-is-kept", "petition",
        select(Petition.id, Petition.slug, Petition.retain_until)
        .where(Petition.retain_until < now.date(), or_(people, Petition.erased_at.is_(None)))
        .order_by(Petition.id),
        "“%(slug)s” should have been erased on %(retain_until)s; run “achterban petitions retention”",
    )  # fmt: skip


def _counts(session: Session) -> Iterator[Finding]:
    """The published numbers against a count of the rows, in one statement and so in one snapshot."""
    rows = (
        select(
            Signature.petition_id,
            func.sum(case((Signature.state.in_(SIGNED), 1), else_=0)).label("signed"),
            func.sum(case((Signature.state.in_(CONFIRMED), 1), else_=0)).label("confirmed"),
        )
        .group_by(Signature.petition_id)
        .subquery()
    )
    sheets = (
        select(OfflineCount.petition_id, func.sum(OfflineCount.count).label("offline"))
        .where(OfflineCount.withdrawn_at.is_(None))
        .group_by(OfflineCount.petition_id)
        .subquery()
    )
    waiting = (
        select(TallyEvent.petition_id, *(func.sum(getattr(TallyEvent, name)).label(name) for name in NUMBERS))
        .group_by(TallyEvent.petition_id)
        .subquery()
    )
    held = {"signed": rows.c.signed, "confirmed": rows.c.confirmed, "offline": sheets.c.offline}
    columns = [
        column
        for name in NUMBERS
        for column in (
            (getattr(Tally, name) + func.coalesce(waiting.c[name], 0)).label(f"{name}_counted"),
            func.coalesce(held[name], 0).label(f"{name}_held"),
        )
    ]
    query = (
        select(Tally.petition_id, *columns)
        .join(rows, rows.c.petition_id == Tally.petition_id, isouter=True)
        .join(sheets, sheets.c.petition_id == Tally.petition_id, isouter=True)
        .join(waiting, waiting.c.petition_id == Tally.petition_id, isouter=True)
        .order_by(Tally.petition_id)
    )
    for petition_id, *numbers in session.execute(query):
        for at, name in enumerate(NUMBERS):
            counted, there = int(numbers[2 * at]), int(numbers[2 * at + 1])
            if counted != there:
                message = f"{counted} are counted as {name}, and {there} are there"
                yield Finding("count-is-exact", f"petition {petition_id}", message)
