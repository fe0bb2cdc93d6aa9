"""The example site over HTTP: a visitor becomes a supporter, and two fundraisers collect what was promised."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from supporters import Checkout, CollectionBatch, Commitment, Gift, Mandate, Supporter, search
from supporters.payments.gateway import GatewayAccount
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.online.accounts import Accounts
from tests import cast
from tests.campaigns.crowdfunding import world
from tests.modules import ROOT

ADA = {
    "first_name": "Ada", "surname": "Lovelace", "email": "ada@example.org", "iban": "NL91 ABNA 0417 1643 00",
    "amount": "12,50", "every": "month", "agreed": "on",
}  # fmt: skip


@pytest.fixture
def website(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = spec_from_file_location("website", ROOT / "examples" / "website" / "app.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "website", module)  # where Flask looks for its templates
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(website: ModuleType, tmp_path: Path) -> Iterator[Flask]:
    app = website.create_app(
        instance_path=str(tmp_path / "instance"), SUPPORTERS_NOW=cast.NOW.isoformat(), ADMIN_HTTPS=False, TESTING=True,
    )  # fmt: skip
    started = app.test_cli_runner().invoke(args=["start"])
    assert started.exit_code == 0, started.output
    yield app
    with app.app_context():
        website.db.session.remove()
        website.db.engine.dispose()


def send(client: FlaskClient, path: str = "/", **fields: str) -> TestResponse:
    """Fill in the form as a browser would: with the hidden fields of the page that was shown."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', client.get(path).text))
    return client.post("/", data=hidden | fields)


def test_starting_twice_changes_nothing(site: Flask) -> None:
    assert site.test_cli_runner().invoke(args=["start"]).exit_code == 0
    assert site.test_client().get("/readyz").status_code == 200


def test_a_visitor_becomes_a_supporter_with_a_commitment(site: Flask, website: ModuleType) -> None:
    answer = send(site.test_client(), "/?source=spring", **ADA)
    assert (answer.status_code, answer.location) == (302, "/thanks")
    with site.app_context():
        (ada,) = search(website.db.session, "lovelace NL91ABNA0417164300")
        commitment = website.db.session.scalars(select(Commitment)).one()
        assert (ada.name, ada.source_code, str(commitment.money)) == ("Ada Lovelace", "spring", "EUR 12.50")
        assert commitment.next_due_on == date(2027, 1, 1)
        assert website.db.session.scalars(select(Mandate)).one().document_id is not None


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("iban", "NL91ABNA0417164301", "check digits"),
        ("amount", "1.000", "can mean two amounts"),
        ("amount", "12,5O", "letter O"),
        ("amount", "1,00", "€ 2,50"),
        ("email", "ada@", "not an e-mail address"),
        ("agreed", None, "Tick the box"),
    ],
)
def test_a_mistake_is_named_beside_its_field_and_nothing_is_kept(
    site: Flask, website: ModuleType, field: str, value: str | None, words: str
) -> None:
    fields = {name: given for name, given in (ADA | {field: value}).items() if given is not None}
    answer = send(site.test_client(), **fields)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error" role="alert">[^<]*{words}', answer.text)
    assert "Lovelace" in answer.text  # what was typed is still there
    with site.app_context():
        assert website.db.session.scalar(select(func.count()).select_from(Supporter)) == 0


def test_a_visitor_gives_online_and_comes_back_to_the_thanks(website: ModuleType, tmp_path: Path) -> None:
    gateway = MemoryGateway(GatewayAccount("memory", "memory", "test_x", False, ("hush",)), now=lambda: cast.NOW)
    app = website.create_app(
        instance_path=str(tmp_path / "giving"), SUPPORTERS_NOW=cast.NOW.isoformat(), ADMIN_HTTPS=False, TESTING=True,
        SUPPORTERS_GATEWAYS=Accounts({"memory": gateway}), SUPPORTERS_PUBLIC_URL="http://localhost",
    )  # fmt: skip
    assert app.test_cli_runner().invoke(args=["start"]).exit_code == 0
    client = app.test_client()
    page = client.get("/donate?lang=en&source=spring").text
    assert '<html lang="en"' in page
    sent = dict(re.findall(r'type="(?:hidden|radio)" name="(\w+)" value="([^"]*)"(?: checked)?>', page))
    begun = client.post("/api/gifts", data=sent | ADA | {"interval": "once", "amount": "25", "method": "card"})
    assert begun.status_code == 303, begun.text
    MemoryBackstage(gateway).pay(begun.location.rpartition("/")[2])
    with app.app_context():
        token = website.db.session.scalars(select(Checkout.token)).one()
        website.db.session.rollback()
        thanks = client.get(f"/give/{token}").location
        assert thanks == "http://localhost/thanks?lang=en&payment=paid"
        assert "Your gift arrived." in client.get(thanks).text
        assert "You are a supporter now" not in client.get(thanks).text
        gift = website.db.session.scalars(select(Gift)).one()
        assert (gift.amount, gift.source_code) == (2500, "spring")
        website.db.session.remove()
        website.db.engine.dispose()


@pytest.mark.parametrize(("language", "words"), [("en", "Nothing was charged."), ("nl", "Er is niets afgeschreven.")])
def test_who_did_not_pay_is_not_thanked(site: Flask, language: str, words: str) -> None:
    for query, header in ((f"lang={language}&", "de"), ("", language)):
        page = site.test_client().get(f"/thanks?{query}payment=failed", headers={"Accept-Language": header}).text
        assert words in page and f'<html lang="{language}"' in page
        assert "Thank you" not in page and "Dank u wel" not in page


def test_without_a_gateway_the_page_says_so(site: Flask) -> None:
    answer = site.test_client().get("/donate")
    assert answer.status_code == 200
    assert "SUPPORTERS_GATEWAYS" in answer.text


def test_pressing_the_button_twice_makes_one_supporter(site: Flask, website: ModuleType) -> None:
    client = site.test_client()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', client.get("/").text))
    for _ in range(2):
        assert client.post("/", data=hidden | ADA).status_code == 302
    with site.app_context():
        assert website.db.session.scalar(select(func.count()).select_from(Commitment)) == 1


def test_a_form_from_another_site_is_refused(site: Flask) -> None:
    assert site.test_client().post("/", data={"key": "x", "source": ""} | ADA).status_code == 400


def test_what_a_visitor_promised_is_collected_and_counts_for_the_campaign(
    site: Flask, website: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(site.test_client(), "/?source=spring", **ADA)
    runner = site.test_cli_runner()
    tokens: dict[str, str] = {}

    def run(*words: str, who: str | None = None) -> str:
        if who:
            monkeypatch.setenv("ACHTERBAN_TOKEN", tokens[who])
            words += ("--as", f"{who}@example.org")
        done = runner.invoke(args=[*words])
        assert done.exit_code == 0, done.output
        return done.stdout

    for who in ("anna", "bram"):
        created = runner.invoke(
            args=["admin", "create", f"{who}@example.org", "--role", "finance", "--password-stdin"],
            input="a long enough password\n",
        )
        assert created.exit_code == 0, created.output
        tokens[who] = run("admin", "token", f"{who}@example.org").strip().splitlines()[0]
    run("collect", "prepare", "--on", "2027-01-04", who="anna")
    run("collect", "approve", "B00001", who="bram")
    run("collect", "export", "B00001", "-o", str(tmp_path / "bank.xml"), who="bram")
    assert b"NL91ABNA0417164300" in (tmp_path / "bank.xml").read_bytes()

    site.config["SUPPORTERS_NOW"] = "2027-01-04T12:00:00+00:00"
    website.achterban.init_app(site)
    run("collect", "book", "B00001", who="anna")
    assert "EUR 12.50 has" not in site.test_client().get("/").text
    assert "has brought in EUR 12.50" in site.test_client().get("/?source=spring").text
    assert "nothing broken" in run("check")
    with site.app_context():
        assert website.db.session.scalars(select(CollectionBatch)).one().state == "booked"
        assert website.db.session.scalars(select(Gift)).one().source_code == "spring"


def test_the_screens_are_there_for_those_who_sign_in(site: Flask) -> None:
    answer = site.test_client().get("/admin/", follow_redirects=True)
    assert answer.status_code == 200 and "password" in answer.text


def test_an_edition_that_runs_is_on_the_home_page_with_its_thermometer(site: Flask, website: ModuleType) -> None:
    with site.app_context():
        edition = world.edition(website.db.session)
        page = world.page(website.db.session, edition, world.donor(website.db.session, 1))
        page.check(website.db.session, "live", by=cast.BRAM, now=cast.NOW)
        world.gift(website.db.session, world.donor(website.db.session, 2), "25.00")
        website.db.session.commit()
    client = site.test_client()
    link = re.search(r'href="(/action/[^"]+)">Families 2026', client.get("/").text)
    assert link, "the home page names it"
    shown = client.get(f"{link[1]}?lang=en").text
    assert 'data-crowdfunding="amount">€25<' in shown and 'src="/api/editions/families-2026"' in shown
    assert 'href="/crowdfunding/families-2026?lang=en#give"' in shown
    assert "Ada runs" in client.get(f"{link[1]}?page=ada-runs&lang=en").text
    assert client.get("/action/nowhere").status_code == 404
