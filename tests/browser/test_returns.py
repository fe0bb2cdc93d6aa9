"""The screens of what came back, as people with a phone, a screen reader or no JavaScript meet them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from supporters import Payment, Returned
from tests import cast
from tests.browser.conftest import PHONE
from tests.supporters.payments.returns.coming_back import promises
from tests.supporters.payments.sepa.collecting import at, booked

TODAY = date(2027, 1, 5)
SCREENS = (
    "/admin/returns",
    "/admin/returns/list?state=all",
    "/admin/returns/1",
    "/admin/returns/act?reason=AM04&proposed=retry&action=retry",
    "/admin/returns/act?one=4&action=end",
    "/admin/commitments/3",
)


@pytest.fixture
def came(served):
    with served.app_context():
        session = served.extensions["sqlalchemy"].session
        promises(session, 7)
        batch = booked(session)
        reasons = ("AM04", "AM04", "AC04", "MD06", "MD01", "", "RR02")
        mine = select(Payment).where(Payment.batch_id == batch.id).order_by(Payment.id)
        lines = [each for each in session.scalars(mine) if each.supporter.first_name.startswith("P")]
        for payment, reason in zip(lines, reasons, strict=True):
            Returned.record(
                session, payment, reason, told=f"SEPA INCASSO STORNO {reason}", told_on=date(2027, 1, 4),
                by=cast.ANNA, now=at(TODAY), collected=True,
            )  # fmt: skip
        session.commit()
        row = session.scalars(select(Returned).where(Returned.reason == "AC04")).one()
        row.act(session, "ask_iban", by=cast.ANNA, now=at(TODAY), today=TODAY)
        session.commit()
    settings = served.extensions["supporters_settings"]
    served.extensions["supporters_settings"] = replace(settings, now=at(TODAY))


def test_axe_finds_nothing_and_nothing_scrolls_sideways(sign_in, axe, came):
    for name, size, language in (("wide", None, "en-GB"), ("phone", PHONE, "nl-NL")):
        page = sign_in("anna", bypass_csp=True, locale=language, **({"viewport": size} if size else {}))
        for number, screen in enumerate(SCREENS):
            page.goto(screen)
            axe(page)
            if size:
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], screen
            if folder := os.environ.get("ACHTERBAN_SHOTS"):
                page.screenshot(path=str(Path(folder) / f"{language}-{name}-{number}.png"), full_page=True)


def test_a_group_is_acted_on_without_a_script(sign_in, came):
    page = sign_in("anna", java_script_enabled=False)
    page.goto("/admin/returns")
    page.get_by_role("link", name="Try once more after payday (AM04, 2)").click()
    page.get_by_role("button", name="Do this for 2 debits").click()
    page.get_by_text("Done, for 2 debits that came back.").wait_for()
    assert "AM04" not in page.inner_text("main")
