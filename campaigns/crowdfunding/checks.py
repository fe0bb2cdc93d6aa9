"""What `achterban check` looks for in counters and matches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from campaigns.credit import Credit
from campaigns.crowdfunding import wall
from campaigns.crowdfunding.counter import CounterEntry
from campaigns.crowdfunding.match import Match, MatchedGift
from campaigns.crowdfunding.offline import OfflineMoney, overdue
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.registry import Finding, broken, check


@check("crowdfunding")
def look(session: Session, *, now: datetime) -> Iterator[Finding]:
    entry = CounterEntry
    back = select(func.coalesce(func.sum(Reversal.amount), 0)).where(Reversal.gift_id == Gift.id).scalar_subquery()
    counted = (
        select(func.coalesce(func.sum(entry.amount), 0))
        .where(entry.gift_id == Gift.id, entry.stage == "received", entry.kind != "match")
        .scalar_subquery()
    )
    yield from broken(
        session, "counter-is-the-gifts", "gift",
        select(Gift.id, counted.label("counted"), (Gift.amount - back).label("net"))
        .join(Credit, Credit.gift_id == Gift.id)
        .where(
            or_(
                and_(Credit.standing == "counts", counted != Gift.amount - back),
                and_(Credit.standing != "counts", counted != 0),
            )
        )
        .order_by(Gift.id),
        "counts for %(counted)s cents on its counter, and is worth %(net)s",
    )  # fmt: skip
    on_the_counter = (
        select(func.coalesce(func.sum(entry.amount), 0)).where(entry.match_id == Match.id).scalar_subquery()
    )
    to_gifts = (
        select(func.coalesce(func.sum(MatchedGift.given), 0)).where(MatchedGift.match_id == Match.id).scalar_subquery()
    )
    yield from broken(
        session, "match-is-what-it-gave", "match",
        select(Match.id, Match.given, to_gifts.label("gifts"), on_the_counter.label("counter"))
        .where(or_(Match.given != to_gifts, Match.given != on_the_counter))
        .order_by(Match.id),
        "gave %(given)s cents, its gifts have %(gifts)s and its counter %(counter)s",
    )  # fmt: skip
    elsewhere = (
        select(func.coalesce(func.sum(entry.amount), 0))
        .where(entry.gift_id == Credit.gift_id, entry.page_id.is_distinct_from(Credit.page_id))
        .group_by(entry.page_id, entry.stage, entry.kind)
        .having(func.sum(entry.amount) != 0)
    )
    yield from broken(
        session, "gift-counts-on-its-page", "credit",
        select(Credit.id).where(elsewhere.exists()).order_by(Credit.id),
        "counts on another page than the one it is thanks to",
    )  # fmt: skip
    yield from _shown_against_their_will(session)
    for row in overdue(session, now.date()):
        yield _overdue(row)


def _shown_against_their_will(session: Session) -> Iterator[Finding]:
    """Words of givers that are kept in clear though their last word about it is no."""
    for post in wall.unwanted(session):
        yield Finding(
            "wall-shows-what-givers-allow", f"wall_post {post.id}", "keeps words that who gave does not want shown",
            advice="Take it off the wall of its edition.",
        )  # fmt: skip


def _overdue(row: OfflineMoney) -> Finding:
    return Finding(
        "offline-money-came", f"offline_money {row.id}", f"was expected by {row.expected_by} and is not on our account",
        Money(row.amount, row.edition.currency), row.expected_by,
        "Find it among the bank's lines, or withdraw it from the counter.",
    )  # fmt: skip
