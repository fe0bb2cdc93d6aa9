"""Processes of their own, for tests that kill them."""

from __future__ import annotations

import multiprocessing
from typing import Any

WORKERS = ["tests.promises.worker", "tests.supporters.payments.online.mortal"]


def context() -> Any:
    """Children come from a process that has imported everything, so that they begin with their work at once."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(WORKERS)
    first = made.Process(target=len, args=((),))  # From here on it is loaded.
    first.start()
    first.join(60)
    return made
