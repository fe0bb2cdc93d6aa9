"""What a mail says. Each template's renderer is registered by the floor that knows what the template is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from supporters.errors import NotFound
from supporters.mail.message import OutboxMessage
from supporters.settings import Settings


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of one mail. ``headers`` are extra ones; sender, recipient and date are not for the letter to say."""

    subject: str
    text: str
    html: str = ""
    #: Where one click ends mail of this kind: https://…; mail programs show it as a button.
    unsubscribe_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """There is nothing to say any more, and why: what the mail was about has changed since it was queued."""

    reason: str


class Renderer(Protocol):
    def __call__(
        self, session: Session, message: OutboxMessage, *, settings: Settings, now: datetime
    ) -> Letter | Dropped: ...


renderers: dict[str, Renderer] = {}


def renders(template: str) -> Callable[[Renderer], Renderer]:
    """``@renders("petition_confirm")`` above a function makes it the renderer of the messages with that template."""

    def register(renderer: Renderer) -> Renderer:
        renderers[template] = renderer
        return renderer

    return register


def render(session: Session, message: OutboxMessage, *, settings: Settings, now: datetime) -> Letter | Dropped:
    """The letter as it would be sent now. Reads only; raises NotFound for a template that nobody registered."""
    renderer = renderers.get(message.template)
    if renderer is None:
        raise NotFound("There is no mail template “%(name)s”.", field="template", name=message.template)
    return renderer(session, message, settings=settings, now=now)


def preview(
    session: Session,
    template: str,
    *,
    settings: Settings,
    now: datetime,
    subject_id: int | None = None,
    locale: str = "nl",
    supporter_id: int | None = None,
    **params: Any,
) -> Letter | Dropped:
    """The letter for a message that nobody queued: for a screen, before anything is sent."""
    message = OutboxMessage(
        template=template, subject_id=subject_id, params=params, locale=locale, key=f"preview:{template}",
        supporter_id=supporter_id, queued_at=now, next_at=now,
    )  # fmt: skip
    with session.no_autoflush:
        return render(session, message, settings=settings, now=now)
