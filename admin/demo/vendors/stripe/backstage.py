"""What a test or the demo does behind the back of the double of Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from admin.demo.vendors.stripe import payments, returns
from admin.demo.vendors.stripe.mandates import detach
from admin.demo.vendors.stripe.post import as_posted
from admin.demo.vendors.stripe.shapes import Thing, event
from admin.demo.vendors.stripe.state import StripeState
from supporters.money import Money
from supporters.payments.backstage import Trouble
from supporters.payments.gateway import FailureKind, MandateRef


class StripeBackstage:
    def __init__(self, state: StripeState) -> None:
        self.state = state

    # --- the donor and the bank -----------------------------------------------------------------------------------

    def pay(self, external_id: str, *, at: datetime | None = None) -> None:
        with self.state.change():
            thing = self.state.things[external_id]
            if thing.get("status") == "open":
                payments.complete(self.state, thing, at=payments.seconds(at))
            else:
                payments.settle(self.state, self._intent(external_id), payments.seconds(at))

    def process(self, external_id: str) -> None:
        with self.state.change():
            thing = self.state.things[external_id]
            if thing.get("status") == "open":
                offered = payments.offered(thing)
                method = "sepa_debit" if "sepa_debit" in offered else offered[0]
                payments.complete(self.state, thing, method, slow=True)

    def fail(self, external_id: str, kind: FailureKind = "soft") -> None:
        """A refusal at the page leaves it open for another try: what fails is what the bank was slow with."""
        with self.state.change():
            self.process(external_id)
            payments.fail(self.state, self._intent(external_id), kind)

    def refuse(self, external_id: str, kind: FailureKind = "soft") -> None:
        """The donor is refused while at the page."""
        with self.state.change():
            payments.refuse(self.state, self.state.things[external_id], kind)

    def give_up(self, external_id: str) -> None:
        """Who goes back from Stripe's page can come again: nothing changes until it expires, or is cancelled by us."""

    def expire(self, external_id: str) -> None:
        with self.state.change():
            thing = self.state.things[external_id]
            if thing["object"] == "checkout.session":
                payments.expire(self.state, thing)
            else:
                payments.cancel(self.state, thing)

    # --- money that goes back -------------------------------------------------------------------------------------

    def refund(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        with self.state.change():
            intent = self._intent(external_id)
            made = returns.refund(self.state, intent, money.amount, at=payments.seconds(at))
            returns.finish_refund(self.state, made)
            return str(made["id"])

    def fail_refund(self, external_id: str, refund_id: str, *, at: datetime | None = None) -> None:
        with self.state.change():
            returns.fail_refund(self.state, self.state.things[refund_id], payments.seconds(at))

    def finish_refunds(self, external_id: str) -> None:
        with self.state.change():
            for made in self.state.all("refund", payment_intent=self._intent(external_id)["id"]):
                returns.finish_refund(self.state, made)

    def charge_back(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        with self.state.change():
            intent = self._intent(external_id)
            return str(returns.dispute(self.state, intent, money.amount, at=payments.seconds(at))["id"])

    def inquire(self, external_id: str, money: Money) -> str:
        """The donor's bank only asks about it."""
        with self.state.change():
            return str(returns.dispute(self.state, self._intent(external_id), money.amount, inquiry=True)["id"])

    def reverse_chargeback(self, external_id: str, chargeback_id: str, *, at: datetime | None = None) -> None:
        with self.state.change():
            returns.win(self.state, self.state.things[chargeback_id], payments.seconds(at))

    # --- mandates -------------------------------------------------------------------------------------------------

    def end_mandate(self, ref: MandateRef) -> None:
        with self.state.change():
            detach(self.state, self.state.things[ref.mandate])

    def decline_next_charge(self, kind: FailureKind) -> None:
        self.state.next_decline = kind

    # --- the line -------------------------------------------------------------------------------------------------

    def trouble(self, what: Trouble, times: int = 1) -> None:
        self.state.trouble(what, times)

    def news(self, external_id: str) -> tuple[Mapping[str, str], bytes]:
        about = self.state.things[external_id]
        told = next((one for one in self.state.all("event") if self._is_about(one, about)), None)
        if told is None:  # Stripe does not tell that a session was made; early news of it has to do
            moment = self.state.moment()
            told = event(self.state.new_id("evt"), moment, "checkout.session.completed", about, None)
        return as_posted(told, self.state.webhook_secret, self.state.moment())

    def count(self, what: Literal["payments", "refunds"]) -> int:
        if what == "refunds":
            return len(self.state.all("refund"))
        of_sessions = {session["payment_intent"] for session in self.state.all("checkout.session")}
        charges = [one for one in self.state.all("payment_intent") if one["id"] not in of_sessions]
        return len(self.state.all("checkout.session")) + len(charges)

    # ----------------------------------------------------------------------------------------------------------------

    def _intent(self, external_id: str) -> Thing:
        """Where the money of it is, by whichever of its names."""
        thing = self.state.things[external_id]
        if thing["object"] != "checkout.session":
            return thing
        return self.state.things[thing["payment_intent"] or thing["setup_intent"]]

    def _is_about(self, told: Thing, about: Thing) -> bool:
        ours = {about["id"], about.get("payment_intent"), about.get("setup_intent")} - {None}
        inner = told["data"]["object"]
        return inner["id"] in ours or inner.get("payment_intent") in ours
