"""Telling donors ahead what will be charged: a new amount or interval, and every debit's first amount.

For a debit through a gateway the SEPA rulebook's notice holds as it does for our own files; for a card it is courtesy.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.term import Term
from supporters.mail.message import OutboxMessage
from supporters.payments.sepa.announcement import Announcement
from supporters.people.supporter import Supporter

BY = Actor.job("charge_due")


def notice(session: Session, *, notice_days: int, on: date, now: datetime) -> int:
    """Announce every amount that nobody was told of and that falls due soon, by mail; how many.

    Who has no e-mail address gets a letter, and so stands in the announcement as one.
    """
    turns.alone(session)
    before = on + timedelta(days=notice_days + 7)
    rows = session.execute(
        select(Commitment, Term, Supporter)
        .join(Term, (Term.commitment_id == Commitment.id) & Term.last_number.is_(None))
        .join(GatewayMandate, GatewayMandate.id == Commitment.gateway_mandate_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .where(
            Commitment.method == "online", Commitment.ended_on.is_(None), Commitment.next_due_on <= before,
            GatewayMandate.state.in_(("valid", "pending")), Supporter.death_reported_at.is_(None),
            ~exists().where(Announcement.term_id == Term.id),
        )
        .order_by(Commitment.id)
        .limit(5_000)
    ).all()  # fmt: skip
    for commitment, term, supporter in rows:
        email = supporter.email
        announcement = Announcement.make(
            session, commitment, on=on, channel="email" if email else "letter", evidence="outbox", by=BY, now=now
        )
        session.flush()
        if email:
            OutboxMessage.queue(
                session, "charge_notice", email, key=f"charge-notice:{announcement.id}", subject_id=commitment.id,
                locale=supporter.language, supporter_id=supporter.id, now=now, amount=term.amount,
            )  # fmt: skip
        else:
            _ask_for_a_letter(session, commitment, announcement, now)
    return len(rows)


def _ask_for_a_letter(session: Session, commitment: Commitment, announcement: Announcement, now: datetime) -> None:
    from supporters.tasks import Task

    Task.raise_(
        session, "charge_notice",
        "Write to %(name)s that %(money)s is charged from %(on)s (commitment %(number)s): there is no e-mail address.",
        by=BY, now=now, key=f"charge-notice:{announcement.id}", supporter_id=commitment.supporter_id,
        name=commitment.supporter.name, money=str(commitment.money), on=announcement.first_due_on.isoformat(),
        number=commitment.number,
    )  # fmt: skip
