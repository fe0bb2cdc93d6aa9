"""The screens of online payments, as people with a phone, a screen reader or no JavaScript meet them."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import select

from supporters import Commitment, OnlinePayment
from supporters.payments.gateway import MandateRef
from supporters.payments.online import jobs, vendor_mandates
from tests.admin.online import Counter
from tests.browser.conftest import DESKTOP, PHONE, serving

PAYMENTS = {}


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def served(sqlite_databases, tmp_path, counter):
    """With a payment of every kind that a fundraiser can meet; ``PAYMENTS`` says which is which."""
    with serving(sqlite_databases, tmp_path, **counter.settings) as app:
        counter.open(app)
        fill(counter)
        yield app


def fill(counter: Counter) -> None:
    PAYMENTS["paid"] = counter.given(amount="250.00", method="sepa_debit")
    PAYMENTS["open"] = counter.begin().payment_id
    PAYMENTS["second"] = counter.paid_twice()
    PAYMENTS["parked"] = counter.parked()
    counter.given("commitment", "10.00")
    PAYMENTS["first"] = counter.given("commitment", "12.50")
    PAYMENTS["lost"] = counter.lost()  # With it, what fell due on the first of the others failed or was charged.
    with counter.session() as session:
        mandate = session.get_one(Commitment, 3).gateway_mandate
        key, ref = mandate.id, MandateRef(mandate.customer, mandate.external_id)
    counter.vendor.end_mandate(ref)
    vendor_mandates.look_at(counter.cashier, key)
    counter.charged("soft", days=31)
    with counter.session() as session:
        charges = select(OnlinePayment).where(OnlinePayment.purpose == "recurring").order_by(OnlinePayment.id)
        PAYMENTS["failed"] = session.scalars(charges.where(OnlinePayment.step == "failed")).all()[-1].payment_id
        external_id = session.scalars(charges.where(OnlinePayment.step == "paid")).all()[0].external_id
    counter.vendor.charge_back(external_id, counter.gateway.fetch(external_id).money)
    counter.news(external_id)


def refund(page) -> None:
    page.goto(f"/admin/online-payments/{PAYMENTS['paid']}/refund")
    page.get_by_label("Waarom").fill("Verkeerd bedrag ingevuld")
    page.get_by_role("button", name="Terugbetalen").click()
    page.get_by_text("zodra een tweede persoon het heeft goedgekeurd").wait_for()


def screens() -> list[str]:
    pages = [f"/admin/online-payments/{number}" for number in PAYMENTS.values()]
    return [
        "/admin/", "/admin/online-payments", *pages, f"/admin/online-payments/{PAYMENTS['paid']}/refund",
        f"/admin/online-payments/{PAYMENTS['second']}/refund?why=second",
        f"/admin/online-payments/{PAYMENTS['lost']}/never-made", "/admin/refunds", "/admin/refunds/1/approve",
        "/admin/refunds/1/cancel", "/admin/commitments/failing", "/admin/gateways", "/admin/online-payments/mails",
        "/admin/commitments/2", "/admin/commitments/3", "/admin/supporters/1", "/admin/gifts/3",
        "/admin/gifts/3/reverse",
    ]  # fmt: skip


def test_axe_finds_nothing_and_no_screen_scrolls_sideways_on_a_phone(served, sign_in, axe):
    page = sign_in("eva", bypass_csp=True, locale="nl-NL")
    folder = os.environ.get("ACHTERBAN_SCREENSHOTS")
    for screen in screens():
        if screen == "/admin/refunds":  # From here on one waits for a second person.
            refund(page)
        page.set_viewport_size(DESKTOP)
        answer = page.goto(screen)
        assert answer.status == 200, screen
        for fold in page.locator("details.ab-fold > summary").all():
            fold.click()
        axe(page)
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], screen
            if folder:
                name = screen.strip("/").replace("/", "_").replace("?", "_")
                page.screenshot(path=f"{folder}/{name}-{size['width']}.png", full_page=True)


def test_money_goes_back_with_two_people_and_without_a_script(served, sign_in, counter):
    anna = sign_in("anna", java_script_enabled=False, locale="nl-NL")
    refund(anna)
    bram = sign_in("bram", java_script_enabled=False, locale="nl-NL")
    bram.get_by_role("link", name="1 Terugbetalingen die op een tweede persoon wachten").click()
    bram.get_by_role("link", name="Bekijken en goedkeuren").click()
    bram.get_by_role("button", name="Ik keur deze terugbetaling goed").click()
    bram.get_by_text("Goedgekeurd. Binnen een minuut").wait_for()
    jobs.send_refunds(counter.work)
    bram.reload()
    assert "Alles is sindsdien teruggegaan." in bram.inner_text("main")


def test_a_button_looks_at_the_gateway_without_a_script(served, sign_in, counter):
    online = counter.begin()
    counter.vendor.pay(online.external_id)
    page = sign_in("anna", java_script_enabled=False)
    page.goto(f"/admin/online-payments/{online.payment_id}")
    page.get_by_role("button", name="Look at the gateway now").click()
    page.get_by_text("Looked: 1 new thing is booked.").wait_for()
    assert "Somebody pressed the button" in page.inner_text("main")
