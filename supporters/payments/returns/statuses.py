"""What a pain.002 says of the files that we sent, acted on: rejected debits fail, and nothing it tells is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving.mandate import Mandate
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.told import BatchStatus, PaymentStatus, Status, StatusHead
from supporters.payments.payment import Payment
from supporters.payments.returns import recording
from supporters.payments.returns.answer import BankAnswer
from supporters.payments.returns.reasons import recognised
from supporters.payments.returns.recording import News
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa.batch import CollectionBatch, CollectionFile
from supporters.payments.sepa.rendering import members
from supporters.payments.taking_back import blocks

ACCEPTED = frozenset({"ACCP", "ACTC", "ACSP", "ACSC", "ACWC", "ACWP", "ACCC", "ACFC"})
PENDING = frozenset({"PDNG", "RCVD"})
_MESSAGE = re.compile(r"B0*(\d{1,12})-(\d{1,6})")
_BLOCK = re.compile(r"(B0*\d{1,12}-\d{1,6})-(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Something that was told and not acted on: where it stands, what it is about, and why not."""

    place: str
    reference: str
    why: Refused


@dataclass(slots=True)
class Outcome:
    """What became of a pain.002."""

    rejected: int = 0  # debits that fail by it
    returned: int = 0  # debits that were booked already, and so count as come back
    accepted: int = 0  # debits that it says were accepted
    known: int = 0  # told before
    rejected_cents: int = 0
    returned_cents: int = 0
    unknown: list[Unplaced] = field(default_factory=list)
    #: Numbers of the collections that it is about.
    batches: list[str] = field(default_factory=list)


def act_on(
    session: Session,
    told: Iterable[Status],
    *,
    file: BankFile | None = None,
    by: Actor,
    now: datetime,
    today: date | None = None,
    zone: tzinfo | None = None,
) -> Outcome:
    """Act on a pain.002 in the order that it tells; the same one again changes nothing.

    Debits that it speaks of by themselves go first, so that a file rejected whole keeps the reason of each.
    """
    session.flush()
    run = _Run(session, file, by, now, today or now.date(), zone or now.tzinfo, Outcome())
    for each in told:
        if isinstance(each, StatusHead):
            run.finish()
            run.begin(each)
        elif isinstance(each, BatchStatus):
            run.of_batch(each)
        else:
            run.of_payment(each)
    run.finish()
    return run.outcome


@dataclass(slots=True)
class _Run:
    session: Session
    file: BankFile | None
    by: Actor
    now: datetime
    today: date
    zone: tzinfo | None
    outcome: Outcome
    head: StatusHead | None = None
    ours: CollectionFile | None = None
    wholes: list[BatchStatus] = field(default_factory=list)
    waiting: list[PaymentStatus] = field(default_factory=list)
    rejects: int = 0

    def begin(self, head: StatusHead) -> None:
        self.head, self.ours, self.wholes, self.waiting, self.rejects = head, None, [], [], 0
        if head.message_reference:
            self.ours = self._file(head.message_reference)
            if self.ours is None:
                self._set_apart(
                    head.place, head.message_reference,
                    Refused(
                        "It is about file “%(reference)s”, which we did not send: nothing of it was taken over.",
                        reference=head.message_reference[:80],
                    ),
                )  # fmt: skip
        if self.ours is not None and self.ours.batch.number not in self.outcome.batches:
            self.outcome.batches.append(self.ours.batch.number)

    @property
    def is_foreign(self) -> bool:
        return self.head is not None and bool(self.head.message_reference) and self.ours is None

    @property
    def told_on(self) -> date:
        made = self.head.made_at if self.head is not None else None
        if made is None:
            return self.today
        return (made.astimezone(self.zone) if made.tzinfo and self.zone else made).date()

    def of_batch(self, status: BatchStatus) -> None:
        self.wholes.append(status)

    def of_payment(self, status: PaymentStatus) -> None:
        self.waiting.append(status)
        if len(self.waiting) >= 1_000:
            self._work_off()

    def finish(self) -> None:
        """The debits that wait, and then what was said of whole blocks and of the file."""
        self._work_off()
        if self.head is None or self.is_foreign:
            return
        for whole in self.wholes:
            self._block(whole)
        if self.head.status == "RJCT" and self.ours is not None:
            self._reject_all(
                members(self.session, self.ours.batch, self.ours.sequence), self.head.reason, self.head.reason_text
            )
        elif self.head.status == "RJCT" and self.head.message_reference == "":
            self._set_apart(
                self.head.place, self.head.ident, Refused("The bank rejects a file and does not say which.")
            )
        elif self.head.status in ACCEPTED and self.ours is not None:
            self.outcome.accepted += max(0, self.ours.count - self.rejects)
        self._note()

    # -- one debit ---------------------------------------------------------------------------------

    def _work_off(self) -> None:
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        if self.is_foreign:
            assert self.head is not None
            for each in waiting:
                self._set_apart(
                    each.place, each.end_to_end_id,
                    Refused(
                        "Debit %(reference)s of file “%(file)s”, which we did not send.",
                        reference=each.end_to_end_id[:64], file=self.head.message_reference[:80],
                    ),
                )  # fmt: skip
            return
        found: dict[str, tuple[Payment, str | None]] = {}
        for some in blocks([each.end_to_end_id for each in waiting]):
            rows = self.session.execute(
                select(Payment, Mandate.reference)
                .outerjoin(Mandate, Mandate.id == Payment.mandate_id)
                .where(Payment.reference.in_(some), Payment.gateway == "sepa")
            )
            found |= {payment.reference: (payment, mandate) for payment, mandate in rows}
        rejected: list[tuple[PaymentStatus, Payment]] = []
        for each in waiting:
            payment, mandate = found.get(each.end_to_end_id, (None, None))
            if why := self._does_not_fit(each, payment, mandate):
                self._set_apart(each.place, each.end_to_end_id, why)
                continue
            assert payment is not None
            status = self._status(each)
            if status == "RJCT":
                rejected.append((each, payment))
            elif status in ACCEPTED:
                self.outcome.accepted += 1 if self.head is None or self.head.status not in ACCEPTED else 0
            elif status not in PENDING:
                self._set_apart(
                    each.place, each.end_to_end_id,
                    Refused(
                        "Debit %(reference)s has status “%(status)s”, which says neither yes nor no.",
                        reference=each.end_to_end_id, status=status[:20],
                    ),
                )  # fmt: skip
        self._reject([(payment, each.place, each.reason, each.reason_text) for each, payment in rejected])

    def _status(self, told: PaymentStatus) -> str:
        """Its own; else some banks name only what they reject, with the reason; else that of its block or file."""
        if told.status:
            return told.status
        if told.reason or told.reason_text:
            return "RJCT"
        whole = next((each for each in self.wholes if each.batch_reference == told.batch_reference), None)
        return (whole.status if whole is not None else "") or (self.head.status if self.head is not None else "")

    def _does_not_fit(self, told: PaymentStatus, payment: Payment | None, mandate: str | None) -> Refused | None:
        if payment is None:
            return Refused("We sent no debit with reference “%(reference)s”.", reference=told.end_to_end_id[:64])
        if self.ours is not None and payment.batch_id != self.ours.batch_id:
            return Refused(
                "Debit %(reference)s is not in collection %(number)s, which the file is about.",
                reference=payment.reference, number=self.ours.batch.number,
            )  # fmt: skip
        if told.amount is not None and (told.amount, told.currency or payment.currency) != (
            payment.amount, payment.currency,
        ):  # fmt: skip
            return Refused(
                "Debit %(reference)s was of %(money)s; the bank tells of another amount.",
                reference=payment.reference, money=str(payment.money),
            )  # fmt: skip
        if told.mandate and mandate and told.mandate != mandate:
            return Refused(
                "Debit %(reference)s was on mandate %(mandate)s; the bank tells of another.",
                reference=payment.reference, mandate=mandate,
            )  # fmt: skip
        return None

    # -- many --------------------------------------------------------------------------------------

    def _block(self, whole: BatchStatus) -> None:
        if whole.status != "RJCT":
            return
        match = _BLOCK.fullmatch(whole.batch_reference)
        file = self._file(match[1]) if match else None
        ids = members(self.session, file.batch, file.sequence, int(match[2])) if file is not None and match else []
        if not ids or (self.ours is not None and file is not self.ours):
            self._set_apart(
                whole.place, whole.batch_reference,
                Refused(
                    "The bank rejects “%(reference)s”, which is no part of a file that we sent.",
                    reference=whole.batch_reference[:80],
                ),
            )  # fmt: skip
            return
        self._reject_all(ids, whole.reason, whole.reason_text, place=whole.place)

    def _reject_all(self, ids: Sequence[int], reason: str, words: str, place: str = "") -> None:
        """Those of them that nothing was said of yet."""
        place = place or (self.head.place if self.head is not None else "")
        for some in blocks(ids):
            told = set(self.session.scalars(select(Returned.payment_id).where(Returned.payment_id.in_(some))))
            rows = self.session.scalars(select(Payment).where(Payment.id.in_(set(some) - told)).order_by(Payment.id))
            self._reject([(payment, place, reason, words) for payment in rows])

    def _reject(self, rejected: Sequence[tuple[Payment, str, str, str]]) -> None:
        if not rejected:
            return
        before = set(
            self.session.scalars(
                select(Returned.payment_id).where(Returned.payment_id.in_([r[0].id for r in rejected]))
            )
        )
        news = [
            News(payment, reason, self.told_on, told=words, file_id=self.file.id if self.file is not None else None)
            for payment, _, reason, words in rejected
        ]
        self.rejects += len(rejected)
        for (payment, place, _, _), answer in zip(
            rejected, recording.record(self.session, news, by=self.by, now=self.now), strict=True
        ):
            if isinstance(answer, Refused):
                self._set_apart(place, payment.reference, answer)
            elif payment.id in before:
                self.outcome.known += 1
            elif answer.stage == "rejected":
                self.outcome.rejected += 1
                self.outcome.rejected_cents += answer.amount
            else:
                self.outcome.returned += 1
                self.outcome.returned_cents += answer.amount
            before.add(payment.id)

    # -- the file ----------------------------------------------------------------------------------

    def _file(self, reference: str) -> CollectionFile | None:
        match = _MESSAGE.fullmatch(reference)
        if match is None:
            return None
        found = self.session.scalar(
            select(CollectionFile)
            .join(CollectionBatch, CollectionBatch.id == CollectionFile.batch_id)
            .where(CollectionFile.batch_id == int(match[1]), CollectionFile.sequence == int(match[2]))
        )
        return found if found is not None and f"{found.batch.number}-{found.sequence}" == reference else None

    def _note(self) -> None:
        """On the file that it is about, once for each message of the bank."""
        if self.ours is None or self.head is None:
            return
        head = self.head
        ident = (head.ident or f"{self.file.sha256[:20] if self.file is not None else self.told_on.isoformat()}")[:80]
        known = select(BankAnswer.id).where(BankAnswer.collection_file_id == self.ours.id, BankAnswer.ident == ident)
        if self.session.scalar(known) is not None:
            return
        ids = members(self.session, self.ours.batch, self.ours.sequence)
        failed = 0
        for some in blocks(ids):
            failed += int(
                self.session.scalar(
                    select(func.count()).where(Payment.id.in_(some), Payment.state == "failed")
                ) or 0
            )  # fmt: skip
        if failed >= self.ours.count:
            status = "rejected"
        elif head.status in PENDING:
            status = "pending"
        else:
            status = "partly" if failed or head.status == "PART" else "accepted"
        self.session.add(
            BankAnswer(
                collection_file_id=self.ours.id, ident=ident, status=status, reason=recognised(head.reason),
                told=" ".join(head.reason_text.split())[:255], told_on=self.told_on,
                accepted=self.ours.count - failed, rejected=self.rejects,
                file_id=self.file.id if self.file is not None else None, recorded_at=self.now, recorded_by=self.by.key,
            )
        )  # fmt: skip
        self.session.flush()

    def _set_apart(self, place: str, reference: str, why: Refused) -> None:
        self.outcome.unknown.append(Unplaced(place, reference, why))
