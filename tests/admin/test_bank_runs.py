"""A collection of which the bank tells: what was rejected, came in and came back stands on its page, with why."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from sqlalchemy import select

from supporters import Payment
from tests import cast
from tests.bank_files import Account, Movement, pain002
from tests.supporters.payments.returns.coming_back import IBANS
from tests.supporters.payments.sepa.collecting import announced, at, exported

DUE = date(2026, 11, 26)
MADE = at(date(2026, 11, 20))


@pytest.fixture
def references(db):
    """Four debits of ten euros at the bank; their end-to-end ids."""
    with db() as session:
        for number in range(4):
            person = cast.ada(session, email=f"p{number}@example.org", first_name=f"P{number}", iban=IBANS[number])
            signed = cast.mandate(session, person, IBANS[number], signed_on=date(2026, 10, 1))
            announced(session, person, start_on=DUE, mandate=signed)
        exported(session, DUE, MADE)
        return list(session.scalars(select(Payment.reference).order_by(Payment.id)))


def send(client, *files):
    data = {"files": [(io.BytesIO(content), name) for name, content in files]}
    return client.post("/admin/bank/files", data=data, content_type="multipart/form-data")


def statement(references):
    came = [
        Movement(DUE, 30_00, batch="B00001-1-1", text="incasso"),
        Movement(date(2026, 11, 30), -10_00, "P1", IBANS[1], "storno", end_to_end_id=references[1], reason="MD06"),
    ]
    return Account(came, iban=cast.OUR_IBAN)


def figures(page: str) -> list[str]:
    part = page[page.index('id="result"') :]
    return [re.sub("<[^>]+>", "", each).strip() for each in re.findall(r"<dd[^>]*>(.*?)</dd>", part, re.S)[:7]]


def test_before_the_bank_tells_anything_nothing_of_it_is_claimed(client_as, references):
    page = client_as("viewer").get("/admin/runs/1").text
    assert "Came on the account" not in page and "4 · €40.00" in page


def test_a_collection_shows_what_became_of_it_and_what_each_reason_cost(client_as, db, references):
    anna = client_as("fundraiser")
    told = send(anna, ("status.xml", pain002([(references[0], "AC04")], message="B00001-1", batch="B00001-1-1")))
    assert told.status_code == 200 and "The account is closed (AC04): 1, €10.00" in told.text
    account = statement(references)
    send(anna, ("one.xml", account.camt053(0, 1)))
    page = anna.get("/admin/runs/1").text
    assert figures(page)[:5] == ["4 · €40.00", "1 · €10.00", "3 · €30.00", "€0.00", "€30.00"]
    count = anna.get("/admin/bank").text
    assert "Book the one match…" in count
    booked = anna.post("/admin/bank/book", data={"expected": "1"}).text
    assert "One collection was booked with it." in booked
    send(anna, ("two.xml", account.camt053(1, 2)))
    assert "Debit that came back: 1 line, -€10.00" in anna.get("/admin/bank/book").text
    anna.post("/admin/bank/book", data={"expected": "1"})
    page = anna.get("/admin/runs/1").text
    assert figures(page) == [
        "4 · €40.00", "1 · €10.00", "3 · €30.00", "€30.00", "Nothing", "1 · €10.00", "€20.00",
    ]  # fmt: skip
    for told in ("The account is closed (AC04)", "Rejected, before money moved", "The donor asked for the money back",
                 "Came back afterwards", "25.0%", "50.0%"):  # fmt: skip
        assert told in page
    line = anna.get("/admin/bank/lines/2").text
    assert "The donor asked for the money back (MD06)" in line and "/admin/runs/1" in line


def test_what_a_status_report_tells_of_others_is_said(client_as, references):
    other = pain002([("E-X", "AC04")], message="B00009-1", batch="B00009-1-1")
    page = send(client_as("fundraiser"), ("status.xml", other)).text
    assert "Nothing was done with this of it:" in page and "which we did not send" in page


def test_a_debit_that_came_back_is_not_taken_back_at_the_bank(client_as, references):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", statement(references).camt053()))
    answer = anna.post("/admin/bank/queue/1", data={"decision": "choose", "choice": "proposal"})
    assert answer.status_code == 302
    anna.post("/admin/bank/book", data={"expected": "1"})
    refused = anna.post("/admin/bank/lines/2/undo")
    assert refused.status_code == 409 and "that is not taken back here" in refused.text
