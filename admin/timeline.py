"""One timeline of a supporter: gifts, what went back, and every change that left a trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from admin.access import may
from admin.audit_lines import describe
from admin.blueprint import NAME
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.labels import badge, label
from supporters import (
    AuditEntry,
    Commitment,
    Designation,
    Gift,
    Money,
    OnlinePayment,
    Payment,
    Returned,
    Reversal,
    Supporter,
)  # fmt: skip
from supporters.payments import timeline as payments_timeline
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.returns.reasons import reason_of

SHOWN = 30

#: Audit lines that say what a gift, reversal or payment in the timeline says already.
_SAID_ELSEWHERE = {("book", "gift"), ("thank", "gift"), ("reverse", "gift"), ("fail", "payment")}


#: What the library says of payments that no gift tells of; the catalogue finds it here.
_OF_PAYMENTS = (
    lazy("Debit of %(money)s on its way"), lazy("Debit of %(money)s was refused by the bank"),
    lazy("Debit of %(money)s was collected and came back"), lazy("Online payment of %(money)s under way"),
    lazy("Online payment of %(money)s failed"), lazy("Online payment of %(money)s was broken off"),
    lazy("Online payment of %(money)s was taken back by the donor"),
    lazy("Online payment of %(money)s came in a second time"), lazy("Charge of %(money)s under way"),
    lazy("Charge of %(money)s failed"), lazy("Charge of %(money)s was broken off"),
    lazy("Charge of %(money)s was taken back by the donor"), lazy("Charge of %(money)s came in a second time"),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    day: date
    rank: int  # which source; entries of one day stand in a fixed order
    id: int
    text: str
    note: str = ""
    amount: str = ""
    badge: tuple[str, str] | None = None
    href: str | None = None

    @property
    def cursor(self) -> str:
        return f"{self.day.isoformat()}.{self.rank}.{self.id}"


def entries(session: Session, person: Supporter, before: str | None, show: str) -> tuple[list[Entry], str | None]:
    """The newest entries (before the cursor, where one is given) and the cursor of what comes earlier."""
    place = _place(before)
    sources: list[Callable[..., list[Entry]]] = []
    if show in ("all", "money"):
        sources += [_gifts, _reversals, _payments]
    if show in ("all", "changes"):
        sources += [_changes]
    found = [entry for source in sources for entry in source(session, person, place)]
    found.sort(key=lambda entry: (entry.day, entry.rank, entry.id), reverse=True)
    shown = found[:SHOWN]
    return shown, shown[-1].cursor if len(found) > SHOWN else None


def _place(before: str | None) -> tuple[date, int, int] | None:
    try:
        day, rank, key = (before or "").split(".")
        return date.fromisoformat(day), int(rank), int(key)
    except ValueError:
        return None


def _earlier(query: Select[Any], day: Any, key: Any, rank: int, place: tuple[date, int, int] | None) -> Select[Any]:
    if place is not None:
        until, their_rank, their_id = place
        same = (
            and_(day == until, key < their_id) if rank == their_rank else (day == until if rank < their_rank else None)
        )
        query = query.where(day < until if same is None else or_(day < until, same))
    return query.order_by(day.desc(), key.desc()).limit(SHOWN + 1)


def _gifts(session: Session, person: Supporter, place: Any) -> list[Entry]:
    query = (
        select(Gift)
        .where(Gift.supporter_id == person.id)
        .options(selectinload(Gift.designations).joinedload(Designation.fund))
    )
    found = session.scalars(_earlier(query, Gift.received_on, Gift.id, 1, place)).all()
    told = _told_by_the_bank(session, [gift.id for gift in found])
    return [
        Entry(
            gift.received_on,
            1,
            gift.id,
            _("Gift through a commitment") if gift.commitment_id else label("gift", gift.kind),
            note=" · ".join(
                filter(
                    None, [gift.description, ", ".join(d.fund.name for d in gift.designations), told.get(gift.id, "")]
                )
            ),
            amount=money(gift.money),
            href=url_for(f"{NAME}.gift_page", gift_id=gift.id),
        )
        for gift in found
    ]


def _told_by_the_bank(session: Session, gift_ids: list[int]) -> dict[int, str]:
    """Of each gift that a line of the bank brought: when, and how we knew whose it was."""
    query = (
        select(BankAllocation.gift_id, BankAllocation.because, BankLine.booked_on)
        .join(BankLine, BankLine.id == BankAllocation.line_id)
        .where(BankAllocation.gift_id.in_(gift_ids), BankAllocation.kind == "gift")
        .order_by(BankAllocation.id)
    )
    return {
        gift_id: _("by bank transfer on %(day)s: %(why)s", day=day(on), why=_lower(label("match_evidence", because)))
        for gift_id, because, on in session.execute(query)
    }


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _reversals(session: Session, person: Supporter, place: Any) -> list[Entry]:
    query = select(Reversal).join(Gift).where(Gift.supporter_id == person.id).options(joinedload(Reversal.gift))
    return [
        Entry(
            back.reversed_on,
            2,
            back.id,
            label("reversal", back.kind),
            note=_why_back(back),
            amount=money(-Money(back.amount, back.gift.currency)),
            badge=badge("reversal", back.kind),
            href=url_for(f"{NAME}.gift_page", gift_id=back.gift_id),
        )
        for back in session.scalars(_earlier(query, Reversal.reversed_on, Reversal.id, 2, place))
    ]


def _why_back(back: Reversal) -> str:
    """The bank's code with what it means; else what somebody wrote."""
    if back.kind in ("return", "chargeback") and back.reason_code:
        return f"{back.reason_code}: {_(reason_of(back.reason_code, back.reversed_on).meaning)}"
    return back.reason_code or back.description


def _payments(session: Session, person: Supporter, place: Any) -> list[Entry]:
    """Those that no gift tells of: under way, failed, broken off; and what came in a second time."""
    query = (
        payments_timeline.to_tell(person.id)
        .outerjoin(Returned, Returned.payment_id == Payment.id)
        .add_columns(OnlinePayment, Returned)
        .where(Payment.state != "returned")
    )
    return [
        Entry(
            payment.collect_on,
            0,
            payment.id,
            _(payments_timeline.text_of(payment, online), money=money(payment.money)),
            note=label("failure_code", online.failure_code) if online is not None else _why_refused(back),
            href=_to_payment(payment, online, back),
        )
        for payment, online, back in session.execute(_earlier(query, Payment.collect_on, Payment.id, 0, place))
    ]


def _why_refused(back: Returned | None) -> str:
    return f"{back.reason or '–'}: {_(back.why.meaning)}" if back is not None else ""


def _to_payment(payment: Payment, online: OnlinePayment | None, back: Returned | None) -> str | None:
    if not may("money.see"):
        return None
    if online is not None:
        return url_for(f"{NAME}.online_payment", payment_id=payment.id)
    return url_for(f"{NAME}.return_page", returned_id=back.id) if back is not None else None


def _changes(session: Session, person: Supporter, place: Any) -> list[Entry]:
    query = select(AuditEntry).where(AuditEntry.supporter_id == person.id)
    for verb, subject in _SAID_ELSEWHERE:
        query = query.where(or_(AuditEntry.verb != verb, AuditEntry.subject != subject))
    if place is not None:
        until, rank, key = place
        start = datetime.combine(until, time(), UTC)
        same_day = and_(AuditEntry.at < start + timedelta(days=1), AuditEntry.at >= start)
        earlier = AuditEntry.at < start
        if rank == 3:
            query = query.where(or_(earlier, and_(same_day, AuditEntry.id < key)))
        else:
            query = query.where(earlier)
    # Newest first by day and then by id, as the others.
    found = session.scalars(query.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(SHOWN + 1))
    return [Entry(line.at.date(), 3, line.id, describe(line), note=_by(line), href=_to(line)) for line in found]


def _by(line: AuditEntry) -> str:
    kind, _sep, name = line.by.partition(":")
    reason = (line.detail or {}).get("reason")
    who = name if kind == "person" else _("%(name)s (automatic)", name=name)
    return f"{label('end_reason', label('mandate_end', str(reason)))} · {who}" if reason else who


def _to(line: AuditEntry) -> str | None:
    if line.subject == "returned" and line.subject_id and may("money.see"):
        return url_for(f"{NAME}.return_page", returned_id=line.subject_id)
    if line.subject == Commitment.__tablename__.split("_", 1)[1] and line.subject_id:
        return url_for(f"{NAME}.commitment_page", commitment_id=line.subject_id)
    return None
