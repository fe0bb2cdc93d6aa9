"""What a whole collection costs on PostgreSQL, from due instalments to the stored file, beside sepaxml's file alone.

    python benchmarks/collection.py [--quick]

Ours is prepare + approve (which renders, validates and stores the file) + export + book, as the commands run them. CPU is
user plus system time of our process and of the database's process that serves it. The peer writes a file of as many
debits, with its own validation and without: no database, no selection, no second person.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime

from _databases import database, own_cpu, server_cpu
from sqlalchemy import text
from sqlalchemy.orm import Session

from supporters import Actor, CollectionBatch, CreditorAccount, Fund

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ANNA = Actor.person("anna@example.org", authenticated=True)
BRAM = Actor.person("bram@example.org", authenticated=True)

PEOPLE = """
INSERT INTO supporters_supporter (kind, first_name, initials, prefix, surname, organisation_name, language, sort_name, joined_on, created_at)
SELECT 'person', 'Jan', 'J.', CASE WHEN n % 4 = 0 THEN 'van den' ELSE '' END, 'Bergman' || n, '', 'nl', 'bergman' || n, '2020-01-01', now()
FROM generate_series(1, :count) AS n;
"""
REST = """
INSERT INTO supporters_bank_account (supporter_id, iban, from_on, recorded_by)
SELECT id, 'NL' || lpad((98 - mod((101123100000000000::numeric + id * 7919) * 1000000 + 232100, 97))::text, 2, '0') || 'ABNA' || lpad((id * 7919)::text, 10, '0'), '2020-01-01', 'bench'
FROM supporters_supporter;
INSERT INTO supporters_mandate (supporter_id, bank_account_id, creditor_identifier, reference, kind, scheme, evidence_kind, signed_on, first_used_on, last_used_on, created_at, created_by)
SELECT supporter_id, id, 'NL69ZZZ123456780000', 'MND-' || id, 'recurring', 'CORE', 'paper', '2021-03-15',
  CASE WHEN id % 32 = 0 THEN NULL ELSE date '2026-11-02' END, CASE WHEN id % 32 = 0 THEN NULL ELSE date '2026-11-02' END, now(), 'bench'
FROM supporters_bank_account;
UPDATE supporters_mandate SET signed_on = '2026-10-01' WHERE last_used_on IS NULL;
INSERT INTO supporters_commitment (supporter_id, fund_id, mandate_id, method, currency, started_on, next_number, next_due_on, created_at, created_by)
SELECT supporter_id, 1, id, 'sepa', 'EUR', '2026-01-01', 12, '2026-12-01', now(), 'bench' FROM supporters_mandate;
INSERT INTO supporters_term (commitment_id, amount, interval_months, anchor_on, anchor_day, first_number, reason, recorded_at, recorded_by)
SELECT id, 500 + id % 97 * 25, 1, '2026-01-01', 1, 1, '', now(), 'bench' FROM supporters_commitment;
INSERT INTO supporters_announcement (term_id, amount, first_due_on, channel, announced_on, evidence, recorded_at, recorded_by)
SELECT id, amount, anchor_on, 'letter', '2026-01-01', '', now(), 'bench' FROM supporters_term;
"""


def build(session: Session, count: int) -> None:
    Fund.open(session, "general", "General")
    CreditorAccount.open(
        session, "Achterban", "NL69ZZZ123456780000", "NL91ABNA0417164300", bic="ABNANL2A", transactions_per_file=100_000
    )
    session.execute(text(PEOPLE), {"count": count})
    for statement in filter(str.strip, REST.split(";\n")):
        session.execute(text(statement))
    session.execute(text("ANALYZE"))
    session.commit()


def ours(count: int) -> dict[str, float]:
    spent: dict[str, float] = {}
    with database() as engine:
        with Session(engine) as session:
            build(session, count)
        with Session(engine) as session:
            pid = session.scalar(text("SELECT pg_backend_pid()")) or 0
            account = CreditorAccount.only(session)

            def step(name: str, work: object) -> object:
                cpu, server, wall = own_cpu(), server_cpu(pid), time.perf_counter()
                result = work()  # type: ignore[operator]
                session.commit()
                spent[name] = own_cpu() - cpu + server_cpu(pid) - server
                spent[f"{name} wall"] = time.perf_counter() - wall
                return result

            batch = step(
                "prepare", lambda: CollectionBatch.prepare(session, account, on=date(2026, 12, 1), by=ANNA, now=NOW)
            )
            assert isinstance(batch, CollectionBatch)
            assert batch.count == count, (batch.count, count)
            step("approve", lambda: batch.approve(session, by=BRAM, now=NOW))
            step(
                "export",
                lambda: sum(
                    len(part) for file in batch.export(session, by=BRAM, now=NOW) for part in file.chunks(session)
                ),
            )
            step("book", lambda: batch.book(session, by=BRAM, now=datetime(2026, 12, 1, 9, tzinfo=UTC)))
    return spent


def sepaxml(count: int, validate: bool) -> float:
    """CPU seconds of the peer in a process of its own, its debits made up beforehand."""
    code = f"""
import json, resource, sys
from datetime import date
from sepaxml import SepaDD
cpu = lambda: (u := resource.getrusage(resource.RUSAGE_SELF)).ru_utime + u.ru_stime
rows = [dict(name=f"J. Bergman {{n}}", IBAN="NL91ABNA0417164300", BIC="ABNANL2A", amount=500 + n % 97 * 25, type="RCUR",
  collection_date=date(2026, 12, 1), mandate_id=f"MND-{{n}}", mandate_date=date(2021, 3, 15), description="Gift",
  endtoend_id=f"I{{n}}-1") for n in range({count})]
start = cpu()
file = SepaDD(dict(name="Achterban", IBAN="NL91ABNA0417164300", BIC="ABNANL2A", batch=True,
  creditor_id="NL69ZZZ123456780000", currency="EUR"), schema="pain.008.001.08", clean=True)
for row in rows:
    file.add_payment(row)
file.export(validate={validate})
json.dump(cpu() - start, sys.stdout)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="5,000 debits instead of 49,340")
    count = 5_000 if parser.parse_args().quick else 49_340
    spent = ours(count)
    for name in ("prepare", "approve", "export", "book"):
        print(f"{name:8} {spent[name]:6.2f} s CPU, database included ({spent[f'{name} wall']:.2f} s wall)")
    total = spent["prepare"] + spent["approve"] + spent["export"]
    print(f"prepare + approve + export of {count:,} debits: {total:.2f} s CPU")
    for validate in (True, False):
        peer = sepaxml(count, validate)
        print(
            f"sepaxml, file only, {'validated' if validate else 'not validated'}: {peer:.2f} s CPU; ours is {total / peer:.2f} of it"
        )
        if validate:
            print(f"goal {'met' if total < peer / 2 else 'MISSED'}: less than half of the validated file")


if __name__ == "__main__":
    main()
