"""The wall of givers: the name, the amount and the message that somebody said everybody may see, each with its own yes.

Names and messages wait for somebody of ours. Only what is shown is kept in clear; what waits stays sealed with the
checkout it came with. Gifts of people who said nothing are not on it: staff see those, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    cast,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from campaigns.credit import BLOCK, Credit
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from campaigns.petitions.flags import Flag, flags_of
from campaigns.shortening import shortened
from supporters import audit, hooks
from supporters.actor import Actor
from supporters.bulk import among
from supporters.db import Base, actor_key, instant, pk, word
from supporters.errors import BadInput, NotFound, Refused
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.payments.online import telling
from supporters.payments.online.checkout import Checkout, Telling
from supporters.payments.online.payment import OnlinePayment
from supporters.people.consent import Consent
from supporters.people.supporter import Supporter

#: waiting: nobody of ours looked at it · refused: not shown · taken_off: it was shown, or its giver changed their mind.
STATES = ("waiting", "shown", "refused", "taken_off")
#: On a page, and on a screenful of the wall.
FEW, SCREENFUL = 10, 50
_MOST = 10_001


class WallPost(Base):
    __tablename__ = "campaigns_wall_post"
    __table_args__ = (
        UniqueConstraint("gift_id"),
        UniqueConstraint("checkout_id"),
        CheckConstraint(f"state IN ({', '.join(repr(each) for each in STATES)})", name="state"),
        CheckConstraint("state = 'shown' OR (name = '' AND message = '')", name="clear_only_when_shown"),
        CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name="decided"),
        Index(None, "edition_id", "state", "id"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    gift_id: Mapped[int] = mapped_column(ForeignKey("supporters_gift.id"))
    checkout_id: Mapped[int] = mapped_column(ForeignKey("supporters_checkout.id"))
    state: Mapped[word]
    name: Mapped[str] = mapped_column(String(telling.LONGEST_NAME), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[instant]
    decided_at: Mapped[instant | None]
    decided_by: Mapped[actor_key | None]

    edition: Mapped[Edition] = relationship()
    checkout: Mapped[Checkout] = relationship()

    @property
    def scope(self) -> str:
        """Of the ledger of consents: about this gift alone."""
        return f"checkout:{self.checkout_id}"

    def show(
        self, session: Session, *, by: Actor, now: datetime, name: str | None = None, message: str | None = None
    ) -> None:
        """From now on it is shown, with what was taken out of ``name`` or ``message``; None leaves it whole."""
        post = self._held(session, "waiting", "refused")
        sent = post.checkout.telling(session)
        shown_name = sent.name if name is None else shortened("name", sent.name, name)
        shown_message = sent.message if message is None else shortened("message", sent.message, message)
        allowed = _allowed(session, [post]).get(post.id, set())
        if not allowed:
            raise Refused("Who gave does not want it to be shown any more.")
        if not (shown_name or shown_message or "show_amount" in allowed):
            raise BadInput("Nothing is left to show; do not show it instead.", field="name")
        post.name = shown_name if "show_name" in allowed else ""
        post.message = shown_message if "show_message" in allowed else ""
        verb = "show" if (shown_name, shown_message) == (sent.name, sent.message) else "redact"
        post._decide(session, "shown", verb, by=by, now=now)

    def refuse(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It will not be shown; the gift goes on counting."""
        self._held(session, "waiting")._decide(session, "refused", "refuse", by=by, now=now)

    def take_off(self, session: Session, *, by: Actor, now: datetime) -> None:
        """Nobody sees it any more."""
        self._held(session, "shown", "waiting", "refused")._decide(session, "taken_off", "take_off", by=by, now=now)

    def reconsider(self, session: Session, *, by: Actor, now: datetime) -> None:
        """It waits again, and is not shown meanwhile."""
        self._held(session, "shown", "refused", "taken_off")._decide(session, "waiting", "reconsider", by=by, now=now)

    def _held(self, session: Session, *states: str) -> WallPost:
        post: WallPost = WallPost.get(session, self.id, lock=True)
        if post.state not in states:
            raise Refused("Somebody decided about this meanwhile; look once more.")
        return post

    def _decide(self, session: Session, state: str, verb: str, *, by: Actor, now: datetime) -> None:
        if state != "shown":
            self.name = self.message = ""
        self.state = state
        self.decided_at, self.decided_by = (None, None) if state == "waiting" else (now, by.key)
        audit.record(session, by, verb, self, now=now, edition=self.edition.slug)
        session.flush()


@dataclass(frozen=True, slots=True)
class Post:
    """What everybody sees of a gift."""

    id: int
    name: str
    message: str
    amount: Money | None
    on: date
    page: str | None  # its address in the edition, where it is one that everybody sees

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name or None, "message": self.message or None, "on": self.on.isoformat(),
            "amount_cents": self.amount.amount if self.amount else None, "page": self.page,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One to look at: what was sent in, whose it is, and what they gave."""

    post: WallPost
    sent: Telling
    flags: tuple[Flag, ...]
    giver: Supporter
    amount: Money
    amount_is_shown: bool
    page: FundraisingPage | None


def latest(
    session: Session, edition: Edition, *, page: FundraisingPage | None = None, before: int | None = None,
    most: int = FEW,
) -> tuple[list[Post], int | None]:  # fmt: skip
    """What is shown, the newest first, of one page where that is given; and what ``before`` the next ones are, if any.

    A gift that went back is not on it, nor that of somebody who died.
    """
    query = _rows(edition).where(WallPost.state == "shown", _net() > 0, Supporter.death_reported_at.is_(None))
    if page is not None:
        query = query.where(Credit.page_id == page.id)
    if before is not None:
        query = query.where(WallPost.id < before)
    rows = session.execute(query.order_by(WallPost.id.desc()).limit(most + 1)).all()
    allowed = _allowed(session, [row.WallPost for row in rows[:most]])
    posts = []
    for post, net, on, _giver, at in rows[:most]:
        yes = allowed.get(post.id, set())
        name, message = (post.name if "show_name" in yes else ""), (post.message if "show_message" in yes else "")
        amount = Money(net, edition.currency) if "show_amount" in yes else None
        if name or message or amount is not None:
            posts.append(Post(post.id, name, message, amount, on, at.slug if at and at.state == "live" else None))
    return posts, rows[most - 1].WallPost.id if len(rows) > most else None


def queue(
    session: Session, edition: Edition, state: str = "waiting", *, after: int | None = None, most: int = 20
) -> list[Item]:
    """Those in a state: what waits, oldest first; what was decided, newest first. ``after`` is the last one seen."""
    query = _rows(edition).where(WallPost.state == state).options(joinedload(WallPost.checkout))
    if state == "waiting":
        query = query.where(WallPost.id > after) if after is not None else query
        query = query.order_by(WallPost.id)
    else:
        query = query.where(WallPost.id < after) if after is not None else query
        query = query.order_by(WallPost.id.desc())
    rows = session.execute(query.limit(most)).all()
    allowed = _allowed(session, [row.WallPost for row in rows])
    items = []
    for post, net, _on, giver, at in rows:
        sent = post.checkout.telling(session)
        shows_amount = "show_amount" in allowed.get(post.id, set())
        flags = flags_of(sent.name, "", sent.message)
        items.append(Item(post, sent, flags, giver, Money(net, edition.currency), shows_amount, at))
    return items


def counts(session: Session, edition: Edition) -> dict[str, int]:
    """How many there are in each state, at most 10,001 of each."""
    found = {}
    for state in STATES:
        some = select(WallPost.id).where(WallPost.edition_id == edition.id, WallPost.state == state).limit(_MOST)
        found[state] = session.scalar(select(func.count()).select_from(some.subquery())) or 0
    return found


def unwanted(session: Session) -> Iterator[WallPost]:
    """Those of which words are in clear though the last word of who gave about them is no."""
    last = 0
    words = select(WallPost).where((WallPost.name != "") | (WallPost.message != "")).order_by(WallPost.id).limit(BLOCK)
    while posts := session.scalars(words.where(WallPost.id > last)).all():
        allowed = _allowed(session, posts)
        for post in posts:
            yes = allowed.get(post.id, set())
            if (post.name and "show_name" not in yes) or (post.message and "show_message" not in yes):
                yield post
        last = posts[-1].id


def show_all(session: Session, posts: Sequence[WallPost], *, by: Actor, now: datetime) -> int:
    """Show those that still wait, as they were sent; how many. The others are left as they are."""
    shown = 0
    for post in posts:
        try:
            if post.state == "waiting":
                post.show(session, by=by, now=now)
                shown += 1
        except Refused:  # Somebody else decided meanwhile, or its giver took it back.
            continue
    return shown


@hooks.on("gifts_booked")
def put_up(session: Session, *, gift_ids: Sequence[int], by: Actor, now: datetime) -> None:
    """Of new gifts of an edition those whose givers said that something of them may be seen. An amount alone is shown
    at once; words wait.
    """
    for start in range(0, len(gift_ids), BLOCK):
        block = list(gift_ids[start : start + BLOCK])
        credited = session.execute(
            select(Gift.id, Gift.booking_key, Credit.edition_id)
            .join(Credit, Credit.gift_id == Gift.id)
            .where(among(session, Gift.id, block), Gift.booking_key.startswith("payment:"), Credit.how == "link")
        ).all()
        payments = {
            int(number): (gift, edition) for gift, key, edition in credited
            if (number := key.removeprefix("payment:")).isdecimal()
        }  # fmt: skip
        if not payments:
            continue
        told = session.execute(
            select(OnlinePayment.payment_id, Checkout)
            .join(Checkout, Checkout.id == OnlinePayment.checkout_id)
            .outerjoin(WallPost, WallPost.checkout_id == Checkout.id)
            .where(among(session, OnlinePayment.payment_id, list(payments)), WallPost.id.is_(None))
            .order_by(OnlinePayment.payment_id)
        ).all()  # fmt: skip
        for payment_id, checkout in told:
            if not any(each["purpose"] in telling.SHOWN for each in checkout.consents):
                continue
            gift, edition = payments[payment_id]
            waits = checkout.sealed_telling is not None
            session.add(
                WallPost(
                    edition_id=edition, gift_id=gift, checkout_id=checkout.id, state="waiting" if waits else "shown",
                    made_at=now, decided_at=None if waits else now, decided_by=None if waits else by.key,
                )
            )  # fmt: skip
        session.flush()


def _net() -> Any:
    back = select(func.coalesce(func.sum(Reversal.amount), 0)).where(Reversal.gift_id == Gift.id).scalar_subquery()
    return cast(Gift.amount - back, BigInteger)


def _rows(edition: Edition) -> Any:
    return (
        select(WallPost, _net().label("net"), Gift.received_on, Supporter, FundraisingPage)
        .join(Gift, Gift.id == WallPost.gift_id)
        .join(Credit, Credit.gift_id == WallPost.gift_id)
        .join(Supporter, Supporter.id == Gift.supporter_id)
        .outerjoin(FundraisingPage, FundraisingPage.id == Credit.page_id)
        .where(WallPost.edition_id == edition.id)
    )


def _allowed(session: Session, posts: Iterable[WallPost]) -> dict[int, set[str]]:
    """To which of ``telling.SHOWN`` the last word of who gave is yes, by post: about that gift, or about all."""
    by_scope = {post.scope: post.id for post in posts}
    if not by_scope:
        return {}
    givers = dict(
        session.execute(
            select(WallPost.id, Gift.supporter_id)
            .join(Gift, Gift.id == WallPost.gift_id)
            .where(among(session, WallPost.id, list(by_scope.values())))
        ).all()
    )  # fmt: skip
    words = session.execute(
        select(Consent.supporter_id, Consent.scope, Consent.purpose, Consent.granted)
        .where(
            among(session, Consent.supporter_id, sorted(set(givers.values()))), Consent.channel == "public",
            Consent.purpose.in_(telling.SHOWN), Consent.scope.in_([*by_scope, ""]),
        )
        .order_by(Consent.at, Consent.id)
    ).all()  # fmt: skip
    allowed: dict[int, set[str]] = {}
    for giver, scope, purpose, granted in words:
        about = [by_scope[scope]] if scope else [post for post, who in givers.items() if who == giver]
        for post in about:
            if givers[post] == giver:
                yes = allowed.setdefault(post, set())
                yes.add(purpose) if granted else yes.discard(purpose)
    return allowed


# -- what somebody sees of it at their own page -------------------------------------------------------------------


def _of_supporter(session: Session, supporter: Supporter) -> list[telling.Shown]:
    rows = session.execute(
        select(WallPost, _net())
        .join(Gift, Gift.id == WallPost.gift_id)
        .where(Gift.supporter_id == supporter.id, WallPost.state.in_(("waiting", "shown")))
        .order_by(WallPost.id.desc())
        .options(joinedload(WallPost.checkout), joinedload(WallPost.edition))
        .limit(SCREENFUL)
    ).all()
    allowed = _allowed(session, [post for post, _ in rows])
    found = []
    for post, net in rows:
        yes, waits = allowed.get(post.id, set()), post.state == "waiting"
        words = post.checkout.telling(session) if waits else Telling(post.name, post.message)
        if yes and net > 0:
            found.append(
                telling.Shown(
                    f"wall-{post.id}", post.edition.title, words.name if "show_name" in yes else "",
                    words.message if "show_message" in yes else "",
                    Money(net, post.edition.currency) if "show_amount" in yes else None, waits,
                )
            )  # fmt: skip
    return found


def _take_off(session: Session, supporter: Supporter, number: int, *, by: Actor, now: datetime) -> None:
    """A no to all that was shown of the gift; what they wrote is gone."""
    post = session.scalar(
        select(WallPost).join(Gift, Gift.id == WallPost.gift_id)
        .where(WallPost.id == number, Gift.supporter_id == supporter.id)
    )  # fmt: skip
    if post is None:
        raise NotFound("There is no such gift.", field="gift")
    for purpose in sorted(_allowed(session, [post]).get(post.id, ())):
        Consent.record(
            session, supporter, purpose, granted=False, channel="public", scope=post.scope, by=by, now=now,
            evidence="own page",
        )  # fmt: skip
    if post.state != "taken_off":
        post.take_off(session, by=by, now=now)
    post.checkout.sealed_telling = None
    session.flush()


telling.shows("wall", _of_supporter, _take_off)


@hooks.on("supporter_erased")
def _forget(session: Session, *, supporter_id: int, by: Actor, now: datetime) -> None:
    """What somebody wrote goes with them."""
    theirs = select(WallPost).join(Gift, Gift.id == WallPost.gift_id).where(Gift.supporter_id == supporter_id)
    for post in session.scalars(theirs).all():
        if post.state != "taken_off":
            post.take_off(session, by=by, now=now)
        post.checkout.sealed_telling = None
