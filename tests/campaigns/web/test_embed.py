"""A petition on a page of the site itself."""

from __future__ import annotations

import re

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaigns.petitions.petition import Petition
from campaigns.petitions.wording import HOUSE_TEXTS, Wording
from supporters.errors import NotFound
from tests import cast
from tests.campaigns.web.conftest import SITE


def shown(site: Flask, template: str) -> str:
    with site.test_request_context("/acties/afghanen"):
        return render_template_string(template)


def test_a_template_shows_the_form_and_it_can_be_sent(site: Flask, visitor: FlaskClient) -> None:
    template = (
        "{% set petition = achterban_petition('afghanen', 'en') %}<h1>{{ petition.title }}</h1>{{ petition.text }}"
        f"{{{{ petition.counter() }}}}{{{{ petition.form(return_to='{SITE}/dank/x', source='site') }}}}"
    )
    page = shown(site, template)
    assert "<h1>Bied Afghanen bescherming</h1><p>Wij vragen <strong>" in page
    assert "I sign this petition" in page
    action = re.search(r'<form[^>]* action="([^"]+)"', page)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert action and hidden.keys() == {"consent_text_id", "locale", "source", "return_to"}
    typed = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "consent": "1"}
    answer = visitor.post(action[1], data=hidden | typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{SITE}/dank/x")


def test_a_view_gets_it_from_the_extension(site: Flask) -> None:
    with site.test_request_context(headers={"Accept-Language": "nl"}):
        petition = site.extensions["campaigns"].petition("afghanen")
        assert (petition.headline, petition.is_open, petition.reader.locale) == (0, True, "nl")
        live = petition.live()
    assert live.startswith('<script src="/petitions/widget.js" defer></script>')
    assert '<achterban-petition src="/api/petitions/afghanen" locale="nl">' in live
    assert live.count("<form") == 1


def test_what_was_typed_is_escaped(site: Flask) -> None:
    page = shown(site, "{{ achterban_petition('afghanen').form(values={'town': '\"><script>'}) }}")
    assert 'value="&#34;&gt;&lt;script&gt;"' in page


def test_a_comment_is_asked_where_the_words_name_it(site: Flask, stored: Session) -> None:
    form = "{{ achterban_petition('afghanen', '%s').form(values={'comment': '</textarea><script>'}) }}"
    page = shown(site, form % "nl")
    assert '<label for="petition-comment">Reactie: waarom tekent u?' in page
    assert 'maxlength="1000" aria-describedby="petition-comment-hint"' in page
    assert ">\n&lt;/textarea&gt;&lt;script&gt;</textarea>" in page
    assert 'id="petition-comment-hint">Hoogstens 1.000 tekens.' in page
    petition = Petition.by_slug(stored, "afghanen")
    Wording.change(stored, petition, "nl", HOUSE_TEXTS["nl"], by=cast.ANNA, now=cast.NOW)
    stored.commit()
    site.extensions["campaigns_desk"].views.forget()
    assert "petition-comment" not in shown(site, form % "nl")
    assert "At most 1,000 characters." in shown(site, form % "en")


def test_a_closed_one_counts_and_has_no_form(site: Flask, stored: Session) -> None:
    Petition.by_slug(stored, "afghanen").close(stored, by=cast.ANNA, now=cast.NOW)
    stored.commit()
    page = shown(site, "{% set p = achterban_petition('afghanen') %}{{ p.counter() }}{{ p.form() }}{{ p.is_open }}")
    assert "petition-count" in page
    assert "<form" not in page
    assert page.endswith("False")


def test_a_draft_is_not_there(site: Flask, stored: Session) -> None:
    Petition.draft(stored, "later", "Later", "Text.", "Somebody", by=cast.ANNA, now=cast.NOW)
    stored.commit()
    for slug in ("later", "none"):
        with pytest.raises(NotFound):
            shown(site, f"{{{{ achterban_petition('{slug}').counter() }}}}")


def test_the_link_to_our_page_says_what_brought_them(visitor: FlaskClient) -> None:
    assert 'name="source" value="flyer"' in visitor.get("/petitions/afghanen?source=flyer").text
    assert 'name="source" value=""' in visitor.get("/petitions/afghanen?source=<x>").text
