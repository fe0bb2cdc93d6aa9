"""A petition as a fundraiser runs it, over HTTP: from a draft to updates and paper sheets."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from campaigns.petitions.tally import Tally
from campaigns.petitions.update import PetitionUpdate
from campaigns.petitions.wording import Wording
from supporters import AuditEntry
from supporters.mail.message import OutboxMessage
from tests import cast

FORM = SignatureForm("Parwana", "Rezai", "parwana@example.org", consent=True)
DRAFT = {
    "title": "Bied Afghanen bescherming", "slug": "afghanen", "text": "Wij vragen **bescherming**.",
    "addressee": "de Tweede Kamer", "locale": "nl", "profile": "plain", "goals": "2\n10.000", "per_address": "1",
    "confirm_policy": "required", "retention_days": "180", "allowed_origins": "https://www.example.org",
    "return_urls": "https://www.example.org/dank", "campaign": "", "opens_at": "", "closes_at": "2027-01-31T18:00",
}  # fmt: skip
PDF = b"%PDF-1.4 a scan"


@pytest.fixture
def petition(db):
    """Open, with three signatures: one confirmed, one that asked for updates and is confirmed, one that waits."""
    with db() as session:
        made = Petition.draft(
            session, "afghanen", "Bied Afghanen bescherming", "Wij vragen **bescherming**.", "de Tweede Kamer",
            by=cast.ANNA, now=cast.NOW, goals=[2, 10_000],
        )  # fmt: skip
        made.open(session, by=cast.ANNA, now=cast.NOW - timedelta(days=3))
        session.flush()
        for n, changes in enumerate(({"source": "newsletter"}, {"updates": True}, {})):
            outcome = made.sign(session, replace(FORM, email=f"p{n}@example.org", **changes), now=cast.NOW)
            if n < 2:
                Signature.get(session, outcome.signature_id or 0).confirm(session, now=cast.NOW)
        return made.id


def one(db, query):
    with db() as session:
        return session.scalar(query)


def follow(client, answer):
    assert answer.status_code == 302, re.findall(
        r'(?s)role="alert">(.*?)</div>|class="ab-wrong"[^>]*>([^<]+)', answer.text
    )
    return client.get(answer.location)


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


# --- who may not -----------------------------------------------------------------------------------------------

CHANGES = (
    "/admin/new-petition", "/admin/petitions/afghanen/change", "/admin/petitions/afghanen/open",
    "/admin/petitions/afghanen/close", "/admin/petitions/afghanen/consent-texts/nl",
    "/admin/petitions/afghanen/updates/new", "/admin/petitions/afghanen/paper/new",
)  # fmt: skip


@pytest.mark.parametrize("address", CHANGES)
def test_a_viewer_changes_nothing(client_as, petition, address):
    assert client_as("viewer").get(address).status_code == 403
    assert client_as("viewer").post(address).status_code == 403


@pytest.mark.parametrize("below", ["", "/mail", "/updates", "/paper", "/mails"])
def test_a_viewer_sees_every_page_about_a_petition(client_as, petition, below):
    assert client_as("viewer").get(f"/admin/petitions/afghanen{below}").status_code == 200


@pytest.mark.parametrize("below", ["", "/change", "/mail", "/updates/1", "/updates/1/send", "/paper/9/withdraw"])
def test_what_is_not_there_is_said(client_as, below):
    assert client_as("fundraiser").get(f"/admin/petitions/nothing{below}").status_code == 404


# --- the list and the page -------------------------------------------------------------------------------------


def test_the_list_has_exact_numbers_before_and_after_they_are_rolled_up(client_as, db, petition):
    client = client_as("viewer")
    for _ in range(2):
        text = words(client.get("/admin/petitions"))
        assert "Bied Afghanen bescherming Open 3 2 0 0% of 10,000" in text, text
        with db() as session:
            Tally.roll_up(session, now=cast.NOW)


def test_the_list_asks_as_much_for_many_petitions_as_for_one(client_as, admin_app, db, petition):
    def statements():
        seen = []
        with admin_app.app_context():
            engine = admin_app.extensions["sqlalchemy"].engine
        event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
        client_as("viewer").get("/admin/petitions")
        return len(seen)

    first = statements()
    with db() as session:
        for n in range(5):
            Petition.draft(session, f"p{n}", "Nog een", "Tekst.", "de Kamer", by=cast.ANNA, now=cast.NOW)
    assert statements() <= first


def test_the_page_shows_the_number_to_tell_and_how_it_is_made_up(client_as, petition):
    text = words(client_as("viewer").get("/admin/petitions/afghanen"))
    assert "2 signatures" in text and "0% of the goal of 10,000" in text
    assert "3 Signed" in text and "2 Confirmed" in text and "67% of who signed" in text
    assert "newsletter 1 1" in text


def test_the_page_reads_no_signature(client_as, admin_app, petition):
    seen = []
    with admin_app.app_context():
        engine = admin_app.extensions["sqlalchemy"].engine
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    client_as("viewer").get("/admin/petitions/afghanen")
    assert not [statement for statement in seen if "FROM campaigns_signature" in statement]


def test_the_page_leads_to_the_one_that_visitors_see_once_there_is_one(client_as, db, petition):
    anna = client_as("fundraiser")
    (address,) = re.findall(r'href="([^"]+)">As visitors see it', anna.get("/admin/petitions/afghanen").text)
    assert anna.get(address).status_code == 200
    with db() as session:
        Petition.draft(session, "later", "Later", "Wij vragen.", "de Kamer", by=cast.ANNA, now=cast.NOW)
    assert "As visitors see it" not in anna.get("/admin/petitions/later").text


def test_the_snippets_have_the_fields_and_the_current_texts(client_as, db, petition):
    page = client_as("fundraiser").get("/admin/petitions/afghanen").text
    wording = one(db, select(func.max(Wording.id)).where(Wording.locale == "nl"))
    assert (
        "&lt;achterban-petition src=&#34;http://127.0.0.1:5000/api/petitions/afghanen&#34; locale=&#34;nl&#34;" in page
    )
    assert "/petitions/widget.js&#34; defer&gt;" in page
    for name in ("first_name", "last_name", "email", "town", "postcode", "consent", "updates", "website"):
        assert f"name=&#34;{name}&#34;" in page, name
    assert f"name=&#34;consent_text_id&#34; value=&#34;{wording}&#34;" in page


def test_mail_that_fails_is_shown_with_its_reason(client_as, db, petition):
    with db() as session:
        message = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).first()
        message.state, message.reason, message.ended_at = "failed", "550 no such mailbox", cast.NOW
    text = words(client_as("viewer").get("/admin/petitions/afghanen/mail"))
    assert "1 × 550 no such mailbox" in text and "Please confirm 2 0 1 0" in text
    assert "What waits longest should have gone at" in text


# --- making, opening, closing ----------------------------------------------------------------------------------


def test_a_petition_is_drafted_changed_opened_and_closed(client_as, db):
    client = client_as("fundraiser")
    page = follow(client, client.post("/admin/new-petition", data=DRAFT))
    assert "Draft" in page.text and "<strong>bescherming</strong>" in page.text
    with db() as session:
        made = session.scalars(select(Petition)).one()
        assert made.goals == [2, 10_000] and made.closes_at.isoformat() == "2027-01-31T17:00:00+00:00"
    change = client.get("/admin/petitions/afghanen/change").text
    assert 'value="2027-01-31T18:00"' in change
    follow(
        client, client.post("/admin/petitions/afghanen/change", data={**DRAFT, "text": "Anders.", "per_address": "2"})
    )
    assert "Its text can no longer change" in client.get("/admin/petitions/afghanen/open").text
    assert one(db, select(Petition.state)) == "draft"
    follow(client, client.post("/admin/petitions/afghanen/open"))
    follow(client, client.post("/admin/petitions/afghanen/change", data={**DRAFT, "title": "Nieuwe titel"}))
    with db() as session:
        made = session.scalars(select(Petition)).one()
        assert (made.state, made.text, made.title) == ("open", "Anders.", "Nieuwe titel")
    follow(client, client.post("/admin/petitions/afghanen/close"))
    assert one(db, select(Petition.state)) == "closed"
    with db() as session:
        verbs = set(session.scalars(select(AuditEntry.verb).where(AuditEntry.subject == "petition")))
    assert {"draft", "edit", "open", "close"} <= verbs


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("goals", "veel", "is not a whole number"), ("slug", "Een Naam", "cannot be part of a web address"),
     ("allowed_origins", "example.org", "is not a site"), ("return_urls", "dank", "is not a page to return to"),
     ("closes_at", "gisteren", "There is no such moment"), ("closes_at", "2027-03-28T02:30", "The clock skips"),
     ("retention_days", "0", "between 1 and 3650")],
)  # fmt: skip
def test_a_mistake_stands_beside_its_field_and_nothing_is_kept(client_as, db, field, value, said):
    answer = client_as("fundraiser").post("/admin/new-petition", data={**DRAFT, field: value})
    assert answer.status_code == 422
    found = re.search(rf'id="{field}-error">([^<]+)', answer.text)
    assert found and said in found[1]
    assert one(db, select(func.count(Petition.id))) == 0


def test_other_consent_texts_are_a_new_set_and_the_old_stay_known(client_as, db, petition):
    client = client_as("fundraiser")
    texts = {"sign": "Ik teken.", "show_name": "Toon mij.", "updates": "Mail mij.", "newsletter": "Nieuws."}
    page = follow(client, client.post("/admin/petitions/afghanen/consent-texts/nl", data=texts)).text
    assert "agreed to the words of then" in page and "Ik teken." in page and "Ik onderteken deze petitie" in page
    assert one(db, select(func.count(Wording.id)).where(Wording.locale == "nl")) == 2
    follow(client, client.post("/admin/petitions/afghanen/consent-texts/nl", data=texts))
    assert one(db, select(func.count(Wording.id)).where(Wording.locale == "nl")) == 2


def test_a_comment_is_asked_from_when_the_words_name_it(client_as, db, petition):
    client, path = client_as("fundraiser"), "/admin/petitions/afghanen/consent-texts/nl"
    assert "is asked, and may be shown" in client.get(path).text
    assert "name=&#34;comment&#34;" in client.get("/admin/petitions/afghanen").text
    texts = {"sign": "Ik teken.", "show_name": "Toon mij.", "updates": "Mail mij.", "newsletter": "Nieuws."}
    page = follow(client, client.post(path, data=texts)).text
    assert "do not name the comment" in page and "Schreef ik een reactie" in page
    assert "name=&#34;comment&#34;" not in client.get("/admin/petitions/afghanen").text
    follow(client, client.post(path, data={**texts, "covers_comment": "y"}))
    with db() as session:
        sets = session.scalars(select(Wording).where(Wording.locale == "nl").order_by(Wording.id)).all()
        assert [each.covers_comment for each in sets] == [True, False, True]
        assert sets[1].show_name_text_id == sets[2].show_name_text_id != sets[0].show_name_text_id


def test_the_audit_log_says_in_the_readers_language_what_was_done_to_which_petition(client_as, db, petition):
    client = client_as("fundraiser")
    follow(client, client.post("/admin/petitions/afghanen/close"))
    reader = client_as("administrator")
    page = words(reader.get("/admin/audit"))
    for sentence in ("Petition closed", "Consent texts of a petition set", "Petition opened", "Petition drafted"):
        assert sentence in page, sentence
    assert page.count("petition: afghanen") >= 4
    reader.post("/admin/language", data={"language": "nl"})
    page = words(reader.get("/admin/audit"))
    for sentence in ("Petitie gesloten", "Toestemmingsteksten van een petitie vastgelegd", "Petitie opgesteld"):
        assert sentence in page, sentence


# --- updates ---------------------------------------------------------------------------------------------------


def test_an_update_is_looked_at_kept_counted_and_sent_once(client_as, db, petition):
    client = client_as("fundraiser")
    form = {"title": "Het gaat goed", "text": "Al **duizend**.<script>alert(1)</script>"}
    looked = client.post("/admin/petitions/afghanen/updates/new", data={**form, "look": "1"}).text
    assert "<strong>duizend</strong>" in looked and "<script>alert" not in looked
    assert one(db, select(func.count(PetitionUpdate.id))) == 0
    follow(client, client.post("/admin/petitions/afghanen/updates/new", data=form))
    follow(client, client.post("/admin/petitions/afghanen/updates/1", data={**form, "title": "Het gaat heel goed"}))
    before = one(db, select(func.count(OutboxMessage.id)))
    asked = words(client.get("/admin/petitions/afghanen/updates/1/send"))
    assert "1 How many" in asked
    assert one(db, select(func.count(OutboxMessage.id))) == before
    page = follow(client, client.post("/admin/petitions/afghanen/updates/1/send"))
    assert "On its way to 1 person." in page.text and "to 1 person" in words(page)
    assert one(db, select(func.count(OutboxMessage.id))) == before + 1
    assert client.post("/admin/petitions/afghanen/updates/1/send").status_code == 409
    assert client.post("/admin/petitions/afghanen/updates/1", data=form).status_code == 409


# --- paper -----------------------------------------------------------------------------------------------------


def sheets(**changes):
    scan = changes.pop("scan", (io.BytesIO(PDF), "../sheets.pdf"))
    return {"count": "40", "counter": "Bram", "counted_on": "2026-11-30", "place": "Markt", "scan": scan, **changes}


def test_paper_sheets_count_can_be_looked_at_and_are_taken_off_again(client_as, db, petition):
    client = client_as("fundraiser")
    page = follow(client, client.post("/admin/petitions/afghanen/paper/new", data=sheets()))
    assert "Bram" in page.text and "Counts" in page.text
    assert "42 signatures" in words(client.get("/admin/petitions/afghanen"))
    scan = client.post("/admin/petitions/afghanen/paper/1/scan")
    assert scan.data == PDF and scan.headers["Content-Disposition"].endswith('"afghanen-2026-11-30.pdf"')
    assert one(db, select(AuditEntry.by).where(AuditEntry.verb == "see")) == "person:fundraiser@example.org"
    assert client_as("viewer").post("/admin/petitions/afghanen/paper/1/scan").status_code == 403
    assert "40 How many" in words(client.get("/admin/petitions/afghanen/paper/1/withdraw"))
    page = follow(client, client.post("/admin/petitions/afghanen/paper/1/withdraw"))
    assert "Taken off" in page.text
    assert "2 signatures" in words(client.get("/admin/petitions/afghanen"))
    assert client.post("/admin/petitions/afghanen/paper/1/withdraw").status_code == 409


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"scan": (io.BytesIO(b"<html>"), "x.pdf")}, "scan"), ({"count": "0"}, "count"), ({"counter": ""}, "counter"),
     ({"counted_on": "2027-01-01"}, "counted_on")],
)  # fmt: skip
def test_sheets_without_their_proof_are_not_counted(client_as, db, petition, changes, field):
    answer = client_as("fundraiser").post("/admin/petitions/afghanen/paper/new", data=sheets(**changes))
    assert answer.status_code == 422 and f'id="{field}-error"' in answer.text
    assert one(db, select(func.count(OfflineCount.id))) == 0


# --- the mails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("mail", ["petition_confirm", "petition_reminder", "petition_thanks", "petition_known"])
def test_every_mail_is_shown_before_it_is_sent(client_as, petition, mail, language):
    client = client_as("viewer")
    page = client.get(f"/admin/petitions/afghanen/mails?mail={mail}&language={language}").text
    assert "Bied Afghanen bescherming" in page and "Ada" in page and "sandbox" in page
    letter = client.get(f"/admin/petitions/afghanen/mails/{mail}/{language}.html")
    assert letter.status_code == 200 and "sandbox" in letter.headers["Content-Security-Policy"]
    assert letter.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mail_that_has_nothing_to_say_yet_says_so(client_as, petition):
    page = client_as("viewer").get("/admin/petitions/afghanen/mails?mail=petition_update&language=nl")
    assert page.status_code == 200 and "There is nothing to show yet" in page.text
    assert client_as("viewer").get("/admin/petitions/afghanen/mails?mail=x&language=nl").status_code == 404
