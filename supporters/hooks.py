"""What higher floors want to know. A handler runs in the caller's transaction; its exception aborts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

Handler = Callable[..., None]

#: Every hook there is, with what it tells. Sets of ids, because a collection books fifty thousand at once.
EVENTS = {
    "gifts_booked": "gift_ids, by, now",
    "gifts_reversed": "reversal_ids, by, now",
    "commitments_ended": "commitment_ids, by, now",
    "commitment_paused": "commitment_id, pause, by, now",
    "mandate_ended": "mandate_id, by, now",
    "account_changed": "mandate_id, on, by, now",
    "mandate_taken": "commitment_id, by, now",
    "gateway_mandate_ended": "gateway_mandate_id, by, now",
    "supporter_merged": "loser_id, survivor_id, by, now",
    "supporter_died": "supporter, death, by, now",
    "death_undone": "supporter, death, by, now",
    "supporter_erased": "supporter_id, by, now",
    "mail_sent": "message, now",
    "mail_bounced": "message, reason, now",
    "payments_returned": "payment_ids, by, now",
}

_handlers: dict[str, list[Handler]] = defaultdict(list)


def on(event: str) -> Callable[[Handler], Handler]:
    """Register a handler; registering the same function twice changes nothing."""
    if event not in EVENTS:
        raise KeyError(f"there is no hook {event!r}; there are {', '.join(EVENTS)}")

    def register(handler: Handler) -> Handler:
        if handler not in _handlers[event]:
            _handlers[event].append(handler)
        return handler

    return register


def fire(event: str, session: Session, **facts: Any) -> None:
    if event not in EVENTS:
        raise KeyError(event)
    for handler in _handlers[event]:
        handler(session, **facts)


def listened_to(event: str) -> bool:
    """Whether anyone registered, so that a set-based caller need not collect ids for nobody."""
    return bool(_handlers[event])
