from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest
from schwifty import IBAN

from supporters.payments.sepa.debit import SMNDA, Amendment, Block, Creditor, Debit
from supporters.payments.sepa.scheme import (
    IBAN_LENGTHS,
    FileRefused,
    SchemeCheck,
    is_creditor_identifier,
    is_creditor_reference,
    is_iban,
)

CREDITOR = Creditor("Stichting Zee", "NL69ZZZ123456780000", "NL91ABNA0417164300", "ABNANL2A")
BLOCK = Block("RCUR", date(2026, 12, 1), 1, 1000)
DEBIT = Debit("E1", 1000, "NL20INGB0001234567", "INGBNL2A", "A. Lovelace", "M-1", date(2020, 1, 2), "RCUR", "Thanks")


def refusal_of(**changes: Any) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        SchemeCheck(CREDITOR).debit(DEBIT._replace(**changes), BLOCK)
    return caught.value


def test_a_debit_by_the_rules_passes() -> None:
    check = SchemeCheck(CREDITOR, created_on=date(2026, 11, 24))
    check.blocks([BLOCK])
    check.debit(DEBIT, BLOCK)
    check.debit(DEBIT._replace(end_to_end_id="E2", bic=None, amount=99_999_999_999), BLOCK)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("iban", "NL21INGB0001234567", "Debit E1: the IBAN “NL21INGB0001234567” has a mistake, its check digits"),
        ("iban", "NL20INGB0001234568", "Debit E1: the IBAN “NL20INGB0001234568” has a mistake, its check digits"),
        ("iban", "NL20INGB000123456", "has 17 characters; one from NL has 18"),
        ("iban", "nl20ingb0001234567", "does not start with the code of a SEPA country"),
        ("iban", "NL20 INGB 0001 2345 67", "one from NL has 18, without spaces"),
        ("iban", "BR1500000000000010932840814P2", "does not start with the code of a SEPA country"),
        ("iban", "", "does not start with the code of a SEPA country"),
        ("bic", "INGBNL2", "Debit E1: the BIC “INGBNL2” has a mistake; it has 8 or 11 letters and digits"),
        ("bic", "", "is left out"),
        ("amount", 0, "Debit E1: the amount is 0 cents; it must be a whole number from 1 to 99999999999"),
        ("amount", -500, "the amount is -500 cents"),
        ("amount", 100_000_000_000, "the amount is 100000000000 cents"),
        ("amount", 10.0, "the amount is 10.0 cents"),
        ("amount", True, "the amount is True cents"),
        ("name", "", "Debit E1: the name is empty; fill in the name of the account's holder"),
        ("name", " \t", "Debit E1: the name is empty"),
        ("mandate_reference", "M" * 36, "(36 characters) is not one a bank takes; use 1 to 35"),
        ("mandate_reference", "M_1", "Debit E1: the mandate reference “M_1”"),
        ("mandate_reference", "", "Debit E1: the mandate reference “”"),
        ("mandate_signed_on", date(2026, 12, 2), "was signed on 2026-12-02, after the collection date 2026-12-01"),
        ("sequence_type", "FRST", "Debit E1: its sequence type is FRST in a block of RCUR"),
        ("creditor_reference", "RF19539007547034", "Debit E1: the creditor reference “RF19539007547034” has a mistake"),
        ("end_to_end_id", "E" * 36, "the end-to-end id has 36 characters or letters a bank refuses; use 1 to 35"),
        ("end_to_end_id", "/E1", "no slash at either end"),
    ],
)
def test_a_debit_against_a_rule_is_named_with_its_field_and_what_would_be_right(
    field: str, value: object, sentence: str
) -> None:
    refused = refusal_of(**{field: value})
    assert refused.field == field
    assert sentence in refused.message


@pytest.mark.parametrize(
    ("amendment", "field"),
    [
        (Amendment(original_iban="NL00INGB0001234567"), "original_iban"),
        (Amendment(original_mandate_reference="M//1"), "original_mandate_reference"),
        (Amendment(original_creditor_identifier="NL70ZZZ123456780000"), "original_creditor_identifier"),
        (Amendment(original_creditor_name=" "), "original_creditor_name"),
    ],
)
def test_an_amendment_against_a_rule_is_named(amendment: Amendment, field: str) -> None:
    refused = refusal_of(amendment=amendment)
    assert refused.field == field
    assert refused.message.startswith("Debit E1: the original ")


def test_an_amendment_with_nothing_filled_in_means_a_new_account() -> None:
    assert Amendment().original_account == SMNDA
    assert Amendment(original_mandate_reference="OLD-1").original_account is None
    assert Amendment(original_iban=SMNDA, original_mandate_reference="OLD-1").original_account == SMNDA


def test_the_same_end_to_end_id_twice_is_refused_across_blocks() -> None:
    check = SchemeCheck(CREDITOR)
    check.debit(DEBIT, BLOCK)
    with pytest.raises(FileRefused, match="Debit E1: the end-to-end id is used twice in this file"):
        check.debit(DEBIT._replace(sequence_type="FRST"), replace(BLOCK, sequence_type="FRST"))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"identifier": "NL70ZZZ123456780000"}, "identifier", "“NL70ZZZ123456780000” has a mistake"),
        ({"identifier": "NL69ZZZ123456780001"}, "identifier", "two check digits that fit"),
        ({"identifier": ""}, "identifier", "such as NL69ZZZ123456780000"),
        ({"iban": "NL91ABNA0417164301"}, "iban", "The creditor's IBAN “NL91ABNA0417164301” has a mistake"),
        ({"bic": "ABNA"}, "bic", "The creditor's BIC “ABNA” has a mistake"),
        ({"name": " "}, "name", "The creditor has no name"),
        ({"currency": "USD"}, "currency", "cannot be USD; it must be EUR"),
    ],
)
def test_a_creditor_against_a_rule_is_refused_before_anything_is_written(
    changes: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(FileRefused) as caught:
        SchemeCheck(replace(CREDITOR, **changes))
    assert caught.value.field == field
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"collect_on": date(2026, 12, 25)}, "collect_on", "2026-12-25 is not a day on which banks settle euros"),
        ({"collect_on": date(2026, 12, 25)}, "collect_on", "the next one is 2026-12-28"),
        ({"collect_on": date(2026, 11, 24)}, "collect_on", "is not after the day the file is made, 2026-11-24"),
        ({"sequence_type": "RECUR"}, "sequence_type", "“RECUR” is not a sequence type; use FRST, RCUR, OOFF or FNAL"),
        ({"scheme": "COR1"}, "scheme", "“COR1” is not a SEPA scheme; use CORE"),
        ({"count": 0}, "blocks", "it needs at least one"),
        ({"total": 0}, "blocks", "of at least one cent"),
    ],
)
def test_a_block_against_a_rule_is_refused(changes: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(FileRefused) as caught:
        SchemeCheck(CREDITOR, created_on=date(2026, 11, 24)).blocks([replace(BLOCK, **changes)])
    assert caught.value.field == field
    assert sentence in caught.value.message


def test_two_blocks_of_one_type_day_and_scheme_are_refused_and_other_blocks_are_not() -> None:
    check = SchemeCheck(CREDITOR)
    check.blocks([BLOCK, replace(BLOCK, scheme="B2B"), replace(BLOCK, sequence_type="FRST")])
    with pytest.raises(FileRefused, match="Two blocks collect RCUR on 2026-12-01 under CORE; make them one"):
        check.blocks([BLOCK, replace(BLOCK, count=2, total=2000)])


def test_a_file_without_blocks_is_refused() -> None:
    with pytest.raises(FileRefused, match="nothing to collect"):
        SchemeCheck(CREDITOR).blocks([])


def test_the_business_code_is_free_and_the_rest_of_a_creditor_identifier_is_not() -> None:
    assert is_creditor_identifier("DE98ZZZ09999999999")
    assert is_creditor_identifier("DE98ABC09999999999")
    assert not is_creditor_identifier("DE98ZZZ09999999998")
    assert not is_creditor_identifier("DE98ZZZ0999999999 ")


def test_a_structured_reference_has_check_digits_that_fit() -> None:
    assert is_creditor_reference("RF18539007547034")
    assert not is_creditor_reference("RF18539007547043")
    assert not is_creditor_reference("RF18 5390 0754 7034")


@pytest.mark.parametrize("country", sorted(IBAN_LENGTHS))
def test_lengths_and_check_digits_agree_with_schwifty(country: str) -> None:
    for seed in range(20):
        iban = str(IBAN.random(country_code=country, random=Random(seed)))
        assert len(iban) == IBAN_LENGTHS[country]
        assert is_iban(iban)
        assert not is_iban(f"{iban[:3]}{(int(iban[3]) + 1) % 10}{iban[4:]}")
