"""Money that goes back: refunds of ours and of the vendor's staff, and what donors take back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from supporters.money import Money
from supporters.payments.conformance.suite import EXAMPLES, URLS, Stage, Suite, refused
from supporters.payments.gateway import Declined, Fact, Gone, Misasked, Snapshot

STEPS = ("refund", "dashboard", "finish", "fail_refund", "charge_back", "reverse")


class GoingBack(Suite):
    def test_a_part_and_then_the_rest_goes_back(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        paid = self.paid(stage, amount=1999)
        for amount in (601, 1398):
            refund = self.refunded(stage, paid, amount)
            assert (refund.state, refund.money) == ("done", Money(amount, gateway.account.currency))
        after = gateway.fetch(paid.external_id)
        assert [fact.money.amount for fact in after.facts()] == [1999, 601, 1398]
        assert [fact.key for fact in after.facts()[1:]] == [one.key for one in after.refunds]
        assert backstage.count("refunds") == 2

    def test_a_refund_is_seen_in_the_answer(self, stage: Stage) -> None:
        gateway, _ = stage
        self.needs_refunds(gateway)
        paid = self.paid(stage)
        order = self.refund_order(gateway, 400)
        answer = gateway.refund(order, paid.external_id)
        assert answer.external_id == paid.external_id
        assert [(one.key, one.money) for one in answer.refunds] == [(order.key, order.money)]
        assert answer.refunds[0].state in ("pending", "done")

    def test_the_same_key_goes_back_once(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        paid, order = self.paid(stage), self.refund_order(gateway, 400)
        first = gateway.refund(order, paid.external_id)
        again = gateway.refund(order, paid.external_id)
        assert [one.external_id for one in first.refunds] == [one.external_id for one in again.refunds]
        assert backstage.count("refunds") == 1, "one key gave back twice"

    def test_two_equal_refunds_are_two(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        paid = self.paid(stage)
        self.refunded(stage, paid, 400)
        self.refunded(stage, paid, 400)
        assert len(gateway.fetch(paid.external_id).refunds) == backstage.count("refunds") == 2

    def test_no_more_goes_back_than_is_left(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        paid = self.paid(stage)
        refused(lambda: gateway.refund(self.refund_order(gateway, 1001), paid.external_id), Declined, Misasked)
        self.refunded(stage, paid, 600)
        refused(lambda: gateway.refund(self.refund_order(gateway, 401), paid.external_id), Declined, Misasked)
        assert backstage.count("refunds") == 1, "what was refused was made all the same"
        assert gateway.fetch(paid.external_id).facts()[1].money.amount == 600

    def test_another_currency_does_not_go_back(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        paid, other = self.paid(stage), "JPY" if gateway.account.currency != "JPY" else "EUR"
        order = replace(self.refund_order(gateway, 400), money=Money(400, other))
        refused(lambda: gateway.refund(order, paid.external_id), Declined, Misasked)
        assert backstage.count("refunds") == 0

    def test_what_was_never_paid_does_not_go_back(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        begun = self.begun(stage)
        order = self.refund_order(gateway, 400)
        refused(lambda: gateway.refund(order, begun.external_id), Declined, Misasked)
        refused(lambda: gateway.refund(order, self.unknown(begun.external_id)), Gone)
        assert backstage.count("refunds") == 0

    def test_a_refund_from_the_dashboard_is_seen_and_not_ours(self, stage: Stage) -> None:
        gateway, backstage = stage
        paid, moment = self.paid(stage), self.second()
        money = Money(400, gateway.account.currency)
        refund_id = backstage.refund(paid.external_id, money, at=moment)
        after = gateway.fetch(paid.external_id)
        assert [(one.external_id, one.key, one.state) for one in after.refunds] == [(refund_id, None, "done")]
        assert after.facts()[1] == Fact("refunded", refund_id, money, moment, after.refunds[0].reason)

    def test_a_refund_that_comes_back_is_seen(self, stage: Stage) -> None:
        gateway, backstage = stage
        self.needs_refunds(gateway)
        paid = self.paid(stage)
        ours = self.refunded(stage, paid, 400).external_id
        theirs = backstage.refund(paid.external_id, Money(300, gateway.account.currency))
        left = {one.external_id for one in gateway.fetch(paid.external_id).refunds if one.state == "done"}
        for refund_id in (ours, theirs):
            backstage.fail_refund(paid.external_id, refund_id)
        after = gateway.fetch(paid.external_id)
        assert {one.external_id: one.state for one in after.refunds} == {ours: "failed", theirs: "failed"}
        returned = {fact.external_id: fact.money.amount for fact in after.facts() if fact.kind == "refund_returned"}
        assert left <= set(returned), "money that had left and came back is not said to"
        assert returned.items() <= {ours: 400, theirs: 300}.items()
        gone = {fact.external_id for fact in after.facts() if fact.kind == "refunded"}
        assert gone == set(returned), "what came back had gone, and what never went did not come back"

    def test_what_a_donor_takes_back_and_loses_again_is_seen(self, stage: Stage) -> None:
        gateway, backstage = stage
        paid, moment = self.paid(stage), self.second()
        back_id = backstage.charge_back(paid.external_id, paid.money, at=moment)
        taken = gateway.fetch(paid.external_id).facts()
        assert [(fact.kind, fact.external_id, fact.money, fact.at) for fact in taken[1:]] == [
            ("charged_back", back_id, paid.money, moment)
        ]
        later = moment + timedelta(seconds=5)
        backstage.reverse_chargeback(paid.external_id, back_id, at=later)
        won = gateway.fetch(paid.external_id).facts()
        assert won[:2] == taken, "what was said before is not said any more"
        assert [(fact.kind, fact.external_id, fact.money, fact.at) for fact in won[2:]] == [
            ("chargeback_reversed", back_id, paid.money, later)
        ]

    def test_what_was_paid_stays_paid(self, stage: Stage) -> None:
        gateway, backstage = stage
        for before in (0, 400, 1000):
            paid = self.paid(stage)
            if before:
                backstage.refund(paid.external_id, Money(before, gateway.account.currency))
            if before != 1000:
                backstage.charge_back(paid.external_id, Money(1000 - before, gateway.account.currency))
            after = gateway.fetch(paid.external_id)
            assert (after.state, after.paid_at, after.money) == ("paid", paid.paid_at, paid.money)

    def test_of_many_refunds_none_is_left_out(self, stage: Stage) -> None:
        gateway, backstage = stage
        paid = self.paid(stage, amount=100 * self.many)
        made = {backstage.refund(paid.external_id, Money(1, gateway.account.currency)) for _ in range(self.many)}
        assert {one.external_id for one in gateway.fetch(paid.external_id).refunds} == made, "refunds are missing"

    def test_what_changed_since_is_listed(self, stage: Stage) -> None:
        gateway, backstage = stage
        refunded, taken = (self.paid(stage) for _ in range(2))
        since = self.now()
        backstage.refund(refunded.external_id, Money(400, gateway.account.currency))
        backstage.charge_back(taken.external_id, taken.money)
        made = [self.begun(stage) for _ in range(self.many)]
        listed = set(gateway.changed_since(since))
        for what, snapshot in [("refunded", refunded), ("charged back", taken), *(("made", one) for one in made)]:
            assert listed & {snapshot.external_id, snapshot.transaction_id}, f"what was {what} since is not listed"
        for external_id in listed:
            gateway.fetch(external_id)

    @EXAMPLES
    @example(steps=list(STEPS))
    @given(steps=st.lists(st.sampled_from(STEPS), max_size=8))
    def test_what_was_said_once_is_said_ever_after(self, stage: Stage, steps: list[str]) -> None:
        gateway, _ = stage
        history = _History(self, stage, gateway.begin(self.order(gateway), URLS))
        before: tuple[Fact, ...] = ()
        for step in ("begin", "process", "pay", *steps):
            history.take(step)
            snapshot = gateway.fetch(history.external_id)
            facts = snapshot.facts()
            known = {_identity(fact) for fact in facts}
            assert len(known) == len(facts), f"after {step} one fact is there twice"
            for fact in before:
                assert _identity(fact) in known, f"after {step} it is not said any more: {fact}"
            assert (snapshot.state == "paid") == (facts != ())
            before = facts


@dataclass
class _History:
    """One payment and the steps it takes; one that cannot be taken is none."""

    suite: Suite
    stage: Stage
    begun: Snapshot
    refunds: list[str] = field(default_factory=list)
    chargeback: str | None = None
    is_reversed: bool = False

    @property
    def external_id(self) -> str:
        return self.begun.external_id

    def take(self, step: str) -> None:
        gateway, backstage = self.stage
        money = Money(100, gateway.account.currency)
        contested = self.chargeback is not None and not self.is_reversed
        match step:
            case "process":
                backstage.process(self.external_id)
            case "pay":
                backstage.pay(self.external_id)
            case "refund" if gateway.capabilities().refunds and not contested:
                order = self.suite.refund_order(gateway, 100)
                with suppress(Declined):
                    answer = gateway.refund(order, self.external_id)
                    self.refunds += [one.external_id for one in answer.refunds if one.key == order.key]
            case "dashboard" if not contested:
                self.refunds.append(backstage.refund(self.external_id, money))
            case "finish":
                backstage.finish_refunds(self.external_id)
            case "fail_refund" if self.refunds:
                backstage.fail_refund(self.external_id, self.refunds.pop())
            case "charge_back" if self.chargeback is None:
                self.chargeback = backstage.charge_back(self.external_id, money)
            case "reverse" if self.chargeback is not None and contested:
                backstage.reverse_chargeback(self.external_id, self.chargeback)
                self.is_reversed = True


def _identity(fact: Fact) -> tuple[object, ...]:
    return fact.kind, fact.external_id, fact.money, fact.at, fact.key
