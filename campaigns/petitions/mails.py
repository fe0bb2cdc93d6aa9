"""The mails about a petition: what each is about, when it still makes sense, and where its links lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.petitions.markdown import to_html
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Person, Signature
from campaigns.petitions.update import PetitionUpdate
from supporters import formats
from supporters.mail.letter import Dropped, Letter, Renderer, renders
from supporters.mail.message import NORMAL, URGENT, OutboxMessage
from supporters.mail.templating import Templates
from supporters.sealing import keyring
from supporters.settings import Settings

TEMPLATES = Templates("campaigns.petitions", "mail_templates")
#: Who a preview is to, where there is no signature to show it with.
_EXAMPLE = Person("Ada", "Lovelace")


def queue_confirmation(session: Session, signature: Signature, petition: Petition, *, now: datetime) -> None:
    """The mail with the button (or, where nothing is asked, the thanks), once more."""
    address = signature.address(session)
    if address is None:
        return
    template = "petition_thanks" if petition.confirm_policy == "none" else "petition_confirm"
    signature.mails += 1
    OutboxMessage.queue(
        session, template, address, key=f"{template.replace('_', '-')}:{signature.id}:{signature.mails}",
        subject_id=signature.id, locale=signature.locale, scope=signature.scope, now=now,
        priority=NORMAL if petition.confirm_policy == "none" else URGENT,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _About:
    """What a mail is about. For a preview there is no signature, and the links lead nowhere."""

    petition: Petition
    signature: Signature | None
    who: Person
    link: str
    stop_link: str

    @classmethod
    def of(cls, session: Session, message: OutboxMessage, settings: Settings) -> _About | Dropped:
        base = settings.public_url
        if message.subject_id is None:
            petition = session.get_one(Petition, message.params["petition"])
            return cls(petition, None, _EXAMPLE, f"{base}/confirm/…", f"{base}/unsubscribe/…")
        signature = session.get(Signature, message.subject_id)
        if signature is None or signature.person is None:
            return Dropped("the signature was erased")
        ring = keyring(session)
        return cls(
            session.get_one(Petition, signature.petition_id), signature, signature.who(session),
            f"{base}/confirm/{signature.token(ring)}",
            f"{base}/unsubscribe/{signature.token(ring, 'unsubscribe')}",
        )  # fmt: skip

    def values(self, locale: str, **more: Any) -> dict[str, Any]:
        signed_at = self.signature.signed_at if self.signature else self.petition.created_at
        return {
            "name": self.who.first_name, "title": self.petition.title, "addressee": self.petition.addressee,
            "link": self.link, "day": formats.day(signed_at, locale), "policy":
            self.petition.confirm_policy, **more,
        }  # fmt: skip


def _about_a_signature(template: str, *, states: tuple[str, ...], why_not: str) -> Renderer:
    """A mail that makes sense as long as the signature is in one of these states."""

    @renders(template)
    def render(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
        about = _About.of(session, message, settings)
        if isinstance(about, Dropped):
            return about
        if about.signature is not None and about.signature.state not in states:
            return Dropped(why_not)
        return TEMPLATES.letter(template, message.locale, settings=settings, **about.values(message.locale))

    return render


confirm = _about_a_signature(
    "petition_confirm", states=("pending", "received"), why_not="it is confirmed already, or it no longer counts"
)
reminder = _about_a_signature(
    "petition_reminder", states=("pending",), why_not="it is confirmed already, or it no longer counts"
)
thanks = _about_a_signature("petition_thanks", states=("received", "confirmed"), why_not="it no longer counts")
known = _about_a_signature("petition_known", states=("confirmed",), why_not="it no longer counts")


@renders("petition_update")
def update(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """One update; ``params`` names it."""
    about = _About.of(session, message, settings)
    if isinstance(about, Dropped):
        return about
    if about.signature is not None and not about.signature.is_counted:
        return Dropped("the signature no longer counts")
    news = session.get_one(PetitionUpdate, message.params["update"])
    return _news(about, "petition_update", message, [news], session, settings, now)


@renders("petition_story")
def story(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """The updates that were sent before somebody signed, oldest first."""
    about = _About.of(session, message, settings)
    if isinstance(about, Dropped):
        return about
    if about.signature is not None and not about.signature.is_counted:
        return Dropped("the signature no longer counts")
    query = (
        select(PetitionUpdate)
        .where(PetitionUpdate.petition_id == about.petition.id, PetitionUpdate.sent_at.is_not(None))
        .where(PetitionUpdate.id <= message.params.get("until", 1 << 60))
        .order_by(PetitionUpdate.id)
    )
    news = list(session.scalars(query))
    if not news:
        return Dropped("there is no story yet")
    return _news(about, "petition_story", message, news, session, settings, now)


def _news(
    about: _About, template: str, message: OutboxMessage, news: list[PetitionUpdate], session: Session,
    settings: Settings, now: datetime,
) -> Letter:  # fmt: skip
    headline = about.petition.headline(about.petition.count(session, now=now))
    parts = [{"title": one.title, "text": one.text, "html": to_html(one.text)} for one in news]
    return TEMPLATES.letter(
        template, message.locale, settings=settings, unsubscribe_url=about.stop_link,
        **about.values(message.locale, news=parts, count=formats.number(headline, message.locale)),
    )  # fmt: skip
