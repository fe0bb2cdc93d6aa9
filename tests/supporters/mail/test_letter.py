"""Letters from templates, in the reader's language, with the site's own templates first."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from sqlalchemy.orm import Session

from supporters.errors import NotFound
from supporters.mail.letter import Dropped, Letter, preview
from supporters.mail.message import OutboxMessage
from supporters.mail.templating import Templates
from supporters.settings import Settings
from tests.cast import NOW
from tests.supporters.mail import post

SETTINGS = Settings(mail_from=post.FROM, public_url="https://voorbeeld.example")


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Templates:
    package = tmp_path / "letters_of_a_test"
    for name, text in {
        "nl/thanks.subject": "Dank,\n {{ name }} ",
        "nl/thanks.txt": '{% extends "base.txt" %}{% block content %}Dag {{ name }}{% endblock %}',
        "nl/thanks.html": '{% extends "base.html" %}{% block content %}<p>Dag {{ name }}</p>{% endblock %}',
        "en/thanks.subject": "Thanks, {{ name }}",
        "en/thanks.txt": "Hello {{ name }}",
        "nl/plain.subject": "Kort",
        "nl/plain.txt": "Kort",
        "nl/torn.subject": "x",
        "nl/torn.txt": "x",
        "nl/torn.html": '{% extends "not_there.html" %}',
    }.items():
        (package / "templates" / name).parent.mkdir(parents=True, exist_ok=True)
        (package / "templates" / name).write_text(text)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return Templates("letters_of_a_test")


def test_a_letter_has_its_parts_and_the_shared_layout(templates: Templates) -> None:
    made = templates.letter(
        "thanks", "nl", settings=SETTINGS, name="<b>Ada & co</b>", unsubscribe_url="https://voorbeeld.example/u?a=1&b=2"
    )
    assert made.subject == "Dank, <b>Ada & co</b>"
    assert made.text.startswith("Dag <b>Ada & co</b>\n\n-- \nStichting Voorbeeld\nhttps://voorbeeld.example\n")
    assert "Afmelden: https://voorbeeld.example/u?a=1&b=2" in made.text
    assert "<p>Dag &lt;b&gt;Ada &amp; co&lt;/b&gt;</p>" in made.html
    assert '<html lang="nl">' in made.html and "Stichting Voorbeeld" in made.html
    assert 'href="https://voorbeeld.example/u?a=1&amp;b=2"' in made.html
    assert made.unsubscribe_url == "https://voorbeeld.example/u?a=1&b=2"


def test_in_the_readers_language_else_in_dutch(templates: Templates) -> None:
    assert templates.letter("thanks", "en", settings=SETTINGS, name="Ada").text == "Hello Ada\n"
    assert templates.letter("plain", "en", settings=SETTINGS) == Letter("Kort", "Kort\n")


def test_a_value_that_is_not_there_is_an_error(templates: Templates) -> None:
    with pytest.raises(UndefinedError):
        templates.letter("thanks", "nl", settings=SETTINGS)
    with pytest.raises(TemplateNotFound):
        templates.letter("torn", "nl", settings=SETTINGS)
    with pytest.raises(TemplateNotFound):
        templates.letter("nobody_wrote_this", "nl", settings=SETTINGS)


def test_a_site_has_its_own_words_and_layout(templates: Templates, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "nl").mkdir(parents=True)
    (own / "nl" / "thanks.txt").write_text("Ha {{ name }}")
    (own / "base.html").write_text("<main>{% block content %}{% endblock %}</main>")
    made = templates.letter("thanks", "nl", settings=Settings(mail_templates=str(own)), name="Ada")
    assert made == Letter("Dank, Ada", "Ha Ada\n", "<main><p>Dag Ada</p></main>\n")


def test_a_letter_can_be_seen_without_being_queued(session: Session) -> None:
    seen = preview(session, "test_greeting", settings=SETTINGS, now=NOW, subject="Kijk")
    assert isinstance(seen, Letter) and seen.subject == "Kijk"
    assert isinstance(preview(session, "test_greeting", settings=SETTINGS, now=NOW, gone=True), Dropped)
    session.commit()
    assert session.query(OutboxMessage).count() == 0
    with pytest.raises(NotFound, match="There is no mail template “nothing”"):
        preview(session, "nothing", settings=SETTINGS, now=NOW)
