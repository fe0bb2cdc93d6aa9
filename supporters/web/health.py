"""``/healthz`` says that the process lives, ``/readyz`` that it can serve: the database answers and is up to date."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from supporters import migrations

bp = Blueprint("achterban_health", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    return {"status": "alive"}


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    engine = current_app.extensions["supporters"].db.engine
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        if not migrations.is_current(engine):
            return {"status": "not ready", "reason": "the tables are not up to date: run achterban upgrade"}, 503
    except SQLAlchemyError:
        current_app.logger.exception("the database does not answer")
        return {"status": "not ready", "reason": "the database does not answer"}, 503
    return {"status": "ready"}


# Said out loud for whoever walks over the routes: these need no sign-in.
for view in (healthz, readyz):
    view.__dict__["public"] = True
