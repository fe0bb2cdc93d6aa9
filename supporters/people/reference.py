"""The numbers other systems know a supporter by. Each resolves for ever, through merges too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.db import Base, pk, word
from supporters.errors import BadInput, Refused

if TYPE_CHECKING:
    from supporters.people.supporter import Supporter


class ExternalReference(Base):
    __tablename__ = "supporters_external_reference"
    __table_args__ = (UniqueConstraint("system", "value"),)

    id: Mapped[pk]
    # It stays with the supporter it was given to; resolving follows merges, so undoing one loses nothing.
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "keep", "on_erase": "delete"}
    )
    system: Mapped[word]  # whose number it is, such as "import", "old_crm"
    value: Mapped[str] = mapped_column(String(120))

    supporter: Mapped[Supporter] = relationship(back_populates="references")

    @classmethod
    def give(cls, session: Session, supporter: Supporter, system: str, value: str) -> ExternalReference:
        value = value.strip()
        if not value or len(value) > 120:
            raise BadInput("A reference has 1 to 120 characters.", field="reference")
        known = session.scalar(select(cls).where(cls.system == system, cls.value == value))
        if known is None:
            known = cls(supporter=supporter, system=system, value=value)
            session.add(known)
        elif known.supporter_id != supporter.id:
            raise Refused(
                "Reference %(value)s of %(system)s belongs to another supporter.",
                field="reference",
                value=value,
                system=system,
            )
        return known

    @classmethod
    def resolve(cls, session: Session, system: str, value: str) -> Supporter | None:
        """The supporter this reference leads to today, or None."""
        known = session.scalar(select(cls).where(cls.system == system, cls.value == value.strip()))
        return known.supporter.survivor(session) if known else None
