"""Someone's own page in an edition, alone or in a team."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.edition import SLUG, Edition
from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.errors import BadInput, NotFound, Refused
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.people.supporter import Supporter

#: waiting: for somebody of ours to look at it · hidden: taken off, its gifts still count.
STATES = ("waiting", "live", "hidden")
#: Longer than anybody reads.
LONGEST_STORY, LONGEST_TITLE = 20_000, 100
#: What stands at these addresses below an edition is no page, nor a team.
RESERVED = frozenset({"link", "own", "pages", "picture", "share", "start", "static", "teams", "updates", "wall"})
#: An edition's address, a slash and a page's: as much as a form for giving takes along.
LONGEST_ADDRESS = 80


class Team(Base):
    __tablename__ = "campaigns_team"
    __table_args__ = (
        UniqueConstraint("edition_id", "slug"),
        UniqueConstraint("edition_id", "id"),
        CheckConstraint("target > 0", name="target"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    slug: Mapped[str] = mapped_column(String(40))
    name: Mapped[line]
    target: Mapped[cents | None]
    made_at: Mapped[instant]

    @classmethod
    def form(
        cls, session: Session, edition: Edition, slug: str, name: str, *, by: Actor, now: datetime,
        target: Money | None = None,
    ) -> Team:  # fmt: skip
        _refuse_address(session, cls, edition, slug)
        if not name.strip():
            raise BadInput("A team needs a name.", field="name")
        team = cls(
            edition_id=edition.id, slug=slug, name=name.strip(), target=_target(edition, target), made_at=now
        )  # fmt: skip
        session.add(team)
        audit.record(session, by, "form", team, now=now, slug=slug)
        return team

    @classmethod
    def by_slug(cls, session: Session, edition: Edition, slug: str) -> Team:
        found = session.scalar(select(cls).where(cls.edition_id == edition.id, cls.slug == slug.strip()))
        if found is None:
            raise NotFound(
                "There is no team “%(slug)s” in %(title)s.", field="team", slug=slug[:40], title=edition.title
            )
        return found


class FundraisingPage(Base):
    __tablename__ = "campaigns_fundraising_page"
    __table_args__ = (
        UniqueConstraint("edition_id", "slug"),
        UniqueConstraint("edition_id", "id"),
        CheckConstraint(f"state IN ({', '.join(repr(each) for each in STATES)})", name="state"),
        CheckConstraint("target > 0", name="target"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_team.id"), index=True)
    owner_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    slug: Mapped[str] = mapped_column(String(40))
    title: Mapped[line]
    story: Mapped[str] = mapped_column(Text, default="")  # Markdown
    thanks: Mapped[str] = mapped_column(Text, default="")  # what the owner says to who gave
    target: Mapped[cents | None]
    state: Mapped[word] = mapped_column(default="waiting")
    started_at: Mapped[instant]
    checked_at: Mapped[instant | None]
    checked_by: Mapped[actor_key | None]
    changed_at: Mapped[instant | None]  # by its owner, since somebody of ours looked at the live page

    edition: Mapped[Edition] = relationship()
    team: Mapped[Team | None] = relationship()
    owner: Mapped[Supporter] = relationship()

    @classmethod
    def start(
        cls, session: Session, edition: Edition, owner: Supporter, slug: str, title: str, *, by: Actor, now: datetime,
        story: str = "", thanks: str = "", target: Money | None = None, team: Team | None = None,
    ) -> FundraisingPage:  # fmt: skip
        """A page that waits for somebody of ours; raises Refused where the edition takes none."""
        if edition.state not in ("approved", "live", "paused"):
            raise Refused("%(title)s takes no pages now.", title=edition.title)
        _refuse_address(session, cls, edition, slug)
        page = cls(edition=edition, owner=owner, slug=slug, title="", started_at=now, state="waiting")
        with session.no_autoflush:
            page._write(title=title, story=story, thanks=thanks, target=target)
            page._join(team)
        session.add(page)
        audit.record(session, by, "start", page, now=now, supporter=owner.id, slug=slug)
        return page

    @classmethod
    def by_slug(cls, session: Session, edition: Edition, slug: str) -> FundraisingPage:
        found = session.scalar(select(cls).where(cls.edition_id == edition.id, cls.slug == slug.strip()))
        if found is None:
            raise NotFound(
                "There is no page “%(slug)s” in %(title)s.", field="page", slug=slug[:40], title=edition.title
            )
        return found

    def write(self, session: Session, *, by: Actor, now: datetime, **fields: Any) -> None:
        """Change ``title``, ``story``, ``thanks`` or ``target``. A live page stays live: who looks at it is told."""
        self._write(**fields)
        if by.kind == "visitor" and self.state == "live":
            self.changed_at = now
        audit.record(session, by, "write", self, now=now, supporter=self.owner_id, fields=sorted(fields))

    def join(self, session: Session, team: Team | None, *, by: Actor, now: datetime) -> None:
        """Go to a team, with all that the page brought and will bring; or without one."""
        self._join(team)
        audit.record(session, by, "join", self, now=now, supporter=self.owner_id, team=team.slug if team else "")
        session.flush()

    def check(self, session: Session, state: str, *, by: Actor, now: datetime) -> None:
        """Somebody of ours looked at it: ``live``, or ``hidden`` from the public; news of that is mailed to its owner.

        A live page that its owner changed may be looked at again, and stays live.
        """
        by.must_be_signed_in()
        page: FundraisingPage = FundraisingPage.get(session, self.id, lock=True)
        again = page.state == "live" and page.changed_at is not None
        if state not in ("live", "hidden") or (state == page.state and not again):
            raise Refused("This page is %(state)s already.", state=page.state)
        if state != page.state and page.owner.email:
            OutboxMessage.queue(
                session, f"page_{state}", page.owner.email, subject_id=page.id, locale=page.owner.language,
                key=f"page-{state}:{page.id}:{now.timestamp():.0f}", supporter_id=page.owner_id, now=now,
            )  # fmt: skip
        page.state, page.checked_at, page.checked_by, page.changed_at = state, now, by.key, None
        audit.record(session, by, "check", page, now=now, supporter=page.owner_id, state=state)

    def _write(self, **fields: Any) -> None:
        for name, value in fields.items():
            if name == "target":
                self.target = _target(self.edition, value)
            elif name in ("title", "story", "thanks"):
                setattr(self, name, _seen(value))
            else:
                raise BadInput("A page has no “%(name)s” to change.", field=name, name=name)
        if not self.title:
            raise BadInput("Give your page a title.", field="title")
        if len(self.title) > LONGEST_TITLE:
            raise BadInput("This is too long: at most %(most)s characters.", field="title", most=LONGEST_TITLE)
        for name in ("story", "thanks"):
            if len(getattr(self, name) or "") > LONGEST_STORY:
                raise BadInput("This is too long: at most %(most)s characters.", field=name, most=LONGEST_STORY)

    def _join(self, team: Team | None) -> None:
        if team is not None and team.edition_id != self.edition.id:
            raise BadInput("This team is of another edition.", field="team")
        self.team = team


def owner_of(supporter: Supporter) -> Actor:
    """Who writes on a page of their own: the supporter, proved by the link in their own mail."""
    return Actor("visitor", supporter.number, "own page", authenticated=True)


def _seen(text: str) -> str:
    """Without what cannot be seen, which no database takes either; lines end as ours do."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")).strip()


def _refuse_address(session: Session, of: type[Team] | type[FundraisingPage], edition: Edition, slug: str) -> None:
    if not SLUG.fullmatch(slug) or len(slug) > min(40, LONGEST_ADDRESS - 1 - len(edition.slug)):
        raise BadInput(
            "“%(slug)s” cannot be an address; use small letters, digits and hyphens.", field="slug", slug=slug[:40]
        )
    if slug in RESERVED:
        raise BadInput("“%(slug)s” is kept for something else; choose another address.", field="slug", slug=slug)
    if session.scalar(select(of.id).where(of.edition_id == edition.id, of.slug == slug)):
        raise BadInput("“%(slug)s” is taken; choose another address.", field="slug", slug=slug)


def _target(edition: Edition, target: Money | None) -> int | None:
    if target is None:
        return None
    if target.amount <= 0 or target.currency != edition.currency:
        raise BadInput("A target is more than nothing, in %(currency)s.", field="target", currency=edition.currency)
    return target.amount


@hooks.on("supporter_erased")
def _forget_the_story(session: Session, *, supporter_id: int, by: Actor, now: datetime) -> None:
    """What somebody wrote of themselves goes with them; what their page brought stays."""
    for page in session.scalars(select(FundraisingPage).where(FundraisingPage.owner_id == supporter_id)):
        page.title, page.story, page.thanks, page.state = "—", "", "", "hidden"
        audit.record(session, by, "forget", page, now=now, supporter=supporter_id)
