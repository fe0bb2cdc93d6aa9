"""Whatever file a bank sends: kept, read, acted on, and its lines matched, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import IO

from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.payments.bank import matching, reading
from supporters.payments.bank.importing import Outcome, begin, import_statements
from supporters.payments.returns import statuses


def take_in(
    session: Session,
    stream: IO[bytes],
    filename: str,
    *,
    by: Actor,
    now: datetime,
    today: date,
    accept: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """A statement, a notification or a status report; all of it or, with an error, nothing.

    ``stream`` is seekable. Raises BadBankFile, DoesNotAddUp, Refused. What a file changes for lines that came before it
    (a reject that explains a total) is matched again too.
    """
    if reading.sniff(stream).family == "pain.002":
        stream.seek(0)
        outcome = _statuses(session, stream, filename, by=by, now=now, today=today)
    else:
        stream.seek(0)
        outcome = import_statements(session, stream, filename, by=by, now=now, accept=accept, progress=progress)
    if outcome.known_since is None:
        matching.match(session, now=now, today=today)
    return outcome


def _statuses(
    session: Session, stream: IO[bytes], filename: str, *, by: Actor, now: datetime, today: date
) -> Outcome:  # fmt: skip
    outcome = Outcome(filename)
    with session.begin_nested():
        file = begin(session, stream, filename, outcome, by=by, now=now)
        if file is not None:
            told = reading.read_statuses(stream)
            outcome.statuses = statuses.act_on(session, told, file=file, by=by, now=now, today=today)
            file.new, file.known = outcome.statuses.rejected + outcome.statuses.returned, outcome.statuses.known
            audit.record(session, by, "import", file, now=now, new=file.new, known=file.known, accepted="")
    return outcome
