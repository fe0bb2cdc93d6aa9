"""What a bank told, in a few lines: an account of ours, and movements on it that nobody looked at yet."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.documents import Document
from supporters.payments.bank import booking, matching
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.sepa.batch import CollectionBatch
from tests import cast

_COUNTER = count(1)
DAY = date(2026, 12, 28)


def account(session: Session, number: str = cast.OUR_IBAN, **fields: Any) -> OurAccount:
    known = session.scalar(select(OurAccount).where(OurAccount.number == number))
    return known or OurAccount.add(session, number, "Donations", by=cast.ANNA, now=cast.NOW, **fields)


def statement(session: Session, ours: OurAccount) -> BankStatement:
    found = session.scalar(select(BankStatement).where(BankStatement.account_id == ours.id))
    if found is not None:
        return found
    content = f"statement of {ours.number}".encode()
    document = Document.store(
        session, [content], kind="bank_file", filename="a.xml", media_type="application/xml", by=cast.ANNA, now=cast.NOW
    )
    file = BankFile(
        document_id=document.id, sha256=document.sha256, filename="a.xml", format="camt.053.001.02",
        imported_at=cast.NOW, imported_by=cast.ANNA.key,
    )  # fmt: skip
    session.add(file)
    session.flush()
    made = BankStatement(
        file_id=file.id, position=1, account_id=ours.id, kind="statement", ident="1", currency=ours.currency
    )
    session.add(made)
    session.flush()
    return made


def line(session: Session, amount: int, *, on: date = DAY, ours: OurAccount | None = None, **fields: Any) -> BankLine:
    """A movement of so many cents; below zero it went off."""
    ours = ours or account(session)
    number = next(_COUNTER)
    given = {"key": f"{on}:{amount}:{number:09d}", "currency": ours.currency} | fields
    made = BankLine(
        account_id=ours.id, statement_id=statement(session, ours).id, position=number, booked_on=on, amount=amount,
        **given,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def from_ada(session: Session, amount: int = 2500, **fields: Any) -> BankLine:
    """Ada transfers it from her own account, under her own name."""
    return line(session, amount, **{"iban": cast.ADAS_IBAN, "name": "A. Lovelace"} | fields)


def matched(session: Session, *lines: BankLine) -> list[tuple[Any, ...]]:
    """What each line is after matching: (state, kind, because, doubt)."""
    matching.match(session, now=cast.NOW, today=DAY)
    session.commit()
    return [(each.state, each.kind, each.because, each.doubt) for each in lines]


def book(session: Session, **options: Any) -> booking.Booked:
    given = {"by": cast.ANNA, "now": cast.NOW, "today": DAY} | options
    done = booking.book_matched(session, **given)
    session.commit()
    return done


def reference(batch: CollectionBatch, file: int = 1, block: int = 1) -> str:
    return f"{batch.number}-{file}-{block}"
