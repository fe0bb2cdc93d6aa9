"""What stands out in the last hours, and what is held until somebody looked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.petitions import quarantine, trends
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.intake import write
from campaigns.petitions.network import NetworkRule
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.signature import Signature
from campaigns.petitions.terms import Terms
from campaigns.petitions.trends import Trends
from supporters.errors import Refused
from supporters.mail.message import ADDRESS, OutboxMessage
from supporters.sealing import keyring
from tests import cast

ANNA = cast.ANNA
FORM = SignatureForm("Ada", "Lovelace", "ada@example.org", consent=True)


@pytest.fixture
def petition(session: Session) -> Petition:
    made = Petition.draft(session, "afghanen", "Bied bescherming", "Wij vragen.", "de Kamer", by=ANNA, now=cast.NOW)
    made.open(session, by=ANNA, now=cast.NOW - timedelta(days=9))
    session.flush()
    return made


def send(
    session: Session, petition: Petition, many: int, at: datetime, *, domain: str = "gmail.com", network: str = "",
    risk: str = "", source: str = "", confirm: bool = False, every: timedelta = timedelta(minutes=1),
) -> None:  # fmt: skip
    """``many`` people sign, one after another."""
    session.flush()
    terms, ring = Terms.of(session, petition), keyring(session)
    rows = [
        terms.prepare(
            replace(FORM, email=f"p{n}-{at:%d%H%M}-{risk}{source}x@{domain}", source=source), ring, now=at + n * every,
            network=network or f"192.0.{n}.0/24", risk=risk,
        )
        for n in range(many)
    ]  # fmt: skip
    outcomes = write(session.connection(), rows)
    session.expire_all()
    assert all(getattr(each, "kind", "") == "new" for each in outcomes)
    if confirm:
        for each in outcomes:
            Signature.get(session, each.signature_id).confirm(session, now=at)  # type: ignore[union-attr,arg-type]


def test_a_robot_stands_out_by_network_and_by_domain_and_people_do_not(session: Session, petition: Petition) -> None:
    now = cast.NOW
    send(session, petition, 60, now - timedelta(hours=5), confirm=True, source="mail")
    send(
        session, petition, 40, now - timedelta(hours=2), domain="spam.example", network="203.0.113.0/24",
        every=timedelta(seconds=2),
    )  # fmt: skip
    send(session, petition, 5, now - timedelta(hours=30), source="old")
    found = Trends.of(session, petition, now=now)
    assert (found.count, found.confirmed, found.quarantined) == (100, 60, 0)
    robot = found.networks[0]
    assert (robot.count, robot.stands_out) == (40, ("crowd", "unconfirmed", "burst"))
    assert robot.key == keyring(session).network_hash("203.0.113.0/24", (now - timedelta(hours=2)).date()).hex()
    assert [line.stands_out for line in found.networks[1:]] == [()] * (len(found.networks) - 1)
    domains = {line.key: line for line in found.domains}
    assert domains["spam.example"].stands_out == ("crowd", "unconfirmed", "burst")
    assert domains["gmail.com"].stands_out == ()
    assert [(line.key, line.count) for line in found.sources] == [("mail", 60), ("", 40)]
    assert [(trends.hour_at(line), line.count) for line in found.hours] == [
        (now - timedelta(hours=5), 60), (now - timedelta(hours=2), 40),
    ]  # fmt: skip
    assert found.remarkable == 2
    # What the trends show is what a removal takes.
    assert RemovalRun.preview(session, petition, Criteria(network=robot.key)) == 40


def test_a_domain_that_grew_stands_out_against_the_day_before(session: Session, petition: Petition) -> None:
    now = cast.NOW
    send(session, petition, 120, now - timedelta(hours=40))
    send(session, petition, 60, now - timedelta(hours=8))
    send(session, petition, 30, now - timedelta(hours=4), domain="school.example")
    found = {line.key: line for line in Trends.of(session, petition, now=now).domains}
    assert found["school.example"].stands_out == ("grew",)
    assert found["gmail.com"].stands_out == ()


def test_released_signatures_count_and_each_gets_its_mail_once(session: Session, petition: Petition) -> None:
    now = cast.NOW
    send(session, petition, 12, now, risk="network", domain="school.example")
    send(session, petition, 3, now, risk="honeypot", domain="spam.example")
    assert [(risk.name, risk.count) for risk in quarantine.risks(session, petition)] == [
        ("network", 12), ("honeypot", 3),
    ]  # fmt: skip
    held = quarantine.held(session, petition, risk="honeypot")
    assert [(each.risk, each.domain, each.person.name) for each in held] == [
        ("honeypot", "spam.example", "Ada Lovelace")
    ] * 3
    with pytest.raises(Refused, match="12 now"):
        quarantine.release_all(session, petition, "network", expected=5, by=ANNA, now=now)
    assert quarantine.release_all(session, petition, "network", expected=12, by=ANNA, now=now, most=5) == 12
    assert quarantine.release_all(session, petition, "network", expected=0, by=ANNA, now=now) == 0
    count = petition.count(session, now=now)
    assert (count.signed, count.confirmed) == (12, 0)
    mails = session.scalars(select(OutboxMessage)).all()
    assert len(mails) == 12
    first = mails[0]
    signature = Signature.get(session, first.subject_id or 0)
    assert first.key == f"petition-confirm:{signature.id}:1"
    assert signature.mails == 1
    assert keyring(session).open(first.sealed_address or b"", ADDRESS) == signature.address(session)
    assert (first.params, first.scope, first.priority) == ({}, signature.scope, 10)
    assert quarantine.count(session, petition, "honeypot") == 3


def test_what_is_held_can_be_removed_by_its_risk_and_put_back(session: Session, petition: Petition) -> None:
    now = cast.NOW
    send(session, petition, 4, now, risk="honeypot")
    send(session, petition, 2, now, domain="other.example")
    run = RemovalRun.run(session, petition, Criteria(risk="honeypot"), "robots", expected=4, by=ANNA, now=now)
    assert (run.count, petition.count(session, now=now).signed) == (4, 2)
    assert quarantine.risks(session, petition) == []
    assert run.undo(session, by=ANNA, now=now) == 4
    assert quarantine.count(session, petition, "honeypot") == 4


def test_a_network_can_be_forgotten(session: Session, now: datetime) -> None:
    rule = NetworkRule.add(session, "192.0.2.7/24", "allow", "School", by=ANNA, now=now)
    rule.remove(session, by=ANNA, now=now)
    assert session.scalar(select(func.count()).select_from(NetworkRule)) == 0
