"""Payments that are under way or came to nothing, as entries of the timeline; those that succeeded are gifts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.payments.payment import Payment
from supporters.people.timeline import page
from supporters.registry import Place, TimelineEntry

_TEXTS = {
    "open": "Debit of %(money)s on its way",
    "failed": "Debit of %(money)s was refused by the bank",
    "returned": "Debit of %(money)s was collected and came back",
}


@registry.timeline("payments")
def payments(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(payment: Payment) -> tuple[str, str, dict[str, Any]]:
        return payment.state, _TEXTS[payment.state], {"money": str(payment.money), "reference": payment.reference}

    query = select(Payment).where(Payment.supporter_id == supporter, Payment.state.in_(list(_TEXTS)))
    return page(session, query, Payment.collect_on, Payment.id, before, limit, entry, "payment")
