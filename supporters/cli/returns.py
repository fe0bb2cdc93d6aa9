"""``achterban returns``: debits that the bank refused or that came back, and what to do about them."""

from __future__ import annotations

import click

from supporters.cli import extension, group
from supporters.cli.identity import as_option, signed_in
from supporters.errors import NotFound, Refused
from supporters.payments.returns import proposing
from supporters.payments.returns.reasons import ACTIONS, reason_of
from supporters.payments.returns.returned import Returned

_PERMISSION = "returns.act"

commands = group("returns", help="Look at debits that came back, and act on them.")


@commands.command("list")
def show() -> None:
    """What waits: by reason, with what is proposed, how many and how much."""
    app = extension()
    found = proposing.groups(app.session, app.today())
    if not found:
        click.echo("Nothing came back that still waits for somebody.")
        return
    for each in found:
        click.echo(f"{each.code or '-':5} {each.action:14} {each.count:7} {each.total!s:>16}  {each.reason.meaning}")
    click.echo(f"Next: “returns act {found[0].code or '-'} {found[0].action} --as EMAIL”.")


@commands.command("act")
@click.argument("code")
@click.argument("action", type=click.Choice(ACTIONS))
@click.option("--all", "whole", is_flag=True, help="Also those for which something else is proposed.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Only where it is about exactly so many.")
@click.option("--note", default="", help="What your colleagues should know.")
@as_option
def act(code: str, action: str, whole: bool, count: int | None, note: str, email: str) -> None:
    """Do ACTION about the debits that came back with CODE and for which it is proposed; all of them or none.

    A reason that the bank did not give is written as a dash.
    """
    app = extension()
    actor = signed_in(email, _PERMISSION)
    reason = "" if code == "-" else code.upper()
    ids = proposing.ids_of(app.session, app.today(), reason, None if whole else action)
    if not ids:
        raise NotFound("Nothing waits that came back with “%(code)s” and asks for this.", field="code", code=code[:40])
    if count is not None and count != len(ids):
        raise Refused(
            "There are %(found)s of them now, not %(count)s: look at the list again.",
            field="count", found=len(ids), count=count,
        )  # fmt: skip
    done = Returned.act_on(
        app.session, ids, action, by=actor, now=app.now(), today=app.today(), payday=app.settings.payday, note=note
    )
    app.session.commit()
    click.echo(f"{action}: done for {done} {'debit' if done == 1 else 'debits'} ({reason_of(reason).meaning.lower()}).")
