"""A site plugs the library in, on its own database and among its own commands."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from sqlalchemy.orm import Session

from supporters import cli, registry
from supporters.actor import Actor
from supporters.errors import NotAllowed, Refused
from supporters.extension import Supporters
from supporters.registry import Finding
from supporters.settings import BadSetting


def site(folder: Path, **config: object) -> tuple[Flask, Supporters]:
    app = Flask("site")
    app.config.update(SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'site.sqlite'}", **config)
    return app, Supporters(app, SQLAlchemy(app))


def test_each_app_has_its_own_settings(tmp_path: Path) -> None:
    one, supporters = site(tmp_path, SUPPORTERS_NOTICE_DAYS=5)
    two = Flask("two")
    two.config.update(SQLALCHEMY_DATABASE_URI="sqlite://", SUPPORTERS_NOTICE_DAYS=9)
    db = SQLAlchemy(two)
    supporters.init_app(two, db)
    with one.app_context():
        assert supporters.settings.notice_days == 5
    with two.app_context():
        assert supporters.settings.notice_days == 9


def test_the_clock_and_the_calendar_are_the_sites(tmp_path: Path) -> None:
    _, supporters = site(tmp_path, SUPPORTERS_NOW="2021-12-31T23:30:00+00:00")
    assert supporters.now() == datetime(2021, 12, 31, 23, 30, tzinfo=UTC)
    assert supporters.today() == date(2022, 1, 1)
    assert supporters.now().date() == date(2022, 1, 1)


def test_a_bad_setting_stops_the_app_and_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="SUPPORTERS_LATE_DAYS"):
        site(tmp_path, SUPPORTERS_LATE_DAYS="soon")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(TypeError, match="database object"):
        Supporters(Flask("site"))
    with pytest.raises(RuntimeError, match=r"db\.init_app"):
        Supporters(Flask("site"), SQLAlchemy())
    with pytest.raises(RuntimeError, match="init_app"):
        _ = Supporters().settings


def test_sqlite_is_prepared_for_one_honest_writer(app: Flask) -> None:
    session = app.extensions["supporters"].session
    with app.app_context():
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_nobody_is_signed_in_until_somebody_knows_passwords(app: Flask) -> None:
    supporters = app.extensions["supporters"]
    with pytest.raises(NotAllowed, match="anna@example"):
        supporters.authenticate("anna@example.org", "secret")
    supporters.authenticator = lambda email, secret: Actor.person(email, authenticated=secret == "right")
    assert supporters.authenticate("anna@example.org", "right").authenticated


def test_upgrade_makes_the_tables_once(tmp_path: Path) -> None:
    app, _ = site(tmp_path)
    run = app.test_cli_runner().invoke
    first, second = run(args=["upgrade"]), run(args=["upgrade"])
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output.startswith("Upgraded to ")
    assert second.output == "The tables were up to date.\n"


@pytest.fixture
def only_my_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "checks", {})


@pytest.mark.usefixtures("only_my_checks")
def test_check_ends_with_1_where_a_promise_is_broken(app: Flask) -> None:
    @registry.check("sums")
    def sums(session: Session, *, now: datetime) -> Iterator[Finding]:
        yield Finding("gift-sums", "gift 7", "its designations add up to EUR 9.00, not EUR 10.00")

    ended = app.test_cli_runner().invoke(args=["check"])
    assert ended.exit_code == 1
    assert "gift-sums: gift 7: its designations add up to EUR 9.00" in ended.stdout
    assert ended.stderr == "1 broken promise (sums 1).\n"


@pytest.mark.usefixtures("only_my_checks")
def test_a_check_goes_by_the_clock_of_the_app(tmp_path: Path) -> None:
    @registry.check("time")
    def time(session: Session, *, now: datetime) -> Iterator[Finding]:
        yield Finding("what-time", "it", f"is {now.isoformat()}")

    app, _ = site(tmp_path, SUPPORTERS_NOW="2022-01-03T09:00:00+01:00")
    ended = app.test_cli_runner().invoke(args=["check"])
    assert "what-time: it: is 2022-01-03T09:00:00+01:00" in ended.stdout


@pytest.mark.usefixtures("only_my_checks")
def test_check_is_content_where_nothing_is_broken(app: Flask) -> None:
    @registry.check("sums")
    def sums(session: Session, *, now: datetime) -> Iterator[Finding]:
        yield from ()

    ended = app.test_cli_runner().invoke(args=["check"])
    assert (ended.exit_code, ended.stdout) == (0, "1 check, nothing broken.\n")


def test_a_command_of_a_higher_floor_says_what_is_wrong_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "commands", [])
    things = cli.group("things", help="Things.")
    assert cli.group("things", help="Things.") is things

    @things.command("refuse")
    def refuse() -> None:
        raise Refused("%(what)s is not for today.", what="This")

    @cli.command("greet")
    def greet() -> None:
        print(cli.extension().today().isoformat())

    app, _ = site(tmp_path, SUPPORTERS_NOW="2021-05-05T12:00:00+00:00")
    run = app.test_cli_runner().invoke
    refused = run(args=["things", "refuse"])
    assert (refused.exit_code, refused.stdout, refused.stderr) == (2, "", "Error: This is not for today.\n")
    assert run(args=["greet"]).output == "2021-05-05\n"
