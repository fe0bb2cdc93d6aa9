"""The admin in a real Chromium: a server in a thread, a database of the test's own, and nothing but this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from admin import command
from admin.app import create_app
from tests import cast
from tests.databases import SqliteDatabases

CHROMIUM = os.environ.get("ACHTERBAN_CHROMIUM", "/usr/bin/chromium")
PASSWORD = "a whole sentence is fine"
PEOPLE = {"anna": "finance", "bram": "finance", "carl": "viewer", "eva": "administrator"}
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=20_000)  # of a machine that does more than this


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not Path(CHROMIUM).exists():
        text = f"there is no Chromium at {CHROMIUM}: install it, or say in ACHTERBAN_CHROMIUM where it is"
        if os.environ.get("ACHTERBAN_REQUIRE_BROWSER") == "1":
            pytest.fail(text)
        pytest.skip(text)
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox"]}


@pytest.fixture
def served(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Flask]:
    """The application with four people to sign in as and a few supporters; ``served.address`` is where it listens."""
    with serving(sqlite_databases, tmp_path) as app:
        yield app


def live(page: Page) -> None:
    """Wait until the elements on the page have taken over their forms, or have found that they cannot."""
    page.evaluate(
        "Promise.all(Array.from(document.querySelectorAll("
        "'achterban-petition,achterban-donate,achterban-crowdfunding'), e => e.ready))"
    )


@contextmanager
def serving(sqlite_databases: SqliteDatabases, folder: Path, *, port: int = 0, **settings: Any) -> Iterator[Flask]:
    engine = sqlite_databases.create()
    app = create_app(
        instance_path=str(folder / "instance"),
        SUPPORTERS_NOW="2026-12-01T10:00:00+01:00",
        ADMIN_HTTPS=False,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}",
        **settings,
    )
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        for name, role in PEOPLE.items():
            command.make_user(f"{name}@example.org", PASSWORD, role, name=name.title(), by=cast.ANNA)
        fill(session)
        session.commit()
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    app.address = f"http://127.0.0.1:{server.port}"  # type: ignore[attr-defined]
    yield app
    server.shutdown()
    thread.join()
    with app.app_context():
        app.extensions["sqlalchemy"].session.remove()
        app.extensions["sqlalchemy"].engine.dispose()
    sqlite_databases.drop(engine)


def fill(session: Any) -> None:
    """Ada gives every month and was told so; Sam gave once; somebody has to be called."""
    from datetime import date, timedelta

    from supporters import Announcement, Task

    cast.creditor(session)
    ada = cast.ada(session)
    promise = cast.monthly(session, ada, start_on=cast.TODAY + timedelta(days=3))
    Announcement.make(
        session,
        promise,
        on=date(2026, 11, 1),
        channel="letter",
        evidence="letter of 1 November",
        by=cast.ANNA,
        now=cast.NOW,
    )
    sam, _suzie = cast.sam_and_suzie(session)
    cast.gift(session, sam)
    cast.gift(session, ada)
    Task.raise_(session, "call", "Call %(name)s.", by=cast.ANNA, now=cast.NOW, supporter_id=ada.id, name=ada.name)


@pytest.fixture
def context_of(served: Flask, browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browser windows that may also go to ``others``; whatever a page complains of fails the test."""
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    def open_context(*others: str, **options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", "base_url": served.address, **options})  # type: ignore[attr-defined]
        context.set_default_timeout(30_000)
        watch(context, (served.address, *others), complaints)  # type: ignore[attr-defined]
        opened.append(context)
        return context

    yield open_context
    for context in opened:
        context.close()
    assert complaints == []


def watch(context: BrowserContext, home: str | tuple[str, ...], complaints: list[str]) -> None:
    """Console errors, broken policies and requests to other machines all end up in ``complaints``."""

    def console(message: Any) -> None:
        # A form that is answered with 422, or a page with 403, is news to Chromium but not to us.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            complaints.append(f"{message.location.get('url')}: {message.text}")

    def asked(request: Any) -> None:
        homes = (home,) if isinstance(home, str) else home
        if not request.url.startswith((*homes, "data:", "about:", "blob:")):
            complaints.append(f"asked another machine: {request.url}")

    context.on("console", console)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", asked)


@pytest.fixture
def sign_in(context_of: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """A page on which somebody is signed in, through the form."""

    def go(name: str, **options: Any) -> Page:
        page = context_of(**options).new_page()
        page.goto("/admin/sign-in")
        page.fill("#email", f"{name}@example.org")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url("**/admin/")
        return page

    return go


@pytest.fixture
def axe() -> Iterator[Callable[[Page], None]]:
    """Fails in the end with all that axe-core found on the pages; their context needs ``bypass_csp=True``."""
    checker = Axe()
    found: list[str] = []

    def check(page: Page) -> None:
        results = checker.run(page)
        if results.violations_count:
            found.append(f"{page.url}\n{results.generate_report()}")

    yield check
    assert not found, "\n".join(found)
