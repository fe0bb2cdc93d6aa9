"""The screens of petitions, as people with a screen reader, a phone or no JavaScript meet them."""

from __future__ import annotations

import pytest

from campaigns.petitions.update import PetitionUpdate
from tests import cast, petition_desk
from tests.browser.conftest import PHONE

PAGE = "/admin/petitions/afghanen"
SCREENS = (
    "/admin/petitions", "/admin/new-petition", PAGE, f"{PAGE}/change", f"{PAGE}/consent-texts/nl", f"{PAGE}/close",
    f"{PAGE}/mail", f"{PAGE}/updates", f"{PAGE}/updates/new", f"{PAGE}/updates/1", f"{PAGE}/updates/1/send",
    f"{PAGE}/paper", f"{PAGE}/paper/new", f"{PAGE}/mails",
)  # fmt: skip


@pytest.fixture
def petition(served):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        made = petition_desk.fill(session)
        made.edit(session, by=cast.ANNA, now=cast.NOW, goals=[10, 100])
        PetitionUpdate.write(session, made, "Het gaat goed", "Al **veel**.", by=cast.ANNA, now=cast.NOW)
        session.commit()


@pytest.mark.parametrize(("language", "screens"), [("nl-NL", SCREENS), ("en-GB", SCREENS[::6])])
def test_axe_finds_nothing_on_any_screen_of_petitions(sign_in, axe, petition, language, screens):
    page = sign_in("eva", bypass_csp=True, locale=language)
    for screen in screens:
        page.goto(screen)
        axe(page)


def test_no_screen_of_petitions_scrolls_sideways_on_a_phone_or_breaks_the_policy(sign_in, petition):
    page = sign_in("eva", viewport=PHONE, locale="nl-NL")
    for screen in SCREENS:
        page.goto(screen)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], screen


def test_the_state_of_the_mail_comes_by_itself_and_without_a_script_by_its_link(sign_in, petition):
    page = sign_in("anna")
    page.goto(PAGE)
    page.get_by_text("Why mail failed").or_(page.get_by_text("should have gone")).first.wait_for()
    plain = sign_in("anna", java_script_enabled=False)
    plain.goto(PAGE)
    plain.get_by_role("link", name="What waits, what was sent and what failed").click()
    assert plain.url.endswith("/mail")


def test_an_update_is_written_looked_at_and_kept_without_a_script(sign_in, petition):
    page = sign_in("anna", java_script_enabled=False)
    page.goto(f"{PAGE}/updates/new")
    page.get_by_label("Subject").fill("Nieuws")
    page.get_by_label("Text").fill("Dit is **nieuw**.")
    page.get_by_role("button", name="Show how it looks").click()
    assert page.locator("main strong", has_text="nieuw").is_visible()
    page.get_by_role("button", name="Keep as a draft").click()
    page.get_by_text("Kept as a draft").wait_for()
