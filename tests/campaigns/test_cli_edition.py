"""``achterban edition`` and ``achterban report crowdfunding``, from outside."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from supporters.giving.fund import Fund
from supporters.giving.gift import Gift
from tests import cast


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch):
    from campaigns import Campaigns

    Campaigns(app, app.extensions["supporters"].db)
    monkeypatch.setattr(
        "campaigns.cli.edition.signed_in", lambda email, permission: {"a": cast.ANNA, "b": cast.BRAM}[email]
    )
    monkeypatch.setattr(
        "campaigns.cli.campaign.signed_in", lambda email, permission: {"a": cast.ANNA, "b": cast.BRAM}[email]
    )

    def invoke(*arguments: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=list(arguments))
        return done.exit_code, done.output

    return invoke


def test_an_edition_from_draft_to_its_account(app: Flask, run) -> None:
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        cast.fund(session)
        session.commit()
    draft = (
        "edition", "draft", "families", "families-2026", "Families", "--from", "2026-11-01", "--until", "2027-01-01",
        "--fund", "general", "--surplus", "More families.",
    )  # fmt: skip
    assert run("campaign", "open", "families", "Families", "--as", "a")[0] == 0
    assert run(*draft, "--goal", "veel", "--as", "a")[0] == 2
    assert run(*draft, "--goal", "50.00", "--as", "a")[0] == 0
    code, said = run("edition", "approve", "families-2026", "--as", "a")
    assert code != 0 and "second person" in said
    assert run("edition", "approve", "families-2026", "--as", "b")[0] == 0
    assert run("edition", "launch", "families-2026", "--as", "a")[1].strip() == "Families is live."
    code, said = run(
        "edition", "place", "families-2026", "trouw", "Trouw", "--kind", "newspaper", "--cost", "10.00", "--as", "a"
    )
    assert code == 0 and "families/trouw" in said and "RF" in said
    code, said = run("edition", "lift", "families-2026", "trouw")
    assert code != 0 and "spot on radio or tv" in said
    assert "has no placement" in run("edition", "lift", "families-2026", "nowhere")[1]
    spot = "edition", "place", "families-2026", "radio", "Radio", "--kind", "radio", "--aired"
    assert run(*spot, "2026-11-10 18:30", "--as", "a")[0] == 0
    code, said = run("edition", "lift", "families-2026", "radio")
    assert (code, said.splitlines()[0]) == (
        0, "0 online gifts of which nothing tells what brought them; usual is 0.0 (over 3 weeks)",
    )  # fmt: skip
    told = json.loads(run("edition", "lift", "families-2026", "radio", "--json")[1])
    assert (told["gifts"], told["windows"], told["is_clear"]) == (0, 3, False)
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        Gift.book(
            session, cast.ada(session), cast.Money.eur("40.00"), received_on=cast.TODAY,
            fund=Fund.by_code(session, "general"), booking_key="x", by=cast.ANNA, now=cast.NOW,
            source_code="families/trouw",
        )  # fmt: skip
        session.commit()
    code, said = run("report", "crowdfunding", "families", "--on", "2026-12-31", "--json")
    told = json.loads(said)
    assert (code, told["counter_cents"], told["supporters"]) == (0, 40_00, 1)
    assert told["sources"] == [
        {
            "stage": "received", "kind": "other", "evidence": "gift", "source": "trouw", "entries": 1,
            "amount_cents": 40_00,
        }
    ]  # fmt: skip
    assert told["placements"][0]["cents_per_euro"] == 25
    code, said = run("report", "crowdfunding", "families-2026", "--on", "2026-12-31")
    assert "80 %" in said and "trouw" in said and "0.25" in said
    assert (
        json.loads(run("report", "crowdfunding", "families", "--on", "2026-11-15", "--json")[1])["counter_cents"] == 0
    )
    assert "40.00" in run("edition", "list")[1]
    code, said = run("report", "crowdfunding", "nothing")
    assert code == 2 and "families-2026" in said
