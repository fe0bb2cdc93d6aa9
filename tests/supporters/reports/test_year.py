"""The figures of a year, on rows small enough to add up by hand. The year is 2026, the one before 2025."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from supporters.cli.report import table
from supporters.errors import BadInput
from supporters.giving.gift import CATEGORY
from supporters.money import Money
from supporters.people.supporter import Supporter
from supporters.reports.year import RAISED, Figure, YearReport, monthly_income
from tests import cast
from tests.cast import ANNA, NOW

LAST_SUMMER, THIS_SPRING = date(2025, 7, 1), date(2026, 3, 2)


def person(session: Session) -> Supporter:
    return Supporter.welcome(session, f"{uuid4().hex}@example.org", surname="Vos", by=ANNA, now=NOW)


def organisation(session: Session) -> Supporter:
    return Supporter.welcome(session, kind="organisation", organisation_name="Bakkerij Vos", by=ANNA, now=NOW)


def report(session: Session) -> YearReport:
    session.commit()
    return YearReport.of(session, 2026)


def test_a_year_without_rows_has_only_zeros(session: Session) -> None:
    found = report(session)
    assert set(found.figures.values()) == {Figure(0, 0)}
    assert set(found.income_by_category.values()) == {Figure(0, 0)}
    assert found.donors.growth_percent is None


def test_each_year_counts_the_gifts_of_its_own_days(session: Session) -> None:
    ada = person(session)
    for on in (date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1)):
        cast.gift(session, ada, on=on)
    cast.gift(session, ada, on=date(2026, 12, 1))
    found = report(session)
    assert found.donors == Figure(1, 1)
    assert found.gifts_of_the_living_cents == Figure(5000, 5000)


def test_a_reversal_counts_in_the_year_of_its_own_date(session: Session) -> None:
    ada, sam = person(session), person(session)
    gift = cast.gift(session, ada, Money.eur(40), on=date(2025, 12, 30))
    gift.reverse(session, on=date(2026, 1, 4), kind="return", by=ANNA, now=NOW)
    cast.gift(session, sam, Money.eur(100), on=THIS_SPRING)
    found = report(session)
    assert found.gifts_of_the_living_cents == Figure(6000, 4000)
    assert found.donors == Figure(1, 1)


def test_who_got_everything_back_is_no_donor_and_who_got_part_back_is(session: Session) -> None:
    for back in (25, 10):
        gift = cast.gift(session, person(session), Money.eur(25), on=THIS_SPRING)
        gift.reverse(session, Money.eur(back), on=date(2026, 4, 1), kind="refund", by=ANNA, now=NOW)
    found = report(session)
    assert found.donors.this_year == 1
    assert found.gifts_of_the_living_cents.this_year == 1500


def test_a_return_of_last_years_gift_can_outweigh_what_somebody_gave_since(session: Session) -> None:
    ada = person(session)
    large = cast.gift(session, ada, Money.eur(100), on=LAST_SUMMER)
    cast.gift(session, ada, Money.eur(60), on=THIS_SPRING)
    large.reverse(session, on=date(2026, 1, 2), kind="refund", by=ANNA, now=NOW)
    found = report(session)
    assert found.donors == Figure(0, 1)
    assert found.gifts_of_the_living_cents.this_year == -4000


def test_a_soft_credit_enters_no_total_and_makes_nobody_a_donor(session: Session) -> None:
    gift = cast.gift(session, person(session), on=THIS_SPRING)
    gift.soft_credit(session, person(session), "partner", by=ANNA, now=NOW)
    found = report(session)
    assert found.donors.this_year == 1
    assert found.income_from_donors_cents.this_year == 2500


def test_an_organisation_is_never_a_donor(session: Session) -> None:
    bakery = organisation(session)
    cast.gift(session, bakery, Money.eur(500), on=THIS_SPRING, kind="company")
    cast.gift(session, bakery, Money.eur(30), on=THIS_SPRING)
    found = report(session)
    assert found.donors.this_year == 0
    assert found.income_by_category["companies"].this_year == 53_000


def test_a_merged_supporter_counts_as_the_one_who_is_left(session: Session) -> None:
    first, second, third = (person(session) for _ in range(3))
    cast.monthly(session, first, start_on=THIS_SPRING, now=datetime.fromisoformat("2026-02-01T10:00:00+00:00"))
    for who in (first, second, third):
        cast.gift(session, who, on=THIS_SPRING)
    other = cast.gift(session, first, Money.eur(10), on=LAST_SUMMER)
    other.reverse(session, on=date(2025, 8, 1), kind="refund", by=ANNA, now=NOW)
    first.merged_into_id, second.merged_into_id = second.id, third.id
    cast.gift(session, person(session), on=THIS_SPRING)
    found = report(session)
    assert found.donors == Figure(2, 0)
    assert found.gifts_of_the_living_cents.this_year == 10_000
    assert found.commitments_active.this_year == 1


def test_what_a_merged_one_got_back_lessens_what_the_other_gave(session: Session) -> None:
    before, after = person(session), person(session)
    old = cast.gift(session, before, on=LAST_SUMMER)
    old.reverse(session, on=THIS_SPRING, kind="refund", by=ANNA, now=NOW)
    cast.gift(session, after, Money.eur(25), on=THIS_SPRING)
    before.merged_into_id = after.id
    assert report(session).donors == Figure(0, 1)


def test_bequests_stand_apart_and_make_nobody_a_donor(session: Session) -> None:
    cast.gift(session, person(session), Money.eur(9000), on=THIS_SPRING, kind="bequest")
    cast.gift(session, organisation(session), Money.eur(1000), on=LAST_SUMMER, kind="bequest")
    cast.gift(session, person(session), Money.eur(50), on=THIS_SPRING)
    found = report(session)
    assert found.donors == Figure(1, 0)
    assert found.bequests_cents == Figure(900_000, 100_000)
    assert found.income_from_donors_cents == Figure(905_000, 100_000)
    assert found.income_by_category["individuals"] == found.income_from_donors_cents


def test_a_commitment_counts_from_its_first_day_until_the_day_it_ends(session: Session) -> None:
    early = datetime.fromisoformat("2025-01-15T10:00:00+00:00")
    for start_on, ended_on in (
        (date(2025, 12, 31), None),
        (date(2026, 1, 1), None),
        (date(2025, 2, 1), date(2025, 12, 31)),
        (date(2025, 2, 1), date(2026, 1, 1)),
        (date(2025, 2, 1), date(2026, 12, 31)),
        (date(2027, 1, 1), None),
    ):
        commitment = cast.monthly(session, person(session), start_on=start_on, now=early)
        if ended_on:
            commitment.stop(session, "donor_request", on=ended_on, by=ANNA, now=early)
    assert report(session).commitments_active == Figure(2, 3)


def test_a_paused_commitment_still_counts_and_two_of_one_person_count_once(session: Session) -> None:
    ada = person(session)
    first = cast.monthly(session, ada, start_on=THIS_SPRING, now=NOW)
    cast.monthly(session, ada, start_on=THIS_SPRING, now=NOW)
    first.pause(session, from_on=date(2026, 12, 1), by=ANNA, now=NOW)
    cast.monthly(session, organisation(session), start_on=THIS_SPRING, now=NOW)
    assert report(session).commitments_active == Figure(1, 0)


def test_other_currencies_are_in_no_figure_and_stand_apart(session: Session) -> None:
    cast.gift(session, person(session), Money.of("80.00", "USD"), on=THIS_SPRING)
    cast.gift(session, person(session), Money.of(5000, "JPY"), on=LAST_SUMMER)
    cast.gift(session, person(session), Money.eur(20), on=THIS_SPRING)
    found = report(session)
    assert found.donors == Figure(1, 0)
    assert found.income_by_category["raised"] == Figure(2000, 0)
    assert found.other_currencies == {"JPY": Figure(0, 5000), "USD": Figure(8000, 0)}
    assert found.to_json()["other_currencies"]["JPY"]["last_year"] == 5000
    assert any("USD 80.00" in line for line in table(found))


def test_every_kind_of_gift_has_its_category_in_the_order_of_the_guideline(session: Session) -> None:
    for number, kind in enumerate(CATEGORY, 1):
        cast.gift(session, organisation(session), Money(number), on=THIS_SPRING, kind=kind)
    found = {name: figure.this_year for name, figure in report(session).income_by_category.items()}
    assert list(found) == [*RAISED, "raised", "goods_and_services"]
    assert found == {
        "individuals": 1 + 2, "companies": 3, "lotteries": 4, "governments": 5, "affiliated_nonprofits": 6,
        "other_nonprofits": 7, "raised": 28, "goods_and_services": 8,
    }  # fmt: skip


def test_growth_is_to_one_decimal(session: Session) -> None:
    assert Figure(87_100, 75_739).growth_percent == Decimal("15.0")
    assert Figure(1_008_200_000, 746_800_000).growth_percent == Decimal("35.0")
    assert Figure(9, 10).growth_percent == Decimal("-10.0")
    assert Figure(20_001, 20_000).growth_percent == Decimal("0.0")
    assert Figure(5, -10).growth_percent is None


def test_the_json_has_one_form(session: Session) -> None:
    cast.gift(session, person(session), Money.eur(30), on=THIS_SPRING)
    cast.gift(session, person(session), Money.eur(20), on=LAST_SUMMER)
    answer = report(session).to_json()
    assert list(answer) == ["year", "figures", "income_by_category"]
    assert answer["year"] == 2026
    assert answer["figures"]["income_from_donors_cents"] == {
        "this_year": 3000, "last_year": 2000, "growth_percent": 50.0,
    }  # fmt: skip
    assert set(answer["figures"]) == {
        "donors", "income_from_donors_cents", "gifts_of_the_living_cents", "bequests_cents", "commitments_active",
    }  # fmt: skip
    assert answer["figures"]["commitments_active"]["growth_percent"] is None
    json.dumps(answer)


def test_a_year_nobody_means_is_refused(session: Session) -> None:
    with pytest.raises(BadInput, match="write one such as 2021"):
        YearReport.of(session, 21)


def test_income_by_month_keeps_bequests_and_institutions_apart(session: Session) -> None:
    ada = person(session)
    gift = cast.gift(session, ada, Money.eur(25), on=date(2026, 3, 2))
    gift.reverse(session, Money.eur(5), on=date(2026, 4, 2), kind="refund", by=ANNA, now=NOW)
    cast.gift(session, ada, Money.eur(700), on=date(2026, 3, 30), kind="bequest")
    cast.gift(session, organisation(session), Money.eur(90), on=date(2025, 3, 1), kind="lottery")
    cast.gift(session, ada, Money.of("80.00", "USD"), on=date(2026, 3, 2))
    session.commit()
    months = monthly_income(session, 2026)
    assert [(m.year, m.month) for m in months] == [(y, m) for y in (2025, 2026) for m in range(1, 13)]
    by = {(m.year, m.month): (m.living_cents, m.bequests_cents, m.other_cents) for m in months if m.total_cents}
    assert by == {(2025, 3): (0, 0, 9000), (2026, 3): (2500, 70_000, 0), (2026, 4): (-500, 0, 0)}


def test_the_command_prints_a_table_or_json(app: Flask) -> None:
    with app.app_context():
        session = app.extensions["supporters"].session
        cast.gift(session, person(session), Money.eur("1234.50"), on=THIS_SPRING)
        session.commit()
    runner = app.test_cli_runner()
    shown = runner.invoke(args=["report", "year", "2026"])
    assert shown.exit_code == 0
    assert "EUR 1,234.50" in shown.output
    answer = json.loads(runner.invoke(args=["report", "year", "2026", "--json"]).output)
    assert answer["figures"]["donors"] == {"this_year": 1, "last_year": 0, "growth_percent": None}
    refused = runner.invoke(args=["report", "year", "21"])
    assert refused.exit_code == 2
