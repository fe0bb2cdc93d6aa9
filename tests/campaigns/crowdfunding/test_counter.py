"""A counter is its entries, each with what proves it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaigns import Account, Campaign, Counter, Edition, FundraisingPage, Match, OfflineMoney, Placement, Team
from campaigns.credit import Credit
from campaigns.crowdfunding.report import brought, curve
from campaigns.crowdfunding.settling import settle
from supporters import AuditEntry, BadInput, Money, NotAllowed, Refused, hooks
from supporters.registry import findings
from supporters.tasks import Task
from tests import cast
from tests.campaigns.crowdfunding import world


def nothing_is_broken(session: Session) -> None:
    assert [found for name, found in findings(session, now=cast.NOW) if name == "crowdfunding"] == []


def test_a_gift_counts_on_its_day_and_what_goes_back_on_its_own(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    gift = world.gift(session, ada, "40.00", on=date(2026, 11, 10))
    world.gift(session, ada, "10.00", on=date(2026, 11, 20))
    world.back(session, gift, "15.00")
    now = Counter.read(session, edition)
    assert (now.received, now.public, now.supporters) == (Money.eur("35.00"), Money.eur("35.00"), 1)
    before = Counter.read(session, edition, on=date(2026, 11, 10))
    assert before.public == Money.eur("40.00")
    nothing_is_broken(session)


def test_the_curve_ends_at_the_public_figure_and_goes_down_where_something_went_back(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    page = world.page(session, edition, ada)
    gift = world.gift(session, ada, "40.00", on=date(2026, 11, 10))
    world.gift(session, ada, "10.00", on=date(2026, 11, 20))
    session.query(Credit).filter_by(gift_id=gift.id).one().move(session, page, by=cast.ANNA, now=cast.NOW)
    world.match(session, edition, "8.00")  # a promise, which is not in it
    world.back(session, gift, "15.00")
    days = dict(curve(session, edition, cast.TODAY))
    assert (min(days), max(days), len(days)) == (world.FIRST, cast.TODAY, 31)
    told = [days[date(2026, 11, day)] for day in (9, 10, 19, 20, 30)]
    assert told == [Money.eur(each) for each in ("0.00", "40.00", "40.00", "50.00", "50.00")]
    assert days[cast.TODAY] == Counter.read(session, edition).public == Money.eur("35.00")
    assert brought(session, edition) == {page.id: Money.eur("25.00")}


def test_a_supporter_whose_gifts_all_went_back_is_none(session: Session) -> None:
    edition = world.edition(session)
    world.back(session, world.gift(session, world.donor(session, 1), "40.00"))
    assert Counter.read(session, edition).supporters == 0


def test_a_gift_of_another_day_or_currency_is_credited_and_does_not_count(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    gifts = [
        world.gift(session, ada, "10.00", on=date(2026, 10, 31)),
        world.gift(session, ada, "20.00", on=world.LAST),
        cast.gift(session, ada, Money.of("30.00", "USD"), source_code="families", on=date(2026, 11, 3)),
    ]
    standings = {credit.gift_id: credit.standing for credit in session.query(Credit)}
    assert [standings.get(gift.id) for gift in gifts] == [None, "late", "other_currency"]
    assert Counter.read(session, edition).public == Money.eur("0.00")
    nothing_is_broken(session)


def test_what_comes_late_is_for_the_follow_on_purpose(session: Session) -> None:
    edition = world.edition(session)
    gift = world.gift(session, world.donor(session, 1), "20.00", on=world.LAST, fund=edition.fund)
    session.expire_all()
    by_fund = {designation.fund.code: 0 for designation in gift.designations}
    for designation in gift.designations:
        by_fund[designation.fund.code] += designation.amount
    assert by_fund == {"families": 0, "general": 20_00}


def test_an_earlier_edition_keeps_its_own_days(session: Session) -> None:
    edition = world.edition(session)
    next_one = Edition.draft(
        session, edition.campaign, "families-2027", "Families 2027", starts_on=world.LAST, ends_on=date(2027, 6, 1),
        fund=edition.fund, surplus="More.", by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    next_one.aim(session, 5_00, by=cast.ANNA, now=cast.NOW)
    next_one.approve(session, by=cast.BRAM, now=cast.NOW)
    ada = world.donor(session, 1)
    world.gift(session, ada, "7.00", on=date(2026, 12, 31))
    world.gift(session, ada, "9.00", on=world.LAST)
    assert Counter.read(session, edition).public == Money.eur("7.00")
    assert Counter.read(session, next_one).public == Money.eur("9.00")


def test_page_team_and_edition_move_together_and_a_page_takes_its_entries_along(session: Session) -> None:
    edition = world.edition(session)
    ada, bob = world.donor(session, 1), world.donor(session, 2)
    red = Team.form(session, edition, "red", "Red", by=cast.ANNA, now=cast.NOW)
    blue = Team.form(session, edition, "blue", "Blue", by=cast.ANNA, now=cast.NOW)
    page = world.page(session, edition, ada, team=red)
    other = world.page(session, edition, bob, "bob-swims", team=blue)
    gift = world.gift(session, bob, "10.00", source_code=None)
    Credit.give(session, gift, edition, page=page, by=cast.ANNA, now=cast.NOW)
    world.gift(session, bob, "1.00")

    def sums() -> list[str]:
        return [str(Counter.read(session, edition, of=of).public.amount) for of in (None, page, other, red, blue)]

    assert sums() == ["1100", "1000", "0", "1000", "0"]
    page.join(session, blue, by=cast.ANNA, now=cast.NOW)
    assert sums() == ["1100", "1000", "0", "0", "1000"]
    credit = session.query(Credit).filter_by(gift_id=gift.id).one()
    for to, expected in ((other, ["1100", "0", "1000", "0", "1000"]), (None, ["1100", "0", "0", "0", "0"])):
        credit.move(session, to, by=cast.ANNA, now=cast.NOW)
        assert sums() == expected
    credit.move(session, page, by=cast.ANNA, now=cast.NOW)
    world.back(session, gift)
    assert sums() == ["100", "0", "0", "0", "0"]
    nothing_is_broken(session)


def test_a_returning_gift_counts_by_the_rule_of_its_edition(session: Session) -> None:
    expected = {"first": (10_00, 0), "received": (20_00, 0), "year": (20_00, 100_00)}
    for number, (rule, (received, promised)) in enumerate(expected.items()):
        campaign = Campaign.open(session, rule, rule, started_on=world.FIRST, by=cast.ANNA, now=cast.NOW)
        edition = Edition.draft(
            session, campaign, rule, rule, starts_on=world.FIRST, ends_on=world.LAST, fund=cast.fund(session),
            surplus="More.", recurring=rule, by=cast.ANNA, now=cast.NOW,
        )  # fmt: skip
        edition.aim(session, 5_00, by=cast.ANNA, now=cast.NOW)
        edition.approve(session, by=cast.BRAM, now=cast.NOW)
        commitment = cast.monthly(session, world.donor(session, number), source_code=rule)
        for month in (11, 12):
            gift = cast.gift(session, commitment.supporter, Money.eur("10.00"), on=date(2026, month, 2))
            gift.commitment_id, gift.source_code = commitment.id, None
            session.flush()
            Credit.give(session, gift, edition, by=cast.ANNA, now=cast.NOW)
        counter = Counter.read(session, edition)
        assert (counter.received.amount, counter.promised.amount) == (received, promised), rule
        if rule == "year":
            commitment.stop(session, reason="donor_request", by=cast.ANNA, now=cast.NOW, on=cast.TODAY)
            assert Counter.read(session, edition).promised.amount == 0
    nothing_is_broken(session)


def test_offline_money_takes_a_document_and_a_second_person_and_is_on_its_way_until_it_comes(session: Session) -> None:
    edition = world.edition(session)
    page = world.page(session, edition, world.donor(session, 1))
    given = {"kind": "cash", "handed_on": date(2026, 11, 5), "place": "Market", "by": cast.ANNA, "now": cast.NOW}
    with pytest.raises(BadInput) as caught:
        OfflineMoney.enter(session, edition, Money.eur("80.00"), document=None, **given)
    assert caught.value.field == "document"
    box = OfflineMoney.enter(session, edition, Money.eur("80.00"), document=world.receipt(session), page=page, **given)
    with pytest.raises(NotAllowed):
        box.count_it(session, by=cast.ANNA, now=cast.NOW)
    assert Counter.read(session, edition).public.amount == 0
    box.count_it(session, by=cast.BRAM, now=cast.NOW)
    counter = Counter.read(session, edition, of=page)
    assert (counter.on_its_way.amount, counter.received.amount, counter.of_kind("cash").amount) == (80_00, 0, 80_00)
    [late] = [each for name, each in findings(session, now=cast.NOW.replace(day=31)) if name == "crowdfunding"]
    assert (late.rule, late.amount, late.since) == ("offline-money-came", Money.eur("80.00"), date(2026, 12, 5))
    gift = world.gift(session, world.donor(session, 2), "79.50", source_code=None)
    box.meet(session, gift, by=cast.ANNA, now=cast.NOW)
    counter = Counter.read(session, edition, of=page)
    assert (counter.on_its_way.amount, counter.received.amount) == (0, 79_50)
    with pytest.raises(Refused):
        box.withdraw(session, by=cast.ANNA, now=cast.NOW)
    nothing_is_broken(session)


def test_offline_money_that_came_and_was_credited_by_itself_is_met_all_the_same(session: Session) -> None:
    edition = world.edition(session)
    page = world.page(session, edition, world.donor(session, 1))
    box = OfflineMoney.enter(
        session, edition, Money.eur("80.00"), kind="cash", handed_on=date(2026, 11, 5), place="Market", page=page,
        document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    box.count_it(session, by=cast.BRAM, now=cast.NOW)
    gift = world.gift(session, world.donor(session, 2), "80.00")  # its source code told it already
    box.meet(session, gift, by=cast.ANNA, now=cast.NOW)
    for of in (None, page):
        counter = Counter.read(session, edition, of=of)
        assert (counter.on_its_way.amount, counter.received.amount) == (0, 80_00)
    nothing_is_broken(session)


def test_a_commitment_of_two_editions_ends_in_both(session: Session) -> None:
    """A stop is never in the way of what counters have of it."""
    commitment = cast.monthly(session, world.donor(session, 1), source_code="two")
    campaign = Campaign.open(session, "two", "Two", started_on=world.FIRST, by=cast.ANNA, now=cast.NOW)
    editions = []
    for number, (starts_on, ends_on) in enumerate(((world.FIRST, cast.TODAY), (cast.TODAY, world.LAST))):
        edition = Edition.draft(
            session, campaign, f"two-{number}", "Two", starts_on=starts_on, ends_on=ends_on, fund=cast.fund(session),
            surplus="More.", recurring="year", by=cast.ANNA, now=cast.NOW,
        )  # fmt: skip
        edition.aim(session, 5_00, by=cast.ANNA, now=cast.NOW)
        edition.approve(session, by=cast.BRAM, now=cast.NOW)
        editions.append(edition)
    for edition, on in zip(editions, (date(2026, 11, 2), date(2026, 12, 2)), strict=True):
        gift = cast.gift(session, commitment.supporter, Money.eur("10.00"), on=on)
        gift.commitment_id = commitment.id
        session.flush()
        Credit.give(session, gift, edition, by=cast.ANNA, now=cast.NOW)
    assert [Counter.read(session, edition).promised.amount for edition in editions] == [110_00, 110_00]
    commitment.stop(session, reason="donor_request", by=cast.ANNA, now=cast.NOW, on=cast.TODAY)
    assert [Counter.read(session, edition).promised.amount for edition in editions] == [0, 0]


def test_who_is_erased_leaves_their_page_empty_and_its_counter_whole(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    page = world.page(session, edition, ada, story="My brother is in Idlib.", thanks="Ada")
    gift = world.gift(session, world.donor(session, 2), "10.00", source_code=None)
    Credit.give(session, gift, edition, page=page, by=cast.ANNA, now=cast.NOW)
    hooks.fire("supporter_erased", session, supporter_id=ada.id, by=cast.ANNA, now=cast.NOW)
    assert (page.story, page.thanks, page.state) == ("", "", "hidden")
    assert "Ada" not in page.title
    assert Counter.read(session, edition, of=page).received.amount == 10_00


def test_an_edition_is_settled_once_nothing_is_on_its_way_and_keeps_what_was_said(session: Session) -> None:
    edition = world.edition(session, mode="all_or_nothing")
    match = world.match(session, edition, "50.00", condition=Money.eur("500.00"))
    world.gift(session, world.donor(session, 1), "20.00")
    box = OfflineMoney.enter(
        session, edition, Money.eur("80.00"), kind="cash", handed_on=date(2026, 11, 5), place="Market",
        document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    edition.move(session, "end", by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused, match="on its way"):
        settle(session, edition, by=cast.ANNA, now=cast.NOW)
    assert edition.state == "ended"
    box.withdraw(session, by=cast.ANNA, now=cast.NOW)
    settle(session, edition, by=cast.ANNA, now=cast.NOW)
    assert (edition.state, match.state, Counter.read(session, edition).promised.amount) == ("settled", "lapsed", 0)
    [task] = session.scalars(select(Task).where(Task.kind == "give_back"))
    assert (task.params["brought"], task.params["goal"]) == ("EUR 20.00", "EUR 1,000.00")
    nothing_is_broken(session)


def test_money_that_never_came_leaves_the_counter(session: Session) -> None:
    edition = world.edition(session)
    box = OfflineMoney.enter(
        session, edition, Money.eur("80.00"), kind="platform", handed_on=date(2026, 11, 5), place="Kentaa",
        document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    box.count_it(session, by=cast.BRAM, now=cast.NOW)
    box.withdraw(session, by=cast.ANNA, now=cast.NOW)
    assert Counter.read(session, edition).public.amount == 0


def test_a_placement_is_recognised_by_its_code_and_has_a_price_for_each_euro(session: Session) -> None:
    edition = world.edition(session)
    paper = Placement.place(
        session, edition, "trouw", "Trouw, page 3", kind="newspaper", cost=Money.eur("50.00"), by=cast.ANNA,
        now=cast.NOW,
    )  # fmt: skip
    session.flush()
    world.gift(session, world.donor(session, 1), "200.00", source_code=paper.source_code)
    account = Account.of(session, edition, cast.TODAY)
    [spent] = account.placements
    assert (spent.received, spent.cents_per_euro) == (Money.eur("200.00"), 25)
    assert [(each.source, each.kind, each.evidence) for each in account.sources] == [("trouw", "other", "gift")]
    assert account.to_json()["counter_cents"] == 200_00
    assert paper.reference.startswith("RF") and paper.reference.endswith(f"P{paper.id:07d}")
    assert "<svg" in paper.transfer_code("Example", cast.OUR_IBAN)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"title": " "}, "title"),
        ({"ends_on": date(2026, 11, 1)}, "ends_on"),
        ({"surplus": ""}, "surplus"),
        ({"mode": "maybe"}, "mode"),
        ({"recurring": "never"}, "recurring"),
    ],
)
def test_what_is_wrong_with_an_edition_is_named(session: Session, fields: dict[str, object], field: str) -> None:
    campaign = Campaign.open(session, "c", "C", started_on=world.FIRST, by=cast.ANNA, now=cast.NOW)
    given = {
        "slug": "c-1", "title": "C", "starts_on": world.FIRST, "ends_on": world.LAST, "fund": cast.fund(session),
        "surplus": "More.",
    }  # fmt: skip
    with pytest.raises(BadInput) as caught:
        Edition.draft(session, campaign, by=cast.ANNA, now=cast.NOW, **given | fields)
    assert caught.value.field == field
    assert session.query(Edition).count() == 0


def test_a_goal_is_more_than_nothing_and_an_edition_needs_one_and_a_second_person(session: Session) -> None:
    campaign = Campaign.open(session, "c", "C", started_on=world.FIRST, by=cast.ANNA, now=cast.NOW)
    edition = Edition.draft(
        session, campaign, "c-1", "C", starts_on=world.FIRST, ends_on=world.LAST, fund=cast.fund(session),
        surplus="More.", by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    with pytest.raises(BadInput, match="more than nothing"):
        edition.aim(session, 0, by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused, match="goal in money"):
        edition.approve(session, by=cast.BRAM, now=cast.NOW)
    edition.aim(session, 5_00, by=cast.ANNA, now=cast.NOW)
    edition.aim(
        session, 3, kind="impact", unit="a family reunited", unit_cost=Money.eur("1200.00"), by=cast.ANNA, now=cast.NOW
    )
    with pytest.raises(NotAllowed):
        edition.approve(session, by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused, match="draft"):
        edition.move(session, "launch", by=cast.BRAM, now=cast.NOW)
    edition.approve(session, by=cast.BRAM, now=cast.NOW)
    with pytest.raises(Refused, match="stands"):
        edition.edit(session, surplus="For us.", by=cast.ANNA, now=cast.NOW)
    assert [goal.reached(2_399_99, 7) for goal in edition.goals] == [1, 2_399_99]


def test_two_editions_of_a_campaign_never_run_on_the_same_day(session: Session) -> None:
    edition = world.edition(session)
    other = Edition.draft(
        session, edition.campaign, "again", "Again", starts_on=date(2026, 12, 31), ends_on=date(2027, 2, 1),
        fund=edition.fund, surplus="More.", by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    other.aim(session, 5_00, by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused, match="same days"):
        other.approve(session, by=cast.BRAM, now=cast.NOW)


def test_what_is_wrong_with_a_page_is_named(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    world.page(session, edition, ada)
    for fields, field in (
        ({"slug": "ada-runs"}, "slug"),
        ({"slug": "A B"}, "slug"),
        ({"title": ""}, "title"),
        ({"target": Money.eur("0.00")}, "target"),
        ({"target": Money.of("5.00", "USD")}, "target"),
        ({"story": "x" * 20_001}, "story"),
    ):
        given = {"slug": "fine", "title": "Fine"} | fields
        with pytest.raises(BadInput) as caught:
            FundraisingPage.start(session, edition, ada, by=cast.ANNA, now=cast.NOW, **given)
        assert caught.value.field == field
    edition.move(session, "end", by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused):
        world.page(session, edition, ada, "late")


def test_the_database_itself_refuses_an_entry_without_evidence(session: Session) -> None:
    edition = world.edition(session)
    session.flush()
    with pytest.raises(IntegrityError, match="evidence"):
        session.execute(
            text(
                "INSERT INTO campaigns_counter_entry"
                " (edition_id, stage, kind, amount, counted_on, key, made_at, made_by)"
                " VALUES (:edition, 'on_its_way', 'other', 100, '2026-11-05', 'x', '2026-11-05', 'person:x')"
            ),
            {"edition": edition.id},
        )


def test_what_is_known_of_a_placement_later_is_changed_and_its_code_stays(session: Session) -> None:
    edition = world.edition(session)
    spot = Placement.place(
        session, edition, "npo-1", "NPO 1", kind="tv", aired_at=cast.NOW, by=cast.ANNA, now=cast.NOW
    )  # fmt: skip
    session.flush()
    given: dict[str, Any] = {"aired_at": cast.NOW, "by": cast.BRAM, "now": cast.NOW}
    spot.change(session, name="NPO 1, after the news", cost=Money.eur("9500.00"), **given)
    spot.change(session, name=" NPO 1, after the news ", cost=Money.eur("9500.00"), **given)
    session.flush()
    assert (spot.name, spot.cost, spot.code) == ("NPO 1, after the news", 9500_00, "npo-1")
    [line] = session.query(AuditEntry).filter_by(verb="change", subject="placement")
    assert line.detail["fields"] == ["name", "cost"]
    for field, changes in (("name", {"name": " "}), ("cost", {"cost": Money(-1)}), ("aired_at", {"aired_at": None})):
        with pytest.raises(BadInput) as refused:
            spot.change(session, **{"name": "NPO 1", "cost": None} | given | changes)
        assert refused.value.field == field


def test_a_goal_comes_off_a_draft_only(session: Session) -> None:
    edition = world.edition(session)
    with pytest.raises(Refused, match="approved stay"):
        edition.drop(session, edition.goals[0], by=cast.ANNA, now=cast.NOW)
    edition.state = "draft"
    edition.drop(session, edition.goals[0], by=cast.ANNA, now=cast.NOW)
    session.flush()
    session.refresh(edition)
    assert edition.goals == []


def test_offline_money_is_found_among_gifts_of_about_its_amount_and_day(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    box = OfflineMoney.enter(
        session, edition, Money.eur("100.00"), kind="cash", handed_on=date(2026, 11, 20), place="Market",
        document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    box.count_it(session, by=cast.BRAM, now=cast.NOW)
    less, here = cast.gift(session, ada, Money.eur("80.00")), world.gift(session, ada, "101.00")
    cast.gift(session, ada, Money.eur("79.99"))
    cast.gift(session, ada, Money.eur("100.00"), on=date(2026, 11, 12))
    pays = cast.gift(session, sponsor := world.match(session, edition, "50.00").sponsor, Money.eur("100.00"))
    session.query(Match).filter_by(sponsor_id=sponsor.id).one().receive(session, pays, by=cast.ANNA, now=cast.NOW)
    session.flush()
    assert [gift.id for gift in box.likely(session)] == [here.id, less.id]
    box.meet(session, here, by=cast.ANNA, now=cast.NOW)
    assert [gift.id for gift in box.likely(session)] == [less.id]


def test_the_account_says_what_each_gift_is_for_and_adds_up(session: Session) -> None:
    edition = world.edition(session)
    ada = world.donor(session, 1)
    gift = world.gift(session, ada, "40.00", fund=edition.fund)
    world.gift(session, ada, "10.00")
    world.gift(session, ada, "7.00", on=date(2027, 1, 5), fund=edition.fund)
    world.back(session, gift, "15.00")
    account = Account.of(session, edition, date(2027, 1, 31))
    assert [(use.fund.code, use.counts, use.gifts, use.amount.amount) for use in account.uses] == [
        ("families", True, 1, 40_00), ("general", True, 1, 10_00), ("general", False, 1, 7_00),
    ]  # fmt: skip
    assert (account.went_back.amount, account.from_gifts.amount, account.from_sponsors.amount) == (-15_00, 35_00, 0)
    counted = sum(use.amount.amount for use in account.uses if use.counts)
    assert counted + account.went_back.amount == account.from_gifts.amount
