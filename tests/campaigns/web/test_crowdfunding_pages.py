"""What donors see of an edition: itself, its teams and pages, over HTTP; and nothing that is not for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from campaigns import Campaigns, Edition, FundraisingPage, Placement, Team
from campaigns.credit import Credit
from campaigns.crowdfunding import page as pages
from supporters import BadInput, Money
from supporters.extension import Supporters
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryGateway
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.checkout import Checkout
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.databases import SECRETS

HERE = "/crowdfunding/families-2026"
ACCOUNT = GatewayAccount("memory", "memory", "test_secret", False, ("hush",))


@pytest.fixture
def site(fresh_engine: Engine, tmp_path: Any) -> Iterator[Flask]:
    """It takes gifts, and keeps no count for a moment."""
    app = Flask("site", instance_path=str(tmp_path))
    app.config.update(
        TESTING=True, SECRET_KEY="test", SUPPORTERS_NOW=cast.NOW.isoformat(), CAMPAIGNS_COUNT_SECONDS=0, **SECRETS,
        SUPPORTERS_PUBLIC_URL="https://charity.example",
        SUPPORTERS_GATEWAYS=Accounts({"memory": MemoryGateway(ACCOUNT, now=lambda: cast.NOW)}),
        SQLALCHEMY_DATABASE_URI=fresh_engine.url.render_as_string(hide_password=False),
    )  # fmt: skip
    db = SQLAlchemy(app)
    Supporters(app, db)
    Campaigns(app, db)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def edition(stored: Session) -> Edition:
    """With one live page in a team, which brought 20 of 25 euros, and a page that nobody looked at."""
    found = world.edition(stored)
    found.aim(stored, 3, kind="impact", unit="family together", unit_cost=Money.eur("10"), by=cast.ANNA, now=cast.NOW)
    world.match(stored, found, "30.00", per_gift=Money.eur("15.00"), until_on=date(2026, 12, 25))
    team = Team.form(stored, found, "utrecht", "Utrecht", by=cast.ANNA, now=cast.NOW, target=Money.eur("80"))
    stored.flush()
    page = world.page(
        stored, found, world.donor(stored, 1), team=team, target=Money.eur("100"),
        story="Hard **run** <script>alert(1)</script> [x](javascript:alert(2))",
    )  # fmt: skip
    page.check(stored, "live", by=cast.BRAM, now=cast.NOW)
    world.page(stored, found, world.donor(stored, 4), "waits")
    gift = world.gift(stored, world.donor(stored, 2), "20.00", source_code=None)
    Credit.give(stored, gift, found, page=page, by=cast.ANNA, now=cast.NOW)
    world.gift(stored, world.donor(stored, 3), "5.00", on=date(2026, 11, 20))
    Placement.place(stored, found, "trouw", "Trouw", kind="newspaper", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    return found


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


def words(page: str) -> str:
    """What is read of it."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\xa0", " ").split())


def test_the_edition_says_how_it_stands_and_takes_a_gift_for_its_fund(
    edition: Edition, visitor: FlaskClient, stored: Session
) -> None:
    answer = visitor.get(f"{HERE}?lang=en&placement=trouw")
    page, read = answer.text, words(answer.text)
    for text in (
        "Families 2026", "€25 of €1,000", "2 givers", "2%", "31 days left", "Every euro doubled",
        "A sponsor doubles your gift: there is €10 left. At most €15 a gift. For gifts before 25 December 2026.",
        "2 of 3 family together", "€975 to go", "Utrecht €20 of €80", "Ada runs €20 of €100", "More families.",
        "A gift that returns is in the counter each time it comes in.", "€20 more is promised.",
    ):  # fmt: skip
        assert text in read, (text, read)
    assert hidden(page).items() >= {
        "fund": "families", "edition": "families-2026", "placement": "trouw", "source_code": "families/trouw",
    }.items()  # fmt: skip
    assert f'href="{HERE}/ada-runs?lang=en&amp;placement=trouw"' in page
    assert "Onor" not in page and "Bakery" not in page  # nobody's name
    assert answer.headers["Cache-Control"] == "no-store" and "X-Robots-Tag" not in answer.headers
    assert "Set-Cookie" not in answer.headers and "style=" not in page and "<script>" not in page

    typed = hidden(page) | {"amount": "25", "first_name": "Ada", "surname": "Lovelace", "email": "ada@example.org"}
    assert visitor.post("/api/gifts", data=typed).status_code == 303
    checkout = stored.query(Checkout).one()
    assert (checkout.fund.code, checkout.edition, checkout.placement, checkout.source_code) == (
        "families", "families-2026", "trouw", "families/trouw",
    )  # fmt: skip


def test_the_edition_says_what_it_is_about_and_runs_no_script(
    edition: Edition, visitor: FlaskClient, stored: Session
) -> None:
    assert "crowd-story" not in visitor.get(HERE).text
    story = "Families **wait**.\n\n<script>alert(1)</script> [x](javascript:alert(2))"
    edition.edit(stored, story=story, by=cast.ANNA, now=cast.NOW)  # also once it runs
    stored.commit()
    page = visitor.get(HERE).text
    assert "Families <strong>wait</strong>." in page
    assert "alert(1)</script>" not in page and 'href="javascript' not in page
    with pytest.raises(BadInput, match="too long"):
        edition.edit(stored, story="x" * 20_001, by=cast.ANNA, now=cast.NOW)


def test_somebodys_own_page_runs_no_script_and_its_form_credits_it(edition: Edition, visitor: FlaskClient) -> None:
    page = visitor.get(f"{HERE}/ada-runs", headers={"Accept-Language": "en"}).text
    read = words(page)
    assert "<strong>run</strong>" in page and "alert(1)</script>" not in page and 'href="javascript' not in page
    assert "€20 of €100" in read and "1 giver" in read and "Utrecht" in read
    assert (hidden(page)["edition"], hidden(page)["fund"]) == ("families-2026/ada-runs", "families")
    team = visitor.get(f"{HERE}/teams/utrecht?lang=en").text
    assert "€20 of €80" in words(team) and "Ada runs" in team
    assert hidden(team)["edition"] == "families-2026"


def test_the_longest_address_of_a_page_is_not_lost_on_the_way(edition: Edition, stored: Session) -> None:
    owner = world.donor(stored, 9)
    longest = "a" * 40
    world.page(stored, edition, owner, longest).check(stored, "live", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    from flask import current_app

    page = current_app.test_client().get(f"{HERE}/{longest}").text
    assert hidden(page)["edition"] == f"families-2026/{longest}"


@pytest.mark.parametrize("slug", sorted(pages.RESERVED))
def test_what_stands_below_an_edition_is_no_page_or_team(edition: Edition, stored: Session, slug: str) -> None:
    with pytest.raises(BadInput, match="something else"):
        world.page(stored, edition, world.donor(stored, 9), slug)
    with pytest.raises(BadInput, match="something else"):
        Team.form(stored, edition, slug, "Team", by=cast.ANNA, now=cast.NOW)


@pytest.mark.parametrize(
    "path",
    ["nowhere", "secret", "secret/x", "families-2026/waits", "families-2026/nobody", "families-2026/teams/nobody",
     "families-2026/ADA", "%00", "families-2026/ada-runs/x", "secret/teams/utrecht"],
)  # fmt: skip
def test_what_is_not_public_is_not_there(edition: Edition, visitor: FlaskClient, stored: Session, path: str) -> None:
    Edition.draft(
        stored, edition.campaign, "secret", "Hush", starts_on=world.LAST, ends_on=date(2027, 6, 1), fund=edition.fund,
        surplus="More.", by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    stored.commit()
    for method in ("get", "head"):
        answer = getattr(visitor, method)(f"/crowdfunding/{path}")
        assert answer.status_code == 404, path
        assert "Hush" not in answer.text
    assert visitor.get(f"/api/editions/{path}").status_code == 404 or "/pages/" in path


def test_a_hidden_page_is_gone_and_its_gifts_still_count(
    edition: Edition, visitor: FlaskClient, stored: Session
) -> None:
    FundraisingPage.by_slug(stored, edition, "ada-runs").check(stored, "hidden", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    assert visitor.get(f"{HERE}/ada-runs").status_code == 404
    page = words(visitor.get(f"{HERE}?lang=en").text)
    assert "Ada runs" not in page and "€25 of €1,000" in page and "Utrecht €20 of €80" in page


def test_it_says_when_nothing_can_be_given(edition: Edition, site: Flask, visitor: FlaskClient) -> None:
    for now, said in (
        ("2026-10-31T12:00:00+01:00", "This begins on 1 November 2026"),
        ("2027-01-01T00:00:00+01:00", "This is over: the last day was 31 December 2026."),
    ):
        moved = site.extensions["supporters"]
        moved.now = lambda now=now: cast.NOW.fromisoformat(now)
        page = visitor.get(f"{HERE}?lang=en").text
        assert said in words(page) and "<form" not in page
    del moved.now


def test_on_hold_it_says_so(edition: Edition, visitor: FlaskClient, stored: Session) -> None:
    edition.move(stored, "pause", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    for path in (HERE, f"{HERE}/ada-runs"):
        page = visitor.get(f"{path}?lang=en").text
        assert "This is on hold" in page and "<form" not in page


def test_the_number_of_queries_does_not_follow_the_number_of_pages(
    edition: Edition, visitor: FlaskClient, stored: Session
) -> None:
    def queries(path: str) -> int:
        seen: list[str] = []
        listen = (stored.get_bind(), "before_cursor_execute", lambda *said: seen.append(said[2]))
        event.listen(*listen)
        try:
            assert visitor.get(path).status_code == 200
        finally:
            event.remove(*listen)
        return len(seen)

    paths = HERE, f"{HERE}/teams/utrecht"
    before = [queries(path) for path in paths]
    owner = world.donor(stored, 7)
    team = Team.by_slug(stored, edition, "utrecht")
    for number in range(60):
        world.page(stored, edition, owner, f"page-{number}", team=team).check(
            stored, "live", by=cast.BRAM, now=cast.NOW
        )
    for number in range(5):
        Team.form(stored, edition, f"team-{number}", "Team", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    assert [queries(path) for path in paths] == before
    page = visitor.get(f"{HERE}?lang=en").text
    assert page.count("/page-") == 49 and "These are the largest of 61 pages." in page


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("families-2026/trouw", f"{HERE}?placement=trouw"),
        ("families-2026/mistyped", HERE),
        ("families-2026/T%00", HERE),
    ],
)
def test_a_short_address_leads_to_the_edition(edition: Edition, visitor: FlaskClient, path: str, to: str) -> None:
    answer = visitor.get(f"/go/{path}")
    assert (answer.status_code, answer.headers["Location"]) == (302, to)
    assert answer.headers["Cache-Control"] == "no-store"
    assert visitor.get("/go/nowhere/trouw").status_code == 404


def test_a_placement_that_is_none_is_left_out(edition: Edition, visitor: FlaskClient) -> None:
    for wrong in ("x" * 200, "<script>", "A/B", "no such", "é"):
        page = visitor.get(HERE, query_string={"placement": wrong}).text
        assert "placement" not in hidden(page) and hidden(page)["source_code"] == "families"


def test_a_fund_that_nothing_can_be_given_to_online_shows_no_form(
    edition: Edition, visitor: FlaskClient, stored: Session
) -> None:
    edition.fund.closed_on = date(2026, 11, 30)
    stored.commit()
    page = visitor.get(f"{HERE}?lang=en").text
    assert "You cannot give online here yet." in page and "<form" not in page


def test_a_template_of_the_site_shows_the_thermometer(edition: Edition, site: Flask) -> None:
    with site.test_request_context():
        page = render_template_string(
            "{% set found = achterban_crowdfunding('families-2026', 'en', page='ada-runs') %}"
            "{{ found.title }}|{{ found.src }}|{{ found.give_url }}|{{ found.counter() }}|{{ found }}"
        )
    title, src, give, counter, live = page.split("|")
    assert (title, src) == ("Ada runs", "/api/editions/families-2026/pages/ada-runs")
    assert give == f"{HERE}/ada-runs?lang=en#give"
    assert "€20 of €100" in words(counter)
    assert '<script src="/crowdfunding/widget.js" defer></script><achterban-crowdfunding src="/api/editions' in live


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


@pytest.mark.parametrize("path", ["", "/ada-runs", "/teams/utrecht"])
def test_a_link_shows_a_picture_where_it_is_shared(edition: Edition, visitor: FlaskClient, path: str) -> None:
    page = visitor.get(f"{HERE}{path}?lang=en&placement=trouw").text
    told = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', page))
    assert told["og:url"] == f"https://charity.example{HERE}{path}?lang=en"  # not who shared it, nor through what
    assert told["og:image"] == f"https://charity.example{HERE}{path}/share.png?lang=en"
    assert (told["og:title"], told["twitter:card"]) == (
        {"": "Families 2026", "/ada-runs": "Ada runs", "/teams/utrecht": "Utrecht"}[path], "summary_large_image",
    )  # fmt: skip
    picture = visitor.get(told["og:image"].removeprefix("https://charity.example"))
    assert (picture.mimetype, size_of(picture.data)) == ("image/png", (1200, 630))
    assert "max-age=300" in picture.headers["Cache-Control"] and "Set-Cookie" not in picture.headers
    again = visitor.get(f"{HERE}{path}/share.png?lang=en", headers={"If-None-Match": picture.headers["ETag"]})
    assert again.status_code == 304


def test_whatever_a_page_is_called_is_drawn_and_nothing_of_it_is_run(
    edition: Edition, visitor: FlaskClient, stored: Session
) -> None:
    titles = ['#panic("x") $x$ "quoted" \\ `code`', "🎉🎉", "é" * 100, "x " * 50, "ﷺ‮ right", "#" * 40]
    owner = world.donor(stored, 9)
    for number, title in enumerate(titles):
        page = world.page(stored, edition, owner, f"odd-{number}")
        page.write(stored, title=title, by=cast.ANNA, now=cast.NOW)
        page.check(stored, "live", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    for number in range(len(titles)):
        assert size_of(visitor.get(f"{HERE}/odd-{number}/share.png").data) == (1200, 630)


def test_a_picture_of_what_is_not_public_is_not_there(edition: Edition, visitor: FlaskClient, stored: Session) -> None:
    page = FundraisingPage.by_slug(stored, edition, "ada-runs")
    assert visitor.get(f"{HERE}/ada-runs/share.png").status_code == 200
    page.check(stored, "hidden", by=cast.BRAM, now=cast.NOW)
    stored.commit()
    for path in ("ada-runs", "waits", "nobody", "teams/nobody"):
        answer = visitor.get(f"{HERE}/{path}/share.png")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store"), path
