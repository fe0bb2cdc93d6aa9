"""Beginning a payment, and what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from supporters.money import Money
from supporters.payments.conformance.suite import URLS, Stage, Suite, refused, same_payment
from supporters.payments.gateway import Conflict, Declined, Fact, GatewayError, Gone, Misasked, Snapshot

#: Where a float goes wrong, or a comma.
AMOUNTS = (100, 999, 1001, 1999, 2899, 113_51, 12_345_67)
#: None, two and three decimals.
CURRENCIES = ("JPY", "USD", "GBP", "KWD")


class Paying(Suite):
    def test_a_begun_payment_has_a_page_to_pay_at(self, stage: Stage) -> None:
        gateway, backstage = stage
        order = self.order(gateway)
        for snapshot in (gateway.begin(order, URLS), gateway.find(order)):
            assert snapshot is not None, "what was begun is not found"
            assert snapshot.state == "open"
            assert (snapshot.checkout_url or "").startswith("http"), "an open payment has no page to pay at"
            assert snapshot.key == order.key
            assert snapshot.money == order.money
            assert (snapshot.paid_at, snapshot.failure, snapshot.facts()) == (None, None, ())
        assert backstage.count("payments") == 1

    def test_the_same_key_is_the_same_payment(self, stage: Stage) -> None:
        gateway, backstage = stage
        order = self.order(gateway)
        first = gateway.begin(order, URLS)
        same_payment(first, gateway.begin(order, URLS))
        assert backstage.count("payments") == 1, "one key made two payments"
        assert gateway.begin(self.order(gateway), URLS).external_id != first.external_id, "two keys made one payment"

    def test_two_at_once_with_one_key_are_one_payment(self, stage: Stage) -> None:
        gateway, backstage = stage
        order = self.order(gateway)

        def click(_: int) -> str | None:
            with suppress(Conflict):
                return gateway.begin(order, URLS).external_id
            return None

        with ThreadPoolExecutor(4) as threads:
            made = set(threads.map(click, range(8))) - {None}
        assert len(made) == 1, "a double click made two payments" if made else "nobody got a payment"
        assert backstage.count("payments") == 1

    def test_a_key_is_not_used_for_another_amount(self, stage: Stage) -> None:
        gateway, backstage = stage
        order = self.order(gateway)
        first = gateway.begin(order, URLS)
        with suppress(GatewayError):
            same_payment(first, gateway.begin(replace(order, money=order.money + order.money), URLS))
        assert backstage.count("payments") == 1
        assert gateway.fetch(first.external_id).money == order.money

    def test_whether_it_is_real_is_what_the_account_says(self, stage: Stage) -> None:
        gateway, _ = stage
        assert self.begun(stage).is_live == gateway.account.is_live
        assert self.paid(stage).is_live == gateway.account.is_live

    def test_the_methods_are_the_accounts_and_can_be_begun(self, stage: Stage) -> None:
        gateway, _ = stage
        can = gateway.capabilities()
        assert can.once, "nothing can be given by this gateway"
        if gateway.account.methods:
            assert {*can.once, *can.mandates} <= {*gateway.account.methods}, "the account has fewer methods"
        for method in can.once:
            assert gateway.begin(self.order(gateway, method=method), URLS).state == "open", method
        for method in can.mandates:
            assert gateway.begin(self.order(gateway, "first", method=method), URLS).state == "open", method

    def test_money_is_exact(self, stage: Stage) -> None:
        gateway, backstage = stage
        for amount in AMOUNTS:
            money = Money(amount, gateway.account.currency)
            begun = self.begun(stage, amount=amount)
            backstage.pay(begun.external_id)
            paid = gateway.fetch(begun.external_id)
            for said in (begun.money, paid.money, paid.facts()[0].money):
                assert said == money, f"{money} became {said}"
                assert type(said.amount) is int, f"{said.amount!r} is no whole number"

    def test_another_currency_is_exact_or_refused(self, stage: Stage) -> None:
        gateway, backstage = stage
        for currency in CURRENCIES:
            before = backstage.count("payments")
            order = self.order(gateway, money=Money(1230, currency))
            try:
                begun = gateway.begin(order, URLS)
            except (Misasked, Declined):
                assert backstage.count("payments") == before, "what was refused was made all the same"
            else:
                assert begun.money == order.money, f"{order.money} became {begun.money}"
                backstage.pay(begun.external_id)
                assert gateway.fetch(begun.external_id).money == order.money

    def test_what_is_paid_is_received_once_at_its_moment(self, stage: Stage) -> None:
        gateway, backstage = stage
        begun, moment = self.begun(stage), self.second()
        backstage.pay(begun.external_id, at=moment)
        paid = gateway.fetch(begun.external_id)
        assert (paid.state, paid.paid_at, paid.checkout_url) == ("paid", moment, None)
        assert paid.facts() == (Fact("received", begun.external_id, begun.money, moment),)
        assert paid.failure is None
        assert paid.mandate is None, "a gift left a mandate that nobody gave"

    def test_what_is_processing_is_not_received_before_it_arrives(self, stage: Stage) -> None:
        gateway, backstage = stage
        begun = self.begun(stage)
        backstage.process(begun.external_id)
        processing = gateway.fetch(begun.external_id)
        assert (processing.state, processing.facts()) == ("processing", ())
        assert processing.checkout_url is None, "who is done is sent to pay again"
        backstage.pay(begun.external_id)
        assert gateway.fetch(begun.external_id).state == "paid"

    def test_what_was_processing_can_fail(self, stage: Stage) -> None:
        gateway, backstage = stage
        begun = self.begun(stage)
        backstage.process(begun.external_id)
        backstage.fail(begun.external_id)
        failed = gateway.fetch(begun.external_id)
        assert (failed.state, failed.facts(), failed.paid_at) == ("failed", (), None)
        assert failed.failure is not None and failed.failure.code, "it failed and does not say why"

    @pytest.mark.parametrize("how", ["fail", "give_up"])
    def test_who_did_not_pay_has_ended_or_can_try_again(self, stage: Stage, how: str) -> None:
        """At some vendors the page stays open after a card that was refused, or a way back."""
        gateway, backstage = stage
        begun = self.begun(stage)
        getattr(backstage, how)(begun.external_id)
        self._is_over(gateway.fetch(begun.external_id), "open", "failed", "cancelled", "expired")

    def test_what_expired_is_over(self, stage: Stage) -> None:
        gateway, backstage = stage
        begun = self.begun(stage)
        backstage.expire(begun.external_id)
        self._is_over(gateway.fetch(begun.external_id), "expired")

    def test_what_is_cancelled_is_over(self, stage: Stage) -> None:
        gateway, _ = stage
        begun = self.begun(stage)
        for cancelled in (gateway.cancel(begun.external_id), gateway.fetch(begun.external_id)):
            same_payment(begun, cancelled)
            self._is_over(cancelled, "cancelled", "expired")
        self._is_over(gateway.cancel(begun.external_id), "cancelled", "expired")

    def test_what_is_paid_is_not_cancelled(self, stage: Stage) -> None:
        gateway, _ = stage
        paid = self.paid(stage)
        cancelled = gateway.cancel(paid.external_id)
        assert (cancelled.state, cancelled.facts()) == ("paid", paid.facts())

    def test_a_payment_is_the_same_however_it_is_found(self, stage: Stage) -> None:
        gateway, backstage = stage
        order = self.order(gateway)
        begun = gateway.begin(order, URLS)
        for step in (None, backstage.process, backstage.pay):
            if step is not None:
                step(begun.external_id)
            fetched = gateway.fetch(begun.external_id)
            same_payment(begun, fetched)
            same_payment(begun, gateway.find(order))
            same_payment(begun, gateway.begin(order, URLS))
            if fetched.transaction_id is not None:
                same_payment(begun, gateway.fetch(fetched.transaction_id))
        assert backstage.count("payments") == 1

    def test_find_finds_only_its_own_key(self, stage: Stage) -> None:
        gateway, backstage = stage
        never, mine, other = (self.order(gateway) for _ in range(3))
        assert gateway.find(never) is None, "something was found where nothing is"
        begun = gateway.begin(mine, URLS)
        gateway.begin(other, URLS)
        for key in (never.key, mine.key[:-1], mine.key.upper() + "0", ""):
            assert gateway.find(replace(never, key=key)) is None, f"somebody else's payment was found for “{key}”"
        same_payment(begun, gateway.find(mine))
        assert backstage.count("payments") == 2

    def test_find_looks_past_the_first_page(self, stage: Stage) -> None:
        gateway, _ = stage
        order = self.order(gateway)
        begun = gateway.begin(order, URLS)
        for _ in range(self.many):
            self.begun(stage)
        same_payment(begun, gateway.find(order))

    def test_what_the_vendor_does_not_have_is_gone(self, stage: Stage) -> None:
        gateway, _ = stage
        unknown = self.unknown(self.begun(stage).external_id)
        refused(lambda: gateway.fetch(unknown), Gone)
        refused(lambda: gateway.cancel(unknown), Gone)

    def _is_over(self, snapshot: Snapshot, *states: str) -> None:
        assert snapshot.state in states, f"it is {snapshot.state}"
        assert snapshot.facts() == (), "money was received that nobody paid"
        assert (snapshot.checkout_url is not None) == (snapshot.state == "open"), "only what is open has a page"
