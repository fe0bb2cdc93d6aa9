"""Sending what is in the outbox: each message once, where the mail server and the recipient will have it.

One message is one transaction. A process that is killed leaves at most the message it was sending to be sent again,
with the same Message-ID.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.orm import Session

from supporters import hooks
from supporters.mail.delivery.claiming import claim, due, let_go
from supporters.mail.delivery.smtp import Refused, ServerDown, Transport, TryLater
from supporters.mail.envelope import Envelope, envelope, sender
from supporters.mail.letter import Dropped, render
from supporters.mail.message import ADDRESS, OutboxMessage
from supporters.people.consent import SERVICE, Answer, may_contact
from supporters.people.contact import ContactPoint
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.settings import Settings

Outcome = Literal["sent", "retried", "failed", "dropped", "skipped"]

log = logging.getLogger("supporters.mail")

#: How many are looked up at once; something more urgent waits for at most so many.
BATCH = 100
#: So many in a row that went wrong for no reason of their own end the round.
PATIENCE = 3
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
#: Waiting twice as long each time, this is five days after the first attempt.
MOST_ATTEMPTS = 28


@dataclass
class Round:
    """What became of one round of delivering."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    dropped: int = 0
    #: Why it ended before everything was tried; empty where it did not.
    stopped: str = ""

    def __str__(self) -> str:
        said = f"{self.sent} sent, {self.retried} to be tried again, {self.failed} failed, {self.dropped} dropped"
        return f"{said}; stopped: {self.stopped}" if self.stopped else said


def deliver(
    new_session: Callable[[], AbstractContextManager[Session]],
    *,
    settings: Settings,
    now: Callable[[], datetime],
    transport: Transport,
    stopping: Callable[[], bool] = lambda: False,
    chance: random.Random | None = None,
) -> Round:
    """Send everything that is due, most urgent first. Commits after each message; ``stopping`` is asked between two."""
    sender(settings)
    one = _Deliverer(new_session, settings, now, transport, chance or random.Random())  # noqa: S311
    found = Round()
    trouble = 0
    try:
        while not found.stopped:
            with new_session() as session:
                waiting = due(session, now=now(), limit=BATCH)
            handled = 0
            for message_id in waiting:
                if stopping():
                    found.stopped = "asked to"
                    return found
                transport.open()
                outcome, ours = one.deliver(message_id)
                if outcome != "skipped":
                    handled += 1
                    setattr(found, outcome, getattr(found, outcome) + 1)
                trouble = trouble + 1 if ours else 0 if outcome in ("sent", "failed") else trouble
                if trouble >= PATIENCE:
                    found.stopped = f"{trouble} in a row went wrong"
                    log.warning("Delivering mail stopped for now: %s messages in a row went wrong.", trouble)
                    return found
            if not handled:  # Nothing there, or other deliverers have it all.
                return found
    except ServerDown as down:
        found.stopped = f"the mail server is not there: {down}"
        log.warning("Mail waits: the mail server is not there (%s).", down)
    finally:
        transport.close()
    return found


@dataclass(frozen=True)
class _Deliverer:
    new_session: Callable[[], AbstractContextManager[Session]]
    settings: Settings
    now: Callable[[], datetime]
    transport: Transport
    chance: random.Random

    def deliver(self, message_id: int) -> tuple[Outcome, bool]:
        """What became of it, and whether what went wrong may well go wrong with the next."""
        with self.new_session() as session:
            message = claim(session, message_id, now=self.now())
            if message is None:
                return "skipped", False
            if not (answer := _may_be_sent(session, message)):
                return self._end(session, message, "dropped", answer.why), False
            try:
                with session.begin_nested():
                    mail = self._ready(session, message)
            except Exception as error:
                # Where, and not what: the words of an error may hold somebody's address.
                log.error("Mail %s (%s) could not be written: %s", message.id, message.template, _place(error))
                return self._again(session, message, f"could not be written: {type(error).__name__}"), False
            if isinstance(mail, Dropped):
                return self._end(session, message, "dropped", mail.reason), False
            let_go(session)
            try:
                self.transport.send(mail)
            except TryLater as later:
                return self._again(session, message, str(later)), later.ours
            except Refused as refused:
                return self._end(session, message, "failed", str(refused), tell="mail_bounced"), False
            except Exception as error:
                log.error("Mail %s (%s) could not be sent: %s", message.id, message.template, _place(error))
                self.transport.close()
                return self._again(session, message, f"could not be sent: {type(error).__name__}"), False
            return self._end(session, message, "sent", None, tell="mail_sent"), False

    def _ready(self, session: Session, message: OutboxMessage) -> Envelope | Dropped:
        now, ring = self.now(), keyring(session)
        letter = render(session, message, settings=self.settings, now=now)
        if isinstance(letter, Dropped):
            return letter
        assert message.sealed_address is not None
        address = ring.open(message.sealed_address, ADDRESS)
        return envelope(letter, message, address, ring=ring, settings=self.settings, now=now)

    def _end(
        self, session: Session, message: OutboxMessage, state: Outcome, reason: str | None, *, tell: str | None = None
    ) -> Outcome:
        end(session, message, state, reason, now=self.now(), tell=tell)
        session.commit()
        return state

    def _again(self, session: Session, message: OutboxMessage, reason: str) -> Outcome:
        message.attempts += 1
        if message.attempts >= MOST_ATTEMPTS:
            return self._end(session, message, "failed", f"given up after {message.attempts} attempts: {reason}")
        message.next_at = self.now() + wait_after(message.attempts, self.chance)
        message.reason = reason[:255]
        session.commit()
        return "retried"


def end(
    session: Session, message: OutboxMessage, state: str, reason: str | None, *, now: datetime, tell: str | None = None
) -> None:
    """The message is done with, and where it went to is forgotten. ``tell`` fires that hook.

    A handler that fails undoes itself only: the mail was sent, and would be sent again if this were not kept.
    """
    message.state, message.ended_at, message.sealed_address = state, now, None
    message.reason = reason[:255] if reason else None
    session.flush()
    if tell is None:
        return
    facts: dict[str, Any] = {"message": message, "now": now} | ({"reason": reason} if tell == "mail_bounced" else {})
    try:
        with session.begin_nested():
            hooks.fire(tell, session, **facts)
    except Exception as error:
        log.error("What hears of %s failed on mail %s: %s", tell, message.id, _place(error))


def wait_after(attempts: int, chance: random.Random) -> timedelta:
    """A minute, two, four, up to six hours, give or take a fifth so that not everything comes back at once."""
    longer: int = 2 ** min(attempts - 1, 20)
    return min(SHORTEST * longer, LONGEST) * chance.uniform(0.8, 1.2)


def _may_be_sent(session: Session, message: OutboxMessage) -> Answer:
    subject: Supporter | bytes | None = message.address_key
    if message.supporter_id is not None:
        found = session.get(Supporter, message.supporter_id)
        subject = found.survivor(session) if found else None
    if subject is None:
        return Answer(False, "nobody knows who it was for")
    if isinstance(subject, bytes) and message.purpose != SERVICE and message.sealed_address is not None:
        address = keyring(session).open(message.sealed_address, ADDRESS)
        if ContactPoint.only_of_the_dead(session, address):
            return Answer(False, "has died")
    return may_contact(subject, message.purpose, session=session, scope=message.scope)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
