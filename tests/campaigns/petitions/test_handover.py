"""Handing over: the file and the frozen numbers are one snapshot, whoever signs meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from campaigns.petitions import handover as verbs
from campaigns.petitions import roll
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.handover import Handover
from campaigns.petitions.paper import typst_of
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from supporters.audit import AuditEntry
from supporters.errors import BadInput, Refused
from tests import cast

FORM = SignatureForm(
    "Parwana", "Rezai", "parwana@example.org", consent=True, street="Kade", house_number="3", postcode="3511 AA",
    town="Utrecht", birth_date="1990-01-02",
)  # fmt: skip


def petition(session: Session, profile: str = "plain", policy: str = "required") -> Petition:
    made = Petition.draft(
        session, "afghanen", "Bied Afghanen “bescherming”", "Wij vragen **bescherming**.\n\n- #eval(\"1\")\n- *nu*",
        "de Tweede Kamer", by=cast.ANNA, now=cast.NOW, profile=profile, confirm_policy=policy,
    )  # fmt: skip
    made.open(session, by=cast.ANNA, now=cast.NOW)
    session.flush()
    return made


def signed(session: Session, afghanen: Petition, number: int, now: datetime, *, confirm: bool = True) -> None:
    outcome = afghanen.sign(session, replace(FORM, email=f"p{number}@example.org"), now=now)
    if confirm:
        Signature.get(session, outcome.signature_id or 0).confirm(session, now=now)


def test_the_plain_file_is_a_pdf_with_its_hash_and_no_names(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    for number in range(3):
        signed(session, afghanen, number, now, confirm=number < 2)
    made = Handover.make(session, afghanen, "de Tweede Kamer", by=cast.ANNA, now=now)
    content = made.document(session).content(session)
    assert content.startswith(b"%PDF") and b"Rezai" not in content
    assert (made.signed, made.confirmed, made.offline, made.profile) == (3, 2, 0, "plain")
    assert made.sha256 == made.document(session).sha256
    entry = session.scalars(select(AuditEntry).where(AuditEntry.verb == "make")).one()
    assert entry.detail["sha256"] == made.sha256


def test_what_somebody_wrote_is_never_run_by_the_typesetter() -> None:
    found = "".join(typst_of('#eval("1") $x$ \\ "quoted" `code`'))
    assert '#"#eval(\\"1\\") $x$ \\\\ \\"quoted\\" ";' in found


def test_the_citizens_file_has_a_row_for_each_confirmed_signature(session: Session, now: datetime) -> None:
    afghanen = petition(session, "citizens_initiative")
    for number in range(3):
        signed(session, afghanen, number, now, confirm=number < 2)
    first = session.scalars(select(Signature).order_by(Signature.id)).first()
    assert first is not None and first.person is not None
    made = Handover.make(session, afghanen, "de Kamer", profile="citizens_initiative", by=cast.ANNA, now=now)
    lines = made.document(session).content(session).decode("utf-8-sig").splitlines()
    assert lines[0] == "name;street;house_number;postcode;town;birth_date;supported_on"
    assert lines[1] == "Parwana Rezai;Kade;3;3511 AA;Utrecht;1990-01-02;2026-12-01"
    assert len(lines) - 1 == made.confirmed == 2


def test_a_petition_that_did_not_ask_for_it_cannot_name_its_signers(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    with pytest.raises(BadInput) as caught:
        Handover.make(session, afghanen, "de Kamer", profile="citizens_initiative", by=cast.ANNA, now=now)
    assert caught.value.field == "profile"


def test_the_file_is_one_snapshot_while_others_sign(fresh_engine: Engine, now: datetime) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session, "citizens_initiative")
        for number in range(5):
            signed(session, afghanen, number, now)
        session.commit()
        key = afghanen.id
    stop = threading.Event()

    def sign() -> None:
        number = 100
        while not stop.is_set() and number < 160:
            with Session(fresh_engine) as session:
                signed(session, session.get_one(Petition, key), number, now)
                session.commit()
            number += 1

    thread = threading.Thread(target=sign)
    thread.start()
    try:
        for _ in range(8):
            with Session(fresh_engine) as session:
                mine = session.get_one(Petition, key)
                made = Handover.make(session, mine, "K", profile="citizens_initiative", by=cast.ANNA, now=now)
                session.commit()
                assert made.document(session).content(session).count(b"\r\n") - 1 == made.confirmed
    finally:
        stop.set()
        thread.join(60)


def test_the_clock_starts_when_it_took_place(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    made = Handover.make(session, afghanen, "de Kamer", by=cast.ANNA, now=now)
    with pytest.raises(Refused):
        made.took_place(session, now.date(), by=cast.ANNA, now=now)
    afghanen.close(session, by=cast.ANNA, now=now + timedelta(minutes=1))
    assert afghanen.retain_until == now.date() + timedelta(days=180)
    later = now + timedelta(days=10)
    with pytest.raises(BadInput):
        made.took_place(session, later.date() + timedelta(days=1), by=cast.ANNA, now=later)
    made.took_place(session, later.date(), by=cast.ANNA, now=later)
    assert afghanen.retain_until == later.date() + timedelta(days=180)
    with pytest.raises(Refused):
        made.took_place(session, later.date(), by=cast.ANNA, now=later)
    with pytest.raises(Refused):
        afghanen.open(session, by=cast.ANNA, now=later)


def test_closing_by_mistake_can_be_undone(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    afghanen.close(session, by=cast.ANNA, now=now + timedelta(hours=1))
    afghanen.closes_at = None
    afghanen.open(session, by=cast.ANNA, now=now + timedelta(hours=2))
    assert afghanen.retain_until is None


def test_the_export_begins_at_once_and_holds_whatever_counts(session: Session, now: datetime) -> None:
    afghanen = petition(session)
    for number in range(3):
        signed(session, afghanen, number, now, confirm=number < 1)
    stream = verbs.export_csv(session, afghanen)
    assert next(stream).startswith(b"\xef\xbb\xbfnumber;state")
    assert b"".join(stream).count(b"\r\n") == 3


def test_an_export_is_read_through_a_cursor_of_the_server(
    pg_session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    afghanen = petition(pg_session)
    for number in range(3):
        signed(pg_session, afghanen, number, now)
    monkeypatch.setattr(roll, "BLOCK", 1)
    stream = verbs.export_csv(pg_session, afghanen)
    header, first = next(stream), next(stream)
    assert (header.count(b"\r\n"), first.count(b"\r\n")) == (1, 1)
    assert pg_session.connection().exec_driver_sql("SELECT count(*) FROM pg_cursors").scalar() == 1
    assert len(list(stream)) == 2
