"""How much may come from one network before somebody looks twice: two windows, with lists of networks we know."""

from __future__ import annotations

import time
from collections.abc import Callable

from limits.storage import Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from campaigns.petitions.network import kind_of
from campaigns.settings import Settings
from supporters.web.limits import Flood, seconds_left

#: Seconds that the lists of networks may be behind.
_FRESH = 5.0


class Limits:
    """``rules`` gives the (network, kind) pairs of the lists. Counts live in ``storage``: shared by all processes
    where that is Redis, else of each process apart."""

    def __init__(self, settings: Settings, storage: Storage, rules: Callable[[], list[tuple[str, str]]]) -> None:
        self._counter = SlidingWindowCounterRateLimiter(storage)
        self._flood = settings.limit("flood")
        self._pages = settings.limit("pages")
        self._usual = {
            proof: [settings.limit(name, with_proof=proof) for name in ("burst", "steady")] for proof in (False, True)
        }
        self._rules = rules
        self._known: list[tuple[str, str]] = []
        self._read_at = float("-inf")

    def look(self, network: str, *, with_proof: bool) -> str:
        """Why what comes from there now is to be quarantined, or "". Raises Flood."""
        if not network:
            return ""
        kind = kind_of(network, self._lists())
        if kind == "allow":
            return ""
        if not self._counter.hit(self._flood, "flood", network):
            raise Flood.of(seconds_left(self._counter, self._flood, "flood", network))
        if kind == "block":
            return "blocked_network"
        within = [self._counter.hit(item, f"proof {with_proof}", network) for item in self._usual[with_proof]]
        return "" if all(within) else "network_limit"

    def ask_for_page(self, network: str) -> None:
        """Each of these sends a mail. Raises Flood."""
        if not network or kind_of(network, self._lists()) == "allow":
            return
        if not self._counter.hit(self._pages, "pages", network):
            raise Flood.of(seconds_left(self._counter, self._pages, "pages", network))

    def _lists(self) -> list[tuple[str, str]]:
        if time.monotonic() - self._read_at > _FRESH:
            self._known, self._read_at = self._rules(), time.monotonic()
        return self._known
