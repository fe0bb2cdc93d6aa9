"""Sending a refund: written down before the gateway is asked, asked again with the same key, or looked for."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from supporters.payments.gateway import Declined, GatewayError, Gone, Misasked, RefundOrder
from supporters.payments.online.cashier import KEY_LIVES, Cashier, nothing_was_done
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.refund import Refund

AGAIN = timedelta(minutes=5)


def send(cashier: Cashier, refund_id: int) -> None:
    """Send a refund that is ready, or one of which we do not know what came; whoever else is at it keeps it."""
    now = cashier.now()
    with cashier.session() as session:
        refund = session.get_one(Refund, refund_id, with_for_update=True)
        if refund.state not in ("ready", "submitting", "unknown"):
            return
        online = session.scalars(select(OnlinePayment).where(OnlinePayment.payment_id == refund.payment_id)).one()
        account, external_id, payment_id = online.account, online.external_id, refund.payment_id
        assert external_id is not None
        if refund.state == "ready" and Refund.left(session, online.payment).amount < 0:
            why = "the money went back in another way meanwhile"
            refund.fail(session, why, by=cashier.actor(account), now=now)
            session.commit()
            return
        old = refund.submitted_at is not None and now - refund.submitted_at > KEY_LIVES
        # As with a payment: only of the first time can it be said that nothing came of it.
        refund.state = "submitting" if refund.state == "ready" else "unknown"
        refund.submitted_at, refund.next_at = refund.submitted_at or now, now + AGAIN
        order = RefundOrder(refund.key, refund.money, cashier.description(online), refund.requested_at)
        session.commit()
    gateway = cashier.accounts.find(account)
    try:
        if old:  # Its key may be forgotten: only a look can tell whether it was made.
            snapshot = cashier.call(gateway, "fetch", payment_id, lambda: gateway.fetch(external_id))
        else:
            snapshot = cashier.call(gateway, "refund", payment_id, lambda: gateway.refund(order, external_id))
    except (Declined, Misasked, Gone) as error:
        _fail(cashier, refund_id, account, error.message)
        return
    except GatewayError as error:
        with cashier.session() as session:
            refund = session.get_one(Refund, refund_id, with_for_update=True)
            if refund.state == "submitting" and nothing_was_done(error):
                refund.state, refund.submitted_at = "ready", None
            elif refund.state == "submitting":
                refund.state = "unknown"
            session.commit()
        return
    cashier.book(payment_id, snapshot, "answer")
    with cashier.session() as session:
        refund = session.get_one(Refund, refund_id, with_for_update=True)
        missing = refund.state in ("submitting", "unknown")
        if missing and not old:  # It was sent and does not show yet.
            refund.state, refund.next_at = "unknown", cashier.now() + AGAIN
        session.commit()
    if missing and old:  # It never was made, and its key is gone: a person decides.
        _fail(cashier, refund_id, account, "the gateway has no such refund")


def _fail(cashier: Cashier, refund_id: int, account: str, why: str) -> None:
    with cashier.session() as session:
        refund = session.get_one(Refund, refund_id, with_for_update=True)
        refund.fail(session, why, by=cashier.actor(account), now=cashier.now())
        session.commit()
