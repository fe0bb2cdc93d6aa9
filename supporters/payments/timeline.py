"""Payments that are under way or came to nothing, as entries of the timeline; those that succeeded are gifts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from supporters.people.timeline import page
from supporters.registry import Place, TimelineEntry

_DEBITS = {
    "open": "Debit of %(money)s on its way",
    "failed": "Debit of %(money)s was refused by the bank",
    "returned": "Debit of %(money)s was collected and came back",
}
#: Through a gateway: what a donor was to pay at its page, and what was charged without them.
_ONLINE = {
    "open": "Online payment of %(money)s under way",
    "failed": "Online payment of %(money)s failed",
    "cancelled": "Online payment of %(money)s was broken off",
    "returned": "Online payment of %(money)s was taken back by the donor",
    "booked": "Online payment of %(money)s came in a second time",
}
_CHARGES = {
    "open": "Charge of %(money)s under way",
    "failed": "Charge of %(money)s failed",
    "cancelled": "Charge of %(money)s was broken off",
    "returned": "Charge of %(money)s was taken back by the donor",
    "booked": "Charge of %(money)s came in a second time",
}


def text_of(payment: Payment, online: OnlinePayment | None) -> str:
    """What became of it, as a template over ``money``."""
    if online is None:
        return _DEBITS[payment.state]
    return (_CHARGES if online.purpose == "recurring" else _ONLINE)[payment.state]


def to_tell(supporter: int) -> Any:
    """The payments of a supporter that no gift tells of; of a setup, no money was to come."""
    return (
        select(Payment)
        .outerjoin(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(
            Payment.supporter_id == supporter,
            Payment.state.in_(("open", "failed", "returned"))
            | (Payment.state == "cancelled") & OnlinePayment.purpose.in_(("one_off", "first"))
            | OnlinePayment.duplicate_of_id.is_not(None),
            OnlinePayment.purpose.is_distinct_from("setup"),
        )
    )


@registry.timeline("payments")
def payments(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(payment: Payment) -> tuple[str, str, dict[str, Any]]:
        online = (
            None
            if payment.gateway == "sepa"
            else session.scalar(select(OnlinePayment).where(OnlinePayment.payment_id == payment.id))
        )
        return payment.state, text_of(payment, online), {"money": str(payment.money), "reference": payment.reference}

    return page(session, to_tell(supporter), Payment.collect_on, Payment.id, before, limit, entry, "payment")
