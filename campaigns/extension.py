"""``Campaigns(app, db)``: the campaigns on the site's own database, beside ``Supporters(app, db)``."""

from __future__ import annotations

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import campaigns.cli as commands
import campaigns.migrations as revisions
import campaigns.petitions.checks as checks
import campaigns.petitions.waiting as waiting

#: What registers itself by being imported: the commands, the revisions of the tables, checks and hooks.
REGISTERED = (commands, revisions, checks, waiting)


class Campaigns:
    def __init__(self, app: Flask | None = None, db: SQLAlchemy | None = None) -> None:
        if app is not None:
            self.init_app(app, db)

    def init_app(self, app: Flask, db: SQLAlchemy | None = None) -> None:
        """Add the commands. Call ``Supporters(app, db)`` first: the campaigns live in the same database."""
        if "supporters" not in app.extensions:
            raise RuntimeError("call Supporters(app, db) before Campaigns(app, db)")
        app.extensions["campaigns"] = self
        for group in commands.groups:
            app.cli.add_command(group)
