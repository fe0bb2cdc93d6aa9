"""``achterban returns``: the list of what waits, and acting on a group of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import Actor, Payment, Returned
from tests import cast
from tests.supporters.payments.returns.coming_back import promises
from tests.supporters.payments.sepa.collecting import at, booked

Run = Callable[..., Result]
TODAY = date(2027, 1, 5)


@pytest.fixture
def database(app: Flask) -> Iterator[Session]:
    with app.app_context():
        yield app.extensions["supporters"].session


@pytest.fixture
def run(app: Flask, database: Session, monkeypatch: pytest.MonkeyPatch) -> Run:
    app.config["SUPPORTERS_NOW"] = at(TODAY).isoformat()
    supporters = app.extensions["supporters"]
    supporters.init_app(app)
    supporters.authenticator = lambda email, secret: Actor.person(email, via="test", authenticated=True)
    supporters.authoriser = lambda actor, permission: (actor.name, permission) == ("anna@example.org", "returns.act")
    monkeypatch.setenv("ACHTERBAN_TOKEN", "x")

    def invoke(*arguments: object) -> Result:
        database.rollback()
        return app.test_cli_runner().invoke(args=["returns", *map(str, arguments)])

    return invoke


@pytest.fixture
def came(database: Session) -> None:
    promises(database, 3)
    booked(database)
    for payment, reason in zip(database.scalars(select(Payment)).all(), ("AM04", "AM04", ""), strict=True):
        Returned.record(database, payment, reason, told_on=TODAY, by=cast.ANNA, now=at(TODAY), collected=True)
    database.commit()


def test_nothing_came_back(run: Run) -> None:
    assert run("list").output == "Nothing came back that still waits for somebody.\n"


def test_the_list_says_what_waits_and_what_is_proposed(run: Run, came: None) -> None:
    lines = run("list").output.splitlines()
    assert " ".join(lines[0].split()) == "AM04 retry 2 EUR 20.00 Not enough money in the account"
    assert lines[1].split()[:5] == ["-", "hold_and_call", "1", "EUR", "10.00"]
    assert "returns act AM04 retry --as EMAIL" in lines[2]


def test_acting_on_a_group(run: Run, came: None, database: Session) -> None:
    told = run("act", "am04", "retry", "--count", 2, "--as", "anna@example.org")
    assert (told.exit_code, told.output) == (0, "retry: done for 2 debits (not enough money in the account).\n")
    assert database.scalars(select(Returned.action).where(Returned.reason == "AM04")).all() == ["retry"] * 2
    assert run("act", "-", "hold_and_call", "--as", "anna@example.org").exit_code == 0
    assert run("list").output.startswith("Nothing")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("act", "AM04", "retry", "--count", 9, "--as", "anna@example.org"), "There are 2 of them now, not 9"),
        (("act", "ZZ99", "retry", "--as", "anna@example.org"), "Nothing waits that came back with “ZZ99”"),
        (("act", "AM04", "ask_iban", "--as", "anna@example.org"), "asks for this"),
        (("act", "-", "retry", "--as", "bram@example.org"), "may not do this"),
        (("act", "AM04", "shrug", "--as", "anna@example.org"), "is not one of"),
    ],
)
def test_what_is_refused_changes_nothing(
    run: Run, came: None, database: Session, arguments: tuple[object, ...], sentence: str
) -> None:
    answer = run(*arguments)
    assert answer.exit_code == 2 and sentence in answer.output, answer.output
    database.rollback()
    assert set(database.scalars(select(Returned.action))) == {None}


def test_all_of_a_reason_whatever_is_proposed(run: Run, came: None, database: Session) -> None:
    assert run("act", "AM04", "nothing", "--all", "--note", "on the phone", "--as", "anna@example.org").exit_code == 0
    assert set(database.scalars(select(Returned.outcome).where(Returned.reason == "AM04"))) == {"on the phone"}
