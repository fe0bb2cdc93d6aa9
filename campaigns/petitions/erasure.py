"""Taking the person out of signatures: what they counted stays, who they were goes, everywhere at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, case, delete, exists, func, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Publication, Signature, SignaturePerson
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent


def erase(session: Session, ids: Sequence[int], *, now: datetime) -> Counter[str]:
    """Erase the people of these signatures (locked by the caller, of any petition); how many rows of each table."""
    done: Counter[str] = Counter()
    if not ids:
        return done
    session.flush()
    mine = Signature.id.in_(ids)
    pairs = session.execute(select(Signature.petition_id, Signature.address_key).where(mine)).all()
    keys = sorted({key for _, key in pairs})
    scopes = sorted({f"petition:{petition_id}" for petition_id, _ in pairs})

    def run(table: str, statement: Any) -> None:
        result: Any = session.execute(statement, execution_options={"synchronize_session": False})
        done[table] += int(result.rowcount)

    run("signature_person", delete(SignaturePerson).where(SignaturePerson.signature_id.in_(ids)))
    run("publication", delete(Publication).where(Publication.signature_id.in_(ids)))
    run("outbox_message", forget_mail(now).where(OutboxMessage.address_key.in_(keys), OutboxMessage.scope.in_(scopes)))
    session.execute(
        update(Signature).where(mine, Signature.supporter_id.is_not(None), ~_hears_from_us()).values(supporter_id=None),
        execution_options={"synchronize_session": False},
    )
    # Two may share an address, and one address may sign several petitions: the key goes with the last of them.
    others = aliased(Signature)
    still_here = exists().where(
        others.petition_id == Signature.petition_id, others.address_key == Signature.address_key,
        others.id.not_in(ids), others.erased_at.is_(None),
    )  # fmt: skip
    shared = {
        (key, value)
        for key, value in session.execute(select(Signature.petition_id, Signature.address_key).where(mine, still_here))
    }
    for scope in scopes:
        own = [key for petition_id, key in pairs if f"petition:{petition_id}" == scope]
        own = [key for key in own if (int(scope.partition(":")[2]), key) not in shared]
        run("consent", _forget_key(now).where(Consent.address_key.in_(own), Consent.scope == scope))
    # A general yes (the newsletter) stays under the key only where a supporter came of it: a later no must still reach
    # them. Anybody else's goes with their last signature.
    known = exists().where(
        Signature.address_key == Consent.address_key,
        Signature.petition_id.in_(select(Petition.id)),
        or_(Signature.supporter_id.is_not(None), Signature.erased_at.is_(None) & Signature.id.not_in(ids)),
    )
    run("consent", _forget_key(now).where(Consent.address_key.in_(keys), Consent.scope == "", ~known))
    random_32, random_16 = _random_bytes(session)
    session.execute(
        update(Signature).where(mine).values(address_key=random_32, name_key=random_16, erased_at=now),
        execution_options={"synchronize_session": False},
    )
    done["signature"] += len(ids)
    session.expire_all()
    return done


def forget_mail(now: datetime) -> Update:
    """Take the address from mails; what still waited is dropped. The caller says which."""
    waiting = OutboxMessage.state == "queued"
    return update(OutboxMessage).values(
        sealed_address=None,
        address_key=None,
        state=func.coalesce(_when(waiting, "dropped"), OutboxMessage.state),
        ended_at=func.coalesce(OutboxMessage.ended_at, now),
        # What a mail server answered may name the address.
        reason=_when(waiting, "erased"),
    )


def forget_consents(now: datetime, scope: str) -> Update:
    """Take the address from every consent about this scope alone."""
    return _forget_key(now).where(Consent.scope == scope, Consent.address_key.is_not(None))


def _when(condition: ColumnElement[bool], value: str) -> ColumnElement[Any]:
    return case((condition, value), else_=None)


def _forget_key(now: datetime) -> Update:
    return update(Consent).values(address_key=None, erased_at=now)


def _hears_from_us() -> ColumnElement[bool]:
    """Whether the last word on the newsletter, by the supporter or the address, is yes."""
    last = (
        select(Consent.granted)
        .where(
            or_(Consent.supporter_id == Signature.supporter_id, Consent.address_key == Signature.address_key),
            Consent.purpose == "newsletter",
        )
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
        .correlate(Signature)
        .scalar_subquery()
    )
    return func.coalesce(last, False).is_(True)


def _random_bytes(session: Session) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """32 and 16 new bytes for each row: they keep the constraint on addresses, and lead to nobody."""
    if session.get_bind().dialect.name == "postgresql":
        one = "decode(replace(gen_random_uuid()::text, '-', ''), 'hex')"
        return literal_column(f"({one} || {one})"), literal_column(one)
    return func.randomblob(32), func.randomblob(16)
