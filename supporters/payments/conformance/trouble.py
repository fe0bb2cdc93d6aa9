"""What goes wrong on the way to the vendor and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from supporters.payments.backstage import Trouble as Kind
from supporters.payments.conformance.suite import URLS, Stage, Suite, patiently, refused, same_payment
from supporters.payments.gateway import Order, RateLimited, RefundOrder, Snapshot, Unavailable

#: A request that moves money, as often as wanted and always with the same key.
Request = Callable[[], Snapshot]
MOVES = ("begin", "charge", "refund")
UNANSWERED: tuple[Kind, ...] = ("drop", "500", "500_done", "html")


class Trouble(Suite):
    @pytest.mark.parametrize("move", MOVES)
    def test_too_many_requests_make_nothing(self, stage: Stage, move: str) -> None:
        _, backstage = stage
        request, _, what = self._move(stage, move)
        before = backstage.count(what)
        backstage.trouble("429", self.tries)
        error = refused(request, RateLimited)
        assert isinstance(error, RateLimited) and error.after >= 0
        assert backstage.count(what) == before, "too much at once made something all the same"
        patiently(request)
        assert backstage.count(what) == before + 1

    @pytest.mark.parametrize("move", MOVES)
    @pytest.mark.parametrize("kind", UNANSWERED)
    def test_without_an_answer_the_outcome_is_unknown(self, stage: Stage, move: str, kind: Kind) -> None:
        _, backstage = stage
        request, _, _ = self._move(stage, move)
        backstage.trouble(kind, self.tries)
        error = refused(request, Unavailable)
        assert isinstance(error, Unavailable) and error.outcome_unknown, f"after {kind} it may have been done"

    @pytest.mark.parametrize("move", MOVES)
    @pytest.mark.parametrize("kind", UNANSWERED)
    def test_a_lost_answer_and_the_same_key_move_money_once(self, stage: Stage, move: str, kind: Kind) -> None:
        _, backstage = stage
        request, _, what = self._move(stage, move)
        before = backstage.count(what)
        backstage.trouble(kind, self.tries)
        for _ in range(3):
            patiently(request)
        assert backstage.count(what) == before + 1, f"after {kind} the same key moved money again"

    @pytest.mark.parametrize("move", MOVES)
    @pytest.mark.parametrize("kind", UNANSWERED)
    def test_after_a_lost_answer_it_is_found_if_it_was_made(self, stage: Stage, move: str, kind: Kind) -> None:
        gateway, backstage = stage
        request, order, what = self._move(stage, move)
        before = backstage.count(what)
        backstage.trouble(kind, self.tries)
        refused(request, Unavailable)
        made = backstage.count(what) - before
        if kind != "html":
            assert made == (kind != "500"), f"the test double does something else than {kind}"
        if isinstance(order, Order):
            found = gateway.find(order)
            assert (found is not None) == bool(made), f"after {kind} {made} were made, and found: {found}"
            same_payment(patiently(request), gateway.find(order))
        else:
            answer = patiently(request)
            assert [one.key for one in answer.refunds] == [order.key]

    def test_trouble_passes(self, stage: Stage) -> None:
        gateway, backstage = stage
        backstage.trouble("500", self.tries)
        refused(lambda: self.begun(stage), Unavailable)
        paid = patiently(lambda: self.paid(stage))
        assert gateway.fetch(paid.external_id).state == "paid"

    def _move(self, stage: Stage, move: str) -> tuple[Request, Order | RefundOrder, Literal["payments", "refunds"]]:
        gateway, _ = stage
        if move == "refund":
            self.needs_refunds(gateway)
            paid, back = self.paid(stage), self.refund_order(gateway, 400)
            return lambda: gateway.refund(back, paid.external_id), back, "refunds"
        if move == "charge":
            ref, charge = self.mandate(stage), self.order(gateway, "recurring")
            return lambda: gateway.charge(charge, ref), charge, "payments"
        order = self.order(gateway)
        return lambda: gateway.begin(order, URLS), order, "payments"
