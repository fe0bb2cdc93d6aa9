"""The pages of an edition in real Chromium: on a desk and a phone, with and without a script, live and honest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from campaigns.credit import Credit
from campaigns.crowdfunding.page import Team
from supporters import Money
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryGateway
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.checkout import Checkout
from tests import cast
from tests.browser.conftest import DESKTOP, PHONE, live, serving, watch
from tests.browser.test_petition import look
from tests.campaigns.crowdfunding import world
from tests.databases import SqliteDatabases
from tests.supporters.mail.post import free_port

HERE = "/crowdfunding/families-2026"
BARE = """<!doctype html><html lang="en"><title>x</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<main><h1>x</h1><achterban-crowdfunding src="/api/editions/families-2026" give="/crowdfunding/families-2026#give">
</achterban-crowdfunding></main><script src="/crowdfunding/widget.js"></script></html>"""

BANK = '<!doctype html><html lang="en"><title>Bank</title><link rel="icon" href="data:,"><h1>The bank</h1></html>'


@pytest.fixture
def app(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Flask]:
    """An edition with a page in a team, matched, on a site that takes gifts."""
    port = free_port()
    bank = f"http://127.0.0.1:{port}/bank"
    account = GatewayAccount("memory", "memory", "test_x", False, ("hush",), base_url=bank)
    vendors = Accounts({"memory": MemoryGateway(account, now=lambda: cast.NOW)})
    settings: dict[str, Any] = {"SUPPORTERS_GATEWAYS": vendors, "CAMPAIGNS_COUNT_SECONDS": 0}
    with serving(sqlite_databases, tmp_path, port=port, SUPPORTERS_PUBLIC_URL=bank[:-5], **settings) as made:
        with made.app_context():
            session = made.extensions["sqlalchemy"].session
            edition = world.edition(session)
            edition.aim(session, 3, kind="impact", unit="x", unit_cost=Money.eur("9"), by=cast.ANNA, now=cast.NOW)
            world.match(session, edition, "50.00")
            team = Team.form(session, edition, "utrecht", "Utrecht", by=cast.ANNA, now=cast.NOW)
            session.flush()
            page = world.page(
                session, edition, world.donor(session, 1), team=team, story="Ten **miles**.", target=Money.eur("90")
            )
            page.check(session, "live", by=cast.BRAM, now=cast.NOW)
            _give(session, 2, page.slug)
            session.commit()
        made.add_url_rule("/bare", "bare", lambda: BARE)
        made.add_url_rule("/bank/<number>", "bank", lambda number: BANK)
        yield made


def _give(session: Any, number: int, page: str, euros: str = "20.00") -> None:
    from campaigns import Edition, FundraisingPage

    edition = Edition.by_slug(session, "families-2026")
    gift = world.gift(session, world.donor(session, number), euros, source_code=None)
    of = FundraisingPage.by_slug(session, edition, page)
    Credit.give(session, gift, edition, page=of, by=cast.ANNA, now=cast.NOW)


@pytest.fixture
def window(app: Flask, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page; what it complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def go(path: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
        context.set_default_timeout(30_000)
        watch(context, (app.address,), complaints)  # type: ignore[attr-defined]
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{app.address}{path}")  # type: ignore[attr-defined]
        return page

    yield go
    for context in contexts:
        context.close()
    assert not complaints, complaints


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", [HERE, f"{HERE}/ada-runs", f"{HERE}/teams/utrecht", "/bare"])
def test_everybody_can_read_it_and_nothing_is_too_wide(
    window: Callable[..., Page], axe: Callable[[Page], None], path: str, viewport: Any
) -> None:
    page = window(path, viewport=viewport, bypass_csp=True)
    live(page)
    expect(page.locator("[data-crowdfunding=amount]")).to_have_text("€20")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    look(page, f"crowdfunding-{path.rpartition('/')[2]}-{viewport['width']}")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_gift_through_somebodys_page_tells_which_page(app: Flask, window: Callable[..., Page], script: bool) -> None:
    page = window(f"{HERE}/ada-runs?lang=en&placement=trouw", viewport=PHONE, java_script_enabled=script)
    if script:
        live(page)
    page.get_by_role("link", name="Give", exact=True).click()
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Surname").fill("Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.locator(".crowd-give form button").last.click()
    page.wait_for_url("**/bank/*")
    with app.app_context():
        checkout = app.extensions["sqlalchemy"].session.query(Checkout).one()
        assert (checkout.edition, checkout.placement, checkout.fund.code) == (
            "families-2026/ada-runs", "trouw", "families",
        )  # fmt: skip


def test_the_thermometer_moves_and_says_how_old_it_is_when_nothing_newer_is_to_be_had(
    app: Flask, window: Callable[..., Page]
) -> None:
    page = window(f"{HERE}?lang=en")
    live(page)
    amount, age = page.locator("[data-crowdfunding=amount]"), page.locator("[data-crowdfunding=age]")
    expect(amount).to_have_text("€20")
    expect(age).to_be_hidden()
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        _give(session, 3, "ada-runs", "12.50")
        session.commit()
    element = page.locator("achterban-crowdfunding")
    element.evaluate("e => e.refresh()")
    expect(amount).to_have_text("€32.50")
    expect(page.locator("[data-crowdfunding=givers]").first).to_have_text("2 givers")
    assert page.locator("progress").first.get_attribute("value") == "3250"

    broken: dict[str, Any] = {"times": 0}

    def stumble(route: Route) -> None:
        broken["times"] += 1
        route.fulfill(status=200, body="<html>", headers={"content-type": "text/html"})

    page.route("**/api/editions/**", stumble)
    for _ in range(3):
        element.evaluate("e => e.refresh()")
    expect(age).to_contain_text("As it stood on 1 December 2026")
    assert element.evaluate("e => e.failures") == broken["times"] == 3
    page.unroute("**/api/editions/**")
    element.evaluate("e => e.refresh()")
    expect(age).to_be_hidden()


def test_it_asks_nothing_while_nobody_looks(app: Flask, window: Callable[..., Page]) -> None:
    page = window(f"{HERE}?lang=en")
    live(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.clock.run_for(60_000)
    assert not asked
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => false, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.wait_for_function("document.querySelector('achterban-crowdfunding').failures === 0")
    assert asked and asked[0].endswith("/api/editions/families-2026")
