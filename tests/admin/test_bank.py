"""The bank over HTTP: files come in, are looked at, and what is matched is booked."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from sqlalchemy import func, select

from admin import bank_labels
from admin.i18n import worded
from admin.labels import label
from admin.uploads import Upload
from supporters import Gift
from supporters.documents import DocumentPart
from supporters.payments.bank.evidence import DOUBTS, EVIDENCE
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from tests import cast
from tests.bank_files import OURS, Account, Movement

DAY = date(2026, 11, 27)


@pytest.fixture
def people(db):
    """Ada and Sam, whose accounts are known; an account of ours."""
    with db() as session:
        OurAccount.add(session, OURS, "Donations", by=cast.ANNA, now=cast.NOW)
        cast.fund(session)
        cast.ada(session)
        cast.sam_and_suzie(session)


def bank() -> Account:
    return Account(
        [
            Movement(DAY, 25_00, "A LOVELACE", cast.ADAS_IBAN, "gift whales"),
            Movement(DAY, 10_00, "J VERSCHUT", "NL39RABO0300065264", "keep it up"),
            Movement(DAY, -4_50, "", "", "costs of the account"),
        ]
    )


def send(client, *files, headers=None):
    data = {"files": [(io.BytesIO(content), name) for name, content in files]}
    return client.post("/admin/bank/files", data=data, content_type="multipart/form-data", headers=headers or {})


def test_several_files_come_in_each_by_itself(client_as, db, people):
    anna = client_as("fundraiser")
    account = bank()
    answer = send(
        anna, ("one.xml", account.camt053(0, 2)), ("letter.html", b"<!doctype html><html><p>no</html>"),
        ("two.xml", account.camt053(2, 3)), ("one again.xml", account.camt053(0, 2)),
    )  # fmt: skip
    assert answer.status_code == 422
    cards = re.findall(r'<article class="ab-card ab-came".*?</article>', answer.text, re.S)
    assert [("Read in" in card, "Not read in" in card) for card in cards] == [
        (True, False), (False, True), (True, False), (False, False),
    ]  # fmt: skip
    assert "Nothing of this file was kept." in cards[1] and "This very file came in on" in cards[3]
    assert "€100.00" in cards[0] and "€35.00" in cards[0] and "€135.00" in cards[0]
    with db() as session:
        assert session.scalar(select(func.count()).select_from(BankLine)) == 3
        assert [file.filename for file in session.scalars(select(BankFile).order_by(BankFile.id))] == [
            "one.xml", "two.xml",
        ]  # fmt: skip


def test_a_script_gets_only_what_became_of_its_file(client_as, people):
    answer = send(client_as("fundraiser"), ("one.xml", bank().camt053()), headers={"X-Requested-With": "fetch"})
    assert answer.status_code == 200 and answer.text.lstrip().startswith("<article")
    assert "<html" not in answer.text


def test_no_file_is_asked_for(client_as):
    answer = client_as("fundraiser").post("/admin/bank/files", data={})
    assert answer.status_code == 422 and "Choose a file." in answer.text


def test_what_is_larger_than_fits_is_refused_with_the_size(admin_app, client_as, people):
    admin_app.config["ADMIN_BANK_UPLOAD_LIMIT"] = 1_000_000
    anna = client_as("fundraiser")
    assert "At most 1 MB" not in anna.get("/admin/bank").text
    answer = send(anna, ("large.xml", b" " * 1_100_000))
    assert answer.status_code == 413 and "larger than this application takes" in answer.text
    admin_app.config["ADMIN_BANK_UPLOAD_LIMIT"] = 80_000_000
    large = send(anna, ("large.xml", b" " * 60_000_000))  # more than other uploads may be
    assert large.status_code == 422 and "Not read in" in large.text
    assert send(client_as("viewer"), ("large.xml", b" " * 60_000_000)).status_code in (403, 413)


def broken() -> bytes:
    account = bank()
    account.balances[3] += 1_00
    return account.camt053()


def test_a_file_that_does_not_add_up_is_kept_until_somebody_of_finance_decides(client_as, db, people):
    anna = client_as("fundraiser")
    answer = send(anna, ("short.xml", broken()))
    assert answer.status_code == 422
    assert "does not add up" in answer.text and "Waits for a decision" in answer.text
    for figure in ("€100.00", "€30.50", "€131.50"):
        assert figure in answer.text
    assert send(anna, ("short.xml", broken())).status_code == 422
    with db() as session:
        (kept,) = session.scalars(select(Upload))  # once, though it was sent twice
        where = f"/admin/bank/files/aside/{kept.id}"
        assert session.scalar(select(func.count()).select_from(BankLine)) == 0
    assert "Somebody with the role Finance can accept it" in anna.get(where).text
    assert anna.post(f"{where}/accept", data={"reason": "x"}).status_code == 403
    assert "1 file does not add up" in anna.get("/admin/bank").text
    bram = client_as("finance")
    assert bram.post(f"{where}/accept", data={"reason": " "}).status_code == 422
    done = bram.post(f"{where}/accept", data={"reason": "the bank says so"}, follow_redirects=True)
    assert "Accepted with a difference of" in done.text and "the bank says so" in done.text
    with db() as session:
        statement = session.scalars(select(BankStatement)).one()
        assert (statement.accept_reason, statement.accepted_by) == ("the bank says so", "person:finance@example.org")
        assert session.scalar(select(func.count()).select_from(BankLine)) == 3
        kept = session.scalars(select(Upload)).one()
        parts = select(func.count()).where(DocumentPart.document_id == kept.document_id)
        assert kept.removed_at and kept.imported_at and session.scalar(parts) == 0
    assert bram.get(where).status_code == 404
    assert "file does not add up" not in anna.get("/admin/bank").text


def test_two_closing_balances_of_one_period_are_named_with_their_files(client_as, db, people):
    finance = client_as("finance")
    send(finance, ("short.xml", broken()))
    finance.post("/admin/bank/files/aside/1/accept", data={"reason": "The bank says so."})
    answer = send(finance, ("whole.xml", bank().camt053())).text
    assert "closes here with €130.50, and in short.xml with €131.50" in answer
    assert "closes here with €131.50, and in whole.xml with €130.50" in finance.get("/admin/bank/files/1").text
    tasks = finance.get("/admin/tasks").text
    assert "is here with two closing balances: €131.50 in short.xml" in tasks and "€130.50 in whole.xml" in tasks


def test_a_file_that_does_not_add_up_can_be_put_away(client_as, db, people):
    anna = client_as("fundraiser")
    send(anna, ("short.xml", broken()))
    with db() as session:
        key = session.scalars(select(Upload.id)).one()
    done = anna.post(f"/admin/bank/files/aside/{key}/remove", follow_redirects=True)
    assert "nothing of it was read in" in done.text and "Files that do not add up" not in done.text
    assert anna.get(f"/admin/imports/{key}").status_code == 404


def test_an_account_that_is_not_ours_is_refused_with_what_to_do(client_as, people):
    other = Account(bank().movements, iban="NL02ABNA0123456789")
    answer = send(client_as("fundraiser"), ("other.xml", other.camt053()))
    assert "which is not one of ours: add it first if it is" in answer.text


def test_the_bank_shows_where_everything_stands(client_as, people):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", bank().camt053()))
    page = anna.get("/admin/bank")
    figures = re.findall(r'<span class="ab-value"><a[^>]*>(\d+)</a></span><span class="ab-label">([^<]+)', page.text)
    assert figures == [("1", "matched, to be booked"), ("0", "proposed, to be confirmed"), ("2", "not known yet")]
    assert "€130.50" in page.text and "Adds up" in page.text
    assert "Book the one match…" in page.text and "Answer the 2 that are left" in page.text


def test_a_statement_that_is_missing_is_shown_between_its_neighbours(client_as, people):
    anna = client_as("fundraiser")
    account = Account([Movement(date(2026, 11, day), 5_00, "X") for day in (2, 9, 16)])
    send(anna, ("one.xml", account.camt053(0, 1)), ("three.xml", account.camt053(2, 3)))
    assert "One is missing before it: €5.00" in anna.get("/admin/bank/statements").text
    assert "1 found" in anna.get("/admin/bank/statements?gap=yes").text
    agrees = anna.get("/admin/bank/agrees").text
    assert "€5.00" in agrees and "Ask the bank for the statement that is missing" in agrees
    assert "The bank does not agree" in anna.get("/admin/").text
    send(anna, ("two.xml", account.camt053(1, 2)))
    assert "One is missing" not in anna.get("/admin/bank/statements").text
    assert "The bank agrees" in anna.get("/admin/bank/agrees").text


def test_all_matches_are_booked_with_one_button_that_says_how_many(client_as, db, people):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", bank().camt053()))
    sure = anna.get("/admin/bank/book").text
    assert "Book this line" in sure and "Gift: 1 line, €25.00" in sure
    changed = anna.post("/admin/bank/book", data={"expected": "7"})
    assert changed.status_code == 409 and "look once more" in changed.text
    done = anna.post("/admin/bank/book", data={"expected": "1"})
    assert "1 line was booked." in done.text and "One gift of €25.00" in done.text
    with db() as session:
        gift = session.scalars(select(Gift)).one()
        assert (gift.amount, gift.received_on, gift.booked_by) == (25_00, DAY, "person:fundraiser@example.org")
    assert "there is nothing to book" in anna.get("/admin/bank/book").text


def test_the_story_of_a_supporter_tells_how_their_gift_came_and_how_we_knew(client_as, people):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", bank().camt053()))
    anna.post("/admin/bank/book", data={"expected": "1"})
    page = anna.get("/admin/supporters/1").text
    assert "by bank transfer on 27 November 2026: it comes from the account of this supporter" in page


def test_a_place_in_a_file_is_said_in_the_readers_language(admin_app, client_as, people):
    content = bank().camt053().replace(b'<Amt Ccy="EUR">4.50<', b'<Amt Ccy="EUR">4,50<')
    anna = client_as("fundraiser")
    assert "line 1, entry 3, Ntry/Amt: “4,50” is not an amount" in send(anna, ("one.xml", content)).text
    with admin_app.test_request_context(headers={"Accept-Language": "nl"}):
        assert worded("line 1, statement 2, entry 3, part 4, Ntry/Amt") == (
            "regel 1, afschrift 2, boeking 3, deel 4, Ntry/Amt"
        )
        assert worded("line 7, batch 2") == "regel 7, batch 2" and worded("line 7, debit 2") == "regel 7, incasso 2"
        assert worded("line of business") == "line of business"


def test_the_words_of_the_bank_leave_those_of_others_alone():
    assert str(label("evidence", "paper")) == "Signed on paper"
    assert {*EVIDENCE} == {*bank_labels.WORDS["match_evidence"]} and {*DOUBTS} == {*bank_labels.WORDS["doubt"]}


def test_what_could_not_be_booked_says_why(client_as, db, people):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", bank().camt053()))
    with db() as session:
        fund = cast.fund(session)
        fund.closed_on = date(2026, 1, 1)
    done = anna.post("/admin/bank/book", data={"expected": "1"})
    assert "0 lines were booked." in done.text and "Its fund is closed" in done.text
    assert "Its fund is closed" in anna.get("/admin/bank").text


# --- lines -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"A LOVELACE", "J VERSCHUT"}),
        ("q=verschut", {"J VERSCHUT"}),
        ("q=NL91+ABNA+0417+1643+00", {"A LOVELACE"}),
        ("q=whales", {"A LOVELACE"}),
        ("q=L2", {"J VERSCHUT"}),
        ("state=open", {"J VERSCHUT"}),
        ("state=matched", {"A LOVELACE"}),
        ("amount=10", {"J VERSCHUT"}),
        ("way=out", set()),
        ("from=2026-11-28", set()),
        ("statement=1", {"A LOVELACE", "J VERSCHUT"}),
        ("statement=9", set()),
        ("account=1", {"A LOVELACE", "J VERSCHUT"}),
    ],
)
def test_lines_are_found_by_whatever_one_knows(client_as, people, query, names):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", bank().camt053()))
    page = anna.get(f"/admin/bank/lines?{query}")
    assert page.status_code == 200
    assert {name for name in ("A LOVELACE", "J VERSCHUT") if name in page.text} == names


def test_lines_go_out_as_a_file(client_as, people):
    anna = client_as("fundraiser")
    send(anna, ("one.xml", bank().camt053()))
    file = anna.post("/admin/export/bank_lines?state=open", data={"purpose": "the accountant"})
    rows = file.text.splitlines()
    assert len(rows) == 3 and "J VERSCHUT" in rows[1] and "NL39 RABO 0300 0652 64" in rows[1]


def test_a_line_tells_all_that_the_bank_told_and_why_it_is_what_it_is(client_as, people):
    anna = client_as("fundraiser")
    account = bank()
    send(anna, ("one.xml", account.camt053()), ("same.sta", account.mt940()))
    page = anna.get("/admin/bank/lines/1").text
    for told in ("A LOVELACE", "NL91 ABNA 0417 1643 00", "gift whales", "It comes from the account of this supporter"):
        assert told in page
    assert "one.xml" in page and "same.sta" in page and "told it first" in page


def test_a_viewer_sees_no_whole_account_and_changes_nothing(client_as, people):
    send(client_as("fundraiser"), ("one.xml", bank().camt053()))
    viewer = client_as("viewer")
    for where in ("/admin/bank", "/admin/bank/lines", "/admin/bank/lines/1", "/admin/bank/files", "/admin/bank/files/1",
                  "/admin/bank/statements", "/admin/bank/agrees"):  # fmt: skip
        page = viewer.get(where)
        assert page.status_code == 200, where
        assert "0417 1643" not in page.text and cast.ADAS_IBAN not in page.text, where
        assert "/bank/queue" not in page.text and "/bank/book" not in page.text, where
    assert "NL•• •••• 4300" in viewer.get("/admin/bank/lines/1").text
    assert viewer.post("/admin/bank/files").status_code == 403
    assert viewer.get("/admin/bank/book").status_code == 403
    assert viewer.get("/admin/bank/queue").status_code == 403
    assert viewer.post("/admin/bank/lines/1/undo").status_code == 403


def test_the_lists_ask_as_much_for_many_lines_as_for_few(admin_app, client_as, people, counted):
    anna = client_as("fundraiser")
    movements = [Movement(DAY, 100 + number, f"N{number}", cast.ADAS_IBAN) for number in range(60)]
    send(anna, ("few.xml", Account(movements[:5]).camt053()))
    few = counted(lambda: anna.get("/admin/bank/lines"))
    send(anna, ("many.xml", Account(movements).camt053(5, 60)))
    assert counted(lambda: anna.get("/admin/bank/lines")) == few


@pytest.fixture
def counted(admin_app):
    """How many statements a call sends to the database."""
    from sqlalchemy import event

    def run(call):
        seen = []
        with admin_app.app_context():
            engine = admin_app.extensions["sqlalchemy"].engine

        def note(*_args):
            seen.append(1)

        event.listen(engine, "before_cursor_execute", note)
        try:
            assert call().status_code == 200
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    return run


# --- accounts --------------------------------------------------------------------------------------------------


def test_an_account_is_added_renamed_and_left(client_as, db):
    assert client_as("fundraiser").get("/admin/bank-accounts").status_code == 403
    bram = client_as("finance")
    wrong = bram.post("/admin/bank-accounts/new", data={"number": "NL00BANK1", "name": "X", "currency": "EUR"})
    assert wrong.status_code == 422
    bram.post("/admin/bank-accounts/new", data={"number": OURS, "name": "Donations", "currency": "eur"})
    twice = bram.post("/admin/bank-accounts/new", data={"number": OURS, "name": "Again", "currency": "EUR"})
    assert twice.status_code == 422 and "is an account of ours already" in twice.text
    bram.post("/admin/bank-accounts/1", data={"name": "Gifts"})
    assert "Gifts" in bram.get("/admin/bank-accounts").text and "Not in use" in bram.get("/admin/bank-accounts").text


def test_from_another_day_on_lines_cross_over(client_as, db, people):
    anna, bram = client_as("fundraiser"), client_as("finance")
    send(anna, ("one.xml", bank().camt053()))

    def states():
        with db() as session:
            return list(session.scalars(select(BankLine.state).order_by(BankLine.id)))

    def book_from(day):
        data = {"name": "Donations", "is_active": "y", "book_from_on": day}
        return bram.post("/admin/bank-accounts/1", data=data, follow_redirects=True)

    assert states() == ["matched", "unknown", "unknown"]
    book_from("2026-12-01")
    assert states() == ["before"] * 3
    book_from("2026-11-01")
    assert states() == ["matched", "unknown", "unknown"]
    anna.post("/admin/bank/book", data={"expected": "1"})
    assert "is booked already: take that back first" in book_from("2026-12-01").text
