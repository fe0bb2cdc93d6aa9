from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.errors import Refused
from supporters.lifecycle.death import Death
from supporters.people.household import Household
from supporters.people.supporter import Supporter
from tests import cast
from tests.cast import ANNA, NOW, TODAY
from tests.promises.ledger import refused_and_nothing_changed

LATER = date(2027, 3, 1)


def test_who_moves_leaves_one_household_for_the_other(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    first = sam.household
    second = Household.of(session, [suzie], by=ANNA, now=NOW, on=LATER)
    session.commit()
    assert (suzie.household, sam.household) == (second, first)
    assert first.people(TODAY) == [sam, suzie]
    assert (first.people(LATER), second.people(TODAY), second.people(LATER)) == ([sam], [], [suzie])


def test_who_leaves_lives_alone(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    home = sam.household
    home.leave(session, sam, by=ANNA, now=NOW, on=LATER)
    session.commit()
    assert (sam.household, home.people(LATER)) == (None, [suzie])


def test_one_letter_greets_all_who_live_there(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    home = sam.household
    assert (home.salutation("nl", TODAY), home.salutation("en", TODAY)) == ("Beste Sam en Suzie", "Dear Sam and Suzie")
    Death.report(session, suzie, source="family", by=ANNA, now=NOW)
    assert home.salutation("nl", TODAY) == "Beste Sam van den Berg"
    home.salutation_override = "Lieve allemaal"
    assert home.salutation("nl", TODAY) == "Lieve allemaal"


def test_an_organisation_shares_no_household(session: Session) -> None:
    sam, _ = cast.sam_and_suzie(session)
    shop = Supporter.welcome(session, kind="organisation", organisation_name="Shop", now=NOW, by=ANNA)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "Only people share a household"):
        sam.household.join(session, shop, by=ANNA, now=NOW, on=TODAY)


def test_the_database_lets_nobody_live_in_two(session: Session) -> None:
    sam, _ = cast.sam_and_suzie(session)
    Household.of(session, [sam], by=ANNA, now=NOW, on=LATER)
    session.commit()
    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE supporters_household_member SET until_on = NULL"))
