"""What Mollie posts: the classic ``id=tr_…``, which anybody could post, and signed events of its newer webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from supporters.payments.gateway import BadNotification, Nudge
from supporters.payments.mollie.answers import key_in
from supporters.payments.mollie.checks import is_id

#: An event carries one payment with its metadata, of 1 kB at most; there is no reason to read more.
LARGEST = 200_000
_PAYMENT_IN_LINK = re.compile(r"/payments/(tr_[A-Za-z0-9]{4,60})(?![^/?])", re.ASCII)


def read(headers: Mapping[str, str], raw: bytes, secrets: tuple[str, ...]) -> list[Nudge]:
    """Raises BadNotification, and nothing else, for whatever Mollie would not post."""
    given = {str(name).lower(): str(value) for name, value in headers.items()}
    kind = given.get("content-type", "").partition(";")[0].strip().lower()
    if len(raw) > LARGEST:
        raise BadNotification("This is longer than what Mollie posts.")
    if kind in ("", "application/x-www-form-urlencoded") and not raw.lstrip().startswith(b"{"):
        return [Nudge(_classic(raw))]
    if kind not in ("", "application/json", "application/hal+json"):
        raise BadNotification("Mollie posts a form or JSON, not this.")
    if not _is_signed(given.get("x-mollie-signature", ""), raw, secrets):
        raise BadNotification("This is not signed with a webhook secret of ours.")
    return _event(raw)


def signature(raw: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def _is_signed(given: str, raw: bytes, secrets: tuple[str, ...]) -> bool:
    """Every secret is tried, for as long as it takes; a blank one signs nothing, or anybody could sign with it."""
    asked = given.strip().removeprefix("sha256=").encode("utf-8", "replace")
    fits = [hmac.compare_digest(signature(raw, secret).encode(), asked) for secret in secrets if secret.strip()]
    return any(fits)


def _classic(raw: bytes) -> str:
    try:
        found = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=20).get("id", [])
    except ValueError:  # not ASCII, or more fields than that
        raise BadNotification("This is not the form that Mollie posts.") from None
    if len(found) != 1 or not is_id("tr", found[0]):
        raise BadNotification("The id is not that of a payment.")
    return found[0]


def _event(raw: bytes) -> list[Nudge]:
    """What it embeds says of which payment it speaks, and no more. News of other things is nothing to look at."""
    try:
        event = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadNotification("This is not the JSON that Mollie posts.") from None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise BadNotification("This is not an event of Mollie's.")
    kind, subject = event["type"], event["type"].partition(".")[0]
    if subject not in ("payment", "refund", "chargeback"):
        return []
    entity = _inside(event, "_embedded", "entity")
    entity = entity if isinstance(entity, dict) else {}
    link = _PAYMENT_IN_LINK.search(str(_inside(event, "_links", "entity", "href") or ""))
    named = event.get("entityId") if subject == "payment" else entity.get("paymentId") or (link and link[1])
    if not isinstance(named, str) or not is_id("tr", named):
        raise BadNotification("The event does not say which payment it is about.")
    mode = entity.get("mode")
    return [
        Nudge(
            named,
            event_id=event["id"] if isinstance(event.get("id"), str) else None,
            kind=kind,
            key=key_in(entity.get("metadata"), "payment") if subject == "payment" else None,
            is_live=mode == "live" if mode in ("live", "test") else None,
        )
    ]


def _inside(found: Any, *path: str) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
