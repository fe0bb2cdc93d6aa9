"""`achterban check` finds each promise about counters and matches that somebody broke."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns import OfflineMoney
from campaigns.crowdfunding import checks
from supporters import Money, registry
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.databases import SqliteDatabases

BREAKS = [
    ("counter-is-the-gifts", "UPDATE campaigns_counter_entry SET amount = amount + 1 WHERE kind = 'other'"),
    ("counter-is-the-gifts", "DELETE FROM campaigns_counter_entry WHERE reversal_id IS NOT NULL"),
    ("counter-is-the-gifts", "UPDATE campaigns_credit SET standing = 'late'"),
    ("match-is-what-it-gave", "UPDATE campaigns_match SET given = given + 1"),
    ("match-is-what-it-gave", "UPDATE campaigns_matched_gift SET wanted = wanted + 1, given = given + 1"),
    ("match-is-what-it-gave", "DELETE FROM campaigns_counter_entry WHERE match_id IS NOT NULL"),
    ("gift-counts-on-its-page", "UPDATE campaigns_credit SET page_id = 1 WHERE page_id IS NULL"),
    ("offline-money-came", "UPDATE campaigns_offline_money SET expected_by = '2026-11-20'"),
    ("wall-shows-what-givers-allow", "UPDATE campaigns_wall_post SET message = 'Hush'"),
]


@pytest.fixture(scope="module")
def told(sqlite_databases: SqliteDatabases) -> Iterator[Callable[[], Session]]:
    engine = sqlite_databases.create()
    with Session(engine) as session:
        edition = world.edition(session)
        world.match(session, edition, "50.00")
        world.page(session, edition, world.donor(session, 1))
        world.back(session, world.gift(session, world.donor(session, 2), "25.00"), "5.00")
        box = OfflineMoney.enter(
            session, edition, Money.eur("10.00"), kind="cash", handed_on=date(2026, 11, 20), place="Market",
            document=world.receipt(session), by=cast.ANNA, now=cast.NOW,
        )  # fmt: skip
        box.count_it(session, by=cast.BRAM, now=cast.NOW)
        world.on_the_wall(session, edition, world.donor(session, 3))
        session.commit()
    sessions: list[Session] = []

    def open_session() -> Session:
        sessions.append(Session(engine))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()
    sqlite_databases.drop(engine)


def findings(session: Session) -> set[str]:
    return {finding.rule for finding in registry.checks["crowdfunding"](session, now=cast.NOW)}


@pytest.mark.parametrize(("rule", "sabotage"), BREAKS)
def test_a_broken_promise_is_found(told: Callable[[], Session], rule: str, sabotage: str) -> None:
    session = told()
    assert findings(session) == set(), "it is broken before anybody broke it"
    assert session.execute(text(sabotage)).rowcount > 0, "nothing was broken"
    assert rule in findings(session)
    session.rollback()


def test_every_rule_has_somebody_who_breaks_it() -> None:
    rules = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', inspect.getsource(checks)))
    assert rules == {rule for rule, _ in BREAKS}
