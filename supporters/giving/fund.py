"""What money is for: the general fund, and restricted funds that may be spent on one purpose only."""

from __future__ import annotations

from datetime import date

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.db import Base, line, pk
from supporters.errors import BadInput, NotFound, Refused


class Fund(Base):
    __tablename__ = "supporters_fund"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[line]
    is_restricted: Mapped[bool] = mapped_column(default=False)
    closed_on: Mapped[date | None]

    @classmethod
    def by_code(cls, session: Session, code: str) -> Fund:
        fund = session.scalar(select(cls).where(cls.code == code.strip()))
        if fund is None:
            known = ", ".join(session.scalars(select(cls.code).order_by(cls.code).limit(20)))
            raise NotFound(
                "There is no fund “%(code)s”; there are: %(known)s.", field="fund", code=code[:40], known=known
            )
        return fund

    def is_open(self, on: date) -> bool:
        """Whether money that comes in on that day can be for it."""
        return self.closed_on is None or on < self.closed_on

    def refuse_if_closed(self, on: date) -> None:
        """Raise Refused for money that comes in on or after the day the fund closed."""
        if not self.is_open(on):
            assert self.closed_on is not None
            raise Refused(
                "The fund %(name)s closed on %(on)s: choose another one.",
                field="fund",
                name=self.name,
                on=self.closed_on.isoformat(),
            )

    @classmethod
    def open(cls, session: Session, code: str, name: str, *, is_restricted: bool = False) -> Fund:
        """A new fund; raises BadInput where the code is taken."""
        if session.scalar(select(cls.id).where(cls.code == code)):
            raise BadInput("There is a fund with code “%(code)s” already.", field="code", code=code)
        fund = cls(code=code, name=name, is_restricted=is_restricted)
        session.add(fund)
        return fund
