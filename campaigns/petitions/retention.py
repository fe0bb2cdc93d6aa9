"""The retention clock: what is personal about a petition goes on its day, and a certificate says that it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from campaigns.petitions import erasure
from campaigns.petitions.handover import Handover
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.once import Once
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from supporters import audit
from supporters.actor import Actor
from supporters.audit import AuditEntry
from supporters.documents import Document, DocumentPart
from supporters.errors import Refused
from supporters.mail.message import OutboxMessage

JOB = Actor.job("retention")
KIND = "deletion_certificate"
BATCH = 2_000
_PART = "erase_part"


def close_what_ended(session: Session, *, now: datetime) -> int:
    """Close the petitions whose closing moment went by, so that their clock starts; how many."""
    ended = session.scalars(select(Petition).where(Petition.state == "open", Petition.closes_at <= now)).all()
    for petition in ended:
        petition.close(session, by=JOB, now=now)
    return len(ended)


def due(session: Session, *, now: datetime) -> list[Petition]:
    """The petitions whose day has come."""
    query = select(Petition).where(
        Petition.state == "closed", Petition.retain_until <= now.date(), Petition.erased_at.is_(None)
    )
    return list(session.scalars(query.order_by(Petition.id)))


def erase_some(session: Session, petition: Petition, *, now: datetime, most: int = BATCH) -> int:
    """Erase at most this many signatures, as one transaction of the caller's; how many. Zero: it is all gone.

    Each leaves its numbers in the log, so that a stop halfway loses nothing of the certificate.
    """
    ids = list(
        session.scalars(
            select(Signature.id)
            .where(Signature.petition_id == petition.id, Signature.erased_at.is_(None))
            .order_by(Signature.id)
            .limit(most)
            .with_for_update()
        )
    )
    if ids:
        done = erasure.erase(session, ids, now=now)
        audit.record(session, JOB, _PART, petition, now=now, petition=petition.slug, **done)
    return len(ids)


def finish(session: Session, petition: Petition, *, now: datetime) -> Document:
    """The last of it: keys, mails, scans and lists of names; then the certificate. The numbers stay as they are."""
    locked = Petition.get(session, petition.id, lock=True)
    if locked.erased_at is not None:
        raise Refused("This petition was erased already.")
    done: Counter[str] = Counter()
    parts = session.scalars(
        select(AuditEntry.detail).where(
            AuditEntry.verb == _PART, AuditEntry.subject == "petition", AuditEntry.subject_id == locked.id
        )
    )
    for part in parts:
        done.update({table: count for table, count in part.items() if isinstance(count, int)})
    scope = f"petition:{locked.id}"
    left = or_(
        OutboxMessage.sealed_address.is_not(None), OutboxMessage.address_key.is_not(None),
        OutboxMessage.reason.is_not(None) & (OutboxMessage.reason != "erased"),
    )  # fmt: skip
    done["outbox_message"] += _run(session, erasure.forget_mail(now).where(OutboxMessage.scope == scope, left))
    done["consent"] += _run(session, erasure.forget_consents(now, scope))
    done["once"] += _run(session, delete(Once).where(Once.petition_id == locked.id))
    scans = select(OfflineCount.document_id).where(OfflineCount.petition_id == locked.id)
    lists = select(Handover.document_id).where(Handover.petition_id == locked.id, Handover.profile != "plain")
    named = or_(DocumentPart.document_id.in_(scans), DocumentPart.document_id.in_(lists))
    done["document_part"] += _run(session, delete(DocumentPart).where(named))
    locked.erased_at = now
    session.flush()
    session.expire_all()
    count = locked.count(session, now=now)
    certificate = Document.store(
        session, [_certificate(session, locked, done, now).encode()], kind=KIND,
        filename=f"{locked.slug}-erased-{now.date().isoformat()}.txt", media_type="text/plain; charset=utf-8", by=JOB,
        now=now,
    )  # fmt: skip
    audit.record(
        session, JOB, "erase", locked, now=now, petition=locked.slug, tables=dict(sorted(done.items())),
        signed=count.signed, confirmed=count.confirmed, offline=count.offline, document=certificate.id,
        sha256=certificate.sha256,
    )  # fmt: skip
    return certificate


def erase(
    session: Session, *, keep: Callable[[], None], now: datetime, most: int = BATCH,
    stopping: Callable[[], bool] = lambda: False,
) -> int:  # fmt: skip
    """Everything that is due; how many petitions. Calls ``keep`` after each batch: the job's or command's commit."""
    close_what_ended(session, now=now)
    keep()
    erased = 0
    for key in [petition.id for petition in due(session, now=now)]:
        while not stopping() and erase_some(session, session.get_one(Petition, key), now=now, most=most):
            keep()
        if stopping():
            break
        finish(session, session.get_one(Petition, key), now=now)
        keep()
        erased += 1
    keep()
    return erased


def _certificate(session: Session, petition: Petition, done: Counter[str], now: datetime) -> str:
    count = petition.count(session, now=now)
    took_place = session.scalar(
        select(func.max(Handover.handed_over_on)).where(Handover.petition_id == petition.id)
    )  # fmt: skip
    lines = [
        "Deletion certificate",
        "",
        f"Petition: {petition.title} ({petition.slug})",
        f"Handed over: {took_place.isoformat() if took_place else 'no'}",
        f"Kept until: {petition.retain_until.isoformat() if petition.retain_until else ''}",
        f"Erased: {now.isoformat()}",
        f"By: {JOB.key}",
        "",
        "Rows erased, by table:",
        *(f"  {table}: {number}" for table, number in sorted(done.items())),
        "",
        "The numbers that stay:",
        f"  signed {count.signed}, confirmed {count.confirmed}, on paper {count.offline}",
        "",
        "Backups made before this moment still hold these rows until they are overwritten.",
    ]
    return "\n".join(lines) + "\n"


def _run(session: Session, statement: Any) -> int:
    result: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
