"""Online commitments of which the last charge did not go well: why, when it is tried again, and the link once more."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from supporters import audit
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.instalment import Instalment
from supporters.mail.message import OutboxMessage
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.payment import Payment
from supporters.people.supporter import Supporter

#: mandate: it is no longer valid · charged_back: the donor took it back · asked: somebody asked for it again, and it
#: goes with the next run · retry: it is tried again on a day · donor: the bank wants the donor to be there · tried: the
#: donor tried to pay it and that came to nothing · given_up: it failed as often as we try.
WHY = ("mandate", "charged_back", "donor", "given_up", "tried", "retry", "asked")
#: What is sent of each; where there is none, somebody calls or waits.
_LETTER = {
    "donor": "charge_needs_you", "given_up": "charge_given_up", "tried": "charge_given_up", "retry": "charge_retry",
}  # fmt: skip
SENDABLE = ("mandate", *_LETTER)
_earlier = aliased(Instalment)
_other = aliased(Payment)
_LAST_TRIED = (
    select(func.max(_earlier.number))
    .where(_earlier.commitment_id == Commitment.id, _earlier.attempts > 0)
    .correlate(Commitment)
    .scalar_subquery()
)
_LAST_TRY = (
    select(func.max(_other.id)).where(_other.instalment_id == Instalment.id).correlate(Instalment).scalar_subquery()
)
WHY_IT_FAILS: ColumnElement[str] = case(
    (GatewayMandate.state == "invalid", literal("mandate")),
    (and_(Instalment.status == "due", Instalment.asked_again_on.is_not(None)), literal("asked")),
    (Instalment.status == "due", literal("retry")),
    (Payment.state == "returned", literal("charged_back")),
    (OnlinePayment.purpose != "recurring", literal("tried")),
    (OnlinePayment.failure_kind == "donor", literal("donor")),
    else_=literal("given_up"),
)


#: An instalment that did not go well. It is a failing one where it is the last that was tried.
_TROUBLE = or_(
    Instalment.status == "returned",
    and_(
        Instalment.status == "due", or_(Instalment.not_before_on.is_not(None), Instalment.asked_again_on.is_not(None))
    ),
)


def failing(on: date) -> Select[Any]:
    """Rows of commitment, supporter, mandate, the last instalment that was tried, its last payment, and why."""
    # The few of which anything went wrong are found first, by their indexes: all the others are never looked at.
    ended = (
        select(Commitment.id)
        .join(GatewayMandate, GatewayMandate.id == Commitment.gateway_mandate_id)
        .where(GatewayMandate.state == "invalid")
    )
    return _rows(on).where(Commitment.id.in_(union_all(ended, select(Instalment.commitment_id).where(_TROUBLE))))


def _rows(on: date) -> Select[Any]:
    rows: Any = (
        select(Commitment, Supporter, GatewayMandate, Instalment, OnlinePayment, WHY_IT_FAILS.label("why"))
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .join(GatewayMandate, GatewayMandate.id == Commitment.gateway_mandate_id)
        .outerjoin(Instalment, and_(Instalment.commitment_id == Commitment.id, Instalment.number == _LAST_TRIED))
        .outerjoin(Payment, Payment.id == _LAST_TRY)
        .outerjoin(OnlinePayment, OnlinePayment.payment_id == Payment.id)
        .where(
            Commitment.method == "online",
            or_(Commitment.ended_on.is_(None), Commitment.ended_on > on),
            or_(GatewayMandate.state == "invalid", _TROUBLE),
        )
    )
    found: Select[Any] = rows
    return found


def of(session: Session, commitment_id: int, on: date) -> Any:
    """The row of one commitment; None where nothing is wrong with it."""
    return session.execute(_rows(on).where(Commitment.id == commitment_id)).first()


def send_link(session: Session, commitment: Commitment, *, on: date, by: Actor, now: datetime) -> OutboxMessage:
    """Mail the donor once more how to make it right, with a link to their own page; at most once a day."""
    row = of(session, commitment.id, on)
    if row is None or row.why not in SENDABLE:
        raise Refused("There is nothing the donor has to do about this commitment now: call them instead.")
    _, supporter, _, instalment, online, why = row
    if not supporter.email:
        raise Refused("There is no e-mail address of %(name)s: call or write.", name=supporter.name)
    params: dict[str, Any] = {}
    template, subject_id = _LETTER.get(why, "charge_needs_you"), online.id if online is not None else None
    if why == "mandate":
        refused = instalment is not None and instalment.status == "returned" and online is not None
        params["kind"] = "hard" if refused else "mandate"
        subject_id = online.id if refused else commitment.id
    elif why == "donor":
        params["kind"] = "donor"
    elif why == "retry":
        params["on"] = instalment.not_before_on.isoformat()
    message = OutboxMessage.queue(
        session, template, supporter.email, key=f"link:{commitment.id}:{on.isoformat()}", subject_id=subject_id,
        locale=supporter.language, supporter_id=supporter.id, now=now, **params,
    )  # fmt: skip
    if message is None:
        raise Refused("The link was sent today already; it can be sent again tomorrow.")
    audit.record(session, by, "send_link", commitment, now=now, why=why)
    return message
