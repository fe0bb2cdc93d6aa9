"""Many charges at once of which the gateway says nothing but that they were paid: booked in a dozen statements.

What is booked is what ``booking.learn`` books, one by one; whatever is not that plain is left to it, and so is all that
somebody gave at a form. At the end of a month a gateway posts tens of thousands of such news within the hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.audit import AuditEntry
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.gift import Designation, Gift
from supporters.giving.instalment import Instalment
from supporters.giving.year import FinancialYear
from supporters.payments.gateway import Snapshot
from supporters.payments.online.booking import Learning
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import UNDER_WAY, OnlinePayment, mismatch
from supporters.payments.payment import Payment
from supporters.people.supporter import Supporter


def learn_plain(session: Session, seen: Mapping[int, Snapshot], how: Learning) -> set[int]:
    """Book what is plain of these snapshots (by payment id), and say which those were; the rest is untouched."""
    ids = sorted(key for key, snapshot in seen.items() if _says_only_paid(snapshot))
    if not ids:
        return set()
    session.flush()
    turns.together(session)
    rows = _rows(session, ids)
    told = set(session.scalars(select(PaymentFact.payment_id).where(PaymentFact.payment_id.in_(ids))))
    open_days = _open_days(session, {_day(seen[row.id], how) for row in rows})
    others = _others_names(session, rows, seen)
    plain = [
        row
        for row in rows
        if row.id not in told
        and row.id not in others
        and _day(seen[row.id], how) in open_days
        and _is_plain(row, seen[row.id], how)
    ]
    if plain:
        gifts = _gifts(session, plain, seen, how)
        _facts(session, plain, seen, gifts, how)
        _move(session, plain, seen, gifts, how)
        session.expire_all()
        if hooks.listened_to("gifts_booked"):
            hooks.fire("gifts_booked", session, gift_ids=list(gifts.values()), by=how.by, now=how.now)
    return {row.id for row in plain}


def _says_only_paid(snapshot: Snapshot) -> bool:
    return (
        snapshot.state == "paid" and snapshot.paid_at is not None and not snapshot.refunds and not snapshot.chargebacks
    )


def _day(snapshot: Snapshot, how: Learning) -> date:
    assert snapshot.paid_at is not None
    return how.day_of(snapshot.paid_at)


def _rows(session: Session, ids: list[int]) -> list[Row[Any]]:
    """All that booking takes, in one query; the payments are locked, in the order of their ids."""
    query = (
        select(
            Payment.id, Payment.reference, Payment.amount, Payment.currency, Payment.state, Payment.instalment_id,
            OnlinePayment.id.label("online_id"), OnlinePayment.account, OnlinePayment.is_live, OnlinePayment.purpose,
            OnlinePayment.step, OnlinePayment.external_id, OnlinePayment.transaction_id, OnlinePayment.method,
            OnlinePayment.fee, OnlinePayment.balance_reference, OnlinePayment.duplicate_of_id,
            Instalment.status, Instalment.commitment_id, Fund.id.label("fund_id"), Fund.closed_on,
            Commitment.source_code, GatewayMandate.external_id.label("mandate"),
            GatewayMandate.state.label("mandate_state"), Supporter.id.label("supporter_id"), Supporter.merged_into_id,
            Supporter.kind.label("supporter_kind"), Supporter.sector,
        )
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .join(Instalment, Instalment.id == Payment.instalment_id)
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .join(Fund, Fund.id == Commitment.fund_id)
        .join(GatewayMandate, GatewayMandate.id == OnlinePayment.gateway_mandate_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .where(Payment.id.in_(ids), OnlinePayment.purpose == "recurring")
        .order_by(Payment.id)
        .with_for_update(of=Payment)
    )  # fmt: skip
    return list(session.execute(query))


def _others_names(session: Session, rows: list[Row[Any]], seen: Mapping[int, Snapshot]) -> set[int]:
    """Payments to which the gateway gives a second name that another payment has: a person has to look."""
    new = {
        (row.account, name): row.id
        for row in rows
        if (name := seen[row.id].transaction_id) is not None and name != row.transaction_id
    }
    found: set[int] = set()
    for column in (OnlinePayment.external_id, OnlinePayment.transaction_id):
        names = [name for _, name in new]
        query = select(OnlinePayment.account, column).where(column.in_(names))
        found |= {new[account, name] for account, name in session.execute(query) if name and (account, name) in new}
    return found


def _open_days(session: Session, days: Iterable[date]) -> set[date]:
    days = set(days)
    years = {day.year for day in days}
    closed = set(
        session.scalars(
            select(FinancialYear.year).where(FinancialYear.year.in_(years), FinancialYear.closed_at.is_not(None))
        )
    )
    return {day for day in days if day.year not in closed}


def _is_plain(row: Row[Any], snapshot: Snapshot, how: Learning) -> bool:
    """A charge that its instalment waits for, as it was asked for and with nothing odd to it."""
    held = snapshot.mandate
    return (
        row.step in UNDER_WAY
        and row.state == "open"
        and row.status == "claimed"
        and row.duplicate_of_id is None
        and row.merged_into_id is None
        and row.external_id == snapshot.external_id
        and row.transaction_id in (None, snapshot.transaction_id)
        and mismatch(row, snapshot) is None
        and (row.closed_on is None or how.day_of(how.now) < row.closed_on)
        and (held is None or (held.ref.mandate == row.mandate and held.state == row.mandate_state))
    )


def _gifts(session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot], how: Learning) -> dict[int, int]:
    """The gifts by payment, each with its designation and its line in the audit log."""
    of = {f"payment:{row.id}": row for row in plain}
    rows = [
        {
            "supporter_id": row.supporter_id, "amount": row.amount, "currency": row.currency,
            "received_on": _day(seen[row.id], how), "source_code": row.source_code, "description": "",
            # Supporter.income_kind, as the database says it.
            "kind": "gift" if row.supporter_kind == "person" else row.sector or "company",
            "commitment_id": row.commitment_id, "instalment_id": row.instalment_id, "booking_key": key,
            "booked_at": how.now, "booked_by": how.by.key,
        }
        for key, row in of.items()
    ]  # fmt: skip
    with ExitStack() as postings:
        for day in sorted({row["received_on"] for row in rows}):
            postings.enter_context(FinancialYear.posting(session, day))
        made = session.execute(insert(Gift).returning(Gift.id, Gift.booking_key), rows).all()
        session.execute(
            insert(Designation),
            [
                {
                    "gift_id": gift_id, "fund_id": of[key].fund_id, "amount": of[key].amount, "made_at": how.now,
                    "made_by": how.by.key,
                }
                for gift_id, key in made
            ],
        )  # fmt: skip
    session.execute(
        insert(AuditEntry),
        [
            {
                "at": how.now, "by": how.by.key, "via": how.by.via, "verb": "book", "subject": "gift",
                "subject_id": gift_id, "supporter_id": of[key].supporter_id, "detail": {},
            }
            for gift_id, key in made
        ],
    )  # fmt: skip
    return {of[key].id: gift_id for gift_id, key in made}


def _facts(
    session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot], gifts: Mapping[int, int], how: Learning
) -> None:
    rows = [
        {
            "payment_id": row.id, "account": row.account, "kind": "received", "external_id": seen[row.id].external_id,
            "amount": row.amount, "currency": row.currency, "happened_at": seen[row.id].paid_at,
            "observed_at": how.now, "learnt_by": how.learnt_by, "reason": "", "booked": row.amount,
            "gift_id": gifts[row.id],
        }
        for row in plain
    ]  # fmt: skip
    session.execute(insert(PaymentFact), rows)


def _move(
    session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot], gifts: Mapping[int, int], how: Learning
) -> None:
    """Payment, what the gateway knows of it, and instalment: all at their end."""
    connection = session.connection()
    payments, online = Payment.__table__, OnlinePayment.__table__
    connection.execute(
        update(payments)  # type: ignore[arg-type]
        .where(payments.c.id == bindparam("of"))
        .values(state="booked", gift_id=bindparam("gift"), supporter_id=bindparam("owner")),
        [{"of": row.id, "gift": gifts[row.id], "owner": row.supporter_id} for row in plain],
    )
    connection.execute(
        update(online)  # type: ignore[arg-type]
        .where(online.c.id == bindparam("of"))
        .values(
            step="paid", next_sync_at=None, settled_at=how.now, observed_at=bindparam("seen"),
            transaction_id=bindparam("other"), method=bindparam("how"),
            fee=bindparam("cost"), balance_reference=bindparam("ledger"),
        ),
        [
            {
                "of": row.online_id, "other": found.transaction_id, "seen": found.observed_at,
                "how": found.method or row.method,
                "cost": found.fee.amount if found.fee is not None else row.fee,
                "ledger": found.balance_reference or row.balance_reference,
            }
            for row in plain
            for found in (seen[row.id],)
        ],
    )  # fmt: skip
    session.execute(
        update(Instalment)
        .where(Instalment.id.in_([row.instalment_id for row in plain]))
        .values(status="paid", not_before_on=None)
        .execution_options(synchronize_session=False)
    )
