"""Handing a petition over: the numbers are frozen, the file is made and hashed, and the retention clock starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, func, select, true, union_all
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.petitions import roll
from campaigns.petitions.paper import Paper
from campaigns.petitions.petition import PROFILES, Petition
from campaigns.petitions.tally import NUMBERS, Count, TallyEvent, TallyHour
from campaigns.petitions.wording import Wording
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.documents import Document
from supporters.errors import BadInput, Refused
from supporters.people.consent import ConsentText

#: The kind of document that a hand-over's file is.
KIND = "petition_handover"


class Handover(Base):
    __tablename__ = "campaigns_handover"
    __table_args__ = (
        CheckConstraint("profile IN ('plain', 'citizens_initiative')", name="profile"),
        Index(None, "petition_id"),
    )

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    profile: Mapped[word]
    recipient: Mapped[line]
    frozen_at: Mapped[instant]
    signed: Mapped[int] = mapped_column(BigInteger)
    confirmed: Mapped[int] = mapped_column(BigInteger)
    offline: Mapped[int] = mapped_column(BigInteger)
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    sha256: Mapped[str] = mapped_column(String(64))  # of the file, as it can be checked by whoever gets it
    handed_over_on: Mapped[date | None]  # set when it took place; starts the retention clock
    made_by: Mapped[actor_key]

    @classmethod
    def make(
        cls, session: Session, petition: Petition, recipient: str, *, profile: str | None = None, by: Actor,
        now: datetime,
    ) -> Handover:  # fmt: skip
        """Freeze the numbers and make the file; both come from one statement, so people may go on signing.

        ``plain`` (the default) is the text and the numbers, as a PDF. ``citizens_initiative`` names every confirmed
        signer, as a CSV file, and is only there where the petition asked for what that takes.
        """
        profile = profile or "plain"
        recipient = recipient.strip()
        if profile not in PROFILES:
            raise BadInput("A hand-over is one of: %(known)s.", field="profile", known=", ".join(PROFILES))
        if profile != "plain" and petition.profile != profile:
            raise BadInput(
                "This petition did not ask for address and birth date, so it can only be handed over plain.",
                field="profile",
            )
        if not recipient:
            raise BadInput("Say to whom it is handed over.", field="recipient")
        if petition.state == "draft":
            raise Refused("Nobody could sign this petition yet: there is nothing to hand over.")
        if petition.erased_at is not None:
            raise Refused("This petition was handed over and its retention is over.")
        session.flush()
        name = f"{petition.slug}-{now.date().isoformat()}"
        if profile == "plain":
            count, chunks = _paper(session, petition, recipient, now)
            document = Document.store(
                session, chunks, kind=KIND, filename=f"{name}.pdf", media_type="application/pdf", by=by, now=now
            )
        else:
            frozen = roll.Frozen(now)
            document = Document.store(
                session, roll.citizens_csv(session, petition.id, frozen), kind=KIND, filename=f"{name}.csv",
                media_type="text/csv", by=by, now=now,
            )  # fmt: skip
            count = frozen.count
        made = cls(
            petition_id=petition.id, profile=profile, recipient=recipient, frozen_at=now, signed=count.signed,
            confirmed=count.confirmed, offline=count.offline, document_id=document.id, sha256=document.sha256,
            made_by=by.key,
        )  # fmt: skip
        session.add(made)
        audit.record(
            session, by, "make", made, now=now, petition=petition.slug, profile=profile, signed=count.signed,
            confirmed=count.confirmed, offline=count.offline, sha256=document.sha256,
        )  # fmt: skip
        return made

    def took_place(self, session: Session, on: date, *, by: Actor, now: datetime) -> None:
        """It was handed over on this day; what is personal goes ``retention_days`` later."""
        locked = Handover.get(session, self.id, lock=True)
        petition = Petition.get(session, locked.petition_id, lock=True)
        if locked.handed_over_on is not None:
            raise Refused("It is known already that this was handed over on %(on)s.", on=locked.handed_over_on)
        if petition.state == "open":
            raise Refused("Close the petition first: after the hand-over nobody can sign it any more.")
        if petition.erased_at is not None:
            raise Refused("This petition was handed over and its retention is over.")
        if on > now.date():
            raise BadInput("This day has not come yet.", field="on")
        if on < locked.frozen_at.astimezone(now.tzinfo).date():
            raise BadInput("The file was made later than this day; choose the day it was handed over.", field="on")
        locked.handed_over_on = on
        petition.retain_until = on + timedelta(days=petition.retention_days)
        audit.record(
            session, by, "hand_over", locked, now=now, petition=petition.slug, on=on.isoformat(),
            retain_until=petition.retain_until.isoformat(),
        )  # fmt: skip

    def document(self, session: Session) -> Document:
        """The file, as it was made."""
        return session.get_one(Document, self.document_id)


def export_csv(session: Session, petition: Petition) -> Iterator[bytes]:
    """Every signature that counts, for a spreadsheet: the first bytes at once, in constant memory, without a cap."""
    return roll.export_csv(session, petition.id)


def _paper(session: Session, petition: Petition, recipient: str, now: datetime) -> tuple[Count, list[bytes]]:
    numbers, months = _numbers(session, petition.id, now)
    wording = Wording.current(session, petition.id, petition.locale)
    used = session.scalars(
        select(ConsentText.wording)
        .where(
            ConsentText.id.in_(select(Wording.sign_text_id).where(Wording.petition_id == petition.id)),
            ConsentText.locale == wording.locale,
        )
        .order_by(ConsentText.id)
    ).all()
    paper = Paper(
        petition.title, petition.text, recipient, petition.locale, petition.confirm_policy, petition.per_address,
        numbers, months, tuple(used),
    )  # fmt: skip
    return numbers, [paper.pdf(now)]


def _numbers(session: Session, petition_id: int, now: datetime) -> tuple[Count, dict[str, tuple[int, int, int]]]:
    """The count and what each month brought, in one statement and so in one snapshot."""
    parts = [
        select(model.hour, *(getattr(model, name) for name in NUMBERS)).where(model.petition_id == petition_id)
        for model in (TallyHour, TallyEvent)
    ]
    both = union_all(*parts).subquery()
    hours = (
        select(both.c.hour, *(func.sum(both.c[name]).label(name) for name in NUMBERS)).group_by(both.c.hour).subquery()
    )
    total = roll.count_query(petition_id).subquery()
    rows: list[Any] = list(session.execute(select(total, hours).join(hours, true(), isouter=True)))
    months: dict[str, tuple[int, int, int]] = {}
    for *_, hour, signed, confirmed, offline in rows:
        if hour is None:
            continue
        month = hour.astimezone(now.tzinfo).strftime("%Y-%m")
        known = months.get(month, (0, 0, 0))
        months[month] = (known[0] + int(signed), known[1] + int(confirmed), known[2] + int(offline))
    first = rows[0]
    return Count(int(first[0]), int(first[1]), int(first[2]), now), months
