"""Posts the double's news as Stripe does: signed, in the background, and again where nobody takes it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from admin.demo.vendors.stripe.shapes import Thing

log = logging.getLogger("supporters.demo")
#: Seconds before it is tried again. Stripe goes on for three days; a demo does not.
PAUSES = (0.2, 1.0, 3.0)


def signature(body: bytes, secret: str, moment: int) -> str:
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def as_posted(event: Thing, secret: str, moment: int) -> tuple[dict[str, str], bytes]:
    """Its headers and its body."""
    body = json.dumps(event, indent=2).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature(body, secret, moment)}
    return headers | {"User-Agent": "Stripe/1.0 (simulation)"}, body


class Post:
    """One thread, started with the first letter: news arrives in the order in which it happened."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, str, Thing, Callable[[], float]]] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self, url: str, secret: str, event: Thing, clock: Callable[[], float]) -> None:
        self._waiting.put((url, secret, event, clock))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="stripe-double", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Until all is delivered or given up."""
        self._waiting.join()

    def _work(self) -> None:
        while True:
            url, secret, event, clock = self._waiting.get()
            try:
                for pause in (*PAUSES, None):
                    if _taken(url, *as_posted(event, secret, int(clock()))):
                        break
                    if pause is None:
                        log.warning("nobody takes the double's news of %s", event["type"])
                    else:
                        time.sleep(pause)
            finally:
                self._waiting.task_done()


def _taken(url: str, headers: dict[str, str], body: bytes) -> bool:
    where = urlsplit(url)
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.netloc, timeout=10)
    try:
        connection.request("POST", where.path or "/", body, headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
