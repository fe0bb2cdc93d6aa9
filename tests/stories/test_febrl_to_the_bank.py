"""Real input, by the installed command only: 5,000 people become supporters, promise, and are collected."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sepaxml
from lxml import etree
from sqlalchemy import Engine

from tests import febrl

Run = Callable[..., subprocess.CompletedProcess[str]]
PASSWORD = "a long enough password"


@pytest.fixture
def run(fresh_engine: Engine, tmp_path: Path) -> Run:
    """Runs ``achterban`` in a process of its own on a fresh database, on a day that ``today`` says."""

    def invoke(
        *arguments: str, today: str = "2026-11-16", token: str = "", typed: str = "", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "FLASK_SQLALCHEMY_DATABASE_URI": fresh_engine.url.render_as_string(hide_password=False),
            "FLASK_SUPPORTERS_NOW": f"{today}T09:00:00+00:00",
            "FLASK_SECRET_KEY": "a secret for this test only",
            "FLASK_SECURITY_PASSWORD_SALT": "salt",
            "ACHTERBAN_TOKEN": token,
        }
        script = [sys.executable, "-c", "from admin.command import main; main()", *arguments]
        done = subprocess.run(script, env=environment, input=typed, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return invoke


def test_five_thousand_people_come_in_promise_and_are_collected_in_both_formats(run: Run, tmp_path: Path) -> None:
    tokens = {}
    for name, role in (("anna", "administrator"), ("bram", "finance")):
        run("admin", "create", f"{name}@example.org", "--role", role, "--password-stdin", typed=PASSWORD + "\n")
        tokens[name] = run("admin", "token", f"{name}@example.org").stdout.strip()
    anna = {"token": tokens["anna"]}
    bram = {"token": tokens["bram"]}
    run("fund", "add", "general", "General fund", "--as", "anna@example.org", **anna)
    run(
        "collect", "account", "add", "NL91ABNA0417164300", "--name", "Achterban", "--identifier",
        "NL69ZZZ123456780000", "--bic", "ABNANL2A", "--as", "anna@example.org", **anna,
    )  # fmt: skip

    errors = tmp_path / "errors.csv"
    people = str(febrl.people())
    said = run("import", "supporters", people, *febrl.OPTIONS, "--good-part", "--errors", str(errors)).stdout
    rejected = {line.split(",")[0] for line in errors.read_text().splitlines()[1:]} if errors.exists() else set()
    again = run("import", "supporters", people, *febrl.OPTIONS, "--good-part", "--errors", str(errors)).stdout
    assert "5000" in said.replace(",", "") or rejected
    assert said != again

    wanted = [reference for reference in febrl.references() if reference not in errors.read_text()]
    assert len(wanted) > 4_000
    running = febrl.write_commitments(tmp_path / "running.csv", wanted[:-200], last_collected_on=date(2026, 11, 2))
    new = febrl.write_commitments(tmp_path / "new.csv", wanted[-200:], last_collected_on=None)
    new.write_text(new.read_text().replace("FEBRL-", "NEW-"))
    for file in (running, new, running):
        run("import", "commitments", str(file), *febrl.COMMITMENT_OPTIONS)

    # The 200 new ones were never announced, so they wait; the others recur.
    prepared = run("collect", "prepare", "--on", "2026-12-02", "--as", "anna@example.org", **anna).stdout
    assert f"{len(wanted) - 200} debits" in prepared.replace(",", "")
    run("collect", "export", "1", "-o", "early.xml", "--as", "anna@example.org", code=2, **anna)
    run("collect", "approve", "1", "--as", "anna@example.org", code=2, **anna)
    run("collect", "approve", "1", "--as", "bram@example.org", **bram)
    run("collect", "export", "1", "-o", "running.xml", "--as", "bram@example.org", **bram)
    run("collect", "book", "1", "--as", "bram@example.org", today="2026-12-02", **bram)
    announced = run(
        "collect", "announce", "-o", "letters.csv", "--as", "anna@example.org", today="2026-12-02", **anna
    ).stdout  # fmt: skip
    assert "200 announcement" in announced

    run("collect", "prepare", "--on", "2026-12-21", "--as", "anna@example.org", today="2026-12-10", **anna)
    older = ("--format", "pain.008.001.02")
    run("collect", "approve", "2", *older, "--as", "bram@example.org", today="2026-12-10", **bram)
    run("collect", "export", "2", "-o", "new.xml", "--as", "bram@example.org", today="2026-12-10", **bram)

    assert_the_bank_takes(tmp_path / "running.xml", "pain.008.001.08", len(wanted) - 200)
    assert_the_bank_takes(tmp_path / "new.xml", "pain.008.001.02", 200)
    assert "FRST" in (tmp_path / "new.xml").read_text()
    report = json.loads(run("report", "year", "2026", "--json", today="2026-12-31").stdout)
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
