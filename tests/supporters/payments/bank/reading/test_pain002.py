"""What a pain.002 tells: what became of the file, of its batches and of each debit."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from supporters.payments.bank.told import BadBankFile, BatchStatus, PaymentStatus, StatusHead
from tests.supporters.payments.bank.small_files import (
    REJECTS,
    THEM,
    amount,
    batch,
    nested,
    pain002,
    plain,
    statuses,
    tags,
    told,
    transaction,
)


def test_a_report_tells_of_the_file_the_batch_and_each_debit() -> None:
    head, about, first, second = statuses(REJECTS)
    assert head == StatusHead(
        format="pain.002.001.10", place="line 2", ident="R1", made_at=datetime(2026, 11, 25, 6, tzinfo=UTC),
        message_reference="C-2026-11", original_format="pain.008.001.08", status="PART",
    )  # fmt: skip
    assert about == BatchStatus("line 3, batch 1", "C-2026-11-1", "PART")
    assert isinstance(first, PaymentStatus)
    assert plain(first) == {
        "place": "line 3, debit 1", "end_to_end_id": "D-1", "batch_reference": "C-2026-11-1",
        "message_reference": "C-2026-11", "status": "RJCT", "reason": "AC01",
        "reason_text": "IBAN onjuist", "amount": 1250, "currency": "EUR",
        "mandate": "M-1", "iban": THEM, "name": "A. de Boer", "reference": "X-D-1", "collect_on": date(2026, 11, 27),
    }  # fmt: skip
    assert isinstance(second, PaymentStatus)
    assert (second.end_to_end_id, second.reason, second.amount) == ("D-2", "MD01", None)


@pytest.mark.parametrize("version", [f"001.{number:02d}" for number in range(3, 15)])
def test_every_version_is_read(version: str) -> None:
    head, *_, last = statuses(REJECTS.replace("001.10", version))
    assert isinstance(head, StatusHead)
    assert head.format == f"pain.002.{version}"
    assert isinstance(last, PaymentStatus)


@pytest.mark.parametrize(("status", "reason"), [("ACCP", ""), ("RJCT", "FF01"), ("ACTC", "")])
def test_a_report_may_only_be_about_the_whole_file(status: str, reason: str) -> None:
    why = (
        tags("StsRsnInf", nested("Rsn/Prtry", reason) + tags("AddtlInf", "a") + tags("AddtlInf", "b")) if reason else ""
    )
    [head] = statuses(pain002(group=tags("GrpSts", status) + why))
    assert isinstance(head, StatusHead)
    assert (head.status, head.reason, head.reason_text) == (status, reason, "a b" if reason else "")


def test_a_batch_may_be_refused_as_a_whole() -> None:
    why = tags("StsRsnInf", nested("Rsn/Cd", "DUPL"))
    _, about = statuses(pain002(batch(why, status="RJCT")))
    assert about == BatchStatus("line 3, batch 1", "C-2026-11-1", "RJCT", "DUPL")


def test_debits_may_stand_in_the_message_itself_or_lack_a_status() -> None:
    _, first = statuses(pain002(transaction("D-1", status="")))
    assert isinstance(first, PaymentStatus)
    assert (first.end_to_end_id, first.batch_reference, first.status, first.reason) == ("D-1", "", "", "AC01")


def test_the_first_reason_counts_and_the_words_of_all_are_kept() -> None:
    why = tags("StsRsnInf", tags("AddtlInf", "eerst"))
    why += "".join(tags("StsRsnInf", nested("Rsn/Cd", code) + tags("AddtlInf", code)) for code in ("AC04", "MD07"))
    _, _, payment = statuses(pain002(batch(tags("TxInfAndSts", why))))
    assert isinstance(payment, PaymentStatus)
    assert (payment.reason, payment.reason_text) == ("AC04", "eerst AC04 MD07")


def test_later_versions_wrap_a_party_and_a_mandate() -> None:
    original = nested("Dbtr/Pty/Nm", "A") + nested("MndtRltdInf/DrctDbtMndt/MndtId", "M-9")
    _, _, payment = statuses(pain002(batch(transaction("D-1", original=original))))
    assert isinstance(payment, PaymentStatus)
    assert (payment.name, payment.mandate) == ("A", "M-9")


def test_an_amount_that_is_none_is_refused_with_its_place() -> None:
    original = nested("Amt", amount("12,50", name="InstdAmt"))
    with pytest.raises(BadBankFile, match=r"line 3, debit 1, OrgnlTxRef/Amt: “12,50” is not an amount"):
        statuses(pain002(batch(transaction("D-1", original=original))))


def test_a_status_report_is_no_statement_nor_the_reverse() -> None:
    with pytest.raises(BadBankFile, match=r"status report \(pain\.002\.001\.10\).*has no entries"):
        told(REJECTS)
    with pytest.raises(BadBankFile, match=r"statement \(MT940\), not a status report"):
        statuses(":20:X\n:25:1\n:60F:C261123EUR1,00\n:62F:C261123EUR1,00\n")
