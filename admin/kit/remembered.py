"""Figures that are dear to add up and may be half a minute old; each process remembers its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app

T = TypeVar("T")
SECONDS = 30.0


def remembered(key: str, make: Callable[[], T], *, seconds: float = SECONDS) -> T:
    """What ``make`` gave for this key at most ``seconds`` ago. Only for plain values, never for rows of a session."""
    kept: dict[str, tuple[float, Any]] = current_app.extensions.setdefault("achterban_remembered", {})
    found = kept.get(key)
    if found is None or time.monotonic() - found[0] > seconds:
        found = kept[key] = (time.monotonic(), make())
    value: T = found[1]
    return value


def forget(key: str) -> None:
    """This process looks anew the next time; others do when their half minute is over."""
    current_app.extensions.get("achterban_remembered", {}).pop(key, None)
