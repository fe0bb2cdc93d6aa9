"""Mandates: how they come, charges on them without the donor, and their end."""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

from supporters.money import Money
from supporters.payments.conformance.suite import PAYER, URLS, Stage, Suite, refused, same_payment
from supporters.payments.gateway import Declined, FailureKind, Gateway, Gone, MandateRef, Misasked


class Mandates(Suite):
    def test_a_first_payment_leaves_a_mandate_to_charge(self, stage: Stage) -> None:
        gateway, backstage = stage
        ref = self.mandate(stage)
        held = gateway.mandate(ref)
        assert (held.ref, held.state) == (ref, "valid")
        order, moment = self.order(gateway, "recurring", 2500), self.second()
        charged = gateway.charge(order, ref)
        assert charged.state in ("processing", "paid"), f"a charge without the donor is {charged.state}"
        assert charged.checkout_url is None, "nobody is there to go to a page"
        assert (charged.key, charged.money, charged.is_live) == (order.key, order.money, gateway.account.is_live)
        if charged.state == "processing":
            assert charged.facts() == (), "what is processing was received"
            backstage.pay(charged.external_id, at=moment)
        paid = gateway.fetch(charged.external_id)
        same_payment(charged, paid)
        assert [(fact.kind, fact.external_id, fact.money) for fact in paid.facts()] == [
            ("received", charged.external_id, Money(2500, gateway.account.currency))
        ]
        assert paid.mandate is not None and paid.mandate.ref == ref, "the payment does not say its mandate"

    def test_a_setup_leaves_a_mandate_and_says_what_it_moved(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_mandates(gateway)
        order = self.order(gateway, "setup", self.setup_amount)
        begun = gateway.begin(order, URLS)
        backstage.pay(begun.external_id)
        made = gateway.fetch(begun.external_id)
        same_payment(begun, made)
        assert made.state == "paid"
        assert made.money in (order.money, Money(0, order.money.currency)), f"a setup moved {made.money}"
        back = [refund.money.amount for refund in made.refunds]
        assert sum(back) <= made.money.amount, "more went back than a setup moved"
        assert made.mandate is not None and made.mandate.state == "valid", "the setup left no mandate"
        charged = gateway.charge(self.order(gateway, "recurring"), made.mandate.ref)
        assert charged.state in ("processing", "paid")

    def test_an_unfinished_first_payment_leaves_no_valid_mandate(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_mandates(gateway)
        begun = self.begun(stage, "first")
        assert begun.mandate is None or begun.mandate.state != "valid"
        backstage.expire(begun.external_id)
        mandate = gateway.fetch(begun.external_id).mandate
        assert mandate is None or mandate.state != "valid", "who never paid has a valid mandate"

    def test_a_payer_that_is_known_stays_one_customer(self, stage: Stage) -> None:
        gateway, backstage = stage
        ref = self.mandate(stage)
        begun = gateway.begin(self.order(gateway, "first", payer=PAYER, customer=ref.customer), URLS)
        backstage.pay(begun.external_id)
        mandate = gateway.fetch(begun.external_id).mandate
        assert mandate is not None and mandate.ref.customer == ref.customer, "the payer became a second customer"

    def test_the_same_key_is_charged_once(self, stage: Stage) -> None:
        gateway, backstage = stage
        ref, before = self.mandate(stage), backstage.count("payments")
        order = self.order(gateway, "recurring")
        charged = gateway.charge(order, ref)
        same_payment(charged, gateway.charge(order, ref))
        same_payment(charged, gateway.find(order))
        assert backstage.count("payments") == before + 1, "one key was charged twice"

    def test_a_charge_that_is_declined_says_how(self, stage: Stage) -> None:
        gateway, backstage = stage
        for kind in get_args(FailureKind):
            ref, order = self.mandate(stage), self.order(gateway, "recurring")
            backstage.decline_next_charge(kind)
            failure = self.refusal(gateway, order, ref)
            assert failure.kind == kind, f"what is {kind} was called {failure.kind} ({failure.code})"
            assert failure.code, "a decline has no code"
            found = gateway.find(order)
            assert found is None or found.state == "failed", "what was declined is found as if it went on"

    def test_after_a_soft_decline_the_mandate_can_be_charged(self, stage: Stage) -> None:
        gateway, backstage = stage
        ref = self.mandate(stage)
        backstage.decline_next_charge("soft")
        self.refusal(gateway, self.order(gateway, "recurring"), ref)
        assert gateway.charge(self.order(gateway, "recurring"), ref).state in ("processing", "paid")

    def test_a_charge_can_fail_later(self, stage: Stage) -> None:
        gateway, backstage = stage
        kinds: tuple[FailureKind, ...] = ("soft", "hard")
        for kind in kinds:
            charged = gateway.charge(self.order(gateway, "recurring"), self.mandate(stage))
            if charged.state == "processing":
                backstage.fail(charged.external_id, kind)
                failed = gateway.fetch(charged.external_id)
                assert (failed.state, failed.facts()) == ("failed", ())
                assert failed.failure is not None and failed.failure.kind == kind

    def test_an_ended_mandate_is_never_charged(self, stage: Stage) -> None:
        gateway, backstage = stage
        other, ref = self.mandate(stage), self.mandate(stage)
        backstage.end_mandate(ref)
        assert self.refusal(gateway, self.order(gateway, "recurring"), ref).kind == "hard"
        self._has_ended(gateway, ref)
        assert gateway.mandate(other).state == "valid", "somebody else's mandate ended as well"

    def test_revoking_ends_a_mandate_and_may_be_repeated(self, stage: Stage) -> None:
        gateway, _ = stage
        ref = self.mandate(stage)
        for _ in range(2):
            assert gateway.revoke(ref).state == "invalid"
            self._has_ended(gateway, ref)
        assert self.refusal(gateway, self.order(gateway, "recurring"), ref).kind == "hard"

    def test_a_mandate_that_ended_by_itself_is_revoked(self, stage: Stage) -> None:
        gateway, backstage = stage
        ref = self.mandate(stage)
        backstage.end_mandate(ref)
        assert gateway.revoke(ref).state == "invalid"

    def test_a_mandate_the_vendor_does_not_have_is_gone(self, stage: Stage) -> None:
        gateway, backstage = stage
        ref = self.mandate(stage)
        before = backstage.count("payments")
        unknown = MandateRef(ref.customer, self.unknown(ref.mandate))
        refused(lambda: gateway.mandate(unknown), Gone)
        refused(lambda: gateway.charge(self.order(gateway, "recurring"), unknown), Gone, Declined, Misasked)
        assert backstage.count("payments") == before, "another mandate was charged instead"
        assert gateway.revoke(unknown).state == "invalid", "what is gone is as good as revoked"

    def _has_ended(self, gateway: Gateway, ref: MandateRef) -> None:
        with suppress(Gone):
            assert gateway.mandate(ref).state == "invalid", "a mandate that ended is called usable"
