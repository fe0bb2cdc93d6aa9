"""Every line of the bank is kept once: whatever file, format, part or order it comes in."""

from __future__ import annotations

import io
import itertools
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.payments.bank.importing import DoesNotAddUp, Outcome, import_statements
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.tasks import Task
from tests.bank_files import Account, Movement

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
BY = Actor("import", "a test")
FIRST = date(2026, 11, 2)


@pytest.fixture
def ours(session: Session) -> OurAccount:
    return OurAccount.add(session, "NL13TEST0123456789", "Donations", by=BY, now=NOW)


def read(session: Session, content: bytes, name: str = "file", **given: Any) -> Outcome:
    return import_statements(session, io.BytesIO(content), name, by=BY, now=NOW, **given)


def kept(session: Session) -> Counter[tuple[date, int]]:
    rows = session.execute(select(BankLine.booked_on, BankLine.amount).where(BankLine.parent_id.is_(None)))
    return Counter((on, amount) for on, amount in rows)


def truth(account: Account) -> Counter[tuple[date, int]]:
    return Counter((each.on, each.amount) for each in account.movements)


def gift(day: int, amount: int = 10_00, **said: Any) -> Movement:
    return Movement(date(2026, 11, day), amount, **said)


def test_a_statement_is_kept_and_the_same_file_again_changes_nothing(session: Session, ours: OurAccount) -> None:
    account = Account([gift(2, name="Ada", iban="NL91ABNA0417164300", text="gift"), gift(3, -4_00)])
    first = read(session, account.camt053())
    again = read(session, account.camt053(), "another name")
    assert (first.new, first.known, first.known_since) == (2, 0, None)
    assert (again.known_since, again.statements) == (NOW, [])
    assert kept(session) == truth(account)


@pytest.mark.parametrize("second", ["camt053", "mt940"])
def test_identical_lines_stay_two_in_one_file_and_one_in_two_formats(
    session: Session, ours: OurAccount, second: str
) -> None:
    account = Account([gift(2), gift(2), gift(2, -10_00), gift(2)])
    read(session, account.camt053())
    outcome = read(session, getattr(account, second)())
    assert outcome.new == 0
    assert kept(session) == truth(account)


def test_twins_in_two_files_of_one_day_stay_two(session: Session, ours: OurAccount) -> None:
    account = Account([gift(2), gift(2), gift(2)])
    for part in range(3):
        read(session, account.mt940(part, part + 1, number=str(part + 1)))
    assert kept(session) == truth(account)
    assert read(session, account.camt053()).new == 0


def test_a_day_that_is_sorted_otherwise_is_the_same_day(session: Session, ours: OurAccount) -> None:
    account = Account([gift(2, 5_00), gift(2, -1_00), gift(2, 10_00), gift(3, 7_00), gift(3, 8_00)])
    other = Account([gift(2, 10_00), gift(2, 5_00), gift(2, -1_00), gift(3, 8_00), gift(3, 7_00)])
    read(session, account.camt053())
    assert read(session, other.mt940()).new == 0
    assert read(session, account.camt053(ident="reversed", newest_first=True)).new == 0
    assert kept(session) == truth(account)


def test_the_newest_first_and_then_in_order(session: Session, ours: OurAccount) -> None:
    account = Account([gift(day, 5_00) for day in (2, 3, 3, 4, 5, 5, 5)])
    read(session, account.camt053(newest_first=True))
    assert read(session, account.mt940()).new == 0
    assert read(session, account.camt053(2, 6)).new == 0


def test_what_does_not_add_up_stops_the_import_with_the_figures(session: Session, ours: OurAccount) -> None:
    account = Account([gift(2), gift(3)])
    broken = account.camt053().replace(b"120.00", b"130.00")
    with pytest.raises(DoesNotAddUp) as caught:
        read(session, broken)
    assert all(figure in caught.value.message for figure in ("100.00", "20.00", "130.00", "10.00"))
    assert not kept(session)
    person = Actor.person("finance@example.org", authenticated=True)
    outcome = import_statements(
        session, io.BytesIO(broken), "file", by=person, now=NOW, accept="The bank says that it was its mistake."
    )
    assert outcome.statements[0].difference == -10_00
    assert kept(session) == truth(account)


@pytest.mark.parametrize("accepted_first", [True, False])
def test_two_closing_balances_of_one_period_are_asked_about(
    session: Session, ours: OurAccount, accepted_first: bool
) -> None:
    account = Account([gift(2), gift(3)])
    whole = account.camt053(number="7")
    files = [("broken.xml", whole.replace(b">120.00<", b">130.00<")), ("whole.xml", whole)]
    person = Actor.person("finance@example.org", authenticated=True)
    for name, content in files if accepted_first else files[::-1]:
        import_statements(session, io.BytesIO(content), name, by=person, now=NOW, accept="The bank says so.")
    (task,) = session.scalars(select(Task))
    for said in ("Statement 7 of NL13TEST0123456789", "EUR 130.00 in broken.xml", "EUR 120.00 in whole.xml"):
        assert said in task.title
    assert kept(session) == truth(account)


def test_a_day_in_parts_or_told_halfway_before_raises_no_question(session: Session, ours: OurAccount) -> None:
    account = Account([gift(2), gift(2), gift(2, 7_00)])
    for start, end in ((0, 1), (1, 3), (0, 2), (0, 3)):
        read(session, account.mt940(start, end, number="7"))
    other = Account([gift(3)], opening=127_00)
    person = Actor.person("finance@example.org", authenticated=True)
    broken = other.camt053(number="8").replace(b"137.00", b"139.00")
    import_statements(session, io.BytesIO(broken), "file", by=person, now=NOW, accept="The bank says so.")
    assert session.scalar(select(Task)) is None


def test_a_total_is_divided_when_its_parts_come(session: Session, ours: OurAccount) -> None:
    parts = (gift(2, -5_00, name="Ada"), gift(2, -7_00, name="Sam"))
    account = Account([gift(2, -12_00, parts=parts), gift(3)])
    read(session, account.camt053(detailed=False))
    read(session, account.camt054(account.movements))
    lines = session.scalars(select(BankLine).order_by(BankLine.id)).all()
    total = next(line for line in lines if line.amount == -12_00)
    assert total.state == "detailed"
    assert sorted(line.amount for line in lines if line.parent_id == total.id) == [-7_00, -5_00]
    assert kept(session) == truth(account)
    read(session, account.camt053(ident="with details"))
    assert len(session.scalars(select(BankLine)).all()) == 4


def test_a_notification_and_a_statement_tell_one_event(session: Session, ours: OurAccount) -> None:
    account = Account([gift(2), gift(2), gift(2, 7_00)])
    read(session, account.camt054(account.movements[:1]))
    read(session, account.camt053())
    read(session, account.camt054(account.movements, ident="N2"))
    assert kept(session) == truth(account)


AMOUNT = (10_00, 25_00, 10_00, -4_00)
AMOUNTS = st.sampled_from([10_00, 10_00, 10_00, -10_00, 25_00, -4_00])


@dataclass(frozen=True)
class File:
    name: str
    content: bytes = field(repr=False)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Account, list[File]]:
    """An account, and files that tell all of it: parts that overlap or repeat, in any format and order."""
    count = draw(st.integers(1, 14))
    steps = draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    day, movements = FIRST.day, []
    marked = draw(st.booleans())
    for number in range(count):
        day += steps[number]
        said = {"end_to_end_id": f"E{number}", "iban": "NL91ABNA0417164300"} if marked else {}
        movements.append(gift(day, draw(AMOUNTS), **said))
    account = Account(movements)
    cuts = sorted(draw(st.sets(st.integers(1, max(count - 1, 1)), max_size=4)) | {0, count})
    cuts = [cut for cut in cuts if cut <= count]
    files = []
    for number, (start, end) in enumerate(itertools.pairwise(cuts), 1):
        files.append(_told(draw, account, start, end, number))
    for number in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, count - 1))
        end = draw(st.integers(start + 1, count))
        files.append(_told(draw, account, start, end, None, again=number))
    return account, draw(st.permutations(files))


def _told(draw: st.DrawFn, account: Account, start: int, end: int, number: int | None, again: int = 0) -> File:
    """A part by its running number; or, without one, what somebody had made for a period."""
    if draw(st.booleans()):
        return File(
            f"MT940 {start}:{end}", account.mt940(start, end, number=str(number or 0), ident=f"940-{number}-{again}")
        )
    version = draw(st.sampled_from(["02", "04", "08", "13"]))
    content = account.camt053(start, end, number=str(number or ""), ident=f"C{number}-{again}", version=version)
    return File(f"camt {start}:{end}", content)


@settings(
    max_examples=max(20, int(os.environ.get("ACHTERBAN_HISTORIES", "0"))), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(told=histories())
def test_any_parts_overlaps_formats_and_order_keep_the_same_lines(
    engine: Engine, told: tuple[Account, list[File]]
) -> None:
    account, files = told
    with Session(engine) as session:
        OurAccount.add(session, account.iban, "Donations", by=BY, now=NOW)
        for file in files:
            read(session, file.content, file.name)
        doubtful = session.scalars(select(BankLine).where(BankLine.twin_of_id.is_not(None))).all()
        doubts = Counter((line.booked_on, line.amount) for line in doubtful)
        # Nothing is lost and nothing counts twice. Where a day came by a balance again it may take a person.
        assert kept(session) >= truth(account) >= kept(session) - doubts
        if not account.comes_by_a_balance_again():
            assert kept(session) == truth(account)
            assert not doubtful
        session.rollback()


def test_several_people_at_once_keep_each_line_once(fresh_pg_engine: Engine) -> None:
    """The same days in two formats and in parts, read by eight at once, each in a transaction of their own."""
    account = Account([gift(2 + number // 8, AMOUNT[number % 4]) for number in range(40)])
    with Session(fresh_pg_engine) as session:
        OurAccount.add(session, account.iban, "Donations", by=BY, now=NOW)
        session.commit()
    files = [account.camt053(), account.mt940()]
    files += [account.camt053(start, start + 16, ident=f"part {start}") for start in (0, 8, 16, 24)]
    files += [account.mt940(8, 32, number="0"), account.camt053()]
    together = Barrier(len(files))

    def one(number: int) -> Outcome:
        with Session(fresh_pg_engine) as session:
            together.wait()
            outcome = read(session, files[number], f"file {number}")
            session.commit()
            return outcome

    with ThreadPoolExecutor(len(files)) as pool:
        outcomes = list(pool.map(one, range(len(files))))
    assert len([outcome for outcome in outcomes if outcome.known_since]) == 1  # of the very same file twice
    with Session(fresh_pg_engine) as session:
        assert kept(session) == truth(account)
