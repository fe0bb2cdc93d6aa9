"""A petition on a page of the site itself: ``campaigns.petition(slug)``; in a template ``achterban_petition(slug)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import get_template_attribute, url_for
from markupsafe import Markup

from campaigns.petitions.tally import Count
from campaigns.web import api, language, pages
from campaigns.web.view import View, desk
from supporters.errors import NotFound


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a template needs; ``counter()``, ``form()`` and ``live()`` are ready to be put on the page."""

    view: View
    count: Count
    reader: language.Reader
    is_open: bool

    @classmethod
    def find(cls, slug: str, locale: str | None = None) -> Embedded:
        """In the language given, else the visitor's own. Raises NotFound, for a draft too."""
        at = desk()
        view = at.views.get(slug)
        if view.terms.state == "draft":
            raise NotFound("There is no petition “%(slug)s”.", field="slug", slug=slug[:80])
        reader = language.reader(locale, view.terms.locale)
        return cls(view, at.counts.get(slug), reader, view.terms.is_open(at.now()))

    @property
    def slug(self) -> str:
        return self.view.slug

    @property
    def title(self) -> str:
        return self.view.title

    @property
    def text(self) -> Markup:
        """As HTML."""
        return self.view.text_html

    @property
    def addressee(self) -> str:
        return self.view.addressee

    @property
    def headline(self) -> int:
        """The number to show large."""
        return self.view.headline(self.count)

    @property
    def src(self) -> str:
        """For the attribute of that name of the element."""
        return url_for(f"{api.NAME}.petition", slug=self.slug)

    @property
    def widget(self) -> str:
        """The script of the element."""
        return url_for(f"{pages.NAME}.widget")

    def counter(self) -> Markup:
        return self._macro("petition_counter", self.view, self.count, self.reader)

    def form(
        self, *, return_to: str = "", source: str = "",
        values: Mapping[str, object] | None = None, errors: Mapping[str, str] | None = None,
    ) -> Markup:  # fmt: skip
        """Works without a script; empty when the petition cannot be signed. ``values`` is what to begin with."""
        if not self.is_open:
            return Markup()
        return self._macro(
            "petition_form", self.view, self.reader, values or {}, errors or {}, return_to=return_to, source=source
        )

    def live(self, *, return_to: str = "", source: str = "") -> Markup:
        """Counter and form in the element, with its script: without JavaScript they stay what they are."""
        inside = self.counter() + self.form(return_to=return_to, source=source)
        script = Markup('<script src="{}" defer></script>').format(self.widget)
        element = Markup('<achterban-petition src="{}" locale="{}">{}</achterban-petition>')
        return script + element.format(self.src, self.reader.locale, inside)

    def _macro(self, name: str, *args: object, **options: object) -> Markup:
        made: Markup = get_template_attribute("achterban/petition_form.html", name)(*args, **options)
        return made
