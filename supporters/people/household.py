"""People who share an address and a salutation. A household gives nothing itself."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, instant, line, pk
from supporters.errors import Refused
from supporters.people import names

if TYPE_CHECKING:
    from supporters.people.supporter import Supporter


class Household(Base):
    __tablename__ = "supporters_household"

    id: Mapped[pk]
    salutation_override: Mapped[line | None]
    created_at: Mapped[instant]

    members: Mapped[list[HouseholdMember]] = relationship(back_populates="household", order_by="HouseholdMember.id")

    @classmethod
    def of(cls, session: Session, supporters: list[Supporter], *, by: Actor, now: datetime, on: date) -> Household:
        """Put these people in one new household from ``on``; each leaves the household they were in."""
        household = cls(created_at=now)
        session.add(household)
        for supporter in supporters:
            household.join(session, supporter, by=by, now=now, on=on)
        return household

    def join(self, session: Session, supporter: Supporter, *, by: Actor, now: datetime, on: date) -> None:
        if supporter.kind != "person":
            raise Refused("Only people share a household; %(name)s is an organisation.", name=supporter.name)
        for member in supporter.memberships:
            if member.until_on is None:
                member.until_on = max(on, member.from_on)
        session.flush()
        session.add(HouseholdMember(household=self, supporter=supporter, from_on=on))
        audit.record(session, by, "join", self, now=now, supporter=supporter.id)

    def leave(self, session: Session, supporter: Supporter, *, by: Actor, now: datetime, on: date) -> None:
        for member in self.members:
            if member.supporter_id == supporter.id and member.until_on is None:
                member.until_on = max(on, member.from_on)
                audit.record(session, by, "leave", self, now=now, supporter=supporter.id)

    def people(self, on: date) -> list[Supporter]:
        """Who belongs to it that day and is alive, in the order they joined."""
        return [
            member.supporter
            for member in self.members
            if member.from_on <= on
            and (member.until_on is None or on < member.until_on)
            and not member.supporter.is_deceased
        ]

    def salutation(self, language: str, on: date) -> str:
        """The opening of one letter to all of them."""
        if self.salutation_override:
            return self.salutation_override
        return names.household_salutation(language, [(one.as_name, one.form_of_address) for one in self.people(on)])


class HouseholdMember(Base):
    __tablename__ = "supporters_household_member"
    __table_args__ = (
        CheckConstraint("until_on IS NULL OR until_on >= from_on", name="period"),
        # Nobody lives in two households at once.
        Index(
            "uq_supporters_household_member_current",
            "supporter_id",
            unique=True,
            sqlite_where=text("until_on IS NULL"),
            postgresql_where=text("until_on IS NULL"),
        ),
    )

    id: Mapped[pk]
    household_id: Mapped[int] = mapped_column(ForeignKey("supporters_household.id"), index=True)
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "delete"}
    )
    from_on: Mapped[date]
    until_on: Mapped[date | None]

    household: Mapped[Household] = relationship(back_populates="members")
    supporter: Mapped[Supporter] = relationship(back_populates="memberships")
