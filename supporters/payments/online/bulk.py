"""Many payments at once of which the gateway says nothing but that they were paid: booked in a dozen statements.

What is booked is what ``booking.learn`` books, one by one; whatever is not that plain is left to it. At the end of a
month a gateway posts tens of thousands of such news within the hour.
"""

from __future__ import annotations

from collections import Counter
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
from supporters.mail.message import URGENT, OutboxMessage
from supporters.payments.gateway import Snapshot
from supporters.payments.online import announcing, fulfilment
from supporters.payments.online.booking import Learning
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import UNDER_WAY, OnlinePayment, mismatch
from supporters.payments.payment import Payment
from supporters.people.contact import ContactPoint
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
    taken = _fulfilled(session, [row.checkout_id for row in rows if row.checkout_id is not None], ids)
    plain = [
        row
        for row in rows
        if row.id not in told
        and row.checkout_id not in taken
        and _day(seen[row.id], how) in open_days
        and _is_plain(row, seen[row.id], how)
    ]
    if plain:
        _book(session, plain, seen, how)
    return {row.id for row in plain}


def _says_only_paid(snapshot: Snapshot) -> bool:
    return snapshot.state == "paid" and snapshot.paid_at is not None and len(snapshot.facts()) == 1


def _day(snapshot: Snapshot, how: Learning) -> date:
    assert snapshot.paid_at is not None
    return how.day_of(snapshot.paid_at)


def _rows(session: Session, ids: list[int]) -> list[Row[Any]]:
    """All that booking takes, in one query; the payments are locked, in the order of their ids."""
    fund = select(Fund.id, Fund.closed_on).subquery()
    query = (
        select(
            Payment.id, Payment.reference, Payment.amount, Payment.currency, Payment.state, Payment.instalment_id,
            OnlinePayment.id.label("online_id"), OnlinePayment.account, OnlinePayment.is_live, OnlinePayment.purpose,
            OnlinePayment.step, OnlinePayment.external_id, OnlinePayment.transaction_id, OnlinePayment.method,
            OnlinePayment.fee, OnlinePayment.balance_reference, OnlinePayment.checkout_id,
            Checkout.kind, Checkout.completed_at, Instalment.status, Instalment.commitment_id,
            fund.c.id.label("fund_id"), fund.c.closed_on,
            Commitment.source_code.label("commitment_source"), Checkout.source_code.label("checkout_source"),
            GatewayMandate.external_id.label("mandate"), GatewayMandate.state.label("mandate_state"),
            Supporter.id.label("supporter_id"), Supporter.merged_into_id, Supporter.kind.label("supporter_kind"),
            Supporter.sector, Supporter.language, Supporter.death_reported_at,
        )
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .outerjoin(Checkout, Checkout.id == OnlinePayment.checkout_id)
        .outerjoin(Instalment, Instalment.id == Payment.instalment_id)
        .outerjoin(Commitment, Commitment.id == Instalment.commitment_id)
        .outerjoin(GatewayMandate, GatewayMandate.id == OnlinePayment.gateway_mandate_id)
        .outerjoin(Supporter, Supporter.id == Payment.supporter_id)
        .outerjoin(fund, fund.c.id == Commitment.fund_id)
        .where(Payment.id.in_(ids))
        .order_by(Payment.id)
        .with_for_update(of=Payment)
    )  # fmt: skip
    return list(session.execute(query))


def _open_days(session: Session, days: Iterable[date]) -> set[date]:
    days = set(days)
    years = {day.year for day in days}
    closed = set(
        session.scalars(
            select(FinancialYear.year).where(FinancialYear.year.in_(years), FinancialYear.closed_at.is_not(None))
        )
    )
    return {day for day in days if day.year not in closed}


def _fulfilled(session: Session, checkouts: list[int], ids: list[int]) -> set[int]:
    """Checkouts that another payment paid already, or that two of these pay: the second is flagged, one by one."""
    if not checkouts:
        return set()
    others = (
        select(OnlinePayment.checkout_id)
        .join(Payment, Payment.id == OnlinePayment.payment_id)
        .where(
            OnlinePayment.checkout_id.in_(checkouts), Payment.id.not_in(ids), Payment.state.in_(("booked", "returned"))
        )
    )
    twice = {checkout for checkout, times in Counter(checkouts).items() if times > 1}
    return twice | {checkout for checkout in session.scalars(others) if checkout is not None}


def _is_plain(row: Row[Any], snapshot: Snapshot, how: Learning) -> bool:
    """A gift at a form, or a charge that its instalment waits for, as it was asked for and with nothing odd to it."""
    if row.step not in UNDER_WAY or row.state != "open" or mismatch(row, snapshot) is not None:
        return False
    if row.purpose == "one_off":
        return row.kind == "gift" and row.completed_at is None and row.merged_into_id is None
    held = snapshot.mandate
    same_mandate = held is None or (held.ref.mandate == row.mandate and held.state == row.mandate_state)
    open_fund = row.closed_on is None or how.day_of(how.now) < row.closed_on
    return bool(
        row.purpose == "recurring"
        and row.status == "claimed"
        and row.supporter_id is not None
        and row.merged_into_id is None
        and open_fund
        and same_mandate
    )


def _book(session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot], how: Learning) -> None:
    checkouts = _checkouts(session, plain, how)
    owners = {row.id: checkouts[row.checkout_id][0] if row.purpose == "one_off" else row for row in plain}
    gifts = _gifts(session, plain, seen, checkouts, owners, how)
    facts = _facts(session, plain, seen, gifts, how)
    _move(session, plain, seen, gifts, owners, how)
    _thank(session, [row for row in plain if row.purpose == "one_off"], gifts, facts, owners, how)
    session.flush()
    session.expire_all()
    if hooks.listened_to("gifts_booked"):
        hooks.fire("gifts_booked", session, gift_ids=list(gifts.values()), by=how.by, now=how.now)


def _checkouts(session: Session, plain: list[Row[Any]], how: Learning) -> dict[int, tuple[Any, fulfilment.Terms]]:
    """Whose gift it is, and what for, by checkout: who was not known becomes a supporter."""
    ids = [row.checkout_id for row in plain if row.purpose == "one_off"]
    found: dict[int, tuple[Any, fulfilment.Terms]] = {}
    for checkout in session.scalars(select(Checkout).where(Checkout.id.in_(ids)).order_by(Checkout.id)):
        found[checkout.id] = fulfilment.whose(session, checkout, how)
    session.flush()
    return found


def _gifts(
    session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot],
    checkouts: Mapping[int, tuple[Any, fulfilment.Terms]], owners: Mapping[int, Any], how: Learning,
) -> dict[int, int]:  # fmt: skip
    rows, funds = [], {}
    for row in plain:
        terms = checkouts[row.checkout_id][1] if row.purpose == "one_off" else None
        funds[f"payment:{row.id}"] = terms.fund.id if terms else row.fund_id
        rows.append(
            {
                "supporter_id": _owner(owners[row.id]), "amount": row.amount, "currency": row.currency,
                "received_on": _day(seen[row.id], how), "kind": _income_kind(owners[row.id]),
                "source_code": terms.source_code if terms else row.commitment_source, "description": "",
                "commitment_id": row.commitment_id, "instalment_id": row.instalment_id,
                "booking_key": f"payment:{row.id}", "booked_at": how.now, "booked_by": how.by.key,
            }
        )  # fmt: skip
    with ExitStack() as postings:
        for day in sorted({row["received_on"] for row in rows}):
            postings.enter_context(FinancialYear.posting(session, day))
        made = session.execute(insert(Gift).returning(Gift.id, Gift.booking_key), rows).all()
        amounts = {row["booking_key"]: row["amount"] for row in rows}
        session.execute(
            insert(Designation),
            [
                {
                    "gift_id": gift_id, "fund_id": funds[key], "amount": amounts[key], "made_at": how.now,
                    "made_by": how.by.key,
                }
                for gift_id, key in made
            ],
        )  # fmt: skip
    owner_of = {row["booking_key"]: row["supporter_id"] for row in rows}
    session.execute(
        insert(AuditEntry),
        [
            {
                "at": how.now, "by": how.by.key, "via": how.by.via, "verb": "book", "subject": "gift",
                "subject_id": gift_id, "supporter_id": owner_of[key], "detail": {},
            }
            for gift_id, key in made
        ],
    )  # fmt: skip
    return {int(key.partition(":")[2]): gift_id for gift_id, key in made}


def _owner(owner: Any) -> int:
    return int(owner.id if isinstance(owner, Supporter) else owner.supporter_id)


def _income_kind(owner: Any) -> str:
    if isinstance(owner, Supporter):
        return owner.income_kind
    return "gift" if owner.supporter_kind == "person" else owner.sector or "company"


def _facts(
    session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot], gifts: Mapping[int, int], how: Learning
) -> dict[int, int]:
    rows = [
        {
            "payment_id": row.id, "account": row.account, "kind": "received", "external_id": seen[row.id].external_id,
            "amount": row.amount, "currency": row.currency, "happened_at": seen[row.id].paid_at,
            "observed_at": how.now, "learnt_by": how.learnt_by, "reason": "", "booked": row.amount,
            "gift_id": gifts[row.id],
        }
        for row in plain
    ]  # fmt: skip
    made = session.execute(insert(PaymentFact).returning(PaymentFact.id, PaymentFact.payment_id), rows).all()
    return {payment_id: fact_id for fact_id, payment_id in made}


def _move(
    session: Session, plain: list[Row[Any]], seen: Mapping[int, Snapshot], gifts: Mapping[int, int],
    owners: Mapping[int, Any], how: Learning,
) -> None:  # fmt: skip
    """Payment, what the gateway knows of it, instalment and checkout: all at their end."""
    connection = session.connection()
    payments, online = Payment.__table__, OnlinePayment.__table__
    connection.execute(
        update(payments)  # type: ignore[arg-type]
        .where(payments.c.id == bindparam("of"))
        .values(state="booked", gift_id=bindparam("gift"), supporter_id=bindparam("owner")),
        [{"of": row.id, "gift": gifts[row.id], "owner": _owner(owners[row.id])} for row in plain],
    )
    connection.execute(
        update(online)  # type: ignore[arg-type]
        .where(online.c.id == bindparam("of"))
        .values(
            step="paid", next_sync_at=None, settled_at=how.now, observed_at=bindparam("seen"),
            external_id=bindparam("name"), transaction_id=bindparam("other"), method=bindparam("how"),
            fee=bindparam("cost"), balance_reference=bindparam("ledger"),
        ),
        [
            {
                "of": row.online_id, "seen": found.observed_at, "name": found.external_id,
                "other": found.transaction_id or row.transaction_id, "how": found.method or row.method,
                "cost": found.fee.amount if found.fee is not None else row.fee,
                "ledger": found.balance_reference or row.balance_reference,
            }
            for row in plain
            for found in (seen[row.id],)
        ],
    )  # fmt: skip
    if instalments := [row.instalment_id for row in plain if row.instalment_id is not None]:
        session.execute(
            update(Instalment)
            .where(Instalment.id.in_(instalments))
            .values(status="paid", not_before_on=None)
            .execution_options(synchronize_session=False)
        )
    if checkouts := [row.checkout_id for row in plain if row.checkout_id is not None]:
        session.execute(
            update(Checkout)
            .where(Checkout.id.in_(checkouts))
            .values(completed_at=how.now)
            .execution_options(synchronize_session=False)
        )


def _thank(
    session: Session, given: list[Row[Any]], gifts: Mapping[int, int], facts: Mapping[int, int],
    owners: Mapping[int, Any], how: Learning,
) -> None:  # fmt: skip
    """A receipt for what somebody gave themselves, as ``announcing.announce`` queues it."""
    if not given:
        return
    people = [owners[row.id] for row in given]
    query = (
        select(ContactPoint.supporter_id, ContactPoint.value)
        .where(
            ContactPoint.supporter_id.in_([person.id for person in people]), ContactPoint.kind == "email",
            ContactPoint.until_on.is_(None),
        )
        .order_by(ContactPoint.id)
    )  # fmt: skip
    addresses: dict[int, str] = {row.supporter_id: row.value for row in session.execute(query)}
    rows = [
        OutboxMessage.row(
            session, "gift_receipt", addresses[owner.id], key=announcing.receipt_key(facts[row.id]),
            subject_id=gifts[row.id], locale=owner.language, priority=URGENT, supporter_id=owner.id,
            now=how.now,
        )
        for row, owner in zip(given, people, strict=True)
        if owner.id in addresses and not owner.is_deceased
    ]  # fmt: skip
    if rows:
        session.execute(insert(OutboxMessage), rows)
