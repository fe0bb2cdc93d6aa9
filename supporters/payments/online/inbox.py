"""What gateways posted to us, as it came: stored before it is answered, looked at afterwards, kept for some weeks.

A vendor writes who paid into its news, so what came is sealed like everything personal that can wait.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, LargeBinary, String, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.db import Base, instant, line, pk, violates, word
from supporters.errors import Refused
from supporters.payments.gateway import BadNotification, Gateway
from supporters.sealing import keyring

log = logging.getLogger("supporters.payments")
#: A body is never longer: a vendor's is some kilobytes.
LARGEST = 256 * 1024
KEPT = timedelta(days=30)
KEPT_BAD = timedelta(days=7)
BAD_AN_HOUR = 500
KEPT_OF_BAD = 4096
#: For the keyring: what it is sealed as.
BODY = "news of a payment"
#: After so long that nothing of ours turned up for it, it is about something else.
STRANGE_AFTER = timedelta(hours=1)
WAITING = text("state = 'waiting'")
_HEADERS = ("content-type", "user-agent", "stripe-signature", "x-mollie-signature", "x-signature")


class Notification(Base):
    """waiting · taken: somebody looks · done · ignored: nothing of ours · bad: not from the vendor, kept a week."""

    __tablename__ = "supporters_notification"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'taken', 'done', 'ignored', 'bad')", name="state"),
        # The same news again, while nobody looked yet, is counted and not stored again.
        Index(
            "uq_supporters_notification_waiting",
            "account",
            "digest",
            unique=True,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index(None, "state", "next_at"),
        Index(None, "account", "received_at"),
        Index(None, "external_id"),
    )

    id: Mapped[pk]
    account: Mapped[word]
    received_at: Mapped[instant]
    headers: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: None of what came before anything was sealed.
    sealed_body: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": BODY}, deferred=True)
    size: Mapped[int]  # bytes of what came, of which a bad one keeps the beginning
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    external_id: Mapped[str] = mapped_column(String(100), default="")
    kind: Mapped[word] = mapped_column(default="")
    key: Mapped[str | None] = mapped_column(String(64))
    times: Mapped[int] = mapped_column(default=1)
    state: Mapped[word]
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[instant]
    taken_at: Mapped[instant | None]
    done_at: Mapped[instant | None]
    note: Mapped[line] = mapped_column(default="")

    @classmethod
    def receive(
        cls, session: Session, gateway: Gateway, headers: Mapping[str, str], raw: bytes, *, now: datetime
    ) -> bool:
        """Store what was posted. False where it is not the vendor's: then it is kept for a look, and acted on never."""
        known = {name.lower(): _clean(value, 500) for name, value in headers.items() if name.lower() in _HEADERS}
        shared = {
            "account": gateway.account.name, "received_at": now, "headers": known, "size": len(raw), "times": 1,
            "tries": 0, "next_at": now,
        }  # fmt: skip
        try:
            nudges = gateway.notifications(headers, raw, now)
        except BadNotification as error:
            cls._keep_bad(session, shared, raw, error.message, now)
            return False
        except Exception as error:  # Whatever a stranger's bytes do to a gateway, the vendor's own news goes on.
            log.exception("a notification of %s could not be read", gateway.account.name)
            cls._keep_bad(session, shared, raw, f"could not be read: {type(error).__name__}", now)
            return False
        shared["sealed_body"] = _sealed(session, raw[:LARGEST])
        rows = {}
        for nudge in nudges:
            said = f"{nudge.external_id}\n{nudge.event_id or ''}\n{nudge.kind}"
            digest = hashlib.sha256(said.encode("utf-8", "replace")).digest()
            row = shared | {
                "digest": digest, "external_id": _clean(nudge.external_id, 100), "kind": _clean(nudge.kind, 40),
                "key": _clean(nudge.key, 64) or None, "state": "waiting",
            }  # fmt: skip
            if nudge.is_live is not None and nudge.is_live != gateway.account.is_live:
                row |= {"state": "ignored", "done_at": now, "note": "of another mode than the account: live or test"}
            rows[digest] = row
        insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        for _, row in sorted(rows.items()):  # in one order, so that nobody waits for each other
            adding = insert(cls).values(**row)
            session.execute(
                adding.on_conflict_do_update(
                    index_elements=["account", "digest"],
                    index_where=WAITING,
                    set_={"times": cls.times + 1},
                )
            )
        return True

    @classmethod
    def _keep_bad(cls, session: Session, shared: dict[str, Any], raw: bytes, note: str, now: datetime) -> None:
        """For a look. The same again is counted, and so is everything past so many in an hour."""
        account, digest = shared["account"], hashlib.sha256(raw).digest()
        recent = select(cls.id).where(
            cls.account == account, cls.received_at > now - timedelta(hours=1), cls.state == "bad"
        )
        known = session.scalar(recent.where(cls.digest == digest).limit(1))
        full = known or session.scalar(recent.order_by(cls.received_at.desc()).offset(BAD_AN_HOUR - 1).limit(1))
        if full is not None:
            session.execute(update(cls).where(cls.id == full).values(times=cls.times + 1))
        else:
            session.add(
                cls(
                    **shared,
                    sealed_body=_sealed(session, raw[:KEPT_OF_BAD]),
                    digest=digest,
                    state="bad",
                    note=_clean(note, 255),
                )
            )

    @classmethod
    def take(cls, session: Session, most: int, *, now: datetime) -> list[Notification]:
        """Some that wait, marked as taken so that news that comes from now on is a row of its own."""
        waiting = select(cls).where(cls.state == "waiting", cls.next_at <= now).order_by(cls.next_at, cls.id)
        found = list(session.scalars(waiting.limit(most).with_for_update(skip_locked=True)))
        for each in found:
            each.state, each.taken_at, each.tries = "taken", now, each.tries + 1
        session.flush()
        return found

    @classmethod
    def give_back(cls, session: Session, *, before: datetime, now: datetime) -> int:
        """What somebody took and never finished, because the process ended."""
        taken = select(cls).where(cls.state == "taken", cls.taken_at < before).order_by(cls.account, cls.digest)
        stuck = session.scalars(taken).all()
        for each in stuck:
            each.wait(session, now, now=now)
        return len(stuck)

    def body(self, session: Session) -> bytes:
        """What came, opened."""
        sealed = self.sealed_body
        return keyring(session).open(sealed, BODY).encode("latin-1") if sealed is not None else b""

    def finish(self, state: str, note: str, *, now: datetime) -> None:
        self.state, self.note, self.done_at = state, note[:255], now

    def wait(self, session: Session, until: datetime, *, now: datetime, note: str = "") -> None:
        """Look again later; where the same news waits already, this one is done."""
        session.flush()
        try:
            with session.begin_nested():
                self.state, self.next_at, self.note = "waiting", until, note[:255]
        except IntegrityError as error:
            if not violates(error, "uq_supporters_notification_waiting"):
                raise
            self.finish("done", "the same came again", now=now)
            session.flush()

    def replay(self, session: Session, *, now: datetime) -> None:
        """A person wants it looked at again. What was not the vendor's is never acted on."""
        if self.state == "bad":
            raise Refused("This did not come from the gateway: nothing is done with it.")
        self.tries = 0
        if self.state == "waiting":
            self.next_at = now
        else:
            self.wait(session, now, now=now)

    @classmethod
    def purge(cls, session: Session, *, now: datetime) -> int:
        gone: Any = session.execute(
            delete(cls).where(
                (cls.state.in_(("done", "ignored")) & (cls.received_at < now - KEPT))
                | ((cls.state == "bad") & (cls.received_at < now - KEPT_BAD))
            )
        )
        return int(gone.rowcount)


def _sealed(session: Session, raw: bytes) -> bytes:
    return keyring(session).seal(raw.decode("latin-1"), BODY)


def _clean(said: object, most: int) -> str:
    """What fits into a column of either database: no NUL, and nothing that is not a character."""
    return str(said or "").replace("\x00", "").encode("utf-8", "replace").decode()[:most]
