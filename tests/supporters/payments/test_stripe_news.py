"""What Stripe posts, and what strangers post; and asking for the news that never came."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stripe import Event, WebhookSignature

from supporters.money import Money
from supporters.payments.gateway import BadNotification, Nudge
from supporters.payments.stripe import Stripe
from supporters.payments.stripe.news import EVENTS
from tests.cast import NOW
from tests.supporters.payments.stripe_stage import ACCOUNT, SECRETS, Stage, staged

SESSION, INTENT, METHOD = "cs_test_a1b2c3d4", "pi_a1b2c3d4", "pm_a1b2c3d4"
GATEWAY = Stripe(ACCOUNT, now=lambda: NOW)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def event(kind: str, about: Any, **more: Any) -> bytes:
    return json.dumps(
        {"object": "event", "id": "evt_1", "type": kind, "livemode": False, "data": {"object": about}} | more
    ).encode()


def signed(raw: bytes, secret: str = SECRETS[0], at: datetime = NOW) -> dict[str, str]:
    text = raw.decode("utf-8", "replace")
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(text, secret, int(at.timestamp()))}


def heard(raw: bytes, headers: dict[str, str] | None = None, now: datetime = NOW) -> list[Nudge]:
    return GATEWAY.notifications(signed(raw) if headers is None else headers, raw, now)


GOOD = event("checkout.session.completed", {"id": SESSION, "metadata": {"payment": "our-key"}})


# --- of what it speaks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "about", "external_id", "key"),
    [
        ("checkout.session.completed", {"id": SESSION, "metadata": {"payment": "our-key"}}, SESSION, "our-key"),
        ("checkout.session.expired", {"id": SESSION, "metadata": {}}, SESSION, None),
        ("checkout.session.async_payment_failed", {"id": SESSION, "metadata": None}, SESSION, None),
        ("payment_intent.succeeded", {"id": INTENT, "metadata": {"payment": "our-key"}}, INTENT, "our-key"),
        ("payment_intent.payment_failed", {"id": INTENT}, INTENT, None),
        ("charge.succeeded", {"payment_intent": INTENT, "metadata": {"payment": "our-key"}}, INTENT, "our-key"),
        ("charge.updated", {"id": "ch_1", "payment_intent": {"id": INTENT}}, INTENT, None),
        ("charge.refunded", {"id": "ch_1", "payment_intent": INTENT}, INTENT, None),
        ("charge.dispute.created", {"payment_intent": INTENT, "metadata": {"payment": "no"}}, INTENT, None),
        ("charge.refund.updated", {"id": "re_1", "payment_intent": INTENT, "metadata": {"refund": "r"}}, INTENT, None),
        ("refund.failed", {"id": "re_1", "payment_intent": INTENT, "metadata": {"payment": "no"}}, INTENT, None),
        ("mandate.updated", {"id": "mandate_1", "payment_method": METHOD}, METHOD, None),
        ("payment_method.detached", {"id": METHOD, "metadata": {"payment": "no"}}, METHOD, None),
    ],
)  # fmt: skip
def test_an_event_names_the_payment(kind: str, about: Any, external_id: str, key: str | None) -> None:
    assert heard(event(kind, about)) == [Nudge(external_id, "evt_1", kind, key, False)]


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.created", {"id": "cus_a1b2c3d4"}),
        ("charge.succeeded", {"id": "ch_1", "payment_intent": None}),
        ("refund.created", {"id": "re_1"}),
        ("payment_intent.succeeded", {"id": "pi_../../x"}),
        ("payment_intent.succeeded", {"id": 7}),
        ("checkout.session.completed", {"id": f"{SESSION}\n"}),
        ("mandate.updated", {"id": "mandate_1", "payment_method": ["pm_a1b2c3d4"]}),
        ("payout.paid", {}),
    ],
)
def test_what_is_not_about_a_payment_says_nothing(kind: str, about: Any) -> None:
    assert heard(event(kind, about)) == []


def test_an_event_says_whether_it_is_real() -> None:
    assert [one.is_live for one in heard(event("payment_intent.succeeded", {"id": INTENT}, livemode=True))] == [True]
    assert [one.is_live for one in heard(event("payment_intent.succeeded", {"id": INTENT}, livemode="x"))] == [None]


@pytest.mark.parametrize("metadata", ["text", ["payment"], {"payment": 7}, {"payment": None}])
def test_a_key_is_only_ever_text(metadata: Any) -> None:
    assert [one.key for one in heard(event("payment_intent.succeeded", {"id": INTENT, "metadata": metadata}))] == [None]


# --- who posts it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", SECRETS)
def test_each_secret_is_good_so_that_one_can_be_replaced(secret: str) -> None:
    assert heard(GOOD, signed(GOOD, secret))


@pytest.mark.parametrize("name", ["stripe-signature", "STRIPE-SIGNATURE", "Stripe-Signature"])
def test_the_signatures_header_is_found_however_it_is_written(name: str) -> None:
    assert heard(GOOD, {name: signed(GOOD)["Stripe-Signature"]})


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_clock_may_be_a_little_off(seconds: int) -> None:
    assert heard(GOOD, signed(GOOD, at=NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400, 10**10])
def test_what_is_old_or_yet_to_come_is_refused(seconds: int) -> None:
    moment = int(NOW.timestamp()) + seconds
    header = WebhookSignature.generate_signature_header(GOOD.decode(), SECRETS[0], moment)
    with pytest.raises(BadNotification):
        heard(GOOD, {"Stripe-Signature": header})


def test_a_second_moment_in_the_header_does_not_count() -> None:
    """The first is what was signed, and what is looked at."""
    old = signed(GOOD, at=NOW - timedelta(days=1))["Stripe-Signature"]
    now = int(NOW.timestamp())
    for header in (f"{old},t={now}", f"t={now},{old}"):
        with pytest.raises(BadNotification):
            heard(GOOD, {"Stripe-Signature": header})


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Stripe-Signature": ""}, {"Stripe-Signature": "t=,v1="}, {"Stripe-Signature": "v1=0"},
        {"Stripe-Signature": f"t={int(NOW.timestamp())},v1=é"}, {"Stripe-Signature": f"t={'9' * 5000},v1=0"},
        {"Stripe-Signature": f"t={int(NOW.timestamp())}"}, signed(GOOD, "whsec_of_somebody_else"), signed(GOOD + b" "),
    ],
)  # fmt: skip
def test_what_stripe_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadNotification):
        heard(GOOD, headers)


def test_without_a_secret_nobody_is_believed() -> None:
    for secrets in ((), ("",), ("  ",)):
        gateway = Stripe(type(ACCOUNT)("stripe", "stripe", "sk_test_x", False, secrets))
        with pytest.raises(BadNotification):
            gateway.notifications(signed(GOOD, secrets[0] if secrets else "x"), GOOD, NOW)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe", b"", b"null", b"[]", b"7", b"{", b"[" * 100_000, b"{}", b'{"object": "event"}',
        b'{"object": "event", "id": "evt_1", "type": "a", "data": null}',
        b'{"object": "event", "id": 1, "type": "a", "data": {"object": {}}}',
        b'{"object": "event", "id": "evt_1", "type": ["a"], "data": {"object": {}}}',
        b'{"object": "v2.core.event", "id": "evt_1", "type": "v1.billing.meter.error", "data": {"object": {}}}',
    ],
)  # fmt: skip
def test_what_is_signed_and_no_event_is_refused_all_the_same(raw: bytes) -> None:
    with pytest.raises(BadNotification):
        heard(raw)


LATIN = st.text(st.characters(max_codepoint=255), max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
)


@given(raw=st.binary(max_size=400), header=LATIN, name=st.sampled_from(["Stripe-Signature", "stripe-signature", "x"]))
@example(raw=GOOD, header="t=1", name="Stripe-Signature")
def test_strangers_cause_nothing_but_a_refusal(raw: bytes, header: str, name: str) -> None:
    with pytest.raises(BadNotification):
        heard(raw, {name: header})


@given(raw=st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_signed_causes_nothing_worse(raw: bytes) -> None:
    with suppress(BadNotification):
        heard(raw)


@given(kind=st.sampled_from([*EVENTS, "mandate.updated", "charge.succeeded", "x"]), about=JSON, more=JSON)
def test_an_event_of_any_shape_names_a_payment_or_nothing(kind: str, about: Any, more: Any) -> None:
    whole = {"id": INTENT, "payment_intent": about, "metadata": more, "payment_method": about}
    for inside in (about, whole):
        try:
            nudges = heard(event(kind, inside))
        except BadNotification:
            continue
        assert all(one.external_id in (INTENT, SESSION, METHOD) for one in nudges)


def test_a_refusal_tells_nothing_of_what_was_posted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    raw = event("payment_intent.succeeded", {"id": INTENT, "receipt_email": "ada@example.org"})
    with pytest.raises(BadNotification) as caught:
        heard(raw, signed(GOOD))
    assert "ada" not in f"{caught.value}{caught.value.args}{caplog.text}"


# --- the double's own news --------------------------------------------------------------------------------------


def test_the_vendors_news_is_heard(stage: Stage) -> None:
    paid = stage.paid("first", "ideal")
    (nudge,) = stage.gateway.notifications(*stage.backstage.news(paid.external_id), stage.now)
    assert (nudge.external_id, nudge.key, nudge.is_live) == (paid.external_id, paid.key, False)
    stage.backstage.refund(paid.external_id, Money(100))
    (nudge,) = stage.gateway.notifications(*stage.backstage.news(paid.external_id), stage.now)
    assert nudge.external_id == paid.transaction_id
    assert stage.gateway.fetch(nudge.external_id).external_id == paid.external_id


# --- news that never came ---------------------------------------------------------------------------------------


def test_no_event_is_asked_for_that_stripe_does_not_know() -> None:
    assert set(EVENTS) <= set(get_args(Event.__annotations__["type"]))
    assert len(EVENTS) <= 20, "Stripe takes twenty"


def test_what_changed_since_is_asked_for_page_by_page(stage: Stage) -> None:
    before = stage.paid()
    stage.now += timedelta(hours=2)
    since = stage.now
    stage.backstage.refund(before.external_id, Money(100))
    charged = stage.gateway.charge(stage.order("recurring"), stage.mandate("card"))
    paid = [stage.paid() for _ in range(40)]  # three events each
    untouched = stage.begun()
    stage.sent.clear()
    changed = list(stage.gateway.changed_since(since))
    assert len(changed) == len(set(changed))
    assert {charged.external_id, before.transaction_id, untouched.external_id} <= set(changed)
    assert {one.external_id for one in paid} <= set(changed)
    assert before.external_id not in changed, "it was begun before, and is known by its other name"
    asked = [one for one in stage.sent if one.path == "/v1/events"]
    assert len(asked) > 1
    assert asked[0].params["types"] == list(EVENTS)
    assert asked[0].params["created"] == {"gte": str(int(since.timestamp()))}


def test_nothing_changed_since_now(stage: Stage) -> None:
    stage.paid()
    stage.now += timedelta(hours=2)
    assert list(stage.gateway.changed_since(stage.now)) == []
