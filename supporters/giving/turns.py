"""Whose turn it is: a collection run has the commitments to itself, those who change a single one share them.

Without it a run would collect what was paused, skipped, changed or ended between its look and its write. The turn lasts
until the transaction ends. Take it before any row is locked, so that nobody waits for each other.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

_KEY = 1633903989
_ONE = 1633903990


def alone(session: Session) -> None:
    """A run gathers, releases or sends instalments: changes to commitments wait."""
    _take(session, func.pg_advisory_xact_lock)


def together(session: Session) -> None:
    """One commitment, mandate or supporter changes: others may at the same time, a run waits."""
    _take(session, func.pg_advisory_xact_lock_shared)


def of(session: Session, name: str) -> None:
    """Those who make something for the same name, such as a person with one address, follow each other."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ONE, zlib.crc32(name.encode()) - 2**31)))


def _take(session: Session, lock: Callable[[int], Any]) -> None:
    # SQLite has one writer anyway: a transaction begins by taking the whole file.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(lock(_KEY)))
