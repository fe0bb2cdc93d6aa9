"""Signatures on paper: counted by hand, with the scan and the counter's name, and always a number of its own."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.petitions.petition import Petition
from campaigns.petitions.tally import TallyEvent, hour_of
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk
from supporters.documents import Document
from supporters.errors import BadInput, Refused


class OfflineCount(Base):
    __tablename__ = "campaigns_offline_count"
    __table_args__ = (CheckConstraint("count > 0", name="count"), Index(None, "petition_id"))

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    count: Mapped[int]
    counted_on: Mapped[date]
    counter: Mapped[line]  # who counted
    place: Mapped[line] = mapped_column(default="")  # where the sheets lay
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))  # the scan
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]
    withdrawn_at: Mapped[instant | None]
    withdrawn_by: Mapped[actor_key | None]

    @classmethod
    def record(
        cls, session: Session, petition: Petition, count: int, *, counted_on: date, counter: str, scan: Document,
        by: Actor, now: datetime, place: str = "",
    ) -> OfflineCount:  # fmt: skip
        """Add a pile of sheets to the count; a wrong one is withdrawn and recorded anew."""
        if count < 1:
            raise BadInput("Fill in how many signatures the sheets have.", field="count")
        if not counter.strip():
            raise BadInput("Fill in who counted them.", field="counter")
        if petition.erased_at is not None:
            raise Refused("This petition was handed over and its retention is over.")
        row = cls(
            petition_id=petition.id, count=count, counted_on=counted_on, counter=counter.strip(), place=place.strip(),
            document_id=scan.id, recorded_at=now, recorded_by=by.key,
        )  # fmt: skip
        session.add(row)
        session.add(_change(petition.id, count, now))
        audit.record(session, by, "count", row, now=now, count=count, petition=petition.slug)
        return row

    def withdraw(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It was counted wrongly: it no longer adds to the number, and stays visible as withdrawn."""
        locked = OfflineCount.get(session, self.id, lock=True)
        if locked.withdrawn_at is not None:
            raise Refused("This count was withdrawn already.")
        if session.get_one(Petition, locked.petition_id).erased_at is not None:
            raise Refused("What is personal about this petition is gone, and its count stands.")
        locked.withdrawn_at, locked.withdrawn_by = now, by.key
        session.add(_change(locked.petition_id, -locked.count, now))
        audit.record(session, by, "withdraw", locked, now=now, count=locked.count)


def _change(petition_id: int, offline: int, now: datetime) -> TallyEvent:
    return TallyEvent(petition_id=petition_id, hour=hour_of(now), source="", signed=0, confirmed=0, offline=offline)
