"""What donors are mailed, read as they read it: in their language, true when it is sent, and never of what is over."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.mail.letter import Dropped, Letter, preview, render
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.payments.online import jobs, own_page
from supporters.payments.online import letters as letters
from supporters.people.supporter import Supporter
from supporters.registry import jobs as registered
from tests.cast import ANNA
from tests.supporters.payments.online.till import Till

TEMPLATES = ("gift_receipt", "gift_refunded", "charge_retry", "charge_given_up", "charge_needs_you", "charge_notice")


def letter(till: Till, template: str) -> Letter | Dropped:
    with till.session() as session:
        message = session.scalars(
            select(OutboxMessage).where(OutboxMessage.template == template).order_by(OutboxMessage.id.desc())
        ).first()
        assert message is not None
        return render(session, message, settings=till.settings, now=till.now)


@pytest.mark.parametrize("locale", ["nl", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_can_be_previewed_in_both_languages(till: Till, template: str, locale: str) -> None:
    with till.session() as session:
        found = preview(session, template, settings=till.settings, now=till.now, locale=locale)
    assert isinstance(found, Letter)
    for words in (found.subject, found.text, found.html):
        assert words.strip()
        assert "{{" not in words
        assert "  " not in words.replace("\n", "").replace("</p><p", "") or words is found.html
    assert ("Beste Ada," if locale == "nl" else "Dear Ada,") in found.text
    assert "/my/" in found.text


def test_a_receipt_says_what_was_given_and_promised_and_its_link_opens_their_page(till: Till) -> None:
    till.given("commitment", "10.00")
    found = letter(till, "gift_receipt")
    assert isinstance(found, Letter)
    assert found.subject == "Bedankt voor uw gift van € 10,00"
    assert "De volgende afschrijving is op 1 januari 2027" in found.text
    token = re.search(r"https://charity\.example/my/(\S+)", found.text)
    assert token is not None
    with till.session() as session:
        assert own_page.opened(session, token.group(1), now=till.now).first_name == "Ada"
        till.later(days=15)
        with pytest.raises(own_page.LinkTooOld):
            own_page.opened(session, token.group(1), now=till.now)


def test_nothing_is_mailed_of_what_is_over(till: Till) -> None:
    till.given("commitment", "10.00")
    till.later(days=31)
    till.vendor.decline_next_charge("soft")
    jobs.charge_due(till.work)
    retry = letter(till, "charge_retry")
    assert isinstance(retry, Letter)
    assert "4 januari 2027" in retry.text
    with till.session() as session:
        commitment = session.scalars(select(Commitment)).one()
        commitment.stop(session, "donor_request", on=till.settings.day_of(till.now), by=ANNA, now=till.now)
        session.commit()
    assert isinstance(letter(till, "charge_retry"), Dropped)
    assert isinstance(letter(till, "charge_notice"), Dropped)
    with till.session() as session:
        gift = session.scalars(select(Gift)).one()
        gift.reverse(session, on=gift.received_on, kind="refund", by=ANNA, now=till.now)
        session.commit()
    assert isinstance(letter(till, "gift_receipt"), Dropped)


def test_a_receipt_that_went_out_is_thanks_and_a_refund_is_told(till: Till) -> None:
    online = till.given()
    with till.session() as session:
        message = session.scalars(select(OutboxMessage)).one()
        from supporters import hooks

        hooks.fire("mail_sent", session, message=message, now=till.now)
        session.commit()
        assert session.scalars(select(Gift)).one().thanked_at is not None
    assert online.external_id is not None
    till.vendor.refund(online.external_id, Money.eur("5.00"))
    till.news(online.external_id)
    found = letter(till, "gift_refunded")
    assert isinstance(found, Letter)
    assert "5,00" in found.subject


def test_letters_are_in_the_donors_language(till: Till) -> None:
    till.given(locale="en")
    with till.session() as session:
        assert session.scalars(select(Supporter)).one().language == "en"
    found = letter(till, "gift_receipt")
    assert isinstance(found, Letter)
    assert found.subject == "Thank you for your gift of €25.00"


def test_the_jobs_of_payments_are_registered() -> None:
    assert {
        "gateway_news", "charge_due", "poll_gateways", "catch_up_gateways", "refunds", "gateway_mandates",
        "forget_checkouts",
    } <= set(registered)  # fmt: skip
