"""Which edition, page and placement a gift is thanks to. It never changes the gift: it writes counter and match.

What is known comes first: where the link of an online gift led from, the reference that a transfer carries, the source
code of a gift. Somebody of ours can say it, or move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, cast, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from campaigns.crediting import Claim, Reader
from campaigns.crowdfunding.counter import CounterEntry, Line, count
from campaigns.crowdfunding.match import Match, Matchable, MatchBook, MatchedGift
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from campaigns.placement import Placement
from supporters import audit, hooks
from supporters.actor import Actor
from supporters.bulk import among
from supporters.db import Base, actor_key, instant, pk, word
from supporters.errors import BadInput, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Designation, Gift, Reversal
from supporters.money import Money

#: link: of the online form. reference: on a transfer. source: its source code. staff: somebody of ours said so.
#: sponsor: it pays for a match, and counts only there.
HOWS = ("link", "reference", "source", "staff", "sponsor")
#: counts · early, late: outside the edition's days · not_first: a later payment where only the first counts ·
#: other_currency · sponsor.
STANDINGS = ("counts", "early", "late", "not_first", "other_currency", "sponsor")
BLOCK = 5_000


class Credit(Base):
    __tablename__ = "campaigns_credit"
    __table_args__ = (
        UniqueConstraint("gift_id"),
        CheckConstraint(f"how IN ({', '.join(repr(each) for each in HOWS)})", name="how"),
        CheckConstraint(f"standing IN ({', '.join(repr(each) for each in STANDINGS)})", name="standing"),
        CheckConstraint("(how = 'sponsor') = (match_id IS NOT NULL)", name="sponsor"),
        Index(None, "edition_id", "placement_id"),
        Index(None, "page_id"),
        Index(None, "commitment_id"),
    )

    id: Mapped[pk]
    gift_id: Mapped[int] = mapped_column(ForeignKey("supporters_gift.id"))
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    page_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_fundraising_page.id"))
    placement_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_placement.id"))
    match_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_match.id"))  # that this gift pays for
    commitment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_commitment.id"))  # the gift's
    how: Mapped[word]
    heard: Mapped[word | None]  # how its giver heard of the edition, in their own answer
    standing: Mapped[word]
    kind: Mapped[word]  # of its entries
    made_at: Mapped[instant]
    made_by: Mapped[actor_key]

    gift: Mapped[Gift] = relationship()
    edition: Mapped[Edition] = relationship()
    page: Mapped[FundraisingPage | None] = relationship()
    placement: Mapped[Placement | None] = relationship()

    @classmethod
    def give(
        cls, session: Session, gift: Gift, edition: Edition, *, by: Actor, now: datetime,
        page: FundraisingPage | None = None, placement: Placement | None = None, how: str = "staff",
        kind: str | None = None,
    ) -> Credit:  # fmt: skip
        """Somebody of ours says what a gift is thanks to, which nothing told before."""
        if session.scalar(select(cls.id).where(cls.gift_id == gift.id)):
            raise Refused("This gift is credited already; move it instead.", field="gift")
        for what in (page, placement):
            if what is not None and what.edition_id != edition.id:
                raise BadInput("This is of another edition.", field="page" if what is page else "placement")
        if edition.state == "draft":
            raise Refused("%(title)s is a draft.", title=edition.title)
        gift.hold(session)
        claim = Claim(_row(session, gift.id), edition, page, placement, how, kind)
        [credit] = _give(session, [claim], by=by, now=now)
        audit.record(session, by, "credit", gift, now=now, edition=edition.slug, page=page.slug if page else "")
        return credit

    @classmethod
    def as_sponsor(cls, session: Session, gift: Gift, match: Match, *, by: Actor, now: datetime) -> Credit:
        """The gift pays for a match. The caller holds the match."""
        if session.scalar(select(cls.id).where(cls.gift_id == gift.id)):
            raise Refused("This gift counts for an edition already.", field="gift")
        credit = cls(
            gift_id=gift.id, edition_id=match.edition_id, match_id=match.id, how="sponsor", standing="sponsor",
            kind="match", made_at=now, made_by=by.key,
        )  # fmt: skip
        session.add(credit)
        session.flush()
        return credit

    def move(
        self, session: Session, page: FundraisingPage | None, *, by: Actor, now: datetime,
    ) -> None:  # fmt: skip
        """It was thanks to another page, or to none: all that the gift brought goes along, its match too."""
        if page is not None and page.edition_id != self.edition_id:
            raise BadInput("This page is of another edition.", field="page")
        gift = session.get_one(Gift, self.gift_id)
        gift.hold(session)
        giver = gift.supporter_id
        claim = session.scalar(select(MatchedGift).where(MatchedGift.gift_id == self.gift_id))
        if claim is not None:
            Match.get(session, claim.match_id, lock=True)
            claim.page_id = page.id if page else None
        session.refresh(self, with_for_update=True)
        entry = CounterEntry
        there = session.execute(
            select(entry.page_id, entry.stage, entry.kind, entry.match_id, func.sum(entry.amount), func.max(entry.id))
            .where(entry.gift_id == self.gift_id)
            .group_by(entry.page_id, entry.stage, entry.kind, entry.match_id)
            .having(func.sum(entry.amount) != 0)
        ).all()
        last = max((row[5] for row in there), default=0)
        goal = page.id if page else None
        lines = [
            Line(
                self.edition_id, to, stage, kind, amount if to == goal else -amount, now.date(),
                f"move:{self.gift_id}:{last}:{number}:{'to' if to == goal else 'from'}", gift_id=self.gift_id,
                supporter_id=giver if stage == "received" and match_id is None else None, match_id=match_id,
            )
            for number, (from_, stage, kind, match_id, amount, _) in enumerate(there) if from_ != goal
            for to in (from_, goal)
        ]  # fmt: skip
        self.page_id = goal
        session.flush()
        count(session, lines, by=by, now=now)
        audit.record(session, by, "move", self, now=now, page=page.slug if page else "")


@hooks.on("gifts_booked")
def credit_gifts(session: Session, *, gift_ids: Sequence[int], by: Actor, now: datetime) -> None:
    """Of new gifts those that tell what they are thanks to."""
    editions = session.scalars(
        select(Edition).where(Edition.state != "draft").options(joinedload(Edition.campaign))
    ).all()
    if not editions:
        return
    for start in range(0, len(gift_ids), BLOCK):
        block = list(gift_ids[start : start + BLOCK])
        rows = session.execute(_gifts().where(among(session, Gift.id, block)).order_by(Gift.received_on, Gift.id)).all()
        claims = list(Reader(session, editions, rows).claims())
        if claims:
            _give(session, claims, by=by, now=now)


@hooks.on("gifts_reversed")
def uncount_reversals(session: Session, *, reversal_ids: Sequence[int], by: Actor, now: datetime) -> None:
    """What went back leaves the counter on its own day, with what matched it; what came back to us counts again."""
    for start in range(0, len(reversal_ids), BLOCK):
        block = list(reversal_ids[start : start + BLOCK])
        rows = session.execute(
            select(Reversal, Credit, Gift.supporter_id)
            .join(Credit, Credit.gift_id == Reversal.gift_id)
            .join(Gift, Gift.id == Reversal.gift_id)
            .where(among(session, Reversal.id, block)).order_by(Reversal.id)
        ).all()  # fmt: skip
        lines = [_back(credit, back, giver) for back, credit, giver in rows if credit.standing == "counts"]
        count(session, lines, by=by, now=now)
        gone = {back.gift_id: back.reversed_on for back, *_ in rows}
        nets = {row.id: row.net for row in session.execute(_gifts().where(among(session, Gift.id, list(gone))))}
        claims = select(MatchedGift).where(among(session, MatchedGift.gift_id, list(gone)))
        for claim in session.scalars(claims.order_by(MatchedGift.match_id, MatchedGift.id)).all():
            claim.follow(session, nets[claim.gift_id], on=gone[claim.gift_id], by=by, now=now)
        for back, credit, _ in sorted(rows, key=lambda row: row[1].match_id or 0):
            if credit.match_id is not None:
                match: Match = Match.get(session, credit.match_id, lock=True)
                match.pay(session, -back.amount, on=back.reversed_on, by=by, now=now)


def unmatched(session: Session, match: Match) -> Iterator[Matchable]:
    """Gifts of the match's days that count and that nothing matches yet, in the order in which they came."""
    rows = session.execute(
        _gifts().add_columns(Credit.page_id)
        .join(Credit, Credit.gift_id == Gift.id)
        .outerjoin(MatchedGift, MatchedGift.gift_id == Gift.id)
        .where(
            Credit.edition_id == match.edition_id, Credit.standing == "counts", MatchedGift.id.is_(None),
            Gift.kind == "gift", Gift.received_on >= match.from_on,
        )
        .order_by(Gift.received_on, Gift.id)
    ).all()  # fmt: skip
    for row in rows:
        if row.net > 0 and match.covers(row.received_on) and row.supporter_id != match.sponsor_id:
            yield Matchable(row.id, row.supporter_id, row.page_id, row.received_on, row.net)


def _gifts() -> Any:
    back = select(func.coalesce(func.sum(Reversal.amount), 0)).where(Reversal.gift_id == Gift.id).scalar_subquery()
    return select(
        Gift.id, Gift.supporter_id, Gift.amount, Gift.currency, Gift.received_on, Gift.kind, Gift.source_code,
        Gift.commitment_id, Gift.booking_key, cast(Gift.amount - back, BigInteger).label("net"),
    )  # fmt: skip


def _row(session: Session, gift_id: int) -> Any:
    return session.execute(_gifts().where(Gift.id == gift_id)).one()


def _give(session: Session, claims: Sequence[Claim], *, by: Actor, now: datetime) -> list[Credit]:
    standings = _standings(session, claims)
    credits, lines = [], []
    for claim, standing in zip(claims, standings, strict=True):
        gift = claim.gift
        credit = Credit(
            gift_id=gift.id, edition_id=claim.edition.id, page_id=claim.page.id if claim.page else None,
            placement_id=claim.placement.id if claim.placement else None, commitment_id=gift.commitment_id,
            how=claim.how, heard=claim.heard, standing=standing,
            kind=claim.kind or _kind(gift.booking_key, claim.how), made_at=now, made_by=by.key,
        )  # fmt: skip
        credits.append(credit)
        if standing == "counts":
            lines.append(
                Line(
                    credit.edition_id, credit.page_id, "received", credit.kind, gift.amount, gift.received_on,
                    f"gift:{gift.id}", gift_id=gift.id, supporter_id=gift.supporter_id,
                )
            )  # fmt: skip
    session.add_all(credits)
    session.flush()
    count(session, lines, by=by, now=now)
    _count_what_went_back(session, claims, credits, by=by, now=now)
    _promise_a_year(session, claims, credits, by=by, now=now)
    for claim, credit in zip(claims, credits, strict=True):
        if credit.standing == "late":
            _move_on(session, credit, claim.edition, by=by, now=now)
    _match(session, zip(claims, credits, strict=True), by=by, now=now)
    return credits


def _standings(session: Session, claims: Sequence[Claim]) -> list[str]:
    """Whether each counts, and of those that return what the edition says of later payments."""
    first = {
        claim.gift.commitment_id for claim in claims if claim.gift.commitment_id and claim.edition.recurring == "first"
    }
    known = set(
        session.scalars(select(Credit.commitment_id).where(among(session, Credit.commitment_id, sorted(first))))
        if first else ()
    )  # fmt: skip
    found = []
    for claim in claims:
        gift, standing = claim.gift, claim.edition.standing(claim.gift.received_on, claim.gift.currency)
        if standing == "counts" and gift.commitment_id in first:
            if gift.commitment_id in known:
                standing = "not_first"
            known.add(gift.commitment_id)
        found.append(standing)
    return found


def _promise_a_year(
    session: Session, claims: Sequence[Claim], credits: Sequence[Credit], *, by: Actor, now: datetime
) -> None:
    """Where an edition counts a year of what returns: the first payment promises the rest, each later one is of it."""
    for claim, credit in zip(claims, credits, strict=True):
        key = credit.commitment_id
        if claim.edition.recurring != "year" or key is None or credit.standing != "counts":
            continue
        session.get(Commitment, key, with_for_update=True)
        first, left = _year_of(session, credit)
        if first:
            months = session.get_one(Commitment, key).term.interval_months
            amount = claim.gift.amount * (12 // months - 1) if months else 0
        else:
            amount = -min(claim.gift.amount, left)
        line = Line(
            credit.edition_id, credit.page_id, "promised", credit.kind, amount, claim.gift.received_on,
            f"year:{claim.gift.id}", gift_id=claim.gift.id,
        )  # fmt: skip
        count(session, [line], by=by, now=now)


def _year_of(session: Session, credit: Credit) -> tuple[bool, int]:
    """Whether it is the first payment of its commitment here, and what of the year is still promised."""
    entry = CounterEntry
    entries, left = session.execute(
        select(func.count(), func.coalesce(func.sum(entry.amount), 0))
        .join(Credit, Credit.gift_id == entry.gift_id)
        .where(
            Credit.commitment_id == credit.commitment_id, entry.edition_id == credit.edition_id,
            entry.stage == "promised", entry.kind != "match",
        )
    ).one()  # fmt: skip
    return entries == 0, int(left)


@hooks.on("commitments_ended")
def take_back_the_year(session: Session, *, commitment_ids: Sequence[int], by: Actor, now: datetime) -> None:
    """What a commitment that ended still promised leaves the counter."""
    for start in range(0, len(commitment_ids), BLOCK):
        block = among(session, Credit.commitment_id, list(commitment_ids[start : start + BLOCK]))
        entry = CounterEntry
        open_ = session.execute(
            select(
                entry.edition_id, entry.page_id, entry.kind, Credit.commitment_id, func.sum(entry.amount),
                func.max(entry.gift_id),
            )
            .join(Credit, Credit.gift_id == entry.gift_id)
            .where(block, entry.stage == "promised", entry.kind != "match")
            .group_by(entry.edition_id, entry.page_id, entry.kind, Credit.commitment_id)
            .having(func.sum(entry.amount) != 0)
        ).all()  # fmt: skip
        count(
            session,
            [
                Line(
                    edition, page, "promised", kind, -left, now.date(), f"ended:{key}:{edition}:{page or 0}:{kind}",
                    gift_id=gift,
                )
                for edition, page, kind, key, left, gift in open_
            ],
            by=by, now=now,
        )  # fmt: skip


def _count_what_went_back(
    session: Session, claims: Sequence[Claim], credits: Sequence[Credit], *, by: Actor, now: datetime
) -> None:
    """Of a gift that is credited after part of it went back."""
    counted = {
        credit.gift_id: (credit, claim.gift.supporter_id)
        for claim, credit in zip(claims, credits, strict=True)
        if credit.standing == "counts" and claim.gift.net != claim.gift.amount
    }
    if not counted:
        return
    backs = session.scalars(select(Reversal).where(among(session, Reversal.gift_id, list(counted))))
    lines = []
    for back in backs:
        credit, giver = counted[back.gift_id]
        lines.append(_back(credit, back, giver))
    count(session, lines, by=by, now=now)


def _back(credit: Credit, back: Reversal, giver: int) -> Line:
    return Line(
        credit.edition_id, credit.page_id, "received", credit.kind, -back.amount, back.reversed_on,
        f"reversal:{back.id}", gift_id=back.gift_id, supporter_id=giver, reversal_id=back.id,
    )  # fmt: skip


def _move_on(session: Session, credit: Credit, edition: Edition, *, by: Actor, now: datetime) -> None:
    """What comes late for an edition is for its follow-on purpose."""
    if edition.follow_on_fund_id == edition.fund_id:
        return
    there = session.scalar(
        select(func.sum(Designation.amount)).where(
            Designation.gift_id == credit.gift_id, Designation.fund_id == edition.fund_id
        )
    )
    if there:
        gift = session.get_one(Gift, credit.gift_id)
        gift.reallocate(
            session,
            Money(int(there), gift.currency),
            source=edition.fund,
            target=edition.follow_on_fund,
            by=by,
            now=now,
        )


def _match(session: Session, pairs: Iterable[tuple[Claim, Credit]], *, by: Actor, now: datetime) -> None:
    """Each gift by the match of its day that has room, else by the first: there it waits."""
    counted = [(claim, credit) for claim, credit in pairs if credit.standing == "counts" and claim.gift.kind == "gift"]
    editions = {credit.edition_id for _, credit in counted}
    if not editions:
        return
    live = select(Match).where(Match.edition_id.in_(editions), Match.state == "live").order_by(Match.id)
    matches = session.scalars(live.with_for_update().execution_options(populate_existing=True)).all()
    books = {match.id: MatchBook(session, match, by, now, None) for match in matches}
    for claim, credit in counted:
        gift = claim.gift
        fit = [
            match for match in matches
            if match.edition_id == credit.edition_id and match.covers(gift.received_on)
            and match.sponsor_id != gift.supporter_id
        ]  # fmt: skip
        if fit and gift.net > 0:
            match = next((each for each in fit if each.room > 0), fit[0])
            one = Matchable(gift.id, gift.supporter_id, credit.page_id, gift.received_on, gift.net)
            books[match.id].take(one)
    for book in books.values():
        book.close()


def _kind(booking_key: str, how: str) -> str:
    if how == "link":
        return "online"
    where = booking_key.partition(":")[0]
    return {"payment": "direct_debit", "bank": "transfer"}.get(where, "other")
