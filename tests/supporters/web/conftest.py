"""A site that takes gifts through a gateway in this process, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from limits import parse
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from supporters.extension import Supporters
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import post
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.payment import OnlinePayment
from supporters.web.limits import Limits
from tests import cast
from tests.databases import SECRETS

SITE = "https://www.charity.example"
HOST = "https://give.charity.example"
ACCOUNT = GatewayAccount("memory", "memory", "test_secret", False, ("hush",))
ADA = {"amount": "25", "first_name": "Ada", "surname": "Lovelace", "email": "ada@example.org"}


@dataclass
class Counter:
    """The site, its vendor, and what is in its books."""

    app: Flask
    vendor: MemoryBackstage

    def rows(self, model: Any) -> int:
        with Session(self.engine) as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def all(self, column: Any) -> list[Any]:
        with Session(self.engine) as session:
            return list(session.scalars(select(column)))

    @property
    def engine(self) -> Engine:
        with self.app.app_context():
            engine: Engine = self.app.extensions["sqlalchemy"].engine
            return engine

    @property
    def external_id(self) -> str:
        """Of the payment that was begun last."""
        with Session(self.engine) as session:
            found = session.scalars(select(OnlinePayment.external_id).order_by(OnlinePayment.id.desc())).first()
        assert found is not None
        return found

    def work(self) -> dict[str, int]:
        """What the vendor posted is looked at."""
        with self.app.app_context():
            return post.work_through(self.app.extensions["supporters"].cashier())


def open_site(engine: Engine, folder: Any, vendors: dict[str, MemoryGateway], **settings: Any) -> Flask:
    app = Flask("site", instance_path=str(folder))
    app.config.update(
        SECRET_KEY="test", SUPPORTERS_NOW=cast.NOW.isoformat(), SUPPORTERS_PUBLIC_URL=HOST, **SECRETS,
        SUPPORTERS_GATEWAYS=Accounts(vendors), SUPPORTERS_GIVING_ORIGINS=[SITE],
        SUPPORTERS_GIVING_RETURN_URLS=[f"{SITE}/dank/*"], SUPPORTERS_COVER_COSTS={"ideal": 32, "card": 50},
        SQLALCHEMY_DATABASE_URI=engine.url.render_as_string(hide_password=False),
    )  # fmt: skip
    app.config.update(settings)
    db = SQLAlchemy(app)
    Supporters(app, db)
    with app.app_context():
        cast.fund(db.session)
        db.session.commit()
    return app


@pytest.fixture
def site(fresh_engine: Engine, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """Forms on SITE may be sent to it; a page that is opened twice in a row looks twice."""
    monkeypatch.setattr(Limits, "LOOK", parse("1000 per second"))
    gateway = MemoryGateway(ACCOUNT, now=lambda: cast.NOW)
    app = open_site(fresh_engine, tmp_path, {"memory": gateway})
    yield Counter(app, MemoryBackstage(gateway))
    with app.app_context():
        app.extensions["sqlalchemy"].session.remove()
        app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def visitor(site: Counter) -> FlaskClient:
    return site.app.test_client()
