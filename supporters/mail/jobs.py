"""The outbox, emptied every few seconds."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import exists, select

from supporters.mail.delivery import deliver
from supporters.mail.delivery.smtp import SmtpTransport
from supporters.mail.message import OutboxMessage
from supporters.registry import Work, job

log = logging.getLogger("supporters.mail")
_said: set[str] = set()


@job("deliver_mail", every=timedelta(seconds=10), single=False)
def deliver_mail(work: Work) -> str | None:
    """Send what is due; without a mail server it waits."""
    if not work.settings.mail_server:
        with work.session() as session:
            if not session.scalar(select(exists().where(OutboxMessage.state == "queued"))):
                return None
        if "no server" not in _said:
            _said.add("no server")
            log.warning("Mail waits: SUPPORTERS_MAIL_SERVER is not set.")
        return "mail waits: SUPPORTERS_MAIL_SERVER is not set"
    found = deliver(
        work.session,
        settings=work.settings,
        now=work.now,
        transport=SmtpTransport.read(work.settings.mail_server),
        stopping=work.stopping,
    )
    return str(found)
