"""What a donor is told of a payment, once: a line of the outbox in the transaction that books the fact."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from supporters import hooks
from supporters.actor import Actor
from supporters.giving.gift import Gift
from supporters.mail.message import NORMAL, URGENT, OutboxMessage
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.people.supporter import Supporter

if TYPE_CHECKING:
    from datetime import datetime

    from supporters.payments.online.booking import Learning


def announce(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    """A gift that somebody made themselves is thanked for, money that went back is told of; once per fact.

    What is charged every month is not thanked for every month, and a second payment waits for a person.
    """
    if fact.kind == "received" and online.purpose != "recurring" and online.duplicate_of_id is None:
        _queue(session, online, "gift_receipt", f"receipt:{fact.id}", fact.gift_id, how, urgent=True)
    elif fact.kind == "refunded":
        _queue(session, online, "gift_refunded", f"refunded:{fact.id}", fact.id, how)


def will_retry(session: Session, online: OnlinePayment, on: date, how: Learning) -> None:
    """It failed, and is tried again on a day that is told."""
    _queue(session, online, "charge_retry", f"retry:{online.id}", online.id, how, on=on.isoformat())


def gave_up(session: Session, online: OnlinePayment, how: Learning) -> None:
    """It failed as often as we try; the donor can still pay by the link."""
    _queue(session, online, "charge_given_up", f"given-up:{online.id}", online.id, how)


def needs_donor(session: Session, online: OnlinePayment, kind: str, how: Learning) -> None:
    """The mandate is over (hard), or the bank wants the donor to be there (donor): a link to make it right."""
    _queue(session, online, "charge_needs_you", f"needs-you:{online.id}", online.id, how, kind=kind)


def _queue(
    session: Session, online: OnlinePayment, template: str, key: str, subject_id: int | None, how: Learning,
    *, urgent: bool = False, **params: Any,
) -> None:  # fmt: skip
    supporter: Supporter | None = online.payment.supporter
    email = supporter.email if supporter is not None and not supporter.is_deceased else None
    if supporter is None or not email:
        return
    OutboxMessage.queue(
        session, template, email, key=key, subject_id=subject_id, locale=supporter.language,
        priority=URGENT if urgent else NORMAL, supporter_id=supporter.id, now=how.now, **params,
    )  # fmt: skip


@hooks.on("mail_sent")
def note_thanks(session: Session, *, message: OutboxMessage, now: datetime) -> None:
    """Whose receipt went out has been thanked."""
    if message.template == "gift_receipt" and message.subject_id is not None:
        gift = session.get(Gift, message.subject_id)
        if gift is not None:
            gift.thank(session, by=Actor.job("deliver_mail"), now=now)
