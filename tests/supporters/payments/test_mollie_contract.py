"""The check against Mollie's description notices what is wrong, and only that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.supporters.payments.mollie_contract import ABSENT, SPEC, Asked, violations

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=ABSENT)

AMOUNT = {"currency": "EUR", "value": "10.00"}
RIGHT = {"amount": AMOUNT, "description": "x", "redirectUrl": "https://x.example", "webhookUrl": "https://x.example"}


def a(method: str = "POST", path: str = "/v2/payments", query: str = "", body: Any = None) -> Asked:
    text = json.dumps(body).encode() if body is not None else b""
    return Asked(method, path, query, {"content-type": "application/json", "idempotency-key": "k"}, text)


@pytest.mark.parametrize(
    ("wrong", "asked"),
    [
        ("colour", a(body=RIGHT | {"colour": "red"})),
        ("value", a(body=RIGHT | {"amount": {"currency": "EUR", "value": 10.0}})),
        ("cents", a(body=RIGHT | {"amount": AMOUNT | {"cents": 5}})),
        ("redirectUrl", a(body={"amount": AMOUNT, "description": "x"})),
        ("amount", a(body={"description": "x", "redirectUrl": "https://x.example"})),
        ("status", a(body=RIGHT | {"status": "paid"})),
        ("sequenceType", a(body=RIGHT | {"sequenceType": "monthly"})),
        ("method", a(body=RIGHT | {"method": "cheque"})),
        ("locale", a(body=RIGHT | {"locale": "nl"})),
        ("customerId", a(body=RIGHT | {"customerId": "tr_abcd"})),
        ("description", a(body=RIGHT | {"description": "x" * 256})),
        ("JSON", Asked("POST", "/v2/payments", "", {"content-type": "application/json"}, b"amount=10")),
        ("x-www-form", Asked("POST", "/v2/payments", "", {"content-type": "x-www-form"}, b"{}")),
        ("amount", a(path="/v2/payments/tr_abcd/refunds", body={"description": "x", "metadata": None})),
        ("paymentId", a("GET", "/v2/payments/re_abcd/refunds")),
        ("not in the description", a(path="/v2/paiements", body=RIGHT)),
        ("not in the description", a("PUT", "/v2/payments/tr_abcd", body=RIGHT)),
        ("limit", a("GET", query="limit=251")),
        ("colour", a("GET", query="colour=red")),
        ("twice", a("GET", query="limit=5&limit=6")),
    ],
)  # fmt: skip
def test_a_request_that_mollie_does_not_describe_is_noticed(wrong: str, asked: Asked) -> None:
    (found,) = violations(asked)[:1]
    assert wrong in found


@pytest.mark.parametrize(
    "asked",
    [
        a(body=RIGHT),
        a(body=RIGHT | {"method": ["ideal", "creditcard"], "locale": "nl_NL", "metadata": {"payment": "k"}}),
        a(body={"amount": AMOUNT, "description": "x", "sequenceType": "recurring", "customerId": "cst_abcd"}),
        a("GET", query="limit=250&from=tr_abcd"),
        a("DELETE", "/v2/customers/cst_abcd/mandates/mdt_abcd"),
    ],
)  # fmt: skip
def test_a_request_that_mollie_describes_passes(asked: Asked) -> None:
    assert violations(asked) == []
