"""What a month at the bank costs at full size on PostgreSQL: from the file that was sent to books that agree.

    python benchmarks/bank_month.py [--quick]

49,340 debits are at the bank. It sends a status report with rejects and eight files of statements: a total for each
part of the collection, 1.8 % of the debits back over six weeks, 500 transfers, its charges. The files overlap, one comes
twice, and they come in no order. All of it is read, matched and booked, every return acted on, and `achterban check`
must find nothing. Seconds are CPU of our process and of the database's that serves it.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from _databases import database, own_cpu, server_cpu
from collection import ANNA, BRAM, NOW, build
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from supporters import CollectionBatch, CreditorAccount, registry, sealing
from supporters.extension import REGISTERED
from supporters.payments.bank.booking import book_matched
from supporters.payments.bank.intake import take_in
from supporters.payments.bank.line import BankLine
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from tests.bank_month import month
from tests.databases import KEYRING

LATER = datetime(2027, 1, 20, 9, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the debits")
    count = 4_934 if parser.parse_args().quick else 49_340
    assert REGISTERED
    with database() as engine:
        sealing.use(engine, KEYRING)
        with Session(engine) as session:
            build(session, count)
        with Session(engine) as session:
            pid = session.scalar(text("SELECT pg_backend_pid()")) or 0
            batch = CollectionBatch.prepare(
                session, CreditorAccount.only(session), on=date(2026, 12, 1), by=ANNA, now=NOW
            )
            batch.approve(session, by=BRAM, now=NOW)
            batch.export(session, by=BRAM, now=NOW)
            session.commit()
            told = month(session, batch, strangers=500)
            sizes = sum(len(content) for _, content in told.files) / 1_000_000
            print(f"{count:,} debits; {len(told.files)} files, {sizes:.1f} MB; {told.returned} come back")
            spent: dict[str, float] = defaultdict(float)
            for name, content in told.files:
                with timed(spent, "read and match", pid):
                    take_in(session, io.BytesIO(content), name, by=ANNA, now=LATER, today=LATER.date())
                    session.commit()
            for _ in range(2):
                with timed(spent, "book", pid):
                    book_matched(session, by=ANNA, now=LATER, today=LATER.date())
                    session.commit()
            with timed(spent, "act on returns", pid):
                reasons: dict[str, list[int]] = defaultdict(list)
                for case in session.scalars(select(Returned).where(Returned.acted_at.is_(None))):
                    reasons[case.why.action].append(case.id)
                for action, ids in sorted(reasons.items()):
                    Returned.act_on(session, ids, action, by=ANNA, now=LATER, today=LATER.date())
                session.commit()
            with timed(spent, "check", pid):
                # The people of this benchmark were not welcomed one by one, so nobody can be searched for.
                found = [finding for name, finding in registry.findings(session, now=LATER) if name != "people"]
            for step, seconds in spent.items():
                print(f"  {step:16} {seconds:7.1f} s")
            tell(session, told.returned, [f"{each.rule}: {each.subject}: {each.message}" for each in found])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory      {peak:7.0f} MB, of which the files themselves are {sizes:.0f} MB")


def tell(session: Session, returned: int, findings: list[str]) -> None:
    states = dict(session.execute(select(Payment.state, func.count()).group_by(Payment.state)).all())
    lines = dict(session.execute(select(BankLine.state, func.count()).group_by(BankLine.state)).all())
    acted = session.scalar(select(func.count()).select_from(Returned).where(Returned.acted_at.is_not(None)))
    print(f"  payments {states}; lines {lines}; {acted} returns and rejects acted on")
    verdict = "met" if not findings and states.get("returned") == returned else "MISSED"
    print(f"  goal: the books agree with the bank, and every return has its action: {verdict}")
    for finding in findings[:10]:
        print(f"    {finding}")


@contextmanager
def timed(spent: dict[str, float], step: str, pid: int) -> Iterator[None]:
    before, server, wall = own_cpu(), server_cpu(pid), time.perf_counter()
    yield
    spent[step] += own_cpu() - before + server_cpu(pid) - server
    spent[f"{step}, wall"] += time.perf_counter() - wall


if __name__ == "__main__":
    main()
