"""What the public views of giving work with, in one application."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

from flask import Flask, current_app, request, url_for
from sqlalchemy.orm import Session

from supporters.errors import AchterbanError, Refused
from supporters.payments.gateway import Conflict, GatewayError
from supporters.payments.online.cashier import Cashier
from supporters.payments.online.offer import Offer
from supporters.payments.online.outcome import CAME_TO_NOTHING, Outcome
from supporters.payments.online.rules import Rules
from supporters.web.limits import Limits, storage_of

log = logging.getLogger("supporters.payments")
#: Seconds that a page waits for the vendor before it says that we look again.
PATIENCE = 4.0
#: Looks at vendors that one process has under way at once; further pages show what we know.
AT_ONCE = 8
#: Pauses, in seconds, while the same form that came a moment earlier is still being asked.
_TWICE = (0.2, 0.4, 0.8, 1.6)


class Desk:
    def __init__(self, app: Flask) -> None:
        self.supporters = app.extensions["supporters"]
        self.rules = Rules.read(app.config)
        self.limits = Limits(
            (self.rules.burst_limit, self.rules.steady_limit),
            (self.rules.burst_limit_with_proof, self.rules.steady_limit_with_proof),
            storage_of(app),
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, "look")
        self._room = BoundedSemaphore(AT_ONCE)

    def now(self) -> datetime:
        now: datetime = self.supporters.now()
        return now

    @property
    def cashier(self) -> Cashier:
        cashier: Cashier = self.supporters.cashier()
        return cashier

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session of its own, never the site's: while a vendor is asked no transaction may be open."""
        with self.cashier.session() as session:
            yield session

    def offer(self, session: Session) -> Offer:
        return Offer.of(session, self.supporters.accounts, self.rules, on=self.supporters.today())

    # -- whom we know -------------------------------------------------------------------------------------------

    def may_come_from(self, origin: str | None) -> bool:
        """A browser names the site; a program, or a browser that keeps it to itself ("null"), names none."""
        if origin is None or origin == "null" or origin in self.rules.origins:
            return True
        return origin in (request.host_url.rstrip("/"), self.supporters.settings.public_url)

    def own_pages(self) -> tuple[str, str]:
        return request.host_url, f"{self.supporters.settings.public_url}/"

    def link(self, endpoint: str, **values: Any) -> str:
        """The address of a page of ours as the outside world writes it."""
        return str(self.supporters.settings.public_url) + url_for(endpoint, **values)

    # -- paying -------------------------------------------------------------------------------------------------

    def pay(self, checkout_id: int) -> str | None:
        """Where somebody goes to pay; None where that is done, or being done. Raises GatewayError."""
        cashier = self.cashier
        try:
            online = cashier.begin(checkout_id)
            if online.step in CAME_TO_NOTHING:  # Only now we learn it: so another payment is begun.
                online = cashier.begin(checkout_id)
        except Refused:
            return None
        except GatewayError as error:
            if url := self._known_url(checkout_id, error):
                return url
            log.warning("a payment for checkout %s could not be begun: %s", checkout_id, error.message)
            raise
        return online.checkout_url if online.step == "open" else None

    def _known_url(self, checkout_id: int, error: GatewayError) -> str | None:
        """Where it was begun before; or is just now, by the same form a moment earlier."""
        for pause in (0.0, *(_TWICE if isinstance(error, Conflict) else ())):
            time.sleep(pause)
            with self.session() as session:
                if url := Outcome.at(session, checkout_id).checkout_url:
                    return url
        return None

    # -- how it stands ------------------------------------------------------------------------------------------

    def look(self, token: str) -> Outcome:
        """How it stands, after a short look at the vendor where that may know more. Raises NotFound."""
        with self.session() as session:
            found = Outcome.of(session, token)
        if found.payment_id is None or not found.is_worth_a_look or not self.limits.may_look(found.payment_id):
            return found
        self._ask(found.payment_id)
        with self.session() as session:
            return Outcome.of(session, token)

    def _ask(self, payment_id: int) -> None:
        """Wait for the vendor for a moment; what it says later is booked all the same."""
        if not self._room.acquire(blocking=False):
            return
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        cashier = self.cashier

        def sync() -> None:
            try:
                with app.app_context():
                    cashier.sync(payment_id, "return")
            except AchterbanError as error:
                log.warning("payment %s could not be looked at: %s", payment_id, error.message)
            except Exception:
                log.exception("payment %s could not be looked at", payment_id)
            finally:
                self._room.release()

        wait([self._threads.submit(sync)], PATIENCE)


def desk() -> Desk:
    """Of the application that serves this request."""
    found: Desk = current_app.extensions["supporters_desk"]
    return found
