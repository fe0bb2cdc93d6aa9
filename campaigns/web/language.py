"""Dutch or English for visitors: English stands in the code, Dutch in this package's own catalogue."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from babel.dates import format_date
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import render_template, request

FOLDER = Path(__file__).parent.parent / "translations"
LANGUAGES = ("nl", "en")


@cache
def _catalogue(locale: str) -> NullTranslations:
    return Translations.load(FOLDER, [locale])


class Reader:
    """Who reads a page: what is said to them is in their language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale if locale in LANGUAGES else "nl"

    def say(self, text: str, **params: object) -> str:
        translated = _catalogue(self.locale).gettext(text) if self.locale != "en" else text
        return translated % params if params else translated

    @property
    def translate(self) -> Callable[[str], str]:
        return lambda text: self.say(text)

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self.locale))

    def day(self, value: object) -> str:
        return str(format_date(value, "long", locale=self.locale))  # type: ignore[arg-type]


def reader(wish: str | None = None, otherwise: str = "nl") -> Reader:
    """In the language that was asked for, else the browser's, else the petition's own."""
    if wish in LANGUAGES:
        return Reader(wish)
    return Reader(request.accept_languages.best_match(LANGUAGES, otherwise) or otherwise)


def shown(template: str, to: Reader, **values: object) -> str:
    """A page for this reader: ``say`` in it speaks their language."""
    return render_template(f"achterban/petitions/{template}", reader=to, say=to.say, **values)
