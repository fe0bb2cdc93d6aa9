"""The page that somebody comes back to tells the truth, opening it decides nothing, and trouble loses nothing."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from supporters.db import Base
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.mail.message import OutboxMessage
from supporters.payments.gateway import Conflict, Misasked, Order, Snapshot, Unauthorised, Urls
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online import jobs
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.outcome import Outcome
from supporters.payments.online.payment import OnlinePayment
from supporters.registry import Work
from supporters.web import desk
from supporters.web.giving_pages import PAUSES
from tests import cast
from tests.supporters.web.conftest import ACCOUNT, ADA, HOST, SITE, Counter, open_site

PAGE = {"Accept": "text/html", "Accept-Language": "nl"}


def begun(visitor: FlaskClient, path: str = "/api/gifts", **fields: str) -> str:
    answer = visitor.post(path, json=ADA | {"locale": "en"} | fields)
    assert answer.status_code == 201, answer.json
    token: str = answer.json["token"]
    return token


def heading(visitor: FlaskClient, token: str, language: str = "en") -> str:
    answer = visitor.get(f"/give/{token}?lang={language}")
    assert answer.status_code == 200
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found
    return found[1]


def books(site: Counter) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the lines about calls, and when we look again."""
    with Session(site.engine) as session:
        return {
            table.name: [
                tuple(value for name, value in row._mapping.items() if name not in ("syncs", "next_sync_at"))
                for row in session.execute(select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
            if table.name != GatewayCall.__tablename__
        }


@pytest.mark.parametrize(
    ("what", "state", "says"),
    [
        ("nothing", "waiting", "Not paid yet"),
        ("process", "processing", "We are waiting for your bank"),
        ("pay", "paid", "Thank you"),
        ("fail", "failed", "The payment failed"),
        ("give_up", "cancelled", "You cancelled the payment"),
        ("expire", "expired", "The payment was not finished"),
    ],
)
def test_it_says_how_it_stands_as_the_vendor_says_it(
    site: Counter, visitor: FlaskClient, what: str, state: str, says: str
) -> None:
    token = begun(visitor)
    if what != "nothing":
        getattr(site.vendor, what)(site.external_id)
    answer = visitor.get(f"/give/{token}")
    assert says in answer.text
    assert '<html lang="en"' in answer.text
    assert heading(visitor, token, "nl") != says
    assert visitor.get(f"/api/checkouts/{token}").json["state"] == state
    assert site.all(Gift.amount) == ([2500] if what == "pay" else [])
    for name, value in (
        ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Robots-Tag", "noindex"),
    ):  # fmt: skip
        assert answer.headers[name] == value
    assert "Set-Cookie" not in answer.headers
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert ("ada" in answer.text.lower(), "Lovelace" in answer.text) == (False, False)
    assert (f'action="/give/{token}' in answer.text) == (state in ("failed", "cancelled", "expired"))


def test_opening_it_changes_nothing_but_what_the_vendor_says(site: Counter, visitor: FlaskClient) -> None:
    token = begun(visitor)
    visitor.get(f"/give/{token}")
    before = books(site)
    for path in (f"/give/{token}", f"/api/checkouts/{token}", f"/give/{token}?n=3&payment=paid&status=succeeded"):
        for _ in range(3):
            assert visitor.get(path).status_code == 200
    assert books(site) == before
    site.vendor.pay(site.external_id)
    for _ in range(3):
        assert heading(visitor, token) == "Thank you"
    after = books(site)
    assert visitor.get(f"/give/{token}").status_code == 200
    assert books(site) == after
    assert (site.all(Gift.amount), site.rows(OutboxMessage)) == ([2500], 1)


def test_a_lasting_gift_is_thanked_for_as_one(site: Counter, visitor: FlaskClient) -> None:
    token = begun(visitor, "/api/commitments", interval="quarter")
    site.vendor.pay(site.external_id)
    text = visitor.get(f"/give/{token}").text
    assert "€25 is charged every quarter" in text
    assert "per e-mail" in visitor.get(f"/give/{token}?lang=nl").text
    assert site.rows(Commitment) == 1


def test_it_looks_again_without_a_script_ever_less_often(site: Counter, visitor: FlaskClient) -> None:
    url, pauses = f"/give/{begun(visitor)}", []
    while found := re.search(r'http-equiv="refresh" content="(\d+);url=([^"]+)"', visitor.get(url).text):
        pauses.append(int(found[1]))
        url = found[2].replace("&amp;", "&")
    assert tuple(pauses) == PAUSES
    assert sorted(pauses) == pauses
    for odd in ("-1", "x", "999999", "²", ""):
        assert visitor.get(f"{url.partition('?')[0]}?n={odd}").status_code == 200


def test_what_failed_can_be_tried_again_and_is_another_payment(site: Counter, visitor: FlaskClient) -> None:
    token = begun(visitor)
    first = site.external_id
    site.vendor.fail(first)
    assert heading(visitor, token) == "The payment failed"
    again = visitor.post(f"/give/{token}")
    assert (again.status_code, again.headers["Location"]) == (303, f"https://memory.invalid/{site.external_id}")
    assert site.external_id != first
    twice = visitor.post(f"/give/{token}")
    assert twice.headers["Location"] == again.headers["Location"]
    site.vendor.pay(site.external_id)
    assert heading(visitor, token) == "Thank you"
    assert visitor.post(f"/give/{token}").headers["Location"] == f"/give/{token}"
    assert site.vendor.count("payments") == 2
    assert site.all(Gift.amount) == [2500]


def test_one_that_was_cancelled_without_our_knowing_is_begun_anew_at_once(site: Counter, visitor: FlaskClient) -> None:
    begun(visitor, submission_key="k")
    first = site.external_id
    site.vendor.give_up(first)
    answer = visitor.post("/api/gifts", json=ADA | {"locale": "en", "submission_key": "k"})
    assert answer.json["checkout_url"] == f"https://memory.invalid/{site.external_id}"
    assert site.external_id != first


def test_a_payment_that_the_bank_has_is_not_tried_again(site: Counter, visitor: FlaskClient) -> None:
    token = begun(visitor)
    site.vendor.process(site.external_id)
    assert heading(visitor, token) == "We are waiting for your bank"
    assert visitor.post(f"/give/{token}").status_code == 409
    assert site.vendor.count("payments") == 1


def test_it_goes_back_to_the_page_that_the_form_named(site: Counter, visitor: FlaskClient) -> None:
    back = f"{SITE}/dank/u?from=form&payment=old#top"
    token = begun(visitor, return_to=back)
    assert f'href="{SITE}' not in visitor.get(f"/give/{token}").text
    site.vendor.fail(site.external_id)
    failed = visitor.get(f"/give/{token}").text
    assert f'href="{SITE}/dank/u?from=form&amp;payment=failed#top"' in failed
    visitor.post(f"/give/{token}")
    site.vendor.pay(site.external_id)
    paid = visitor.get(f"/give/{token}")
    assert (paid.status_code, paid.headers["Location"]) == (303, f"{SITE}/dank/u?from=form&payment=paid#top")


def test_only_a_form_of_a_site_we_know_is_linked_to(visitor: FlaskClient, site: Counter) -> None:
    known = f"{SITE}/doneer"
    for referer, shown in ((known, known), ("https://evil.example/x", "/give"), ("https://[x", "/give")):
        answer = visitor.post("/api/gifts", json=ADA, headers={"Referer": referer})
        site.vendor.give_up(site.external_id)
        assert f'<a href="{shown}">' in visitor.get(f"/give/{answer.json['token']}").text


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00" * 43, "..", "A" * 5000, "é" * 43])
def test_a_made_up_address_leads_nowhere(visitor: FlaskClient, token: str) -> None:
    assert visitor.get(f"/give/{token}").status_code == 404
    assert visitor.post(f"/give/{token}").status_code == 404
    assert visitor.get(f"/api/checkouts/{token}").status_code == 404


def test_who_never_paid_is_forgotten_and_cannot_pay_any_more(site: Counter, visitor: FlaskClient) -> None:
    token = begun(visitor)
    site.vendor.expire(site.external_id)
    visitor.get(f"/give/{token}")
    with site.app.app_context():
        supporters = site.app.extensions["supporters"]
        later = cast.NOW + jobs.FORGET_AFTER + timedelta(days=1)
        work = Work(lambda: Session(site.engine), supporters.settings, lambda: later)
        assert jobs.forget_checkouts(work) == "1 forgotten"
    assert heading(visitor, token) == "The payment was not finished"
    assert visitor.post(f"/give/{token}").status_code == 409


# -- trouble ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["drop", "429", "500", "500_done", "html"])
@pytest.mark.parametrize("how", ["json", "form"])
def test_a_gateway_in_trouble_loses_nothing_and_charges_once(
    site: Counter, visitor: FlaskClient, trouble: Any, how: str
) -> None:
    form = ADA | {"submission_key": "k-1", "locale": "nl"}
    site.vendor.trouble(trouble)
    answer = (
        visitor.post("/api/gifts", json=form) if how == "json" else visitor.post("/api/gifts", data=form, headers=PAGE)
    )
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    (token,) = site.all(Checkout.token)
    if how == "json":
        assert (answer.json["token"], answer.json["status_url"]) == (token, f"{HOST}/api/checkouts/{token}")
        assert "Onze betaaldienst antwoordt nu even niet" in answer.json["detail"]
        again = visitor.post("/api/gifts", json=form)
        assert (again.status_code, again.json["token"]) == (201, token)
        url = again.json["checkout_url"]
    else:
        assert f'action="/give/{token}?lang=nl"' in answer.text
        again = visitor.post(f"/give/{token}?lang=nl")
        assert again.status_code == 303
        url = again.headers["Location"]
    assert url == f"https://memory.invalid/{site.external_id}"
    assert site.vendor.count("payments") == site.rows(OnlinePayment) == 1
    site.vendor.pay(site.external_id)
    assert heading(visitor, token) == "Thank you"
    assert site.all(Gift.amount) == [2500]


@pytest.mark.parametrize("error", [Misasked("no"), Unauthorised("key"), Conflict("busy")])
def test_what_the_gateway_refuses_is_said_and_can_be_tried_again(
    site: Counter, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(desk, "_TWICE", (0.0,))
    monkeypatch.setattr(MemoryGateway, "begin", refuse)
    answer = visitor.post("/api/gifts", json=ADA | {"submission_key": "k"})
    assert answer.status_code == (503 if isinstance(error, Conflict) else 502)
    assert "key" not in answer.json["detail"]
    token = answer.json["token"]
    assert visitor.post(f"/give/{token}", headers=PAGE).status_code == answer.status_code
    assert visitor.get(f"/give/{token}").status_code == 200
    monkeypatch.undo()
    assert visitor.post("/api/gifts", json=ADA | {"submission_key": "k"}).status_code == 201
    assert visitor.get(f"/api/checkouts/{token}").json["state"] == "waiting"


def test_a_vendor_that_does_not_answer_is_looked_at_again(
    site: Counter, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = begun(visitor)
    site.vendor.pay(site.external_id)

    def down(*_: object) -> None:
        raise RuntimeError("secret in a bug") if down.bug else Unauthorised("secret")  # type: ignore[attr-defined]

    for bug in (False, True):
        down.bug = bug  # type: ignore[attr-defined]
        monkeypatch.setattr(MemoryGateway, "fetch", down)
        answer = visitor.get(f"/give/{token}")
        assert (answer.status_code, "secret" in answer.text) == (200, False)
        assert 'http-equiv="refresh"' in answer.text
    monkeypatch.undo()
    assert heading(visitor, token) == "Thank you"


class Slow(MemoryGateway):
    def fetch(self, external_id: str) -> Snapshot:
        time.sleep(5)
        return super().fetch(external_id)


def test_a_slow_vendor_keeps_nobody_waiting_and_what_it_says_is_booked(
    fresh_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "PATIENCE", 0.1)
    gateway = Slow(ACCOUNT, now=lambda: cast.NOW)
    site = Counter(open_site(fresh_engine, tmp_path, {"memory": gateway}), MemoryBackstage(gateway))
    visitor = site.app.test_client()
    token = begun(visitor)
    site.vendor.pay(site.external_id)
    assert heading(visitor, token) == "Not paid yet"  # who waited for the vendor would know better
    until = time.monotonic() + 20
    while not site.rows(Gift) and time.monotonic() < until:
        time.sleep(0.1)
    assert heading(visitor, token) == "Thank you"


class Busy(MemoryGateway):
    """Refuses a second request with the same key while the first is being worked on, as Stripe does."""

    at_it: threading.Lock = threading.Lock()

    def begin(self, order: Order, urls: Urls) -> Snapshot:
        if not self.at_it.acquire(blocking=False):
            raise Conflict("The same key is being worked on.")
        try:
            time.sleep(0.6)
            return super().begin(order, urls)
        finally:
            self.at_it.release()


def test_a_double_click_leads_both_to_the_same_payment(fresh_engine: Engine, tmp_path: Path) -> None:
    gateway = Busy(ACCOUNT, now=lambda: cast.NOW)
    site = Counter(open_site(fresh_engine, tmp_path, {"memory": gateway}), MemoryBackstage(gateway))
    found: list[tuple[int, str]] = []

    def click() -> None:
        answer = site.app.test_client().post("/api/gifts", data=ADA | {"submission_key": "k"})
        found.append((answer.status_code, answer.headers.get("Location", "")))

    clicks = [threading.Thread(target=click) for _ in range(3)]
    for each in clicks:
        each.start()
        time.sleep(0.1)
    for each in clicks:
        each.join()
    assert found == [(303, f"https://memory.invalid/{site.external_id}")] * 3
    assert site.vendor.count("payments") == 1


@pytest.mark.parametrize(
    "error", [OperationalError("SELECT", {}, ConnectionError("gone")), NoConnection("no connection in 30 seconds")]
)
def test_when_the_database_does_not_answer_it_says_so(
    site: Counter, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    token = begun(visitor)

    def down(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Outcome, "of", down)
    monkeypatch.setattr(Checkout, "open", down)
    for answer in (
        visitor.get(f"/give/{token}"), visitor.get(f"/api/checkouts/{token}"), visitor.post("/api/gifts", json=ADA),
        visitor.post(f"/give/{token}"),
    ):  # fmt: skip
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "SELECT" not in answer.text
