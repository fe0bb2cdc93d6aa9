"""News from the simulated Mollie: a real HTTP POST, in the background, tried a few times."""

from __future__ import annotations

import threading
import time
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from admin.demo.vendors.mollie.state import State

#: Seconds before each attempt; the vendor's own go on for a day.
WAITS = (0.0, 1.0, 3.0, 10.0)
KEPT = 50


def body(payment_id: str) -> bytes:
    """What is posted: which payment, and nothing of what happened to it."""
    return urlencode({"id": payment_id}).encode()


def post(state: State, payment_id: str, waits: tuple[float, ...] = WAITS) -> threading.Thread | None:
    """Tell whoever the payment names, if it names anybody; the thread that does."""
    url = state.payment(payment_id)["webhookUrl"]
    if not url:
        return None
    thread = threading.Thread(target=_deliver, args=(state, payment_id, url, waits), daemon=True)
    thread.start()
    return thread


def _deliver(state: State, payment_id: str, url: str, waits: tuple[float, ...]) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Mollie/2.0 (simulated)"}
    for wait in waits:
        time.sleep(wait)
        try:
            with urlopen(Request(url, body(payment_id), headers), timeout=15) as answer:  # noqa: S310
                outcome = str(answer.status)
        except Exception as error:  # whatever it is, it is tried again
            outcome = str(getattr(error, "code", None) or type(error).__name__)
        with state.lock:
            state.posted.append((state.now(), payment_id, outcome))
            del state.posted[:-KEPT]
        if outcome.startswith("2"):
            return
