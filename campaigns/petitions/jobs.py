"""What happens to petitions by itself. Each job commits as it goes, and does whatever is due however often it runs."""

from __future__ import annotations

from datetime import timedelta

from campaigns.petitions import retention, waiting
from campaigns.petitions.tally import Tally
from supporters.registry import Work, job


@job("roll_up", every=timedelta(seconds=5))
def roll_up(work: Work) -> str | None:
    """Add the waiting lines of the count to the sums, until nothing moves."""
    moved = 0
    with work.session() as session:
        while not work.stopping() and (some := Tally.roll_up(session, now=work.now())):
            session.commit()
            moved += some
    return f"{moved} rolled up" if moved else None


@job("remind_and_expire", every=timedelta(hours=1))
def remind_and_expire(work: Work) -> str | None:
    """Who waited too long expires; who waits a week is reminded, once."""
    expired = reminded = 0
    with work.session() as session:
        while not work.stopping() and (some := waiting.expire(session, now=work.now())):
            session.commit()
            expired += some
        while not work.stopping() and (some := waiting.remind(session, now=work.now())):
            session.commit()
            reminded += some
    return f"{expired} expired, {reminded} reminded" if expired or reminded else None


@job("forget", every=timedelta(hours=1))
def forget(work: Work) -> str | None:
    """Forget used form keys, and the networks of past days."""
    with work.session() as session:
        keys = waiting.forget_keys(session, now=work.now())
        session.commit()
        networks = waiting.forget_networks(session, now=work.now())
        session.commit()
    return f"{keys} keys and {networks} networks forgotten" if keys or networks else None


@job("retention", every=timedelta(days=1))
def erase_what_is_due(work: Work) -> str | None:
    """The retention clock."""
    with work.session() as session:
        done = retention.erase(session, keep=session.commit, now=work.now(), stopping=work.stopping)
    return f"{done} erased" if done else None
