"""What happens to online payments by itself. Each job commits as it goes and does whatever is due, however often."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from supporters.actor import Actor
from supporters.giving import turns
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.payments.gateway import GatewayError
from supporters.payments.online import (
    catching_up,
    charging,
    giving_back,
    health,
    noticing,
    post,
    vendor_mandates,
)
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.inbox import Notification
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund
from supporters.registry import Work, job

log = logging.getLogger("supporters.payments")
#: Who never paid is forgotten after so long; a bank transfer at a vendor's page can take some days.
FORGET_AFTER = timedelta(days=30)
KEEP_CALLS = timedelta(days=90)
AT_ONCE = 100
BY = Actor.job("gateway_mandates")


def cashier(work: Work) -> Cashier | None:
    """None where the settings name no gateway: then there is nothing to do."""
    accounts = Accounts.read(work.settings.gateways, public_url=work.settings.public_url, now=work.now)
    return Cashier(work.session, accounts, work.settings, work.now) if accounts else None


@job("gateway_news", every=timedelta(seconds=5), single=False)
def gateway_news(work: Work) -> str | None:
    """Look at what gateways posted."""
    at = cashier(work)
    if at is None:
        return None
    found = post.work_through(at, stopping=work.stopping)
    return ", ".join(f"{count} {what}" for what, count in found.items() if count) or None


@job("charge_due", every=timedelta(minutes=10))
def charge_due(work: Work) -> str | None:
    """Charge what falls due on gateways' mandates, and tell beforehand what has to be told."""
    at = cashier(work)
    if at is None:
        return None
    now = work.now()
    on = work.settings.day_of(now)
    live = {name: gateway.account.is_live for name, gateway in at.accounts.items()}
    with work.session() as session:
        told = noticing.notice(session, notice_days=work.settings.notice_days, on=on, now=now)
        session.commit()
        prepared = charging.prepare(
            session, live, on=on, notice_days=work.settings.notice_days, late_days=work.settings.late_days, now=now
        )
        session.commit()
    charged = 0
    while not work.stopping() and (some := _prepared(work, live)):
        for payment_id in some:
            if work.stopping():
                break
            try:
                at.charge(payment_id)
            except Exception:  # One that cannot be booked keeps no other waiting; it is looked at again later.
                log.exception("payment %s could not be charged", payment_id)
                at.later(payment_id)
            charged += 1
    parts = ((told, "told beforehand"), (prepared, "prepared"), (charged, "charged"))
    return ", ".join(f"{count} {what}" for count, what in parts if count) or None


def _prepared(work: Work, accounts: Iterable[str]) -> list[int]:
    with work.session() as session:
        query = select(OnlinePayment.payment_id).where(
            OnlinePayment.step == "prepared", OnlinePayment.purpose == "recurring",
            OnlinePayment.next_sync_at.is_(None), OnlinePayment.account.in_(list(accounts)),
        )  # fmt: skip
        return list(session.scalars(query.order_by(OnlinePayment.id).limit(AT_ONCE)))


@job("poll_gateways", every=timedelta(minutes=1))
def poll_gateways(work: Work) -> str | None:
    """Look at payments of which no news came."""
    at = cashier(work)
    if at is None:
        return None
    with work.session() as session:
        query = select(OnlinePayment.payment_id).where(
            OnlinePayment.next_sync_at <= work.now(), OnlinePayment.account.in_(list(at.accounts))
        )
        due = list(session.scalars(query.order_by(OnlinePayment.next_sync_at)))
    looked = 0
    for start in range(0, len(due), AT_ONCE):
        if work.stopping():
            break
        looked += len(at.sync_many(due[start : start + AT_ONCE], "poll"))
    return f"{looked} looked at" if looked else None


@job("catch_up_gateways", every=timedelta(hours=1))
def catch_up(work: Work) -> str | None:
    """What the vendors say changed since the last look, for news that never came."""
    at = cashier(work)
    if at is None:
        return None
    looked = sum(catching_up.catch_up(at, name, stopping=work.stopping) for name in at.accounts)
    return f"{looked} looked at" if looked else None


@job("refunds", every=timedelta(seconds=30))
def send_refunds(work: Work) -> str | None:
    """Send the refunds that are approved, and find out what became of those without an answer."""
    at = cashier(work)
    if at is None:
        return None
    with work.session() as session:
        query = (
            select(Refund.id)
            .join(OnlinePayment, OnlinePayment.payment_id == Refund.payment_id)
            .where(Refund.state.in_(("ready", "submitting", "unknown")), Refund.next_at <= work.now())
            .where(OnlinePayment.account.in_(list(at.accounts)))
        )
        due = list(session.scalars(query.order_by(Refund.next_at).limit(AT_ONCE)))
    for refund_id in due:
        try:
            giving_back.send(at, refund_id)
        except Exception:  # It is tried again in some minutes, and keeps no other waiting.
            log.exception("refund %s could not be sent or booked", refund_id)
    return f"{len(due)} sent" if due else None


@job("gateway_mandates", every=timedelta(minutes=15))
def gateway_mandates(work: Work) -> str | None:
    """Tell the vendors of mandates that are over, and look at those that are not confirmed yet."""
    at = cashier(work)
    if at is None:
        return None
    here = GatewayMandate.account.in_(list(at.accounts))
    now = work.now()
    with work.session() as session:
        turns.together(session)
        charging.end_unused(session, charging.GATEWAYS, on=work.settings.day_of(now), by=BY, now=now)
        session.commit()
        ended = list(
            session.scalars(
                select(GatewayMandate.id).where(
                    GatewayMandate.state == "ended", GatewayMandate.revoked_at.is_(None), here
                )
            )
        )
        pending = list(session.scalars(select(GatewayMandate.id).where(GatewayMandate.state == "pending", here)))
    revoked = 0
    for mandate_id in ended:
        try:
            revoked += vendor_mandates.revoke(at, mandate_id)
        except GatewayError as error:
            log.warning("mandate %s could not be ended at the gateway: %s", mandate_id, error.message)
    for mandate_id in pending:
        try:
            vendor_mandates.look_at(at, mandate_id)
        except GatewayError as error:
            log.warning("mandate %s could not be looked at: %s", mandate_id, error.message)
    return f"{revoked} ended at the gateway" if revoked else None


@job("watch_gateways", every=timedelta(hours=1))
def watch_gateways(work: Work) -> str | None:
    """Raise a task where a live account stopped answering, or its news stopped coming."""
    at = cashier(work)
    if at is None:
        return None
    live = {name: gateway.account.is_live for name, gateway in at.accounts.items()}
    with work.session() as session:
        raised = health.raise_alarms(session, live, now=work.now())
        session.commit()
    return f"{raised} raised" if raised else None


@job("forget_checkouts", every=timedelta(days=1))
def forget_checkouts(work: Work) -> str | None:
    """Forget who filled in a form and never paid, old news and old calls."""
    now = work.now()
    with work.session() as session:
        old = Checkout.created_at < now - FORGET_AFTER
        under_way = select(OnlinePayment.checkout_id).where(
            OnlinePayment.step.in_(("processing", "unknown", "submitting")), OnlinePayment.checkout_id.is_not(None)
        )
        gone: Any = session.execute(
            update(Checkout)
            .where(old, Checkout.sealed_person.is_not(None), Checkout.id.not_in(under_way))
            .values(sealed_person=None, consents=[], forgotten_at=now)
        )
        news = Notification.purge(session, now=now)
        session.execute(delete(GatewayCall).where(GatewayCall.at < now - KEEP_CALLS))
        session.commit()
    parts = ((int(gone.rowcount), "forgotten"), (news, "notifications purged"))
    return ", ".join(f"{count} {what}" for count, what in parts if count) or None
