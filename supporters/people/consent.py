"""Permission, per purpose and channel: a ledger that is only ever added to, with the exact words that were agreed to.

Its subject is a supporter, or the keyed hash of an address: most people who sign a petition are not supporters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    or_,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session

from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, pk, violates, word
from supporters.errors import BadInput
from supporters.people.canonical import canonical_email
from supporters.people.supporter import Supporter
from supporters.sealing import Keyring, keyring

#: What somebody can say yes to. ``sign`` and what is shown are about one thing (the ledger's ``scope``).
PURPOSES = ("sign", "show_name", "show_amount", "show_message", "updates", "newsletter", "appeal")
#: What we owe people and so needs no yes: a receipt, a confirmation, the announcement of a debit.
SERVICE = "service"
CHANNELS = ("email", "letter", "phone", "public")


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether something may be sent, and why (not); true or false by itself."""

    allowed: bool
    why: str

    def __bool__(self) -> bool:
        return self.allowed


class ConsentText(Base):
    """The words somebody agrees to. Other words are another row: these never change."""

    __tablename__ = "supporters_consent_text"
    __table_args__ = (UniqueConstraint("purpose", "locale", "sha256"),)

    id: Mapped[pk]
    purpose: Mapped[word]
    locale: Mapped[str] = mapped_column(String(2))
    wording: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]  # counts up per purpose and language
    created_at: Mapped[instant]
    created_by: Mapped[actor_key]

    @classmethod
    def say(cls, session: Session, purpose: str, locale: str, wording: str, *, by: Actor, now: datetime) -> ConsentText:
        """The text with these words: the one that is there, or a new version."""
        wording = " ".join(wording.split())
        if purpose not in PURPOSES:
            raise BadInput("There is no purpose “%(purpose)s” to consent to.", field="purpose", purpose=purpose[:40])
        if not wording:
            raise BadInput("Say what somebody agrees to.", field="wording")
        digest = hashlib.sha256(wording.encode()).hexdigest()
        same = (cls.purpose == purpose) & (cls.locale == locale)
        if found := session.scalar(select(cls).where(same, cls.sha256 == digest)):
            return found
        version = (session.scalar(select(func.max(cls.version)).where(same)) or 0) + 1
        text = cls(
            purpose=purpose, locale=locale, wording=wording, sha256=digest, version=version, created_at=now,
            created_by=by.key,
        )  # fmt: skip
        try:
            with session.begin_nested():
                session.add(text)
                session.flush()
        except IntegrityError as error:  # Somebody said it at the same moment.
            if not violates(error, "uq_supporters_consent_text_purpose_locale_sha256"):
                raise
            return session.scalars(select(cls).where(same, cls.sha256 == digest)).one()
        return text


class Consent(Base):
    """One line of the ledger: a yes or a no, by whom, to what, in which words, where and when."""

    __tablename__ = "supporters_consent"
    __table_args__ = (
        CheckConstraint(
            "supporter_id IS NOT NULL OR address_key IS NOT NULL OR erased_at IS NOT NULL", name="has_a_subject"
        ),
        CheckConstraint("NOT granted OR text_id IS NOT NULL OR evidence <> ''", name="a_yes_has_its_evidence"),
        *(
            Index(
                f"ix_supporters_consent_{subject}",
                subject,
                "purpose",
                sqlite_where=sql(f"{subject} IS NOT NULL"),
                postgresql_where=sql(f"{subject} IS NOT NULL"),
            )
            for subject in ("supporter_id", "address_key")
        ),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "strictest", "on_erase": "redact"}
    )
    address_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    purpose: Mapped[word]
    channel: Mapped[word]
    scope: Mapped[str] = mapped_column(String(60), default="")  # "petition:12" where it is about that alone
    granted: Mapped[bool]
    text_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_consent_text.id"))
    source: Mapped[str] = mapped_column(String(500), default="")  # the form's address, a letter, a phone call
    evidence: Mapped[str] = mapped_column(String(80), default="")  # "signature:123", "document:45"
    at: Mapped[instant]
    by: Mapped[actor_key]
    erased_at: Mapped[instant | None]

    @classmethod
    def record(
        cls,
        session: Session,
        subject: Supporter | bytes,
        purpose: str,
        *,
        granted: bool,
        by: Actor,
        now: datetime,
        channel: str = "email",
        scope: str = "",
        text: ConsentText | None = None,
        source: str = "",
        evidence: str = "",
    ) -> Consent:
        """Write a yes or a no of a supporter, or of the address with this key."""
        if purpose not in PURPOSES:
            raise BadInput("There is no purpose “%(purpose)s” to consent to.", field="purpose", purpose=purpose[:40])
        if channel not in CHANNELS:
            raise BadInput("There is no channel “%(channel)s”.", field="channel", channel=channel[:40])
        if granted and text is None and not evidence:
            raise BadInput("A yes needs the words that were agreed to, or other evidence.", field="text")
        key = subject if isinstance(subject, bytes) else None
        if isinstance(subject, Supporter) and channel == "email" and not granted and subject.email:
            # A supporter's no holds for the mailbox too; a yes is theirs alone, because others may share it.
            key = address_key(keyring(session), subject.email)
        row = cls(
            supporter_id=subject.id if isinstance(subject, Supporter) else None,
            address_key=key,
            purpose=purpose, channel=channel, scope=scope, granted=granted, text_id=text.id if text else None,
            source=source[:500], evidence=evidence, at=now, by=by.key,
        )  # fmt: skip
        session.add(row)
        return row


def address_key(ring: Keyring, email: str) -> bytes:
    """What tells this mailbox from others without keeping it: 32 bytes, for ever the same."""
    return ring.hash("address", canonical_email(email))


def may_contact(
    subject: Supporter | bytes,
    purpose: str = SERVICE,
    channel: str = "email",
    on: date | None = None,
    *,
    session: Session | None = None,
    scope: str = "",
) -> Answer:
    """Whether this may be sent to them on a date, and why (not). Asked at the moment of sending.

    The last word on a purpose counts; a word about one ``scope`` counts there only, and a no without a scope counts
    everywhere. A no to an address also holds for the supporter whose address it is, and the other way round. The
    subject is a supporter, or an address's key (with the session to look in).
    """
    if isinstance(subject, Supporter):
        if subject.is_deceased:
            return Answer(False, "has died")
        if subject.merged_into_id is not None:
            return Answer(False, "is merged into another supporter")
    if purpose == SERVICE:
        return Answer(True, "is a supporter" if isinstance(subject, Supporter) else "asked for it")
    session = session or (object_session(subject) if isinstance(subject, Supporter) else None)
    if session is None:
        raise TypeError("may_contact needs the session that the subject is in")
    rows = session.execute(
        select(Consent.granted, Consent.at, Consent.scope)
        .where(
            _about(session, subject),
            Consent.purpose == purpose,
            Consent.channel == channel,
            Consent.scope.in_({scope, ""}),
            *([] if on is None else [Consent.at < datetime.combine(on + timedelta(days=1), time.min, UTC)]),
        )
        .order_by(Consent.at, Consent.id)
    ).all()
    if not rows:
        return Answer(False, "never asked for it")
    granted, at, _ = rows[-1]
    word_of = "said yes" if granted else "said no"
    return Answer(granted, f"{word_of} on {at.date().isoformat()}")


def _about(session: Session, subject: Supporter | bytes) -> ColumnElement[bool]:
    if isinstance(subject, bytes):
        return Consent.address_key == subject
    ring = keyring(session)
    keys = [address_key(ring, p.value) for p in subject.contact_points if p.kind == "email" and p.is_current]
    mine = Consent.supporter_id == subject.id
    return or_(mine, Consent.address_key.in_(keys)) if keys else mine
