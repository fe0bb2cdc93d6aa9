"""A year of somebody's giving, by the pages of a simulated Mollie: once, every month, a month later by itself, back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import Gift, Reversal
from tests.browser.conftest import live
from tests.browser.simulated import World, simulated
from tests.databases import SqliteDatabases


@pytest.fixture
def world(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[World]:
    with simulated(sqlite_databases, tmp_path) as world:
        yield world


@pytest.fixture
def served(world: World) -> Flask:
    return world.app


def give(page: Page, amount: str, *, monthly: bool = False) -> None:
    page.goto("/give?lang=en")
    live(page)
    if monthly:
        page.get_by_role("radio", name="Every month").check(force=True)
    page.get_by_label("Another amount, in euros").fill(amount)
    for label, words in (("First name", "Grace"), ("Surname", "Hopper"), ("E-mail address", "grace@example.org")):
        page.get_by_label(label, exact=True).fill(words)
    page.get_by_role("button", name="Give").click()
    page.get_by_role("button", name="Pay", exact=True).wait_for()


def test_somebody_gives_once_and_every_month_and_gets_a_part_back(world: World, context_of, sign_in) -> None:
    donor = context_of(world.vendor).new_page()
    give(donor, "60")
    donor.get_by_role("button", name="Pay", exact=True).click()
    expect(donor.get_by_role("heading", level=1)).to_have_text("Thank you")

    give(donor, "15", monthly=True)
    donor.get_by_text("permission for later debits").wait_for()
    donor.get_by_role("button", name="Cancel").click()
    expect(donor.get_by_role("heading", level=1)).to_have_text("You cancelled the payment")
    donor.get_by_role("button", name="Pay after all").click()
    donor.get_by_role("button", name="Pay", exact=True).click()
    expect(donor.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert "From now on €15 is charged every month" in donor.inner_text("main")

    world.work("2026-12-14T10:00:00+01:00")  # The receipts go, and what falls due on the first is told.
    donor.goto(world.link())
    mandate = donor.get_by_role("region", name="€15.00 a month")
    expect(mandate).to_contain_text("Next payment on 1 January 2027.")
    expect(mandate).to_contain_text(re.compile(r"Paid from NL.* \(mandate .+\)"))

    world.work("2027-01-02T10:00:00+01:00")  # Charged by itself; the vendor's bank takes a day.
    dashboard = context_of(world.vendor).new_page()
    dashboard.goto(world.vendor)
    dashboard.get_by_role("button", name=re.compile("The money arrives")).first.click()
    dashboard.wait_for_load_state()
    world.work("2027-01-03T10:00:00+01:00")

    donor.reload()
    donor.get_by_text("This link is too old.").wait_for()
    donor.get_by_label("E-mail address").fill("grace@example.org")
    donor.get_by_role("button", name="Mail me the link").click()
    donor.get_by_text("a link is on its way").wait_for()
    world.work("2027-01-03T10:01:00+01:00")
    donor.goto(world.link())
    expect(donor.get_by_role("region", name="Gifts in 2027")).to_contain_text("€15.00")
    donor.get_by_text("Pause it for a while").click()
    donor.get_by_role("button", name="Pause it", exact=True).click()
    donor.get_by_text("Paused until 1 March 2027.").wait_for()
    donor.get_by_text("Stop it").click()
    donor.get_by_role("button", name="Stop now").click()
    donor.get_by_text("Stopped on 3 January 2027.").wait_for()

    anna = sign_in("anna")
    anna.get_by_role("link", name="Online payments").click()
    anna.get_by_role("row", name=re.compile("€60.00")).get_by_role("link").first.click()
    anna.get_by_role("link", name="Give money back…").click()
    anna.get_by_label("How much goes back").fill("10")
    anna.get_by_label("Why").fill("Typed too much")
    anna.get_by_role("button", name="Give it back").click()
    anna.get_by_text("sent to the gateway within a minute").wait_for()
    world.work("2027-01-03T10:05:00+01:00")
    dashboard.reload()
    dashboard.get_by_role("button", name=re.compile("Complete the refund")).click()
    world.work("2027-01-04T10:00:00+01:00")
    anna.reload()
    expect(anna.locator(".ab-figure").filter(has_text="What stays")).to_contain_text("€50.00")
    expect(anna.get_by_role("table", name="Refunds")).to_contain_text("Done")

    world.work("2027-02-02T10:00:00+01:00")  # Nothing is charged any more.
    with world.app.app_context(), Session(world.app.extensions["sqlalchemy"].engine) as session:
        online = select(Gift).where(Gift.booking_key.not_like("test:%")).order_by(Gift.id)
        assert [(each.amount, each.received_on.year) for each in session.scalars(online)] == [
            (6000, 2026), (1500, 2026), (1500, 2027),
        ]  # fmt: skip
        assert session.scalars(select(Reversal.amount)).all() == [1000]
        others = session.scalar(select(func.sum(Gift.amount)).where(Gift.booking_key.like("test:%")))
    report = json.loads(world.command("report", "year", "2027", "--json"))["figures"]["income_from_donors_cents"]
    assert (report["this_year"], report["last_year"]) == (1500 - 1000, 6000 + 1500 + others)
    assert "nothing broken" in world.command("check")
    anna.goto("/admin/year?year=2027")
    expect(anna.locator(".ab-figure").filter(has_text="From donors")).to_contain_text("€5")
