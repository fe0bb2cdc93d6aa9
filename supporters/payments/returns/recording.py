"""What a bank tells of debits that did not stay with us, set down once, however it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.payments.payment import Payment
from supporters.payments.returns.reasons import recognised, says_more
from supporters.payments.returns.returned import NotBookedYet, Returned
from supporters.payments.taking_back import AT_THE_BANK, Back, batches, blocks, fail, lock, take_back


class News(NamedTuple):
    """One debit of which a bank says that it was refused or came back."""

    payment: Payment
    reason: str
    told_on: date
    told: str = ""
    line_id: int | None = None
    file_id: int | None = None
    #: Money moved: a line of a statement takes it off again. Else the bank refused it, as far as this news goes.
    collected: bool = False
    kind: str = "return"


def record(session: Session, news: Sequence[News], *, by: Actor, now: datetime) -> list[Returned | Refused]:
    """The row of each, in that order, or why it was refused; what is refused changes nothing.

    Raises YearClosed, for all of them, where one is dated in a closed year.
    """
    payments = lock(session, [each.payment.id for each in news])
    rows: dict[int, Returned] = {}
    for some in blocks(sorted(payments)):
        rows |= {
            each.payment_id: each for each in session.scalars(select(Returned).where(Returned.payment_id.in_(some)))
        }
    sent = _sent(session, payments)
    answers: dict[int, Returned | Refused] = {}
    first: dict[int, News] = {}
    for position, each in enumerate(news):
        payment = payments[each.payment.id]
        if payment.id in rows or payment.id in first:
            continue
        if refusal := _refusal(payment, each, payment.batch_id in sent):
            answers[position] = refusal
        else:
            first[payment.id] = each
    backs = [
        Back(each.payment, each.told_on, recognised(each.reason, each.told) or None, each.kind, each.told[:500])
        for each in first.values()
        if each.payment.state == "booked"
    ]
    fails = [
        (each.payment, recognised(each.reason, each.told) or None)
        for each in first.values()
        if each.payment.state == "open"
    ]
    if backs:
        take_back(session, backs, by=by, now=now)
    if fails:
        fail(session, fails, by=by, now=now)
    new = [_row(each, by=by, now=now) for each in first.values()]
    session.add_all(new)
    session.flush()
    rows |= {row.payment_id: row for row in new}
    for position, each in enumerate(news):
        if position not in answers and (row := rows.get(each.payment.id)) is not None:
            if first.get(each.payment.id) is not each:
                _learn(session, row, each, by=by, now=now)
            answers[position] = row
    session.flush()
    return [answers[position] for position in range(len(news))]


def _sent(session: Session, payments: dict[int, Payment]) -> set[int | None]:
    of = sorted({each.batch_id for each in payments.values() if each.batch_id is not None})
    return {
        key
        for some in blocks(of)
        for key, state in session.execute(select(batches).where(batches.c.id.in_(some)))
        if state in AT_THE_BANK
    }


def _refusal(payment: Payment, news: News, is_sent: bool) -> Refused | None:
    if payment.gateway != "sepa":
        return Refused(
            "Payment %(reference)s did not go through our bank: its gateway tells what came back.",
            reference=payment.reference,
        )
    if payment.state == "cancelled" or (payment.state == "open" and not is_sent):
        return Refused("Debit %(reference)s was not sent to the bank, as far as we know.", reference=payment.reference)
    if payment.state == "open" and news.collected:
        return NotBookedYet(
            "Debit %(reference)s was collected and came back, but its collection is not booked yet: book that first.",
            reference=payment.reference,
        )
    return None


def _row(news: News, *, by: Actor, now: datetime) -> Returned:
    payment = news.payment
    instalment = payment.instalment
    return Returned(
        payment_id=payment.id, supporter_id=payment.supporter_id,
        commitment_id=instalment.commitment_id if instalment is not None else None,
        stage="returned" if payment.state == "returned" else "rejected",
        reason=recognised(news.reason, news.told), told=_words(news), told_on=news.told_on, amount=payment.amount,
        currency=payment.currency, line_id=news.line_id, file_id=news.file_id, recorded_at=now, recorded_by=by.key,
    )  # fmt: skip


def _words(news: News) -> str:
    return " ".join((news.told or news.reason).split())[:255]


def _learn(session: Session, row: Returned, news: News, *, by: Actor, now: datetime) -> None:
    """Another file tells of the same: it may know the reason, or be the line that the money went off with."""
    code = recognised(news.reason, news.told)
    if says_more(code, row.reason):
        audit.record(session, by, "learn", row, now=now, reason=code, was=row.reason)
        row.reason = code
        row.told = _words(news) or row.told
    elif not row.told:
        row.told = _words(news)
    if row.line_id is None:
        row.line_id = news.line_id
    if row.file_id is None:
        row.file_id = news.file_id
