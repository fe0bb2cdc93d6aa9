"""The links that open somebody's own page to them, and the mails that bring those."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.crowdfunding.mailing import TEMPLATES
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.crowdfunding.page_request import LASTS, ONCE_IN, OPENS, TOKEN, PageRequest
from campaigns.edition import Edition
from supporters import formats
from supporters.errors import BadInput, NotFound
from supporters.mail.letter import Dropped, Letter, renders
from supporters.mail.message import URGENT, OutboxMessage
from supporters.payments.online.own_page import LinkTooOld
from supporters.people.consent import address_key
from supporters.people.contact import ContactPoint, clean_email
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.settings import Settings

#: What the token of a link to a page is for.
PAGE = "fundraising page"
#: Pages of one address that are mailed at once: what one person has, not a list.
MOST = 6


def link(session: Session, page: FundraisingPage, *, settings: Settings, now: datetime) -> str:
    """An address that opens the page to its owner until ``OPENS`` from now."""
    until = int((now + OPENS).timestamp())
    return f"{settings.public_url}/crowdfunding/own/{keyring(session).token(PAGE, page.id, until)}"


def public_link(page: FundraisingPage, settings: Settings) -> str:
    """Where everybody sees it once it is live."""
    return f"{settings.public_url}/crowdfunding/{page.edition.slug}/{page.slug}"


def opened(session: Session, token: str, *, now: datetime) -> PageRequest | FundraisingPage:
    """What the link opens: a page, or what waits for its button. Raises NotFound, or LinkTooOld after its days."""
    ring = keyring(session)
    try:
        ring.read_token(TOKEN, token)
    except NotFound:
        numbers = ring.read_token(PAGE, token)
    else:
        request = PageRequest.by_token(session, token, now=now)
        if request.page is None:
            return request
        numbers = (request.page.id, int((request.asked_at + OPENS).timestamp()))
    page = session.get(FundraisingPage, numbers[0]) if len(numbers) == 2 else None
    if page is None or page.owner.survivor(session).is_deceased or page.title == "—":
        raise NotFound("What this link is about is no longer here.", field="token")
    if numbers[1] < now.timestamp():
        raise LinkTooOld("This link is too old. Ask for a new one; it is in your mail in a minute.", field="token")
    return page


def ask(session: Session, address: str, *, now: datetime) -> None:
    """Mail a link to each page of this address, and to what waits for its button. To a stranger's address nothing goes,
    and nothing says so. Raises BadInput where it is no address.
    """
    if not address.strip():
        raise BadInput("Fill in your e-mail address.", field="email")
    email = clean_email(address.strip())
    theirs = (
        select(FundraisingPage)
        .join(Supporter, Supporter.id == FundraisingPage.owner_id)
        .join(ContactPoint, ContactPoint.supporter_id == Supporter.id)
        .where(
            ContactPoint.kind == "email", or_(ContactPoint.value == email, ContactPoint.value == email.lower()),
            ContactPoint.until_on.is_(None), Supporter.death_reported_at.is_(None), FundraisingPage.title != "—",
        )
        .order_by(FundraisingPage.id.desc())
        .distinct()
        .limit(MOST)
    )  # fmt: skip
    for page in session.scalars(theirs):
        OutboxMessage.queue(
            session, "page_link", email, key=f"page-link:{page.id}:{int(now.timestamp()) // ONCE_IN}",
            locale=page.owner.language, priority=URGENT, supporter_id=page.owner_id, subject_id=page.id, now=now,
        )  # fmt: skip
    waiting = select(PageRequest).where(
        PageRequest.address_key == address_key(keyring(session), email), PageRequest.asked_at > now - LASTS
    )
    for request in session.scalars(waiting.order_by(PageRequest.id.desc()).limit(MOST)):
        request.mail(session, now=now)


@renders("page_start")
def _start(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    request = session.get(PageRequest, message.subject_id)
    starter = request.starter(session) if request is not None else None
    if request is None or starter is None:
        return Dropped("the page is there already, or it was thrown away")
    edition: Edition = request.edition
    return TEMPLATES.letter(
        "page_start", message.locale, settings=settings, name=starter.name, title=starter.title, edition=edition.title,
        until=formats.day(settings.day_of(request.asked_at + LASTS), message.locale),
        link=f"{settings.public_url}/crowdfunding/own/{request.token(session)}",
    )  # fmt: skip


def _about_a_page(template: str, state: str | None = None) -> None:
    """A mail to the owner that makes sense as long as the page is in this state."""

    @renders(template)
    def render(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
        page: FundraisingPage | None = session.get(FundraisingPage, message.subject_id)
        if page is None or page.title == "—" or state not in (None, page.state):
            return Dropped("the page is no longer as it was")
        values: dict[str, Any] = {
            "name": page.owner.survivor(session).first_name or page.owner.name, "title": page.title,
            "edition": page.edition.title, "link": link(session, page, settings=settings, now=now),
            "public_link": public_link(page, settings),
        }  # fmt: skip
        return TEMPLATES.letter(template, message.locale, settings=settings, **values)


_about_a_page("page_link")
_about_a_page("page_live", "live")
_about_a_page("page_hidden", "hidden")
