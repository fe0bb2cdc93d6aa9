"""A newcomer prepares, a second person approves, the file downloads: in two browsers, as it goes in an office."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect


def test_a_newcomer_prepares_a_second_person_approves_and_the_file_downloads(sign_in, axe):
    anna = sign_in("anna", bypass_csp=True)
    anna.get_by_role("link", name="Collection runs", exact=True).click()
    anna.get_by_role("link", name="Prepare a collection").click()
    anna.get_by_label("Collect what falls due up to").fill("2026-12-04")
    anna.get_by_role("button", name="Prepare").click()
    anna.get_by_text("You prepared this, so somebody else has to approve it.").wait_for()
    assert "Who can: Bram, Eva." in anna.inner_text("main")
    assert not anna.get_by_role("link", name="Approve…").is_visible()
    axe(anna)
    run = anna.url

    bram = sign_in("bram", bypass_csp=True)
    bram.get_by_role("link", name="Collections that wait for approval").click()
    bram.get_by_role("link", name="B00001").click()
    bram.get_by_role("link", name="Approve…").click()
    axe(bram)
    assert "€10.00" in bram.inner_text("main")
    bram.get_by_role("button", name="I approve this collection").click()
    bram.get_by_text("Approved. The file is ready for the bank.").wait_for()
    axe(bram)
    with bram.expect_download() as waiting:
        bram.get_by_role("button", name="Download the file").click()
    content = Path(waiting.value.path()).read_bytes()
    assert b"urn:iso:std:iso:20022:tech:xsd:pain.008.001.08" in content and b"NL91ABNA0417164300" in content

    anna.goto(run)
    anna.get_by_text("The file is at the bank. From 4 December 2026 on you can book it.").wait_for()
    with anna.expect_download() as again:
        anna.get_by_role("button", name="Download the file again").click()
    assert Path(again.value.path()).read_bytes() == content


def test_who_prepared_a_collection_cannot_approve_it_by_typing_the_address(sign_in):
    anna = sign_in("anna")
    anna.goto("/admin/runs/new")
    anna.get_by_label("Collect what falls due up to").fill("2026-12-04")
    anna.get_by_role("button", name="Prepare").click()
    anna.wait_for_url("**/admin/runs/1")
    anna.goto("/admin/runs/1/approve")
    anna.get_by_text("You prepared this collection yourself: somebody else has to approve it.").wait_for()
    expect(anna.get_by_role("button", name="I approve this collection")).to_have_count(0)
