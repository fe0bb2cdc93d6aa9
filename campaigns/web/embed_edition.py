"""An edition on a page of the site itself: ``campaigns.crowdfunding(slug)``; in a template
``achterban_crowdfunding(slug)``, and with ``page=…`` or ``team=…`` somebody's own page or a team in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import get_template_attribute, url_for
from markupsafe import Markup

from campaigns.web import editions, language
from campaigns.web.view import desk
from supporters.money import Money
from supporters.payments.online.offer import shown

#: The blueprint of our own pages.
PAGES = "achterban_crowdfunding"


@dataclass(frozen=True, slots=True)
class EmbeddedEdition:
    """What a template needs; ``counter()`` and ``live()`` are ready to be put on the page."""

    reader: language.Reader
    edition: Mapping[str, Any]  # as the API tells it
    part: Mapping[str, Any]  # the page or team; the edition itself where it is neither
    kind: str  # edition, page or team
    today: date

    @classmethod
    def find(cls, slug: str, locale: str | None = None, *, page: str = "", team: str = "") -> EmbeddedEdition:
        """In the language given, else the visitor's own. Raises NotFound, for a draft too."""
        at = desk()
        edition = part = json.loads(at.editions.get(slug))
        if page or team:
            part = json.loads(at.editions.get(f"{slug}/{page}" if page else f"{slug}/teams/{team}"))
        kind = "page" if page else "team" if team else "edition"
        return cls(language.reader(locale), edition, part, kind, at.supporters.today())

    @classmethod
    def named(cls, path: str, locale: str | None = None) -> EmbeddedEdition:
        """As its address says it: "edition", "edition/page", "edition/teams/team"."""
        slug, _, part = path.partition("/")
        if part.startswith("teams/"):
            return cls.find(slug, locale, team=part.removeprefix("teams/"))
        return cls.find(slug, locale, page=part)

    @property
    def slug(self) -> str:
        """Of the edition."""
        return str(self.edition["slug"])

    @property
    def title(self) -> str:
        return str(self.part["name"] if self.kind == "team" else self.part["title"])

    @property
    def name(self) -> str:
        """What a gift tells that it is for: the edition, or a page in it after a slash."""
        return f"{self.slug}/{self.part['slug']}" if self.kind == "page" else self.slug

    # -- how it stands --------------------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """early, open, paused or over; only when it is open somebody can give to it."""
        if self.edition["state"] not in ("live", "paused") or self.today >= self.ends_on:
            return "over"
        if self.today < self.starts_on:
            return "early"
        return "paused" if self.edition["state"] == "paused" else "open"

    @property
    def starts_on(self) -> date:
        return date.fromisoformat(self.edition["starts_on"])

    @property
    def ends_on(self) -> date:
        """The first day whose gifts no longer count."""
        return date.fromisoformat(self.edition["ends_on"])

    @property
    def last_day(self) -> date:
        return self.ends_on - timedelta(days=1)

    @property
    def days_left(self) -> int:
        return (self.ends_on - self.today).days

    @property
    def figures(self) -> Mapping[str, Any]:
        """The counter."""
        counter: Mapping[str, Any] = self.part["counter"]
        return counter

    @property
    def amount(self) -> int:
        """The figure to show large, in cents."""
        return int(self.figures["counter_cents"])

    @property
    def target(self) -> int | None:
        """In cents: the first goal that is not reached, and when all are the last."""
        if self.kind != "edition":
            return int(self.part["target_cents"]) if self.part["target_cents"] else None
        targets = sorted(goal["target"] for goal in self.edition["goals"] if goal["kind"] == "amount")
        return next((each for each in targets if each > self.amount), targets[-1] if targets else None)

    @property
    def percent(self) -> int | None:
        """Of the target, in whole parts: a hundred only when it is there."""
        return max(self.amount, 0) * 100 // self.target if self.target else None

    @property
    def wall_url(self) -> str:
        """All of what givers said may be seen."""
        return url_for("achterban_givers.wall", slug=self.slug, lang=self.reader.locale)

    def money(self, cents: int) -> str:
        return shown(Money(cents, self.figures["currency"]), self.reader.locale)

    # -- where it is ----------------------------------------------------------------------------------------------

    @property
    def src(self) -> str:
        """For the attribute of that name of the element."""
        if self.kind == "page":
            return url_for(f"{editions.NAME}.fundraising_page", slug=self.slug, page=self.part["slug"])
        if self.kind == "team":
            return url_for(f"{editions.NAME}.team", slug=self.slug, team=self.part["slug"])
        return url_for(f"{editions.NAME}.edition", slug=self.slug)

    @property
    def url(self) -> str:
        """Our page of it."""
        return url_for(f"{PAGES}.shown_{self.kind}", **self.place, lang=self.reader.locale)

    @property
    def place(self) -> dict[str, Any]:
        """What the address of a page of ours of it is made with."""
        return {"slug": self.slug} | ({} if self.kind == "edition" else {self.kind: self.part["slug"]})

    @property
    def give_url(self) -> str:
        """The form for giving on our page of it."""
        return f"{self.url}#give"

    @property
    def widget(self) -> str:
        """The script of the element."""
        return url_for(f"{PAGES}.widget")

    # -- on a page ------------------------------------------------------------------------------------------------

    def counter(self) -> Markup:
        """The thermometer: what there is, of what, from how many."""
        made: Markup = get_template_attribute("achterban/crowdfunding_counter.html", "thermometer")(self)
        return made

    def latest(self) -> Markup:
        """The latest gifts, with what their givers said may be seen; empty where there is nothing."""
        made: Markup = get_template_attribute("achterban/crowdfunding_counter.html", "latest")(self)
        return made

    def element(self) -> Markup:
        """The thermometer in its element, without the script."""
        made = Markup('<achterban-crowdfunding src="{}" locale="{}">{}</achterban-crowdfunding>')
        return made.format(self.src, self.reader.locale, self.counter())

    def live(self) -> Markup:
        """The thermometer in the element, with its script: without JavaScript it stays what it is."""
        return Markup('<script src="{}" defer></script>').format(self.widget) + self.element()

    def __html__(self) -> Markup:
        return self.live()
