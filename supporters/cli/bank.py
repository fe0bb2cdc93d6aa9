"""``achterban bank``: what the bank sends, read and booked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select

from supporters.actor import Actor
from supporters.cli import extension, group
from supporters.cli.identity import signed_in
from supporters.errors import AchterbanError, BadInput
from supporters.money import Money
from supporters.payments.bank import booking
from supporters.payments.bank.importing import DoesNotAddUp, Outcome, Read
from supporters.payments.bank.intake import take_in
from supporters.payments.bank.line import BankLine
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.returns import statuses

ACCEPT = "money.accept"
#: Cases of a status report that fit a terminal.
SHOWN = 20
_STATES = ("unknown", "proposed", "matched", "booked", "set_aside", "before")
_DATE = click.DateTime(["%Y-%m-%d"])

commands = group("bank", help="Read what the bank sends, and book what it says.")
accounts = click.Group("account", help="The accounts of ours whose statements are read.")
accounts.command_class = commands.command_class
commands.add_command(accounts)


@accounts.command("add")
@click.argument("number", metavar="IBAN")
@click.argument("name")
@click.option("--currency", default="EUR", show_default=True)
@click.option("--book-from", type=_DATE, metavar="DATE", help="Lines of before this day are kept and not booked.")
@click.option("--as-written", is_flag=True, help="The bank writes it so, though its check digits do not fit.")
def add(number: str, name: str, currency: str, book_from: datetime | None, as_written: bool) -> None:
    """Add an account. One that you collect on is known by itself."""
    app = extension()
    account = OurAccount.add(
        app.session, number, name, by=Actor("person", "command line", "command line"), now=app.now(),
        currency=currency.upper(), book_from_on=book_from.date() if book_from else None, as_written=as_written,
    )  # fmt: skip
    app.session.commit()
    click.echo(f"Statements of {account.spaced} ({account.name}) are read from now on.")


@accounts.command("list")
def show() -> None:
    """The accounts, with the last balance that was read of each."""
    session = extension().session
    for account in session.scalars(select(OurAccount).order_by(OurAccount.id)).all():
        last = session.scalars(
            select(BankStatement)
            .where(BankStatement.account_id == account.id, BankStatement.closing.is_not(None))
            .order_by(BankStatement.to_on.desc(), BankStatement.id.desc())
            .limit(1)
        ).first()
        balance = f"{Money(last.closing or 0, last.currency)} on {last.closing_on}" if last else "nothing read yet"
        click.echo(f"{account.spaced}  {account.name}  {balance}")


@commands.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--accept", metavar="REASON", help="Take a statement that does not add up, and why.")
@click.option("--as", "email", metavar="EMAIL", help="Who you are; needed with --accept.")
def import_(files: tuple[Path, ...], dry_run: bool, accept: str | None, email: str | None) -> None:
    """Read statements (camt.053, MT940), notifications (camt.054) and status reports (pain.002).

    Each file is read whole or not at all, and one that cannot be read keeps no other out. The same file, or the same
    line in another file, changes nothing.
    """
    if accept is not None and not email:
        raise BadInput("Say who accepts it: --as EMAIL.", field="as")
    app = extension()
    by = signed_in(email, ACCEPT) if accept is not None and email else None
    failed = False
    for path in files:
        actor = by or Actor("import", path.name[:200], "command line")
        try:
            with _bar(path) as progress, path.open("rb") as stream:
                outcome = take_in(
                    app.session, stream, path.name, by=actor, now=app.now(), today=app.today(), accept=accept,
                    progress=progress,
                )  # fmt: skip
            if dry_run:
                app.session.rollback()
            else:
                app.session.commit()
        except AchterbanError as error:
            app.session.rollback()
            failed = True
            hint = " (--accept REASON --as EMAIL)" if isinstance(error, DoesNotAddUp) else ""
            click.echo(f"{path}: {error.message}{hint}", err=True)
            continue
        _tell(path, outcome, dry_run=dry_run)
    _count(dry_run=dry_run)
    if failed:
        sys.exit(2)


@commands.command("book")
@click.option("--account", metavar="IBAN", help="Only the lines of this account.")
@click.option("--as", "email", required=True, metavar="EMAIL", help="Who you are.")
def book(account: str | None, email: str) -> None:
    """Book every line that is matched."""
    app = extension()
    by = signed_in(email, "money.run")
    ours = None
    if account is not None:
        ours = OurAccount.named(app.session, account, now=app.now())
        if ours is None:
            raise BadInput("%(number)s is not an account of ours.", field="account", number=account[:40])
    summary = booking.book_matched(app.session, by=by, now=app.now(), account=ours)
    app.session.commit()
    click.echo(str(summary))


@commands.command("lines")
@click.option("--state", type=click.Choice(_STATES), help="Without it those that wait for somebody.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def lines(state: str | None, limit: int) -> None:
    """The lines in a state, oldest first; what is unknown or proposed is answered in the admin."""
    states = (state,) if state else ("unknown", "proposed")
    query = select(BankLine).where(BankLine.state.in_(states)).order_by(BankLine.booked_on, BankLine.id).limit(limit)
    for line in extension().session.scalars(query).all():
        words = " ".join(filter(None, (line.name, line.text)))[:80]
        click.echo(f"{line.number}  {line.booked_on}  {line.money!s:>14}  {line.kind or '-':10}  {words}")


def _tell(path: Path, outcome: Outcome, *, dry_run: bool) -> None:
    if outcome.known_since is not None:
        since = outcome.known_since.astimezone(extension().now().tzinfo)
        click.echo(f"{path}: this very file was read on {since:%Y-%m-%d %H:%M}; nothing was done.")
        return
    for read in outcome.statements:
        click.echo(f"{path}: {_sum_up(read)}{' (nothing was kept: dry run)' if dry_run else ''}.")
    if outcome.statuses is not None:
        _tell_statuses(path, outcome.statuses)


def _tell_statuses(path: Path, told: statuses.Outcome) -> None:
    about = f" of {', '.join(told.batches)}" if told.batches else ""
    click.echo(
        f"{path}: debits{about}: {told.rejected} refused ({Money(told.rejected_cents, 'EUR')}), {told.returned} came"
        f" back ({Money(told.returned_cents, 'EUR')}), {told.accepted} accepted, {told.known} known already."
    )
    for each in told.unknown[:SHOWN]:
        click.echo(f"{path}: {each.place}: {each.reference}: {each.why.message}", err=True)
    if (more := len(told.unknown) - SHOWN) > 0:
        click.echo(f"{path}: … and {more} more that nothing was done about.", err=True)


def _sum_up(read: Read) -> str:
    figures = f"{read.entries} entries of {Money(read.entered, read.currency)}"
    if read.opening is not None and read.closing is not None:
        opening, closing = (Money(each.amount, each.currency) for each in (read.opening, read.closing))
        figures += f", {opening} → {closing}"
    if read.difference is not None:
        figures += f" (accepted with a difference of {Money(read.difference, read.currency)})"
    doubt = f", {read.doubtful} perhaps known" if read.doubtful else ""
    return f"{read.kind} {read.ident} of {read.account}: {figures}; {read.new} new, {read.known} known{doubt}"


def _count(*, dry_run: bool) -> None:
    if dry_run:
        return
    session = extension().session
    rows = session.execute(
        select(BankLine.state, func.count())
        .where(BankLine.state.in_(("unknown", "proposed", "matched")))
        .group_by(BankLine.state)
    )
    found: dict[str, int] = dict(rows.all())
    if found:
        told = ", ".join(f"{found[state]} {state}" for state in ("matched", "proposed", "unknown") if state in found)
        click.echo(f"Lines that are not booked: {told}.")


@contextmanager
def _bar(path: Path) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console,
        disable=not console.is_terminal, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task(f"Reading {path.name}", total=path.stat().st_size or 1)
        yield lambda done: bar.update(task, completed=done)
