"""The library in two applications: a site's own process, and ours with the admin's screens beside it."""

from __future__ import annotations

import tempfile

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from campaigns import Campaigns
from supporters import Supporters


def create_app() -> Flask:
    """A site that uses the library, as README shows it: everything about petitions is on."""
    app = Flask(__name__, instance_path=tempfile.mkdtemp())
    app.config.from_prefixed_env()
    db = SQLAlchemy()
    db.init_app(app)
    Supporters(app, db)
    Campaigns(app, db)
    return app


def create_with_admin() -> Flask:
    """The application that `achterban run` serves: sign-in, sessions and screens look at every request too."""
    from admin.app import create_app as create

    return create()
