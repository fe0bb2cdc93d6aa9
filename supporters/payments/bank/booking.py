"""Booking what is matched, all of it in a handful of statements: collections first, then returns, then gifts.

A gift counts on the day on which the bank booked it: the books and the balance of the account then agree at the end
of every day and year. The value date is the bank's, for interest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    case,
    cast,
    exists,
    extract,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.bulk import among
from supporters.errors import AchterbanError, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gift import Designation, Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.giving.year import FinancialYear
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.payments.bank.matching import match, take_turn
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.payment import Payment
from supporters.payments.returns import recording
from supporters.payments.returns.recording import News
from supporters.payments.returns.returned import NotBookedYet
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.supporter import Supporter

BLOCK, RETURNS = 10_000, 1_000
#: What a gift is for where nobody said so.
DEFAULT_FUND = "general"
#: How a line stands after it, where it is not booked as anything of a supporter's.
SETTLED = {"other": "set_aside"}


@dataclass(slots=True)
class Booked:
    """What was booked, and the lines that were not, each with the sentence that says why."""

    gifts: int = 0
    gifts_total: int = 0  # minor units
    collections: int = 0  # collections that had not been booked before
    lines: dict[str, int] = field(default_factory=dict)  # by kind
    left: dict[int, AchterbanError] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.lines.values())

    def __str__(self) -> str:
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(self.lines.items())) or "nothing"
        left = "".join(f"\nL{line_id:06d}: {error.message}" for line_id, error in sorted(self.left.items()))
        return f"Booked: {told}.{left}"


@dataclass(frozen=True, slots=True)
class Run:
    """Who books, when, and which lines."""

    session: Session
    by: Actor
    now: datetime
    today: date
    scope: tuple[ColumnElement[bool], ...]
    done: Booked

    @property
    def posted(self) -> Any:
        return literal(self.now, BankAllocation.made_at.type)

    def matched(self, *kinds: str) -> list[ColumnElement[bool]]:
        return [BankLine.state == "matched", BankLine.kind.in_(kinds), *self.scope]


def book_matched(
    session: Session,
    *,
    by: Actor,
    now: datetime,
    today: date | None = None,
    account: OurAccount | None = None,
    ids: Iterable[int] | None = None,
) -> Booked:
    """Book every matched line, or those of one account of ours, or these. In the caller's transaction.

    A line that cannot be booked keeps no other waiting. Run again it books what is left, and nothing twice.
    """
    session.flush()
    take_turn(session)
    scope = [] if account is None else [BankLine.account_id == account.id]
    scopes: list[list[ColumnElement[bool]]] = [scope]
    if ids is not None:
        wanted = sorted(ids)
        scopes = [[*scope, BankLine.id.in_(wanted[at : at + BLOCK])] for at in range(0, len(wanted), BLOCK)]
    done = Booked()
    for each in scopes:
        run = Run(session, by, now, today or now.date(), tuple(each), done)
        _collections(run)
        _returns(run)
        _gifts(run)
        _others(run)
        _say_what_is_left(run)
    if done.count:
        audit.record(session, by, "book", "bank_lines", now=now, **done.lines)
    session.flush()
    session.expire_all()
    return done


# -- what a collection brought ----------------------------------------------------------------------------------


def _collections(run: Run) -> None:
    """A collection is booked as a whole when the first of its money comes; what else of it comes is set against it.

    What the bank said no to before is not in it, and what it says no to later comes back as a return.
    """
    session = run.session
    asked = run.matched("collection", "payment")
    batches = select(CollectionBatch).where(
        CollectionBatch.id.in_(select(BankLine.batch_id).where(*asked)), CollectionBatch.state == "exported"
    )
    for batch in session.scalars(batches.order_by(CollectionBatch.id)).all():
        batch_id = batch.id
        try:
            with session.begin_nested():
                batch.book(session, by=run.by, now=run.now, today=run.today)
            run.done.collections += 1
        except AchterbanError as error:
            _leave(run, list(session.scalars(select(BankLine.id).where(*asked, BankLine.batch_id == batch_id))), error)
    in_the_books = [CollectionBatch.id == BankLine.batch_id, CollectionBatch.state == "booked"]
    whole = run.matched("collection")
    _allocate(run, select(BankLine).join(CollectionBatch, in_the_books[0]).where(*whole, in_the_books[1]))
    _settle(run, "collection", *whole, exists().where(*in_the_books))
    single = run.matched("payment")
    came = [Payment.id == BankLine.payment_id, Payment.state.in_(("booked", "returned"))]
    _allocate(run, select(BankLine).join(Payment, came[0]).where(*single, came[1]), gift_id=Payment.gift_id)
    _settle(run, "payment", *single, exists().where(*came))


# -- what came back ---------------------------------------------------------------------------------------------


def _returns(run: Run) -> None:
    """Each debit that the bank took off again, on the day it left; one whose collection is not booked waits for it."""
    session = run.session
    shut = select(FinancialYear.year).where(FinancialYear.closed_at.is_not(None))
    query = (
        select(BankLine, Payment)
        .join(Payment, Payment.id == BankLine.payment_id)
        .where(*run.matched("return"), extract("year", BankLine.booked_on).not_in(shut))
        .order_by(BankLine.booked_on, BankLine.id)
    )
    found = session.execute(query).all()
    for start in range(0, len(found), RETURNS):
        some = found[start : start + RETURNS]
        news = [news_of(line, payment) for line, payment in some]
        ids = [line.id for line, _ in some]
        try:
            with session.begin_nested():
                answers = recording.record(session, news, by=run.by, now=run.now)
        except AchterbanError as error:
            _leave(run, ids, error)
            continue
        done = [line_id for line_id, answer in zip(ids, answers, strict=True) if not isinstance(answer, Refused)]
        for line_id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, NotBookedYet):
                _leave(run, [line_id], answer, "not_booked_yet")
            elif isinstance(answer, Refused):
                _leave(run, [line_id], answer)
        here = [*run.matched("return"), BankLine.id.in_(done)]
        _allocate(
            run,
            select(BankLine)
            .join(Payment, Payment.id == BankLine.payment_id)
            .outerjoin(Reversal, Reversal.booking_key == returned_key())
            .where(*here),
            gift_id=Payment.gift_id,
            reversal_id=Reversal.id,
        )
        _settle(run, "return", *here)


def news_of(line: BankLine, payment: Payment) -> News:
    return News(payment, line.reason, line.booked_on, told=line.text[:255], line_id=line.id, collected=True)


def returned_key() -> ColumnElement[str]:
    """The booking key of what a debit's return reversed."""
    return literal("payment:") + cast(Payment.id, String) + ":returned"


# -- gifts ------------------------------------------------------------------------------------------------------


def _gifts(run: Run) -> None:
    session = run.session
    general = session.scalar(select(Fund).where(Fund.code == DEFAULT_FUND))
    general_id = general.id if general is not None else None
    gift_ids: list[int] = []
    for low, high in _blocks(session, run.matched("gift")):
        here = [*run.matched("gift"), BankLine.id.between(low, high)]
        _lock_promises(session, here)
        gift_ids += _post(run, here, general_id)
    if gift_ids and hooks.listened_to("gifts_booked"):
        session.expire_all()
        hooks.fire("gifts_booked", session, gift_ids=gift_ids, by=run.by, now=run.now)


def _blocks(session: Session, asked: list[ColumnElement[bool]]) -> Iterator[tuple[int, int]]:
    """Ranges of ids that hold so many of these lines."""
    last = 0
    while True:
        ids = select(BankLine.id).where(*asked, BankLine.id > last).order_by(BankLine.id).limit(BLOCK).subquery()
        low, high = session.execute(select(func.min(ids.c.id), func.max(ids.c.id))).one()
        if low is None:
            return
        yield low, high
        last = high


def _lock_promises(session: Session, here: list[ColumnElement[bool]]) -> None:
    """Whoever skips or changes an instalment at the same time comes before or after us."""
    promised = select(BankLine.commitment_id).where(*here, BankLine.instalment_id.is_not(None))
    query = select(Commitment.id).where(Commitment.id.in_(promised)).order_by(Commitment.id)
    session.execute(query.with_for_update(key_share=True)).all()


def booking_key() -> ColumnElement[str]:
    """ "bank:17"; a line that was taken back books under another."""
    again = case((BankLine.attempt == 1, ""), else_=literal(":") + cast(BankLine.attempt, String))
    return literal("bank:") + cast(BankLine.id, String) + again


def _post(run: Run, here: list[ColumnElement[bool]], general_id: int | None) -> list[int]:
    """The gifts of a block of lines whose supporter, instalment, fund and year still take them."""
    session, key = run.session, booking_key()
    shut = select(FinancialYear.year).where(FinancialYear.closed_at.is_not(None))
    rows: Any = (
        select(
            BankLine.supporter_id, BankLine.amount, BankLine.currency, BankLine.booked_on,
            # Supporter.income_kind, as the database says it.
            case((Supporter.kind == "person", "gift"), else_=func.coalesce(Supporter.sector, "company")),
            Commitment.source_code, literal(""), BankLine.commitment_id, BankLine.instalment_id, key, run.posted,
            literal(run.by.key),
        )
        .join(Supporter, Supporter.id == BankLine.supporter_id)
        .outerjoin(Commitment, Commitment.id == BankLine.commitment_id)
        .outerjoin(Instalment, Instalment.id == BankLine.instalment_id)
        .join(Fund, Fund.id == func.coalesce(Commitment.fund_id, general_id))
        .where(
            *here,
            Supporter.death_reported_at.is_(None),
            Supporter.merged_into_id.is_(None),
            or_(BankLine.instalment_id.is_(None), Instalment.status.in_(("due", "missed"))),
            or_(Fund.closed_on.is_(None), BankLine.booked_on < Fund.closed_on),
            extract("year", BankLine.booked_on).not_in(shut),
        )
        .order_by(BankLine.id)
    )  # fmt: skip
    columns = [
        "supporter_id", "amount", "currency", "received_on", "kind", "source_code", "description", "commitment_id",
        "instalment_id", "booking_key", "booked_at", "booked_by",
    ]  # fmt: skip
    session.execute(insert(Gift).from_select(columns, rows))
    posted = and_(Gift.booking_key == key, *here)
    designated = (
        select(Gift.id, func.coalesce(Commitment.fund_id, general_id), Gift.amount, run.posted, literal(run.by.key))
        .join(BankLine, posted)
        .outerjoin(Commitment, Commitment.id == Gift.commitment_id)
    )
    session.execute(insert(Designation).from_select(["gift_id", "fund_id", "amount", "made_at", "made_by"], designated))
    _allocate(run, select(BankLine).join(Gift, posted), gift_id=Gift.id)
    paid = select(Gift.instalment_id).join(BankLine, posted).where(Gift.instalment_id.is_not(None))
    session.execute(
        update(Instalment)
        .where(Instalment.id.in_(paid))
        .values(status="paid")
        .execution_options(synchronize_session=False)
    )
    made = session.execute(select(Gift.id, Gift.amount).join(BankLine, posted)).all()
    run.done.gifts += len(made)
    run.done.gifts_total += sum(amount for _, amount in made)
    _settle(run, "gift", *here, exists().where(Gift.booking_key == key))
    return [gift_id for gift_id, _ in made]


# -- the rest ---------------------------------------------------------------------------------------------------


def _others(run: Run) -> None:
    """Between accounts of our own: known for what it is, and no gift."""
    asked = run.matched("other")
    _allocate(run, select(BankLine).where(*asked), why=BankLine.why)
    _settle(run, "other", *asked)


def _allocate(run: Run, lines: Any, **more: Any) -> None:
    """A standing allocation of the whole amount for each of these lines."""
    values: dict[str, Any] = {
        "line_id": BankLine.id, "amount": BankLine.amount, "kind": BankLine.kind,
        "because": func.coalesce(BankLine.because, "person"), "supporter_id": BankLine.supporter_id,
        "payment_id": BankLine.payment_id, "batch_id": BankLine.batch_id, "reference": BankLine.batch_reference,
        "details": literal({}, BankAllocation.details.type), "made_at": run.posted, "made_by": literal(run.by.key),
        **more,
    }  # fmt: skip
    rows = lines.with_only_columns(*values.values(), maintain_column_froms=True)
    run.session.execute(insert(BankAllocation).from_select(list(values), rows))


def _settle(run: Run, kind: str, *asked: ColumnElement[bool]) -> None:
    moved: Any = run.session.execute(
        update(BankLine)
        .where(*asked)
        .values(
            state="booked" if kind != "other" else "set_aside", doubt=None, settled_at=run.now, settled_by=run.by.key
        )
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount:
        run.done.lines[kind] = run.done.lines.get(kind, 0) + int(moved.rowcount)


def _leave(run: Run, ids: Sequence[int], error: AchterbanError, doubt: str = "not_today") -> None:
    run.done.left.update(dict.fromkeys(ids, error))
    run.session.execute(
        update(BankLine)
        .where(among(run.session, BankLine.id, ids))
        .values(doubt=doubt)
        .execution_options(synchronize_session=False)
    )


def _say_what_is_left(run: Run) -> None:
    """Lines that were not booked are looked at again: somebody died, or their year closed, since they were matched."""
    waits = [*run.matched("gift", "return"), BankLine.doubt.is_(None)]
    left = list(run.session.scalars(select(BankLine.id).where(*waits)))
    if not left:
        return
    match(run.session, left, now=run.now, today=run.today)
    run.session.execute(
        update(BankLine)
        .where(among(run.session, BankLine.id, left), BankLine.state == "matched", BankLine.kind == "gift")
        .values(doubt="fund_closed")
        .execution_options(synchronize_session=False)
    )
