"""The mails about online payments: what each says, and when it no longer makes sense."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import formats
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.giving.mandate import MandateAmendment
from supporters.mail.letter import Dropped, Letter, renders
from supporters.mail.message import OutboxMessage
from supporters.mail.templating import Templates
from supporters.money import Money
from supporters.payments.online import own_page
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter
from supporters.settings import Settings

TEMPLATES = Templates("supporters.payments.online", "mail_templates")
#: What a preview shows, where there is no payment yet to show it with.
_EXAMPLE = Money(2500)
EXAMPLE_GREETING = {"nl": "Beste Ada", "en": "Dear Ada"}


def _letter(
    session: Session,
    message: OutboxMessage,
    supporter: Supporter | None,
    settings: Settings,
    now: datetime,
    **values: Any,
) -> Letter:
    link = (
        own_page.link(session, supporter, settings=settings, now=now)
        if supporter is not None
        else f"{settings.public_url}/my/…"
    )
    known = {
        "salutation": supporter.salutation if supporter is not None else EXAMPLE_GREETING[message.locale],
        "link": link,
    }
    return TEMPLATES.letter(message.template, message.locale, settings=settings, **known | values)


@renders("gift_receipt")
def receipt(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """Thanks for a gift that somebody made themselves, and what was promised with it."""
    if message.subject_id is None:
        day = formats.day(settings.day_of(now), message.locale)
        return _letter(
            session,
            message,
            None,
            settings,
            now,
            money=formats.money(_EXAMPLE, message.locale),
            day=day,
            fund="",
            number="",
            every="",
            next_on="",
            reference="P1",
        )
    gift = session.get(Gift, message.subject_id)
    if gift is None or gift.net.amount <= 0:
        return Dropped("the gift went back")
    commitment = session.get(Commitment, gift.commitment_id) if gift.commitment_id is not None else None
    promised: dict[str, str] = {"number": "", "every": "", "next_on": ""}
    if commitment is not None and commitment.ended_on is None and commitment.next_due_on is not None:
        promised = {
            "number": commitment.number,
            "every": commitment.term.every,
            "next_on": formats.day(commitment.next_due_on, message.locale),
        }
    fund = gift.designations[0].fund
    return _letter(
        session,
        message,
        gift.supporter.survivor(session),
        settings,
        now,
        money=formats.money(gift.money, message.locale),
        day=formats.day(gift.received_on, message.locale),
        fund="" if fund.code == "general" else fund.name,
        reference=f"G{gift.id}",
        **promised,
    )


@renders("gift_refunded")
def refunded(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    if message.subject_id is None:
        return _letter(
            session,
            message,
            None,
            settings,
            now,
            money=formats.money(_EXAMPLE, message.locale),
            day=formats.day(settings.day_of(now), message.locale),
        )
    fact = session.get_one(PaymentFact, message.subject_id)
    returned = select(PaymentFact.id).where(
        PaymentFact.account == fact.account,
        PaymentFact.external_id == fact.external_id,
        PaymentFact.kind == "refund_returned",
    )
    if session.scalar(returned) is not None:
        return Dropped("the refund did not arrive")
    assert fact.gift is not None or fact.payment.gift is not None
    supporter = fact.payment.payer.survivor(session)
    return _letter(
        session,
        message,
        supporter,
        settings,
        now,
        money=formats.money(fact.money, message.locale),
        day=formats.day(settings.day_of(fact.happened_at), message.locale),
    )


@renders("charge_retry")
def retry(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    again = date.fromisoformat(message.params["on"]) if message.params else settings.day_of(now) + timedelta(days=3)
    return _failed(session, message, settings, now, status="due", on=formats.day(again, message.locale))


@renders("charge_given_up")
def given_up(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    return _failed(session, message, settings, now, status="returned")


@renders("charge_needs_you")
def needs_you(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """Of kind "mandate" it is about a commitment of which nothing was refused yet: its mandate ended by itself."""
    kind = message.params.get("kind", "hard")
    if kind != "mandate" or message.subject_id is None:
        return _failed(session, message, settings, now, status="returned", kind=kind)
    commitment = session.get_one(Commitment, message.subject_id)
    mandate = commitment.gateway_mandate
    if commitment.ended_on is not None or mandate is None or mandate.state != "invalid":
        return Dropped("it was renewed or stopped since")
    return _letter(
        session, message, commitment.supporter.survivor(session), settings, now, kind=kind, due_on="",
        money=formats.money(commitment.money, message.locale),
    )  # fmt: skip


def _failed(
    session: Session, message: OutboxMessage, settings: Settings, now: datetime, *, status: str, **values: str
) -> Letter | Dropped:
    """About a charge that failed; not when it was paid, stopped or let go since."""
    if message.subject_id is None:
        return _letter(
            session,
            message,
            None,
            settings,
            now,
            money=formats.money(_EXAMPLE, message.locale),
            due_on=formats.day(settings.day_of(now), message.locale),
            **values,
        )
    online = session.get_one(OnlinePayment, message.subject_id)
    instalment = online.payment.instalment
    if instalment is None or instalment.status != status or instalment.commitment.ended_on is not None:
        return Dropped("it was paid, stopped or let go since")
    return _letter(
        session,
        message,
        online.payment.payer.survivor(session),
        settings,
        now,
        money=formats.money(online.payment.money, message.locale),
        due_on=formats.day(instalment.due_on, message.locale),
        **values,
    )


@renders("charge_notice")
def notice(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """What will be charged from when on: the notice that the SEPA rulebook asks for, and good manners for a card."""
    if message.subject_id is None:
        return _letter(
            session,
            message,
            None,
            settings,
            now,
            money=formats.money(_EXAMPLE, message.locale),
            every="month",
            next_on=formats.day(settings.day_of(now) + timedelta(days=14), message.locale),
            label="Visa •••• 4242",
            reference="",
            number="C0000001",
        )
    commitment = session.get_one(Commitment, message.subject_id)
    mandate = commitment.gateway_mandate
    if commitment.ended_on is not None or commitment.next_due_on is None or mandate is None:
        return Dropped("the commitment ended")
    return _letter(
        session,
        message,
        commitment.supporter.survivor(session),
        settings,
        now,
        money=formats.money(Money(message.params["amount"], commitment.currency), message.locale),
        every=commitment.term.every,
        next_on=formats.day(commitment.next_due_on, message.locale),
        label=mandate.label,
        reference=mandate.reference,
        number=commitment.number,
    )


@renders("own_page_link")
def own_page_link(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    supporter = session.get(Supporter, message.subject_id) if message.subject_id is not None else None
    return _letter(session, message, supporter.survivor(session) if supporter else None, settings, now)


@renders("account_changed")
def account_changed(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    if message.subject_id is None:
        return _letter(session, message, None, settings, now, reference="S0000001-1", ending="4300")
    change = session.get_one(MandateAmendment, message.subject_id)
    account = session.get_one(BankAccount, change.new_account_id)
    return _letter(
        session,
        message,
        change.mandate.supporter.survivor(session),
        settings,
        now,
        reference=change.mandate.reference,
        ending=account.iban[-4:],
    )
