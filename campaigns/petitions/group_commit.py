"""Group commit: the signatures that threads of one process bring at the same moment share one transaction.

A commit waits for the disk, however little is in it. So whoever comes first writes for all that wait, commits once and
hands on; meanwhile the next gather. Nobody waits for company: who comes alone is written alone, at once, and under load
one commit carries many. Each is answered only after the commit, so what was answered is kept. Where a group fails, its
rows are written again one by one, so a bad row never fails a stranger's.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine

from campaigns.petitions.intake import Outcome, write
from campaigns.petitions.terms import Prepared

#: At most this many in one statement.
MOST = 200


@dataclass(slots=True)
class _Waiting:
    row: Prepared
    outcome: Outcome | Exception | None = None
    #: There is an outcome, or it is this one's turn to lead.
    signal: threading.Event = field(default_factory=threading.Event)


class GroupCommit:
    """One for each process and database; any thread may ``submit``."""

    def __init__(self, engine: Engine, writer: Callable[[Connection, Sequence[Prepared]], list[Any]] = write) -> None:
        self.engine = engine
        self._writer = writer
        self._queue: deque[_Waiting] = deque()
        self._leading = threading.Lock()

    def submit(self, row: Prepared) -> Outcome:
        """Write it durably; raises what it was refused with. Returns only after the commit."""
        mine = _Waiting(row)
        self._queue.append(mine)
        while mine.outcome is None:
            if self._leading.acquire(blocking=False):
                try:
                    self._commit(self._take())
                finally:
                    self._leading.release()
                    self._hand_on()
            else:
                mine.signal.wait(0.05)
                mine.signal.clear()
        if isinstance(mine.outcome, Exception):
            raise mine.outcome
        return mine.outcome

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        while self._queue and len(group) < MOST:
            group.append(self._queue.popleft())
        return group

    def _hand_on(self) -> None:
        # Whoever came while the lead was held is in the queue by now.
        with contextlib.suppress(IndexError):
            self._queue[0].signal.set()

    def _commit(self, group: list[_Waiting]) -> None:
        if not group:
            return
        outcomes: list[Any]
        try:
            with self.engine.begin() as connection:
                outcomes = self._writer(connection, [each.row for each in group])
        except Exception as error:
            if len(group) > 1:
                for each in group:
                    self._commit([each])
                return
            outcomes = [error]
        except BaseException:
            # This thread is being ended: the others must not wait for it for ever.
            for each in group:
                self._answer(each, RuntimeError("the process is stopping"))
            raise
        for each, outcome in zip(group, outcomes, strict=True):
            self._answer(each, outcome)

    @staticmethod
    def _answer(each: _Waiting, outcome: Outcome | Exception) -> None:
        each.outcome = outcome
        each.signal.set()
