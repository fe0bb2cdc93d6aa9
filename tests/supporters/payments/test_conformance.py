"""The suite for gateways lets an honest one through, and notices each of these faults by the test that is about it."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supporters.money import Money
from supporters.payments.conformance import GatewayConformance, Stage
from supporters.payments.gateway import (
    BadNotification,
    Declined,
    Failure,
    GatewayAccount,
    Misasked,
    Nudge,
    RateLimited,
    Snapshot,
    Unavailable,
)
from supporters.payments.memory import MemoryBackstage, MemoryGateway
from supporters.payments.memory.gateway import SIGNATURE, sign
from tests.modules import ROOT, imported_by, sources

ACCOUNT = GatewayAccount(
    "memory", "memory", "key-of-the-account", False, ("secret-of-the-webhook", "the-former-secret")
)


def staged(kind: type[MemoryGateway] = MemoryGateway, account: GatewayAccount = ACCOUNT) -> Stage:
    gateway = kind(account, now=lambda: datetime.now(UTC))
    return gateway, MemoryBackstage(gateway)


class TestMemory(GatewayConformance):
    @pytest.fixture
    def stage(self) -> Stage:
        return staged()


class TestMemoryWhoseRefundsWait(GatewayConformance):
    @pytest.fixture
    def stage(self) -> Stage:
        gateway, backstage = staged()
        backstage.vendor.refunds_wait = True
        return gateway, backstage


class TestMemoryOfALiveCardAccountInDollars(GatewayConformance):
    @pytest.fixture
    def stage(self) -> Stage:
        return staged(account=replace(ACCOUNT, is_live=True, currency="USD", methods=("card",)))


class Unsigned(MemoryGateway):
    """News is an id and no more, as a classic webhook posts it."""

    def notifications(self, headers, raw, now):
        try:
            external_id = json.loads(raw)["id"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise BadNotification("The notification cannot be read.") from error
        if not isinstance(external_id, str):
            raise BadNotification("The notification cannot be read.")
        return [Nudge(external_id)]


class TestMemoryWithUnsignedNews(GatewayConformance):
    signed = False

    @pytest.fixture
    def stage(self) -> Stage:
        return staged(Unsigned)


# --- faults --------------------------------------------------------------------------------------------------------

FAULTS: list[Any] = []


def noticed_by(test: str, *arguments: str) -> Callable[[type[MemoryGateway]], type[MemoryGateway]]:
    def keep(kind: type[MemoryGateway]) -> type[MemoryGateway]:
        FAULTS.append(pytest.param(kind, test, arguments, id=f"{kind.__name__}-{test}"))
        return kind

    return keep


class Sees(MemoryGateway):
    """Changes whatever is seen of a payment."""

    def _seen(self, payment):
        return self.changed(super()._seen(payment))

    def changed(self, snapshot: Snapshot) -> Snapshot:
        raise NotImplementedError


@noticed_by("test_the_same_key_is_the_same_payment")
@noticed_by("test_a_payment_is_the_same_however_it_is_found")
@noticed_by("test_two_at_once_with_one_key_are_one_payment")
class IgnoresTheKey(MemoryGateway):
    def begin(self, order, urls):
        self.vendor.keys.pop(order.key, None)
        return super().begin(order, urls)


@noticed_by("test_the_same_key_is_charged_once")
class ChargesAgain(MemoryGateway):
    def charge(self, order, mandate):
        self.vendor.keys.pop(order.key, None)
        return super().charge(order, mandate)


@noticed_by("test_the_same_key_goes_back_once")
class RefundsAgain(MemoryGateway):
    def refund(self, order, external_id):
        self.vendor.refund_keys.pop(order.key, None)
        return super().refund(order, external_id)


@noticed_by("test_a_lost_answer_and_the_same_key_move_money_once", "begin", "drop")
@noticed_by("test_a_lost_answer_and_the_same_key_move_money_once", "begin", "500_done")
class ForgetsTheKeyWhenTheAnswerIsLost(MemoryGateway):
    def begin(self, order, urls):
        try:
            return super().begin(order, urls)
        except Unavailable:
            self.vendor.keys.pop(order.key, None)
            raise


@noticed_by("test_without_an_answer_the_outcome_is_unknown", "charge", "drop")
@noticed_by("test_without_an_answer_the_outcome_is_unknown", "charge", "html")
class IsSureThatNothingHappened(MemoryGateway):
    def charge(self, order, mandate):
        try:
            return super().charge(order, mandate)
        except Unavailable as error:
            raise Unavailable(outcome_unknown=False) from error


@noticed_by("test_too_many_requests_make_nothing", "begin")
class AsksAgainAtOnce(MemoryGateway):
    def begin(self, order, urls):
        try:
            return super().begin(order, urls)
        except RateLimited:
            super().begin(order, urls)
            raise


@noticed_by("test_find_finds_only_its_own_key")
class FindsSomebodyElses(MemoryGateway):
    def find(self, order):
        latest = list(self.vendor.payments.values())[-1:]
        return super().find(order) or next((self._seen(one) for one in latest), None)


@noticed_by("test_find_finds_only_its_own_key")
class FindsByTheBeginning(MemoryGateway):
    def find(self, order):
        key = next((key for key in self.vendor.keys if key.startswith(order.key)), order.key)
        return super().find(replace(order, key=key))


@noticed_by("test_find_looks_past_the_first_page")
class FindsOnTheFirstPage(MemoryGateway):
    def find(self, order):
        found = super().find(order)
        page = list(self.vendor.payments)[-50:]
        return found if found and found.external_id in page else None


@noticed_by("test_what_was_paid_stays_paid")
@noticed_by("test_what_was_said_once_is_said_ever_after")
class IsNotPaidAfterAChargeback(Sees):
    def changed(self, snapshot):
        return replace(snapshot, state="failed" if snapshot.chargebacks else snapshot.state)


@noticed_by("test_of_many_refunds_none_is_left_out")
class ReadsOnePageOfRefunds(Sees):
    def changed(self, snapshot):
        return replace(snapshot, refunds=snapshot.refunds[:50])


@noticed_by("test_a_refund_from_the_dashboard_is_seen_and_not_ours")
class SeesOnlyItsOwnRefunds(Sees):
    def changed(self, snapshot):
        return replace(snapshot, refunds=tuple(one for one in snapshot.refunds if one.key is not None))


@noticed_by("test_a_refund_that_comes_back_is_seen")
@noticed_by("test_what_was_said_once_is_said_ever_after")
class ForgetsARefundThatCameBack(Sees):
    def changed(self, snapshot):
        return replace(snapshot, refunds=tuple(one for one in snapshot.refunds if one.state != "failed"))


@noticed_by("test_what_a_donor_takes_back_and_loses_again_is_seen")
@noticed_by("test_what_was_said_once_is_said_ever_after")
class ForgetsAChargebackThatWasReversed(Sees):
    def changed(self, snapshot):
        return replace(snapshot, chargebacks=tuple(one for one in snapshot.chargebacks if one.reversed_at is None))


@noticed_by("test_what_was_said_once_is_said_ever_after")
class DatesEverythingByTheClock(Sees):
    def changed(self, snapshot):
        moved = tuple(replace(one, at=datetime.now(UTC)) for one in snapshot.refunds)
        return replace(snapshot, refunds=moved)


@noticed_by("test_what_changed_since_is_listed")
class ListsOnePageOfChanges(MemoryGateway):
    def changed_since(self, since):
        return super().changed_since(since)[:50]


@noticed_by("test_what_changed_since_is_listed")
class ListsOnlyWhatWasMade(MemoryGateway):
    def changed_since(self, since):
        made = {external_id for external_id, one in self.vendor.payments.items() if one.order.made_at >= since}
        return [external_id for external_id in super().changed_since(since) if external_id in made]


@noticed_by("test_money_is_exact")
@noticed_by("test_what_is_paid_is_received_once_at_its_moment")
class SwapsTheCurrency(Sees):
    def changed(self, snapshot):
        return replace(snapshot, money=Money(snapshot.money.amount, "USD" if snapshot.state == "paid" else "EUR"))


@noticed_by("test_money_is_exact")
class CountsInFloats(Sees):
    def changed(self, snapshot):
        return replace(snapshot, money=Money(int(snapshot.money.amount / 100 * 100)))


@noticed_by("test_another_currency_is_exact_or_refused")
class GivesEveryCurrencyTwoDecimals(Sees):
    def changed(self, snapshot):
        money = snapshot.money
        return replace(snapshot, money=Money(money.amount * 100, "JPY") if money.currency == "JPY" else money)


@noticed_by("test_money_is_exact")
@noticed_by("test_snapshots_are_plain_data")
class ReturnsFloats(Sees):
    def changed(self, snapshot):
        money = Money(snapshot.money.amount)
        object.__setattr__(money, "amount", float(money.amount))
        return replace(snapshot, money=money)


class SdkText(str):
    """What looks like a string, and hangs on to an SDK."""


class SdkObject:
    """What looks like a failure."""

    kind, code, message = "soft", "insufficient_funds", ""


@noticed_by("test_snapshots_are_plain_data")
class LeaksAnSdksText(Sees):
    def changed(self, snapshot):
        return replace(snapshot, method=SdkText(snapshot.method))


@noticed_by("test_snapshots_are_plain_data")
class LeaksAnSdksObject(Sees):
    def changed(self, snapshot):
        return replace(snapshot, failure=SdkObject() if snapshot.failure else None)


@noticed_by("test_snapshots_are_plain_data")
class ReturnsAList(Sees):
    def changed(self, snapshot):
        return replace(snapshot, refunds=list(snapshot.refunds))


@noticed_by("test_snapshots_are_plain_data")
class HasAStateOfItsOwn(Sees):
    def changed(self, snapshot):
        return replace(snapshot, state="canceled" if snapshot.state == "cancelled" else snapshot.state)


@noticed_by("test_snapshots_are_plain_data")
class KnowsNoTimeZone(Sees):
    def changed(self, snapshot):
        return replace(snapshot, observed_at=snapshot.observed_at.replace(tzinfo=None))


@noticed_by("test_whether_it_is_real_is_what_the_account_says")
class SaysItIsReal(Sees):
    def changed(self, snapshot):
        return replace(snapshot, is_live=True)


@noticed_by("test_a_begun_payment_has_a_page_to_pay_at")
class DropsTheKey(Sees):
    def changed(self, snapshot):
        return replace(snapshot, key=None)


@noticed_by("test_a_payment_is_the_same_however_it_is_found")
class CallsItByItsSecondName(MemoryGateway):
    def fetch(self, external_id):
        return replace(super().fetch(external_id), external_id=external_id)


@noticed_by("test_what_is_processing_is_not_received_before_it_arrives")
class CallsProcessingPaid(Sees):
    def changed(self, snapshot):
        early = {"state": "paid", "paid_at": snapshot.observed_at} if snapshot.state == "processing" else {}
        return replace(snapshot, **early)


@noticed_by("test_no_more_goes_back_than_is_left")
class GivesBackTooMuch(MemoryGateway):
    def refund(self, order, external_id):
        try:
            return super().refund(order, external_id)
        except Declined:
            payment = self.vendor.get(external_id)
            self.vendor.give_back(payment, order.money, self.vendor.now(), key=order.key, reason="")
            return self._seen(payment)


@noticed_by("test_an_ended_mandate_is_never_charged")
class FallsBackToAnotherMandate(MemoryGateway):
    def charge(self, order, mandate):
        valid = [ref for ref, held in self.vendor.mandates.items() if held.state == "valid"]
        return super().charge(order, mandate if mandate in valid else valid[0])


@noticed_by("test_a_charge_that_is_declined_says_how")
class CallsEveryDeclineSoft(MemoryGateway):
    def charge(self, order, mandate):
        try:
            return super().charge(order, mandate)
        except Declined as error:
            raise Declined(Failure("soft", error.failure.code)) from error


@noticed_by("test_revoking_ends_a_mandate_and_may_be_repeated")
class OnlySaysThatItRevokes(MemoryGateway):
    def revoke(self, ref):
        return replace(self.mandate(ref), state="invalid")


@noticed_by("test_a_setup_leaves_a_mandate_and_says_what_it_moved")
class LeavesNoMandate(Sees):
    def changed(self, snapshot):
        return replace(snapshot, mandate=None)


@noticed_by("test_true_news_that_was_tampered_with_is_refused")
@noticed_by("test_news_of_another_payment_cannot_be_made_of_true_news")
@noticed_by("test_a_header_that_was_tampered_with_is_refused")
class BelievesTheBody(Unsigned):
    pass


@noticed_by("test_a_header_that_was_tampered_with_is_refused")
class ComparesTheBeginningOfASignature(MemoryGateway):
    def notifications(self, headers, raw, now):
        right = sign(self.account.webhook_secrets[0], raw)
        given = next((value for name, value in headers.items() if name.lower() == SIGNATURE.lower()), "")
        return super().notifications({SIGNATURE: right if right.startswith(given) else ""}, raw, now)


@noticed_by("test_a_headers_name_is_read_in_any_case")
class MindsTheCaseOfAHeader(MemoryGateway):
    def notifications(self, headers, raw, now):
        return super().notifications({SIGNATURE: headers.get(SIGNATURE, "")}, raw, now)


@noticed_by("test_garbage_is_refused")
class ReadsBeforeItVerifies(MemoryGateway):
    def notifications(self, headers, raw, now):
        try:
            said = json.loads(raw)
        except ValueError as error:
            raise BadNotification("no JSON") from error
        assert said is None or said["id"]
        return super().notifications(headers, raw, now)


@noticed_by("test_garbage_is_refused")
class ExpectsUtf8(MemoryGateway):
    def notifications(self, headers, raw, now):
        raw.decode()
        return super().notifications(headers, raw, now)


@noticed_by("test_a_header_that_was_tampered_with_is_refused")
@noticed_by("test_random_bytes_are_refused")
class ExpectsAsciiInAHeader(MemoryGateway):
    def notifications(self, headers, raw, now):
        for value in headers.values():
            value.encode("ascii")
        return super().notifications(headers, raw, now)


@noticed_by("test_the_vendors_own_news_names_the_payment")
class NamesTheEvent(MemoryGateway):
    def notifications(self, headers, raw, now):
        return [replace(one, external_id=one.event_id) for one in super().notifications(headers, raw, now)]


@noticed_by("test_fetch_refuses_what_is_no_id_before_it_asks")
class AsksBeforeItLooks(MemoryGateway):
    def fetch(self, external_id):
        with socket.socket() as asking:
            asking.settimeout(1)
            asking.connect_ex(("127.0.0.1", 9))
        return super().fetch(external_id)


@noticed_by("test_fetch_refuses_what_is_no_id_before_it_asks")
class LooksAtTheBeginning(MemoryGateway):
    def fetch(self, external_id):
        return super().fetch(external_id[:20] if external_id.startswith("mem_") else external_id)


@noticed_by("test_fetch_refuses_what_is_no_id_before_it_asks")
class OverlooksANewline(MemoryGateway):
    def fetch(self, external_id):
        return super().fetch(external_id.removesuffix("\n"))


@noticed_by("test_what_the_vendor_does_not_have_is_gone")
class HasKeyErrors(MemoryGateway):
    def fetch(self, external_id):
        if not re.fullmatch("mem_.{16}", external_id):
            return super().fetch(external_id)
        return self._seen(self.vendor.payments[external_id])


@noticed_by("test_no_secret_is_in_an_error_or_a_log")
class TellsItsKeyInAnError(MemoryGateway):
    def fetch(self, external_id):
        try:
            return super().fetch(external_id)
        except Misasked as error:
            raise Misasked("%(id)s is no id (%(key)s)", id="it", key=self.account.key) from error


@noticed_by("test_no_secret_is_in_an_error_or_a_log")
class TellsItsKeyInACause(MemoryGateway):
    def fetch(self, external_id):
        try:
            return super().fetch(external_id)
        except Misasked as error:
            raise Misasked("It is no id.") from ValueError(f"GET /payments with Bearer {self.account.key}: {error}")


@noticed_by("test_no_secret_is_in_an_error_or_a_log")
class LogsThePayer(MemoryGateway):
    def begin(self, order, urls):
        logging.getLogger("acme").info("Begins for %s", order.payer and order.payer.email)
        return super().begin(order, urls)


@noticed_by("test_no_secret_is_shown_by_an_account_or_a_gateway")
class ShowsItsKey(MemoryGateway):
    def __repr__(self):
        return f"Acme({self.account.key})"


@pytest.mark.parametrize(("kind", "test", "arguments"), FAULTS)
def test_a_fault_is_noticed_by_the_test_that_is_about_it(
    kind: type[MemoryGateway], test: str, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(AssertionError):
        getattr(GatewayConformance(), test)(staged(kind), *arguments)


# --- for others ----------------------------------------------------------------------------------------------------


def test_the_suite_stands_on_its_own() -> None:
    """A gateway outside this project has the package and not its tests."""
    for name, path in sources().items():
        if name.startswith("supporters.payments.conformance"):
            assert [one for one in imported_by(path.read_text(), name) if one.split(".")[0] in ("tests", "admin")] == []


def test_the_page_about_gateways_shows_a_test_that_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs/developer/write-a-gateway.md").read_text()
    shown = next(block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "GatewayConformance" in block)
    (tmp_path / "acme.py").write_text(
        "from supporters.payments.memory import MemoryBackstage as AcmeBackstage, MemoryGateway as AcmeGateway\n"
    )
    (tmp_path / "test_acme.py").write_text(shown)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_acme.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
    )
    tests = sum(name.startswith("test_") for name in dir(GatewayConformance))
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= tests > 50
    assert "skipped" not in done.stdout


def test_a_gateway_without_mandates_or_refunds_is_not_asked_for_them() -> None:
    class Plain(MemoryGateway):
        def capabilities(self):
            return replace(super().capabilities(), mandates=(), refunds=False)

    for test in ("test_a_first_payment_leaves_a_mandate_to_charge", "test_the_same_key_goes_back_once"):
        with pytest.raises(pytest.skip.Exception):
            getattr(GatewayConformance(), test)(staged(Plain))
    GatewayConformance().test_snapshots_are_plain_data(staged(Plain))


def test_a_clock_that_stands_still_will_do() -> None:
    class Still(GatewayConformance):
        def now(self) -> datetime:
            return datetime(2026, 12, 1, 9, tzinfo=UTC)

    gateway = MemoryGateway(ACCOUNT, now=Still().now)
    stage = gateway, MemoryBackstage(gateway)
    Still().test_what_changed_since_is_listed(stage)
    Still().test_what_is_paid_is_received_once_at_its_moment(stage)
    assert gateway.changed_since(Still().now() + timedelta(seconds=1)) == []
