"""A batch as the bank's files: rows streamed from the database into one validated file after another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, aliased

from supporters.giving.mandate import Mandate, MandateAmendment
from supporters.payments.payment import Payment
from supporters.payments.sepa import pain008
from supporters.payments.sepa.debit import Amendment, Block, Debit
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter

if TYPE_CHECKING:
    from supporters.payments.sepa.batch import CollectionBatch

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Rendered:
    """One written and validated file, in a temporary place."""

    sequence: int
    filename: str
    count: int
    total: int
    file: IO[bytes]

    def chunks(self) -> Iterator[bytes]:
        self.file.seek(0)
        while chunk := self.file.read(CHUNK):
            yield chunk


def render(session: Session, batch: CollectionBatch, format: str, *, now: datetime) -> Iterator[Rendered]:
    """Write and validate the batch's files one by one, each at most as long as the bank takes. Raises FileRefused.

    A file is gone when the next one is asked for.
    """
    plan = _plan(session, batch)
    rows = iter(_debits(session, batch))
    for sequence, blocks in sorted(plan.items()):
        with tempfile.TemporaryFile() as file:
            count = sum(block.count for block in blocks)
            written = pain008.write(
                file,
                format=format,
                message_id=f"{batch.number}-{sequence}",
                created_at=now,
                creditor=batch.account.creditor,
                blocks=blocks,
                debits=islice(rows, count),
            )
            file.flush()
            file.seek(0)
            pain008.validate(file, format)
            suffix = f"-{sequence}of{len(plan)}" if len(plan) > 1 else ""
            name = f"{batch.number}-{batch.collect_on.isoformat()}{suffix}.xml"
            yield Rendered(sequence, name, written.count, written.total, file)


# Firsts before recurrings, each file of the same kinds together.
ORDER = case((Payment.sequence_type == "FRST", 1), (Payment.sequence_type == "RCUR", 2), else_=3)


def _plan(session: Session, batch: CollectionBatch) -> dict[int, list[Block]]:
    """The blocks of each file, counted by the database before a line is written."""
    position = func.row_number().over(order_by=(ORDER, Mandate.scheme, Payment.id)) - 1
    lines = (
        select(
            Payment.sequence_type.label("sequence_type"),
            Mandate.scheme.label("scheme"),
            Payment.amount.label("amount"),
            ORDER.label("rank"),
            position.label("position"),
        )
        .join(Mandate, Mandate.id == Payment.mandate_id)
        .where(Payment.batch_id == batch.id, Payment.state == "open")
        .subquery()
    )
    part = lines.c.position // batch.account.transactions_per_file
    rows = session.execute(
        select(part.label("part"), lines.c.sequence_type, lines.c.scheme, func.count(), func.sum(lines.c.amount))
        .group_by(part, lines.c.rank, lines.c.sequence_type, lines.c.scheme)
        .order_by(part, lines.c.rank, lines.c.scheme)
    ).all()
    return {
        int(number) + 1: [
            Block(kind, batch.collect_on, count, int(total), scheme) for _, kind, scheme, count, total in group
        ]
        for number, group in groupby(rows, key=lambda row: row.part)
    }


def members(session: Session, batch: CollectionBatch, sequence: int, block: int | None = None) -> list[int]:
    """The payments that stand in a file that was written, or in one block of it (counted from 1), in its order.

    The files say how many each holds; what became of a payment since does not move it.
    """
    sizes = {file.sequence: file.count for file in batch.files}
    if sequence not in sizes:
        return []
    before = sum(count for number, count in sizes.items() if number < sequence)
    rows = session.execute(
        select(Payment.id, Payment.sequence_type, Mandate.scheme)
        .join(Mandate, Mandate.id == Payment.mandate_id)
        .where(Payment.batch_id == batch.id, Payment.state != "cancelled")
        .order_by(ORDER, Mandate.scheme, Payment.id)
        .offset(before)
        .limit(sizes[sequence])
    ).all()
    if block is None:
        return [row.id for row in rows]
    parts = [list(group) for _, group in groupby(rows, key=lambda row: (row.sequence_type, row.scheme))]
    return [row.id for row in parts[block - 1]] if 0 < block <= len(parts) else []


def _debits(session: Session, batch: CollectionBatch) -> Iterator[Debit]:
    old = aliased(BankAccount)
    columns: list[Any] = [
        Payment.reference,
        Payment.amount,
        Payment.iban,
        Payment.bic,
        Supporter.first_name,
        Supporter.initials,
        Supporter.prefix,
        Supporter.surname,
        Supporter.organisation_name,
        BankAccount.holder,
        Mandate.reference,
        Mandate.signed_on,
        Payment.sequence_type,
        old.iban,
    ]
    query = (
        select(*columns)
        .join(Mandate, Mandate.id == Payment.mandate_id)
        .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
        .join(Supporter, Supporter.id == Payment.supporter_id)
        .outerjoin(MandateAmendment, MandateAmendment.id == Payment.amendment_id)
        .outerjoin(old, old.id == MandateAmendment.old_account_id)
        .where(Payment.batch_id == batch.id, Payment.state == "open")
        .order_by(ORDER, Mandate.scheme, Payment.id)
    )
    remittance = batch.account.remittance or batch.account.name
    rows = session.execute(query, execution_options={"stream_results": True, "yield_per": 2_000})
    for (
        reference,
        amount,
        iban,
        bic,
        first,
        initials,
        prefix,
        surname,
        organisation,
        holder,
        mandate,
        signed_on,
        kind,
        was,
    ) in rows:
        name = holder or organisation or " ".join(filter(None, (initials or first, prefix, surname)))
        amendment = Amendment(original_iban=was) if was is not None and was != iban else None
        yield Debit(reference, amount, iban, bic, name, mandate, signed_on, kind, remittance, None, amendment)
