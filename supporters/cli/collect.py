"""``achterban collect``: from announcing what will be debited to booking what was."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import select

from supporters import audit
from supporters.cli import extension, group
from supporters.cli.files import NewFile
from supporters.cli.identity import as_option, signed_in
from supporters.errors import BadInput
from supporters.money import Money
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import HEADER, announce
from supporters.payments.sepa.batch import CollectionBatch, CollectionFile
from supporters.payments.sepa.pain008 import FORMATS
from supporters.payments.sepa.preview import Line, Preview, Section

#: How far ahead `announce` looks where nothing else is said: a month's run, and the time to tell about it.
AHEAD = timedelta(days=45)
#: Lines of a section that fit a terminal; the screens show more.
SHOWN = 10

_PERMISSION = "money.run"
_DATE = click.DateTime(["%Y-%m-%d"])
_SEQUENCES = {"FRST": "first", "RCUR": "recurring", "OOFF": "one-off"}
_WHY = {
    "deceased": "has died",
    "skipped": "skipped on request",
    "paused": "paused",
    "missed": "due too long ago, ask for it again by hand",
    "returned": "came back from the bank, ask for it again by hand",
    "not_yet": "came back before, and is tried again later",
    "no_mandate": "no mandate",
    "mandate_cancelled": "mandate ended",
    "mandate_used": "one-off mandate used already",
    "mandate_lapsed": "mandate lapsed, nothing was collected for 36 months",
    "signed_later": "mandate signed after the collection date",
    "not_announced": "amount not announced in time",
    "ended": "commitment ended",
    "not_due": "not due this time",
    "commitment_ended": "commitment ended",
    "ten_times_usual": "ten times the usual amount or more",
    "same_account_and_amount": "same IBAN and amount more than once",
}

commands = group("collect", help="Collect by SEPA direct debit: announce, prepare, approve, export, book.")
accounts = click.Group("account", help="The accounts of ours that we collect on.")
accounts.command_class = commands.command_class
commands.add_command(accounts)


# -- announce ---------------------------------------------------------------------------------------


@commands.command("announce")
@click.option("--account", metavar="IBAN", help="Which account; not needed while there is one.")
@click.option("--before", type=_DATE, help="Announce what falls due before this day (default: 45 days from now).")
@as_option
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The CSV file to write.")
@click.option("--force", is_flag=True, help="Replace the file where there is another one.")
def announce_command(account: str | None, before: datetime | None, email: str, output: Path, force: bool) -> None:
    """Write a CSV for letters and mail to everybody whose first or changed amount nobody told them yet."""
    session, now, today = extension().session, extension().now(), extension().today()
    actor = signed_in(email, _PERMISSION)
    ours = CreditorAccount.only(session, account)
    file = NewFile(output, force=force)
    try:
        until = before.date() if before else today + AHEAD
        count = file.write_csv(HEADER, announce(session, ours, before=until, by=actor, now=now, on=today))
        if not count:
            session.rollback()
            click.echo(f"There is nothing to announce that falls due before {until}; no file was written.")
            return
        # The file comes first: a list without its announcements is made again, an announcement without its list
        # would be a debit that nobody was told of.
        file.put_in_place()
        session.commit()
    finally:
        file.discard()
    click.echo(f"{_some(count, 'announcement')} of {today} in {output}: send them before anything else.")


# -- prepare and approve ----------------------------------------------------------------------------


@commands.command("prepare")
@click.option("--on", type=_DATE, required=True, help="The day to collect on; a day off moves it to the next.")
@click.option("--account", metavar="IBAN", help="Which account; not needed while there is one.")
@as_option
def prepare(on: datetime, account: str | None, email: str) -> None:
    """Gather everything that falls due up to a day, and show what a second person should look at."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    ours = CreditorAccount.only(session, account)
    batch = CollectionBatch.prepare(session, ours, on=on.date(), by=actor, now=now, today=extension().today())
    session.commit()
    _show(Preview.of(session, batch, shown=SHOWN))
    click.echo(f"\nNext: somebody else runs “collect approve {batch.number} --as EMAIL”.")


@commands.command("approve")
@click.argument("number")
@as_option
@click.option("--format", "format_", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
def approve(number: str, email: str, format_: str) -> None:
    """Say yes as the second person: the files are written, checked against the bank's schema and kept."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    batch = CollectionBatch.find(session, number)
    batch.approve(session, by=actor, now=now, format=format_)
    session.commit()
    click.echo(f"{batch.number} is approved: {_counted(batch)} in {_some(len(batch.files), 'file')} of {format_}.")
    for file in batch.files:
        click.echo(f"  {_about(file, batch)}")
    click.echo(f"Next: “collect export {batch.number} -o FILE --as EMAIL”, and give it to the bank.")


# -- export, book, cancel ---------------------------------------------------------------------------


@commands.command("export")
@click.argument("number")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file or folder to write to.")
@as_option
@click.option("--force", is_flag=True, help="Replace a file where there is another one.")
def export(number: str, output: Path, email: str, force: bool) -> None:
    """Write the approved file; from then on it counts as being at the bank. Again gives the same bytes."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    batch = CollectionBatch.find(session, number)
    again = batch.exported_at
    files = batch.export(session, by=actor, now=now)
    written: list[NewFile] = []
    try:
        for file in files:
            new = NewFile(_place(output, file, len(files)), force=force)
            written.append(new)
            new.write(file.chunks(session))
        # Committed before the files get their names: a file that somebody can give to the bank is never one of a
        # collection that could still be cancelled. After a crash in between, exporting again gives the same bytes.
        session.commit()
        for new in written:
            new.put_in_place()
    finally:
        for new in written:
            new.discard()
    if again:
        click.echo(f"{batch.number} was exported before, first on {again:%Y-%m-%d}: do not give it to the bank twice.")
    for new, file in zip(written, batch.files, strict=True):
        click.echo(f"{new.path}: {_about(file, batch)}")
    click.echo(f"It is collected on {batch.collect_on}; from then on: “collect book {batch.number} --as EMAIL”.")


def _place(output: Path, file: CollectionFile, count: int) -> Path:
    if output.is_dir():
        return output / file.document.filename
    if count == 1:
        return output
    return output.with_name(f"{output.stem}-{file.sequence}of{count}{output.suffix}")


@commands.command("book")
@click.argument("number")
@as_option
def book(number: str, email: str) -> None:
    """Book what was collected as gifts, dated on the collection date."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    batch = CollectionBatch.find(session, number)
    count = batch.book(session, by=actor, now=now, today=extension().today())
    session.commit()
    click.echo(f"{_some(count, 'gift')} booked, {batch.money} on {batch.collect_on}.")


@commands.command("cancel")
@click.argument("number")
@click.option("--reason", required=True, help="Why; colleagues read it later.")
@as_option
def cancel(number: str, reason: str, email: str) -> None:
    """Let go of a collection that is not at the bank yet; the next one takes up what was in it."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    if not reason.strip():
        raise BadInput("Say why the collection is cancelled.", field="reason")
    batch = CollectionBatch.find(session, number)
    batch.cancel(session, reason.strip(), by=actor, now=now)
    session.commit()
    click.echo(f"{batch.number} is cancelled; the next collection takes up what was in it.")


# -- looking ----------------------------------------------------------------------------------------


@commands.command("show")
@click.argument("number")
def show(number: str) -> None:
    """Show a collection: what is in it, what changed, what was left out, what looks wrong."""
    session = extension().session
    batch = CollectionBatch.find(session, number)
    _show(Preview.of(session, batch, shown=SHOWN))
    for file in batch.files:
        click.echo(f"file: {_about(file, batch)}")


@commands.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def list_(limit: int) -> None:
    """List the latest collections, newest first."""
    batches = extension().session.scalars(select(CollectionBatch).order_by(CollectionBatch.id.desc()).limit(limit))
    for batch in batches:
        click.echo(
            f"{batch.number}  {batch.collect_on}  {batch.state:<9}  {batch.count:>7}  {batch.money!s:>18}"
            f"  {batch.account.iban}"
        )


@accounts.command("list")
def list_accounts() -> None:
    """List our accounts, with what was agreed for each."""
    for account in extension().session.scalars(select(CreditorAccount).order_by(CreditorAccount.id)):
        click.echo(
            f"{account.iban}  {account.identifier}  {account.name}: announced {account.notice_days} days ahead, file"
            f" {account.lead_days} business days ahead, at most {account.transactions_per_file} in a file"
            f"{'' if account.is_active else ' (no longer used)'}"
        )


@accounts.command("add")
@click.argument("iban")
@click.option("--name", required=True, help="As donors see it on their statement.")
@click.option("--identifier", required=True, help="The creditor identifier (incassant-ID) from the bank.")
@click.option("--bic")
@click.option("--remittance", default="", help="What a donor reads on the statement (default: the name).")
@click.option("--notice-days", type=click.IntRange(0, 365), help="How long ahead an amount is announced.")
@click.option("--lead-days", type=click.IntRange(0, 30), help="How many business days ahead the bank wants the file.")
@click.option("--file-limit", type=click.IntRange(1), help="How many debits the bank takes in one file.")
@as_option
def add_account(
    iban: str, name: str, identifier: str, bic: str | None, remittance: str, notice_days: int | None,
    lead_days: int | None, file_limit: int | None, email: str,
) -> None:  # fmt: skip
    """Add an account of ours to collect on; days and limits not given are those of the settings."""
    session, settings = extension().session, extension().settings
    actor = signed_in(email, "settings.edit")
    account = CreditorAccount.open(
        session, name.strip(), identifier, iban, bic=bic,
        notice_days=settings.notice_days if notice_days is None else notice_days,
        lead_days=settings.lead_days if lead_days is None else lead_days,
        late_days=settings.late_days,
        transactions_per_file=file_limit or settings.file_limit,
    )  # fmt: skip
    account.remittance = remittance.strip()
    audit.record(session, actor, "open", account, now=extension().now(), iban=account.iban)
    session.commit()
    click.echo(f"We can collect on {account.iban} as {account.identifier}.")


# -- in words ---------------------------------------------------------------------------------------


def _show(preview: Preview) -> None:
    batch = preview.batch
    click.echo(f"{batch.number} is {batch.state}: {_counted(batch)} on {batch.collect_on} from {batch.account.iban}")
    click.echo(f"prepared by {batch.prepared_by.partition(':')[2]} on {batch.prepared_at:%Y-%m-%d}")
    if batch.approved_by:
        click.echo(f"approved by {batch.approved_by.partition(':')[2]} as {batch.format}")
    for kind in preview.sequences:
        before = f"  (last time {kind.count_before}, {kind.total_before})" if preview.previous else ""
        click.echo(f"  {_SEQUENCES[kind.sequence_type]:<10}{kind.count:>8}  {kind.total!s:>18}{before}")
    if preview.previous:
        last = preview.previous
        click.echo(f"\nAgainst {last.number} of {last.collect_on} ({last.count}, {preview.money_before}):")
        for title, section in (
            ("new", preview.new),
            ("back", preview.back),
            ("gone", preview.gone),
            ("another amount", preview.changed),
        ):
            reasons = "; ".join(f"{_WHY.get(why, why)}: {count}" for why, count in sorted(section.reasons.items()))
            click.echo(f"  {title:<14}{section.count:>8}  {section.total!s:>18}{f'  ({reasons})' if reasons else ''}")
        _lines(preview.changed)
    if preview.left_out:
        click.echo("\nLeft out:")
        for section in preview.left_out:
            click.echo(f"  {_WHY[section.name]}: {section.count} ({section.total})")
            _lines(section)
    if preview.suspicious:
        click.echo("\nLooks wrong:")
        for section in preview.suspicious:
            click.echo(f"  {_WHY[section.name]}: {section.count}")
            _lines(section)
    if preview.blocked.count:
        click.echo("\nCannot go to the bank; cancel it whole and prepare anew:")
        for line in preview.blocked.lines:
            click.echo(f"    {_who(line)}: {_WHY[line.reason]}")


def _lines(section: Section) -> None:
    for line in section.lines:
        usual = f", was {line.usual}" if line.usual and section.name == "changed" else ""
        usual = f", usually {line.usual}" if line.usual and section.name == "ten_times_usual" else usual
        click.echo(f"    {_who(line)}: {line.amount}{usual}")
    if section.more:
        click.echo(f"    and {section.more} more")


def _who(line: Line) -> str:
    return f"{line.commitment_number} {line.supporter.name} ({line.supporter.number})"


def _counted(batch: CollectionBatch) -> str:
    return f"{_some(batch.count, 'debit')}, {batch.money}"


def _about(file: CollectionFile, batch: CollectionBatch) -> str:
    total = Money(file.total, batch.account.currency)
    return f"{_some(file.count, 'debit')}, {total}, sha256 {file.sha256}"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
