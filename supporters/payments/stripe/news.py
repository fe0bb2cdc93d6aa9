"""What Stripe posts: is it Stripe that posts it, and of which payment does it speak?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from supporters.payments.gateway import BadNotification, Nudge
from supporters.payments.stripe.reading import CHECKOUT, INTENT, METHOD, id_of, key_of

#: How far a signature's moment may be from ours, to either side: Stripe's library lets any moment ahead pass.
TOLERANCE = 300
#: What can change a payment. An event is asked for by name, twenty names at most.
EVENTS = (
    "checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "payment_intent.created", "payment_intent.succeeded",
    "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.canceled", "charge.updated",
    "charge.refunded", "refund.created", "refund.updated", "refund.failed", "charge.dispute.created",
    "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
)  # fmt: skip
#: What can end a mandate. These name a payment method, and no payment.
MANDATE_EVENTS = ("mandate.updated", "payment_method.detached")


def verified(headers: Mapping[str, str], raw: bytes, secrets: Sequence[str], now: datetime) -> dict[str, Any]:
    """The event, once one of the secrets signed it."""
    from stripe import SignatureVerificationError, WebhookSignature

    header = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), None)
    for secret in secrets:
        try:
            WebhookSignature.verify_header(raw, header, secret, None)
        except (SignatureVerificationError, ValueError, TypeError):  # also what is no UTF-8 and no ASCII
            continue
        _recent(header or "", now)
        return _event(raw)
    raise BadNotification("This was not signed by Stripe.")


def _recent(header: str, now: datetime) -> None:
    moment = int(next(part.split("=", 2)[1] for part in header.split(",") if part.split("=", 2)[0] == "t"))
    if abs(now.timestamp() - moment) > TOLERANCE:
        raise BadNotification("This was signed too long ago, or is yet to come.")


def _event(raw: bytes) -> dict[str, Any]:
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadNotification("This is not JSON.") from error
    if not isinstance(event, dict) or event.get("object") != "event":
        raise BadNotification("This is no event of the kind that carries its object.")
    if not isinstance(event.get("type"), str) or not isinstance(event.get("id"), str) or subject(event) is None:
        raise BadNotification("This event lacks its name, its kind or its object.")
    return event


def subject(event: Mapping[str, Any]) -> dict[str, Any] | None:
    data = event.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else None


def nudge(event: Mapping[str, Any]) -> Nudge | None:
    """None: nothing about a payment. Of a mandate the external id is its payment method's, which is no payment's."""
    kind, about = event["type"], subject(event) or {}
    key = None
    if kind.startswith(("checkout.session.", "payment_intent.")):
        external, key = about.get("id"), _key(about)
    elif kind.startswith(("charge.dispute.", "charge.refund.", "refund.")):
        external = id_of(about.get("payment_intent"))
    elif kind.startswith("charge."):
        external, key = id_of(about.get("payment_intent")), _key(about)
    elif kind in MANDATE_EVENTS:
        external = id_of(about.get("payment_method")) if kind == "mandate.updated" else about.get("id")
    else:
        return None
    if not isinstance(external, str) or not any(p.fullmatch(external) for p in (CHECKOUT, INTENT, METHOD)):
        return None
    live = event.get("livemode")
    return Nudge(external, event["id"], kind, key, live if isinstance(live, bool) else None)


def _key(about: Mapping[str, Any]) -> str | None:
    metadata = about.get("metadata")
    key = key_of(about) if isinstance(metadata, dict) else None
    return key if isinstance(key, str) else None
