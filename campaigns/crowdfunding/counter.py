"""What an edition brought: a sum of entries, each with what proves it. Rows are only added; nothing is typed in.

Received is on our account; on its way has left the giver, and is not there yet; promised has not left. Money that goes
back is an entry of its own, on its own date. A team is its pages, and an edition is all of them: a page that moves
takes its entries along, so nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.crowdfunding.page import FundraisingPage, Team
from campaigns.edition import Edition
from supporters.actor import Actor
from supporters.bulk import insert_rows
from supporters.db import Base, actor_key, cents, instant, pk, word
from supporters.money import Money

STAGES = ("received", "on_its_way", "promised")
#: online, direct_debit and transfer came through us; cash, collection and platform were entered by hand; other is what
#: was imported or booked by hand.
KINDS = ("online", "direct_debit", "transfer", "cash", "collection", "platform", "match", "other")
_COLUMNS = (
    "edition_id", "page_id", "stage", "kind", "amount", "counted_on", "key", "gift_id", "supporter_id", "reversal_id",
    "match_id", "offline_id", "made_at", "made_by",
)  # fmt: skip


#: Entries of money that somebody gave: who they are is how many supporters there are.
_GAVE = "stage = 'received' AND kind <> 'match'"


class CounterEntry(Base):
    __tablename__ = "campaigns_counter_entry"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint(f"stage IN ({', '.join(repr(each) for each in STAGES)})", name="stage"),
        CheckConstraint(f"kind IN ({', '.join(repr(each) for each in KINDS)})", name="kind"),
        CheckConstraint("gift_id IS NOT NULL OR match_id IS NOT NULL OR offline_id IS NOT NULL", name="evidence"),
        CheckConstraint("reversal_id IS NULL OR gift_id IS NOT NULL", name="reversal_of_gift"),
        CheckConstraint("(kind = 'match') = (match_id IS NOT NULL)", name="match"),
        CheckConstraint(f"({_GAVE}) = (supporter_id IS NOT NULL)", name="giver"),
        Index("ix_campaigns_counter_entry_sum", "edition_id", "page_id", "stage", "kind", "counted_on", "amount"),
        Index(
            "ix_campaigns_counter_entry_giver",
            "edition_id",
            "supporter_id",
            "page_id",
            "counted_on",
            "amount",
            sqlite_where=text(_GAVE),
            postgresql_where=text(_GAVE),
        ),
        Index(None, "supporter_id"),
        Index(None, "gift_id"),
        Index(None, "match_id"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    page_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_fundraising_page.id"))
    stage: Mapped[word]
    kind: Mapped[word]
    amount: Mapped[cents]  # negative for what went back or moved on
    counted_on: Mapped[date]
    key: Mapped[str] = mapped_column(String(80))  # what may count once: "gift:17", "reversal:3"
    gift_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gift.id"))
    supporter_id: Mapped[int | None] = mapped_column(  # the gift's, of what was received
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "keep"}
    )
    reversal_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_reversal.id"))
    match_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_match.id"))
    offline_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_offline_money.id"))
    made_at: Mapped[instant]
    made_by: Mapped[actor_key]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry on its way into the table."""

    edition_id: int
    page_id: int | None
    stage: str
    kind: str
    amount: int
    counted_on: date
    key: str
    gift_id: int | None = None
    supporter_id: int | None = None
    reversal_id: int | None = None
    match_id: int | None = None
    offline_id: int | None = None


def count(session: Session, lines: Iterable[Line], *, by: Actor, now: datetime) -> None:
    """Add these entries; those of nothing are left out."""
    rows = [
        (
            each.edition_id, each.page_id, each.stage, each.kind, each.amount, each.counted_on, each.key, each.gift_id,
            each.supporter_id, each.reversal_id, each.match_id, each.offline_id, now, by.key,
        )
        for each in lines if each.amount
    ]  # fmt: skip
    if rows:
        insert_rows(session, CounterEntry, _COLUMNS, rows)


@dataclass(slots=True)
class Counter:
    """The figures of an edition, team or page at one moment, in the edition's minor units."""

    currency: str
    by: dict[tuple[str, str], int] = field(default_factory=dict)  # stage and kind → amount
    supporters: int = 0

    def stage(self, stage: str) -> Money:
        return Money(sum(amount for (of, _), amount in self.by.items() if of == stage), self.currency)

    @property
    def received(self) -> Money:
        return self.stage("received")

    @property
    def on_its_way(self) -> Money:
        return self.stage("on_its_way")

    @property
    def promised(self) -> Money:
        return self.stage("promised")

    @property
    def public(self) -> Money:
        """What a thermometer shows. A promise is not in it."""
        return self.received + self.on_its_way

    def of_kind(self, kind: str) -> Money:
        """What is in the public figure of that kind."""
        return Money(
            sum(amount for (stage, of), amount in self.by.items() if of == kind and stage != "promised"), self.currency
        )

    @classmethod
    def read(
        cls, session: Session, edition: Edition, *, of: FundraisingPage | Team | None = None, on: date | None = None
    ) -> Counter:
        """Of the whole edition, or of a page or team in it; as it stood at the end of the day ``on``."""
        entry = CounterEntry
        chosen = [entry.edition_id == edition.id]
        if on is not None:
            chosen.append(entry.counted_on <= on)
        if isinstance(of, FundraisingPage):
            chosen.append(entry.page_id == of.id)
        elif of is not None:
            chosen.append(entry.page_id.in_(select(FundraisingPage.id).where(FundraisingPage.team_id == of.id)))
        sums = select(entry.stage, entry.kind, func.sum(entry.amount)).where(*chosen).group_by(entry.stage, entry.kind)
        found = {(stage, kind): int(amount) for stage, kind, amount in session.execute(sums) if amount}
        givers = (
            select(entry.supporter_id)
            .where(*chosen, text(_GAVE))
            .group_by(entry.supporter_id)
            .having(func.sum(entry.amount) > 0)
            .subquery()
        )
        return cls(edition.currency, found, session.scalar(select(func.count()).select_from(givers)) or 0)
