"""A simulated Mollie: its API, the page where a donor pays, its dashboard. An account's ``base_url`` points at it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from flask import Flask

from admin.demo.vendors.mollie import api, pages, post
from admin.demo.vendors.mollie.state import State
from supporters.money import Money
from supporters.payments.backstage import Trouble
from supporters.payments.gateway import FailureKind, MandateRef

__all__ = ["MollieBackstage", "State", "create_app"]


def create_app(state: State) -> Flask:
    """Serve it anywhere, also under a prefix (``DispatcherMiddleware``): its links follow."""
    app = Flask(__name__, static_folder=None)
    app.extensions["mollie"] = state
    app.register_blueprint(api.bp)
    app.register_blueprint(pages.bp)
    return app


class MollieBackstage:
    """A ``Backstage`` on the state itself. Nothing it does posts news: a test asks for that, or goes by the pages."""

    def __init__(self, state: State) -> None:
        self.state = state

    def pay(self, external_id: str, *, at: datetime | None = None) -> None:
        self.state.pay(external_id, at)

    def process(self, external_id: str) -> None:
        self.state.process(external_id)

    def fail(self, external_id: str, kind: FailureKind = "soft") -> None:
        self.state.fail(external_id, kind)

    def give_up(self, external_id: str) -> None:
        self.state.give_up(external_id)

    def expire(self, external_id: str) -> None:
        self.state.expire(external_id)

    def refund(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        return str(self.state.refund(external_id, money, at)["id"])

    def fail_refund(self, external_id: str, refund_id: str, *, at: datetime | None = None) -> None:
        """Of when a refund failed, Mollie tells nothing."""
        self.state.end_refund(refund_id, "failed")

    def finish_refunds(self, external_id: str) -> None:
        self.state.finish_refunds(external_id)

    def charge_back(self, external_id: str, money: Money, *, at: datetime | None = None) -> str:
        return str(self.state.charge_back(external_id, money, at)["id"])

    def reverse_chargeback(self, external_id: str, chargeback_id: str, *, at: datetime | None = None) -> None:
        self.state.reverse_chargeback(chargeback_id, at)

    def end_mandate(self, ref: MandateRef) -> None:
        self.state.end_mandate(ref.customer, ref.mandate)

    def decline_next_charge(self, kind: FailureKind) -> None:
        self.state.declines.append(kind)

    def trouble(self, what: Trouble, times: int = 1) -> None:
        with self.state.lock:
            self.state.troubles += [what] * times

    def news(self, external_id: str) -> tuple[Mapping[str, str], bytes]:
        return {"Content-Type": "application/x-www-form-urlencoded"}, post.body(external_id)

    def count(self, what: Literal["payments", "refunds"]) -> int:
        return len(self.state.data[what])
