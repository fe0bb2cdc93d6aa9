"""Money that did not come through us yet: cash in a box, a collection, another platform. It counts as on its way once a
second person looked at its document, until the gift it became is booked; what never comes stays in sight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from campaigns.crowdfunding.counter import Line, count
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.documents import Document
from supporters.errors import BadInput, NotAllowed, Refused
from supporters.giving.gift import Gift
from supporters.money import Money

KINDS = ("cash", "collection", "platform", "transfer")
STATES = ("entered", "counted", "met", "withdrawn")
#: Days in which it should be on our account.
DAYS = 30
#: A gift may be it where the amount differs by at most a fifth, and it came from a week before it was handed in until
#: two months after it should have been there. So many are offered.
NEAR, BEFORE, AFTER, MOST = 5, 7, 60, 25


class OfflineMoney(Base):
    __tablename__ = "campaigns_offline_money"
    __table_args__ = (
        UniqueConstraint("gift_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(f"kind IN ({', '.join(repr(each) for each in KINDS)})", name="kind"),
        CheckConstraint(f"state IN ({', '.join(repr(each) for each in STATES)})", name="state"),
        CheckConstraint("checked_by <> entered_by", name="second_person"),
        CheckConstraint("state NOT IN ('counted', 'met') OR checked_by IS NOT NULL", name="checked"),
        CheckConstraint("(state = 'met') = (gift_id IS NOT NULL)", name="met"),
        Index(None, "edition_id", "state"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    page_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_fundraising_page.id"))
    kind: Mapped[word]
    amount: Mapped[cents]
    handed_on: Mapped[date]
    expected_by: Mapped[date]
    place: Mapped[line]  # where, or through whom
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    state: Mapped[word] = mapped_column(default="entered")
    entered_at: Mapped[instant]
    entered_by: Mapped[actor_key]
    checked_at: Mapped[instant | None]
    checked_by: Mapped[actor_key | None]
    gift_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gift.id"))

    edition: Mapped[Edition] = relationship()
    page: Mapped[FundraisingPage | None] = relationship()

    @classmethod
    def enter(
        cls, session: Session, edition: Edition, money: Money, *, kind: str, handed_on: date, place: str,
        document: Document | None, by: Actor, now: datetime, page: FundraisingPage | None = None, days: int = DAYS,
    ) -> OfflineMoney:  # fmt: skip
        """It counts only after ``count_it`` by a second person."""
        if document is None:
            raise BadInput(
                "Add the document that shows it: a receipt, a photo of the box, a statement.", field="document"
            )
        if money.amount <= 0 or money.currency != edition.currency:
            raise BadInput("Fill in an amount in %(currency)s.", field="amount", currency=edition.currency)
        if kind not in KINDS:
            raise BadInput("“%(kind)s” is not one of %(known)s.", field="kind", kind=kind[:40], known=", ".join(KINDS))
        if not place.strip():
            raise BadInput("Say where it was gathered, or through whom it comes.", field="place")
        if page is not None and page.edition_id != edition.id:
            raise BadInput("This page is of another edition.", field="page")
        if (standing := edition.standing(handed_on, money.currency)) != "counts":
            raise BadInput(
                "%(title)s counts from %(from)s up to %(until)s.", field="handed_on", title=edition.title,
                standing=standing, **{"from": edition.starts_on.isoformat(), "until": edition.ends_on.isoformat()},
            )  # fmt: skip
        row = cls(
            edition=edition, page=page, kind=kind, amount=money.amount, handed_on=handed_on, place=place.strip(),
            expected_by=handed_on + timedelta(days=days), document_id=document.id, state="entered", entered_at=now,
            entered_by=by.key,
        )  # fmt: skip
        session.add(row)
        audit.record(session, by, "enter", row, now=now, amount=money.amount)
        return row

    def count_it(self, session: Session, *, by: Actor, now: datetime) -> None:
        """A second person saw the document: it is on its way."""
        by.must_be_signed_in()
        row: OfflineMoney = OfflineMoney.get(session, self.id, lock=True)
        if row.state != "entered":
            raise Refused("This is %(state)s already.", state=row.state)
        if by.key == row.entered_by:
            raise NotAllowed("You entered this: a second person has to look at its document.", field="actor")
        row.state, row.checked_at, row.checked_by = "counted", now, by.key
        audit.record(session, by, "count", row, now=now, amount=row.amount)
        session.flush()
        count(session, [row._line(row.amount, row.handed_on, "counted")], by=by, now=now)

    def meet(self, session: Session, gift: Gift, *, by: Actor, now: datetime) -> None:
        """It came: this gift is it, counts as received, and it is no longer on its way.

        What is less or more than was expected shows as what it is.
        """
        from campaigns.credit import Credit

        row: OfflineMoney = OfflineMoney.get(session, self.id, lock=True)
        if row.state != "counted":
            raise Refused("Only what is on its way can come in; this is %(state)s.", state=row.state)
        if session.scalar(select(OfflineMoney.id).where(OfflineMoney.gift_id == gift.id)):
            raise Refused("This gift is other money already.", field="gift")
        credit = session.scalar(select(Credit).where(Credit.gift_id == gift.id))
        if credit is None:
            Credit.give(session, gift, row.edition, page=row.page, how="staff", kind=row.kind, by=by, now=now)
        elif credit.edition_id != row.edition_id:
            raise Refused("This gift counts for another edition.", field="gift")
        elif row.page is not None and credit.page_id != row.page_id:
            credit.move(session, row.page, by=by, now=now)
        row.state, row.gift_id = "met", gift.id
        audit.record(session, by, "meet", row, now=now, gift=gift.id)
        session.flush()
        count(session, [row._line(-row.amount, gift.received_on, "met")], by=by, now=now)

    def likely(self, session: Session) -> Sequence[Gift]:
        """Gifts that it may have become: of about this amount and day, and no other money yet; the nearest first."""
        from campaigns.credit import Credit

        wide = max(self.amount // NEAR, 1)
        query = (
            select(Gift)
            .outerjoin(Credit, Credit.gift_id == Gift.id)
            .where(
                Gift.currency == self.edition.currency,
                Gift.amount.between(self.amount - wide, self.amount + wide),
                Gift.received_on.between(self.handed_on - timedelta(days=BEFORE), self.expected_by + timedelta(AFTER)),
                (Credit.id.is_(None)) | ((Credit.edition_id == self.edition_id) & Credit.match_id.is_(None)),
                ~select(OfflineMoney.id).where(OfflineMoney.gift_id == Gift.id).exists(),
            )
            .options(joinedload(Gift.supporter))
            .order_by(func.abs(Gift.amount - self.amount), Gift.received_on, Gift.id)
        )
        return session.scalars(query.limit(MOST)).all()

    def withdraw(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It was wrong, or it never came."""
        row: OfflineMoney = OfflineMoney.get(session, self.id, lock=True)
        if row.state not in ("entered", "counted"):
            raise Refused("This is %(state)s already.", state=row.state)
        was, row.state = row.state, "withdrawn"
        audit.record(session, by, "withdraw", row, now=now, amount=row.amount)
        session.flush()
        if was == "counted":
            count(session, [row._line(-row.amount, now.date(), "withdrawn")], by=by, now=now)

    def _line(self, amount: int, on: date, what: str) -> Line:
        return Line(
            self.edition_id, self.page_id, "on_its_way", self.kind, amount, on, f"offline:{self.id}:{what}",
            offline_id=self.id,
        )  # fmt: skip


def overdue(session: Session, on: date) -> Iterator[OfflineMoney]:
    """What is on its way longer than it should be."""
    query = select(OfflineMoney).where(OfflineMoney.state == "counted", OfflineMoney.expected_by < on)
    yield from session.scalars(query.order_by(OfflineMoney.expected_by, OfflineMoney.id))
