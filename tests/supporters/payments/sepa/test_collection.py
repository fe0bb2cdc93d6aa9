"""Prepare, approve, export, book, cancel: each once, by the right person, at the right time."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import BadInput, NotAllowed, NotFound, Refused
from supporters.giving.gift import Gift
from supporters.giving.mandate import Mandate
from supporters.giving.year import FinancialYear, YearClosed
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement, announce
from supporters.payments.sepa.batch import CollectionBatch, CollectionFile
from supporters.payments.sepa.scheme import FileRefused
from tests import cast
from tests.cast import ANNA, BRAM, CARL, NOW, TODAY
from tests.promises.ledger import broken_promises, refused_and_nothing_changed
from tests.supporters.payments.sepa.collecting import (
    DUE,
    announced,
    approved,
    at,
    booked,
    exported,
    left_out,
    payments,
    prepared,
    statuses,
)  # fmt: skip


def many(session: Session, count: int) -> list[Any]:
    found = []
    for number in range(count):
        donor = cast.ada(session, email=f"donor{number}@example.org", iban=None)
        found.append(announced(session, donor, Money(1000 + number)))
    return found


# -- prepare --------------------------------------------------------------------------------------


def test_what_is_due_is_gathered_once(session: Session) -> None:
    commitment = announced(session)
    batch = prepared(session)
    assert (batch.state, batch.count, batch.money, batch.collect_on) == ("prepared", 1, Money.eur("10"), DUE)
    assert statuses(commitment) == [(1, "claimed")]
    with refused_and_nothing_changed(session, Refused, "nothing to collect up to 2026-12-28 (nothing is due)", "on"):
        prepared(session)


def test_a_holiday_moves_the_collection_and_not_the_due_date(session: Session) -> None:
    commitment = announced(session, start_on=date(2026, 12, 25))
    batch = prepared(session, on=date(2026, 12, 25))
    assert (batch.due_through, batch.collect_on) == (date(2026, 12, 25), date(2026, 12, 28))
    assert commitment.instalments[0].due_on == date(2026, 12, 25)
    assert payments(session)[0].collect_on == date(2026, 12, 28)
    assert commitment.next_due_on == date(2027, 1, 25)


@pytest.mark.parametrize(
    ("on", "error", "sentence"),
    [
        (date(2026, 12, 1), Refused, "too soon: the bank wants the file 1 business days ahead, so 2026-12-02"),
        (date(2026, 11, 2), Refused, "too soon"),
        (date(2027, 6, 1), BadInput, "more than three months away"),
    ],
)  # fmt: skip
def test_a_day_that_cannot_be_is_refused(session: Session, on: date, error: Any, sentence: str) -> None:
    announced(session, start_on=date(2026, 11, 20))
    with refused_and_nothing_changed(session, error, sentence, "on"):
        prepared(session, on=on)


@pytest.mark.parametrize("actor", [CARL, Actor.job("collect")])
def test_only_a_signed_in_person_runs_a_collection(session: Session, actor: Actor) -> None:
    announced(session)
    account = cast.creditor(session)
    with refused_and_nothing_changed(session, NotAllowed, "signed-in person", "actor"):
        CollectionBatch.prepare(session, account, on=DUE, by=actor, now=NOW)
    batch = prepared(session)
    with refused_and_nothing_changed(session, NotAllowed, "signed-in person", "actor"):
        batch.approve(session, by=actor, now=NOW)
    with refused_and_nothing_changed(session, NotAllowed, "signed-in person", "actor"):
        batch.cancel(session, "x", by=actor, now=NOW)


def test_each_one_left_out_has_its_reason(session: Session) -> None:
    def person(name: str) -> Any:
        return cast.ada(session, email=f"{name}@example.org", first_name=name)

    good = announced(session, person("good"))
    wanted: dict[str, Any] = {}
    wanted["skipped"] = announced(session, person("skipped"))
    wanted["skipped"].skip(session, by=ANNA, now=NOW)
    wanted["paused"] = announced(session, person("paused"))
    wanted["paused"].pause(session, from_on=TODAY, by=ANNA, now=NOW)
    wanted["missed"] = announced(session, person("missed"), every="once", start_on=date(2026, 11, 15))
    wanted["not_announced"] = cast.monthly(session, person("silent"), start_on=DUE)
    wanted["no_mandate"] = announced(session, person("none"))
    wanted["no_mandate"].mandate = None
    wanted["mandate_cancelled"] = announced(session, person("cancelled"))
    wanted["mandate_cancelled"].mandate.cancel(session, "donor", by=ANNA, now=NOW, on=TODAY)
    wanted["mandate_lapsed"] = announced(session, person("lapsed"))
    wanted["mandate_lapsed"].mandate.signed_on = date(2023, 12, 28)
    wanted["mandate_used"] = announced(session, person("used"))
    wanted["mandate_used"].mandate.kind, wanted["mandate_used"].mandate.first_used_on = "one_off", TODAY
    wanted["signed_later"] = announced(session, person("later"))
    wanted["signed_later"].mandate.signed_on = DUE + timedelta(days=1)
    session.commit()
    batch = prepared(session)
    assert left_out(session, batch) == {commitment.id: reason for reason, commitment in wanted.items()}
    assert [p.instalment.commitment_id for p in payments(session)] == [good.id]
    assert broken_promises(session) == []


def test_when_nothing_remains_the_refusal_counts_the_reasons(session: Session) -> None:
    cast.creditor(session)
    cast.monthly(session, start_on=DUE)
    cast.monthly(session, cast.ada(session, email="b@example.org"), start_on=DUE)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "(not_announced: 2)", "on"):
        prepared(session)


def test_the_dead_are_left_out_and_listed(session: Session) -> None:
    gone, other = announced(session), announced(session, cast.ada(session, email="b@example.org"))
    first = prepared(session)
    Death.report(session, gone.supporter, source="family", by=ANNA, now=NOW)
    first.cancel(session, "again", by=ANNA, now=NOW)
    batch = prepared(session)
    assert left_out(session, batch) == {gone.id: "deceased"}
    assert [p.instalment.commitment_id for p in payments(session, batch)] == [other.id]


@pytest.mark.parametrize(("signed_on", "taken"), [(date(2023, 12, 28), False), (date(2023, 12, 29), True)])
def test_a_mandate_lapses_36_months_after_it_was_last_used(session: Session, signed_on: date, taken: bool) -> None:
    commitment = announced(session)
    assert commitment.mandate is not None
    announced(session, cast.ada(session, email="b@example.org"))
    commitment.mandate.signed_on = signed_on
    session.commit()
    assert (prepared(session).count == 2) is taken
    assert (commitment.mandate.why_unusable(DUE) is None) is taken


def test_a_one_off_mandate_is_used_once_by_two_promises_and_by_two_runs(session: Session) -> None:
    ada = cast.ada(session)
    once = cast.mandate(session, ada, kind="one_off")
    announced(session, ada, mandate=once)
    second = announced(session, ada, mandate=once)
    batch = prepared(session)
    assert (batch.count, payments(session)[0].sequence_type) == (1, "OOFF")
    assert left_out(session, batch) == {second.id: "mandate_used"}
    with refused_and_nothing_changed(session, Refused, "mandate_used: 2"):
        prepared(session, on=date(2027, 1, 28))
    assert broken_promises(session) == []


def test_the_first_debit_on_a_mandate_is_a_first_one_and_then_it_recurs(session: Session) -> None:
    announced(session)
    booked(session)
    booked(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5)))
    assert [p.sequence_type for p in payments(session)] == ["FRST", "RCUR"]
    mandate = session.scalars(select(Mandate)).one()
    assert (mandate.first_used_on, mandate.last_used_on) == (DUE, date(2027, 1, 28))


def test_a_file_that_goes_out_later_does_not_make_a_mandate_older(session: Session) -> None:
    announced(session)
    first = approved(session)
    exported(session, on=date(2027, 1, 28), now=at(date(2026, 12, 2)))
    first.export(session, by=BRAM, now=NOW)
    session.commit()
    assert session.scalars(select(Mandate)).one().last_used_on == date(2027, 1, 28)


def test_what_a_month_without_runs_left_is_not_caught_up_in_silence(session: Session) -> None:
    commitment = announced(session, start_on=date(2026, 9, 30))
    batch = prepared(session, on=date(2026, 12, 30))
    assert statuses(commitment) == [(1, "missed"), (2, "missed"), (3, "missed"), (4, "claimed")]
    assert batch.money == Money.eur("10")
    commitment.ask_again(session, 3, by=ANNA, now=NOW)
    session.commit()
    assert prepared(session, on=date(2026, 12, 30)).money == Money.eur("10")
    assert statuses(commitment)[2] == (3, "claimed")


# -- announcing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("told_on", "taken"), [(date(2026, 12, 14), True), (date(2026, 12, 15), False), (None, False)])
def test_what_was_announced_less_than_14_days_ahead_waits(session: Session, told_on: date | None, taken: bool) -> None:
    announced(session, cast.ada(session, email="b@example.org"))
    waiting = cast.monthly(session, start_on=DUE)
    if told_on is not None:
        Announcement.make(session, waiting, on=told_on, channel="letter", evidence="", by=ANNA, now=NOW)
    batch = prepared(session)
    assert (batch.count == 2) is taken
    assert left_out(session, batch) == ({} if taken else {waiting.id: "not_announced"})


def test_as_long_ahead_as_was_agreed_is_enough(session: Session) -> None:
    cast.creditor(session, notice_days=3)
    announced(session, on=date(2026, 12, 25))
    assert prepared(session).count == 1


def test_a_changed_amount_waits_until_it_is_announced(session: Session) -> None:
    commitment = announced(session)
    announced(session, cast.ada(session, email="b@example.org"))
    commitment.change(session, Money.eur("12"), reason="asked", by=ANNA, now=NOW)
    batch = prepared(session)
    assert left_out(session, batch) == {commitment.id: "not_announced"}
    batch.cancel(session, "again", by=ANNA, now=NOW)
    rows = list(announce(session, cast.creditor(session), before=date(2027, 1, 1), by=ANNA, now=NOW, on=TODAY))
    assert [(row["commitment"], row["amount"], row["email"]) for row in rows] == [
        (commitment.number, "12.00", "ada@example.org")
    ]
    assert list(announce(session, cast.creditor(session), before=date(2027, 1, 1), by=ANNA, now=NOW, on=TODAY)) == []
    session.commit()
    assert prepared(session).count == 2


def test_announcing_the_same_twice_on_a_day_is_one(session: Session) -> None:
    commitment = announced(session)
    again = Announcement.make(
        session, commitment, on=date(2026, 11, 1), channel="letter", evidence="", by=ANNA, now=NOW
    )
    session.commit()
    assert session.scalars(select(Announcement)).all() == [again]


# -- approve and export ---------------------------------------------------------------------------


def test_ones_own_collection_is_not_approved(session: Session) -> None:
    announced(session)
    batch = prepared(session)
    with refused_and_nothing_changed(session, NotAllowed, "a second person has to approve it", "actor"):
        batch.approve(session, by=Actor.person(" ANNA@example.org", authenticated=True), now=NOW)
    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE supporters_collection_batch SET state = 'approved', approved_by = prepared_by"))


def test_what_nobody_approved_is_not_exported(session: Session) -> None:
    announced(session)
    batch = prepared(session)
    with refused_and_nothing_changed(session, Refused, "is prepared; you can export it only while it is approved"):
        batch.export(session, by=BRAM, now=NOW)
    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE supporters_collection_batch SET state = 'exported'"))


def test_an_unknown_format_is_refused_with_the_known_ones(session: Session) -> None:
    announced(session)
    batch = prepared(session)
    with refused_and_nothing_changed(session, BadInput, "there are: pain.008.001.08, pain.008.001.02", "format"):
        batch.approve(session, by=BRAM, now=NOW, format="MT103")


def test_a_file_that_breaks_a_rule_of_the_scheme_leaves_the_collection_prepared(session: Session) -> None:
    commitment = announced(session)
    batch = prepared(session)
    assert commitment.mandate is not None
    commitment.mandate.signed_on = DUE + timedelta(days=3)
    session.commit()
    with refused_and_nothing_changed(session, FileRefused, ""):
        batch.approve(session, by=BRAM, now=NOW)
    assert batch.state == "prepared"


def test_the_files_are_split_at_the_banks_limit_and_never_change(session: Session) -> None:
    cast.creditor(session, transactions_per_file=2)
    many(session, 5)
    batch = approved(session)
    assert [(f.sequence, f.count, f.total) for f in batch.files] == [(1, 2, 2001), (2, 2, 2005), (3, 1, 1004)]
    assert [f.document.filename[-9:] for f in batch.files] == ["-1of3.xml", "-2of3.xml", "-3of3.xml"]
    first = [b"".join(f.chunks(session)) for f in batch.files]
    assert [hashlib.sha256(content).hexdigest() for content in first] == [f.sha256 for f in batch.files]
    for when in (NOW, NOW + timedelta(days=400)):
        files = batch.export(session, by=BRAM, now=when)
        session.commit()
        assert [b"".join(f.chunks(session)) for f in files] == first
    assert batch.exported_at == NOW
    with pytest.raises(IntegrityError, match="never changes"):
        session.execute(text("UPDATE supporters_collection_file SET count = 9"))


def test_a_second_approval_is_refused(session: Session) -> None:
    announced(session)
    batch = approved(session)
    with refused_and_nothing_changed(session, Refused, "only while it is prepared"):
        batch.approve(session, by=BRAM, now=NOW, format="pain.008.001.02")
    assert len(session.scalars(select(CollectionFile)).all()) == 1


def test_a_collection_whose_day_has_come_goes_no_further(session: Session) -> None:
    announced(session)
    batch = prepared(session)
    with refused_and_nothing_changed(session, Refused, "The bank was to collect this on 2026-12-28", "collect_on"):
        batch.approve(session, by=BRAM, now=at(DUE))
    batch.approve(session, by=BRAM, now=NOW)
    session.commit()
    for late in (at(DUE), at(DUE + timedelta(days=3))):
        with refused_and_nothing_changed(session, Refused, "The bank was to collect this on 2026-12-28", "collect_on"):
            batch.export(session, by=BRAM, now=late)
    batch.cancel(session, "too late", by=BRAM, now=at(DUE))
    session.commit()
    assert exported(session, on=DUE + timedelta(days=2), now=at(DUE)).collect_on == date(2026, 12, 30)


def test_a_file_that_went_to_the_bank_in_time_is_handed_out_again_later(session: Session) -> None:
    announced(session)
    batch = exported(session)
    assert batch.export(session, by=BRAM, now=at(DUE + timedelta(days=30))) == batch.files


def test_a_death_before_the_export_holds_the_whole_collection(session: Session) -> None:
    commitment = announced(session)
    other = announced(session, cast.ada(session, email="b@example.org"))
    batch = approved(session)
    Death.report(session, commitment.supporter, source="family", by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "has died since this collection was prepared"):
        batch.export(session, by=BRAM, now=NOW)
    batch.cancel(session, "death", by=BRAM, now=NOW)
    session.commit()
    assert statuses(commitment) == [(1, "waived")]
    anew = exported(session)
    assert [p.instalment.commitment_id for p in payments(session, anew)] == [other.id]
    assert broken_promises(session) == []


@pytest.mark.parametrize(("how", "sentence"), [("mandate", "ended the mandate"), ("stop", "stopped")])
def test_an_ended_promise_or_mandate_holds_an_approved_collection(session: Session, how: str, sentence: str) -> None:
    commitment = announced(session)
    batch = approved(session)
    assert commitment.mandate is not None
    if how == "mandate":
        commitment.mandate.cancel(session, "donor", by=ANNA, now=NOW, on=TODAY)
    else:
        commitment.stop(session, "donor_request", on=TODAY, by=ANNA, now=NOW)
        assert commitment.ended_on == DUE
    session.commit()
    with refused_and_nothing_changed(session, Refused, sentence):
        batch.export(session, by=BRAM, now=NOW)


def test_who_stops_or_pauses_leaves_a_collection_nobody_approved(session: Session) -> None:
    stopped, paused, kept = many(session, 3)
    batch = prepared(session)
    stopped.stop(session, "donor_request", on=DUE, by=ANNA, now=NOW)
    paused.pause(session, from_on=TODAY, by=ANNA, now=NOW)
    session.commit()
    assert (batch.count, batch.total) == (1, 1002)
    assert [statuses(c)[0][1] for c in (stopped, paused, kept)] == ["waived", "paused", "claimed"]
    assert broken_promises(session) == []


def test_who_stops_later_is_collected_until_then(session: Session) -> None:
    commitment = announced(session)
    batch = prepared(session)
    commitment.stop(session, "donor_request", on=date(2027, 2, 1), by=ANNA, now=NOW)
    session.commit()
    assert (batch.count, statuses(commitment)) == (1, [(1, "claimed")])
    batch.cancel(session, "again", by=ANNA, now=NOW)
    assert statuses(commitment) == [(1, "due")]
    booked(session)
    booked(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5)))
    with pytest.raises(Refused, match="nothing is due"):
        prepared(session, on=date(2027, 2, 28), now=at(date(2027, 2, 5)))


def test_what_ends_before_the_collection_date_does_not_hold_up_others(session: Session) -> None:
    ending = announced(session, start_on=date(2026, 12, 25))
    announced(session, cast.ada(session, email="b@example.org"))
    ending.stop(session, "donor_request", on=date(2026, 12, 27), by=ANNA, now=NOW)
    batch = exported(session)
    assert (batch.count, statuses(ending)) == (1, [(1, "waived")])


# -- amendments -----------------------------------------------------------------------------------


def test_a_new_account_is_told_to_the_bank_once(session: Session) -> None:
    commitment = announced(session)
    booked(session)
    assert commitment.mandate is not None
    commitment.mandate.change_account(session, "NL39RABO0300065264", by=ANNA, now=at(DUE), on=DUE)
    session.commit()
    told = b"".join(booked(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5))).files[0].chunks(session))
    again = b"".join(booked(session, on=date(2027, 2, 28), now=at(date(2027, 2, 5))).files[0].chunks(session))
    assert b"<AmdmntInd>true" in told
    assert cast.ADAS_IBAN.encode() in told
    assert b"AmdmntInf" not in again
    assert cast.ADAS_IBAN.encode() not in again
    assert b"NL39RABO0300065264" in again


def test_there_and_back_again_is_not_told(session: Session) -> None:
    commitment = announced(session)
    booked(session)
    assert commitment.mandate is not None
    for iban in ("NL39RABO0300065264", cast.ADAS_IBAN):
        commitment.mandate.change_account(session, iban, by=ANNA, now=at(DUE), on=DUE)
    session.commit()
    content = b"".join(booked(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5))).files[0].chunks(session))
    assert b"AmdmntInf" not in content
    assert cast.ADAS_IBAN.encode() in content


def test_a_new_account_while_it_waits_for_approval_is_in_the_file_with_its_bank(session: Session) -> None:
    commitment = announced(session)
    mandate = commitment.mandate
    assert mandate is not None
    mandate.bank_account.bic = "ABNANL2A"
    session.commit()
    batch = prepared(session)
    mandate.change_account(session, "NL39RABO0300065264", by=ANNA, now=NOW, on=TODAY)
    session.commit()
    batch.approve(session, by=BRAM, now=NOW)
    content = b"".join(batch.files[0].chunks(session))
    assert b"NL39RABO0300065264" in content
    assert b"ABNANL2A" not in content


# -- cancel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [prepared, approved])
def test_cancelling_lets_go_of_everything_and_it_is_collected_next_time(session: Session, step: Any) -> None:
    commitment = announced(session)
    batch = step(session)
    batch.cancel(session, "wrong day", by=ANNA, now=NOW)
    session.commit()
    assert statuses(commitment) == [(1, "due")]
    with refused_and_nothing_changed(session, Refused, "is cancelled"):
        batch.cancel(session, "again", by=ANNA, now=NOW)
    again = booked(session)
    assert [p.reference[-2:] for p in payments(session)] == ["-1", "-2"]
    assert again.count == 1
    assert broken_promises(session) == []


def test_what_is_at_the_bank_is_not_cancelled(session: Session) -> None:
    announced(session)
    batch = exported(session)
    with refused_and_nothing_changed(session, Refused, "has been with the bank since 2026-12-01: ask the bank"):
        batch.cancel(session, "wrong", by=ANNA, now=NOW)


# -- book -----------------------------------------------------------------------------------------


def test_booking_makes_a_gift_of_each_payment_on_the_collection_date(session: Session) -> None:
    commitment = announced(session, source_code="street")
    batch = booked(session)
    gift = session.scalars(select(Gift)).one()
    assert (gift.money, gift.received_on, gift.supporter_id, gift.source_code, gift.commitment_id) == (
        Money.eur("10"), batch.collect_on, commitment.supporter_id, "street", commitment.id,
    )  # fmt: skip
    assert statuses(commitment) == [(1, "paid")]
    assert broken_promises(session) == []


def test_booking_twice_is_refused(session: Session) -> None:
    announced(session)
    batch = booked(session)
    with refused_and_nothing_changed(session, Refused, "was booked on 2026-12-28 already"):
        batch.book(session, by=ANNA, now=at(DUE + timedelta(days=1)))


def test_booking_before_the_bank_collects_is_refused(session: Session) -> None:
    announced(session)
    batch = exported(session)
    with refused_and_nothing_changed(session, Refused, "The bank collects on 2026-12-28"):
        batch.book(session, by=ANNA, now=at(DUE - timedelta(days=1)))
    assert batch.book(session, by=ANNA, now=at(DUE)) == 1


def test_booking_into_a_closed_year_is_refused(session: Session) -> None:
    announced(session)
    batch = exported(session)
    FinancialYear.close(session, 2026, by=ANNA, now=at(date(2027, 1, 2)))
    session.commit()
    with refused_and_nothing_changed(session, YearClosed, "The financial year 2026 is closed", "collect_on"):
        batch.book(session, by=ANNA, now=at(date(2027, 1, 3)))


def test_what_failed_at_the_bank_is_not_booked(session: Session) -> None:
    first, second = many(session, 2)
    batch = exported(session)
    failed = next(p for p in payments(session) if p.instalment.commitment_id == first.id)
    failed.fail(session, by=ANNA, now=NOW, reason_code="AC04")
    failed.fail(session, by=ANNA, now=NOW, reason_code="AC04")
    session.commit()
    assert batch.book(session, by=ANNA, now=at(DUE)) == 1
    session.commit()
    assert (statuses(first), statuses(second)) == ([(1, "returned")], [(1, "paid")])
    assert broken_promises(session) == []


# -- several accounts -----------------------------------------------------------------------------


def test_each_account_collects_its_own(session: Session) -> None:
    ours = announced(session)
    other = CreditorAccount.open(session, "Other", "NL69001123456780000", "NL20INGB0001234567", late_days=60)
    ada = cast.ada(session, email="b@example.org")
    mandate = cast.mandate(session, ada, creditor_identifier=other.identifier)
    theirs = announced(session, ada, mandate=mandate, start_on=date(2026, 11, 20))
    session.commit()
    with pytest.raises(Refused, match="several creditor accounts") as caught:
        CreditorAccount.only(session)
    assert caught.value.field == "account"
    assert CreditorAccount.only(session, "NL20 INGB 0001 2345 67") is other
    batch = prepared(session)
    assert [p.instalment.commitment_id for p in payments(session)] == [ours.id]
    assert statuses(theirs) == []  # Another account's run does not decide what was missed here.
    second = CollectionBatch.prepare(session, other, on=DUE, by=ANNA, now=NOW)
    session.commit()
    assert [p.instalment.commitment_id for p in payments(session, second)] == [theirs.id] * 2
    assert batch.count == 1
    assert broken_promises(session) == []


def test_an_identifier_with_wrong_check_digits_is_refused(session: Session) -> None:
    with refused_and_nothing_changed(session, BadInput, "its check digits do not fit", "identifier"):
        CreditorAccount.open(session, "X", "NL68ZZZ123456780000", cast.OUR_IBAN)
    with refused_and_nothing_changed(session, NotFound, "no account to collect on", "account"):
        CreditorAccount.only(session)


def test_a_collection_is_found_by_its_number(session: Session) -> None:
    announced(session)
    batch = prepared(session)
    assert CollectionBatch.find(session, batch.number.lower()) is CollectionBatch.find(session, str(batch.id)) is batch
    for wrong in ("", "B", "B99999", "x", "9" * 40):
        with pytest.raises(NotFound):
            CollectionBatch.find(session, wrong)


# -- the database ---------------------------------------------------------------------------------


def test_the_database_lets_one_payment_hold_an_instalment(session: Session) -> None:
    announced(session)
    prepared(session)
    copy = (
        "INSERT INTO supporters_payment (gateway, supporter_id, instalment_id, mandate_id, batch_id, amount, currency,"
        " state, attempt, reference, iban, collect_on, created_at) SELECT gateway, supporter_id, instalment_id,"
        " mandate_id, batch_id, amount, currency, '{}', attempt, 'x{}', iban, collect_on, created_at"
        " FROM supporters_payment WHERE state = 'open'"
    )
    session.execute(text(copy.format("failed", 1)))
    with pytest.raises(IntegrityError):
        session.execute(text(copy.format("open", 2)))


def test_the_database_lets_nobody_edit_or_delete_a_payment(session: Session) -> None:
    announced(session)
    prepared(session)
    for statement in ("UPDATE supporters_payment SET amount = 1", "DELETE FROM supporters_payment"):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text(statement))
    assert session.scalars(select(Payment)).one().amount == 1000
