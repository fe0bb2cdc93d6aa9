"""What can go wrong on the line to Mollie, and with its SDK: each was seen to, on servers that misbehave."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supporters.money import Money
from supporters.payments.gateway import (
    Conflict,
    Declined,
    GatewayError,
    Gone,
    MandateRef,
    Misasked,
    Order,
    RateLimited,
    RefundOrder,
    Unauthorised,
    Unavailable,
    Urls,
)
from supporters.payments.mollie import Mollie
from tests.supporters.payments.mollie_double import gateway, serving

URLS = Urls("https://charity.example/thanks", "https://charity.example/webhooks/mollie")
REF = MandateRef("cst_abcd1234", "mdt_abcd1234")
OPEN = {
    "resource": "payment", "id": "tr_abcd1234", "mode": "test", "createdAt": "2026-12-01T09:00:00+00:00",
    "status": "open", "amount": {"currency": "EUR", "value": "10.00"}, "description": "Gift", "sequenceType": "oneoff",
    "metadata": {"payment": "key-1"}, "_links": {"checkout": {"href": "https://mollie.example", "type": "text/html"}},
}  # fmt: skip
HTML = (200, [("Content-Type", "text/html")], b"<html><h1>504 Gateway Time-out</h1></html>")


def order(purpose: Any = "one_off") -> Order:
    return Order("key-1", purpose, Money.eur(10), "Gift", made_at=datetime.now(UTC))


def refund_order() -> RefundOrder:
    return RefundOrder("refund-1", Money.eur(4), "Back", datetime.now(UTC))


def begin(mollie: Mollie) -> Any:
    return mollie.begin(order(), URLS)


def fetch(mollie: Mollie) -> Any:
    return mollie.fetch("tr_abcd1234")


#: Each verb, and whether it can have done something when there is no answer.
VERBS: dict[str, tuple[Callable[[Mollie], Any], bool]] = {
    "begin": (begin, True),
    "begin first": (lambda mollie: mollie.begin(order("first"), URLS), True),
    "charge": (lambda mollie: mollie.charge(order("recurring"), REF), True),
    "refund": (lambda mollie: mollie.refund(refund_order(), "tr_abcd1234"), True),
    "cancel": (lambda mollie: mollie.cancel("tr_abcd1234"), True),
    "fetch": (fetch, False),
    "find": (lambda mollie: mollie.find(order()), False),
    "mandate": (lambda mollie: mollie.mandate(REF), False),
    "changed_since": (lambda mollie: list(mollie.changed_since(datetime.now(UTC) - timedelta(hours=1))), False),
}
Said = tuple[int, list[tuple[str, str]], bytes]


@contextmanager
def saying(*answers: Said | Any, **options: Any) -> Iterator[tuple[Mollie, list[str]]]:
    """A gateway to a server that gives these answers, the last for ever; and what it was asked."""
    left, asked = list(answers), []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        said = left.pop(0) if len(left) > 1 else left[0]
        status, headers, body = said if isinstance(said, tuple) else (200, [], json.dumps(said).encode())
        start_response(f"{status} Said", headers or [("Content-Type", "application/hal+json")])
        return [body]

    with serving(app) as address:
        yield gateway(address, **options), asked


def error(status: int, detail: str | None = "No.", **more: Any) -> Said:
    body = {"status": status, "title": "Wrong", "detail": detail, **more}
    return status, [], json.dumps({key: value for key, value in body.items() if value is not None}).encode()


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (error(401), Unauthorised), (error(403), Unauthorised), (error(404), Gone), (error(410), Gone),
        (error(409), Conflict), (error(400, "The Idempotency-Key was used before"), Conflict), (error(400), Misasked),
        (error(422), Misasked), (error(405), Misasked), (error(429), RateLimited), (error(500), Unavailable),
        (error(503), Unavailable), (error(404, None), Gone), (error(422, None, field="amount"), Misasked),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["begin", "fetch", "mandate"])
def test_each_error_is_one_of_ours(said: Said, kind: type[GatewayError], verb: str) -> None:
    """Also without the detail over which the SDK trips."""
    with saying(said) as (mollie, _), pytest.raises(kind):
        VERBS[verb][0](mollie)


@pytest.mark.parametrize(
    "said",
    [
        HTML, (404, *HTML[1:]), (410, *HTML[1:]), (401, *HTML[1:]), (302, [("Location", "https://example.org")], b""),
        (200, [], b""), (200, [], b"null"), (200, [], b"[]"), (200, [], b"{"), (200, [], b'"paid"'), (200, [], b"{}"),
        (404, [], b"null"), (404, [], b'{"error": "no such route"}'), (404, [], b'{"status": 403, "detail": "x"}'),
        (500, [], b"null"), (502, *HTML[1:]), (408, [], b"{}"), (200, [], b"[" * 100_000), (200, [], b"\xff\xfe"),
        (200, [("Content-Encoding", "gzip")], b"not gzip at all"),
        {**OPEN, "status": "new"}, {**OPEN, "amount": {"currency": "EUR", "value": "ten"}}, {**OPEN, "amount": None},
        {**OPEN, "mode": None}, {**OPEN, "id": None}, {**OPEN, "id": "tr_1/../x"},
        {**OPEN, "status": "paid"}, {**OPEN, "status": "paid", "paidAt": "today"},
        {**OPEN, "status": "paid", "paidAt": "2026-12-01T09:00:00"}, {**OPEN, "_links": 5},
        {**OPEN, "details": "x", "status": "failed"},
        {**OPEN, "status": "paid", "sequenceType": "first", "mandateId": "mdt_/x"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["begin", "fetch"])
def test_what_is_not_mollies_word_is_no_answer(said: Any, verb: str) -> None:
    """A proxy's 404 must not end a mandate, nor its 200 be a payment; and after a change, it may have been done."""
    ask, changes = VERBS[verb]
    with saying(said) as (mollie, asked):
        with pytest.raises(Unavailable) as caught:
            ask(mollie)
        assert caught.value.outcome_unknown == changes
        assert len(asked) == 1, "it was asked again, or elsewhere"


def test_another_payment_than_was_asked_for_is_no_answer() -> None:
    with saying({**OPEN, "id": "tr_other123"}) as (mollie, _), pytest.raises(Unavailable):
        fetch(mollie)


@pytest.mark.parametrize(
    ("words", "field", "kind"),
    [
        ("No suitable mandates found for customer", None, "hard"), ("The mandate is invalid", "mandateId", "hard"),
        ("The card was not found", None, "hard"), ("The customer id is invalid", "customerId", "hard"),
        ("The amount is higher than the maximum", "amount", None), ("The webhook URL is invalid", "webhookUrl", None),
    ],
)  # fmt: skip
def test_only_a_refused_mandate_is_a_declined_charge(words: str, field: str | None, kind: str | None) -> None:
    with saying(error(422, words, field=field)) as (mollie, _):
        with pytest.raises(Declined if kind else Misasked) as caught:
            mollie.charge(order("recurring"), REF)
        if isinstance(caught.value, Declined):
            assert caught.value.failure.kind == kind
        else:
            assert str(field) in str(caught.value)


@pytest.mark.parametrize(
    ("words", "field", "kind"),
    [
        ("The specified amount cannot be refunded", "amount", "hard"), ("Insufficient balance", "amount", "soft"),
        ("The payment is not paid", None, "hard"), ("The description is too long", "description", None),
    ],
)  # fmt: skip
def test_only_what_cannot_go_back_is_a_declined_refund(words: str, field: str | None, kind: str | None) -> None:
    with saying(error(422, words, field=field)) as (mollie, _):
        with pytest.raises(Declined if kind else Misasked) as caught:
            mollie.refund(refund_order(), "tr_abcd1234")
        if isinstance(caught.value, Declined):
            assert caught.value.failure.kind == kind


def test_a_duplicate_refund_is_a_conflict() -> None:
    with saying(error(409, "A duplicate refund has been detected")) as (mollie, _), pytest.raises(Conflict):
        mollie.refund(refund_order(), "tr_abcd1234")


def test_what_somebody_filled_in_is_not_repeated_in_an_error() -> None:
    said = error(422, "The email address 'ada@example.org' is invalid", field="email")
    with saying(said) as (mollie, _), pytest.raises(Misasked) as caught:
        begin(mollie)
    assert "ada@" not in f"{caught.value} {caught.value.params}"
    assert "email" in str(caught.value)


def test_after_a_refund_was_made_it_is_not_said_that_it_was_not() -> None:
    """Looking at it goes wrong in every way; that too much was asked at once is only true of the looking."""
    made = (201, [], json.dumps({"resource": "refund", "id": "re_abcd1234"}).encode())
    for then in (error(429), error(404), error(401), error(500), HTML):
        with saying(made, then) as (mollie, _), pytest.raises(Unavailable) as caught:
            mollie.refund(refund_order(), "tr_abcd1234")
        assert caught.value.outcome_unknown


# --- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "after"),
    [("2", 2), ("120", 120), (None, 1), ("0", 1), ("-5", 1), ("soon", 1), ("inf", 1), ("nan", 1), ("9999", 3600)],
)
@pytest.mark.parametrize("verb", ["begin", "fetch", "cancel"])
def test_too_many_requests_are_not_repeated_by_sleeping(verb: str, told: str | None, after: float) -> None:
    said = (429, [("Retry-After", told)] if told else [], b"slow down")
    with saying(said) as (mollie, asked):
        began = time.monotonic()
        with pytest.raises(RateLimited) as caught:
            VERBS[verb][0](mollie)
        assert time.monotonic() - began < max(after, 4)
        assert caught.value.after == after
        assert len(asked) == 1


@contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server below HTTP: each connection is left to ``behave``, in a thread of its own."""
    lines: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                lines.append(line)
                threading.Thread(target=_let, args=(behave, line), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    for line in lines:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _let(behave: Callable[[socket.socket], None], line: socket.socket) -> None:
    with suppress(OSError), line:  # the gateway may hang up
        behave(line)


def silent(line: socket.socket) -> None:
    while line.recv(65_536):
        pass


def drips_headers(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        line.sendall(b"z")
        time.sleep(0.05)


def drips_body(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{")
    while True:
        line.sendall(b" ")
        time.sleep(0.05)


def never_ends(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    while True:
        line.sendall(b" " * 1_000_000)


def hangs_up(line: socket.socket) -> None:
    line.recv(65_536)


def cuts_off(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id": "tr_')


def talks_nonsense(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("behave", [silent, drips_headers, drips_body, never_ends, hangs_up, cuts_off, talks_nonsense])
@pytest.mark.parametrize("verb", ["begin", "fetch"])
def test_every_call_ends_in_time(behave: Callable[[socket.socket], None], verb: str) -> None:
    ask, changes = VERBS[verb]
    with listening(behave) as address:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            ask(gateway(address, timeout=(0.2, 0.3)))
        assert time.monotonic() - began < 8  # what drips and what is silent would go on for ever
        assert caught.value.outcome_unknown == changes


@pytest.mark.parametrize("behave", [drips_body, silent, hangs_up])
def test_a_call_that_was_given_up_ends_in_the_background_too(behave: Callable[[socket.socket], None]) -> None:
    with listening(behave) as address:
        with pytest.raises(Unavailable):
            fetch(gateway(address, timeout=(0.2, 0.3)))
        until = time.monotonic() + 10
        while (left := [each for each in threading.enumerate() if each.name == "mollie"]) and time.monotonic() < until:
            time.sleep(0.02)
        assert left == []


def test_an_answer_without_end_is_cut_off_long_before_the_time_is_up() -> None:
    with listening(never_ends) as address:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="without end"):
            fetch(gateway(address, timeout=(3, 10)))
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("verb", VERBS)
def test_without_any_answer_a_change_may_have_been_made_and_a_look_has_not(verb: str) -> None:
    ask, changes = VERBS[verb]
    with listening(silent) as address:
        with pytest.raises(Unavailable) as caught:
            ask(gateway(address, timeout=(0.2, 0.2)))
        assert caught.value.outcome_unknown == changes


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_connection_nothing_was_done(verb: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        VERBS[verb][0](gateway(f"http://127.0.0.1:{port}"))
    assert not caught.value.outcome_unknown


def test_a_call_that_was_given_up_asks_nothing_more() -> None:
    """Its thread goes on for a moment: of two requests, the second is not made behind the caller's back."""
    asked: list[bytes] = []

    def slow(line: socket.socket) -> None:
        asked.append(line.recv(65_536))
        for _ in range(12):
            time.sleep(0.1)
            line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = json.dumps({"id": "cst_abcd1234"}).encode()
        line.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with listening(slow) as address:
        with pytest.raises(Unavailable) as caught:
            gateway(address, timeout=(0.2, 0.3)).begin(order("first"), URLS)
        assert caught.value.outcome_unknown
        time.sleep(0.8)
    assert len(asked) == 1


# --- what the SDK and requests would do by themselves -----------------------------------------------------------------


def test_a_netrc_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["HTTP_AUTHORIZATION"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(OPEN).encode()]

    with serving(app) as address:
        fetch(gateway(address))
    assert seen == [f"Bearer {gateway(address).account.key}"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("verb", ["begin", "fetch"])
def test_nothing_follows_a_redirect(status: int, verb: str) -> None:
    asked: list[str] = []

    def elsewhere(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(OPEN).encode()]

    with serving(elsewhere) as there:
        away = (status, [("Location", f"{there}/v2/payments")], b"")
        with saying(away) as (mollie, _), pytest.raises(Unavailable):
            VERBS[verb][0](mollie)
    assert asked == []


def test_a_replay_does_not_touch_the_root_logger() -> None:
    """The SDK warns there, and so gives a program that logs nothing a handler of its own."""
    root = logging.getLogger()
    before, handlers = root.handlers[:], root.handlers[:]
    replayed = (201, [("Idempotent-Replayed", "true")], json.dumps(OPEN).encode())
    root.handlers = []
    try:
        with saying(replayed, OPEN) as (mollie, asked):
            assert begin(mollie).external_id == OPEN["id"]
            assert asked == ["POST /v2/payments", f"GET /v2/payments/{OPEN['id']}"]
        assert root.handlers == []
    finally:
        root.handlers = handlers
    assert root.handlers == before


def test_a_payment_is_not_paid_because_it_has_a_date() -> None:
    """As is_paid() of the SDK has it."""
    with saying({**OPEN, "status": "failed", "paidAt": "2026-12-01T09:00:00+00:00"}) as (mollie, _):
        found = fetch(mollie)
    assert (found.state, found.paid_at, found.facts()) == ("failed", None, ())
    assert found.failure.code == "unknown_reason"


def test_two_gateways_at_once_do_not_mix_their_answers() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        its_id = environ["PATH_INFO"].rsplit("/", 1)[1]
        time.sleep(0.01)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({**OPEN, "id": its_id}).encode()]

    with serving(app) as address:
        mollie = gateway(address)
        wrong: list[str] = []

        def ask(number: int) -> None:
            for step in range(10):
                its_id = f"tr_number{number}x{step}"
                if mollie.fetch(its_id).external_id != its_id:
                    wrong.append(its_id)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
