from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supporters.people.names import (
    Name,
    bare_family_name,
    formal_name,
    full_name,
    household_salutation,
    mend,
    mend_capitals,
    normalise_initials,
    organisation_salutation,
    salutation,
    sort_key,
    split_surname,
)

BERG = Name("Ada", "A.", "van den", "Berg")


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("jp", "J.P."),
        ("J P", "J.P."),
        ("j.p.", "J.P."),
        ("JP.", "J.P."),
        ("Th.", "Th."),
        ("th.m.", "Th.M."),
        ("AThM", "A.Th.M."),
        ("J.-P.", "J.-P."),
        ("j-p", "J.-P."),
        ("IJ", "IJ."),
        ("ij.", "IJ."),
        ("é", "É."),
        ("Chr", "Chr."),
        ("", ""),
    ],
)
def test_initials_get_capitals_and_dots(typed: str, written: str) -> None:
    assert normalise_initials(typed) == written


@pytest.mark.parametrize("typed", ["Jan", "Willem", "willem", "J.P. (Jan)", "3e", "-"])
def test_what_is_no_initials_is_left_as_it_was_typed(typed: str) -> None:
    assert normalise_initials(typed) == typed


@given(st.text(max_size=45))
@example("ﬀ")
@example("ßß")
def test_initials_written_once_stay_as_they_are(typed: str) -> None:
    written = normalise_initials(typed)
    assert normalise_initials(written) == written
    assert len(written) <= max(40, len(typed))


@pytest.mark.parametrize(
    ("surname", "parts"),
    [
        ("van den Berg", ("van den", "Berg")),
        ("Van den Berg", ("van den", "Berg")),
        ("VAN DEN BERG", ("van den", "BERG")),
        ("van der Ven-van Dijk", ("van der", "Ven-van Dijk")),
        ("'t Hooft", ("'t", "Hooft")),
        ("in ’t Veld", ("in 't", "Veld")),
        ("op de Beeck", ("op de", "Beeck")),
        ("von der Leyen", ("von der", "Leyen")),
        ("d'Ancona", ("d'", "Ancona")),
        ("le Pen", ("le", "Pen")),
        ("Le Pen", ("", "Le Pen")),
        ("D'Angelo", ("", "D'Angelo")),
        ("El Hamdaoui", ("", "El Hamdaoui")),
        ("el Hamdaoui", ("", "el Hamdaoui")),
        ("Jansen-de Vries", ("", "Jansen-de Vries")),
        ("Vandenberg", ("", "Vandenberg")),
        ("Ter", ("", "Ter")),
        ("", ("", "")),
    ],
)
def test_a_known_prefix_is_split_off_and_nothing_else(surname: str, parts: tuple[str, str]) -> None:
    assert split_surname(surname) == parts


@given(st.text(max_size=60))
def test_splitting_a_surname_always_leaves_a_surname(surname: str) -> None:
    prefix, core = split_surname(surname)
    assert core or not surname.split()
    assert prefix == prefix.lower()


def test_a_prefix_has_a_capital_only_where_no_name_precedes_it() -> None:
    assert full_name(BERG) == "Ada van den Berg"
    assert formal_name(BERG) == "A. van den Berg"
    assert full_name(Name("", "", "van den", "Berg")) == "Van den Berg"
    assert bare_family_name(Name("", "", "'t", "Hart")) == "'t Hart"
    assert bare_family_name(Name("", "", "in 't", "Veld")) == "In 't Veld"
    assert full_name(Name("Maria", "", "d'", "Ancona")) == "Maria d'Ancona"
    assert bare_family_name(Name("", "", "d'", "Ancona")) == "D'Ancona"
    assert full_name(Name("Mounir", "", "", "El Hamdaoui")) == "Mounir El Hamdaoui"


def test_people_sort_on_the_core_word_of_their_surname() -> None:
    assert sort_key(BERG) == "Berg, A. van den"
    assert sort_key(Name("Vincent", "", "van", "Gogh")) == "Gogh, Vincent van"
    assert sort_key(Name("", "E.", "van der", "Ven-van Dijk")) == "Ven-van Dijk, E. van der"
    assert sort_key(Name("", "J.", "", "'t Hooft")) == "Hooft, J. 't"
    assert sort_key(Name("", "J.", "", "van den Berg")) == "Berg, J. van den"
    assert sort_key(Name("Mounir", "", "", "El Hamdaoui")) == "El Hamdaoui, Mounir"
    assert sort_key(Name("Sam")) == "Sam"


@pytest.mark.parametrize(
    ("typed", "mended"),
    [
        ("JANSEN", "Jansen"),
        ("jansen", "Jansen"),
        ("JANSEN-DE VRIES", "Jansen-de Vries"),
        ("ijsselstein", "IJsselstein"),
        ("MCDONALD", "McDonald"),
        ("O'BRIEN", "O'Brien"),
        ("EL HAMDAOUI", "El Hamdaoui"),
        ("'S-GRAVENHAGE", "'s-Gravenhage"),
        ("McDonald", "McDonald"),
        ("de Vries", "de Vries"),
        ("X", "X"),
    ],
)
def test_a_name_in_one_case_is_mended_and_any_other_is_not(typed: str, mended: str) -> None:
    assert mend_capitals(typed) == mended


def test_a_whole_name_is_mended_at_once() -> None:
    assert mend(Name("ADA", "jp", "", "VAN DEN BERG")) == Name("Ada", "J.P.", "van den", "Berg")
    assert mend(Name("", "", "van den", "van den Berg")) == Name("", "", "van den", "Berg")
    assert mend(Name("", "", "IN ’T", "VELD")) == Name("", "", "in 't", "Veld")


@pytest.mark.parametrize(
    ("language", "name", "form", "opening"),
    [
        ("nl", Name("Ada", "", "", "Lovelace"), None, "Beste Ada Lovelace"),
        ("nl", Name("", "A.", "van den", "Berg"), None, "Geachte A. van den Berg"),
        ("nl", BERG, "mr", "Geachte heer Van den Berg"),
        ("nl", BERG, "ms", "Geachte mevrouw Van den Berg"),
        ("nl", Name("", "", "'t", "Hart"), "mr", "Geachte heer 't Hart"),
        ("nl", Name("", "", "", "Jansen"), None, "Geachte heer of mevrouw Jansen"),
        ("nl", Name(), None, "Goedendag"),
        ("en", BERG, None, "Dear Ada"),
        ("en", BERG, "ms", "Dear Ms Van den Berg"),
        ("en", Name("", "A.", "van den", "Berg"), None, "Dear A. van den Berg"),
        ("en", Name(), None, "Hello"),
    ],
)
def test_a_greeting_guesses_no_sex(language: str, name: Name, form: str | None, opening: str) -> None:
    assert salutation(language, name, form) == opening


def test_an_organisation_is_greeted_as_people() -> None:
    assert organisation_salutation("nl", "Bakkerij Smit") == "Beste mensen van Bakkerij Smit"
    assert organisation_salutation("en", "Smith Ltd") == "Dear all at Smith Ltd"


def test_a_household_is_greeted_together() -> None:
    ada, sam = Name("Ada", "A.", "van den", "Berg"), Name("Sam", "S.", "van den", "Berg")
    bo = Name("Bo", "B.", "", "Jansen")
    assert household_salutation("nl", [(ada, None), (sam, None)]) == "Beste Ada en Sam"
    assert household_salutation("nl", [(ada, "ms"), (sam, "mr")]) == "Geachte mevrouw en heer Van den Berg"
    assert household_salutation("nl", [(bo, "mr"), (ada, "ms")]) == "Geachte heer Jansen en mevrouw Van den Berg"
    assert (
        household_salutation("nl", [(Name("", "A.", "de", "Wit"), None), (bo, None)])
        == "Geachte A. de Wit en B. Jansen"
    )
    assert household_salutation("en", [(ada, None), (sam, None), (bo, None)]) == "Dear Ada, Sam and Bo"
    assert household_salutation("nl", [(ada, None)]) == "Beste Ada van den Berg"
    assert household_salutation("nl", []) == "Goedendag"
