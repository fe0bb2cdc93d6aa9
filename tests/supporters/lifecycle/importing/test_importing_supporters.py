from __future__ import annotations

import csv
import io
import tempfile
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import Actor, AuditEntry, ExternalReference, Supporter, search
from supporters.lifecycle.importing import Import, ImportRefused, Plan
from tests import cast

BY = Actor("import", "people.csv", "test")


def opened(content: str, **options: object) -> Import:
    return Import.open("supporters", io.BytesIO(content.encode()), name="people.csv", **options)


def imported(
    session: Session, content: str, *, good_part: bool = False, errors: io.StringIO | None = None, **options: object
) -> Plan:
    one = opened(content, **options)
    return one.apply(session, by=BY, now=cast.NOW, good_part=good_part, errors=errors)


def checked(session: Session, content: str, **options: object) -> Plan:
    return opened(content, **options).check(session, on=cast.TODAY)


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Supporter)) or 0


WHOLE = """\
Referentie;Soort;Voornaam;Voorletters;Tussenvoegsel;Achternaam;Organisatie;E-mail;Telefoon;Straat;Huisnummer;Toevoeging;\
Postcode;Plaats;Land;Geboortedatum;Taal;IBAN;Aanspreekvorm;Broncode
A-1;persoon;Ada;ac;van den;Berg;;Ada@Example.org;020-1234567;Damrak;12 bis;;1012lg;Amsterdam;Nederland;10-12-1985;nl;\
NL91 ABNA 0417 1643 00;mevr.;straat
A-2;;;;;;Bakkerij Smit;info@smit.example;;;;;;;;;;;;
"""


def test_everything_a_file_knows_of_a_supporter_arrives(session: Session) -> None:
    plan = imported(session, WHOLE)
    assert (plan.ready, plan.known, plan.failed, plan.is_done) == (2, 0, 0, True)
    ada = ExternalReference.resolve(session, "import", "A-1")
    assert ada is not None
    assert (ada.kind, ada.name, ada.initials, ada.sort_name) == (
        "person",
        "Ada van den Berg",
        "A.C.",
        "berg, a.c. van den",
    )
    assert (ada.email, ada.phone, ada.language, ada.birth_date) == (
        "Ada@example.org",
        "+31201234567",
        "nl",
        date(1985, 12, 10),
    )
    assert ada.address is not None
    assert ada.address.lines == ["Damrak 12bis", "1012 LG  Amsterdam"]
    assert [account.iban for account in ada.bank_accounts] == [cast.ADAS_IBAN]
    assert (ada.salutation, ada.source_code, ada.joined_on) == ("Geachte mevrouw Van den Berg", "straat", cast.TODAY)
    smit = ExternalReference.resolve(session, "import", "A-2")
    assert smit is not None
    assert (smit.kind, smit.name, smit.sort_name, smit.address) == (
        "organisation",
        "Bakkerij Smit",
        "bakkerij smit",
        None,
    )


def test_who_was_imported_is_found_and_leaves_a_trace(session: Session) -> None:
    imported(session, WHOLE)
    for query in ("berg ada", "1012 LG", "nl91abna", "020 1234567", "a-1", "ada@example.org"):
        assert [found.name for found in search(session, query)] == ["Ada van den Berg"], query
    traces = session.execute(select(AuditEntry.verb, AuditEntry.by, AuditEntry.detail).order_by(AuditEntry.id)).all()
    assert [verb for verb, *_ in traces] == ["welcome", "welcome", "import"]
    assert {by for _, by, _ in traces} == {"import:people.csv"}
    assert traces[-1].detail == {"file": "people.csv", "rows": 2, "imported": 2, "known": 0, "failed": 0}


def test_the_same_file_twice_adds_nothing(session: Session) -> None:
    imported(session, WHOLE)
    before = count(session)
    plan = imported(session, WHOLE)
    assert (plan.ready, plan.known, plan.warned, count(session)) == (0, 2, 0, before)


def test_whoever_is_there_already_is_left_as_they_are(session: Session) -> None:
    imported(session, "reference,surname,email,iban\n1,Jansen,a@example.org,\n")
    plan = imported(session, f"reference,surname,email,iban\n1,Jansen,b@example.org,{cast.ADAS_IBAN}\n2,Vis,,\n")
    assert (plan.ready, plan.known, plan.warned) == (1, 1, 1)
    assert [(p.line, p.column) for p in plan.warnings] == [(2, "email"), (2, "iban")]
    assert "“a@example.org” where the file has “b@example.org”" in plan.warnings[0].message
    jansen = ExternalReference.resolve(session, "import", "1")
    assert jansen is not None
    assert jansen.email == "a@example.org"


def test_references_of_two_systems_are_two_people(session: Session) -> None:
    imported(session, "reference,surname\n1,Jansen\n", settings={"source": "old_crm"})
    assert imported(session, "reference,surname\n1,Vis\n", settings={"source": "shop"}).ready == 1
    assert ExternalReference.resolve(session, "shop", "1") is not ExternalReference.resolve(session, "old_crm", "1")


def test_a_reference_of_somebody_who_was_merged_leads_to_who_they_are_now(session: Session) -> None:
    imported(session, "reference,surname\n1,Jansen\n2,Janssen\n3,Jansens\n")
    one, two, three = (ExternalReference.resolve(session, "import", n) for n in "123")
    assert one and two and three
    two.merged_into_id, three.merged_into_id = one.id, two.id
    session.flush()
    plan = checked(session, "reference,surname\n3,Jansen\n")
    assert (plan.known, plan.warned) == (1, 0)


def test_all_or_nothing_is_the_rule(session: Session) -> None:
    before = count(session)
    with pytest.raises(ImportRefused, match="1 of 2 rows have a mistake") as caught:
        imported(session, "reference,surname,email\n1,Jansen,a@example.org\n2,Vis,nowhere\n")
    assert count(session) == before
    [problem] = caught.value.plan.errors
    assert (problem.line, problem.column, problem.field) == (3, "email", "email")


def test_the_good_part_comes_in_and_the_rest_can_be_corrected_and_imported(session: Session) -> None:
    content = 'nr;naam;mail\n1;Jansen;a@example.org\n2;Vis;nowhere\n;"Mees;z";c@example.org\n'
    meaning = {"mapping": {"nr": "reference", "naam": "surname"}}
    errors = io.StringIO()
    plan = imported(session, content, good_part=True, errors=errors, **meaning)
    assert (plan.ready, plan.failed) == (1, 2)
    header, vis, mees = csv.reader(io.StringIO(errors.getvalue()), delimiter=";")
    assert header == ["nr", "naam", "mail", "line", "error"]
    assert vis[:4] == ["2", "Vis", "nowhere", "3"]
    assert "mail: “nowhere” is not an e-mail address" in vis[4]
    assert mees[:4] == ["", "Mees;z", "c@example.org", "4"]
    corrected = errors.getvalue().replace("nowhere;3", "v@example.org;3").replace(';"Mees;z"', '3;"Mees;z"')
    again = io.StringIO()
    plan = imported(session, corrected, errors=again, **meaning)
    assert (plan.ready, plan.known, plan.failed, again.getvalue()) == (2, 0, 0, "")


def test_a_row_with_too_many_cells_is_refused_again_until_it_is_corrected(session: Session) -> None:
    errors, again = io.StringIO(), io.StringIO()
    imported(session, "reference;surname;city\n1;Vis;Urk;too much\n", good_part=True, errors=errors)
    plan = imported(session, errors.getvalue(), good_part=True, errors=again)
    assert (plan.ready, plan.failed) == (0, 1)
    assert "too much" in again.getvalue()


def test_an_upload_needs_no_name(session: Session) -> None:
    with tempfile.SpooledTemporaryFile(max_size=8) as upload:
        upload.write(b"reference;surname\n1;Vis\n")
        plan = Import.open("supporters", upload).check(session, on=cast.TODAY)
    assert (plan.name, plan.ready) == ("", 1)


def test_a_check_changes_nothing_and_says_what_would_happen(session: Session) -> None:
    before = count(session)
    plan = checked(session, WHOLE)
    assert (plan.rows, plan.ready, plan.is_done, count(session)) == (2, 2, False, before)
    assert plan.sample[0]["surname"] == "Berg"
    assert not list(session.scalars(select(AuditEntry)))


def test_every_mistake_in_a_row_is_named_with_what_would_be_right(session: Session) -> None:
    plan = checked(
        session,
        "reference;first_name;iban;postcode;email;phone;birth_date;language;kind;country\n"
        "1;;NL91ABNA041716430;10112 AB;x@;12;31-02-1980;fr;alien;\n",
    )
    said = {problem.field: problem.message for problem in plan.errors}
    assert plan.failed == 1
    assert said.keys() == {"surname", "iban", "postcode", "email", "phone", "birth_date", "language", "kind"}
    assert said["iban"] == "“NL91ABNA041716430” is not an IBAN: NL has 18 characters, this has 17."
    assert said["postcode"].endswith("write it as 1012 AB.")
    assert "31-02-1980" in said["birth_date"]
    assert said["language"] == "“fr” is not one of: nl, en."


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (";Jansen;", "every supporter needs the number"),
        ("1;;", "needs a surname or a first name"),
        ("3,03E+09;Jansen;", "spreadsheet makes of a long number"),
        (f"1;{'x' * 256};", "256 characters long; there is room for 255"),
        ("1;#N/A;", "error of the spreadsheet"),
        ("1;Jansen;;5", "has 4 cells, and the header has 3 columns"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused(session: Session, row: str, says: str) -> None:
    plan = checked(session, f"reference;surname;first_name\n{row}\n")
    assert plan.failed == 1
    assert says in plan.errors[0].message


def test_a_reference_twice_in_a_file_names_both_lines(session: Session) -> None:
    plan = checked(session, "reference,surname\n1,Jansen\n2,Vis\n1,Jansen\n")
    assert (plan.ready, plan.failed) == (2, 1)
    assert str(plan.errors[0]) == "line 4, column “reference”: Reference 1 is on line 2 too."


def test_a_value_under_a_nameless_column_is_not_lost_in_silence(session: Session) -> None:
    plan = checked(session, ",reference,surname\n,1,Jansen\n7,2,Vis\n")
    assert (plan.ready, plan.failed) == (1, 1)
    assert "its column has no name" in plan.errors[0].message


def test_names_in_one_case_are_mended_and_that_is_told(session: Session) -> None:
    plan = imported(
        session,
        "reference,first_name,prefix,surname,country\n1,ADA,,VAN DEN BERG,\n"
        "2,Mounir,,El Hamdaoui,\n3,Jan,,De Wever,BE\n4,Bo,Van ’t,hart,\n",
    )
    names = [ExternalReference.resolve(session, "import", n) for n in "1234"]
    assert [found and found.name for found in names] == [
        "Ada van den Berg",
        "Mounir El Hamdaoui",
        "Jan De Wever",
        "Bo van 't Hart",
    ]
    assert plan.notes == {"capitals mended in a surname": 2, "prefix taken off a surname": 1}


def test_settings_fill_what_the_file_leaves_empty(session: Session) -> None:
    imported(
        session,
        "reference,surname,country\n1,Jansen,\n2,Peeters,BE\n",
        settings={"country": "DE", "language": "English"},
    )
    found = session.scalars(select(Supporter).order_by(Supporter.id)).all()
    assert [supporter.language for supporter in found] == ["en", "en"]
    plan = checked(session, "reference,postcode,surname\n9,2000,Peeters\n", settings={"country": "BE"})
    assert plan.is_good


def test_more_rows_than_a_block_come_in_whole(session: Session) -> None:
    lines = [f"{number},Jansen,p{number}@example.org" for number in range(2_345)]
    told: list[tuple[str, int, int]] = []
    one = opened("\n".join(["reference,surname,email", *lines]))
    plan = one.apply(session, by=BY, now=cast.NOW, progress=lambda *step: told.append(step))
    assert plan.ready == 2_345
    assert [phase for phase, *_ in told] == ["check"] * 3 + ["write"] * 3
    assert told[-1][1] == told[-1][2]
    assert session.scalar(select(func.count()).select_from(ExternalReference)) == 2_345
