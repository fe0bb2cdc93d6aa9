"""What is in the database, and everything in it that a promise forbids: shared by the tests of the promises."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.documents import Document
from supporters.errors import AchterbanError
from supporters.giving.months import add_months
from tests.modules import tables

Rows = dict[str, list[dict[str, Any]]]
HOLDING = ("open", "booked")


def dump(session: Session) -> Rows:
    """Every row of every table of ours, in the order of its key."""
    session.flush()
    found: Rows = {}
    for table in tables().sorted_tables:
        if table.name.startswith("supporters_"):
            rows = session.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            found[table.name.removeprefix("supporters_")] = [dict(row) for row in rows]
    return found


def difference(before: Rows, after: Rows) -> list[str]:
    """What changed, to read in a failing test."""
    found = []
    for table, rows in after.items():
        known = before[table]
        found += [f"{table}: {row}" for row in rows if row not in known]
        found += [f"{table} no longer: {row}" for row in known if row not in rows]
    return found


@contextmanager
def refused_and_nothing_changed(
    session: Session, error: type[AchterbanError], sentence: str, field: str | None = None
) -> Iterator[None]:
    """What happens inside is refused with this sentence (a part of it), and not a row is different afterwards.

    It looks before anything is rolled back: nobody has to, for nothing was half done.
    """
    before = dump(session)
    with pytest.raises(error) as caught:
        yield
    assert sentence in caught.value.message
    if field is not None:
        assert caught.value.field == field
    session.expire_all()
    assert difference(before, dump(session)) == []


def broken_promises(session: Session, rows: Rows | None = None) -> list[str]:
    """Each sentence is a promise about money that the rows do not keep. Files are read only with ``read_files``."""
    rows = rows or dump(session)
    return [*_instalments(rows), *_payments(rows), *_gifts(rows), *_batches(rows)]


def _instalments(rows: Rows) -> Iterator[str]:
    terms = {term["id"]: term for term in rows["term"]}
    commitments = {each["id"]: each for each in rows["commitment"]}
    of_instalment = _by(rows["payment"], "instalment_id")
    seen = set()
    for one in rows["instalment"]:
        name = f"instalment {one['commitment_id']}/{one['number']}"
        if (one["commitment_id"], one["number"]) in seen:
            yield f"{name} is there twice"
        seen.add((one["commitment_id"], one["number"]))
        term = terms[one["term_id"]]
        if one["due_on"] != due_on(term, one["number"]):
            yield f"{name} is due on {one['due_on']}, its term says {due_on(term, one['number'])}"
        last = term["last_number"] if term["last_number"] is not None else one["number"]
        if not term["first_number"] <= one["number"] <= last:
            yield f"{name} stands under a term for {term['first_number']} to {last}"
        states = [payment["state"] for payment in of_instalment[one["id"]]]
        holding = [state for state in states if state in HOLDING]
        if len(holding) > 1:
            yield f"{name} is held by {len(holding)} payments"
        wanted = {"claimed": ["open"], "paid": ["booked"]}.get(one["status"], [])
        if holding != wanted:
            yield f"{name} is {one['status']} and its payments are {states}"
        if one["status"] == "returned" and not {"returned", "failed"} & set(states):
            yield f"{name} is returned, but no payment came back ({states})"
        if one["attempts"] != len(states):
            yield f"{name} counts {one['attempts']} attempts, there are {len(states)}"
    for commitment in commitments.values():
        own = [term for term in rows["term"] if term["commitment_id"] == commitment["id"]]
        open_terms = [term for term in own if term["last_number"] is None]
        if len(open_terms) != 1:
            yield f"commitment {commitment['id']} has {len(open_terms)} open terms"
        elif commitment["next_due_on"] not in (None, due_on(open_terms[0], commitment["next_number"])):
            yield f"commitment {commitment['id']} forgot when number {commitment['next_number']} is due"


def _payments(rows: Rows) -> Iterator[str]:
    gifts = {gift["id"]: gift for gift in rows["gift"]}
    instalments = {one["id"]: one for one in rows["instalment"]}
    commitments = {one["id"]: one for one in rows["commitment"]}
    mandates = {one["id"]: one for one in rows["mandate"]}
    batches = {one["id"]: one for one in rows["collection_batch"]}
    for payment in rows["payment"]:
        name = f"payment {payment['id']} ({payment['state']})"
        instalment = instalments[payment["instalment_id"]]
        if payment["state"] in HOLDING and payment["amount"] != instalment["amount"]:
            yield f"{name} takes {payment['amount']}, the instalment is {instalment['amount']}"
        gift = gifts.get(payment["gift_id"])
        if (payment["state"] in ("booked", "returned")) != (gift is not None):
            yield f"{name} has gift {payment['gift_id']}"
        if gift is not None:
            said = (gift["amount"], gift["supporter_id"], gift["instalment_id"], gift["received_on"])
            meant = (payment["amount"], payment["supporter_id"], payment["instalment_id"], payment["collect_on"])
            if said != meant:
                yield f"{name} booked {said} and not {meant}"
            if commitments[instalment["commitment_id"]]["id"] != gift["commitment_id"]:
                yield f"{name} booked a gift of another commitment"
        state = batches[payment["batch_id"]]["state"]
        allowed = {
            "prepared": {"open", "cancelled"}, "approved": {"open", "cancelled"}, "cancelled": {"cancelled"},
            "exported": {"open", "failed", "cancelled"}, "booked": {"booked", "returned", "failed", "cancelled"},
        }[state]  # fmt: skip
        if payment["state"] not in allowed:
            yield f"{name} is in a batch that is {state}"
    for mandate_id, payments in _by(rows["payment"], "mandate_id").items():
        holding = [payment for payment in payments if payment["state"] in HOLDING]
        if mandates[mandate_id]["kind"] == "one_off" and len(holding) > 1:
            yield f"one-off mandate {mandate_id} was used {len(holding)} times"


def _gifts(rows: Rows) -> Iterator[str]:
    designated, back = _sums(rows["designation"], "gift_id"), _sums(rows["reversal"], "gift_id")
    of_gift = _by(rows["payment"], "gift_id")
    for gift in rows["gift"]:
        name = f"gift {gift['id']}"
        if designated[gift["id"]] != gift["amount"]:
            yield f"{name} is {gift['amount']}, its designations are {designated[gift['id']]}"
        if back[gift["id"]] > gift["amount"]:
            yield f"{name} brought {gift['amount']} and {back[gift['id']]} went back"
        if gift["booking_key"].startswith("payment:"):
            payments = of_gift[gift["id"]]
            if [f"payment:{payment['id']}" for payment in payments] != [gift["booking_key"]]:
                yield f"{name} has {len(payments)} payments"
    collected = sum(gift["amount"] for gift in rows["gift"] if gift["booking_key"].startswith("payment:"))
    returned = sum(back[payment["gift_id"]] for payment in rows["payment"] if payment["state"] == "returned")
    kept = sum(payment["amount"] for payment in rows["payment"] if payment["state"] == "booked")
    if collected - returned != kept:
        yield f"{collected} was collected and {returned} came back, yet {kept} stands booked"


def _batches(rows: Rows) -> Iterator[str]:
    files, payments = _by(rows["collection_file"], "batch_id"), _by(rows["payment"], "batch_id")
    for batch in rows["collection_batch"]:
        name = f"collection {batch['id']} ({batch['state']})"
        lines = [payment for payment in payments[batch["id"]] if payment["state"] != "cancelled"]
        total = sum(payment["amount"] for payment in lines)
        if batch["state"] != "cancelled" and (batch["count"], batch["total"]) != (len(lines), total):
            yield f"{name} says {batch['count']}/{batch['total']}, it has {len(lines)}/{total}"
        if batch["state"] in ("approved", "exported", "booked"):
            inside = (sum(f["count"] for f in files[batch["id"]]), sum(f["total"] for f in files[batch["id"]]))
            if inside != (len(lines), total):
                yield f"{name} has files of {inside}, and lines of {len(lines)}/{total}"
            if batch["approved_by"] in (None, batch["prepared_by"]):
                yield f"{name} was approved by {batch['approved_by']}"
        elif batch["state"] == "prepared" and files[batch["id"]]:
            yield f"{name} has files"
    if any(len({p["reference"] for p in lines}) != len(lines) for lines in payments.values()):
        yield "an end-to-end id stands in a collection twice"


def damaged_files(session: Session) -> list[str]:
    """The stored files whose bytes are not those that were approved."""
    found = []
    for document in session.scalars(select(Document).where(Document.kind == "collection_file")):
        if hashlib.sha256(document.content(session)).hexdigest() != document.sha256:
            found.append(document.filename)
    return found


def due_on(term: dict[str, Any], number: int) -> date:
    months = (number - term["first_number"]) * term["interval_months"]
    return add_months(term["anchor_on"], months, term["anchor_day"])


def _by(rows: list[dict[str, Any]], key: str) -> dict[Any, list[dict[str, Any]]]:
    found = defaultdict(list)
    for row in rows:
        if row[key] is not None:
            found[row[key]].append(row)
    return found


def _sums(rows: list[dict[str, Any]], key: str) -> dict[Any, int]:
    found: dict[Any, int] = defaultdict(int)
    for row in rows:
        found[row[key]] += row["amount"]
    return found
