"""What is posted to a webhook's address: stored before it is answered, never a 500, never believed by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from supporters.extension import Supporters
from supporters.giving.gift import Gift
from supporters.payments.gateway import Nudge
from supporters.payments.memory import MemoryGateway
from supporters.payments.memory.gateway import SIGNATURE, sign
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.inbox import LARGEST, Notification
from supporters.web import giving
from tests import cast
from tests.databases import SECRETS
from tests.supporters.web.conftest import ACCOUNT, ADA, Counter, open_site

URL = "/webhooks/memory"


def states(site: Counter) -> list[str]:
    return sorted(site.all(Notification.state))


def test_news_is_stored_and_answered_without_asking_the_vendor(
    site: Counter, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.post("/api/gifts", json=ADA)
    site.vendor.pay(site.external_id)
    headers, body = site.vendor.news(site.external_id)
    monkeypatch.setattr(MemoryGateway, "fetch", lambda *_: pytest.fail("the vendor was asked"))
    for _ in range(3):
        answer = visitor.post(URL, data=body, headers=headers)
        assert (answer.status_code, answer.data, "Set-Cookie" in answer.headers) == (200, b"", False)
    assert (states(site), site.all(Notification.times), site.rows(Gift)) == (["waiting"], [3], 0)
    monkeypatch.undo()
    site.work()
    assert (states(site), site.all(Gift.amount)) == (["done"], [2500])


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({}, b'{"id": "mem_0123456789abcdef", "event": "e"}'),
        ({SIGNATURE: "sha256=" + "0" * 64}, b'{"id": "mem_0123456789abcdef", "event": "e"}'),
        ({SIGNATURE: sign("hush", b"not this")}, b'{"id": "mem_0123456789abcdef", "event": "e"}'),
        ({SIGNATURE: sign("hush", b"\xff\xfe\x00")}, b"\xff\xfe\x00"),
        (
            {SIGNATURE: sign("hush", b'{"id": "../../v1/refunds", "event": "e"}')},
            b'{"id": "../../v1/refunds", "event": "e"}',
        ),
        ({SIGNATURE: sign("hush", b"[" * 50_000)}, b"[" * 50_000),
        ({SIGNATURE: "é\x00"}, b"{}"),
    ],
    ids=["empty", "unsigned", "wrong signature", "tampered", "not UTF-8", "path in the id", "deep", "odd header"],
)
def test_what_is_not_the_vendors_is_refused_and_kept_for_a_look(
    site: Counter, visitor: FlaskClient, headers: dict[str, str], body: bytes
) -> None:
    for _ in range(2):
        answer = visitor.post(URL, data=body, headers=headers)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert (states(site), site.all(Notification.times)) == (["bad"], [2])
    with Session(site.engine) as session:
        news = session.scalars(select(Notification)).one()
        assert (news.body(session), news.size) == (body[:4096], len(body))
    assert site.work() == {"done": 0, "ignored": 0, "later": 0}


def test_what_is_too_large_or_for_nobody_is_not_stored(site: Counter, visitor: FlaskClient) -> None:
    assert visitor.post(URL, data=b"x" * (LARGEST + 1)).status_code == 413
    assert visitor.post(URL, data=b"x" * 50_000_000).status_code == 413
    assert visitor.post("/webhooks/other", data=b"x").status_code == 404
    assert visitor.post("/webhooks/..%2f", data=b"x").status_code == 404
    assert visitor.get(URL).status_code == 405
    assert states(site) == []
    assert visitor.post(URL, data=b"x" * LARGEST).status_code == 400
    assert states(site) == ["bad"]


def test_of_a_flood_of_strangers_some_is_kept(
    site: Counter, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supporters.payments.online.inbox.BAD_AN_HOUR", 5)
    for n in range(12):
        assert visitor.post(URL, data=f"id={n}").status_code == 400
    assert states(site) == ["bad"] * 5
    assert sum(site.all(Notification.times)) == 12


def test_an_id_of_somebody_else_is_stored_and_books_nothing(site: Counter, visitor: FlaskClient) -> None:
    body = json.dumps({"id": "mem_0123456789abcdef", "event": "e-1"}).encode()
    assert visitor.post(URL, data=body, headers={SIGNATURE: sign("hush", body)}).status_code == 200
    assert site.work() == {"done": 0, "ignored": 0, "later": 1}
    assert site.rows(Gift) == 0


def test_when_the_database_does_not_answer_the_vendor_posts_again(
    site: Counter, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise OperationalError("INSERT", {}, ConnectionError("gone"))

    monkeypatch.setattr(Notification, "receive", down)
    answer = visitor.post(URL, data=b"{}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert b"INSERT" not in answer.data


class Strange(MemoryGateway):
    """Its notifications go wrong in ways that a gateway of somebody else's may."""

    found: Any = None

    def notifications(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Nudge]:
        if isinstance(self.found, Exception):
            raise self.found
        nudges: list[Nudge] = self.found
        return nudges


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([Nudge("p" * 500, "e" * 500, "k" * 500, key="x" * 500)], 200),
        ([Nudge("tr_\x00", kind="\x00", key="\x00")], 200),
        ([], 200),
        (RuntimeError("a bug"), 400),
        (RecursionError("deep"), 400),
        (None, 503),
    ],
    ids=["long names", "null byte", "about nothing", "bug", "recursion", "nothing"],
)
def test_a_gateway_with_a_mistake_is_no_500(fresh_engine: Engine, tmp_path: Path, found: Any, status: int) -> None:
    gateway = Strange(ACCOUNT, now=lambda: cast.NOW)
    gateway.found = found
    app = open_site(fresh_engine, tmp_path, {"memory": gateway})
    assert app.test_client().post(URL, data=b"{}").status_code == status


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=some.binary(max_size=3000),
    kind=some.sampled_from(
        ["", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    ),
    signature=some.text(some.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=80),
    is_signed=some.booleans(),
)
def test_whatever_comes_is_answered_and_books_nothing(
    site: Counter, body: bytes, kind: str, signature: str, is_signed: bool
) -> None:
    headers = {SIGNATURE: sign("hush", body) if is_signed else signature, "Stripe-Signature": signature}
    answer = site.app.test_client().post(URL, data=body, content_type=kind, headers=headers)
    assert answer.status_code == 400
    assert set(states(site)) <= {"bad"}


def test_a_site_with_csrf_protection_exempts_it(site: Counter, visitor: FlaskClient) -> None:
    csrf = CSRFProtect(site.app)
    assert visitor.post(URL, data=b"x").status_code == 400 and states(site) == []  # refused before it was stored
    for blueprint in giving.BLUEPRINTS:
        csrf.exempt(blueprint)
    assert visitor.post(URL, data=b"x").status_code == 400 and states(site) == ["bad"]
    assert visitor.post("/api/gifts", data=ADA).status_code == 303


def test_there_is_no_webhook_without_an_account(fresh_engine: Engine, tmp_path: Path) -> None:
    app = open_site(fresh_engine, tmp_path, {}, SUPPORTERS_GATEWAYS="[]")
    client = app.test_client()
    for path in (URL, "/api/gifts", "/give/x"):
        assert client.post(path, data=b"{}").status_code == 404
    assert "achterban_donate" not in app.jinja_env.globals


def test_one_extension_serves_each_application_with_its_own_accounts(fresh_engine: Engine, tmp_path: Path) -> None:
    supporters, db, found = Supporters(), SQLAlchemy(), []
    apps = []
    for name in ("first", "second"):
        app = Flask(name, instance_path=str(tmp_path))
        uri = fresh_engine.url.render_as_string(hide_password=False)
        gateways = Accounts({name: MemoryGateway(ACCOUNT, now=lambda: cast.NOW)})
        app.config.update(SQLALCHEMY_DATABASE_URI=uri, SUPPORTERS_GATEWAYS=gateways, **SECRETS)
        db.init_app(app)
        supporters.init_app(app, db)
        apps.append(app)
    for app in (*apps, *apps):
        with app.app_context():
            found += supporters.cashier().accounts
            db.engine.dispose()
    assert found == ["first", "second"] * 2
