"""`achterban check` finds nothing in an intact history, and finds each promise that somebody broke behind its back."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from supporters import (
    Announcement,
    CollectionBatch,
    Commitment,
    Death,
    FinancialYear,
    Fund,
    Instalment,
    Money,
    Payment,
    Returned,
    Supporter,
    registry,
)  # fmt: skip
from supporters.extension import REGISTERED
from tests import cast
from tests.databases import SqliteDatabases

LATER = datetime(2027, 1, 4, 9, tzinfo=UTC)
IBANS = ("NL91ABNA0417164300", "NL20INGB0001234567", "NL39RABO0300065264", "NL44RABO0123456789")


def history(session: Session) -> None:
    """Four promises, a collection that was booked, a return, a change, a skip, a pause, a cancelled run, a death."""
    promises = []
    for name, iban in zip(("Ada", "Bea", "Cas", "Dirk"), IBANS, strict=True):
        supporter = Supporter.welcome(
            session, f"{name}@example.org", first_name=name, surname="Tester", by=cast.ANNA, now=cast.NOW
        )
        commitment = cast.monthly(session, supporter, Money.eur("10.00"), iban=iban)
        Announcement.make(
            session, commitment, on=date(2026, 11, 1), channel="letter", evidence="", by=cast.ANNA, now=cast.NOW
        )
        promises.append(commitment)
    account = cast.creditor(session)
    batch = CollectionBatch.prepare(session, account, on=date(2026, 12, 14), by=cast.ANNA, now=cast.NOW)
    batch.cancel(session, "wrong day", by=cast.ANNA, now=cast.NOW)
    batch = CollectionBatch.prepare(session, account, on=date(2026, 12, 15), by=cast.ANNA, now=cast.NOW)
    batch.approve(session, by=cast.BRAM, now=cast.NOW)
    batch.export(session, by=cast.BRAM, now=cast.NOW)
    batch.book(session, by=cast.BRAM, now=LATER)
    payment = session.scalars(select(Payment).where(Payment.state == "booked").order_by(Payment.id).limit(1)).one()
    Returned.record(session, payment, "MD06", told_on=date(2026, 12, 17), by=cast.BRAM, now=LATER)
    promises[0].change(session, Money.eur("15.00"), reason="asked", by=cast.ANNA, now=LATER)
    promises[1].skip(session, by=cast.ANNA, now=LATER)
    promises[2].pause(session, from_on=date(2027, 2, 1), until_on=date(2027, 4, 1), by=cast.ANNA, now=LATER)
    gift = cast.gift(session, promises[0].supporter, Money.eur("25.00"))
    gift.reallocate(
        session, Money.eur("5.00"), source=cast.fund(session), target=Fund.open(session, "sea", "The sea"),
        by=cast.ANNA, now=LATER,
    )  # fmt: skip
    gift.reverse(session, Money.eur("5.00"), on=cast.TODAY, kind="refund", by=cast.ANNA, now=LATER)
    FinancialYear.close(session, 2026, by=cast.ANNA, now=LATER + timedelta(days=30))
    session.flush()
    CollectionBatch.prepare(session, account, on=date(2027, 1, 14), by=cast.ANNA, now=LATER)
    Death.report(session, promises[2].supporter, source="family", by=cast.ANNA, now=LATER)
    session.commit()


def findings(session: Session) -> set[str]:
    return {finding.rule for _, finding in registry.findings(session, now=LATER)}


def test_an_intact_history_breaks_nothing(session: Session) -> None:
    assert len(REGISTERED) > 0
    history(session)
    found = registry.findings(session, now=LATER)
    assert [(name, f.rule, f.subject, f.message) for name, f in found] == []


@pytest.fixture(scope="module")
def unguarded(sqlite_databases: SqliteDatabases) -> Iterator[Callable[[], Session]]:
    """Copies of a history on SQLite, without its triggers, its partial indexes and its foreign keys."""
    engine = sqlite_databases.create()
    with engine.connect() as connection:
        with Session(connection) as session:
            history(session)
        guards = connection.execute(
            text(
                "SELECT type, name FROM sqlite_master"
                " WHERE type = 'trigger' OR (type = 'index' AND sql LIKE '%UNIQUE%')"
            )
        ).all()
        for kind, name in guards:
            connection.execute(text(f"DROP {kind} {name}"))
        connection.commit()
        connection.execute(text("PRAGMA foreign_keys=OFF"))
    engine.dispose()
    sessions: list[Session] = []
    with engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")

        def open_session() -> Session:
            sessions.append(Session(connection, join_transaction_mode="create_savepoint"))
            return sessions[-1]

        outer = connection.begin()
        yield open_session
        for one in sessions:
            one.close()
        outer.rollback()
    sqlite_databases.drop(engine)


BREAKS = [
    ("return-is-the-payment", "UPDATE supporters_payment SET state = 'booked' WHERE state = 'returned'"),
    ("return-is-the-payment", "UPDATE supporters_returned SET amount = 999"),
    (
        "paid-back-twice",
        "UPDATE supporters_reversal SET kind = 'refund', booking_key = 'gift:1:1' WHERE booking_key LIKE 'payment:%'",
    ),
    ("search-tokens", "DELETE FROM supporters_search_token WHERE supporter_id = 1"),
    ("search-tokens", "UPDATE supporters_supporter SET merged_into_id = 2 WHERE id = 1"),
    ("one-current-contact", "UPDATE supporters_contact_point SET supporter_id = 2 WHERE supporter_id = 1"),
    ("designations-are-the-gift", "UPDATE supporters_designation SET amount = amount + 1 WHERE id = 1"),
    ("designations-are-the-gift", "DELETE FROM supporters_designation WHERE gift_id = 2"),
    ("reversals-at-most-the-gift", "UPDATE supporters_reversal SET amount = 99999"),
    ("closed-year", "UPDATE supporters_gift SET booked_at = '2028-01-01 00:00:00' WHERE id = 1"),
    ("closed-year", "UPDATE supporters_reversal SET booked_at = '2028-01-01 00:00:00' WHERE id = 1"),
    ("death-ends-everything", "UPDATE supporters_commitment SET ended_on = NULL WHERE end_reason = 'deceased'"),
    ("death-ends-everything", "UPDATE supporters_mandate SET cancelled_on = NULL"),
    ("one-open-term", "UPDATE supporters_term SET last_number = 9 WHERE commitment_id = 2"),
    ("one-open-term", "UPDATE supporters_term SET last_number = NULL"),
    ("terms-follow-each-other", "UPDATE supporters_term SET first_number = first_number + 3 WHERE last_number IS NULL"),
    ("due-grid", "UPDATE supporters_instalment SET due_on = '2026-12-02' WHERE id = 1"),
    ("due-grid", "UPDATE supporters_instalment SET term_id = 2 WHERE commitment_id = 1"),
    ("next-instalment", "UPDATE supporters_commitment SET next_due_on = '2027-05-05' WHERE id = 1"),
    ("next-instalment", "UPDATE supporters_commitment SET next_due_on = NULL WHERE id = 1"),
    ("next-instalment", "UPDATE supporters_commitment SET next_number = 1, next_due_on = '2026-12-01' WHERE id = 2"),
    ("collected-once", "UPDATE supporters_payment SET state = 'open' WHERE instalment_id = 1"),
    ("instalment-follows-payment", "UPDATE supporters_instalment SET status = 'due' WHERE status = 'paid'"),
    ("instalment-follows-payment", "UPDATE supporters_instalment SET status = 'claimed' WHERE status = 'paid'"),
    ("instalment-follows-payment", "UPDATE supporters_instalment SET status = 'paid' WHERE status = 'waived'"),
    ("instalment-follows-payment", "UPDATE supporters_payment SET state = 'cancelled' WHERE state = 'open'"),
    ("payment-is-the-gift", "UPDATE supporters_payment SET amount = amount - 1 WHERE state = 'booked'"),
    ("payment-is-the-gift", "UPDATE supporters_gift SET supporter_id = 1 WHERE commitment_id = 2"),
    ("payment-is-the-gift", "UPDATE supporters_payment SET gift_id = NULL, state = 'open' WHERE state = 'booked'"),
    ("returned-is-reversed", "DELETE FROM supporters_reversal WHERE kind = 'return'"),
    ("collection-counts-its-payments", "UPDATE supporters_collection_batch SET count = count + 1 WHERE id = 2"),
    ("collection-counts-its-payments", "UPDATE supporters_payment SET amount = 1 WHERE batch_id = 2"),
    ("collection-is-its-files", "UPDATE supporters_collection_file SET total = 1"),
    ("collection-is-its-files", "DELETE FROM supporters_collection_file"),
    ("collection-adds-up", "UPDATE supporters_payment SET state = 'open' WHERE state = 'cancelled' AND batch_id = 1"),
    ("collection-adds-up", "UPDATE supporters_payment SET state = 'open', gift_id = NULL WHERE batch_id = 2"),
    (
        "left-out-or-collected",
        "INSERT INTO supporters_collection_exclusion (batch_id, instalment_id, reason, amount)"
        " VALUES (2, 1, 'paused', 1)",
    ),
    (
        "left-out-or-collected",
        "INSERT INTO supporters_collection_exclusion (batch_id, instalment_id, reason, amount)"
        " VALUES (2, 99, 'paused', 1)",
    ),
    ("mandate-was-used", "UPDATE supporters_mandate SET last_used_on = NULL WHERE id = 1"),
    ("file-is-as-approved", "UPDATE supporters_collection_file SET sha256 = 'x'"),
    ("file-is-as-approved", "DELETE FROM supporters_document_part"),
]


@pytest.mark.parametrize(("rule", "sabotage"), BREAKS)
def test_a_broken_promise_is_found(unguarded: Callable[[], Session], rule: str, sabotage: str) -> None:
    session = unguarded()
    assert findings(session) == set(), "the history is broken before anybody broke it"
    done = session.execute(text(sabotage))
    assert done.rowcount > 0, "nothing was broken"
    assert rule in findings(session)
    session.rollback()


def test_every_rule_has_somebody_who_breaks_it() -> None:
    """Those of online payments and of the bank are broken beside their own tests."""
    named = [module for module in REGISTERED if module.__name__.endswith(".checks")]
    elsewhere = ("supporters.payments.online.checks", "supporters.payments.bank.checks")
    sources = [inspect.getsource(module) for module in named if module.__name__ not in elsewhere]
    rules = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', " ".join(sources)))
    assert rules == {rule for rule, _ in BREAKS}


def test_the_findings_name_the_row(unguarded: Callable[[], Session]) -> None:
    session = unguarded()
    session.execute(text("UPDATE supporters_designation SET amount = 900 WHERE id = 1"))
    (finding,) = registry.checks["gifts"](session, now=LATER)
    assert (finding.subject, finding.message) == (
        "gift 1",
        "is 1000 cents, and its parts for funds add up to 900",
    )
    session.rollback()


def test_a_replaced_term_that_never_began_is_no_gap(session: Session) -> None:
    commitment = cast.monthly(session)
    for amount in ("12.00", "14.00"):
        commitment.change(session, Money.eur(amount), reason="asked", by=cast.ANNA, now=cast.NOW)
    session.commit()
    assert findings(session) == set()
    assert session.scalars(select(Commitment)).one().next_number == 1
    assert session.scalar(select(Instalment)) is None
