"""What is posted to the webhook: by Mollie, classic and signed, and by anybody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supporters.payments.gateway import BadNotification, Nudge
from supporters.payments.mollie import Mollie
from supporters.payments.mollie.news import signature
from tests.supporters.payments.mollie_double import SECRETS, gateway

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MOLLIE = gateway("http://127.0.0.1:1")
ID = "tr_5B8cwPMGnU6qLbRvo7qEZo"


def read(headers: dict[str, str], raw: bytes, mollie: Mollie = MOLLIE) -> list[Nudge]:
    return mollie.notifications(headers, raw, NOW)


def event(kind: str = "payment.paid", **more: Any) -> dict[str, Any]:
    entity = {"id": ID, "mode": "test", "metadata": {"payment": "key-1"}}
    return {
        "resource": "event", "id": "event_GvJ8WHrp5isUdRub9CJyH", "type": kind, "entityId": ID,
        "createdAt": "2026-12-01T09:00:00+00:00", "_embedded": {"entity": entity}, "_links": {},
    } | more  # fmt: skip


def signed(body: Any, secret: str = SECRETS[0], prefix: str = "sha256=") -> tuple[dict[str, str], bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"Content-Type": "application/json", "X-Mollie-Signature": prefix + signature(raw, secret)}, raw


# --- classic ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [FORM, {"content-type": FORM["Content-Type"] + "; charset=utf-8"}, {}, {"CONTENT-TYPE": ""}]
)
def test_the_classic_news_is_an_id(headers: dict[str, str]) -> None:
    assert read(headers, f"id={ID}".encode()) == [Nudge(ID)]
    assert read(headers, f"id={ID}&testByMollie=1".encode()) == [Nudge(ID)]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"id", b"id=", b"id=&id=", b"id=tr_", b"id=re_5B8cwPMGnU", b"id=ord_8wmqcHMN4U", b"id=sub_rVKGtNd6s3",
        b"id=tr_1/../../v2/customers", b"id=tr_5B8c%2F..%2Fx", b"id=tr_5B8cwPMGnU\n", b"id=tr_5B8cwPMGnU%0A",
        b"id=%0Atr_5B8cwPMGnU", b"id=tr_5B8cwPMGnU+", b"id=tr_5B8cwPMGnU%00", b"id=tr_5B8cwPMG%C3%A9", b"id=\xff\xfe",
        b"id=tr_5B8cwPMGnU&id=tr_5B8cwPMGnV", b"ID=tr_5B8cwPMGnU", b"tr_5B8cwPMGnU", b"id=" + b"tr_" + b"x" * 500,
        b"&".join(b"a=b" for _ in range(500)) + b"&id=tr_5B8cwPMGnU", b"x" * 300_000, b"[" * 100_000, b"\x00",
        f"id={ID}".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_id_of_a_payment_is_refused(raw: bytes) -> None:
    for headers in (FORM, {}):
        with pytest.raises(BadNotification):
            read(headers, raw)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "text/xml", "é", "application/jsonx"])
def test_another_kind_of_content_is_refused(kind: str) -> None:
    for raw in (f"id={ID}".encode(), json.dumps(event()).encode()):
        with pytest.raises(BadNotification):
            read({"Content-Type": kind}, raw)


# --- signed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("prefix", ["sha256=", ""])
def test_each_secret_is_tried(secret: str, prefix: str) -> None:
    headers, raw = signed(event(), secret, prefix)
    right = [Nudge(ID, "event_GvJ8WHrp5isUdRub9CJyH", "payment.paid", "key-1", False)]
    assert read(headers, raw) == right
    assert read({name.lower(): value for name, value in headers.items()}, raw) == right
    del headers["Content-Type"]
    assert read(headers, raw) == right


def test_without_a_right_signature_nothing_is_read() -> None:
    headers, raw = signed(event())
    right = headers["X-Mollie-Signature"]
    wrongs = [
        "", "sha256=", "é" * 64, right[:-1], right + "0", right.upper(), "sha512=" + right, "\u2028",
        "sha256=" + "0" * 64, "sha256=" + signature(raw, "another"), "sha256=" + signature(raw + b" ", SECRETS[0]),
    ]  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(BadNotification, match="not signed"):
            read({**headers, "X-Mollie-Signature": wrong}, raw)
    with pytest.raises(BadNotification, match="not signed"):
        read({"Content-Type": "application/json"}, raw)
    with pytest.raises(BadNotification, match="not signed"):
        read(headers, raw.replace(ID.encode(), b"tr_somebodyElses000000"))


@pytest.mark.parametrize("secrets", [(), ("",), ("  ", "")])
def test_where_no_secret_is_set_nothing_is_signed(secrets: tuple[str, ...]) -> None:
    """With a blank one, anybody could sign."""
    mollie = gateway("http://127.0.0.1:1", webhook_secrets=secrets)
    for secret in ("", "  "):
        headers, raw = signed(event(), secret)
        with pytest.raises(BadNotification):
            read(headers, raw, mollie)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("refund.failed", {"entityId": "re_abcd1234", "_embedded": {"entity": {"paymentId": ID, "mode": "live"}}}),
        ("chargeback.received", {"entityId": "chb_abcd1234", "_embedded": {"entity": {"paymentId": ID}}}),
        ("refund.refunded", {"entityId": "re_abcd1234", "_embedded": None,
         "_links": {"entity": {"href": f"https://api.mollie.com/v2/payments/{ID}/refunds/re_abcd1234"}}}),
        ("payment.failed", {"_embedded": None}),
    ],
)  # fmt: skip
def test_an_event_names_the_payment_it_is_about(kind: str, more: dict[str, Any]) -> None:
    (nudge,) = read(*signed(event(kind, **more)))
    assert (nudge.external_id, nudge.kind) == (ID, kind)
    assert nudge.is_live is ({"live": True}.get((more["_embedded"] or {"entity": {}})["entity"].get("mode", "")))


@pytest.mark.parametrize("kind", ["payout.completed", "payment-link.paid", "hook.ping", "sales-invoice.paid"])
def test_a_signed_event_about_something_else_is_right_and_nothing_to_look_at(kind: str) -> None:
    assert read(*signed(event(kind, entityId="po_abcd1234"))) == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"0", b'"x"', b"{}", b"{", b"\xff\xfe", b'{"type": 5}', b'{"type": "payment.paid"}',
        b"[" * 100_000, b'{"type":' * 30_000, event(entityId="tr_1/../x"), event(entityId=f"{ID}\n"),
        event(entityId=None), event(entityId=["tr_abcd1234"]), event(entityId="re_abcd1234"), event(type=None),
        event("refund.failed", entityId="re_abcd1234"), event("refund.failed", _embedded={"entity": 5}),
        event("refund.failed", _embedded={"entity": {"paymentId": "tr_/../x"}}),
        event("chargeback.received", _embedded=[], _links={"entity": {"href": "https://x.example/payments/tr_/x"}}),
        event("chargeback.received", _embedded=[], _links=[]),
    ],
)  # fmt: skip
def test_a_signed_body_that_makes_no_sense_is_refused(body: Any) -> None:
    with pytest.raises(BadNotification):
        read(*signed(body))


def test_odd_parts_of_an_event_do_no_harm() -> None:
    odd = event(id=5, _embedded={"entity": {"mode": "both", "metadata": "{"}})
    assert read(*signed(odd)) == [Nudge(ID, None, "payment.paid", None, None)]


# --- anything ---------------------------------------------------------------------------------------------------------

LATIN = st.text(st.characters(max_codepoint=255), max_size=100)
KINDS = st.sampled_from(["", FORM["Content-Type"], "application/json", "text/plain"]) | LATIN


@given(raw=st.binary(max_size=400), kind=KINDS, proof=LATIN)
@example(raw=b"id=tr_abcd1234\xff", kind="", proof="")
@example(raw=b"{", kind="application/json", proof="sha256=\xe9")
def test_any_bytes_from_a_stranger_are_refused_or_an_id(raw: bytes, kind: str, proof: str) -> None:
    _stands(raw, {"Content-Type": kind, "X-Mollie-Signature": proof})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "id": JSON, "entityId": JSON | st.just(ID), "_links": JSON | st.fixed_dictionaries({"entity": JSON}),
            "type": JSON | st.sampled_from(["payment.paid", "refund.failed", "chargeback.received", "payment"]),
            "_embedded": JSON | st.fixed_dictionaries({"entity": JSON | st.fixed_dictionaries({"metadata": JSON})}),
        },
    )
)  # fmt: skip
def test_any_json_that_is_signed_is_refused_or_an_id(body: dict[str, Any]) -> None:
    headers, raw = signed(body)
    _stands(raw, headers)


@given(raw=st.binary(max_size=400))
def test_any_bytes_that_are_signed_are_refused_or_an_id(raw: bytes) -> None:
    headers, _ = signed(raw)
    _stands(raw, headers)


def _stands(raw: bytes, headers: dict[str, str]) -> None:
    try:
        nudges = read(headers, raw)
    except BadNotification:
        return
    for nudge in nudges:
        assert nudge.external_id.startswith("tr_") and nudge.external_id[3:].isalnum() and nudge.external_id.isascii()
