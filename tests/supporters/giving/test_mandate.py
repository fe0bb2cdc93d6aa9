from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.errors import BadInput, Refused
from supporters.giving.mandate import Mandate, clean_reference
from supporters.lifecycle.death import Death
from tests import cast
from tests.cast import ANNA, NOW, TODAY
from tests.promises.ledger import refused_and_nothing_changed

OTHER_IBAN = "NL39RABO0300065264"


def test_a_reference_has_at_most_35_characters(session: Session) -> None:
    ada = cast.ada(session)
    session.commit()
    with refused_and_nothing_changed(
        session, BadInput, "at most 35 characters; “" + "M" * 36 + "” has 36", "mandate_reference"
    ):
        cast.mandate(session, ada, reference="M" * 36)
    assert cast.mandate(session, ada, reference="M" * 35).reference == "M" * 35


@pytest.mark.parametrize("reference", ["", " ", "a_b", "é", "/a", "a/", "a//b", "a\nb", "a b", "a;b"])
def test_a_reference_keeps_to_what_banks_take(reference: str) -> None:
    with pytest.raises(BadInput) as caught:
        clean_reference(reference)
    assert caught.value.field == "mandate_reference"


@pytest.mark.parametrize("reference", ["A-1", "a/b", "2026.12:(1)+?,'", " X1 "])
def test_a_reference_that_banks_take_is_kept(reference: str) -> None:
    assert clean_reference(reference) == reference.strip()


def test_a_reference_is_unique_for_a_creditor_and_free_for_another(session: Session) -> None:
    ada = cast.ada(session)
    cast.mandate(session, ada, reference="M1")
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "M1 is in use for", "mandate_reference"):
        cast.mandate(session, ada, reference="M1")
    cast.mandate(session, ada, reference="M1", creditor_identifier="NL69001123456780000")


def test_without_a_reference_we_number_it(session: Session) -> None:
    ada = cast.ada(session)
    assert [cast.mandate(session, ada).reference for _ in range(2)] == [f"{ada.number}-1", f"{ada.number}-2"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"evidence_kind": "phone"}, "evidence_kind"), ({"signed_on": TODAY + timedelta(days=1)}, "mandate_signed_on"),
        ({"kind": "weekly"}, "mandate_kind"), ({"scheme": "COR1"}, "scheme"), ({"iban": "NL91ABNA041716430"}, "iban"),
        ({"iban": "NL92ABNA0417164300"}, "iban"),
    ],
)  # fmt: skip
def test_a_mandate_that_cannot_be_is_refused(session: Session, wrong: dict[str, Any], field: str) -> None:
    ada = cast.ada(session)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "", field):
        cast.mandate(session, ada, **wrong)


def test_the_dead_sign_nothing(session: Session) -> None:
    ada = cast.ada(session)
    Death.report(session, ada, source="family", by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "has died: no mandate"):
        cast.mandate(session, ada)


def test_a_mandate_lapses_36_months_after_signing_or_the_last_collection(session: Session) -> None:
    mandate = cast.mandate(session, cast.ada(session), signed_on=date(2024, 2, 29))
    assert mandate.lapses_on == date(2027, 2, 28)
    assert mandate.why_unusable(date(2027, 2, 27)) is None
    assert mandate.why_unusable(date(2027, 2, 28)) == "lapsed"
    mandate.last_used_on = date(2027, 1, 31)
    assert mandate.lapses_on == date(2030, 1, 31)


def test_a_one_off_mandate_is_used_up(session: Session) -> None:
    mandate = cast.mandate(session, cast.ada(session), kind="one_off")
    assert mandate.why_unusable(TODAY) is None
    mandate.first_used_on = TODAY
    assert mandate.why_unusable(TODAY) == "used"


def test_another_account_is_an_amendment_and_the_same_one_is_not(session: Session) -> None:
    mandate = cast.mandate(session, cast.ada(session))
    assert mandate.change_account(session, "NL91 ABNA 0417 1643 00", by=ANNA, now=NOW, on=TODAY) is None
    amendment = mandate.change_account(session, OTHER_IBAN, by=ANNA, now=NOW, on=TODAY)
    session.commit()
    assert amendment is not None
    assert (mandate.bank_account.iban, amendment.told_on) == (OTHER_IBAN, None)
    assert amendment.old_account_id != amendment.new_account_id == mandate.bank_account_id


def test_a_mandate_ends_once_and_takes_no_change_after(session: Session) -> None:
    mandate = cast.mandate(session, cast.ada(session))
    mandate.cancel(session, "donor", by=ANNA, now=NOW, on=TODAY)
    session.commit()
    assert mandate.why_unusable(TODAY) == "cancelled"
    with refused_and_nothing_changed(session, Refused, "ended on 2026-12-01 already"):
        mandate.cancel(session, "donor", by=ANNA, now=NOW, on=TODAY)
    with refused_and_nothing_changed(session, Refused, "a new one must be signed"):
        mandate.change_account(session, OTHER_IBAN, by=ANNA, now=NOW, on=TODAY)


def test_the_database_has_a_reference_of_a_creditor_once(session: Session) -> None:
    ada = cast.ada(session)
    cast.mandate(session, ada, reference="M1")
    other = cast.mandate(session, ada, reference="M2")
    assert isinstance(other, Mandate)
    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE supporters_mandate SET reference = 'M1'"))
