"""Lists that each floor fills and a higher one walks, so that nothing imports upward.

What does not exist yet simply has not registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Executable, Select
from sqlalchemy.orm import Session

from supporters.money import Money
from supporters.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise that `achterban check` found: which rule, which row, what is wrong.

    Of a difference in money also how much, since when, and what to do about it.
    """

    rule: str
    subject: str
    message: str
    amount: Money | None = None
    since: date | None = None
    advice: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a supporter's timeline; ``text`` is a template over ``params`` so that a screen can translate it."""

    at: datetime
    kind: str
    text: str
    params: dict[str, Any]
    subject: str
    subject_id: int

    @property
    def place(self) -> Place:
        return self.at, self.subject, self.subject_id

    @property
    def sentence(self) -> str:
        return self.text % self.params


@dataclass(frozen=True, slots=True)
class Work:
    """What a job gets. It opens its own sessions (``with work.session() as session``) and commits them."""

    session: Callable[[], AbstractContextManager[Session]]
    settings: Settings
    now: Callable[[], datetime]
    #: The app's configuration, for the settings of a higher floor.
    config: Mapping[str, Any] = field(default_factory=dict)
    #: Whether the worker wants to end: what takes long asks between two steps.
    stopping: Callable[[], bool] = lambda: False


#: Does whatever is due, however often it is called; what it returns is shown, such as "3 sent".
JobFunction = Callable[[Work], str | None]


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    run: JobFunction
    every: timedelta
    #: One at a time over all machines; a job that shares its rows with others has no need of it.
    single: bool = True


def broken(session: Session, rule: str, noun: str, query: Executable, message: str) -> Iterator[Finding]:
    """A finding for each row of ``query``: its first column is the row's key, the others fill in ``message``."""
    for row in session.execute(query):
        yield Finding(rule, f"{noun} {row[0]}", message % row._mapping)


class Check(Protocol):
    """Yields what it finds broken; ``now`` is the app's clock, for promises that have a date."""

    def __call__(self, session: Session, *, now: datetime) -> Iterator[Finding]: ...


#: Where a page of a timeline ends: the moment, subject and key of its last entry.
Place = tuple[datetime, str, int]
#: session, supporter id, only what comes before this place, at most how many; newest first
TimelineSource = Callable[[Session, int, Place | None, int], list[TimelineEntry]]

checks: dict[str, Check] = {}
timeline_sources: dict[str, TimelineSource] = {}
jobs: dict[str, Job] = {}
commands: list[Any] = []  # click groups and commands
search_sources: dict[str, Callable[[Any], Select[Any]]] = {}


def findings(session: Session, *, now: datetime) -> Iterator[tuple[str, Finding]]:
    """What every check finds, with the check's name, in the order of the names."""
    for name, look in sorted(checks.items()):
        for finding in look(session, now=now):
            yield name, finding


def check(name: str) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        checks[name] = function
        return function

    return register


def timeline(name: str) -> Callable[[TimelineSource], TimelineSource]:
    def register(function: TimelineSource) -> TimelineSource:
        timeline_sources[name] = function
        return function

    return register


def job(name: str, *, every: timedelta, single: bool = True) -> Callable[[JobFunction], JobFunction]:
    """``@job("roll_up", every=timedelta(minutes=1))``: a worker calls the function that often."""

    def register(function: JobFunction) -> JobFunction:
        jobs[name] = Job(name, function, every, single)
        return function

    return register
