"""The instalments of one SEPA collection: prepared, approved by a second person, exported, booked; or cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, pk, word
from supporters.documents import Document
from supporters.errors import BadInput, NotAllowed, NotFound, Refused
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Designation, Gift
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate, MandateAmendment
from supporters.giving.months import add_months
from supporters.giving.year import FinancialYear
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa import calendar, selection
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.pain008 import FORMATS
from supporters.payments.sepa.rendering import Rendered, render
from supporters.people.supporter import Supporter

PROVISIONAL_DAYS = 5  # interbank business days in which the debtor's bank may still reject or return
REFUND_DAYS = 56  # eight weeks in which a donor takes it back without giving a reason (PSD2 art. 77)
CONTEST_MONTHS = 13  # in which a donor reports it as unauthorised (PSD2 art. 71)

#: What each state may become.
MOVES = {
    "prepared": ("approved", "cancelled"),
    "approved": ("exported", "cancelled"),
    "exported": ("booked",),
    "booked": (),
    "cancelled": (),
}


class CollectionBatch(Base):
    __tablename__ = "supporters_collection_batch"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in MOVES)})", name="state"),
        CheckConstraint("approved_by IS NULL OR approved_by <> prepared_by", name="two_people"),
        CheckConstraint("state IN ('prepared', 'cancelled') OR approved_by IS NOT NULL", name="approved_before_export"),
        CheckConstraint("state NOT IN ('exported', 'booked') OR exported_at IS NOT NULL", name="exported_at"),
        Index(None, "creditor_account_id", "collect_on"),
    )

    id: Mapped[pk]
    creditor_account_id: Mapped[int] = mapped_column(ForeignKey("supporters_creditor_account.id"))
    due_through: Mapped[date]  # instalments due up to this day were asked for
    collect_on: Mapped[date]  # that day or the next business day of TARGET2
    state: Mapped[word] = mapped_column(default="prepared")
    format: Mapped[str | None] = mapped_column(String(20))
    count: Mapped[int] = mapped_column(default=0)
    total: Mapped[cents] = mapped_column(default=0)
    prepared_at: Mapped[instant]
    prepared_by: Mapped[actor_key]
    approved_at: Mapped[instant | None]
    approved_by: Mapped[actor_key | None]
    exported_at: Mapped[instant | None]  # the first time; from then on it counts as at the bank
    exported_by: Mapped[actor_key | None]
    booked_at: Mapped[instant | None]
    booked_by: Mapped[actor_key | None]
    cancelled_at: Mapped[instant | None]
    cancelled_by: Mapped[actor_key | None]
    cancel_reason: Mapped[str | None] = mapped_column(String(255))

    account: Mapped[CreditorAccount] = relationship()
    files: Mapped[list[CollectionFile]] = relationship(back_populates="batch", order_by="CollectionFile.sequence")

    @property
    def number(self) -> str:
        return f"B{self.id:05d}"

    @property
    def money(self) -> Money:
        return Money(self.total, "EUR")

    @classmethod
    def find(cls, session: Session, number: str) -> CollectionBatch:
        """By number, "B00012" or "12"; raises NotFound."""
        digits = number.strip().upper().removeprefix("B")
        batch = session.get(cls, int(digits)) if digits.isdecimal() and len(digits) < 12 else None
        if batch is None:
            raise NotFound("There is no collection with number “%(number)s”.", field="number", number=number[:20])
        return batch

    # -- prepare ----------------------------------------------------------------------------------

    @classmethod
    def prepare(
        cls,
        session: Session,
        account: CreditorAccount,
        *,
        on: date,
        by: Actor,
        now: datetime,
        today: date | None = None,
    ) -> CollectionBatch:
        """Gather what falls due up to ``on`` on this account. Raises Refused where there is nothing, or no time left.

        Two people at once follow each other: the second finds what the first left.
        """
        by.must_be_signed_in()
        today = today or now.date()
        collect_on = calendar.next_business_day(on)
        earliest = calendar.add_business_days(calendar.next_business_day(today), account.lead_days)
        if collect_on < earliest:
            raise Refused(
                "%(on)s is too soon: the bank wants the file %(days)s business days ahead, so"
                " %(earliest)s at the earliest.",
                field="on",
                on=on.isoformat(),
                days=account.lead_days,
                earliest=earliest.isoformat(),
            )
        if on > today + timedelta(days=92):
            raise BadInput("%(on)s is more than three months away; prepare it later.", field="on", on=on.isoformat())
        turns.alone(session)
        with session.begin_nested():  # What is refused leaves nothing behind, whatever the caller does next.
            batch = cls._gather(session, account, on=on, collect_on=collect_on, by=by, now=now)
        audit.record(session, by, "prepare", batch, now=now, count=batch.count, total=batch.total)
        session.expire_all()
        return batch

    @classmethod
    def _gather(
        cls, session: Session, account: CreditorAccount, *, on: date, collect_on: date, by: Actor, now: datetime
    ) -> CollectionBatch:
        batch = cls(
            creditor_account_id=account.id, due_through=on, collect_on=collect_on, prepared_at=now, prepared_by=by.key
        )
        session.add(batch)
        session.flush()
        selection.select_into(session, batch.id, account, on=on, collect_on=collect_on, now=now)
        batch._count(session)
        if not batch.count:
            query = (
                select(selection.Exclusion.reason, func.count())
                .where(selection.Exclusion.batch_id == batch.id)
                .group_by(selection.Exclusion.reason)
            )
            reasons = dict(session.execute(query).all())
            listed = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items())) or "nothing is due"
            raise Refused(
                "There is nothing to collect up to %(on)s (%(listed)s).", field="on", on=on.isoformat(), listed=listed
            )
        return batch

    def _count(self, session: Session) -> None:
        count, total = session.execute(
            select(func.count(), func.coalesce(func.sum(Payment.amount), 0)).where(
                Payment.batch_id == self.id, Payment.state != "cancelled"
            )
        ).one()
        self.count, self.total = count, int(total)
        session.flush()

    def withdraw(self, session: Session, payment_ids: list[int], *, by: Actor, now: datetime) -> None:
        """Take lines out of a batch that nobody approved yet (somebody died, a commitment or mandate ended)."""
        self._lock(session)
        self._must_be("prepared", "take lines out of")
        chosen = select(Payment.id).where(
            Payment.batch_id == self.id, Payment.id.in_(payment_ids), Payment.state == "open"
        )
        ids = list(session.scalars(chosen))
        if not ids:
            return
        selection.release(session, select(Payment.instalment_id).where(Payment.id.in_(ids)), self.collect_on)
        session.execute(update(Payment).where(Payment.id.in_(ids)).values(state="cancelled"))
        self._count(session)
        audit.record(session, by, "withdraw", self, now=now, count=len(ids))
        session.expire_all()

    # -- approve ----------------------------------------------------------------------------------

    def approve(self, session: Session, *, by: Actor, now: datetime, format: str = FORMATS[0]) -> list[CollectionFile]:
        """A second person says yes: the files are rendered, validated and stored, once and for ever.

        Raises NotAllowed for the preparer, Refused where something in it ended, FileRefused where a rule of the scheme
        or the schema is broken; the batch then stays prepared.
        """
        turns.alone(session)
        self._lock(session)
        by.must_be_signed_in()
        self._must_be("prepared", "approve")
        if format not in FORMATS:
            raise BadInput(
                "“%(format)s” is not a format we write; there are: %(known)s.",
                field="format",
                format=format[:40],
                known=", ".join(FORMATS),
            )
        if by.key == self.prepared_by:
            raise NotAllowed("You prepared this collection: a second person has to approve it.", field="actor")
        self._refuse_if_blocked(session)
        self._refuse_if_late(now.date())
        if not self.count:
            raise Refused("Nothing is left in this collection; cancel it.")
        with session.begin_nested():  # A file that is refused leaves the collection prepared.
            self._refresh_accounts(session)
            self.state, self.format, self.approved_at, self.approved_by = "approved", format, now, by.key
            session.flush()
            for rendered in render(session, self, format, now=now):
                self._store(session, rendered, by=by, now=now)
        audit.record(session, by, "approve", self, now=now, format=format, files=[f.sha256 for f in self.files])
        session.flush()
        return self.files

    def _refresh_accounts(self, session: Session) -> None:
        """The account of a mandate may have changed since the batch was prepared; the file takes it as it is now."""
        from supporters.people.bank_account import BankAccount

        account = (
            select(BankAccount.iban)
            .join(Mandate, Mandate.bank_account_id == BankAccount.id)
            .where(Mandate.id == Payment.mandate_id)
        )
        current = account.scalar_subquery()
        bic = account.with_only_columns(BankAccount.bic).scalar_subquery()
        untold = (
            select(func.min(MandateAmendment.id))
            .where(MandateAmendment.mandate_id == Payment.mandate_id, MandateAmendment.told_on.is_(None))
            .scalar_subquery()
        )
        mine = (Payment.batch_id == self.id, Payment.state == "open")
        session.execute(
            update(Payment)
            .where(*mine, Payment.iban != current)
            .values(iban=current, bic=bic)
            .execution_options(synchronize_session=False)
        )
        amended = select(MandateAmendment.mandate_id).where(MandateAmendment.told_on.is_(None))
        session.execute(
            update(Payment)
            .where(*mine, Payment.sequence_type != "FRST", Payment.mandate_id.in_(amended))
            .values(amendment_id=untold)
            .execution_options(synchronize_session=False)
        )

    def _store(self, session: Session, rendered: Rendered, *, by: Actor, now: datetime) -> None:
        document = Document.store(
            session,
            rendered.chunks(),
            kind="collection_file",
            filename=rendered.filename,
            media_type="application/xml",
            by=by,
            now=now,
        )
        self.files.append(
            CollectionFile(
                sequence=rendered.sequence,
                document_id=document.id,
                count=rendered.count,
                total=rendered.total,
                sha256=document.sha256,
            )
        )
        session.flush()

    # -- export -----------------------------------------------------------------------------------

    def export(self, session: Session, *, by: Actor, now: datetime) -> list[CollectionFile]:
        """Hand out the stored files. The first time counts as sent to the bank; every time gives the same bytes."""
        turns.alone(session)
        self._lock(session)
        by.must_be_signed_in()
        if self.state in ("exported", "booked"):
            audit.record(session, by, "export_again", self, now=now)
            return self.files
        self._must_be("approved", "export")
        self._refuse_if_blocked(session)
        self._refuse_if_late(now.date())
        self.state, self.exported_at, self.exported_by = "exported", now, by.key
        mandates = select(Payment.mandate_id).where(Payment.batch_id == self.id, Payment.state == "open")
        session.execute(
            update(Mandate)
            .where(Mandate.id.in_(mandates))
            .values(
                first_used_on=func.coalesce(Mandate.first_used_on, self.collect_on),
                last_used_on=case(
                    (Mandate.last_used_on > self.collect_on, Mandate.last_used_on), else_=self.collect_on
                ),
            )
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(MandateAmendment)
            .where(
                MandateAmendment.mandate_id.in_(mandates),
                MandateAmendment.told_on.is_(None),
                MandateAmendment.recorded_at <= self.approved_at,
            )
            .values(told_on=self.collect_on)
            .execution_options(synchronize_session=False)
        )
        audit.record(session, by, "export", self, now=now)
        session.flush()
        session.expire_all()
        return self.files

    def blockers(self, session: Session, limit: int = 20) -> list[tuple[Payment, str]]:
        """Lines that may no longer go to the bank: since it was prepared somebody died, or ended a promise."""
        rows = session.execute(
            select(Payment, Supporter.death_reported_at, Mandate.cancelled_on)
            .join(Supporter, Supporter.id == Payment.supporter_id)
            .join(Mandate, Mandate.id == Payment.mandate_id)
            .join(Instalment, Instalment.id == Payment.instalment_id)
            .join(Commitment, Commitment.id == Instalment.commitment_id)
            .where(
                Payment.batch_id == self.id,
                Payment.state == "open",
                Supporter.death_reported_at.is_not(None)
                | Mandate.cancelled_on.is_not(None)
                | (Commitment.ended_on <= self.collect_on),
            )
            .order_by(Payment.id)
            .limit(limit)
        )
        return [
            (payment, "deceased" if died else "mandate_cancelled" if cancelled else "commitment_ended")
            for payment, died, cancelled in rows
        ]

    def _refuse_if_blocked(self, session: Session) -> None:
        blocked = self.blockers(session)
        if not blocked:
            return
        words = {"deceased": "has died", "mandate_cancelled": "ended the mandate", "commitment_ended": "stopped"}
        payment, why = blocked[0]
        raise Refused(
            "%(name)s (%(number)s) %(why)s since this collection was prepared (%(count)s such"
            " lines): cancel it whole and prepare anew.",
            name=payment.payer.name,
            number=payment.payer.number,
            why=words[why],
            count=len(blocked),
        )

    def _refuse_if_late(self, today: date) -> None:
        if today >= self.collect_on:
            raise Refused(
                "The bank was to collect this on %(on)s, and takes no file for a day that has come: cancel it whole and"
                " prepare anew.",
                field="collect_on",
                on=self.collect_on.isoformat(),
            )

    # -- cancel and book --------------------------------------------------------------------------

    def cancel(self, session: Session, reason: str, *, by: Actor, now: datetime) -> None:
        """Let go of everything in it, before it is at the bank."""
        turns.alone(session)
        self._lock(session)
        by.must_be_signed_in()
        if self.state in ("exported", "booked"):
            raise Refused(
                "Collection %(number)s has been with the bank since %(on)s: ask the bank for a"
                " recall, or refund it later.",
                number=self.number,
                on=f"{self.exported_at:%Y-%m-%d}",
            )
        self._must_be(("prepared", "approved"), "cancel")
        selection.release(
            session,
            select(Payment.instalment_id).where(Payment.batch_id == self.id, Payment.state == "open"),
            self.collect_on,
        )
        session.execute(
            update(Payment)
            .where(Payment.batch_id == self.id, Payment.state == "open")
            .values(state="cancelled")
            .execution_options(synchronize_session=False)
        )
        self.state, self.cancelled_at, self.cancelled_by, self.cancel_reason = "cancelled", now, by.key, reason[:255]
        audit.record(session, by, "cancel", self, now=now, reason=reason)
        session.flush()
        session.expire_all()

    def book(self, session: Session, *, by: Actor, now: datetime, today: date | None = None) -> int:
        """Book the collected payments as gifts on the collection date; returns how many. Refused the second time."""
        self._lock(session)
        by.must_be_signed_in()
        if self.state == "booked":
            raise Refused(
                "Collection %(number)s was booked on %(on)s already.",
                number=self.number,
                on=f"{self.booked_at:%Y-%m-%d}",
            )
        self._must_be("exported", "book")
        if (today or now.date()) < self.collect_on:
            raise Refused("The bank collects on %(on)s; book it from that day on.", on=self.collect_on.isoformat())
        with FinancialYear.posting(session, self.collect_on, "collect_on"):
            count = self._post(session, by=by, now=now)
        self.state, self.booked_at, self.booked_by = "booked", now, by.key
        audit.record(session, by, "book", self, now=now, count=count)
        session.flush()
        if hooks.listened_to("gifts_booked"):
            ids = list(
                session.scalars(
                    select(Payment.gift_id).where(Payment.batch_id == self.id, Payment.gift_id.is_not(None))
                )
            )
            hooks.fire("gifts_booked", session, gift_ids=ids, by=by, now=now)
        session.expire_all()
        return count

    def _post(self, session: Session, *, by: Actor, now: datetime) -> int:
        mine = (Payment.batch_id == self.id, Payment.state == "open")
        key = literal("payment:") + sql_cast(Payment.id, String)
        gifts = (
            select(
                Payment.supporter_id,
                Payment.amount,
                Payment.currency,
                literal(self.collect_on, Gift.received_on.type),
                # Supporter.income_kind, as the database says it.
                case((Supporter.kind == "person", "gift"), else_=func.coalesce(Supporter.sector, "company")),
                Commitment.source_code,
                literal(""),
                Commitment.id,
                Instalment.id,
                key,
                literal(now, Gift.booked_at.type),
                literal(by.key),
            )
            .join(Instalment, Instalment.id == Payment.instalment_id)
            .join(Commitment, Commitment.id == Instalment.commitment_id)
            .join(Supporter, Supporter.id == Payment.supporter_id)
            .where(*mine)
            .order_by(Payment.id)
        )
        posted: Any = session.execute(
            insert(Gift)
            .from_select(
                [
                    "supporter_id",
                    "amount",
                    "currency",
                    "received_on",
                    "kind",
                    "source_code",
                    "description",
                    "commitment_id",
                    "instalment_id",
                    "booking_key",
                    "booked_at",
                    "booked_by",
                ],
                gifts,
            )
            .execution_options(preserve_rowcount=True)
        )
        booked = (
            select(Gift.id, Commitment.fund_id, Gift.amount, literal(now, Gift.booked_at.type), literal(by.key))
            .join(Payment, Gift.booking_key == key)
            .join(Commitment, Commitment.id == Gift.commitment_id)
            .where(*mine)
        )
        session.execute(insert(Designation).from_select(["gift_id", "fund_id", "amount", "made_at", "made_by"], booked))
        gift_id = select(Gift.id).where(Gift.booking_key == key).scalar_subquery()
        session.execute(
            update(Instalment)
            .where(Instalment.id.in_(select(Payment.instalment_id).where(*mine)))
            .values(status="paid")
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(Payment)
            .where(*mine)
            .values(
                gift_id=gift_id,
                state="booked",
                provisional_until=calendar.add_business_days(self.collect_on, PROVISIONAL_DAYS),
                refundable_until=self.collect_on + timedelta(days=REFUND_DAYS),
                contestable_until=add_months(self.collect_on, CONTEST_MONTHS),
            )
            .execution_options(synchronize_session=False)
        )
        return int(posted.rowcount)

    # -- guards -----------------------------------------------------------------------------------

    def _lock(self, session: Session) -> None:
        """One person at a time: who comes second sees what the first did."""
        session.flush()
        session.scalar(select(CollectionBatch.id).where(CollectionBatch.id == self.id).with_for_update())
        session.refresh(self)

    def _must_be(self, states: str | tuple[str, ...], verb: str) -> None:
        wanted = (states,) if isinstance(states, str) else states
        if self.state not in wanted:
            raise Refused(
                "Collection %(number)s is %(state)s; you can %(verb)s it only while it is %(wanted)s.",
                number=self.number,
                state=self.state,
                verb=verb,
                wanted=" or ".join(wanted),
            )


class CollectionFile(Base):
    """One file of a batch as the bank gets it. Its bytes never change."""

    __tablename__ = "supporters_collection_file"
    __table_args__ = (UniqueConstraint("batch_id", "sequence"),)

    id: Mapped[pk]
    batch_id: Mapped[int] = mapped_column(ForeignKey("supporters_collection_batch.id"))
    sequence: Mapped[int]
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    count: Mapped[int]
    total: Mapped[cents]
    sha256: Mapped[str] = mapped_column(String(64))

    batch: Mapped[CollectionBatch] = relationship(back_populates="files")
    document: Mapped[Document] = relationship()

    def chunks(self, session: Session) -> Iterator[bytes]:
        return self.document.chunks(session)
