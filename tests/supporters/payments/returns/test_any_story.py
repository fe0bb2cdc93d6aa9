"""Whatever the bank tells, in whatever order, and whatever people do about it: the books keep their promises."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.errors import AchterbanError, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift, Reversal
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.returns.reasons import ACTIONS, TABLE
from supporters.payments.returns.recording import News, record
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa.batch import CollectionBatch
from tests.cast import ANNA, BRAM
from tests.promises.ledger import broken_promises
from tests.supporters.payments.returns.coming_back import promises
from tests.supporters.payments.sepa.collecting import at, exported

CODES = ["", "ZZ99", *sorted({row.code for row in TABLE})]


@pytest.mark.parametrize("seed", range(6))
def test_the_books_keep_their_promises(session: Session, seed: int) -> None:
    rng = Random(seed)
    commitments = promises(session, 5)
    today = date(2026, 12, 10)
    for _ in range(4):
        on = date(today.year + today.month // 12, today.month % 12 + 1, 28)
        with suppress(Refused):
            exported(session, on=on, now=at(on - timedelta(days=9)))
        session.rollback()
        today = on + timedelta(days=1)
        for _ in range(14):
            today += timedelta(days=rng.randrange(2))
            with suppress(AchterbanError):
                step(session, rng, commitments, today)
                session.commit()
            session.rollback()
        assert broken_promises(session) == []
    for finding in registry.checks["returns"](session, now=at(today)):
        assert finding.rule == "paid-back-twice"
    reversed_of: dict[int, int] = {}
    for back in session.scalars(select(Reversal)):
        reversed_of[back.gift_id] = reversed_of.get(back.gift_id, 0) + back.amount
    for gift in session.scalars(select(Gift)):
        assert 0 <= reversed_of.get(gift.id, 0) <= gift.amount
    for row in session.scalars(select(Returned)):
        assert row.payment.state == {"rejected": "failed", "returned": "returned"}[row.stage]


def step(session: Session, rng: Random, commitments: list[Commitment], today: date) -> None:
    now, what = at(today), rng.choice(["tell", "tell", "tell", "act", "act", "book", "refund", "account", "resume"])
    if what == "tell":
        lines = session.scalars(select(Payment).order_by(Payment.id)).all()
        some = [rng.choice(lines) for _ in range(rng.randrange(1, 4))]
        news = [News(p, rng.choice(CODES), today, told="x", collected=rng.random() < 0.6) for p in some]
        answers = record(session, news, by=ANNA, now=now)
        assert len(answers) == len(news)
    elif what == "act":
        rows = session.scalars(select(Returned.id).order_by(Returned.id)).all()
        ids = rng.sample(list(rows), min(len(rows), rng.randrange(1, 3)))
        Returned.act_on(session, ids, rng.choice(ACTIONS), by=BRAM, now=now, today=today)
    elif what == "book":
        batch = session.scalars(select(CollectionBatch).where(CollectionBatch.state == "exported")).first()
        if batch is not None:
            batch.book(session, by=ANNA, now=now)
    elif what == "refund":
        gift = rng.choice(session.scalars(select(Gift).order_by(Gift.id)).all() or [None])
        if gift is not None:
            gift.reverse(session, Money(rng.choice((300, 1000))), on=today, kind="refund", by=ANNA, now=now)
    elif what == "account":
        mandate = rng.choice(commitments).mandate
        assert mandate is not None
        iban = rng.choice(("NL39RABO0300065264", "NL02ABNA0123456789"))
        mandate.change_account(session, iban, by=ANNA, now=now, on=today)
    else:
        rng.choice(commitments).resume(session, on=today, by=ANNA, now=now)
