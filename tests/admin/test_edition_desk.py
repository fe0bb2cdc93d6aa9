"""An edition run wholly in the admin, over HTTP: from an empty list to its account; and what goes wrong on the way."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date

import pytest
from sqlalchemy import select

from admin.pages.edition_placements import link_of, short_of
from campaigns import Campaign, Credit, Edition, FundraisingPage, Match, Team
from campaigns.crowdfunding.counter import Counter
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.placement import Placement
from supporters import Fund, Gift, Money, Supporter
from tests import cast
from tests.admin.conftest import admin_on
from tests.admin.online import Counter as Gateway
from tests.admin.test_editions import FINANCE, edition, follow, one, words  # noqa: F401
from tests.campaigns.crowdfunding import world

NEW = "/admin/new-edition"
SPRING = "/admin/editions/spring-2026"
PDF = b"%PDF-1.7\nreceipt"


def typed(db, **changes):
    with db() as session:
        fund = cast.fund(session)
        session.flush()
        key = str(fund.id)
    return {
        "campaign": "new", "campaign_name": "Spring", "campaign_code": "spring", "title": "Spring 2026",
        "story": "Families **wait**.",
        "slug": "spring-2026", "starts_on": "2026-11-01", "last_on": "31-12-2026", "goal": "500,00", "fund": key,
        "follow_on_fund": "", "surplus": "More families.", "mode": "keep_it_all", "recurring": "received",
    } | changes  # fmt: skip


def complaints(answer):
    """The field of each complaint beside a field, with its text."""
    return dict(re.findall(r'class="ab-wrong" id="([\w-]+)-error">([^<]+?)\s*</p>', answer.text))


def receipt(content=PDF):
    return io.BytesIO(content), "box.pdf"


# --- the whole of it -------------------------------------------------------------------------------------------


def test_a_fundraiser_runs_an_edition_from_an_empty_list_to_its_account(client_as, db):
    anna, bram = client_as("fundraiser"), client_as("finance")
    with db() as session:
        cast.creditor(session)
        ada, bakery = cast.ada(session), world.donor(session, 7)
        session.flush()
        ada_id, bakery_id = ada.id, bakery.id

    listed = anna.get("/admin/editions")
    assert "There is no edition yet" in words(listed) and NEW in listed.text
    assert "It is approved" not in follow(anna, anna.post(NEW, data=typed(db)))
    with db() as session:
        drafted = session.scalar(select(Edition))
        assert (drafted.campaign.code, drafted.ends_on, drafted.state) == ("spring", date(2027, 1, 1), "draft")
    assert "1 Nov 2026 – 31 Dec 2026" in words(anna.get(SPRING))

    assert "Saved." in follow(anna, anna.post(f"{SPRING}/change", data=typed(db, title="Families first")))
    assert "Families <strong>wait</strong>." in anna.get(SPRING).text
    goal = {"kind": "impact", "count": "4", "unit": "family reunited", "unit_cost": "125"}
    assert "0 of 4: family reunited, at €125.00 each" in follow(anna, anna.post(f"{SPRING}/goals/new", data=goal))
    assert "It is approved." in follow(bram, bram.post(f"{SPRING}/approve"))
    follow(anna, anna.post(f"{SPRING}/launch"))

    ad = {"kind": "newspaper", "code": "trouw", "name": "Trouw, page 3", "cost": "100,00"}
    said = follow(anna, anna.post(f"{SPRING}/placements/new", data=ad))
    for part in ("Source code spring/trouw", "Reference RF", "NL44 RABO 0123 4567 89", "Stichting Voorbeeld"):
        assert part in said, (part, said)
    assert "Form it" in anna.get(f"{SPRING}/teams/new").text
    team = {"name": "Utrecht", "slug": "utrecht", "target": "250"}
    assert "Teams: Utrecht €0.00 of €250.00" in follow(anna, anna.post(f"{SPRING}/teams/new", data=team))
    with db() as session:
        world.page(session, session.scalar(select(Edition)), session.get(Supporter, ada_id), story="I run.")

    sponsor = {
        "sponsor": f"S{bakery_id:07d}", "title": "Every euro doubled", "promised": "80", "percent": "100",
        "from_on": "2026-11-01", "last_on": "2026-12-31", "freed": "oldest",
    }  # fmt: skip
    assert "You entered this match" in follow(anna, anna.post(f"{SPRING}/matches/new", data=sponsor))
    follow(bram, bram.post(f"{SPRING}/matches/1/announce"))
    assert "Saved." in follow(anna, anna.post(f"{SPRING}/matches/1/size", data={"most": "60"}))

    with db() as session:  # a gift of which nothing tells what it is thanks to, and one through the ad
        sam, _suzie = cast.sam_and_suzie(session)
        quiet = cast.gift(session, sam, Money.eur("50.00"))
        cast.gift(session, sam, Money.eur("30.00"), source_code="spring/trouw")
        session.flush()
        quiet_id = quiet.id
    gift = f"/admin/gifts/{quiet_id}"
    assert "Nothing tells which edition brought it." in words(anna.get(gift))
    chosen = anna.post(f"{gift}/credit", data={"edition": "spring-2026"})
    assert "It counts." in words(anna.get(chosen.location))
    said = follow(anna, anna.post(chosen.location, data={"page": "1"}))
    assert "Page Ada runs How it is known A colleague said so On the counter It counts" in said, said

    moved = {"title": "Ada runs", "story": "I run **far**.", "thanks": "", "target": "100", "team": "1"}
    said = follow(anna, anna.post(f"{SPRING}/pages/1/change", data=moved))
    assert "Teams: Utrecht €50.00 of €250.00" in said and "I run far" in said, said
    follow(anna, anna.post(f"{SPRING}/pages/1", data={"state": "hidden"}))
    assert "Everybody sees the page now." in follow(anna, anna.post(f"{SPRING}/pages/1", data={"state": "live"}))

    box = {"amount": "75,00", "kind": "cash", "handed_on": "2026-11-30", "place": "Box on the market", "page": "",
           "document": receipt()}  # fmt: skip
    said = follow(anna, anna.post(f"{SPRING}/offline/new", data=box, content_type="multipart/form-data"))
    assert "Box on the market Cash €75.00" in said and "It counts once a colleague looked" in said
    assert bram.post(f"{SPRING}/offline/1/document").data == PDF
    follow(bram, bram.post(f"{SPRING}/offline/1/count"))

    follow(anna, anna.post(f"{SPRING}/end"))
    assert "1 piece of offline money is still on its way" in words(anna.get(f"{SPRING}/settle"))
    refused = anna.post(f"{SPRING}/settle")
    assert refused.status_code == 409 and "find it at the bank, or withdraw it" in words(refused)
    assert "No gift of about that amount came in yet" in words(anna.get(f"{SPRING}/offline/1/meet"))
    with db() as session:
        came = cast.gift(session, world.donor(session, 8), Money.eur("74.50"))
        session.flush()
        came_id = came.id
    assert "€74.50, 1 December 2026: D Onor 8" in words(anna.get(f"{SPRING}/offline/1/meet"))
    assert "It counts as received now" in follow(
        anna, anna.post(f"{SPRING}/offline/1/meet", data={"gift": str(came_id)})
    )

    with db() as session:
        paid = cast.gift(session, session.get(Supporter, bakery_id), Money.eur("60.00"))
        session.flush()
        paid_id = paid.id
    payment = f"{SPRING}/matches/1/payment"
    assert "€60.00, 1 December 2026" in words(anna.get(payment))
    assert "€60.00 Paid by the sponsor" in follow(anna, anna.post(payment, data={"gift": str(paid_id)}))

    sure = words(anna.get(f"{SPRING}/settle"))
    assert "€154.50 How much" in sure and "The goal of €500.00 was not reached." in sure, sure
    assert "Account made up" in follow(anna, anna.post(f"{SPRING}/settle"))
    assert "Accounted for" in follow(anna, anna.post(f"{SPRING}/report"))
    with db() as session:
        found = session.scalar(select(Edition))
        assert (found.title, found.state) == ("Families first", "reported")
        assert str(Counter.read(session, found).public) == "EUR 214.50"
    account = words(anna.get(f"{SPRING}/account"))
    for part in (
        "Account of Families first", "The counter €214.50", "General 3 €154.50", "Received from givers €154.50",
        "for what their matches gave €60.00", "Trouw, page 3 Newspaper €30.00 €3.33 €100.00",
    ):  # fmt: skip
        assert part in account, (part, account)


# --- drafting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"goal": "0"}, "goal", "more than nothing"),
        ({"goal": "9" * 16}, "goal", "larger than any amount"),
        ({"last_on": "2026-10-31"}, "last_on", "ends after it began (1 November 2026)"),
        ({"slug": "families-2026"}, "slug", "There is an edition “families-2026” already."),
        ({"slug": "Spring 2026"}, "slug", "small letters, digits and hyphens"),
        ({"surplus": " "}, "surplus", "Say what happens with what comes in above"),
        ({"campaign_code": "families"}, "campaign_code", "There is a campaign with code “families” already."),
        ({"campaign_name": ""}, "campaign_name", "A campaign needs a name."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(client_as, db, edition, changes, field, said):  # noqa: F811
    answer = client_as("fundraiser").post(NEW, data=typed(db, **changes))
    assert answer.status_code == 422 and said in complaints(answer).get(field, ""), complaints(answer)
    assert one(db, select(Campaign).where(Campaign.code == "spring")) is None


def test_a_new_edition_of_a_campaign_that_is_there(client_as, db, edition):  # noqa: F811
    with db() as session:
        key = session.scalar(select(Campaign.id))
    anna = client_as("fundraiser")
    follow(anna, anna.post(NEW, data=typed(db, campaign=str(key))))
    assert one(db, select(Edition.campaign_id).where(Edition.slug == "spring-2026")) == key


def test_of_what_was_approved_only_the_title_and_a_later_end_change(client_as, db, edition):  # noqa: F811
    anna, where = client_as("fundraiser"), "/admin/editions/families-2026"
    page = anna.get(f"{where}/change")
    assert 'name="title"' in page.text and 'value="2026-12-31"' in page.text and 'name="surplus"' not in page.text
    data = {"title": "All families", "last_on": "2027-01-31", "surplus": "A party."}
    assert "All families" in follow(anna, anna.post(f"{where}/change", data=data))
    with db() as session:
        found = session.get(Edition, edition)
        assert (found.ends_on, found.surplus) == (date(2027, 2, 1), "More families.")
    earlier = anna.post(f"{where}/change", data=data | {"last_on": "2026-12-01"})
    assert earlier.status_code == 409 and "What givers were told stands" in words(earlier)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "0"}, "amount"), ({"amount": ""}, "amount"), ({"amount": "1000"}, "amount"),
        ({"kind": "supporters"}, "count"), ({"kind": "supporters", "count": "0"}, "count"),
        ({"kind": "supporters", "count": "9" * 25}, "count"),
        ({"kind": "impact", "count": "4", "unit": ""}, "unit"),
    ],
)  # fmt: skip
def test_a_goal_that_is_none_is_refused(client_as, edition, changes, field):  # noqa: F811
    answer = client_as("fundraiser").post(
        "/admin/editions/families-2026/goals/new", data={"kind": "amount", "amount": ""} | changes
    )
    assert answer.status_code == 422 and set(complaints(answer)) == {field}


def test_a_goal_comes_off_a_draft_and_off_nothing_else(client_as, db, edition):  # noqa: F811
    anna = client_as("fundraiser")
    follow(anna, anna.post(NEW, data=typed(db)))
    key = one(db, select(Edition).where(Edition.slug == "spring-2026").with_only_columns(Edition.id))
    with db() as session:
        goals = {goal.edition_id: goal.id for each in session.scalars(select(Edition)) for goal in each.goals}
    drop = anna.post(f"{SPRING}/goals/{goals[key]}/drop")
    assert "The goal is gone." in (said := follow(anna, drop)) and "No goal was set yet." in said
    stays = anna.post(f"/admin/editions/families-2026/goals/{goals[edition]}/drop")
    assert "Goals that were approved stay" in follow(anna, stays)
    assert anna.post(f"{SPRING}/goals/{goals[edition]}/drop").status_code == 404


# --- placements ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "trouw"}, "code"), ({"code": "Trouw 3"}, "code"), ({"name": ""}, "name"), ({"cost": "-5"}, "cost"),
        ({"kind": "radio"}, "aired_at"),
    ],
)  # fmt: skip
def test_a_placement_that_is_none_is_refused(client_as, edition, changes, field):  # noqa: F811
    data = {"kind": "flyer", "code": "flyer", "name": "Flyer", "cost": ""}
    answer = client_as("fundraiser").post("/admin/editions/families-2026/placements/new", data=data | changes)
    assert answer.status_code == 422 and set(complaints(answer)) == {field}


def test_the_bill_of_an_ad_comes_later_and_its_codes_stay(client_as, db, edition):  # noqa: F811
    anna, where = client_as("fundraiser"), "/admin/editions/families-2026/placements/1"
    said = follow(anna, anna.post(f"{where}/change", data={"name": "Trouw, page 5", "cost": "4800,50",
                                                           "aired_at": "2026-11-20T07:30"}))  # fmt: skip
    assert "€4,800.50 Cost appeared on 20 Nov 2026 07:30" in said and "families/trouw" in said, said
    assert one(db, select(Placement.name)) == "Trouw, page 5"
    wrong = anna.post(f"{where}/change", data={"name": "", "cost": "-1"})
    assert wrong.status_code == 422 and one(db, select(Placement.cost)) == 4800_50


def test_the_code_of_a_transfer_is_a_picture_once_there_is_an_account(client_as, db, edition):  # noqa: F811
    viewer, where = client_as("viewer"), "/admin/editions/families-2026/placements/1"
    assert [viewer.get(f"{where}/{what}.svg").status_code for what in ("link", "transfer")] == [200, 404]
    assert "no payment gateway is connected" in words(viewer.get(where))
    assert "No bank account of ours is known yet" in words(viewer.get(where))
    with db() as session:
        cast.creditor(session)
    code = viewer.get(f"{where}/transfer.svg")
    assert code.mimetype == "image/svg+xml" and b"<svg" in code.data
    assert f"{where}/transfer.svg?account=NL44RABO0123456789" in viewer.get(where).text


def test_the_link_leads_to_the_form_for_its_fund_and_is_known_by_its_placement(sqlite_databases, tmp_path):
    counter = Gateway()
    with admin_on(sqlite_databases, tmp_path, **counter.settings) as app:
        counter.open(app)
        with counter.session() as session:
            made = world.edition(session)
            placement = Placement.place(
                session, made, "trouw", "Trouw", kind="newspaper", by=cast.ANNA, now=cast.NOW
            )  # fmt: skip
            session.commit()
            short_path = placement.short_path
            with app.test_request_context():
                link, short = link_of(placement), short_of(placement)
        assert short == "https://charity.example/go/families-2026/trouw" == f"https://charity.example{short_path}"
        assert link == (
            "https://charity.example/give?edition=families-2026&placement=trouw&fund=families&source=families/trouw"
        )
        form = app.test_client().get(link.removeprefix("https://charity.example")).text
        for name, value in (("placement", "trouw"), ("edition", "families-2026"), ("fund", "families")):
            assert re.search(rf'name="{name}" value="{value}"', form), form


# --- teams and pages -------------------------------------------------------------------------------------------


def test_a_page_goes_to_a_team_and_out_of_it(client_as, db, edition):  # noqa: F811
    with db() as session:
        Team.form(session, session.get(Edition, edition), "utrecht", "Utrecht", by=cast.ANNA, now=cast.NOW)
    anna, where = client_as("fundraiser"), "/admin/editions/families-2026"
    taken = anna.post(f"{where}/teams/new", data={"name": "Utrecht", "slug": "utrecht"})
    assert "“utrecht” is taken" in complaints(taken)["slug"]
    data = {"title": "Ada runs", "story": "Running", "thanks": "Thanks!", "target": ""}
    follow(anna, anna.post(f"{where}/pages/1/change", data=data | {"team": "1"}))
    assert one(db, select(FundraisingPage.team_id)) == 1
    follow(anna, anna.post(f"{where}/pages/1/change", data=data | {"team": ""}))
    with db() as session:
        page = session.scalar(select(FundraisingPage))
        assert (page.team_id, page.story, page.thanks) == (None, "Running", "Thanks!")
    wrong = anna.post(f"{where}/pages/1/change", data=data | {"title": "", "target": "0", "team": ""})
    assert wrong.status_code == 422 and set(complaints(wrong)) == {"title"}


# --- a match ---------------------------------------------------------------------------------------------------


def promise(**changes):
    return {
        "sponsor": "Onor 7", "title": "Twice as much", "promised": "50", "percent": "100", "from_on": "2026-12-01",
        "freed": "oldest",
    } | changes  # fmt: skip


@pytest.fixture
def sponsors(db, edition):  # noqa: F811
    with db() as session:
        seventh, eighth = world.donor(session, 7), world.donor(session, 17)
        session.flush()
        return seventh.id, eighth.id


MATCHES = "/admin/editions/families-2026/matches"


def test_a_sponsor_is_found_by_name_and_chosen(client_as, db, sponsors):
    anna = client_as("fundraiser")
    asked = anna.post(f"{MATCHES}/new", data=promise(sponsor="Onor"))
    assert complaints(asked) == {"sponsor": "Choose who it is."}
    assert re.findall(r'type="radio" name="sponsor"[^>]*value="(S\d+)"', asked.text)
    number = f"S{sponsors[1]:07d}"
    said = follow(anna, anna.post(f"{MATCHES}/new", data=promise(sponsor=["Onor", "Onor", number])))
    assert "D Onor 17" in said and one(db, select(Match.sponsor_id).order_by(Match.id.desc())) == sponsors[1]
    other = anna.post(f"{MATCHES}/new", data=promise(sponsor=["Nobody at all", "Onor", number]))
    assert complaints(other) == {"sponsor": "Nobody is found with this."}
    unknown = anna.post(f"{MATCHES}/new", data=promise(sponsor="S9999999"))
    assert "There is no supporter with number" in complaints(unknown)["sponsor"]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"most": "51"}, "most", "The sponsor promised €50.00"),
        ({"promised": "0"}, "promised", "Fill in an amount"),
        ({"percent": "0"}, "percent", "between 1 and 1000"),
        ({"last_on": "2026-11-30"}, "last_on", "ends after it began"),
        ({"sponsor": ""}, "sponsor", "Fill this in."),
    ],
)
def test_a_match_that_is_none_is_refused(client_as, sponsors, changes, field, said):
    data = promise(sponsor=f"S{sponsors[0]:07d}") | changes
    answer = client_as("fundraiser").post(f"{MATCHES}/new", data=data)
    assert answer.status_code == 422 and said in complaints(answer)[field], complaints(answer)


def test_a_match_is_never_smaller_than_it_gave_and_ends_for_good(client_as, db, edition):  # noqa: F811
    anna = client_as("fundraiser")
    assert "promised €80.00" in words(anna.post(f"{MATCHES}/1/size", data={"most": "90"}))
    less = anna.post(f"{MATCHES}/1/size", data={"most": "79"})
    assert less.status_code == 409 and "€80.00 of it was given already." in words(less)
    assert "The match has ended." in follow(anna, anna.post(f"{MATCHES}/1/end"))
    assert anna.post(f"{MATCHES}/1/end").status_code == 409
    assert "there is none" in words(anna.get(f"{MATCHES}/1/payment"))


# --- offline money ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "0"}, "amount"), ({"handed_on": "2026-12-02"}, "handed_on"), ({"place": ""}, "place"),
        ({"handed_on": "2026-10-31"}, "handed_on"), ({"document": (io.BytesIO(b"<html>"), "x.pdf")}, "document"),
        ({"document": (io.BytesIO(), "")}, "document"),
    ],
)  # fmt: skip
def test_offline_money_that_is_none_is_refused(client_as, db, edition, changes, field):  # noqa: F811
    data = {"amount": "20", "kind": "cash", "handed_on": "2026-12-01", "place": "Here", "page": ""}
    answer = client_as("fundraiser").post(
        "/admin/editions/families-2026/offline/new", data=data | {"document": receipt()} | changes,
        content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 422 and set(complaints(answer)) == {field}
    assert one(db, select(OfflineMoney.id).where(OfflineMoney.amount == 20_00)) is None


def test_money_that_came_is_a_gift_of_about_that_amount_and_no_other_money_yet(client_as, db, edition):  # noqa: F811
    with db() as session:
        row = session.scalar(select(OfflineMoney))
        row.count_it(session, by=FINANCE, now=cast.NOW)
        near, far = (cast.gift(session, world.donor(session, 20), Money.eur(euros)) for euros in ("80.00", "200.00"))
        session.flush()
        assert [gift.id for gift in row.likely(session)] == [near.id]
        ids = near.id, far.id
    anna, where = client_as("fundraiser"), "/admin/editions/families-2026/offline/1/meet"
    assert anna.post(where, data={"gift": str(ids[1])}).status_code == 422
    follow(anna, anna.post(where, data={"gift": str(ids[0])}))
    with db() as session:
        assert session.scalar(select(OfflineMoney)).gift_id == ids[0]
        assert [gift.id for gift in session.scalar(select(OfflineMoney)).likely(session)] == []


# --- the account -----------------------------------------------------------------------------------------------


def test_what_settling_does_is_said_before_it(client_as, db, edition):  # noqa: F811
    with db() as session:
        made = session.get(Edition, edition)
        made.mode = "all_or_nothing"
        session.scalar(select(Match)).condition = 900_00
        session.scalar(select(OfflineMoney)).withdraw(session, by=cast.ANNA, now=cast.NOW)
        made.move(session, "end", by=cast.ANNA, now=cast.NOW)
    anna, where = client_as("fundraiser"), "/admin/editions/families-2026/settle"
    text = words(anna.get(where))
    for part in (
        "€150.00 How much", "The goal of €1,000.00 was not reached.", "“Every euro doubled” lapses",
        "giving the gifts back becomes a task",
    ):  # fmt: skip
        assert part in text, (part, text)
    follow(anna, anna.post(where))
    assert one(db, select(Match.state)) == "lapsed"
    assert "all or nothing was said" in words(anna.get("/admin/tasks"))


def test_the_account_is_that_of_its_day_on_screen_and_in_both_files(client_as, db, edition):  # noqa: F811
    with db() as session:
        gift = session.scalar(select(Gift).where(Gift.source_code == "families/trouw"))
        gift.reverse(session, Money.eur("10.00"), on=cast.TODAY, kind="refund", by=cast.ANNA, now=cast.NOW)
    viewer, where = client_as("viewer"), "/admin/editions/families-2026/account"
    text = words(viewer.get(where))
    for part in (
        "The counter €140.00", "What went back Trouw, page 3 1 -€10.00", "Not in it: promised, a sponsor&#39;s match",
        "General 2 €150.00", "Went back to givers -€10.00", "Received from givers €140.00",
    ):  # fmt: skip
        assert part in text, (part, text)
    assert text.count("Not in it: promised") == 1, "a sum of its kind, however many placements it is thanks to"
    assert "€0.00 The counter" in words(viewer.get(f"{where}?on=2026-11-30"))
    assert json.loads(viewer.get(f"{where}.json?on=2026-11-30").text)["counter_cents"] == 0
    told = json.loads(viewer.get(f"{where}.json").text)
    assert (told["counter_cents"], told["went_back_cents"]) == (140_00, -10_00)
    file = viewer.get(f"{where}.csv")
    assert "families-2026-2026-12-01.csv" in file.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff")), delimiter=";"))
    counted = [row for row in rows if row["Part"] == "Counter" and row["State"] != "Promised"]
    assert sum(float(row["Amount"]) for row in counted) == 140
    assert [row["Cost"] for row in rows if row["Part"] == "Placement"] == ["25.00"]


def test_every_entry_of_the_counter_goes_into_a_file_with_what_proves_it(client_as, db, edition):  # noqa: F811
    anna = client_as("fundraiser")
    listed = words(anna.get("/admin/edition-entries?edition=families-2026"))
    assert "3 found" in listed and "Families 2026" in listed, listed
    assert "2 found" in words(anna.get("/admin/edition-entries?edition=families-2026&stage=received"))
    assert anna.get("/admin/edition-entries?edition=spring").status_code == 404
    file = anna.post("/admin/export/edition_entries?edition=families-2026", data={"purpose": "the accountant"}).text
    assert file.count("\r\n") == 4 and ";G0000001;" in file and ";100.00;EUR;" in file, file


# --- what a gift is thanks to ----------------------------------------------------------------------------------


def test_a_gift_is_moved_to_another_page_with_all_it_brought(client_as, db, edition):  # noqa: F811
    anna, gift = client_as("fundraiser"), "/admin/gifts/1"
    assert "Edition Families 2026" in words(anna.get(gift)) and "Its source code said so" in words(anna.get(gift))
    assert "Page Ada runs" in follow(anna, anna.post(f"{gift}/move-credit", data={"page": "1"}))
    with db() as session:
        page = session.scalar(select(FundraisingPage))
        assert Counter.read(session, page.edition, of=page).received == Money.eur("100.00")
    again = anna.post(f"{gift}/credit/families-2026", data={})
    assert again.status_code == 409 and "This gift is credited already" in words(again)
    assert client_as("viewer").get(f"{gift}/move-credit").status_code == 403
    assert "move-credit" not in client_as("viewer").get(gift).text


def test_a_gift_that_pays_for_a_match_is_not_moved(client_as, db, edition):  # noqa: F811
    with db() as session:
        match = session.scalar(select(Match))
        paid = cast.gift(session, match.sponsor, Money.eur("80.00"), source_code="")
        session.flush()
        match.receive(session, paid, by=cast.ANNA, now=cast.NOW)
        key = paid.id
    anna = client_as("fundraiser")
    assert "It pays for a match, and counts there" in words(anna.get(f"/admin/gifts/{key}"))
    assert anna.get(f"/admin/gifts/{key}/move-credit").status_code == 409


def test_without_an_edition_a_gift_says_nothing_of_it(client_as, db):
    with db() as session:
        cast.gift(session, cast.ada(session))
    assert "thanks to" not in words(client_as("fundraiser").get("/admin/gifts/1"))


def test_a_gift_that_came_late_is_told_so_before_it_is_noted(client_as, db, edition):  # noqa: F811
    with db() as session:
        gift = cast.gift(session, cast.ada(session), on=date(2026, 10, 3))
        session.flush()
        key = gift.id
    anna = client_as("fundraiser")
    assert "It came before the first day" in words(anna.get(f"/admin/gifts/{key}/credit/families-2026"))
    follow(anna, anna.post(f"/admin/gifts/{key}/credit/families-2026", data={"placement": "1"}))
    with db() as session:
        credit = session.scalar(select(Credit).where(Credit.gift_id == key))
        assert (credit.standing, credit.how, credit.placement_id) == ("early", "staff", 1)
        assert session.scalar(select(Fund.id)) is not None


# --- who may not -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "below",
    [
        "change",
        "goals/new",
        "placements/new",
        "placements/1/change",
        "teams/new",
        "pages/1/change",
        "matches/new",
        "matches/1/size",
        "matches/1/end",
        "matches/1/payment",
        "offline/new",
        "offline/1/meet",
        "settle",
        "report",
    ],
)
def test_a_viewer_may_none_of_it(client_as, edition, below):  # noqa: F811
    viewer, where = client_as("viewer"), f"/admin/editions/families-2026/{below}"
    assert viewer.get(where).status_code == 403 and viewer.post(where).status_code == 403
    assert client_as("fundraiser").get(where).status_code == 200
