"""A pain.002 as the readers tell it: what is rejected fails, what was booked comes back, and nothing is dropped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from supporters.payments.bank.told import BatchStatus, PaymentStatus, Status, StatusHead
from supporters.payments.payment import Payment
from supporters.payments.returns.answer import BankAnswer
from supporters.payments.returns.statuses import Outcome, act_on
from supporters.payments.sepa.batch import CollectionBatch
from tests import cast
from tests.cast import ANNA
from tests.promises.ledger import broken_promises
from tests.supporters.payments.returns.coming_back import BACK, LATER, promises, told
from tests.supporters.payments.sepa.collecting import DUE, approved, at, booked, exported, payments

TOLD_AT = datetime(2026, 12, 27, 23, 30, tzinfo=UTC)


def head(batch: CollectionBatch | str, status: str = "PART", **fields: Any) -> StatusHead:
    of = batch if isinstance(batch, str) else f"{batch.number}-1"
    known = {"format": "pain.002.001.03", "place": "GrpHdr", "ident": "BANK-1", "made_at": TOLD_AT}
    return StatusHead(message_reference=of, status=status, **known | fields)


def debit(payment: Payment | str, status: str = "RJCT", reason: str = "AC04", **fields: Any) -> PaymentStatus:
    reference = payment if isinstance(payment, str) else payment.reference
    return PaymentStatus(
        place=f"TxInfAndSts {reference}", end_to_end_id=reference, status=status, reason=reason, **fields
    )


def listen(session: Session, *said: Status) -> Outcome:
    outcome = act_on(session, said, by=ANNA, now=LATER, today=BACK)
    session.commit()
    return outcome


def why(outcome: Outcome) -> list[str]:
    return [each.why.message for each in outcome.unknown]


def test_rejects_fail_and_the_others_are_accepted(session: Session) -> None:
    promises(session, 3)
    batch = exported(session)
    first, second, third = payments(session)
    said = (
        head(batch),
        debit(first),
        debit(second, "RJCT", "", reason_text="Onvoldoende saldo"),
        debit(third, "ACSC", ""),
    )
    outcome = listen(session, *said)
    assert (outcome.rejected, outcome.rejected_cents, outcome.accepted, outcome.batches) == (2, 2000, 1, [batch.number])
    assert told(session) == [(first.reference, "rejected", "AC04"), (second.reference, "rejected", "AM04")]
    again = listen(session, *said)
    assert (again.rejected, again.known, again.unknown) == (0, 2, [])
    (answer,) = session.scalars(select(BankAnswer)).all()
    assert (answer.status, answer.accepted, answer.rejected, answer.told_on) == ("partly", 1, 2, date(2026, 12, 27))
    assert batch.book(session, by=ANNA, now=at(DUE)) == 1
    session.commit()
    assert broken_promises(session) == []


def test_an_accepted_file_is_noted_and_changes_nothing_else(session: Session) -> None:
    promises(session, 2)
    batch = exported(session)
    outcome = listen(session, head(batch, "ACCP"))
    assert (outcome.accepted, outcome.rejected, outcome.unknown) == (2, 0, [])
    assert {payment.state for payment in payments(session)} == {"open"}
    assert session.scalars(select(BankAnswer.status)).all() == ["accepted"]
    assert listen(session, head(batch, "PDNG", ident="BANK-2")).accepted == 0
    assert session.scalars(select(BankAnswer.status)).all() == ["accepted", "pending"]


def test_a_file_rejected_whole_fails_all_and_keeps_the_reason_of_each(session: Session) -> None:
    promises(session, 3)
    batch = exported(session)
    first = payments(session)[0]
    outcome = listen(session, head(batch, "RJCT", reason="FF01"), debit(first, "RJCT", "MD07"))
    assert (outcome.rejected, outcome.accepted) == (3, 0)
    assert [reason for _, _, reason in told(session)] == ["MD07", "FF01", "FF01"]
    assert session.scalars(select(BankAnswer.status)).all() == ["rejected"]
    assert broken_promises(session) == []


def test_one_of_several_files_and_one_block_of_it_are_rejected_by_their_ids(session: Session) -> None:
    cast.creditor(session, transactions_per_file=2)
    five = promises(session, 5)
    # A one-off makes a block of its own, after the firsts.
    one_off = cast.mandate(session, five[4].supporter, kind="one_off")
    five[4].use(session, one_off, by=ANNA, now=cast.NOW)
    session.commit()
    batch = exported(session)
    cast.creditor(session).transactions_per_file = 1_000  # What the bank takes later does not move what was sent.
    session.commit()
    assert [file.count for file in batch.files] == [2, 2, 1]
    second = listen(session, head(f"{batch.number}-2", "RJCT", reason="DUPL"))
    assert second.rejected == 2
    assert [payment.state for payment in payments(session)] == ["open", "open", "failed", "failed", "open"]
    block = BatchStatus("OrgnlPmtInfAndSts", f"{batch.number}-3-1", "RJCT", "AG02")
    third = listen(session, head(f"{batch.number}-3", "PART", ident="BANK-3"), block)
    assert third.rejected == 1
    assert told(session)[-1][2] == "AG02"
    other = BatchStatus("OrgnlPmtInfAndSts", f"{batch.number}-1-7", "RJCT", "AG02")
    lost = listen(session, head(f"{batch.number}-1", "PART", ident="BANK-4"), other)
    assert why(lost) == [f"The bank rejects “{batch.number}-1-7”, which is no part of a file that we sent."]
    assert broken_promises(session) == []


def test_blocks_are_counted_as_the_file_was_written(session: Session) -> None:
    three = promises(session, 3)
    one_off = cast.mandate(session, three[0].supporter, kind="one_off")
    three[0].use(session, one_off, by=ANNA, now=cast.NOW)
    session.commit()
    batch = exported(session)
    xml = b"".join(batch.files[0].chunks(session)).decode()
    second = xml.split("<PmtInf>")[2]
    (expected,) = [p.reference for p in payments(session) if p.reference in second]
    listen(session, head(batch, "PART"), BatchStatus("x", f"{batch.number}-1-2", "RJCT", "AG02"))
    assert told(session) == [(expected, "rejected", "AG02")]


def test_a_reject_after_the_collection_was_booked_is_a_return(session: Session) -> None:
    promises(session, 1)
    batch = booked(session)
    outcome = listen(session, head(batch, made_at=LATER), debit(payments(session)[0]))
    assert (outcome.rejected, outcome.returned, outcome.returned_cents) == (0, 1, 1000)
    assert told(session)[0][1] == "returned"
    assert broken_promises(session) == []


def test_what_does_not_fit_is_listed_with_its_place_and_reason(session: Session) -> None:
    _, second = promises(session, 2)
    assert second.mandate is not None
    batch = exported(session)
    one, two = payments(session)
    outcome = listen(
        session,
        head(batch),
        debit("I999-1"),
        debit(one, amount=999, currency="EUR"),
        debit(two, mandate="SOMEBODY-ELSE"),
        debit(one, "XXXX", ""),
        debit(two, "", ""),
    )
    assert (outcome.rejected, outcome.accepted) == (0, 0)
    assert why(outcome) == [
        "We sent no debit with reference “I999-1”.",
        f"Debit {one.reference} was of EUR 10.00; the bank tells of another amount.",
        f"Debit {two.reference} was on mandate {second.mandate.reference}; the bank tells of another.",
        f"Debit {one.reference} has status “XXXX”, which says neither yes nor no.",
        f"Debit {two.reference} has status “PART”, which says neither yes nor no.",
    ]
    assert outcome.unknown[0].place == "TxInfAndSts I999-1"
    assert told(session) == []


def test_a_file_of_another_sender_is_told_and_nothing_of_it_is_done(session: Session) -> None:
    promises(session, 1)
    batch = exported(session)
    (payment,) = payments(session)
    for of in ("SOMEBODY-1", "B99999-1", f"{batch.number}-9", f"B{batch.id}-1"):
        outcome = listen(session, head(of, "RJCT"), debit(payment))
        assert "which we did not send" in why(outcome)[0]
        assert len(outcome.unknown) == 2
    assert payment.state == "open"
    unsent = listen(session, head("", "RJCT"), debit("I99-1"))
    assert why(unsent)[-1] == "The bank rejects a file and does not say which."


def test_a_bank_that_names_only_the_debits(session: Session) -> None:
    promises(session, 2)
    exported(session)
    one, two = payments(session)
    outcome = listen(
        session, head("", ""), debit(one, "", "MD01"), debit(two, "", "", reason_text="Rekening opgeheven")
    )
    assert outcome.rejected == 2
    assert [reason for *_, reason in told(session)] == ["MD01", "AC04"]


def test_a_file_that_we_did_not_send_yet_cannot_be_rejected(session: Session) -> None:
    promises(session, 1)
    batch = approved(session)
    outcome = listen(session, head(batch, "RJCT"))
    assert "was not sent to the bank" in why(outcome)[0]
    assert payments(session)[0].state == "open"


def test_the_questions_do_not_grow_with_the_debits(session: Session) -> None:
    count = 40
    promises(session, count)
    batch = exported(session)
    said = [head(batch), *(debit(payment, reason="AM04") for payment in payments(session))]
    asked: list[str] = []
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert listen(session, *said).rejected == count
    assert len([each for each in asked if each.startswith("SELECT")]) < 30
