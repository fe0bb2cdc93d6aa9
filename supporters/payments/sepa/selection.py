"""What a collection takes and what it leaves out, decided in a handful of set-based statements."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
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
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from supporters.bulk import refresh_statistics
from supporters.db import Base, cents, pk, word
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment, materialise
from supporters.giving.mandate import LAPSE_MONTHS, Mandate
from supporters.giving.months import month_grid
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter

#: Why an instalment was left out, in the order the reasons are looked at.
REASONS = (
    "deceased",
    "skipped",
    "paused",
    "missed",
    "returned",
    "not_yet",
    "no_mandate",
    "mandate_cancelled",
    "mandate_used",
    "mandate_lapsed",
    "signed_later",
    "not_announced",
)
#: Missed and returned instalments are listed this long, so that somebody can still ask for them.
LISTED_DAYS = 62


class Exclusion(Base):
    """An instalment that a collection left out, and why."""

    __tablename__ = "supporters_collection_exclusion"
    __table_args__ = (
        UniqueConstraint("batch_id", "instalment_id"),
        CheckConstraint(f"reason IN ({', '.join(repr(r) for r in REASONS)})", name="reason"),
        Index(None, "batch_id", "reason"),
    )

    id: Mapped[pk]
    batch_id: Mapped[int] = mapped_column(ForeignKey("supporters_collection_batch.id"))
    instalment_id: Mapped[int] = mapped_column(ForeignKey("supporters_instalment.id"), index=True)
    reason: Mapped[word]
    amount: Mapped[cents]


def select_into(
    session: Session, batch_id: int, account: CreditorAccount, *, on: date, collect_on: date, now: datetime
) -> None:
    """Fill the batch: a payment for each instalment due up to ``on`` that may be collected, else an exclusion."""
    missed_before = on - timedelta(days=account.late_days)
    ours = _ours(account)
    materialise(session, on, missed_before=missed_before, only=ours)
    of_ours = Instalment.commitment_id.in_(select(Commitment.id).where(ours))
    ended = Instalment.commitment_id.in_(select(Commitment.id).where(ours, Commitment.ended_on <= collect_on))
    session.execute(
        update(Instalment)
        .where(Instalment.status == "due", ended)
        .values(status="waived")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Instalment)
        .where(
            Instalment.status == "due",
            Instalment.due_on < missed_before,
            Instalment.asked_again_on.is_(None),
            of_ours,
        )
        .values(status="missed")
        .execution_options(synchronize_session=False)
    )
    reason = _reason(account, on, collect_on)
    in_sight = or_(
        Instalment.status == "due",
        and_(Instalment.status.in_(("paused", "skipped")), Instalment.due_on >= missed_before),
        and_(
            Instalment.status == "waived",
            Instalment.due_on >= missed_before,
            Supporter.death_reported_at.is_not(None),
        ),
        and_(Instalment.status.in_(("missed", "returned")), Instalment.due_on >= on - timedelta(days=LISTED_DAYS)),
    )
    candidates = (
        select(Instalment.id.label("instalment_id"), Instalment.amount, reason.label("reason"))
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .outerjoin(Mandate, Mandate.id == Commitment.mandate_id)
        .where(
            in_sight,
            Instalment.due_on <= on,
            Commitment.method == "sepa",
            Commitment.currency == account.currency,
            or_(Mandate.id.is_(None), Mandate.creditor_identifier == account.identifier),
        )
    )
    left_out = candidates.add_columns(literal(batch_id)).where(reason.is_not(None))
    session.execute(insert(Exclusion).from_select(["instalment_id", "amount", "reason", "batch_id"], left_out))

    attempt = Instalment.attempts + 1
    sequence_type = case((Mandate.kind == "one_off", "OOFF"), (Mandate.last_used_on.is_not(None), "RCUR"), else_="FRST")
    taken: Any = (
        select(
            literal("sepa"),
            Commitment.supporter_id,
            Instalment.id,
            Mandate.id,
            literal(batch_id),
            Instalment.amount,
            Commitment.currency,
            literal("open"),
            attempt,
            literal("I") + cast(Instalment.id, String) + "-" + cast(attempt, String),
            sequence_type,
            BankAccount.iban,
            BankAccount.bic,
            literal(collect_on, Payment.collect_on.type),
            literal(now, Payment.created_at.type),
        )
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .join(Mandate, Mandate.id == Commitment.mandate_id)
        .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
        .where(
            Instalment.status == "due",
            Instalment.due_on <= on,
            Commitment.method == "sepa",
            Commitment.currency == account.currency,
            Mandate.creditor_identifier == account.identifier,
            reason.is_(None),
        )
        .order_by(Instalment.id)
    )
    columns = [
        "gateway",
        "supporter_id",
        "instalment_id",
        "mandate_id",
        "batch_id",
        "amount",
        "currency",
        "state",
        "attempt",
        "reference",
        "sequence_type",
        "iban",
        "bic",
        "collect_on",
        "created_at",
    ]
    session.execute(insert(Payment).from_select(columns, taken))
    refresh_statistics(session, Instalment, Payment)
    _first_once(session, batch_id)
    session.execute(
        update(Instalment)
        .where(Instalment.id.in_(select(Payment.instalment_id).where(Payment.batch_id == batch_id)))
        .values(status="claimed", attempts=Instalment.attempts + 1)
        .execution_options(synchronize_session=False)
    )


def _first_once(session: Session, batch_id: int) -> None:
    """A mandate has one first collection: where one is under way elsewhere, or stands in this batch too, it recurs.

    A statement of its own: looking at the payments while they are written makes a large first collection quadratic.
    """
    mine = and_(Payment.batch_id == batch_id, Payment.sequence_type == "FRST")
    other = aliased(Payment)
    elsewhere = select(other.mandate_id).where(
        other.batch_id != batch_id, other.sequence_type == "FRST", other.state.in_(("open", "booked"))
    )
    firsts = select(func.min(other.id)).where(other.batch_id == batch_id, other.sequence_type == "FRST")
    session.execute(
        update(Payment)
        .where(mine, or_(Payment.mandate_id.in_(elsewhere), Payment.id.not_in(firsts.group_by(other.mandate_id))))
        .values(sequence_type="RCUR")
        .execution_options(synchronize_session=False)
    )


def release(session: Session, payments: Any, collect_on: date) -> None:
    """Let go of these instalments (``payments`` selects their ids): due again, unless paused or ended by then."""
    from supporters.giving.pause import Pause

    ended = exists().where(Commitment.id == Instalment.commitment_id, Commitment.ended_on <= collect_on)
    paused = exists().where(
        Pause.commitment_id == Instalment.commitment_id,
        Pause.from_on <= Instalment.due_on,
        or_(Pause.until_on.is_(None), Instalment.due_on < Pause.until_on),
    )
    session.execute(
        update(Instalment)
        .where(Instalment.id.in_(payments), Instalment.status == "claimed")
        .values(status=case((ended, "waived"), (paused, "paused"), else_="due"))
        .execution_options(synchronize_session=False)
    )


def _ours(account: CreditorAccount) -> ColumnElement[bool]:
    """The commitments collected on this account: one that has no mandate yet may be anybody's."""
    mandates = select(Mandate.id).where(Mandate.creditor_identifier == account.identifier)
    return and_(
        Commitment.method == "sepa",
        Commitment.currency == account.currency,
        or_(Commitment.mandate_id.is_(None), Commitment.mandate_id.in_(mandates)),
    )


def _used_elsewhere(on: date) -> ColumnElement[bool]:
    """Whether another payment, or another instalment of this collection, takes the mandate: once for a one-off."""
    other, theirs, payment = aliased(Instalment), aliased(Commitment), aliased(Payment)
    return or_(
        exists().where(payment.mandate_id == Mandate.id, payment.state.in_(("open", "booked"))),
        exists().where(
            theirs.mandate_id == Mandate.id,
            other.commitment_id == theirs.id,
            other.status == "due",
            other.due_on <= on,
            other.id < Instalment.id,
        ),
    )


def _reason(account: CreditorAccount, on: date, collect_on: date) -> Any:
    """The first rule that says no, or NULL where the instalment may be collected."""
    used = func.coalesce(Mandate.last_used_on, Mandate.signed_on)
    lapses_on = month_grid(used, literal(LAPSE_MONTHS), extract("day", used))
    told = exists().where(
        Announcement.term_id == Instalment.term_id,
        Announcement.amount == Instalment.amount,
        Announcement.announced_on <= collect_on - timedelta(days=account.notice_days),
        # One that is tried again comes on another day than the one that was announced, so it is announced anew.
        or_(
            Instalment.not_before_on.is_(None),
            Instalment.asked_again_on.is_(None),
            Announcement.announced_on >= Instalment.asked_again_on,
        ),
    )
    return case(
        (Supporter.death_reported_at.is_not(None), "deceased"),
        (Instalment.status.in_(("skipped", "paused", "missed", "returned")), Instalment.status),
        (Instalment.not_before_on > collect_on, "not_yet"),
        (Mandate.id.is_(None), "no_mandate"),
        (Mandate.cancelled_on.is_not(None), "mandate_cancelled"),
        (and_(Mandate.kind == "one_off", Mandate.first_used_on.is_not(None)), "mandate_used"),
        (and_(Mandate.kind == "one_off", _used_elsewhere(on)), "mandate_used"),
        (lapses_on <= collect_on, "mandate_lapsed"),
        (Mandate.signed_on > collect_on, "signed_later"),
        (~told, "not_announced"),
        else_=None,
    )
