"""The people that tests are about. What a test does not say is filled in; nothing is committed.

Ada promised an amount every month by direct debit. Sam and Suzie share an address and a salutation. Anna and Bram
are fundraisers; Carl knows the address of the screens, but nobody made him a fundraiser.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gift import Gift
from supporters.giving.mandate import Mandate
from supporters.money import Money
from supporters.payments.sepa.account import CreditorAccount
from supporters.people.contact import Address
from supporters.people.household import Household
from supporters.people.supporter import Supporter

#: Tuesday 1 December 2026, 10:00 in Amsterdam.
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)

ANNA = Actor.person("anna@example.org", via="test", authenticated=True)
BRAM = Actor.person("bram@example.org", via="test", authenticated=True)
CARL = Actor.person("carl@example.org", via="test")

ADAS_IBAN = "NL91ABNA0417164300"
SAMS_IBAN = "NL20INGB0001234567"
OUR_IBAN = "NL44RABO0123456789"
OUR_IDENTIFIER = "NL69ZZZ123456780000"


def fund(session: Session, code: str = "general", name: str = "General", **fields: Any) -> Fund:
    """The fund with this code, opened where there is none yet."""
    return session.scalar(select(Fund).where(Fund.code == code)) or Fund.open(session, code, name, **fields)


def creditor(session: Session, **limits: Any) -> CreditorAccount:
    """Our account to collect on, opened where there is none yet."""
    known = session.scalar(select(CreditorAccount).where(CreditorAccount.identifier == OUR_IDENTIFIER))
    return known or CreditorAccount.open(
        session, "Stichting Voorbeeld", OUR_IDENTIFIER, OUR_IBAN, bic="RABONL2U", **limits
    )


def ada(session: Session, *, now: datetime = NOW, **fields: Any) -> Supporter:
    """Ada Lovelace, with all of her contact points and her account."""
    known = {
        "email": "ada@example.org", "first_name": "Ada", "initials": "A.", "surname": "Lovelace",
        "phone": "020 123 4567", "address": Address("Damrak", "1", "", "1012 LG", "Amsterdam"), "iban": ADAS_IBAN,
        "by": ANNA,
    }  # fmt: skip
    return Supporter.welcome(session, now=now, **known | fields)


def sam_and_suzie(session: Session, *, now: datetime = NOW) -> tuple[Supporter, Supporter]:
    """Two people in one household."""
    home = Address("Oudegracht", "12", "bis", "3511 AM", "Utrecht")
    sam = Supporter.welcome(
        session,
        "sam@example.org",
        first_name="Sam",
        prefix="van den",
        surname="Berg",
        address=home,
        iban=SAMS_IBAN,
        by=ANNA,
        now=now,
    )
    suzie = Supporter.welcome(
        session, "suzie@example.org", first_name="Suzie", surname="Jansen", address=home, by=ANNA, now=now
    )
    Household.of(session, [sam, suzie], by=ANNA, now=now, on=now.date())
    session.flush()
    return sam, suzie


def mandate(
    session: Session, supporter: Supporter, iban: str = ADAS_IBAN, *, now: datetime = NOW, **fields: Any
) -> Mandate:
    """A signed, recurring mandate on paper."""
    given = {"creditor_identifier": OUR_IDENTIFIER, "signed_on": now.date(), "evidence_kind": "paper", "by": ANNA}
    return Mandate.sign(session, supporter, iban, now=now, **given | fields)


def monthly(
    session: Session,
    supporter: Supporter | None = None,
    money: Money | None = None,
    *,
    iban: str = ADAS_IBAN,
    start_on: date = TODAY,
    now: datetime = NOW,
    **fields: Any,
) -> Commitment:
    """Ada's (or someone else's) ten euros a month by direct debit, with a mandate of its own."""
    fund(session)
    supporter = supporter or ada(session, now=now)
    signed = fields.pop("mandate", None) or mandate(session, supporter, iban, now=now)
    given = {"every": "month", "by": ANNA} | fields
    commitment = Commitment.start(
        session, supporter, money or Money.eur("10.00"), start_on=start_on, mandate=signed, now=now, **given
    )
    session.flush()
    return commitment


def gift(
    session: Session,
    supporter: Supporter,
    money: Money | None = None,
    *,
    on: date = TODAY,
    now: datetime = NOW,
    **fields: Any,
) -> Gift:
    """Twenty-five euros received, for the general fund."""
    given = {"fund": fund(session), "booking_key": f"test:{uuid4()}", "by": ANNA} | fields
    return Gift.book(session, supporter, money or Money.eur("25.00"), received_on=on, now=now, **given)
