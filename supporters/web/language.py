"""Dutch or English for visitors: English stands in the code, Dutch in the catalogue of the package that speaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations
from flask import render_template, request

from supporters import formats
from supporters.money import Money

#: Of this package, whose public pages are about giving.
FOLDER = Path(__file__).parent.parent / "translations"
LANGUAGES = ("nl", "en")


@cache
def _catalogue(folder: Path, locale: str) -> NullTranslations:
    return Translations.load(folder, [locale])


class Reader:
    """Who reads a page: what is said to them is in their language, from the catalogue in ``folder``."""

    def __init__(self, locale: str, folder: Path = FOLDER) -> None:
        self.locale = locale if locale in LANGUAGES else "nl"
        self._folder = folder

    def say(self, text: str, **params: object) -> str:
        translated = _catalogue(self._folder, self.locale).gettext(text) if self.locale != "en" else text
        return translated % params if params else translated

    @property
    def translate(self) -> Callable[[str], str]:
        return lambda text: self.say(text)

    def number(self, value: int) -> str:
        return formats.number(value, self.locale)

    def day(self, value: date | datetime) -> str:
        return formats.day(value, self.locale)

    def money(self, value: Money) -> str:
        return formats.money(value, self.locale)


class Language:
    """The languages of one package's public pages: its catalogue, and the folder of its templates."""

    def __init__(self, folder: Path, pages: str) -> None:
        self._folder = folder
        self._pages = pages

    def reader(self, wish: str | None = None, otherwise: str = "nl") -> Reader:
        """In the language that was asked for, else the browser's, else ``otherwise``."""
        if wish not in LANGUAGES:
            wish = request.accept_languages.best_match(LANGUAGES, otherwise) or otherwise
        return Reader(wish, self._folder)

    def shown(self, template: str, to: Reader, **values: object) -> str:
        """A page for this reader: ``say`` in it speaks their language."""
        return render_template(f"{self._pages}/{template}", reader=to, say=to.say, **values)


_giving = Language(FOLDER, "achterban/giving")
reader, shown = _giving.reader, _giving.shown
