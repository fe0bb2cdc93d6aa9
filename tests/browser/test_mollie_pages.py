"""The simulated Mollie in a real Chromium, under the prefix at which the demo serves it, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from admin.demo.vendors.mollie import State, create_app
from supporters.money import Money
from tests.browser.conftest import DESKTOP, PHONE, watch
from tests.supporters.payments.mollie_double import serving


@pytest.fixture
def charity() -> Flask:
    """Where the donor comes from, and goes back to."""
    app = Flask("charity")
    app.add_url_rule("/thanks", "thanks", lambda: "<!doctype html><html lang=en><title>Thanks</title>Thank you!")
    app.add_url_rule("/favicon.ico", "icon", lambda: ("", 204))
    return app


@pytest.fixture
def mollie(charity: Flask) -> Iterator[tuple[State, str]]:
    state = State()
    with serving(DispatcherMiddleware(charity, {"/pay": create_app(state)})) as home:
        yield state, home


@pytest.fixture
def window(browser: Browser, mollie: tuple[State, str]) -> Iterator[Callable[..., Page]]:
    opened: list[Any] = []
    complaints: list[str] = []

    def go(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "nl-NL", "base_url": mollie[1], **options})
        context.set_default_timeout(30_000)
        watch(context, mollie[1], complaints)
        opened.append(context)
        return context.new_page()

    yield go
    for context in opened:
        context.close()
    assert complaints == []


def made(mollie: tuple[State, str], **more: Any) -> str:
    state, home = mollie
    asked = {
        "amount": {"currency": "EUR", "value": "12.50"}, "description": "Gift to Example: 2026-12", "locale": "nl_NL",
        "redirectUrl": f"{home}/thanks",
    }  # fmt: skip
    return str(state.create_payment(asked | more, "test")["id"])


def test_a_donor_pays_and_comes_back_without_javascript(mollie: tuple[State, str], window: Callable[..., Page]) -> None:
    its_id = made(mollie)
    page = window(java_script_enabled=False, viewport=PHONE)
    page.goto(f"/pay/checkout/{its_id[3:]}")
    page.get_by_label("PayPal").check()
    page.get_by_role("button", name="Betalen", exact=True).click()
    page.wait_for_url("**/thanks")
    assert mollie[0].payment(its_id)["status"] == "paid"
    assert mollie[0].payment(its_id)["method"] == "paypal"
    page.goto("/pay/")
    page.get_by_label(f"Bedrag: {its_id}").fill("2,50")
    page.get_by_role("button", name=f"Terugbetalen: {its_id}").click()
    page.get_by_text("Terugbetaling € 2,50: voltooid").wait_for()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    mollie: tuple[State, str], window: Callable[..., Page], axe: Callable[[Page], None], viewport: Any
) -> None:
    state, _ = mollie
    customer = state.create_customer({}, "test")["id"]
    first = made(mollie, customerId=customer, sequenceType="first", method="ideal")
    undecided = made(mollie, locale="en_GB")
    page = window(bypass_csp=True, viewport=viewport)
    for path in (f"/pay/checkout/{first[3:]}", f"/pay/checkout/{undecided[3:]}"):
        page.goto(path)
        _looks_right(page, axe)
    state.pay(first)
    state.refund(first, Money.eur(2))
    state.charge_back(first, Money.eur(5))
    state.create_refund(first, {"amount": {"currency": "EUR", "value": "1.00"}}, "test")
    for end in (state.give_up, state.fail, state.process):
        end(made(mollie))
    for path in ("/pay/", f"/pay/checkout/{first[3:]}", "/pay/checkout/nobody"):
        page.goto(path)
        _looks_right(page, axe)


def _looks_right(page: Page, axe: Callable[[Page], None]) -> None:
    axe(page)
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room, f"{page.url} is {wide} wide"
    assert page.locator(".notice").evaluate("it => getComputedStyle(it).borderBottomStyle") == "dashed", "no stylesheet"
