"""What `achterban check` looks for in payments and collections: every euro on its way is somewhere, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from supporters.documents import Document
from supporters.giving.gift import Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.payments.payment import Payment
from supporters.payments.sepa.batch import CollectionBatch, CollectionFile
from supporters.payments.sepa.selection import Exclusion
from supporters.registry import Finding, broken, check

#: What a payment may be while its collection is in each state.
_TOGETHER = {
    "prepared": ("open", "cancelled"),
    "approved": ("open", "cancelled"),
    "exported": ("open", "failed", "cancelled"),
    "booked": ("booked", "returned", "failed", "cancelled"),
    "cancelled": ("cancelled",),
}


@check("payments")
def payments(session: Session, *, now: datetime) -> Iterator[Finding]:
    """An instalment is collected once, and its status, its payment and its gift tell one story."""
    yield from broken(
        session,
        "collected-once",
        "instalment",
        select(Payment.instalment_id, func.count().label("found"))
        .where(Payment.instalment_id.is_not(None), Payment.state.in_(("open", "booked")))
        .group_by(Payment.instalment_id)
        .having(func.count() > 1)
        .order_by(Payment.instalment_id),
        "has %(found)s payments that are open or booked",
    )
    for status, state in (("claimed", "open"), ("paid", "booked")):
        held: ColumnElement[bool] = exists().where(Payment.instalment_id == Instalment.id, Payment.state == state)
        if status == "paid":
            # Paid by other means than a payment of ours: a transfer that somebody booked on it.
            held = or_(held, exists().where(Gift.instalment_id == Instalment.id))
        yield from broken(
            session,
            "instalment-follows-payment",
            "instalment",
            select(Instalment.id).where(Instalment.status == status, ~held).order_by(Instalment.id),
            f"is {status}, and no payment of it is {state}",
        )
        yield from broken(
            session,
            "instalment-follows-payment",
            "instalment",
            select(Instalment.id, Instalment.status.label("status"), Payment.reference.label("reference"))
            .join(Payment, Payment.instalment_id == Instalment.id)
            .where(Payment.state == state, Instalment.status != status)
            .order_by(Instalment.id),
            f"is %(status)s, and its payment %(reference)s is {state}",
        )
    yield from _gifts(session)


def _gifts(session: Session) -> Iterator[Finding]:
    yield from broken(
        session,
        "payment-is-the-gift",
        "payment",
        select(Payment.id, Payment.amount.label("amount"), Gift.amount.label("gift"))
        .join(Gift, Gift.id == Payment.gift_id)
        .where(
            or_(
                Gift.amount != Payment.amount,
                Gift.currency != Payment.currency,
                Gift.supporter_id != Payment.supporter_id,
                Gift.instalment_id.is_distinct_from(Payment.instalment_id),
            )
        )
        .order_by(Payment.id),
        "of %(amount)s cents booked a gift of %(gift)s, or one of somebody or something else",
    )
    yield from broken(
        session,
        "payment-is-the-gift",
        "payment",
        select(Payment.id, Payment.state.label("state"))
        .where(Payment.gift_id.is_not(None) != Payment.state.in_(("booked", "returned")))
        .order_by(Payment.id),
        "is %(state)s, which does not fit with whether it booked a gift",
    )
    yield from broken(
        session,
        "payment-is-the-gift",
        "gift",
        select(Gift.id, Gift.booking_key.label("key"))
        .outerjoin(Payment, Payment.gift_id == Gift.id)
        .where(Gift.booking_key.like("payment:%"), Payment.id.is_(None))
        .order_by(Gift.id),
        "was booked for %(key)s, which does not know of it",
    )
    back = select(Reversal.gift_id, func.sum(Reversal.amount).label("total")).group_by(Reversal.gift_id).subquery()
    yield from broken(
        session,
        "returned-is-reversed",
        "payment",
        select(Payment.id, Payment.amount.label("amount"), func.coalesce(back.c.total, 0).label("total"))
        .outerjoin(back, back.c.gift_id == Payment.gift_id)
        .where(Payment.state == "returned", func.coalesce(back.c.total, 0) != Payment.amount)
        .order_by(Payment.id),
        "of %(amount)s cents came back, and %(total)s of its gift is reversed",
    )


@check("collections")
def collections(session: Session, *, now: datetime) -> Iterator[Finding]:
    """What a collection counts is what is in it, what is in its files, and what the bank was sent."""
    yield from _counts(session)
    number = literal("B") + cast(CollectionBatch.id, String)
    wrong: list[ColumnElement[bool]] = [
        and_(CollectionBatch.state == state, Payment.state.not_in(states)) for state, states in _TOGETHER.items()
    ]
    yield from broken(
        session,
        "collection-adds-up",
        "payment",
        select(
            Payment.id,
            Payment.state.label("state"),
            number.label("number"),
            CollectionBatch.state.label("batch_state"),
        )
        .join(CollectionBatch, CollectionBatch.id == Payment.batch_id)
        .where(or_(*wrong))
        .order_by(Payment.id),
        "is %(state)s, while its collection %(number)s is %(batch_state)s",
    )
    yield from broken(
        session,
        "left-out-or-collected",
        "exclusion",
        select(Exclusion.id, Exclusion.reason.label("reason"))
        .join(Payment, and_(Payment.batch_id == Exclusion.batch_id, Payment.instalment_id == Exclusion.instalment_id))
        .where(Payment.state != "cancelled")
        .order_by(Exclusion.id),
        "says that an instalment was left out (%(reason)s) of a collection that has it",
    )
    yield from broken(
        session,
        "left-out-or-collected",
        "exclusion",
        select(Exclusion.id)
        .outerjoin(CollectionBatch, CollectionBatch.id == Exclusion.batch_id)
        .outerjoin(Instalment, Instalment.id == Exclusion.instalment_id)
        .where(or_(CollectionBatch.id.is_(None), Instalment.id.is_(None)))
        .order_by(Exclusion.id),
        "belongs to a collection or an instalment that is not there",
    )
    yield from broken(
        session,
        "mandate-was-used",
        "mandate",
        select(Mandate.id, func.max(Payment.collect_on).label("sent"))
        .join(Payment, Payment.mandate_id == Mandate.id)
        .join(CollectionBatch, CollectionBatch.id == Payment.batch_id)
        .where(CollectionBatch.state.in_(("exported", "booked")), Payment.state != "cancelled")
        .group_by(Mandate.id, Mandate.last_used_on)
        .having(func.coalesce(func.max(Payment.collect_on) > Mandate.last_used_on, literal(True)))
        .order_by(Mandate.id),
        "was sent to the bank for %(sent)s, and does not say so",
    )


def _counts(session: Session) -> Iterator[Finding]:
    message = "says %(count)s debits of %(total)s cents, and has %(found)s of %(found_total)s"

    def summed(count: Any, total: Any, of: Any, *conditions: Any) -> Any:
        return (
            select(of.label("batch_id"), count.label("count"), total.label("total"))
            .where(*conditions)
            .group_by(of)
            .subquery()
        )

    lines = summed(func.count(), func.sum(Payment.amount), Payment.batch_id, Payment.state != "cancelled")
    files = summed(func.sum(CollectionFile.count), func.sum(CollectionFile.total), CollectionFile.batch_id)
    for rule, found, states in (
        ("collection-counts-its-payments", lines, ("prepared", "approved", "exported", "booked")),
        ("collection-is-its-files", files, ("approved", "exported", "booked")),
    ):
        count, total = func.coalesce(found.c.count, 0), func.coalesce(found.c.total, 0)
        yield from broken(
            session,
            rule,
            "collection",
            select(
                CollectionBatch.id,
                CollectionBatch.count.label("count"),
                CollectionBatch.total.label("total"),
                count.label("found"),
                total.label("found_total"),
            )
            .outerjoin(found, found.c.batch_id == CollectionBatch.id)
            .where(
                CollectionBatch.state.in_(states),
                or_(count != CollectionBatch.count, total != CollectionBatch.total),
            )
            .order_by(CollectionBatch.id),
            message,
        )


@check("documents")
def documents(session: Session, *, now: datetime) -> Iterator[Finding]:
    """The files that the bank got are still, byte for byte, what was approved."""
    rows = select(CollectionFile, Document).join(Document, Document.id == CollectionFile.document_id)
    for file, document in session.execute(rows.order_by(CollectionFile.id)).all():
        subject = f"file {file.sequence} of collection {file.batch_id}"
        if file.sha256 != document.sha256:
            yield Finding("file-is-as-approved", subject, "has another hash than its document")
        try:
            for _ in document.chunks(session):
                pass
        except ValueError as error:
            yield Finding("file-is-as-approved", subject, str(error))
