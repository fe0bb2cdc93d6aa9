"""Everything a person reads has its Dutch, and the compiled catalogue is that of the source."""

from __future__ import annotations

import io
import re

import pytest
from babel.messages.mofile import read_mo, write_mo

from admin import catalogue


def test_every_string_in_the_code_has_a_dutch_translation():
    assert catalogue.missing(catalogue.updated(catalogue.read())) == []


def test_the_compiled_catalogue_is_that_of_the_source():
    compiled = io.BytesIO()
    write_mo(compiled, catalogue.read())
    compiled.seek(0)
    mine = read(compiled)
    with catalogue.PO.with_suffix(".mo").open("rb") as file:
        assert read(file) == mine


def read(file):
    return [(m.id, m.string) for m in read_mo(file) if m.id]


@pytest.mark.parametrize("message", [m for m in catalogue.read() if m.id], ids=lambda m: str(m.id)[:40])
def test_a_translation_has_the_same_placeholders(message):
    wanted = message.id if isinstance(message.id, tuple) else (message.id,)
    given = message.string if isinstance(message.string, tuple) else (message.string,)
    holes = lambda text: set(re.findall(r"%\((\w+)\)", text))  # noqa: E731
    for translation in given:
        assert holes(translation) <= holes("".join(wanted)), translation
        assert translation % dict.fromkeys(holes(translation), 1) or True


#: What the screens call a text that visitors read: in the words that those read.
TEXTS_FOR_VISITORS = {"News about your other work", "Please confirm", "Thank you for signing", "You signed already"}


def test_colleagues_are_called_je_and_only_visitors_u():
    to_visitors = {m.id for po in (catalogue.PUBLIC_PO, catalogue.GIVING_PO) for m in catalogue.read(po)}
    formal = [
        (m.id, m.string)
        for m in catalogue.read()
        if m.id and re.search(r"\b(u|uw)\b", str(m.string), re.IGNORECASE) and m.id not in to_visitors
    ]
    assert {told for told, _said in formal} == TEXTS_FOR_VISITORS, formal
