"""The parts of a collection as the bank books them: each PmtInf of each file, with what it holds."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from supporters.giving.mandate import Mandate
from supporters.payments.payment import Payment
from supporters.payments.sepa.batch import CollectionBatch, CollectionFile
from supporters.payments.sepa.pain008 import payment_information_id
from supporters.payments.sepa.rendering import ORDER

#: A message id (B00012-1) or the id of a block in it (B00012-1-2), anywhere in a text.
REFERENCE = re.compile(r"(?<![A-Za-z0-9])(B\d{5,12}-\d{1,5})(-\d{1,5})?(?![A-Za-z0-9-])")


class Block(NamedTuple):
    batch_id: int
    state: str  # of the collection
    collect_on: date
    message: str
    reference: str
    sequence_type: str
    scheme: str
    debits: int
    total: int
    failed: int  # how many the bank refused before any money moved
    failed_total: int

    @property
    def expected(self) -> int:
        """What the bank pays out of it."""
        return self.total - self.failed_total


def blocks(session: Session, batch_ids: Collection[int]) -> list[Block]:
    """Every block of these collections that were approved, in the order of the files."""
    if not batch_ids:
        return []
    in_file = select(CollectionFile.batch_id, CollectionFile.count).where(
        CollectionFile.batch_id.in_(batch_ids), CollectionFile.sequence == 1
    )
    first = in_file.subquery()
    position = func.row_number().over(partition_by=Payment.batch_id, order_by=(ORDER, Mandate.scheme, Payment.id)) - 1
    lines = (
        select(
            Payment.batch_id, Payment.sequence_type, Mandate.scheme, Payment.amount, ORDER.label("rank"),
            (position // first.c.count).label("part"), (Payment.state == "failed").label("failed"),
        )
        .join(Mandate, Mandate.id == Payment.mandate_id)
        .join(first, first.c.batch_id == Payment.batch_id)
        .where(Payment.batch_id.in_(batch_ids), Payment.state != "cancelled")
        .subquery()
    )  # fmt: skip
    rows = session.execute(
        select(
            CollectionBatch.id, CollectionBatch.state, CollectionBatch.collect_on, lines.c.part, lines.c.sequence_type,
            lines.c.scheme, func.count(), func.sum(lines.c.amount), func.sum(case((lines.c.failed, 1), else_=0)),
            func.sum(case((lines.c.failed, lines.c.amount), else_=0)),
        )
        .join(lines, lines.c.batch_id == CollectionBatch.id)
        .group_by(
            CollectionBatch.id, CollectionBatch.state, CollectionBatch.collect_on, lines.c.part, lines.c.rank,
            lines.c.sequence_type, lines.c.scheme,
        )
        .order_by(CollectionBatch.id, lines.c.part, lines.c.rank, lines.c.scheme)
    )  # fmt: skip
    found: list[Block] = []
    for (batch_id, part), group in groupby(rows, key=lambda row: (row[0], row[3])):
        message = f"B{batch_id:05d}-{int(part) + 1}"
        for number, row in enumerate(group, start=1):
            _, state, collect_on, _, kind, scheme, *figures = row
            reference = payment_information_id(message, number)
            found.append(Block(batch_id, state, collect_on, message, reference, kind, scheme, *map(int, figures)))
    return found
