"""Nothing but plain data comes out of a gateway, and no secret."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from typing import Literal, get_args, get_origin, get_type_hints

from supporters.money import Money
from supporters.payments.backstage import Trouble
from supporters.payments.conformance.suite import PAYER, URLS, Stage, Suite, refused
from supporters.payments.gateway import (
    Capabilities,
    ChargebackSnapshot,
    Fact,
    Failure,
    GatewayError,
    MandateRef,
    MandateSnapshot,
    Nudge,
    RefundSnapshot,
    Snapshot,
)

OURS = (
    Capabilities, ChargebackSnapshot, Fact, Failure, MandateRef, MandateSnapshot, Money, Nudge, RefundSnapshot,
    Snapshot,
)  # fmt: skip
PLAIN = (*OURS, str, int, bool, datetime, tuple, type(None))


class Data(Suite):
    def test_snapshots_are_plain_data(self, stage: Stage) -> None:
        for snapshot in self._snapshots(stage):
            plain(snapshot)
            plain(snapshot.facts(), "facts")

    def test_what_else_comes_out_is_plain_data(self, stage: Stage) -> None:
        gateway, backstage = stage
        paid = self.paid(stage)
        plain(gateway.capabilities())
        for external_id in gateway.changed_since(self.now().replace(microsecond=0)):
            plain(external_id, "changed_since")
        for nudge in gateway.notifications(*backstage.news(paid.external_id), self.now()):
            plain(nudge)
        if gateway.capabilities().mandates:
            ref = self.mandate(stage)
            plain(gateway.mandate(ref))
            plain(gateway.revoke(ref))

    def test_no_secret_is_shown_by_an_account_or_a_gateway(self, stage: Stage) -> None:
        gateway, _ = stage
        for shown in (repr(gateway.account), str(gateway.account), repr(gateway), str(gateway)):
            self._keeps(stage, shown)

    def test_no_secret_is_in_an_error_or_a_log(self, stage: Stage) -> None:
        gateway, backstage = stage
        with _listening() as said:
            for error in self._errors(stage):
                for shown in (str(error), repr(error), repr(error.args), repr(error.params)):
                    self._keeps(stage, shown)
                self._keeps(stage, "".join(traceback.format_exception(error)))
            paid = self.paid(stage)
            gateway.notifications(*backstage.news(paid.external_id), self.now())
        self._keeps(stage, "\n".join(said))

    def _snapshots(self, stage: Stage) -> Iterator[Snapshot]:
        """One in each state and with everything that it can have."""
        gateway, backstage = stage
        money = Money(200, gateway.account.currency)
        ends: list[Callable[[str], None]] = [backstage.fail, backstage.give_up, backstage.expire, backstage.process]
        for end in ends:
            begun = self.begun(stage)
            yield begun
            end(begun.external_id)
            yield gateway.fetch(begun.external_id)
        paid = self.paid(stage)
        backstage.fail_refund(paid.external_id, backstage.refund(paid.external_id, money))
        backstage.refund(paid.external_id, money)
        backstage.reverse_chargeback(paid.external_id, backstage.charge_back(paid.external_id, money))
        yield gateway.fetch(paid.external_id)
        if gateway.capabilities().refunds:
            yield gateway.refund(self.refund_order(gateway, 100), self.paid(stage).external_id)
        if gateway.capabilities().mandates:
            yield self.paid(stage, "setup", self.setup_amount)
            charged = gateway.charge(self.order(gateway, "recurring"), self.mandate(stage))
            yield charged
            yield gateway.fetch(charged.external_id)

    def _errors(self, stage: Stage) -> Iterator[GatewayError]:
        gateway, backstage = stage
        yield refused(lambda: gateway.fetch("no id/.."), GatewayError)
        yield refused(lambda: gateway.fetch(self.unknown(self.begun(stage).external_id)), GatewayError)
        yield refused(lambda: gateway.notifications({}, b"garbage", self.now()), GatewayError)
        headers, raw = backstage.news(self.paid(stage).external_id)
        if self.signed:
            yield refused(lambda: gateway.notifications(headers, raw + b" ", self.now()), GatewayError)
        if gateway.capabilities().mandates:
            ref = self.mandate(stage)
            backstage.end_mandate(ref)
            try:
                gateway.charge(self.order(gateway, "recurring"), ref)
            except GatewayError as error:
                yield error
        purpose: Literal["first", "one_off"] = "first" if gateway.capabilities().mandates else "one_off"
        for kind in get_args(Trouble):
            backstage.trouble(kind, self.tries)
            order = self.order(gateway, purpose)
            yield refused(lambda order=order: gateway.begin(order, URLS), GatewayError)  # type: ignore[misc]

    def _keeps(self, stage: Stage, shown: str) -> None:
        account = stage[0].account
        for secret in (account.key, *account.webhook_secrets):
            assert len(secret) >= 8, "the stage's account needs a key and secrets of eight characters, to look for"
            assert secret not in shown, f"a secret is shown: {shown.replace(secret, '[SECRET]')[:500]}"
        for personal in (PAYER.name, PAYER.email):
            assert personal not in shown, "a payer's name or address is shown"


def plain(value: object, path: str = "") -> None:
    """Exactly our types: nothing of an SDK, nor what merely looks like a string or number; times know their zone."""
    path = path or type(value).__name__
    assert type(value) in PLAIN, f"{path} is a {type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, datetime):
        assert value.utcoffset() is not None, f"{path} does not say in which time zone"
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            plain(one, f"{path}[{number}]")
    elif is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value))
        for each in fields(value):
            _is_a(getattr(value, each.name), hints[each.name], f"{path}.{each.name}")
            plain(getattr(value, each.name), f"{path}.{each.name}")
        json.dumps(asdict(value), default=datetime.isoformat)


def _is_a(value: object, hint: object, path: str) -> None:
    """What the interface says it is: a datetime is no date, a state one of its words."""
    options = get_args(hint) if get_origin(hint) is not Literal and type(None) in get_args(hint) else (hint,)
    for option in options:
        if get_origin(option) is Literal:
            if value in get_args(option):
                return
        elif get_origin(option) is tuple:
            if isinstance(value, tuple):
                for one in value:
                    _is_a(one, get_args(option)[0], path)
                return
        elif type(value) is option:
            return
    raise AssertionError(f"{path} is {value!r}, and not {hint}")


class _listening:
    """What is logged meanwhile, from INFO up."""

    def __enter__(self) -> list[str]:
        said: list[str] = []
        self.handler = logging.Handler(logging.INFO)
        self.handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
        self.root = logging.getLogger()
        self.level = self.root.level
        self.root.setLevel(logging.INFO)
        self.root.addHandler(self.handler)
        return said

    def __exit__(self, *_: object) -> None:
        self.root.removeHandler(self.handler)
        self.root.setLevel(self.level)
