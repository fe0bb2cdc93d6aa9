"""The references that we give, against the standard's own reading of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from supporters.people.payment_reference import betalingskenmerk, creditor_reference, supporter_ids_in

IDS = st.integers(1, 10**9 - 1)


def test_a_reference_is_iso_11649() -> None:
    assert creditor_reference(12) == "RF36S0000012"
    assert iso11649.is_valid(creditor_reference(12))


@given(IDS)
def test_every_reference_leads_back_to_its_supporter(number: int) -> None:
    reference = creditor_reference(number)
    assert iso11649.is_valid(reference)
    spaced = " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))
    for text in (reference, f"gift {reference.lower()} thanks", spaced, betalingskenmerk(number)):
        assert list(supporter_ids_in(text)) == [number]


@given(IDS, st.integers(2, 11), st.integers(1, 9))
def test_one_wrong_digit_leads_nowhere(number: int, place: int, more: int) -> None:
    reference = creditor_reference(number)
    if reference[place : place + 1].isdigit():
        wrong = reference[:place] + str((int(reference[place]) + more) % 10) + reference[place + 1 :]
        assert list(supporter_ids_in(wrong)) == []
