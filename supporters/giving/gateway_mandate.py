"""Permission to charge somebody through a payment gateway: made by a first payment, kept by the vendor.

Beside ``Mandate``, which is a SEPA mandate of our own and goes into the bank's files.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.people.supporter import Supporter

STATES = ("pending", "valid", "invalid", "ended")
#: What a vendor may say of one, in the order in which it can become so.
SAID = ("pending", "valid", "invalid")
METHODS = ("directdebit", "card", "paypal")


class GatewayMandate(Base):
    """``invalid``: the bank or vendor ended it or will not have it · ``ended``: the donor or we did."""

    __tablename__ = "supporters_gateway_mandate"
    __table_args__ = (
        UniqueConstraint("account", "external_id"),
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint(f"method IN ({', '.join(repr(m) for m in METHODS)})", name="method"),
        CheckConstraint("state <> 'ended' OR ended_at IS NOT NULL", name="ended_has_moment"),
        Index(None, "state", "revoked_at"),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    account: Mapped[word]  # the account's name in the settings
    customer: Mapped[str] = mapped_column(String(100))  # the vendor's names for who and what
    external_id: Mapped[str] = mapped_column(String(100))
    method: Mapped[word]
    label: Mapped[str] = mapped_column(String(80), default="")  # "Visa •••• 4242"; never a whole number
    reference: Mapped[str] = mapped_column(String(40), default="")  # of the SEPA mandate behind it, where there is one
    state: Mapped[word]
    reason: Mapped[line] = mapped_column(default="")
    created_at: Mapped[instant]
    created_by: Mapped[actor_key]
    ended_at: Mapped[instant | None]
    ended_by: Mapped[actor_key | None]
    #: When the vendor confirmed that it is over there too; what is ended and not revoked is asked for until it is.
    revoked_at: Mapped[instant | None]

    supporter: Mapped[Supporter] = relationship()

    @property
    def why_unusable(self) -> str | None:
        """None where it can be charged, else its state."""
        return None if self.state == "valid" else self.state

    def end(self, session: Session, reason: str, *, by: Actor, now: datetime) -> None:
        """No more charges on it; a job tells the vendor. Ended or invalid already: nothing happens."""
        self._lock(session)
        if self.state in ("ended", "invalid"):
            return
        self.state, self.reason, self.ended_at, self.ended_by = "ended", reason, now, by.key
        audit.record(session, by, "end", self, now=now, reason=reason)
        session.flush()
        hooks.fire("gateway_mandate_ended", session, gateway_mandate_id=self.id, by=by, now=now)

    def note(self, session: Session, state: str, reason: str, *, by: Actor, now: datetime) -> bool:
        """What the vendor says of it. It only moves on: an answer may be old when it comes, and a vendor may call valid
        what it just refused to charge. What we ended stays ended. Whether it became invalid by this.
        """
        if not self._becomes(state):
            return False
        self._lock(session)
        if not self._becomes(state):
            return False
        became_invalid = state == "invalid"
        self.state, self.reason = state, reason[:255]
        audit.record(session, by, "note", self, now=now, state=state, reason=reason[:100])
        session.flush()
        if became_invalid:
            hooks.fire("gateway_mandate_ended", session, gateway_mandate_id=self.id, by=by, now=now)
        return became_invalid

    def _becomes(self, state: str) -> bool:
        return self.state != "ended" and SAID.index(state) > SAID.index(self.state)

    def _lock(self, session: Session) -> None:
        """As it is now: somebody may have ended it since it was read."""
        session.flush()
        session.get(GatewayMandate, self.id, with_for_update=True, populate_existing=True)
