"""The mails about online payments: what each says, and when it no longer makes sense."""

from __future__ import annotations

from dataclasses import dataclass
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
from supporters.payments.online import own_page, thanks
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter
from supporters.settings import Settings

TEMPLATES = Templates("supporters.payments.online", "mail_templates")
#: What a preview shows, where there is no payment yet to show it with.
_EXAMPLE = Money(2500)
EXAMPLE_GREETING = {"nl": "Beste Ada", "en": "Dear Ada"}


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes one message, in its language."""

    session: Session
    message: OutboxMessage
    settings: Settings
    now: datetime

    @property
    def is_example(self) -> bool:
        """A preview, about nothing that happened."""
        return self.message.subject_id is None

    def letter(self, supporter: Supporter | None = None, /, **values: Any) -> Letter:
        """To the supporter, or to whoever they became; to nobody where it is an example."""
        if supporter is not None:
            supporter = supporter.survivor(self.session)
            link = own_page.link(self.session, supporter, settings=self.settings, now=self.now)
            values |= {"salutation": supporter.salutation, "link": link}
        else:
            link = f"{self.settings.public_url}/my/…"
            values |= {"salutation": EXAMPLE_GREETING[self.message.locale], "link": link}
        return TEMPLATES.letter(self.message.template, self.message.locale, settings=self.settings, **values)

    def money(self, value: Money = _EXAMPLE) -> str:
        return formats.money(value, self.message.locale)

    def day(self, value: date | datetime | None = None) -> str:
        """That day, or the day of that moment; today where none is given."""
        if value is None or isinstance(value, datetime):
            value = self.settings.day_of(value or self.now)
        return formats.day(value, self.message.locale)


@renders("gift_receipt")
def receipt(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """Thanks for a gift that somebody made themselves, and what was promised with it."""
    pen = _Pen(session, message, settings, now)
    promised = {"number": "", "every": "", "next_on": ""}
    if pen.is_example:
        return pen.letter(money=pen.money(), day=pen.day(), fund="", reference="P1", words=None, **promised)
    gift = session.get(Gift, message.subject_id)
    if gift is None or gift.net.amount <= 0:
        return Dropped("the gift went back")
    commitment = session.get(Commitment, gift.commitment_id) if gift.commitment_id is not None else None
    if commitment is not None and commitment.ended_on is None and commitment.next_due_on is not None:
        promised = {
            "number": commitment.number, "every": commitment.term.every, "next_on": pen.day(commitment.next_due_on)
        }  # fmt: skip
    fund = gift.designations[0].fund
    return pen.letter(
        gift.supporter, money=pen.money(gift.money), day=pen.day(gift.received_on),
        fund="" if fund.code == "general" else fund.name, reference=f"G{gift.id}",
        words=thanks.of_gift(session, gift.id), **promised,
    )  # fmt: skip


@renders("gift_refunded")
def refunded(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    pen = _Pen(session, message, settings, now)
    if pen.is_example:
        return pen.letter(money=pen.money(), day=pen.day())
    fact = session.get_one(PaymentFact, message.subject_id)
    returned = select(PaymentFact.id).where(
        PaymentFact.account == fact.account,
        PaymentFact.external_id == fact.external_id,
        PaymentFact.kind == "refund_returned",
    )
    if session.scalar(returned) is not None:
        return Dropped("the refund did not arrive")
    assert fact.gift is not None or fact.payment.gift is not None
    return pen.letter(fact.payment.payer, money=pen.money(fact.money), day=pen.day(fact.happened_at))


@renders("charge_retry")
def retry(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    pen = _Pen(session, message, settings, now)
    again = date.fromisoformat(message.params["on"]) if message.params else settings.day_of(now) + timedelta(days=3)
    return _failed(pen, status="due", on=pen.day(again))


@renders("charge_given_up")
def given_up(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    return _failed(_Pen(session, message, settings, now), status="returned")


@renders("charge_needs_you")
def needs_you(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """Of kind "mandate" it is about a commitment of which nothing was refused yet: its mandate ended by itself."""
    pen = _Pen(session, message, settings, now)
    kind = message.params.get("kind", "hard")
    if kind != "mandate" or pen.is_example:
        return _failed(pen, status="returned", kind=kind)
    commitment = session.get_one(Commitment, message.subject_id)
    mandate = commitment.gateway_mandate
    if commitment.ended_on is not None or mandate is None or mandate.state != "invalid":
        return Dropped("it was renewed or stopped since")
    return pen.letter(commitment.supporter, kind=kind, due_on="", money=pen.money(commitment.money))


def _failed(pen: _Pen, *, status: str, **values: str) -> Letter | Dropped:
    """About a charge that failed; not when it was paid, stopped or let go since."""
    if pen.is_example:
        return pen.letter(money=pen.money(), due_on=pen.day(), **values)
    payment = pen.session.get_one(OnlinePayment, pen.message.subject_id).payment
    instalment = payment.instalment
    if instalment is None or instalment.status != status or instalment.commitment.ended_on is not None:
        return Dropped("it was paid, stopped or let go since")
    return pen.letter(payment.payer, money=pen.money(payment.money), due_on=pen.day(instalment.due_on), **values)


@renders("charge_notice")
def notice(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """What will be charged from when on: the notice that the SEPA rulebook asks for, and good manners for a card."""
    pen = _Pen(session, message, settings, now)
    if pen.is_example:
        return pen.letter(
            money=pen.money(), every="month", next_on=pen.day(now + timedelta(days=14)), label="Visa •••• 4242",
            reference="", number="C0000001",
        )  # fmt: skip
    commitment = session.get_one(Commitment, message.subject_id)
    mandate = commitment.gateway_mandate
    if commitment.ended_on is not None or commitment.next_due_on is None or mandate is None:
        return Dropped("the commitment ended")
    return pen.letter(
        commitment.supporter, money=pen.money(Money(message.params["amount"], commitment.currency)),
        every=commitment.term.every, next_on=pen.day(commitment.next_due_on), label=mandate.label,
        reference=mandate.reference, number=commitment.number,
    )  # fmt: skip


@renders("own_page_link")
def own_page_link(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    pen = _Pen(session, message, settings, now)
    return pen.letter(None if pen.is_example else session.get(Supporter, message.subject_id))


@renders("account_changed")
def account_changed(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    pen = _Pen(session, message, settings, now)
    if pen.is_example:
        return pen.letter(reference="S0000001-1", ending="4300")
    change = session.get_one(MandateAmendment, message.subject_id)
    account = session.get_one(BankAccount, change.new_account_id)
    return pen.letter(change.mandate.supporter, reference=change.mandate.reference, ending=account.iban[-4:])
