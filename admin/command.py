"""The console script ``achterban``: the library's commands on an application of our own, and ``achterban admin``."""

from __future__ import annotations

import sys

import click
from flask import Flask, current_app
from flask.cli import FlaskGroup, run_command
from flask_security import hash_password
from sqlalchemy import select

from admin import access, clock
from admin.demo.command import demo as demo  # registers itself by being imported
from admin.users import User
from supporters import audit
from supporters.actor import Actor
from supporters.cli import group
from supporters.errors import BadInput, NotFound

commands = group("admin", help="Who signs in to the screens.")


@commands.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice(access.ROLES), default="administrator", show_default=True)
@click.option("--name", help="The name that colleagues see.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it.")
def create(email: str, role: str, name: str | None, password_stdin: bool) -> None:
    """Make a user; the first administrator is made this way."""
    session = current_app.extensions["sqlalchemy"].session
    email = email.strip().lower()
    if "@" not in email:
        raise BadInput(
            "“%(email)s” is not an e-mail address; write one such as anna@example.org.", field="email", email=email
        )
    if session.scalar(select(User).where(User.email == email)):
        raise BadInput("There is a user %(email)s already.", field="email", email=email)
    password = sys.stdin.readline().rstrip("\n") if password_stdin else _ask_password()
    make_user(email, password, role, name=name, by=Actor("job", "command line", "command line"))
    session.commit()
    click.echo(f"{email} can sign in as {role}.")


@commands.command("token")
@click.argument("email")
def token(email: str) -> None:
    """Make a personal token for the command line; it ends the one before and is shown once."""
    session = current_app.extensions["sqlalchemy"].session
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFound("There is no user %(email)s.", field="email", email=email)
    made = user.new_token(now=clock.now())
    audit.record(
        session, Actor("job", "command line", "command line"), "make_token", user, now=clock.now(), email=user.email
    )
    session.commit()
    click.echo(made)
    click.echo("Keep it like a password: export ACHTERBAN_TOKEN=… before a command with --as.", err=True)


def make_user(email: str, password: str, role: str, *, name: str | None = None, by: Actor) -> User:
    """A user with a password that is long enough; the caller commits."""
    session = current_app.extensions["sqlalchemy"].session
    shortest = current_app.config["SECURITY_PASSWORD_LENGTH_MIN"]
    if len(password) < shortest:
        raise BadInput(
            "That password is too short; use at least %(shortest)s characters.", field="password", shortest=shortest
        )
    now = clock.now()
    user = User(email=email, name=name, password=hash_password(password), active=True, created_at=now)
    session.add(user)
    session.flush()
    user.take_role(session, role, by=by, now=now)
    return user


def _ask_password() -> str:
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _create_app() -> Flask:
    from admin.app import create_app

    return create_app()


main = FlaskGroup(
    name="achterban",
    help="Supporters, commitments, collections and the year's figures of a charity. Behind a web server, use "
    "any WSGI server: gunicorn 'admin.app:create_app()'.",
    create_app=_create_app,
    add_default_commands=False,
    add_version_option=False,
    set_debug_flag=False,
)
main.add_command(run_command)
