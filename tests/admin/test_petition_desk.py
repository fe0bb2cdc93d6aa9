"""The desk of a petition: what waits to be shown, what stands out, what is held, removed and known."""

from __future__ import annotations

import hashlib
import json
import re
import time

import pytest
from sqlalchemy import select

from campaigns.petitions import moderation
from campaigns.petitions.handover import Handover
from campaigns.petitions.network import NetworkRule
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import RemovalRun
from campaigns.petitions.signature import Publication
from supporters import AuditEntry
from tests import cast
from tests.petition_desk import fill

HERE = "/admin/petitions/afghanen"


@pytest.fixture
def petition(db):
    with db() as session:
        fill(session)


def shown(db):
    with db() as session:
        return [each.name for each in moderation.shown(session, Petition.by_slug(session, "afghanen"))]


def names(db):
    with db() as session:
        query = select(Publication.id, Publication.signature_id).order_by(Publication.id)
        return [key for key, _ in session.execute(query)]


def test_a_name_is_approved_undone_and_rejected_without_a_script(client_as, db, petition):
    anna = client_as("fundraiser")
    page = anna.get(f"{HERE}/moderation")
    assert page.text.count("<article") == 3
    assert "Telephone number · comment" in page.text
    first, *_ = names(db)
    answer = anna.post(f"{HERE}/moderation/{first}", data={"decision": "approve"}, follow_redirects=True)
    assert "Approved" in answer.text and "The last decision can be undone." in answer.text
    assert shown(db) == ["Parwana"]
    anna.post(f"{HERE}/moderation/{first}", data={"decision": "undo"})
    assert shown(db) == []
    anna.post(f"{HERE}/moderation/{first}", data={"decision": "reject", "reason": "advertising"})
    assert "Advertising" in anna.get(f"{HERE}/moderation?state=rejected").text
    with db() as session:
        verbs = session.scalars(select(AuditEntry.verb).where(AuditEntry.subject == "publication")).all()
    assert verbs == ["approve", "reconsider", "reject"]


def test_with_htmx_the_item_answers_alone_and_says_who_was_first(client_as, db, petition):
    first, *_ = names(db)
    anna = client_as("fundraiser")
    headers = {"HX-Request": "true"}
    answer = anna.post(f"{HERE}/moderation/{first}", data={"decision": "approve"}, headers=headers)
    assert answer.text.lstrip().startswith("<article") and "data-decided" in answer.text
    again = anna.post(f"{HERE}/moderation/{first}", data={"decision": "approve"}, headers=headers)
    assert "Somebody decided about this meanwhile" in again.text and "data-decided" not in again.text


def test_all_at_which_nothing_stands_out_go_in_one_press(client_as, db, petition):
    anna = client_as("fundraiser")
    page = anna.get(f"{HERE}/moderation").text
    plain = re.findall(r'name="id" value="(\d+)"', page)
    assert len(plain) == 2
    anna.post(f"{HERE}/moderation/plain", data={"id": plain})
    assert sorted(shown(db)) == ["Coby", "Parwana"]


def test_something_can_be_taken_out_and_nothing_put_in(client_as, db, petition):
    anna = client_as("fundraiser")
    bert = names(db)[1]
    where = f"{HERE}/moderation/{bert}/redact"
    assert "06 12345678" in anna.get(where).text
    wrong = anna.post(where, data={"name": "Bert", "town": "Utrecht", "comment": "Bel mij niet"})
    assert wrong.status_code == 422 and "Only take things out" in wrong.text
    anna.post(where, data={"name": "Bert", "town": "", "comment": "Bel mij: …"})
    with db() as session:
        (one,) = moderation.shown(session, Petition.by_slug(session, "afghanen"))
    assert (one.name, one.town, one.comment) == ("Bert", "", "Bel mij: …")


def test_a_viewer_sees_only_what_everybody_can_read(client_as, db, petition):
    viewer = client_as("viewer")
    assert viewer.get(f"{HERE}/moderation?state=waiting").status_code == 403
    first, bert, *_ = names(db)
    assert viewer.get(f"{HERE}/moderation/{bert}/redact").status_code == 403
    assert viewer.post(f"{HERE}/moderation/{first}", data={"decision": "approve"}).status_code == 403
    assert viewer.get(f"{HERE}/quarantine").status_code == 403
    assert viewer.post("/admin/networks", data={"network": "192.0.2.0/24"}).status_code == 403
    client_as("fundraiser").post(f"{HERE}/moderation/{first}", data={"decision": "approve"})
    page = viewer.get(f"{HERE}/moderation").text
    assert "Parwana" in page and "06 12345678" not in page and "As it was sent" not in page


def test_a_name_of_another_petition_is_not_decided_here(client_as, db, petition):
    with db() as session:
        Petition.draft(session, "other", "Other", "T", "K", by=cast.ANNA, now=cast.NOW)
    first, *_ = names(db)
    anna = client_as("fundraiser")
    assert anna.post(f"/admin/petitions/other/moderation/{first}", data={"decision": "approve"}).status_code in (
        302,
        404,
    )
    assert shown(db) == []
    assert anna.get("/admin/petitions/no-such/moderation").status_code == 404


def test_from_the_trends_to_a_removal_and_back(client_as, db, petition):
    anna = client_as("fundraiser")
    page = anna.get(f"{HERE}/trends").text
    assert "spam.example" in page and "Far more than the others" in page
    (where,) = re.findall(r'href="([^"]+removals/new[^"]+domain=spam.example[^"]*)"', page)
    look = anna.get(where.replace("&amp;", "&"))
    assert "Remove these 25" in look.text and "Parwana Rezai" in look.text
    without = anna.post(where.replace("&amp;", "&"), data={"expected": "25", "reason": ""})
    assert without.status_code == 422
    grown = anna.post(where.replace("&amp;", "&"), data={"expected": "5", "reason": "robots"})
    assert grown.status_code == 409 and "look once more" in grown.text
    done = anna.post(where.replace("&amp;", "&"), data={"expected": "25", "reason": "robots"}, follow_redirects=True)
    assert "25 signatures removed." in done.text and "domain spam.example" in done.text
    with db() as session:
        (run,) = session.scalars(select(RemovalRun))
        assert (run.count, run.reason) == (25, "robots")
        key = run.id
    assert "25" in anna.get(f"{HERE}/removals/{key}/undo").text
    back = anna.post(f"{HERE}/removals/{key}/undo", follow_redirects=True)
    assert "25 signatures put back." in back.text and "Undone on" in back.text


def test_a_domain_alone_is_enough_the_fields_left_empty_come_along(client_as, petition):
    empty = "risk=&signature_id=&network=&source=&signed_from=&signed_until="
    page = client_as("fundraiser").get(f"{HERE}/removals/new?domain=spam.example&{empty}")
    assert "Remove these 25" in page.text and page.status_code == 200


def test_a_stretch_of_time_is_on_the_clock_of_the_charity(client_as, petition):
    anna = client_as("fundraiser")
    page = anna.get(f"{HERE}/removals/new?signed_from=2020-07-01T12:00&signed_until=2020-07-01T14:00").text
    assert "signed from 1 Jul 2020 12:00" in page and 'value="2020-07-01T14:00"' in page
    wrong = anna.get(f"{HERE}/removals/new?domain=spam.example&signed_from=gisteren").text
    assert "There is no such moment" in wrong


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("unconfirmed_only=y", "Say which signatures"),
        ("network=xyz", "32 letters and digits"),
        ("signed_from=gisteren", ""),
    ],
)
def test_criteria_that_say_nothing_remove_nothing(client_as, petition, query, complaint):
    page = client_as("fundraiser").get(f"{HERE}/removals/new?{query}")
    assert complaint in page.text and "Remove these" not in page.text


def test_what_is_held_is_released_one_by_one_and_all_at_once(client_as, db, petition):
    anna = client_as("fundraiser")
    page = anna.get(f"{HERE}/quarantine").text
    assert "A field that only robots fill in" in page and "Parwana Rezai" in page
    one = re.findall(r"quarantine/(\d+)/release", page)[0]
    assert "Released" in anna.post(f"{HERE}/quarantine/{one}/release", follow_redirects=True).text
    assert anna.post(f"{HERE}/quarantine/{one}/release").status_code == 409
    sure = anna.get(f"{HERE}/quarantine/release?risk=honeypot")
    assert "This cannot be undone in one go" in sure.text
    done = anna.post(f"{HERE}/quarantine/release?risk=honeypot", data={"expected": "1"}, follow_redirects=True)
    assert "1 signature released." in done.text and "Nothing is held." in done.text


def test_a_network_is_known_and_forgotten(client_as, db):
    anna = client_as("fundraiser")
    wrong = anna.post("/admin/networks", data={"network": "nowhere", "label": "x", "kind": "allow"})
    assert wrong.status_code == 422 and "is not a network" in wrong.text
    anna.post("/admin/networks", data={"network": "192.0.2.9/24", "label": "School", "kind": "allow"})
    with db() as session:
        (rule,) = session.scalars(select(NetworkRule))
        assert (rule.network, rule.kind) == ("192.0.2.0/24", "allow")
        key = rule.id
    assert "School" in anna.get("/admin/networks").text
    anna.post(f"/admin/networks/{key}/remove")
    assert "No network is treated differently." in anna.get("/admin/networks").text


def test_a_petition_is_handed_over_with_its_hash_and_its_clock(client_as, db, petition):
    eva = client_as("administrator")
    where = f"{HERE}/hand-over"
    assert client_as("fundraiser").get(f"{where}/new").status_code == 403
    assert "hand-over/new" not in client_as("fundraiser").get(where).text
    stale = client_as("administrator", signed_in_at=time.time() - 3600).get(f"{where}/new")
    assert stale.status_code == 302 and "/verify" in stale.location
    assert eva.post(f"{where}/new", data={"recipient": ""}).status_code == 422
    made = eva.post(f"{where}/new", data={"recipient": "the House"}, follow_redirects=True)
    with db() as session:
        handover = session.scalars(select(Handover)).one()
        key, digest, signed = handover.id, handover.sha256, handover.signed
    assert digest in made.text and f"{signed} signed, 3 confirmed" in made.text
    assert "birth date" not in eva.get(f"{where}/new").text
    file = eva.post(f"{where}/{key}/file")
    assert hashlib.sha256(file.data).hexdigest() == digest
    assert eva.get(f"{where}/{key}/file").status_code == 405
    refused = eva.post(f"{where}/{key}/took-place", data={"on": "2026-12-01"})
    assert refused.status_code == 409 and "Close the petition first" in refused.text
    with db() as session:
        Petition.by_slug(session, "afghanen").close(session, by=cast.ANNA, now=cast.NOW)
    done = eva.post(f"{where}/{key}/took-place", data={"on": "2026-12-01"}, follow_redirects=True)
    assert re.findall("erased on ([^;]+);", done.text) == ["30 May 2027"] * 2
    with db() as session:
        assert session.scalar(select(AuditEntry).where(AuditEntry.verb == "download")).subject == "handover"


def test_who_may_not_hand_over_reads_who_does(client_as, petition):
    assert "An administrator makes the file" in client_as("finance").get(f"{HERE}/hand-over").text
    assert "An administrator makes the file" not in client_as("administrator").get(f"{HERE}/hand-over").text


def test_a_citizens_initiative_warns_before_it_names_people(client_as, db):
    with db() as session:
        made = Petition.draft(
            session, "burger", "Burgerinitiatief", "T", "K", by=cast.ANNA, now=cast.NOW, profile="citizens_initiative"
        )
        made.open(session, by=cast.ANNA, now=cast.NOW)
    page = client_as("administrator").get("/admin/petitions/burger/hand-over/new").text
    assert "carry it encrypted" in page and 'value="citizens_initiative"' in page


def test_somebody_is_told_what_is_held_and_erased(client_as, db, petition):
    assert client_as("viewer").get("/admin/data-requests").status_code == 403
    anna = client_as("fundraiser")
    address = {"email": "Parwana@gmail.com"}
    page = anna.post("/admin/data-requests", data=address)
    assert "Bied Afghanen bescherming" in page.text and "Mijn voornaam en woonplaats mogen" in page.text
    assert "hold nothing" in anna.post("/admin/data-requests", data={"email": "else@gmail.com"}).text
    assert anna.post("/admin/data-requests", data={"email": "nonsense"}).status_code == 422
    held = json.loads(anna.post("/admin/data-requests/file", data=address).data)
    assert held["signatures"][0]["details"]["first_name"] == "Parwana"
    sure = anna.post("/admin/data-requests/sure", data=address)
    assert "withdrawn and no longer counts" in sure.text
    done = anna.post("/admin/data-requests/erase", data=address, follow_redirects=True)
    assert "Signatures that no longer name anybody: 1; of these no longer counted: 1." in done.text
    assert "hold nothing" in anna.post("/admin/data-requests", data=address).text
    with db() as session:
        count = Petition.by_slug(session, "afghanen").count(session, now=cast.NOW)
        assert count.confirmed == 2
        assert "gmail" not in str([entry.detail for entry in session.scalars(select(AuditEntry))])
