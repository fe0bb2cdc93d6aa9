"""What Stripe's own library says of Stripe's API, held against what we send and against what our double answers.

The library takes any dictionary at run time; only its generated types know which parameters there are. So they are
walked here: an unknown key, a wrong word, a wrong type and a missing one are faults, each said with its place.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ForwardRef, Literal, NotRequired, Required, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl

import stripe
from stripe import params
from stripe._object_classes import get_object_class
from stripe._request_options import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

VERSION = "2026-10-28.endive"
#: Method and path of each request that we make, and the type of its parameters; None: it takes but ``expand``.
CONTRACT: list[tuple[str, str, Any]] = [
    ("POST", r"/v1/checkout/sessions", params.checkout.SessionCreateParams),
    ("GET", r"/v1/checkout/sessions", params.checkout.SessionListParams),
    ("GET", r"/v1/checkout/sessions/cs_\w+", params.checkout.SessionRetrieveParams),
    ("POST", r"/v1/checkout/sessions/cs_\w+/expire", params.checkout.SessionExpireParams),
    ("POST", r"/v1/payment_intents", params.PaymentIntentCreateParams),
    ("GET", r"/v1/payment_intents", params.PaymentIntentListParams),
    ("GET", r"/v1/payment_intents/pi_\w+", params.PaymentIntentRetrieveParams),
    ("POST", r"/v1/payment_intents/pi_\w+/cancel", params.PaymentIntentCancelParams),
    ("GET", r"/v1/setup_intents", params.SetupIntentListParams),
    ("POST", r"/v1/refunds", params.RefundCreateParams),
    ("GET", r"/v1/refunds", params.RefundListParams),
    ("GET", r"/v1/disputes", params.DisputeListParams),
    ("GET", r"/v1/charges", params.ChargeListParams),
    ("GET", r"/v1/charges/(?:ch|py)_\w+", params.ChargeRetrieveParams),
    ("GET", r"/v1/payment_methods/pm_\w+", params.PaymentMethodRetrieveParams),
    ("POST", r"/v1/payment_methods/pm_\w+/detach", params.PaymentMethodDetachParams),
    ("GET", r"/v1/mandates/mandate_\w+", params.MandateRetrieveParams),
    ("GET", r"/v1/events", params.EventListParams),
]


def request_faults(method: str, path: str, form: str, headers: dict[str, str]) -> list[str]:
    """Of one request; ``form`` is its body, or its query."""
    found = [kind for verb, pattern, kind in CONTRACT if verb == method and re.fullmatch(pattern, path)]
    if not found:
        return [f"{method} {path}: nothing is said about this request"]
    faults = [*_faults(nested(parse_qsl(form, keep_blank_values=True)), found[0], "")]
    if headers.get("stripe-version") != VERSION:
        faults.append(f"the API's version is {headers.get('stripe-version')}")
    if method == "POST" and not headers.get("idempotency-key"):
        faults.append("there is no idempotency key")
    if "x-stripe-client-telemetry" in headers or "telemetry" in headers.get("x-stripe-client-user-agent", ""):
        faults.append("it tells about this machine")
    return [f"{method} {path}: {fault}" for fault in faults]


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """``a[b][0]=c`` as ``{"a": {"b": ["c"]}}``."""
    whole: dict[str, Any] = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+", name)
        node = whole
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return {name: _lists(value) for name, value in whole.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(one) for name, one in value.items()}
    if [*inner] == [str(place) for place in range(len(inner))]:
        return [*inner.values()]
    return inner


def _faults(value: Any, hint: Any, at: str) -> Iterator[str]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required):
        yield from _faults(value, args[0], at)
    elif is_typeddict(hint):
        yield from _in_dictionary(value, hint, at)
    elif origin in (Union, types.UnionType):
        yield from _in_union(value, args, at)
    elif origin is Literal:
        if value not in args:
            yield f"{at}: {value!r} is none of {', '.join(map(repr, args))}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
            return
        for place, one in enumerate(value):
            yield from _faults(one, args[0], f"{at}[{place}]")
    elif origin is dict:
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            yield f"{at}: {value!r} does not name texts"
    elif not _is(value, hint):
        yield f"{at}: {value!r} is no {getattr(hint, '__name__', hint)}"


#: Names in the options of a request, which the parameters inherit and their modules do not know.
_ELSEWHERE = {"StripeContext": object, "Mapping": Mapping}


def _in_dictionary(value: Any, hint: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} has no parts"
        return
    hints = get_type_hints(hint, None, _ELSEWHERE, include_extras=True)
    known = {name: inner for name, inner in hints.items() if name not in RequestOptions.__annotations__}
    for name in hint.__required_keys__ & known.keys() - value.keys():
        yield f"{at or 'the request'}: {name} is missing"
    for name, one in value.items():
        where = f"{at}[{name}]" if at else name
        if name in known:
            yield from _faults(one, known[name], where)
        else:
            yield f"{where}: there is no such parameter"


def _in_union(value: Any, args: tuple[Any, ...], at: str) -> Iterator[str]:
    """Where words are named, "any text" beside them is only for words that are yet to come."""
    words = [arg for arg in args if get_origin(arg) is Literal and get_args(arg) != ("",)]
    options = [arg for arg in args if not (words and arg is str)]
    tried = [[*_faults(value, arg, at)] for arg in options]
    if all(tried):
        yield from min(tried, key=len)


def _is(value: Any, kind: Any) -> bool:
    """Everything is text on the way."""
    if not isinstance(value, str):
        return False
    if kind is int:
        return re.fullmatch(r"-?\d+", value) is not None
    if kind is bool:
        return value in ("true", "false")
    if kind in (float, Decimal):
        return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
    return kind is str


# --- what the double answers ----------------------------------------------------------------------------------------


def object_faults(thing: dict[str, Any]) -> list[str]:
    """Of an object as the API would send it: Stripe's library describes each."""
    return [*_object(thing, get_object_class("V1", thing["object"]), thing["object"])]


def _object(value: Any, kind: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    hints = {name: hint for name, hint in kind.__annotations__.items() if name not in ("OBJECT_NAME", "deleted")}
    for name, hint in hints.items():
        if name not in value and type(None) not in get_args(hint):
            yield f"{at}: {name} is missing"
    for name, one in value.items():
        if name in hints:
            yield from _part(one, hints[name], f"{at}.{name}")
        else:
            yield f"{at}.{name}: Stripe sends no such thing"


def _part(value: Any, hint: Any, at: str) -> Iterator[str]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Union:
        tried = [[*_part(value, arg, at)] for arg in args if not (arg is str and _named(args))]
        if all(tried):
            yield from min(tried, key=len)
    elif origin is Literal:
        if value not in args:
            yield f"{at}: {value!r} is none of its words"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
            return
        for one in value:
            yield from _part(one, args[0], at)
    elif isinstance(hint, ForwardRef):
        if not isinstance(value, dict) or "object" not in value:
            yield f"{at}: {value!r} is no {hint.__forward_arg__}"
        else:
            yield from _object(value, get_object_class("V1", value["object"]), at)
    elif isinstance(hint, TypeVar) or origin is not None:
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is no object"
    elif isinstance(hint, type) and issubclass(hint, stripe.StripeObject):
        yield from _object(value, hint, at)
    elif type(value) is not hint:
        yield f"{at}: {value!r} is no {hint.__name__}"


def _named(args: tuple[Any, ...]) -> bool:
    return any(get_origin(arg) is Literal for arg in args)
