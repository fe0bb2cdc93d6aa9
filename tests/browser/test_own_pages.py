"""Somebody starts a page of their own, on a phone and without a script, and it is live once staff looked."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from campaigns import Team
from supporters.mail.letter import Letter, render
from supporters.mail.message import OutboxMessage
from supporters.settings import Settings
from tests import cast
from tests.browser.conftest import PHONE
from tests.campaigns.crowdfunding import world
from tests.campaigns.crowdfunding.test_own_pages import SVG, photo

START = "/crowdfunding/families-2026/start"


@pytest.fixture
def edition(served):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        made = world.edition(session)
        Team.form(session, made, "utrecht", "Running club Utrecht", by=cast.ANNA, now=cast.NOW)
        session.commit()


def mailed(served):
    """The address in the last mail, as the outbox would send it."""
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        message = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)).one()
        letter = render(session, message, settings=Settings.read({}), now=cast.NOW)
        assert isinstance(letter, Letter)
        return re.search(r"/crowdfunding/own/\S+", letter.text)[0]


def test_from_three_fields_to_live_on_a_phone_without_a_script(context_of, sign_in, served, edition, tmp_path):
    phone = context_of(viewport=PHONE, java_script_enabled=False).new_page()
    phone.goto(START)
    phone.get_by_label("Your name").fill("Ada Lovelace")
    phone.get_by_label("E-mail address").fill("ada@example.org")
    phone.get_by_label("Title of your page").fill("Ada runs")
    phone.get_by_label("Team").select_option("Running club Utrecht")
    phone.get_by_role("button", name="Mail me the link").click()
    phone.get_by_text("We have sent you a mail.").wait_for()

    phone.goto(mailed(served))
    phone.get_by_text("Ada Lovelace wants to start this page:").wait_for()
    phone.get_by_role("button", name="Make my page").click()
    phone.get_by_text("Your page is there.").wait_for()
    phone.get_by_label("Your story").fill("I run **sixteen** kilometres.\n\n<script>alert(1)</script>")
    phone.get_by_label("What you want to bring together").fill("0")
    phone.get_by_role("button", name="Save").click()
    phone.locator("#own-target-error").get_by_text("A target is more than nothing, in EUR.").wait_for()
    phone.get_by_label("What you want to bring together").fill("750")
    phone.get_by_label("Your thanks").fill("Thank you!")
    phone.get_by_role("button", name="Save").click()
    phone.get_by_text("Saved.").wait_for()
    phone.get_by_text("of €750.00").wait_for()

    (tmp_path / "bad.svg").write_bytes(SVG)
    (tmp_path / "large.jpg").write_bytes(photo().getvalue() + bytes(40_000_000))
    (tmp_path / "me.jpg").write_bytes(photo().getvalue())
    for name, said in (
        ("bad.svg", "This is not a picture that we can show"),
        ("large.jpg", "This picture is larger than 10 megabytes"),
    ):
        phone.get_by_label("Choose a picture").set_input_files(tmp_path / name)
        phone.get_by_role("button", name="Send the picture").click()
        phone.locator("#own-picture-error").get_by_text(said).wait_for()
    phone.get_by_label("Choose a picture").set_input_files(tmp_path / "me.jpg")
    phone.get_by_role("button", name="Send the picture").click()
    phone.get_by_text("We have your picture.").wait_for()
    desk = phone.url

    staff = sign_in("bram", java_script_enabled=False)
    staff.goto("/admin/editions/families-2026")
    staff.get_by_role("button", name="Approve Ada runs").click()
    staff.get_by_text("Everybody sees the page now.").wait_for()
    staff.get_by_role("link", name="Look at the picture Ada runs").click()
    staff.get_by_role("button", name="Show the picture").click()
    staff.get_by_text("The picture is on the page").wait_for()

    phone.goto(desk)
    phone.get_by_text("Your page is online:").wait_for()
    phone.get_by_text("Others see this one.").wait_for()
    told = phone.request.get("/api/editions/families-2026/pages/ada-runs").json()
    assert (told["title"], told["team"]) == ("Ada runs", "Running club Utrecht")
    assert "/crowdfunding/families-2026/ada-runs/picture" in told["picture_url"]
    assert "<script" not in told["story_html"]
    assert phone.request.get("/crowdfunding/families-2026/ada-runs/picture").headers["content-type"] == "image/jpeg"


def test_axe_finds_nothing_and_nothing_scrolls_sideways_on_a_phone(
    context_of, sign_in, axe, served, edition, tmp_path
):  # fmt: skip
    (tmp_path / "me.jpg").write_bytes(photo().getvalue())
    for size, locale in ((None, "en-GB"), (PHONE, "nl-NL")):
        page = context_of(bypass_csp=True, locale=locale, **({"viewport": size} if size else {})).new_page()

        def look(page=page, size=size):
            axe(page)
            if size:
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url

        page.goto(START)
        look()
        page.locator("form").evaluate("form => { form.noValidate = true; form.submit() }")
        page.locator(".own-summary").wait_for()
        look()
        page.locator("#own-name").fill("Ada Lovelace")
        page.locator("#own-email").fill(f"ada{size is None}@example.org")
        page.locator("#own-title").fill("Ada runs")
        page.locator("form button").click()
        page.locator(".own-done").wait_for()
        look()
        page.goto("/crowdfunding/own")
        look()
        page.goto(mailed(served))
        look()
        page.locator("form[action*=make] button").click()
        page.locator(".own-done").wait_for()
        page.locator("#own-story").fill("I run **far**.")
        page.locator("#own-target").fill("nothing")
        page.locator("form:has(#own-story) button").click()
        page.locator("#own-target-error").wait_for()
        look()
        page.locator("#own-picture").set_input_files(tmp_path / "me.jpg")
        page.locator("form:has(#own-picture) button").click()
        page.locator(".own-picture").wait_for()
        look()
        page.goto("/crowdfunding/own/none")
        look()
    staff = sign_in("eva", bypass_csp=True)
    for screen in ("/admin/editions/families-2026", "/admin/editions/families-2026/pages/1/change"):
        staff.goto(screen)
        axe(staff)
