"""What somebody tells along with a gift to an edition of crowdfunding: a name and a message for everybody to read, that
the amount may be seen, how they heard of it, that they want its news.

Name, amount and message are three yeses, each to its own words, and about that gift alone. Who shows them registers
here, so that somebody's own page can say what others see, and take it off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from supporters.errors import NotFound
from supporters.money import Money
from supporters.people.supporter import Supporter

#: What stands beside each field of the form, by purpose and language: it is what is agreed to.
WORDS = {
    "show_name": {
        "nl": "Uw naam, zoals iedereen die op de website mag lezen. Laat leeg om zonder naam te geven.",
        "en": "Your name, as everybody may read it on the website. Leave it empty to give without a name.",
    },
    "show_message": {
        "nl": "Een bericht dat iedereen op de website mag lezen.",
        "en": "A message that everybody may read on the website.",
    },
    "show_amount": {
        "nl": "Laat op de website zien hoeveel ik geef.",
        "en": "Show on the website how much I give.",
    },
    "updates": {
        "nl": "Mail mij het nieuws over deze actie. Afmelden kan in elk bericht.",
        "en": "Mail me the news of this campaign. I can unsubscribe in every message.",
    },
}
#: What everybody may see, about one gift.
SHOWN = ("show_name", "show_amount", "show_message")
#: How somebody heard of it.
HEARD = ("social", "newspaper", "radio", "tv", "friends", "mail", "other")
LONGEST_NAME, LONGEST_MESSAGE = 80, 500
SEALED_AS = "telling"


@dataclass(frozen=True, slots=True)
class Shown:
    """What others see of a gift, or will once somebody of ours looked at it."""

    key: str  # for ``take_off``
    where: str  # what it was given to
    name: str
    message: str
    amount: Money | None
    is_waiting: bool


Shows = Callable[[Session, Supporter], Sequence[Shown]]
TakesOff = Callable[..., None]

_shows: dict[str, tuple[Shows, TakesOff]] = {}


def shows(kind: str, of: Shows, take_off: TakesOff) -> None:
    """Register what shows gifts: ``of`` says what of a supporter's, ``take_off(session, supporter, number, by=, now=)``
    ends that for one and raises NotFound for what is not theirs.
    """
    _shows[kind] = of, take_off


def shown_of(session: Session, supporter: Supporter) -> list[Shown]:
    """What others see of this supporter's gifts, the newest first."""
    return [each for of, _ in _shows.values() for each in of(session, supporter)]


def take_off(session: Session, supporter: Supporter, key: str, *, by: object, now: datetime) -> None:
    """Nobody sees it any more; raises NotFound where there is no such thing of theirs."""
    kind, _, number = key.partition("-")
    if kind not in _shows or not (number.isascii() and number.isdigit() and len(number) < 16):
        raise NotFound("There is no such gift.", field="gift")
    _shows[kind][1](session, supporter, int(number), by=by, now=now)
