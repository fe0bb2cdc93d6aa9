"""Signatures that wait for their button: reminded once, then expired; and what only means something for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.petitions import following
from campaigns.petitions.once import Once
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature, SignaturePerson, move_all
from supporters import hooks
from supporters.mail.message import NORMAL, OutboxMessage

REMIND_AFTER = timedelta(days=7)
EXPIRE_AFTER = timedelta(weeks=3)
#: A network's hash means nothing after its day; the trends look back over two.
NETWORK_KEPT = timedelta(days=2)
BATCH = 2_000


def remind(session: Session, *, now: datetime, most: int = BATCH) -> int:
    """Mail the button once more to at most this many who did not press it in a week; how many."""
    due = (
        select(Signature.id)
        .join(Petition, Petition.id == Signature.petition_id)
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
        .where(
            Signature.state == "pending", Signature.signed_at <= now - REMIND_AFTER, Signature.reminded_at.is_(None),
            Signature.erased_at.is_(None), Petition.confirm_policy == "required",
        )
        .order_by(Signature.signed_at)
        .limit(most)
        .with_for_update(of=Signature, skip_locked=True)
    )  # fmt: skip
    ids = list(session.scalars(due))
    if not ids:
        return 0
    moment = literal(now, OutboxMessage.next_at.type)
    columns = [
        "template", "subject_id", "params", "locale", "key", "priority", "sealed_address", "address_key", "purpose",
        "scope", "state", "attempts", "next_at", "queued_at",
    ]  # fmt: skip
    text_type = OutboxMessage.key.type
    rows = (
        select(
            literal("petition_reminder"), Signature.id, literal({}, OutboxMessage.params.type), Signature.locale,
            literal("petition-reminder:") + Signature.id.cast(text_type), literal(NORMAL),
            SignaturePerson.sealed_address, Signature.address_key, literal("service"),
            literal("petition:") + Signature.petition_id.cast(text_type), literal("queued"), literal(0), moment, moment,
        )
        .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
        .where(Signature.id.in_(ids))
    )  # fmt: skip
    kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(kind.insert(OutboxMessage).from_select(columns, rows).on_conflict_do_nothing())
    session.execute(
        update(Signature).where(Signature.id.in_(ids)).values(reminded_at=now),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    return len(ids)


def expire(session: Session, *, now: datetime, most: int = BATCH) -> int:
    """Give up at most this many that were not confirmed in three weeks; how many. Who it was is erased."""
    due = (
        select(Signature.id)
        .where(Signature.state == "pending", Signature.signed_at <= now - EXPIRE_AFTER, Signature.erased_at.is_(None))
        .order_by(Signature.signed_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(due))
    if not ids:
        return 0
    move_all(session, Signature.id.in_(ids), "expired", now=now, reason="not_confirmed", most=len(ids))
    following.after_ending_all(session, ids, now=now)
    session.execute(delete(SignaturePerson).where(SignaturePerson.signature_id.in_(ids)))
    session.expire_all()
    return len(ids)


def forget_keys(session: Session, *, now: datetime) -> int:
    """Forget the forms that nobody sends again; how many."""
    result: Any = session.execute(delete(Once).where(Once.forget_at <= now))
    return int(result.rowcount)


def forget_networks(session: Session, *, now: datetime) -> int:
    """Forget which network a signature came from; how many."""
    old = select(Signature.id).where(Signature.signed_at <= now - NETWORK_KEPT)
    result: Any = session.execute(
        update(SignaturePerson)
        .where(SignaturePerson.network_key.is_not(None), SignaturePerson.signature_id.in_(old))
        .values(network_key=None),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    return int(result.rowcount)


@hooks.on("mail_bounced")
def reject_what_bounced(session: Session, message: OutboxMessage, reason: str, now: datetime) -> None:
    """No mail arrives there: what was not confirmed is rejected. Who confirmed had the mail, and stays."""
    if not message.template.startswith("petition_") or message.subject_id is None:
        return
    signature = session.get(Signature, message.subject_id)
    if signature is not None and signature.state in ("pending", "received"):
        signature.reject(session, "bounced", now=now)
