"""Death is one event, and it can be undone: wherever the collection stood."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.errors import BadInput, Refused
from supporters.lifecycle.death import Death
from supporters.people.consent import Answer, may_contact
from supporters.people.supporter import Supporter
from supporters.tasks import Task
from tests import cast
from tests.cast import ANNA, BRAM, NOW, TODAY
from tests.promises.ledger import broken_promises, refused_and_nothing_changed
from tests.supporters.payments.sepa.collecting import (
    DUE,
    announced,
    approved,
    at,
    booked,
    exported,
    payments,
    prepared,
    statuses,
)


def died(session: Session, supporter: Supporter, **fields: Any) -> Death:
    death = Death.report(session, supporter, source="family", by=ANNA, now=NOW, **fields)
    session.commit()
    return death


def test_everything_that_would_reach_them_stops(session: Session) -> None:
    commitment = announced(session)
    death = died(session, commitment.supporter, died_on=date(2026, 11, 30))
    assert commitment.mandate is not None
    assert (commitment.end_reason, commitment.state(TODAY + timedelta(days=40))) == ("deceased", "ended")
    assert (commitment.mandate.cancel_reason, commitment.supporter.deceased_on) == ("deceased", date(2026, 11, 30))
    assert may_contact(commitment.supporter) == Answer(False, "has died")
    assert Death.standing(session, commitment.supporter) is death
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    assert may_contact(commitment.supporter)
    assert (commitment.ended_on, commitment.mandate.cancelled_on, death.undone_by) == (None, None, BRAM.key)
    assert Death.standing(session, commitment.supporter) is None


def test_no_batch_yet(session: Session) -> None:
    commitment = announced(session)
    death = died(session, commitment.supporter)
    with pytest.raises(Refused, match="nothing to collect"):
        prepared(session)
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    assert prepared(session).count == 1


def test_a_prepared_batch_loses_the_line_and_undo_makes_it_due_again(session: Session) -> None:
    commitment, other = announced(session), announced(session, cast.ada(session, email="b@example.org"))
    batch = prepared(session)
    death = died(session, commitment.supporter)
    assert (batch.count, statuses(commitment), statuses(other)) == (1, [(1, "waived")], [(1, "claimed")])
    assert session.scalars(select(Task)).all() == []
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    assert statuses(commitment) == [(1, "due")]
    assert prepared(session).count == 1
    assert broken_promises(session) == []


def test_an_approved_batch_is_held_and_undo_lets_it_go(session: Session) -> None:
    commitment = announced(session)
    batch = approved(session)
    death = died(session, commitment.supporter)
    with refused_and_nothing_changed(session, Refused, "has died"):
        batch.export(session, by=BRAM, now=NOW)
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    batch.export(session, by=BRAM, now=NOW)
    assert statuses(commitment) == [(1, "claimed")]
    assert broken_promises(session) == []


def test_an_exported_batch_becomes_a_recall_task_and_undo_drops_it(session: Session) -> None:
    commitment = announced(session)
    batch = exported(session)
    death = died(session, commitment.supporter)
    task = session.scalars(select(Task)).one()
    assert (task.kind, task.is_open, task.supporter_id, task.due_on) == ("recall", True, commitment.supporter_id, DUE)
    assert "Ask the bank to recall" in task.title
    assert batch.number in task.title
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    assert not task.is_open
    died(session, commitment.supporter)
    assert [each.is_open for each in session.scalars(select(Task).order_by(Task.id))] == [False, True]
    batch.book(session, by=ANNA, now=at(DUE))
    session.commit()
    assert statuses(commitment) == [(1, "paid")]
    assert broken_promises(session) == []


def test_a_booked_batch_stays_booked(session: Session) -> None:
    commitment = announced(session)
    booked(session)
    died(session, commitment.supporter)
    assert (statuses(commitment), payments(session)[0].state) == ([(1, "paid")], "booked")
    assert session.scalars(select(Task)).all() == []


def test_undo_restores_what_death_ended_and_nothing_that_ended_before(session: Session) -> None:
    ada = cast.ada(session)
    gone, kept, ending = (cast.monthly(session, ada) for _ in range(3))
    gone.stop(session, "financial", on=TODAY, by=ANNA, now=NOW)
    ending.stop(session, "donor_request", on=TODAY + timedelta(days=60), by=ANNA, now=NOW)
    session.commit()
    death = died(session, ada)
    assert [c.end_reason for c in (gone, kept, ending)] == ["financial", "deceased", "deceased"]
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    assert [c.end_reason for c in (gone, kept, ending)] == ["financial", None, "donor_request"]
    assert ending.ended_on == TODAY + timedelta(days=60)


def test_a_household_writes_to_who_is_alive(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    died(session, sam)
    assert suzie.household.people(TODAY) == [suzie]


def test_a_death_is_reported_once_and_undone_once(session: Session) -> None:
    ada = cast.ada(session)
    death = died(session, ada)
    with refused_and_nothing_changed(session, Refused, "was reported already"):
        Death.report(session, ada, source="family", by=BRAM, now=NOW)
    death.undo(session, by=BRAM, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "was undone already"):
        death.undo(session, by=BRAM, now=NOW)


@pytest.mark.parametrize(
    ("wrong", "field"), [({"source": "rumour"}, "source"), ({"died_on": TODAY + timedelta(days=1)}, "died_on")]
)
def test_a_report_that_cannot_be_is_refused(session: Session, wrong: dict[str, Any], field: str) -> None:
    ada = cast.ada(session)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "", field):
        Death.report(session, ada, **{"source": "family", "by": ANNA, "now": NOW} | wrong)


def test_an_organisation_does_not_die(session: Session) -> None:
    shop = Supporter.welcome(session, kind="organisation", organisation_name="Shop", now=NOW, by=ANNA)
    session.commit()
    with refused_and_nothing_changed(session, BadInput, "Only a person dies", "supporter"):
        Death.report(session, shop, source="other", by=ANNA, now=NOW)


def test_whoever_imports_only_deaths_still_pulls_collections() -> None:
    import subprocess
    import sys

    code = "import supporters.lifecycle.death; from supporters import hooks; print(hooks.listened_to('supporter_died'))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True"
