"""An account that a person's answer made known as a supporter's: visible, and forgotten with the answer."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput
from supporters.giving.mandate import Mandate
from supporters.payments.bank import naming
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.people.bank_account import BankAccount, clean_iban
from supporters.people.supporter import Supporter


def remember(
    session: Session, line: BankLine, made: BankAllocation, person: Supporter, *, by: Actor, now: datetime
) -> tuple[BankAccount | None, list[Supporter]]:
    """The account is theirs too from now on, where it was not; and who else has it, and keeps it."""
    try:
        iban = clean_iban(line.iban) if line.iban else ""
    except BadInput:
        iban = ""  # a bank's own number of an account abroad
    if not iban:
        return None, []
    known = session.scalars(select(BankAccount).where(BankAccount.iban == iban)).all()
    mine = next((each for each in known if each.supporter_id == person.id), None)
    others = [each.supporter for each in known if each.supporter_id != person.id and each.until_on is None]
    if mine is not None and mine.until_on is None:
        return None, others
    was = mine.until_on.isoformat() if mine is not None and mine.until_on is not None else None
    holder = line.name if line.name and not naming.agrees(line.name, person) else None
    account = BankAccount.known(session, person, iban, by=by, on=min(line.booked_on, now.date()), holder=holder)
    session.flush()
    made.details = {**made.details, "remembered": account.id, "was_until": was}
    audit.record(session, by, "remember", account, now=now, iban=iban, line=line.number)
    person.index(session)
    return account, others


def forget(session: Session, made: BankAllocation, *, by: Actor, now: datetime, today: date) -> None:
    """What the answer behind this allocation made known holds no more, unless they signed for it since."""
    key = made.details.get("remembered")
    account = session.get(BankAccount, key) if key is not None else None
    if account is None or account.until_on is not None:
        return
    signed = select(Mandate.id).where(Mandate.bank_account_id == account.id, Mandate.cancelled_on.is_(None))
    if session.scalar(signed.limit(1)) is not None:
        return
    was = made.details.get("was_until")
    account.until_on = date.fromisoformat(was) if was else max(account.from_on, min(today, now.date()))
    audit.record(session, by, "forget", account, now=now, iban=account.iban, line=made.line.number)
