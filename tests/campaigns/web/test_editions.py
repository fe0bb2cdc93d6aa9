"""A counter that any page may show: exact at the moment it names, and nothing that the public may not know."""

from __future__ import annotations

from datetime import date

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaigns import Edition
from campaigns.credit import Credit
from tests import cast
from tests.campaigns.crowdfunding import world


def test_the_counter_of_an_edition_and_of_a_page_over_http(site: Flask, visitor: FlaskClient, stored: Session) -> None:
    edition = world.edition(stored)
    world.match(stored, edition, "30.00")
    page = world.page(stored, edition, world.donor(stored, 1), story="Hard **run** <script>alert(1)</script>")
    gift = world.gift(stored, world.donor(stored, 2), "20.00", source_code=None)
    Credit.give(stored, gift, edition, page=page, by=cast.ANNA, now=cast.NOW)
    world.gift(stored, world.donor(stored, 3), "5.00", on=date(2026, 11, 20))
    stored.commit()
    assert visitor.get("/api/editions/families-2026/pages/ada-runs").status_code == 404  # nobody looked at it yet
    page.check(stored, "live", by=cast.BRAM, now=cast.NOW)
    stored.commit()

    answer = visitor.get("/api/editions/families-2026")
    told = answer.get_json()
    assert told["counter"] | {"as_at": ""} == {
        "currency": "EUR", "counter_cents": 25_00, "received_cents": 25_00, "on_its_way_cents": 0,
        "promised_cents": 25_00, "supporters": 2, "as_at": "",
    }  # fmt: skip
    assert told["counter"]["as_at"].startswith("2026-12-01T")
    assert told["goals"] == [{"kind": "amount", "target": 1_000_00, "unit": "", "reached": 25_00}]
    assert told["matches"] == [
        {
            "title": "Every euro doubled", "percent": 100, "left_cents": 5_00, "per_gift_cents": None,
            "per_donor_cents": None, "condition_cents": None, "until_on": None,
        }
    ]  # fmt: skip
    assert "max-age=5" in answer.headers["Cache-Control"]
    assert (answer.headers["Access-Control-Allow-Origin"], answer.headers.get("Set-Cookie")) == ("*", None)

    page_told = visitor.get("/api/editions/families-2026/pages/ada-runs").get_json()
    assert (page_told["counter"]["counter_cents"], page_told["counter"]["supporters"]) == (20_00, 1)
    assert "<strong>run</strong>" in page_told["story_html"] and "<script" not in page_told["story_html"]
    assert "Onor" not in answer.get_data(as_text=True)  # nobody's name


def test_what_is_not_public_is_not_there(site: Flask, visitor: FlaskClient, stored: Session) -> None:
    edition = world.edition(stored)
    Edition.draft(
        stored, edition.campaign, "secret", "Secret", starts_on=world.LAST, ends_on=date(2027, 6, 1),
        fund=edition.fund, surplus="More.", by=cast.ANNA, now=cast.NOW,
    )  # fmt: skip
    stored.commit()
    for path in ("secret", "nowhere", "families-2026/pages/nobody"):
        answer = visitor.get(f"/api/editions/{path}", headers={"Accept-Language": "nl"})
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path
        assert answer.headers["Cache-Control"] == "no-store"
        assert ("secret" in answer.get_json()["detail"]) == (path == "secret")
        assert "Secret" not in answer.get_data(as_text=True)
