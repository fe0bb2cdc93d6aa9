"""The preview of a collection says what changed, what was left out and what looks wrong."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import event
from sqlalchemy.orm import Session

from supporters import Announcement, CollectionBatch, Death, Mandate, Money, Supporter
from supporters.payments.sepa.preview import Preview
from tests import cast

DECEMBER = date(2026, 12, 28)
JANUARY = date(2027, 1, 28)
LATER = datetime(2027, 1, 4, 9, tzinfo=UTC)
IBANS = ("NL91ABNA0417164300", "NL20INGB0001234567", "NL39RABO0300065264", "NL44RABO0123456789")


def promise(session: Session, name: str, iban: str, amount: str = "10.00", every: str = "month", **fields):
    supporter = Supporter.welcome(session, first_name=name, surname="Tester", by=cast.ANNA, now=cast.NOW)
    commitment = cast.monthly(session, supporter, Money.eur(amount), iban=iban, every=every, **fields)
    Announcement.make(
        session, commitment, on=cast.TODAY - timedelta(days=30), channel="letter", evidence="", by=cast.ANNA,
        now=cast.NOW,
    )  # fmt: skip
    session.flush()
    return commitment


def collect(session: Session, on: date, now: datetime) -> CollectionBatch:
    batch = CollectionBatch.prepare(session, cast.creditor(session), on=on, by=cast.ANNA, now=now)
    session.commit()
    return batch


def send(session: Session, batch: CollectionBatch, now: datetime) -> None:
    batch.approve(session, by=cast.BRAM, now=now)
    batch.export(session, by=cast.BRAM, now=now)
    session.commit()


def test_a_first_collection_is_all_new_and_compares_with_nothing(session: Session) -> None:
    promise(session, "Eva", IBANS[0])
    preview = Preview.of(session, collect(session, DECEMBER, cast.NOW))
    assert preview.previous is None
    assert (preview.new.count, preview.new.total) == (1, Money.eur("10.00"))
    assert preview.new.lines[0].supporter.name == "Eva Tester"
    assert [(s.sequence_type, s.count, s.count_before) for s in preview.sequences] == [("FRST", 1, 0)]
    assert (preview.gone.count, preview.changed.count, preview.suspicious, preview.left_out) == (0, 0, (), ())


def test_what_changed_against_last_month_is_named(session: Session) -> None:
    stays, changes, stops, quarterly = (
        promise(session, name, iban, every=every)
        for name, iban, every in zip(
            ("Stays", "Changes", "Stops", "Quarter"), IBANS, ("month", "month", "month", "quarter"), strict=True
        )
    )
    send(session, collect(session, DECEMBER, cast.NOW), cast.NOW)
    changes.change(session, Money.eur("15.00"), reason="asked", by=cast.ANNA, now=LATER)
    Announcement.make(session, changes, on=LATER.date(), channel="email", evidence="", by=cast.ANNA, now=LATER)
    stops.stop(session, "donor_request", on=date(2027, 1, 1), by=cast.ANNA, now=LATER)
    promise(session, "Fresh", "NL02ABNA0123456789", start_on=date(2027, 1, 20))
    preview = Preview.of(session, collect(session, JANUARY, LATER))

    assert preview.previous is not None and preview.previous.count == 4
    assert [line.supporter.first_name for line in preview.new.lines] == ["Fresh"]
    assert [(line.commitment_id, str(line.usual), str(line.amount)) for line in preview.changed.lines] == [
        (changes.id, "EUR 10.00", "EUR 15.00")
    ]
    assert preview.gone.reasons == {"ended": 1, "not_due": 1}
    assert [line.commitment_id for line in preview.gone.lines] == [stops.id, quarterly.id]
    assert [(s.sequence_type, s.count, s.count_before) for s in preview.sequences] == [("FRST", 1, 4), ("RCUR", 2, 0)]
    assert stays.id not in {line.commitment_id for line in preview.new.lines + preview.changed.lines}


def test_a_quarterly_one_comes_back_and_is_not_new(session: Session) -> None:
    quarterly = promise(session, "Quarter", IBANS[0], every="quarter")
    promise(session, "Month", IBANS[1])
    send(session, collect(session, DECEMBER, cast.NOW), cast.NOW)
    send(session, collect(session, JANUARY, LATER), LATER)
    preview = Preview.of(session, collect(session, date(2027, 3, 26), datetime(2027, 3, 1, 9, tzinfo=UTC)))
    assert [line.commitment_id for line in preview.back.lines] == [quarterly.id]
    assert preview.new.count == 0


def test_ten_times_the_usual_and_the_same_twice_look_wrong(session: Session) -> None:
    typo = promise(session, "Typo", IBANS[0])
    send(session, collect(session, DECEMBER, cast.NOW), cast.NOW)
    typo.change(session, Money.eur("100.00"), reason="asked", by=cast.ANNA, now=LATER)
    Announcement.make(session, typo, on=LATER.date(), channel="email", evidence="", by=cast.ANNA, now=LATER)
    for name in ("One", "Two"):
        promise(session, name, IBANS[1], "12.00", start_on=date(2027, 1, 20))
    first = promise(session, "First", IBANS[2], "1200.00", start_on=date(2027, 1, 20))
    suspicious = {s.name: s for s in Preview.of(session, collect(session, JANUARY, LATER)).suspicious}
    assert {line.commitment_id for line in suspicious["ten_times_usual"].lines} == {typo.id, first.id}
    assert suspicious["same_account_and_amount"].count == 2
    assert {line.supporter.first_name for line in suspicious["same_account_and_amount"].lines} == {"One", "Two"}


def test_what_was_left_out_is_counted_for_each_reason_and_listed_up_to_a_cap(session: Session) -> None:
    promise(session, "Pays", IBANS[0])
    for number, iban in enumerate(IBANS[1:]):
        supporter = Supporter.welcome(session, first_name=f"Nobody {number}", by=cast.ANNA, now=cast.NOW)
        cast.monthly(session, supporter, iban=iban)
    preview = Preview.of(session, collect(session, DECEMBER, cast.NOW), shown=2)
    (section,) = preview.left_out
    assert (section.name, section.count, section.total) == ("not_announced", 3, Money.eur("30.00"))
    assert (len(section.lines), section.more) == (2, 1)


def test_what_blocks_an_approved_collection_is_shown(session: Session) -> None:
    commitment = promise(session, "Eva", IBANS[0])
    batch = collect(session, DECEMBER, cast.NOW)
    batch.approve(session, by=cast.BRAM, now=cast.NOW)
    Death.report(session, commitment.supporter, source="family", by=cast.ANNA, now=cast.NOW)
    session.commit()
    blocked = Preview.of(session, batch).blocked
    assert [(line.supporter.first_name, line.reason) for line in blocked.lines] == [("Eva", "deceased")]


def test_a_large_collection_takes_no_more_queries_than_a_small_one(session: Session) -> None:
    def queries() -> int:
        seen: list[str] = []
        batch = collect(session, DECEMBER, cast.NOW)
        listener = lambda *facts: seen.append(facts[2])  # noqa: E731
        event.listen(session.get_bind(), "before_cursor_execute", listener)
        Preview.of(session, batch)
        event.remove(session.get_bind(), "before_cursor_execute", listener)
        batch.cancel(session, "again", by=cast.ANNA, now=cast.NOW)
        session.commit()
        return len(seen)

    promise(session, "One", IBANS[0])
    small = queries()
    for number in range(12):
        promise(session, f"More {number}", IBANS[number % 4], f"{number + 1}.00")
    assert queries() <= small + 6  # sections that were empty before now have lines to look up


def test_mandates_are_only_read(session: Session) -> None:
    commitment = promise(session, "Eva", IBANS[0])
    batch = collect(session, DECEMBER, cast.NOW)
    Preview.of(session, batch)
    assert not session.dirty and session.get_one(Mandate, commitment.mandate_id).last_used_on is None
