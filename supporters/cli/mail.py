"""``achterban mail``: how the outbox stands, and what came back."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

import click
from sqlalchemy import func, select

from supporters.cli import extension, group
from supporters.errors import BadInput
from supporters.mail.bounces import Bounce
from supporters.mail.message import STATES, OutboxMessage

#: A notification holds the headers of the mail it is about, seldom more.
_LARGEST = 5 * 1024 * 1024

commands = group("mail", help="The outbox: how it stands, and what came back.")


@commands.command("status")
def status() -> None:
    """How many messages wait, went and failed, and since when the oldest waits."""
    session, now = extension().session, extension().now()
    counts = dict(session.execute(select(OutboxMessage.state, func.count()).group_by(OutboxMessage.state)).all())
    for state in STATES:
        click.echo(f"{state:8}{counts.get(state, 0):>10,}")
    waits = OutboxMessage.state == "queued"
    could_go = func.count().filter(OutboxMessage.next_at <= now)
    was_tried = func.count().filter(OutboxMessage.attempts > 0)
    due, tried = session.execute(select(could_go, was_tried).where(waits)).one()
    oldest = session.scalar(
        select(OutboxMessage).where(waits).order_by(OutboxMessage.queued_at, OutboxMessage.id).limit(1)
    )
    if oldest is None:
        return
    click.echo(f"{due:,} could go now, {tried:,} were tried before.")
    said = f", last answer: {oldest.reason}" if oldest.reason else ""
    click.echo(f"The oldest waits since {_local(oldest.queued_at)}{said}")
    if not extension().settings.mail_server:
        click.echo("SUPPORTERS_MAIL_SERVER is not set, so all of it waits.")


@commands.command("bounced")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--to", default="", help="The return address it came to, where the mail's own headers do not say.")
def bounced(file: BinaryIO, to: str) -> None:
    """Read a delivery status notification from FILE (or standard input), as a mail server pipes it in."""
    raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise BadInput("This is too large for a delivery status notification.", field="file")
    session, settings = extension().session, extension().settings
    if not settings.mail_bounce:
        raise BadInput(
            "%(key)s is not set, so no mail has a return address to recognise it by.", key="SUPPORTERS_MAIL_BOUNCE"
        )
    found = Bounce.read(raw, to=to)
    if found is None:
        click.echo("This is no delivery status notification; nothing changed.")
        return
    message = found.book(session, settings=settings, now=extension().now())
    session.commit()
    if message is not None:
        click.echo(f"Mail {message.id} did not arrive: {message.reason}")
    elif not found.is_ours(session, settings):
        click.echo("This is not about a mail of ours; nothing changed.")
    elif not found.permanent:
        click.echo("It is still being tried; nothing changed.")
    else:
        click.echo("This was known already; nothing changed.")


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(extension().settings.timezone):%Y-%m-%d %H:%M}"
