"""Other projects' files, read where they stand: what their entries add up to, and whether their balances agree.

Most are edited test data. A file whose own balances do not fit its entries reads all the same, and says so.
"""

from __future__ import annotations

from typing import Any

import pytest

from supporters.payments.bank.reading import read_statements, read_statuses, sniff
from supporters.payments.bank.told import Line, PaymentStatus, Told
from tests.supporters.payments.bank.small_files import ABSENT, SAMPLES, plain, sums

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=ABSENT)


def found(name: str) -> list[Told]:
    with (SAMPLES / name).open("rb") as file:
        return list(read_statements(file))


def entries(name: str) -> list[Line]:
    return [line for line in found(name) if isinstance(line, Line)]


@pytest.mark.parametrize(
    ("name", "format", "expected"),
    [
        # For each statement: the sum of its entries, and what its balances say.
        ("camt053_genkgo_only_DtTm.xml", "camt.053.001.02", [(0, None)]),
        ("camt053_genkgo_v2_five_decimals.xml", "camt.053.001.02", [(885, 890)]),
        ("camt053_genkgo_v2_multi_statement.xml", "camt.053.001.02", [(885, 885), (-700, -700)]),
        ("camt053_sns_newinnovations.xml", "camt.053.001.02", [(45800, 45800), (-19826, -19826)]),
        ("camt053_viafintech_batch.xml", "camt.053.001.02", [(293426, 1570840)]),
        ("camt053_viafintech_v2.xml", "camt.053.001.02", [(-1000, -1000)]),
        ("camt053_viafintech_v4_returns_MD06.xml", "camt.053.001.04", [(53761, 53761)]),
        ("camt054_viafintech_MD06.xml", "camt.054.001.04", [(5903, None)]),
        ("mt940_abn_jejik.txt", "MT940", [(-32144, -235944), (-2449, -102709)]),
        ("mt940_knab_incasso_zilverline.txt", "MT940", [(-1000, -1000)]),
        ("mt940_rabo_structured_zilverline.txt", "MT940", [(4240, 4240), (1765599, 1765599)]),
    ],
)
def test_the_entries_add_up_to_what_the_balances_say(
    name: str, format: str, expected: list[tuple[int, int | None]]
) -> None:
    with (SAMPLES / name).open("rb") as file:
        assert sniff(file).format == format
    assert [(total, difference) for _, total, difference in sums(found(name))] == expected


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("camt053_genkgo_v2_five_decimals.xml", 0, {
            "end_to_end_id": "000000001", "name": "Company Name", "iban": "NL56AGDH9619008421",
            "text": "Transaction Description",
        }),
        ("camt053_sns_newinnovations.xml", 2, {
            "amount": 50000, "reference": "SIT202601260272400394900", "name": "GreatExample BV",
            "iban": "NL78SNSB0022446688", "bic": "SNSBNL2A", "text": "Opname",
        }),
        ("camt053_viafintech_batch.xml", 0, {
            "batch_reference": "O0OpeAYTkhjerKu3eE9asw", "message_reference": "02453b1e17c11241073a777ad9c273b4149",
        }),
        ("camt053_viafintech_v2.xml", 0, {
            "end_to_end_id": "EndToEndReference", "mandate": "MandateReference", "creditor_id": "CreditorIdentifier",
            "batch_reference": "PaymentIdentification", "reference": "BankReference", "name": "Testkonto Nummer 2",
            "iban": "DE09300606010012345671", "bic": "DAAEDEDDXXX",
            "text": "TEST BERWEISUNG MITTELS BLZUND KONTONUMMER - DTA",
        }),
        ("camt054_viafintech_MD06.xml", -1, {
            "amount": -1553, "end_to_end_id": "E2E-1-1-16030913", "batch_reference": "SID-1-160309134053s4C",
            "reference": "TST_205-28529-1", "name": "Rutschmann Pia", "iban": "CH4409000000495962779",
            "text": "Mitteilung 134-", "reason": "MD06",
            "reason_text": "Lastschrift-Widerspruch durch den Zahlungspflichtigen",
        }),
        ("mt940_knab_incasso_zilverline.txt", 0, {
            "end_to_end_id": "DD2EFGAD446A45379D13C0DHDHDHDHAS", "mandate": "007-M157303302",
            "creditor_id": "NL12ZZZ777777777777", "name": "ABLAS", "account": "NL52RBOS0343434343",
            "bic": "KNABNL2HXXX", "text": "ABLAS:9999999999, FACTUURNUMMER:88888888",
        }),
        ("mt940_rabo_structured_zilverline.txt", 0, {
            "end_to_end_id": "02-04-2013 22:56 1120000153447185", "name": "Nespresso Nederland B.V.",
            "iban": "NL96RBOS0523149468", "text": "674725433 1120000153447185 14144467636004962",
        }),
    ],
)  # fmt: skip
def test_a_transaction_says_all_that_is_in_the_file(name: str, at: int, expected: dict[str, Any]) -> None:
    assert plain(entries(name)[at].detail) == expected


def test_a_swiss_file_has_its_batches_its_references_and_its_returns() -> None:
    lines = entries("camt053_viafintech_v4_returns_MD06.xml")
    assert [line.entry.count for line in lines if line.of == 1] == [10, 8, 3, 2]
    assert lines[6].detail.creditor_reference == "CreditorReference"
    assert [line.detail.reason for line in lines if line.detail.reason] == ["NARR", "NARR", "NARR", "MD06", "MD06"]
    assert [line.entry.amount for line in lines if line.entry.is_reversal] == [-600, -1553]


def test_a_status_report_has_its_four_reasons() -> None:
    with (SAMPLES / "pain002_oca_unpaid_4codes.xml").open("rb") as file:
        payments = [one for one in read_statuses(file) if isinstance(one, PaymentStatus)]
    assert [(one.end_to_end_id, one.reason, one.amount, one.mandate) for one in payments] == [
        ("E2EID1", "AC01", 10000, "MANDATEID1"), ("E2EID2", "MS02", 10000, "MANDATEID2"),
        ("E2EID3", "MD06", 10000, "MANDATEID3"), ("E2EID4", "AM04", 10000, "MANDATEID4"),
    ]  # fmt: skip
    assert {one.batch_reference for one in payments} == {"PMTINFID1", "PMTINFID2"}
