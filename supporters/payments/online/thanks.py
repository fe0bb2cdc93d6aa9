"""Words of somebody else in our thanks for a gift: whoever knows for what it was given registers here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from supporters.payments.online.checkout import Checkout


@dataclass(frozen=True, slots=True)
class Words:
    """``who`` says them, above them; plain text, with lines of its own."""

    who: str
    text: str


OfGift = Callable[[Session, int], Words | None]
OfCheckout = Callable[[Session, Checkout], Words | None]

_of_gift: list[OfGift] = []
_of_checkout: list[OfCheckout] = []


def adds(*, to_gift: OfGift, to_checkout: OfCheckout) -> None:
    """By the number of a gift that was booked, for the mail; by what was asked at the form, for the page that they
    come back to. Registering the same function twice changes nothing.
    """
    for of, one in ((_of_gift, to_gift), (_of_checkout, to_checkout)):
        if one not in of:
            of.append(one)  # type: ignore[arg-type]


def of_gift(session: Session, gift_id: int) -> Words | None:
    return next((said for each in _of_gift if (said := each(session, gift_id)) is not None), None)


def of_checkout(session: Session, checkout: Checkout) -> Words | None:
    return next((said for each in _of_checkout if (said := each(session, checkout)) is not None), None)
