"""Financial years. A closed one takes no postings: corrections go into the open one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant
from supporters.errors import Refused


class YearClosed(Refused):
    """A posting was dated in a financial year that is closed."""

    code = "year_closed"


class FinancialYear(Base):
    """Exists once somebody closed the year; years run with the calendar."""

    __tablename__ = "supporters_financial_year"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    closed_at: Mapped[instant | None]
    closed_by: Mapped[actor_key | None]

    @classmethod
    def close(cls, session: Session, year: int, *, by: Actor, now: datetime) -> FinancialYear:
        by.must_be_signed_in()
        found = session.get(cls, year, with_for_update=True) or cls(year=year)
        if found.closed_at is not None:
            raise Refused("%(year)s is closed already.", year=year)
        if now.year <= year:
            raise Refused("%(year)s has not ended yet.", year=year)
        found.closed_at, found.closed_by = now, by.key
        try:
            with session.begin_nested():
                session.add(found)
        except IntegrityError as error:
            raise Refused("%(year)s is closed already.", year=year) from error
        audit.record(session, by, "close", "financial_year", now=now, year=year)
        return found

    @classmethod
    def refuse_if_closed(cls, session: Session, on: date, field: str = "received_on") -> None:
        """Raise YearClosed for a posting dated in a closed year. The database refuses it too."""
        if session.scalar(select(cls.year).where(cls.year == on.year, cls.closed_at.is_not(None))):
            raise cls._closed(on, field)

    @classmethod
    @contextmanager
    def posting(cls, session: Session, on: date, field: str = "received_on") -> Iterator[None]:
        """Around the statements that post: YearClosed too where the year closes between the look and the write."""
        cls.refuse_if_closed(session, on, field)
        try:
            with session.begin_nested():
                yield
        except IntegrityError as error:
            if "the financial year" not in str(error.orig):
                raise
            raise cls._closed(on, field) from error

    @staticmethod
    def _closed(on: date, field: str) -> YearClosed:
        return YearClosed(
            "The financial year %(year)s is closed: book a correction dated in an open year.",
            field=field,
            year=on.year,
        )
