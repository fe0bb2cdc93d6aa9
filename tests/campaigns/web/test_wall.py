"""What givers say may be seen: told at the form, looked at, shown, and taken off again; and the news they asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from campaigns import Account, Campaigns, EditionUpdate, WallPost
from campaigns.crowdfunding import update, wall
from supporters import BadInput, Money, Refused
from supporters.extension import Supporters
from supporters.giving.gift import Gift
from supporters.mail.letter import Letter, render
from supporters.mail.message import OutboxMessage
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import own_page, telling
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from supporters.people.consent import Consent
from supporters.people.supporter import Supporter
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.databases import SECRETS

HERE = "/crowdfunding/families-2026"
ACCOUNT = GatewayAccount("memory", "memory", "test_secret", False, ("hush",))
ADA = {"first_name": "Ada", "surname": "Lovelace", "email": "ada@example.org", "amount": "25", "locale": "en"}
TOLD = {"public_name": "Ada L.", "message": "For every family.\nCourage!", "show_amount": "1", "heard": "radio",
        "updates": "1"}  # fmt: skip


class World:
    """A site that takes gifts, with an edition and a live page in it."""

    def __init__(self, app: Flask, vendor: MemoryBackstage, session: Session) -> None:
        self.app, self.vendor, self.session, self.web = app, vendor, session, app.test_client()
        self.edition = world.edition(session)
        self.page = world.page(session, self.edition, world.donor(session, 1))
        self.page.check(session, "live", by=cast.BRAM, now=cast.NOW)
        session.commit()

    def give(self, where: str = "families-2026", **fields: str) -> Gift:
        """Through the form, paid at once."""
        self.session.rollback()
        answer = self.web.post("/api/gifts", json=ADA | {"edition": where, "fund": "families"} | fields)
        assert answer.status_code == 201, answer.json
        query = select(OnlinePayment.external_id).order_by(OnlinePayment.id.desc()).limit(1)
        external_id = self.session.scalar(query)
        self.session.rollback()
        assert external_id is not None
        self.vendor.pay(external_id)
        assert "Thank you" in self.web.get(f"/give/{answer.json['token']}?lang=en").text
        return self.session.scalars(select(Gift).order_by(Gift.id.desc()).limit(1)).one()

    def post(self) -> WallPost:
        return self.session.scalars(select(WallPost).order_by(WallPost.id.desc()).limit(1)).one()

    def latest(self, path: str = "") -> list[dict[str, Any]]:
        self.session.commit()
        answer = self.web.get(f"/api/editions/families-2026{path}")
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json["latest"]
        return found

    def my_page(self, supporter: Supporter) -> str:
        link = own_page.link(
            self.session, supporter, settings=self.app.extensions["supporters"].settings, now=cast.NOW
        )  # fmt: skip
        self.session.rollback()
        return link.removeprefix("https://charity.example")


@pytest.fixture
def site(fresh_engine: Engine, tmp_path: Any) -> Iterator[Flask]:
    gateway = MemoryGateway(ACCOUNT, now=lambda: cast.NOW)
    app = Flask("site", instance_path=str(tmp_path))
    app.config.update(
        TESTING=True, SECRET_KEY="test", SUPPORTERS_NOW=cast.NOW.isoformat(), CAMPAIGNS_COUNT_SECONDS=0, **SECRETS,
        SUPPORTERS_PUBLIC_URL="https://charity.example", SUPPORTERS_GATEWAYS=Accounts({"memory": gateway}),
        SQLALCHEMY_DATABASE_URI=fresh_engine.url.render_as_string(hide_password=False),
    )  # fmt: skip
    db = SQLAlchemy(app)
    Supporters(app, db)
    Campaigns(app, db)
    app.extensions["vendor"] = MemoryBackstage(gateway)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def here(site: Flask, stored: Session) -> World:
    return World(site, site.extensions["vendor"], stored)


def show(here: World, **words: str) -> WallPost:
    post = here.post()
    post.show(here.session, by=cast.BRAM, now=cast.NOW, **words)
    here.session.commit()
    return post


# -- the story ------------------------------------------------------------------------------------------------------


def test_a_giver_is_seen_once_somebody_looked_and_takes_it_off_again(here: World) -> None:
    gift = here.give("families-2026/ada-runs", **TOLD)
    assert here.latest() == [] and here.latest("/pages/ada-runs") == []  # nobody looked yet
    stored = here.session.scalar(select(Checkout.sealed_telling))
    assert stored is not None and b"Courage" not in stored
    [item] = wall.queue(here.session, here.edition)
    assert (item.sent.name, item.sent.message) == ("Ada L.", "For every family.\nCourage!")
    assert (item.giver.surname, item.amount, item.amount_is_shown) == ("Lovelace", Money.eur("25"), True)
    show(here)
    seen = {"name": "Ada L.", "message": "For every family.\nCourage!", "amount_cents": 2500, "page": "ada-runs",
            "on": gift.received_on.isoformat()}  # fmt: skip
    assert here.latest() == here.latest("/pages/ada-runs") == [seen]
    for path in (HERE, f"{HERE}/ada-runs", f"{HERE}/wall"):
        text = here.web.get(f"{path}?lang=en").text
        assert "Ada L." in text and "Courage!" in text and "€25" in text and "Lovelace" not in text

    mine = here.my_page(gift.supporter)
    page = here.web.get(mine).text
    assert "What others see of your gifts" in page and "Courage!" in page
    action = re.search(r'action="(/my/[^"]+/shown/wall-\d+[^"]*)"', page)
    assert action is not None
    answer = here.web.post(action[1])
    assert answer.status_code == 303 and "Nobody sees it any more." in here.web.get(answer.location).text
    assert here.latest() == [] and "Courage" not in here.web.get(f"{HERE}/wall").text
    post = here.post()
    assert (post.state, post.name, post.message, post.checkout.sealed_telling) == ("taken_off", "", "", None)
    words = here.session.execute(select(Consent.purpose, Consent.granted).where(Consent.channel == "public")).all()
    assert {tuple(each) for each in words} == {(purpose, yes) for purpose in telling.SHOWN for yes in (True, False)}, (
        "each yes is followed by a no, and nothing of the ledger is gone"
    )
    assert here.web.post(action[1]).status_code == 303  # once more is as good as once


def test_name_amount_and_message_are_three_yeses(here: World) -> None:
    here.give(public_name="Ada")
    show(here)
    here.give(message="Hello", email="b@example.org")
    show(here)
    here.give(show_amount="1", email="c@example.org")  # no words: there is nothing to look at
    here.give(email="d@example.org")
    seen = [(each["name"], each["amount_cents"], each["message"]) for each in here.latest()]
    assert seen == [(None, 2500, None), (None, None, "Hello"), ("Ada", None, None)]
    assert here.session.scalar(select(WallPost.id).where(WallPost.gift_id == 4)) is None  # who said nothing
    purposes = here.session.execute(
        select(Consent.purpose, Consent.channel, Consent.scope).order_by(Consent.id)
    ).all()  # fmt: skip
    assert [tuple(each) for each in purposes] == [
        ("show_name", "public", "checkout:1"), ("show_message", "public", "checkout:2"),
        ("show_amount", "public", "checkout:3"),
    ]  # fmt: skip


def test_what_is_told_without_an_edition_is_not_kept(here: World) -> None:
    here.give("", **TOLD)
    checkout = here.session.scalars(select(Checkout)).one()
    assert (checkout.sealed_telling, checkout.heard, checkout.consents) == (None, None, [])
    assert here.session.scalars(select(WallPost)).all() == []


def test_a_gift_that_went_back_is_not_shown_and_one_that_went_back_in_part_shows_what_is_left(here: World) -> None:
    gift = here.give(**TOLD)
    show(here)
    world.back(here.session, gift, "5.00")
    assert [each["amount_cents"] for each in here.latest()] == [2000]
    world.back(here.session, gift, "20.00")
    assert here.latest() == []


@pytest.mark.parametrize("ending", ["died", "no to all", "erased"])
def test_it_ends_with_what_its_giver_says_or_suffers(here: World, ending: str) -> None:
    gift = here.give(**TOLD)
    show(here)
    given: dict[str, Any] = {"by": cast.ANNA, "now": cast.NOW + timedelta(minutes=1)}
    if ending == "died":
        gift.supporter.death_reported_at = cast.NOW
    elif ending == "no to all":
        for purpose in telling.SHOWN:
            Consent.record(here.session, gift.supporter, purpose, granted=False, channel="public", **given)
        assert len(list(wall.unwanted(here.session))) == 1
    else:
        from supporters import hooks

        hooks.fire("supporter_erased", here.session, supporter_id=gift.supporter_id, **given)
        assert here.post().checkout.sealed_telling is None and here.post().name == ""
    assert here.latest() == []
    if ending == "no to all":
        here.post().take_off(here.session, by=cast.ANNA, now=cast.NOW)
        with pytest.raises(Refused, match="meanwhile"):
            here.post().show(here.session, by=cast.ANNA, now=cast.NOW)


# -- looking at them ------------------------------------------------------------------------------------------------


def test_things_are_taken_out_and_nothing_is_put_in(here: World) -> None:
    here.give(**TOLD)
    for wrong in ({"name": "Ada L. and Sam"}, {"message": "For every family and me."}):
        with pytest.raises(BadInput, match="somebody else's words"):
            here.post().show(here.session, by=cast.BRAM, now=cast.NOW, **wrong)
        here.session.rollback()
    show(here, name="Ada …", message="For every family.")
    [seen] = here.latest()
    assert (seen["name"], seen["message"]) == ("Ada …", "For every family.")
    with pytest.raises(Refused, match="meanwhile"):
        here.post().refuse(here.session, by=cast.ANNA, now=cast.NOW)
    here.post().reconsider(here.session, by=cast.ANNA, now=cast.NOW)
    assert here.latest() == [] and here.post().name == ""
    here.post().refuse(here.session, by=cast.ANNA, now=cast.NOW)
    assert wall.counts(here.session, here.edition) == {"waiting": 0, "shown": 0, "refused": 1, "taken_off": 0}


def test_all_that_wait_are_shown_at_once_and_what_was_decided_is_left(here: World) -> None:
    for number in range(3):
        here.give(email=f"d{number}x@example.org", public_name=f"D {number}")
    posts = here.session.scalars(select(WallPost).order_by(WallPost.id)).all()
    posts[1].refuse(here.session, by=cast.ANNA, now=cast.NOW)
    assert wall.show_all(here.session, posts, by=cast.BRAM, now=cast.NOW) == 2
    assert [each["name"] for each in here.latest()] == ["D 2", "D 0"]


def test_the_wall_is_read_a_screenful_at_a_time(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.web.editions.SCREENFUL", 2)
    for number in range(5):
        here.give(email=f"d{number}x@example.org", public_name=f"Giver {number}")
        show(here)
    seen, before = [], ""
    for _ in range(3):
        answer = here.web.get(f"/api/editions/families-2026/wall{before}").json
        seen += [each["name"] for each in answer["posts"]]
        before = f"?before={answer['next_before']}"
    assert seen == [f"Giver {number}" for number in (4, 3, 2, 1, 0)] and answer["next_before"] is None
    page = here.web.get(f"{HERE}/wall?lang=en").text
    older = re.search(r'href="([^"]*before=\d+[^"]*)"', page)
    assert older is not None and "Giver 3" in page and "Giver 2" not in page
    assert "Giver 2" in here.web.get(older[1].replace("&amp;", "&")).text
    for odd in ("x", "-1", "0", "9" * 40, "é"):
        assert "Giver 4" in here.web.get(f"{HERE}/wall", query_string={"before": odd}).text
    assert here.web.get("/crowdfunding/nowhere/wall").status_code == 404
    assert here.web.get("/api/editions/nowhere/wall").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"public_name": "www.cheap.example"}, "public_name"), ({"public_name": "x" * 81}, "public_name"),
        ({"message": "see http://cheap.example"}, "message"), ({"message": "x" * 501}, "message"),
        ({"heard": "by pigeon"}, "heard"), ({"show_amount": "perhaps"}, "show_amount"), ({"updates": "2"}, "updates"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_at_its_field(here: World, wrong: dict[str, str], field: str) -> None:
    here.session.rollback()
    form = ADA | {"edition": "families-2026", "fund": "families"} | wrong
    answer = here.web.post("/api/gifts", json=form)
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, [field])
    page = here.web.post("/api/gifts", data=form, headers={"Accept": "text/html"}).text
    assert f'href="#donate-{field}"' in page and f'id="donate-{field}-error"' in page  # and what was typed is there
    assert field == "updates" or '<details class="donate-telling" open>' in page
    assert here.session.scalars(select(Checkout)).all() == []


def test_the_form_asks_it_where_there_is_an_edition_and_nowhere_else(here: World) -> None:
    here.session.rollback()
    page = here.web.get(f"{HERE}?lang=en").text
    for words in telling.WORDS.values():
        assert words["en"] in page
    assert "donate-telling" in page and '<details class="donate-telling">' in page  # folded
    assert "donate-telling" not in here.web.get("/give?lang=en").text
    offer = here.web.get("/api/giving?locale=en").json["telling"]
    assert offer["words"] == {purpose: words["en"] for purpose, words in telling.WORDS.items()}
    assert [each["code"] for each in offer["heard"]] == list(telling.HEARD)


def test_what_somebody_wrote_is_told_as_text(here: World) -> None:
    here.give(public_name="<b>Ada</b>", message="<script>alert(1)</script> & more")
    show(here)
    here.session.commit()
    for path in (HERE, f"{HERE}/wall"):
        page = here.web.get(path).text
        assert "<script>alert" not in page and "&lt;script&gt;" in page and "<b>Ada" not in page


def test_whose_gift_it_is_not_takes_nothing_off(here: World) -> None:
    here.give(**TOLD)
    show(here)
    stranger = here.my_page(world.donor(here.session, 1))
    for key in (f"wall-{here.post().id}", "wall-999", "wall-x", "other-1", "wall", "wall-" + "9" * 30):
        here.session.rollback()
        assert here.web.post(f"{stranger}/shown/{key}").status_code == 404, key
    assert len(here.latest()) == 1


# -- how they heard, and the news -----------------------------------------------------------------------------------


def test_how_givers_heard_of_it_is_counted_apart_from_what_is_known(here: World) -> None:
    here.give(heard="radio")
    here.give(heard="radio", email="b@example.org", amount="10")
    here.give(heard="friends", email="c@example.org")
    here.give(email="d@example.org")
    account = Account.of(here.session, here.edition, cast.TODAY)
    assert [(each.answer, each.gifts, each.amount.amount) for each in account.heard] == [
        ("radio", 2, 3500), ("friends", 1, 2500),
    ]  # fmt: skip
    assert account.to_json()["heard"][0] == {"answer": "radio", "gifts": 2, "amount_cents": 3500}
    assert all(each.source == "" for each in account.sources)


def test_news_goes_to_givers_who_asked_and_one_click_ends_it(here: World) -> None:
    for address, asks in (("ada@example.org", "1"), ("b@example.org", "1"), ("c@example.org", "0")):
        here.give(email=address, updates=asks)
    given: dict[str, Any] = {"by": cast.ANNA, "now": cast.NOW}
    news = EditionUpdate.write(here.session, here.edition, "Two families", "They are **here**.", **given)
    here.session.commit()
    assert here.web.get("/api/editions/families-2026").json["updates"] == []  # a draft
    assert news.recipients_now(here.session) == news.send(here.session, **given) == 2
    with pytest.raises(Refused, match="sent already"):
        news.send(here.session, **given)
    with pytest.raises(Refused, match="sent"):
        news.edit(here.session, "Other", "words", **given)
    here.session.commit()
    assert "They are <strong>here</strong>." in here.web.get(f"{HERE}?lang=en").text
    messages = here.session.scalars(
        select(OutboxMessage).where(OutboxMessage.template == "edition_update").order_by(OutboxMessage.id)
    ).all()
    assert [(each.purpose, each.scope) for each in messages] == [("updates", "edition:families-2026")] * 2
    letter = render(here.session, messages[0], settings=here.app.extensions["supporters"].settings, now=cast.NOW)
    assert isinstance(letter, Letter) and letter.unsubscribe_url is not None
    assert "Two families" in letter.subject and "They are **here**." in letter.text and "Ada" in letter.text
    stop = letter.unsubscribe_url.removeprefix("https://charity.example")
    here.session.rollback()
    assert "Stop" in here.web.get(f"{stop}?lang=en").text
    assert update._who_asked(here.session, here.edition)[0][2] == "ada@example.org"  # looking decides nothing
    here.session.rollback()
    for _ in range(2):
        assert here.web.post(stop, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert [each[2] for each in update._who_asked(here.session, here.edition)] == ["b@example.org"]
    noes = here.session.scalars(select(Consent).where(Consent.purpose == "updates", Consent.granted.is_(False))).all()
    assert len(noes) == 1
    here.session.rollback()
    assert here.web.get("/unsubscribe/edition/nonsense").status_code == 404
    here.give(email="ada@example.org", updates="1")  # she asks again
    assert len(update._who_asked(here.session, here.edition)) == 2


def test_two_givers_with_one_address_get_one_mail(here: World) -> None:
    here.give(updates="1")
    here.give(updates="1", first_name="Charles", surname="Babbage", email="ADA@example.org")
    assert here.session.scalars(select(Supporter).where(Supporter.surname == "Babbage")).one()
    assert len(update._who_asked(here.session, here.edition)) == 1


@pytest.mark.parametrize(
    ("title", "text", "field"), [("", "x", "title"), ("x", " ", "text"), ("x" * 101, "x", "title")]
)
def test_news_without_words_is_refused(here: World, title: str, text: str, field: str) -> None:
    with pytest.raises(BadInput) as error:
        EditionUpdate.write(here.session, here.edition, title, text, by=cast.ANNA, now=cast.NOW)
    assert error.value.field == field


def test_a_site_shows_the_latest_gifts_in_a_template_of_its_own(here: World) -> None:
    from flask import render_template_string

    here.give(**TOLD)
    show(here)
    here.session.commit()
    with here.app.test_request_context():
        shown = render_template_string("{{ achterban_crowdfunding('families-2026', 'en').latest() }}")
    assert "Ada L." in shown and "€25" in shown


def test_looking_at_the_page_takes_as_many_queries_with_many_gifts(here: World) -> None:
    def queries() -> int:
        seen: list[str] = []
        listen = (here.session.get_bind(), "before_cursor_execute", lambda *said: seen.append(said[2]))
        here.session.refresh(here.edition)
        event.listen(*listen)
        try:
            assert wall.latest(here.session, here.edition)[0]
            assert wall.queue(here.session, here.edition, "shown")
        finally:
            event.remove(*listen)
        return len(seen)

    here.give(**TOLD)
    show(here)
    first = queries()
    for number in range(6):
        here.give(email=f"d{number}x@example.org", **TOLD)
        show(here)
    assert queries() == first
