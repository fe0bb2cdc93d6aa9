"""What happens to petitions by itself. Each commits as it goes and does whatever is due, however often it is called."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.petitions import retention, waiting
from campaigns.petitions.tally import Tally


def roll_up(session: Session, now: datetime) -> int:
    """Add the waiting lines of the count to the sums."""
    moved = 0
    while some := Tally.roll_up(session, now=now):
        session.commit()
        moved += some
    session.rollback()
    return moved


def remind_and_expire(session: Session, now: datetime) -> tuple[int, int]:
    """How many expired, and how many were reminded."""
    expired = reminded = 0
    while some := waiting.expire(session, now=now):
        session.commit()
        expired += some
    while some := waiting.remind(session, now=now):
        session.commit()
        reminded += some
    session.rollback()
    return expired, reminded


def forget(session: Session, now: datetime) -> int:
    """Forget used form keys and the networks of past days."""
    keys = waiting.forget_keys(session, now=now)
    session.commit()
    networks = waiting.forget_networks(session, now=now)
    session.commit()
    return keys + networks


def erase_what_is_due(session: Session, now: datetime) -> int:
    """The retention clock; how many petitions were erased."""
    return retention.erase(session, now=now)
