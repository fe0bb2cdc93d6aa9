"""``achterban keys``: the secrets that seal personal data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import Column, Table, select, update
from sqlalchemy.orm import Session

from supporters.cli import extension, group
from supporters.db import Base
from supporters.errors import Refused
from supporters.sealing import Keyring, keyring

#: Rows that are sealed anew in one transaction.
BATCH = 500

commands = group("keys", help="The secrets that seal personal data.")


@commands.command("make")
def make() -> None:
    """Print new secrets, as the settings take them."""
    click.echo(f"SUPPORTERS_KEYS={Keyring.new_secret()}")
    click.echo(f"SUPPORTERS_PEPPER={Keyring.new_secret()}")
    click.echo(
        "Keep both where the database's backup is not. A new key goes before the old one, with a comma between; "
        "the pepper can never be replaced.",
        err=True,
    )


@commands.command("reseal")
def reseal() -> None:
    """Seal anew what is not under the first key yet; when nothing is left the old keys can go."""
    session = extension().session()
    total = 0
    for table, column in sealed_columns():
        done = sum(reseal_column(session, table, column))
        total += done
        if done:
            click.echo(f"{table.name}.{column.name}: {done:,} sealed anew")
    click.echo("Everything is under the first key." if not total else f"{total:,} sealed anew; the old keys can go.")


def sealed_columns() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column that says what it is sealed as, of every package."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if "sealed" in column.info:
                yield table, column


def reseal_column(session: Session, table: Table, column: Column[Any]) -> Iterator[int]:
    """How many of each batch were sealed anew. Commits after each, so that it can be stopped and begun again."""
    ring, purpose = keyring(session), column.info["sealed"]
    (key,) = table.primary_key.columns
    last: Any = None
    while True:
        wanted = select(key, column).where(column.is_not(None)).order_by(key).limit(BATCH)
        if last is not None:
            wanted = wanted.where(key > last)
        rows = session.execute(wanted).all()
        changed = 0
        for row_key, sealed in rows:
            if ring.is_current(sealed):
                continue
            try:
                anew = ring.seal(ring.open(sealed, purpose), purpose)
            except ValueError as error:
                session.rollback()
                raise Refused(
                    "%(table)s %(key)s cannot be opened with any key in %(setting)s; put the key that sealed it "
                    "back and begin again.",
                    table=table.name, key=row_key, setting="SUPPORTERS_KEYS",
                ) from error  # fmt: skip
            # Not where somebody changed or erased it meanwhile.
            done: Any = session.execute(update(table).where(key == row_key, column == sealed).values({column: anew}))
            changed += done.rowcount
        session.commit()
        yield changed
        if len(rows) < BATCH:
            return
        last = rows[-1][0]
