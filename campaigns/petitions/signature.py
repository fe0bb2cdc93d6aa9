"""Somebody's name under a petition: what is counted here, and who it is in a row of its own that can go."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    case,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.petitions.tally import TallyEvent, hour_of
from supporters.db import Base, instant, pk, word
from supporters.errors import NotFound
from supporters.mail.message import ADDRESS
from supporters.sealing import Keyring, keyring

#: received: counts at once (policy soft or none). pending: waits for the button. quarantined: looks like a success to
#: whoever sent it, and waits for a moderator.
STATES = ("received", "pending", "confirmed", "quarantined", "withdrawn", "removed", "rejected", "expired")
#: What each of the two online numbers counts.
SIGNED = ("received", "pending", "confirmed")
CONFIRMED = ("confirmed",)
#: It counts under its petition's policy: after the button, or at once where no button is asked.
LIVE = ("confirmed", "received")
#: States after which the same address may sign anew.
OVER = ("withdrawn", "rejected", "expired")

#: What the keyring seals the rest of somebody's details as.
PERSON = "signer"


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed; lives sealed. What a form does not ask stays empty."""

    first_name: str = ""
    last_name: str = ""
    town: str = ""
    postcode: str = ""
    comment: str = ""
    street: str = ""
    house_number: str = ""
    birth_date: str = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def to_json(self) -> str:
        return json.dumps({key: value for key in self.__slots__ if (value := getattr(self, key))}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Person:
        return cls(**json.loads(text))


class Signature(Base):
    """``address_key`` is a keyed hash: it tells mailboxes apart and names nobody. ``slot`` numbers who share one."""

    __tablename__ = "campaigns_signature"
    __table_args__ = (
        UniqueConstraint("petition_id", "address_key", "slot", name="uq_campaigns_signature_address"),
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint("slot IN (1, 2)", name="slot"),
        CheckConstraint("state <> 'confirmed' OR confirmed_at IS NOT NULL", name="confirmed_when"),
        Index(None, "petition_id", "signed_at"),
        Index(
            "ix_campaigns_signature_unconfirmed",
            "signed_at",
            sqlite_where=text("state IN ('pending', 'quarantined')"),
            postgresql_where=text("state IN ('pending', 'quarantined')"),
        ),
        Index(
            "ix_campaigns_signature_removal_run_id",
            "removal_run_id",
            sqlite_where=text("removal_run_id IS NOT NULL"),
            postgresql_where=text("removal_run_id IS NOT NULL"),
        ),
        Index(
            "ix_campaigns_signature_supporter_id",
            "supporter_id",
            sqlite_where=text("supporter_id IS NOT NULL"),
            postgresql_where=text("supporter_id IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    address_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    name_key: Mapped[bytes] = mapped_column(LargeBinary(16))
    slot: Mapped[int] = mapped_column(SmallInteger, default=1)
    state: Mapped[word]
    locale: Mapped[str] = mapped_column(String(2))
    source: Mapped[word] = mapped_column(default="")  # the source code of what brought them
    wording_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition_wording.id"))
    signed_at: Mapped[instant]
    confirmed_at: Mapped[instant | None]
    ended_at: Mapped[instant | None]
    end_reason: Mapped[word | None]
    mails: Mapped[int] = mapped_column(SmallInteger, default=0)  # times that the confirmation was mailed
    reminded_at: Mapped[instant | None]
    erased_at: Mapped[instant | None]  # nothing here leads to a person any more
    removal_run_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_removal_run.id"))
    state_before: Mapped[word | None]  # what undoing its removal goes back to
    supporter_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "redact"}
    )

    person: Mapped[SignaturePerson | None] = relationship(back_populates="signature", uselist=False)

    # -- asking -----------------------------------------------------------------------------------------------

    @classmethod
    def by_token(cls, session: Session, token: str, purpose: str = "signature") -> Signature:
        """The signature a link in a mail is about; raises NotFound where there is none, or it was erased."""
        (key,) = keyring(session).read_token(purpose, token)[:1]
        found = session.get(cls, key)
        if found is None or found.erased_at is not None:
            raise NotFound("What this link is about is no longer here.", field="token")
        return found

    def token(self, ring: Keyring, purpose: str = "signature") -> str:
        """For the links in mail, the same in each mail about this signature; ``unsubscribe`` for the one to stop it."""
        return ring.token(purpose, self.id)

    @property
    def is_counted(self) -> bool:
        return self.state in SIGNED

    @property
    def scope(self) -> str:
        """What consents and mails about this petition carry."""
        return f"petition:{self.petition_id}"

    def who(self, session: Session) -> Person:
        """The signer's details, opened; empty after they were erased."""
        if self.person is None:
            return Person()
        return Person.from_json(keyring(session).open(self.person.sealed, PERSON))

    def address(self, session: Session) -> str | None:
        """The e-mail address, opened; None after it was erased."""
        return keyring(session).open(self.person.sealed_address, ADDRESS) if self.person else None

    # -- changing ---------------------------------------------------------------------------------------------

    def move(self, session: Session, state: str, *, now: datetime, reason: str | None = None) -> None:
        """To another state, with its line for the count, in one transaction. The caller holds the row's lock."""
        signed = (state in SIGNED) - (self.state in SIGNED)
        confirmed = (state in CONFIRMED) - (self.state in CONFIRMED)
        self.state = state
        if state == "confirmed":
            self.confirmed_at = self.confirmed_at or now
        self.ended_at, self.end_reason = (None, None) if state in SIGNED else (now, reason)
        if signed or confirmed:
            session.add(
                TallyEvent(
                    petition_id=self.petition_id, hour=hour_of(now), source=self.source, signed=signed,
                    confirmed=confirmed, offline=0,
                )
            )  # fmt: skip
        session.flush()

    def confirm(self, session: Session, *, now: datetime) -> bool:
        """The button was pressed: whether that changed anything (pressing twice does not). Tells the hooks above."""
        from campaigns.petitions import following

        locked = Signature.get(session, self.id, lock=True)
        if locked.erased_at is not None or locked.state not in ("pending", "received"):
            return False
        locked.move(session, "confirmed", now=now)
        following.after_confirming(session, locked, now=now)
        return True

    def reject(self, session: Session, reason: str, *, now: datetime) -> bool:
        """It was not them (``not_me``), or no mail arrives there (``bounced``)."""
        locked = Signature.get(session, self.id, lock=True)
        if locked.erased_at is not None or locked.state not in (*SIGNED, "quarantined"):
            return False
        locked.move(session, "rejected", now=now, reason=reason)
        locked._withdraw_consent(session, now=now)
        return True

    def withdraw(self, session: Session, *, now: datetime) -> bool:
        """They take their name back; the count goes down by one, once."""
        locked = Signature.get(session, self.id, lock=True)
        if locked.erased_at is not None or locked.state not in (*SIGNED, "quarantined"):
            return False
        locked.move(session, "withdrawn", now=now, reason="by_signer")
        locked._withdraw_consent(session, now=now)
        return True

    def stop_mail(self, session: Session, *, now: datetime) -> None:
        """No more updates and news to this address; the signature stays."""
        from campaigns.petitions import following

        following.stop_mail(session, self, now=now)

    def _withdraw_consent(self, session: Session, *, now: datetime) -> None:
        from campaigns.petitions import following

        following.after_ending(session, self, now=now)


class SignaturePerson(Base):
    """What is personal about a signature; erased by deleting the row, and the count does not notice."""

    __tablename__ = "campaigns_signature_person"
    __table_args__ = (
        # Only what came in lately has a network: small enough to forget it by.
        Index(
            "ix_campaigns_signature_person_networks",
            "signature_id",
            sqlite_where=text("network_key IS NOT NULL"),
            postgresql_where=text("network_key IS NOT NULL"),
        ),
    )

    signature_id: Mapped[int] = mapped_column(ForeignKey("campaigns_signature.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": PERSON})
    sealed_address: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": ADDRESS})
    domain: Mapped[str] = mapped_column(String(255))  # of the address, to see a flood from one
    network_key: Mapped[bytes | None] = mapped_column(LargeBinary(16))  # says something on one day only
    wants_updates: Mapped[bool]  # what the form said; whether it still holds is for the ledger to say
    risk: Mapped[word] = mapped_column(default="")  # why it was quarantined

    signature: Mapped[Signature] = relationship(back_populates="person")


class Publication(Base):
    """A name, and perhaps a comment, that its signer lets us show. Nothing is shown before somebody looked."""

    __tablename__ = "campaigns_publication"
    __table_args__ = (
        UniqueConstraint("signature_id"),
        CheckConstraint("state IN ('waiting', 'approved', 'rejected', 'unpublished')", name="state"),
        CheckConstraint("with_comment OR comment = ''", name="comment_agreed"),
        Index(None, "petition_id", "state", "id"),
    )

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    signature_id: Mapped[int] = mapped_column(ForeignKey("campaigns_signature.id"))
    state: Mapped[word] = mapped_column(default="waiting")
    with_comment: Mapped[bool] = mapped_column(default=False)  # the words they said yes to name the comment
    # As shown: empty until approved, shorter than what was sent where somebody redacted it.
    name: Mapped[str] = mapped_column(String(255), default="")
    town: Mapped[str] = mapped_column(String(255), default="")
    comment: Mapped[str] = mapped_column(String(1000), default="")
    decided_at: Mapped[instant | None]
    decided_by: Mapped[str | None] = mapped_column(String(255))
    reason: Mapped[str | None] = mapped_column(String(255))


def move_all(
    session: Session, which: ColumnElement[bool], state: str, *, now: datetime, reason: str | None = None,
    most: int = 5_000, **values: Any,
) -> int:  # fmt: skip
    """`move` for many rows at once, ``most`` of them; how many. ``values`` are set on the rows as well."""
    ids = list(session.scalars(select(Signature.id).where(which).order_by(Signature.id).limit(most).with_for_update()))
    if not ids:
        return 0
    mine = Signature.id.in_(ids)
    signed = literal(int(state in SIGNED)) - case((Signature.state.in_(SIGNED), 1), else_=0)
    confirmed = literal(int(state in CONFIRMED)) - case((Signature.state.in_(CONFIRMED), 1), else_=0)
    columns = ["petition_id", "hour", "source", "signed", "confirmed", "offline"]
    changes = select(
        Signature.petition_id,
        literal(hour_of(now), TallyEvent.hour.type),
        Signature.source,
        signed,
        confirmed,
        literal(0),
    ).where(mine, (signed != 0) | (confirmed != 0))
    session.execute(insert(TallyEvent).from_select(columns, changes))
    session.execute(
        update(Signature)
        .where(mine)
        .values(state=state, ended_at=None if state in SIGNED else now, end_reason=reason, **values),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    return len(ids)


def opened(session: Session, rows: Iterable[SignaturePerson]) -> dict[int, Person]:
    """The people in these rows, by signature."""
    ring = keyring(session)
    return {row.signature_id: Person.from_json(ring.open(row.sealed, PERSON)) for row in rows}
