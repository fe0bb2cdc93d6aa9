"""A process of its own that does one step with online payments, at a vendor that outlives it, and dies when it is told.

The vendor stays in the test's process; whoever asks it from another does so through a manager on this machine.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.managers import BaseManager
from typing import Any

from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from supporters import sealing
from supporters.db import configure_sqlite
from supporters.payments.memory import MemoryGateway
from supporters.payments.online import jobs, post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from supporters.registry import Work
from supporters.settings import Settings
from tests.databases import KEYRING
from tests.supporters.payments.online.till import ACCOUNT

VERBS = ("begin", "charge", "refund", "fetch", "find", "cancel", "mandate", "revoke", "changed_since")
KEY = b"of a test"
STEPS: dict[str, Callable[[Cashier, Work, int], Any]] = {
    "begin": lambda cashier, work, checkout_id: cashier.begin(checkout_id),
    "charge_due": lambda cashier, work, _: jobs.charge_due(work),
    "work_through": lambda cashier, work, _: post.work_through(cashier),
    "send_refunds": lambda cashier, work, _: jobs.send_refunds(work),
    "revoke": lambda cashier, work, _: jobs.gateway_mandates(work),
    "poll": lambda cashier, work, _: jobs.poll_gateways(work),
}


class Fuse:
    """Counts every commit and every request, before and after; the process ends at the one it is told."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class _Manager(BaseManager):
    pass


@contextmanager
def at_hand(gateway: Callable[[], MemoryGateway]) -> Iterator[tuple[str, int]]:
    """Where other processes reach the vendor."""
    _Manager.register("gateway", callable=gateway, exposed=VERBS)
    server = _Manager(("127.0.0.1", 0), KEY).get_server()
    server.stop_event = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=_serve, args=(server,), daemon=True).start()
    yield server.address  # type: ignore[misc]
    server.stop_event.set()  # type: ignore[attr-defined]
    server.listener.close()  # type: ignore[attr-defined]


def _serve(server: Any) -> None:
    threading.Thread(target=server.accepter, daemon=True).start()
    server.stop_event.wait()


class Remote:
    """A gateway whose every request may be the last thing that its process did."""

    account = ACCOUNT

    def __init__(self, address: tuple[str, int], fuse: Fuse) -> None:
        _Manager.register("gateway", exposed=VERBS)
        manager = _Manager(address, KEY)
        manager.connect()
        self._there, self._fuse = manager.gateway(), fuse  # type: ignore[attr-defined]

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb not in VERBS:
            raise AttributeError(verb)

        def ask(*args: Any) -> Any:
            self._fuse()
            answer = getattr(self._there, verb)(*args)
            self._fuse()
            return answer

        return ask


def work(url: str, address: tuple[str, int], step: str, number: int, now: datetime, at: int) -> None:
    """One step; ``at`` 0 lets it live."""
    fuse = Fuse(at)

    class Mortal(Session):
        def commit(self) -> None:
            fuse()
            super().commit()
            fuse()

    engine = create_engine(url, poolclass=NullPool)
    configure_sqlite(engine)
    sealing.use(engine, KEYRING)
    remote: Any = Remote(address, fuse)
    accounts = Accounts({"memory": remote})
    settings = Settings(public_url="https://charity.example", gateways=accounts)
    opened = lambda: Mortal(engine)  # noqa: E731
    STEPS[step](Cashier(opened, accounts, settings, lambda: now), Work(opened, settings, lambda: now), number)
