"""``kill -9`` at any instant of preparing, approving, exporting or booking, and then again: the same as without it."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.processes import context
from tests.promises.ledger import Rows, broken_promises, damaged_files, dump
from tests.promises.worker import COUNT, STEPS, fill, work

KILLS = int(os.environ.get("ACHTERBAN_KILLS", "5"))  # of each step
STATES = dict(zip(STEPS, ("prepared", "approved", "exported", "booked"), strict=True))


@pytest.fixture
def empty_twin(databases: Any) -> Iterator[Engine]:
    """Another migrated database, where nobody is killed."""
    engine = databases.create()
    yield engine
    databases.drop(engine)


def outcome(rows: Rows) -> dict[str, Any]:
    """What the world sees of it, without keys and instants."""
    of = {one["id"]: (one["commitment_id"], one["number"]) for one in rows["instalment"]}
    return {
        "instalments": sorted((*of[i["id"]], i["status"], i["amount"], i["due_on"]) for i in rows["instalment"]),
        "payments": sorted(
            (*of[p["instalment_id"]], p["state"], p["amount"], p["collect_on"]) for p in rows["payment"]
        ),
        "gifts": sorted((*of[g["instalment_id"]], g["amount"], g["received_on"]) for g in rows["gift"]),
        "files": sorted((f["sequence"], f["count"], f["total"]) for f in rows["collection_file"]),
        "batches": [(b["state"], b["count"], b["total"]) for b in rows["collection_batch"]],
        "documents": len(rows["document"]),
        "trail": Counter(entry["verb"] for entry in rows["audit_entry"] if entry["subject"] == "collection_batch"),
    }


def looked_at(engine: Engine) -> Rows:
    with Session(engine) as session:
        rows = dump(session)
        assert broken_promises(session, rows) == []
        return rows


def test_a_collection_that_was_killed_is_as_one_that_was_not(fresh_engine: Engine, empty_twin: Engine) -> None:
    fill(fresh_engine)
    url, processes = fresh_engine.url.render_as_string(hide_password=False), context()
    fresh_engine.dispose()
    chance = random.Random(2026)
    killed = 0
    for step in STEPS:
        before = outcome(looked_at(fresh_engine))
        for attempt in range(KILLS):
            child = processes.Process(target=work, args=(url, step))
            child.start()
            time.sleep(chance.uniform(0.01, 0.05 + 0.05 * attempt))
            child.kill()
            child.join(20)
            killed += child.exitcode == -9
            rows = looked_at(fresh_engine)
            states = [batch["state"] for batch in rows["collection_batch"]]
            if states != [STATES[step]]:
                assert outcome(rows) == before, f"half of {step} was kept"
        work(url, step)
        assert [batch["state"] for batch in looked_at(fresh_engine)["collection_batch"]] == [STATES[step]]
    assert killed >= KILLS

    found = outcome(looked_at(fresh_engine))
    total = sum(500 + number for number in range(1, COUNT + 1))
    assert found["batches"] == [("booked", COUNT, total)]
    assert [line[2:4] for line in found["instalments"]] == [("paid", 500 + number) for number in range(1, COUNT + 1)]
    assert len(found["payments"]) == len(found["gifts"]) == COUNT
    assert found["files"][0][:2] == (1, 150)
    assert found["documents"] == len(found["files"]) == 3
    assert {verb: count for verb, count in found["trail"].items() if verb != "export_again"} == dict.fromkeys(STEPS, 1)
    with Session(fresh_engine) as session:
        assert damaged_files(session) == []

    fill(empty_twin)
    for step in STEPS:
        work(empty_twin.url.render_as_string(hide_password=False), step)
    calm = outcome(looked_at(empty_twin))
    del found["trail"], calm["trail"]
    assert found == calm
