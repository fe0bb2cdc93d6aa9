"""Debits that the bank refused and payments that were taken back, many at once: one file tells of hundreds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session, selectinload

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving.gift import Gift, Reversal
from supporters.giving.year import FinancialYear
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.people.supporter import Supporter
from supporters.tasks import Task

T = TypeVar("T")
# The collection's class stands above; these two columns of it are all that a payment asks for.
batches = table("supporters_collection_batch", column("id"), column("state"))
AT_THE_BANK = ("exported", "booked")
BLOCK = 1_000


class Back(NamedTuple):
    """That one payment was taken back."""

    payment: Payment
    on: date
    reason_code: str | None = None
    kind: str = "return"
    description: str = ""


def blocks(items: Sequence[T], size: int = BLOCK) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def lock(session: Session, payment_ids: Sequence[int]) -> dict[int, Payment]:
    """These payments as they are now, until the transaction ends; each with its instalment.

    The collections first: booking one and the news that one of its lines failed follow each other.
    """
    session.flush()
    ids = sorted(set(payment_ids))
    of: set[int] = set()
    for some in blocks(ids):
        theirs = select(Payment.batch_id).where(Payment.id.in_(some), Payment.batch_id.is_not(None)).distinct()
        of.update(each for each in session.scalars(theirs) if each is not None)
    if of:
        session.execute(
            select(batches.c.id).where(batches.c.id.in_(sorted(of))).order_by(batches.c.id).with_for_update()
        )
    found: dict[int, Payment] = {}
    for some in blocks(ids):
        rows = select(Payment).where(Payment.id.in_(some)).order_by(Payment.id).with_for_update()
        rows = rows.options(selectinload(Payment.instalment)).execution_options(populate_existing=True)
        found |= {each.id: each for each in session.scalars(rows)}
    return found


def take_back(session: Session, backs: Sequence[Back], *, by: Actor, now: datetime) -> dict[int, Reversal | None]:
    """The reversal of each payment, or None where nothing of its gift was left. What was told before stays as it is."""
    payments = lock(session, [back.payment.id for back in backs])
    for payment in payments.values():
        if payment.state not in ("booked", "returned") or payment.gift_id is None:
            raise Refused(
                "Payment %(reference)s is %(state)s: only a booked one can be returned.",
                reference=payment.reference,
                state=payment.state,
            )
    gifts = _gifts(session, [payment.gift_id for payment in payments.values() if payment.gift_id is not None])
    made: dict[int, Reversal | None] = {}
    new: dict[date, list[Reversal]] = defaultdict(list)
    moved: list[tuple[Payment, str | None, int, list[Reversal]]] = []
    for payment, on, reason_code, kind, description in backs:
        gift, reversals = gifts[payment.gift_id or 0]
        key = f"payment:{payment.id}:returned"
        left = gift.amount - sum(each.amount for each in reversals)
        known = next((each for each in reversals if each.booking_key == key), None)
        made[payment.id] = known
        if known is None and left > 0:
            made[payment.id] = back = Reversal(
                gift_id=gift.id, amount=left, reversed_on=on, kind=kind, reason_code=reason_code,
                description=description, booking_key=key, booked_at=now, booked_by=by.key,
            )  # fmt: skip
            new[on].append(back)
        if payment.state == "booked":
            moved.append((payment, reason_code, left, reversals))
    _post(session, new, gifts, by=by, now=now)  # First, because a year that is closed refuses it.
    for payment, reason_code, left, reversals in moved:
        payment.state = "returned"
        if payment.instalment is not None:
            payment.instalment.status = "returned"
        session.add(audit.line_of(by, "return", payment, now=now, reason_code=reason_code))
        _tell_twice(session, payment, left, reversals, by=by, now=now)
    if moved:
        session.flush()
        hooks.fire("payments_returned", session, payment_ids=[each[0].id for each in moved], by=by, now=now)
    return made


def _gifts(session: Session, gift_ids: Sequence[int]) -> dict[int, tuple[Gift, list[Reversal]]]:
    found: dict[int, tuple[Gift, list[Reversal]]] = {}
    for some in blocks(sorted(set(gift_ids))):
        rows = select(Gift).where(Gift.id.in_(some)).order_by(Gift.id).with_for_update(key_share=True)
        found |= {each.id: (each, []) for each in session.scalars(rows.execution_options(populate_existing=True))}
        for back in session.scalars(select(Reversal).where(Reversal.gift_id.in_(some)).order_by(Reversal.id)):
            found[back.gift_id][1].append(back)
    return found


def _post(
    session: Session,
    new: dict[date, list[Reversal]],
    gifts: dict[int, tuple[Gift, list[Reversal]]],
    *,
    by: Actor,
    now: datetime,
) -> None:
    posted: list[Reversal] = []
    for on, rows in sorted(new.items()):
        with FinancialYear.posting(session, on, "reversed_on"):
            session.add_all(rows)
        posted += rows
    if not posted:
        return
    for back in posted:
        gift = gifts[back.gift_id][0]
        session.expire(gift, ["reversals"])
        session.add(audit.line_of(by, "reverse", gift, now=now, amount=back.amount, kind=back.kind))
    session.flush()
    hooks.fire("gifts_reversed", session, reversal_ids=[back.id for back in posted], by=by, now=now)


def twice_key(payment_id: int) -> str:
    return f"paid-twice:{payment_id}"


def _tell_twice(
    session: Session, payment: Payment, left: int, reversals: list[Reversal], *, by: Actor, now: datetime
) -> None:
    """We had given it back ourselves, and now it was taken back too: the bank paid it out twice."""
    given = sum(each.amount for each in reversals if each.kind in ("refund", "reinstated"))
    lost = min(payment.amount - left, given)
    if lost <= 0:
        return
    supporter = session.get_one(Supporter, payment.supporter_id)
    Task.raise_(
        session, "paid_back_twice",
        "%(name)s got %(lost)s of debit %(reference)s back twice: by our refund, and through their bank. Ask for it"
        " back, or let it go; finish this task with what came of it.",
        by=by, now=now, key=twice_key(payment.id), supporter_id=payment.supporter_id,
        name=supporter.name, lost=str(Money(lost, payment.currency)), reference=payment.reference,
        amount=lost, currency=payment.currency,
    )  # fmt: skip


def fail(session: Session, failed: Sequence[tuple[Payment, str | None]], *, by: Actor, now: datetime) -> None:
    """The bank refused these before money moved. Raises Refused where one is not at the bank, or no longer open."""
    payments = lock(session, [payment.id for payment, _ in failed])
    there: dict[int, str] = {}
    of = sorted({each.batch_id for each in payments.values() if each.batch_id is not None})
    for some in blocks(of):
        for key, state in session.execute(select(batches.c.id, batches.c.state).where(batches.c.id.in_(some))):
            there[key] = state
    lines: list[Any] = []
    for payment, reason_code in failed:
        if payment.state == "failed":
            continue
        if payment.state != "open":
            raise Refused(
                "Payment %(reference)s is %(state)s: only an open one can fail.",
                reference=payment.reference,
                state=payment.state,
            )
        if payment.gateway == "sepa" and there.get(payment.batch_id or 0) not in AT_THE_BANK:
            raise Refused(
                "Payment %(reference)s is not at the bank yet: only what was sent can fail.",
                reference=payment.reference,
            )
        payment.state = "failed"
        if payment.instalment is not None:
            payment.instalment.status = "returned"
        lines.append(audit.line_of(by, "fail", payment, now=now, reason_code=reason_code))
    session.add_all(lines)
    session.flush()
