"""The jobs: each does what is due, commits, and finds nothing the second time."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from campaigns.petitions import jobs, waiting
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from campaigns.petitions.tally import TallyEvent
from supporters import registry
from supporters.registry import Work
from supporters.settings import Settings
from tests import cast
from tests.campaigns.petitions.test_handover import petition, signed


def test_every_job_does_its_work_once(fresh_engine: Engine, now: datetime) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        for number in range(4):
            signed(session, afghanen, number, now, confirm=number < 2)
        session.commit()
    moment = now
    work = Work(lambda: Session(fresh_engine), Settings(), lambda: moment)
    assert {"roll_up", "remind_and_expire", "forget", "retention"} <= set(registry.jobs)
    assert [jobs.roll_up(work) for _ in range(2)] == ["6 rolled up", None]
    moment = now + timedelta(days=8)
    assert [jobs.remind_and_expire(work) for _ in range(2)] == ["0 expired, 2 reminded", None]
    moment = now + timedelta(days=22)
    assert [jobs.remind_and_expire(work) for _ in range(2)] == ["2 expired, 0 reminded", None]
    with Session(fresh_engine) as session:
        assert session.scalars(select(TallyEvent.signed)).all() == [-1, -1]
        session.scalars(select(Petition)).one().close(session, by=cast.ANNA, now=moment)
        session.commit()
    moment = now + timedelta(days=220)
    assert [jobs.erase_what_is_due(work) for _ in range(2)] == ["1 erased", None]


def test_confirming_and_expiring_at_once_count_one_of_the_two(fresh_engine: Engine, now: datetime) -> None:
    with Session(fresh_engine) as session:
        afghanen = petition(session)
        for number in range(20):
            signed(session, afghanen, number, now, confirm=False)
        session.commit()
        key, ids = afghanen.id, list(session.scalars(select(Signature.id)))
    late, gate = now + timedelta(weeks=3), threading.Barrier(2)

    def confirm() -> None:
        gate.wait()
        for each in ids:
            with Session(fresh_engine) as session:
                Signature.get(session, each).confirm(session, now=late)
                session.commit()

    def expire() -> None:
        gate.wait()
        for _ in range(20):
            with Session(fresh_engine) as session:
                waiting.expire(session, now=late, most=1)
                session.commit()

    threads = [threading.Thread(target=confirm), threading.Thread(target=expire)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with Session(fresh_engine) as session:
        states = list(session.scalars(select(Signature.state)))
        count = session.get_one(Petition, key).count(session, now=late)
        assert set(states) <= {"confirmed", "expired"}
        assert count.signed == count.confirmed == states.count("confirmed")
