"""What changed at a vendor while no news came: a refund in its dashboard, a dispute, an answer that was lost.

A look ends with a line in the calls once all of it was looked at, and the next one begins there. So what happened while
nothing ran is found however long that was, and in ordinary times no more than the last hours are looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select

from supporters.payments.gateway import GatewayError
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.cashier import Cashier

log = logging.getLogger("supporters.payments")
VERB = "changed_since"
AT_ONCE = 200
#: Of what was looked at before, so much again: clocks differ, and vendors list a moment late.
OVERLAP = timedelta(hours=1)
#: Where nobody ever looked.
FIRST = timedelta(days=1)
#: Vendors list no more (Stripe keeps its events for 30 days).
FARTHEST = timedelta(days=29)


def catch_up(cashier: Cashier, account: str, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Look at all that changed since the last whole look; how many payments of ours that were."""
    gateway = cashier.accounts.find(account)
    since = _since(cashier, account)
    answer, call = cashier.asking(gateway, VERB, None, lambda: list(dict.fromkeys(gateway.changed_since(since))))
    looked = 0
    if isinstance(answer, GatewayError):
        log.warning("what changed at %s is not known: %s", account, answer.message)
    else:
        for start in range(0, len(answer), AT_ONCE):
            if stopping():
                return looked  # The next look begins where this one did.
            looked += _look(cashier, account, answer[start : start + AT_ONCE])
        call.outcome = f"{len(answer)} changed since {since:%Y-%m-%d %H:%M}"
    with cashier.session() as session:
        session.add(call)
        session.commit()
    return looked


def _since(cashier: Cashier, account: str) -> datetime:
    whole = select(func.max(GatewayCall.at)).where(
        GatewayCall.account == account, GatewayCall.verb == VERB, GatewayCall.is_ok
    )
    with cashier.session() as session:
        last = session.scalar(whole)
    now = cashier.now()
    return max(now - FARTHEST, (last or now - FIRST) - OVERLAP)


def _look(cashier: Cashier, account: str, names: list[str]) -> int:
    known = cashier.find_payments((account, name, None) for name in names)
    answers = cashier.sync_many(known.values(), "poll")
    for name in names:
        if (account, name, None) not in known:
            _recognise(cashier, account, name)
    return len(answers)


def _recognise(cashier: Cashier, account: str, name: str) -> None:
    try:
        cashier.recognise(account, name)
    except GatewayError as error:
        log.warning("%s of %s could not be looked at: %s", name, account, error.message)
    except Exception:  # One that cannot be booked keeps no other waiting.
        log.exception("%s of %s could not be booked", name, account)
