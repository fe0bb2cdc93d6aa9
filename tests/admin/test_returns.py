"""The Returns screens: what waits by reason, the page that says exactly what happens, and one debit with its story."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from supporters import CollectionBatch, Commitment, Instalment, OutboxMessage, Payment, Returned, Task
from tests import cast
from tests.admin.conftest import admin_on
from tests.supporters.payments.returns.coming_back import promises
from tests.supporters.payments.sepa.collecting import at, booked

QUEUE = "/admin/returns"
NOW = at(date(2027, 1, 5))


@pytest.fixture
def admin_app(databases, tmp_path):
    with admin_on(databases, tmp_path) as app:
        app.extensions["supporters_settings"] = replace(app.extensions["supporters_settings"], now=NOW)
        yield app


@pytest.fixture
def came(db):
    """Six debits that came back: three without money, a closed account, one taken back, one for our own data."""
    with db() as session:
        for number, commitment in enumerate(promises(session, 6)):
            if number == 2:
                point = commitment.supporter.current("email")
                commitment.supporter.drop_contact(session, point, by=cast.ANNA, now=cast.NOW, on=cast.TODAY)
        booked(session)
        reasons = ("AM04", "AM04", "AM04", "AC04", "MD06", "FF01")
        for payment, reason in zip(session.scalars(select(Payment).order_by(Payment.id)), reasons, strict=True):
            Returned.record(
                session, payment, reason, told=f"SEPA {reason}", told_on=date(2027, 1, 4), by=cast.ANNA,
                now=at(date(2027, 1, 4)), collected=True,
            )  # fmt: skip


def text(answer):
    main = answer.text.split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def shown_of(answer):
    return re.search(r'name="shown"[^>]*value="([0-9a-f]+)"', answer.text)[1]


def test_the_screen_groups_what_waits_by_reason(client_as, came):
    viewer = client_as("viewer")
    words = text(viewer.get(QUEUE))
    assert "AM04 Not enough money in the account Refused by the bank 3 AM04, Try once more after payday €30.00" in words
    assert "AC04 The account is closed" in words and "MD06 The donor asked for the money back" in words
    assert "€60.00" in words and "4 Jan 2027" in words
    assert "Debits that came back" in text(viewer.get("/admin/"))
    assert "/returns/act" not in viewer.get(QUEUE).text
    assert viewer.get("/admin/returns/act?reason=AM04&proposed=retry&action=retry").status_code == 403


def test_nothing_came_back(client_as):
    assert "Nothing came back that still waits for somebody." in text(client_as("viewer").get(QUEUE))


def test_the_page_says_exactly_what_happens_and_does_that(client_as, came, db):
    anna = client_as("fundraiser")
    there = "/admin/returns/act?reason=AM04&proposed=retry&action=retry"
    page = anna.get(there)
    words = text(page)
    assert "Try once more after payday" in words and "3 How many €30.00 How much" in words
    assert "on or after 26 January 2027" in words
    assert "2 have an e-mail address. They are told so by e-mail now" in words
    assert "1 has none. Announce amounts has them for a letter" in words
    answer = anna.post(there, data={"shown": shown_of(page), "note": "as every month"}, follow_redirects=True)
    assert "Done, for 3 debits that came back." in answer.text
    assert "AM04" not in text(answer)
    with db() as session:
        rows = session.scalars(select(Returned).where(Returned.reason == "AM04")).all()
        assert {(row.action, row.outcome, row.acted_by) for row in rows} == {
            ("retry", "as every month", "person:fundraiser@example.org")
        }
        again = session.scalars(select(Instalment).where(Instalment.status == "due")).all()
        assert {one.not_before_on for one in again} == {date(2027, 1, 26)}
        assert len(session.scalars(select(OutboxMessage)).all()) == 2
    assert "1 debit that was not announced" not in text(anna.get("/admin/"))
    assert anna.get(there).status_code == 404


def test_what_came_in_since_the_page_was_shown_is_not_acted_on_unseen(client_as, came, db):
    anna = client_as("fundraiser")
    there = "/admin/returns/act?reason=AM04&proposed=retry&action=retry"
    seen = shown_of(anna.get(there))
    with db() as session:
        first = session.scalars(select(Returned).where(Returned.reason == "AM04")).first()
        Returned.act_on(session, [first.id], "nothing", by=cast.BRAM, now=at(date(2027, 1, 5)), today=date(2027, 1, 5))
    answer = anna.post(there, data={"shown": seen})
    assert answer.status_code == 409
    assert "Something came in or was done since you looked" in text(answer) and "2 How many" in text(answer)
    assert anna.post(there, data={"shown": shown_of(answer)}).status_code == 302
    assert anna.post(there, data={}).status_code in (404, 409)


def test_one_of_them_has_its_whole_story_and_other_ways_out(client_as, came, db):
    anna = client_as("fundraiser")
    with db() as session:
        key = session.scalars(select(Returned.id).where(Returned.reason == "AC04")).one()
    page = anna.get(f"/admin/returns/{key}")
    words = text(page)
    for part in (
        "The account is closed",
        "SEPA AC04",
        "Came back afterwards",
        "Sent for 28 Dec 2026",
        "3 points",
        "Nobody acted on it yet.",
        "Ask for another account number",
        "End the commitment",
    ):
        assert part in words, part
    there = f"/admin/returns/act?one={key}&action=ask_iban"
    sure = anna.get(there)
    assert "1 has an e-mail address. They get a link to their own page" in text(sure)
    answer = anna.post(there, data={"shown": shown_of(sure)}, follow_redirects=True)
    assert "About a debit that came back: Ask for another account number" in text(answer)
    with db() as session:
        row = session.get(Returned, key)
        assert row.commitment.state(date(2027, 1, 6)) == "paused"
        assert session.scalars(select(Task.kind)).all() == ["ask_iban"]
    assert client_as("viewer").get(f"/admin/returns/{key}").status_code == 200
    assert "What you can do" not in text(client_as("viewer").get(f"/admin/returns/{key}"))
    assert anna.get("/admin/returns/999").status_code == 404
    assert anna.get(f"/admin/returns/act?one={key}&action=shrug").status_code == 422


@pytest.mark.parametrize(
    ("reason", "action", "says"),
    [
        ("AC04", "ask_iban", "until there is another account number"),
        ("MD06", "hold_and_call", "until somebody resumes them"),
        ("FF01", "fix_data", "one task for each collection"),
        ("MD06", "end", "The commitments end today"),
        ("MD06", "end_mandate", "The mandates end today"),
        ("MD06", "deceased", "Nobody is set down as dead by it"),
        ("MD06", "investigate", "None of these is collected again by itself"),
        ("MD06", "nothing", "the commitments go on"),
    ],
)
def test_every_action_says_what_it_does_and_works(client_as, came, reason, action, says):
    anna = client_as("fundraiser")
    there = f"/admin/returns/act?reason={reason}&action={action}"
    page = anna.get(there)
    assert says in text(page)
    assert anna.post(there, data={"shown": shown_of(page)}).status_code == 302
    assert reason not in text(anna.get(QUEUE))


def test_what_cannot_be_done_is_said_and_nothing_is_done(client_as, came, db):
    anna = client_as("fundraiser")
    there = "/admin/returns/act?reason=AM04&action=retry"
    page = anna.get(there)
    assert "3 How many" in text(page)
    with db() as session:
        commitment = session.scalars(select(Commitment).order_by(Commitment.id)).first()
        commitment.stop(session, "donor_request", on=date(2027, 1, 5), by=cast.ANNA, now=at(date(2027, 1, 5)))
    answer = anna.post(there, data={"shown": shown_of(page)})
    assert answer.status_code == 409 and "has ended" in text(answer)
    with db() as session:
        assert session.scalars(select(Returned).where(Returned.acted_at.is_not(None))).all() == []
    mixed = text(anna.get("/admin/returns/act?reason=AM04&proposed=retry&action=retry"))
    assert "2 How many" in mixed
    assert "Not among these: 1 debit with this reason, for which is proposed: Nothing" in mixed


def test_the_list_is_filtered_and_exported(client_as, came):
    anna = client_as("fundraiser")
    words = text(anna.get("/admin/returns/list?reason=AC04"))
    assert "1 found" in words and "Proposed: Ask for another account number" in words
    assert "3 found" in text(anna.get("/admin/returns/list?proposed=retry"))
    file = anna.post("/admin/export/returns_list", data={"purpose": "calling"}).text
    assert "SEPA MD06" in file and "The donor asked for the money back" in file


def test_a_refund_of_what_can_still_be_taken_back_asks_whether_somebody_knows(client_as, db):
    with db() as session:
        promises(session, 1)
        booked(session)
        gift = session.scalars(select(Payment.gift_id)).one()
    eva = client_as("finance")
    there = f"/admin/gifts/{gift}/reverse"
    assert "until 22 February 2027 the donor can also take this back" in text(eva.get(there))
    form = {"amount": "10", "kind": "refund", "on": "2027-01-05", "description": "asked by telephone"}
    answer = eva.post(there, data=form)
    assert answer.status_code == 422 and "Say that you know it" in text(answer)
    assert eva.post(there, data={**form, "knows": "y"}).status_code == 302
    with db() as session:
        batch = session.scalars(select(CollectionBatch)).one()
        assert batch.state == "booked"


def test_the_timeline_of_a_supporter_tells_what_was_done(client_as, came, db):
    anna = client_as("fundraiser")
    with db() as session:
        row = session.scalars(select(Returned).where(Returned.reason == "MD06")).one()
        row.act(session, "hold_and_call", by=cast.ANNA, now=at(date(2027, 1, 5)), today=date(2027, 1, 5))
        person = row.supporter_id
    words = text(anna.get(f"/admin/supporters/{person}"))
    assert "Gift through a commitment" in words
    assert "MD06: The donor asked for the money back" in words
    assert "About a debit that came back: Hold it, and call" in words
