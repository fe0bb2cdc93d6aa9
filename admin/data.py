"""The session that a request works with: the site's own."""

from __future__ import annotations

from flask import current_app, request
from sqlalchemy.orm import Session

from supporters.db import is_key


def session() -> Session:
    found: Session = current_app.extensions["sqlalchemy"].session
    return found


def asked_key(name: str) -> int | None:
    """The number of a row in the address; None where there is none, or what no row can have."""
    number = request.args.get(name, type=int)
    return number if number is not None and is_key(number) else None
