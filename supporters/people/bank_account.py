"""Bank accounts as rows: one IBAN can be two people's, and one person can have several."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.db import Base, actor_key, line, pk
from supporters.errors import BadInput

if TYPE_CHECKING:
    from supporters.actor import Actor
    from supporters.people.supporter import Supporter


def clean_iban(raw: str) -> str:
    """The IBAN without spaces, its check digits and length checked (ISO 13616); BadInput says what is wrong."""
    value = re.sub(r"[\s\-.]", "", raw).upper()
    try:
        return str(IBAN(value, validate_bban=False))
    except (SchwiftyException, ValueError) as error:
        shown = value[:40]
        try:
            expected = IBAN(value, allow_invalid=True).spec.iban_length
        except (SchwiftyException, KeyError, ValueError):
            expected = None
        if not value:
            raise BadInput("An IBAN is missing.", field="iban") from error
        if expected is None:
            raise BadInput(
                "“%(iban)s” is not an IBAN: it does not begin with a country that has them.", field="iban", iban=shown
            ) from error
        if len(value) != expected:
            raise BadInput(
                "“%(iban)s” is not an IBAN: %(country)s has %(expected)s characters, this has %(found)s.",
                field="iban",
                iban=shown,
                country=value[:2],
                expected=expected,
                found=len(value),
            ) from error
        raise BadInput(
            "“%(iban)s” is not an IBAN: its check digits do not fit, so a character is wrong.", field="iban", iban=shown
        ) from error


def clean_bic(raw: str) -> str:
    try:
        return str(BIC(raw.strip().upper()))
    except (SchwiftyException, ValueError) as error:
        raise BadInput("“%(bic)s” is not a BIC (8 or 11 characters).", field="bic", bic=raw.strip()[:20]) from error


def mask_iban(iban: str) -> str:
    """For those who may not see it whole: NL•• •••• •••• ••43 00."""
    return f"{iban[:2]}•• •••• {iban[-4:]}"


class BankAccount(Base):
    __tablename__ = "supporters_bank_account"
    __table_args__ = (UniqueConstraint("supporter_id", "iban"),)

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "redact"}
    )
    iban: Mapped[str] = mapped_column(String(34), index=True)
    bic: Mapped[str | None] = mapped_column(String(11))
    holder: Mapped[line | None]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    recorded_by: Mapped[actor_key]

    supporter: Mapped[Supporter] = relationship(back_populates="bank_accounts")

    @classmethod
    def known(
        cls, session: Session, supporter: Supporter, iban: str, *, by: Actor, on: date, holder: str | None = None
    ) -> BankAccount:
        """The supporter's account with this IBAN, made when it is new."""
        value = clean_iban(iban)
        session.flush()
        account = session.scalar(select(cls).where(cls.supporter_id == supporter.id, cls.iban == value))
        if account is None:
            account = cls(supporter=supporter, iban=value, holder=holder, from_on=on, recorded_by=by.key)
            session.add(account)
        account.until_on = None
        return account

    @property
    def spaced(self) -> str:
        return " ".join(self.iban[i : i + 4] for i in range(0, len(self.iban), 4))
