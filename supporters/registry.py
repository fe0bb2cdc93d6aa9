"""Lists that each floor fills and a higher one walks, so that nothing imports upward.

What does not exist yet simply has not registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Select
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise that `achterban check` found: which rule, which row, what is wrong."""

    rule: str
    subject: str
    message: str


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


def broken(session: Session, rule: str, noun: str, query: Executable, message: str) -> Iterator[Finding]:
    """A finding for each row of ``query``: its first column is the row's key, the others fill in ``message``."""
    for row in session.execute(query):
        yield Finding(rule, f"{noun} {row[0]}", message % row._mapping)


Check = Callable[[Session], Iterator[Finding]]
#: Where a page of a timeline ends: the moment, subject and key of its last entry.
Place = tuple[datetime, str, int]
#: session, supporter id, only what comes before this place, at most how many; newest first
TimelineSource = Callable[[Session, int, Place | None, int], list[TimelineEntry]]
Job = Callable[..., None]

checks: dict[str, Check] = {}
timeline_sources: dict[str, TimelineSource] = {}
jobs: dict[str, Job] = {}
commands: list[Any] = []  # click groups and commands
search_sources: dict[str, Callable[[Any], Select[Any]]] = {}


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


def job(name: str) -> Callable[[Job], Job]:
    def register(function: Job) -> Job:
        jobs[name] = function
        return function

    return register
