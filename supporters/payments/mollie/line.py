"""What every call to Mollie goes through: a limit in time, and a judgement of the answer. It needs no SDK."""

from __future__ import annotations

import json
import re
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from supporters.payments.gateway import (
    Conflict,
    GatewayError,
    Gone,
    Misasked,
    RateLimited,
    Unauthorised,
    Unavailable,
)

Answer = TypeVar("Answer")
_until = threading.local()


class Refusal(Misasked):
    """Mollie read what we asked and does not do it (400 or 422): of which field it speaks, and in which words.

    The words stay here: they may repeat what somebody filled in.
    """

    def __init__(self, status: int, about: str, words: str) -> None:
        super().__init__(
            "Mollie does not take what it was asked: %(about)s (HTTP %(status)s).", about=about or "?", status=status
        )
        self.about = about
        self.words = words


def within(seconds: float, call: Callable[[], Answer], *, changes: bool) -> Answer:
    """What ``call`` answers; raises Unavailable when that takes longer, whatever it is waiting for.

    Timeouts alone bound no call: each is for one address of a name, or one byte of an answer. A call that is given up
    asks nothing more, and ends in its thread.
    """
    box: SimpleQueue[Answer | Exception] = SimpleQueue()

    def work() -> None:
        _until.moment = until
        try:
            box.put(call())
        except Exception as error:
            box.put(error)

    until = time.monotonic() + seconds
    threading.Thread(target=work, name="mollie", daemon=True).start()
    try:
        answer = box.get(timeout=seconds)
    except Empty:
        raise Unavailable(outcome_unknown=changes, why=f"no whole answer in {seconds:g} seconds") from None
    if isinstance(answer, GatewayError):
        raise answer
    if isinstance(answer, Exception):  # the SDK's own, or an answer that lacks what it should have: its words may tell
        *_, (where, number, _, _) = traceback.extract_tb(answer.__traceback__)
        why = f"an answer nobody can read: {type(answer).__name__}, {Path(where).name}:{number}"
        raise Unavailable(outcome_unknown=changes, why=why) from None
    return answer


def left(most: float) -> float:
    """The seconds that the call under way may still take."""
    return min(most, getattr(_until, "moment", float("inf")) - time.monotonic())


def judge(status: int, body: bytes, retry_after: str | None, *, changes: bool) -> None:
    """Returns where it is a success that can be read, else raises what it is.

    Only JSON of Mollie's form is Mollie's word: a proxy's page with a 404 must never end somebody's mandate.
    """
    if status == 204:
        return
    if status == 429:
        raise RateLimited(_seconds(retry_after))
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if status >= 500 or status == 408 or not isinstance(said, dict):
        raise Unavailable(outcome_unknown=changes, why=f"HTTP {status}")
    if 200 <= status < 300:
        return
    if said.get("status") != status:
        raise Unavailable(outcome_unknown=changes, why=f"HTTP {status}, not said by Mollie")
    about, words = str(said.get("field") or "")[:100], str(said.get("detail") or "")[:300]
    if status in (401, 403):
        raise Unauthorised("Mollie does not take the key (HTTP %(status)s).", status=status)
    if status in (404, 410):
        raise Gone("Mollie has no such thing (HTTP %(status)s).", status=status)
    if status == 409 or (status == 400 and "idempoten" in words.lower()):
        raise Conflict("Mollie already has this key for something (HTTP %(status)s).", status=status)
    raise Refusal(status, about, words)


def _seconds(text: str | None) -> float:
    """It can also be a date, or nonsense."""
    return float(min(max(int(text), 1), 3600)) if text and re.fullmatch(r"\d{1,9}", text, re.ASCII) else 1.0
