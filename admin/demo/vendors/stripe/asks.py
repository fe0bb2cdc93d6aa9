"""What the double of Stripe takes: Stripe's parameters and no others. What Stripe refuses is refused here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

TEXT, NUMBER, BOOL = "text", "number", "bool"
WORDS = {TEXT: TEXT}  # metadata
#: Taken until a version ago, and by every tutorial still.
_REMOVED = {"payment_method_types": "payment_method_types_no_longer_supported"}

Spec = Any  # one of the words above, a tuple of choices, [Spec] or {name: Spec}; "name!" must be there


class ApiError(Exception):
    """An answer of Stripe's that is no success."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", **said: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message} | {k: v for k, v in said.items() if v is not None}}


_MOMENTS = {"created": {"gt": NUMBER, "gte": NUMBER, "lt": NUMBER, "lte": NUMBER}}
_LIST = {"limit": NUMBER, "starting_after": TEXT, "ending_before": TEXT, "expand": [TEXT]} | _MOMENTS
_METHODS = [
    ("ideal", "bancontact", "card", "paypal", "sepa_debit", "link", "eps", "p24", "klarna", "twint", "blik", "alipay")
]
_PRICE = {"currency!": TEXT, "unit_amount!": NUMBER, "product_data": {"name!": TEXT, "description": TEXT}}
_INTENT_DATA = {"metadata": WORDS, "description": TEXT, "setup_future_usage": ("off_session", "on_session")}
_LOCALES = (
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv",
    "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
)  # fmt: skip

SPECS: dict[str, dict[str, Spec]] = {
    "checkout.session.create": {
        "mode!": ("payment", "setup"), "ui_mode": ("hosted_page",), "allowed_payment_method_types": _METHODS,
        "success_url!": TEXT, "cancel_url": TEXT, "locale": _LOCALES, "metadata": WORDS, "currency": TEXT,
        "customer": TEXT, "customer_creation": ("always", "if_required"), "customer_email": TEXT,
        "submit_type": ("auto", "book", "donate", "pay", "subscribe"), "adaptive_pricing": {"enabled": BOOL},
        "line_items": [{"price_data!": _PRICE, "quantity": NUMBER}], "payment_intent_data": _INTENT_DATA,
        "setup_intent_data": {"metadata": WORDS, "description": TEXT}, "client_reference_id": TEXT,
        "expires_at": NUMBER, "expand": [TEXT],
    },
    "checkout.session.list": _LIST | {"payment_intent": TEXT, "customer": TEXT, "status": TEXT},
    "checkout.session.expire": {"expand": [TEXT]},
    "payment_intent.create": {
        "amount!": NUMBER, "currency!": TEXT, "customer!": TEXT, "payment_method!": TEXT,
        "off_session!": BOOL, "confirm!": BOOL, "description": TEXT, "metadata": WORDS, "return_url": TEXT,
        "automatic_payment_methods": {"enabled!": BOOL, "allow_redirects": ("always", "never")},
        "allowed_payment_method_types": _METHODS, "expand": [TEXT],
    },
    "payment_intent.list": _LIST | {"customer": TEXT},
    "payment_intent.cancel": {
        "cancellation_reason": ("abandoned", "duplicate", "fraudulent", "requested_by_customer"), "expand": [TEXT],
    },
    "setup_intent.list": _LIST | {"customer": TEXT, "payment_method": TEXT},
    "customer.create": {"email": TEXT, "name": TEXT, "description": TEXT, "metadata": WORDS, "expand": [TEXT]},
    "customer.list": _LIST | {"email": TEXT},
    "payment_method.detach": {"expand": [TEXT]},
    "refund.create": {
        "payment_intent": TEXT, "charge": TEXT, "amount": NUMBER, "metadata": WORDS, "expand": [TEXT],
        "reason": ("duplicate", "fraudulent", "requested_by_customer"),
    },
    "refund.list": _LIST | {"payment_intent": TEXT, "charge": TEXT},
    "dispute.list": _LIST | {"payment_intent": TEXT, "charge": TEXT},
    "charge.list": _LIST | {"payment_intent": TEXT, "customer": TEXT},
    "balance_transaction.list": _LIST | {"source": TEXT, "type": TEXT, "currency": TEXT, "payout": TEXT},
    "event.list": _LIST | {"type": TEXT, "types": [TEXT], "delivery_success": BOOL},
    "retrieve": {"expand": [TEXT]},
}  # fmt: skip


def parsed(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """``a[b][0][c]=1`` as nested dictionaries and lists."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = [part for part in re.split(r"[\[\]]+", name) if part or name.endswith("[]")]
        path = [first, *[part for part in rest if part]]
        if name.endswith("[]"):
            path.append(str(sum(1 for _ in _at(tree, path))))
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ApiError(400, "Invalid request: a parameter was given twice.", param=name)
        node[path[-1]] = value
    return {name: _listed(value) for name, value in tree.items()}


def _at(tree: dict[str, Any], path: list[str]) -> dict[str, Any]:
    for part in path:
        tree = tree.get(part, {})
    return tree


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def taken(given: dict[str, Any], spec: dict[str, Spec], where: str = "") -> dict[str, Any]:
    """The parameters as what they are; raises ApiError at the first that Stripe would refuse."""
    if spec == WORDS:
        return {name: _value(value, TEXT, f"{where}[{name}]") for name, value in given.items()}
    names = {name.rstrip("!"): (name.endswith("!"), inner) for name, inner in spec.items()}
    for name in given:
        at = f"{where}[{name}]" if where else name
        if name not in names:
            code = _REMOVED.get(name, "parameter_unknown")
            raise ApiError(400, f"Received unknown parameter: {at}", code=code, param=at)
    for name, (needed, _inner) in names.items():
        if needed and name not in given:
            at = f"{where}[{name}]" if where else name
            raise ApiError(400, f"Missing required param: {at}.", code="parameter_missing", param=at)
    return {name: _value(value, names[name][1], f"{where}[{name}]" if where else name) for name, value in given.items()}


def _value(value: Any, spec: Spec, at: str) -> Any:
    if isinstance(spec, dict):
        if at == "created" and isinstance(value, str):
            return {"gte": _number(value, at), "lte": _number(value, at)}
        if not isinstance(value, dict):
            raise ApiError(400, f"Invalid object: {at}", param=at)
        return taken(value, spec, at)
    if isinstance(spec, list):
        if not isinstance(value, list):
            raise ApiError(400, f"Invalid array: {at}", param=at)
        return [_value(one, spec[0], f"{at}[{place}]") for place, one in enumerate(value)]
    if not isinstance(value, str):
        raise ApiError(400, f"Invalid string: {at}", param=at)
    if isinstance(spec, tuple):
        if value not in spec:
            raise ApiError(400, f"Invalid {at}: must be one of {', '.join(spec)}", param=at)
        return value
    if spec == NUMBER:
        return _number(value, at)
    if spec == BOOL:
        if value not in ("true", "false"):
            raise ApiError(400, f"Invalid boolean: {value}", param=at)
        return value == "true"
    if value == "":
        raise ApiError(400, f"You passed an empty string for '{at}'.", code="parameter_invalid_empty", param=at)
    return value


def _number(value: str, at: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,15}", value):
        raise ApiError(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=at)
    return int(value)
