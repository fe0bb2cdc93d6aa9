from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from supporters.audit import AuditEntry
from supporters.errors import BadInput, Refused
from supporters.people.consent import Answer, may_contact
from supporters.people.contact import Address
from supporters.people.reference import ExternalReference
from supporters.people.supporter import Supporter, named
from tests import cast
from tests.cast import ANNA, NOW, TODAY
from tests.promises.ledger import refused_and_nothing_changed


def person(session: Session, **fields: Any) -> Supporter:
    return Supporter.welcome(session, now=NOW, by=ANNA, **{"surname": "Jansen"} | fields)


def test_a_supporter_arrives_with_all_that_is_known(session: Session) -> None:
    ada = cast.ada(session, reference=("old_crm", "17"), source_code="street")
    session.commit()
    assert (ada.name, ada.email, ada.phone, ada.joined_on, ada.source_code) == (
        "Ada Lovelace", "ada@example.org", "+31201234567", TODAY, "street",
    )  # fmt: skip
    assert ada.address == Address("Damrak", "1", "", "1012 LG", "Amsterdam")
    assert [a.iban for a in ada.bank_accounts] == [cast.ADAS_IBAN]
    assert ExternalReference.resolve(session, "old_crm", " 17 ") is ada


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "ada@"}, "email"), ({"phone": "twelve"}, "phone"), ({"phone": "0201"}, "phone"),
        ({"address": Address(postcode="123 AB")}, "postcode"), ({"iban": "NL91ABNA041716430"}, "iban"),
        ({"surname": ""}, "surname"), ({"kind": "robot"}, "kind"), ({"language": "fr"}, "language"),
        ({"kind": "organisation"}, "organisation_name"), ({"initials": "A" * 41}, "initials"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nobody_is_half_there(session: Session, wrong: dict[str, Any], field: str) -> None:
    with refused_and_nothing_changed(session, BadInput, "", field):
        person(session, **wrong)


def test_an_iban_one_digit_short_says_so(session: Session) -> None:
    sentence = "NL has 18 characters, this has 17"
    with refused_and_nothing_changed(session, BadInput, sentence, "iban"):
        person(session, iban="NL91 ABNA 0417 1643 0")


def test_the_same_address_twice_is_two_people(session: Session) -> None:
    assert person(session, email="a@example.org") is not person(session, email="a@example.org")


def test_a_number_finds_its_supporter_and_after_a_merge_the_survivor(session: Session) -> None:
    one, two, three = (person(session) for _ in range(3))
    one.merged_into_id, two.merged_into_id = two.id, three.id
    session.commit()
    for typed in (one.number, one.number.lower(), str(one.id), f" {one.number} "):
        assert Supporter.find(session, typed) is three
    for wrong in ("", "S", "x", "-1", "9" * 30, "S9999999"):
        assert Supporter.find(session, wrong) is None
    assert may_contact(one) == Answer(False, "is merged into another supporter")


def test_a_reference_leads_to_one_supporter_for_ever(session: Session) -> None:
    one, two = person(session), person(session)
    ExternalReference.give(session, one, "old_crm", "17")
    assert ExternalReference.give(session, one, "old_crm", "17").supporter is one
    session.commit()
    with refused_and_nothing_changed(session, Refused, "17 of old_crm belongs to another", "reference"):
        ExternalReference.give(session, two, "old_crm", "17")
    for value in ("", " ", "x" * 121):
        with refused_and_nothing_changed(session, BadInput, "1 to 120 characters", "reference"):
            ExternalReference.give(session, two, "old_crm", value)
    ExternalReference.give(session, two, "another", "17")
    one.merged_into_id = two.id
    assert ExternalReference.resolve(session, "old_crm", "17") is two
    assert ExternalReference.resolve(session, "old_crm", "18") is None


def test_a_new_name_is_sorted_found_and_leaves_the_old_one_in_the_trail(session: Session) -> None:
    sam, _ = cast.sam_and_suzie(session)
    assert sam.sort_name == "berg, sam van den"
    sam.rename(session, surname="Dijk", prefix="van", by=ANNA, now=NOW)
    session.commit()
    assert (sam.name, sam.sort_name) == ("Sam van Dijk", "dijk, sam van")
    entry = session.query(AuditEntry).filter_by(verb="rename").one()
    assert entry.detail == {"before": {"surname": "Berg", "prefix": "van den"}}
    sam.rename(session, surname="Dijk", by=ANNA, now=NOW)
    assert session.query(AuditEntry).filter_by(verb="rename").count() == 1


def test_a_name_that_cannot_be_leaves_the_old_one(session: Session) -> None:
    sam, _ = cast.sam_and_suzie(session)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "surname or a first name", "surname"):
        sam.rename(session, surname="", first_name="", language="en", by=ANNA, now=NOW)
    assert (sam.name, sam.language) == ("Sam van den Berg", "nl")
    with pytest.raises((TypeError, AttributeError)):
        sam.rename(session, shoe_size="44", by=ANNA, now=NOW)


def test_an_organisation_has_its_name_and_a_greeting(session: Session) -> None:
    shop = person(session, kind="organisation", organisation_name="Bakkerij Öz", surname="", language="en")
    assert (shop.name, shop.sort_name, shop.salutation) == ("Bakkerij Öz", "bakkerij oz", "Dear all at Bakkerij Öz")


def test_the_greeting_they_asked_for_wins(session: Session) -> None:
    assert person(session, salutation_override="Dag tante Ada").salutation == "Dag tante Ada"


def test_many_are_fetched_by_their_keys(session: Session) -> None:
    one, two = person(session), person(session)
    session.flush()
    assert named(session, [two.id, one.id]) == {one.id: one, two.id: two}


def test_dates_are_calendar_dates(session: Session) -> None:
    ada = person(session, birth_date=date(1955, 12, 10), on=date(2020, 2, 29))
    session.commit()
    session.refresh(ada)
    assert (ada.birth_date, ada.joined_on) == (date(1955, 12, 10), date(2020, 2, 29))
