"""`achterban check` finds nothing in what online payments leave behind, and finds whatever somebody broke in it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from supporters import registry
from supporters.audit import AuditEntry
from supporters.extension import REGISTERED
from supporters.giving.commitment import Commitment
from supporters.money import Money
from supporters.payments.online import checks, jobs
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.checkout import Person
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from tests.cast import ANNA
from tests.databases import SqliteDatabases
from tests.supporters.payments.online.till import Till

BRAM = Person("Bram", "Bos", "bram@example.org")


def lived(till: Till) -> None:
    """A gift partly given back and partly taken back, one paid twice, a commitment charged and stopped, a failure, a
    new mandate without money, a refund that is on its way, an open checkout.
    """
    one = till.given(amount="100.00")
    assert one.external_id is not None
    till.vendor.refund(one.external_id, Money.eur("30.00"))
    taken = till.vendor.charge_back(one.external_id, Money.eur("100.00"))
    till.news(one.external_id)
    till.vendor.reverse_chargeback(one.external_id, taken)
    till.news(one.external_id)
    checkout = till.checkout(amount="40.00", person=BRAM)
    pair = []
    for _ in range(2):
        pair.append(till.cashier.begin(checkout))
        assert pair[-1].external_id is not None
        till.vendor.expire(pair[-1].external_id)
        till.news(pair[-1].external_id)
    for each in pair:
        assert each.external_id is not None
        till.gateway.vendor.get(each.external_id).change(till.now, "open")
        till.vendor.pay(each.external_id)
        till.news(each.external_id)
    till.charged(person=BRAM)
    till.vendor.decline_next_charge("soft")
    till.later(days=31)
    jobs.charge_due(till.work)
    with till.session() as session:
        commitment = session.scalars(select(Commitment)).one()
        on = till.settings.day_of(till.now)
        commitment.stop(session, "donor_request", on=on, by=ANNA, now=till.now)
        session.commit()
    jobs.gateway_mandates(till.work)
    till.gateway.vendor.refunds_wait = True
    last = till.given(amount="15.00")
    with till.session() as session:
        online = session.get_one(OnlinePayment, last.id)
        Refund.request(session, online, None, why="asked", limit=Money.eur("99.00"), by=ANNA, now=till.now)
        session.commit()
    jobs.send_refunds(till.work)
    till.begin(amount="12.00")


def findings(session: Session) -> list[tuple[str, str, str]]:
    now = max(filter(None, (session.scalar(select(func.max(table.at))) for table in (AuditEntry, GatewayCall))))
    return [(f.rule, f.subject, f.message) for look in registry.checks.values() for f in look(session, now=now)]


def test_what_online_payments_leave_behind_breaks_nothing(till: Till) -> None:
    lived(till)
    with till.session() as session:
        assert findings(session) == []
        assert {registry.checks[name] for name in ("online payments", "gateways")} == {
            checks.online_payments, checks.gateways,
        }  # fmt: skip


@pytest.fixture(scope="module")
def unguarded(sqlite_databases: SqliteDatabases) -> Iterator[Connection]:
    """A history on SQLite whose triggers, partial indexes and foreign keys are gone."""
    engine = sqlite_databases.create()
    with engine.connect() as connection:
        lived(Till(connection))
        connection.commit()
        guards = connection.execute(
            text(
                "SELECT type, name FROM sqlite_master"
                " WHERE type = 'trigger' OR (type = 'index' AND sql LIKE '%UNIQUE%')"
            )
        ).all()
        for kind, name in guards:
            connection.execute(text(f"DROP {kind} {name}"))
        connection.commit()
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        yield connection
    sqlite_databases.drop(engine)


ONLINE = "supporters_online_payment"
OF_STEP = f"(SELECT payment_id FROM {ONLINE} WHERE step = '%s')"
BREAKS = [
    ("facts-are-booked", "UPDATE supporters_payment_fact SET booked = booked - 1 WHERE kind = 'refunded'"),
    ("facts-are-booked", "UPDATE supporters_payment_fact SET booked = 0 WHERE kind = 'received'"),
    ("facts-are-booked", "DELETE FROM supporters_reversal WHERE kind = 'reinstated'"),
    ("facts-are-booked", "UPDATE supporters_gift SET amount = amount + 1 WHERE id = 1"),
    ("facts-are-booked", "UPDATE supporters_payment_fact SET amount = amount + 1 WHERE kind = 'received'"),
    ("facts-are-booked", "UPDATE supporters_payment_fact SET gift_id = gift_id + 1 WHERE kind = 'received'"),
    ("step-is-the-state", f"UPDATE supporters_payment SET state = 'failed' WHERE id IN {OF_STEP % 'open'}"),
    ("step-is-the-state", f"UPDATE supporters_payment SET state = 'open' WHERE id IN {OF_STEP % 'failed'}"),
    ("step-is-the-state", f"UPDATE {ONLINE} SET step = 'expired' WHERE step = 'paid'"),
    ("step-is-the-state", f"UPDATE {ONLINE} SET purpose = 'setup' WHERE step = 'paid' AND purpose = 'one_off'"),
    ("paid-is-a-gift", f"UPDATE {ONLINE} SET step = 'paid' WHERE step = 'open'"),
    ("paid-is-a-gift", "UPDATE supporters_payment SET gift_id = NULL, state = 'open' WHERE gift_id = 1"),
    ("second-is-flagged", f"UPDATE {ONLINE} SET duplicate_of_id = NULL"),
    ("second-is-flagged", "DELETE FROM supporters_task WHERE kind = 'second_payment'"),
    (
        "ended-is-revoked",
        "UPDATE supporters_gateway_mandate SET revoked_at = NULL, ended_at = '2027-01-01 00:00:00'",
    ),
    (
        "refund-arrives",
        "UPDATE supporters_refund SET state = 'unknown', submitted_at = '2027-01-25 00:00:00' WHERE state = 'pending'",
    ),
    (
        "refund-arrives",
        "UPDATE supporters_refund SET state = 'ready', submitted_at = NULL, requested_at = '2027-01-25 00:00:00'",
    ),
    ("refund-arrives", "UPDATE supporters_refund SET submitted_at = '2027-01-10 00:00:00' WHERE state = 'pending'"),
]


@pytest.mark.parametrize(("rule", "sabotage"), BREAKS)
def test_what_is_broken_is_found(unguarded: Connection, rule: str, sabotage: str) -> None:
    with unguarded.begin(), Session(unguarded, join_transaction_mode="create_savepoint") as session:
        assert findings(session) == [], "the history is broken before anybody broke it"
        done = session.execute(text(sabotage))
        assert done.rowcount > 0, "nothing was broken"
        assert rule in {name for name, _, _ in findings(session)}
        unguarded.rollback()


def test_a_finding_names_the_payment_and_says_what_is_wrong(unguarded: Connection) -> None:
    with unguarded.begin(), Session(unguarded, join_transaction_mode="create_savepoint") as session:
        session.execute(text("UPDATE supporters_payment_fact SET booked = 2900 WHERE kind = 'refunded'"))
        assert findings(session) == [
            (
                "facts-are-booked", "payment 1",
                "brought 7100 cents by what its gateway said, and the books have 7000",
            )
        ]  # fmt: skip
        unguarded.rollback()


def test_every_rule_has_somebody_who_breaks_it() -> None:
    assert checks in REGISTERED
    rules = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', inspect.getsource(checks)))
    assert rules == {rule for rule, _ in BREAKS}
