"""The inbox, worked through: each piece of news is looked up at the gateway, and what the gateway says is booked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from supporters.payments.gateway import GatewayError, Gone, Misasked
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.inbox import STRANGE_AFTER, Notification

log = logging.getLogger("supporters.payments")
AT_ONCE = 50
#: Somebody who took news and did not finish it in so long is gone.
STUCK_AFTER = timedelta(minutes=10)
_PACE = (5, 15, 60, 300, 900, 3600)  # seconds between tries


def work_through(cashier: Cashier, *, stopping: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Everything that waits; how many were done, ignored (nothing of ours) and put off. Commits as it goes."""
    found = {"done": 0, "ignored": 0, "later": 0}
    with cashier.session() as session:
        Notification.give_back(session, before=cashier.now() - STUCK_AFTER, now=cashier.now())
        session.commit()
    while not stopping():
        with cashier.session() as session:
            taken = Notification.take(session, AT_ONCE, now=cashier.now())
            session.commit()
            for each in taken:
                session.refresh(each)
            session.expunge_all()
        for each in taken:
            found[handle(cashier, each)] += 1
        if len(taken) < AT_ONCE:
            break
    return found


def handle(cashier: Cashier, news: Notification) -> str:
    """Look at what one piece of news is about: done, ignored, or later."""
    now = cashier.now()
    state, note = "done", ""
    later = timedelta(seconds=_PACE[min(news.tries, len(_PACE)) - 1])
    payment_id = cashier.find_payment(news.account, news.external_id, news.key)
    if payment_id is None:
        state, note = "later", "no payment of ours has this name yet"
        if now - news.received_at >= STRANGE_AFTER:
            state, note = "ignored", "about nothing of ours"
    else:
        try:
            facts = cashier.sync(payment_id, "webhook")
            note = f"{len(facts)} new: {', '.join(fact.kind for fact in facts)}" if facts else "nothing new"
        except (Misasked, Gone) as error:
            state, note = "ignored", error.message
        except GatewayError as error:
            state, note = "later", error.message
        except Exception as error:  # One that cannot be booked keeps no other waiting; it stays to be seen.
            log.exception("news %s of %s could not be booked", news.id, news.account)
            state, note = "later", f"could not be booked: {type(error).__name__}"
    with cashier.session() as session:
        row = session.get_one(Notification, news.id, with_for_update=True)
        if state == "later":
            row.wait(session, now + later, now=now, note=note)
        else:
            row.finish(state, note, now=now)
        session.commit()
    return state
