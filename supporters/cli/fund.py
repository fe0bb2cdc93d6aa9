"""``achterban fund``: what money can be given for."""

from __future__ import annotations

import click
from sqlalchemy import select

from supporters import audit
from supporters.cli import extension, group
from supporters.cli.identity import as_option, signed_in
from supporters.giving.fund import Fund

commands = group("fund", help="What money can be given for.")


@commands.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--restricted", is_flag=True, help="May be spent on its purpose only.")
@as_option
def add(code: str, name: str, restricted: bool, email: str) -> None:
    """Add a fund. The one with code "general" takes what is given without a purpose."""
    session = extension().session
    actor = signed_in(email, "settings.edit")
    fund = Fund.open(session, code.strip(), name.strip(), is_restricted=restricted)
    audit.record(session, actor, "open", fund, now=extension().now(), code=fund.code)
    session.commit()
    click.echo(f"Fund {fund.code} is there: {fund.name}.")


@commands.command("list")
def show() -> None:
    """List the funds."""
    for fund in extension().session.scalars(select(Fund).order_by(Fund.code)):
        click.echo(f"{fund.code}  {fund.name}{'  (restricted)' if fund.is_restricted else ''}")
