"""What one line is, from what the books know. Identifiers decide; a name or an amount only confirms or proposes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Row

from supporters.payments.bank.known import (
    COLLECTED_DAYS,
    UNUSUAL,
    Expected,
    Known,
    Person,
    may_be_a_total,
)
from supporters.payments.bank.naming import agrees

#: From so many cents on a person looks; and from UNUSUAL on where it is so many times the most that somebody gave.
LARGE, TIMES = 1_000_000, 10
_BEQUEST = re.compile(
    r"nalatenschap|erfenis|erfgena|\berven\b|\bwijlen\b|\blegaat\b|\bboedel|\bnotari|executeur"
    r"|\bestate of\b|\blegacy\b"
)
#: Looked for first: the expression alone takes ten times as long, and most lines have none of them.
_OF_BEQUESTS = (
    "nalaten", "erfenis", "erfgena", "erven", "wijlen", "legaat", "boedel", "notari", "executeur", "estate", "legacy",
)  # fmt: skip
_GATEWAYS = ("mollie", "stripe", "adyen", "buckaroo", "paypal", "multisafepay", "pay.nl", "cm payments")
_CHARGES = re.compile(r"(?:^|-)(?:CHRG|FEES|COMM|COME|COMI|COMT)(?:$|-)|^[NFS]?CHG$|^[NFS](?:CHG|COM)")
_INTEREST = re.compile(r"(?:^|-)(?:INTR|ACCR)(?:$|-)|^[NFS]INT")


class Decision(NamedTuple):
    """The columns of a line that matching writes."""

    state: str = "unknown"
    kind: str | None = None
    because: str | None = None
    doubt: str | None = None
    why: str | None = None
    supporter_id: int | None = None
    commitment_id: int | None = None
    instalment_id: int | None = None
    payment_id: int | None = None
    batch_id: int | None = None
    expected: int | None = None


@lru_cache(maxsize=1_000)
def _is_of(codes: re.Pattern[str], code: str) -> bool:
    return codes.search(code) is not None


def decide(line: Row[Any], known: Known) -> Decision:
    found = _credit(line, known) if line.amount > 0 else _debit(line, known)
    if line.iban in known.own_accounts:
        found = Decision("matched", "other", "own_account", why="own_transfer")
    if found.state == "matched" and (taken := known.taken_back.get(line.id)):
        about = found.payment_id or found.batch_id or found.supporter_id
        if (found.kind or "", about) in taken:
            return _doubted(found, "taken_back")
    if found.state == "matched" and line.twin_id is not None:
        return _doubted(found, "twin")
    return found


# -- money that came in -----------------------------------------------------------------------------------------


def _credit(line: Row[Any], known: Known) -> Decision:
    if (found := _collection(line, known)) is not None:
        return found
    if payment := known.payments.get(line.end_to_end_id):
        return _collected(line, payment, known)
    if _is_of(_INTEREST, line.code):
        return Decision("proposed", "other", "bank_code", why="interest")
    if line.name and _has_one_of(_GATEWAYS, line.name.lower()):
        return Decision("proposed", "payout", "gateway")
    return _gift(line, known)


def _collection(line: Row[Any], known: Known) -> Decision | None:
    for reference in known.named.get(line.id, ()):
        if not (blocks := known.collections.get(reference)):
            continue
        first = blocks[0]
        whole = sum(block.expected for block in blocks)
        found = Decision("matched", "collection", "batch_reference", batch_id=first.batch_id)
        if first.state not in ("exported", "booked"):
            return _doubted(found, "not_at_bank")
        if line.amount != whole:
            return _doubted(found, "amount_differs", expected=whole)
        if reference in known.banked or first.message in known.banked:
            return _doubted(found, "told_twice")
        if first.state == "exported" and first.collect_on.year in known.closed_years:
            return _doubted(found, "closed_year")
        return found
    if may_be_a_total(line):
        near = [
            block
            for block in known.collected.get(line.amount, ())
            if 0 <= (line.booked_on - block.collect_on).days <= COLLECTED_DAYS
        ]
        if len(near) == 1:
            return Decision(
                "proposed", "collection", "collection_total", doubt="only_amount", batch_id=near[0].batch_id
            )
    return None


def _collected(line: Row[Any], payment: Row[Any], known: Known) -> Decision:
    """A debit of ours that the bank tells of by itself. Who pays writes an end-to-end id too: more has to agree."""
    found = _of(payment, "payment", "end_to_end_id")
    if payment.batch_state not in ("exported", "booked"):
        return _doubted(found, "not_at_bank")
    if payment.state == "failed":
        return _doubted(found, "refused_before")
    if (line.amount, line.currency) != (payment.amount, payment.currency):
        return _doubted(found, "amount_differs", expected=payment.amount)
    if line.mandate_reference and line.mandate_reference != payment.mandate:
        return _doubted(found, "mandate_differs")
    if line.iban and line.iban != payment.iban:
        return _doubted(found, "iban_differs")
    if (payment.id, "payment") in known.settled:
        return _doubted(found, "told_twice")
    if payment.batch_state == "exported" and payment.collect_on.year in known.closed_years:
        return _doubted(found, "closed_year")
    return found


# -- a gift -----------------------------------------------------------------------------------------------------


def _gift(line: Row[Any], known: Known) -> Decision:
    """By the reference that we gave, the number they typed, the account, the name: the first that leads to somebody."""
    person, because, doubt = _giver(line, known)
    if because is None:
        if _tells_of_an_estate(line):
            return Decision("proposed", "gift", None, doubt="bequest")
        return Decision(doubt="reversal" if line.is_reversal else None)
    found = Decision("matched", "gift", because, supporter_id=person.id if person else None)
    promised = known.expected(person, line) if person is not None else []
    if promised:
        found, doubt = _promised(found, promised, doubt)
    if against := _against(line, person, known):
        doubt = against
    if doubt is not None:
        return _doubted(found, doubt)
    return found


def _giver(line: Row[Any], known: Known) -> tuple[Person | None, str | None, str | None]:
    """(who, by what, why a person has to say)."""
    owners = known.owners.get(line.iban, [])
    if persons := known.persons(known.references.get(line.id, ())):
        return _only(persons), "creditor_reference", "several" if len(persons) > 1 else None
    for numbers, because in ((known.numbers, "supporter_number"), (known.old_numbers, "old_number")):
        if not (persons := known.persons(numbers.get(line.id, ()))):
            continue
        confirmed = [each for each in persons if each in owners or agrees(line.name, each)]
        if len(confirmed) == 1:
            return confirmed[0], because, None
        if because == "supporter_number" or not owners:
            return _only(persons), because, "several" if len(persons) > 1 else "not_confirmed"
    if len(owners) == 1:
        if agrees(line.name, owners[0]):
            return owners[0], "iban", None
        return owners[0], "iban", "name_differs" if line.name else "no_name"
    if owners:
        alike = [each for each in owners if agrees(line.name, each)]
        return _only(alike), "shared_iban", "several"
    if persons := known.namesakes.get(line.id, []):
        return _only(persons), "name", "only_name"
    return None, None, None


def _tells_of_an_estate(line: Row[Any]) -> bool:
    told = f"{line.name} {line.text}".lower()
    return _has_one_of(_OF_BEQUESTS, told) and _BEQUEST.search(told) is not None


def _has_one_of(words: tuple[str, ...], told: str) -> bool:
    for word in words:  # noqa: SIM110  (a generator takes twice as long, for each of fifty thousand lines)
        if word in told:
            return True
    return False


def _only(persons: list[Person]) -> Person | None:
    return persons[0] if len(persons) == 1 else None


def _promised(found: Decision, promised: list[Expected], doubt: str | None) -> tuple[Decision, str | None]:
    """What they promised to transfer was due about then, in this amount. With the account it needs no name."""
    waiting = [each for each in promised if each.status in ("due", "missed")]
    if waiting:
        first = waiting[0]
        if found.because == "iban":
            found = found._replace(because="expected")
            doubt = None
        return found._replace(commitment_id=first.commitment_id, instalment_id=first.instalment_id), doubt
    if any(each.status == "paid" for each in promised):
        return found, "second_in_period"
    return found, doubt


def _against(line: Row[Any], person: Person | None, known: Known) -> str | None:
    """What keeps a gift from being booked by itself, whoever it is from."""
    if line.is_reversal:
        return "reversal"
    if _tells_of_an_estate(line):
        return "bequest"
    if person is not None and person.has_died:
        return "deceased"
    if line.booked_on.year in known.closed_years:
        return "closed_year"
    if line.currency != "EUR":
        return "foreign_currency"
    if line.amount >= LARGE:
        return "large_amount"
    if person is not None and line.amount >= UNUSUAL and 0 < TIMES * known.most.get(person.id, 0) <= line.amount:
        return "large_amount"
    return None


# -- money that went off ----------------------------------------------------------------------------------------


def _debit(line: Row[Any], known: Known) -> Decision:
    if payment := known.payments.get(line.end_to_end_id):
        return _came_back(line, payment, "end_to_end_id", known)
    if line.mandate_reference and (rows := known.by_mandate.get((line.mandate_reference, -line.amount))):
        earlier = [row for row in rows if row.collect_on <= line.booked_on]
        if earlier:
            open_ones = [row for row in earlier if (row.id, "return") not in known.settled]
            return _came_back(line, (open_ones or earlier)[0], "mandate", known)
    if _is_of(_INTEREST, line.code):
        return Decision("proposed", "other", "bank_code", why="interest")
    if _is_of(_CHARGES, line.code):
        return Decision("proposed", "other", "bank_code", why="bank_charges")
    if refunds := known.refunds.get(line.id):
        owners = {row.supporter_id for row in refunds}
        return Decision("proposed", "refund", "refund", supporter_id=owners.pop() if len(owners) == 1 else None)
    return Decision()


def _came_back(line: Row[Any], payment: Row[Any], because: str, known: Known) -> Decision:
    found = _of(payment, "return", because)
    if payment.batch_state not in ("exported", "booked"):
        return _doubted(found, "not_at_bank")
    if (-line.amount, line.currency) != (payment.amount, payment.currency):
        return _doubted(found, "amount_differs", expected=-payment.amount)
    if line.mandate_reference and line.mandate_reference != payment.mandate:
        return _doubted(found, "mandate_differs")
    if (payment.id, "return") in known.settled:
        return _doubted(found, "told_twice")
    if payment.state == "booked" and line.booked_on.year in known.closed_years:
        return _doubted(found, "closed_year")
    return found


def _of(payment: Row[Any], kind: str, because: str) -> Decision:
    return Decision(
        "matched", kind, because, supporter_id=payment.supporter_id, commitment_id=payment.commitment_id,
        payment_id=payment.id, batch_id=payment.batch_id,
    )  # fmt: skip


def _doubted(found: Decision, doubt: str, *, expected: int | None = None) -> Decision:
    return found._replace(state="proposed", doubt=doubt, expected=expected)
