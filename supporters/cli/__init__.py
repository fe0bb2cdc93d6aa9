"""The commands, under ``achterban`` and under a site's own ``flask``. Each does one thing and commits once.

A higher floor adds its own with :func:`command` or :func:`group` at import.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from flask import Flask, current_app
from flask.cli import ScriptInfo
from sqlalchemy.exc import OperationalError, ProgrammingError

from supporters import migrations, registry
from supporters.errors import AchterbanError

if TYPE_CHECKING:
    from supporters.extension import Supporters


class InputError(click.ClickException):
    """What is wrong with the input, as one sentence on stderr."""

    exit_code = 2


class Command(click.Command):
    """Runs inside the app; an error of the library becomes its sentence and exit code 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with _app_of(context).app_context():
                return super().invoke(context)
        except AchterbanError as error:
            raise InputError(error.message) from error
        except (OperationalError, ProgrammingError) as error:
            with _app_of(context).app_context():
                if migrations.is_current(extension().session.get_bind()):
                    raise
            raise InputError("The tables are not there, or not up to date: run “upgrade” first.") from error


class Group(click.Group):
    command_class = Command
    group_class = type


def _app_of(context: click.Context) -> Flask:
    return context.ensure_object(ScriptInfo).load_app()


def command(name: str, **options: Any) -> Callable[[Callable[..., Any]], Command]:
    """``@command("check")`` above a function makes it a command of every app."""

    def register(function: Callable[..., Any]) -> Command:
        made = click.command(name, cls=Command, **options)(function)
        registry.commands.append(made)
        return made

    return register


def group(name: str, help: str) -> Group:
    """A group of commands, such as ``collect``; asking twice for one name gives the same group."""
    for known in registry.commands:
        if known.name == name and isinstance(known, Group):
            return known
    made = Group(name, help=help)
    registry.commands.append(made)
    return made


def add_to(app: Flask) -> None:
    """Give the app every command that is registered by now."""
    for one in registry.commands:
        app.cli.add_command(one)


def extension() -> Supporters:
    """The running app's ``Supporters``."""
    found: Supporters = current_app.extensions["supporters"]
    return found


@command("upgrade")
def upgrade() -> None:
    """Bring the library's tables up to date."""
    engine = extension().session.get_bind()
    before = migrations.current(engine)
    migrations.upgrade(engine)
    after = migrations.current(engine)
    click.echo("The tables were up to date." if before == after else f"Upgraded to {', '.join(sorted(after))}.")


@command("check")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a program.")
def check(as_json: bool) -> None:
    """Look for broken promises in the data; exit code 1 where there are any."""
    found: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for name, finding in registry.findings(extension().session, now=extension().now()):
        found[name] += 1
        if as_json:
            rows.append({"check": name} | _as_row(finding))
            continue
        since = f" since {finding.since}" if finding.since else ""
        amount = f" ({finding.amount}{since})" if finding.amount else ""
        advice = f" {finding.advice}" if finding.advice else ""
        click.echo(f"{finding.rule}: {finding.subject}: {finding.message}{amount}.{advice}")
    if as_json:
        click.echo(json.dumps({"checks": sorted(registry.checks), "findings": rows}, ensure_ascii=False, indent=2))
        sys.exit(1 if found else 0)
    if found:
        counted = ", ".join(f"{name} {count}" for name, count in found.items())
        click.echo(f"{_some(found.total(), 'broken promise')} ({counted}).", err=True)
        sys.exit(1)
    click.echo(f"{_some(len(registry.checks), 'check')}, nothing broken.")


def _as_row(finding: registry.Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule, "subject": finding.subject, "message": finding.message,
        "amount": finding.amount.amount if finding.amount else None,
        "currency": finding.amount.currency if finding.amount else None,
        "since": finding.since.isoformat() if finding.since else None, "advice": finding.advice,
    }  # fmt: skip


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
