"""An account of ours to collect on, with the bank's limits and what was agreed with donors."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.db import Base, line, pk
from supporters.errors import BadInput, NotFound, Refused
from supporters.payments.sepa.debit import Creditor
from supporters.payments.sepa.scheme import is_creditor_identifier
from supporters.people.bank_account import clean_bic, clean_iban


class CreditorAccount(Base):
    __tablename__ = "supporters_creditor_account"
    __table_args__ = (
        UniqueConstraint("identifier", "iban"),
        CheckConstraint("transactions_per_file > 0", name="file_limit"),
        CheckConstraint("notice_days >= 0 AND lead_days >= 0 AND late_days >= 0", name="days"),
    )

    id: Mapped[pk]
    name: Mapped[line]  # as donors see it on their statement
    identifier: Mapped[str] = mapped_column(String(35))  # creditor id (incassant-id)
    iban: Mapped[str] = mapped_column(String(34))
    bic: Mapped[str | None] = mapped_column(String(11))
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    is_active: Mapped[bool] = mapped_column(default=True)
    transactions_per_file: Mapped[int] = mapped_column(default=50_000)
    lead_days: Mapped[int] = mapped_column(default=1)  # business days the bank wants the file ahead
    notice_days: Mapped[int] = mapped_column(default=14)  # announced so long ahead, or as agreed with donors
    late_days: Mapped[int] = mapped_column(default=27)  # an instalment that no run took for longer is missed
    remittance: Mapped[str] = mapped_column(String(100), default="")  # what a donor reads on the statement

    @classmethod
    def open(
        cls, session: Session, name: str, identifier: str, iban: str, *, bic: str | None = None, **limits: int
    ) -> CreditorAccount:
        """Raises BadInput where the identifier, IBAN or BIC has a mistake."""
        value = identifier.replace(" ", "").upper()
        if not is_creditor_identifier(value):
            raise BadInput(
                "“%(identifier)s” is not a creditor identifier: its check digits do not fit; it"
                " looks like NL69ZZZ123456780000.",
                field="identifier",
                identifier=identifier[:40],
            )
        account = cls(name=name, identifier=value, iban=clean_iban(iban), bic=clean_bic(bic) if bic else None, **limits)
        session.add(account)
        session.flush()
        return account

    @classmethod
    def only(cls, session: Session, identifier: str | None = None) -> CreditorAccount:
        """The active account with this identifier or IBAN; without one, the only active account there is."""
        accounts = session.scalars(select(cls).where(cls.is_active).order_by(cls.id)).all()
        if identifier is not None:
            wanted = identifier.replace(" ", "").upper()
            accounts = [a for a in accounts if wanted in (a.identifier, a.iban, str(a.id))]
        if not accounts:
            raise NotFound("There is no account to collect on yet; add a creditor account first.", field="account")
        if len(accounts) > 1:
            raise Refused(
                "There are several creditor accounts; say which one: %(known)s.",
                field="account",
                known=", ".join(a.iban for a in accounts),
            )
        return accounts[0]

    @property
    def creditor(self) -> Creditor:
        return Creditor(self.name, self.identifier, self.iban, self.bic, self.currency)
