"""Whether the process lives, whether it can serve, and how an error of the library looks over HTTP."""

from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from supporters import AchterbanError, BadInput, NotAllowed, NotFound, Refused, Supporters
from supporters.migrations import upgrade


def test_it_lives_and_is_ready(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz").json == {"status": "alive"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_it_is_not_ready_before_the_tables_are(tmp_path: Path) -> None:
    app = Flask("site")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'new.sqlite'}"
    db = SQLAlchemy(app)
    Supporters(app, db)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and "achterban upgrade" in answer.json["reason"]
    with app.app_context():
        upgrade(db.engine)
    assert app.test_client().get("/readyz").status_code == 200


def test_it_lives_but_is_not_ready_where_the_database_does_not_answer(tmp_path: Path) -> None:
    app = Flask("site")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'gone.sqlite'}"
    db = SQLAlchemy(app)
    Supporters(app, db)
    with app.app_context():
        db.engine.dispose()
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()
    assert app.test_client().get("/healthz").status_code == 200
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["reason"]) == (503, "the database does not answer")


@pytest.mark.parametrize(
    ("error", "status"), [(BadInput, 422), (Refused, 409), (NotFound, 404), (NotAllowed, 403), (AchterbanError, 400)]
)
def test_an_error_is_a_problem_document(app: Flask, error: type[AchterbanError], status: int) -> None:
    @app.get("/fails")
    def fails() -> str:
        raise error("“%(iban)s” is not an IBAN.", field="iban", iban="NL00")

    answer = app.test_client().get("/fails")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["detail"] == "“NL00” is not an IBAN."
    assert (answer.json["field"], answer.json["status"], answer.json["code"]) == ("iban", status, error.code)


def test_the_answer_of_the_site_comes_first(tmp_path: Path) -> None:
    app = Flask("site")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'site.sqlite'}"
    app.register_error_handler(AchterbanError, lambda error: (f"Oh: {error}", 418))
    Supporters(app, SQLAlchemy(app))

    @app.get("/fails")
    def fails() -> str:
        raise Refused("No.")

    assert app.test_client().get("/fails").data == b"Oh: No."
