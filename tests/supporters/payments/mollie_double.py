"""The simulated Mollie on a real port, or any other server, with what was asked of it; and the gateway that asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

from admin.demo.vendors.mollie import MollieBackstage, State, create_app
from supporters.payments.gateway import GatewayAccount
from supporters.payments.mollie import Mollie
from tests.supporters.payments.mollie_contract import SPEC, Asked, violations

PREFIX = "/mollie"
KEY = "test_dHar4XY7LxsDOtmnkVtjNVWXLSlXsM"
SECRETS = ("webhook-secret-old", "webhook-secret-new")


class Clock:
    """One for both sides; a test moves it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Stage:
    gateway: Mollie
    backstage: MollieBackstage
    state: State
    clock: Clock
    address: str
    asked: list[Asked] = field(default_factory=list)

    def another(self, **account: Any) -> Mollie:
        """A gateway to the same Mollie, of an account that differs."""
        return gateway(account.pop("base_url", self.address), now=self.clock, **account)


def gateway(
    address: str, *, now: Callable[[], datetime] | None = None, timeout: tuple[float, float] = (3, 10), **account: Any
) -> Mollie:
    fields = {"key": KEY, "is_live": False, "webhook_secrets": SECRETS, "base_url": address} | account
    clock = {"now": now} if now else {}
    return Mollie(GatewayAccount("mollie", "mollie", **fields), timeout=timeout, **clock)


@contextmanager
def staged(**state: Any) -> Iterator[Stage]:
    """Under a prefix, as in the demo; next pages are linked at the vendor's own host, as the vendor does.

    In the end every request that was made is held against the vendor's description, where that is at hand.
    """
    clock, asked = Clock(), []
    kept = State(now=clock, vendor_host="https://api.mollie.com", **state)
    served = DispatcherMiddleware(Flask("elsewhere"), {PREFIX: create_app(kept)})
    with serving(recording(served, asked)) as home:
        address = home + PREFIX
        yield Stage(gateway(address, now=clock), MollieBackstage(kept), kept, clock, address, asked)
    if SPEC.exists():
        assert [wrong for each in asked for wrong in violations(each)] == []


def recording(app: Any, asked: list[Asked]) -> Any:
    """The application; what is asked of its API is kept in ``asked``."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"].removeprefix(PREFIX)
        if path.startswith("/v2/"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
            headers = {
                name.removeprefix("HTTP_").replace("_", "-").lower(): value
                for name, value in environ.items()
                if name.startswith("HTTP_") or name == "CONTENT_TYPE"
            }
            asked.append(Asked(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], headers, body))
        return app(environ, start_response)

    return wrapped


class Quiet(WSGIRequestHandler):
    def log(self, *args: Any, **more: Any) -> None:
        """A test that fails says enough."""


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address at which it is served, over real HTTP."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
