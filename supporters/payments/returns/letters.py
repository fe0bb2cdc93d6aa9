"""The mails about debits that came back: what each says, and when it no longer makes sense."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from supporters import formats
from supporters.mail.letter import Dropped, Letter, renders
from supporters.mail.message import OutboxMessage
from supporters.mail.templating import Templates
from supporters.money import Money
from supporters.payments.online import own_page
from supporters.payments.online.letters import EXAMPLE_GREETING
from supporters.payments.returns.holding import waits_for_account
from supporters.payments.returns.returned import Returned
from supporters.settings import Settings

TEMPLATES = Templates("supporters.payments.returns", "mail_templates")


@renders("debit_retry")
def retry(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """The notice that a debit is tried again, on another day than was announced: amount, day, mandate and creditor."""
    again = date.fromisoformat(message.params["on"]) if message.params else settings.day_of(now) + timedelta(days=20)
    on = formats.day(again, message.locale)
    if message.subject_id is None:
        return _example(message, settings, now, on=on)
    returned = session.get_one(Returned, message.subject_id)
    instalment = returned.payment.instalment
    if instalment is None or instalment.status != "due" or instalment.commitment.ended_on is not None:
        return Dropped("it is not tried again any more")
    return _about(session, message, returned, settings, now, on=on)


@renders("debit_new_account")
def new_account(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    if message.subject_id is None:
        return _example(message, settings, now)
    returned = session.get_one(Returned, message.subject_id)
    commitment = returned.commitment
    if commitment is None or commitment.ended_on is not None or not waits_for_account(commitment):
        return Dropped("there is another account number, or it was stopped")
    return _about(session, message, returned, settings, now)


def _about(
    session: Session, message: OutboxMessage, returned: Returned, settings: Settings, now: datetime, **more: Any
) -> Letter:
    supporter, payment = returned.supporter.survivor(session), returned.payment
    mandate, due_on = payment.mandate, payment.collect_on
    return TEMPLATES.letter(
        message.template, message.locale, settings=settings, salutation=supporter.salutation,
        link=own_page.link(session, supporter, settings=settings, now=now),
        money=formats.money(returned.money, message.locale), due_on=formats.day(due_on, message.locale),
        ending=(payment.iban or "")[-4:], reference=mandate.reference if mandate is not None else "",
        creditor=mandate.creditor_identifier if mandate is not None else "", **more,
    )  # fmt: skip


def _example(message: OutboxMessage, settings: Settings, now: datetime, **more: Any) -> Letter:
    return TEMPLATES.letter(
        message.template, message.locale, settings=settings, salutation=EXAMPLE_GREETING[message.locale],
        link=f"{settings.public_url}/my/…", money=formats.money(Money(2500), message.locale),
        due_on=formats.day(settings.day_of(now), message.locale), ending="4300", reference="S0000001-1",
        creditor="NL69ZZZ123456780000", **more,
    )  # fmt: skip
