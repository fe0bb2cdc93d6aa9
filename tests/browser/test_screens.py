"""Every screen, as people with a keyboard, a phone, a screen reader or no JavaScript meet it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from supporters import CollectionBatch
from tests import cast
from tests.browser.conftest import PHONE

SCREENS = (
    "/admin/",
    "/admin/tasks",
    "/admin/tasks/1",
    "/admin/supporters",
    "/admin/supporters/1",
    "/admin/supporters/new",
    "/admin/supporters/1/name",
    "/admin/supporters/1/contact",
    "/admin/supporters/1/account",
    "/admin/supporters/1/death",
    "/admin/supporters/1/gifts/new",
    "/admin/supporters/1/commitments/new",
    "/admin/gifts",
    "/admin/gifts/1",
    "/admin/gifts/1/reverse",
    "/admin/commitments",
    "/admin/commitments/1",
    "/admin/commitments/1/change",
    "/admin/commitments/1/pause",
    "/admin/commitments/1/skip",
    "/admin/commitments/1/stop",
    "/admin/runs",
    "/admin/runs/new",
    "/admin/runs/announce",
    "/admin/imports",
    "/admin/year",
    "/admin/funds",
    "/admin/funds/new",
    "/admin/funds/1",
    "/admin/creditor-accounts",
    "/admin/creditor-accounts/new",
    "/admin/creditor-accounts/1",
    "/admin/users",
    "/admin/users/new",
    "/admin/users/1",
    "/admin/audit",
    "/admin/account",
    "/admin/password",
    "/admin/two-factor",
    "/admin/recovery-codes",
    "/admin/export/gifts",
    "/admin/no-such-page",
)


@pytest.mark.parametrize(("language", "screens"), [("nl-NL", SCREENS), ("en-GB", SCREENS[::6])])
def test_axe_finds_nothing_on_any_screen(sign_in, axe, language, screens):
    page = sign_in("eva", bypass_csp=True, locale=language)
    for screen in screens:
        page.goto(screen)
        axe(page)


def test_axe_finds_nothing_before_signing_in(context_of, axe):
    page = context_of(bypass_csp=True).new_page()
    page.goto("/admin/sign-in")
    axe(page)


def test_no_screen_scrolls_sideways_on_a_phone_or_breaks_the_policy(sign_in):
    page = sign_in("eva", viewport=PHONE, locale="nl-NL")
    for screen in SCREENS:
        page.goto(screen)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], screen


def test_a_collected_commitment_fits_a_phone(served, sign_in):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        account = cast.creditor(session)
        batch = CollectionBatch.prepare(session, account, on=date(2026, 12, 4), by=cast.ANNA, now=cast.NOW)
        batch.approve(session, by=cast.BRAM, now=cast.NOW)
        batch.export(session, by=cast.BRAM, now=cast.NOW)
        batch.book(session, by=cast.ANNA, now=cast.NOW, today=batch.collect_on)
        session.commit()
    settings = served.extensions["supporters_settings"]
    served.extensions["supporters_settings"] = replace(settings, now=settings.now + timedelta(days=14))
    page = sign_in("eva", viewport=PHONE, locale="nl-NL")
    page.goto("/admin/commitments/1")
    assert "Kan zonder reden teruggehaald worden" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_menu_folds_on_a_phone_and_opens_without_a_script(sign_in):
    page = sign_in("anna", viewport=PHONE, java_script_enabled=False)
    gifts = page.get_by_role("link", name="Gifts", exact=True)
    assert not gifts.is_visible()
    page.get_by_text("Menu", exact=True).click()
    gifts.click()
    assert page.url.endswith("/admin/gifts")


def test_a_slash_goes_to_the_search_box_and_one_hit_opens_the_page(sign_in):
    page = sign_in("anna")
    page.keyboard.press("/")
    page.keyboard.type("lovelace")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/supporters/1")
    assert page.get_by_role("heading", level=1).inner_text() == "Ada Lovelace"


def test_a_filter_is_applied_at_once_and_stays_in_the_address(sign_in):
    page = sign_in("anna")
    page.goto("/admin/commitments")
    page.get_by_label("State").select_option("ended")
    page.get_by_text("No commitment is found with this.").wait_for()
    page.wait_for_url("**state=ended**")


def test_everything_goes_without_javascript_too(sign_in):
    page = sign_in("anna", java_script_enabled=False)
    page.goto("/admin/supporters/1")
    page.get_by_role("link", name="Change", exact=True).first.click()
    page.goto("/admin/commitments/1/change")
    page.get_by_label("Amount").fill("12,50")
    page.get_by_label("Why").fill("asked for it by telephone")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Changed, from the first instalment").wait_for()
    assert "€12.50 a month" in page.inner_text("main")
    page.goto("/admin/commitments")
    page.get_by_label("State").select_option("ended")
    page.get_by_role("button", name="Filter").click()
    page.get_by_text("No commitment is found with this.").wait_for()


def test_the_keyboard_alone_reaches_the_content_and_the_menu(sign_in):
    page = sign_in("anna")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "ab-skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_language_is_changed_by_a_button(sign_in):
    page = sign_in("anna")
    page.get_by_role("button", name="Nederlands").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Overzicht"


def test_a_mistake_stands_beside_its_field_and_what_was_typed_stays(sign_in):
    page = sign_in("anna")
    page.goto("/admin/supporters/1/gifts/new")
    page.get_by_label("Amount").fill("1.000")
    page.get_by_label("For", exact=True).select_option(label="General")
    page.get_by_role("button", name="Book it").click()
    field = page.get_by_label("Amount")
    assert field.input_value() == "1.000" and field.get_attribute("aria-invalid") == "true"
    described = page.locator(f"#{field.get_attribute('aria-describedby').split()[0]}").inner_text()
    assert "can mean two amounts; write 1,00 or 1000,00" in described


def test_an_open_menu_behind_the_name_closes_with_escape(sign_in):
    page = sign_in("anna")
    page.get_by_text("Anna", exact=True).click()
    assert page.get_by_role("button", name="Sign out").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name="Sign out").is_visible()
