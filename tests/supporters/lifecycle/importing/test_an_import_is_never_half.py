"""Whatever the file holds and whenever the process dies, an import happened whole or not at all."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from supporters import Actor, Commitment, ContactPoint, ExternalReference, Gift, Refused, Supporter
from supporters.errors import BadInput
from supporters.lifecycle.importing import Import, ImportRefused
from supporters.people.search import SearchToken
from tests import cast

BY = Actor("import", "people.csv", "test")
COUNTED = (Supporter, ContactPoint, ExternalReference, SearchToken, Commitment, Gift)

#: Says when the first block is in the database, then waits to be killed.
SCRIPT = """
import sys, time
from datetime import UTC, datetime
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from supporters import Actor
from supporters.db import configure_sqlite
from supporters.lifecycle.importing import Import

def progress(phase, done, total):
    if phase == "write":
        print("half", flush=True)
        time.sleep(600)

engine = create_engine(sys.argv[1])
configure_sqlite(engine)
with Session(engine) as session:
    one = Import.open("supporters", sys.argv[2])
    now = datetime(2026, 12, 1, 9, tzinfo=UTC)
    one.apply(session, by=Actor("import", "people.csv", "test"), now=now, progress=progress)
    session.commit()
"""


def counts(session: Session) -> list[int]:
    return [session.scalar(select(func.count()).select_from(table)) or 0 for table in COUNTED]


def people(path: Path, number: int) -> Path:
    lines = [f"{one},Jansen {one},p{one}@example.org" for one in range(number)]
    path.write_text("\n".join(["reference,surname,email", *lines, ""]), encoding="utf-8")
    return path


def test_an_import_that_is_killed_halfway_leaves_nothing_and_can_be_run_again(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    path = people(tmp_path / "people.csv", 2_500)
    url = fresh_engine.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, "-c", SCRIPT, url, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.kill()
    with Session(fresh_engine) as session:
        assert counts(session) == [0] * len(COUNTED)
    with Session(fresh_engine) as session:
        plan = Import.open("supporters", path).apply(session, by=BY, now=cast.NOW)
        session.commit()
        assert (plan.ready, plan.known) == (2_500, 0)
        assert counts(session)[:3] == [2_500] * 3


def test_a_failure_halfway_takes_back_what_was_written(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    path = io.BytesIO(b"reference,surname\n" + b"".join(b"%d,Jansen\n" % one for one in range(1_500)))
    one = Import.open("supporters", path, name="people.csv")
    before = counts(session)

    def fail(phase: str, done: int, total: int) -> None:
        if phase == "write":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.apply(session, by=BY, now=cast.NOW, progress=fail)
    assert counts(session) == before


def test_two_imports_of_one_file_at_once_add_each_supporter_once(fresh_pg_engine: Engine, tmp_path: Path) -> None:
    path = people(tmp_path / "people.csv", 300)
    url = fresh_pg_engine.url.render_as_string(hide_password=False)
    script = SCRIPT.replace("time.sleep(600)", "time.sleep(0.5)")
    command = [sys.executable, "-c", script, url, str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    with Session(fresh_pg_engine) as session:
        assert counts(session)[0] == 300


def test_what_changes_under_an_import_makes_it_start_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Import.open("supporters", io.BytesIO(b"reference,surname\n1,Jansen\n"), name="people.csv")
    one.apply(session, by=BY, now=cast.NOW)
    before = counts(session)
    # As if somebody gave that reference away between the look and the write.
    monkeypatch.setattr("supporters.lifecycle.importing.people.by_reference", lambda *_: {})
    with pytest.raises(Refused, match="Import the file again"):
        one.apply(session, by=BY, now=cast.NOW)
    assert counts(session) == before


HEADERS = {
    "supporters": b"reference;kind;surname;prefix;email;phone;house_number;postcode;birth_date;iban;country\n",
    "commitments": b"supporter_reference;amount;interval;start_on;mandate_reference;mandate_signed_on;"
    b"last_collected_on;iban\n",
    "gifts": b"supporter_reference;amount;received_on;kind;description\n",
}
CELLS = st.one_of(
    st.sampled_from(
        ["1", "2", "", "12,50", "maand", "2026-11-01", "30-11-2026", "M-1", cast.ADAS_IBAN, "van", "1012 AB"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(HEADERS)), rows=st.lists(st.lists(CELLS, min_size=1, max_size=11), max_size=8))
@example(kind="gifts", rows=[["1", "12,50", "2026-11-01"]] * 3)
@example(
    kind="commitments", rows=[["1", "12,50", "maand", "2026-11-01", "M-1", "2026-11-01", "2026-11-01", cast.ADAS_IBAN]]
)
def test_whatever_the_cells_hold_a_file_comes_in_whole_or_not(
    session: Session, kind: str, rows: list[list[str]]
) -> None:
    table = {"supporters": Supporter, "commitments": Commitment, "gifts": Gift}[kind]
    body = "\n".join(";".join(row) for row in rows).encode("utf-8", "surrogatepass")
    with session.begin_nested() as undo:
        cast.fund(session)
        cast.creditor(session)
        Supporter.welcome(session, surname="Jansen", reference=("import", "1"), by=cast.ANNA, now=cast.NOW)
        session.flush()
        before = counts(session)
        try:
            one = Import.open(kind, io.BytesIO(HEADERS[kind] + body), name="x.csv")
            plan = one.apply(session, by=BY, now=cast.NOW)
        except ImportRefused as error:
            assert error.plan.failed
            assert error.plan.errors[0].message
            assert counts(session) == before
        except BadInput:
            assert counts(session) == before
        else:
            assert counts(session)[COUNTED.index(table)] == before[COUNTED.index(table)] + plan.ready
            again = Import.open(kind, io.BytesIO(HEADERS[kind] + body), name="x.csv").apply(
                session, by=BY, now=cast.NOW
            )
            assert (again.ready, again.known) == (0, plan.ready + plan.known)
        session.expunge_all()
        undo.rollback()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_without_a_crash(session: Session, content: bytes) -> None:
    for kind, header in HEADERS.items():
        for whole in (content, header + content):
            before = counts(session)
            try:
                plan = Import.open(kind, io.BytesIO(whole), name="x.csv").check(session, on=cast.TODAY)
            except BadInput:
                pass
            else:
                assert plan.rows == plan.ready + plan.known + plan.failed
            assert counts(session) == before
