from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.people.reference import ExternalReference
from supporters.people.search import SearchToken, reindex, search
from supporters.people.supporter import Supporter
from tests import cast
from tests.cast import ANNA, NOW, TODAY


@pytest.fixture
def people(session: Session) -> tuple[Supporter, Supporter, Supporter]:
    sam, suzie = cast.sam_and_suzie(session)
    return cast.ada(session), sam, suzie


@pytest.mark.parametrize(
    "typed",
    [
        "ada lovelace", "lovelace ada", "Love", "LOVELACE", "ada lov", "lov ada", "ada@example.org", "ada@exa",
        "NL91 ABNA 0417 1643 00", "nl91abna0417164300", "NL91ABNA", "1012 LG", "1012lg", "lovelace 1012LG",
        "1012 lg ada", "020 123 4567", "+31 20 1234567", "(020) 1234567", "A. Lovelace", "Ádá Lövelace",
    ],
)  # fmt: skip
def test_ada_is_found_by_what_somebody_types(session: Session, people: tuple[Supporter, ...], typed: str) -> None:
    assert search(session, typed) == [people[0]]


@pytest.mark.parametrize("typed", ["van den Berg", "berg sam", "sam van den berg", "Berg, van den", "den berg sam"])
def test_a_name_with_a_prefix_is_found_in_either_order(
    session: Session, people: tuple[Supporter, ...], typed: str
) -> None:
    assert search(session, typed) == [people[1]]


def test_a_number_is_found_with_and_without_its_letter_and_zeros(
    session: Session, people: tuple[Supporter, ...]
) -> None:
    for typed in (people[0].number, people[0].number.lower(), f"s{people[0].id}", f"{people[0].id:07d}"):
        assert people[0] in search(session, typed)


def test_a_reference_elsewhere_is_found(session: Session, people: tuple[Supporter, ...]) -> None:
    ExternalReference.give(session, people[2], "old_crm", "DON-0042")
    people[2].index(session)
    assert search(session, "don-0042") == [people[2]]


@pytest.mark.parametrize("typed", ["", "   ", "zzz", "ada jansen", "%", "_", "'; DROP TABLE x", "\x00", "é" * 500])
def test_what_nobody_has_finds_nobody(session: Session, people: tuple[Supporter, ...], typed: str) -> None:
    assert search(session, typed) == []


def test_those_who_share_an_address_are_found_together_in_order(
    session: Session, people: tuple[Supporter, ...]
) -> None:
    assert search(session, "3511AM") == [people[1], people[2]]
    assert len(search(session, "3511AM", limit=1)) == 1


def test_the_whole_word_comes_before_its_beginning(session: Session) -> None:
    longer = Supporter.welcome(session, surname="Aabergen", now=NOW, by=ANNA)
    whole = Supporter.welcome(session, surname="Berg", first_name="Zoë", now=NOW, by=ANNA)
    begins = Supporter.welcome(session, surname="Bergen", first_name="Aad", now=NOW, by=ANNA)
    assert search(session, "berg") == [whole, begins]
    assert longer not in search(session, "berg")


def test_what_was_superseded_is_no_longer_found(session: Session, people: tuple[Supporter, ...]) -> None:
    people[0].set_contact(session, "email", "new@example.org", by=ANNA, now=NOW, on=TODAY)
    assert search(session, "ada@example.org") == []
    assert search(session, "new@example.org") == [people[0]]


def test_who_is_merged_has_no_words_left(session: Session, people: tuple[Supporter, ...]) -> None:
    people[0].merged_into_id = people[1].id
    session.flush()
    reindex(session, [people[0].id])
    assert search(session, "lovelace") == []
    assert session.scalars(select(SearchToken).where(SearchToken.supporter_id == people[0].id)).all() == []
