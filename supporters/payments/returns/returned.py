"""A debit that the bank refused or that came back: why, and what was done about it."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, pk, word
from supporters.errors import Refused
from supporters.giving.commitment import Commitment
from supporters.money import Money
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.line import BankLine
from supporters.payments.payment import Payment
from supporters.payments.returns.reasons import ACTIONS, Reason, reason_of
from supporters.people.supporter import Supporter

if TYPE_CHECKING:
    from collections.abc import Sequence

#: rejected: refused before any money moved (afgekeurd) · returned: collected, and taken back
STAGES = ("rejected", "returned")


class NotBookedYet(Refused):
    """The bank took back what it says it had collected, and the collection is not booked here: tell it again then."""

    code = "not_booked_yet"


class Returned(Base):
    __tablename__ = "supporters_returned"
    __table_args__ = (
        UniqueConstraint("payment_id"),
        CheckConstraint("stage IN ('rejected', 'returned')", name="stage"),
        CheckConstraint("acted_at IS NULL OR acted_by IS NOT NULL AND action IS NOT NULL", name="acted_by"),
        CheckConstraint(f"action IN ({', '.join(repr(a) for a in ACTIONS)})", name="action"),
        Index(None, "acted_at", "reason"),
        Index(None, "commitment_id", "told_on"),
    )

    id: Mapped[pk]
    payment_id: Mapped[int] = mapped_column(ForeignKey("supporters_payment.id"))
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    commitment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_commitment.id"))
    stage: Mapped[word]
    reason: Mapped[str] = mapped_column(String(40))  # as the bank says it: AC06; "" where it gave none
    told: Mapped[str] = mapped_column(String(255), default="")  # the bank's own words
    told_on: Mapped[date]
    amount: Mapped[cents]
    currency: Mapped[str] = mapped_column(String(3))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_bank_line.id"))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_bank_file.id"))
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]
    #: What was done about it: see reasons.ACTIONS.
    action: Mapped[word | None]
    acted_at: Mapped[instant | None]
    acted_by: Mapped[actor_key | None]
    outcome: Mapped[str] = mapped_column(String(500), default="")

    payment: Mapped[Payment] = relationship()
    supporter: Mapped[Supporter] = relationship()
    commitment: Mapped[Commitment | None] = relationship()
    line: Mapped[BankLine | None] = relationship()
    file: Mapped[BankFile | None] = relationship()

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def why(self) -> Reason:
        """What the table says of its reason, as it held when the bank said so."""
        return reason_of(self.reason, self.told_on)

    @classmethod
    def record(
        cls,
        session: Session,
        payment: Payment,
        reason: str,
        *,
        told_on: date,
        by: Actor,
        now: datetime,
        told: str = "",
        line: BankLine | None = None,
        file: BankFile | None = None,
        collected: bool | None = None,
        kind: str = "return",
    ) -> Returned:
        """The bank refused this debit, or it came back; the same news again changes nothing, unless it says more.

        ``collected``: money moved, as where a line of a statement takes it off again. Raises NotBookedYet where it did
        and its collection is not booked here, Refused where it was never sent.
        """
        from supporters.payments.returns import recording

        given = recording.News(
            payment, reason, told_on, told=told, line_id=line.id if line is not None else None,
            file_id=file.id if file is not None else None,
            collected=line is not None if collected is None else collected, kind=kind,
        )  # fmt: skip
        (answer,) = recording.record(session, [given], by=by, now=now)
        if isinstance(answer, Refused):
            raise answer
        return answer

    def act(self, session: Session, action: str, *, by: Actor, now: datetime, today: date, **more: Any) -> None:
        """Do one of ``reasons.ACTIONS`` about it; raises Refused where that cannot be done, or something was."""
        Returned.act_on(session, [self.id], action, by=by, now=now, today=today, **more)

    @staticmethod
    def act_on(
        session: Session,
        ids: Sequence[int],
        action: str,
        *,
        by: Actor,
        now: datetime,
        today: date,
        payday: int = 25,
        note: str = "",
    ) -> int:
        """The same about many at once, all or none; returns how many. ``note`` is what a person wants to be read."""
        from supporters.payments.returns.acting import act_on

        return act_on(session, ids, action, by=by, now=now, today=today, payday=payday, note=note)
