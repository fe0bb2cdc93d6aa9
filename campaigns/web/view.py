"""A petition as the outside world sees it: plain data, kept for a moment by each process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, url_for
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.petitions import moderation
from campaigns.petitions.form import most_of
from campaigns.petitions.group_commit import GroupCommit
from campaigns.petitions.markdown import to_html
from campaigns.petitions.network import NetworkRule
from campaigns.petitions.petition import Petition
from campaigns.petitions.tally import Count, goal_at, headline
from campaigns.petitions.terms import Terms
from campaigns.petitions.update import PetitionUpdate
from campaigns.petitions.wording import LOCALES, Wording
from campaigns.settings import Settings
from campaigns.web.kept import Kept
from campaigns.web.limits import Limits
from supporters import sealing
from supporters.web.limits import storage_of

#: Seconds that a petition may be behind what staff changed; closing it holds at once, for the database asks again.
_FRESH = 2.0
_NAMES, _UPDATES = 20, 10
#: Seconds that a picture to share shows what there was; and how many of them, or screenfuls, one process keeps.
_DRAWN, _PICTURES = 300.0, 200
ASKED = ("first_name", "last_name", "email", "town", "postcode")
ASKED_OF_INITIATIVE = ("first_name", "last_name", "email", "street", "house_number", "postcode", "town", "birth_date")


def asked(profile: str, *, comment: bool = False) -> tuple[str, ...]:
    """The fields of a form, in their order."""
    fields = ASKED_OF_INITIATIVE if profile == "citizens_initiative" else ASKED
    return (*fields, "comment") if comment else fields


@dataclass(frozen=True, slots=True)
class View:
    """``texts`` is, by language, the number of the set, the words beside each box and whether they name a comment."""

    terms: Terms
    text_html: Markup
    addressee: str
    goals: tuple[int, ...]
    texts: dict[str, dict[str, Any]]
    names: tuple[dict[str, str], ...]
    updates: tuple[dict[str, str], ...]

    @property
    def slug(self) -> str:
        return self.terms.slug

    @property
    def title(self) -> str:
        return self.terms.title

    @property
    def fields(self) -> tuple[str, ...]:
        """What is asked in every language; see ``fields_in``."""
        return asked(self.terms.profile)

    def fields_in(self, locale: str) -> tuple[str, ...]:
        """With the comment where the words of this language say what becomes of it."""
        return asked(self.terms.profile, comment=self.texts[locale]["asks_comment"])

    def most(self, name: str) -> int:
        """How many characters fit in a field."""
        return most_of(name)

    @classmethod
    def of(cls, session: Session, slug: str) -> View:
        petition = Petition.by_slug(session, slug)
        texts = {}
        for locale in LOCALES:
            wording = Wording.current(session, petition.id, locale)
            texts[locale] = {
                "id": wording.id, "asks_comment": wording.covers_comment, **wording.texts(session),
            }  # fmt: skip
        updates = session.scalars(
            select(PetitionUpdate)
            .where(PetitionUpdate.petition_id == petition.id, PetitionUpdate.sent_at.is_not(None))
            .order_by(PetitionUpdate.id.desc())
            .limit(_UPDATES)
        )
        return cls(
            Terms.of(session, petition), to_html(petition.text), petition.addressee, tuple(petition.goals), texts,
            tuple(
                {"name": one.name, "town": one.town, "comment": one.comment}
                for one in moderation.shown(session, petition, _NAMES)
            ),
            tuple(
                {"title": one.title, "text_html": to_html(one.text), "at": str(one.sent_at and one.sent_at.isoformat())}
                for one in updates
            ),
        )  # fmt: skip

    def goal_at(self, number: int) -> int | None:
        return goal_at(self.goals, number)

    def headline(self, count: Count) -> int:
        return headline(self.terms.confirm_policy, count)

    def counted(self, count: Count) -> dict[str, Any]:
        """The three numbers, the one to show large, and the moment they are exact for."""
        number = self.headline(count)
        return {
            "signed": count.signed, "confirmed": count.confirmed, "offline": count.offline, "headline": number,
            "goal": self.goal_at(number), "as_of": count.as_of.isoformat(timespec="milliseconds"),
        }  # fmt: skip

    def to_json(self, count: Count, *, now: datetime, challenge_url: str) -> dict[str, Any]:
        return {
            "slug": self.slug, "title": self.title, "text_html": self.text_html, "addressee": self.addressee,
            "locale": self.terms.locale, "state": self.terms.state, "is_open": self.terms.is_open(now),
            "closes_at": self.terms.closes_at.isoformat() if self.terms.closes_at else None,
            "count": self.counted(count), "goal": self.goal_at(self.headline(count)), "fields": list(self.fields),
            "texts": self.texts, "challenge_url": challenge_url, "names": list(self.names),
            "updates": list(self.updates),
        }  # fmt: skip


class Desk:
    """What the public views of one application work with."""

    def __init__(self, app: Flask) -> None:
        supporters = app.extensions["supporters"]
        self.app = app
        self.settings = Settings.read(app.config)
        self.supporters = supporters
        with app.app_context():
            self.engine = supporters.db.engine
        self.ring = sealing.of(self.engine)
        self.intake = GroupCommit(self.engine)
        self.views: Kept[View] = Kept(_FRESH, self._view)
        self.counts: Kept[Count] = Kept(self.settings.count_seconds, self._count)
        self.editions: Kept[str] = Kept(self.settings.count_seconds, self._edition)
        self.walls: Kept[str] = Kept(self.settings.count_seconds, self._wall, _PICTURES)
        self.shares: Kept[bytes] = Kept(_DRAWN, self._share, _PICTURES)
        self.limits = Limits(self.settings, storage_of(app), self._rules)
        #: Forms that send fields we do not know; said once, for the web team.
        self.odd_forms: set[tuple[str, ...]] = set()

    def now(self) -> datetime:
        now: datetime = self.supporters.now()
        return now

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """The site's session, left as it was found: what signs next must not wait for a read that is over."""
        session: Session = self.supporters.session()
        was_busy = session.in_transaction()
        yield session
        if not was_busy:
            session.rollback()

    def _view(self, slug: str) -> View:
        with self._reading() as session:
            return View.of(session, slug)

    def _count(self, slug: str) -> Count:
        view = self.views.get(slug)
        with self._reading() as session:
            petition = session.get_one(Petition, view.terms.petition_id)
            return petition.count(session, now=self.now())

    def _edition(self, name: str) -> str:
        from campaigns.web import editions  # its views are served from here

        with self._reading() as session:
            return editions.told(session, name, self)

    def _wall(self, name: str) -> str:
        from campaigns.web import editions  # as above

        with self._reading() as session:
            return editions.wall_of(session, name)

    def _share(self, name: str) -> bytes:
        """Of what ``EmbeddedEdition.name`` names, after its language and a colon."""
        from campaigns.web import embed_edition, share  # they are served from here

        locale, _, path = name.partition(":")
        return share.picture(embed_edition.EmbeddedEdition.named(path, locale))

    def _rules(self) -> list[tuple[str, str]]:
        with self._reading() as session:
            return [(n, k) for n, k in session.execute(select(NetworkRule.network, NetworkRule.kind))]

    def link(self, endpoint: str, **values: Any) -> str:
        """The address of a page of ours as the outside world writes it."""
        return str(self.supporters.settings.public_url) + url_for(endpoint, **values)


def desk() -> Desk:
    """Of the application that serves this request."""
    from flask import current_app

    found: Desk = current_app.extensions["campaigns_desk"]
    return found
