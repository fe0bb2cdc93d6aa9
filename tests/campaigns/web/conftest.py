"""A site with an open petition, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from campaigns import Campaigns
from campaigns.petitions.petition import Petition
from supporters.extension import Supporters
from tests import cast

SITE = "https://www.charity.example"


@pytest.fixture
def site(fresh_engine: Engine, tmp_path: Any) -> Iterator[Flask]:
    """Its petition ``afghanen`` is open; forms on SITE may sign it."""
    app = Flask("site", instance_path=str(tmp_path))
    app.config.update(
        TESTING=True, SECRET_KEY="test", SUPPORTERS_NOW=cast.NOW.isoformat(),
        SQLALCHEMY_DATABASE_URI=fresh_engine.url.render_as_string(hide_password=False),
    )  # fmt: skip
    db = SQLAlchemy(app)
    Supporters(app, db)
    Campaigns(app, db)
    with app.app_context():
        petition = Petition.draft(
            db.session, "afghanen", "Bied Afghanen bescherming", "Wij vragen **bescherming**.", "de Tweede Kamer",
            by=cast.ANNA, now=cast.NOW, goals=[100, 1000], allowed_origins=[SITE], return_urls=[f"{SITE}/dank/*"],
        )  # fmt: skip
        petition.open(db.session, by=cast.ANNA, now=cast.NOW)
        db.session.commit()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def visitor(site: Flask) -> FlaskClient:
    return site.test_client()


@pytest.fixture
def stored(site: Flask) -> Iterator[Session]:
    """What is in the database of ``site``."""
    with site.app_context():
        session: Session = site.extensions["sqlalchemy"].session
        yield session
