"""Signed permission to debit. Once used it can only change bank account or end; it is never deleted."""

from __future__ import annotations

import re
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, pk, violates, word
from supporters.errors import BadInput, Refused
from supporters.giving import turns
from supporters.giving.months import add_months
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter

KINDS = ("recurring", "one_off")
SCHEMES = ("CORE", "B2B")
EVIDENCE = ("paper", "emandate", "first_payment")
#: A mandate lapses when nothing was collected on it for so long (EPC SDD Core rulebook, section 4.1).
LAPSE_MONTHS = 36
# The characters the SEPA schemes allow in an identifier; no slash at either end, none doubled (EPC217-08).
_REFERENCE = re.compile(r"(?!/)(?!.*//)(?!.*/$)[A-Za-z0-9+?/\-:().,']{1,35}")


def clean_reference(raw: str) -> str:
    """A mandate reference as the schemes allow it; raises BadInput saying what is wrong."""
    value = raw.strip()
    if not value:
        raise BadInput("A mandate needs its reference (1 to 35 characters).", field="mandate_reference")
    if len(value) > 35:
        raise BadInput(
            "A mandate reference has at most 35 characters; “%(value)s” has %(found)s.",
            field="mandate_reference",
            value=value[:50],
            found=len(value),
        )
    if not _REFERENCE.fullmatch(value):
        raise BadInput(
            "Mandate reference “%(value)s” has a character that banks refuse; use letters, digits"
            " and + ? / - : ( ) . , '",
            field="mandate_reference",
            value=value,
        )
    return value


class Mandate(Base):
    __tablename__ = "supporters_mandate"
    __table_args__ = (
        UniqueConstraint("creditor_identifier", "reference"),
        CheckConstraint("kind IN ('recurring', 'one_off')", name="kind"),
        CheckConstraint("scheme IN ('CORE', 'B2B')", name="scheme"),
        CheckConstraint("evidence_kind IN ('paper', 'emandate', 'first_payment')", name="evidence_kind"),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_account.id"))
    creditor_identifier: Mapped[str] = mapped_column(String(35))
    reference: Mapped[str] = mapped_column(String(35))
    kind: Mapped[word] = mapped_column(default="recurring")
    scheme: Mapped[str] = mapped_column(String(4), default="CORE")
    evidence_kind: Mapped[word]
    document_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_document.id"))
    signed_on: Mapped[date]
    first_used_on: Mapped[date | None]  # collection date of the first debit the bank was sent
    last_used_on: Mapped[date | None]
    cancelled_on: Mapped[date | None]
    cancel_reason: Mapped[word | None]
    created_at: Mapped[instant]
    created_by: Mapped[actor_key]

    supporter: Mapped[Supporter] = relationship()
    bank_account: Mapped[BankAccount] = relationship()
    amendments: Mapped[list[MandateAmendment]] = relationship(back_populates="mandate", order_by="MandateAmendment.id")

    @classmethod
    def sign(
        cls,
        session: Session,
        supporter: Supporter,
        iban: str,
        *,
        creditor_identifier: str,
        signed_on: date,
        evidence_kind: str,
        by: Actor,
        now: datetime,
        reference: str | None = None,
        kind: str = "recurring",
        scheme: str = "CORE",
        document_id: int | None = None,
    ) -> Mandate:
        """A mandate with its evidence; without ``reference`` we number it. Raises BadInput naming the field."""
        if evidence_kind not in EVIDENCE:
            raise BadInput(
                "Evidence of a mandate is one of: %(known)s.", field="evidence_kind", known=", ".join(EVIDENCE)
            )
        if kind not in KINDS:
            raise BadInput("A mandate is one of: %(known)s.", field="mandate_kind", known=", ".join(KINDS))
        if scheme not in SCHEMES:
            raise BadInput("The scheme of a mandate is one of: %(known)s.", field="scheme", known=", ".join(SCHEMES))
        if signed_on > now.date():
            raise BadInput(
                "A mandate cannot be signed in the future (%(on)s).",
                field="mandate_signed_on",
                on=signed_on.isoformat(),
            )
        if supporter.is_deceased:
            raise Refused("%(name)s has died: no mandate can be added.", name=supporter.name)
        account = BankAccount.known(session, supporter, iban, by=by, on=signed_on)
        if reference is None:
            session.flush()
            count = len(session.scalars(select(cls.id).where(cls.supporter_id == supporter.id)).all())
            reference = f"{supporter.number}-{count + 1}"
        mandate = cls(
            supporter=supporter,
            bank_account=account,
            creditor_identifier=creditor_identifier,
            reference=clean_reference(reference),
            kind=kind,
            scheme=scheme,
            evidence_kind=evidence_kind,
            document_id=document_id,
            signed_on=signed_on,
            created_at=now,
            created_by=by.key,
        )
        try:
            with session.begin_nested():
                session.add(mandate)
                session.flush()
        except IntegrityError as error:
            if not violates(error, "uq_supporters_mandate_creditor_identifier_reference"):
                raise
            raise BadInput(
                "Mandate reference %(value)s is in use for %(creditor)s already.",
                field="mandate_reference",
                value=reference,
                creditor=creditor_identifier,
            ) from error
        audit.record(session, by, "sign", mandate, now=now)
        return mandate

    @property
    def lapses_on(self) -> date:
        """First day on which nothing can be collected on it any more."""
        return add_months(self.last_used_on or self.signed_on, LAPSE_MONTHS)

    def why_unusable(self, on: date) -> str | None:
        """None where it can be collected on that day, else the reason: cancelled, lapsed, used (one-off)."""
        if self.cancelled_on is not None:
            return "cancelled"
        if on >= self.lapses_on:
            return "lapsed"
        if self.kind == "one_off" and self.first_used_on is not None:
            return "used"
        return None

    def change_account(
        self, session: Session, iban: str, *, by: Actor, now: datetime, on: date
    ) -> MandateAmendment | None:
        """The supporter moved to another IBAN: an amendment, told to the bank with the next debit.

        Nothing happens where the IBAN is the one it has.
        """
        turns.together(session)
        if self.cancelled_on is not None:
            raise Refused("Mandate %(reference)s has ended; a new one must be signed.", reference=self.reference)
        account = BankAccount.known(session, self.supporter, iban, by=by, on=on)
        if account is self.bank_account:
            return None
        session.flush()
        amendment = MandateAmendment(
            mandate=self,
            old_account_id=self.bank_account_id,
            new_account_id=account.id,
            amended_on=on,
            recorded_at=now,
            recorded_by=by.key,
        )
        session.add(amendment)
        self.bank_account = account
        audit.record(session, by, "change_account", self, now=now)
        session.flush()
        hooks.fire("account_changed", session, mandate_id=self.id, on=on, by=by, now=now)
        return amendment

    def cancel(self, session: Session, reason: str, *, by: Actor, now: datetime, on: date) -> None:
        """No more debits on it; a batch that is not at the bank yet is held up. Its commitments await a new mandate."""
        turns.together(session)
        if self.cancelled_on is not None:
            raise Refused(
                "Mandate %(reference)s ended on %(on)s already.",
                reference=self.reference,
                on=self.cancelled_on.isoformat(),
            )
        self.cancelled_on, self.cancel_reason = on, reason
        audit.record(session, by, "cancel", self, now=now, reason=reason)
        session.flush()
        hooks.fire("mandate_ended", session, mandate_id=self.id, by=by, now=now)


class MandateAmendment(Base):
    """A change of bank account that the debtor's bank is told of with the first debit after it."""

    __tablename__ = "supporters_mandate_amendment"

    id: Mapped[pk]
    mandate_id: Mapped[int] = mapped_column(ForeignKey("supporters_mandate.id"), index=True)
    old_account_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_account.id"))
    new_account_id: Mapped[int] = mapped_column(ForeignKey("supporters_bank_account.id"))
    amended_on: Mapped[date]
    recorded_at: Mapped[instant]
    recorded_by: Mapped[actor_key]
    #: Set when a file with it went to the bank; until then the next debit carries it.
    told_on: Mapped[date | None]

    mandate: Mapped[Mandate] = relationship(back_populates="amendments")
