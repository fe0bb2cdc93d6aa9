"""A process of its own that empties the outbox, and can be killed at any instant."""

from __future__ import annotations

from sqlalchemy.orm import Session

from supporters import sealing
from supporters.mail.delivery import deliver
from supporters.mail.delivery.smtp import SmtpTransport
from tests.cast import NOW
from tests.databases import KEYRING
from tests.promises.worker import opened
from tests.supporters.mail.post import Post


def empty_the_outbox(url: str, port: int) -> None:
    engine, post = opened(url), Post(port)
    sealing.use(engine, KEYRING)
    deliver(
        lambda: Session(engine), settings=post.settings, now=lambda: NOW,
        transport=SmtpTransport.read(post.settings.mail_server),
    )  # fmt: skip
