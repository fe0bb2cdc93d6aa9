"""What follows a charge that failed, or one that was taken back: try again, ask for a new mandate, or ask the donor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.payments.online import announcing, second
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.payment import OnlinePayment
from supporters.tasks import Task

if TYPE_CHECKING:
    from supporters.payments.online.booking import Learning

#: A charge that may go right another day is tried again so many days after it failed, and then no more.
RETRY_AFTER = (3, 7, 14)


def let_go(session: Session, online: OnlinePayment, how: Learning) -> None:
    """A payment came to nothing. Its instalment is tried again, waits for the donor, or is over."""
    instalment = online.payment.instalment
    if instalment is None or instalment.status != "claimed" or second.stand_in(session, online.payment, how):
        return
    commitment, mandate = instalment.commitment, online.gateway_mandate
    ended = commitment.ended_on is not None
    if online.purpose != "recurring":
        # The donor was at the vendor's page to pay what had failed; it is owed, or tried again, as it was before.
        owed = "due" if instalment.not_before_on is not None else "returned"
        instalment.status = "waived" if ended else owed
        return
    assert mandate is not None
    instalment.status = "waived" if ended else "returned"
    kind = "soft" if online.step != "failed" else online.failure_kind or "soft"
    audit.record(
        session, how.by, "fail", online.payment, now=how.now, kind=kind, code=online.failure_code or "",
        attempt=online.payment.attempt,
    )  # fmt: skip
    if kind == "hard":
        mandate.note(session, "invalid", online.failure_code or "", by=how.by, now=how.now)
    if ended:
        return
    if kind == "soft" and mandate.why_unusable is not None:
        kind = "hard"  # On this mandate it goes right on no other day.
    if kind == "soft" and online.payment.attempt <= len(RETRY_AFTER):
        today = how.day_of(how.now)
        instalment.status = "due"
        instalment.not_before_on = today + timedelta(days=RETRY_AFTER[online.payment.attempt - 1])
        announcing.will_retry(session, online, instalment.not_before_on, how)
    elif kind == "soft":
        announcing.gave_up(session, online, how)
        _ask_a_person(session, online, how)
    else:
        announcing.needs_donor(session, online, kind, how)
    session.flush()


def note_mandate(
    session: Session, mandate: GatewayMandate, state: str, reason: str, *, by: Actor, now: datetime
) -> None:
    """What the vendor says of a mandate that nobody charges just now. One that is over is not tried again, and a person
    asks for a new one: no charge failed that the donor could be mailed about.
    """
    if not mandate.note(session, state, reason, by=by, now=now):
        return
    ongoing = select(Commitment).where(Commitment.gateway_mandate_id == mandate.id, Commitment.ended_on.is_(None))
    for commitment in session.scalars(ongoing.order_by(Commitment.id)).all():
        for instalment in commitment.instalments:
            if instalment.status == "due" and instalment.not_before_on is not None:
                instalment.status, instalment.not_before_on = "returned", None
        Task.raise_(
            session, "mandate_over",
            "The mandate of %(name)s at %(account)s is over (%(reason)s): ask for a new one, or commitment %(number)s"
            " is charged no more.",
            by=by, now=now, key=f"mandate-over:{mandate.id}:{commitment.id}", supporter_id=commitment.supporter_id,
            name=commitment.supporter.name, account=mandate.account, reason=reason[:60] or "no reason given",
            number=commitment.number,
        )  # fmt: skip


def _ask_a_person(session: Session, online: OnlinePayment, how: Learning) -> None:
    payment = online.payment
    assert payment.instalment is not None and payment.supporter is not None
    Task.raise_(
        session, "charge_failed",
        "%(money)s of commitment %(number)s of %(name)s failed %(times)s times: call, or let it go.",
        by=how.by, now=how.now, key=f"charge-failed:{payment.instalment_id}", supporter_id=payment.supporter_id,
        money=str(payment.money), number=payment.instalment.commitment.number, name=payment.supporter.name,
        times=payment.attempt,
    )  # fmt: skip


def charged_back(session: Session, online: OnlinePayment, fact: PaymentFact, how: Learning) -> None:
    """The donor took it back: nothing more is charged until a person has looked."""
    payment = online.payment
    if payment.instalment is not None:
        hold(session, payment.instalment.commitment, how)
    Task.raise_(
        session, "charged_back",
        "%(name)s took back %(money)s (%(reason)s): find out why before anything is charged again.",
        by=how.by, now=how.now, key=f"charged-back:{fact.id}", supporter_id=payment.supporter_id,
        name=payment.supporter.name if payment.supporter else "", money=str(fact.money),
        reason=fact.reason[:60] or "no reason given",
    )  # fmt: skip


def hold(session: Session, commitment: Commitment, how: Learning) -> None:
    commitment.hold(session, from_on=how.day_of(how.now), reason="chargeback", by=how.by, now=how.now)
