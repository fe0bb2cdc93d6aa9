"""The bank in a browser: files dropped, matches booked, the rest answered by keyboard, on a phone, without a script."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import expect

from supporters.payments.bank.our_account import OurAccount
from tests import cast
from tests.bank_files import OURS, Account, Movement
from tests.browser.conftest import PHONE

BANK = "/admin/bank"
DAY = date(2026, 11, 27)
MOVEMENTS = [
    Movement(date(2026, 11, 24), 25_00, "A LOVELACE", cast.ADAS_IBAN, "gift whales"),
    Movement(date(2026, 11, 25), 10_00, "J VERSCHUT", "NL39RABO0300065264", "keep it up"),
    Movement(date(2026, 11, 25), 50_00, "S VAN DEN BERG", "NL02ABNA0123456789", "Christmas S0000002"),
    Movement(date(2026, 11, 26), 15_00, "HR P JANSEN EN/OF MW K JANSEN", cast.SAMS_IBAN, "gift"),
    Movement(date(2026, 11, 26), -4_50, "", "", "costs of the account"),
    Movement(DAY, 900_00, "NOTARIS BAKKER", "NL20INGB0001234567", "legaat wijlen E de Wit"),
    Movement(DAY, 7_50, "Suzie Jansen", "NL69INGB0123456789", ""),
]
SCREENS = (
    BANK,
    f"{BANK}/files",
    f"{BANK}/files/1",
    f"{BANK}/files/aside/1",
    f"{BANK}/statements",
    f"{BANK}/lines",
    f"{BANK}/lines/1",
    f"{BANK}/lines/2",
    f"{BANK}/book",
    f"{BANK}/agrees",
    f"{BANK}/queue",
    f"{BANK}/queue?line=4",
    f"{BANK}/queue?line=2&q=suzie",
    f"{BANK}/queue?line=5",
    f"{BANK}/lines/2/split",
    f"{BANK}/lines/2/new-supporter",
    "/admin/bank-accounts",
    "/admin/bank-accounts/new",
    "/admin/",
)


def files() -> list[dict[str, object]]:
    whole, short = Account(MOVEMENTS), Account(MOVEMENTS[:2])
    short.balances[2] += 1_00
    named = (
        ("week 48 a.xml", whole.camt053(0, 3, number="84")),
        ("week 48 b.sta", whole.mt940(3, number="85")),
        ("letter.html", b"<!doctype html><html><p>no</html>"),
        ("short.xml", short.camt053(ident="short")),
    )
    return [{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in named]


@pytest.fixture(autouse=True)
def account(served):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        OurAccount.add(session, OURS, "Donations", by=cast.ANNA, now=cast.NOW)
        session.commit()
        session.remove()


def upload(page):
    page.goto(f"{BANK}/files")
    page.set_input_files("#files", files())
    page.click("#ab-drop button")
    expect(page.locator("#ab-came article h3 .ab-badge")).to_have_count(4, timeout=30_000)
    expect(page.locator("#ab-came progress")).to_have_count(0)


def test_the_lists_beside_the_upload_tell_what_just_came_in(sign_in):
    page = sign_in("anna")
    upload(page)
    earlier = page.locator("#ab-earlier")
    for name in ("week 48 a.xml", "week 48 b.sta", "short.xml"):
        expect(earlier.get_by_role("link", name=name)).to_have_count(1)
    expect(earlier).not_to_contain_text("letter.html")


def test_axe_finds_nothing_at_the_bank(sign_in, axe):
    page = sign_in("anna", bypass_csp=True, locale="nl-NL")
    upload(page)
    axe(page)
    for screen in SCREENS:
        page.goto(screen)
        axe(page)
    page.goto(f"{BANK}/lines/2/split")
    page.locator("#supporter-1").fill("suzie")
    page.locator("[value=find-1]").click()
    page.locator("#pick-1-1").wait_for()
    axe(page)


def test_the_bank_fits_a_phone_and_keeps_the_policy(sign_in):
    page = sign_in("anna", viewport=PHONE, locale="nl-NL")
    upload(page)
    for screen in SCREENS:
        page.goto(screen)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], screen


def test_files_are_dropped_and_each_tells_what_became_of_it(sign_in):
    page = sign_in("anna")
    page.goto(f"{BANK}/files")
    expect(page.get_by_text("Or drop the files here.")).to_be_visible()
    account = Account(MOVEMENTS)
    page.evaluate(
        """(text) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], "dropped.xml", { type: "text/xml" }));
          for (const kind of ["dragenter", "dragover", "drop"]) {
            document.getElementById("ab-drop").dispatchEvent(
              new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: dropped }));
          }
        }""",
        account.camt053().decode(),
    )
    card = page.locator("#ab-came article")
    expect(card).to_contain_text("Read in")
    expect(card).to_contain_text("dropped.xml")
    expect(card.get_by_role("row", name="Donations")).to_contain_text("€1,103.00")


def test_lines_are_answered_by_keyboard_and_taken_back(sign_in):
    page = sign_in("anna")
    upload(page)
    page.get_by_role("link", name="On to the bank").click()
    page.get_by_role("link", name="Book all 2 matches…").click()
    page.get_by_role("button", name="Book these 2 lines").click()
    page.get_by_text("2 lines were booked.").wait_for()
    page.get_by_role("link", name="Answer what is left").click()
    card, done = page.locator("#ab-bank article"), page.locator("#ab-bank .ab-undo")

    expect(page.locator("#line-2")).to_be_focused()  # nobody known
    page.keyboard.press("ArrowDown")
    expect(page.locator("#line-4")).to_be_focused()  # Sam is proposed, by his account
    expect(card.locator("[data-number='1']").first).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#line-5")).to_be_focused()
    expect(done).to_contain_text("Sam van den Berg")

    expect(card.locator(".ab-not-a-gift")).to_have_attribute("open", "")  # money that went off: what was it?
    page.keyboard.press("2")
    expect(page.get_by_label("2 Bank charges")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#line-6")).to_be_focused()
    expect(done).to_contain_text("Bank charges")
    page.keyboard.press("u")
    expect(page.locator("#line-5")).to_be_focused()
    expect(done).to_have_count(0)

    page.keyboard.press("ArrowUp")
    expect(page.locator("#line-2")).to_be_focused()
    page.keyboard.press("Enter")  # nothing is chosen: nothing happens
    expect(page.locator("#line-2")).to_be_focused()
    page.keyboard.press("f")
    page.keyboard.type("suzie")
    page.keyboard.press("Enter")
    expect(card.get_by_label("1 Suzie Jansen")).to_be_visible()
    expect(page.locator("#line-2")).to_be_focused()
    page.keyboard.press("1")
    expect(page.get_by_label("Remember NL39 RABO 0300 0652 64")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#line-5")).to_be_focused()
    expect(done).to_contain_text("NL39 RABO 0300 0652 64 is an account of theirs from now on.")

    page.keyboard.press("ArrowDown")
    expect(page.locator("#line-6")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("6")
    expect(page.get_by_label("6 Sent to us by mistake")).to_be_checked()
    page.keyboard.press("Escape")
    expect(card.locator(".ab-not-a-gift")).not_to_have_attribute("open", "")
    page.keyboard.press("s")
    page.wait_for_url("**/lines/6/split")
    page.get_by_label("Supporter", exact=True).first.fill("S0000002")
    page.get_by_label("Amount").first.fill("899,50")
    expect(page.locator("#ab-left")).to_have_text("€0.50")
    page.get_by_label("What is it?").nth(1).select_option("mistake")
    page.get_by_label("Amount").nth(1).fill("0.50")
    expect(page.locator("#ab-left")).to_have_text("€0.00")
    page.get_by_role("button", name="Book these parts").click()
    expect(page.locator("#line-7")).to_be_focused()
    page.keyboard.press("n")
    page.wait_for_url("**/lines/7/new-supporter")
    page.get_by_role("button", name="Add them and book the gift").click()
    expect(page.locator("#line-5")).to_be_focused()


def test_the_bank_works_without_a_script(sign_in):
    page = sign_in("anna", java_script_enabled=False)
    page.goto(f"{BANK}/files")
    page.set_input_files("#files", files())
    page.get_by_role("button", name="Read them in").click()
    expect(page.locator("#ab-came article")).to_have_count(4)
    page.get_by_role("link", name="Look, and accept or put away…").click()
    page.get_by_role("button", name="Put the file away").click()
    page.get_by_text("nothing of it was read in").wait_for()
    page.goto(f"{BANK}/queue")
    page.get_by_role("link", name="HR P JANSEN").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".ab-undo")).to_contain_text("Sam van den Berg")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#line-4")).to_be_visible()
    page.get_by_label("Find another supporter").fill("lovelace")
    page.get_by_role("button", name="Find", exact=True).last.click()
    page.get_by_text("Ada Lovelace").first.click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".ab-undo")).to_contain_text("Ada Lovelace")
    page.get_by_text("Bank charges").first.click()
    page.get_by_role("button", name="Set it aside").click()
    expect(page.locator(".ab-undo")).to_contain_text("Bank charges")
    page.get_by_role("link", name="J VERSCHUT").first.click()
    page.get_by_role("link", name="Split").click()
    page.get_by_role("button", name="More rows").click()
    expect(page.locator("fieldset")).to_have_count(6)
    page.get_by_label("Supporter", exact=True).nth(1).fill("lovelace")
    page.get_by_role("button", name="Find Part 2").click()
    expect(page.get_by_role("radiogroup", name="Who is it?").get_by_label("Ada Lovelace")).to_be_checked()
