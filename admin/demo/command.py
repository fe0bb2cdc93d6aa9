"""``achterban demo``: from nothing to a year to walk around in, in a database of its own."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask import Flask, current_app
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from admin.demo import example, gateways, post
from supporters import migrations, sealing
from supporters.cli import command
from supporters.db import Base, configure_sqlite
from supporters.errors import Refused
from supporters.sealing import Keyring

if TYPE_CHECKING:
    from admin.demo.building import Progress

#: Who signs in, with which role. The passwords are no secret: these people exist in a demo and nowhere else.
USERS = (
    ("anna@demo.example", "Anna", "finance", "anna-prepares-2021"),
    ("bram@demo.example", "Bram", "finance", "bram-approves-2021"),
    ("vera@demo.example", "Vera", "viewer", "vera-looks-on-2021"),
    ("admin@demo.example", "Ada Beheer", "administrator", "ada-administers-2021"),
)
FILE = "demo.sqlite"


@command("demo", help="Build the demo year in a database of its own, and serve it on this machine.")
@click.option("--full", is_flag=True, help="At its real size, 87,100 donors; a hundredth of it without.")
@click.option("--no-serve", is_flag=True, help="Build it and stop.")
@click.option("--fresh", is_flag=True, help="Throw the demo that is there away and build it anew.")
@click.option(
    "--database", metavar="URI", envvar="FLASK_SQLALCHEMY_DATABASE_URI", show_envvar=True,
    help="Where to build it, instead of a file in the instance folder; it has to be empty.",
)  # fmt: skip
@click.option("--port", default=5000, show_default=True, help="Of the address it is served on.")
def demo(full: bool, no_serve: bool, fresh: bool, database: str | None, port: int) -> None:
    """The demo stands still at 3 January 2022, with the January collection still to be made."""
    one_in = 1 if full else 100
    folder = Path(current_app.instance_path)
    uri = database or f"sqlite:///{folder / FILE}"
    home = f"http://127.0.0.1:{port}"
    giving = gateways.settings(port + 2, site=f"http://127.0.0.1:{port + 1}")
    app = create_demo(uri, folder, SUPPORTERS_PUBLIC_URL=home, **giving)
    with app.app_context():
        ring = sealing.of(current_app.extensions["sqlalchemy"].engine)
        if fresh:
            gateways.forget(folder)
        make(uri, ring, one_in=one_in, fresh=fresh, is_ours=database is None)
        _welcome_users()
        statement = _leave_statement(folder)
    site = None if no_serve else example.serve(uri, folder, petitions_host=home, port=port + 1, **giving)
    vendors = None if no_serve else gateways.serve(folder, site=home, port=port + 2)
    _tell(uri, port, serves=not no_serve)
    click.echo(f"A statement of the bank that nobody read yet, to try: {statement}")
    if site:
        click.echo(f"A site that uses it, with a petition to sign: {site}")
        click.echo(f"Give there, once or every month: http://127.0.0.1:{port + 1}/donate")
        click.echo("Mail is not sent but shown here: sign or give, and open the link in it.")
    if vendors:
        click.echo(f"Simulated payment vendors, where no money moves, and their dashboards: {vendors}")
    if not no_serve:
        from werkzeug.serving import run_simple

        with app.app_context():
            post.serve(
                current_app.extensions["sqlalchemy"].engine, current_app.extensions["supporters_settings"], app.config
            )
        run_simple("127.0.0.1", port, app, threaded=True)


def _leave_statement(folder: Path) -> Path:
    """The bank's next statement, as a file that a visitor can read in."""
    from admin.demo import bank

    name, content = bank.next_statement(current_app.extensions["sqlalchemy"].session)
    path = folder / name
    path.write_bytes(content)
    return path


def create_demo(uri: str, folder: Path, **settings: Any) -> Flask:
    """The application on a demo's database: its clock stands still, and its cookies travel over plain http."""
    from admin.app import create_app
    from admin.demo.plan import NOW

    defaults = {
        "SQLALCHEMY_DATABASE_URI": uri,
        "SUPPORTERS_NOW": NOW.isoformat(),
        "ADMIN_HTTPS": False,
        "ADMIN_NAME": "achterban demo",
        "SUPPORTERS_MAIL_FROM": gateways.MAIL_FROM,
        "instance_path": str(folder),
    }
    return create_app(**(defaults | settings))


def make(uri: str, ring: Keyring, *, one_in: int, fresh: bool = False, is_ours: bool = False) -> None:
    """Build the demo at ``uri`` unless it is there. Raises Refused where something else is.

    ``is_ours`` says that it is the file in the instance folder, of which an unfinished one may be thrown away.
    """
    from admin.demo import building

    engine = create_engine(uri)
    configure_sqlite(engine)
    sealing.use(engine, ring)
    try:
        found = _state(engine)
        if found == "other":
            raise Refused("That database holds something else than the demo; name an empty one.", field="database")
        if found == "begun" and not (fresh or is_ours):
            raise Refused("The demo in that database was never finished; add --fresh to build it anew.", field="fresh")
        if found == "whole" and not fresh:
            if _one_in(engine) != one_in:
                raise Refused("There is a demo of another size; add --fresh to build it anew.", field="full")
            return
        if found != "empty":
            _clear(engine)
        migrations.upgrade(engine)
        with _shown() as progress:
            building.build(engine, one_in=one_in, progress=progress)
    finally:
        engine.dispose()


def _state(engine: Engine) -> str:
    from admin.demo import building

    if not migrations.current(engine):
        return "empty"
    migrations.upgrade(engine)
    with Session(engine) as session:
        return building.state(session)


def _one_in(engine: Engine) -> int:
    from supporters.audit import AuditEntry

    with Session(engine) as session:
        detail = session.scalars(select(AuditEntry.detail).where(AuditEntry.subject == "demo")).first()
    return int((detail or {}).get("one_in", 0))


def _clear(engine: Engine) -> None:
    """Drop our tables, and with them everything: a posted gift cannot be deleted."""
    if engine.dialect.name == "sqlite":
        engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{engine.url.database}{suffix}").unlink(missing_ok=True)
        return
    with engine.begin() as connection:
        for name in (*Base.metadata.tables, migrations.VERSION_TABLE):
            connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name}" CASCADE')
        functions = connection.exec_driver_sql(
            "SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'supporters\\_%%' AND"
            " pronamespace = current_schema()::regnamespace"
        ).all()
        for (function,) in functions:
            connection.exec_driver_sql(f"DROP FUNCTION {function} CASCADE")


def _welcome_users() -> None:
    """The four people of the demo, and only here."""
    from admin.command import make_user
    from admin.demo.building import DEMO
    from admin.users import User

    session = current_app.extensions["sqlalchemy"].session
    for email, name, role, password in USERS:
        if not session.scalar(select(User.id).where(User.email == email)):
            make_user(email, password, role, name=name, by=DEMO)
    session.commit()


@contextmanager
def _shown() -> Iterator[Progress]:
    """A bar on a terminal, nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from admin.demo.building import silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Building the demo", total=None)
        yield lambda what, done, of: bar.update(task, description=f"{what:45}", completed=done, total=of)


def _tell(uri: str, port: int, *, serves: bool) -> None:
    address = f"http://127.0.0.1:{port}/"
    if serves:
        click.echo(f"The demo is at {address} – it is always Monday 3 January 2022 there. Sign in as:")
    else:
        click.echo(f"The demo is there; serve it with: {_called()} demo. It is always Monday 3 January 2022 there.")
    for email, _, role, password in USERS:
        click.echo(f"  {email:22} {password:22} {role}")
    click.echo(f"To try next{', in another terminal' if serves else ''}:")
    click.echo("  " + "\n  ".join(_next_commands(uri, port)))


def _called() -> str:
    """The command as it can be typed here: by its path where it is not on the PATH, as after ``make demo``."""
    typed = sys.argv[0]
    is_known = Path(typed).name != "achterban" or shutil.which("achterban")
    return "achterban" if is_known else shlex.quote(typed)


def _next_commands(uri: str, port: int = 5000) -> list[str]:
    from admin.demo.plan import NOW

    called = _called()
    return [
        f'export FLASK_SQLALCHEMY_DATABASE_URI="{uri}" FLASK_SUPPORTERS_NOW={NOW.isoformat()}',
        f"{called} report year 2021",
        f"{called} collect prepare --on 2022-01-10 --as anna@demo.example",
        f"{called} check",
        "# and, after you started to give every month on the example site: who pays from a bank account is told",
        "# weeks ahead, and a month later it is charged by itself:",
        f"export FLASK_SUPPORTERS_PUBLIC_URL=http://127.0.0.1:{port}"
        f" FLASK_SUPPORTERS_MAIL_FROM={shlex.quote(gateways.MAIL_FROM)}",
        f"export FLASK_SUPPORTERS_GATEWAYS={shlex.quote(gateways.as_variable(port + 2))}",
        f"FLASK_SUPPORTERS_NOW=2022-01-17T10:00:00+01:00 {called} work --once",
        f"FLASK_SUPPORTERS_NOW=2022-02-07T10:00:00+01:00 {called} work --once",
    ]
