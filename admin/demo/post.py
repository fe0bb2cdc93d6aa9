"""The demo's mail, shown in the terminal instead of sent, so that whoever signs can go on to the button."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns import Tally
from supporters.mail.delivery import deliver
from supporters.mail.envelope import Envelope
from supporters.settings import Settings

log = logging.getLogger("supporters.demo")
SECONDS = 2.0


class Terminal:
    """Takes every mail, and shows its text."""

    def open(self) -> None:
        """There is nothing to open."""

    def send(self, mail: Envelope) -> None:
        body = mail.content.get_body(("plain",))
        text = body.get_content().strip() if body is not None else ""
        click.echo(f"\n--- mail to {mail.recipient}: {mail.content['Subject']}\n{text}\n---")

    def close(self) -> None:
        """There is nothing to close."""


def serve(engine: Engine, settings: Settings) -> None:
    """Look every few seconds for as long as the demo is served."""

    def session() -> AbstractContextManager[Session]:
        return Session(engine)

    threading.Thread(target=_keep_on, args=(session, settings), daemon=True).start()


def _keep_on(session: Callable[[], AbstractContextManager[Session]], settings: Settings) -> None:
    while True:
        time.sleep(SECONDS)
        try:
            once(session, settings)
        except SQLAlchemyError as error:
            log.warning("the demo's jobs wait: %s", type(error).__name__)


def once(session: Callable[[], AbstractContextManager[Session]], settings: Settings) -> None:
    """Show what waits to be mailed, and roll up what was counted."""
    deliver(session, settings=settings, now=settings.clock, transport=Terminal())
    with session() as opened:
        Tally.roll_up(opened, now=settings.clock())
        opened.commit()
