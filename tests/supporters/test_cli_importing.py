"""``achterban import``: what somebody types, what comes out, and which files are left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import Announcement, Commitment, ExternalReference, Mandate, Supporter
from tests import cast, febrl

Run = Callable[..., Result]


@pytest.fixture
def database(app: Flask) -> Iterator[Session]:
    """What is in the database, seen from outside the commands."""
    with app.app_context():
        yield app.extensions["supporters"].session


@pytest.fixture
def run(app: Flask, database: Session) -> Run:
    """Runs ``achterban import`` on 1 December 2026."""
    app.config["SUPPORTERS_NOW"] = cast.NOW.isoformat()
    app.extensions["supporters"].init_app(app)

    def invoke(*arguments: object) -> Result:
        database.rollback()  # SQLite has one writer, and looking begins a transaction too
        return app.test_cli_runner().invoke(args=["import", *map(str, arguments)])

    return invoke


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str) -> Path:
        path = tmp_path / "people.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def number_of(session: Session, table: type) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(table)) or 0


GOOD = "Referentie;Achternaam\n1;Jansen\n2;de Vries\n"
BAD = GOOD + "3;#N/A\n;Bakker\n"


def test_a_file_comes_in_and_the_last_line_says_how_much(
    run: Run, write: Callable[[str], Path], database: Session
) -> None:
    path = write(GOOD)
    result = run("supporters", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout.splitlines()[-1] == "2 supporters imported, 0 there already, 0 with a warning, 0 with a mistake."
    )
    assert number_of(database, Supporter) == 2
    assert run("supporters", path).stdout.startswith("0 supporters imported, 2 there already")
    assert number_of(database, Supporter) == 2


def test_a_mistake_keeps_everything_out(
    run: Run, write: Callable[[str], Path], database: Session, tmp_path: Path
) -> None:
    result = run("supporters", write(BAD))
    assert result.exit_code == 2
    assert "error: line 5, column “Referentie”: This is empty, and cannot be" in result.stderr
    assert result.stdout.splitlines()[-1].startswith("0 supporters imported (nothing was changed)")
    assert number_of(database, Supporter) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_a_dry_run_only_looks(run: Run, write: Callable[[str], Path], database: Session) -> None:
    result = run("supporters", write(GOOD), "--dry-run")
    assert (result.exit_code, number_of(database, Supporter)) == (0, 0)
    assert "2 supporters can be imported" in result.stdout
    assert run("supporters", write(BAD), "--dry-run").exit_code == 2


def test_the_good_part_comes_in_and_the_rest_is_left_in_a_file(
    run: Run, write: Callable[[str], Path], database: Session, tmp_path: Path
) -> None:
    result = run("supporters", write(BAD), "--good-part")
    rest = tmp_path / "people.errors.csv"
    assert (result.exit_code, number_of(database, Supporter)) == (0, 2)
    assert f"are in {rest}" in result.stderr
    assert rest.stat().st_mode & 0o077 == 0
    assert rest.read_text(encoding="utf-8-sig").splitlines()[0] == "Referentie;Achternaam;line;error"
    rest.write_text(
        rest.read_text(encoding="utf-8").replace(";Bakker;", "4;Bakker;").replace("3;#N/A;", "3;Vis;"), encoding="utf-8"
    )
    result = run("supporters", rest)
    assert (result.exit_code, number_of(database, Supporter)) == (0, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.csv", "people.errors.csv"]


def test_an_error_file_takes_no_other_file_s_place(run: Run, write: Callable[[str], Path], tmp_path: Path) -> None:
    path, other = write(BAD), tmp_path / "letter.txt"
    other.write_text("Dear Ada", encoding="utf-8")
    for errors, says in ((path, "cannot be the file that is imported"), (other, "is another file")):
        result = run("supporters", path, "--errors", errors)
        assert (result.exit_code, says in result.stderr) == (2, True)
    assert other.read_text(encoding="utf-8") == "Dear Ada"
    assert run("supporters", path, "--errors", tmp_path / "no" / "x.csv").exit_code == 2
    rest = tmp_path / "rest.csv"
    for _ in range(2):
        assert run("supporters", path, "--errors", rest).exit_code == 2
        assert rest.exists()


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("nr;Achternaam\n1;Jansen\n", [], "What is column “nr”?"),
        ("Achternaam\nJansen\n", [], "The file has no column “reference”"),
        (GOOD, ["--map", "Achternaam"], "--map is written as COLUMN=FIELD, not “Achternaam”."),
        (GOOD, ["--set", "colour=red"], "There is no field “colour”"),
        ("reference;surname\n1;" + "x" * 10_000_000, [], "line 2 in column “surname” is longer than 10000 characters"),
        ("", [], "The file is empty."),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_sentence(
    run: Run, write: Callable[[str], Path], database: Session, content: str, options: list[str], says: str
) -> None:
    result = run("supporters", write(content), *options)
    assert (result.exit_code, number_of(database, Supporter)) == (2, 0)
    assert says in result.stderr
    assert len(result.output) < 600


def test_columns_are_named_left_out_and_filled_in(run: Run, write: Callable[[str], Path], database: Session) -> None:
    path = write("nr;a=b;note\n1;Jansen;x\n")
    options = ["--map", "nr=reference", "--map", "a=b=surname", "--ignore", "note", "--set", "source=shop"]
    assert run("supporters", path, *options).exit_code == 0
    assert ExternalReference.resolve(database, "shop", "1") is not None


def test_five_thousand_people_come_in_with_their_commitments_and_mandates(
    run: Run, database: Session, tmp_path: Path
) -> None:
    rest = tmp_path / "rest.csv"
    assert run("supporters", febrl.people(), *febrl.OPTIONS).exit_code == 2
    assert number_of(database, Supporter) == 0
    result = run("supporters", febrl.people(), *febrl.OPTIONS, "--good-part", "--errors", rest)
    assert result.exit_code == 0, result.output
    assert "4999 supporters imported, 0 there already, 0 with a warning, 1 with a mistake." in result.stdout
    assert "A person needs a surname or a first name" in rest.read_text(encoding="utf-8")
    michaela = ExternalReference.resolve(database, "febrl", "rec-1070-org")
    assert michaela is not None
    assert (michaela.name, michaela.language, michaela.birth_date) == ("Michaela Neumann", "en", date(1915, 11, 11))
    assert michaela.address is not None
    assert michaela.address.lines == ["stanley street 8", "4223  winston hills", "AU"]

    cast.creditor(database)
    cast.fund(database)
    database.commit()
    promises = febrl.write_commitments(
        tmp_path / "promises.csv", febrl.references(), last_collected_on=date(2026, 11, 1)
    )
    result = run("commitments", promises, *febrl.COMMITMENT_OPTIONS)
    assert result.exit_code == 2
    assert "There is no supporter with reference “rec-725-org” of “febrl”" in result.stderr
    result = run("commitments", promises, *febrl.COMMITMENT_OPTIONS, "--good-part", "--errors", rest)
    assert result.exit_code == 0, result.output
    assert "4999 commitments imported, 0 there already, 0 with a warning, 1 with a mistake." in result.stdout
    assert [number_of(database, table) for table in (Commitment, Mandate, Announcement)] == [4999] * 3
    assert set(database.scalars(select(Commitment.next_due_on))) == {date(2026, 12, 1)}

    result = run("supporters", febrl.people(), *febrl.OPTIONS, "--good-part", "--errors", rest)
    assert "0 supporters imported, 4999 there already" in result.stdout
    result = run("commitments", promises, *febrl.COMMITMENT_OPTIONS, "--good-part", "--errors", rest)
    assert "0 commitments imported, 4999 there already" in result.stdout
