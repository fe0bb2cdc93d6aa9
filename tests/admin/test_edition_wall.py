"""The wall of givers and the news of an edition in the admin, over HTTP: looked at, shown, undone, sent."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from campaigns import Edition, EditionUpdate, WallPost
from supporters.mail.message import OutboxMessage
from supporters.people.consent import Consent
from supporters.people.supporter import Supporter
from tests import cast
from tests.admin.test_editions import follow, words
from tests.campaigns.crowdfunding import test_lift as lifts
from tests.campaigns.crowdfunding import world

HERE = "/admin/editions/families-2026"


def waiting(db, *names):
    """Posts that nobody looked at yet; their numbers."""
    with db() as session:
        edition = session.scalar(select(Edition)) or world.edition(session)
        posts = []
        for number, name in enumerate(names):
            post = world.on_the_wall(session, edition, world.donor(session, 20 + number), name)
            post.reconsider(session, by=cast.BRAM, now=cast.NOW)
            posts.append(post.id)
        session.flush()
        return posts


def states(db):
    with db() as session:
        return [tuple(row) for row in session.execute(select(WallPost.state, WallPost.name).order_by(WallPost.id))]


def test_names_are_looked_at_shown_undone_and_taken_off(client_as, db):
    first, second, third = waiting(db, "Ada L.", "Sam the Silly", "www.cheap.example")
    anna = client_as("fundraiser")
    page = words(anna.get(HERE))
    assert "3 gifts wait for a look" in page
    page = anna.get(f"{HERE}/wall")
    for text in ("Ada L.", "D Onor 20", "€25.00", "the amount is not shown", "Show the 2 at which nothing stands out"):
        assert text in words(page), text
    said = follow(anna, anna.post(f"{HERE}/wall/{first}", data={"decision": "show", "state": "waiting"}))
    assert "It is on the page from now on." in said and "The last decision can be undone." in said
    assert "Undone: it waits again." in follow(anna, anna.post(f"{HERE}/wall/{first}", data={"decision": "undo"}))
    form = anna.get(f"{HERE}/wall/{second}/take-out")
    assert 'value="Sam the Silly"' in form.text
    refused = anna.post(f"{HERE}/wall/{second}/take-out", data={"name": "Sam the Great", "message": ""})
    assert "somebody else&#39;s words" in refused.text
    follow(anna, anna.post(f"{HERE}/wall/{second}/take-out", data={"name": "Sam", "message": ""}))
    follow(anna, anna.post(f"{HERE}/wall/{third}", data={"decision": "refuse"}))
    said = follow(anna, anna.post(f"{HERE}/wall/plain", data={"id": [str(first), str(third), "x"]}))
    assert "1 gift is on the page now." in said
    assert states(db) == [("shown", "Ada L."), ("shown", "Sam"), ("refused", "")]
    shown = words(anna.get(f"{HERE}/wall?state=shown"))
    assert "Shown as: Sam" in shown
    follow(anna, anna.post(f"{HERE}/wall/{second}", data={"decision": "take_off", "state": "shown"}))
    assert states(db)[1] == ("taken_off", "")
    for text, path in (("There is no list", "wall?state=odd"), ("There is no decision", f"wall/{first}")):
        answer = anna.get(f"{HERE}/{path}") if "odd" in path else anna.post(f"{HERE}/{path}", data={"decision": "odd"})
        assert (answer.status_code, text in words(answer)) == (404, True)


def test_two_who_decide_at_once_do_not_undo_each_other(client_as, db):
    (first,) = waiting(db, "Ada L.")
    anna, bram = client_as("fundraiser"), client_as("finance")
    follow(anna, anna.post(f"{HERE}/wall/{first}", data={"decision": "refuse"}))
    said = follow(bram, bram.post(f"{HERE}/wall/{first}", data={"decision": "refuse"}))
    assert "Somebody decided about this meanwhile; look once more." in said


def test_who_may_only_look_sees_no_giver(client_as, db):
    (first,) = waiting(db, "Ada L.")
    viewer = client_as("viewer")
    assert viewer.get(f"{HERE}/wall").status_code == 403
    assert viewer.post(f"{HERE}/wall/{first}", data={"decision": "show"}).status_code == 403
    assert f"{HERE}/wall" not in viewer.get(HERE).text
    assert viewer.get(f"{HERE}/news").status_code == 200
    assert viewer.get(f"{HERE}/news/new").status_code == 403


def test_news_is_written_looked_at_and_sent_once(client_as, db):
    waiting(db, "Ada L.")
    with db() as session:
        giver = session.scalar(select(Supporter).where(Supporter.surname == "Onor 20"))
        Consent.record(
            session, giver, "updates", granted=True, scope="edition:families-2026", evidence="letter", by=cast.ANNA,
            now=cast.NOW,
        )  # fmt: skip
    anna = client_as("fundraiser")
    assert "No news was written yet." in words(anna.get(f"{HERE}/news"))
    news = {"title": "Two families", "text": "They are **here**."}
    assert "<strong>here</strong>" in anna.post(f"{HERE}/news/new", data=news | {"look": "1"}).text
    assert 'id="text-error"' in anna.post(f"{HERE}/news/new", data={"title": "x", "text": " "}).text
    assert "Kept as a draft." in follow(anna, anna.post(f"{HERE}/news/new", data=news))
    follow(anna, anna.post(f"{HERE}/news/1", data=news | {"title": "Three families"}))
    asked = words(anna.get(f"{HERE}/news/1/send"))
    assert "every giver who asked for news" in asked and "1" in asked
    assert "On its way to 1 person." in follow(anna, anna.post(f"{HERE}/news/1/send"))
    assert "sent already" in anna.post(f"{HERE}/news/1/send").text
    with db() as session:
        assert session.scalar(select(EditionUpdate.title)) == "Three families"
        mails = session.scalars(select(OutboxMessage.scope).where(OutboxMessage.template == "edition_update")).all()
        assert mails == ["edition:families-2026"]
    assert "There is 1 piece of news." in words(anna.get(HERE))


def test_a_part_of_another_edition_is_not_there(client_as, db):
    (first,) = waiting(db, "Ada L.")
    with db() as session:
        edition = session.scalar(select(Edition))
        given = {"starts_on": world.LAST, "ends_on": edition.ends_on.replace(year=2028), "by": cast.ANNA}
        Edition.draft(
            session,
            edition.campaign,
            "families-2027",
            "Next",
            fund=edition.fund,
            surplus="More.",
            now=cast.NOW,
            **given,
        )
    anna = client_as("fundraiser")
    other = "/admin/editions/families-2027"
    assert anna.post(f"{other}/wall/{first}", data={"decision": "show"}).status_code == 404
    assert anna.get(f"{other}/wall/{first}/take-out").status_code == 404
    assert anna.get(f"{other}/news/1").status_code == 404


def test_a_spot_says_what_it_seems_to_have_brought_and_an_ad_does_not(client_as, db):
    with db() as session:
        edition = world.edition(session, starts_on=lifts.AIRED.date().replace(month=9, day=1))
        lifts.spot(session, edition, at=lifts.AIRED)
        lifts.spot(session, edition, "trouw", kind="newspaper")
        lifts.spot(session, edition, "late", cast.NOW, "tv")
        for minutes in range(6):
            lifts.online(session, edition, lifts.AIRED + timedelta(minutes=minutes))
        lifts.online(session, edition, lifts.AIRED - timedelta(weeks=1))
    anna = client_as("fundraiser")
    page = words(anna.get(f"{HERE}/placements/1"))
    assert "6 online gifts came in of which nothing tells what brought them." in page
    assert "In the same hours of 6 other weeks it was 0.2 a week." in page
    assert "That is more than chance does: probably" in page and "No gift is credited by it" in page
    assert "seems to have brought" not in words(anna.get(f"{HERE}/placements/2"))
    assert "That can be said once its two hours are over" in words(anna.get(f"{HERE}/placements/3"))
