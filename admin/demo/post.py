"""The demo's jobs: mail is shown in the terminal instead of sent, so that whoever signs or gives can go on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns import Tally
from supporters.errors import AchterbanError
from supporters.mail.delivery import deliver
from supporters.mail.envelope import Envelope
from supporters.payments.online import jobs
from supporters.registry import Work
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


def serve(engine: Engine, settings: Settings, config: Mapping[str, Any]) -> None:
    """Look every few seconds for as long as the demo is served."""

    def session() -> AbstractContextManager[Session]:
        return Session(engine)

    work = Work(session, settings, settings.clock, config)
    threading.Thread(target=_keep_on, args=(work,), daemon=True).start()


def _keep_on(work: Work) -> None:
    while True:
        time.sleep(SECONDS)
        try:
            once(work)
        except (SQLAlchemyError, AchterbanError) as error:
            log.warning("the demo's jobs wait: %s", type(error).__name__)


def once(work: Work) -> None:
    """Look at what the simulated vendors posted, send refunds, show the mail that waits, roll up what was counted."""
    for job in (jobs.gateway_news, jobs.send_refunds, jobs.gateway_mandates):
        job(work)
    deliver(work.session, settings=work.settings, now=work.now, transport=Terminal())
    with work.session() as opened:
        Tally.roll_up(opened, now=work.now())
        opened.commit()
