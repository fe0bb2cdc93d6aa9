"""``achterban petitions``, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from campaigns.extension import Campaigns
from campaigns.petitions.petition import Petition
from supporters.actor import Actor
from tests import cast
from tests.campaigns.petitions.test_handover import FORM


def test_from_draft_to_erased(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supporters = app.extensions["supporters"]
    app.config["SUPPORTERS_NOW"] = cast.NOW.isoformat()
    supporters.init_app(app)
    supporters.authenticator = lambda email, secret: Actor.person(email, authenticated=True)
    Campaigns(app, supporters.db)
    monkeypatch.setenv("ACHTERBAN_TOKEN", "x")
    text = tmp_path / "text.md"
    text.write_text("Wij vragen bescherming.")

    def run(*words: object, by: bool = True, code: int = 0) -> str:
        given = ["petitions", *map(str, words), *(["--as", "anna@example.org"] if by else [])]
        result = app.test_cli_runner().invoke(args=given)
        assert result.exit_code == code, result.output
        return result.output

    run("draft", "afghanen", "--title", "Afghanen", "--text", text, "--addressee", "de Kamer")
    run("open", "afghanen")
    with app.app_context():
        session: Session = supporters.session
        Petition.by_slug(session, "afghanen").sign(session, FORM, now=cast.NOW)
        session.commit()
        session.remove()  # type: ignore[attr-defined]
    assert "signed 1, confirmed 0" in run("count", "afghanen", by=False)
    assert "afghanen  open" in run("list", by=False)
    out = tmp_path / "all.csv"
    run("export", "afghanen", "-o", out)
    assert "Rezai" in out.read_text("utf-8-sig")
    pdf = tmp_path / "h.pdf"
    assert "sha256" in run("handover", "afghanen", "--to", "de Kamer", "-o", pdf)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert json.loads(run("person", FORM.email))["signatures"][0]["state"] == "pending"
    assert json.loads(run("person", FORM.email, "--erase"))["withdrawn"] == 1
    run("handed-over", "afghanen", "--on", "2026-12-01", code=2)
    app.config["SUPPORTERS_NOW"] = "2026-12-02T10:00:00+01:00"
    supporters.init_app(app)
    run("close", "afghanen")
    assert "erased on 2027-05-31" in run("handed-over", "afghanen", "--on", "2026-12-02")
    assert run("retention", "--dry-run", by=False) == ""
    assert "0 petitions erased" in run("retention", by=False)
    assert "no petition" in run("count", "elsewhere", by=False, code=2)
