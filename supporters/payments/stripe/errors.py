"""What Stripe's library raises, as the errors of a gateway; and what a refusal of Stripe's means for a next try.

No message of Stripe's is passed on in an error: it repeats what it was sent, and that can be somebody's address.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from supporters.payments.gateway import (
    Conflict,
    Failure,
    FailureKind,
    GatewayError,
    Gone,
    Misasked,
    RateLimited,
    Unauthorised,
    Unavailable,
)

#: The donor's bank wants the donor: a new payment at Stripe's page may succeed.
_DONOR = {
    "authentication_required", "authentication_failure", "authentication_not_handled",
    "payment_intent_action_required", "payment_intent_authentication_failure",
    "setup_intent_authentication_failure", "mobile_device_authentication_required",
}  # fmt: skip
#: Never again on this mandate. do_not_honor is not here: its bank says do_not_try_again where it means that.
_HARD = {
    "expired_card", "lost_card", "stolen_card", "pickup_card", "restricted_card", "fraudulent", "security_violation",
    "merchant_blacklist", "revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order",
    "do_not_try_again", "no_action_taken", "not_permitted", "transaction_not_allowed", "service_not_allowed",
    "card_not_supported", "currency_not_supported", "invalid_account", "invalid_number", "incorrect_number",
    "invalid_expiry_month", "invalid_expiry_year", "expired_payment_method", "testmode_decline",
    "account_closed", "account_invalid", "account_number_invalid", "bank_account_closed", "bank_account_restricted",
    "bank_account_unusable", "debit_not_authorized", "no_account", "recipient_deceased", "branch_does_not_exist",
    "incorrect_account_holder_name", "invalid_account_number", "invalid_currency", "sepa_unsupported_account",
    "billing_invalid_mandate", "payment_intent_mandate_invalid", "payment_method_unactivated",
    "payment_method_restricted", "payment_method_bank_account_blocked", "payment_method_unexpected_state",
    "payment_method_currency_mismatch", "payment_intent_incompatible_payment_method",
}  # fmt: skip
_ADVICE: dict[str, FailureKind] = {"do_not_try_again": "hard", "confirm_card_data": "hard"}
#: Too little told by itself: what stands beside it says more.
_VAGUE = ("card_declined", "payment_intent_payment_attempt_failed", "setup_attempt_failed")
_WORDS = ("type", "code", "decline_code", "advice_code", "param", "message")
_IN_USE = ("idempotency_key_in_use", "lock_timeout")
#: A refund that Stripe cannot make, however often it is asked.
_NOT_REFUNDABLE = {
    "charge_already_refunded", "charge_disputed", "charge_not_refundable", "refund_disputed_payment",
    "payment_intent_unexpected_state", "amount_too_large", "amount_too_small",
}  # fmt: skip


def failure(error: Mapping[str, Any] | None, charge: Mapping[str, Any] | None = None) -> Failure:
    """Of the ``error`` (an intent's last one, or that of an answer) and the charge that failed."""
    error, charge = error or {}, charge or {}
    outcome = charge.get("outcome") or {}
    codes = [error.get("decline_code"), outcome.get("reason"), charge.get("failure_code"), error.get("code")]
    told = [code for code in codes if isinstance(code, str) and code]
    code = next((one for one in told if one not in _VAGUE), told[0] if told else "unknown")
    advice = error.get("advice_code") or outcome.get("advice_code")
    message = error.get("message") or charge.get("failure_message") or ""
    kind: FailureKind = "soft"
    if code in _DONOR:
        kind = "donor"
    elif code in _HARD or advice in _ADVICE:
        kind = "hard"
    return Failure(kind, code[:100], str(message)[:200])


def refusal_of_refund(error: BaseException | None) -> Failure | None:
    """Why it cannot go back; None where the request itself is wrong."""
    body = body_of(error)
    code = body.get("code")
    if code == "balance_insufficient":
        return Failure("soft", code)
    if code in _NOT_REFUNDABLE:
        return Failure("hard", str(code))
    # More than is left to refund has no code of its own.
    return Failure("hard", "amount_too_large") if code is None and body.get("param") == "amount" else None


def refusal_of_charge(error: BaseException | None) -> Failure | None:
    """Why this mandate cannot be charged where Stripe makes no payment of it; None where something else is wrong."""
    body = body_of(error)
    if body.get("type") == "card_error":
        return failure(body)
    code, about = body.get("code"), body.get("param")
    if code in _HARD or (about in ("payment_method", "mandate") and code != "resource_missing"):
        return Failure("hard", str(code or "payment_method_unusable"))
    return None


def intent_of(error: BaseException | None) -> str | None:
    """The payment that was refused, where Stripe made one."""
    intent = body_of(error).get("payment_intent")
    ident = intent.get("id") if isinstance(intent, dict) else intent
    return ident if isinstance(ident, str) else None


def translated(error: Exception, *, changing: bool) -> GatewayError:
    """``changing``: what was asked may move money, or make something, even where no answer came."""
    import stripe

    body = body_of(error)
    code, status = body.get("code"), getattr(error, "http_status", None)
    if isinstance(error, stripe.RateLimitError):
        return RateLimited(_after(error))
    if isinstance(error, stripe.IdempotencyError) or status == 409 or code in _IN_USE:
        return Conflict("Stripe has this key at work, or for something else (%(code)s).", code=code or "idempotency")
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        return Unauthorised("Stripe does not take the key of this account (%(code)s).", code=code or status)
    if _missing(error):
        return Gone("Stripe has no such object (%(param)s).", param=body.get("param") or "id")
    if isinstance(error, stripe.CardError):
        return Misasked("Stripe refuses this (%(code)s).", code=code)
    if isinstance(error, stripe.InvalidRequestError):
        return Misasked(
            "Stripe does not take what was asked (%(code)s, %(param)s).", code=code or status, param=body.get("param")
        )
    if isinstance(error, stripe.APIConnectionError):
        return _unconnected(error, changing=changing)
    if isinstance(error, stripe.StripeError):
        return Unavailable(outcome_unknown=changing, why=f"answer {status}" if status else "no readable answer")
    return Unavailable(outcome_unknown=changing, why=f"no readable answer, {type(error).__name__}")


class Told(Exception):
    """What Stripe's library raised, without its words: what a traceback shows. The answer itself is not shown."""

    def __init__(self, error: Exception) -> None:
        self.body = body_of(error)
        self.headers = dict(getattr(error, "headers", None) or {})
        status = getattr(error, "http_status", None)
        said = (type(error).__name__, status, *(self.body.get(name) for name in ("code", "decline_code", "param")))
        super().__init__(" ".join(str(one)[:60] for one in said if one))


def body_of(error: BaseException | None) -> dict[str, Any]:
    """The ``error`` of the answer, plain; empty where there was none."""
    if isinstance(error, Told):
        return error.body
    body = getattr(error, "json_body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    found = inner if isinstance(inner, dict) else {}
    return {name: value for name, value in found.items() if name not in _WORDS or isinstance(value, str)}


def replayed(error: BaseException | None) -> bool:
    """Whether Stripe only repeated what it answered to this key before: an old 500 too."""
    return isinstance(error, Told) and says_replayed(error.headers)


def says_replayed(headers: Mapping[str, str]) -> bool:
    return _header(headers, "Idempotent-Replayed") == "true"


def _missing(error: Exception) -> bool:
    return body_of(error).get("code") == "resource_missing" or getattr(error, "http_status", None) == 404


def _after(error: Exception) -> float:
    try:
        seconds = float(_header(getattr(error, "headers", None) or {}, "Retry-After"))
    except ValueError:  # none, or a date
        return 1.0
    return min(max(seconds, 0.0), 3600.0) if math.isfinite(seconds) else 1.0


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((str(value) for key, value in headers.items() if str(key).lower() == name.lower()), "")


def _unconnected(error: Exception, *, changing: bool) -> Unavailable:
    """Where no connection came about nothing was sent, so nothing was done."""
    cause = error.__cause__
    unsent = _is_a(cause, "ConnectTimeout") or _is_a(_reason(cause), "NewConnectionError")
    why = "no connection" if unsent else "no answer in time" if _is_a(cause, "Timeout") else "the connection broke"
    return Unavailable(outcome_unknown=changing and not unsent, why=why)


def _reason(cause: BaseException | None) -> object:
    return getattr(cause.args[0], "reason", None) if cause is not None and cause.args else None


def _is_a(thing: object, name: str) -> bool:
    """By name: these belong to the library that Stripe's library happens to talk with."""
    return any(kind.__name__ == name for kind in type(thing).__mro__)
