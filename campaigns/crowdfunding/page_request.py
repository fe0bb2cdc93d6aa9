"""Somebody asks for a page of their own. Nothing is there before they pressed the button that their mail leads to."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.crowdfunding.page import LONGEST_TITLE, RESERVED, FundraisingPage, Team, owner_of
from campaigns.edition import SLUG, Edition
from campaigns.petitions.following import alike
from supporters import hooks
from supporters.actor import Actor
from supporters.db import Base, instant, pk
from supporters.errors import BadInput, Mistakes, NotFound, Refused
from supporters.mail.message import ADDRESS, URGENT, OutboxMessage
from supporters.payments.online.own_page import LinkTooOld
from supporters.people.consent import address_key
from supporters.people.contact import ContactPoint, clean_email
from supporters.people.folding import fold
from supporters.people.names import split_surname
from supporters.people.supporter import Supporter
from supporters.people.typed import clean, not_a_name
from supporters.sealing import keyring

#: For the keyring: what somebody wrote is sealed as, and what the token in their mail is for.
STARTER, TOKEN = "page starter", "page request"
#: How long somebody may wait with the button; after that what they sent is deleted.
LASTS = timedelta(days=7)
#: How long the link in that mail goes on to open the page that came of it.
OPENS = timedelta(days=180)
#: One address gets at most one mail in so many seconds about an edition, however often it is asked for.
ONCE_IN = 600


@dataclass(frozen=True, slots=True)
class Starter:
    """What somebody filled in; lives sealed."""

    name: str = field(repr=False)
    title: str = field(repr=False)


class PageRequest(Base):
    """``nonce`` makes its token one that no other will ever have. What is personal goes once the page is there."""

    __tablename__ = "campaigns_page_request"
    __table_args__ = (
        CheckConstraint("(page_id IS NULL) = (sealed IS NOT NULL)", name="sealed"),
        CheckConstraint("(sealed IS NULL) = (sealed_address IS NULL)", name="sealed_address"),
        CheckConstraint("(sealed IS NULL) = (address_key IS NULL)", name="address_key"),
        Index(None, "asked_at"),
        Index(None, "address_key"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_team.id"))
    nonce: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": STARTER})
    sealed_address: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": ADDRESS})
    address_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    locale: Mapped[str] = mapped_column(String(2), default="nl")
    asked_at: Mapped[instant]
    page_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns_fundraising_page.id"), index=True)

    edition: Mapped[Edition] = relationship()
    team: Mapped[Team | None] = relationship()
    page: Mapped[FundraisingPage | None] = relationship()

    @classmethod
    def ask(
        cls, session: Session, edition: Edition, *, name: str, email: str, title: str, now: datetime,
        team: str = "", locale: str = "nl",
    ) -> PageRequest:  # fmt: skip
        """Keep what somebody filled in, sealed, and mail them the link. Asked again, what they said last holds.

        Raises Mistakes for everything that is wrong, Refused where the edition takes no pages.
        """
        if edition.state not in ("live", "paused"):
            raise Refused("%(title)s takes no pages now.", title=edition.title)
        starter, address, of = _read(session, edition, name=name, email=email, title=title, team=team)
        ring = keyring(session)
        key = address_key(ring, address)
        request = session.scalars(
            select(cls).where(cls.edition_id == edition.id, cls.address_key == key, cls.page_id.is_(None))
            .order_by(cls.id).limit(1).with_for_update()
        ).first()  # fmt: skip
        if request is None:
            request = cls(edition=edition, nonce=secrets.randbits(62))
            session.add(request)
        request.sealed = ring.seal(json.dumps(asdict(starter), ensure_ascii=False), STARTER)
        request.sealed_address, request.address_key = ring.seal(address, ADDRESS), key
        request.team, request.locale, request.asked_at = of, locale, now
        session.flush()
        request.mail(session, now=now)
        return request

    def mail(self, session: Session, *, now: datetime) -> None:
        """The link once more, unless it was mailed just now."""
        if self.sealed_address is None:
            return
        ring = keyring(session)
        OutboxMessage.queue(
            session, "page_start", ring.open(self.sealed_address, ADDRESS), subject_id=self.id, locale=self.locale,
            key=f"page-start:{self.id}:{self.nonce}:{int(now.timestamp()) // ONCE_IN}", priority=URGENT, now=now,
        )  # fmt: skip

    @classmethod
    def by_token(cls, session: Session, token: str, *, now: datetime) -> PageRequest:
        """Raises NotFound where the link is not ours or what it was about is gone, LinkTooOld after its days."""
        numbers = keyring(session).read_token(TOKEN, token)
        found = session.get(cls, numbers[0]) if len(numbers) == 2 else None
        if found is None or found.nonce != numbers[1]:
            raise NotFound("What this link is about is no longer here.", field="token")
        if found.asked_at + (LASTS if found.page_id is None else OPENS) < now:
            raise LinkTooOld("This link is too old. Ask for a new one; it is in your mail in a minute.", field="token")
        return found

    def token(self, session: Session) -> str:
        return keyring(session).token(TOKEN, self.id, self.nonce)

    def starter(self, session: Session) -> Starter | None:
        """What was filled in, opened; None once the page is there."""
        return Starter(**json.loads(keyring(session).open(self.sealed, STARTER))) if self.sealed else None

    def make(self, session: Session, *, now: datetime) -> FundraisingPage:
        """The button was pressed: the address is theirs, and the page is there and waits; pressing twice makes one."""
        request: PageRequest = PageRequest.get(session, self.id, lock=True)
        if request.page is not None:
            return request.page
        edition: Edition = Edition.get(session, request.edition_id, lock=True)  # two titles may want one address
        starter = request.starter(session)
        assert starter is not None and request.sealed_address is not None
        address = keyring(session).open(request.sealed_address, ADDRESS)
        first_name, _, rest = starter.name.partition(" ")
        prefix, surname = split_surname(rest)
        owner = alike(session, address, surname) or Supporter.welcome(
            session, address, first_name=first_name, prefix=prefix, surname=surname, language=request.locale, now=now
        )
        page = FundraisingPage.start(
            session, edition, owner, free_address(session, edition, starter.title), starter.title, team=request.team,
            by=owner_of(owner), now=now,
        )  # fmt: skip
        session.flush()
        request.page, request.sealed, request.sealed_address, request.address_key = page, None, None, None
        session.flush()
        return page

    def drop(self, session: Session) -> None:
        """It was not them: what was filled in goes. Of a page that is there nothing goes."""
        request: PageRequest = PageRequest.get(session, self.id, lock=True)
        if request.page_id is not None:
            raise Refused("The page is there already. Ask us if it has to go.")
        session.delete(request)


def forget(session: Session, *, now: datetime) -> int:
    """Delete what nobody pressed the button of, and links that open nothing any more; how many."""
    old = delete(PageRequest).where(
        or_(
            PageRequest.page_id.is_(None) & (PageRequest.asked_at < now - LASTS), PageRequest.asked_at < now - OPENS
        )
    )  # fmt: skip
    return int(getattr(session.execute(old, execution_options={"synchronize_session": False}), "rowcount", 0))


@hooks.on("supporter_erased")
def _forget_theirs(session: Session, *, supporter_id: int, by: Actor, now: datetime) -> None:
    ring = keyring(session)
    addresses = select(ContactPoint.value).where(
        ContactPoint.supporter_id == supporter_id, ContactPoint.kind == "email"
    )  # fmt: skip
    keys = [address_key(ring, each) for each in session.scalars(addresses)]
    theirs = select(FundraisingPage.id).where(FundraisingPage.owner_id == supporter_id)
    session.execute(
        delete(PageRequest).where(or_(PageRequest.page_id.in_(theirs), PageRequest.address_key.in_(keys))),
        execution_options={"synchronize_session": False},
    )


def free_address(session: Session, edition: Edition, title: str) -> str:
    """An address in the edition that says the title, and that nobody has. The caller holds the edition."""
    words = re.sub(r"[^a-z0-9]+", "-", fold(title)).strip("-")[:36].strip("-") or "actie"
    mine = FundraisingPage.edition_id == edition.id, FundraisingPage.slug.startswith(words)
    taken = {*session.scalars(select(FundraisingPage.slug).where(*mine)), *RESERVED}
    return next(each for n in range(1, len(taken) + 2) if (each := words if n == 1 else f"{words}-{n}") not in taken)


def _read(
    session: Session, edition: Edition, *, name: str, email: str, title: str, team: str
) -> tuple[Starter, str, Team | None]:  # fmt: skip
    wrong: list[BadInput] = []
    of: Team | None = None
    try:
        name = clean("name", name, 100)
        if not name:
            wrong.append(BadInput("Fill in your name.", field="name"))
        elif odd := not_a_name("name", name):
            wrong.append(odd)
    except BadInput as error:
        wrong.append(error)
    try:
        email = clean_email(email.strip()) if email.strip() else ""
        if not email:
            wrong.append(BadInput("Fill in your e-mail address.", field="email"))
    except BadInput as error:
        wrong.append(error)
    try:
        title = clean("title", title, LONGEST_TITLE)
        if not title:
            wrong.append(BadInput("Give your page a title.", field="title"))
        elif odd := not_a_name("title", title):  # it goes into a mail to whatever address was filled in
            wrong.append(odd)
    except BadInput as error:
        wrong.append(error)
    if team:
        named = Team.edition_id == edition.id, Team.slug == team
        of = session.scalar(select(Team).where(*named)) if SLUG.fullmatch(team) else None
        if of is None:
            wrong.append(BadInput("There is no such team; choose one of the list.", field="team"))
    if wrong:
        raise Mistakes(wrong)
    return Starter(name, title), email, of
