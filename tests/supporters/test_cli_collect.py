"""``achterban collect``: what a fundraiser types, what comes out, and what is left behind when it fails halfway."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import Actor, Announcement, AuditEntry, CollectionBatch, Gift, Money, NotAllowed, Supporter
from supporters.cli.files import NewFile
from supporters.payments.sepa.account import CreditorAccount
from supporters.spreadsheet import harmless
from tests import cast

PEOPLE = {"anna@example.org": "secret of anna", "bram@example.org": "secret of bram"}
Run = Callable[..., Result]


def authenticate(email: str, secret: str) -> Actor:
    if PEOPLE.get(email) != secret:
        raise NotAllowed("%(email)s and this password or token do not belong together.", field="email", email=email)
    return Actor.person(email, via="test", authenticated=True)


@pytest.fixture
def database(app: Flask) -> Iterator[Session]:
    """What is in the database, seen from outside the commands."""
    with app.app_context():
        yield app.extensions["supporters"].session


@pytest.fixture
def run(app: Flask, database: Session, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on 1 December 2026, as Anna unless ``who`` says otherwise; other keywords are settings."""
    app.config["SUPPORTERS_NOW"] = cast.NOW.isoformat()
    supporters = app.extensions["supporters"]
    supporters.init_app(app)
    supporters.authenticator = authenticate
    supporters.authoriser = lambda actor, permission: actor.name in PEOPLE
    monkeypatch.delenv("ACHTERBAN_TOKEN", raising=False)

    def invoke(*arguments: object, who: str | None = "anna", secret: str | None = None, now: str = "") -> Result:
        database.rollback()  # SQLite has one writer, and looking begins a transaction too
        if now:
            app.config["SUPPORTERS_NOW"] = now
            supporters.init_app(app)
        words = ["collect", *map(str, arguments)]
        if who:
            words += ["--as", f"{who}@example.org"]
            monkeypatch.setenv("ACHTERBAN_TOKEN", secret or PEOPLE.get(f"{who}@example.org", "wrong"))
        return app.test_cli_runner().invoke(args=words)

    return invoke


def promises(session: Session, count: int = 1) -> None:
    cast.creditor(session)
    for number in range(count):
        supporter = Supporter.welcome(
            session, f"ada{number}@example.org", first_name="Ada", surname=f"Lovelace {number}", by=cast.ANNA,
            now=cast.NOW,
        )  # fmt: skip
        cast.monthly(session, supporter, Money.eur("10.00"), start_on=date(2026, 12, 28))
    session.commit()


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def announced(run: Run, database: Session, tmp_path: Path, count: int = 1) -> None:
    promises(database, count)
    ok(run("announce", "-o", tmp_path / "letters.csv"))


def approved(run: Run, database: Session, tmp_path: Path, count: int = 1) -> None:
    announced(run, database, tmp_path, count)
    ok(run("prepare", "--on", "2026-12-28"))
    ok(run("approve", "B00001", who="bram"))


def test_from_announcing_to_booking(run: Run, database: Session, tmp_path: Path) -> None:
    promises(database)
    letters = tmp_path / "letters.csv"
    assert "1 announcement" in ok(run("announce", "-o", letters))
    with letters.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["name"], row["amount"], row["first_due_on"]) == ("Ada Lovelace 0", "10.00", "2026-12-28")

    said = ok(run("prepare", "--on", "2026-12-28"))
    assert "B00001 is prepared: 1 debit, EUR 10.00 on 2026-12-28" in said
    assert "first" in said
    assert "is approved" in ok(run("approve", "B00001", "--format", "pain.008.001.02", who="bram"))
    target = tmp_path / "to-the-bank.xml"
    assert "sha256" in ok(run("export", "B00001", "-o", target))
    assert target.read_bytes().startswith(b"<?xml") and b"pain.008.001.02" in target.read_bytes()
    assert "1 gift booked, EUR 10.00" in ok(run("book", "B00001", now="2026-12-28T12:00:00+01:00"))
    assert [gift.received_on for gift in database.scalars(select(Gift))] == [date(2026, 12, 28)]
    assert "booked" in ok(run("list", who=None))
    assert "file: 1 debit" in ok(run("show", "B00001", who=None))


def test_a_password_that_proves_nothing_changes_nothing(run: Run, database: Session, tmp_path: Path) -> None:
    announced(run, database, tmp_path)
    refused(run("prepare", "--on", "2026-12-28", secret="guessed"), "do not belong together")
    assert database.scalar(select(CollectionBatch)) is None


def test_without_a_token_the_password_is_asked_for(
    app: Flask, run: Run, database: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced(run, database, tmp_path)
    monkeypatch.delenv("ACHTERBAN_TOKEN")
    words = ["collect", "prepare", "--on", "2026-12-28", "--as", "anna@example.org"]
    silent = app.test_cli_runner().invoke(args=words)
    assert silent.exit_code == 2 and "ACHTERBAN_TOKEN" in silent.stderr
    typed = app.test_cli_runner().invoke(args=words, input="secret of anna\n")
    assert "B00001 is prepared" in typed.stdout
    assert "secret of anna" not in typed.output


def test_who_is_signed_in_without_the_permission_may_not_collect(
    app: Flask, run: Run, database: Session, tmp_path: Path
) -> None:
    announced(run, database, tmp_path)
    asked: list[str] = []
    app.extensions["supporters"].authoriser = lambda actor, permission: bool(asked.append(permission))
    refused(run("prepare", "--on", "2026-12-28"), "money.run")
    assert asked == ["money.run"]


def test_the_preparer_cannot_approve_and_what_is_not_approved_is_not_exported(
    run: Run, database: Session, tmp_path: Path
) -> None:
    announced(run, database, tmp_path)
    ok(run("prepare", "--on", "2026-12-28"))
    refused(run("approve", "B00001"), "second person")
    refused(run("export", "B00001", "-o", tmp_path / "x.xml"), "is prepared")
    assert not list(tmp_path.glob("*x.xml*"))


def test_booking_twice_is_refused(run: Run, database: Session, tmp_path: Path) -> None:
    approved(run, database, tmp_path)
    ok(run("export", "B00001", "-o", tmp_path / "x.xml"))
    ok(run("book", "B00001", now="2026-12-28T12:00:00+01:00"))
    refused(run("book", "B00001"), "booked on 2026-12-28 already")
    assert len(database.scalars(select(Gift)).all()) == 1


def test_the_same_export_again_gives_the_same_bytes_and_says_so(run: Run, database: Session, tmp_path: Path) -> None:
    approved(run, database, tmp_path)
    ok(run("export", "B00001", "-o", tmp_path / "one.xml"))
    again = ok(run("export", "B00001", "-o", tmp_path / "two.xml", who="bram"))
    assert "do not give it to the bank twice" in again
    assert (tmp_path / "one.xml").read_bytes() == (tmp_path / "two.xml").read_bytes()
    ok(run("export", "B00001", "-o", tmp_path / "two.xml"))


def test_another_file_is_not_overwritten_unless_forced(run: Run, database: Session, tmp_path: Path) -> None:
    approved(run, database, tmp_path)
    target = tmp_path / "x.xml"
    target.write_text("last month")
    refused(run("export", "B00001", "-o", target), "exists already", "--force")
    assert target.read_text() == "last month"
    assert database.scalars(select(CollectionBatch)).one().state == "approved"
    ok(run("export", "B00001", "-o", target, "--force"))
    assert target.read_bytes().startswith(b"<?xml")


def test_a_folder_that_is_not_there_is_named(run: Run, database: Session, tmp_path: Path) -> None:
    approved(run, database, tmp_path)
    refused(run("export", "B00001", "-o", tmp_path / "nowhere" / "x.xml"), "nowhere")


def test_the_file_gets_its_name_only_after_the_collection_counts_as_at_the_bank(
    run: Run, database: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(run, database, tmp_path)
    seen: list[str] = []

    def crash(new: NewFile) -> None:
        seen.append(database.scalars(select(CollectionBatch)).one().state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(NewFile, "put_in_place", crash)
        assert run("export", "B00001", "-o", tmp_path / "x.xml").exit_code != 0
    assert seen == ["exported"] and not (tmp_path / "x.xml").exists()
    ok(run("export", "B00001", "-o", tmp_path / "x.xml"))
    assert (tmp_path / "x.xml").exists()


def test_a_disk_that_is_full_leaves_the_collection_approved(
    run: Run, database: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(run, database, tmp_path)
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert run("export", "B00001", "-o", tmp_path / "x.xml").exit_code != 0
    assert database.scalars(select(CollectionBatch)).one().state == "approved"
    assert [path.name for path in tmp_path.iterdir()] == ["letters.csv"]


def test_files_split_at_the_banks_limit_are_numbered(run: Run, database: Session, tmp_path: Path) -> None:
    announced(run, database, tmp_path, 3)
    database.scalars(select(CreditorAccount)).one().transactions_per_file = 2
    database.commit()
    ok(run("prepare", "--on", "2026-12-28"))
    ok(run("approve", "1", who="bram"))
    ok(run("export", "1", "-o", tmp_path / "run.xml"))
    assert sorted(path.name for path in tmp_path.glob("run*")) == ["run-1of2.xml", "run-2of2.xml"]
    (tmp_path / "folder").mkdir()
    ok(run("export", "1", "-o", tmp_path / "folder"))
    assert len(list((tmp_path / "folder").iterdir())) == 2


def test_what_was_announced_is_not_announced_again(run: Run, database: Session, tmp_path: Path) -> None:
    announced(run, database, tmp_path)
    assert "nothing to announce" in ok(run("announce", "-o", tmp_path / "again.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["letters.csv"]


def test_an_announcement_without_its_list_is_not_kept(run: Run, database: Session, tmp_path: Path) -> None:
    promises(database)
    (tmp_path / "letters.csv").write_text("of last month")
    refused(run("announce", "-o", tmp_path / "letters.csv"), "exists already")
    assert database.scalar(select(Announcement)) is None
    assert (tmp_path / "letters.csv").read_text() == "of last month"


def test_only_what_falls_due_in_time_is_announced(run: Run, database: Session, tmp_path: Path) -> None:
    promises(database)
    said = ok(run("announce", "-o", tmp_path / "letters.csv", "--before", "2026-12-28"))
    assert "nothing to announce that falls due before 2026-12-28" in said
    ok(run("announce", "-o", tmp_path / "letters.csv", "--before", "2026-12-29"))


def test_a_name_that_is_a_formula_stays_a_name(run: Run, database: Session, tmp_path: Path) -> None:
    cast.creditor(database)
    supporter = Supporter.welcome(
        database, first_name='=HYPERLINK("http://evil.example","Ada")', by=cast.ANNA, now=cast.NOW
    )
    cast.monthly(database, supporter)
    database.commit()
    ok(run("announce", "-o", tmp_path / "letters.csv"))
    with (tmp_path / "letters.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["name"].startswith("'=HYPERLINK")


@pytest.mark.parametrize("cell", ["=1+1", "+31", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_cell_that_begins_like_a_formula_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless(cell[1:]) == cell[1:]


def test_lists_of_people_are_readable_by_their_owner_only(run: Run, database: Session, tmp_path: Path) -> None:
    announced(run, database, tmp_path)
    assert (tmp_path / "letters.csv").stat().st_mode & 0o077 == 0


def test_cancelling_takes_a_reason_and_lets_go(run: Run, database: Session, tmp_path: Path) -> None:
    approved(run, database, tmp_path)
    refused(run("cancel", "B00001", "--reason", " "), "why")
    assert "cancelled" in ok(run("cancel", "B00001", "--reason", "wrong day"))
    refused(run("export", "B00001", "-o", tmp_path / "x.xml"), "is cancelled")
    assert "B00002 is prepared: 1 debit" in ok(run("prepare", "--on", "2026-12-28"))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("prepare", "--on", "2026-12-01"), "too soon"),
        (("prepare", "--on", "2027-06-01"), "three months"),
        (("prepare", "--on", "2026-12-28", "--account", "NL00"), "no account"),
        (("approve", "B00099"), "B00099"),
        (("export", "x", "-o", "x.xml"), "“x”"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    run: Run, database: Session, tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    announced(run, database, tmp_path)
    refused(run(*arguments), word)
    assert database.scalar(select(CollectionBatch)) is None


def test_nothing_to_collect_says_why(run: Run, database: Session, tmp_path: Path) -> None:
    promises(database)
    refused(run("prepare", "--on", "2026-12-28"), "not_announced: 1")


def test_an_account_is_added_with_the_days_of_the_settings(run: Run, database: Session) -> None:
    words = ("account", "add", cast.OUR_IBAN, "--name", "Stichting Voorbeeld", "--identifier", cast.OUR_IDENTIFIER)
    assert "We can collect on" in ok(run(*words))
    account = database.scalars(select(CreditorAccount)).one()
    assert (account.lead_days, account.notice_days, account.transactions_per_file) == (2, 14, 50_000)
    assert database.scalar(select(AuditEntry.by).where(AuditEntry.verb == "open")) == "person:anna@example.org"
    assert cast.OUR_IBAN in ok(run("account", "list", who=None))
    wrong = (*words[:2], "NL44RABO0123456788", *words[3:])
    refused(run(*wrong), "check digits")
