"""What goes wrong on the way to Stripe becomes an error of ours, which says whether something may have been done."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe as sdk

from supporters.payments.gateway import (
    Conflict,
    GatewayError,
    Gone,
    MandateRef,
    Misasked,
    Order,
    RateLimited,
    Snapshot,
    Unauthorised,
    Unavailable,
)
from supporters.payments.stripe import Stripe
from tests.supporters.payments.stripe_stage import (
    ACCOUNT,
    PAYER,
    URLS,
    Answer,
    Stage,
    answering,
    said,
    staged,
    wrong,
)

SESSION, REF = "cs_test_a1b2c3d4", MandateRef("cus_a1b2c3d4", "pm_a1b2c3d4")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


def html(status: int) -> Answer:
    return status, {"Content-Type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>"


def raw(body: bytes) -> Answer:
    return 200, {"Content-Type": "application/json"}, body


ANSWERS: list[tuple[Answer, type[GatewayError]]] = [
    (wrong(400, code="parameter_unknown", param="payment_method_types"), Misasked),
    (wrong(400), Misasked),
    (wrong(400, type="idempotency_error"), Conflict),
    (wrong(400, code="rate_limit"), RateLimited),
    (wrong(401), Unauthorised),
    (wrong(402, type="card_error", code="card_declined"), Misasked),
    (wrong(403), Unauthorised),
    (wrong(404), Gone),
    (wrong(400, code="resource_missing", param="customer"), Gone),
    (wrong(409, type="idempotency_error", code="idempotency_key_in_use"), Conflict),
    (wrong(409), Conflict),
    (wrong(429), RateLimited),
    (wrong(429, code="lock_timeout"), RateLimited),
    (wrong(500, type="api_error"), Unavailable),
    (wrong(503), Unavailable),
    (html(502), Unavailable),
    (html(200), Unavailable),
    (html(403), Unavailable),
    (raw(b""), Unavailable),
    (raw(b"null"), Unavailable),
    (raw(b"[]"), Unavailable),
    (raw(b"7"), Unavailable),
    (raw(b"{}"), Unavailable),
    (raw(b'"text"'), Unavailable),
    (raw(b'{"object": "checkout.session"}'), Unavailable),
    (said(400, {"error": "invalid_grant"}), Unavailable),
    (said(400, {"error": ["what"]}), Unavailable),
    (said(400, {"error": {"code": {"a": 1}, "param": ["x"]}}), Misasked),
    (said(418, {}), Unavailable),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS)
def test_every_answer_is_an_error_of_ours(stage: Stage, answer: Answer, kind: type[GatewayError]) -> None:
    """Once, to what moves money and to what only looks: nothing is tried again by itself."""
    with answering(answer) as (gateway, asked):
        error = _error(lambda: gateway.begin(stage.order(), URLS))
        assert type(error) is kind
        if isinstance(error, Unavailable):
            assert error.outcome_unknown
        assert asked == ["POST /v1/checkout/sessions"]
        looked = _error(lambda: gateway.fetch(SESSION))
        assert type(looked) is kind
        if isinstance(looked, Unavailable):
            assert not looked.outcome_unknown
        assert len(asked) == 2


def _error(call: Callable[[], Any]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("header", "after"), [("7", 7), ("0", 0), ("-1", 0), ("99999", 3600), ("soon", 1), ("nan", 1), ("inf", 1)]
)
def test_who_is_asked_to_wait_is_told_how_long(stage: Stage, header: str, after: float) -> None:
    answer = wrong(429)
    answer[1]["Retry-After"] = header
    with answering(answer) as (gateway, _):
        error = _error(lambda: gateway.begin(stage.order(), URLS))
    assert isinstance(error, RateLimited)
    assert error.after == after


def test_a_refund_that_stripe_answers_oddly_may_have_been_made(stage: Stage) -> None:
    paid = stage.paid(method="card")
    stage.backstage.trouble("500_done")
    error = _error(lambda: stage.gateway.refund(stage.refund_order(), paid.external_id))
    assert isinstance(error, Unavailable)
    assert error.outcome_unknown
    assert stage.backstage.count("refunds") == 1


MOVES: list[Callable[[Stripe, Stage, Order], Snapshot]] = [
    lambda gateway, stage, order: gateway.begin(order, URLS),
    lambda gateway, stage, order: gateway.charge(stage.order("recurring"), REF),
]


@pytest.mark.parametrize("move", MOVES)
def test_an_answer_that_comes_too_late_may_have_been_done(stage: Stage, move: Any) -> None:
    def late() -> Answer:
        time.sleep(3)
        return said(200, {})

    with answering(late) as (gateway, _):
        began = time.monotonic()
        error = _error(lambda: move(gateway, stage, stage.order()))
        assert time.monotonic() - began < 2.5
        assert isinstance(error, Unavailable)
        assert error.outcome_unknown
        assert "in time" in str(error)
        looked = _error(lambda: gateway.fetch(SESSION))
        assert isinstance(looked, Unavailable)
        assert not looked.outcome_unknown


def test_what_stripe_did_while_nobody_waited_is_found(stage: Stage) -> None:
    order = stage.order()
    hasty = Stripe(stage.gateway.account, now=lambda: stage.now, timeout=(1, 0.1))
    stage.state.slow = 0.4
    error = _error(lambda: hasty.begin(order, URLS))
    assert isinstance(error, Unavailable)
    assert error.outcome_unknown
    stage.state.slow = 0
    assert stage.gateway.begin(order, URLS).key == order.key
    assert stage.backstage.count("payments") == 1


@pytest.mark.parametrize("move", MOVES)
def test_where_no_connection_came_about_nothing_was_done(stage: Stage, move: Any) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        gateway = stage.other(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        error = _error(lambda: move(gateway, stage, stage.order()))
    assert isinstance(error, Unavailable)
    assert not error.outcome_unknown
    assert "no connection" in str(error)


def test_a_connection_that_breaks_may_have_done_it(stage: Stage) -> None:
    order = stage.order()
    stage.backstage.trouble("drop")
    error = _error(lambda: stage.gateway.begin(order, URLS))
    assert isinstance(error, Unavailable)
    assert error.outcome_unknown
    found = stage.gateway.find(order)
    assert found is not None
    assert stage.gateway.begin(order, URLS).external_id == found.external_id
    assert stage.backstage.count("payments") == 1


def test_what_was_done_and_cannot_be_looked_at_is_not_called_undone(stage: Stage) -> None:
    """The refund was made; that the look after it meets a limit must not read as "nothing was done"."""
    paid = stage.paid(method="card")
    look, looks = stage.gateway.fetch, 0

    def limited(external_id: str) -> Snapshot:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise RateLimited(3)
        return look(external_id)

    stage.gateway.fetch = limited  # type: ignore[method-assign]
    error = _error(lambda: stage.gateway.refund(stage.refund_order(), paid.external_id))
    assert isinstance(error, Unavailable)
    assert error.outcome_unknown
    assert stage.backstage.count("refunds") == 1


@pytest.mark.parametrize(
    "hostile",
    ["", "cs_", "cs_test_", "pi_1/../../v1/balance", "pi_a1b2c3d4\n", "pi_a1b2c3d4?x=1", "tr_12345678", "pi_é1234567",
     "PI_a1b2c3d4", "cs_test_a1b2c3d4#", "ch_a1b2c3d4", "evt_a1b2c3d4", "pi_" + "x" * 300, "pi_１２３４５６７８"],
)  # fmt: skip
def test_what_is_no_id_is_asked_of_nobody(stage: Stage, hostile: str) -> None:
    for call in (stage.gateway.fetch, stage.gateway.cancel, lambda i: stage.gateway.refund(stage.refund_order(), i)):
        with pytest.raises(Misasked):
            call(hostile)
    with pytest.raises(Misasked):
        stage.gateway.begin(stage.order("first", customer=hostile), URLS)
    assert not stage.sent


# --- what is not said -------------------------------------------------------------------------------------------


def test_no_error_or_log_repeats_what_stripe_says(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Its messages repeat what it was sent, and its library logs each request in full."""
    logging.getLogger("stripe").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    secret = ACCOUNT.key
    for answer, _ in ANSWERS:
        with answering(answer) as (gateway, _asked):
            error = _error(lambda gateway=gateway: gateway.begin(stage.order("first"), URLS))  # type: ignore[misc]
        shown = "".join(traceback.format_exception(error)) + repr(error.args) + repr(error.params)
        assert PAYER.email not in shown
        assert secret not in shown
    assert PAYER.email not in caplog.text
    assert secret not in caplog.text


def test_stripe_is_told_nothing_of_this_machine(stage: Stage) -> None:
    stage.begun()
    assert sdk.enable_telemetry is False
    agent = stage.sent[0].headers["x-stripe-client-user-agent"]
    assert "platform" not in agent
    assert "telemetry" not in agent
    assert stage.sent[0].headers["stripe-version"] == "2026-10-28.endive"


def test_a_key_that_may_not_do_this_is_ours_to_mend(stage: Stage) -> None:
    with pytest.raises(Unauthorised):
        stage.other(key="rk_test_restricted").fetch(SESSION)
