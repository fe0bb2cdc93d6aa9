"""Our Stripe gateway before the double of Stripe, over real HTTP on this machine. Whatever is asked and answered is
held against Stripe's own types when the curtain falls.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

from admin.demo.vendors.stripe import StripeBackstage, StripeState, create_app
from supporters.money import Money
from supporters.payments.gateway import (
    GatewayAccount,
    MandateRef,
    Order,
    Payer,
    Purpose,
    RefundOrder,
    Snapshot,
    Urls,
)
from supporters.payments.stripe import Stripe
from tests.cast import NOW
from tests.supporters.payments.stripe_contract import nested, object_faults, request_faults

SECRETS = ("whsec_of_the_webhook", "whsec_the_former_one")
ACCOUNT = GatewayAccount("stripe", "stripe", "sk_test_key_of_the_account", False, SECRETS)
URLS = Urls("https://charity.example/give/1", "https://charity.example/webhooks/stripe")
PAYER = Payer("Ada Lovelace", "ada@example.org")


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    form: str
    headers: dict[str, str]

    @property
    def params(self) -> dict[str, Any]:
        return nested(parse_qsl(self.form))


@dataclass
class Stage:
    gateway: Stripe
    backstage: StripeBackstage
    state: StripeState
    url: str
    app: Flask
    sent: list[Sent] = field(default_factory=list)
    now: datetime = NOW

    def other(self, **changes: Any) -> Stripe:
        """A gateway of another account, at the same double."""
        return Stripe(replace(self.gateway.account, **changes), now=lambda: self.now)

    def order(self, purpose: Purpose = "one_off", method: Any = None, **more: Any) -> Order:
        money = Money(0 if purpose == "setup" else 1000)
        given: dict[str, Any] = {"key": str(uuid.uuid4()), "money": money, "made_at": self.now} | more
        if purpose in ("first", "setup"):
            given = {"payer": PAYER} | given
        return Order(purpose=purpose, description="Gift to Example P1", method=method, **given)

    def refund_order(self, amount: int = 400, **more: Any) -> RefundOrder:
        given = {"key": str(uuid.uuid4()), "money": Money(amount), "made_at": self.now} | more
        return RefundOrder(description="Refund P1", **given)

    def begun(self, purpose: Purpose = "one_off", method: Any = None, **more: Any) -> Snapshot:
        return self.gateway.begin(self.order(purpose, method, **more), URLS)

    def paid(self, purpose: Purpose = "one_off", method: Any = "ideal", **more: Any) -> Snapshot:
        begun = self.begun(purpose, method, **more)
        self.backstage.pay(begun.external_id)
        return self.gateway.fetch(begun.external_id)

    def mandate(self, method: Any = "card", purpose: Purpose = "first") -> MandateRef:
        mandate = self.paid(purpose, method).mandate
        assert mandate is not None
        return mandate.ref

    def posts(self) -> list[Sent]:
        return [one for one in self.sent if one.method == "POST"]

    def thing(self, ident: str | None) -> dict[str, Any]:
        """What Stripe has under this name, to be changed behind its back."""
        return self.state.things[ident or ""]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def staged(*, real_time: bool = False, **account: Any) -> Iterator[Stage]:
    stage: Stage

    def now() -> datetime:
        return datetime.now(UTC) if real_time else stage.now

    state = StripeState(clock=lambda: now().timestamp(), webhook_secret=SECRETS[0])
    app = create_app(state)

    @app.before_request
    def note() -> None:
        if request.headers.get("Authorization") == f"Bearer {ACCOUNT.key}":  # ours, not a test's own
            form = request.get_data(as_text=True) if request.method == "POST" else request.query_string.decode()
            headers = {name.lower(): value for name, value in request.headers.items()}
            stage.sent.append(Sent(request.method, request.path, form, headers))

    with serving(app) as url:
        gateway = Stripe(replace(ACCOUNT, base_url=url, **account), now=now)
        stage = Stage(gateway, StripeBackstage(state), state, url, app)
        yield stage
    faults = [fault for one in stage.sent for fault in request_faults(one.method, one.path, one.form, one.headers)]
    faults += [fault for thing in state.things.values() for fault in object_faults(thing)]
    assert not faults, faults


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(*answers: Answer | Callable[[], Answer]) -> Iterator[tuple[Stripe, list[str]]]:
    """A gateway before a server that answers these, the last one for ever; and which requests it had."""
    asked: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        found = answers[min(len(asked), len(answers)) - 1]
        status, headers, body = found() if callable(found) else found
        start_response(f"{status} .", [("Content-Length", str(len(body))), *headers.items()])
        return [body]

    with serving(app) as url:
        yield Stripe(replace(ACCOUNT, base_url=url), now=lambda: NOW, timeout=(1, 0.3)), asked


def said(status: int, body: Any, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json"} | named, json.dumps(body).encode()


def wrong(status: int, **error: Any) -> Answer:
    """An error of Stripe's."""
    return said(status, {"error": {"type": "invalid_request_error", "message": "Not ada@example.org!"} | error})
