"""What every gateway does, in plain data: nothing of a vendor's SDK or words leaves the file that talks to it.

A gateway can be written outside this project: ``supporters.payments.conformance`` holds the tests it must pass, and
``SUPPORTERS_GATEWAYS`` names its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from supporters.errors import AchterbanError
from supporters.money import Money

#: one_off: a gift · first: a gift that also leaves a mandate · setup: only a mandate, whatever the vendor moves to make
#: it (one cent, at once given back) is never a gift · recurring: on a mandate, without the donor there.
Purpose = Literal["one_off", "first", "setup", "recurring"]
#: What a donor can choose; each gateway says which it has.
Method = Literal["ideal", "bancontact", "card", "paypal", "sepa_debit"]
#: open: the donor is, or may be, at the vendor's page · processing: the donor is done and the bank is not.
#: What went back later is no state: a paid payment stays paid and gains refunds and chargebacks.
State = Literal["open", "processing", "paid", "failed", "cancelled", "expired"]
FINAL = ("paid", "failed", "cancelled", "expired")
#: soft: may go right another day · hard: never on this mandate · donor: the donor has to be there (authentication).
FailureKind = Literal["soft", "hard", "donor"]
FactKind = Literal["received", "refunded", "refund_returned", "charged_back", "chargeback_reversed"]


@dataclass(frozen=True, slots=True)
class GatewayAccount:
    """One account at a vendor, as the settings name it. Its secrets are never shown."""

    name: str  # ours, in addresses: "mollie", "stripe-nl"
    gateway: str  # "mollie", "stripe", or "package.module:Class"
    key: str = field(repr=False)
    is_live: bool
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)  # each is tried, so that one can be replaced
    methods: tuple[Method, ...] = ()  # empty: all that the gateway has
    base_url: str = ""  # empty: the vendor's own; a test double's address otherwise
    currency: str = "EUR"
    notify_url: str = ""  # ours, where its vendor posts news of what is charged without the donor


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``once`` are the methods of a gift; ``mandates`` those of a first payment or setup that leave a mandate."""

    once: tuple[Method, ...]
    mandates: tuple[Method, ...]
    refunds: bool = True


@dataclass(frozen=True, slots=True)
class Payer:
    """What a vendor may know of somebody, and only where it makes a mandate."""

    name: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MandateRef:
    customer: str
    mandate: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a gateway. ``key`` is the idempotency key and travels in the vendor's metadata as ``payment``:
    the same key never moves money twice.
    """

    key: str
    purpose: Purpose
    money: Money  # of a setup: what the vendor is asked for, nought or a cent
    description: str
    made_at: datetime  # when the key was made: where a search for it may begin
    method: Method | None = None
    locale: str = "nl"
    payer: Payer | None = None
    customer: str | None = None  # the vendor's, where we know the payer from a mandate before


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """``key`` is the idempotency key and travels in the refund's metadata as ``refund`` where the vendor has room."""

    key: str
    money: Money
    description: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Urls:
    """``back``: where the donor returns, whatever became of it · ``notify``: where the vendor posts news."""

    back: str
    notify: str


@dataclass(frozen=True, slots=True)
class Failure:
    kind: FailureKind
    code: str  # the vendor's own: "insufficient_funds", "AC04"
    message: str = ""


@dataclass(frozen=True, slots=True)
class MandateSnapshot:
    ref: MandateRef
    state: Literal["pending", "valid", "invalid"]
    method: Literal["directdebit", "card", "paypal"]
    label: str = ""  # for a screen, and no more than this: "NL•• •••• 1234", "Visa •••• 4242 (12/28)"
    reason: str = ""  # why it is invalid
    reference: str = ""  # the SEPA mandate's, where there is one


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    external_id: str
    money: Money
    state: Literal["pending", "done", "failed"]
    at: datetime
    key: str | None = None  # ours; None where it was made in the vendor's dashboard
    reason: str = ""
    #: Of one that failed: when the money came back to us; None where it never left. A vendor that does not say when
    #: gets the moment of the refund itself, so that it is the same at every look.
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargebackSnapshot:
    external_id: str
    money: Money
    at: datetime
    reason: str = ""
    reversed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to money, known by ``(account, kind, external_id)``; it never changes."""

    kind: FactKind
    external_id: str
    money: Money
    at: datetime
    reason: str = ""
    key: str | None = None  # our refund's


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A payment as the vendor has it now: the only source of truth about money.

    ``external_id`` is the same however the payment was found. ``key`` is what the vendor's metadata says: a payment of
    somebody else's has another, or none.
    """

    external_id: str
    key: str | None
    is_live: bool
    money: Money
    state: State
    observed_at: datetime
    checkout_url: str | None = None  # while it is open
    paid_at: datetime | None = None
    failure: Failure | None = None
    mandate: MandateSnapshot | None = None
    refunds: tuple[RefundSnapshot, ...] = ()
    chargebacks: tuple[ChargebackSnapshot, ...] = ()
    method: str = ""
    transaction_id: str | None = None  # the vendor's second name for it, where news may speak of that
    fee: Money | None = None
    balance_reference: str | None = None  # of the vendor's ledger, for its payouts

    def facts(self) -> tuple[Fact, ...]:
        """What happened so far, oldest first. A later snapshot says all that an earlier one did, and perhaps more."""
        if self.state != "paid" or self.paid_at is None:
            return ()
        later: list[Fact] = []
        for refund in self.refunds:
            what = refund.external_id, refund.money
            if refund.state == "done" or refund.returned_at is not None:
                later.append(Fact("refunded", *what, refund.at, refund.reason, refund.key))
            if refund.returned_at is not None:
                later.append(Fact("refund_returned", *what, refund.returned_at, refund.reason, refund.key))
        for back in self.chargebacks:
            later.append(Fact("charged_back", back.external_id, back.money, back.at, back.reason))
            if back.reversed_at is not None:
                later.append(Fact("chargeback_reversed", back.external_id, back.money, back.reversed_at, back.reason))
        received = Fact("received", self.external_id, self.money, self.paid_at)
        return (received, *sorted(later, key=lambda fact: (fact.at, FACT_ORDER.index(fact.kind), fact.external_id)))


FACT_ORDER: tuple[FactKind, ...] = ("received", "refunded", "charged_back", "refund_returned", "chargeback_reversed")


@dataclass(frozen=True, slots=True)
class Nudge:
    """News of a payment: look at it. What the news itself says is never believed."""

    external_id: str  # the payment's, by either of its names
    event_id: str | None = None
    kind: str = ""  # the vendor's word for what happened
    key: str | None = None  # ours, where the vendor's metadata came along
    is_live: bool | None = None  # None where the news does not say


class GatewayError(AchterbanError):
    """Something between us and a vendor went wrong; ``code`` says what, no message holds a secret."""

    code = "gateway_error"


class Declined(GatewayError):
    """The vendor refused the charge without making a payment of it."""

    code = "declined"

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__("The payment was refused (%(code)s).", code=failure.code)


class Misasked(GatewayError):
    """We asked something the vendor does not take: a mistake in our code or settings, not for trying again."""

    code = "misasked"


class Unauthorised(GatewayError):
    """The vendor does not take our key."""

    code = "unauthorised"


class Gone(GatewayError):
    """The vendor has no such payment, customer, mandate or refund (any more)."""

    code = "gone"


class Conflict(GatewayError):
    """The same key is being worked on, or was used for something else."""

    code = "conflict"


class RateLimited(GatewayError):
    """Too much at once; nothing was done. ``after`` are the seconds to wait."""

    code = "rate_limited"

    def __init__(self, after: float = 1.0) -> None:
        self.after = after
        super().__init__("The gateway asks to wait %(after)s seconds.", after=round(after))


class Unavailable(GatewayError):
    """No answer, or none that can be read. ``outcome_unknown``: what we asked may have been done all the same."""

    code = "unavailable"

    def __init__(self, *, outcome_unknown: bool, why: str = "") -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__("The gateway does not answer (%(why)s).", why=why or "no connection")


class BadNotification(GatewayError):
    """Posted to a webhook's address, and not what this vendor posts: unsigned, tampered with, old or unreadable."""

    code = "bad_notification"


class Gateway(Protocol):
    """Every call is one or a few HTTP requests with time limits of its own; none writes to our database.

    Each raises a GatewayError: Misasked, Unauthorised, Gone, Conflict, RateLimited or Unavailable. A method that moves
    money and raises Unavailable(outcome_unknown=True) may be called again with the same key, or looked up by ``find``.
    """

    account: GatewayAccount

    def capabilities(self) -> Capabilities: ...

    def begin(self, order: Order, urls: Urls) -> Snapshot:
        """A payment for which the donor goes to the snapshot's ``checkout_url``. The same key: the same payment."""
        ...

    def charge(self, order: Order, mandate: MandateRef) -> Snapshot:
        """Charge a mandate without the donor. Raises Declined, or answers with a snapshot that failed."""
        ...

    def refund(self, order: RefundOrder, external_id: str) -> Snapshot:
        """Give (part of) it back; the payment as it is afterwards. Raises Declined where it cannot go back."""
        ...

    def fetch(self, external_id: str) -> Snapshot:
        """As it is now, with its refunds, chargebacks and mandate. Refuses (Misasked) an id that is not one of its own
        kind before any request is made: it may be a stranger's input.
        """
        ...

    def find(self, order: Order) -> Snapshot | None:
        """The payment that was made for this key, by listing, never by a search that lags; None: there is none."""
        ...

    def cancel(self, external_id: str) -> Snapshot:
        """No longer to be paid, where that can still be; the payment as it is afterwards."""
        ...

    def mandate(self, ref: MandateRef) -> MandateSnapshot:
        """As it is now; raises Gone where the vendor forgot it."""
        ...

    def revoke(self, ref: MandateRef) -> MandateSnapshot:
        """End it at the vendor, and answer what the vendor says of it afterwards. One that is gone is revoked."""
        ...

    def notifications(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Nudge]:
        """What a posted body says changed. Pure: verifies and reads, asks nobody. Raises BadNotification, only that."""
        ...

    def changed_since(self, since: datetime) -> Iterable[str]:
        """Ids (by either name) of the payments that changed or were made since then, for news that never came."""
        ...
