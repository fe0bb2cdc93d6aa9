"""Giving on somebody else's site and on ours, in real Chromium: with and without script, paid, cancelled, again."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from admin.app import create_app
from supporters import Gift
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from tests import cast
from tests.browser.conftest import DESKTOP, PHONE, live, watch
from tests.browser.test_petition import look
from tests.databases import SqliteDatabases
from tests.modules import ROOT
from tests.supporters.mail.post import free_port

WORDS = {
    "nl": {
        "page": "donate.html", "first": "Voornaam", "last": "Achternaam", "mail": "E-mailadres", "give": "Doneer",
        "own": "Ander bedrag, in euro's", "month": "Elke maand", "thanks": "Dank u wel", "pay": "Betaal alsnog",
        "cancelled": "U hebt de betaling geannuleerd", "cover": "Ik betaal ook de kosten",
    },
    "en": {
        "page": "donate-en.html", "first": "First name", "last": "Surname", "mail": "E-mail address", "give": "Give",
        "own": "Another amount, in euros", "month": "Every month", "thanks": "Thank you", "pay": "Pay after all",
        "cancelled": "You cancelled the payment", "cover": "I pay the costs",
    },
}  # fmt: skip
POLICY = "default-src 'none'; script-src {host}; connect-src {host}; style-src 'self'; form-action {host}"
BARE = """<!doctype html><html lang="{lang}"><title>x</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="{host}/give/widget.js" defer></script>
<main><h1>x</h1><achterban-donate src="{host}" amounts="5,15,30" interval="month" source="bare"></achterban-donate>
</main></html>"""
VENDOR = """<!doctype html><html lang="en"><title>Bank</title><main><h1>The bank</h1>
<p><a href="?do=pay">Pay</a> <a href="?do=give_up">Cancel</a> <a href="?do=process">Later</a></p></main></html>"""


@dataclass
class World:
    """Us at ``host``, the charity's static pages at ``site``, and a bank whose page stands with us."""

    app: Flask
    host: str
    site: str
    pages: dict[str, str]
    policy: str = ""

    def all(self, column: Any) -> list[Any]:
        with self.app.app_context(), Session(self.app.extensions["sqlalchemy"].engine) as session:
            return list(session.scalars(select(column)))


@pytest.fixture
def world(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[World]:
    engine, port = sqlite_databases.create(), free_port()
    handler = partial(Pages, directory=str(ROOT / "examples" / "static"))
    site = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    host, origin = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{site.server_port}"
    account = GatewayAccount("memory", "memory", "test_x", False, ("hush",), base_url=f"{host}/bank")
    gateway = MemoryGateway(account, now=lambda: cast.NOW)
    vendor = MemoryBackstage(gateway)
    app = create_app(
        instance_path=str(tmp_path / "instance"), SUPPORTERS_NOW=cast.NOW.isoformat(), ADMIN_HTTPS=False,
        SUPPORTERS_PUBLIC_URL=host, SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}",
        SUPPORTERS_GATEWAYS=Accounts({"memory": gateway}), SUPPORTERS_GIVING_ORIGINS=[origin],
        SUPPORTERS_GIVING_PROOF_NUMBER=2_000,
        SUPPORTERS_COVER_COSTS={"ideal": 32, "card": 50}, SUPPORTERS_GIVING_RETURN_URLS=[f"{origin}/*"],
    )  # fmt: skip
    with app.app_context():
        cast.fund(app.extensions["sqlalchemy"].session)
        app.extensions["sqlalchemy"].session.commit()
    made = World(app, host, origin, {})

    @app.get("/bank/<external_id>")
    def bank(external_id: str) -> ResponseReturnValue:
        if not (what := request.args.get("do")):
            return VENDOR, {"Content-Security-Policy": "default-src 'none'; img-src data:"}
        getattr(vendor, what)(external_id)
        with Session(app.extensions["sqlalchemy"].engine) as session:
            tokens = select(Checkout.token).join(OnlinePayment).where(OnlinePayment.external_id == external_id)
            return redirect(f"/give/{session.scalars(tokens).one()}")

    server = make_server("127.0.0.1", port, app, threaded=True)
    for each in (site, server):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    Pages.world = made
    yield made
    site.shutdown()
    site.server_close()
    server.shutdown()
    with app.app_context():
        app.extensions["sqlalchemy"].session.remove()
        app.extensions["sqlalchemy"].engine.dispose()
    sqlite_databases.drop(engine)


class Pages(SimpleHTTPRequestHandler):
    """The example's static pages with this run's address of ours in them, and pages that a test wrote."""

    world: World

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].lstrip("/")
        file = Path(self.directory) / name
        text = self.world.pages.get(name)
        if text is None and name.endswith((".html", ".css")) and file.exists():
            text = file.read_text().replace("http://127.0.0.1:5000", self.world.host)
        self.send_response(200 if text is not None else 204 if name == "favicon.ico" else 404)
        body = (text or "").encode()
        self.send_header("Content-Type", "text/css" if name.endswith(".css") else "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", self.world.policy or POLICY.format(host=self.world.host))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def window(world: World, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page; what any of them complains of (a broken policy, an error) fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def go(path: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "nl-NL", **options})
        context.set_default_timeout(30_000)
        watch(context, (world.site, world.host), complaints)
        contexts.append(context)
        page = context.new_page()
        page.goto(path if path.startswith("http") else f"{world.site}/{path}")
        live(page)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def fill_in(page: Page, language: str, email: str = "ada@example.org", first_name: str = "Ada") -> None:
    live(page)
    words = WORDS[language]
    page.get_by_label(words["first"], exact=True).fill(first_name)
    page.get_by_label(words["last"], exact=True).fill("Lovelace")
    page.get_by_label(words["mail"], exact=True).fill(email)


def choose(page: Page, label: str) -> None:
    page.get_by_role("radio", name=label, exact=True).check(force=True)


def button(page: Page, language: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{WORDS[language]['give']}"))


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_static_page_on_another_origin_gives_by_a_plain_form_and_by_script(
    world: World, window: Callable[..., Page], language: str, script: bool
) -> None:
    words = WORDS[language]
    page = window(words["page"], java_script_enabled=script)
    fill_in(page, language)
    page.get_by_label(words["own"], exact=True).fill("12,50")
    if script:
        expect(button(page, language)).to_have_text(re.compile(r"12[.,]50$"))
    button(page, language).click()
    page.wait_for_url(f"{world.host}/bank/*")
    assert world.all(Gift.amount) == []
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words["cancelled"])
    page.get_by_role("button", name=words["pay"]).click()
    page.wait_for_url(f"{world.host}/bank/*")
    page.get_by_role("link", name="Pay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words["thanks"])
    assert world.all(Gift.amount) == [1250]
    assert world.all(Gift.source_code) == ["static"]
    (form_url,) = world.all(Checkout.form_url)
    assert form_url == f"{world.site}/{words['page'] if script else ''}"  # a browser alone names the site only
    assert page.context.cookies() == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_element_builds_its_form_under_the_strictest_policy(
    world: World, window: Callable[..., Page], language: str
) -> None:
    words = WORDS[language]
    world.policy = f"default-src 'none'; script-src {world.host}; connect-src {world.host}; style-src 'none'"
    world.pages["bare.html"] = BARE.format(lang=language, host=world.host)
    page = window("bare.html")
    expect(page.get_by_role("radio", name=words["month"], exact=True)).to_be_checked()
    fill_in(page, language, "not-an-address", first_name="www.spam.example")
    button(page, language).click()
    expect(page.get_by_role("alert")).to_be_visible()
    first = page.get_by_label(words["first"], exact=True)
    expect(first).to_be_focused()
    assert first.get_attribute("aria-invalid") == "true"
    expect(page.locator(f"#{first.get_attribute('aria-describedby')}")).to_be_visible()
    assert page.get_by_label(words["mail"], exact=True).get_attribute("aria-invalid") == "true"
    page.get_by_label(words["own"], exact=True).fill("0,10")
    fill_in(page, language)
    button(page, language).click()
    own = page.get_by_label(words["own"], exact=True)
    expect(own).to_be_focused()
    assert first.get_attribute("aria-invalid") is None
    choose(page, "€ 15" if language == "nl" else "€15")
    assert own.input_value() == ""
    page.get_by_label(re.compile(f"^{words['cover']}")).check()
    expect(button(page, language)).to_have_text(re.compile(r"15[.,]32 "))
    choose(page, "PayPal")
    expect(page.get_by_label(re.compile(f"^{words['cover']}"))).to_be_hidden()
    choose(page, "iDEAL | Wero")
    assert page.locator("button").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(29, 102, 96)"
    button(page, language).click()
    page.wait_for_url(f"{world.host}/bank/*")
    page.get_by_role("link", name="Pay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words["thanks"])
    assert (world.all(Checkout.amount), world.all(Checkout.every), world.all(Checkout.method)) == (
        [1500], ["month"], ["ideal"],
    )  # fmt: skip


def test_a_form_is_sent_with_a_proof_of_work_and_with_another_where_that_was_too_old(
    world: World, window: Callable[..., Page]
) -> None:
    page = window(WORDS["nl"]["page"])
    sent: list[str] = []

    def first_is_stale(route: Route) -> None:
        fields = route.request.post_data_json
        sent.append(fields["altcha"])
        route.continue_(post_data=json.dumps({**fields, "altcha": "c3RhbGU="}) if len(sent) == 1 else None)

    page.route("**/api/gifts", first_is_stale)
    fill_in(page, "nl")
    button(page, "nl").click()
    page.wait_for_url(f"{world.host}/bank/*")
    assert len(set(sent)) == 2
    assert all(sent)
    assert len(world.all(Checkout.id)) == 1


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_our_own_page_by_keyboard_alone(world: World, window: Callable[..., Page], language: str, script: bool) -> None:
    page = window(f"{world.host}/give?lang={language}&source=flyer", java_script_enabled=script)
    if script:
        expect(button(page, language)).to_have_text(re.compile("25$"))
    for key in ("Tab", "ArrowRight", "Tab", "ArrowRight", "Tab", "Tab"):  # monthly, 50 euros
        page.keyboard.press(key)
    for typed in ("Ada", "van der", "Lovelace", "ada@example.org"):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # the second way to pay
    page.keyboard.press("Enter")
    page.wait_for_url(f"{world.host}/bank/*")
    page.get_by_role("link", name="Later").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert world.all(Checkout.amount) == [5000]
    assert (world.all(Checkout.every), world.all(Checkout.method)) == (["month"], ["bancontact"])
    assert world.all(Gift.amount) == []


def test_without_script_a_mistake_keeps_what_was_typed(world: World, window: Callable[..., Page]) -> None:
    page = window(f"{world.host}/give?lang=nl", java_script_enabled=False)
    fill_in(page, "nl", first_name="www.spam.example")
    choose(page, "Elk kwartaal")
    choose(page, "€ 50")
    choose(page, "Bancontact")
    button(page, "nl").click()
    page.wait_for_url("**/api/gifts")
    first = page.get_by_label("Voornaam", exact=True)
    assert first.input_value() == "www.spam.example"
    for kept in ("Elk kwartaal", "€ 50", "Bancontact"):
        expect(page.get_by_role("radio", name=kept, exact=True)).to_be_checked()
    first.fill("Ada")
    button(page, "nl").click()
    page.wait_for_url(f"{world.host}/bank/*")
    assert (world.all(Checkout.amount), world.all(Checkout.every)) == ([5000], ["quarter"])


def test_the_page_looks_again_by_itself_until_the_bank_has_spoken(world: World, window: Callable[..., Page]) -> None:
    for script in (True, False):
        page = window(f"{world.host}/give?lang=nl", java_script_enabled=script)
        fill_in(page, "nl", f"{script}@example.org".lower())
        button(page, "nl").click()
        page.wait_for_url(f"{world.host}/bank/*")
        at_the_bank = page.url
        page.get_by_role("link", name="Later").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Wij wachten op uw bank")
        window(f"{at_the_bank}?do=pay")
        expect(page.get_by_role("heading", level=1)).to_have_text("Dank u wel", timeout=30_000)
    assert world.all(Gift.amount) == [2500, 2500]


def test_who_comes_back_from_the_bank_can_press_again_and_it_is_the_same_payment(
    world: World, window: Callable[..., Page]
) -> None:
    page = window("donate.html")
    fill_in(page, "nl")
    addresses = []
    for _ in range(2):
        button(page, "nl").click()
        page.wait_for_url(f"{world.host}/bank/*")
        addresses.append(page.url)
        page.go_back()
        expect(button(page, "nl")).to_be_enabled()
        fill_in(page, "nl")
    assert len(set(addresses)) == len(world.all(Checkout.id))


def test_the_plain_form_stays_where_the_api_cannot_be_reached(world: World, browser: Browser) -> None:
    page = browser.new_page(viewport=DESKTOP)
    page.route(f"{world.host}/api/**", lambda route: route.abort() if route.request.resource_type != "document" else
               route.continue_())  # fmt: skip
    page.goto(f"{world.site}/donate.html")
    fill_in(page, "nl")
    button(page, "nl").click()
    page.wait_for_url(f"{world.host}/bank/*")
    page.close()
    assert world.all(Checkout.amount) == [2500]


def test_without_script_the_bare_element_leads_to_our_page(world: World, window: Callable[..., Page]) -> None:
    page = window("donate-element.html", java_script_enabled=False)
    page.get_by_role("link").click()
    expect(page.get_by_label("Voornaam")).to_be_visible()


def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    world: World, window: Callable[..., Page], axe: Callable[[Page], None]
) -> None:
    def examine(page: Page, name: str) -> None:
        axe(page)
        look(page, f"give-{name}-{page.viewport_size['width']}")  # type: ignore[index]
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]

    for viewport, language in ((DESKTOP, "nl"), (PHONE, "en")):
        page = window(WORDS[language]["page"], viewport=viewport, bypass_csp=True)
        expect(button(page, language)).to_have_text(re.compile("25"))
        examine(page, f"static-{language}")
        button(page, language).click()
        page.get_by_role("alert").wait_for()
        examine(page, f"static-mistakes-{language}")
        page.goto(f"{world.host}/give?lang={language}")
        examine(page, f"ours-{language}")
        fill_in(page, language, first_name="www.spam.example")
        page.get_by_label(WORDS[language]["own"], exact=True).fill("veel")
        page.locator("form").evaluate("form => form.submit()")  # as a browser without a script
        page.wait_for_url("**/api/gifts")
        examine(page, f"again-{language}")
        page.get_by_label(WORDS[language]["own"], exact=True).fill("")
        page.get_by_label(WORDS[language]["first"], exact=True).fill("Ada")
        choose(page, WORDS[language]["month"])
        choose(page, "€ 10" if language == "nl" else "€10")
        button(page, language).click()
        for what in ("give_up", "process", "pay"):
            page.wait_for_url(f"{world.host}/bank/*")
            at_the_bank = page.url
            page.goto(f"{at_the_bank}?do={what}")
            page.get_by_role("heading", level=1).wait_for()
            examine(page, f"{what}-{language}")
            if what == "give_up":
                page.get_by_role("button").click()
            elif what == "process":
                page.goto(at_the_bank)
    page = window("donate-element.html", viewport=viewport, bypass_csp=True)
    page.locator("[part=button]").wait_for()
    examine(page, "element")
    page.locator("[part=button]").click()
    page.get_by_role("alert").wait_for()
    examine(page, "element-mistakes")
