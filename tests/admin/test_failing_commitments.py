"""The queue of failing commitments, the page of one, and how the gateways do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters import AuditEntry, Commitment, GatewayCall, OutboxMessage
from supporters.payments.gateway import MandateRef
from supporters.payments.online import jobs, vendor_mandates
from tests.admin.conftest import admin_on
from tests.admin.online import Counter

QUEUE = "/admin/commitments/failing"


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def admin_app(databases, tmp_path, counter):
    with admin_on(databases, tmp_path, **counter.settings) as app:
        counter.open(app)
        yield app


@pytest.fixture
def given_up(counter):
    """Ten euros a month, of which the second failed as often as we try."""
    counter.given("commitment", "10.00")
    counter.charged("soft")
    for wait in (3, 7, 14):
        counter.charged("soft", days=wait)
    return 1


def text(answer):
    main = answer.text.split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def test_the_queue_says_who_why_and_when_it_is_tried_again(client_as, counter):
    viewer = client_as("viewer")
    counter.given("commitment", "10.00")
    assert "Every charge goes well." in text(viewer.get(QUEUE))
    counter.charged("soft")
    page = viewer.get(QUEUE)
    words = text(page)
    assert "Ada Lovelace" in words and "€10.00 a month" in words and "ada@example.org" in words
    assert "Not enough money on the account. It is tried again on 4 January 2027" in words
    assert "tried 1 time" in words
    assert "Charge it again" not in words and "Send the link" not in words
    assert "Commitments of which a charge failed" in text(viewer.get("/admin/"))
    assert "Failed, and is tried again" in text(client_as("fundraiser").get(f"{QUEUE}?why=retry"))
    assert "Ada Lovelace" not in text(viewer.get(f"{QUEUE}?why=mandate"))
    file = client_as("fundraiser").post("/admin/export/failing", data={"purpose": "calling"}).text
    assert "Not enough money on the account" in file and "ada@example.org" in file


def test_a_charge_that_was_given_up_is_charged_again_on_request(client_as, counter, given_up):
    anna = client_as("fundraiser")
    assert "Failed as often as we try" in text(anna.get(QUEUE))
    answer = anna.post("/admin/commitments/1/charge-again/2", data={"from": "queue"}, follow_redirects=True)
    assert "charged again within a quarter of an hour" in text(answer) and "Is charged once more" in text(answer)
    jobs.charge_due(counter.work)
    assert "Every charge goes well." in text(anna.get(QUEUE))
    assert client_as("viewer").post("/admin/commitments/1/charge-again/2").status_code == 403
    assert anna.post("/admin/commitments/1/charge-again/2").status_code == 409


def test_the_link_is_sent_once_a_day(client_as, counter, db, given_up):
    anna = client_as("fundraiser")
    answer = anna.post("/admin/commitments/1/send-link", follow_redirects=True)
    assert "The message with the link is on its way." in text(answer)
    assert anna.post("/admin/commitments/1/send-link").status_code == 409
    with db() as session:
        sent = session.scalars(select(OutboxMessage).where(OutboxMessage.key.like("link:%"))).all()
        assert [message.template for message in sent] == ["charge_given_up"]
        assert "send_link" in session.scalars(select(AuditEntry.verb)).all()
    assert client_as("viewer").post("/admin/commitments/1/send-link").status_code == 403
    assert "Link to pay or renew sent" in text(client_as("viewer").get("/admin/supporters/1"))


def test_who_took_money_back_is_called_and_not_mailed(client_as, counter, db):
    counter.given("commitment", "10.00")
    counter.charged()
    external_id = list(counter.gateway.vendor.payments)[-1]
    counter.vendor.charge_back(external_id, counter.gateway.fetch(external_id).money)
    counter.news(external_id)
    page = text(client_as("fundraiser").get(QUEUE))
    assert "The donor took it back" in page and "Call first" in page and "Paused" in page and "Resume" in page
    assert "Send the link" not in page
    person = text(client_as("viewer").get("/admin/supporters/1"))
    assert "Taken back by the donor" in person


def test_a_mandate_that_is_no_longer_valid_is_shown_where_it_matters(client_as, counter, db):
    counter.given("commitment", "10.00")
    with db() as session:
        mandate = session.get_one(Commitment, 1).gateway_mandate
        key, ref = mandate.id, MandateRef(mandate.customer, mandate.external_id)
    counter.vendor.end_mandate(ref)
    vendor_mandates.look_at(counter.cashier, key)
    anna = client_as("fundraiser")
    for address in (QUEUE, "/admin/commitments/1"):
        page = text(anna.get(address))
        assert "Card or mandate is no longer valid" in page and "Send the link" in page, address
        assert "Charge it again" not in page
        assert "tried 1 time" not in page, "the only instalment was paid"
    assert "Ended by the donor" in text(anna.get("/admin/commitments/1"))


def test_the_page_of_an_online_commitment_has_its_account_and_no_iban(client_as, counter):
    counter.given("commitment", "10.00")
    otto = client_as("finance")
    page = otto.get("/admin/commitments/1")
    words = text(page)
    assert "Mandate at the gateway" in words and "Visa •••• 4242" in words and "memory" in words
    assert "IBAN" not in words and "Restart" not in words and "In a collection" not in words
    assert "/admin/online-payments/1" in page.text
    otto.post("/admin/commitments/1/stop", data={"reason": "donor_request", "on": "2026-12-01"})
    assert "not confirmed yet; we ask again by ourselves" in text(otto.get("/admin/commitments/1"))
    jobs.gateway_mandates(counter.work)
    assert "Ended at the gateway 1 December 2026" in text(otto.get("/admin/commitments/1"))
    assert "Restart" not in text(otto.get("/admin/commitments/1"))


def test_a_supporter_shows_payments_that_came_to_nothing(client_as, counter):
    counter.given("commitment", "10.00")
    counter.charged("soft")
    page = client_as("viewer").get("/admin/supporters/1")
    assert "Charge of €10.00 failed Not enough money on the account" in text(page)
    assert "/admin/online-payments/2" in page.text
    assert "Charge of" not in text(client_as("viewer").get("/admin/supporters/1?show=changes"))


def test_the_gateways_say_how_they_do_and_raise_an_alarm_when_news_stops(client_as, counter, db):
    counter.given()
    viewer = client_as("viewer")
    page = text(viewer.get("/admin/gateways"))
    assert "memory Live" in page and "100%" in page and "Came to nothing" in page
    assert "Payment gateways with an alarm" not in text(viewer.get("/admin/"))
    counter.later(hours=25)
    online = counter.begin()
    counter.vendor.pay(online.external_id)
    counter.cashier.sync(online.payment_id, "poll")
    assert "No news for a day, though payments were made." in text(viewer.get("/admin/gateways"))
    with db() as session:
        session.add_all(
            GatewayCall(
                account="memory", verb="fetch", at=counter.now - timedelta(minutes=1), milliseconds=30_000, is_ok=False,
                outcome="unavailable: x",
            )
            for _ in range(9)
        )  # fmt: skip
    page = text(viewer.get("/admin/gateways"))
    assert "or more, came to nothing" in page and "30,000 ms" in page
    counter.app.extensions.pop("achterban_remembered", None)
    assert "Payment gateways with an alarm" in text(viewer.get("/admin/"))
    assert jobs.watch_gateways(counter.work) == "2 raised"
    assert "look whether the webhook is set up there" in text(viewer.get("/admin/tasks"))


def test_without_a_gateway_the_screens_say_so(admin_app, client_as):
    admin_app.extensions["supporters_settings"] = replace(admin_app.extensions["supporters_settings"], gateways=None)
    viewer = client_as("viewer")
    assert "No payment gateway is set up." in text(viewer.get("/admin/gateways"))
    assert viewer.get("/admin/online-payments").status_code == 200
    assert viewer.get("/admin/").status_code == 200
