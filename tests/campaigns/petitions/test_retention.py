"""On its day everything personal goes, from every table, and the numbers stay."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from campaigns.petitions import retention
from campaigns.petitions.checks import look
from campaigns.petitions.handover import Handover
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.signature import Publication, Signature, SignaturePerson
from campaigns.petitions.tally import TallyEvent
from supporters.audit import AuditEntry
from supporters.db import Base
from supporters.documents import Document
from supporters.mail.message import OutboxMessage
from supporters.people.consent import address_key
from supporters.sealing import keyring
from tests import cast
from tests.campaigns.petitions.test_handover import FORM, petition, signed


def anywhere(session: Session, *needles: bytes) -> list[str]:
    """Every table and column that holds one of these, whatever it is stored as."""
    found = []
    for table in Base.metadata.sorted_tables:
        for row in session.execute(select(table)).mappings():
            for column, value in row.items():
                raw = value if isinstance(value, bytes) else str(value).encode()
                if f"{table.name}.{column}" == "supporters_document_part.content":
                    raw = zlib.decompress(raw)
                if any(needle in raw for needle in needles):
                    found.append(f"{table.name}.{column}")
    return found


def test_nothing_personal_is_left_and_the_numbers_stay(session: Session, now: datetime) -> None:
    afghanen = petition(session, "citizens_initiative")
    scan = Document.store(
        session, [b"scan: Parwana Rezai"], kind="count_sheet", filename="s.pdf", media_type="application/pdf",
        by=cast.ANNA, now=now,
    )  # fmt: skip
    OfflineCount.record(
        session, afghanen, 12, counted_on=now.date(), counter="Anna", scan=scan, by=cast.ANNA, now=now
    )  # fmt: skip
    afghanen.sign(session, replace(FORM, updates=True, newsletter=True, show_name=True, submission_key="k"), now=now)
    Signature.get(session, session.scalars(select(Signature.id)).one())
    for number in range(5):
        signed(session, afghanen, number, now)
    session.execute(update(Publication).values(name="Parwana", town="Utrecht"))
    session.execute(update(OutboxMessage).values(reason="550 <parwana@example.org> unknown"))
    made = Handover.make(session, afghanen, "K", profile="citizens_initiative", by=cast.ANNA, now=now)
    person = session.scalars(select(SignaturePerson).order_by(SignaturePerson.signature_id)).first()
    assert person is not None
    key = address_key(keyring(session), FORM.email)
    needles = (
        b"parwana@", b"Parwana", b"Rezai", key, key.hex().encode(), str(key).encode(), bytes(person.sealed),
        bytes(person.sealed_address),
    )  # fmt: skip
    assert len(anywhere(session, *needles)) > 5
    before = afghanen.count(session, now=now)
    later = now + timedelta(days=2)
    afghanen.close(session, by=cast.ANNA, now=later)
    made.took_place(session, later.date(), by=cast.ANNA, now=later)
    day = later + timedelta(days=180)
    assert retention.erase(session, keep=session.commit, now=day - timedelta(days=1)) == 0
    assert anywhere(session, *needles)
    assert retention.erase(session, keep=session.commit, now=day, most=2) == 1
    session.expire_all()
    assert anywhere(session, *needles) == []
    after = afghanen.count(session, now=now)
    assert (after.signed, after.confirmed, after.offline) == (before.signed, before.confirmed, before.offline)
    assert (after.signed, after.confirmed, after.offline) == (6, 5, 12)
    assert session.scalar(select(func.count()).select_from(Signature).where(Signature.erased_at.is_not(None))) == 6
    certificate = session.scalars(select(Document).where(Document.kind == retention.KIND)).one()
    assert "signature: 6" in certificate.content(session).decode()
    entry = session.scalars(select(AuditEntry).where(AuditEntry.verb == "erase")).one()
    assert entry.detail["tables"]["signature_person"] == 6 and entry.detail["sha256"] == certificate.sha256
    assert retention.erase(session, keep=session.commit, now=day) == 0
    assert list(look(session, now=day + timedelta(days=9))) == []


def test_a_supporter_who_wants_news_stays_one(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    for number, newsletter in enumerate((True, False)):
        form = replace(FORM, email=f"n{number}@example.org", newsletter=newsletter)
        Signature.get(session, afghanen.sign(session, form, now=now).signature_id or 0).confirm(session, now=now)
    afghanen.close(session, by=cast.ANNA, now=now + timedelta(days=1))
    retention.erase(session, keep=session.commit, now=now + timedelta(days=200))
    assert [bool(s) for s in session.scalars(select(Signature.supporter_id).order_by(Signature.id))] == [True, False]


def test_a_petition_that_ended_by_itself_is_closed_and_its_clock_starts(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.edit(session, by=cast.ANNA, now=now, closes_at=now + timedelta(days=5))
    retention.erase(session, keep=session.commit, now=now + timedelta(days=6))
    assert afghanen.state == "closed"
    assert afghanen.retain_until == (now + timedelta(days=185)).date()


def test_the_check_finds_a_wrong_count_and_a_late_erasure(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    signed(session, afghanen, 1, now)
    assert list(look(session, now=now)) == []
    session.add(TallyEvent(petition_id=afghanen.id, hour=now, source="", signed=1, confirmed=0, offline=0))
    afghanen.retain_until = (now - timedelta(days=1)).date()
    session.flush()
    assert {finding.rule for finding in look(session, now=now)} == {"count-is-exact", "retention-is-kept"}


@pytest.mark.parametrize("year", [2001, 2126])
def test_an_erasure_is_late_by_the_clock_of_the_app_whatever_the_calendar_says(
    session: Session, now: datetime, year: int
) -> None:
    afghanen = petition(session)
    signed(session, afghanen, 1, now)
    due = now.replace(year=year)
    afghanen.retain_until = due.date()
    session.flush()
    # All of its day there is time: the job runs once a day.
    assert list(look(session, now=due.replace(hour=23, minute=59))) == []
    (found,) = look(session, now=due + timedelta(days=1))
    assert (found.rule, found.subject) == ("retention-is-kept", f"petition {afghanen.id}")
    assert f"should have been erased on {year}-12-01" in found.message
