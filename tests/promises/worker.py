"""A process of its own that does one step of a collection, and can be killed at any instant."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, insert
from sqlalchemy.orm import Session

import supporters as library
from supporters.db import configure_sqlite
from supporters.giving.commitment import Commitment
from supporters.giving.mandate import Mandate
from supporters.giving.term import Term
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter
from tests import cast
from tests.cast import ANNA, BRAM, NOW
from tests.supporters.payments.sepa.collecting import DUE, LONG_AGO, at

STEPS = ("prepare", "approve", "export", "book")
COUNT = 400
assert library.__all__  # Everything is loaded before the first child is made.


def opened(url: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    configure_sqlite(engine)
    return engine


def work(url: str, step: str) -> None:
    """One step, committed once; done already is fine: whoever starts again does not know."""
    with Session(opened(url)) as session:
        batch = session.query(CollectionBatch).order_by(CollectionBatch.id.desc()).first()
        if step == "prepare":
            if batch is None:
                CollectionBatch.prepare(session, CreditorAccount.only(session), on=DUE, by=ANNA, now=NOW)
        elif batch is not None and step == "approve":
            if batch.state == "prepared":
                batch.approve(session, by=BRAM, now=NOW)
        elif batch is not None and step == "export":
            batch.export(session, by=BRAM, now=NOW)
        elif batch is not None and batch.state != "booked":
            batch.book(session, by=ANNA, now=at(DUE))
        session.commit()


def fill(engine: Engine) -> None:
    """Several hundred promises that are due, in a handful of statements."""
    with Session(engine) as session:
        fund = cast.fund(session)
        account = cast.creditor(session, transactions_per_file=150)
        session.flush()
        ids, given = range(1, COUNT + 1), {"id": None}
        iban = "NL91ABNA0417164300"

        def add(model: Any, **fields: Any) -> None:
            session.execute(insert(model), [{key: value(n) if callable(value) else value for key, value in
                                             (given | {"id": n} | fields).items()} for n in ids])  # fmt: skip

        own: Any = lambda n: n  # noqa: E731
        add(Supporter, kind="person", surname=lambda n: f"N{n}", sort_name="n", joined_on=LONG_AGO, created_at=NOW)
        add(BankAccount, supporter_id=own, iban=iban, from_on=LONG_AGO, recorded_by="x")
        add(
            Mandate, supporter_id=own, bank_account_id=own, creditor_identifier=account.identifier,
            reference=lambda n: f"M{n}", evidence_kind="paper", signed_on=LONG_AGO, created_at=NOW, created_by="x",
        )  # fmt: skip
        add(
            Commitment, supporter_id=own, fund_id=fund.id, mandate_id=own, started_on=DUE, next_due_on=DUE,
            created_at=NOW, created_by="x",
        )  # fmt: skip
        add(
            Term, commitment_id=own, amount=lambda n: 500 + n, interval_months=1, anchor_on=DUE, anchor_day=DUE.day,
            first_number=1, recorded_at=NOW, recorded_by="x",
        )  # fmt: skip
        add(
            Announcement, term_id=own, amount=lambda n: 500 + n, first_due_on=DUE, channel="letter",
            announced_on=LONG_AGO, recorded_at=NOW, recorded_by="x",
        )  # fmt: skip
        session.commit()
