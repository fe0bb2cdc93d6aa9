"""What README promises works: its lines of Python run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from admin.app import create_app
from supporters import Commitment, Fund, migrations
from tests.modules import ROOT

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_lines_for_a_website_run(tmp_path: Path) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    uri = f"sqlite:///{tmp_path / 'site.sqlite'}"
    engine = create_engine(uri)
    migrations.upgrade(engine)
    with Session(engine) as session:
        Fund.open(session, "general", "General fund")
        session.commit()
    (tmp_path / "site.py").write_text(lines)
    # A process of its own, away from the source: the lines begin where a site begins.
    environment = os.environ | {"FLASK_SQLALCHEMY_DATABASE_URI": uri, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "site.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Session(engine) as session:
        commitment = session.scalars(select(Commitment)).one()
        assert (commitment.supporter.name, str(commitment.money)) == ("Ada Lovelace", "EUR 10.00")
    engine.dispose()


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, click.Command]:
    folder = tmp_path_factory.mktemp("instance")
    app = create_app(instance_path=str(folder))
    return dict(app.cli.commands)


@pytest.mark.parametrize("words", sorted(set(re.findall(r"^\| `achterban ([a-z ]+)`", README, re.MULTILINE))))
def test_a_command_that_readme_names_exists(commands: dict[str, click.Command], words: str) -> None:
    known: dict[str, click.Command] = commands
    for word in words.split():
        if word == "run":
            return  # Flask's own
        assert word in known, f"achterban {words} is promised"
        found = known[word]
        known = dict(found.commands) if isinstance(found, click.Group) else {}


def test_every_command_of_ours_is_named_in_readme(commands: dict[str, click.Command]) -> None:
    listed = README[README.index("## Commands") : README.index("## What it promises")]
    for name, command in commands.items():
        if command.callback is None or (command.callback.__module__ or "").split(".")[0] in ("supporters", "campaigns"):
            assert f"achterban {name}" in listed, f"README does not name {name}"


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_names_only_commands_that_exist(document: Path, commands: dict[str, click.Command]) -> None:
    for first, second in re.findall(r"(?:achterban|flask) ([a-z]+)(?: ([a-z]+))?(?=[ `\n])", document.read_text()):
        if first == "run":
            continue
        assert first in commands, f"{document.name} names achterban {first}"
        found = commands[first]
        if isinstance(found, click.Group) and second:
            assert second in found.commands, f"{document.name} names achterban {first} {second}"
