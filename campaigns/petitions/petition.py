"""A text that people put their name under, addressed to somebody who can decide about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, SmallInteger, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.petitions.tally import Count, Tally, goal_at, headline
from campaigns.petitions.wording import Wording
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.errors import BadInput, NotFound, Refused
from supporters.links import clean_origin, clean_page

if TYPE_CHECKING:
    from campaigns.petitions.form import SignatureForm
    from campaigns.petitions.intake import Outcome

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
STATES = ("draft", "open", "closed")
#: required: a signature counts as confirmed after the button in the mail. soft: it counts at once, and the mail asks
#: whether it was them. none: it counts at once and nothing is asked.
CONFIRM_POLICIES = ("required", "soft", "none")
#: plain: a number and the text are handed over. citizens_initiative: with name, address and birth date of each signer.
PROFILES = ("plain", "citizens_initiative")
_EDITABLE = (
    "title", "text", "addressee", "goals", "opens_at", "closes_at", "confirm_policy", "per_address", "retention_days",
    "allowed_origins", "return_urls", "campaign_id", "locale",
)  # fmt: skip


class Petition(Base):
    __tablename__ = "campaigns_petition"
    __table_args__ = (
        UniqueConstraint("slug"),
        CheckConstraint("state IN ('draft', 'open', 'closed')", name="state"),
        CheckConstraint("confirm_policy IN ('required', 'soft', 'none')", name="confirm_policy"),
        CheckConstraint("per_address IN (1, 2)", name="per_address"),
        CheckConstraint("profile IN ('plain', 'citizens_initiative')", name="profile"),
        CheckConstraint("closes_at IS NULL OR opens_at IS NULL OR closes_at > opens_at", name="period"),
        CheckConstraint("retention_days BETWEEN 1 AND 3650", name="retention_days"),
    )

    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(80))
    title: Mapped[line]
    text: Mapped[str] = mapped_column(Text)  # Markdown
    addressee: Mapped[line]
    locale: Mapped[str] = mapped_column(String(2), default="nl")  # of the text itself
    goals: Mapped[list[int]] = mapped_column(JSON, default=list)  # ascending: the goal, and the next ones
    state: Mapped[word] = mapped_column(default="draft")
    opens_at: Mapped[instant | None]
    closes_at: Mapped[instant | None]
    confirm_policy: Mapped[word] = mapped_column(default="required")
    per_address: Mapped[int] = mapped_column(SmallInteger, default=1)
    profile: Mapped[word] = mapped_column(default="plain")
    retention_days: Mapped[int] = mapped_column(SmallInteger, default=180)
    #: Day on which what is personal goes; set by the hand-over, or by closing without one.
    retain_until: Mapped[date | None]
    erased_at: Mapped[instant | None]
    allowed_origins: Mapped[list[str]] = mapped_column(JSON, default=list)  # "https://charity.example"
    return_urls: Mapped[list[str]] = mapped_column(JSON, default=list)  # a page to go back to; "…/*" for all below it
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_campaign.id"))
    created_at: Mapped[instant]
    created_by: Mapped[actor_key]

    # -- making -----------------------------------------------------------------------------------------------

    @classmethod
    def draft(
        cls,
        session: Session,
        slug: str,
        title: str,
        text: str,
        addressee: str,
        *,
        by: Actor,
        now: datetime,
        profile: str = "plain",
        **fields: Any,
    ) -> Petition:
        """A petition that is not open yet, with the consent texts of the house; raises BadInput naming the field."""
        if not _SLUG.fullmatch(slug) or len(slug) > 80:
            raise BadInput(
                "“%(slug)s” cannot be part of a web address; use small letters, digits and hyphens.",
                field="slug", slug=slug[:40],
            )  # fmt: skip
        if profile not in PROFILES:
            raise BadInput("A petition is one of: %(known)s.", field="profile", known=", ".join(PROFILES))
        if session.scalar(select(cls.id).where(cls.slug == slug)):
            raise BadInput("There is a petition at “%(slug)s” already.", field="slug", slug=slug)
        petition = cls(slug=slug, profile=profile, created_at=now, created_by=by.key, goals=[])
        petition._set({"title": title, "text": text, "addressee": addressee, **fields})
        session.add(petition)
        session.flush()
        session.add(Tally(petition_id=petition.id, signed=0, confirmed=0, offline=0))
        Wording.start(session, petition, by=by, now=now)
        audit.record(session, by, "draft", petition, now=now, petition=slug)
        return petition

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> Petition:
        found = session.scalar(select(cls).where(cls.slug == slug))
        if found is None:
            raise NotFound("There is no petition “%(slug)s”.", field="slug", slug=slug[:80])
        return found

    def edit(self, session: Session, *, by: Actor, now: datetime, **fields: Any) -> None:
        """Change what may change. The text stays as it was once somebody may have signed it."""
        if self.state != "draft" and "text" in fields and fields["text"].strip() != self.text:
            raise Refused("People have signed this text, so it cannot change. Draft a new petition instead.")
        before = {key: getattr(self, key) for key in fields}
        self._set(fields)
        changed = sorted(key for key, old in before.items() if getattr(self, key) != old)
        if changed:
            audit.record(session, by, "edit", self, now=now, petition=self.slug, changed=changed)

    def open(self, session: Session, *, by: Actor, now: datetime) -> None:
        """From now on, or from ``opens_at``, it can be signed."""
        if self.state == "open":
            raise Refused("This petition is open already.")
        if self.erased_at is not None or self._was_handed_over(session):
            raise Refused("This petition was handed over; it cannot be opened again.")
        if self.closes_at is not None and self.closes_at <= now:
            raise BadInput("It would be closed already: choose a later closing moment.", field="closes_at")
        self.state, self.opens_at, self.retain_until = "open", self.opens_at or now, None
        audit.record(session, by, "open", self, now=now, petition=self.slug)

    def close(self, session: Session, *, by: Actor, now: datetime) -> None:
        """Nobody can sign any more. What waits for its confirmation still can be confirmed.

        What is personal goes ``retention_days`` later, unless a hand-over sets that day anew.
        """
        if self.state != "open":
            raise Refused("This petition is not open.")
        self.state, self.closes_at = "closed", min(now, self.closes_at or now)
        if self.opens_at is not None and self.closes_at <= self.opens_at:
            self.opens_at = self.closes_at - timedelta(seconds=1)
        self.retain_until = self.closes_at.astimezone(now.tzinfo).date() + timedelta(days=self.retention_days)
        until = self.retain_until.isoformat()
        audit.record(session, by, "close", self, now=now, petition=self.slug, retain_until=until)

    def _was_handed_over(self, session: Session) -> bool:
        from campaigns.petitions.handover import Handover

        took_place = (Handover.petition_id == self.id) & Handover.handed_over_on.is_not(None)
        return session.scalar(select(Handover.id).where(took_place).limit(1)) is not None

    def _set(self, fields: Mapping[str, Any]) -> None:
        for key, value in fields.items():
            if key not in _EDITABLE:
                raise TypeError(f"a petition has no field {key!r} to set")
            setattr(self, key, value.strip() if isinstance(value, str) else value)
        for key, why in (("title", "A petition needs a title."), ("text", "A petition needs its text.")):
            if not getattr(self, key):
                raise BadInput(why, field=key)
        if not self.addressee:
            raise BadInput("Say whom it is addressed to.", field="addressee")
        if (self.confirm_policy or "required") not in CONFIRM_POLICIES:
            raise BadInput(
                "Confirming is one of: %(known)s.", field="confirm_policy", known=", ".join(CONFIRM_POLICIES)
            )
        if self.per_address not in (None, 1, 2):
            raise BadInput("From one address one or two people can sign.", field="per_address")
        if self.retention_days is not None and not 1 <= self.retention_days <= 3650:
            raise BadInput("Personal data is kept between 1 and 3650 days.", field="retention_days")
        if self.goals and (any(goal < 1 for goal in self.goals) or sorted(set(self.goals)) != list(self.goals)):
            raise BadInput("Goals are whole numbers above zero, each higher than the one before.", field="goals")
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise BadInput("It closes after it opened.", field="closes_at")
        self.allowed_origins = [clean_origin(value) for value in self.allowed_origins or []]
        self.return_urls = [clean_page(value) for value in self.return_urls or []]

    # -- asking -----------------------------------------------------------------------------------------------

    def is_open(self, now: datetime) -> bool:
        """Whether it can be signed at this moment."""
        return is_open(self.state, self.opens_at, self.closes_at, now)

    def count(self, session: Session, *, now: datetime) -> Count:
        return Tally.count(session, self.id, now=now)

    def headline(self, count: Count) -> int:
        """The number to show large under its policy."""
        return headline(self.confirm_policy, count)

    def goal_at(self, number: int) -> int | None:
        """The goal to show beside this number."""
        return goal_at(self.goals, number)

    # -- signing ----------------------------------------------------------------------------------------------

    def sign(self, session: Session, form: SignatureForm, *, now: datetime) -> Outcome:
        """Put somebody's name under it, in the caller's transaction.

        The same statement that the web's intake runs for many at once. Raises BadInput naming the field, or Refused
        where it is not open. Says nothing about whether the address was known: neither may the caller.
        """
        from campaigns.petitions.intake import sign

        return sign(session, self, form, now=now)


def is_open(state: str, opens_at: datetime | None, closes_at: datetime | None, now: datetime) -> bool:
    """The rule itself; the statement that writes signatures on PostgreSQL has it in SQL."""
    return state == "open" and (opens_at is None or opens_at <= now) and (closes_at is None or now < closes_at)


def lines_of(text: str) -> Sequence[str]:
    """A list as people type it in a box: one on a line."""
    return [each.strip() for each in text.splitlines() if each.strip()]
