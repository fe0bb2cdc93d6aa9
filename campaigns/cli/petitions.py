"""``achterban petitions``: draft, open, close, count, hand over, and answer who asks about themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from campaigns.petitions import requests, retention
from campaigns.petitions.handover import Handover, export_csv
from campaigns.petitions.petition import CONFIRM_POLICIES, PROFILES, Petition
from supporters import audit
from supporters.cli import extension, group
from supporters.cli.files import NewFile
from supporters.cli.identity import as_option, signed_in
from supporters.errors import BadInput, Refused

_DATE = click.DateTime(["%Y-%m-%d"])
_OUTPUT = click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")

commands = group("petitions", help="Petitions: who signed, handing over, and what people ask about themselves.")


@commands.command("draft")
@click.argument("slug")
@click.option("--title", required=True)
@click.option("--text", "file", required=True, type=click.Path(path_type=Path, exists=True), help="Markdown, UTF-8.")
@click.option("--addressee", required=True, help="Who can decide about it.")
@click.option("--confirm", type=click.Choice(CONFIRM_POLICIES), default="required", show_default=True)
@click.option("--profile", type=click.Choice(PROFILES), default="plain", show_default=True)
@as_option
def draft(slug: str, title: str, file: Path, addressee: str, confirm: str, profile: str, email: str) -> None:
    """Draft a petition at SLUG."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.edit")
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("%(file)s is not UTF-8 text; save it as UTF-8.", field="text", file=str(file)) from error
    Petition.draft(
        session, slug, title, text, addressee, by=actor, now=now, profile=profile, confirm_policy=confirm
    )  # fmt: skip
    session.commit()
    click.echo(f"“{title}” is drafted; “achterban petitions open {slug}” opens it.")


@commands.command("open")
@click.argument("slug")
@as_option
def open_(slug: str, email: str) -> None:
    """From now on it can be signed."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.edit")
    petition = Petition.by_slug(session, slug)
    petition.open(session, by=actor, now=now)
    session.commit()
    click.echo(f"“{petition.title}” is open.")


@commands.command("close")
@click.argument("slug")
@as_option
def close(slug: str, email: str) -> None:
    """Nobody can sign it any more."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.edit")
    petition = Petition.by_slug(session, slug)
    petition.close(session, by=actor, now=now)
    session.commit()
    click.echo(f"“{petition.title}” is closed; what is personal is erased on {petition.retain_until}.")


@commands.command("list")
def list_() -> None:
    """List the petitions, newest first."""
    session, now = extension().session, extension().now()
    for petition in session.scalars(select(Petition).order_by(Petition.id.desc())):
        count = petition.count(session, now=now)
        click.echo(f"{petition.slug}  {petition.state}  {petition.headline(count)}  {petition.title}")


@commands.command("count")
@click.argument("slug")
def count(slug: str) -> None:
    """Say the three numbers, exact at this moment."""
    session, now = extension().session, extension().now()
    found = Petition.by_slug(session, slug).count(session, now=now)
    click.echo(
        f"signed {found.signed}, confirmed {found.confirmed}, on paper {found.offline} (as of {now.isoformat()})"
    )


@commands.command("export")
@click.argument("slug")
@_OUTPUT
@as_option
def export(slug: str, output: Path | None, email: str) -> None:
    """Write every signature that counts as CSV, with names and addresses."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.private")
    petition = Petition.by_slug(session, slug)
    audit.record(session, actor, "export", petition, now=now, petition=slug)
    session.commit()
    _write(export_csv(session, petition), output)


@commands.command("handover")
@click.argument("slug")
@click.option("--to", "recipient", required=True, help="Who gets it.")
@click.option("--profile", type=click.Choice(PROFILES), default="plain", show_default=True)
@_OUTPUT
@as_option
def handover(slug: str, recipient: str, profile: str, output: Path | None, email: str) -> None:
    """Freeze the numbers and make the file to hand over."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.handover")
    made = Handover.make(session, Petition.by_slug(session, slug), recipient, profile=profile, by=actor, now=now)
    session.commit()
    document = made.document(session)
    path = output or Path(document.filename)
    _write(document.chunks(session), path)
    click.echo(f"signed {made.signed}, confirmed {made.confirmed}, on paper {made.offline}: {path}")
    click.echo(f"sha256 {made.sha256}")


@commands.command("handed-over")
@click.argument("slug")
@click.option("--on", type=_DATE, required=True, help="The day it took place.")
@as_option
def handed_over(slug: str, on: datetime, email: str) -> None:
    """Say that the latest file was handed over; the retention clock starts."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.handover")
    petition = Petition.by_slug(session, slug)
    latest = select(Handover).where(Handover.petition_id == petition.id).order_by(Handover.id.desc()).limit(1)
    made = session.scalar(latest)
    if made is None:
        raise Refused("There is no file yet: run “achterban petitions handover” first.")
    made.took_place(session, on.date(), by=actor, now=now)
    session.commit()
    click.echo(f"What is personal is erased on {petition.retain_until}.")


@commands.command("person")
@click.argument("address", metavar="EMAIL")
@click.option("--erase", is_flag=True, help="Withdraw what counts and erase the person.")
@as_option
def person(address: str, erase: bool, email: str) -> None:
    """Print all that is held about an address, as JSON; or erase it."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "petitions.private")
    found: Any
    if erase:
        found = requests.erase(session, address, by=actor, now=now)
    else:
        found = requests.find(session, address, by=actor, now=now).as_json()
    session.commit()
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@commands.command("retention")
@click.option("--dry-run", is_flag=True, help="Only say what is due.")
def erase_due(dry_run: bool) -> None:
    """Erase what is personal about the petitions whose day has come; the job does it every day."""
    session, now = extension().session, extension().now()
    if dry_run:
        for petition in retention.due(session, now=now):
            click.echo(f"{petition.slug}  {petition.retain_until}")
        return
    done = retention.erase(session, keep=session.commit, now=now)
    click.echo(f"{done} {'petition' if done == 1 else 'petitions'} erased.")


def _write(chunks: Iterable[bytes], output: Path | None) -> None:
    if output is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    file = NewFile(output)
    try:
        file.write(chunks)
        file.put_in_place()
    finally:
        file.discard()
