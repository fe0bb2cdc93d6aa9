"""News about a petition, for the signers who asked to hear how it goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, Text, and_, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import LIVE, Signature, SignaturePerson
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk
from supporters.errors import BadInput, Refused
from supporters.mail.message import BULK, NORMAL, OutboxMessage
from supporters.people.consent import Consent


class PetitionUpdate(Base):
    __tablename__ = "campaigns_petition_update"
    __table_args__ = (Index(None, "petition_id", "id"),)

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    title: Mapped[line]
    text: Mapped[str] = mapped_column(Text)  # Markdown
    written_at: Mapped[instant]
    written_by: Mapped[actor_key]
    sent_at: Mapped[instant | None]
    sent_by: Mapped[actor_key | None]
    recipients: Mapped[int] = mapped_column(default=0)  # mails queued when it was sent; late signers come on top

    @classmethod
    def write(
        cls, session: Session, petition: Petition, title: str, text: str, *, by: Actor, now: datetime
    ) -> PetitionUpdate:
        """A draft; nobody gets it before it is sent."""
        made = cls(petition_id=petition.id, written_at=now, written_by=by.key, title="", text="")
        made._set(title, text)
        session.add(made)
        audit.record(session, by, "write", made, now=now, petition=petition.slug)
        return made

    def edit(self, session: Session, title: str, text: str, *, by: Actor, now: datetime) -> None:
        if self.sent_at is not None:
            raise Refused("This update was sent; write another one.")
        self._set(title, text)
        audit.record(session, by, "edit", self, now=now, petition=self._slug(session))

    def _set(self, title: str, text: str) -> None:
        for name, value in (("title", title), ("text", text)):
            if not value.strip():
                raise BadInput("Fill this in.", field=name)
        self.title, self.text = title.strip(), text.strip()

    def _slug(self, session: Session) -> str:
        return session.get_one(Petition, self.petition_id).slug

    def send(self, session: Session, *, by: Actor, now: datetime) -> int:
        """Queue it for everybody whose last word on updates of this petition is yes; how many mails that is.

        One mail per address, whoever shares it; asked once more at the moment of sending.
        """
        locked = PetitionUpdate.get(session, self.id, lock=True)
        if locked.sent_at is not None:
            raise Refused("This update was sent already.")
        locked.sent_at, locked.sent_by = now, by.key
        kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        columns, rows = self._mails(now)
        statement = kind.insert(OutboxMessage).from_select(columns, rows).on_conflict_do_nothing()
        result: Any = session.execute(statement, execution_options={"preserve_rowcount": True})
        sent = locked.recipients = int(result.rowcount)
        audit.record(session, by, "send", locked, now=now, petition=self._slug(session), recipients=sent)
        return sent

    def recipients_now(self, session: Session, *, now: datetime) -> int:
        """How many mails sending it would queue at this moment; nothing is sent."""
        _, rows = self._mails(now)
        return session.scalar(select(func.count()).select_from(rows.subquery())) or 0

    def _mails(self, now: datetime) -> tuple[list[str], Select[Any]]:
        """The columns of the outbox, and a row for each address that asked for updates."""
        columns = [
            "template", "subject_id", "params", "locale", "key", "priority", "sealed_address", "address_key", "purpose",
            "scope", "state", "attempts", "next_at", "queued_at",
        ]  # fmt: skip
        key = literal(f"petition-update:{self.id}:") + Signature.id.cast(OutboxMessage.key.type)
        params = literal({"update": self.id}, OutboxMessage.params.type)
        moment = literal(now, OutboxMessage.next_at.type)
        rows = (
            select(
                literal("petition_update"), Signature.id, params, Signature.locale, key,
                literal(BULK), SignaturePerson.sealed_address, Signature.address_key, literal("updates"),
                literal(f"petition:{self.petition_id}"), literal("queued"), literal(0), moment, moment,
            )
            .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
            .where(
                Signature.petition_id == self.petition_id,
                _counts(Signature),
                ~_comes_second(self.petition_id),
                _wants_updates(self.petition_id),
            )
        )  # fmt: skip
        return columns, rows

    @classmethod
    def catch_up(cls, session: Session, signature: Signature, *, now: datetime) -> None:
        """Who signs late gets the story so far, as one mail; nothing where there is no story yet."""
        last = session.scalar(
            select(cls.id)
            .where(cls.petition_id == signature.petition_id, cls.sent_at <= signature.signed_at)
            .order_by(cls.id.desc())
            .limit(1)
        )
        address = signature.address(session)
        if last is not None and address is not None:
            OutboxMessage.queue(
                session, "petition_story", address, key=f"petition-story:{signature.id}", subject_id=signature.id,
                locale=signature.locale, priority=NORMAL, purpose="updates", scope=signature.scope, now=now, until=last,
            )  # fmt: skip


# PostgreSQL joins these as whole sets where many signed, and goes by the indexes where few did. Keep them free of what
# it cannot turn into a join, such as a LIMIT or an OR around EXISTS: that is looked up for each signature.


def _counts(of: type[Signature]) -> ColumnElement[bool]:
    return of.state.in_(LIVE) & of.erased_at.is_(None)


def _comes_second(petition_id: int) -> ColumnElement[bool]:
    """Whether somebody with the same address signed before and counts too."""
    second, first = aliased(Signature), aliased(Signature)
    same = (
        (first.petition_id == second.petition_id)
        & (first.address_key == second.address_key)
        & (first.slot < second.slot)
    )
    return (
        select(literal(1))
        .select_from(second)
        .join(first, same)
        .where(second.id == Signature.id, second.petition_id == petition_id, second.slot > 1, _counts(first))
        .correlate(Signature)
        .exists()
    )


def _wants_updates(petition_id: int) -> ColumnElement[bool]:
    """Whether the last word of the address on updates of this petition is yes: a yes that no later no took back."""
    yes, no = aliased(Consent), aliased(Consent)

    def about_it(of: type[Consent]) -> ColumnElement[bool]:
        return (of.purpose == "updates") & of.scope.in_([f"petition:{petition_id}", ""])

    later = or_(no.at > yes.at, and_(no.at == yes.at, no.id > yes.id))
    taken_back = select(literal(1)).where(no.address_key == yes.address_key, about_it(no), no.granted.is_(False), later)
    said_yes = select(literal(1)).where(yes.address_key == Signature.address_key, about_it(yes), yes.granted.is_(True))
    return said_yes.where(~taken_back.correlate(yes).exists()).correlate(Signature).exists()
