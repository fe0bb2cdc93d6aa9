"""The admin on a database file of its own, and people who are signed in to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin import clock
from admin.access import ROLES
from admin.app import create_app
from admin.users import User
from supporters.actor import Actor
from tests.databases import PostgresDatabases, SqliteDatabases

NOW = "2026-12-01T10:00:00+01:00"
TESTER = Actor.job("test")


@pytest.fixture
def admin_app(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Flask]:
    """One application with a person of each role: viewer@example.org and so on."""
    with admin_on(sqlite_databases, tmp_path) as app:
        yield app


@contextmanager
def admin_on(databases: SqliteDatabases | PostgresDatabases, folder: Path, **settings: Any) -> Iterator[Flask]:
    engine = databases.create()
    app = create_app(
        instance_path=str(folder / "instance"), TESTING=True, SUPPORTERS_NOW=NOW, WTF_CSRF_ENABLED=False,
        SQLALCHEMY_DATABASE_URI=engine.url.render_as_string(hide_password=False), ADMIN_HTTPS=False,
        ADMIN_LANGUAGE="en", **settings,
    )  # fmt: skip
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        for role in (*ROLES, "second"):
            user = User(email=f"{role}@example.org", name=role.title(), active=True, created_at=clock.now())
            session.add(user)
            session.flush()
            user.take_role(session, "finance" if role == "second" else role, by=TESTER, now=clock.now())
        session.commit()
    yield app
    with app.app_context():
        app.extensions["sqlalchemy"].session.remove()
        app.extensions["sqlalchemy"].engine.dispose()
    databases.drop(engine)


@pytest.fixture
def client_as(admin_app: Flask) -> Callable[[str], FlaskClient]:
    """A browser in which this role is signed in, with a password given just now."""

    def sign_in(role: str, *, signed_in_at: float | None = None) -> FlaskClient:
        client = admin_app.test_client()
        with admin_app.app_context():
            session = admin_app.extensions["sqlalchemy"].session
            key = session.scalar(select(User.fs_uniquifier).where(User.email == f"{role}@example.org"))
        with client.session_transaction() as cookie:
            moment = signed_in_at or time.time()
            cookie.update({"_user_id": key, "_fresh": True, "fs_cc": "set", "fs_paa": moment, "identity.id": key})
        return client

    return sign_in


@pytest.fixture
def db(admin_app: Flask) -> Callable[[], AbstractContextManager[Any]]:
    """``with db() as session`` commits after it. Never around a request: both would share a context."""

    @contextmanager
    def opened() -> Iterator[Any]:
        with admin_app.app_context():
            session = admin_app.extensions["sqlalchemy"].session
            yield session
            session.commit()

    return opened
