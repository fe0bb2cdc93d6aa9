"""What a person says of a line is booked to the cent, remembered where they see it, and can be taken back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.audit import AuditEntry
from supporters.errors import BadInput, NotAllowed, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.giving.receipt import gifts_of
from supporters.giving.year import FinancialYear, YearClosed
from supporters.money import Money
from supporters.payments.bank.answering import Part, accept, assign, is_another, set_aside, split, suggested, welcome
from supporters.payments.bank.candidates import candidates
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.bank.undoing import undo
from supporters.people.bank_account import BankAccount
from supporters.people.search import search
from supporters.people.supporter import Supporter
from supporters.people.timeline import timeline
from supporters.reports.year import YearReport
from tests import cast
from tests.cast import ANNA, NOW
from tests.supporters.payments.bank.lines import DAY, book, from_ada, line, matched, reference
from tests.supporters.payments.sepa.collecting import DUE, announced, exported, payments, statuses

NEW_IBAN = "NL39RABO0300065264"
BY: dict[str, Any] = {"by": ANNA, "now": NOW}


@pytest.fixture
def ada(session: Session) -> Supporter:
    cast.fund(session)
    found = cast.ada(session)
    session.commit()
    return found


def standing(line: BankLine) -> list[tuple[int, str, str | None]]:
    return [(each.amount, each.kind, each.why) for each in line.allocations if each.is_standing]


def verbs(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(select(AuditEntry.verb, AuditEntry.subject).order_by(AuditEntry.id))
    return [(row.verb, row.subject) for row in rows]


def nothing_is_broken(session: Session) -> bool:
    session.commit()
    return [finding for _, finding in registry.findings(session, now=NOW)] == []


# -- assign -----------------------------------------------------------------------------------------------------


def test_a_line_is_somebodys_gift_and_their_account_is_remembered(session: Session, ada: Supporter) -> None:
    told = line(session, 2500, iban=NEW_IBAN, name="C. Babbage")
    matched(session, told)
    answer = assign(session, told, ada, **BY)
    (gift,) = answer.gifts
    assert (gift.supporter_id, gift.money, gift.received_on) == (ada.id, Money.eur("25.00"), DAY)
    assert (told.state, told.kind, told.because, told.supporter_id) == ("booked", "gift", "person", ada.id)
    assert answer.remembered is not None
    assert (answer.remembered.iban, answer.remembered.holder) == (NEW_IBAN, "C. Babbage")
    assert ("assign", "bank_line") in verbs(session)
    assert ("remember", "bank_account") in verbs(session)
    assert search(session, NEW_IBAN) == [ada]
    assert nothing_is_broken(session)
    following = line(session, 2500, iban=NEW_IBAN, name="A. Lovelace", on=date(2027, 1, 4))
    assert matched(session, following) == [("matched", "gift", "iban", None)]


def test_an_account_is_not_remembered_where_somebody_says_so(session: Session, ada: Supporter) -> None:
    told = line(session, 2500, iban=NEW_IBAN, name="C. Babbage")
    assert assign(session, told, ada, remember=False, **BY).remembered is None
    assert [each.iban for each in ada.bank_accounts] == [cast.ADAS_IBAN]


def test_an_account_of_two_people_stays_of_both_and_the_answer_says_so(session: Session, ada: Supporter) -> None:
    sam, _ = cast.sam_and_suzie(session)
    told = line(session, 2500, iban=cast.SAMS_IBAN, name="A. Lovelace")
    answer = assign(session, told, ada, **BY)
    assert answer.remembered is not None
    assert answer.shared_with == [sam]
    assert matched(session, line(session, 2500, iban=cast.SAMS_IBAN, name="A. Lovelace")) == [
        ("proposed", "gift", "shared_iban", "several")
    ]


def test_saying_yes_to_a_proposal_keeps_its_reason(session: Session, ada: Supporter) -> None:
    told = from_ada(session, name="C. Babbage")
    matched(session, told)
    accept(session, told, **BY)
    assert (told.state, told.because, standing(told)) == ("booked", "iban", [(2500, "gift", None)])


def test_a_gift_of_what_they_promised_to_transfer_fulfils_it(session: Session, ada: Supporter) -> None:
    promise = Commitment.start(
        session, ada, Money.eur("15.00"), every="month", start_on=date(2026, 12, 25), method="transfer", **BY
    )
    told = line(session, 1500, iban=NEW_IBAN, name="C. Babbage")
    matched(session, told)
    answer = assign(session, told, ada, **BY)
    assert answer.gifts[0].commitment_id == promise.id
    assert statuses(promise)[0] == (1, "paid")
    assert nothing_is_broken(session)


def test_only_who_is_signed_in_answers_and_only_once(session: Session, ada: Supporter) -> None:
    told = from_ada(session)
    with pytest.raises(NotAllowed):
        assign(session, told, ada, by=cast.CARL, now=NOW)
    assign(session, told, ada, **BY)
    with pytest.raises(Refused, match="somebody was here before you"):
        assign(session, told, ada, **BY)


def test_money_that_went_off_is_no_gift(session: Session, ada: Supporter) -> None:
    with pytest.raises(Refused, match="went off"):
        assign(session, line(session, -2500), ada, **BY)


def test_a_gift_of_a_closed_year_takes_another_day(session: Session, ada: Supporter) -> None:
    told = from_ada(session, on=date(2025, 12, 31))
    FinancialYear.close(session, 2025, by=ANNA, now=NOW)
    with pytest.raises(YearClosed):
        assign(session, told, ada, **BY)
    assert told.state == "unknown"
    assert assign(session, told, ada, on=NOW.date(), **BY).gifts[0].received_on == NOW.date()


# -- split ------------------------------------------------------------------------------------------------------


def test_a_line_divides_over_people_funds_and_what_is_no_gift(session: Session, ada: Supporter) -> None:
    sam, _ = cast.sam_and_suzie(session)
    wells = cast.fund(session, "wells", "Wells", is_restricted=True)
    told = line(session, 10_000, iban=NEW_IBAN, name="Fam. Jansen")
    answer = split(
        session,
        told,
        [
            Part(Money.eur("60.00"), ada, wells),
            Part(Money.eur("30.00"), sam),
            Part(Money.eur("10.00"), why="something_else", note="two tea towels"),
        ],
        **BY,
    )
    assert [(gift.supporter_id, gift.amount) for gift in answer.gifts] == [(ada.id, 6000), (sam.id, 3000)]
    assert [each.fund.code for gift in answer.gifts for each in gift.designations] == ["wells", "general"]
    assert standing(told) == [(6000, "gift", None), (3000, "gift", None), (1000, "other", "something_else")]
    assert told.state == "booked"
    assert nothing_is_broken(session)


@pytest.mark.parametrize(
    ("amounts", "message"), [((2000, 400), "must be the same"), ((2600, -100), "more than nothing"), ((), "more than")]
)
def test_the_parts_are_the_line_to_the_cent(
    session: Session, ada: Supporter, amounts: tuple[int, ...], message: str
) -> None:
    told = from_ada(session)
    with pytest.raises(BadInput, match=message):
        split(session, told, [Part(Money(each, "EUR"), ada) for each in amounts], **BY)
    assert (told.state, session.scalars(select(Gift)).all()) == ("unknown", [])


# -- no gift ----------------------------------------------------------------------------------------------------


def test_not_a_gift_is_an_answer_too(session: Session, ada: Supporter) -> None:
    told = line(session, -350, code="PMNT-MCOP-CHRG")
    matched(session, told)
    accept(session, told, **BY)
    assert (told.state, told.why, standing(told)) == ("set_aside", "bank_charges", [(-350, "other", "bank_charges")])
    other = from_ada(session)
    with pytest.raises(BadInput, match="what it is"):
        set_aside(session, other, "something_else", **BY)
    set_aside(session, other, "income", "rent of the hall", **BY)
    assert (other.state, other.note) == ("set_aside", "rent of the hall")
    assert nothing_is_broken(session)


def test_a_collection_with_a_difference_can_be_accepted_and_check_tells_of_it(session: Session) -> None:
    announced(session)
    batch = exported(session)
    told = line(session, 900, on=DUE, batch_reference=reference(batch))
    matched(session, told)
    accept(session, told, by=ANNA, now=NOW, today=DUE)
    assert (told.state, batch.state, standing(told)) == ("booked", "booked", [(900, "collection", None)])


# -- somebody new -----------------------------------------------------------------------------------------------


def test_somebody_new_is_welcomed_with_the_name_and_the_account_of_the_bank(session: Session) -> None:
    cast.fund(session)
    told = line(session, 2500, iban=NEW_IBAN, name="MW C VAN DEN BERG-JANSEN")
    assert suggested(told) == {"initials": "C.", "first_name": "", "prefix": "van den", "surname": "Berg-Jansen"}
    answer = welcome(session, told, **BY)
    person = answer.gifts[0].supporter
    assert (person.name, [each.iban for each in person.bank_accounts]) == ("C. van den Berg-Jansen", [NEW_IBAN])
    assert nothing_is_broken(session)


# -- taking back ------------------------------------------------------------------------------------------------


def test_taking_back_leaves_the_books_as_if_it_never_was(session: Session, ada: Supporter) -> None:
    sam, _ = cast.sam_and_suzie(session)
    session.commit()
    before = YearReport.of(session, 2026).to_json()
    told = line(session, 2500, iban=NEW_IBAN, name="S. van den Berg")
    assign(session, told, ada, **BY)
    assert YearReport.of(session, 2026).to_json() != before
    undo(session, told, **BY)
    session.commit()
    assert YearReport.of(session, 2026).to_json() == before
    assert gifts_of(session, ada, 2026) == []
    assert (told.state, standing(told)) == ("unknown", [])
    account = session.scalars(select(BankAccount).where(BankAccount.iban == NEW_IBAN)).one()
    assert account.until_on is not None
    (reversal,) = session.scalars(select(Gift)).one().reversals
    assert (reversal.kind, reversal.reversed_on) == ("correction", DAY)
    assert nothing_is_broken(session)
    assign(session, told, sam, **BY)
    assert [gift.booking_key for gift in session.scalars(select(Gift).order_by(Gift.id))] == [
        f"bank:{told.id}", f"bank:{told.id}:2",
    ]  # fmt: skip
    assert nothing_is_broken(session)


def test_what_was_taken_back_is_never_booked_by_itself_again(session: Session, ada: Supporter) -> None:
    told = from_ada(session)
    matched(session, told)
    book(session)
    undo(session, told, **BY)
    assert (told.state, told.supporter_id, told.doubt) == ("proposed", ada.id, "taken_back")
    assert book(session).count == 0


def test_an_instalment_is_due_again_when_its_gift_is_taken_back(session: Session, ada: Supporter) -> None:
    promise = Commitment.start(
        session, ada, Money.eur("15.00"), every="month", start_on=date(2026, 12, 25), method="transfer", **BY
    )
    told = from_ada(session, 1500)
    matched(session, told)
    book(session)
    undo(session, told, **BY)
    assert statuses(promise)[0] == (1, "due")
    assert nothing_is_broken(session)
    assign(session, told, ada, **BY)
    assert statuses(promise)[0] == (1, "paid")
    assert nothing_is_broken(session)


def test_a_division_is_taken_back_whole(session: Session, ada: Supporter) -> None:
    told = from_ada(session)
    parts = [Part(Money.eur("20.00"), ada), Part(Money.eur("5.00"), why="income")]
    split(session, told, parts, **BY)
    undo(session, told, **BY)
    assert standing(told) == []
    assert nothing_is_broken(session)


def test_what_was_set_aside_can_be_a_gift_after_all(session: Session, ada: Supporter) -> None:
    told = from_ada(session)
    set_aside(session, told, "mistake", **BY)
    undo(session, told, **BY)
    assert (told.state, told.kind) == ("matched", "gift")


def test_a_return_is_not_taken_back_and_says_what_to_do(session: Session) -> None:
    announced(session)
    batch = exported(session)
    came = line(session, 1000, on=DUE, batch_reference=reference(batch))
    went = line(session, -1000, on=DAY, end_to_end_id=payments(session, batch)[0].reference, reason="MD06")
    matched(session, came, went)
    book(session)
    with pytest.raises(Refused, match="sends the money again"):
        undo(session, went, **BY)
    undo(session, came, **BY)  # The collection stays booked: only its money is looked for again.
    assert (came.state, batch.state) == ("proposed", "booked")


def test_a_gift_that_was_refunded_is_not_taken_back(session: Session, ada: Supporter) -> None:
    told = from_ada(session)
    (gift,) = assign(session, told, ada, **BY).gifts
    gift.reverse(session, Money.eur("5.00"), on=DAY, kind="refund", **BY)
    with pytest.raises(Refused, match="went back already"):
        undo(session, told, **BY)


def test_a_gift_of_a_year_that_closed_since_is_corrected_today(session: Session, ada: Supporter) -> None:
    told = from_ada(session, on=date(2025, 12, 31))
    assign(session, told, ada, **BY)
    FinancialYear.close(session, 2025, by=ANNA, now=NOW)
    undo(session, told, **BY)
    assert session.scalars(select(Gift)).one().reversals[0].reversed_on == NOW.date()


# -- candidates and twins ---------------------------------------------------------------------------------------


def test_candidates_come_with_their_reason_the_likeliest_first(session: Session, ada: Supporter) -> None:
    sam, _ = cast.sam_and_suzie(session)
    namesake = Supporter.welcome(session, first_name="Ada", surname="Lovelace", **BY)
    BankAccount.known(session, sam, cast.ADAS_IBAN, by=ANNA, on=NOW.date())
    told = from_ada(session, text=f"voor {namesake.number}", name="A Lovelace")
    session.commit()
    found = candidates(session, told)
    assert [(each.supporter.id, each.because, each.name_agrees) for each in found] == [
        (namesake.id, "supporter_number", True), (ada.id, "iban", True), (sam.id, "iban", False),
    ]  # fmt: skip
    assert found[1].reason == "the account of this supporter"
    assert len(candidates(session, told, limit=2)) == 2


def test_candidates_of_a_line_that_leads_nowhere_are_looked_for_by_name(session: Session, ada: Supporter) -> None:
    told = line(session, 2500, name="Lovelace-Byron", iban=NEW_IBAN)
    assert [each.supporter for each in candidates(session, told)] == [ada]
    assert candidates(session, line(session, 2500)) == []


def test_a_line_that_may_be_another_one_waits_for_a_person(session: Session, ada: Supporter) -> None:
    first = from_ada(session)
    twin = from_ada(session, twin_of_id=first.id)
    assert [each[0] for each in matched(session, first, twin)] == ["matched", "proposed"]
    assert twin.doubt == "twin"
    is_another(session, twin, **BY)
    session.commit()
    assert (twin.state, twin.doubt) == ("matched", None)
    assert session.scalars(select(BankAllocation)).all() == []


# -- the timeline -----------------------------------------------------------------------------------------------


def test_the_timeline_tells_how_money_came_and_how_we_knew_whose_it_was(session: Session, ada: Supporter) -> None:
    matched(session, from_ada(session, text=ada.creditor_reference))
    book(session)
    wrong = line(session, 900, iban=NEW_IBAN, name="C. Babbage")
    assign(session, wrong, ada, **BY)
    undo(session, wrong, **BY)
    session.commit()
    told = [entry.sentence for entry in timeline(session, ada.id)[0]]
    assert (
        "EUR 25.00 came by bank transfer on 2026-12-28, recognised by the payment reference that we gave this supporter"
        in told
    )
    assert "EUR 9.00 by bank transfer of 2026-12-28 was taken back: it was not theirs" in told
    assert "EUR 9.00 was not a gift of theirs after all; no money moved" in told
