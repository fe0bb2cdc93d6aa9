"""Processes of their own that sign, count and roll up, and can be killed at any instant."""

from __future__ import annotations

import itertools
import logging
import tempfile

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from campaigns import Campaigns
from campaigns.petitions.tally import Tally
from supporters import sealing
from supporters.db import configure_sqlite
from supporters.extension import Supporters
from tests import cast
from tests.databases import KEYRING, SECRETS


def opened(url: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    configure_sqlite(engine)
    sealing.use(engine, KEYRING)
    return engine


def site(url: str) -> Flask:
    app = Flask("site", instance_path=tempfile.mkdtemp())
    app.config.update(
        SECRET_KEY="test", SQLALCHEMY_DATABASE_URI=url, SUPPORTERS_NOW=cast.NOW.isoformat(),
        CAMPAIGNS_BURST_LIMIT="100000 per minute", CAMPAIGNS_STEADY_LIMIT="100000 per day",
        CAMPAIGNS_FLOOD_LIMIT="100000 per minute", **SECRETS,
    )  # fmt: skip
    db = SQLAlchemy(app)
    Supporters(app, db)
    Campaigns(app, db)
    return app


def serve(url: str, port: int) -> None:
    """Petition forms on this port, in threads, until it is killed."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, site(url), threaded=True).serve_forever()


def roll_up(url: str) -> None:
    """Roll up for ever, a few lines at a time."""
    engine = opened(url)
    for _ in itertools.count():
        with Session(engine) as session:
            Tally.roll_up(session, now=cast.NOW, most=7)
            session.commit()
