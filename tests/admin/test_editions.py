"""An edition as a fundraiser runs it, over HTTP: the list, its page, and the buttons on it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from campaigns import Campaign, Edition, FundraisingPage, Match
from campaigns.crowdfunding.counter import Counter
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.crowdfunding.page import owner_of
from campaigns.crowdfunding.picture import PagePicture
from campaigns.placement import Placement
from supporters import AuditEntry, Money
from supporters.actor import Actor
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.campaigns.crowdfunding.test_own_pages import photo

PAGE = "/admin/editions/families-2026"
FINANCE = Actor.person("finance@example.org", via="admin", authenticated=True)


@pytest.fixture
def edition(db):
    """Live: two gifts, one thanks to an ad, a match that is on, a page that waits and cash that waits."""
    with db() as session:
        made = world.edition(session)
        made.aim(session, 3, kind="supporters", by=cast.ANNA, now=cast.NOW)
        made.aim(
            session, 4, kind="impact", unit="family reunited", unit_cost=Money.eur("100.00"), by=cast.ANNA,
            now=cast.NOW,
        )  # fmt: skip
        Placement.place(
            session, made, "trouw", "Trouw, page 3", kind="newspaper", cost=Money.eur("25.00"), by=cast.ANNA,
            now=cast.NOW,
        )  # fmt: skip
        world.match(session, made, "80.00")
        ada = world.donor(session, 1)
        world.gift(session, ada, "100.00")
        world.gift(session, world.donor(session, 2), "50.00", source_code="families/trouw")
        world.page(session, made, ada, story="I run **sixteen** kilometres. <script>alert(1)</script>")
        OfflineMoney.enter(
            session, made, Money.eur("75.00"), kind="cash", handed_on=cast.TODAY, place="Box on the market",
            document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
        )  # fmt: skip
        session.flush()
        return made.id


def draft(session, by=cast.ANNA, slug="spring-2027"):
    """Of the same campaign, on later days."""
    campaign = session.scalar(select(Campaign)) or Campaign.open(
        session, "families", "Families", started_on=world.FIRST, by=cast.ANNA, now=cast.NOW
    )
    made = Edition.draft(
        session, campaign, slug, "Spring 2027", starts_on=world.LAST, ends_on=world.LAST + timedelta(days=60),
        fund=cast.fund(session), surplus="More families.", by=by, now=cast.NOW, recurring="year",
    )  # fmt: skip
    made.aim(session, 500_00, by=by, now=cast.NOW)
    return made


def one(db, query):
    with db() as session:
        return session.scalar(query)


def counted(db):
    with db() as session:
        return str(Counter.read(session, session.scalar(select(Edition))).public)


def follow(client, answer):
    assert answer.status_code == 302, answer.text
    return words(client.get(answer.location))


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


# --- the list --------------------------------------------------------------------------------------------------


def test_the_list_shows_days_counter_and_how_far_the_goal_is(client_as, edition):
    text = words(client_as("viewer").get("/admin/editions"))
    assert "Families 2026 Families 1 Nov 2026 – 31 Dec 2026 Public €150.00 15% of €1,000.00" in text, text
    assert "Crowdfunding" in words(client_as("viewer").get("/admin/"))


def test_the_list_asks_as_much_for_many_editions_as_for_one(client_as, admin_app, db, edition):
    def statements():
        seen = []
        with admin_app.app_context():
            engine = admin_app.extensions["sqlalchemy"].engine
        event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
        client_as("viewer").get("/admin/editions")
        return len(seen)

    first = statements()
    with db() as session:
        for n in range(5):
            draft(session, slug=f"later-{n}")
    assert statements() <= first


def test_the_list_is_found_by_title_and_state_and_goes_into_a_file(client_as, db, edition):
    with db() as session:
        draft(session)
    anna = client_as("fundraiser")
    found = words(anna.get("/admin/editions?q=spring&state=draft"))
    assert "Spring 2027" in found and "Families 2026" not in found
    file = anna.post("/admin/export/editions?state=live", data={"purpose": "the board"}).text
    assert "Families 2026;Families;1 Nov 2026 – 31 Dec 2026;Public;150.00;15% of €1,000.00" in file, file


# --- the page --------------------------------------------------------------------------------------------------


def test_the_page_shows_the_counter_and_what_it_is_made_of(client_as, edition):
    text = words(client_as("viewer").get(PAGE))
    for part in (
        "€150.00 from 2 supporters", "15% of €1,000.00", "2 of 3 supporters",
        "1 of 4: family reunited, at €100.00 each", "€150.00 Received", "€0.00 On its way", "€80.00 Promised",
        "Trouw, page 3 trouw Newspaper RF", "€25.00 €50.00 €0.50", "Every euro doubled Bakery", "€80.00 €80.00 €0.00",
        "Ada runs", "I run sixteen kilometres.", "Box on the market Cash €75.00 31 Dec 2026 anna@example.org",
        "Waits for a second person", "What is above the goal More families.",
        "Of a gift that returns each payment counts when it came", "The counter, day by day",
    ):  # fmt: skip
        assert part in text, (part, text)


def test_what_somebody_wrote_on_their_page_can_do_no_harm(client_as, edition):
    assert "<script>alert" not in client_as("viewer").get(PAGE).text


def test_the_page_asks_as_much_for_many_rows_as_for_one(client_as, admin_app, db, edition):
    def statements():
        seen = []
        with admin_app.app_context():
            engine = admin_app.extensions["sqlalchemy"].engine
        event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
        client_as("viewer").get(PAGE)
        return len(seen)

    first = statements()
    with db() as session:
        made = session.get(Edition, edition)
        for n in range(6):
            world.page(session, made, world.donor(session, 10 + n), f"page-{n}")
    assert statements() <= first


def test_in_dutch_it_is_all_dutch(client_as, db, edition):
    with db() as session:
        draft(session)
    anna = client_as("fundraiser")
    anna.post("/admin/language", data={"language": "nl"})
    text = words(anna.get(PAGE))
    for part in (
        "€ 150,00 van 2 donateurs", "2 van 3 donateurs", "Onderweg", "Toegezegd", "Uitingen", "Verdubbelingen",
        "Actiepagina", "Meetellen als tweede persoon", "Krant", "Contant", "De teller, dag voor dag", "Openbaar",
    ):  # fmt: skip
        assert part in text.replace("\xa0", " "), (part, text)
    assert not re.findall(r"Received|supporters|Promised|Counter\b|Public\b|Withdraw", text)
    assert "Concept" in words(anna.get("/admin/editions"))


def test_an_edition_without_anything_has_a_page_too(client_as, db):
    with db() as session:
        draft(session)
    text = words(client_as("viewer").get("/admin/editions/spring-2027"))
    assert "€0.00 from 0 supporters" in text and "Nothing came in yet." in text
    assert "the rest of its first year is promised" in text and "day by day" not in text


# --- who may not -----------------------------------------------------------------------------------------------

CHANGES = (
    "launch", "pause", "resume", "end", "approve", "pages/1", "offline/1/count", "offline/1/withdraw",
    "offline/1/document", "matches/1/announce",
)  # fmt: skip


@pytest.mark.parametrize("below", CHANGES)
def test_a_viewer_changes_nothing_and_has_no_button(client_as, edition, below):
    viewer = client_as("viewer")
    assert viewer.post(f"{PAGE}/{below}").status_code == 403
    text = viewer.get(PAGE).text
    assert 'action="/admin/editions' not in text
    to_read = {"account", "placements/1", "matches/1", "news"}
    assert set(re.findall(r'href="/admin/editions/families-2026/([^"]*)', text)) == to_read


def test_a_fundraiser_approves_nothing(client_as, db, edition):
    with db() as session:
        draft(session)
    anna = client_as("fundraiser")
    assert anna.post("/admin/editions/spring-2027/approve").status_code == 403
    assert anna.post(f"{PAGE}/matches/1/announce").status_code == 403
    assert "A colleague of finance has to approve this edition." in words(anna.get("/admin/editions/spring-2027"))


@pytest.mark.parametrize("below", ["matches/9/announce", "offline/9/withdraw"])
def test_what_is_not_there_is_said(client_as, edition, below):
    assert client_as("finance").get(f"{PAGE}/{below}").status_code == 404
    assert client_as("finance").get("/admin/editions/nothing").status_code == 404


def test_what_is_of_another_edition_is_not_there(client_as, db, edition):
    with db() as session:
        draft(session)
    finance = client_as("finance")
    assert finance.post("/admin/editions/spring-2027/pages/1", data={"state": "live"}).status_code == 404
    assert finance.post("/admin/editions/spring-2027/offline/1/count").status_code == 404
    assert finance.post(f"{PAGE}/pages/1", data={"state": "sold"}).status_code == 404


# --- its next step ---------------------------------------------------------------------------------------------


def test_an_edition_goes_from_draft_to_its_end(client_as, db):
    with db() as session:
        draft(session)
    anna, bram = client_as("fundraiser"), client_as("finance")
    where = "/admin/editions/spring-2027"
    assert "It is approved." in follow(bram, bram.post(f"{where}/approve"))
    assert "Gifts of these days count: 1 Jan 2027 – 1 Mar 2027." in words(anna.get(f"{where}/launch"))
    assert "Everybody sees it now." in follow(anna, anna.post(f"{where}/launch"))
    assert "The public no longer sees it." in follow(anna, anna.post(f"{where}/pause"))
    assert "The public sees it again." in follow(anna, anna.post(f"{where}/resume"))
    assert "cannot be started again" in words(anna.get(f"{where}/end"))
    assert "It has ended." in follow(anna, anna.post(f"{where}/end"))
    again = anna.post(f"{where}/end")
    assert again.status_code == 409 and "Spring 2027 is ended: this comes after live / paused." in words(again)
    assert "Spring 2027 is ended" in follow(anna, anna.post(f"{where}/pause"))
    assert one(db, select(Edition.state)) == "ended"


def test_who_made_an_edition_cannot_approve_it(client_as, db):
    with db() as session:
        draft(session, by=FINANCE)
    bram, where = client_as("finance"), "/admin/editions/spring-2027"
    page = bram.get(where)
    assert "You made this edition: a colleague has to approve it." in words(page)
    assert f"{where}/approve" not in page.text
    assert "You made this edition: a second person has to approve it." in follow(bram, bram.post(f"{where}/approve"))
    assert one(db, select(Edition.state)) == "draft"
    assert f"{where}/approve" in client_as("second").get(where).text


def test_an_edition_whose_days_are_over_says_so(client_as, db, edition):
    with db() as session:
        session.get(Edition, edition).ends_on = cast.TODAY
    assert "Its last day has passed" in words(client_as("viewer").get(PAGE))


# --- matches ---------------------------------------------------------------------------------------------------


@pytest.fixture
def promised(db, edition):
    """A second match, of fifty euros, that nobody announced yet; the gift of Bakery's rival is not matched yet."""
    with db() as session:
        made = session.get(Edition, edition)
        match = Match.promise(
            session, made, world.donor(session, 7), "Twice as much", Money.eur("50.00"), from_on=world.FIRST,
            until_on=world.LAST, by=FINANCE, now=cast.NOW, per_gift=Money.eur("25.00"), per_donor=Money.eur("40.00"),
            condition=Money.eur("100.00"),
        )  # fmt: skip
        session.flush()
        return match.id


def test_a_match_is_announced_by_a_second_person_who_reads_what_it_is(client_as, db, promised):
    where = f"{PAGE}/matches/{promised}/announce"
    assert "A colleague announces it." in words(client_as("finance").get(PAGE))
    second = client_as("second")
    assert where in second.get(PAGE).text
    text = words(second.get(where))
    for part in (
        "D Onor 7 adds to what others give", "€50.00 How much", "Days: 1 Nov 2026 – 31 Dec 2026.",
        "it adds 100% of that gift", "At most €25.00 for one gift.", "At most €40.00 for all gifts of one giver.",
        "pays once givers brought €100.00",
    ):  # fmt: skip
        assert part in text, (part, text)
    refused = client_as("finance").post(where)
    assert refused.status_code == 403 and "a second person has to approve it" in words(refused)
    assert "The match is announced." in follow(second, second.post(where))
    assert one(db, select(Match.state).where(Match.id == promised)) == "live"
    assert second.post(where).status_code == 409


# --- people's pages --------------------------------------------------------------------------------------------


def test_a_page_is_approved_and_hidden(client_as, db, edition):
    anna = client_as("fundraiser")
    assert "Everybody sees the page now." in follow(anna, anna.post(f"{PAGE}/pages/1", data={"state": "live"}))
    assert "This page is live already." in follow(anna, anna.post(f"{PAGE}/pages/1", data={"state": "live"}))
    assert "The page is hidden" in follow(anna, anna.post(f"{PAGE}/pages/1", data={"state": "hidden"}))
    assert one(db, select(FundraisingPage.state)) == "hidden"
    assert one(db, select(FundraisingPage.checked_by)) == "person:fundraiser@example.org"


def test_what_its_owner_changed_is_seen_and_a_picture_shown_or_not(client_as, db, edition):
    anna, viewer = client_as("fundraiser"), client_as("viewer")
    anna.post(f"{PAGE}/pages/1", data={"state": "live"})
    with db() as session:
        page = session.scalar(select(FundraisingPage))
        page.write(session, title="Ada flies", by=owner_of(page.owner), now=cast.NOW)
        sent = [PagePicture.send(session, page, photo(size=size), by=cast.ANNA, now=cast.NOW).sha256
                for size in ((30, 20), (40, 20))]  # fmt: skip
    text = words(anna.get(PAGE))
    for part in ("changed since somebody looked", "picture waits", "Seen Ada flies", "Look at the picture Ada flies"):
        assert part in text, part
    assert "You have seen what changed." in follow(anna, anna.post(f"{PAGE}/pages/1", data={"state": "live"}))
    assert "changed since" not in words(anna.get(PAGE))

    asked = anna.get(f"{PAGE}/pages/1/change").text
    assert sent[1] in asked and "Show the picture" in asked
    assert anna.get(f"{PAGE}/pages/1/picture/waiting").data.startswith(b"\xff\xd8")
    assert viewer.get(f"{PAGE}/pages/1/picture/waiting").status_code == 403
    where = f"{PAGE}/pages/1/picture"
    assert viewer.post(where, data={"decision": "show", "seen": sent[1]}).status_code == 403
    assert anna.post(where, data={"decision": "sell", "seen": sent[1]}).status_code == 404
    assert "Another picture came in" in follow(anna, anna.post(where, data={"decision": "show", "seen": sent[0]}))
    assert one(db, select(PagePicture.state)) == "waiting"
    assert "The picture is on the page" in follow(anna, anna.post(where, data={"decision": "show", "seen": sent[1]}))
    assert anna.post(where, data={"decision": "show", "seen": sent[1]}).status_code == 404
    with db() as session:
        seen = PagePicture.send(session, session.scalar(select(FundraisingPage)), photo(), by=cast.ANNA, now=cast.NOW)
        seen = seen.sha256
    assert "is not shown" in follow(anna, anna.post(where, data={"decision": "refuse", "seen": seen}))
    assert one(db, select(func.count()).select_from(PagePicture)) == 2
    assert anna.get(f"{PAGE}/pages/1/picture/shown").status_code == 200


# --- money that comes by hand ----------------------------------------------------------------------------------


def test_cash_counts_once_a_second_person_saw_its_document(client_as, db, edition):
    bram = client_as("finance")
    document = bram.post(f"{PAGE}/offline/1/document")
    assert document.data == b"a receipt" and "attachment" in document.headers["Content-Disposition"]
    assert one(db, select(func.count()).select_from(AuditEntry).where(AuditEntry.verb == "see")) == 1
    assert "It counts as on its way." in follow(bram, bram.post(f"{PAGE}/offline/1/count"))
    assert counted(db) == "EUR 225.00"
    assert "This is counted already." in follow(bram, bram.post(f"{PAGE}/offline/1/count"))
    assert "The counter goes down by this amount." in words(bram.get(f"{PAGE}/offline/1/withdraw"))
    assert "It is withdrawn." in follow(bram, bram.post(f"{PAGE}/offline/1/withdraw"))
    assert counted(db) == "EUR 150.00"
    assert bram.post(f"{PAGE}/offline/1/withdraw").status_code == 409


def test_who_entered_cash_cannot_count_it(client_as, db, edition):
    with db() as session:
        session.scalar(select(OfflineMoney)).entered_by = FINANCE.key
    bram = client_as("finance")
    assert "A colleague looks at its document." in words(bram.get(PAGE))
    assert f"{PAGE}/offline/1/count" not in bram.get(PAGE).text
    assert "You entered this: a second person" in follow(bram, bram.post(f"{PAGE}/offline/1/count"))
    assert "It was not on the counter yet" in words(bram.get(f"{PAGE}/offline/1/withdraw"))
    assert counted(db) == "EUR 150.00"
