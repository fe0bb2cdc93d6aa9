"""Something we ask of people under one name. A source code leads to it: its own code, or one that begins with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ColumnElement, String, UniqueConstraint, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk
from supporters.errors import BadInput, NotFound, Refused
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money

_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Income:
    """What a campaign brought in over a period; money that went back counts on its own date."""

    gifts: int
    donors: int
    received: Money
    reversed: Money

    @property
    def net(self) -> Money:
        return self.received - self.reversed


class Campaign(Base):
    __tablename__ = "campaigns_campaign"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name="period"),
    )

    id: Mapped[pk]
    #: What a source code is, or begins with before a slash: "spring-2026" also covers "spring-2026/radio".
    code: Mapped[str] = mapped_column(String(30))
    name: Mapped[line]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]  # first day on which it no longer runs; gifts that come later still count for it
    created_at: Mapped[instant]
    created_by: Mapped[actor_key]

    @classmethod
    def open(
        cls,
        session: Session,
        code: str,
        name: str,
        *,
        started_on: date,
        by: Actor,
        now: datetime,
        ended_on: date | None = None,
    ) -> Campaign:
        """A new campaign; raises BadInput where the code is taken or cannot be part of a source code."""
        if not _CODE.fullmatch(code) or len(code) > 30:
            raise BadInput(
                "“%(code)s” cannot be a campaign's code; use small letters, digits and hyphens, such as spring-2026.",
                field="code",
                code=code[:40],
            )
        if not name.strip():
            raise BadInput("A campaign needs a name.", field="name")
        if ended_on is not None and ended_on < started_on:
            raise BadInput("A campaign ends after it began (%(on)s).", field="ended_on", on=started_on.isoformat())
        if session.scalar(select(cls.id).where(cls.code == code)):
            raise BadInput("There is a campaign with code “%(code)s” already.", field="code", code=code)
        campaign = cls(
            code=code, name=name.strip()[:255], started_on=started_on, ended_on=ended_on, created_at=now,
            created_by=by.key,
        )  # fmt: skip
        session.add(campaign)
        audit.record(session, by, "open", campaign, now=now, code=code)
        return campaign

    @classmethod
    def by_code(cls, session: Session, code: str) -> Campaign:
        found = session.scalar(select(cls).where(cls.code == code.strip()))
        if found is None:
            known = ", ".join(session.scalars(select(cls.code).order_by(cls.code).limit(20))) or "none yet"
            raise NotFound(
                "There is no campaign “%(code)s”; there are: %(known)s.", field="code", code=code[:40], known=known
            )
        return found

    @classmethod
    def of(cls, session: Session, source_code: str | None) -> Campaign | None:
        """The campaign that a source code leads to, if any: "spring-2026/radio" is of "spring-2026"."""
        if not source_code:
            return None
        return session.scalar(select(cls).where(cls.code == source_code.partition("/")[0]))

    def close(self, session: Session, *, on: date, by: Actor, now: datetime) -> None:
        """It no longer runs from ``on``."""
        if self.ended_on is not None and self.ended_on <= on:
            raise Refused("%(name)s ended on %(on)s already.", name=self.name, on=self.ended_on.isoformat())
        self.ended_on = max(on, self.started_on)
        audit.record(session, by, "close", self, now=now, on=self.ended_on.isoformat())

    def is_running(self, on: date) -> bool:
        return self.started_on <= on and (self.ended_on is None or on < self.ended_on)

    def income(
        self, session: Session, *, from_on: date | None = None, until_on: date | None = None, currency: str = "EUR"
    ) -> Income:
        """What its source codes brought in from ``from_on`` up to and including ``until_on``."""
        gifts, donors, received = session.execute(
            select(func.count(), func.count(Gift.supporter_id.distinct()), func.coalesce(func.sum(Gift.amount), 0))
            .select_from(Gift)
            .where(self._brought(currency), *_between(Gift.received_on, from_on, until_on))
        ).one()
        back = session.scalar(
            select(func.coalesce(func.sum(Reversal.amount), 0))
            .join(Gift, Gift.id == Reversal.gift_id)
            .where(self._brought(currency), *_between(Reversal.reversed_on, from_on, until_on))
        )
        return Income(gifts, donors, Money(int(received), currency), Money(int(back or 0), currency))

    def _brought(self, currency: str) -> ColumnElement[bool]:
        below = Gift.source_code.startswith(f"{self.code}/", autoescape=True)
        return (Gift.currency == currency) & or_(Gift.source_code == self.code, below)


def _between(
    day: ColumnElement[date] | Mapped[date], first: date | None, last: date | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if first is not None:
        conditions.append(day >= first)
    if last is not None:
        conditions.append(day <= last)
    return conditions
