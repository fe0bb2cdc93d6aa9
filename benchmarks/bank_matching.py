"""50,000 lines of a bank against 87,100 supporters on PostgreSQL: matched, matched again, and booked.

    python benchmarks/bank_matching.py [--quick] [--lines N]

Nine in ten lines lead to somebody: a standing order, an account and a name, our own payment reference, a supporter
number; the others are strangers, joint accounts and names alone. CPU seconds are ours and the database server's.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from _databases import database, own_cpu, server_cpu
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import supporters.public  # noqa: F401  (every model and hook, as an application has them)
from supporters.actor import Actor
from supporters.bulk import insert_rows, refresh_statistics
from supporters.documents import Document
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gift import Gift
from supporters.giving.term import Term
from supporters.payments.bank import booking, matching
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.people.bank_account import BankAccount
from supporters.people.payment_reference import creditor_reference
from supporters.people.supporter import Supporter

NOW = datetime(2026, 12, 31, 9, tzinfo=UTC)
TODAY = date(2026, 12, 31)
BY = Actor.person("anna@example.org", authenticated=True)
FIRST = "Ada Bea Cor Dirk Eva Frits Gerda Hans Ineke Jan Kees Loes Marie Nico Otto Piet Ria Sara Tom Wim".split()
LAST = "Bakker Visser Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Brouwer Kok Jacobs Prins Blom Huisman".split()
GOAL = 5.9  # CPU seconds in which a reader of such a file reads it, and does nothing else


def iban(number: int) -> str:
    bban = f"RABO{number:010d}"
    check = 98 - int("".join(str(int(c, 36)) for c in bban + "NL00")) % 97
    return f"NL{check:02d}{bban}"


def surname(number: int) -> str:
    return f"{LAST[number % 16]}{LAST[number // 16 % 16].lower()}"


def people(session: Session, count: int) -> None:
    columns = [
        "id",
        "kind",
        "first_name",
        "initials",
        "prefix",
        "surname",
        "organisation_name",
        "language",
        "sort_name",
        "joined_on",
        "created_at",
    ]

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(1, count + 1):
            first, last = FIRST[number % 20], surname(number)
            sort = f"{last.lower()}, {first[0].lower()}."
            yield number, "person", first, f"{first[0]}.", "", last, "", "nl", sort, TODAY, NOW

    insert_rows(session, Supporter, columns, rows())
    accounts = ((n, iban(n), TODAY, BY.key) for n in range(1, count + 1))
    insert_rows(session, BankAccount, ["supporter_id", "iban", "from_on", "recorded_by"], accounts)
    # One in fifty has an account together with somebody else.
    joint = ((n + 1, iban(n), TODAY, BY.key) for n in range(1, count, 50))
    insert_rows(session, BankAccount, ["supporter_id", "iban", "from_on", "recorded_by"], joint)
    fund = Fund.open(session, "general", "General")
    session.flush()
    promised = range(1, count + 1, 5)
    start = date(2026, 12, 1)
    insert_rows(
        session,
        Commitment,
        [
            "id",
            "supporter_id",
            "fund_id",
            "method",
            "currency",
            "started_on",
            "next_number",
            "next_due_on",
            "created_at",
            "created_by",
        ],
        ((n, n, fund.id, "transfer", "EUR", start, 1, start, NOW, BY.key) for n in promised),
    )
    insert_rows(
        session,
        Term,
        [
            "commitment_id",
            "amount",
            "interval_months",
            "anchor_on",
            "anchor_day",
            "first_number",
            "reason",
            "recorded_at",
            "recorded_by",
        ],
        ((n, 1000, 1, start, 1, 1, "started", NOW, BY.key) for n in promised),
    )
    refresh_statistics(session, Supporter, BankAccount, Commitment, Term)
    session.commit()


def told(session: Session, count: int, donors: int) -> None:
    account = OurAccount.add(session, "NL44RABO0123456789", "Donations", by=BY, now=NOW)
    document = Document.store(session, [b"x"], kind="bank_file", filename="a", media_type="text/plain", by=BY, now=NOW)
    file = BankFile(
        document_id=document.id, sha256=document.sha256, filename="a", format="x", imported_at=NOW, imported_by=BY.key
    )
    session.add(file)
    session.flush()
    statement = BankStatement(
        file_id=file.id, position=1, account_id=account.id, kind="statement", ident="1", currency="EUR"
    )
    session.add(statement)
    session.flush()
    given = (account.id, statement.id, 0, False, "EUR", "PMNT-RCDT-ESCT", "", "", "", "", "", "", "unknown", "", 1)
    fixed = [
        "account_id",
        "statement_id",
        "of",
        "is_reversal",
        "currency",
        "code",
        "reference",
        "end_to_end_id",
        "mandate_reference",
        "batch_reference",
        "reason",
        "purpose",
        "state",
        "note",
        "attempt",
    ]
    columns = [*fixed, "position", "key", "booked_on", "amount", "creditor_reference", "name", "iban", "text"]
    dice = random.Random(5)

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            donor, kind = dice.randrange(1, donors + 1), dice.random()
            name = f"{FIRST[donor % 20][0]} {surname(donor)}".upper()
            amount, reference, whose, words = dice.choice((500, 1000, 2500, 5000)), "", iban(donor), "Gift"
            if kind < 0.35:
                reference, whose = creditor_reference(donor), iban(donor + 500_000)
            elif kind < 0.40:
                words, whose = f"donateur S{donor:07d}", iban(donor + 500_000)
            elif kind < 0.45:
                whose = iban(donor + 500_000)
            elif kind < 0.50:
                whose, name = iban(donor + 500_000), f"Stranger {number}"
            yield (
                *given,
                number + 1,
                f"k{number:08d}",
                TODAY - timedelta(days=number % 28),
                amount,
                reference,
                name,
                whose,
                words,
            )

    insert_rows(session, BankLine, columns, rows())
    session.commit()


def measured(session: Session, what: str, act: Callable[[], Any]) -> tuple[float, Any]:
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    ours, theirs, start = own_cpu(), server_cpu(pid), time.perf_counter()
    found = act()
    ours, theirs = own_cpu() - ours, server_cpu(pid) - theirs
    session.commit()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what:16} {ours + theirs:5.2f} s CPU ({ours:.2f} ours, {theirs:.2f} the server's), {time.perf_counter() - start:5.2f} s; peak {peak} MB"
    )
    return ours + theirs, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--lines", type=int, default=50_000)
    options = parser.parse_args()
    part = 10 if options.quick else 1
    donors, lines = 87_100 // part, options.lines // part
    with database() as engine:
        with Session(engine) as session:
            people(session, donors)
            told(session, lines, donors)
        with Session(engine) as session:
            spent, found = measured(session, "matched", lambda: matching.match(session, now=NOW, today=TODAY))
            print(f"  {found.open}")
            _, found = measured(session, "matched again", lambda: matching.match(session, now=NOW, today=TODAY))
            assert found.changed == 0, found.changed
            more, done = measured(session, "booked", lambda: booking.book_matched(session, by=BY, now=NOW, today=TODAY))
            assert session.scalar(select(func.count()).select_from(Gift)) == done.gifts
            why = Counter(dict(session.execute(select(BankLine.doubt, func.count()).group_by(BankLine.doubt)).all()))
            print(f"  {done.gifts} gifts of {done.gifts_total / 100:,.2f}; left: {dict(why)}")
    total = (spent + more) * part
    print(f"goal {'met' if total <= GOAL else 'MISSED'}: matching and booking {total:.1f} s of CPU, at most {GOAL}")


if __name__ == "__main__":
    main()
