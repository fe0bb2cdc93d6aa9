"""One run of a campaign: its days, its goals, what its money is for, and how its counter counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.campaign import Campaign
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, currency, instant, line, pk, word
from supporters.errors import BadInput, NotAllowed, NotFound, Refused
from supporters.giving.fund import Fund
from supporters.money import Money

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
STATES = ("draft", "approved", "live", "paused", "ended", "settled", "reported")
#: In these everybody may see it.
PUBLIC = ("live", "paused", "ended", "settled", "reported")
#: keep_it_all: what came in is for the purpose, goal or no goal. all_or_nothing: below the first goal it goes back.
#: conditional_match: only a sponsor's part depends on it.
MODES = ("keep_it_all", "all_or_nothing", "conditional_match")
#: Of a gift that returns: first: only the first payment. received: each payment, when it came. year: with the first
#: payment the other eleven months as promised, each of which is received in turn.
RECURRING = ("first", "received", "year")
GOALS = ("amount", "supporters", "impact")
#: What stands in these places below /crowdfunding is no edition.
RESERVED = frozenset({"own", "static"})
#: A goal is below it; what is higher was typed wrong, and fits no column.
MOST = 10**15
LONGEST_STORY = 20_000
#: What may change of an edition that was approved; its end only to a later day.
_LATER = {"title", "story", "ends_on"}
#: From a state, by verb, to the next one.
_NEXT = {
    "launch": (("approved",), "live"),
    "pause": (("live",), "paused"),
    "resume": (("paused",), "live"),
    "end": (("live", "paused"), "ended"),
    "settle": (("ended",), "settled"),
    "report": (("settled",), "reported"),
}
_EDITABLE = ("title", "story", "starts_on", "ends_on", "surplus", "mode", "recurring", "fund", "follow_on_fund")


class Edition(Base):
    __tablename__ = "campaigns_edition"
    __table_args__ = (
        UniqueConstraint("slug"),
        CheckConstraint(f"state IN ({', '.join(repr(each) for each in STATES)})", name="state"),
        CheckConstraint(f"mode IN ({', '.join(repr(each) for each in MODES)})", name="mode"),
        CheckConstraint(f"recurring IN ({', '.join(repr(each) for each in RECURRING)})", name="recurring"),
        CheckConstraint("ends_on > starts_on", name="period"),
        CheckConstraint("state = 'draft' OR approved_by <> drafted_by", name="second_person"),
    )

    id: Mapped[pk]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns_campaign.id"), index=True)
    slug: Mapped[str] = mapped_column(String(40))
    title: Mapped[line]
    story: Mapped[str] = mapped_column(Text, default="", server_default=sql("''"))  # Markdown: what it is about
    state: Mapped[word] = mapped_column(default="draft")
    starts_on: Mapped[date]
    ends_on: Mapped[date]  # first day whose gifts no longer count: they are for the follow-on purpose
    currency: Mapped[currency]
    fund_id: Mapped[int] = mapped_column(ForeignKey("supporters_fund.id"))
    follow_on_fund_id: Mapped[int] = mapped_column(ForeignKey("supporters_fund.id"))
    #: What happens with what is more than the goal; said before anybody gives.
    surplus: Mapped[str] = mapped_column(Text)
    mode: Mapped[word] = mapped_column(default="keep_it_all")
    recurring: Mapped[word] = mapped_column(default="received")
    drafted_at: Mapped[instant]
    drafted_by: Mapped[actor_key]
    approved_at: Mapped[instant | None]
    approved_by: Mapped[actor_key | None]
    settled_at: Mapped[instant | None]

    campaign: Mapped[Campaign] = relationship()
    fund: Mapped[Fund] = relationship(foreign_keys=[fund_id])
    follow_on_fund: Mapped[Fund] = relationship(foreign_keys=[follow_on_fund_id])
    goals: Mapped[list[Goal]] = relationship(back_populates="edition", order_by="Goal.target")

    @classmethod
    def draft(
        cls, session: Session, campaign: Campaign, slug: str, title: str, *, starts_on: date, ends_on: date,
        fund: Fund, surplus: str, by: Actor, now: datetime, follow_on_fund: Fund | None = None,
        mode: str = "keep_it_all", recurring: str = "received", currency: str = "EUR", story: str = "",
    ) -> Edition:  # fmt: skip
        """A run that nobody sees yet; without a follow-on fund late gifts stay with the purpose itself."""
        if not SLUG.fullmatch(slug) or len(slug) > 40:
            raise BadInput(
                "“%(slug)s” cannot be an address; use small letters, digits and hyphens, such as spring-2026.",
                field="slug", slug=slug[:40],
            )  # fmt: skip
        if slug in RESERVED:
            raise BadInput("“%(slug)s” is kept for something else; choose another address.", field="slug", slug=slug)
        if session.scalar(select(cls.id).where(cls.slug == slug)):
            raise BadInput("There is an edition “%(slug)s” already.", field="slug", slug=slug)
        edition = cls(
            campaign=campaign, slug=slug, currency=currency, drafted_at=now, drafted_by=by.key, state="draft",
        )  # fmt: skip
        fields = {
            "title": title, "story": story, "starts_on": starts_on, "ends_on": ends_on, "fund": fund,
            "follow_on_fund": follow_on_fund or fund, "surplus": surplus, "mode": mode, "recurring": recurring,
        }  # fmt: skip
        with session.no_autoflush:
            edition._set(fields)
        session.add(edition)
        audit.record(session, by, "draft", edition, now=now, slug=slug)
        return edition

    def edit(self, session: Session, *, by: Actor, now: datetime, **fields: Any) -> None:
        """Change a draft; of an edition that was approved only title and story, and its end to a later day."""
        if self.state != "draft":
            later = fields.get("ends_on", self.ends_on) >= self.ends_on
            if set(fields) - _LATER or not later or self.state in ("ended", "settled", "reported"):
                raise Refused(
                    "What givers were told stands: only title and story change, or a later end while it runs."
                )
        before = {name: getattr(self, name) for name in fields}
        with session.no_autoflush:
            self._set(fields)
        changed = {name: str(value) for name, value in fields.items() if value != before[name]}
        if changed:
            audit.record(session, by, "edit", self, now=now, fields=sorted(changed))

    def _set(self, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if name not in _EDITABLE:
                raise BadInput("An edition has no “%(name)s” to change.", field=name, name=name)
            setattr(self, name, value.strip() if isinstance(value, str) else value)
        if not self.title:
            raise BadInput("An edition needs a title.", field="title")
        if len(self.story) > LONGEST_STORY:
            raise BadInput("This is too long: at most %(most)s characters.", field="story", most=LONGEST_STORY)
        if not self.surplus:
            raise BadInput("Say what happens with what comes in above the goal.", field="surplus")
        if self.ends_on <= self.starts_on:
            raise BadInput("An edition ends after it began (%(on)s).", field="ends_on", on=self.starts_on.isoformat())
        for name, known in (("mode", MODES), ("recurring", RECURRING)):
            if getattr(self, name) not in known:
                raise BadInput(
                    "“%(value)s” is not one of %(known)s.", field=name, value=getattr(self, name)[:40],
                    known=", ".join(known),
                )  # fmt: skip

    def aim(
        self, session: Session, target: int, *, by: Actor, now: datetime, kind: str = "amount", unit: str = "",
        unit_cost: Money | None = None,
    ) -> Goal:  # fmt: skip
        """A goal, or a stretch goal above the ones there are.

        ``target`` is in cents for an amount, else a number of supporters or units. An impact goal says what one
        ``unit`` is ("a family reunited") and what it costs.
        """
        if kind not in GOALS:
            raise BadInput("“%(kind)s” is not one of %(known)s.", field="kind", kind=kind[:40], known=", ".join(GOALS))
        if target <= 0:
            raise BadInput("A goal is more than nothing.", field="target")
        if target >= MOST:
            raise BadInput("No edition can reach that.", field="target")
        if kind == "impact" and (not unit.strip() or unit_cost is None or unit_cost.amount <= 0):
            raise BadInput("Say what one unit is, and what it costs.", field="unit")
        if any(each.kind == kind and each.target == target for each in self.goals):
            raise BadInput("This goal is there already.", field="target")
        if self.state in ("ended", "settled", "reported"):
            raise Refused("%(title)s is over.", title=self.title)
        goal = Goal(
            edition=self, kind=kind, target=target, unit=unit.strip(), set_at=now,
            unit_cost=unit_cost.amount if unit_cost is not None and kind == "impact" else None,
        )  # fmt: skip
        session.add(goal)
        audit.record(session, by, "aim", self, now=now, kind=kind, target=target)
        return goal

    def drop(self, session: Session, goal: Goal, *, by: Actor, now: datetime) -> None:
        """Take a goal off a draft again; what was approved stands."""
        if self.state != "draft":
            raise Refused("Goals that were approved stay: the public was told of them.", field="goals")
        self.goals.remove(goal)
        session.delete(goal)
        audit.record(session, by, "drop", self, now=now, kind=goal.kind, target=goal.target)

    def approve(self, session: Session, *, by: Actor, now: datetime) -> None:
        """A second person says that it may go to the public; it still has to be launched."""
        by.must_be_signed_in()
        if self.state != "draft":
            raise Refused("%(title)s was approved already.", title=self.title)
        if by.key == self.drafted_by:
            raise NotAllowed("You made this edition: a second person has to approve it.", field="actor")
        if not any(each.kind == "amount" for each in self.goals):
            raise Refused("An edition needs a goal in money.", field="goals")
        other = select(Edition.title).where(
            Edition.campaign_id == self.campaign_id, Edition.id != self.id, Edition.state != "draft",
            Edition.starts_on < self.ends_on, Edition.ends_on > self.starts_on,
        )  # fmt: skip
        if (title := session.scalar(other.limit(1))) is not None:
            raise Refused("%(title)s runs on the same days: a gift could be of both.", field="starts_on", title=title)
        self.state, self.approved_at, self.approved_by = "approved", now, by.key
        audit.record(session, by, "approve", self, now=now)

    def move(self, session: Session, verb: str, *, by: Actor, now: datetime) -> None:
        """``launch``, ``pause``, ``resume``, ``end`` or ``report`` it; ``settling.settle`` is what settles it."""
        locked: Edition = Edition.get(session, self.id, lock=True)
        from_, to = _NEXT[verb]
        if locked.state not in from_:
            raise Refused(
                "%(title)s is %(state)s: this comes after %(wanted)s.", field="state", title=self.title,
                state=locked.state, wanted=" or ".join(from_),
            )  # fmt: skip
        locked.state = to
        if verb == "settle":
            locked.settled_at = now
        audit.record(session, by, verb, locked, now=now)
        session.flush()

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> Edition:
        found = session.scalar(select(cls).where(cls.slug == slug.strip()))
        if found is None:
            known = ", ".join(session.scalars(select(cls.slug).order_by(cls.starts_on.desc()).limit(20))) or "none yet"
            raise NotFound(
                "There is no edition “%(slug)s”; there are: %(known)s.", field="slug", slug=slug[:40], known=known
            )
        return found

    @classmethod
    def running(cls, editions: Iterable[Edition], on: date) -> Edition | None:
        """Of the editions of one campaign the one that a gift of that day is of: the one that runs, else the one that
        ended last, for which it comes late.
        """
        begun = [each for each in editions if each.state != "draft" and each.starts_on <= on]
        return max(begun, key=lambda each: each.starts_on, default=None)

    def standing(self, on: date, currency: str) -> str:
        """Whether a gift of that day counts: "counts", "early", "late", or "other_currency"."""
        if currency != self.currency:
            return "other_currency"
        return "early" if on < self.starts_on else "late" if on >= self.ends_on else "counts"

    @property
    def is_public(self) -> bool:
        return self.state in PUBLIC


class Goal(Base):
    """What an edition is after. The lowest of a kind is the goal, those above it are stretch goals."""

    __tablename__ = "campaigns_goal"
    __table_args__ = (
        UniqueConstraint("edition_id", "kind", "target"),
        CheckConstraint("target > 0", name="target"),
        CheckConstraint(f"kind IN ({', '.join(repr(each) for each in GOALS)})", name="kind"),
        CheckConstraint("(kind = 'impact') = (unit_cost IS NOT NULL) AND coalesce(unit_cost, 1) > 0", name="unit_cost"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    kind: Mapped[word]
    target: Mapped[cents]  # minor units for an amount, else a number
    unit: Mapped[line] = mapped_column(default="")
    unit_cost: Mapped[cents | None]
    set_at: Mapped[instant]

    edition: Mapped[Edition] = relationship(back_populates="goals")

    def reached(self, amount: int, supporters: int) -> int:
        """How much of it there is; whole units only."""
        if self.kind == "supporters":
            return supporters
        return amount if self.unit_cost is None else max(amount, 0) // self.unit_cost
