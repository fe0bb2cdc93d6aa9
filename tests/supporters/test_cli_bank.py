"""``achterban bank``: what a fundraiser types, what comes out, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import Actor, Gift, NotAllowed
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.statement import BankStatement
from tests import cast
from tests.bank_files import OURS, Account, Movement

Run = Callable[..., Result]
MOVEMENTS = [
    Movement(date(2026, 11, 30), 25_00, name="A. Lovelace", iban=cast.ADAS_IBAN, text="gift"),
    Movement(date(2026, 12, 1), 10_00, name="Somebody", text="hello"),
]


def authenticate(email: str, secret: str) -> Actor:
    if secret != "secret of anna":
        raise NotAllowed("%(email)s and this password or token do not belong together.", field="email", email=email)
    return Actor.person(email, via="test", authenticated=True)


@pytest.fixture
def database(app: Flask) -> Iterator[Session]:
    with app.app_context():
        session = app.extensions["supporters"].session
        cast.fund(session)
        cast.ada(session)
        session.commit()
        yield session


@pytest.fixture
def run(app: Flask, database: Session, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on 1 December 2026."""
    app.config["SUPPORTERS_NOW"] = cast.NOW.isoformat()
    supporters = app.extensions["supporters"]
    supporters.init_app(app)
    supporters.authenticator = authenticate
    supporters.authoriser = lambda actor, permission: actor.name == "anna@example.org"
    monkeypatch.setenv("ACHTERBAN_TOKEN", "secret of anna")

    def invoke(*arguments: object) -> Result:
        database.rollback()
        return app.test_cli_runner().invoke(args=list(map(str, arguments)))

    return invoke


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    path = tmp_path / "statement.xml"
    path.write_bytes(Account(MOVEMENTS).camt053(ident="2026-1"))
    return path


def count(session: Session, model: type) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_from_a_statement_to_a_gift(run: Run, database: Session, statement: Path) -> None:
    assert run("bank", "account", "add", OURS, "Donations").exit_code == 0
    dry = run("bank", "import", "--dry-run", statement)
    assert (dry.exit_code, count(database, BankLine)) == (0, 0)
    assert "2 new, 0 known (nothing was kept: dry run)" in dry.output
    read = run("bank", "import", statement)
    assert "2 entries of EUR 35.00, EUR 100.00 → EUR 135.00; 2 new, 0 known." in read.output
    assert "1 matched, 1 unknown" in read.output
    assert "nothing was done" in run("bank", "import", statement).output
    assert "Somebody hello" in run("bank", "lines").output
    booked = run("bank", "book", "--as", "anna@example.org")
    assert (booked.exit_code, booked.output.strip()) == (0, "Booked: 1 gift.")
    assert database.scalars(select(Gift.amount)).all() == [25_00]
    assert "EUR 135.00 on 2026-12-01" in run("bank", "account", "list").output


def test_one_bad_file_keeps_no_other_out(run: Run, database: Session, statement: Path, tmp_path: Path) -> None:
    run("bank", "account", "add", OURS, "Donations")
    page = tmp_path / "page.xml"
    page.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    result = run("bank", "import", page, statement)
    assert result.exit_code == 2
    assert "page.xml" in result.output
    assert count(database, BankLine) == 2


def test_an_account_that_is_not_ours_is_refused_with_its_number(run: Run, database: Session, statement: Path) -> None:
    result = run("bank", "import", statement)
    assert (result.exit_code, count(database, BankStatement)) == (2, 0)
    assert OURS in result.output


def test_what_does_not_add_up_needs_somebody_who_may(run: Run, database: Session, statement: Path) -> None:
    run("bank", "account", "add", OURS, "Donations")
    statement.write_bytes(statement.read_bytes().replace(b"135.00", b"136.00"))
    refused = run("bank", "import", statement)
    assert refused.exit_code == 2
    assert all(figure in refused.output for figure in ("EUR 100.00", "EUR 35.00", "EUR 136.00", "EUR -1.00"))
    assert run("bank", "import", statement, "--accept", "The bank says so.").exit_code == 2
    assert run("bank", "import", statement, "--accept", "It is so.", "--as", "carl@example.org").exit_code == 2
    assert count(database, BankLine) == 0
    accepted = run("bank", "import", statement, "--accept", "The bank says so.", "--as", "anna@example.org")
    assert "accepted with a difference of EUR -1.00" in accepted.output
    row = database.scalars(select(BankStatement)).one()
    assert (row.accepted_by, row.accept_reason) == ("person:anna@example.org", "The bank says so.")


def test_the_check_names_what_is_missing_between_statements(run: Run, database: Session, tmp_path: Path) -> None:
    run("bank", "account", "add", OURS, "Donations")
    account = Account([Movement(date(2026, 11, day), 10_00) for day in range(2, 8)])
    for number, (start, end) in enumerate(((0, 2), (3, 6)), 1):
        path = tmp_path / f"{number}.sta"
        path.write_bytes(account.mt940(start, end, number=str(number)))
        assert run("bank", "import", path).exit_code == 0
    result = run("check", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.output)["findings"]
    assert (found["rule"], found["amount"], found["since"]) == ("statements-follow", 10_00, "2026-11-05")
    assert found["advice"]
    missing = tmp_path / "missing.sta"
    missing.write_bytes(account.mt940(2, 3, number="9"))
    assert run("bank", "import", missing).exit_code == 0
    assert run("check").exit_code == 0
