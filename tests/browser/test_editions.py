"""The screens of crowdfunding, as people with a screen reader, a phone or no JavaScript meet them."""

from __future__ import annotations

import pytest

from campaigns import EditionUpdate, Match
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.placement import Placement
from supporters import Money
from tests import cast
from tests.browser.conftest import PHONE
from tests.campaigns.crowdfunding import world

PAGE = "/admin/editions/families-2026"
SCREENS = (
    "/admin/editions", PAGE, f"{PAGE}/end", f"{PAGE}/matches/2/announce", f"{PAGE}/offline/1/withdraw",
    "/admin/new-edition", f"{PAGE}/change", f"{PAGE}/goals/new", f"{PAGE}/placements/new", f"{PAGE}/placements/1",
    f"{PAGE}/teams/new", f"{PAGE}/pages/1/change", f"{PAGE}/matches/new", f"{PAGE}/matches/1", f"{PAGE}/matches/1/size",
    f"{PAGE}/matches/1/payment", f"{PAGE}/offline/new", f"{PAGE}/offline/1/meet", f"{PAGE}/settle", f"{PAGE}/account",
    "/admin/edition-entries?edition=families-2026", "/admin/gifts/3", "/admin/gifts/3/move-credit",
    "/admin/gifts/1/credit", "/admin/gifts/1/credit/families-2026", f"{PAGE}/wall", f"{PAGE}/wall?state=shown",
    f"{PAGE}/wall/2/take-out", f"{PAGE}/news", f"{PAGE}/news/new", f"{PAGE}/news/1/send",
)  # fmt: skip


@pytest.fixture
def edition(served):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        cast.creditor(session)
        made = world.edition(session)
        Placement.place(
            session, made, "trouw", "Trouw, page 3", kind="newspaper", cost=Money.eur("25.00"), by=cast.ANNA,
            now=cast.NOW,
        )  # fmt: skip
        world.match(session, made, "80.00")
        owner = world.donor(session, 1)
        world.gift(session, owner, "100.00")
        world.page(session, made, owner, story="I run **sixteen** kilometres.", target=Money.eur("750.00"))
        Match.promise(
            session, made, owner, "Twice as much", Money.eur("50.00"), from_on=world.FIRST, by=cast.ANNA, now=cast.NOW
        )
        OfflineMoney.enter(
            session, made, Money.eur("75.00"), kind="cash", handed_on=cast.TODAY, place="Box on the market",
            document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
        )  # fmt: skip
        world.on_the_wall(session, made, world.donor(session, 3))
        waits = world.on_the_wall(session, made, world.donor(session, 4), "www.cheap.example of Sam")
        waits.reconsider(session, by=cast.BRAM, now=cast.NOW)
        EditionUpdate.write(session, made, "Two families", "They are **here**.", by=cast.ANNA, now=cast.NOW)
        session.commit()


def test_axe_finds_nothing_and_nothing_scrolls_sideways_on_a_phone(sign_in, axe, edition):
    for size in (None, PHONE):
        page = sign_in("eva", bypass_csp=True, locale="nl-NL", **({"viewport": size} if size else {}))
        for screen in SCREENS:
            page.goto(screen)
            if size:
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], screen
            if not size or screen == PAGE:  # what is narrow is the same page otherwise
                axe(page)


def test_cash_is_counted_and_a_page_approved_without_a_script(sign_in, edition):
    page = sign_in("bram", java_script_enabled=False)
    page.goto(PAGE)
    page.get_by_role("button", name="Count as second person").click()
    page.get_by_text("It counts as on its way.").wait_for()
    page.get_by_text("€225.00").first.wait_for()
    page.get_by_role("button", name="Approve Ada runs").click()
    page.get_by_text("Everybody sees the page now.").wait_for()
    page.get_by_role("link", name="Announce… Twice as much").click()
    page.get_by_role("button", name="Announce it").click()
    page.get_by_text("The match is announced.").wait_for()


def test_somebody_drafts_an_edition_with_all_its_parts_without_a_script(sign_in, served, tmp_path):
    page = sign_in("eva", java_script_enabled=False)
    page.goto("/admin/editions")
    page.get_by_role("link", name="New edition").click()
    page.get_by_label("Name of the new campaign").fill("Families")
    page.get_by_label("Code of the new campaign").fill("families")
    page.get_by_label("Title").fill("Families 2026")
    page.get_by_label("Web address").fill("families-2026")
    page.get_by_label("First day").fill("2026-12-01")
    page.get_by_label("Last day").fill("2026-11-30")
    page.get_by_label("Goal in euros").fill("1000")
    page.get_by_label("What happens with what is above the goal").fill("More families.")
    page.get_by_role("button", name="Draft it").click()
    page.get_by_text("An edition ends after it began (1 December 2026).").wait_for()
    page.get_by_label("Last day").fill("2026-12-31")
    page.get_by_role("button", name="Draft it").click()
    page.get_by_text("1 Dec 2026 – 31 Dec 2026").wait_for()

    page.get_by_role("link", name="Add a placement").click()
    page.get_by_label("Name", exact=True).fill("Trouw, page 3")
    page.get_by_label("Code").fill("trouw")
    page.get_by_label("Kind").select_option("newspaper")
    page.get_by_role("button", name="Add it").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the QR code of the transfer").click()
    assert saved.value.suggested_filename == "families-2026-trouw-transfer.svg"
    drawn = page.get_by_alt_text("QR code of a transfer").evaluate("image => image.naturalWidth")
    assert drawn > 0

    page.goto(PAGE)
    page.get_by_role("link", name="Add a match").click()
    page.get_by_label("Sponsor", exact=True).fill("Lovelace")
    page.get_by_label("What the public reads").fill("Every euro doubled")
    page.get_by_label("What the sponsor promised").fill("500")
    page.get_by_label("How much of it is for this match").fill("600")
    page.get_by_role("button", name="Enter it").click()
    page.get_by_text("Choose who it is.").wait_for()
    page.get_by_role("radio", name="Ada Lovelace").check()
    page.get_by_role("button", name="Enter it").click()
    page.get_by_text("The sponsor promised €500.00: the match cannot be more.").wait_for()
    page.get_by_label("How much of it is for this match").fill("400")
    page.get_by_role("button", name="Enter it").click()
    page.get_by_text("You entered this match: a colleague announces it.").wait_for()

    page.goto(PAGE)
    page.get_by_role("link", name="Enter money").click()
    page.get_by_label("Amount").fill("75")
    page.get_by_label("Where, or through whom").fill("Box on the market")
    (tmp_path / "box.pdf").write_bytes(b"%PDF-1.7 receipt")
    page.get_by_label("Document").set_input_files(tmp_path / "box.pdf")
    page.get_by_role("button", name="Enter it").click()
    page.get_by_text("Entered. It counts once a colleague looked at its document.").wait_for()
