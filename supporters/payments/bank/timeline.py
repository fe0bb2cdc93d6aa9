"""What the bank told of a supporter's money, as entries of the timeline: how it came, and how we knew it was theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from supporters import registry
from supporters.money import Money
from supporters.payments.bank.evidence import EVIDENCE
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.people.timeline import page
from supporters.registry import Place, TimelineEntry

TEXTS = {
    "gift": "%(money)s came by bank transfer on %(on)s, recognised by %(evidence)s",
    "payment": "Debit of %(money)s came in on the bank's statement of %(on)s",
    "return": "Debit of %(money)s went off again on the bank's statement of %(on)s %(reason)s",
    "refund": "Refund of %(money)s left the account on %(on)s",
    "undone": "%(money)s by bank transfer of %(on)s was taken back: it was not theirs",
}


@registry.timeline("bank")
def bank(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(made: BankAllocation) -> tuple[str, str, dict[str, Any]]:
        line = made.line
        kind = made.kind if made.is_standing else "undone"
        params = {
            "money": str(Money(abs(made.amount), line.currency)), "on": line.booked_on.isoformat(),
            "evidence": EVIDENCE.get(made.because, made.because), "because": made.because, "line": line.number,
            "reason": f"({line.reason})" if line.reason else "", "by": made.made_by,
        }  # fmt: skip
        return f"bank_{kind}", TEXTS[kind], params

    query = (
        select(BankAllocation)
        .join(BankLine, BankLine.id == BankAllocation.line_id)
        .options(contains_eager(BankAllocation.line))
        .where(BankAllocation.supporter_id == supporter, BankAllocation.kind.in_(tuple(TEXTS)))
    )
    return page(session, query, BankAllocation.made_at, BankAllocation.id, before, limit, entry, "bank_allocation")
