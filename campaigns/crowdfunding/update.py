"""News of an edition: on its page for everybody, and by mail for givers who asked for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, and_, or_, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column, relationship

from campaigns.crowdfunding.mailing import TEMPLATES
from campaigns.edition import Edition
from campaigns.petitions.markdown import to_html
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk
from supporters.errors import BadInput, NotFound, Refused
from supporters.mail.letter import Dropped, Letter, renders
from supporters.mail.message import BULK, OutboxMessage
from supporters.people.consent import Consent, may_contact
from supporters.people.contact import ContactPoint
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.settings import Settings

#: What the token of a link that ends its mails is for.
STOP = "edition updates"
LONGEST_TITLE, LONGEST_TEXT = 100, 20_000


class EditionUpdate(Base):
    __tablename__ = "campaigns_edition_update"
    __table_args__ = (Index(None, "edition_id", "id"),)

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    title: Mapped[line]
    text: Mapped[str] = mapped_column(Text)  # Markdown
    written_at: Mapped[instant]
    written_by: Mapped[actor_key]
    sent_at: Mapped[instant | None]  # from then on it is on the page too
    sent_by: Mapped[actor_key | None]
    recipients: Mapped[int] = mapped_column(default=0)  # mails queued when it was sent

    edition: Mapped[Edition] = relationship()

    @classmethod
    def write(
        cls, session: Session, edition: Edition, title: str, text: str, *, by: Actor, now: datetime
    ) -> EditionUpdate:
        """A draft; nobody sees or gets it before it is sent."""
        made = cls(edition_id=edition.id, written_at=now, written_by=by.key, title="", text="")
        made._set(title, text)
        session.add(made)
        audit.record(session, by, "write", made, now=now, edition=edition.slug)
        return made

    def edit(self, session: Session, title: str, text: str, *, by: Actor, now: datetime) -> None:
        if self.sent_at is not None:
            raise Refused("This update was sent; write another one.")
        self._set(title, text)
        audit.record(session, by, "edit", self, now=now, edition=self.edition.slug)

    def _set(self, title: str, text: str) -> None:
        for name, value, most in (("title", title, LONGEST_TITLE), ("text", text, LONGEST_TEXT)):
            if not value.strip():
                raise BadInput("Fill this in.", field=name)
            if len(value.strip()) > most:
                raise BadInput("This is too long: at most %(most)s characters.", field=name, most=most)
        self.title, self.text = title.strip(), text.strip()

    def send(self, session: Session, *, by: Actor, now: datetime) -> int:
        """Put it on the page, and queue it for every giver who asked for news of this edition; how many mails that is.

        One mail an address, whoever shares it; asked once more at the moment of sending.
        """
        locked: EditionUpdate = EditionUpdate.get(session, self.id, lock=True)
        edition = session.get_one(Edition, locked.edition_id)
        if locked.sent_at is not None:
            raise Refused("This update was sent already.")
        if not edition.is_public:
            raise Refused("%(title)s is not public yet: nobody can have asked for its news.", title=edition.title)
        locked.sent_at, locked.sent_by = now, by.key
        mails = [
            (
                f"edition-update:{locked.id}:{supporter}", address,
                {
                    "subject_id": supporter, "supporter_id": supporter, "params": {"update": locked.id},
                    "locale": language, "priority": BULK, "purpose": "updates", "scope": scope_of(edition),
                },
            )
            for supporter, language, address in _who_asked(session, edition)
        ]  # fmt: skip
        locked.recipients = OutboxMessage.queue_all(session, "edition_update", mails, now=now)
        audit.record(session, by, "send", locked, now=now, edition=edition.slug, recipients=locked.recipients)
        return locked.recipients

    def recipients_now(self, session: Session) -> int:
        """How many mails sending it would queue at this moment; nothing is sent."""
        return len(_who_asked(session, session.get_one(Edition, self.edition_id)))


def scope_of(edition: Edition) -> str:
    """In the ledger of consents, as the form for giving writes it."""
    return f"edition:{edition.slug}"


def sent(session: Session, edition: Edition, most: int = 10) -> list[EditionUpdate]:
    """What everybody may read, the newest first."""
    query = select(EditionUpdate).where(EditionUpdate.edition_id == edition.id, EditionUpdate.sent_at.is_not(None))
    return list(session.scalars(query.order_by(EditionUpdate.sent_at.desc(), EditionUpdate.id.desc()).limit(most)))


def _who_asked(session: Session, edition: Edition) -> list[tuple[int, str, str]]:
    """Number, language and address of each giver whose last word on its news is yes; one for each address."""
    yes, no = aliased(Consent), aliased(Consent)
    about = [scope_of(edition), ""]
    later = or_(no.at > yes.at, and_(no.at == yes.at, no.id > yes.id))
    taken_back = select(no.id).where(
        no.supporter_id == yes.supporter_id, no.purpose == "updates", no.channel == "email", no.scope.in_(about),
        no.granted.is_(False), later,
    )  # fmt: skip
    said_yes = select(yes.supporter_id).where(
        yes.purpose == "updates", yes.channel == "email", yes.scope == scope_of(edition), yes.granted.is_(True),
        ~taken_back.correlate(yes).exists(),
    )  # fmt: skip
    rows = session.execute(
        select(Supporter.id, Supporter.language, ContactPoint.value)
        .join(ContactPoint, ContactPoint.supporter_id == Supporter.id)
        .where(
            Supporter.id.in_(said_yes), Supporter.death_reported_at.is_(None), Supporter.merged_into_id.is_(None),
            ContactPoint.kind == "email", ContactPoint.until_on.is_(None),
        )
        .order_by(Supporter.id, ContactPoint.id)
    )  # fmt: skip
    people: set[int] = set()
    addresses: set[str] = set()
    found = []
    for supporter, language, address in rows:
        if supporter not in people and address.lower() not in addresses:
            people.add(supporter)
            addresses.add(address.lower())
            found.append((supporter, language, address))
    return found


# -- the mail, and the link that ends it --------------------------------------------------------------------------


@renders("edition_update")
def _update(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    update = session.get(EditionUpdate, message.params["update"])
    supporter = session.get(Supporter, message.subject_id)
    if update is None or supporter is None:
        return Dropped("who asked for it is no longer here")
    edition = update.edition
    token = keyring(session).token(STOP, supporter.id, edition.id)
    return TEMPLATES.letter(
        "edition_update", message.locale, settings=settings,
        unsubscribe_url=f"{settings.public_url}/unsubscribe/edition/{token}",
        name=supporter.first_name or supporter.name, edition=edition.title, title=update.title, text=update.text,
        html=to_html(update.text), link=f"{settings.public_url}/crowdfunding/{edition.slug}",
    )  # fmt: skip


def of_link(session: Session, token: str) -> tuple[Supporter, Edition]:
    """Whose mails about which edition a link ends; raises NotFound where the link is not ours."""
    numbers = keyring(session).read_token(STOP, token)
    supporter = session.get(Supporter, numbers[0]) if len(numbers) == 2 else None
    edition = session.get(Edition, numbers[1]) if len(numbers) == 2 else None
    if supporter is None or edition is None:
        raise NotFound("This link is not complete. Copy it from the message once more, whole.", field="token")
    return supporter.survivor(session), edition


def stop(session: Session, supporter: Supporter, edition: Edition, *, now: datetime) -> None:
    """A no to the news of this edition; once more is as good as once."""
    if may_contact(supporter, "updates", session=session, scope=scope_of(edition)):
        by = Actor("visitor", supporter.number, "mail", authenticated=True)
        Consent.record(
            session,
            supporter,
            "updates",
            granted=False,
            scope=scope_of(edition),
            by=by,
            now=now,
            evidence="unsubscribed",
        )
