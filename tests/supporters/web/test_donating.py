"""The form on a page of the site itself, and on ours."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import render_template_string
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving.fund import Fund
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.rules import Rules
from supporters.people.consent import ConsentText
from supporters.settings import BadSetting
from tests.supporters.web.conftest import ADA, SITE, Counter


def shown(site: Counter, template: str) -> str:
    with site.app.test_request_context("/doneer", headers={"Accept-Language": "nl"}):
        return render_template_string(template)


def sent_as_shown(page: str) -> dict[str, str]:
    """What a browser without a script would send: hidden fields, and the buttons that are pressed."""
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return dict(hidden + re.findall(r'type="radio" name="(\w+)" value="([^"]*)" checked', page))


def test_a_template_shows_the_form_and_it_can_be_sent(site: Counter, visitor: FlaskClient) -> None:
    options = f"locale='en', source_code='site', placement='top', fund='general', return_to='{SITE}/dank/x'"
    page = shown(site, f"{{{{ achterban_donate({options}).form() }}}}")
    action = re.search(r'<form[^>]* action="([^"]+)"', page)
    sent = sent_as_shown(page)
    assert action
    assert sent.pop("submission_key")
    assert sent == {
        "interval": "once", "amount": "25.00", "method": "ideal", "locale": "en", "source_code": "site",
        "placement": "top", "fund": "general", "return_to": f"{SITE}/dank/x",
    }  # fmt: skip
    typed = {"first_name": "Ada", "surname": "Lovelace", "email": "ada@example.org", "cover_costs": "1"}
    answer = visitor.post(action[1], data=sent | typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"https://memory.invalid/{site.external_id}")
    with Session(site.engine) as session:
        checkout = session.scalars(select(Checkout)).one()
        assert (checkout.amount, checkout.covered_costs, checkout.placement) == (2532, 32, "top")


def test_shown_by_itself_it_stands_in_its_element_with_the_script(site: Counter) -> None:
    page = shown(site, "{{ achterban_donate() }}")
    assert page.startswith('<script src="/give/widget.js" defer></script><achterban-donate src="/" locale="nl">')
    assert page.count("<form") == 1
    assert "Afmelden kan in elk bericht" in page
    assert "iDEAL | Wero <span" in page and "€ 0,32" in page
    assert site.rows(ConsentText) == 0


def test_a_page_chooses_amounts_and_how_often(site: Counter) -> None:
    page = shown(site, "{{ achterban_donate(amounts=[5, '12,50'], intervals=['month'], amount='12.5') }}")
    assert re.findall(r'name="amount" value="([^"]+)"', page) == ["5.00", "12.50"]
    sent = sent_as_shown(page)
    assert (sent["interval"], sent["amount"]) == ("month", "12.50")
    assert "Hoe vaak?" not in page
    other = shown(site, "{{ achterban_donate(amount='33') }}")
    assert 'value="33.00"' in other
    assert "amount" not in sent_as_shown(other)


def test_what_was_typed_is_escaped_and_a_wrong_source_stands_in_nobodys_way(site: Counter) -> None:
    page = shown(site, """{{ achterban_donate(source_code='<x>', fund='"><script>') }}""")
    assert 'name="source_code"' not in page
    assert "&#34;&gt;&lt;script&gt;" in page


def test_a_choice_of_funds_is_offered_where_there_is_one(site: Counter, visitor: FlaskClient) -> None:
    assert "Waarvoor?" not in shown(site, "{{ achterban_donate() }}")
    with Session(site.engine) as session:
        Fund.open(session, "water", "Water & <bronnen>")
        session.commit()
    assert "Water &amp; &lt;bronnen&gt;</option>" in shown(site, "{{ achterban_donate() }}")
    assert "Waarvoor?" not in shown(site, "{{ achterban_donate(fund='water') }}")
    again = visitor.post("/api/gifts", data=ADA | {"fund": "nothing"}, headers={"Accept": "text/html"})
    assert again.status_code == 422
    assert again.text.count('name="fund"') == 1


def test_it_leaves_the_sites_session_as_it_was(site: Counter) -> None:
    with site.app.test_request_context("/doneer"):
        session = site.app.extensions["sqlalchemy"].session
        render_template_string("{{ achterban_donate() }}")
        assert not session().in_transaction()
        fund = Fund.open(session, "mine", "Mine")
        render_template_string("{{ achterban_donate() }}")
        assert fund in session.new or session().in_transaction()
        session.commit()
    assert "mine" in site.all(Fund.code)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_our_own_page_begins_as_the_link_says(visitor: FlaskClient, language: str) -> None:
    answer = visitor.get(f"/give?lang={language}&amount=10&interval=month&source=flyer&placement=door-1&fund=none")
    sent = sent_as_shown(answer.text)
    assert f'<html lang="{language}"' in answer.text
    assert (sent["amount"], sent["interval"], sent["source_code"]) == ("10.00", "month", "flyer")
    assert "fund" not in sent
    assert "Set-Cookie" not in answer.headers
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for odd in ("amount=<x>", "interval=x&amount=-1", "amount=1e9999&source=%00", "fund=%ff"):
        assert visitor.get(f"/give?{odd}").status_code == 200


def test_the_script_may_be_used_everywhere(visitor: FlaskClient) -> None:
    answer = visitor.get("/give/widget.js")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer.mimetype == "text/javascript"
    assert visitor.get("/give/widget.js", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    for word in ("cookie", "localStorage", "innerHTML", "eval("):
        assert word not in re.sub(r"/\*.*?\*/", "", answer.text, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SUPPORTERS_GIVING_ORIGINS", "charity.example"),
        ("SUPPORTERS_GIVING_RETURN_URLS", "https://x"),
        ("SUPPORTERS_GIVING_AMOUNTS", "10,25,50"),
        ("SUPPORTERS_GIVING_AMOUNTS", ""),
        ("SUPPORTERS_GIVING_INTERVALS", "once"),
        ("SUPPORTERS_GIVING_SMALLEST", "1,00"),
        ("SUPPORTERS_GIVING_LARGEST", True),
        ("SUPPORTERS_GIVING_NEWSLETTER", {"nl": "Ja"}),
        ("SUPPORTERS_GIVING_BURST_LIMIT", "many"),
        ("SUPPORTERS_GIVING_STEADY_LIMIT_WITH_PROOF", "many"),
        ("SUPPORTERS_GIVING_PROOF_NUMBER", "-1"),
        ("SUPPORTERS_COVER_COSTS", {"cash": 1}),
        ("SUPPORTERS_COVER_COSTS", "32"),
        ("SUPPORTERS_COVER_COSTS", '{"ideal": 0.32}'),
    ],
)
def test_a_setting_that_cannot_be_meant_names_its_key(key: str, value: Any) -> None:
    with pytest.raises(BadSetting) as complaint:
        Rules.read({key: value})
    assert complaint.value.field == key


def test_settings_may_be_text_as_they_are_in_the_environment() -> None:
    rules = Rules.read(
        {
            "SUPPORTERS_GIVING_ORIGINS": "https://A.example, http://b.example:8000/",
            "SUPPORTERS_GIVING_FUNDS": "water",
            "SUPPORTERS_GIVING_AMOUNTS": "500, 1500", "SUPPORTERS_COVER_COSTS": '{"ideal": 32}',
            "SUPPORTERS_GIVING_NEWSLETTER": "", "SUPPORTERS_GIVING_LARGEST": "5000",
        }
    )  # fmt: skip
    assert Rules.read({"SUPPORTERS_GIVING_AMOUNTS": 1500}).amounts == (1500,)
    assert rules.origins == ("https://a.example", "http://b.example:8000")
    assert (rules.amounts, rules.largest, rules.funds) == ((500, 1500), 5000, ("water",))
    assert (dict(rules.costs), dict(rules.newsletter)) == ({"ideal": 32}, {})
