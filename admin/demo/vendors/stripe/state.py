"""What the double of Stripe remembers: its objects, what it answered to which key, and the trouble it is to make."""

from __future__ import annotations

import copy
import json
import os
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from admin.demo.vendors.stripe.post import Post
from admin.demo.vendors.stripe.shapes import Thing, event
from supporters.payments.backstage import Trouble
from supporters.payments.gateway import FailureKind

_LETTERS = string.ascii_letters + string.digits
_DAY = 86400
EVENTS_KEPT = 5000


class StripeState:
    """``path``: where it is kept between two starts. ``webhook_url``: where its news goes, signed with
    ``webhook_secret``; ``public_url``: where a browser finds it, where that is not where a program does.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        webhook_url: str = "",
        webhook_secret: str = "whsec_simulated",  # noqa: S107
        public_url: str = "",
    ) -> None:
        self.clock = clock
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret
        self.public_url = public_url
        self.slow = 0.0  # seconds before an answer
        self.busy: set[str] = set()  # keys that are being worked on
        self.next_decline: FailureKind | None = None
        self.post = Post()
        self._path = path
        self._lock = threading.RLock()
        self._changing = False
        self._troubles: list[Trouble] = []
        self._news: list[Thing] = []
        self._key: str | None = None
        self._kinds: dict[str, dict[str, Thing]] = {}
        self.things: dict[str, Thing] = {}
        self.hidden: dict[str, Thing] = {}  # what Stripe knows of an object and does not show
        self.replies: dict[str, Thing] = {}
        self._made = 0
        if path is not None and path.exists():
            kept = json.loads(path.read_text())
            self.hidden, self.replies = kept["hidden"], kept["replies"]
            self._made = kept["made"]
            for thing in kept["things"]:
                self.keep(thing)

    # --- changing it --------------------------------------------------------------------------------------------

    @contextmanager
    def change(self, key: str | None = None) -> Iterator[None]:
        """Alone; kept and posted once it is done. ``key``: the idempotency key of who asks for it."""
        with self._lock:
            if self._changing:  # part of a larger change
                yield
                return
            self._changing, self._key = True, key
            try:
                yield
            finally:
                self._save()
                news, self._news = self._news, []
                self._changing, self._key = False, None
        for one in news:
            if self.webhook_url:
                self.post.send(self.webhook_url, self.webhook_secret, one, self.clock)

    @contextmanager
    def look(self) -> Iterator[None]:
        """Alone, and nothing changes."""
        with self._lock:
            yield

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        things = list(self.things.values())
        whole = json.dumps({"things": things, "hidden": self.hidden, "replies": self.replies, "made": self._made})
        half = self._path.with_name(f"{self._path.name}.{os.getpid()}.half")
        with half.open("w") as file:
            file.write(whole)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._path)

    # --- objects ------------------------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        """Not to be guessed, and later ones sort later: of what happened in one second the order is known."""
        self._made += 1
        return f"{prefix}_{self._made:08}{''.join(secrets.choice(_LETTERS) for _ in range(16))}"

    def moment(self, at: datetime | None = None) -> int:
        return int(at.timestamp() if at is not None else self.clock())

    def keep(self, thing: Thing) -> Thing:
        self.things[thing["id"]] = self._kinds.setdefault(thing["object"], {})[thing["id"]] = thing
        return thing

    def forget(self, ident: str) -> None:
        del self._kinds[self.things.pop(ident)["object"]][ident]

    def get(self, ident: str | None) -> Thing | None:
        return self.things.get(ident or "")

    def all(self, kind: str, **where: Any) -> list[Thing]:
        """Newest first."""
        return [
            thing
            for thing in reversed(self._kinds.get(kind, {}).values())
            if all(thing.get(name) == value for name, value in where.items())
        ]

    def tell(self, kind: str, about: Thing, at: int | None = None) -> Thing:
        """An event, with the object as it is now. Stripe has events for a month; of very many the oldest go first."""
        told = self.keep(event(self.new_id("evt"), at or self.moment(), kind, copy.deepcopy(about), self._key))
        self._news.append(told)
        if len(self._kinds["event"]) > EVENTS_KEPT:
            self.forget(next(iter(self._kinds["event"])))
        return told

    # --- what was answered before ---------------------------------------------------------------------------------

    def reply_to(self, key: str) -> Thing | None:
        """For a day."""
        reply = self.replies.get(key)
        return reply if reply is not None and self.clock() - reply["at"] < _DAY else None

    def remember(self, key: str, asked: str, status: int, body: str) -> None:
        old = next(iter(self.replies), None)
        if old is not None and self.reply_to(old) is None:
            del self.replies[old]
        self.replies[key] = {"asked": asked, "status": status, "body": body, "at": self.clock()}

    # --- trouble ------------------------------------------------------------------------------------------------

    def trouble(self, what: Trouble, times: int = 1) -> None:
        with self._lock:
            self._troubles += [what] * times

    def next_trouble(self) -> Trouble | None:
        with self._lock:
            return self._troubles.pop(0) if self._troubles else None
