"""A sponsor who adds to what others give: "every euro doubled", up to what was promised, in the order in which gifts
came in. Whoever takes from it holds its row, and the table itself refuses more than there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.crowdfunding.counter import Line, count
from campaigns.edition import Edition
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.errors import BadInput, NotAllowed, Refused
from supporters.giving.gift import Gift
from supporters.money import Money
from supporters.people.supporter import Supporter

STATES = ("draft", "live", "ended", "lapsed")
#: What becomes of a match whose gift went back: oldest: it is offered to the gift that waits longest. lapses: the
#: sponsor keeps it.
FREED = ("oldest", "lapses")
WAITS = text("given < wanted")


class Match(Base):
    __tablename__ = "campaigns_match"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(each) for each in STATES)})", name="state"),
        CheckConstraint(f"freed IN ({', '.join(repr(each) for each in FREED)})", name="freed"),
        CheckConstraint("promised > 0 AND most > 0 AND most <= promised", name="most"),
        CheckConstraint("percent BETWEEN 1 AND 1000", name="percent"),
        CheckConstraint("per_gift > 0 AND per_donor > 0 AND condition > 0", name="caps"),
        CheckConstraint("given >= 0 AND lapsed >= 0 AND given + lapsed <= most", name="never_more_than_promised"),
        CheckConstraint("covered >= 0 AND covered <= paid AND covered <= given", name="covered"),
        CheckConstraint("until_on > from_on", name="period"),
        CheckConstraint("state = 'draft' OR approved_by <> drafted_by", name="second_person"),
        Index(None, "edition_id"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    sponsor_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    title: Mapped[line]
    state: Mapped[word] = mapped_column(default="draft")
    promised: Mapped[cents]  # what the sponsor put their name under
    most: Mapped[cents]  # how much of it is for this match
    percent: Mapped[int]  # of a gift: 100 doubles it
    per_gift: Mapped[cents | None]
    per_donor: Mapped[cents | None]
    from_on: Mapped[date]
    until_on: Mapped[date | None]  # first day whose gifts are no longer matched
    condition: Mapped[cents | None]  # the sponsor only pays once givers brought so much
    freed: Mapped[word] = mapped_column(default="oldest")
    given: Mapped[cents] = mapped_column(default=0)  # to gifts, now
    lapsed: Mapped[cents] = mapped_column(default=0)
    paid: Mapped[cents] = mapped_column(default=0)  # by the sponsor
    covered: Mapped[cents] = mapped_column(default=0)  # of what was given, by what was paid
    drafted_at: Mapped[instant]
    drafted_by: Mapped[actor_key]
    approved_at: Mapped[instant | None]
    approved_by: Mapped[actor_key | None]

    edition: Mapped[Edition] = relationship()
    sponsor: Mapped[Supporter] = relationship()

    @classmethod
    def promise(
        cls, session: Session, edition: Edition, sponsor: Supporter, title: str, promised: Money, *, from_on: date,
        by: Actor, now: datetime, most: Money | None = None, percent: int = 100, per_gift: Money | None = None,
        per_donor: Money | None = None, until_on: date | None = None, condition: Money | None = None,
        freed: str = "oldest",
    ) -> Match:  # fmt: skip
        """What a sponsor promised; it matches nothing before a second person approved it."""
        if not title.strip():
            raise BadInput("Say what the public reads of it, such as “Every euro doubled”.", field="title")
        amounts = {
            "promised": promised, "most": most, "per_gift": per_gift, "per_donor": per_donor, "condition": condition
        }  # fmt: skip
        for name, money in amounts.items():
            if money is not None and (money.amount <= 0 or money.currency != edition.currency):
                raise BadInput("Fill in an amount in %(currency)s.", field=name, currency=edition.currency)
        if most is not None and most > promised:
            raise BadInput(
                "The sponsor promised %(promised)s: the match cannot be more.", field="most", promised=str(promised)
            )
        if not 1 <= percent <= 1000:
            raise BadInput("A match adds between 1 and 1000 per cent of a gift; 100 doubles it.", field="percent")
        if until_on is not None and until_on <= from_on:
            raise BadInput("A match ends after it began (%(on)s).", field="until_on", on=from_on.isoformat())
        if freed not in FREED:
            raise BadInput("“%(freed)s” is not one of %(known)s.", field="freed", freed=freed, known=", ".join(FREED))
        if edition.state in ("ended", "settled", "reported"):
            raise Refused("%(title)s is over.", title=edition.title)
        cents = {name: money.amount if money is not None else None for name, money in amounts.items()}
        match = cls(
            edition=edition, sponsor=sponsor, title=title.strip(), percent=percent, from_on=from_on, until_on=until_on,
            freed=freed, drafted_at=now, drafted_by=by.key, state="draft", given=0, lapsed=0, paid=0, covered=0,
            **(cents | {"most": (most or promised).amount}),
        )  # fmt: skip
        session.add(match)
        audit.record(session, by, "promise", match, now=now, supporter=sponsor.id, amount=promised.amount)
        return match

    def approve(self, session: Session, *, by: Actor, now: datetime) -> None:
        """A second person says yes: it is announced, and gifts of its days that are there already come first."""
        by.must_be_signed_in()
        Edition.get(session, self.edition_id, lock=True)  # no gift is credited meanwhile, and none is overlooked
        match: Match = Match.get(session, self.id, lock=True)
        if match.state != "draft":
            raise Refused("This match was announced already.")
        if by.key == match.drafted_by:
            raise NotAllowed("You entered this match: a second person has to approve it.", field="actor")
        match.state, match.approved_at, match.approved_by = "live", now, by.key
        audit.record(session, by, "approve", match, now=now, supporter=match.sponsor_id)
        # Not at the top: a credit reaches for the match of its edition.
        from campaigns.credit import unmatched

        session.flush()
        match.take(session, unmatched(session, match), by=by, now=now, on=now.date())

    def end(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It takes no more gifts; what it gave stays given."""
        match: Match = Match.get(session, self.id, lock=True)
        if match.state != "live":
            raise Refused("This match is not on.")
        match.state = "ended"
        audit.record(session, by, "end", match, now=now, supporter=match.sponsor_id)

    def lapse(self, session: Session, *, by: Actor, now: datetime) -> None:
        """Its condition was not met: the sponsor need not pay, and what gifts were promised leaves the counter."""
        match: Match = Match.get(session, self.id, lock=True)
        if match.state not in ("live", "ended"):
            raise Refused("This match is not on.")
        if match.condition is None:
            raise Refused("This match has no condition that could fail.")
        if match.paid:
            raise Refused("The sponsor has paid: this match stands.")
        book = MatchBook(session, match, by, now, now.date())
        for claim in session.scalars(_claims(match).where(MatchedGift.wanted > 0)):
            claim.wanted = 0
            book.set(claim, 0)
        match.state = "lapsed"
        book.close()
        audit.record(session, by, "lapse", match, now=now, supporter=match.sponsor_id)

    def change(self, session: Session, *, most: Money, by: Actor, now: datetime) -> None:
        """More or less of the promise is for this match; never less than it gave."""
        match: Match = Match.get(session, self.id, lock=True)
        if most.currency != match.edition.currency or not 0 < most.amount <= match.promised:
            raise BadInput(
                "The sponsor promised %(promised)s: the match cannot be more.", field="most",
                promised=str(Money(match.promised, match.edition.currency)),
            )  # fmt: skip
        if most.amount < match.given + match.lapsed:
            raise Refused(
                "%(given)s of it was given already.", field="most",
                given=str(Money(match.given + match.lapsed, match.edition.currency)),
            )  # fmt: skip
        match.most = most.amount
        audit.record(session, by, "change", match, now=now, supporter=match.sponsor_id, most=most.amount)
        book = MatchBook(session, match, by, now, now.date())
        book.offer()
        book.close()

    def receive(self, session: Session, gift: Gift, *, by: Actor, now: datetime) -> None:
        """The sponsor paid: their gift covers what was promised to gifts, and counts no second time."""
        from campaigns.credit import Credit

        gift.hold(session)  # before the match, as whoever takes it back does
        match: Match = Match.get(session, self.id, lock=True)
        if gift.supporter_id != match.sponsor_id or gift.currency != match.edition.currency:
            raise BadInput("This gift is not of the sponsor.", field="gift")
        Credit.as_sponsor(session, gift, match, by=by, now=now)
        match.pay(session, gift.net.amount, on=gift.received_on, by=by, now=now)
        audit.record(session, by, "receive", match, now=now, supporter=match.sponsor_id, gift=gift.id)

    def pay(self, session: Session, amount: int, *, on: date, by: Actor, now: datetime) -> None:
        """So much more (or less) was paid by the sponsor. The caller holds the row."""
        book = MatchBook(session, self, by, now, on)
        session.flush()
        with session.no_autoflush:  # in between more would be covered than was paid
            self.paid += amount
            book.cover()
        book.close()

    def take(
        self, session: Session, gifts: Iterable[Matchable], *, by: Actor, now: datetime, on: date | None = None
    ) -> None:
        """Match these gifts, in this order. The caller holds the row."""
        book = MatchBook(session, self, by, now, on)
        for gift in gifts:
            book.take(gift)
        book.close()

    def wants(self, net: int) -> int:
        """What a gift of so much asks of it, in whole cents."""
        share = max(net, 0) * self.percent // 100
        return share if self.per_gift is None else min(share, self.per_gift)

    def covers(self, on: date) -> bool:
        return self.from_on <= on and (self.until_on is None or on < self.until_on)

    @property
    def room(self) -> int:
        """What is left to double gifts with, in minor units."""
        return self.most - self.given - self.lapsed


@dataclass(frozen=True, slots=True)
class Matchable:
    """A gift that counts, with what it still is."""

    gift_id: int
    supporter_id: int
    page_id: int | None
    received_on: date
    net: int


class MatchedGift(Base):
    """What a match gave to one gift: "EUR 10 of EUR 25"."""

    __tablename__ = "campaigns_matched_gift"
    __table_args__ = (
        UniqueConstraint("gift_id"),  # a euro is doubled once
        CheckConstraint("given >= 0 AND given <= wanted", name="given"),
        CheckConstraint("covered >= 0 AND covered <= given", name="covered"),
        Index("ix_campaigns_matched_gift_donor", "match_id", "supporter_id"),
        Index(
            "ix_campaigns_matched_gift_waiting", "match_id", "received_on", "gift_id",
            sqlite_where=WAITS, postgresql_where=WAITS,
        ),
    )  # fmt: skip

    id: Mapped[pk]
    match_id: Mapped[int] = mapped_column(ForeignKey("campaigns_match.id"))
    gift_id: Mapped[int] = mapped_column(ForeignKey("supporters_gift.id"))
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    page_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_fundraising_page.id"))
    received_on: Mapped[date]
    wanted: Mapped[cents]
    given: Mapped[cents]
    covered: Mapped[cents]  # of it, by what the sponsor paid
    changes: Mapped[int]

    def follow(self, session: Session, net: int, *, on: date, by: Actor, now: datetime) -> None:
        """The gift is now worth ``net``: give up what is too much, or ask for the rest again."""
        match: Match = Match.get(session, self.match_id, lock=True)
        session.refresh(self)
        if match.state == "lapsed":
            return
        book = MatchBook(session, match, by, now, on)
        wanted = match.wants(net)
        if self.given > wanted:
            freed = self.given - wanted
            book.set(self, wanted)
            if match.freed == "lapses":
                match.lapsed += freed
        self.wanted = wanted
        session.flush()
        book.offer()
        book.close()


class MatchBook:
    """Takes from a match whose row is held; ``close`` writes what that does to the counter."""

    def __init__(self, session: Session, match: Match, by: Actor, now: datetime, on: date | None) -> None:
        """``on`` is the day it happens; without one it is that of each gift."""
        self.session, self.match, self.by, self.now, self.on = session, match, by, now, on
        self.lines: list[Line] = []
        #: What each giver has of it, where that is capped.
        self._had: dict[int, int] = {}

    def take(self, gift: Matchable) -> None:
        """A gift that nothing matches yet."""
        claim = MatchedGift(
            match_id=self.match.id, gift_id=gift.gift_id, supporter_id=gift.supporter_id, page_id=gift.page_id,
            received_on=gift.received_on, wanted=self.match.wants(gift.net), given=0, covered=0, changes=0,
        )  # fmt: skip
        self.session.add(claim)
        self.fill(claim)

    def fill(self, claim: MatchedGift) -> None:
        """As much as it asks for, and there is room for."""
        most = min(claim.wanted - claim.given, self.match.room, self._room_of(claim))
        if most > 0:
            self.set(claim, claim.given + most)

    def offer(self) -> None:
        """What is free goes to the gifts that wait, the oldest first; one that is full for its giver is passed over."""
        if self.match.room > 0 and self.match.state in ("live", "ended"):
            waiting = _claims(self.match).where(WAITS)
            for claim in self.session.scalars(waiting.execution_options(yield_per=500)).all():
                self.fill(claim)
                if self.match.room <= 0:
                    break
        self.cover()

    def cover(self) -> None:
        """What was paid covers what was given, the oldest first."""
        match = self.match
        if match.covered > match.paid:
            for claim in self.session.scalars(_claims(match).where(MatchedGift.covered > 0)).all()[::-1]:
                back = min(claim.covered, match.covered - match.paid)
                self._write(claim, claim.given, claim.covered - back)
                if match.covered <= match.paid:
                    break
        elif match.covered < min(match.paid, match.given):
            self.session.flush()
            for claim in self.session.scalars(_claims(match).where(MatchedGift.covered < MatchedGift.given)):
                more = min(claim.given - claim.covered, match.paid - match.covered)
                self._write(claim, claim.given, claim.covered + more)
                if match.covered >= match.paid:
                    break

    def set(self, claim: MatchedGift, given: int) -> None:
        free = self.match.paid - self.match.covered
        covered = min(given, claim.covered + max(min(free, given - claim.given), 0))
        self._write(claim, given, covered)

    def _write(self, claim: MatchedGift, given: int, covered: int) -> None:
        open_before, covered_before = claim.given - claim.covered, claim.covered
        self.match.given += given - claim.given
        if claim.supporter_id in self._had:
            self._had[claim.supporter_id] += given - claim.given
        self.match.covered += covered - covered_before
        claim.given, claim.covered, claim.changes = given, covered, claim.changes + 1
        for stage, amount in (("promised", given - covered - open_before), ("received", covered - covered_before)):
            self.lines.append(
                Line(
                    self.match.edition_id, claim.page_id, stage, "match", amount,
                    self.on or claim.received_on,
                    f"match:{self.match.id}:{claim.gift_id}:{claim.changes}:{stage}",
                    gift_id=claim.gift_id, match_id=self.match.id,
                )
            )  # fmt: skip

    def close(self) -> None:
        self.session.flush()
        count(self.session, self.lines, by=self.by, now=self.now)
        self.lines = []

    def _room_of(self, claim: MatchedGift) -> int:
        if self.match.per_donor is None:
            return claim.wanted
        giver = claim.supporter_id
        if giver not in self._had:
            had = select(func.coalesce(func.sum(MatchedGift.given), 0)).where(
                MatchedGift.match_id == self.match.id, MatchedGift.supporter_id == giver
            )
            self._had[giver] = int(self.session.scalar(had) or 0)
        return self.match.per_donor - self._had[giver]


def _claims(match: Match) -> Select[MatchedGift]:
    """In the order in which the gifts came in."""
    return (
        select(MatchedGift)
        .where(MatchedGift.match_id == match.id)
        .order_by(MatchedGift.received_on, MatchedGift.gift_id)
        .execution_options(populate_existing=True)
    )
