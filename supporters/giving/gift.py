"""Money received, once. Posted money is never edited: a correction is a reversal or a reallocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, currency, instant, pk, violates, word
from supporters.errors import BadInput, Refused
from supporters.giving.fund import Fund
from supporters.giving.year import FinancialYear
from supporters.money import Money
from supporters.people.supporter import Supporter

#: Kind of a gift → its income category in RJ 650, the Dutch annual-reporting guideline for charities. Churches and
#: funds have had no line of their own since 2017, so foundations fall under other non-profits.
CATEGORY = {
    "gift": "individuals",
    "bequest": "individuals",
    "company": "companies",
    "lottery": "lotteries",
    "government": "governments",
    "affiliate": "affiliated_nonprofits",
    "foundation": "other_nonprofits",
    "sale": "goods_and_services",
}
KINDS = tuple(CATEGORY)
#: What went back; "correction": it was booked on the wrong person or as the wrong thing, and no money moved; and
#: "reinstated": what came back to us after all (a refund that failed, a chargeback won), which is a row with a negative
#: amount on its own date.
REVERSALS = ("refund", "return", "chargeback", "correction", "reinstated")


class Gift(Base):
    __tablename__ = "supporters_gift"
    __table_args__ = (
        UniqueConstraint("booking_key"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(f"kind IN ({', '.join(repr(k) for k in KINDS)})", name="kind"),
        Index(None, "supporter_id", "received_on"),
        Index(None, "received_on", "id"),
        Index(None, "commitment_id"),
        Index(
            "ix_supporters_gift_to_thank",
            "received_on",
            sqlite_where=text("thanked_at IS NULL"),
            postgresql_where=text("thanked_at IS NULL"),
        ),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "keep"}
    )
    amount: Mapped[cents]
    currency: Mapped[currency]
    received_on: Mapped[date]
    kind: Mapped[word]
    source_code: Mapped[word | None]  # what brought it
    description: Mapped[str] = mapped_column(String(500), default="")
    commitment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_commitment.id"))
    instalment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_instalment.id"), index=True)
    #: What may be booked once: "payment:17", "import:<hash>", "form:<key>". The same key never books twice.
    booking_key: Mapped[str] = mapped_column(String(120))
    booked_at: Mapped[instant]
    booked_by: Mapped[actor_key]
    thanked_at: Mapped[instant | None]
    thanked_by: Mapped[actor_key | None]

    supporter: Mapped[Supporter] = relationship()
    designations: Mapped[list[Designation]] = relationship(back_populates="gift", order_by="Designation.id")
    reversals: Mapped[list[Reversal]] = relationship(back_populates="gift", order_by="Reversal.id")

    @classmethod
    def book(
        cls,
        session: Session,
        supporter: Supporter,
        money: Money,
        *,
        received_on: date,
        fund: Fund | Mapping[Fund, Money],
        booking_key: str,
        by: Actor,
        now: datetime,
        kind: str | None = None,
        source_code: str | None = None,
        description: str = "",
    ) -> Gift:
        """Book money received; the same ``booking_key`` again returns the gift it booked.

        Without ``kind`` it is what the supporter's gifts are. ``fund`` is one fund, or how the gift divides over
        several. Raises YearClosed, BadInput.
        """
        if money.amount <= 0:
            raise BadInput("A gift is more than nothing; money that goes back is a reversal.", field="amount")
        kind = kind or supporter.income_kind
        if kind not in CATEGORY:
            raise BadInput(
                "“%(kind)s” is not a kind of gift; there are: %(known)s.",
                field="kind",
                kind=kind[:40],
                known=", ".join(KINDS),
            )
        shares = {fund: money} if isinstance(fund, Fund) else dict(fund)
        if any(share.amount <= 0 for share in shares.values()):
            raise BadInput("The part of a gift for a fund is more than nothing.", field="fund")
        if sum(share.amount for share in shares.values()) != money.amount or {s.currency for s in shares.values()} != {
            money.currency
        }:
            raise BadInput("The parts for each fund must add up to %(money)s.", field="fund", money=str(money))
        if known := session.scalar(select(cls).where(cls.booking_key == booking_key)):
            return known
        for part in shares:
            part.refuse_if_closed(received_on)
        gift = cls(
            supporter=supporter, amount=money.amount, currency=money.currency, received_on=received_on, kind=kind,
            source_code=source_code, description=description, booking_key=booking_key, booked_at=now, booked_by=by.key,
        )  # fmt: skip
        try:
            with FinancialYear.posting(session, received_on):
                session.add(gift)
                session.flush()
                for part, share in shares.items():
                    session.add(Designation(gift=gift, fund=part, amount=share.amount, made_at=now, made_by=by.key))
                session.flush()
        except IntegrityError as error:
            # Another process booked the same money between our look and our insert.
            if not violates(error, "uq_supporters_gift_booking_key"):
                raise
            return session.scalars(select(cls).where(cls.booking_key == booking_key)).one()
        audit.record(session, by, "book", gift, now=now)
        hooks.fire("gifts_booked", session, gift_ids=[gift.id], by=by, now=now)
        return gift

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def reversed(self) -> Money:
        return Money(sum(r.amount for r in self.reversals), self.currency)

    @property
    def net(self) -> Money:
        return self.money - self.reversed

    def hold(self, session: Session) -> None:
        """Lock the row until the transaction ends, and read it anew. Others may still refer to it meanwhile."""
        session.get(Gift, self.id, with_for_update={"key_share": True}, populate_existing=True)

    def reverse(
        self,
        session: Session,
        money: Money | None = None,
        *,
        on: date,
        kind: str,
        by: Actor,
        now: datetime,
        booking_key: str | None = None,
        reason_code: str | None = None,
        description: str = "",
    ) -> Reversal:
        """Money that went back: a refund (ours), a return or chargeback (theirs). It counts on its own date.

        Raises Refused where more would go back than came in. Without ``money`` all that is left goes back.
        """
        if kind not in REVERSALS or kind == "reinstated":
            raise BadInput(
                "“%(kind)s” is not a way back for money; there are: %(known)s.",
                field="kind",
                kind=kind[:40],
                known=", ".join(REVERSALS[:-1]),
            )
        self.hold(session)
        if booking_key and (known := session.scalar(select(Reversal).where(Reversal.booking_key == booking_key))):
            return known
        session.expire(self, ["reversals"])
        back = self.net if money is None else money
        if back.amount <= 0 or back > self.net:
            raise Refused(
                "At most %(left)s of this gift can go back, not %(back)s.",
                field="amount",
                left=str(self.net),
                back=str(back),
            )
        reversal = Reversal(
            gift_id=self.id, amount=back.amount, reversed_on=on, kind=kind, reason_code=reason_code,
            description=description,
            booking_key=booking_key or f"gift:{self.id}:{len(self.reversals) + 1}", booked_at=now, booked_by=by.key,
        )  # fmt: skip
        with FinancialYear.posting(session, on, "reversed_on"):
            session.add(reversal)
        session.expire(self, ["reversals"])
        audit.record(session, by, "reverse", self, now=now, amount=back.amount, kind=kind)
        session.flush()
        hooks.fire("gifts_reversed", session, reversal_ids=[reversal.id], by=by, now=now)
        return reversal

    def reinstate(
        self,
        session: Session,
        reversal: Reversal,
        money: Money | None = None,
        *,
        on: date,
        by: Actor,
        now: datetime,
        booking_key: str,
        description: str = "",
    ) -> Reversal:
        """What had gone back came to us after all: a refund that failed, a chargeback that was won.

        Without ``money`` all of that reversal; where several went back it may be another part of what they took. The
        same ``booking_key`` again returns what it booked. Raises Refused where more would come back than went.
        """
        self.hold(session)
        if known := session.scalar(select(Reversal).where(Reversal.booking_key == booking_key)):
            return known
        session.expire(self, ["reversals"])
        amount = reversal.amount if money is None else money.amount
        if reversal.gift_id != self.id or reversal.kind == "reinstated" or not 0 < amount <= self.reversed.amount:
            raise Refused("This did not go back, or it came back already.", field="reversal")
        back = Reversal(
            gift_id=self.id, amount=-amount, reversed_on=on, kind="reinstated",
            reason_code=reversal.reason_code, description=description, booking_key=booking_key, booked_at=now,
            booked_by=by.key,
        )  # fmt: skip
        with FinancialYear.posting(session, on, "reversed_on"):
            session.add(back)
        session.expire(self, ["reversals"])
        audit.record(session, by, "reinstate", self, now=now, amount=amount)
        session.flush()
        hooks.fire("gifts_reversed", session, reversal_ids=[back.id], by=by, now=now)
        return back

    def reallocate(
        self, session: Session, money: Money, *, source: Fund, target: Fund, by: Actor, now: datetime
    ) -> None:
        """Move part of the gift from one fund to another, as two rows that cancel out."""
        self.hold(session)
        there = sum(d.amount for d in self.designations if d.fund_id == source.id)
        if not 0 < money.amount <= there or money.currency != self.currency:
            raise Refused(
                "Only %(there)s of this gift is for %(fund)s.", there=str(Money(there, self.currency)), fund=source.name
            )
        for fund, amount in ((source, -money.amount), (target, money.amount)):
            session.add(Designation(gift=self, fund=fund, amount=amount, made_at=now, made_by=by.key))
        audit.record(
            session, by, "reallocate", self, now=now, amount=money.amount, source=source.code, target=target.code
        )
        session.flush()

    def thank(self, session: Session, *, by: Actor, now: datetime) -> None:
        """Note that the giver was thanked; the first time stands."""
        if self.thanked_at is None:
            self.thanked_at, self.thanked_by = now, by.key
            audit.record(session, by, "thank", self, now=now)

    def soft_credit(
        self,
        session: Session,
        supporter: Supporter,
        role: str,
        money: Money | None = None,
        *,
        by: Actor,
        now: datetime,
    ) -> SoftCredit:
        """Credit somebody who brought or shared this gift. It enters no total."""
        share = self.money if money is None else money
        if session.scalar(
            select(SoftCredit.id).where(SoftCredit.gift_id == self.id, SoftCredit.supporter_id == supporter.id)
        ):
            raise Refused("%(name)s is credited for this gift already.", name=supporter.name)
        if share > self.money or share.amount <= 0:
            raise BadInput("A soft credit is at most the gift itself.", field="amount")
        credit = SoftCredit(gift_id=self.id, supporter=supporter, amount=share.amount, role=role)
        session.add(credit)
        session.flush()
        audit.record(session, by, "soft_credit", self, now=now, credited=supporter.id, amount=share.amount, role=role)
        return credit


class Designation(Base):
    """Which part of a gift is for which fund. Rows are only added; together they are the gift."""

    __tablename__ = "supporters_designation"
    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"), Index(None, "fund_id", "gift_id"))

    id: Mapped[pk]
    gift_id: Mapped[int] = mapped_column(ForeignKey("supporters_gift.id"), index=True)
    fund_id: Mapped[int] = mapped_column(ForeignKey("supporters_fund.id"))
    amount: Mapped[cents]  # negative where a reallocation took it away
    made_at: Mapped[instant]
    made_by: Mapped[actor_key]

    gift: Mapped[Gift] = relationship(back_populates="designations")
    fund: Mapped[Fund] = relationship()


class Reversal(Base):
    """Money of a gift that went back, on its own date."""

    __tablename__ = "supporters_reversal"
    __table_args__ = (
        UniqueConstraint("booking_key"),
        CheckConstraint(
            "amount > 0 AND kind <> 'reinstated' OR amount < 0 AND kind = 'reinstated'", name="amount_sign"
        ),
        CheckConstraint(f"kind IN ({', '.join(repr(k) for k in REVERSALS)})", name="kind"),
        Index(None, "reversed_on"),
    )

    id: Mapped[pk]
    gift_id: Mapped[int] = mapped_column(ForeignKey("supporters_gift.id"), index=True)
    amount: Mapped[cents]  # negative where the money came back to us after all
    reversed_on: Mapped[date]
    kind: Mapped[word]
    reason_code: Mapped[word | None]  # the bank's, such as MD06
    description: Mapped[str] = mapped_column(String(500), default="")
    booking_key: Mapped[str] = mapped_column(String(120))
    booked_at: Mapped[instant]
    booked_by: Mapped[actor_key]

    gift: Mapped[Gift] = relationship(back_populates="reversals")


class SoftCredit(Base):
    __tablename__ = "supporters_soft_credit"
    __table_args__ = (
        UniqueConstraint("gift_id", "supporter_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
    )

    id: Mapped[pk]
    gift_id: Mapped[int] = mapped_column(ForeignKey("supporters_gift.id"))
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    amount: Mapped[cents]
    role: Mapped[word]  # "in memory", "brought in by", "partner"

    supporter: Mapped[Supporter] = relationship()
