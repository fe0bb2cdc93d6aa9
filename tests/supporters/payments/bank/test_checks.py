"""`achterban check` finds nothing in a month that the bank told, and each promise about it that somebody broke."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supporters import registry
from supporters.payments.bank import checks
from supporters.payments.bank.booking import book_matched
from supporters.payments.bank.intake import take_in
from tests.bank_month import at_the_bank, month
from tests.cast import ANNA
from tests.databases import SqliteDatabases

LATER = datetime(2027, 1, 20, 9, tzinfo=UTC)
BREAKS = [
    (
        "statements-follow",
        "UPDATE supporters_bank_statement SET opening = opening + 9 * id, closing = closing + 9 * id, known = 0",
    ),
    ("line-is-booked-whole", "UPDATE supporters_bank_allocation SET amount = amount + 1 WHERE kind = 'collection'"),
    ("total-is-its-parts", "UPDATE supporters_bank_line SET state = 'detailed' WHERE kind = 'collection'"),
    ("line-is-the-gift", "UPDATE supporters_gift SET booking_key = 'bank:999' WHERE id = 1"),
    (
        "collected-is-banked",
        "UPDATE supporters_bank_allocation SET undone_at = '2027-01-01 00:00:00', undone_by = 'x'"
        " WHERE kind = 'collection'",
    ),
    ("returned-is-banked", "UPDATE supporters_payment SET state = 'booked' WHERE state = 'returned'"),
]  # fmt: skip


@pytest.fixture(scope="module")
def unguarded(sqlite_databases: SqliteDatabases) -> Iterator[Callable[[], Session]]:
    """A month on SQLite, without the triggers that keep these promises."""
    engine = sqlite_databases.create()
    with Session(engine) as session:
        told = month(session, at_the_bank(session, 8))
        for name, content in told.files:
            take_in(session, io.BytesIO(content), name, by=ANNA, now=LATER, today=LATER.date())
        for _ in range(2):
            book_matched(session, by=ANNA, now=LATER, today=LATER.date())
        session.commit()
        for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {name}"))
        session.commit()
    sessions: list[Session] = []

    def open_session() -> Session:
        sessions.append(Session(engine))
        return sessions[-1]

    yield open_session
    for one in sessions:
        one.close()
    sqlite_databases.drop(engine)


def findings(session: Session) -> set[str]:
    return {finding.rule for finding in registry.checks["bank"](session, now=LATER)}


@pytest.mark.parametrize(("rule", "sabotage"), BREAKS)
def test_a_broken_promise_is_found(unguarded: Callable[[], Session], rule: str, sabotage: str) -> None:
    session = unguarded()
    assert findings(session) == set(), "the month is broken before anybody broke it"
    done = session.execute(text(sabotage))
    assert done.rowcount > 0, "nothing was broken"
    assert rule in findings(session)
    session.rollback()


def test_every_rule_has_somebody_who_breaks_it() -> None:
    rules = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', inspect.getsource(checks)))
    assert rules == {rule for rule, _ in BREAKS}
