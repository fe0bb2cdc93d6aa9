"""A campaign knows what its source codes brought in."""

from datetime import date

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from campaigns import Campaign, Campaigns
from supporters import Actor, BadInput, Money, NotFound, Refused, migrations
from tests import cast

SPRING = date(2026, 3, 1)


def spring(session: Session, **fields: object) -> Campaign:
    campaign = Campaign.open(
        session, "spring-2026", "Spring 2026", started_on=SPRING, by=cast.ANNA, now=cast.NOW, **fields
    )
    session.commit()
    return campaign


def test_its_income_is_what_its_source_codes_brought_less_what_went_back(session: Session) -> None:
    campaign, (sam, suzie) = spring(session), cast.sam_and_suzie(session)
    for supporter, code in ((sam, "spring-2026"), (sam, "spring-2026/radio"), (suzie, "spring-2026/flyer")):
        gift = cast.gift(session, supporter, Money.eur("25.00"), source_code=code)
    for code in (None, "spring-2027", "spring-20260", "spring_2026/x"):
        cast.gift(session, suzie, Money.eur("99.00"), source_code=code)
    gift.reverse(session, Money.eur("5.00"), on=cast.TODAY, kind="refund", by=cast.ANNA, now=cast.NOW)
    session.commit()
    income = campaign.income(session)
    assert (income.gifts, income.donors) == (3, 2)
    assert (income.received, income.reversed, income.net) == (
        Money.eur("75.00"), Money.eur("5.00"), Money.eur("70.00"),
    )  # fmt: skip


def test_income_counts_both_ends_of_a_period_and_reversals_on_their_own_date(session: Session) -> None:
    campaign, ada = spring(session), cast.ada(session)
    for day in (date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 30), date(2026, 5, 1)):
        gift = cast.gift(session, ada, Money.eur("10.00"), on=day, source_code="spring-2026")
    gift.reverse(session, on=date(2026, 5, 2), kind="return", by=cast.ANNA, now=cast.NOW)
    april = campaign.income(session, from_on=date(2026, 4, 1), until_on=date(2026, 4, 30))
    assert (april.gifts, april.net) == (2, Money.eur("20.00"))
    assert campaign.income(session, from_on=date(2026, 5, 1)).net == Money.eur("0.00")


def test_what_a_commitment_brings_counts_for_the_campaign_that_brought_the_commitment(session: Session) -> None:
    campaign = spring(session)
    commitment = cast.monthly(session, source_code="spring-2026/street")
    assert Campaign.of(session, commitment.source_code) is campaign


def test_a_source_code_leads_to_its_campaign(session: Session) -> None:
    campaign = spring(session)
    assert Campaign.of(session, "spring-2026") is campaign
    assert Campaign.of(session, "spring-2026/ad/3") is campaign
    assert Campaign.of(session, "spring-2026x") is None
    assert Campaign.of(session, "") is None and Campaign.of(session, None) is None


@pytest.mark.parametrize("code", ["Spring", "a b", "a/b", "-a", "", "x" * 31])
def test_a_code_that_cannot_be_part_of_a_source_code_is_refused(session: Session, code: str) -> None:
    with pytest.raises(BadInput, match="cannot be a campaign's code"):
        Campaign.open(session, code, "Name", started_on=SPRING, by=cast.ANNA, now=cast.NOW)


def test_a_code_is_taken_once(session: Session) -> None:
    spring(session)
    with pytest.raises(BadInput, match="already"):
        spring(session)


def test_a_campaign_runs_until_it_is_closed_once(session: Session) -> None:
    campaign = spring(session)
    assert not campaign.is_running(date(2026, 2, 28)) and campaign.is_running(SPRING)
    campaign.close(session, on=date(2026, 6, 1), by=cast.ANNA, now=cast.NOW)
    assert campaign.is_running(date(2026, 5, 31)) and not campaign.is_running(date(2026, 6, 1))
    with pytest.raises(Refused, match="ended on 2026-06-01"):
        campaign.close(session, on=date(2026, 7, 1), by=cast.ANNA, now=cast.NOW)


def test_an_unknown_campaign_says_which_there_are(session: Session) -> None:
    spring(session)
    with pytest.raises(NotFound, match="spring-2026"):
        Campaign.by_code(session, "autumn")


def test_it_needs_supporters_first() -> None:
    with pytest.raises(RuntimeError, match="Supporters"):
        Campaigns(Flask("site"))


def test_a_campaign_is_opened_and_asked_about_on_the_command_line(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    db: SQLAlchemy = app.extensions["sqlalchemy"]
    Campaigns(app, db)
    app.extensions["supporters"].authenticator = lambda email, secret: Actor.person(email, authenticated=True)
    monkeypatch.setenv("ACHTERBAN_TOKEN", "any")
    with app.app_context():
        migrations.upgrade(db.engine)

    def run(*words: str) -> str:
        result = app.test_cli_runner().invoke(args=["campaign", *words])
        assert result.exit_code == 0, result.output
        return result.output

    assert "spring-2026/…" in run("open", "spring-2026", "Spring 2026", "--from", "2026-03-01", "--as", "a@example.org")
    with app.app_context():
        cast.gift(db.session, cast.ada(db.session), source_code="spring-2026/radio")
        db.session.commit()
    assert run("income", "spring-2026").startswith("EUR 25.00 from 1 donors")
    assert "ended on 2026-06-01" in run("close", "spring-2026", "--on", "2026-06-01", "--as", "a@example.org")
    assert "ended" in run("list")
