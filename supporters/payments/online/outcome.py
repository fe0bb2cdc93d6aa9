"""How it stands with what somebody asked for at a form: for the page they come back to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.money import Money
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment
from supporters.payments.online.thanks import Words, of_checkout

#: How far a payment is → what somebody is told. unknown: we asked and have no answer yet · waiting: they are, or may
#: be, at the vendor's page · processing: they are done and their bank is not · checking: a person looks at it.
STATES = {
    "prepared": "unknown", "submitting": "unknown", "unknown": "unknown", "open": "waiting",
    "processing": "processing", "paid": "paid", "failed": "failed", "cancelled": "cancelled", "expired": "expired",
    "parked": "checking",
}  # fmt: skip
CAME_TO_NOTHING = ("failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class Outcome:
    checkout_id: int
    token: str
    kind: str
    state: str
    money: Money
    every: str | None
    locale: str
    return_to: str | None
    form_url: str
    checkout_url: str | None  # while it waits to be paid there
    payment_id: int | None
    can_try_again: bool
    #: Whether the vendor may know more than we do.
    is_worth_a_look: bool
    #: Of whom they gave it for the sake of, once it is paid.
    words: Words | None = None

    @classmethod
    def of(cls, session: Session, token: str) -> Outcome:
        """Raises NotFound."""
        return cls._of(session, Checkout.by_token(session, token))

    @classmethod
    def at(cls, session: Session, checkout_id: int) -> Outcome:
        return cls._of(session, session.get_one(Checkout, checkout_id))

    @classmethod
    def _of(cls, session: Session, checkout: Checkout) -> Outcome:
        mine = select(OnlinePayment).where(OnlinePayment.checkout_id == checkout.id).order_by(OnlinePayment.id)
        payments = list(session.scalars(mine))
        last = next((each for each in payments if each.step == "paid"), payments[-1] if payments else None)
        state = STATES[last.step] if last is not None else "unknown"
        return cls(
            checkout.id, checkout.token, checkout.kind, state, checkout.money, checkout.every, checkout.locale,
            checkout.return_to, checkout.form_url, last.checkout_url if last and state == "waiting" else None,
            last.payment_id if last else None,
            state in ("unknown", *CAME_TO_NOTHING) and checkout.forgotten_at is None,
            last is not None and state != "checking" and (state != "paid" or checkout.completed_at is None),
            of_checkout(session, checkout) if state == "paid" else None,
        )  # fmt: skip

    @property
    def is_final(self) -> bool:
        return self.state == "paid" or self.state in CAME_TO_NOTHING

    @property
    def answer(self) -> str:
        """What the page that they go back to is told."""
        return "paid" if self.state == "paid" else "failed"

    def to_json(self, *, status_url: str, as_of: datetime) -> dict[str, Any]:
        return {
            "token": self.token, "kind": self.kind, "state": self.state, "is_final": self.is_final,
            "can_try_again": self.can_try_again, "amount": str(self.money.decimal), "currency": self.money.currency,
            "interval": self.every or "once", "checkout_url": self.checkout_url, "status_url": status_url,
            "as_of": as_of.isoformat(timespec="seconds"),
        }  # fmt: skip
