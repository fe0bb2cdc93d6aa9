"""Three fields, a mail, a button, a desk: over HTTP, by forms that need no script and keep no cookie."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import Edition, FundraisingPage, Team
from campaigns.crowdfunding.page_request import PageRequest
from campaigns.crowdfunding.picture import PagePicture
from supporters import Supporter
from supporters.mail.letter import Letter, render
from supporters.mail.message import OutboxMessage
from supporters.settings import Settings
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.campaigns.crowdfunding.test_own_pages import SVG, photo

START = "/crowdfunding/families-2026/start"
ADA = {"name": "Ada Lovelace", "email": "ada@example.org", "title": "Ada runs"}


@pytest.fixture
def edition(stored: Session) -> Edition:
    found = world.edition(stored)
    Team.form(stored, found, "utrecht", "Utrecht", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    return found


def count(stored: Session, model: type[Any]) -> int:
    stored.rollback()
    return stored.scalar(select(func.count()).select_from(model)) or 0


def mailed(stored: Session) -> str:
    """The desk that the last mail leads to."""
    message = stored.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)).one()
    found = render(stored, message, settings=Settings.read({}), now=cast.NOW)
    assert isinstance(found, Letter)
    link = re.search(r"/crowdfunding/own/\S+", found.text)
    assert link is not None
    return link[0]


@pytest.fixture
def at_desk(visitor: FlaskClient, stored: Session, edition: Edition) -> str:
    """The desk of a page that somebody just made."""
    visitor.post(START, data=ADA)
    here = mailed(stored)
    assert visitor.post(f"{here}/make").status_code == 303
    return here


def page_of(stored: Session) -> FundraisingPage:
    stored.rollback()
    found: FundraisingPage = stored.scalars(select(FundraisingPage)).one()
    stored.refresh(found)
    return found


def test_from_three_fields_to_live(visitor: FlaskClient, stored: Session, edition: Edition) -> None:
    asks = visitor.get(START, headers={"Accept-Language": "en"})
    assert "Utrecht" in asks.text and "Set-Cookie" not in asks.headers
    answer = visitor.post(f"{START}?lang=en", data={**ADA, "team": "utrecht"})
    assert (answer.status_code, "We have sent you a mail" in answer.text) == (200, True)
    assert (count(stored, FundraisingPage), count(stored, Supporter)) == (0, 0)
    here = mailed(stored)
    opened = visitor.get(f"{here}?lang=en")
    assert ("Ada runs" in opened.text, opened.headers["Referrer-Policy"]) == (True, "no-referrer")
    assert "no-store" in opened.headers["Cache-Control"]
    assert (count(stored, FundraisingPage), count(stored, Supporter)) == (0, 0)  # opening it decides nothing

    for _ in range(2):
        made = visitor.post(f"{here}/make?lang=en", follow_redirects=True)
        assert (made.status_code, "Write your story now" in made.text) == (200, True)
    assert (count(stored, FundraisingPage), count(stored, Supporter)) == (1, 1)
    saved = visitor.post(f"{here}?lang=en", data={
        "title": "Ada runs far", "story": "I **run**\r\n\r\n<script>alert(1)</script>", "target": "750",
        "thanks": "Thank you!",
    }, follow_redirects=True)  # fmt: skip
    assert "Saved." in saved.text and "<strong>run</strong>" in saved.text and "<script" not in saved.text
    page = page_of(stored)
    assert (page.title, page.target, page.thanks, page.slug) == ("Ada runs far", 750_00, "Thank you!", "ada-runs")
    assert (page.team and page.team.slug, page.changed_at) == ("utrecht", None)
    assert visitor.get("/api/editions/families-2026/pages/ada-runs").status_code == 404

    page.check(stored, "live", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    assert "online" in visitor.get(f"{mailed(stored)}?lang=en").text  # the link of the mail that says so
    told = visitor.get("/api/editions/families-2026/pages/ada-runs").get_json()
    assert "<script" not in told["story_html"]
    visitor.post(here, data={"title": "Ada runs far", "story": page.story, "target": "750,00", "thanks": "Thank you!"})
    assert page_of(stored).changed_at is None  # nothing is other than it was
    visitor.post(here, data={"title": "Ada flies", "story": "", "target": "", "thanks": ""})
    page = page_of(stored)
    assert (page.title, page.target, page.state, page.changed_at) == ("Ada flies", None, "live", cast.NOW)
    page.check(stored, "hidden", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    assert "hidden" in visitor.get(f"{here}?lang=en").text


def test_the_answer_is_the_same_for_everybody(visitor: FlaskClient, stored: Session, at_desk: str) -> None:
    known = visitor.post(START, data=ADA)
    unknown = visitor.post(START, data={**ADA, "email": "new@example.org"})
    robot = visitor.post(START, data={**ADA, "email": "robot@example.org", "website": "x"})
    assert known.text == unknown.text == robot.text
    assert count(stored, PageRequest) == 3
    mails = count(stored, OutboxMessage)
    asked = [visitor.post("/crowdfunding/own", data={"email": each}) for each in ("ada@example.org", "no@example.org")]
    assert asked[0].text == asked[1].text and asked[0].status_code == 200
    assert count(stored, OutboxMessage) == mails + 1
    assert page_of(stored).title in visitor.get(mailed(stored)).text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"title": " "}, "Give your page a title."),
        ({"title": "x" * 101}, "too long"),
        ({"email": "ada"}, "is not an e-mail address"),
        ({"name": ""}, "Fill in your name."),
        ({"team": "nobody"}, "no such team"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    visitor: FlaskClient, stored: Session, edition: Edition, data: dict[str, str], said: str
) -> None:
    answer = visitor.post(f"{START}?lang=en", data=ADA | data)
    field = next(iter(data))
    assert answer.status_code == 422
    assert re.search(rf'id="own-{field}-error">[^<]*{said}', answer.text)
    assert (f'value="{ADA["name"]}"' in answer.text) == (field != "name")  # what was right is still there
    assert (count(stored, PageRequest), count(stored, OutboxMessage)) == (0, 0)


@pytest.mark.parametrize(
    ("data", "field", "said"),
    [
        ({"title": ""}, "title", "Give your page a title."),
        ({"title": "x" * 101}, "title", "at most 100 characters"),
        ({"target": "0"}, "target", "more than nothing"),
        ({"target": "-5"}, "target", "more than nothing"),
        ({"target": "a lot"}, "target", "is not an amount"),
        ({"story": "é" * 20_001}, "story", "at most 20000"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_kept(
    visitor: FlaskClient, stored: Session, at_desk: str, data: dict[str, str], field: str, said: str
) -> None:
    given = {"title": "Other", "story": "Typed.", "target": "", "thanks": ""} | data
    answer = visitor.post(f"{at_desk}?lang=en", data=given)
    assert answer.status_code == 422
    assert re.search(rf'id="own-{field}-error">[^<]*{said}', answer.text)
    assert given["story"] in answer.text  # what they typed is still there
    assert page_of(stored).title == "Ada runs"
    assert visitor.post(at_desk, data={"story": "x" * 600_000}).status_code == 413


def test_a_picture_waits_until_somebody_looked(visitor: FlaskClient, stored: Session, at_desk: str) -> None:
    where, said = "/crowdfunding/families-2026/ada-runs/picture", "/api/editions/families-2026/pages/ada-runs"
    answer = visitor.post(f"{at_desk}/picture?lang=en", data={"picture": (photo(), "me.jpg")}, follow_redirects=True)
    assert "once we have looked" in answer.text
    assert visitor.get(f"{at_desk}/picture/waiting").data.startswith(b"\xff\xd8")
    assert visitor.get(f"{at_desk}/picture/shown").status_code == 404
    page = page_of(stored)
    page.check(stored, "live", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    assert visitor.get(where).status_code == 404
    assert visitor.get(said).get_json()["picture_url"] is None

    PagePicture.of(stored, page)["waiting"].decide(stored, show=True, by=cast.BRAM, now=cast.NOW)
    stored.commit()
    shown = visitor.get(where)
    assert (shown.status_code, shown.mimetype, shown.headers["X-Content-Type-Options"]) == (
        200,
        "image/jpeg",
        "nosniff",
    )
    assert "max-age=300" in shown.headers["Cache-Control"] and "Set-Cookie" not in shown.headers
    assert visitor.get(where, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    site_forgets(visitor)
    assert where in visitor.get(said).get_json()["picture_url"]
    visitor.post(f"{at_desk}/picture", data={"picture": (photo("PNG", (9, 9)), "x.png")})
    assert visitor.get(where).data == shown.data  # the old one stays
    page_of(stored).check(stored, "hidden", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    assert visitor.get(where).status_code == 404
    visitor.post(f"{at_desk}/picture/away")
    assert count(stored, PagePicture) == 0


def site_forgets(visitor: FlaskClient) -> None:
    visitor.application.extensions["campaigns_desk"].editions.forget()


class Endless(BytesIO):
    """A body that says how much of it was read at once at most."""

    largest = 0

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def read(self, size: int | None = -1, /) -> bytes:
        size = self.left if size is None or size < 0 else min(size, self.left)
        self.left -= size
        Endless.largest = max(Endless.largest, size)
        return b"x" * size


def test_a_picture_of_40_mb_is_refused_without_reading_it_into_memory(
    visitor: FlaskClient, stored: Session, at_desk: str
) -> None:
    body = Endless(40_000_000)
    answer = visitor.post(
        f"{at_desk}/picture?lang=en", content_type="multipart/form-data; boundary=x",
        environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "40000000"},
    )  # fmt: skip
    assert (answer.status_code, "larger than 10 megabytes" in answer.text) == (413, True)
    assert (body.left, Endless.largest <= 65_536, count(stored, PagePicture)) == (0, True, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [(SVG, "not a picture that we can show"), (photo().getvalue()[:900], "damaged"), (b"", "not a picture")],
    ids=["svg", "truncated", "empty"],
)
def test_what_is_no_picture_is_said_beside_the_field(
    visitor: FlaskClient, stored: Session, at_desk: str, content: bytes, said: str
) -> None:
    answer = visitor.post(f"{at_desk}/picture?lang=en", data={"picture": (BytesIO(content), "me.jpg")})
    assert answer.status_code == 422
    assert re.search(rf'id="own-picture-error">[^<]*{said}', answer.text)
    assert visitor.post(f"{at_desk}/picture?lang=en").status_code == 422
    assert count(stored, PagePicture) == 0


def test_what_is_not_theirs_or_not_there(visitor: FlaskClient, stored: Session, edition: Edition) -> None:
    visitor.post(START, data=ADA)
    here = mailed(stored)
    for early in ("", "/picture", "/picture/away"):
        assert visitor.post(here + early).status_code == 409  # the button first
    assert visitor.post(f"{here}/drop").status_code == 200
    assert (visitor.get(here).status_code, count(stored, PageRequest)) == (404, 0)
    for path in ("/crowdfunding/nothing/start", "/crowdfunding/own/xyz", f"{here[:-1]}", "/crowdfunding/No%00/start"):
        assert visitor.get(path).status_code == 404, path
    edition.move(stored, "end", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    assert "neemt" in visitor.get(START).text or "takes no pages" in visitor.get(f"{START}?lang=en").text
    assert visitor.post(START, data=ADA).status_code == 409


def test_reading_changes_nothing(visitor: FlaskClient, stored: Session, at_desk: str) -> None:
    visitor.post(f"{at_desk}/picture", data={"picture": (photo(), "me.jpg")})
    visitor.post(START, data=ADA)
    waiting = mailed(stored)
    before = _everything(stored)
    for path in (START, "/crowdfunding/own", at_desk, waiting, f"{at_desk}/picture/waiting", f"{at_desk}/make"):
        visitor.get(path)
        visitor.head(path)
    assert _everything(stored) == before


def _everything(stored: Session) -> list[Any]:
    stored.rollback()
    tables = (FundraisingPage, PageRequest, PagePicture, OutboxMessage, Supporter)
    return [stored.execute(select(each.__table__)).all() for each in tables]


@pytest.mark.usefixtures("one_moment_for_limits")
def test_a_network_that_sends_too_much_is_told_to_wait(
    site: Flask, visitor: FlaskClient, stored: Session, edition: Edition
) -> None:
    for number in range(20):
        assert visitor.post(START, data={**ADA, "email": f"a{number}@example.org"}).status_code == 200
    for answer in (
        visitor.post(START, data=ADA), visitor.post("/crowdfunding/own", data={"email": "a@example.org"}),
        visitor.post("/api/editions/families-2026/pages", json=ADA),
    ):  # fmt: skip
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    assert count(stored, PageRequest) == 20


def test_the_api_takes_the_same_three_fields(visitor: FlaskClient, stored: Session, edition: Edition) -> None:
    where = "/api/editions/families-2026/pages"
    answer = visitor.post(where, json={**ADA, "locale": "en"})
    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted", "next": "check_email"})
    assert "Ada runs" in visitor.get(mailed(stored)).text
    wrong = visitor.post(where, json={**ADA, "title": "", "email": 5})
    assert [each["field"] for each in wrong.get_json()["errors"]] == ["email", "title"]
    assert (visitor.post(where, data="x").status_code, visitor.post(f"{where}x", json=ADA).status_code) == (415, 404)
    assert count(stored, PageRequest) == 1
