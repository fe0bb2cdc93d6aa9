from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from supporters.errors import BadInput, Refused
from supporters.people.contact import Address, clean_email, clean_phone, clean_postcode
from tests import cast
from tests.cast import ANNA, NOW, TODAY
from tests.promises.ledger import refused_and_nothing_changed

LATER = date(2027, 2, 1)


def test_a_new_address_supersedes_the_old_one_which_stays(session: Session) -> None:
    ada = cast.ada(session)
    old = ada.current("address")
    new = ada.set_contact(
        session, "address", Address("Dam", "2", "a", "1012lg", "Amsterdam"), by=ANNA, now=NOW, on=LATER
    )
    session.commit()
    assert old is not None
    assert (old.until_on, old.superseded_by_id, old.address.street) == (LATER, new.id, "Damrak")
    assert ada.address == Address("Dam", "2", "a", "1012 LG", "Amsterdam")
    assert ada.address.lines == ["Dam 2a", "1012 LG  Amsterdam"]


def test_the_same_again_is_no_change(session: Session) -> None:
    ada = cast.ada(session)
    count = len(ada.contact_points)
    for kind, value in (("email", "ada@EXAMPLE.org"), ("phone", "+31 20 1234567"), ("address", ada.address)):
        assert value is not None
        assert ada.set_contact(session, kind, value, by=ANNA, now=NOW, on=LATER) is ada.current(kind)
    session.commit()
    assert len(ada.contact_points) == count


def test_a_contact_point_is_dropped_without_another(session: Session) -> None:
    ada = cast.ada(session)
    point = ada.current("phone")
    assert point is not None
    ada.drop_contact(session, point, by=ANNA, now=NOW, on=LATER)
    session.commit()
    assert (ada.phone, point.until_on) == (None, LATER)
    with refused_and_nothing_changed(session, Refused, "not a current contact point of Ada"):
        ada.drop_contact(session, point, by=ANNA, now=NOW, on=LATER)


def test_a_wrong_value_leaves_the_one_there_was(session: Session) -> None:
    ada = cast.ada(session)
    session.commit()
    for kind, value, field in (("email", "x", "email"), ("phone", "x", "phone"), ("fax", "1", "kind")):
        with refused_and_nothing_changed(session, BadInput, "", field):
            ada.set_contact(session, kind, value, by=ANNA, now=NOW, on=TODAY)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("020 123 4567", "+31201234567"),
        ("0031-6-12345678", "+31612345678"),
        ("+32 2 123 45 67", "+3221234567"),
    ],
)
def test_a_telephone_number_is_kept_in_one_way(typed: str, kept: str) -> None:
    assert clean_phone(typed) == kept


def test_an_address_of_mail_keeps_the_case_before_the_at() -> None:
    assert clean_email(" Ada.B@EXAMPLE.ORG ") == "Ada.B@example.org"


@pytest.mark.parametrize(("typed", "kept"), [("1012lg", "1012 LG"), (" 1012  LG ", "1012 LG"), ("", "")])
def test_a_dutch_postcode_is_kept_in_one_way(typed: str, kept: str) -> None:
    assert clean_postcode(typed) == kept


@pytest.mark.parametrize("typed", ["0123 AB", "1234", "12345 AB", "1234 A1"])
def test_what_is_no_dutch_postcode_is_refused_and_abroad_it_may_be(typed: str) -> None:
    with pytest.raises(BadInput, match="write it as 1012 AB"):
        clean_postcode(typed)
    assert clean_postcode(typed, "BE") == typed
