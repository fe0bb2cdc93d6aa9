from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from supporters.errors import BadInput
from supporters.people.bank_account import BankAccount, clean_bic, clean_iban, mask_iban
from tests import cast
from tests.cast import ANNA, TODAY


@pytest.mark.parametrize("typed", ["nl91 abna 0417 1643 00", "NL91-ABNA-0417-1643-00", " NL91ABNA0417164300 "])
def test_an_iban_is_kept_without_what_people_put_between(typed: str) -> None:
    assert clean_iban(typed) == cast.ADAS_IBAN


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("NL91ABNA041716430", "NL has 18 characters, this has 17"),
        ("NL91ABNA04171643000", "this has 19"),
        ("NL92ABNA0417164300", "check digits do not fit"),
        ("NL91ABNB0417164300", "check digits do not fit"),
        ("XX91ABNA0417164300", "does not begin with a country"),
        ("417164300", "does not begin with a country"),
        ("", "is missing"),
        ("x" * 5000, "is not an IBAN"),
    ],
)
def test_what_is_wrong_with_an_iban_is_said(typed: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as caught:
        clean_iban(typed)
    assert caught.value.field == "iban"
    assert len(caught.value.message) < 200


def test_a_bic_has_8_or_11_characters() -> None:
    assert clean_bic(" abnanl2a ") == "ABNANL2A"
    for wrong in ("ABNA", "ABNANL2AXX", ""):
        with pytest.raises(BadInput, match="8 or 11"):
            clean_bic(wrong)


def test_one_iban_can_be_two_peoples_and_is_once_each(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    one, again = (BankAccount.known(session, sam, cast.SAMS_IBAN, by=ANNA, on=TODAY) for _ in range(2))
    hers = BankAccount.known(session, suzie, cast.SAMS_IBAN, by=ANNA, on=TODAY)
    session.commit()
    assert one is again
    assert hers is not one
    assert one.spaced == "NL20 INGB 0001 2345 67"


def test_a_masked_iban_shows_its_country_and_end() -> None:
    assert mask_iban(cast.ADAS_IBAN) == "NL•• •••• 4300"
