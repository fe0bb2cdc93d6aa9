"""The inbox, worked through: each piece of news is looked up at the gateway, and what the gateway says is booked."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from supporters.payments.gateway import GatewayError, Gone, Misasked
from supporters.payments.online import vendor_mandates
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.inbox import STRANGE_AFTER, Notification

log = logging.getLogger("supporters.payments")
AT_ONCE = 200
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
            session.expunge_all()  # what was read is all that is needed of them
            session.commit()
        for state, times in _handle(cashier, taken).items():
            found[state] += times
        if len(taken) < AT_ONCE:
            break
    return found


def look_at(cashier: Cashier, news: Notification) -> str:
    """One piece of news by itself: done, ignored or later."""
    (state,) = _handle(cashier, [news])
    return state


def _handle(cashier: Cashier, taken: list[Notification]) -> Counter[str]:
    """Look at what this news is about, each payment once, and set down what came of it."""
    known = cashier.find_payments((news.account, news.external_id, news.key) for news in taken)
    about = {news.id: known.get((news.account, news.external_id, news.key)) for news in taken}
    answers = cashier.sync_many((key for key in about.values() if key is not None), "webhook")
    mandates = _look_at_mandates(cashier, [news for news in taken if about[news.id] is None])
    found: Counter[str] = Counter()
    with cashier.session() as session:
        # In the order in which news comes in, so that nobody waits for each other.
        rows = select(Notification).where(Notification.id.in_(about)).with_for_update()
        for row in session.scalars(rows.order_by(Notification.account, Notification.digest)).all():
            payment_id = about[row.id]
            answer = mandates.get(row.id) if payment_id is None else answers[payment_id]
            state, note = _what_came(cashier, row, answer)
            found[state] += 1
            if state == "later":
                pace = timedelta(seconds=_PACE[min(row.tries, len(_PACE)) - 1])
                row.wait(session, cashier.now() + pace, now=cashier.now(), note=note)
            else:
                row.finish(state, note, now=cashier.now())
        session.commit()
    return found


def _look_at_mandates(cashier: Cashier, unnamed: list[Notification]) -> dict[int, str | Exception]:
    """Some news names a mandate and no payment; by news, what came of it, for those that are ours."""
    known = vendor_mandates.find(cashier, ((news.account, news.external_id) for news in unnamed))
    found: dict[int, str | Exception] = {}
    for news in unnamed:
        mandate_id = known.get((news.account, news.external_id))
        if mandate_id is None:
            continue
        try:
            vendor_mandates.look_at(cashier, mandate_id)
            found[news.id] = "the mandate was looked at"
        except GatewayError as error:
            found[news.id] = error
        except Exception as error:  # As with a payment: it keeps no other waiting, and stays to be seen.
            log.exception("mandate %s could not be looked at", mandate_id)
            found[news.id] = error
    return found


def _what_came(cashier: Cashier, news: Notification, answer: str | Exception | None) -> tuple[str, str]:
    """Done, ignored or later, and why."""
    match answer:
        case None if cashier.now() - news.received_at >= STRANGE_AFTER:
            return "ignored", "about nothing of ours"
        case None:
            return "later", "no payment of ours has this name yet"
        case Misasked() | Gone():
            return "ignored", answer.message
        case GatewayError():
            return "later", answer.message
        case Exception():  # It stays to be seen.
            return "later", f"could not be booked: {type(answer).__name__}"
        case _:
            return "done", answer
