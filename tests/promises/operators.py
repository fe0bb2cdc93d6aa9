"""Two people at once: both start at the same instant, each in a transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from supporters.errors import AchterbanError

Act = Callable[[Session], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What each was told: None where it was done, else the library's sentence. Anything else is raised."""

    said: tuple[str | None, ...]

    @property
    def done(self) -> int:
        return self.said.count(None)


def at_once(engine: Engine, *acts: Act) -> Outcome:
    barrier = threading.Barrier(len(acts))
    said: list[str | None] = [None] * len(acts)
    wrong: list[BaseException] = []

    def run(number: int, act: Act) -> None:
        with Session(engine) as session:
            session.connection()
            session.rollback()
            barrier.wait(30)
            try:
                act(session)
                session.commit()
            except AchterbanError as error:
                said[number] = error.message
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "two operators wait for each other"
    if wrong:
        raise wrong[0]
    return Outcome(tuple(said))
