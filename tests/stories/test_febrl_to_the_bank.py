"""Real input, by the installed command only: people become supporters, promise, and are collected.

All 5,000 on PostgreSQL, where what touches files or comes last runs in a process of its own, as somebody would type it.
On SQLite the first 500 of them, in one process: that proves what differs between the databases, and most of the time
of a command is its start.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
import sepaxml
from click.testing import CliRunner
from lxml import etree
from sqlalchemy import Engine

from admin.command import main
from tests import febrl

Run = Callable[..., str]
PASSWORD = "a long enough password"
FROM_OUTSIDE = (("admin", "create"), ("collect", "export"), ("check",))


@pytest.fixture
def run(fresh_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``achterban`` on a fresh database, on a day that ``today`` says; what it wrote on stdout."""
    monkeypatch.chdir(tmp_path)
    is_large = fresh_engine.dialect.name == "postgresql"

    def invoke(*arguments: str, today: str = "2026-11-16", token: str = "", typed: str = "", code: int = 0) -> str:
        environment = {
            "FLASK_SQLALCHEMY_DATABASE_URI": fresh_engine.url.render_as_string(hide_password=False),
            "FLASK_SUPPORTERS_NOW": f"{today}T09:00:00+00:00",
            "FLASK_SECRET_KEY": "a secret for this test only",
            "FLASK_SECURITY_PASSWORD_SALT": "salt",
            "ACHTERBAN_TOKEN": token,
        }
        begin = in_a_process if is_large and arguments[:2] in FROM_OUTSIDE else in_this_process
        ended, out, err = begin(arguments, environment, typed)
        assert ended == code, out + err
        return out

    return invoke


def in_a_process(arguments: Sequence[str], environment: dict[str, str], typed: str) -> tuple[int, str, str]:
    script = [sys.executable, "-c", "from admin.command import main; main()", *arguments]
    done = subprocess.run(script, env={**os.environ, **environment}, input=typed, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def in_this_process(arguments: Sequence[str], environment: dict[str, str], typed: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, arguments, env=environment, input=typed)
    return done.exit_code, done.stdout, done.stderr


def test_thousands_of_people_come_in_promise_and_are_collected_in_both_formats(
    run: Run, fresh_engine: Engine, tmp_path: Path
) -> None:
    people = febrl.first(600 if fresh_engine.dialect.name == "postgresql" else 500, tmp_path / "people.csv")
    count = len(febrl.references(people))
    tokens = {}
    for name, role in (("anna", "administrator"), ("bram", "finance")):
        run("admin", "create", f"{name}@example.org", "--role", role, "--password-stdin", typed=PASSWORD + "\n")
        tokens[name] = run("admin", "token", f"{name}@example.org").strip()
    anna = {"token": tokens["anna"]}
    bram = {"token": tokens["bram"]}
    run("fund", "add", "general", "General fund", "--as", "anna@example.org", **anna)
    run(
        "collect", "account", "add", "NL91ABNA0417164300", "--name", "Achterban", "--identifier",
        "NL69ZZZ123456780000", "--bic", "ABNANL2A", "--as", "anna@example.org", **anna,
    )  # fmt: skip

    errors = tmp_path / "errors.csv"
    said = run("import", "supporters", str(people), *febrl.OPTIONS, "--good-part", "--errors", str(errors))
    rejected = errors.read_text() if errors.exists() else ""
    again = run("import", "supporters", str(people), *febrl.OPTIONS, "--good-part", "--errors", str(errors))
    assert str(count) in said.replace(",", "") or rejected
    assert said != again

    wanted = [reference for reference in febrl.references(people) if reference not in rejected]
    assert len(wanted) > 0.8 * count
    running = febrl.write_commitments(tmp_path / "running.csv", wanted[:-200], last_collected_on=date(2026, 11, 2))
    new = febrl.write_commitments(tmp_path / "new.csv", wanted[-200:], last_collected_on=None)
    new.write_text(new.read_text().replace("FEBRL-", "NEW-"))
    for file in (running, new, running):
        run("import", "commitments", str(file), *febrl.COMMITMENT_OPTIONS)

    # The 200 new ones were never announced, so they wait; the others recur.
    prepared = run("collect", "prepare", "--on", "2026-12-02", "--as", "anna@example.org", **anna)
    assert f"{len(wanted) - 200} debits" in prepared.replace(",", "")
    run("collect", "export", "1", "-o", "early.xml", "--as", "anna@example.org", code=2, **anna)
    run("collect", "approve", "1", "--as", "anna@example.org", code=2, **anna)
    run("collect", "approve", "1", "--as", "bram@example.org", **bram)
    run("collect", "export", "1", "-o", "running.xml", "--as", "bram@example.org", **bram)
    run("collect", "book", "1", "--as", "bram@example.org", today="2026-12-02", **bram)
    announced = run(
        "collect", "announce", "-o", "letters.csv", "--as", "anna@example.org", today="2026-12-02", **anna
    )  # fmt: skip
    assert "200 announcement" in announced

    run("collect", "prepare", "--on", "2026-12-21", "--as", "anna@example.org", today="2026-12-10", **anna)
    older = ("--format", "pain.008.001.02")
    run("collect", "approve", "2", *older, "--as", "bram@example.org", today="2026-12-10", **bram)
    run("collect", "export", "2", "-o", "new.xml", "--as", "bram@example.org", today="2026-12-10", **bram)

    assert_the_bank_takes(tmp_path / "running.xml", "pain.008.001.08", len(wanted) - 200)
    assert_the_bank_takes(tmp_path / "new.xml", "pain.008.001.02", 200)
    assert "FRST" in (tmp_path / "new.xml").read_text()
    report = json.loads(run("report", "year", "2026", "--json", today="2026-12-31"))
    assert report["figures"]["donors"]["this_year"] == len(wanted) - 200
    assert report["figures"]["commitments_active"]["this_year"] == len(wanted)
    run("check")


def assert_the_bank_takes(file: Path, format: str, count: int) -> None:
    """The official schema as somebody else ships it accepts the file, and so does libxml2's own command."""
    schema = Path(sepaxml.__file__).parent / "schemas" / f"{format}.xsd"
    document = etree.parse(file)
    etree.XMLSchema(etree.parse(schema)).assertValid(document)
    assert document.findtext(".//{*}GrpHdr/{*}NbOfTxs") == str(count)
    assert len(document.findall(".//{*}DrctDbtTxInf")) == count
    if shutil.which("xmllint"):
        done = subprocess.run(["xmllint", "--noout", "--schema", schema, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
