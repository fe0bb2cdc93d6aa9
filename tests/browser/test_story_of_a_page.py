"""Somebody starts a page, two people give to it, a sponsor doubles what it can, one of them takes it back: page, team,
edition and campaign say the same all along.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from campaigns import Match, Team
from tests import cast
from tests.browser.conftest import live
from tests.browser.simulated import World, simulated
from tests.campaigns.crowdfunding import world as worlds
from tests.databases import SqliteDatabases

HERE = "/crowdfunding/families-2026"
ADA = f"{HERE}/ada-runs"


@pytest.fixture
def world(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[World]:
    """An edition with a team, and a sponsor who paid the 50 euros with which gifts are doubled."""
    with simulated(sqlite_databases, tmp_path, CAMPAIGNS_COUNT_SECONDS=0) as world:
        with world.app.app_context():
            session = world.app.extensions["sqlalchemy"].session
            edition = worlds.edition(session)
            Team.form(session, edition, "utrecht", "Running club Utrecht", by=cast.ANNA, now=cast.NOW)
            match = worlds.match(session, edition, "50.00")
            match.receive(
                session, worlds.gift(session, match.sponsor, "50.00", source_code=None), by=cast.ANNA, now=cast.NOW
            )
            session.commit()
        yield world


@pytest.fixture
def served(world: World) -> Flask:
    return world.app


def give(page: Page, amount: str, name: str) -> None:
    page.goto(f"{ADA}?lang=en")
    live(page)
    page.get_by_label("Another amount, in euros").fill(amount)
    for label, words in (
        ("First name", name), ("Surname", "Giver"), ("E-mail address", f"{name.lower()}@example.org")
    ):  # fmt: skip
        page.get_by_label(label, exact=True).fill(words)
    page.get_by_role("button", name="Give").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


def everywhere(world: World, page: Page, euros: int, givers: int) -> None:
    """The same figure on the page, its team and its edition, at the desk of our people, and for the campaign."""
    for path in (ADA, f"{HERE}/teams/utrecht", HERE):
        page.goto(f"{path}?lang=en")
        live(page)
        expect(page.locator("[data-crowdfunding=amount]")).to_have_text(f"€{euros}")
        expect(page.locator("[data-crowdfunding=givers]")).to_have_text(f"{givers} givers" if givers > 1 else "1 giver")
    told = json.loads(world.command("report", "crowdfunding", "families", "--json"))
    assert (told["counter_cents"], told["received_cents"], told["supporters"]) == (euros * 100, euros * 100, givers)


def test_page_team_edition_and_campaign_move_together_and_a_freed_match_goes_to_the_next(
    world: World, context_of, sign_in
) -> None:
    ada = context_of().new_page()
    ada.goto(f"{HERE}?lang=en")
    ada.get_by_role("link", name="Start your own page").click()
    ada.get_by_label("Your name").fill("Ada Lovelace")
    ada.get_by_label("E-mail address").fill("ada.runs@example.org")
    ada.get_by_label("Title of your page").fill("Ada runs")
    ada.get_by_label("Team").select_option("Running club Utrecht")
    ada.get_by_role("button", name="Mail me the link").click()
    ada.get_by_text("We have sent you a mail.").wait_for()
    world.work("2026-12-01T10:05:00+01:00")
    ada.goto(world.link("/crowdfunding/own/"))
    ada.get_by_role("button", name="Make my page").click()
    ada.get_by_text("Your page is there.").wait_for()

    anna = sign_in("anna")
    anna.goto("/admin/editions/families-2026")
    anna.get_by_role("button", name="Approve Ada runs").click()
    anna.get_by_text("Everybody sees the page now.").wait_for()

    giver = context_of(world.vendor).new_page()
    give(giver, "40", "Bea")
    everywhere(world, giver, 80, 1)
    give(giver, "30", "Cor")
    everywhere(world, giver, 120, 2)  # of the match there was only 10 left
    giver.get_by_text("All of it is given away.").wait_for()

    dashboard = context_of(world.vendor).new_page()
    dashboard.goto(world.vendor)
    dashboard.get_by_role("button", name=re.compile("Charged back by the donor")).last.click()
    dashboard.wait_for_load_state()
    world.work("2026-12-03T10:00:00+01:00")
    everywhere(world, giver, 60, 1)  # Bea's 40 with all that doubled it are gone, and Cor's 30 are doubled whole
    giver.get_by_text("there is €20 left").wait_for()
    with world.app.app_context():
        match = world.app.extensions["sqlalchemy"].session.scalars(select(Match)).one()
        assert (match.given, match.paid, match.room) == (30_00, 50_00, 20_00)
    anna.goto("/admin/editions/families-2026")
    expect(anna.locator(".ab-large")).to_contain_text("€60.00 from 1 supporter")
    assert "nothing broken" in world.command("check")
