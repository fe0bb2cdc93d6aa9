"""A supporter's timeline tells everything once, newest first, page after page."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import Announcement, CollectionBatch, Commitment, Death, Money, Payment, Supporter
from supporters.extension import REGISTERED
from supporters.people.timeline import timeline
from supporters.registry import Place, TimelineEntry
from tests import cast

LATER = datetime(2027, 1, 4, 9, tzinfo=UTC)


@pytest.fixture
def ada(session: Session) -> Supporter:
    """Ada, who promised, was debited, took it back, changed, paused, gave, moved, and was reported dead by mistake."""
    assert REGISTERED
    ada = cast.ada(session)
    commitment = cast.monthly(session, ada)
    Announcement.make(
        session, commitment, on=date(2026, 11, 1), channel="letter", evidence="", by=cast.ANNA, now=cast.NOW
    )
    batch = CollectionBatch.prepare(session, cast.creditor(session), on=date(2026, 12, 15), by=cast.ANNA, now=cast.NOW)
    batch.approve(session, by=cast.BRAM, now=cast.NOW)
    batch.export(session, by=cast.BRAM, now=cast.NOW)
    batch.book(session, by=cast.BRAM, now=LATER)
    payment = session.scalars(select(Payment)).one()
    payment.take_back(session, on=date(2026, 12, 17), by=cast.BRAM, now=LATER, reason_code="MD06")
    later = LATER
    for amount in ("12.00", "15.00"):
        later += timedelta(hours=1)
        commitment.change(session, Money.eur(amount), reason="asked", by=cast.ANNA, now=later)
    commitment.skip(session, by=cast.ANNA, now=later)
    commitment.pause(session, from_on=date(2027, 3, 1), by=cast.ANNA, now=later)
    commitment.resume(session, on=date(2027, 4, 1), by=cast.ANNA, now=later)
    for _ in range(5):
        cast.gift(session, ada).thank(session, by=cast.ANNA, now=later)
    ada.set_contact(session, "email", "ada@lovelace.example", by=cast.ANNA, now=later, on=later.date())
    later += timedelta(days=1)
    death = Death.report(session, ada, source="returned_mail", by=cast.ANNA, now=later)
    death.undo(session, by=cast.ANNA, now=later + timedelta(hours=1))
    commitment.stop(session, "donor_request", on=later.date(), by=cast.ANNA, now=later)
    session.commit()
    return ada


def pages(session: Session, supporter: Supporter, size: int) -> list[TimelineEntry]:
    found: list[TimelineEntry] = []
    before: Place | None = None
    while True:
        shown, before = timeline(session, supporter.id, before, size)
        found += shown
        assert len(shown) <= size
        if before is None:
            return found


def test_everything_is_told_in_a_sentence(session: Session, ada: Supporter) -> None:
    told = {entry.sentence for entry in pages(session, ada, 100)}
    for sentence in (
        "Became known to us",
        "Address Damrak 1, 1012 LG  Amsterdam",
        "Commitment C0000001 from 2026-12-01",
        "Gift of EUR 10.00 through a commitment",
        "EUR 10.00 came back (MD06)",
        "Debit of EUR 10.00 was collected and came back",
        "Commitment C0000001 became EUR 15.00 (month): asked",
        "Instalment 2 skipped",
        "Gift of EUR 25.00",
        "Thanked",
        "E-mail address ada@lovelace.example",
        "Death reported by returned_mail",
        "Report of the death undone",
        "Commitment C0000001 ended (donor_request)",
    ):
        assert sentence.replace("C0000001", ada_commitment(session, ada)) in told
    assert any(sentence.startswith("Mandate ") for sentence in told)


def ada_commitment(session: Session, ada: Supporter) -> str:
    return session.scalars(select(Commitment).where(Commitment.supporter_id == ada.id)).one().number


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_of_any_size_tell_the_same(session: Session, ada: Supporter, size: int) -> None:
    whole = pages(session, ada, 1_000)
    assert len(whole) > 20
    assert pages(session, ada, size) == whole
    assert [entry.place for entry in whole] == sorted((entry.place for entry in whole), reverse=True)
    assert len({entry.place for entry in whole}) == len(whole)


def test_nobody_elses_is_told(session: Session, ada: Supporter) -> None:
    sam, _ = cast.sam_and_suzie(session)
    told = [entry.sentence for entry in pages(session, sam, 10)]
    assert "Became known to us" in told and not any("Gift" in sentence for sentence in told)
