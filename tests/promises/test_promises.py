"""The promises of the design, by their numbers. Each test is short: the long ones stand beside it.

Online payments have theirs in test_promises_online: 3, 9 and 13. Not named here: 7, 10, 11 and 14.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Float, Numeric, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.audit import AuditEntry
from supporters.errors import AchterbanError, BadInput, NotAllowed, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.gift import Gift
from supporters.giving.mandate import Mandate
from supporters.giving.year import FinancialYear, YearClosed
from supporters.lifecycle.death import Death
from supporters.money import CurrencyMismatch, Money
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.consent import Answer, may_contact
from supporters.people.contact import Address
from supporters.people.supporter import Supporter
from supporters.tasks import Task
from tests import cast
from tests.cast import ANNA, BRAM, NOW, TODAY
from tests.modules import sources, tables
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
)  # fmt: skip

# -- money ----------------------------------------------------------------------------------------


def test_promise_01_an_instalment_is_collected_once(session: Session) -> None:
    """See also test_histories, test_two_operators and test_kill."""
    commitment = announced(session, start_on=date(2026, 12, 31))
    due = [date(2026, 12, 31), *(date(2027, month, day) for month, day in enumerate((31, 28, 31, 30, 31), 1))]
    for on in due:
        now = at(on - timedelta(days=20))
        prepared(session, on=on, now=now).cancel(session, "built anew", by=ANNA, now=now)
        booked(session, on=on, now=now)
        with pytest.raises(Refused, match="nothing to collect"):
            prepared(session, on=on, now=now)
    assert [one.due_on for one in commitment.instalments] == due
    assert statuses(commitment) == [(number, "paid") for number in range(1, 7)]
    # 31 January 2027 is a Sunday: the payment moves, the grid does not.
    assert [p.collect_on for p in payments(session) if p.state == "booked"][1] == date(2027, 2, 1)
    assert broken_promises(session) == []
    instalment = commitment.instalments[0]
    for state in ("open", "booked"):
        again = Payment(
            gateway="mollie", supporter_id=commitment.supporter_id, instalment_id=instalment.id, amount=1000,
            state=state, reference=f"again-{state}", collect_on=DUE, created_at=NOW,
        )  # fmt: skip
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(again)


def test_promise_02_a_batch_has_one_content_and_two_people(session: Session) -> None:
    commitment = announced(session)
    batch = prepared(session)
    with refused_and_nothing_changed(session, NotAllowed, "a second person"):
        batch.approve(session, by=ANNA, now=NOW)
    batch.approve(session, by=BRAM, now=NOW)
    session.commit()
    content = [b"".join(file.chunks(session)) for file in batch.files]
    Death.report(session, commitment.supporter, source="family", by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "has died"):
        batch.export(session, by=BRAM, now=NOW)
    standing = Death.standing(session, commitment.supporter)
    assert standing is not None
    standing.undo(session, by=ANNA, now=NOW)
    for _ in range(2):
        batch.export(session, by=BRAM, now=NOW)
        session.commit()
        assert [b"".join(file.chunks(session)) for file in batch.files] == content
    Death.report(session, commitment.supporter, source="family", by=ANNA, now=NOW)
    assert session.scalars(select(Task.kind).where(Task.done_at.is_(None))).all() == ["recall"]


def test_promise_03_a_payment_books_at_most_one_gift(session: Session) -> None:
    announced(session)
    batch = booked(session)
    with refused_and_nothing_changed(session, Refused, "booked on"):
        batch.book(session, by=ANNA, now=at(DUE))
    (payment,) = payments(session)
    ada, fund = payment.supporter, cast.fund(session)
    same = cast.gift(session, ada, payment.money, booking_key=f"payment:{payment.id}", fund=fund)
    assert same is payment.gift
    payment.take_back(session, on=DUE, by=ANNA, now=NOW)
    payment.take_back(session, on=DUE, by=ANNA, now=NOW)
    session.commit()
    assert same.net == Money(0)
    names = {c.name for c in tables().tables["supporters_gift"].constraints}
    assert "uq_supporters_gift_booking_key" in names
    with pytest.raises(IntegrityError):
        session.execute(
            text(
                "INSERT INTO supporters_gift (supporter_id, amount, currency, received_on, kind, description,"
                " booking_key, booked_at, booked_by) SELECT supporter_id, amount, currency, received_on, kind,"
                " description, booking_key, booked_at, booked_by FROM supporters_gift"
            )
        )


def test_promise_04_posted_money_is_never_edited(session: Session) -> None:
    gift = cast.gift(session, cast.ada(session))
    gift.reverse(session, Money.eur("5"), on=TODAY, kind="refund", by=ANNA, now=NOW)
    session.commit()
    for table in ("gift", "designation", "reversal"):
        for statement in (f"UPDATE supporters_{table} SET amount = 7", f"DELETE FROM supporters_{table}"):
            with pytest.raises(IntegrityError), session.begin_nested():
                session.execute(text(statement))
    with refused_and_nothing_changed(session, Refused, "At most EUR 20.00", "amount"):
        gift.reverse(session, Money.eur("20.01"), on=TODAY, kind="refund", by=ANNA, now=NOW)
    assert broken_promises(session) == []


def test_promise_05_money_is_whole_minor_units_with_a_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(TypeError):
        Money(1.5)  # type: ignore[arg-type]
    assert str(Money(500, "JPY")) == "JPY 500"
    for table in tables().sorted_tables:
        for column in table.columns:
            assert not isinstance(column.type, Float | Numeric), f"{column} could hold a float"
            if column.name in ("amount", "total") and table.name.startswith("supporters_"):
                assert isinstance(column.type, BigInteger), f"{column} is money in minor units"


def test_promise_06_every_euro_can_be_proved(session: Session) -> None:
    for number in range(4):
        announced(session, cast.ada(session, email=f"d{number}@example.org"), Money(1000 + number))
    batch = exported(session)
    first, second, *_ = payments(session)
    first.fail(session, by=ANNA, now=NOW)
    batch.book(session, by=ANNA, now=at(DUE))
    session.refresh(second)
    second.take_back(session, on=DUE, by=ANNA, now=NOW)
    session.commit()
    by_state: dict[str, int] = {}
    for payment in payments(session):
        by_state[payment.state] = by_state.get(payment.state, 0) + payment.amount
    sent = sum(file.total for file in batch.files)
    assert sent == batch.total == by_state["booked"] + by_state["returned"] + by_state["failed"] == 4006
    gifts = session.scalars(select(Gift)).all()
    assert sum(g.amount for g in gifts) - sum(g.reversed.amount for g in gifts) == by_state["booked"]
    assert broken_promises(session) == []


# -- people ---------------------------------------------------------------------------------------


def test_promise_08_an_old_reference_keeps_resolving(session: Session) -> None:
    old, new = cast.ada(session, reference=("old_crm", "17")), cast.ada(session)
    old.merged_into_id = new.id
    session.commit()
    from supporters.people.reference import ExternalReference

    assert ExternalReference.resolve(session, "old_crm", "17") is Supporter.find(session, old.number) is new


def test_promise_09_death_is_one_event(session: Session) -> None:
    ada = cast.ada(session)
    first, second = announced(session, ada), announced(session, ada, Money.eur("5"))
    batch = prepared(session)
    Death.report(session, ada, source="notary", by=ANNA, now=NOW)
    session.commit()
    assert (batch.count, batch.total) == (0, 0)
    assert {c.end_reason for c in (first, second)} == {"deceased"}
    assert session.scalars(select(Mandate.cancel_reason)).all() == ["deceased", "deceased"]
    assert may_contact(ada) == Answer(False, "has died")
    with refused_and_nothing_changed(session, Refused, "Nothing is left in this collection; cancel it"):
        batch.approve(session, by=BRAM, now=NOW)


# -- everything -----------------------------------------------------------------------------------


def test_promise_15_bad_input_names_the_field_and_changes_nothing(session: Session) -> None:
    ada = cast.ada(session)
    fund = cast.fund(session)
    cast.mandate(session, ada, reference="M1")
    session.commit()
    tried: list[tuple[Any, str, type[AchterbanError]]] = [
        (lambda: Supporter.welcome(session, "x@", surname="X", now=NOW), "email", BadInput),
        (lambda: Supporter.welcome(session, surname="X", iban="NL91ABNA041716430", now=NOW), "iban", BadInput),
        (
            lambda: Supporter.welcome(session, surname="X", address=Address(postcode="12"), now=NOW),
            "postcode",
            BadInput,
        ),
        (lambda: cast.mandate(session, ada, reference="M" * 36), "mandate_reference", BadInput),
        (lambda: cast.mandate(session, ada, reference="M1"), "mandate_reference", BadInput),
        (lambda: Money.parse("1.000"), "amount", BadInput),
        (lambda: Money.parse("12,5O"), "amount", BadInput),
        (lambda: cast.gift(session, ada, kind="loan", fund=fund), "kind", BadInput),
        (lambda: CreditorAccount.open(session, "X", "NL00ZZZ1", cast.OUR_IBAN), "identifier", BadInput),
    ]
    for act, field, error in tried:
        with refused_and_nothing_changed(session, error, "", field):
            act()


def test_promise_15_a_refused_posting_says_where_it_may_go(session: Session) -> None:
    ada = cast.ada(session)
    fund = cast.fund(session)
    FinancialYear.close(session, 2025, by=ANNA, now=NOW)
    session.commit()
    with refused_and_nothing_changed(session, YearClosed, "dated in an open year", "received_on"):
        cast.gift(session, ada, on=date(2025, 5, 1), fund=fund)


#: Who may look at the clock, commit, or reach another machine: the edges, where a view, command or job stands.
#: So do what talks to a payment vendor, who asks it and works through its news, and the tests that it must pass.
EDGES = (
    "cli", "commands", "web", "extension", "migrations", "settings", "demo", "jobs", "delivery", "mollie", "stripe",
    "cashier", "post", "catching_up", "giving_back", "vendor_mandates", "conformance",
)  # fmt: skip
CLOCK = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
NETWORK = {"requests", "urllib.request", "smtplib", "http.client", "httpx", "socket", "aiohttp", "ftplib"}


def models() -> Iterator[tuple[str, Path]]:
    for name, path in sources().items():
        parts = name.split(".")
        if parts[0] in ("supporters", "campaigns") and not set(parts) & set(EDGES):
            yield name, path


def test_promise_16_models_take_the_time_and_leave_commits_and_the_network_to_others() -> None:
    looked_at, found = 0, []
    for name, path in models():
        looked_at += 1
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                called = getattr(owner, "id", getattr(owner, "attr", ""))
                if (called, node.func.attr) in CLOCK:
                    found.append(f"{name}:{node.lineno} reads the clock")
                if node.func.attr == "commit":
                    found.append(f"{name}:{node.lineno} commits")
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            found += [f"{name}:{node.lineno} can reach the network" for one in names if one in NETWORK]
    assert looked_at > 30
    assert found == []


VERBS: dict[type[Any], set[str]] = {
    Commitment: {"start", "restart", "change", "use", "charge_on", "pause", "resume", "skip", "ask_again", "stop"},
    Mandate: {"sign", "change_account", "cancel"},
    Gift: {"book", "reverse", "reinstate", "reallocate", "thank", "soft_credit"},
    GatewayMandate: {"end", "note"},
    OnlinePayment: {"never_made"},
    Refund: {"request", "approve", "cancel", "note", "fail"},
    CollectionBatch: {"prepare", "approve", "export", "cancel", "book", "withdraw"},
    Payment: {"take_back", "fail"},
    Death: {"report", "undo"},
    Supporter: {"welcome", "rename", "set_contact", "drop_contact"},
    FinancialYear: {"close"},
}


@pytest.mark.parametrize("noun", VERBS, ids=lambda noun: noun.__name__)
def test_promise_16_every_verb_is_told_who_and_when(noun: type[Any]) -> None:
    for verb in VERBS[noun]:
        takes = inspect.signature(getattr(noun, verb)).parameters
        assert {"by", "now"} <= set(takes), f"{noun.__name__}.{verb} takes {list(takes)}"


def test_promise_17_every_verb_leaves_a_trace(session: Session) -> None:
    clerk = Actor.person("clerk@example.org", via="screen 7", authenticated=True)
    commitment = announced(session)
    mandate, ada = commitment.mandate, commitment.supporter
    assert mandate is not None
    kwargs: dict[str, Any] = {"by": clerk, "now": NOW}
    commitment.change(session, Money.eur("12"), reason="asked", **kwargs)
    commitment.skip(session, **kwargs)
    commitment.pause(session, from_on=TODAY, **kwargs)
    commitment.resume(session, on=TODAY, **kwargs)
    commitment.use(session, mandate, **kwargs)
    mandate.change_account(session, "NL39RABO0300065264", on=TODAY, **kwargs)
    commitment.stop(session, "unknown", on=TODAY, **kwargs)
    ada.rename(session, first_name="Augusta", **kwargs)
    ada.set_contact(session, "phone", "0612345678", on=TODAY, **kwargs)
    gift = cast.gift(session, ada, by=clerk)
    gift.thank(session, **kwargs)
    gift.reverse(session, Money(1), on=TODAY, kind="refund", **kwargs)
    death = Death.report(session, ada, source="family", **kwargs)
    death.undo(session, **kwargs)
    FinancialYear.close(session, 2025, **kwargs)
    session.commit()
    entries = session.scalars(select(AuditEntry).where(AuditEntry.by == clerk.key)).all()
    verbs = {(entry.subject, entry.verb) for entry in entries}
    assert verbs >= {
        ("commitment", "change"), ("commitment", "skip"), ("commitment", "pause"), ("commitment", "resume"),
        ("commitment", "use_mandate"), ("commitment", "stop"), ("mandate", "change_account"), ("mandate", "cancel"),
        ("supporter", "rename"), ("supporter", "set_phone"), ("gift", "book"), ("gift", "thank"), ("gift", "reverse"),
        ("death", "report"), ("death", "undo"), ("financial_year", "close"),
    }  # fmt: skip
    assert {entry.via for entry in entries} == {"screen 7"}
    assert all(entry.supporter_id == ada.id for entry in entries if entry.subject != "financial_year")


def test_promise_17_a_collection_is_traced_from_end_to_end(session: Session) -> None:
    announced(session)
    batch = booked(session)
    batch.export(session, by=ANNA, now=NOW)
    approved(session, on=date(2027, 1, 28), now=at(date(2027, 1, 5))).cancel(session, "x", by=ANNA, now=NOW)
    session.commit()
    query = (
        select(AuditEntry.verb, AuditEntry.by).where(AuditEntry.subject == "collection_batch").order_by(AuditEntry.id)
    )
    assert [tuple(row) for row in session.execute(query)] == [
        ("prepare", ANNA.key), ("approve", BRAM.key), ("export", BRAM.key), ("book", ANNA.key),
        ("export_again", ANNA.key), ("prepare", ANNA.key), ("approve", BRAM.key), ("cancel", ANNA.key),
    ]  # fmt: skip
