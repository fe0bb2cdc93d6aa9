"""What a first payment brings about, once the money or the mandate is there: supporter, commitment, consents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.errors import AchterbanError
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.instalment import Instalment, materialise
from supporters.money import Money
from supporters.payments.gateway import MandateSnapshot, Snapshot
from supporters.payments.online import dunning
from supporters.payments.online.checkout import Checkout, Person
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.people.consent import Consent, ConsentText
from supporters.people.contact import ContactPoint
from supporters.people.folding import fold
from supporters.people.supporter import Supporter
from supporters.tasks import Task

if TYPE_CHECKING:
    from supporters.payments.online.booking import Learning


@dataclass(frozen=True, slots=True)
class Terms:
    """What a gift is for, as the checkout or the commitment says it."""

    fund: Fund
    source_code: str | None
    description: str = ""


def payer(session: Session, online: OnlinePayment, how: Learning) -> tuple[Supporter, Terms]:
    """Whose money it is, and what for. Who filled in a form becomes a supporter here, when money came."""
    checkout = online.checkout
    if checkout is None or checkout.commitment is not None:
        commitment = checkout.commitment if checkout is not None else _commitment_of(online)
        assert commitment is not None
        owner = commitment.supporter.survivor(session)
        fund = commitment.fund if commitment.fund.is_open(how.day_of(how.now)) else Fund.by_code(session, "general")
        return owner, Terms(fund, commitment.source_code)
    fund = checkout.fund if checkout.fund.is_open(how.day_of(how.now)) else Fund.by_code(session, "general")
    return _supporter(session, checkout, how), Terms(fund, checkout.source_code)


def complete(session: Session, online: OnlinePayment, snapshot: Snapshot, how: Learning) -> None:
    """All that was asked for at the checkout, as far as it can be; called at every look until it is there.

    Money is booked whatever else cannot be done: a person is told what.
    """
    checkout = online.checkout
    if checkout is None or online.step != "paid" or checkout.completed_at is not None:
        _note_mandate(session, online, snapshot, how)
        return
    if checkout.kind == "gift":
        checkout.completed_at = how.now
        return
    told = f"incomplete:{checkout.id}"
    if session.scalar(select(Task.id).where(Task.key == told)) is not None:
        return
    mandate = _mandate(session, online, snapshot.mandate, how)
    if mandate is None:
        _wait_for_mandate(session, online, how)
        return
    online.gateway_mandate_id = mandate.id
    try:
        with session.begin_nested():
            _fulfil(session, online, checkout, mandate, how)
    except AchterbanError as error:
        mandate.end(session, "not_used", by=how.by, now=how.now)
        Task.raise_(
            session, "checkout_incomplete",
            "Payment %(reference)s of %(name)s came in, and what it was for cannot be done: %(why)s Ask what they"
            " want.",
            by=how.by, now=how.now, key=told, supporter_id=checkout.supporter_id,
            reference=online.payment.reference, name=checkout.supporter.name if checkout.supporter else "",
            why=error.message[:200],
        )  # fmt: skip


def _fulfil(
    session: Session, online: OnlinePayment, checkout: Checkout, mandate: GatewayMandate, how: Learning
) -> None:
    if checkout.kind == "commitment":
        checkout.commitment = _start(session, online, checkout, mandate, how)
    else:
        _move_to(session, checkout, mandate, how)
    checkout.completed_at, online.next_sync_at = how.now, None
    session.flush()


def _supporter(session: Session, checkout: Checkout, how: Learning) -> Supporter:
    if checkout.supporter is not None:
        return checkout.supporter.survivor(session)
    person = checkout.person(session)
    if person is None:  # They were forgotten before the money came; the gift is booked all the same.
        person = Person("", "Onbekend", "")
    turns.of(session, person.email)
    found = _known(session, person) or Supporter.welcome(
        session, person.email or None, first_name=person.first_name, prefix=person.prefix, surname=person.surname,
        language=checkout.locale, source_code=checkout.source_code, by=how.by, now=how.now, on=how.day_of(how.now),
    )  # fmt: skip
    checkout.supporter, checkout.sealed_person = found, None
    for each in checkout.consents:
        Consent.record(
            session, found, each["purpose"], granted=True, by=how.by, now=checkout.created_at,
            text=session.get(ConsentText, each["text_id"]), source=checkout.form_url,
            evidence=f"checkout:{checkout.id}", **checkout.consent_of(each["purpose"]),
        )  # fmt: skip
    session.flush()
    return found


def _known(session: Session, person: Person) -> Supporter | None:
    """The one living supporter with this address and this name; of two, or with another name, none."""
    if not person.email:
        return None
    same = (
        select(Supporter)
        .join(ContactPoint, ContactPoint.supporter_id == Supporter.id)
        .where(
            ContactPoint.kind == "email", ContactPoint.value == person.email, ContactPoint.until_on.is_(None),
            Supporter.kind == "person", Supporter.merged_into_id.is_(None), Supporter.death_reported_at.is_(None),
        )
        .distinct()
        .limit(20)
    )  # fmt: skip
    name = fold(person.name)
    alike = [each for each in session.scalars(same) if fold(f"{each.first_name} {each.prefix} {each.surname}") == name]
    return alike[0] if len(alike) == 1 else None


def _commitment_of(online: OnlinePayment) -> Commitment | None:
    return online.payment.instalment.commitment if online.payment.instalment is not None else None


def _mandate(
    session: Session, online: OnlinePayment, found: MandateSnapshot | None, how: Learning
) -> GatewayMandate | None:
    """The mandate as a row of ours; None where the gateway has none (yet) that can be charged."""
    checkout = online.checkout
    if found is None or found.state == "invalid" or checkout is None:
        return None
    known = session.scalar(
        select(GatewayMandate).where(
            GatewayMandate.account == online.account, GatewayMandate.external_id == found.ref.mandate
        )
    )
    if known is not None:
        dunning.note_mandate(session, known, found.state, found.reason, by=how.by, now=how.now)
        return known if known.state in ("pending", "valid") else None
    supporter = _supporter(session, checkout, how)
    made = GatewayMandate(
        supporter_id=supporter.id, account=online.account,
        customer=found.ref.customer, external_id=found.ref.mandate, method=found.method, label=found.label[:80],
        reference=found.reference[:40], state=found.state, created_at=how.now, created_by=how.by.key,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _note_mandate(session: Session, online: OnlinePayment, snapshot: Snapshot, how: Learning) -> None:
    """A mandate that we charge changed at the gateway; one that nobody needs is ended there."""
    mandate = online.gateway_mandate
    if mandate is None:
        _end_spare(session, online, snapshot.mandate, how)
    if mandate is not None and snapshot.mandate is not None and snapshot.mandate.ref.mandate == mandate.external_id:
        said = snapshot.mandate
        dunning.note_mandate(session, mandate, said.state, said.reason, by=how.by, now=how.now)


def _end_spare(session: Session, online: OnlinePayment, found: MandateSnapshot | None, how: Learning) -> None:
    """What a second payment of a checkout left, where the first has done all that was asked for."""
    if online.checkout is None or online.checkout.completed_at is None or found is None:
        return
    known = select(GatewayMandate.id).where(
        GatewayMandate.account == online.account, GatewayMandate.external_id == found.ref.mandate
    )
    if session.scalar(known) is None and (spare := _mandate(session, online, found, how)) is not None:
        online.gateway_mandate_id = spare.id
        spare.end(session, "not_used", by=how.by, now=how.now)


def _wait_for_mandate(session: Session, online: OnlinePayment, how: Learning) -> None:
    """Vendors make it a moment after the money. After a while a person is told that there is none."""
    online.ask_again(now=how.now)
    settled = online.settled_at or how.now
    if (how.now - settled).days >= 3:
        online.next_sync_at = None
        Task.raise_(
            session, "no_mandate",
            "The first payment %(reference)s of %(name)s left no mandate: ask for a new one.",
            by=how.by, now=how.now, key=f"no-mandate:{online.id}", supporter_id=online.payment.supporter_id,
            reference=online.payment.reference,
            name=online.payment.supporter.name if online.payment.supporter else "",
        )  # fmt: skip


def _start(
    session: Session, online: OnlinePayment, checkout: Checkout, mandate: GatewayMandate, how: Learning
) -> Commitment:
    """The commitment begins on the day of its first payment, which is its first instalment."""
    payment = online.payment
    gift = payment.gift
    assert gift is not None and checkout.every is not None
    commitment = Commitment.start(
        session, gift.supporter, Money(checkout.amount, checkout.currency), every=checkout.every,
        start_on=gift.received_on, fund=gift.designations[0].fund, gateway_mandate=mandate,
        source_code=checkout.source_code, by=how.by, now=how.now,
    )  # fmt: skip
    session.flush()
    materialise(session, gift.received_on, missed_before=gift.received_on, commitment_id=commitment.id)
    first = session.scalars(select(Instalment).where(Instalment.commitment_id == commitment.id)).one()
    first.status, first.attempts = "returned" if payment.state == "returned" else "paid", 1
    session.refresh(payment)
    session.refresh(gift)
    payment.instalment_id, gift.instalment_id, gift.commitment_id = first.id, first.id, commitment.id
    session.flush()
    commitment = session.get_one(Commitment, commitment.id)
    taken_back = select(PaymentFact.id).where(PaymentFact.payment_id == payment.id, PaymentFact.kind == "charged_back")
    if session.scalar(taken_back.limit(1)) is not None:
        dunning.hold(session, commitment, how)  # The mandate came after the donor took the money back.
    return commitment


def _move_to(session: Session, checkout: Checkout, mandate: GatewayMandate, how: Learning) -> None:
    """A commitment that there is goes on with this mandate; the one it had at a gateway ends."""
    commitment = checkout.commitment
    if commitment is None or commitment.ended_on is not None:
        return
    old = commitment.gateway_mandate
    commitment.charge_on(session, mandate, by=how.by, now=how.now)
    if old is not None and old.id != mandate.id:
        others = select(Commitment.id).where(
            Commitment.gateway_mandate_id == old.id, Commitment.id != commitment.id, Commitment.ended_on.is_(None)
        )
        if session.scalar(others.limit(1)) is None:
            old.end(session, "replaced", by=how.by, now=how.now)
