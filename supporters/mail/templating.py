"""Letters from Jinja2 templates: ``LOCALE/NAME.subject``, ``.txt`` and, where there is one, ``.html``.

Looked for in the site's own folder first (SUPPORTERS_MAIL_TEMPLATES), then in the package's, then in ours, which has
the shared ``base.html`` and ``base.txt``.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateNotFound,
    select_autoescape,
)

from supporters.mail.letter import Letter
from supporters.settings import Settings

#: What a letter falls back to where there is no template in somebody's language.
DEFAULT_LOCALE = "nl"


class Templates:
    """The templates of one package: ``Templates("campaigns.petitions", "mails")``."""

    def __init__(self, package: str, folder: str = "templates") -> None:
        self._package, self._folder = package, folder
        self._environments: dict[str, Environment] = {}

    def letter(
        self,
        name: str,
        locale: str,
        /,
        *,
        settings: Settings,
        unsubscribe_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Letter:
        """The letter ``name`` with these values; a value that a template wants and does not get is an error."""
        known = {
            "locale": locale,
            "charity": charity_name(settings),
            "public_url": settings.public_url,
            "unsubscribe_url": unsubscribe_url,
        } | values

        def part(ending: str) -> str:
            paths = [f"{one}/{name}.{ending}" for one in dict.fromkeys((locale, DEFAULT_LOCALE))]
            return self._environment(settings.mail_templates).select_template(paths).render(known).strip()

        subject, text = " ".join(part("subject").split()), part("txt") + "\n"
        try:
            html = part("html") + "\n"
        except TemplateNotFound as missing:
            if missing.name not in (f"{locale}/{name}.html", f"{DEFAULT_LOCALE}/{name}.html"):
                raise  # It is there, and what it extends or includes is not.
            html = ""
        return Letter(subject, text, html, unsubscribe_url, headers or {})

    def _environment(self, sites: str) -> Environment:
        if sites not in self._environments:
            loaders: list[BaseLoader] = [FileSystemLoader(sites)] if sites else []
            loaders += [PackageLoader(self._package, self._folder), PackageLoader("supporters.mail")]
            self._environments[sites] = Environment(
                loader=ChoiceLoader(loaders),
                autoescape=select_autoescape(["html"], default=False),
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
            )
        return self._environments[sites]


def charity_name(settings: Settings) -> str:
    """What the sender calls itself in SUPPORTERS_MAIL_FROM, else the site's host."""
    return parseaddr(settings.mail_from)[0] or urlsplit(settings.public_url).hostname or ""
