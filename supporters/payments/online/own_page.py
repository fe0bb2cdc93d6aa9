"""The link to a supporter's own page: mailed, for some days, and whoever has it is that supporter there."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supporters.errors import NotFound
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.settings import Settings

PURPOSE = "own page"
LASTS = timedelta(days=14)


class LinkTooOld(NotFound):
    """The link worked once; a new one can be asked for."""

    code = "link_too_old"


def link(session: Session, supporter: Supporter, *, settings: Settings, now: datetime) -> str:
    """An address that opens the page of this supporter until ``LASTS`` from now."""
    until = int((now + LASTS).timestamp())
    return f"{settings.public_url}/my/{keyring(session).token(PURPOSE, supporter.id, until)}"


def opened(session: Session, token: str, *, now: datetime) -> Supporter:
    """Whose page it is. Raises NotFound where the link is not ours, LinkTooOld where its days are over."""
    numbers = keyring(session).read_token(PURPOSE, token)
    supporter = session.get(Supporter, numbers[0]) if len(numbers) == 2 else None
    if supporter is None:
        raise NotFound("This link is not complete. Copy it from the message once more, whole.", field="token")
    if numbers[1] < now.timestamp():
        raise LinkTooOld("This link is too old. Ask for a new one; it is in your mail in a minute.", field="token")
    return supporter.survivor(session)
