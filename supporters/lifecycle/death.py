"""Death is one event: promises end, collections are pulled, contact stops. Undoable if it was the wrong person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.errors import BadInput, Refused
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.payments.sepa import withdrawal as withdrawal  # Its hooks pull collections, however this was imported.
from supporters.people.supporter import Supporter

SOURCES = ("family", "executor", "notary", "returned_mail", "bank", "register", "other")


class Death(Base):
    """The report of a death with what it ended, so that undoing it restores just that."""

    __tablename__ = "supporters_death"
    __table_args__ = (
        CheckConstraint(f"source IN ({', '.join(repr(s) for s in SOURCES)})", name="source"),
        Index(
            "uq_supporters_death_standing",
            "supporter_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "strictest", "on_erase": "keep"}
    )
    died_on: Mapped[date | None]  # not always known
    source: Mapped[word]
    note: Mapped[line] = mapped_column(default="")
    reported_at: Mapped[instant]
    reported_by: Mapped[actor_key]
    journal: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    undone_at: Mapped[instant | None]
    undone_by: Mapped[actor_key | None]

    supporter: Mapped[Supporter] = relationship()

    @classmethod
    def report(
        cls,
        session: Session,
        supporter: Supporter,
        *,
        source: str,
        by: Actor,
        now: datetime,
        died_on: date | None = None,
        note: str = "",
    ) -> Death:
        """Somebody died. Everything that would reach them stops, in this transaction."""
        if supporter.kind != "person":
            raise BadInput("Only a person dies; end an organisation's commitments instead.", field="supporter")
        if source not in SOURCES:
            raise BadInput(
                "“%(source)s” is not a source; there are: %(known)s.",
                field="source",
                source=source[:40],
                known=", ".join(SOURCES),
            )
        if died_on is not None and died_on > now.date():
            raise BadInput(
                "A date of death cannot lie in the future (%(on)s).", field="died_on", on=died_on.isoformat()
            )
        turns.together(session)
        session.scalar(select(Supporter.id).where(Supporter.id == supporter.id).with_for_update(key_share=True))
        session.refresh(supporter)
        if supporter.is_deceased:
            raise Refused("The death of %(name)s was reported already.", name=supporter.name)
        death = cls(
            supporter=supporter, died_on=died_on, source=source, note=note[:255], reported_at=now, reported_by=by.key
        )
        supporter.death_reported_at, supporter.deceased_on = now, died_on
        session.add(death)
        session.flush()
        commitments = list(
            session.scalars(
                select(Commitment).where(
                    Commitment.supporter_id == supporter.id,
                    Commitment.ended_on.is_(None) | (Commitment.ended_on > now.date()),
                )
            )
        )
        planned = {
            str(c.id): [c.ended_on.isoformat(), c.end_reason, c.ended_by] for c in commitments if c.ended_on is not None
        }
        mandates = list(
            session.scalars(select(Mandate).where(Mandate.supporter_id == supporter.id, Mandate.cancelled_on.is_(None)))
        )
        pending = select(Instalment.id).where(
            Instalment.commitment_id.in_([c.id for c in commitments]), Instalment.status.in_(("due", "claimed"))
        )
        instalments = list(session.scalars(pending))
        for commitment in commitments:
            commitment.ended_on = commitment.end_reason = commitment.ended_by = None
            commitment.stop(session, "deceased", on=now.date(), by=by, now=now)
        for mandate in mandates:
            mandate.cancel(session, "deceased", by=by, now=now, on=now.date())
        hooks.fire("supporter_died", session, supporter=supporter, death=death, by=by, now=now)
        waived = select(Instalment.id).where(Instalment.id.in_(instalments), Instalment.status == "waived")
        death.journal = {
            "commitments": [c.id for c in commitments],
            "planned_ends": planned,
            "mandates": [m.id for m in mandates],
            "instalments": list(session.scalars(waived)),
        }
        audit.record(session, by, "report", death, now=now, supporter=supporter.id, source=source)
        session.flush()
        return death

    @classmethod
    def standing(cls, session: Session, supporter: Supporter) -> Death | None:
        return session.scalar(select(cls).where(cls.supporter_id == supporter.id, cls.undone_at.is_(None)))

    def undo(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It was the wrong person: what this report ended goes on. What ended before or since stays ended."""
        turns.together(session)
        session.get(Death, self.id, with_for_update=True, populate_existing=True)
        if self.undone_at is not None:
            raise Refused("This report was undone already.")
        self.undone_at, self.undone_by = now, by.key
        self.supporter.death_reported_at = self.supporter.deceased_on = None
        for commitment_id in self.journal.get("commitments", []):
            commitment = session.get_one(Commitment, commitment_id)
            if commitment.end_reason == "deceased":
                on, reason, ended_by = self.journal.get("planned_ends", {}).get(str(commitment_id), (None, None, None))
                commitment.ended_on = date.fromisoformat(on) if on else None
                commitment.end_reason, commitment.ended_by = reason, ended_by
        for mandate_id in self.journal.get("mandates", []):
            mandate = session.get_one(Mandate, mandate_id)
            if mandate.cancel_reason == "deceased":
                mandate.cancelled_on = mandate.cancel_reason = None
        session.execute(
            update(Instalment)
            .where(Instalment.id.in_(self.journal.get("instalments", [])), Instalment.status == "waived")
            .values(status="due")
        )
        session.flush()
        hooks.fire("death_undone", session, supporter=self.supporter, death=self, by=by, now=now)
        audit.record(session, by, "undo", self, now=now, supporter=self.supporter_id)
        session.flush()
        session.expire_all()
