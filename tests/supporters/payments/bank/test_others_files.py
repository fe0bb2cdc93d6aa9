"""Files of other projects' banks go in with balances that agree, or are refused with the figures and the place."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.payments.bank.importing import DoesNotAddUp
from supporters.payments.bank.intake import take_in
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.reading import read_statements
from supporters.payments.bank.told import Head, Line, Tail
from tests.supporters.payments.bank.small_files import ABSENT, SAMPLES

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
BY = Actor("import", "a test")
ANNA = Actor.person("anna@example.org", authenticated=True)

FOUND = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".xml", ".txt")) if SAMPLES.is_dir() else []


@pytest.mark.skipif(not FOUND, reason=ABSENT)
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_it_goes_in_or_says_why_not(session: Session, path: Path) -> None:
    content = path.read_bytes()
    if path.name.startswith("pain002"):
        outcome = take_in(session, io.BytesIO(content), path.name, by=BY, now=NOW, today=NOW.date())
        assert outcome.statuses is not None
        assert len(outcome.statuses.unknown) == 5  # the file is none of ours, nor are its four debits: each is told
        return

    told = [each for each in read_statements(io.BytesIO(content)) if not isinstance(each, Tail)]
    said = [each.entry.currency if isinstance(each, Line) else each.currency for each in told]
    currency = next(filter(None, said))
    for number in {each.account for each in told if isinstance(each, Head)}:
        OurAccount.add(session, number, "Theirs", by=BY, now=NOW, currency=currency, as_written=True)
    try:
        outcome = take_in(session, io.BytesIO(content), path.name, by=BY, now=NOW, today=NOW.date())
    except DoesNotAddUp as error:
        assert str(error.difference) in error.message
        assert "line" in error.message
        assert session.scalar(select(func.count()).select_from(BankLine)) == 0
        outcome = take_in(
            session, io.BytesIO(content), path.name, by=ANNA, now=NOW, today=NOW.date(), accept="An edited example."
        )
    kept = session.scalar(select(func.count()).select_from(BankLine).where(BankLine.parent_id.is_(None)))
    assert kept == outcome.new
    again = take_in(session, io.BytesIO(content + b"\n"), "again", by=ANNA, now=NOW, today=NOW.date(), accept="Again.")
    assert (again.known_since, again.new) == (None, 0)
