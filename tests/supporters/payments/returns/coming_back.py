"""Collections that come back in a few lines, for the tests of returns."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa.announcement import Announcement
from tests import cast
from tests.supporters.payments.sepa.collecting import DUE, LONG_AGO, at

BACK = date(2027, 1, 5)
LATER = at(BACK)
IBANS = (
    "NL91ABNA0417164300",
    "NL20INGB0001234567",
    "NL39RABO0300065264",
    "NL02ABNA0123456789",
    "DE89370400440532013000",
)


def promises(session: Session, count: int, **fields: Any) -> list[Commitment]:
    """So many people with ten euros a month, announced."""
    cast.creditor(session)
    made = []
    for number in range(count):
        person = cast.ada(
            session, email=f"person{number}@example.org", first_name=f"P{number}", iban=IBANS[number % len(IBANS)]
        )
        commitment = cast.monthly(session, person, start_on=DUE, iban=IBANS[number % len(IBANS)], **fields)
        Announcement.make(session, commitment, on=LONG_AGO, channel="letter", evidence="", by=cast.ANNA, now=cast.NOW)
        made.append(commitment)
    session.commit()
    return made


def payment_of(session: Session, commitment: Commitment, attempt: int = 1) -> Payment:
    return next(
        each
        for each in session.scalars(select(Payment).order_by(Payment.id))
        if each.instalment is not None and each.instalment.commitment_id == commitment.id and each.attempt == attempt
    )


def came_back(session: Session, commitment: Commitment, reason: str = "AM04", **fields: Any) -> Returned:
    given = {"told_on": BACK, "by": cast.ANNA, "now": LATER} | fields
    row = Returned.record(session, payment_of(session, commitment), reason, **given)
    session.commit()
    return row


def told(session: Session) -> list[tuple[str, str, str]]:
    """Of each return: payment, stage, reason."""
    rows = session.scalars(select(Returned).order_by(Returned.payment_id))
    return [(row.payment.reference, row.stage, row.reason) for row in rows]
