"""Pre-notification as a row: a first or changed amount is announced ahead, and what is not announced waits.

The rulebook asks for 14 calendar days unless creditor and debtor agreed on another time (EPC SDD Core, section 4.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, UniqueConstraint, exists, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, selectinload

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.giving.term import Term
from supporters.money import Money
from supporters.payments.sepa.account import CreditorAccount
from supporters.people.supporter import Supporter


class Announcement(Base):
    __tablename__ = "supporters_announcement"
    __table_args__ = (UniqueConstraint("term_id", "announced_on", "channel"), Index(None, "announced_on"))

    id: Mapped[pk]
    term_id: Mapped[int] = mapped_column(ForeignKey("supporters_term.id"))
    amount: Mapped[cents]
    first_due_on: Mapped[date]
    channel: Mapped[word]  # letter, email, imported, agreement
    announced_on: Mapped[date]
    evidence: Mapped[line] = mapped_column(default="")
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]

    @classmethod
    def make(
        cls,
        session: Session,
        commitment: Commitment,
        *,
        on: date,
        channel: str,
        evidence: str,
        by: Actor,
        now: datetime,
    ) -> Announcement:
        """Announce the commitment's amount as it is now; the same on the same day by the same channel is one."""
        session.flush()
        term = commitment.term
        known = session.scalar(
            select(cls).where(cls.term_id == term.id, cls.announced_on == on, cls.channel == channel)
        )
        if known is not None:
            return known
        announcement = cls(
            term_id=term.id,
            amount=term.amount,
            first_due_on=term.anchor_on,
            channel=channel,
            announced_on=on,
            evidence=evidence,
            recorded_at=now,
            recorded_by=by.key,
        )
        session.add(announcement)
        return announcement


HEADER = (
    "commitment",
    "number",
    "name",
    "salutation",
    "language",
    "email",
    "street",
    "house_number",
    "house_addition",
    "postcode",
    "city",
    "country",
    "amount",
    "currency",
    "interval",
    "first_due_on",
    "mandate_reference",
    "creditor_identifier",
    "iban_end",
)


def unannounced(account: CreditorAccount, before: date | None = None) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a commitment on this account has an amount nobody was told of yet."""
    return (
        Commitment.ended_on.is_(None),
        Commitment.method == "sepa",
        Commitment.next_due_on.is_not(None) if before is None else or_(Commitment.next_due_on < before, _waits()),
        Mandate.creditor_identifier == account.identifier,
        Mandate.cancelled_on.is_(None),
        Supporter.death_reported_at.is_(None),
        ~exists().where(Announcement.term_id == Term.id),
    )


def _waits() -> ColumnElement[bool]:
    return exists().where(Instalment.commitment_id == Commitment.id, Instalment.status == "due")


def untold_retries(account: CreditorAccount, before: date | None = None) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which an instalment that came back is tried again on a day that nobody was told of yet."""
    told = exists().where(
        Announcement.term_id == Instalment.term_id,
        Announcement.amount == Instalment.amount,
        Announcement.announced_on >= Instalment.asked_again_on,
    )
    return (
        Instalment.status == "due",
        Instalment.asked_again_on.is_not(None),
        Instalment.not_before_on.is_not(None) if before is None else Instalment.not_before_on < before,
        Commitment.ended_on.is_(None),
        Commitment.method == "sepa",
        Mandate.creditor_identifier == account.identifier,
        Mandate.cancelled_on.is_(None),
        Supporter.death_reported_at.is_(None),
        ~told,
    )


def announce(
    session: Session, account: CreditorAccount, *, before: date, by: Actor, now: datetime, on: date
) -> Iterator[dict[str, str]]:
    """Announce every amount nobody was told of that falls due before ``before``, and yield what to write to each.

    So are the debits that came back and are tried again before it, on the day from which that is. The rows (fields in
    HEADER) are for letters and mail; the announcement is made as each is yielded, in the caller's transaction. People
    reachable by e-mail get channel email, the others letter.
    """
    turns.alone(session)
    loaded = (selectinload(Supporter.contact_points), joinedload(Mandate.bank_account), selectinload(Commitment.terms))
    new = session.execute(
        select(Commitment, Term, Mandate, Supporter)
        .join(Term, (Term.commitment_id == Commitment.id) & Term.last_number.is_(None))
        .join(Mandate, Mandate.id == Commitment.mandate_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .where(*unannounced(account, before))
        .options(*loaded)
        .order_by(Commitment.id)
    ).all()
    again = session.execute(
        select(Commitment, Term, Mandate, Supporter, Instalment)
        .join(Instalment, Instalment.commitment_id == Commitment.id)
        .join(Term, Term.id == Instalment.term_id)
        .join(Mandate, Mandate.id == Commitment.mandate_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .where(*untold_retries(account, before))
        .options(*loaded)
        .order_by(Commitment.id, Instalment.number)
    ).all()
    if new or again:
        count = len(new) + len(again)
        audit.record(session, by, "announce", "announcement", now=now, count=count, before=before.isoformat())
    told: set[int] = set()
    for commitment, term, mandate, supporter in new:
        told.add(term.id)
        due_on = commitment.next_due_on or term.anchor_on
        yield _tell(session, account, commitment, term, mandate, supporter, due_on, by=by, now=now, on=on)
    for commitment, term, mandate, supporter, instalment in again:
        if term.id in told:
            continue
        told.add(term.id)
        due_on = instalment.not_before_on or instalment.due_on
        yield _tell(session, account, commitment, term, mandate, supporter, due_on, by=by, now=now, on=on)
    session.flush()


def _tell(
    session: Session,
    account: CreditorAccount,
    commitment: Commitment,
    term: Term,
    mandate: Mandate,
    supporter: Supporter,
    due_on: date,
    *,
    by: Actor,
    now: datetime,
    on: date,
) -> dict[str, str]:
    address, email = supporter.address, supporter.email
    session.add(
        Announcement(
            term_id=term.id, amount=term.amount, first_due_on=due_on, channel="email" if email else "letter",
            announced_on=on, evidence="collect announce", recorded_at=now, recorded_by=by.key,
        )
    )  # fmt: skip
    return {
        "commitment": commitment.number,
        "number": supporter.number,
        "name": supporter.name,
        "salutation": supporter.salutation,
        "language": supporter.language,
        "email": email or "",
        "street": address.street if address else "",
        "house_number": address.house_number if address else "",
        "house_addition": address.house_addition if address else "",
        "postcode": address.postcode if address else "",
        "city": address.city if address else "",
        "country": address.country if address else "",
        "amount": f"{Money(term.amount, commitment.currency).decimal:.2f}",
        "currency": commitment.currency,
        "interval": term.every,
        "first_due_on": due_on.isoformat(),
        "mandate_reference": mandate.reference,
        "creditor_identifier": account.identifier,
        "iban_end": mandate.bank_account.iban[-4:],
    }
