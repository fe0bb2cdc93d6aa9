"""A month at the bank: what was sent becomes statements, a status report, and six weeks of returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving.mandate import Mandate
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa import blocks as sepa_blocks
from supporters.payments.sepa.announcement import announce
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.supporter import Supporter
from tests.bank_files import Account, Movement, pain002
from tests.cast import ANNA, BRAM, creditor, monthly

#: Why debits come back, about as often as in the Netherlands.
REASONS = ("AM04",) * 9 + ("MD06",) * 5 + ("AC04", "AC01", "MS03", "MS02", "MD01", "SL01", "AC06", "MD07")
RETURNED = 0.018
BEFORE = datetime(2026, 11, 10, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """A debit that went to the bank."""

    reference: str
    amount: int
    iban: str
    mandate: str
    name: str


@dataclass
class Month:
    """Files in an order in which nobody sorted them; and what they come to."""

    account: Account
    files: list[tuple[str, bytes]]
    rejected: int
    returned: int
    returned_cents: int
    banked_cents: int


def month(session: Session, batch: CollectionBatch, *, strangers: int = 0, seed: int = 1) -> Month:
    """Statements of six weeks in eight files (they overlap, one comes twice) and one status report.

    ``strangers`` so many transfers of people whom nobody knows.
    """
    random = Random(seed)
    account, files = batch.account, []
    parts = sepa_blocks.blocks(session, [batch.id])
    sent = list(_sent(session, batch))
    random.shuffle(sent)
    rejected = sent[: max(len(sent) // 1000, 2)]
    returned = sent[len(rejected) : len(rejected) + max(round(len(sent) * RETURNED), 3)]
    refused = {each.reference for each in rejected}
    held = {part.reference: part.total for part in parts}
    for reference, amount, block in _placed(session, batch):
        if reference in refused:
            held[block] -= amount
    movements = [
        Movement(batch.collect_on, total, batch=block, text="SEPA INCASSO BATCH") for block, total in held.items()
    ]
    for each in returned:
        on = batch.collect_on + timedelta(days=random.choice((2, 3, 4, 5, 9, 16, 30, 41)))
        reason = random.choice(REASONS)
        movements.append(
            Movement(
                on, -each.amount, name=each.name, iban=each.iban, end_to_end_id=each.reference, mandate=each.mandate,
                reason=reason, text="RETOUR",
            )
        )  # fmt: skip
    for number in range(strangers):
        on = batch.collect_on + timedelta(days=random.randrange(42))
        movements.append(Movement(on, random.choice((5_00, 10_00, 25_00)), name=f"Onbekend {number}", text="gift"))
    for week in range(7):
        movements.append(Movement(batch.collect_on + timedelta(days=7 * week), -1_25, text="KOSTEN BETALINGSVERKEER"))
    movements.sort(key=lambda each: each.on)
    bank = Account(movements, iban=account.iban, opening=1_000_00)
    weeks = _weeks(bank, batch.collect_on)
    for number, (start, end) in enumerate(weeks, 1):
        if number % 3 == 0:
            files.append((f"week{number}.sta", bank.mt940(start, end, number=str(number))))
        else:
            content = bank.camt053(start, end, number=str(number), ident=f"W{number}", version="08")
            files.append((f"week{number}.xml", content))
    middle = (weeks[1][0], weeks[3][1])
    files.append(("three weeks.xml", bank.camt053(*middle, ident="period", version="02")))
    first, second, *rest = files
    files = [second, first, *reversed(rest), second]
    message = parts[0].message
    status = pain002([(each.reference, "AC01") for each in rejected], message=message, batch=parts[0].reference)
    files.insert(2, ("status.xml", status))
    return Month(bank, files, len(rejected), len(returned), sum(each.amount for each in returned), sum(held.values()))


def _sent(session: Session, batch: CollectionBatch) -> Iterator[Sent]:
    rows = session.execute(
        select(Payment.reference, Payment.amount, Payment.iban, Mandate.reference, Supporter.sort_name)
        .join(Mandate, Mandate.id == Payment.mandate_id)
        .join(Supporter, Supporter.id == Payment.supporter_id)
        .where(Payment.batch_id == batch.id, Payment.state == "open")
        .order_by(Payment.id)
    )
    for reference, amount, iban, mandate, name in rows:
        yield Sent(reference, amount, iban or "", mandate, name)


def _placed(session: Session, batch: CollectionBatch) -> Iterator[tuple[str, int, str]]:
    """Each debit with the block of the file that it is in."""
    rows = session.execute(
        select(Payment.reference, Payment.amount, Payment.sequence_type)
        .where(Payment.batch_id == batch.id, Payment.state == "open")
        .order_by(Payment.id)
    ).all()
    by_kind = {part.sequence_type: part.reference for part in sepa_blocks.blocks(session, [batch.id])}
    for reference, amount, kind in rows:
        yield reference, amount, by_kind[kind]


def _weeks(bank: Account, begin: date) -> list[tuple[int, int]]:
    """From which movement up to which each of six weeks goes; the last has what is left."""
    cuts = [0]
    for week in range(1, 6):
        until = begin + timedelta(days=7 * week)
        cuts.append(next((n for n, each in enumerate(bank.movements) if each.on >= until), len(bank.movements)))
    cuts.append(len(bank.movements))
    return list(pairwise(cuts))


def iban(number: int) -> str:
    bban = f"INGB{number:010d}"
    digits = "".join(str(int(sign, 36)) for sign in f"{bban}NL00")
    return f"NL{98 - int(digits) % 97:02d}{bban}"


def at_the_bank(session: Session, donors: int) -> CollectionBatch:
    """A collection of so many donors, which was exported."""
    account = creditor(session)
    for number in range(donors):
        donor = Supporter.welcome(
            session, f"donor{number}@example.org", first_name="Donor", surname=f"Nummer {number}", by=ANNA, now=BEFORE
        )
        money = Money.eur(5 + number % 7)
        monthly(session, donor, money, iban=iban(number + 1), now=BEFORE, start_on=date(2026, 12, 1))
    told = announce(session, account, before=date(2027, 1, 1), by=ANNA, now=BEFORE, on=BEFORE.date())
    assert len(list(told)) == donors
    batch = CollectionBatch.prepare(session, account, on=date(2026, 12, 1), by=ANNA, now=BEFORE)
    batch.approve(session, format="pain.008.001.08", by=BRAM, now=BEFORE)
    batch.export(session, by=BRAM, now=BEFORE)
    return batch
