"""How much may be asked from one network, so that nobody tries a thousand cards on us."""

from __future__ import annotations

import time
from collections.abc import Sequence

from flask import Flask
from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from supporters.errors import AchterbanError


class Flood(AchterbanError):
    """A network sends more than people can (HTTP 429)."""

    code = "flood"
    seconds = 60

    @classmethod
    def of(cls, seconds: int) -> Flood:
        flood = Flood(
            "Too much comes from your network at once. Wait %(seconds)s seconds and send it again.", seconds=seconds
        )
        flood.seconds = seconds
        return flood


def storage_of(app: Flask) -> Storage:
    """Where counts live: shared by all processes where RATELIMIT_STORAGE_URI says so, else of each process apart."""
    storage = storage_from_string(app.config.get("RATELIMIT_STORAGE_URI") or "memory://")
    assert isinstance(storage, Storage)
    return storage


def seconds_left(counter: RateLimiter, item: RateLimitItem, *what: str) -> int:
    """How long until there is room again."""
    return max(1, round(counter.get_window_stats(item, *what).reset_time - time.time()))


class Limits:
    """What is begun from one network, in each of these windows, and how often one payment is looked at.

    ``with_proof`` are the windows of forms that come with a proof of work.
    """

    #: A page that is opened again and again asks the vendor this often.
    LOOK = parse("1 per 2 seconds")
    #: A proof is good for one form; it is too old before this has passed.
    ONCE = parse("1 per hour")

    def __init__(self, windows: Sequence[str], with_proof: Sequence[str], storage: Storage) -> None:
        self._counter = SlidingWindowCounterRateLimiter(storage)
        self._windows = {False: [parse(each) for each in windows], True: [parse(each) for each in with_proof]}

    def begin(self, network: str, proof: str = "") -> None:
        """Raises Flood where there was more from this network than people need. A proof that served before is none."""
        if not network:
            return
        proven = bool(proof) and self._counter.hit(self.ONCE, "proof", proof)
        for window in self._windows[proven]:
            counted = ("giving", f"proof {proven}", str(window), network)
            if not self._counter.hit(window, *counted):
                raise Flood.of(seconds_left(self._counter, window, *counted))

    def may_look(self, payment_id: int) -> bool:
        return self._counter.hit(self.LOOK, "look", str(payment_id))
