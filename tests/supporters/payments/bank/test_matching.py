"""What a line of the bank is: identifiers decide, similarity proposes."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.giving.year import FinancialYear
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.bank import matching
from supporters.people.bank_account import BankAccount
from supporters.people.payment_reference import betalingskenmerk
from supporters.people.reference import ExternalReference
from supporters.people.supporter import Supporter
from tests import cast
from tests.cast import ANNA, NOW
from tests.supporters.payments.bank.lines import DAY, account, from_ada, line, matched, reference
from tests.supporters.payments.sepa.collecting import DUE, announced, booked, exported, payments

OTHER_IBAN = "NL39RABO0300065264"


def test_a_batch_total_is_the_collection_it_names(session: Session) -> None:
    announced(session)
    batch = exported(session)
    told = line(session, 1000, batch_reference=reference(batch), count=1)
    assert matched(session, told) == [("matched", "collection", "batch_reference", None)]
    assert told.batch_id == batch.id


def test_a_batch_total_may_name_the_whole_file_or_stand_in_the_text(session: Session) -> None:
    announced(session)
    batch = exported(session)
    of_file = line(session, 1000, batch_reference=f"{batch.number}-1")
    assert matched(session, of_file) == [("matched", "collection", "batch_reference", None)]
    of_file.state, of_file.why = "set_aside", "mistake"
    in_text = line(session, 1000, text=f"/PREF/{reference(batch)}/NRTX/1")
    assert matched(session, in_text) == [("matched", "collection", "batch_reference", None)]


def test_a_batch_total_of_another_amount_is_a_question_with_the_difference(session: Session) -> None:
    announced(session)
    batch = exported(session)
    told = line(session, 900, batch_reference=reference(batch))
    assert matched(session, told) == [("proposed", "collection", "batch_reference", "amount_differs")]
    assert told.expected == 1000


def test_what_the_bank_refused_is_not_in_the_total(session: Session) -> None:
    announced(session)
    sam, _ = cast.sam_and_suzie(session)
    announced(session, sam, Money.eur("7.50"), iban=cast.SAMS_IBAN)
    batch = exported(session)
    told = line(session, 1000, batch_reference=reference(batch))
    assert matched(session, told) == [("proposed", "collection", "batch_reference", "amount_differs")]
    next(each for each in payments(session, batch) if each.amount == 750).fail(session, by=ANNA, now=NOW)
    assert matched(session, told) == [("matched", "collection", "batch_reference", None)]
    assert told.expected is None


def test_amount_and_day_of_a_collection_only_propose(session: Session) -> None:
    announced(session)
    batch = exported(session)
    told = line(session, 1000, on=DUE, code="PMNT-IDDT-ESDD")
    assert matched(session, told) == [("proposed", "collection", "collection_total", "only_amount")]
    assert told.batch_id == batch.id


def test_the_same_total_told_twice_is_one_collection_and_one_question(session: Session) -> None:
    announced(session)
    batch = exported(session)
    told = [line(session, 1000, batch_reference=reference(batch)) for _ in range(2)]
    assert [each[0] for each in matched(session, *told)] == ["matched", "proposed"]
    assert told[1].doubt == "told_twice"


def test_a_single_debit_is_known_by_the_reference_that_we_gave_it(session: Session) -> None:
    announced(session)
    payment = payments(session, exported(session))[0]
    told = line(session, 1000, end_to_end_id=payment.reference, iban=payment.iban)
    assert matched(session, told) == [("matched", "payment", "end_to_end_id", None)]
    assert (told.payment_id, told.supporter_id) == (payment.id, payment.supporter_id)


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        ({"amount": 999}, "amount_differs"),
        ({"mandate_reference": "another"}, "mandate_differs"),
        ({"iban": cast.SAMS_IBAN}, "iban_differs"),
    ],
)
def test_who_pays_can_write_our_reference_and_that_alone_decides_nothing(
    session: Session, fields: dict[str, str], doubt: str
) -> None:
    announced(session)
    payment = payments(session, exported(session))[0]
    told = line(session, **{"amount": 1000, "end_to_end_id": payment.reference} | fields)  # type: ignore[arg-type]
    assert matched(session, told) == [("proposed", "payment", "end_to_end_id", doubt)]


def test_a_debit_that_came_back_is_known_by_its_reference_or_else_by_its_mandate(session: Session) -> None:
    announced(session)
    payment = payments(session, booked(session))[0]
    assert payment.mandate is not None
    by_reference = line(session, -1000, on=DAY, end_to_end_id=payment.reference, reason="MD06")
    assert matched(session, by_reference) == [("matched", "return", "end_to_end_id", None)]
    by_reference.state, by_reference.why = "set_aside", "mistake"
    by_mandate = line(session, -1000, on=DAY, mandate_reference=payment.mandate.reference)
    assert matched(session, by_mandate) == [("matched", "return", "mandate", None)]
    assert by_mandate.payment_id == payment.id


def test_a_reference_that_we_issued_needs_nothing_else(session: Session) -> None:
    ada = cast.ada(session)
    structured = line(session, 2500, creditor_reference=ada.creditor_reference, name="Somebody Else")
    rf = ada.creditor_reference
    typed = line(session, 2500, text=f"gift {rf[:4]} {rf[4:8]} {rf[8:]}", iban=OTHER_IBAN)
    sixteen = line(session, 2500, creditor_reference=betalingskenmerk(ada.id))
    assert matched(session, structured, typed, sixteen) == [("matched", "gift", "creditor_reference", None)] * 3
    assert {structured.supporter_id, typed.supporter_id, sixteen.supporter_id} == {ada.id}


def test_a_reference_with_a_typing_mistake_leads_nowhere(session: Session) -> None:
    ada = cast.ada(session)
    wrong = f"RF{(int(ada.creditor_reference[2:4]) % 96) + 1:02d}{ada.creditor_reference[4:]}"
    assert matched(session, line(session, 2500, creditor_reference=wrong)) == [("unknown", None, None, None)]


def test_a_supporter_number_is_confirmed_by_the_name_or_the_account(session: Session) -> None:
    ada = cast.ada(session)
    named = line(session, 2500, text=f"Donateur {ada.number}", name="HR/MW A LOVELACE", iban=OTHER_IBAN)
    paid = line(session, 2500, text=ada.number.lower(), name="", iban=cast.ADAS_IBAN)
    alone = line(session, 2500, text=f"relatienummer {ada.id}", name="B. Babbage", iban=OTHER_IBAN)
    assert matched(session, named, paid, alone) == [
        ("matched", "gift", "supporter_number", None),
        ("matched", "gift", "supporter_number", None),
        ("proposed", "gift", "supporter_number", "not_confirmed"),
    ]
    assert alone.supporter_id == ada.id


def test_an_old_number_counts_with_the_name(session: Session) -> None:
    ada = cast.ada(session)
    ExternalReference.give(session, ada, "old_crm", "M-2017/42")
    told = line(session, 2500, text="contributie M-2017/42", name="Lovelace A", iban=OTHER_IBAN)
    assert matched(session, told) == [("matched", "gift", "old_number", None)]


def test_an_account_with_one_owner_counts_with_the_name(session: Session) -> None:
    ada = cast.ada(session)
    lines = [from_ada(session), from_ada(session, name="C. Babbage"), from_ada(session, name="")]
    assert matched(session, *lines) == [
        ("matched", "gift", "iban", None),
        ("proposed", "gift", "iban", "name_differs"),
        ("proposed", "gift", "iban", "no_name"),
    ]
    assert {each.supporter_id for each in lines} == {ada.id}


def test_one_account_of_two_people_is_a_question_even_if_the_name_is_one_of_theirs(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    BankAccount.known(session, suzie, cast.SAMS_IBAN, by=ANNA, on=NOW.date())
    one = line(session, 2500, iban=cast.SAMS_IBAN, name="S. van den Berg")
    both = line(session, 2500, iban=cast.SAMS_IBAN, name="Fam. Pietersen")
    assert matched(session, one, both) == [("proposed", "gift", "shared_iban", "several")] * 2
    assert (one.supporter_id, both.supporter_id) == (sam.id, None)


def test_an_account_that_holds_no_more_leads_nowhere(session: Session) -> None:
    ada = cast.ada(session)
    ada.bank_accounts[0].until_on = NOW.date()
    assert matched(session, from_ada(session, name="Nobody We Know")) == [("unknown", None, None, None)]


def test_a_name_only_proposes(session: Session) -> None:
    ada = cast.ada(session)
    lines = [
        line(session, 2500, name=name, iban=OTHER_IBAN) for name in ("A. Lovelace", "LOVELACE A", "Mw Ada Lovelace")
    ]
    assert matched(session, *lines) == [("proposed", "gift", "name", "only_name")] * 3
    assert {each.supporter_id for each in lines} == {ada.id}


def standing_order(session: Session, ada: Supporter, start_on: date = date(2026, 12, 25)) -> Commitment:
    made = Commitment.start(
        session, ada, Money.eur("15.00"), every="month", start_on=start_on, method="transfer", by=ANNA, now=NOW,
        fund=cast.fund(session),
    )  # fmt: skip
    session.commit()
    return made


def test_a_standing_order_fulfils_what_was_promised_whatever_name_the_account_has(session: Session) -> None:
    promise = standing_order(session, cast.ada(session))
    told = from_ada(session, 1500, name="A. LOVELACE EO C. BABBAGE")
    strange = from_ada(session, 1500, name="Rekening gezin", on=date(2027, 1, 25))
    assert matched(session, told, strange) == [("matched", "gift", "expected", None)] * 2
    assert told.commitment_id == strange.commitment_id == promise.id
    assert told.instalment_id != strange.instalment_id


def test_a_second_transfer_in_the_same_month_is_a_question(session: Session) -> None:
    standing_order(session, cast.ada(session))
    first, second = from_ada(session, 1500), from_ada(session, 1500, on=date(2026, 12, 29))
    assert [each[0] for each in matched(session, first, second)] == ["matched", "proposed"]
    assert second.doubt == "second_in_period"


def test_another_amount_than_promised_is_an_ordinary_gift(session: Session) -> None:
    standing_order(session, cast.ada(session))
    told = from_ada(session, 1600)
    assert matched(session, told) == [("matched", "gift", "iban", None)]
    assert told.commitment_id is None


def test_some_gifts_are_never_booked_by_themselves(session: Session) -> None:
    ada = cast.ada(session)
    cast.gift(session, ada, Money.eur("25.00"))
    FinancialYear.close(session, 2025, by=ANNA, now=NOW)
    dollars = account(session, "NL02ABNA0123456789", currency="USD")
    lines = [
        from_ada(session, 1_000_000),
        from_ada(session, 100_000),
        from_ada(session, on=date(2025, 12, 30)),
        from_ada(session, ours=dollars),
        from_ada(session, text="uit de nalatenschap van mijn tante"),
        from_ada(session, is_reversal=True),
    ]
    found = matched(session, *lines)
    assert {each[0] for each in found} == {"proposed"}
    assert [each[3] for each in found] == [
        "large_amount", "large_amount", "closed_year", "foreign_currency", "bequest", "reversal",
    ]  # fmt: skip
    assert {each.supporter_id for each in lines} == {ada.id}


def test_money_from_somebody_who_died_is_a_question(session: Session) -> None:
    ada = cast.ada(session)
    Death.report(session, ada, source="family", by=ANNA, now=NOW)
    assert matched(session, from_ada(session)) == [("proposed", "gift", "iban", "deceased")]


def test_a_merged_supporter_is_the_one_who_is_left(session: Session) -> None:
    ada = cast.ada(session)
    other = Supporter.welcome(session, first_name="Ada", surname="Lovelace", by=ANNA, now=NOW)
    ada.merged_into_id = other.id
    told = from_ada(session)
    assert matched(session, told) == [("matched", "gift", "iban", None)]
    assert told.supporter_id == other.id


def test_between_our_own_accounts_is_no_gift(session: Session) -> None:
    account(session, "NL02ABNA0123456789")
    lines = [line(session, amount, iban="NL02ABNA0123456789") for amount in (5000, -5000)]
    assert matched(session, *lines) == [("matched", "other", "own_account", None)] * 2


def test_charges_interest_payouts_and_refunds_are_proposed(session: Session) -> None:
    ada = cast.ada(session)
    cast.gift(session, ada, Money.eur("25.00"), on=DAY).reverse(session, on=DAY, kind="refund", by=ANNA, now=NOW)
    lines = [
        line(session, -350, code="PMNT-MCOP-CHRG"),
        line(session, 12, code="NINT"),
        line(session, 99_500, name="Stichting Mollie Payments", iban=OTHER_IBAN),
        line(session, -2500, iban=cast.ADAS_IBAN, name="A. Lovelace"),
        line(session, -9999, iban=OTHER_IBAN, name="Drukkerij"),
    ]
    assert [each[:3] for each in matched(session, *lines)] == [
        ("proposed", "other", "bank_code"),
        ("proposed", "other", "bank_code"),
        ("proposed", "payout", "gateway"),
        ("proposed", "refund", "refund"),
        ("unknown", None, None),
    ]
    assert [each.why for each in lines[:2]] == ["bank_charges", "interest"]


def test_matching_again_changes_nothing_and_touches_nothing_that_is_settled(session: Session) -> None:
    cast.ada(session)
    from_ada(session)
    aside = from_ada(session)
    aside.state, aside.why = "set_aside", "mistake"
    session.commit()
    first = matching.match(session, now=NOW, today=DAY)
    again = matching.match(session, now=NOW, today=DAY)
    assert (first.looked_at, first.changed, again.looked_at, again.changed) == (1, 1, 1, 0)
    assert (aside.state, aside.kind) == ("set_aside", None)
