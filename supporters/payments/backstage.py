"""What a test does behind a gateway's back: the donor pays, the vendor's staff refund, the network drops an answer.

Each gateway's double offers it, so that one suite (``conformance``) can be run against every gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

from supporters.money import Money
from supporters.payments.gateway import FailureKind, MandateRef

#: What becomes of the next request that changes something: it is done and the answer lost · too many requests · a
#: server error before or after it was done · a page of HTML from a proxy.
Trouble = Literal["drop", "429", "500", "500_done", "html"]


class Backstage(Protocol):
    """Payments are named as the gateway names them (``external_id``)."""

    def pay(self, external_id: str, *, at: datetime | None = None) -> None:
        """The donor pays at the vendor's page, and the money is there; also: what was processing arrives."""

    def process(self, external_id: str) -> None:
        """The donor is done, and the bank is not."""

    def fail(self, external_id: str, kind: FailureKind = "soft") -> None: ...

    def give_up(self, external_id: str) -> None:
        """The donor cancels at the vendor's page."""

    def expire(self, external_id: str) -> None: ...

    def refund(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        """Somebody refunds it in the vendor's dashboard, and it is done; the refund's id."""
        ...

    def fail_refund(self, external_id: str, refund_id: str, *, at: datetime | None = None) -> None:
        """A refund that was under way or done comes back."""

    def finish_refunds(self, external_id: str) -> None:
        """What is pending is done."""

    def charge_back(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        """The donor takes it back; the chargeback's id."""
        ...

    def reverse_chargeback(self, external_id: str, chargeback_id: str, *, at: datetime | None = None) -> None: ...

    def end_mandate(self, ref: MandateRef) -> None:
        """The donor or bank ends it, and the vendor knows."""

    def decline_next_charge(self, kind: FailureKind) -> None:
        """What the next charge on a mandate meets."""

    def trouble(self, what: Trouble, times: int = 1) -> None:
        """For the next requests that change something."""

    def news(self, external_id: str) -> tuple[Mapping[str, str], bytes]:
        """A notification as the vendor posts it, headers and body, about the payment's last change."""
        ...

    def count(self, what: Literal["payments", "refunds"]) -> int:
        """How many the vendor has, to see that nothing was made twice."""
        ...
