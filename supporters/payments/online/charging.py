"""Instalments that fall due on gateways' mandates: which are charged today, decided in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from supporters import hooks
from supporters.actor import Actor
from supporters.bulk import refresh_statistics
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.instalment import Instalment, materialise
from supporters.giving.pause import Pause
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.sepa.selection import release
from supporters.people.supporter import Supporter
from supporters.tasks import Task

GATEWAYS = Commitment.method == "online"


def prepare(
    session: Session, accounts: dict[str, bool], *, on: date, notice_days: int, late_days: int, now: datetime
) -> int:
    """A payment for every instalment that is due by ``on`` and may be charged; how many.

    ``accounts`` are the names of those in the settings, and whether each is live. What is due longer than
    ``late_days``, or before another that is due too, is missed and not charged: after a year in which nothing ran,
    one period is charged and not twelve. Twice, or by two at once, it prepares nothing twice. A debit of which nobody
    was told ``notice_days`` before waits.
    """
    turns.alone(session)
    missed_before = on - timedelta(days=late_days)
    materialise(session, on, missed_before=missed_before, only=GATEWAYS)
    ours = Instalment.commitment_id.in_(select(Commitment.id).where(GATEWAYS))
    _set_aside(session, ours, on, missed_before)
    may = _may_be_charged(on, notice_days)
    known = list(accounts)
    last = session.scalar(select(func.coalesce(func.max(Payment.id), 0)))
    rows: Any = (
        select(
            GatewayMandate.account, Commitment.supporter_id, Instalment.id, Instalment.amount, Commitment.currency,
            literal("open"), Instalment.attempts + 1, _new_key(session), literal(on, Payment.collect_on.type),
            literal(now, Payment.created_at.type),
        )
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .join(GatewayMandate, GatewayMandate.id == Commitment.gateway_mandate_id)
        .where(Instalment.status == "due", Instalment.due_on <= on, may, GatewayMandate.account.in_(known))
    )  # fmt: skip
    columns = [
        "gateway", "supporter_id", "instalment_id", "amount", "currency", "state", "attempt", "reference", "collect_on",
        "created_at",
    ]  # fmt: skip
    session.execute(insert(Payment).from_select(columns, rows))
    mine = and_(Payment.id > last, Payment.state == "open", Payment.gateway.in_(known), Payment.batch_id.is_(None))
    live: Any = literal(False)
    for name, is_live in accounts.items():
        if is_live:
            live = or_(live, Payment.gateway == name)
    online = (
        select(
            Payment.id, Payment.gateway, live, literal("recurring"), Commitment.gateway_mandate_id,
            literal("prepared"), literal(0),
        )
        .join(Instalment, Instalment.id == Payment.instalment_id)
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .where(mine, ~exists().where(OnlinePayment.payment_id == Payment.id))
    )  # fmt: skip
    into = ["payment_id", "account", "is_live", "purpose", "gateway_mandate_id", "step", "syncs"]
    added: Any = session.execute(
        insert(OnlinePayment).from_select(into, online).execution_options(preserve_rowcount=True)
    )
    refresh_statistics(session, Instalment, Payment)
    session.execute(
        update(Instalment)
        .where(Instalment.id.in_(select(Payment.instalment_id).where(mine)))
        .values(status="claimed", attempts=Instalment.attempts + 1, not_before_on=None)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return int(added.rowcount)


def _new_key(session: Session) -> ColumnElement[str]:
    """A key that no payment had before, made by the database for each row."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.gen_random_uuid(), String)
    return func.lower(func.hex(func.randomblob(16)))


def _set_aside(session: Session, ours: ColumnElement[bool], on: date, missed_before: date) -> None:
    """What ended meanwhile is let go, and what was due too long ago is missed."""
    ended = select(Commitment.id).where(GATEWAYS, Commitment.ended_on <= on)
    session.execute(
        update(Instalment)
        .where(Instalment.status == "due", Instalment.commitment_id.in_(ended))
        .values(status="waived")
        .execution_options(synchronize_session=False)
    )
    later = aliased(Instalment)
    overtaken = exists().where(
        later.commitment_id == Instalment.commitment_id,
        later.status == "due",
        later.due_on > Instalment.due_on,
        later.due_on <= on,
    )
    session.execute(
        update(Instalment)
        .where(
            Instalment.status == "due",
            or_(Instalment.due_on < missed_before, overtaken),
            Instalment.asked_again_on.is_(None),
            Instalment.not_before_on.is_(None),
            ours,
        )
        .values(status="missed")
        .execution_options(synchronize_session=False)
    )


def _may_be_charged(on: date, notice_days: int) -> ColumnElement[bool]:
    in_a_pause = exists().where(
        Pause.commitment_id == Commitment.id, Pause.from_on <= on, or_(Pause.until_on.is_(None), on < Pause.until_on)
    )
    told = exists().where(
        Announcement.term_id == Instalment.term_id,
        Announcement.amount == Instalment.amount,
        Announcement.announced_on <= on - timedelta(days=notice_days),
    )
    return and_(
        GATEWAYS,
        or_(Commitment.ended_on.is_(None), Commitment.ended_on > on),
        Supporter.death_reported_at.is_(None),
        GatewayMandate.state == "valid",
        or_(Instalment.not_before_on.is_(None), Instalment.not_before_on <= on),
        or_(GatewayMandate.method != "directdebit", told),
        ~in_a_pause,
    )


# -- what is let go before it was sent ------------------------------------------------------------------------------


@hooks.on("commitments_ended")
def leave_with_commitments(session: Session, *, commitment_ids: Sequence[int], by: Actor, now: datetime) -> None:
    """Nothing that was prepared is sent, and mandates end on which nothing will be charged any more.

    The mandate before its payments, as everywhere: so nobody waits for each other.
    """
    end_unused(session, Commitment.id.in_(commitment_ids), on=now.date(), by=by, now=now)
    _withdraw(session, Instalment.commitment_id.in_(commitment_ids), now)


def end_unused(session: Session, which: ColumnElement[bool], *, on: date, by: Actor, now: datetime) -> int:
    """End the mandates of these commitments on which nothing will be charged after ``on``; how many.

    A commitment that stops later is charged until then, and its mandate ends when that day has come.
    """
    others = aliased(Commitment)
    goes_on = exists().where(
        others.gateway_mandate_id == GatewayMandate.id, or_(others.ended_on.is_(None), others.ended_on > on)
    )
    found = session.scalars(
        select(GatewayMandate)
        .join(Commitment, Commitment.gateway_mandate_id == GatewayMandate.id)
        .where(which, Commitment.ended_on <= on, GatewayMandate.state.in_(("valid", "pending")), ~goes_on)
        .order_by(GatewayMandate.id)
        .distinct()
    ).all()
    for mandate in found:
        mandate.end(session, "commitment_ended", by=by, now=now)
    return len(found)


@hooks.on("commitment_paused")
def leave_with_a_pause(session: Session, *, commitment_id: int, pause: Pause, by: Actor, now: datetime) -> None:
    until_on = pause.until_on or date.max
    in_it = and_(Instalment.due_on >= pause.from_on, Instalment.due_on < until_on)
    _withdraw(session, and_(Instalment.commitment_id == commitment_id, in_it), now)


@hooks.on("gateway_mandate_ended")
def leave_with_mandate(session: Session, *, gateway_mandate_id: int, by: Actor, now: datetime) -> None:
    mine = select(Commitment.id).where(Commitment.gateway_mandate_id == gateway_mandate_id)
    _withdraw(session, Instalment.commitment_id.in_(mine), now)


@hooks.on("supporter_died")
def leave_with_the_dead(session: Session, *, supporter: Supporter, death: Any, by: Actor, now: datetime) -> None:
    """What is at the gateway already becomes a task: it cannot be called back, only given back."""
    mine = select(Commitment.id).where(Commitment.supporter_id == supporter.id)
    for mandate in session.scalars(select(GatewayMandate).where(GatewayMandate.supporter_id == supporter.id)).all():
        mandate.end(session, "deceased", by=by, now=now)
    _withdraw(session, Instalment.commitment_id.in_(mine), now)
    under_way = (
        select(Payment)
        .join(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(Payment.supporter_id == supporter.id, Payment.state == "open", OnlinePayment.step != "prepared")
    )
    for payment in session.scalars(under_way):
        Task.raise_(
            session, "recall",
            "A charge of %(money)s of %(name)s (%(reference)s) is under way at %(account)s: give it back when it comes"
            " in, they have died.",
            by=by, now=now, key=f"recall-online:{payment.id}:{death.id}", supporter_id=supporter.id,
            money=str(payment.money), name=supporter.name, reference=payment.reference, account=payment.gateway,
        )  # fmt: skip


def _withdraw(session: Session, condition: ColumnElement[bool], now: datetime) -> None:
    """Payments that nobody was asked for yet; one that a job just took is found as submitting, and stays."""
    rows = session.execute(
        select(OnlinePayment, Payment)
        .join(Payment, Payment.id == OnlinePayment.payment_id)
        .join(Instalment, Instalment.id == Payment.instalment_id)
        .where(condition, OnlinePayment.step == "prepared", OnlinePayment.purpose == "recurring")
        .with_for_update(of=OnlinePayment)
        .execution_options(populate_existing=True)
    ).all()
    taken = [(online, payment) for online, payment in rows if online.step == "prepared"]
    for online, payment in taken:
        online.step, online.settled_at, online.next_sync_at, payment.state = "cancelled", now, None, "cancelled"
    session.flush()
    for _, payment in taken:
        release(session, select(Payment.instalment_id).where(Payment.id == payment.id), payment.collect_on)
    if taken:
        session.expire_all()
