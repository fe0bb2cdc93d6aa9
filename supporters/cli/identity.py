"""Who is at the command line: a password that is asked for, or a personal token in the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from supporters.actor import Actor
from supporters.cli import extension
from supporters.errors import NotAllowed

VARIABLE = "ACHTERBAN_TOKEN"


def as_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--as EMAIL``, passed on as ``email``."""
    return click.option("--as", "email", required=True, metavar="EMAIL", help="Who you are.")(function)


def signed_in(email: str, permission: str) -> Actor:
    """The person with this address, proved by password or token, who has the permission; raises NotAllowed."""
    secret = os.environ.get(VARIABLE, "").strip() or _ask(email)
    actor = extension().authenticate(email, secret)
    extension().authorise(actor, permission)
    return actor


def _ask(email: str) -> str:
    try:
        answer: str = click.prompt(f"Password of {email}", hide_input=True, err=True)
    except click.Abort:
        raise NotAllowed(
            "Nothing proves that %(email)s is there: type the password, or put a personal token in %(token)s.",
            field="email", email=email, token=VARIABLE,
        ) from None  # fmt: skip
    return answer
