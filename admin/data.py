"""The session that a request works with: the site's own."""

from __future__ import annotations

from flask import current_app
from sqlalchemy.orm import Session


def session() -> Session:
    found: Session = current_app.extensions["sqlalchemy"].session
    return found
