"""A petition on somebody else's site, in real Chromium: signed with and without script, mailed, confirmed, counted."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from admin.app import create_app
from campaigns import Petition
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.signature import Publication, Signature, SignaturePerson
from campaigns.petitions.wording import HOUSE_TEXTS, Wording
from supporters.cli.work import run_once
from supporters.people.consent import may_contact
from supporters.sealing import keyring
from tests import cast
from tests.browser.conftest import DESKTOP, PHONE, live, watch
from tests.databases import SqliteDatabases
from tests.modules import ROOT
from tests.supporters.mail.post import Post, free_port

SLUG = "iedereen-doet-mee"
WORDS = {
    "nl": (
        "petition.html",
        "Voornaam",
        "Achternaam",
        "E-mailadres",
        "Ik onderteken",
        "Onderteken",
        "Ja, ik onderteken",
    ),
    "en": ("petition-en.html", "First name", "Surname", "E-mail address", "I sign this", "Sign", "Yes, I sign"),
}
POLICY = "default-src 'none'; script-src {host}; connect-src {host}; style-src 'self'; form-action {host} 'self'"


@dataclass
class World:
    """Us at ``host``, the charity's static pages at ``site``: two origins, and a mail server."""

    app: Flask
    host: str
    site: str
    post: Post
    pages: dict[str, str]
    policy: str = ""

    def work(self) -> None:
        with self.app.app_context():
            assert run_once()

    def count(self) -> dict[str, Any]:
        found = self.app.test_client().get(f"/api/petitions/{SLUG}/count").json
        assert isinstance(found, dict)
        return found


@pytest.fixture
def world(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[World]:
    engine, post = sqlite_databases.create(), Post(free_port())
    port, pages = free_port(), {}
    handler = partial(Pages, directory=str(ROOT / "examples" / "static"))
    site = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    host, origin = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{site.server_port}"
    app = create_app(
        instance_path=str(tmp_path / "instance"), SUPPORTERS_NOW=cast.NOW.isoformat(), ADMIN_HTTPS=False,
        SUPPORTERS_MAIL_SERVER=f"smtp://127.0.0.1:{post.port}", SUPPORTERS_MAIL_FROM="Charity <info@charity.example>",
        SUPPORTERS_PUBLIC_URL=host, SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}",
        CAMPAIGNS_COUNT_SECONDS=0, CAMPAIGNS_PROOF_NUMBER=2_000,
    )  # fmt: skip
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        petition = Petition.draft(
            session, SLUG, "Laat iedereen meedoen", "Wij vragen **meedoen**.", "de Tweede Kamer", by=cast.ANNA,
            now=cast.NOW, goals=[100, 1000], allowed_origins=[origin], return_urls=[f"{origin}/*"],
        )  # fmt: skip
        petition.open(session, by=cast.ANNA, now=cast.NOW)
        session.commit()
    server = make_server("127.0.0.1", port, app, threaded=True)
    for each in (site, server):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    made = World(app, host, origin, post, pages)
    Pages.world = made
    with post.open():
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
        if text is None:
            self.send_response(204 if name == "favicon.ico" else 404)
            self.end_headers()
            return
        body = text.encode()
        self.send_response(200)
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


def fill_in(page: Page, language: str, email: str, first_name: str = "Parwana") -> None:
    live(page)
    _, first, last, mail, consent, _, _ = WORDS[language]
    page.get_by_label(first, exact=True).fill(first_name)
    page.get_by_label(last, exact=True).fill("Rezai")
    page.get_by_label(mail, exact=True).fill(email)
    page.get_by_label(re.compile(f"^{consent}")).check()


def look(page: Page, name: str) -> None:
    """A picture for somebody to look at, where ACHTERBAN_PICTURES names a folder."""
    if folder := os.environ.get("ACHTERBAN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def press(page: Page, language: str) -> None:
    page.get_by_role("button", name=WORDS[language][5], exact=True).click()


def link_in_mail(world: World, email: str) -> str:
    world.work()
    (mail,) = [mail for _, to, mail in world.post.arrived if to == email]
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(r"http://\S+/confirm/\S+", body.get_content())
    assert found, body.get_content()
    return found[0]


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_static_page_on_another_origin_signs_and_the_counter_moves(
    world: World, window: Callable[..., Page], language: str, script: bool
) -> None:
    page = window(WORDS[language][0], java_script_enabled=script)
    if script:
        expect(page.locator("[part=number]")).to_have_text("0")
    email = f"{language}-{script}@example.org".lower()
    fill_in(page, language, email)
    press(page, language)
    if script:
        expect(page.get_by_role("status")).to_contain_text(email)
        assert page.url.startswith(world.site)
    else:
        page.wait_for_url(f"{world.host}/petitions/{SLUG}/thanks**")
    assert (world.count()["signed"], world.count()["confirmed"]) == (1, 0)
    mailed = window(link_in_mail(world, email), java_script_enabled=script)
    assert world.count()["confirmed"] == 0  # opening decides nothing
    mailed.get_by_role("button", name=WORDS[language][6]).click()
    mailed.get_by_role("heading", level=1).wait_for()
    assert world.count()["confirmed"] == 1
    if script and language == "nl":  # its time does not hang on the language
        page.bring_to_front()
        expect(page.locator("[part=number]")).to_have_text("1", timeout=20_000)


BARE = """<!doctype html><html lang="{lang}"><title>x</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="{host}/petitions/widget.js" defer></script>
<main><h1>x</h1><achterban-petition src="{host}/api/petitions/iedereen-doet-mee"></achterban-petition></main></html>"""


@pytest.mark.parametrize("language", ["nl", "en"])
def test_it_builds_its_own_form_under_the_strictest_policy_and_puts_mistakes_beside_their_fields(
    world: World, window: Callable[..., Page], language: str
) -> None:
    world.policy = f"default-src 'none'; script-src {world.host}; connect-src {world.host}; style-src 'none'"
    world.pages["bare.html"] = BARE.format(lang=language, host=world.host)
    page = window("bare.html")
    fill_in(page, language, "not-an-address", first_name="www.spam.example")
    press(page, language)
    expect(page.get_by_role("alert")).to_be_visible()
    first = page.get_by_label(WORDS[language][1], exact=True)
    expect(first).to_be_focused()
    assert first.get_attribute("aria-invalid") == "true" and first.input_value() == "www.spam.example"
    expect(page.locator(f"#{first.get_attribute('aria-describedby')}")).to_be_visible()
    assert page.get_by_label(WORDS[language][3], exact=True).get_attribute("aria-invalid") == "true"
    assert page.locator("button").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(29, 102, 96)"
    fill_in(page, language, "right@example.org")
    press(page, language)
    expect(page.get_by_role("status")).to_be_focused()
    assert world.count()["signed"] == 1
    with world.app.app_context():
        assert world.app.extensions["sqlalchemy"].session.scalars(select(SignaturePerson)).one().risk == ""


def test_without_script_a_mistake_keeps_what_was_typed(world: World, window: Callable[..., Page]) -> None:
    page = window("petition.html", java_script_enabled=False)
    fill_in(page, "nl", "p@example.org", first_name="www.spam.example")
    press(page, "nl")
    first = page.get_by_label("Voornaam", exact=True)
    assert page.url.startswith(world.host) and first.input_value() == "www.spam.example"
    assert page.get_by_label("E-mailadres", exact=True).input_value() == "p@example.org"
    first.fill("Parwana")
    press(page, "nl")
    page.wait_for_url("**/thanks**")
    assert world.count()["signed"] == 1


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize("where", ["static", "element", "ours"])
def test_a_comment_is_asked_kept_through_a_mistake_and_sent(
    world: World, window: Callable[..., Page], where: str, script: bool
) -> None:
    if where == "element" and not script:
        pytest.skip("without a script there is no element")
    world.pages["bare.html"] = BARE.format(lang="nl", host=world.host)
    paths = {"static": "petition.html", "element": "bare.html", "ours": f"{world.host}/petitions/{SLUG}?lang=nl"}
    page = window(paths[where], java_script_enabled=script)
    fill_in(page, "nl", "p@example.org", first_name="www.spam.example")
    comment = page.get_by_label(re.compile("^Reactie: waarom tekent u"))
    comment.fill("Zij horen erbij.\nEcht.")
    assert comment.get_attribute("maxlength") == "1000"
    hint = page.locator(f"#{comment.get_attribute('aria-describedby')}")
    expect(hint).to_contain_text("Hoogstens 1.000 tekens. Wij tonen uw reactie alleen als u dat hieronder aanvinkt.")
    page.get_by_label(re.compile("Schreef ik een reactie")).check()
    press(page, "nl")
    if script:
        page.get_by_role("alert").wait_for()
    else:
        page.wait_for_url("**/signatures")
    expect(comment).to_have_value("Zij horen erbij.\nEcht.")
    page.get_by_label("Voornaam", exact=True).fill("Parwana")
    press(page, "nl")
    if script:
        page.get_by_role("status").wait_for()
    else:
        page.wait_for_url("**/thanks**")
    with world.app.app_context():
        session = world.app.extensions["sqlalchemy"].session
        assert session.scalars(select(Signature)).one().who(session).comment == "Zij horen erbij.\nEcht."
        assert session.scalars(select(Publication)).one().with_comment


def test_the_element_asks_no_comment_where_the_words_do_not_name_it(world: World, window: Callable[..., Page]) -> None:
    with world.app.app_context():
        session = world.app.extensions["sqlalchemy"].session
        petition = Petition.by_slug(session, SLUG)
        Wording.change(session, petition, "nl", HOUSE_TEXTS["nl"], by=cast.ANNA, now=cast.NOW)
        session.commit()
    for language, asked in (("nl", 0), ("en", 1)):
        world.pages["bare.html"] = BARE.format(lang=language, host=world.host)
        page = window("bare.html")
        page.locator("[part=button]").wait_for()
        assert page.locator("textarea").count() == asked


def test_a_form_that_lay_open_too_long_for_its_proof_is_sent_with_another(
    world: World, window: Callable[..., Page]
) -> None:
    page = window("petition.html")
    asked: list[str] = []

    def stale(route: Route) -> None:
        answer = route.fetch()
        riddle = answer.json()
        if not asked:  # it can be solved, and is refused, as one that is too old
            riddle["signature"] = "0" * len(riddle["signature"])
        asked.append(riddle["challenge"])
        route.fulfill(response=answer, json=riddle)

    page.route("**/challenge", stale)
    fill_in(page, "nl", "slow@example.org")
    press(page, "nl")
    expect(page.get_by_role("status")).to_contain_text("slow@example.org")
    assert len(asked) == 2
    assert world.count()["signed"] == 1


def test_our_own_page_signs_in_place(world: World, window: Callable[..., Page]) -> None:
    page = window(f"{world.host}/petitions/{SLUG}?lang=nl")
    fill_in(page, "nl", "ours@example.org")
    press(page, "nl")
    expect(page.get_by_role("status")).to_contain_text("ours@example.org")
    assert world.count()["signed"] == 1


def test_the_plain_form_stays_where_the_api_cannot_be_reached(world: World, browser: Browser) -> None:
    page = browser.new_page(viewport=DESKTOP)
    page.route(f"{world.host}/api/**", lambda route: route.abort() if route.request.method != "POST" or
               route.request.resource_type != "document" else route.continue_())  # fmt: skip
    page.goto(f"{world.site}/petition.html")
    fill_in(page, "nl", "plain@example.org")
    press(page, "nl")
    page.wait_for_url("**/thanks**")
    page.close()
    assert world.count()["signed"] == 1


def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    world: World, window: Callable[..., Page], axe: Callable[[Page], None]
) -> None:
    world.pages["bare.html"] = BARE.format(lang="nl", host=world.host)
    for viewport in (DESKTOP, PHONE):
        page = window("petition.html", viewport=viewport, bypass_csp=True)
        page.locator("[part=number]").wait_for()
        axe(page)
        press(page, "nl")
        page.get_by_role("alert").wait_for()
        axe(page)
        look(page, f"static-mistakes-{viewport['width']}")
        page.goto(f"{world.site}/bare.html")
        page.locator("[part=button]").wait_for()
        axe(page)
        look(page, f"element-{viewport['width']}")
        for path in (f"/petitions/{SLUG}", f"/petitions/{SLUG}/thanks"):
            page.goto(world.host + path)
            axe(page)
            look(page, f"{path.rpartition('/')[2]}-{viewport['width']}")
        page.goto(f"{world.host}/petitions/{SLUG}")
        fill_in(page, "nl", f"p{viewport['width']}@example.org", first_name="www.spam.example")
        press(page, "nl")
        page.get_by_role("alert").wait_for()
        axe(page)
        look(page, f"ours-mistakes-{viewport['width']}")
        page.locator("form").evaluate("form => form.submit()")  # as a browser without a script
        page.wait_for_url("**/signatures")
        axe(page)
        look(page, f"again-{viewport['width']}")
        page.get_by_label("Voornaam", exact=True).fill("Parwana")
        press(page, "nl")
        page.wait_for_url("**/thanks**")
        page.goto(link_in_mail(world, f"p{viewport['width']}@example.org"))
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def signed(world: World) -> tuple[str, str]:
    """The links in the mails about a signature of somebody who wants updates: to confirm it and to stop the mails."""
    with world.app.app_context():
        session = world.app.extensions["sqlalchemy"].session
        petition = Petition.by_slug(session, SLUG)
        form = SignatureForm("Parwana", "Rezai", "p@example.org", consent=True, updates=True)
        outcome = petition.sign(session, form, now=cast.NOW)
        signature = Signature.get(session, outcome.signature_id or 0)
        ring = keyring(session)
        links = (
            f"{world.host}/confirm/{signature.token(ring)}",
            f"{world.host}/unsubscribe/{signature.token(ring, 'unsubscribe')}",
        )
        session.commit()
    return links


@pytest.mark.parametrize("language", ["nl", "en"])
def test_axe_finds_nothing_on_the_pages_that_links_in_mail_lead_to(
    world: World, window: Callable[..., Page], axe: Callable[[Page], None], language: str
) -> None:
    confirm, stop = signed(world)
    says = {
        "nl": (
            "Geen mail meer",
            "Stop deze berichten",
            "U krijgt deze berichten niet meer",
            "Trek mijn ondertekening in",
        ),
        "en": ("No more mail", "Stop these messages", "You get no more of these messages", "Take my name back"),
    }[language]
    for viewport in (DESKTOP, PHONE):
        width = viewport["width"]

        def see(page: Page, name: str, width: int = width) -> None:
            assert page.locator("html").get_attribute("lang") == language
            assert page.get_by_role("heading", level=1).count() == 1
            axe(page)
            look(page, f"{name}-{language}-{width}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width

        page = window(f"{stop}?lang={language}", viewport=viewport, bypass_csp=True)
        assert page.title() == says[0]
        see(page, "unsubscribe")
        page.get_by_role("button", name=says[1]).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(says[2])
        see(page, "unsubscribed")
        page.goto(f"{stop}x?lang={language}")
        see(page, "refused")
        page.goto(f"{confirm}?lang={language}")
        see(page, "confirm")
    page.locator("button[value=confirm]").click()
    see(page, "confirmed")
    page.get_by_role("button", name=says[3]).click()
    see(page, "withdrawn")


def test_the_mails_are_stopped_by_a_button_and_without_a_script(world: World, window: Callable[..., Page]) -> None:
    _, stop = signed(world)
    page = window(stop, java_script_enabled=False)

    def wants_updates() -> bool:
        with world.app.app_context():
            session = world.app.extensions["sqlalchemy"].session
            one = session.scalars(select(Signature)).one()
            return bool(may_contact(one.address_key, "updates", session=session, scope=one.scope))

    assert wants_updates()  # opening decides nothing
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("U krijgt deze berichten niet meer")
    assert not wants_updates()
