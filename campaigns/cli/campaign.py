"""``achterban campaign``: open, close and list campaigns, and say what they brought in."""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy import select

from campaigns.campaign import Campaign
from supporters.cli import extension, group
from supporters.cli.identity import as_option, signed_in

_DATE = click.DateTime(["%Y-%m-%d"])
_PERMISSION = "settings.edit"

commands = group("campaign", help="What we ask of people, and what it brought in.")


@commands.command("open")
@click.argument("code")
@click.argument("name")
@click.option("--from", "started_on", type=_DATE, help="First day (default: today).")
@click.option("--until", "ended_on", type=_DATE, help="First day on which it no longer runs.")
@as_option
def open_(code: str, name: str, started_on: datetime | None, ended_on: datetime | None, email: str) -> None:
    """Open a campaign; gifts whose source code is CODE, or begins with CODE/, count for it."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    campaign = Campaign.open(
        session, code, name, started_on=started_on.date() if started_on else extension().today(),
        ended_on=ended_on.date() if ended_on else None, by=actor, now=now,
    )  # fmt: skip
    session.commit()
    click.echo(f"{campaign.name} runs from {campaign.started_on}; its source codes are {code} and {code}/…")


@commands.command("close")
@click.argument("code")
@click.option("--on", type=_DATE, help="First day on which it no longer runs (default: today).")
@as_option
def close(code: str, on: datetime | None, email: str) -> None:
    """End a campaign; gifts that come later with its source code still count for it."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    campaign = Campaign.by_code(session, code)
    campaign.close(session, on=on.date() if on else extension().today(), by=actor, now=now)
    session.commit()
    click.echo(f"{campaign.name} ended on {campaign.ended_on}.")


@commands.command("list")
def list_() -> None:
    """List the campaigns, newest first."""
    today = extension().today()
    for campaign in extension().session.scalars(select(Campaign).order_by(Campaign.started_on.desc(), Campaign.id)):
        state = "runs" if campaign.is_running(today) else "ended" if campaign.started_on <= today else "to come"
        click.echo(f"{campaign.code}  {campaign.name}  {campaign.started_on} – {campaign.ended_on or '…'}  {state}")


@commands.command("income")
@click.argument("code")
@click.option("--from", "from_on", type=_DATE, help="First day that counts.")
@click.option("--until", "until_on", type=_DATE, help="Last day that counts.")
def income(code: str, from_on: datetime | None, until_on: datetime | None) -> None:
    """Say what a campaign brought in."""
    session = extension().session
    found = Campaign.by_code(session, code).income(
        session, from_on=from_on.date() if from_on else None, until_on=until_on.date() if until_on else None
    )
    click.echo(
        f"{found.net} from {found.donors} donors: {found.gifts} gifts of {found.received}, less {found.reversed}"
    )
