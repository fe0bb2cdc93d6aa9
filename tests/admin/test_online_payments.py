"""The screens of online payments: what a person sees of a payment, and what they can do about it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from admin.labels import label
from supporters import AuditEntry, Gift, Notification, Refund, Task
from supporters.payments.online import jobs
from supporters.payments.online.inbox import BODY
from supporters.sealing import keyring
from tests.admin.conftest import admin_on
from tests.admin.online import Counter


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def admin_app(databases, tmp_path, counter):
    with admin_on(databases, tmp_path, **counter.settings) as app:
        counter.open(app)
        yield app


def text(answer):
    """What a person reads, without the tags."""
    main = answer.text.split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def rows(db, model):
    with db() as session:
        found = list(session.scalars(select(model).order_by(model.id)))
        session.expunge_all()
        return found


def verbs(db, subject):
    return [line.verb for line in rows(db, AuditEntry) if line.subject == subject]


# --- the list --------------------------------------------------------------------------------------------------


def test_the_list_is_filtered_searched_and_exported(client_as, counter):
    paid, opened, parked = counter.given(), counter.begin().payment_id, counter.parked()
    anna = client_as("fundraiser")
    page = text(anna.get("/admin/online-payments"))
    assert all(f"P{number} " in page for number in (paid, opened, parked))
    assert "Ada Lovelace" in page and "not known yet" in page

    def found(**args):
        answer = anna.get("/admin/online-payments", query_string=args)
        return [int(number) for number in re.findall(r'/online-payments/(\d+)">P', answer.text)]

    assert found(step="paid") == [paid]
    assert found(look="any") == found(look="parked") == [parked]
    assert found(purpose="recurring") == []
    assert found(account="memory", **{"from": "2026-12-01"}) == [parked, opened, paid]
    assert found(until="2026-11-30") == []
    for words in ("lovelace", f"p{paid}", counter.online(paid).external_id, counter.online(paid).transaction_id):
        assert found(q=words) == [paid], words
    file = anna.post("/admin/export/online_payments?step=paid", data={"purpose": "to look"}).text
    assert "Name at the gateway" in file and counter.online(paid).external_id in file


def test_the_list_turns_its_pages_by_key(client_as, counter):
    for _ in range(52):
        counter.begin()
    anna = client_as("viewer")
    first = anna.get("/admin/online-payments")
    onward = re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&")
    second = anna.get(onward)
    numbers = [re.findall(r">P(\d+)<", answer.text) for answer in (first, second)]
    assert (len(numbers[0]), len(numbers[1])) == (50, 2)
    assert not set(numbers[0]) & set(numbers[1])


# --- one payment -----------------------------------------------------------------------------------------------


def test_a_payment_says_what_it_is_what_happened_and_how_we_know(client_as, counter):
    number = counter.given("commitment", "10.00", method="sepa_debit")
    page = client_as("finance").get(f"/admin/online-payments/{number}")
    words = text(page)
    assert "The money came in on 1 December 2026 and is booked as a gift." in words
    assert "Until 26 January 2027 the donor can take it back at their bank" in words
    assert "News of the gateway" in words and "Gift G1" in words and "C0000001" in words
    assert counter.online(number).external_id in words and counter.online(number).transaction_id in words
    assert "Make the payment" in words and "Look at it" in words
    assert "&#34;event&#34;: &#34;memevt_" in page.text


def test_who_filled_in_the_form_is_not_told_before_they_paid(client_as, counter):
    online = counter.begin()
    page = text(client_as("administrator").get(f"/admin/online-payments/{online.payment_id}"))
    assert "sealed until it is paid" in page and "has not paid there yet" in page
    assert "Lovelace" not in page and "ada@example.org" not in page


def test_the_button_asks_the_gateway_and_books_what_it_says(client_as, counter, db):
    online = counter.begin()
    counter.vendor.pay(online.external_id)
    anna = client_as("fundraiser")
    where = f"/admin/online-payments/{online.payment_id}"
    assert "Looked: 1 new thing is booked." in text(anna.post(f"{where}/look", follow_redirects=True))
    assert "Somebody pressed the button" in text(anna.get(where))
    assert "nothing new" in text(anna.post(f"{where}/look", follow_redirects=True))
    assert [gift.amount for gift in rows(db, Gift)] == [2500]
    assert verbs(db, "online_payment") == ["look", "look"]
    assert anna.get(f"{where}/look").status_code == 405
    assert client_as("viewer").post(f"{where}/look").status_code == 403


def test_a_gateway_that_does_not_answer_is_said_and_nothing_is_lost(client_as, counter, monkeypatch):
    from supporters.payments.gateway import Unavailable

    online = counter.begin()

    def fetch(_):
        raise Unavailable(outcome_unknown=False, why="no connection")

    monkeypatch.setattr(counter.gateway, "fetch", fetch)
    page = client_as("fundraiser").post(f"/admin/online-payments/{online.payment_id}/look", follow_redirects=True)
    assert "The gateway could not be asked" in text(page) and page.status_code == 200
    assert "did not work" in text(page)


def test_news_is_shown_safely_and_looked_at_again(client_as, counter, db):
    number = counter.given()
    with db() as session:
        news = session.scalars(select(Notification)).one()
        came = b'{"who": "<script>alert(1)</script>\xe2\x80\xae", "long": "' + b"x" * 9000 + b'"}'
        news.sealed_body, news.size = keyring(session).seal(came.decode("latin-1"), BODY), len(came)
        key = news.id
        session.commit()
    where = f"/admin/online-payments/{number}"
    page = client_as("finance").get(where).text
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "\u202e" not in page
    assert "x" * 4000 not in page and "9,0" in page
    assert "script&gt;alert" not in client_as("fundraiser").get(where).text
    counter.vendor.charge_back(counter.online(number).external_id, rows(db, Gift)[0].money)
    answer = client_as("fundraiser").post(f"{where}/news/{key}", follow_redirects=True)
    assert "Looked at again" in text(answer) and "Taken back by the donor" in text(answer)
    other = counter.given()
    assert client_as("fundraiser").post(f"/admin/online-payments/{other}/news/{key}").status_code == 404


def test_what_did_not_come_from_the_gateway_is_never_looked_at(client_as, counter, db):
    number = counter.given()
    external_id = counter.online(number).external_id
    with db() as session:
        assert not Notification.receive(session, counter.gateway, {}, b"x", now=counter.now)
        bad = session.scalars(select(Notification).where(Notification.state == "bad")).one()
        bad.external_id = external_id
        key = bad.id
    assert client_as("finance").post(f"/admin/online-payments/{number}/news/{key}").status_code == 409


# --- nobody knows, or it does not fit ---------------------------------------------------------------------------


def test_a_charge_nobody_knows_of_is_set_down_as_never_made_and_charged_afresh(client_as, counter, db):
    number = counter.lost()
    where = f"/admin/online-payments/{number}"
    otto = client_as("finance")
    assert "Is it not there, set it down as never made." in text(otto.get(where))
    assert f"P{number} " in text(otto.get("/admin/online-payments?look=unknown"))
    assert "set it down as never made…" not in text(client_as("fundraiser").get(where))
    assert client_as("fundraiser").get(f"{where}/never-made").status_code == 403
    assert otto.post(f"{where}/never-made", data={"why": " "}).status_code == 422
    page = otto.post(f"{where}/never-made", data={"why": "not in the dashboard"}, follow_redirects=True)
    assert "the gateway has no such payment" in text(page)
    with db() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.verb == "never_made")).one()
        assert (line.by, line.detail["why"]) == ("person:finance@example.org", "not in the dashboard")
    assert [(task.kind, task.outcome) for task in rows(db, Task)] == [("payment_unknown", "not in the dashboard")]
    assert otto.post(f"{where}/never-made", data={"why": "again"}).status_code == 409
    jobs.charge_due(counter.work)
    assert [gift.amount for gift in rows(db, Gift)] == [750, 750]


def test_before_a_payment_is_set_down_we_look_one_last_time(client_as, counter, db):
    number = counter.lost("500_done")
    answer = client_as("finance").post(
        f"/admin/online-payments/{number}/never-made", data={"why": "did not see it"}, follow_redirects=True
    )
    assert "It is there after all" in text(answer)
    assert counter.online(number).step == "paid"
    assert [gift.amount for gift in rows(db, Gift)] == [750, 750]


def test_while_we_still_look_by_ourselves_nobody_sets_a_payment_down(client_as, counter):
    counter.given("commitment", "10.00")
    counter.later(days=31)
    counter.vendor.trouble("drop")
    jobs.charge_due(counter.work)
    otto = client_as("finance")
    page = text(otto.get("/admin/online-payments/2"))
    assert "Nothing is charged twice." in page and "set it down" not in page
    assert otto.post("/admin/online-payments/2/never-made", data={"why": "x"}).status_code == 409


def test_a_payment_that_does_not_fit_and_is_not_ours_is_set_down_too(client_as, counter, db):
    number = counter.parked()
    otto = client_as("finance")
    page = otto.post(f"/admin/online-payments/{number}/never-made", data={"why": "not ours"}, follow_redirects=True)
    assert "the gateway has no such payment" in text(page)
    assert [(task.kind, task.outcome) for task in rows(db, Task)] == [("payment_parked", "not ours")]
    assert rows(db, Gift) == []


def test_a_payment_that_does_not_fit_is_looked_at_again_when_it_does(client_as, counter, db):
    number = counter.parked()
    where = f"/admin/online-payments/{number}"
    otto = client_as("finance")
    assert "€5.00 where €25.00 was asked" in text(otto.get(where))
    assert "Does not fit" in text(otto.post(f"{where}/look", follow_redirects=True))
    (external_id,) = counter.gateway.vendor.payments
    counter.gateway.vendor.get(external_id).change(counter.now, money=counter.online(number).payment.money)
    page = text(otto.post(f"{where}/look", follow_redirects=True))
    assert "booked as a gift" in page
    assert [(task.kind, task.is_open) for task in rows(db, Task)] == [("payment_parked", False)]


# --- giving back -----------------------------------------------------------------------------------------------


def test_part_goes_back_at_once_and_the_donor_can_still_reverse_it_is_said(client_as, counter, db):
    number = counter.given(amount="50.00", method="sepa_debit")
    where = f"/admin/online-payments/{number}/refund"
    otto = client_as("finance")
    page = otto.get(where)
    assert "Careful: until" in text(page)
    key = re.search(r'name="key"[^>]*value="([^"]+)"', page.text)[1]
    given = {"amount": "20,00", "why": "asked by telephone", "key": key}
    for _ in range(2):  # Pressed twice, it is one.
        otto.post(where, data=given)
    assert [(r.state, r.amount) for r in rows(db, Refund)] == [("ready", 2000)]
    jobs.send_refunds(counter.work)
    page = text(otto.get(f"/admin/online-payments/{number}"))
    assert "asked by telephone" in page and "€30.00" in page and "Refunded" in page
    too_much = otto.post(where, data={"amount": "30,01", "why": "x"})
    assert too_much.status_code == 409 and "At most €30.00 can go back" in text(too_much)
    assert client_as("fundraiser").get(where).status_code == 403


def test_above_the_limit_a_second_person_approves(client_as, counter, db):
    number = counter.given(amount="250.00")
    otto, second = client_as("finance"), client_as("second")
    page = otto.post(
        f"/admin/online-payments/{number}/refund", data={"amount": "250", "why": "wrong charity"}, follow_redirects=True
    )
    assert "when a second person has approved it" in text(page)
    jobs.send_refunds(counter.work)
    assert [r.state for r in rows(db, Refund)] == ["waiting"]
    assert "Refunds that wait for a second person" in text(second.get("/admin/"))
    assert "wrong charity" in text(second.get("/admin/refunds"))
    asked = text(otto.get("/admin/refunds/1/approve"))
    assert "somebody else has to approve it" in asked and "You are the second person" not in asked
    assert "I approve this refund" not in asked
    assert "I approve this refund" in text(second.get("/admin/refunds/1/approve"))
    mine = otto.post("/admin/refunds/1/approve")
    assert mine.status_code == 403 and "a second person has to approve it" in text(mine)
    assert client_as("fundraiser").get("/admin/refunds/1/approve").status_code == 403
    assert "Approved." in text(second.post("/admin/refunds/1/approve", follow_redirects=True))
    jobs.send_refunds(counter.work)
    assert "All of it went back since." in text(otto.get(f"/admin/online-payments/{number}"))
    assert verbs(db, "refund") == ["request", "approve"]


def test_a_refund_is_cancelled_and_one_that_does_not_arrive_shows_its_task(client_as, counter, db):
    number = counter.given(amount="250.00")
    external_id = counter.online(number).external_id
    otto = client_as("finance")
    otto.post(f"/admin/online-payments/{number}/refund", data={"amount": "250", "why": "x"})
    assert "nothing goes back" in text(otto.post("/admin/refunds/1/cancel", follow_redirects=True))
    otto.post(f"/admin/online-payments/{number}/refund", data={"amount": "40", "why": "y"})
    jobs.send_refunds(counter.work)
    back = counter.gateway.fetch(external_id).refunds[0].external_id
    counter.vendor.fail_refund(external_id, back)
    counter.news(external_id)
    page = otto.get(f"/admin/online-payments/{number}")
    assert "Did not arrive" in text(page) and "The refund came back" in text(page)
    assert f"/admin/tasks/{rows(db, Task)[0].id}" in page.text
    assert "Came back to us after all" in text(otto.get("/admin/gifts/1"))


def test_a_second_payment_goes_back_with_one_press_and_a_yes(client_as, counter, db):
    number = counter.paid_twice()
    otto = client_as("finance")
    page = otto.get(f"/admin/online-payments/{number}")
    assert "Second payment" in text(page)
    assert f"P{number} " in text(otto.get("/admin/online-payments?look=second"))
    form = otto.get(f"/admin/online-payments/{number}/refund?why=second")
    assert "Paid twice by mistake" in form.text and 'value="25.00"' in form.text
    otto.post(f"/admin/online-payments/{number}/refund?why=second", data={"amount": "25.00", "why": "twice"})
    jobs.send_refunds(counter.work)
    assert [task.is_open for task in rows(db, Task)] == [False]
    assert sorted(gift.net.amount for gift in gifts(db)) == [0, 2500]
    assert f"P{number} " not in text(otto.get("/admin/online-payments?look=second"))


def gifts(db):
    with db() as session:
        found = list(session.scalars(select(Gift)))
        for gift in found:
            _ = gift.reversals
        session.expunge_all()
        return found


def test_the_page_of_the_gift_shows_the_payment_and_gives_back_through_it(client_as, counter, db):
    number = counter.given()
    otto = client_as("finance")
    page = otto.get("/admin/gifts/1")
    assert f"/admin/online-payments/{number}/refund" in page.text and "Once" in text(page)
    assert "Provisional until" not in text(page)
    by_hand = otto.get("/admin/gifts/1/reverse")
    assert "Taken back by the donor" not in by_hand.text and "in another way" in text(by_hand)
    answer = otto.post(
        "/admin/gifts/1/reverse",
        data={"amount": "25", "kind": "chargeback", "on": "2026-12-01", "description": "x"},
    )
    assert answer.status_code == 422
    assert gifts(db)[0].net.amount == 2500


# --- who may ---------------------------------------------------------------------------------------------------


def test_every_screen_opens_for_who_may_see_it(client_as, counter):
    counter.given(amount="250.00")
    viewer = client_as("viewer")
    for address in (
        "/admin/online-payments", "/admin/online-payments/1", "/admin/refunds", "/admin/commitments/failing",
        "/admin/gateways", "/admin/online-payments/mails", "/admin/",
    ):  # fmt: skip
        assert viewer.get(address).status_code == 200, address
    for address in ("refund", "never-made"):
        assert viewer.get(f"/admin/online-payments/1/{address}").status_code == 403
    assert viewer.get("/admin/online-payments/99").status_code == 404


def test_a_button_without_its_token_does_nothing(client_as, counter, admin_app):
    online = counter.begin()
    admin_app.config["WTF_CSRF_ENABLED"] = True
    answer = client_as("finance").post(f"/admin/online-payments/{online.payment_id}/look")
    assert answer.status_code == 400


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_letter_can_be_looked_at_beforehand(client_as, counter, language):
    viewer = client_as("viewer")
    page = viewer.get(f"/admin/online-payments/mails?language={language}")
    letters = re.findall(r"mail=(\w+)&amp;language", page.text)
    assert len(set(letters)) == 10
    for letter in set(letters):
        assert "<iframe" in viewer.get(f"/admin/online-payments/mails?mail={letter}&language={language}").text
        alone = viewer.get(f"/admin/online-payments/mails/{letter}/{language}.html")
        assert "sandbox" in alone.headers["Content-Security-Policy"] and "charity.example" in alone.text
    assert viewer.get("/admin/online-payments/mails?mail=petition_confirm").status_code == 404


@pytest.mark.parametrize(
    "reason",
    ["general", "fraudulent", "unrecognized", "duplicate", "subscription_canceled", "customer_initiated",
     "debit_not_authorized", "incorrect_account_details", "insufficient_funds"],
)  # fmt: skip
def test_why_a_bank_let_a_donor_take_it_back_is_said_in_words(admin_app, reason):
    for language in ("nl", "en"):
        with admin_app.test_request_context(headers={"Accept-Language": language}):
            assert reason not in str(label("failure_code", reason))
