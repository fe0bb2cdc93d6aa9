"""A petition's desk by keyboard, on a phone, without a script, and as axe reads it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from campaigns.petitions.handover import Handover
from campaigns.petitions.network import NetworkRule
from campaigns.petitions.petition import Petition
from tests import cast
from tests.browser.conftest import PHONE
from tests.petition_desk import fill

HERE = "/admin/petitions/afghanen"
SCREENS = (
    f"{HERE}/moderation",
    f"{HERE}/moderation?state=approved",
    f"{HERE}/moderation/2/redact",
    f"{HERE}/trends",
    f"{HERE}/quarantine",
    f"{HERE}/quarantine/release?risk=honeypot",
    f"{HERE}/removals",
    f"{HERE}/removals/new",
    f"{HERE}/removals/new?domain=spam.example",
    "/admin/networks",
    f"{HERE}/hand-over",
    f"{HERE}/hand-over/new",
    f"{HERE}/hand-over/1/took-place",
    "/admin/data-requests",
)


@pytest.fixture(autouse=True)
def petition(served):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        fill(session)
        NetworkRule.add(session, "192.0.2.0/24", "allow", "the school in Zwolle", by=cast.ANNA, now=cast.NOW)
        Handover.make(session, Petition.by_slug(session, "afghanen"), "the House", by=cast.ANNA, now=cast.NOW)
        session.commit()
        session.remove()


def test_axe_finds_nothing_at_the_desk(sign_in, axe):
    page = sign_in("eva", bypass_csp=True, locale="nl-NL")
    for screen in SCREENS:
        page.goto(screen)
        axe(page)
    page.goto("/admin/data-requests")
    page.fill("#email", "parwana@gmail.com")
    page.click("main form button")
    page.locator("#consents").wait_for()
    axe(page)
    page.locator("form[action$='/sure'] button").click()
    page.locator("form[action$='/erase']").wait_for()
    axe(page)


def test_the_desk_fits_a_phone_and_keeps_the_policy(sign_in):
    page = sign_in("eva", viewport=PHONE, locale="nl-NL")
    for screen in SCREENS:
        page.goto(screen)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], screen


def test_names_are_decided_by_keyboard_and_undone(sign_in):
    page = sign_in("anna")
    page.goto(f"{HERE}/moderation")
    lists, at_once = page.locator("#ab-states .ab-count"), page.locator("#ab-plain")
    expect(lists).to_have_text(["3", "0", "0", "0"])
    expect(at_once).to_contain_text("Approve the 2")
    page.keyboard.press("a")
    page.locator("#name-1[data-decided]").wait_for()
    expect(page.locator("#name-2")).to_be_focused()
    expect(lists).to_have_text(["2", "1", "0", "0"])
    expect(at_once).to_contain_text("Approve the one")
    page.keyboard.press("r")
    page.locator("#name-2[data-decided]").wait_for()
    expect(page.locator("#name-3")).to_be_focused()
    expect(lists).to_have_text(["1", "1", "1", "0"])
    page.keyboard.press("u")
    page.locator("#name-2:not([data-decided])").wait_for()
    expect(page.locator("#name-2")).to_be_focused()
    expect(lists).to_have_text(["2", "1", "0", "0"])
    expect(at_once).to_contain_text("Approve the one")
    expect(page.locator("#ab-states [aria-current]")).to_contain_text("Waiting")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#name-3")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("e")
    page.wait_for_url("**/moderation/2/redact")
    expect(page.get_by_label("Comment to show")).to_be_focused()
    page.get_by_label("Comment to show").fill("Bel mij: …")
    page.get_by_role("button", name="Approve this").click()
    page.get_by_text("Approved: it is shown from now on.").wait_for()
    page.goto(f"{HERE}/moderation?state=approved")
    assert page.locator("article").count() == 2


def test_the_desk_works_without_a_script(sign_in):
    page = sign_in("anna", java_script_enabled=False)
    page.goto(f"{HERE}/moderation")
    page.get_by_role("button", name="Approve a", exact=True).first.click()
    page.get_by_text("The last decision can be undone.").wait_for()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("Undone: it waits again.").wait_for()
    page.get_by_role("link", name="Trends").click()
    page.get_by_role("link", name="Look and remove spam.example").click()
    page.get_by_label("Why").fill("robots")
    page.get_by_role("button", name="Remove these 25").click()
    page.get_by_text("25 signatures removed.").wait_for()


def test_a_choice_stands_beside_its_button_on_a_phone(sign_in):
    page = sign_in("anna", viewport=PHONE)
    page.goto(f"{HERE}/change")
    radio, label = page.locator("[name=confirm_policy]").first, page.locator("label[for=confirm_policy-0]")
    beside, words = radio.bounding_box(), label.bounding_box()
    assert words["x"] > beside["x"] + beside["width"] and abs(words["y"] - beside["y"]) < beside["height"]
