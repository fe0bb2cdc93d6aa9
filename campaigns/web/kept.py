"""What a web process keeps for a moment: petitions as plain data, and their counts. Nothing that matters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by slug, made anew when they are older than ``seconds``; while one thread makes it, others use the old.

    Only what exists is kept: somebody who asks for a million names fills nothing.
    """

    def __init__(self, seconds: float, make: Callable[[str], Value], most: int = 1_000) -> None:
        self._seconds = seconds
        self._make = make
        self._most = most
        self._kept: dict[str, tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, slug: str) -> Value:
        """Raises what making it raises (NotFound), and then keeps nothing."""
        found = self._kept.get(slug)
        now = time.monotonic()
        if found is not None:
            if now - found[0] < self._seconds:
                return found[1]
            if now - found[0] < 3 * self._seconds and not self._lock.acquire(blocking=False):
                return found[1]
            if now - found[0] >= 3 * self._seconds:
                self._lock.acquire()
        else:
            self._lock.acquire()
        try:
            found = self._kept.get(slug)
            if found is not None and time.monotonic() - found[0] < self._seconds:
                return found[1]
            made = self._make(slug)
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[slug] = (time.monotonic(), made)
            return made
        except BaseException:
            self._kept.pop(slug, None)
            raise
        finally:
            self._lock.release()

    def forget(self) -> None:
        self._kept.clear()
