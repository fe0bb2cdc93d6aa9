"""Each screen does its one thing, leaves its trace, and says no to who may not."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from admin import clock
from admin.uploads import Upload
from admin.users import User
from supporters import (
    Announcement,
    AuditEntry,
    CollectionBatch,
    Commitment,
    CreditorAccount,
    FinancialYear,
    Fund,
    Gift,
    Mandate,
    Money,
    Supporter,
    Task,
)
from supporters.documents import DocumentPart
from tests import cast
from tests.promises.ledger import broken_promises


@pytest.fixture
def ada(db):
    """Ada with her ten euros a month, announced, on our account; the number of her page."""
    with db() as session:
        cast.creditor(session)
        person = cast.ada(session)
        promise = cast.monthly(session, person, start_on=cast.TODAY + timedelta(days=3))
        Announcement.make(
            session, promise, on=date(2026, 11, 1), channel="letter", evidence="letter", by=cast.ANNA, now=cast.NOW
        )
        cast.gift(session, person)
        session.flush()
        return person.id


def one(db, query):
    with db() as session:
        return session.scalar(query)


def follow(client, answer):
    assert answer.status_code == 302, re.findall(
        r'(?s)role="alert">(.*?)</div>|class="ab-wrong"[^>]*>([^<]+)', answer.text
    )
    return client.get(answer.location)


# --- who may not -----------------------------------------------------------------------------------------------

FORBIDDEN = {
    "viewer": (
        "/admin/supporters/new", "/admin/supporters/1/name", "/admin/supporters/1/contact",
        "/admin/supporters/1/account", "/admin/supporters/1/death", "/admin/supporters/1/gifts/new",
        "/admin/supporters/1/commitments/new",
        "/admin/commitments/1/change", "/admin/commitments/1/pause", "/admin/commitments/1/stop", "/admin/export/gifts",
        "/admin/imports", "/admin/runs/new", "/admin/runs/announce", "/admin/funds", "/admin/creditor-accounts",
        "/admin/users", "/admin/audit", "/admin/gifts/1/reverse", "/admin/year/2025/close",
    ),
    "fundraiser": ("/admin/runs/new", "/admin/runs/1/approve", "/admin/gifts/1/reverse", "/admin/funds",
                   "/admin/users"),
    "finance": ("/admin/users", "/admin/users/new", "/admin/audit"),
}  # fmt: skip


@pytest.mark.parametrize(("role", "address"), [(role, address) for role, all_ in FORBIDDEN.items() for address in all_])
def test_a_role_that_does_not_reach_gets_403(client_as, ada, role, address):
    client = client_as(role)
    assert client.get(address).status_code == 403
    assert client.post(address).status_code in (403, 405)


@pytest.mark.parametrize(
    "address",
    ["/admin/", "/admin/tasks", "/admin/supporters", "/admin/supporters/1", "/admin/gifts", "/admin/gifts/1",
     "/admin/commitments", "/admin/commitments/1", "/admin/runs", "/admin/year", "/admin/year/2026.json"],
)  # fmt: skip
def test_a_viewer_sees_what_there_is_to_see(client_as, ada, address):
    assert client_as("viewer").get(address).status_code == 200


def test_a_viewer_sees_neither_ibans_nor_buttons(client_as, ada):
    page = client_as("viewer").get(f"/admin/supporters/{ada}").text
    assert "NL91 ABNA 0417 1643 00" not in page and "4300" in page
    assert "Report a death" not in page and "Book a gift" not in page
    assert "NL91 ABNA 0417 1643 00" in client_as("fundraiser").get(f"/admin/supporters/{ada}").text


# --- supporters ------------------------------------------------------------------------------------------------


def test_a_new_supporter_is_welcomed(client_as, db):
    client = client_as("fundraiser")
    page = follow(
        client,
        client.post(
            "/admin/supporters/new",
            data={"kind": "person", "first_name": "Sam", "prefix": "van den", "surname": "Berg",
                  "email": "sam@example.org", "sector": "",
                  "country": "NL", "iban": "NL20 INGB 0001 2345 67"},
        ),
    )  # fmt: skip
    assert "Sam van den Berg" in page.text
    assert one(db, select(AuditEntry.by).where(AuditEntry.verb == "welcome")) == "person:fundraiser@example.org"


def test_a_lottery_is_welcomed_and_its_gift_is_of_that_kind_by_itself(client_as, db):
    with db() as session:
        cast.fund(session)
    client = client_as("fundraiser")
    form = {"kind": "organisation", "organisation_name": "Goede Loterij", "sector": "lottery", "country": "NL"}
    page = follow(client, client.post("/admin/supporters/new", data=form)).text
    assert "Goede Loterij" in page and "Lottery" in page
    assert '<option selected value="lottery">' in client.get("/admin/supporters/1/gifts/new").text


def test_what_is_wrong_with_a_new_supporter_is_said_and_nothing_is_kept(client_as, db):
    answer = client_as("fundraiser").post(
        "/admin/supporters/new",
        data={"kind": "person", "surname": "Berg", "sector": "", "email": "sam@", "country": "NL"},
    )
    assert answer.status_code == 422 and "is not an e-mail address" in answer.text
    assert one(db, select(func.count(Supporter.id))) == 0


def test_a_new_address_supersedes_the_one_before(client_as, db, ada):
    client = client_as("fundraiser")
    form = {"email": "ada@example.net", "phone": "020 123 4567", "street": "Damrak", "house_number": "1",
            "postcode": "1012 LG", "city": "Amsterdam", "country": "NL"}  # fmt: skip
    page = follow(client, client.post(f"/admin/supporters/{ada}/contact", data=form)).text
    assert "ada@example.net" in page and "E-mail: ada@example.org" in page
    assert one(db, select(func.count(AuditEntry.id)).where(AuditEntry.verb == "set_email")) == 2


def test_one_hit_of_the_search_opens_the_page_and_more_open_the_list(client_as, db, ada):
    client = client_as("viewer")
    for words in ("lovelace", "ada@example.org", "NL91 ABNA 0417 1643 00", "1012LG", "S0000001"):
        assert client.get("/admin/search", query_string={"q": words}).location == "/admin/supporters/1", words
    with db() as session:
        Supporter.welcome(session, "eve@example.org", first_name="Eve", surname="Lovelace", by=cast.ANNA, now=cast.NOW)
    assert client.get("/admin/search?q=lovelace").location == "/admin/supporters?q=lovelace"
    assert client.get("/admin/supporters?q=lovelace").text.count('role="rowheader"') == 2


def test_a_death_is_reported_and_undone(client_as, db, ada):
    client = client_as("fundraiser")
    question = client.get(f"/admin/supporters/{ada}/death").text
    assert "€10.00 a month stops." in question and "1 mandate ends." in question
    page = follow(
        client, client.post(f"/admin/supporters/{ada}/death", data={"source": "family", "died_on": "2026-11-28"})
    )
    assert "Died on 28 November 2026" in page.text
    assert one(db, select(Commitment.end_reason)) == "deceased"
    assert "1 commitment goes on." in client.get(f"/admin/supporters/{ada}/death/undo").text
    follow(client, client.post(f"/admin/supporters/{ada}/death/undo"))
    assert one(db, select(Commitment.end_reason)) is None


def test_the_timeline_goes_back_page_by_page_and_shows_each_line_once(client_as, db, ada):
    with db() as session:
        person = session.get(Supporter, ada)
        for number in range(70):
            cast.gift(session, person, on=date(2026, 1, 1) + timedelta(days=number // 7))
    client, seen, address = client_as("viewer"), [], f"/admin/supporters/{ada}?show=money"
    while address:
        page = client.get(address).text
        story = page[page.index('id="story"') :]
        seen += re.findall(r'href="/admin/gifts/(\d+)"', story)
        more = re.search(r'href="([^"#]*before=[^"#]*)', story)
        address = more[1].replace("&amp;", "&") if more else None
    assert len(seen) == len(set(seen)) == 71


# --- gifts -----------------------------------------------------------------------------------------------------


def test_a_gift_is_booked_once_however_often_the_button_is_pressed(client_as, db, ada):
    client = client_as("fundraiser")
    page = client.get(f"/admin/supporters/{ada}/gifts/new").text
    form = {"amount": "12,50", "received_on": "2026-11-30", "fund": "1", "kind": "gift",
            "key": re.search(r'name="key"[^>]*value="([^"]+)"', page)[1]}  # fmt: skip
    for _ in range(2):
        follow(client, client.post(f"/admin/supporters/{ada}/gifts/new", data=form))
    assert one(db, select(func.count(Gift.id)).where(Gift.amount == 1250)) == 1


def test_a_gift_in_a_closed_year_is_refused_beside_its_date(client_as, db, ada):
    with db() as session:
        FinancialYear.close(session, 2025, by=cast.ANNA, now=cast.NOW)
    answer = client_as("fundraiser").post(
        f"/admin/supporters/{ada}/gifts/new",
        data={"amount": "10", "received_on": "2025-06-01", "fund": "1", "kind": "gift", "key": "k"},
    )
    assert answer.status_code == 409
    assert re.search(r'id="received_on-error">The financial year 2025 is closed', answer.text)


def test_money_goes_back_as_a_line_of_its_own(client_as, db, ada):
    client = client_as("finance")
    form = {"amount": "5,00", "kind": "refund", "on": "2026-12-01", "description": "paid twice"}
    page = follow(client, client.post("/admin/gifts/1/reverse", data=form)).text
    assert "Refund by us" in page
    too_much = client.post("/admin/gifts/1/reverse", data={**form, "amount": "500000"})
    assert too_much.status_code == 409 and "of this gift can go back" in too_much.text
    assert "Partly went back" in client.get("/admin/gifts").text


def test_a_debit_that_came_back_is_entered_on_its_gift(client_as, admin_app, db, ada):
    with db() as session:
        account = cast.creditor(session)
        batch = CollectionBatch.prepare(session, account, on=date(2026, 12, 4), by=cast.ANNA, now=cast.NOW)
        batch.approve(session, by=cast.BRAM, now=cast.NOW)
        batch.export(session, by=cast.BRAM, now=cast.NOW)
        batch.book(session, by=cast.ANNA, now=cast.NOW, today=batch.collect_on)
    admin_app.extensions["supporters_settings"] = _later(admin_app, days=7)
    client = client_as("finance")
    form = {
        "amount": "4,00",
        "kind": "return",
        "on": "2026-12-08",
        "reason_code": "md06",
        "description": "asked for it",
    }
    part = client.post("/admin/gifts/2/reverse", data=form)
    assert part.status_code == 422 and "A debit comes back whole: €10.00." in part.text
    page = follow(client, client.post("/admin/gifts/2/reverse", data={**form, "amount": "10,00"})).text
    assert "Returned by the bank MD06" in page and "asked for it" in page
    assert "Collect it after all" in client.get("/admin/commitments/1").text
    with db() as session:
        assert broken_promises(session) == []


def test_thanking_empties_the_list_of_those_to_thank(client_as, db, ada):
    client = client_as("fundraiser")
    assert "1 found" in client.get("/admin/gifts?thank=todo").text
    assert client.post("/admin/gifts/thank?thank=todo").status_code == 422  # it asks whether the letters went out
    follow(client, client.post("/admin/gifts/thank?thank=todo", data={"sure": "y"}))
    assert "0 found" in client.get("/admin/gifts?thank=todo").text


def test_an_export_asks_for_a_purpose_keeps_it_and_has_every_row(client_as, db, ada):
    client = client_as("fundraiser")
    assert client.post("/admin/export/gifts").status_code == 422
    answer = client.post("/admin/export/gifts?kind=gift", data={"purpose": "thank-you letters"})
    assert answer.mimetype == "text/csv" and "Ada Lovelace" in answer.text
    with db() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.verb == "export")).one()
        assert entry.detail == {"purpose": "thank-you letters", "filters": {"kind": "gift"}}
    assert client.post("/admin/export/audit_log", data={"purpose": "x"}).status_code == 404


# --- commitments -----------------------------------------------------------------------------------------------


def test_a_commitment_starts_with_its_mandate_or_not_at_all(client_as, db, ada):
    client = client_as("fundraiser")
    form = {"amount": "25", "every": "quarter", "start_on": "2027-01-15", "fund": "1", "method": "sepa",
            "iban": "NL20INGB0001234567", "signed_on": "2026-11-30", "evidence": "paper"}  # fmt: skip
    wrong = client.post(f"/admin/supporters/{ada}/commitments/new", data={**form, "signed_on": "2027-02-01"})
    assert wrong.status_code == 422 and 'id="signed_on-error">A mandate cannot be signed in the future' in wrong.text
    assert one(db, select(func.count(Mandate.id))) == 1
    page = follow(client, client.post(f"/admin/supporters/{ada}/commitments/new", data=form)).text
    assert "€25.00 a quarter" in page and "NL20 INGB 0001 2345 67" in page


def test_a_commitment_is_changed_paused_resumed_skipped_and_stopped(client_as, db, ada):
    client = client_as("fundraiser")

    def post(verb, **form):
        return follow(client, client.post(f"/admin/commitments/1/{verb}", data=form)).text

    assert "€12.50 a month" in post("change", amount="12,50", every="month", reason="by telephone")
    assert "Paused" in post("pause", from_on="2026-12-01")
    assert "Upcoming" in post("resume", on="2026-12-01")
    assert "Skipped" in post("skip")
    assert "Cannot afford it now" in post("stop", reason="financial", on="2026-12-01")
    with db() as session:
        verbs = set(session.scalars(select(AuditEntry.verb).where(AuditEntry.subject == "commitment")))
    assert {"change", "pause", "resume", "skip", "stop"} <= verbs
    again = client.post("/admin/commitments/1/stop", data={"reason": "financial", "on": "2026-12-01"})
    assert again.status_code == 409


def test_a_commitment_that_ended_is_restarted_on_a_new_mandate(client_as, db, ada):
    client = client_as("fundraiser")
    client.post("/admin/commitments/1/stop", data={"reason": "financial", "on": "2026-12-01"})
    form = {"start_on": "2027-02-01", "iban": "NL20INGB0001234567", "signed_on": "2026-11-30", "evidence": "paper"}
    follow(client, client.post("/admin/commitments/1/restart", data=form))
    assert one(db, select(Commitment.restarts_id).order_by(Commitment.id.desc()).limit(1)) == 1


def test_a_mandate_moves_to_another_iban(client_as, db, ada):
    client = client_as("fundraiser")
    short = client.post("/admin/mandates/1/account", data={"iban": "NL20INGB000123456"})
    assert short.status_code == 422 and "NL has 18 characters, this has 17" in short.text
    page = follow(client, client.post("/admin/mandates/1/account", data={"iban": "NL20 INGB 0001 2345 67"})).text
    assert "on NL20 INGB 0001 2345 67" in page and "Mandate moved to another IBAN" in page


def test_the_page_says_who_shares_the_household(client_as, db):
    with db() as session:
        sam, suzie = (one.id for one in cast.sam_and_suzie(session))
    page = client_as("viewer").get(f"/admin/supporters/{sam}").text
    assert (
        "Household with" in page
        and f'<a href="/admin/supporters/{suzie}">Suzie Jansen</a> (Beste Sam en Suzie)' in page
    )
    with db() as session:
        Supporter.get(session, sam).household.leave(
            session, Supporter.get(session, suzie), by=cast.ANNA, now=cast.NOW, on=cast.TODAY
        )
    assert "Household" not in client_as("viewer").get(f"/admin/supporters/{sam}").text


# --- collection runs -------------------------------------------------------------------------------------------


def test_a_run_goes_from_prepared_to_booked_by_two_people(client_as, admin_app, db, ada):
    first, second = client_as("finance"), client_as("second")
    page = follow(first, first.post("/admin/runs/new", data={"on": "2026-12-04", "account": "1"})).text
    assert "You prepared this" in page and "Second" in page
    asked = first.get("/admin/runs/1/approve").text
    assert "You prepared this collection yourself: somebody else has to approve it." in asked
    assert "You are the second person" not in asked and "I approve this" not in asked and 'name="format"' not in asked
    own = first.post("/admin/runs/1/approve", data={"format": "pain.008.001.08"})
    assert own.status_code == 403 and "a second person has to approve it" in own.text
    assert first.post("/admin/runs/1/file/1").status_code == 409
    asked = second.get("/admin/runs/1/approve").text
    assert "You are the second person" in asked and "I approve this collection" in asked and 'name="format"' in asked
    follow(second, second.post("/admin/runs/1/approve", data={"format": "pain.008.001.08"}))
    assert second.get("/admin/runs/1/file/1").status_code == 405
    assert second.post("/admin/runs/1/file/2").status_code == 404
    assert "Download the file" in second.get("/admin/runs/1").text, "nobody has it, so it is not at the bank"
    files = [second.post("/admin/runs/1/file/1").data for _ in range(2)]
    assert files[0] == files[1] and b"<EndToEndId>" in files[0]
    assert first.post("/admin/runs/1/cancel", data={"reason": "x"}).status_code == 409
    early = first.post("/admin/runs/1/book")
    assert early.status_code == 409 and "The bank collects on 4 December 2026" in early.text
    admin_app.extensions["supporters_settings"] = _later(admin_app, days=7)
    booked = follow(first, first.post("/admin/runs/1/book")).text
    assert "Booked 1 gifts" in booked
    assert first.post("/admin/runs/1/book").status_code == 409
    with db() as session:
        verbs = list(session.scalars(select(AuditEntry.verb).where(AuditEntry.subject == "collection_batch")))
    assert verbs == ["prepare", "approve", "export", "export_again", "book"]


def _later(app, *, days):
    from dataclasses import replace

    settings = app.extensions["supporters_settings"]
    return replace(settings, now=settings.now + timedelta(days=days))


def test_a_run_is_cancelled_with_a_reason_before_it_is_at_the_bank(client_as, db, ada):
    client = client_as("finance")
    client.post("/admin/runs/new", data={"on": "2026-12-04", "account": "1"})
    assert client.post("/admin/runs/1/cancel").status_code == 422
    assert "Cancelled" in follow(client, client.post("/admin/runs/1/cancel", data={"reason": "wrong month"})).text


def test_a_death_after_preparing_or_approving_is_said_where_it_matters(client_as, db, ada):
    first, second = client_as("finance"), client_as("second")
    first.post("/admin/runs/new", data={"on": "2026-12-04", "account": "1"})
    second.post("/admin/runs/1/approve", data={"format": "pain.008.001.08"})
    first.post(f"/admin/supporters/{ada}/death", data={"source": "family"})
    refused = second.post("/admin/runs/1/file/1")
    assert refused.status_code == 409 and "Ada Lovelace" in refused.text and "cancel it whole" in refused.text
    assert "Has died" in second.get("/admin/runs/1").text


def test_nothing_to_collect_is_said_in_the_form(client_as, db):
    with db() as session:
        cast.creditor(session)
    answer = client_as("finance").post("/admin/runs/new", data={"on": "2026-12-04", "account": "1"})
    assert answer.status_code == 409 and "nothing to collect" in answer.text
    assert one(db, select(func.count(CollectionBatch.id))) == 0


def test_announcing_gives_the_file_and_remembers(client_as, db, ada):
    with db() as session:
        person = session.get(Supporter, ada)
        cast.monthly(session, person, Money.eur("7.50"), iban="NL20INGB0001234567", start_on=date(2026, 12, 20))
    client = client_as("finance")
    answer = client.post("/admin/runs/announce", data={"before": "2027-01-28", "account": "1"})
    assert answer.mimetype == "text/csv" and "7.50" in answer.text and answer.text.count("\r\n") == 2
    again = client.post("/admin/runs/announce", data={"before": "2027-01-28", "account": "1"})
    assert "there is nothing to announce" in again.text


# --- import ----------------------------------------------------------------------------------------------------

PEOPLE = "nummer;voornaam;achternaam;email;vreemd\n1;Sam;Berg;sam@example.org;x\n2;Suzie;Jansen;suzie@;y\n"


def upload(client, text=PEOPLE, kind="supporters"):
    return client.post("/admin/imports", data={"kind": kind, "file": (io.BytesIO(text.encode()), "mensen.csv")})


def test_a_file_is_mapped_previewed_and_its_good_part_imported(client_as, db):
    client = client_as("fundraiser")
    page = follow(client, upload(client)).text
    assert '<option value="surname" selected>' in page
    columns = {"column-0": "reference", "column-1": "first_name", "column-2": "surname", "column-3": "email"}
    preview = follow(client, client.post("/admin/imports/1/columns", data={**columns, "set-source": "old"})).text
    assert "Import the 1 good row" in preview and "is not an e-mail address" in preview
    errors = client.get("/admin/imports/1/errors").text
    assert "Suzie" in errors and "Sam" not in errors
    all_or_nothing = client.post("/admin/imports/1/apply", data={"part": "all"}, follow_redirects=True).text
    assert "Nothing was imported" in all_or_nothing
    assert one(db, select(func.count(Supporter.id))) == 0
    done = client.post("/admin/imports/1/apply", data={"part": "good"}, follow_redirects=True).text
    assert "Download the mistakes" in done
    assert one(db, select(Supporter.surname)) == "Berg"
    client.post("/admin/imports/1/remove")
    assert one(db, select(func.count(DocumentPart.id))) == 0


def test_the_meaning_of_the_columns_is_remembered_for_the_next_file(client_as, db):
    client = client_as("fundraiser")
    good = "relatie;naam\n1;Berg\n"
    upload(client, good)
    client.post("/admin/imports/1/columns", data={"column-0": "reference", "column-1": "surname"})
    client.post("/admin/imports/1/apply", data={"part": "all"})
    page = follow(client, upload(client, "relatie;naam\n2;Jansen\n")).text
    assert page.count(" selected>") == 2
    with db() as session:
        assert session.get(Upload, 1).removed_at is not None  # all of it went in, so its content went out


@pytest.mark.parametrize(("text", "said"), [("", "The file is empty"), ("PK\x03\x04xx", "not a CSV file")])
def test_a_file_that_cannot_be_read_is_refused_with_a_reason(client_as, db, text, said):
    answer = upload(client_as("fundraiser"), text)
    assert answer.status_code == 422 and said in answer.text
    assert one(db, select(func.count(Upload.id))) == 0


def test_a_column_that_is_missing_is_said_on_the_page_of_the_columns(client_as, db):
    client = client_as("fundraiser")
    upload(client)
    answer = client.post("/admin/imports/1/columns", data={"column-2": "surname"})
    assert answer.status_code == 422 and "has no column “reference”" in answer.text


# --- the rest --------------------------------------------------------------------------------------------------


def test_a_task_is_done(client_as, db, ada):
    with db() as session:
        Task.raise_(session, "call", "Call %(name)s.", by=cast.ANNA, now=cast.NOW, supporter_id=ada, name="Ada")
    client = client_as("fundraiser")
    assert "Call Ada." in client.get("/admin/tasks").text
    follow(client, client.post("/admin/tasks/1/done", data={"outcome": "all is well"}))
    assert "Call Ada." not in client.get("/admin/tasks").text
    assert client.post("/admin/tasks/1/done").status_code == 409


def test_in_january_the_year_before_is_shown_first(client_as, admin_app, ada):
    admin_app.extensions["supporters_settings"] = _later(admin_app, days=40)
    client = client_as("finance")
    assert "The year 2026" in client.get("/admin/year").text
    assert "The year 2027" in client.get("/admin/year?year=2027").text


def test_the_year_shows_its_figures_and_is_closed_after_it_ended(client_as, db, ada):
    client = client_as("finance")
    assert "Individuals" in client.get("/admin/year").text
    assert client.get("/admin/year/2026.json").json["figures"]["donors"]["this_year"] == 1
    early = client.post("/admin/year/2026/close", data={"sure": "y"})
    assert early.status_code == 409 and "2026 has not ended yet." in early.text
    assert "2025 is closed." in follow(client, client.post("/admin/year/2025/close", data={"sure": "y"})).text


def test_what_waits_is_counted_on_the_overview_and_links_to_its_list(client_as, db, ada):
    client = client_as("finance")
    client.post("/admin/runs/new", data={"on": "2026-12-04", "account": "1"})
    page = client.get("/admin/").text
    for text, href in (
        ("Collections that wait for approval", "/admin/runs?state=prepared"),
        ("Gifts still to thank for", "/admin/gifts?thank=todo"),
    ):
        assert text in page and href in page.replace("&amp;", "&")
    assert page.count("<rect ") >= 2


def test_funds_and_accounts_are_opened_and_edited(client_as, db):
    client = client_as("finance")
    follow(client, client.post("/admin/funds/new", data={"code": "whales", "name": "Whales", "is_restricted": "y"}))
    assert client.post("/admin/funds/new", data={"code": "whales", "name": "Again"}).status_code == 422
    follow(client, client.post("/admin/funds/1", data={"name": "Whales", "closed_on": "2026-12-01"}))
    assert one(db, select(Fund.closed_on)) == date(2026, 12, 1)
    form = {"name": "Us", "identifier": "NL69ZZZ123456780001", "iban": cast.OUR_IBAN, "notice_days": "14",
            "lead_days": "1",
            "late_days": "27", "transactions_per_file": "50000"}  # fmt: skip
    wrong = client.post("/admin/creditor-accounts/new", data=form)
    assert wrong.status_code == 422 and 'id="identifier-error"' in wrong.text
    follow(client, client.post("/admin/creditor-accounts/new", data={**form, "identifier": cast.OUR_IDENTIFIER}))
    follow(client, client.post("/admin/creditor-accounts/1", data={**form, "notice_days": "7", "is_active": "y"}))
    assert one(db, select(CreditorAccount.notice_days)) == 7


def test_a_colleague_is_invited_chooses_a_password_once_and_signs_in(client_as, admin_app, db):
    client = client_as("administrator")
    page = follow(
        client, client.post("/admin/users/new", data={"email": "Eva@example.org", "name": "Eva", "role": "finance"})
    )
    link = re.search(r"http://localhost(/admin/welcome/[^<]+)", page.text)[1]
    stranger = admin_app.test_client()
    assert "Welcome, Eva" in stranger.get(link).text
    assert stranger.post(link, data={"password": "short", "again": "short"}).status_code == 422
    word = "a whole sentence is fine"
    assert stranger.post(link, data={"password": word, "again": word}).location == "/admin/sign-in"
    assert stranger.get(link).status_code == 404
    assert stranger.post("/admin/sign-in", data={"email": "eva@example.org", "password": word}).location == "/admin/"
    assert stranger.get("/admin/runs/new").status_code in (200, 302)


def test_a_link_to_choose_a_password_cannot_be_made_up(admin_app):
    assert admin_app.test_client().get("/admin/welcome/WzEsImEiXQ.x.y").status_code == 404


def test_an_account_is_closed_at_once_and_the_last_administrator_stays(client_as, db):
    client, viewer = client_as("administrator"), client_as("viewer")
    assert viewer.get("/admin/").status_code == 200
    follow(client, client.post("/admin/users/1/close"))
    assert viewer.get("/admin/").status_code == 302
    own = one(db, select(User.id).where(User.email == "administrator@example.org"))
    for answer in (
        client.post(f"/admin/users/{own}/close"),
        client.post(f"/admin/users/{own}/role", data={"role": "viewer"}),
    ):
        assert answer.status_code == 409 and "only administrator" in answer.text


def test_the_audit_log_says_who_did_what(client_as, db, ada):
    client_as("fundraiser").post("/admin/commitments/1/skip")
    page = client_as("administrator").get("/admin/audit?by=fundraiser").text
    assert "One instalment skipped" in page and "fundraiser@example.org" in page


def test_an_address_that_does_not_exist_says_so_in_house_style(client_as):
    client = client_as("viewer")
    for address in ("/admin/nothing", "/admin/supporters/999", "/admin/gifts/999"):
        answer = client.get(address)
        assert answer.status_code == 404 and "Not found" in answer.text and "ab-brand" in answer.text


def test_a_host_keeps_its_own_pages_and_error_pages(tmp_path, sqlite_databases):
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    from admin.app import Admin
    from supporters import Supporters

    engine = sqlite_databases.create()
    site = Flask("site", instance_path=str(tmp_path))
    site.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}", ADMIN_HTTPS=False)
    db = SQLAlchemy(site)
    Supporters(site, db)
    Admin(site, db, url_prefix="/office")
    site.add_url_rule("/", "front", lambda: "<p style='color: red'>ours</p>")
    client = site.test_client()
    front = client.get("/")
    assert front.text.startswith("<p") and "Content-Security-Policy" not in front.headers
    assert client.get("/nothing").text.startswith("<!doctype html>\n<html lang=en>\n<title>404")
    assert client.get("/office/").location == "/office/sign-in?next=/office/"
    assert "Content-Security-Policy" in client.get("/office/sign-in").headers


def test_now_stands_still_only_where_the_settings_say_so(admin_app):
    with admin_app.app_context():
        assert clock.pretended() == date(2026, 12, 1)


def test_the_audit_log_pages_back_to_its_first_line(client_as, db, ada):
    with db() as session:
        person = session.get(Supporter, ada)
        for _ in range(60):
            cast.gift(session, person)
    client, address, lines = client_as("administrator"), "/admin/audit", 0
    while address:
        page = client.get(address).text
        lines += page.count('role="rowheader"')
        more = re.search(r'rel="next" href="([^"]+)"', page)
        address = more[1].replace("&amp;", "&") if more else None
    assert lines == one(db, select(func.count(AuditEntry.id)))
