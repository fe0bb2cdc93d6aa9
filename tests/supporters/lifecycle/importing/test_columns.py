from __future__ import annotations

import pytest

from supporters.lifecycle.importing import BadMapping, fields_of, suggest
from supporters.lifecycle.importing.columns import bind


def bound(columns: list[str], kind: str = "supporters", **given: object) -> dict[str, str]:
    options = {"mapping": {}, "ignore": (), "settings": {}} | given
    return {name: columns[at] for name, at in bind(fields_of(kind), columns, **options).items()}


def test_columns_named_like_a_field_map_themselves() -> None:
    columns = ["Reference", "First Name", "SURNAME", "e-mail", "Tussenvoegsel", "Post code", "geboorte_datum"]
    assert bound(columns) == {
        "reference": "Reference",
        "first_name": "First Name",
        "surname": "SURNAME",
        "email": "e-mail",
        "prefix": "Tussenvoegsel",
        "postcode": "Post code",
        "birth_date": "geboorte_datum",
    }


def test_what_a_person_says_goes_before_what_a_column_is_called() -> None:
    assert bound(["nr", "naam"], mapping={"NR": "reference", "naam": "surname"}) == {
        "reference": "nr",
        "surname": "naam",
    }


def test_the_columns_of_an_error_file_are_passed_over() -> None:
    assert bound(["reference", "line", "error"]) == {"reference": "reference"}


@pytest.mark.parametrize(
    ("columns", "given", "says"),
    [
        (["reference", "naam"], {}, "What is column “naam”? Say so with --map “naam=FIELD”, or leave it out"),
        (["surname"], {}, "no column “reference”"),
        (["reference", "reference"], {}, "Two columns are named “reference”"),
        (["reference", "referentie"], {}, "“reference” and “referentie” are both reference"),
        (["reference"], {"mapping": {"naam": "surname"}}, "no column “naam”; it has: reference"),
        (["reference"], {"mapping": {"reference": "nummer"}}, "no field “nummer”; there are: reference, kind"),
        (["reference"], {"ignore": ["naam"]}, "no column “naam”"),
        (["reference"], {"settings": {"colour": "red"}}, "no field “colour”"),
        (["reference", "a"], {"mapping": {"a": "source"}}, "give it with --set source"),
    ],
)  # fmt: skip
def test_columns_and_fields_that_do_not_fit_are_refused(
    columns: list[str], given: dict[str, object], says: str
) -> None:
    with pytest.raises(BadMapping) as caught:
        bound(columns, **given)
    assert says in caught.value.message


def test_a_field_for_the_whole_file_stands_in_for_a_column() -> None:
    columns = ["supporter_reference", "amount", "start_on"]
    with pytest.raises(BadMapping, match="no column “interval”"):
        bound(columns, "commitments")
    assert "interval" not in bound(columns, "commitments", settings={"interval": "month"})


def test_a_form_begins_with_what_columns_say_by_themselves() -> None:
    assert suggest("gifts", ["Bedrag", "Datum", "Kleur"]) == {"Bedrag": "amount", "Datum": "received_on", "Kleur": None}


def test_there_are_three_kinds_of_files() -> None:
    with pytest.raises(BadMapping, match="supporters, commitments, gifts"):
        fields_of("petitions")
