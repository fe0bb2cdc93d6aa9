"""Starting, changing, pausing, resuming, skipping, stopping, restarting and asking again mean what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.errors import BadInput, Refused
from supporters.giving.commitment import END_REASONS, Commitment
from supporters.giving.instalment import Instalment, materialise
from supporters.money import Money
from tests import cast
from tests.cast import ANNA, BRAM, NOW, TODAY
from tests.promises.ledger import broken_promises, refused_and_nothing_changed

END_OF_JANUARY = date(2027, 1, 31)


def fall_due(session: Session, through: date, missed_before: date = date(2000, 1, 1)) -> None:
    materialise(session, through, missed_before=missed_before)
    session.expire_all()


def lines(commitment: Commitment) -> list[tuple[int, date, str, int]]:
    return [(i.number, i.due_on, i.status, i.amount) for i in commitment.instalments]


def statuses(commitment: Commitment) -> list[tuple[int, str]]:
    return [(i.number, i.status) for i in commitment.instalments]


@pytest.fixture
def last_day(session: Session) -> Commitment:
    """Ten euros on every last day of the month, from 31 January 2027."""
    return cast.monthly(session, start_on=END_OF_JANUARY)


# -- starting -------------------------------------------------------------------------------------


def test_a_promise_falls_due_on_its_first_day_and_every_interval_after(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 4, 30))
    assert [line[1] for line in lines(last_day)] == [
        date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30),
    ]  # fmt: skip
    assert (last_day.next_number, last_day.next_due_on) == (5, date(2027, 5, 31))
    assert broken_promises(session) == []


def test_a_promise_for_once_falls_due_once(session: Session) -> None:
    once = cast.monthly(session, every="once", start_on=date(2027, 1, 5))
    fall_due(session, date(2035, 1, 1))
    assert statuses(once) == [(1, "due")]
    assert once.next_due_on is None


def test_gathering_twice_writes_nothing_twice(session: Session, last_day: Commitment) -> None:
    assert materialise(session, date(2027, 6, 30), missed_before=date(2000, 1, 1)) == 6
    assert materialise(session, date(2027, 6, 30), missed_before=date(2000, 1, 1)) == 0


def test_one_that_ran_elsewhere_goes_on_with_its_number(session: Session) -> None:
    moved = cast.monthly(session, start_on=date(2027, 1, 31), next_number=37, started_on=date(2024, 1, 31))
    fall_due(session, date(2027, 2, 28))
    assert [(n, d) for n, d, _, _ in lines(moved)] == [(37, date(2027, 1, 31)), (38, date(2027, 2, 28))]
    assert moved.state(date(2026, 12, 1)) == "active"


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"every": "week"}, "interval", "“week” is not an interval; there are: once, month"),
        ({"money": Money(0)}, "amount", "more than nothing"),
        ({"money": Money(-100)}, "amount", "more than nothing"),
        ({"method": "cheque"}, "method", "there are: sepa, transfer"),
    ],
)
def test_a_promise_that_makes_no_sense_is_refused(
    session: Session, wrong: dict[str, Any], field: str, sentence: str
) -> None:
    ada, given = cast.ada(session), {"every": "month", "money": Money(1000), "method": "sepa"} | wrong
    cast.fund(session)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, sentence, field):
        Commitment.start(session, ada, given.pop("money"), start_on=TODAY, by=ANNA, now=NOW, **given)


def test_somebody_elses_mandate_is_refused(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    theirs = cast.mandate(session, sam, cast.SAMS_IBAN)
    cast.fund(session)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "belongs to another supporter", "mandate_reference"):
        cast.monthly(session, suzie, mandate=theirs)


def test_a_mandate_that_ended_is_refused(session: Session) -> None:
    ada = cast.ada(session)
    mandate = cast.mandate(session, ada)
    cast.fund(session)
    mandate.cancel(session, "donor", by=ANNA, now=NOW, on=TODAY)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "cannot be collected on: cancelled", "mandate_reference"):
        cast.monthly(session, ada, mandate=mandate)


# -- changing -------------------------------------------------------------------------------------


def test_a_change_before_the_first_instalment_leaves_the_first_term_empty(
    session: Session, last_day: Commitment
) -> None:
    last_day.change(session, Money.eur("15"), reason="asked", by=ANNA, now=NOW)
    assert [(t.first_number, t.last_number, t.amount) for t in last_day.terms] == [(1, 0, 1000), (1, None, 1500)]
    fall_due(session, date(2027, 2, 28))
    assert lines(last_day) == [(1, date(2027, 1, 31), "due", 1500), (2, date(2027, 2, 28), "due", 1500)]
    assert broken_promises(session) == []


def test_the_31st_survives_a_change_in_february(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 1, 31))
    last_day.instalments[0].status = "waived"
    last_day.change(session, Money.eur("12"), reason="asked", by=ANNA, now=NOW)
    assert last_day.term.anchor_on == date(2027, 2, 28)
    last_day.change(session, every="two_months", reason="asked", by=ANNA, now=NOW)
    fall_due(session, date(2027, 8, 31))
    assert [line[1] for line in lines(last_day)] == [
        date(2027, 1, 31), date(2027, 2, 28), date(2027, 4, 30), date(2027, 6, 30), date(2027, 8, 31),
    ]  # fmt: skip
    assert broken_promises(session) == []


def test_an_instalment_no_run_has_taken_gets_the_new_amount(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 2, 28))
    last_day.skip(session, 1, by=ANNA, now=NOW)
    last_day.change(session, Money.eur("20"), reason="asked", by=ANNA, now=NOW)
    assert lines(last_day) == [(1, date(2027, 1, 31), "skipped", 1000), (2, date(2027, 2, 28), "due", 2000)]
    assert [(t.first_number, t.last_number) for t in last_day.terms] == [(1, 1), (2, None)]
    assert broken_promises(session) == []


def test_an_instalment_under_way_keeps_its_amount(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 2, 28))
    last_day.instalments[1].status = "claimed"
    last_day.change(session, Money.eur("20"), reason="asked", by=ANNA, now=NOW)
    fall_due(session, date(2027, 3, 31))
    assert [(n, a) for n, _, _, a in lines(last_day)] == [(1, 1000), (2, 1000), (3, 2000)]
    assert [(t.first_number, t.last_number) for t in last_day.terms] == [(1, 2), (3, None)]


def test_one_that_came_back_keeps_its_amount_though_it_was_asked_again(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 1, 31))
    last_day.instalments[0].status = "returned"
    session.flush()
    last_day.ask_again(session, 1, by=ANNA, now=NOW)
    last_day.change(session, Money.eur("20"), reason="asked", by=ANNA, now=NOW)
    assert lines(last_day)[0][3] == 1000
    assert last_day.term.first_number == 2


@pytest.mark.parametrize(("every", "days"), [("quarter", [(3, 31), (6, 30), (9, 30)]), ("month", [(3, 31), (4, 30)])])
def test_a_new_interval_begins_at_the_last_one_that_waits(session: Session, every: str, days: Any) -> None:
    other = "quarter" if every == "month" else "month"
    commitment = cast.monthly(session, every=other, start_on=END_OF_JANUARY)
    fall_due(session, date(2027, 4, 30) if every == "month" else date(2027, 3, 31))
    before = lines(commitment)
    commitment.change(session, Money.eur("30"), every=every, reason="asked", by=ANNA, now=NOW)
    assert [line[:3] for line in lines(commitment)] == [line[:3] for line in before]
    assert [line[3] for line in lines(commitment)] == [1000] * (len(before) - 1) + [3000]
    assert commitment.term.anchor_on == before[-1][1]
    fall_due(session, date(2027, 12, 31))
    assert broken_promises(session) == []


def test_once_that_was_taken_does_not_become_monthly(session: Session) -> None:
    once = cast.monthly(session, every="once", start_on=date(2027, 1, 5))
    fall_due(session, date(2027, 2, 1))
    once.instalments[0].status = "waived"
    session.commit()
    with refused_and_nothing_changed(session, Refused, "start a new commitment"):
        once.change(session, every="month", reason="asked", by=ANNA, now=NOW)


def test_once_that_still_waits_becomes_monthly(session: Session) -> None:
    once = cast.monthly(session, every="once", start_on=date(2027, 1, 31))
    fall_due(session, date(2027, 2, 1))
    once.change(session, every="month", reason="asked", by=ANNA, now=NOW)
    fall_due(session, date(2027, 3, 31))
    assert [line[1] for line in lines(once)] == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]
    assert broken_promises(session) == []


def test_monthly_becomes_once_and_then_ends_by_itself(session: Session, last_day: Commitment) -> None:
    last_day.change(session, Money.eur("100"), every="once", reason="asked", by=ANNA, now=NOW)
    fall_due(session, date(2030, 1, 1))
    assert lines(last_day) == [(1, date(2027, 1, 31), "due", 10000)]


def test_what_was_skipped_ahead_stays_skipped_on_a_new_grid(session: Session, last_day: Commitment) -> None:
    last_day.skip(session, 4, by=ANNA, now=NOW)  # 30 April
    last_day.change(session, every="quarter", reason="asked", by=ANNA, now=NOW)
    fall_due(session, date(2027, 10, 31))
    assert [(d, s) for _, d, s, _ in lines(last_day)][1:] == [
        (date(2027, 1, 31), "due"), (date(2027, 4, 30), "skipped"), (date(2027, 7, 31), "due"),
        (date(2027, 10, 31), "due"),
    ]  # fmt: skip
    assert broken_promises(session) == []


def test_what_was_skipped_ahead_stays_skipped_with_a_new_amount(session: Session, last_day: Commitment) -> None:
    last_day.skip(session, 2, by=ANNA, now=NOW)
    last_day.change(session, Money.eur("15"), reason="asked", by=ANNA, now=NOW)
    fall_due(session, date(2027, 3, 31))
    assert statuses(last_day) == [(1, "due"), (2, "skipped"), (3, "due")]
    assert broken_promises(session) == []


@pytest.mark.parametrize(
    ("change", "error", "sentence", "field"),
    [
        ({"money": Money(1000)}, Refused, "EUR 10.00 per month already", None),
        ({"every": "month"}, Refused, "already", None),
        ({"money": Money(0)}, BadInput, "more than nothing, in EUR", "amount"),
        ({"money": Money(5, "USD")}, BadInput, "in EUR", "amount"),
        ({"every": "fortnight"}, BadInput, "there are: once", "interval"),
        ({"money": Money(5), "reason": " "}, BadInput, "Say why", "reason"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    session: Session, last_day: Commitment, change: dict[str, Any], error: Any, sentence: str, field: str | None
) -> None:
    session.commit()
    with refused_and_nothing_changed(session, error, sentence, field):
        last_day.change(session, **{"reason": "asked", "by": ANNA, "now": NOW} | change)


def test_a_change_records_who_and_why(session: Session, last_day: Commitment) -> None:
    term = last_day.change(session, Money.eur("15"), reason=" called us ", by=BRAM, now=NOW)
    assert (term.recorded_by, term.reason, term.recorded_at) == (BRAM.key, "called us", NOW)


# -- skipping, pausing, resuming ------------------------------------------------------------------


def test_skipped_money_is_never_owed(session: Session, last_day: Commitment) -> None:
    assert last_day.skip(session, by=ANNA, now=NOW).number == 1
    last_day.skip(session, 3, by=ANNA, now=NOW)
    fall_due(session, date(2027, 4, 30))
    assert statuses(last_day) == [(1, "skipped"), (2, "due"), (3, "skipped"), (4, "due")]
    assert last_day.skip(session, by=ANNA, now=NOW).number == 2
    with pytest.raises(Refused, match="Only a returned or missed"):
        last_day.ask_again(session, 1, by=ANNA, now=NOW)


@pytest.mark.parametrize("number", [5, 10_000_000, 1])
def test_what_cannot_be_skipped_is_refused(session: Session, number: int) -> None:
    commitment = cast.monthly(session, start_on=END_OF_JANUARY, next_number=8)
    fall_due(session, date(2027, 2, 28))
    session.commit()
    with refused_and_nothing_changed(session, Refused, f"no instalment {number}", "number"):
        commitment.skip(session, number, by=ANNA, now=NOW)


@pytest.mark.parametrize(("status", "sentence"), [("claimed", "in a collection already"), ("paid", "it is paid")])
def test_what_a_run_has_taken_is_not_skipped(
    session: Session, last_day: Commitment, status: str, sentence: str
) -> None:
    fall_due(session, date(2027, 1, 31))
    last_day.instalments[0].status = status
    session.commit()
    with refused_and_nothing_changed(session, Refused, sentence):
        last_day.skip(session, 1, by=ANNA, now=NOW)


def test_resuming_keeps_the_grid_and_asks_nothing_for_the_pause(session: Session, last_day: Commitment) -> None:
    last_day.pause(session, from_on=date(2027, 2, 1), reason="holiday", by=ANNA, now=NOW)
    fall_due(session, date(2027, 4, 30))
    last_day.resume(session, on=date(2027, 5, 1), by=ANNA, now=datetime(2027, 5, 1, 9, tzinfo=UTC))
    fall_due(session, date(2027, 6, 30))
    assert lines(last_day) == [
        (1, date(2027, 1, 31), "due", 1000), (2, date(2027, 2, 28), "paused", 1000),
        (3, date(2027, 3, 31), "paused", 1000), (4, date(2027, 4, 30), "paused", 1000),
        (5, date(2027, 5, 31), "due", 1000), (6, date(2027, 6, 30), "due", 1000),
    ]  # fmt: skip


def test_a_pause_ends_by_itself_on_its_last_day(session: Session, last_day: Commitment) -> None:
    last_day.pause(session, from_on=date(2027, 2, 28), until_on=date(2027, 3, 31), by=ANNA, now=NOW)
    fall_due(session, date(2027, 3, 31))
    assert statuses(last_day) == [(1, "due"), (2, "paused"), (3, "due")]
    days = {date(2027, 2, 27): "active", date(2027, 2, 28): "paused", date(2027, 3, 30): "paused"}
    assert {day: last_day.state(day) for day in days} == days
    assert last_day.state(date(2027, 3, 31)) == "active"


def test_a_pause_takes_back_what_was_waiting_in_it(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 2, 28))
    last_day.pause(session, from_on=date(2027, 2, 1), by=ANNA, now=NOW)
    assert statuses(last_day) == [(1, "due"), (2, "paused")]


def test_resuming_early_wakes_what_falls_due_after_it(session: Session, last_day: Commitment) -> None:
    last_day.pause(session, from_on=date(2027, 1, 1), until_on=date(2027, 7, 1), by=ANNA, now=NOW)
    fall_due(session, date(2027, 3, 31))
    now = datetime(2027, 2, 10, 9, tzinfo=UTC)
    last_day.resume(session, on=date(2027, 2, 10), by=ANNA, now=now)
    assert statuses(last_day) == [(1, "paused"), (2, "due"), (3, "due")]


def test_resuming_from_long_ago_catches_nothing_up(session: Session, last_day: Commitment) -> None:
    last_day.pause(session, from_on=date(2027, 1, 1), by=ANNA, now=NOW)
    fall_due(session, date(2027, 3, 31))
    last_day.resume(session, on=date(2027, 1, 1), by=ANNA, now=datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert {status for _, status in statuses(last_day)} == {"paused"}


def test_two_pauses_do_not_overlap(session: Session, last_day: Commitment) -> None:
    last_day.pause(session, from_on=date(2027, 3, 1), until_on=date(2027, 4, 1), by=ANNA, now=NOW)
    session.commit()
    for from_on, until_on in ((date(2027, 2, 1), None), (date(2027, 3, 31), date(2027, 5, 1))):
        with refused_and_nothing_changed(session, Refused, "from 2027-03-01", "from_on"):
            last_day.pause(session, from_on=from_on, until_on=until_on, by=ANNA, now=NOW)
    with refused_and_nothing_changed(session, BadInput, "ends after it began", "until_on"):
        last_day.pause(session, from_on=TODAY, until_on=TODAY, by=ANNA, now=NOW)
    last_day.pause(session, from_on=date(2027, 4, 1), by=ANNA, now=NOW)


def test_resuming_what_is_not_paused_is_refused(session: Session, last_day: Commitment) -> None:
    session.commit()
    with refused_and_nothing_changed(session, Refused, "not paused"):
        last_day.resume(session, on=TODAY, by=ANNA, now=NOW)


# -- missed, returned -----------------------------------------------------------------------------


def test_what_no_run_took_in_time_is_missed_and_not_caught_up(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 4, 30), missed_before=date(2027, 4, 1))
    assert statuses(last_day) == [(1, "missed"), (2, "missed"), (3, "missed"), (4, "due")]
    last_day.ask_again(session, 2, by=BRAM, now=NOW)
    assert statuses(last_day) == [(1, "missed"), (2, "due"), (3, "missed"), (4, "due")]
    assert last_day.instalments[1].asked_again_on == TODAY


@pytest.mark.parametrize("status", ["due", "claimed", "paid", "skipped", "paused", "waived"])
def test_only_what_came_back_or_was_missed_is_asked_again(session: Session, last_day: Commitment, status: str) -> None:
    fall_due(session, date(2027, 1, 31))
    last_day.instalments[0].status = status
    session.commit()
    for number in (1, 2):
        with refused_and_nothing_changed(session, Refused, "Only a returned or missed", "number"):
            last_day.ask_again(session, number, by=ANNA, now=NOW)


# -- stopping, restarting -------------------------------------------------------------------------


def test_stopping_today_lets_go_of_all_that_no_run_took(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 2, 28))
    last_day.instalments[0].status = "paid"
    now = datetime(2027, 2, 5, 9, tzinfo=UTC)
    last_day.stop(session, "financial", on=now.date(), by=ANNA, now=now)
    fall_due(session, date(2027, 6, 30))
    assert statuses(last_day) == [(1, "paid"), (2, "waived")]
    assert (last_day.state(now.date()), last_day.end_reason, last_day.ended_by) == ("ended", "financial", ANNA.key)


def test_stopping_later_keeps_what_falls_due_before(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 1, 31))
    last_day.stop(session, "donor_request", on=date(2027, 3, 1), by=ANNA, now=NOW)
    fall_due(session, date(2027, 6, 30))
    assert statuses(last_day) == [(1, "due"), (2, "due")]
    assert last_day.state(date(2027, 2, 28)) == "active"


def test_stopping_before_it_began_ends_it_on_its_first_day(session: Session, last_day: Commitment) -> None:
    last_day.stop(session, "donor_request", on=TODAY, by=ANNA, now=NOW)
    fall_due(session, date(2027, 6, 30))
    assert lines(last_day) == []
    assert last_day.ended_on == END_OF_JANUARY


ENDED: list[Callable[[Session, Commitment], Any]] = [
    lambda s, c: c.change(s, Money(5), reason="x", by=ANNA, now=NOW),
    lambda s, c: c.pause(s, from_on=TODAY, by=ANNA, now=NOW),
    lambda s, c: c.resume(s, on=TODAY, by=ANNA, now=NOW),
    lambda s, c: c.skip(s, by=ANNA, now=NOW),
    lambda s, c: c.ask_again(s, 1, by=ANNA, now=NOW),
    lambda s, c: c.stop(s, "unknown", on=TODAY, by=ANNA, now=NOW),
    lambda s, c: c.use(s, c.mandate, by=ANNA, now=NOW),
]


@pytest.mark.parametrize("verb", ENDED)
def test_what_ended_takes_no_verb_but_restart(
    session: Session, last_day: Commitment, verb: Callable[[Session, Commitment], Any]
) -> None:
    last_day.stop(session, "donor_request", on=TODAY, by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "restart it"):
        verb(session, last_day)


def test_a_reason_to_stop_comes_from_the_list(session: Session, last_day: Commitment) -> None:
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "there are: donor_request", "reason"):
        last_day.stop(session, "because", on=TODAY, by=ANNA, now=NOW)
    assert "deceased" in END_REASONS


def test_restarting_is_a_new_promise_on_a_mandate(session: Session, last_day: Commitment) -> None:
    mandate = last_day.mandate
    assert mandate is not None
    with pytest.raises(Refused, match="has not ended"):
        last_day.restart(session, mandate, start_on=TODAY, by=ANNA, now=NOW)
    last_day.stop(session, "donor_request", on=TODAY, by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "takes a mandate", "mandate_reference"):
        last_day.restart(session, None, start_on=TODAY, by=ANNA, now=NOW)
    new = last_day.restart(session, mandate, start_on=TODAY + timedelta(days=20), by=ANNA, now=NOW)
    session.commit()
    assert (new.restarts_id, new.money, new.term.every, new.next_number) == (last_day.id, last_day.money, "month", 1)
    assert last_day.state(TODAY + timedelta(days=100)) == "ended"


# -- the database ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE supporters_instalment SET due_on = '2027-02-01'", "due date of an instalment never changes"),
        ("UPDATE supporters_instalment SET number = 9", "never changes"),
        ("DELETE FROM supporters_instalment", "never deleted"),
    ],
)
def test_the_database_keeps_due_dates_as_they_are(
    session: Session, last_day: Commitment, statement: str, message: str
) -> None:
    fall_due(session, date(2027, 1, 31))
    with pytest.raises(IntegrityError, match=message):
        session.execute(text(statement))


def test_the_database_has_a_number_of_a_commitment_once(session: Session, last_day: Commitment) -> None:
    fall_due(session, date(2027, 1, 31))
    session.add(
        Instalment(commitment_id=last_day.id, number=1, term_id=last_day.term.id, due_on=END_OF_JANUARY, amount=1000)
    )
    with pytest.raises(IntegrityError):
        session.flush()


def test_the_database_has_one_open_term_a_commitment(session: Session, last_day: Commitment) -> None:
    with pytest.raises(IntegrityError):
        session.execute(
            text(
                "INSERT INTO supporters_term (commitment_id, amount, interval_months, anchor_on, anchor_day,"
                " first_number, reason, recorded_at, recorded_by) SELECT commitment_id, amount, interval_months,"
                " anchor_on, anchor_day, 7, reason, recorded_at, recorded_by FROM supporters_term"
            )
        )
