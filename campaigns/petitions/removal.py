"""Taking out what does not belong: many signatures at once, counted beforehand, with a reason, and it can be undone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import SIGNED, Signature, SignaturePerson, move_all
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk
from supporters.errors import BadInput, Refused


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the signatures to remove have in common; at least one of these, all of those given."""

    domain: str = ""
    network: str = ""  # hex of the day's network hash, as the trends show it
    source: str = ""
    risk: str = ""  # only what is held in quarantine for this reason
    signed_from: str = ""  # ISO instants
    signed_until: str = ""
    unconfirmed_only: bool = False
    signature_id: int | None = None

    def where(self, petition_id: int) -> ColumnElement[bool]:
        """The counted signatures of a petition that these words are about."""
        wanted = Signature.petition_id == petition_id
        wanted &= Signature.state.in_(
            ("received", "pending", "quarantined") if self.unconfirmed_only else (*SIGNED, "quarantined")
        )
        person = SignaturePerson.signature_id == Signature.id
        if self.domain:
            found = select(SignaturePerson.signature_id).where(person, SignaturePerson.domain == self.domain.lower())
            wanted &= found.correlate(Signature).exists()
        if self.network:
            key = bytes.fromhex(self.network)
            found = select(SignaturePerson.signature_id).where(person, SignaturePerson.network_key == key)
            wanted &= found.correlate(Signature).exists()
        if self.risk:
            held = select(SignaturePerson.signature_id).where(person, SignaturePerson.risk == self.risk)
            wanted &= (Signature.state == "quarantined") & held.correlate(Signature).exists()
        if self.source:
            wanted &= Signature.source == self.source
        if self.signed_from:
            wanted &= Signature.signed_at >= datetime.fromisoformat(self.signed_from)
        if self.signed_until:
            wanted &= Signature.signed_at < datetime.fromisoformat(self.signed_until)
        if self.signature_id is not None:
            wanted &= Signature.id == self.signature_id
        return wanted

    def check(self) -> None:
        """Raises BadInput where nothing narrows it down, or a value cannot be meant."""
        given = {key: value for key, value in asdict(self).items() if value and key != "unconfirmed_only"}
        if not given:
            raise BadInput("Say which signatures: a domain, a network, a source or a stretch of time.", field="domain")
        for name in ("signed_from", "signed_until"):
            if value := given.get(name):
                try:
                    aware = datetime.fromisoformat(value).tzinfo is not None
                except ValueError:
                    aware = False
                if not aware:
                    raise BadInput("Write a moment with its time zone, such as 2026-05-31T14:00+02:00.", field=name)
        if self.network:
            try:
                bytes.fromhex(self.network)
            except ValueError:
                raise BadInput("Take the network from the trends: 32 letters and digits.", field="network") from None


class RemovalRun(Base):
    __tablename__ = "campaigns_removal_run"
    __table_args__ = (Index(None, "petition_id"),)

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    criteria: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[line]
    count: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[instant]
    run_by: Mapped[actor_key]
    undone_at: Mapped[instant | None]
    undone_by: Mapped[actor_key | None]

    @staticmethod
    def preview(session: Session, petition: Petition, criteria: Criteria) -> int:
        """How many it would remove now."""
        criteria.check()
        return session.scalar(select(func.count()).select_from(Signature).where(criteria.where(petition.id))) or 0

    @classmethod
    def run(
        cls, session: Session, petition: Petition, criteria: Criteria, reason: str, *, expected: int, by: Actor,
        now: datetime,
    ) -> RemovalRun:  # fmt: skip
        """Remove them. ``expected`` is the number that was shown; where it grew by over a tenth, nothing is done."""
        if petition.erased_at is not None:
            raise Refused("What is personal about this petition is gone, and its count stands.")
        if not reason.strip():
            raise BadInput("Say why; it stands in the log for ever.", field="reason")
        found = cls.preview(session, petition, criteria)
        if found == 0:
            raise Refused("There is nothing to remove.")
        must_be_as_shown(expected, found)
        run = cls(
            petition_id=petition.id, criteria={k: v for k, v in asdict(criteria).items() if v}, reason=reason.strip(),
            run_at=now, run_by=by.key,
        )  # fmt: skip
        session.add(run)
        session.flush()
        while moved := move_all(
            session, criteria.where(petition.id), "removed", now=now, reason="removal_run",
            state_before=Signature.state, removal_run_id=run.id,
        ):  # fmt: skip
            run.count += moved
        audit.record(session, by, "remove", run, now=now, count=run.count, reason=run.reason, petition=petition.slug)
        return run

    def undo(self, session: Session, *, by: Actor, now: datetime) -> int:
        """Put back what it took out, each as it was; how many."""
        locked = RemovalRun.get(session, self.id, lock=True)
        if locked.undone_at is not None:
            raise Refused("This removal was undone already.")
        if session.get_one(Petition, locked.petition_id).erased_at is not None:
            raise Refused("What is personal about this petition is gone, and its count stands.")
        locked.undone_at, locked.undone_by = now, by.key
        back = 0
        for state in ("received", "pending", "confirmed", "quarantined"):
            mine = (
                (Signature.removal_run_id == locked.id)
                & (Signature.state == "removed")
                & (Signature.state_before == state)
            )
            while moved := move_all(session, mine, state, now=now, removal_run_id=None, state_before=None):
                back += moved
        audit.record(session, by, "undo_remove", locked, now=now, count=back)
        return back


def must_be_as_shown(expected: int, found: int) -> None:
    """Raises Refused where there are over a tenth more than somebody saw when they decided."""
    if found > expected + max(1, expected // 10):
        raise Refused(
            "It was %(expected)s when you looked and is %(found)s now; look once more.", expected=expected, found=found
        )


def release(session: Session, signature: Signature, *, by: Actor, now: datetime) -> None:
    """A quarantined signature is a real one after all: it counts, and the confirmation is mailed."""
    from campaigns.petitions.mails import queue_confirmation

    locked = Signature.get(session, signature.id, lock=True)
    if locked.state != "quarantined":
        raise Refused("This signature is not in quarantine.")
    petition = session.get_one(Petition, locked.petition_id)
    locked.move(session, "pending" if petition.confirm_policy == "required" else "received", now=now)
    queue_confirmation(session, locked, petition, now=now)
    audit.record(session, by, "release", locked, now=now)
