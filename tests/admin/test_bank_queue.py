"""The queue over HTTP: a fundraiser says what each line is, and takes an answer back."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from sqlalchemy import event, select

from supporters import BankAccount, Gift
from supporters.payments.bank import matching
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from tests import cast
from tests.bank_files import OURS, Account, Movement

DAY = date(2026, 11, 27)
QUEUE = "/admin/bank/queue"


@pytest.fixture
def lines(client_as, db):
    """1: of Ada by her name, from an account that is new · 2: from nobody known · 3: costs · 4: Sam's account, with
    another name on it · 5: perhaps an estate."""
    with db() as session:
        OurAccount.add(session, OURS, "Donations", by=cast.ANNA, now=cast.NOW)
        cast.fund(session)
        cast.fund(session, "whales", "Whales")
        cast.ada(session)
        cast.sam_and_suzie(session)
    account = Account(
        [
            Movement(DAY, 25_00, "A LOVELACE", "NL02ABNA0123456789", "gift whales"),
            Movement(DAY, 10_00, "HR J VERSCHUT", "NL39RABO0300065264", "keep it up"),
            Movement(DAY, -4_50, "", "", "costs of the account"),
            Movement(DAY, 15_00, "P DE BOER", cast.SAMS_IBAN, "gift"),
            Movement(DAY, 900_00, "NOTARIS BAKKER", "NL69INGB0123456789", "legaat wijlen E de Wit"),
        ]
    )
    data = {"files": [(io.BytesIO(account.camt053()), "one.xml")]}
    client_as("fundraiser").post("/admin/bank/files", data=data, content_type="multipart/form-data")


def offered(page: str) -> dict[str, str]:
    """Name of who is offered → what the form sends."""
    found = re.findall(
        r'name="choice" id="choice-\d+" value="([^"]+)".*?<strong>([^<]+)</strong>', page, re.S
    )  # fmt: skip
    return {name: value for value, name in found}


def at(page: str) -> str:
    """The number of the line that the page asks about."""
    return re.search(r'<article[^>]*id="line-(\d+)"', page)[1]


def state(db, key: int) -> str:
    with db() as session:
        return session.get(BankLine, key).state


def test_the_first_that_waits_comes_first_with_who_it_may_be_and_why(client_as, lines):
    page = client_as("fundraiser").get(QUEUE).text
    assert at(page) == "1" and "5 lines wait" in page
    assert list(offered(page)) == ["Ada Lovelace"]
    assert "It has the same name, but a name alone decides nothing." in page
    assert "checked" not in re.search(r"<input[^>]*choice-1[^>]*>", page)[0]  # a name alone is never chosen for you
    fourth = client_as("fundraiser").get(f"{QUEUE}?line=4").text
    assert "It comes from the account of this supporter, but the name is another one." in fourth
    assert "checked" in re.search(r"<input[^>]*choice-1[^>]*>", fourth)[0]


def test_an_answer_books_remembers_the_account_and_brings_the_next_line(client_as, db, lines):
    anna = client_as("fundraiser")
    page = anna.get(QUEUE).text
    assert "Remember NL02 ABNA 0123 4567 89" in page
    ada = offered(page)["Ada Lovelace"]
    answer = {"decision": "choose", "choice": ada, "fund": "2", "remember": "y"}
    done = anna.post(f"{QUEUE}/1", data=answer, follow_redirects=True).text
    assert at(done) == "2" and "4 lines wait" in done
    assert "Gift, Ada Lovelace." in done and "NL02 ABNA 0123 4567 89 is an account of theirs from now on." in done
    with db() as session:
        gift = session.scalars(select(Gift)).one()
        assert (gift.supporter.name, gift.amount, gift.received_on) == ("Ada Lovelace", 25_00, DAY)
        assert [part.fund.code for part in gift.designations] == ["whales"]
        ibans = set(session.scalars(select(BankAccount.iban).where(BankAccount.supporter_id == gift.supporter_id)))
        assert ibans == {cast.ADAS_IBAN, "NL02ABNA0123456789"}
    told = anna.get("/admin/bank/lines/1").text
    assert "/admin/gifts/1" in told and "Booked as somebody&#39;s gift" in told and "Take it back" in told


def test_the_account_is_not_remembered_where_nobody_wants_it(client_as, db, lines):
    anna = client_as("fundraiser")
    ada = offered(anna.get(QUEUE).text)["Ada Lovelace"]
    anna.post(f"{QUEUE}/1", data={"decision": "choose", "choice": ada})
    with db() as session:
        assert session.scalar(select(BankAccount).where(BankAccount.iban == "NL02ABNA0123456789")) is None
    assert "Remember" not in anna.get(f"{QUEUE}?line=4").text  # Sam's, and nobody else is offered


def test_an_answer_is_taken_back_and_the_line_waits_again(client_as, db, lines):
    anna = client_as("fundraiser")
    ada = offered(anna.get(QUEUE).text)["Ada Lovelace"]
    anna.post(f"{QUEUE}/1", data={"decision": "choose", "choice": ada, "remember": "y"})
    again = anna.post(f"{QUEUE}/1", data={"decision": "undo"}, follow_redirects=True).text
    assert at(again) == "1" and "5 lines wait" in again
    with db() as session:
        assert session.scalars(select(Gift)).one().net.amount == 0
        account = session.scalars(select(BankAccount).where(BankAccount.iban == "NL02ABNA0123456789")).one()
        assert account.until_on is not None
    assert "Taken back" in anna.get("/admin/bank/lines/1").text


def test_the_page_of_a_line_takes_it_back_too(client_as, db, lines):
    anna = client_as("fundraiser")
    anna.post(f"{QUEUE}/3", data={"decision": "set_aside", "why": "bank_charges"})
    assert state(db, 3) == "set_aside"
    done = anna.post("/admin/bank/lines/3/undo", follow_redirects=True).text
    assert "Taken back: the line waits again." in done
    assert state(db, 3) == "unknown"


def test_nothing_is_booked_without_a_choice_and_what_was_filled_in_stays(client_as, lines):
    anna = client_as("fundraiser")
    page = anna.post(f"{QUEUE}/1", data={"decision": "choose", "fund": "2"})
    assert page.status_code == 409 and "Choose one of them first." in page.text
    assert '<option value="2" selected>' in page.text
    assert anna.get(f"{QUEUE}/1").status_code == 302


def test_who_comes_second_is_told(client_as, db, lines):
    anna = client_as("fundraiser")
    anna.post(f"{QUEUE}/3", data={"decision": "set_aside", "why": "bank_charges"})
    page = client_as("finance").post(f"{QUEUE}/3", data={"decision": "set_aside", "why": "interest"})
    assert page.status_code == 409 and "somebody was here before you" in page.text


def test_not_a_gift_asks_why_and_something_else_asks_what(client_as, db, lines):
    anna = client_as("fundraiser")
    page = anna.post(f"{QUEUE}/3", data={"decision": "set_aside", "why": "something_else"})
    assert page.status_code == 409 and "Say in a few words what it is." in page.text
    assert re.search(r'<details class="ab-fold ab-not-a-gift" open>', page.text)
    done = anna.post(
        f"{QUEUE}/3", data={"decision": "set_aside", "why": "something_else", "note": "coffee"}, follow_redirects=True
    )
    assert at(done.text) == "4" and "Something else" in done.text
    assert "coffee" in anna.get("/admin/bank/lines/3").text


def test_what_is_no_gift_asks_first_whether_that_is_right(client_as, db, lines):
    with db() as session:
        costs, payout = session.get(BankLine, 3), session.get(BankLine, 1)
        for line, kind, because in ((costs, "other", "bank_code"), (payout, "payout", "gateway")):
            line.state, line.kind, line.because, line.doubt = "proposed", kind, because, None
        costs.why, payout.supporter_id = "bank_charges", None
    anna = client_as("fundraiser")
    page = anna.get(f"{QUEUE}?line=3&q=suzie").text
    assert offered(page) == {"Bank charges": "proposal"} and "Find another supporter" not in page
    assert 'name="fund"' not in page and "New supporter" not in page
    page = anna.get(f"{QUEUE}?line=1").text
    assert offered(page) == {"Payout of a gateway": "proposal"}  # nobody whose name only looks like the gateway's
    assert 'name="fund"' not in page and page.index("Confirm") < page.index("It is a gift after all")
    assert page.index("It is a gift after all") < page.index("Find another supporter")
    page = anna.get(f"{QUEUE}?line=1&q=suzie").text
    assert list(offered(page)) == ["Payout of a gateway", "Suzie Jansen"] and 'name="fund"' in page
    assert "Nobody is found with this." in anna.get(f"{QUEUE}?line=1&q=zzz").text
    given = {"decision": "choose", "choice": offered(page)["Suzie Jansen"]}
    assert "Gift, Suzie Jansen." in anna.post(f"{QUEUE}/1", data=given, follow_redirects=True).text


def test_somebody_else_is_found_from_within_the_card(client_as, lines):
    anna = client_as("fundraiser")
    page = anna.get(f"{QUEUE}?line=2&q=suzie").text
    assert at(page) == "2" and "Suzie Jansen" in offered(page)
    assert "Nobody is found with this." in anna.get(f"{QUEUE}?line=2&q=zzz").text
    done = anna.post(
        f"{QUEUE}/2", data={"decision": "choose", "choice": offered(page)["Suzie Jansen"]}, follow_redirects=True
    )
    assert "Gift, Suzie Jansen." in done.text


def test_somebody_new_gave_it(client_as, db, lines):
    anna = client_as("fundraiser")
    where = "/admin/bank/lines/2/new-supporter"
    form = anna.get(where).text
    assert 'value="J."' in form and 'value="Verschut"' in form
    empty = anna.post(where, data={"kind": "organisation"})
    assert empty.status_code == 422 and "Fill in a name." in empty.text
    done = anna.post(where, data={"kind": "person", "initials": "J.", "surname": "Verschut"}, follow_redirects=True)
    assert at(done.text) == "3" and "J. Verschut" in done.text
    with db() as session:
        gift = session.scalars(select(Gift)).one()
        assert gift.supporter.name == "J. Verschut"
        assert [account.iban for account in gift.supporter.bank_accounts] == ["NL39RABO0300065264"]


def test_a_line_is_divided_to_the_cent(client_as, db, lines):
    anna = client_as("fundraiser")
    where = "/admin/bank/lines/4/split"
    form = anna.get(where).text
    assert form.count("<fieldset") == 3 and "Still to divide of €15.00:" in form and 'value="S0000002"' in form
    given = {
        "rows": "3", "what-0": "gift", "supporter-0": "S0000002", "fund-0": "2", "amount-0": "10", "what-1": "gift",
        "supporter-1": "S9999999", "amount-1": "3,50", "what-2": "mistake", "amount-2": "1.00",
    }  # fmt: skip
    wrong = anna.post(where, data=given)
    assert wrong.status_code == 422 and "There is no supporter with number S9999999." in wrong.text
    nobody = anna.post(where, data=given | {"supporter-1": ""})
    assert (
        nobody.status_code == 422 and "Fill in whose gift it is: a number such as S0000012, or a name." in nobody.text
    )
    below = anna.post(where, data=given | {"amount-1": "-3,50"})
    assert below.status_code == 422 and "Each part of a line is more than nothing." in below.text
    assert "€0.50" in wrong.text
    given["supporter-1"] = "3"
    short = anna.post(where, data=given)
    assert short.status_code == 422 and "The parts come to €14.50 and the line is €15.00" in short.text
    more = anna.post(where, data=given | {"decision": "more"})
    assert more.status_code == 200 and more.text.count("<fieldset") == 6 and 'value="3,50"' in more.text
    assert state(db, 4) == "proposed"
    done = anna.post(where, data=given | {"amount-1": "4.00", "decision": "split"}, follow_redirects=True)
    assert at(done.text) == "5"
    assert "Gift €10.00, Sam van den Berg; Gift €4.00, Suzie Jansen; Sent to us by mistake €1.00." in done.text
    with db() as session:
        gifts = session.scalars(select(Gift).order_by(Gift.id)).all()
        assert [(gift.supporter.name, gift.amount) for gift in gifts] == [
            ("Sam van den Berg", 10_00), ("Suzie Jansen", 4_00),
        ]  # fmt: skip
        assert gifts[0].designations[0].fund.code == "whales"
    assert "Sent to us by mistake" in anna.get("/admin/bank/lines/4").text


def test_who_gave_a_part_is_found_by_name(client_as, db, lines):
    anna = client_as("fundraiser")
    where = "/admin/bank/lines/4/split"
    given = {"rows": "3", "what-0": "gift", "supporter-0": "S0000002", "amount-0": "10", "what-1": "gift"}
    given |= {"supporter-1": "suzie", "amount-1": "5"}
    looked = anna.post(where, data=given | {"decision": "find-1"})
    assert looked.status_code == 200 and "Sam van den Berg" in looked.text and 'value="5"' in looked.text
    (number,) = re.findall(r'name="pick-1"[^>]* value="(\w+)"', looked.text)
    assert "Suzie Jansen" in looked.text and number == "S0000003" and 'name="pick-0"' not in looked.text
    unasked = anna.post(where, data=given | {"decision": "split"})
    assert unasked.status_code == 422 and "Choose who it is." in unasked.text and 'name="pick-1"' in unasked.text
    nobody = anna.post(where, data=given | {"supporter-1": "zzz", "decision": "find-1"})
    assert "Nobody is found with this." in nobody.text
    for number_of_row in ("59", "99"):
        assert anna.post(where, data=given | {"decision": f"find-{number_of_row}"}).status_code == 200
    given |= {"found-1": "suzie", "pick-1": number}
    other = anna.post(where, data=given | {"supporter-1": "ada", "decision": "find-1"}).text
    assert "Ada Lovelace" in other and "Suzie Jansen" not in other  # what was chosen before is forgotten
    more = anna.post(where, data=given | {"decision": "more"}).text
    assert f'value="{number}"' in more and "Suzie Jansen" in more
    done = anna.post(where, data=given | {"decision": "split"}, follow_redirects=True).text
    assert "Gift €10.00, Sam van den Berg; Gift €5.00, Suzie Jansen." in done
    with db() as session:
        gifts = session.scalars(select(Gift).order_by(Gift.id)).all()
        assert [(gift.supporter.name, gift.amount) for gift in gifts] == [
            ("Sam van den Berg", 10_00), ("Suzie Jansen", 5_00),
        ]  # fmt: skip


def test_what_may_be_from_an_estate_is_a_bequest_unless_somebody_says_otherwise(client_as, db, lines):
    anna = client_as("fundraiser")
    page = anna.get(f"{QUEUE}?line=5&q=suzie").text
    assert "It may come from an estate" in page and '<option value="bequest" selected>' in page
    choice = offered(page)["Suzie Jansen"]
    anna.post(f"{QUEUE}/5", data={"decision": "choose", "choice": choice, "kind": "bequest"})
    with db() as session:
        assert session.scalars(select(Gift)).one().kind == "bequest"


def test_the_last_answer_leaves_an_empty_queue_that_can_be_undone(client_as, db, lines):
    anna = client_as("fundraiser")
    for key in (1, 2, 3, 4, 5):
        note = {"decision": "set_aside", "why": "something_else", "note": "test"}
        page = anna.post(f"{QUEUE}/{key}", data=note, follow_redirects=True).text
    assert "Nothing waits. Well done." in page and 'data-key="u"' in page


@pytest.mark.parametrize(("decision", "left"), [("same", "set_aside"), ("another", "proposed")])
def test_what_may_be_a_line_that_is_there_already_is_asked(client_as, db, lines, decision, left):
    with db() as session:
        session.get(BankLine, 4).twin_of_id = 1
        matching.match(session, now=cast.NOW, today=cast.TODAY)
    anna = client_as("fundraiser")
    page = anna.get(f"{QUEUE}?line=4").text
    assert "Perhaps this is a line that we have already" in page and "L000001" in page
    anna.post(f"{QUEUE}/4", data={"decision": decision}, follow_redirects=True)
    assert state(db, 4) == left
    told = anna.get("/admin/bank/lines/4").text
    assert ("The same as L000001" in told) == (decision == "same")
    if decision == "another":
        assert "Perhaps this is a line" not in anna.get(f"{QUEUE}?line=4").text
        assert anna.post(f"{QUEUE}/4", data={"decision": "same"}).status_code == 409


def test_the_queue_asks_as_much_of_the_database_for_many_lines_as_for_few(admin_app, client_as, db, lines):
    anna, seen = client_as("fundraiser"), []
    with admin_app.app_context():
        engine = admin_app.extensions["sqlalchemy"].engine
    event.listen(engine, "before_cursor_execute", lambda *_args: seen.append(1))
    anna.get(f"{QUEUE}?line=2")  # the first one also looks up who is signed in and what there is
    seen.clear()
    anna.get(f"{QUEUE}?line=2")
    few = len(seen)
    more = Account([Movement(DAY, 100 + number, f"N{number}") for number in range(40)], opening=1045_50)
    data = {"files": [(io.BytesIO(more.camt053()), "more.xml")]}
    anna.post("/admin/bank/files", data=data, content_type="multipart/form-data")
    seen.clear()
    assert "45 lines wait" in anna.get(f"{QUEUE}?line=2").text
    assert len(seen) == few


def test_a_viewer_has_no_queue(client_as, lines):
    viewer = client_as("viewer")
    for where in (QUEUE, "/admin/bank/lines/2/new-supporter", "/admin/bank/lines/2/split"):
        assert viewer.get(where).status_code == 403
    assert viewer.post(f"{QUEUE}/1", data={"decision": "set_aside", "why": "interest"}).status_code == 403
    with_link = client_as("fundraiser").get("/admin/").text
    assert "Lines of the bank to answer" in with_link and "/admin/bank/queue" in with_link


def test_a_line_that_waits_no_more_is_named(client_as, lines):
    anna = client_as("fundraiser")
    anna.post(f"{QUEUE}/4", data={"decision": "set_aside", "why": "mistake"})
    assert "Line L000004 waits no more" in anna.get(f"{QUEUE}?line=4").text
    assert "waits no more" not in anna.get(f"{QUEUE}?line=2").text
    assert anna.get(f"{QUEUE}?line={9**40}&done={9**40}").status_code == 200
    for page in ("bank/lines", "gifts", "runs", "returns", "commitments"):
        assert anna.get(f"/admin/{page}/{9**40}").status_code == 404, page
