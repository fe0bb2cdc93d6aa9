"""A bank account of ours, whose statements are read. One that we collect on is known by itself."""

from __future__ import annotations

import re
from datetime import date, datetime

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, instant, line, pk
from supporters.errors import BadInput
from supporters.payments.sepa.account import CreditorAccount
from supporters.people.bank_account import clean_iban

_OTHER = re.compile(r"[0-9A-Z]{4,34}")


class OurAccount(Base):
    __tablename__ = "supporters_our_account"
    __table_args__ = (UniqueConstraint("number"),)

    id: Mapped[pk]
    number: Mapped[str] = mapped_column(String(34))  # the IBAN; or the bank's own number where it has none
    name: Mapped[line]
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    #: What came in before this day was booked by other means: such lines are kept and never matched.
    book_from_on: Mapped[date | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    added_at: Mapped[instant]

    @classmethod
    def add(
        cls,
        session: Session,
        number: str,
        name: str,
        *,
        by: Actor,
        now: datetime,
        currency: str = "EUR",
        book_from_on: date | None = None,
        as_written: bool = False,
    ) -> OurAccount:
        """Raises BadInput where it looks like an IBAN and is none, or is there already.

        ``as_written``: the bank itself writes it so on its statements, whatever its check digits.
        """
        value = clean_number(number, as_written=as_written)
        if session.scalar(select(cls.id).where(cls.number == value)):
            raise BadInput("%(number)s is an account of ours already.", field="number", number=value)
        if not name.strip():
            raise BadInput("An account needs a name, such as “Donations”.", field="name")
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise BadInput("“%(currency)s” is not a currency code such as EUR.", field="currency", currency=currency)
        account = cls(number=value, name=name.strip(), currency=currency, book_from_on=book_from_on, added_at=now)
        session.add(account)
        session.flush()
        audit.record(session, by, "add", account, now=now)
        return account

    @classmethod
    def named(cls, session: Session, number: str, *, now: datetime) -> OurAccount | None:
        """The account a statement is about, as that bank writes it: a bank's own number may be the end of an IBAN.

        An account that we collect on is added when its first statement comes.
        """
        value = re.sub(r"[\s.\-]", "", number).upper()
        known = session.scalars(select(cls).where(cls.is_active)).all()
        found = [each for each in known if each.number == value]
        if not found and value.isdecimal() and len(value) >= 7:
            found = [each for each in known if each.number[:2].isalpha() and _ends_with(each.number, value)]
        if found:
            return found[0] if len(found) == 1 else None
        collecting = session.scalars(select(CreditorAccount).where(CreditorAccount.is_active)).all()
        ours = {each.iban: each for each in collecting}
        match = [iban for iban in ours if iban == value or (value.isdecimal() and _ends_with(iban, value))]
        if len(match) != 1 or any(each.number == match[0] for each in known):
            return None
        account = cls(
            number=match[0], name=ours[match[0]].name, currency=ours[match[0]].currency, added_at=now,
        )  # fmt: skip
        session.add(account)
        session.flush()
        return account

    @property
    def spaced(self) -> str:
        return " ".join(self.number[i : i + 4] for i in range(0, len(self.number), 4))


def clean_number(raw: str, *, as_written: bool = False) -> str:
    value = re.sub(r"[\s.\-]", "", raw).upper()
    if not as_written and re.match(r"[A-Z]{2}[0-9]{2}", value):
        return clean_iban(value)
    if not _OTHER.fullmatch(value):
        raise BadInput(
            "“%(number)s” is not the number of a bank account: an IBAN, or 4 to 34 letters and digits.",
            field="number",
            number=raw[:40],
        )
    return value


def _ends_with(iban: str, digits: str) -> bool:
    """Whether it is that IBAN's account number, with or without the zeros before it."""
    return iban[4:].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0") == digits.lstrip("0")
