"""The account of an edition on a day: where each euro of its counter came from, and what proves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from campaigns.campaign import Campaign
from campaigns.credit import Credit
from campaigns.crowdfunding.counter import Counter, CounterEntry
from campaigns.edition import Edition
from campaigns.placement import Placement
from supporters.giving.fund import Fund
from supporters.giving.gift import Designation, Gift
from supporters.money import Money


@dataclass(frozen=True, slots=True)
class Source:
    """A part of the counter: its stage and kind, what proves it, and which placement it is thanks to."""

    stage: str
    kind: str
    evidence: str  # gift, reversal, document, match
    source: str  # a placement's code; "" where nothing told
    entries: int
    amount: Money

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage, "kind": self.kind, "evidence": self.evidence, "source": self.source,
            "entries": self.entries, "amount_cents": self.amount.amount,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlacementCost:
    """What a placement cost, and what came in that is known to be thanks to it."""

    placement: Placement
    received: Money

    @property
    def cost(self) -> Money:
        return Money(self.placement.cost, self.received.currency)

    @property
    def cents_per_euro(self) -> int | None:
        """What a euro cost, in cents; None where nothing came in."""
        return round(100 * self.placement.cost / self.received.amount) if self.received.amount > 0 else None


@dataclass(frozen=True, slots=True)
class Use:
    """What gifts that are thanks to the edition are for, before what went back; those that do not count are apart."""

    fund: Fund
    counts: bool
    gifts: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Heard:
    """What givers answered to how they heard of it; how many, and what they gave before what went back."""

    answer: str
    gifts: int
    amount: Money


@dataclass(slots=True)
class Account:
    edition: Edition
    on: date
    counter: Counter
    sources: list[Source]
    placements: list[PlacementCost]
    uses: list[Use]
    heard: list[Heard]

    @classmethod
    def of(cls, session: Session, edition: Edition, on: date) -> Account:
        """As it stood at the end of that day."""
        return cls(
            edition, on, Counter.read(session, edition, on=on), list(_sources(session, edition, on)),
            list(_placements(session, edition, on)), list(_uses(session, edition, on)),
            list(_heard(session, edition, on)),
        )  # fmt: skip

    @property
    def went_back(self) -> Money:
        """To givers, as a sum below zero."""
        back = sum(each.amount.amount for each in self.sources if each.evidence == "reversal")
        return Money(back, self.edition.currency)

    @property
    def promised(self) -> dict[str, Money]:
        """By kind, what the counter leaves out until it comes."""
        kinds = dict.fromkeys(each.kind for each in self.sources if each.stage == "promised")
        return {
            kind: Money(amount, self.edition.currency) for kind in kinds
            if (amount := self.counter.by.get(("promised", kind)))
        }  # fmt: skip

    @property
    def from_gifts(self) -> Money:
        """What was received of givers; the rest of what was received is sponsors'."""
        return self.counter.received - self.from_sponsors

    @property
    def from_sponsors(self) -> Money:
        return Money(self.counter.by.get(("received", "match"), 0), self.edition.currency)

    @property
    def cost(self) -> Money:
        return Money(sum(each.placement.cost for each in self.placements), self.edition.currency)

    def to_json(self) -> dict[str, Any]:
        edition, counter = self.edition, self.counter
        return {
            "edition": edition.slug, "campaign": edition.campaign.code, "title": edition.title, "state": edition.state,
            "on": self.on.isoformat(), "currency": edition.currency, "recurring_counts": edition.recurring,
            "surplus": edition.surplus, "counter_cents": counter.public.amount,
            "received_cents": counter.received.amount, "on_its_way_cents": counter.on_its_way.amount,
            "promised_cents": counter.promised.amount, "supporters": counter.supporters,
            "goals": [
                {
                    "kind": goal.kind, "target": goal.target, "unit": goal.unit,
                    "reached": goal.reached(counter.public.amount, counter.supporters),
                }
                for goal in edition.goals
            ],
            "sources": [each.to_json() for each in self.sources],
            "placements": [
                {
                    "code": each.placement.code, "name": each.placement.name, "kind": each.placement.kind,
                    "cost_cents": each.cost.amount, "received_cents": each.received.amount,
                    "cents_per_euro": each.cents_per_euro,
                }
                for each in self.placements
            ],
            "funds": [
                {
                    "fund": each.fund.code, "name": each.fund.name, "counts": each.counts, "gifts": each.gifts,
                    "amount_cents": each.amount.amount,
                }
                for each in self.uses
            ],
            "heard": [
                {"answer": each.answer, "gifts": each.gifts, "amount_cents": each.amount.amount} for each in self.heard
            ],
            "went_back_cents": self.went_back.amount,
        }  # fmt: skip


def edition_of(session: Session, name: str, on: date) -> Edition:
    """By an edition's own address, or by a campaign's code: then the one that runs on that day, or ran last."""
    if (edition := session.scalar(select(Edition).where(Edition.slug == name))) is not None:
        return edition
    campaign = session.scalar(select(Campaign).where(Campaign.code == name))
    if campaign is not None:
        ours = session.scalars(select(Edition).where(Edition.campaign_id == campaign.id)).all()
        if (running := Edition.running(ours, on)) is not None:
            return running
    return Edition.by_slug(session, name)


def _sources(session: Session, edition: Edition, on: date) -> Iterator[Source]:
    entry = CounterEntry
    evidence = case(
        (entry.match_id.is_not(None), "match"), (entry.reversal_id.is_not(None), "reversal"),
        (entry.offline_id.is_not(None), "document"), else_="gift",
    )  # fmt: skip
    source = func.coalesce(Placement.code, literal(""))
    query = (
        select(entry.stage, entry.kind, evidence, source, func.count(), func.sum(entry.amount))
        .outerjoin(Credit, Credit.gift_id == entry.gift_id)
        .outerjoin(Placement, Placement.id == Credit.placement_id)
        .where(entry.edition_id == edition.id, entry.counted_on <= on)
        .group_by(entry.stage, entry.kind, evidence, source)
        .order_by(entry.stage.desc(), entry.kind, evidence, source)
    )
    for stage, kind, by, where, entries, amount in session.execute(query):
        yield Source(stage, kind, by, where, entries, Money(int(amount), edition.currency))


def _uses(session: Session, edition: Edition, on: date) -> Iterator[Use]:
    """Of the gifts until that day, by what they are for now: a gift that was moved to another fund is for that one."""
    counts = Credit.standing == "counts"
    query = (
        select(Fund, counts, func.count(Designation.gift_id.distinct()), func.sum(Designation.amount))
        .join(Designation, Designation.fund_id == Fund.id)
        .join(Gift, Gift.id == Designation.gift_id)
        .join(Credit, Credit.gift_id == Gift.id)
        .where(
            Credit.edition_id == edition.id,
            Credit.match_id.is_(None),
            Gift.received_on <= on,
            Gift.currency == edition.currency,
        )
        .group_by(Fund.id, counts)
        .having(func.sum(Designation.amount) != 0)
        .order_by(counts.desc(), Fund.name)
    )
    for fund, is_counted, gifts, amount in session.execute(query):
        yield Use(fund, bool(is_counted), gifts, Money(int(amount), edition.currency))


def _heard(session: Session, edition: Edition, on: date) -> Iterator[Heard]:
    """First payments of what returns only: who answered once heard of it once."""
    first = Gift.commitment_id.is_(None) | Gift.id.in_(
        select(func.min(Credit.gift_id)).where(Credit.edition_id == edition.id).group_by(Credit.commitment_id)
    )
    query = (
        select(Credit.heard, func.count(), func.sum(Gift.amount))
        .join(Gift, Gift.id == Credit.gift_id)
        .where(
            Credit.edition_id == edition.id, Credit.heard.is_not(None), Gift.received_on <= on,
            Gift.currency == edition.currency, first,
        )
        .group_by(Credit.heard)
        .order_by(func.sum(Gift.amount).desc(), Credit.heard)
    )  # fmt: skip
    for answer, gifts, amount in session.execute(query):
        yield Heard(str(answer), gifts, Money(int(amount), edition.currency))


def _placements(session: Session, edition: Edition, on: date) -> Iterator[PlacementCost]:
    entry = CounterEntry
    received = (
        select(Credit.placement_id, func.sum(entry.amount).label("amount"))
        .join(entry, entry.gift_id == Credit.gift_id)
        .where(
            Credit.edition_id == edition.id, entry.stage == "received", entry.kind != "match", entry.counted_on <= on
        )
        .group_by(Credit.placement_id)
        .subquery()
    )
    query = (
        select(Placement, func.coalesce(received.c.amount, 0))
        .outerjoin(received, received.c.placement_id == Placement.id)
        .where(Placement.edition_id == edition.id)
        .order_by(Placement.id)
    )
    for placement, amount in session.execute(query):
        yield PlacementCost(placement, Money(int(amount), edition.currency))


def curve(session: Session, edition: Edition, until: date) -> list[tuple[date, Money]]:
    """The public figure at the end of each day, from the edition's first up to and including ``until``."""
    entry = CounterEntry
    query = (
        select(entry.counted_on, func.sum(entry.amount))
        .where(entry.edition_id == edition.id, entry.stage != "promised", entry.counted_on <= until)
        .group_by(entry.counted_on)
    )
    found = {on: int(amount) for on, amount in session.execute(query)}
    total, days = sum(amount for on, amount in found.items() if on < edition.starts_on), []
    for number in range((until - edition.starts_on).days + 1):
        on = edition.starts_on + timedelta(days=number)
        total += found.get(on, 0)
        days.append((on, Money(total, edition.currency)))
    return days


def brought(session: Session, edition: Edition) -> dict[int, Money]:
    """What each page has in the public figure, by the number of the page."""
    entry = CounterEntry
    query = (
        select(entry.page_id, func.sum(entry.amount))
        .where(entry.edition_id == edition.id, entry.stage != "promised", entry.page_id.is_not(None))
        .group_by(entry.page_id)
    )
    return {page: Money(int(amount), edition.currency) for page, amount in session.execute(query) if page is not None}
