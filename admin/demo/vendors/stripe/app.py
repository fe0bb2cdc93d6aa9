"""A double of Stripe: enough of its API, its page where a donor pays and a plain dashboard, on one memory.

``create_app(state)`` is a WSGI application that can be served by itself or below a prefix.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, Response, request, url_for

from admin.demo.vendors.stripe import pages, payments
from admin.demo.vendors.stripe.asks import SPECS, ApiError, parsed, taken
from admin.demo.vendors.stripe.backstage import StripeBackstage
from admin.demo.vendors.stripe.mandates import detach
from admin.demo.vendors.stripe.returns import refund
from admin.demo.vendors.stripe.shapes import API_VERSION, Thing
from admin.demo.vendors.stripe.shapes import customer as customer_shape
from admin.demo.vendors.stripe.state import StripeState

__all__ = ["StripeBackstage", "StripeState", "create_app"]

_ASIDE = ("customer", "payment_intent", "charge", "source", "status", "payment_method", "email", "type", "currency")
_COLLECTIONS = {
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "setup_intents": "setup_intent",
    "customers": "customer",
    "payment_methods": "payment_method",
    "refunds": "refund",
    "disputes": "dispute",
    "charges": "charge",
    "balance_transactions": "balance_transaction",
    "mandates": "mandate",
    "events": "event",
}
_SAID = "application/json"


def create_app(state: StripeState) -> Flask:
    app = Flask("stripe-double", static_folder=None)
    app.extensions["stripe_double"] = state
    app.register_blueprint(pages.bp)

    @app.route("/v1/<path:rest>", methods=["GET", "POST", "DELETE"])
    def api(rest: str) -> Response:
        trouble = state.next_trouble() if request.method != "GET" else None
        if state.slow:
            time.sleep(state.slow)
        if trouble == "429":
            limit = ApiError(429, "Too many requests hit the API too quickly.", code="rate_limit")
            return _error(limit, {"Retry-After": "1"})
        if trouble == "500":
            return _error(ApiError(500, "An unknown error occurred.", kind="api_error"))
        if trouble == "html":
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502, mimetype="text/html")
        answer = _answer(state, rest, lost=trouble == "500_done")
        if trouble == "drop":
            _hang_up()
        return answer

    return app


def _answer(state: StripeState, rest: str, *, lost: bool) -> Response:
    """``lost``: it is done, and what is answered (and repeated to this key) is an error of the server."""
    key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
    asked = json.dumps([request.method, rest, sorted(request.form.items(multi=True))])
    try:
        _known()
        with state.change(key or None) if request.method != "GET" else state.look():
            if key and key in state.busy:
                raise ApiError(
                    409, "There is currently another in-progress request using this Idempotency Key.",
                    kind="idempotency_error", code="idempotency_key_in_use",
                )  # fmt: skip
            if key and (reply := state.reply_to(key)) is not None:
                if reply["asked"] != asked:
                    raise ApiError(
                        400, "Keys for idempotent requests can only be used with the same parameters they were first"
                        " used with.", kind="idempotency_error",
                    )  # fmt: skip
                return Response(reply["body"], reply["status"], {"Idempotent-Replayed": "true"}, mimetype=_SAID)
            try:
                status, body = 200, json.dumps(_handled(state, rest))
            except ApiError as error:
                if error.status != 402:  # refused before it was begun: the key is free
                    raise
                status, body = error.status, json.dumps(error.body)
            if lost:
                status, body = 500, json.dumps(ApiError(500, "An error occurred.", kind="api_error").body)
            if key:
                state.remember(key, asked, status, body)
            return Response(body, status, mimetype=_SAID)
    except ApiError as error:
        return _error(error)


def _error(error: ApiError, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(error.body), error.status, headers or {}, mimetype=_SAID)


def _known() -> None:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not key.startswith(("sk_test_", "rk_test_")):
        raise ApiError(401, "Invalid API Key provided.", code="api_key_invalid")
    if key.endswith("_restricted"):
        raise ApiError(403, "The provided key does not have the required permissions for this endpoint.")
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise ApiError(400, f"Invalid Stripe API version: {version}")


def _hang_up() -> None:
    """Nobody hears the answer."""
    connection = request.environ.get("werkzeug.socket") or request.environ.get("gunicorn.socket")
    if connection is None:
        raise RuntimeError("this server does not let go of its connection")
    connection.shutdown(socket.SHUT_RDWR)


# --- what is asked ----------------------------------------------------------------------------------------------


def _handled(state: StripeState, rest: str) -> Thing:
    name = next((one for one in _COLLECTIONS if rest == one or rest.startswith(f"{one}/")), None)
    if name is None:
        raise _unrecognised(rest)
    kind = _COLLECTIONS[name]
    ident, _, verb = rest.removeprefix(name).strip("/").partition("/")
    post = request.method == "POST"
    what = verb or ("create" if post else "list") if not ident or verb else "retrieve"
    spec = SPECS.get("retrieve" if what == "retrieve" and not post else f"{kind}.{what}")
    handler = _POSTS.get((kind, what)) if post else None
    if spec is None or (post and handler is None) or (not post and verb) or request.method == "DELETE":
        raise _unrecognised(rest)
    pairs: Sequence[tuple[str, str]] = list((request.form if post else request.args).items(multi=True))
    params = taken(parsed(pairs), spec)
    if ident:
        thing = state.get(ident)
        if thing is None or thing["object"] != kind:
            raise ApiError(404, f"No such {kind}: '{ident}'", code="resource_missing", param=kind)
        params["it"] = thing
    if handler is not None:
        return _sent(state, handler(state, params), params.get("expand", []))
    if ident:
        return _sent(state, params["it"], params.get("expand", []))
    return _listed(state, kind, params, f"/v1/{rest}")


def _unrecognised(rest: str) -> ApiError:
    return ApiError(404, f"Unrecognized request URL ({request.method}: /v1/{rest}).", code="resource_missing")


def _new_session(state: StripeState, asked: Thing) -> Thing:
    home = state.public_url.rstrip("/") or url_for("stripe.dashboard", _external=True).rstrip("/")
    return payments.begin(state, asked, f"{home}/checkout")


def _expire(state: StripeState, asked: Thing) -> Thing:
    session: Thing = asked["it"]
    if session["status"] != "open":
        raise ApiError(400, f"Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session"
                       f" has a status of {session['status']}.")  # fmt: skip
    payments.expire(state, session)
    return session


def _charge(state: StripeState, asked: Thing) -> Thing:
    redirects = asked.get("automatic_payment_methods", {}).get("allow_redirects", "always")
    if redirects != "never" and "return_url" not in asked:
        raise ApiError(400, "Because some of these payment methods might redirect your customer off of your page, you"
                       " must provide a `return_url`.", param="return_url")  # fmt: skip
    if asked["amount"] < 50:
        raise ApiError(400, "Amount must be at least €0.50 eur", code="amount_too_small", param="amount")
    return payments.charge(state, asked)


def _cancel(state: StripeState, asked: Thing) -> Thing:
    intent: Thing = asked["it"]
    payments.cancel(state, intent)
    return intent


def _detach(state: StripeState, asked: Thing) -> Thing:
    method: Thing = asked["it"]
    detach(state, method)
    return method


def _refund(state: StripeState, asked: Thing) -> Thing:
    intent = state.get(asked.get("payment_intent"))
    if intent is None or intent["object"] != "payment_intent":
        raise payments.missing("payment_intent", asked.get("payment_intent", ""))
    said = {"metadata": asked.get("metadata", {}), "reason": asked.get("reason")}
    return refund(state, intent, asked.get("amount"), **said)


def _customer(state: StripeState, asked: Thing) -> Thing:
    asked.pop("expand", None)
    return state.keep(customer_shape(state.new_id("cus"), state.moment(), **asked))


_POSTS: dict[tuple[str, str], Callable[[StripeState, Thing], Thing]] = {
    ("checkout.session", "create"): _new_session,
    ("checkout.session", "expire"): _expire,
    ("payment_intent", "create"): _charge,
    ("payment_intent", "cancel"): _cancel,
    ("payment_method", "detach"): _detach,
    ("refund", "create"): _refund,
    ("customer", "create"): _customer,
}


# --- what is sent -----------------------------------------------------------------------------------------------


def _listed(state: StripeState, kind: str, params: Thing, url: str) -> Thing:
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError(400, "This value must be between 1 and 100 (inclusive).", param="limit")
    things = state.all(kind, **{name: params[name] for name in _ASIDE if name in params})
    if "types" in params:
        if len(params["types"]) > 20:
            raise ApiError(400, "Array cannot have more than 20 elements.", param="types")
        things = [thing for thing in things if thing["type"] in params["types"]]
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    for word, bound in params.get("created", {}).items():
        things = [thing for thing in things if tests[word](thing["created"], bound)]
    names = [thing["id"] for thing in things]
    for cursor in ("starting_after", "ending_before"):
        if cursor in params and params[cursor] not in names:
            raise ApiError(400, f"No such {kind}: '{params[cursor]}'", code="resource_missing", param=cursor)
    if "starting_after" in params:
        things = things[names.index(params["starting_after"]) + 1 :]
    more = len(things) > limit
    if "ending_before" in params:
        before = things[: names.index(params["ending_before"])]
        things, more = before[-limit:], len(before) > limit
    expand = params.get("expand", [])
    for path in expand:
        if not path.startswith("data."):
            raise ApiError(400, f"This property cannot be expanded ({path}).", param="expand")
    inner = [path.removeprefix("data.") for path in expand]
    page = [_sent(state, thing, inner, depth=3) for thing in things[:limit]]
    return {"object": "list", "data": page, "has_more": more, "url": url}


def _sent(state: StripeState, thing: Thing, expand: Sequence[str], *, depth: int = 4) -> Thing:
    """A copy, with what was asked to come along; Stripe goes four deep at most."""
    sent: Thing = json.loads(json.dumps(thing))
    for path in expand:
        parts = path.split(".")
        if len(parts) > depth:
            raise ApiError(400, f"You cannot expand more than 4 levels of a property ({path}).", param="expand")
        _expand(state, sent, parts, path)
    return sent


def _expand(state: StripeState, inside: Any, parts: Sequence[str], path: str) -> None:
    if not isinstance(inside, dict):
        return
    name, *rest = parts
    if name not in inside and name not in ("failure_balance_transaction",):
        raise ApiError(400, f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(inside.get(name), str):
        found = state.get(inside[name])
        if found is None:
            raise ApiError(400, f"This property cannot be expanded ({path}).", param="expand")
        inside[name] = json.loads(json.dumps(found))
    if rest and inside.get(name) is not None:
        _expand(state, inside[name], rest, path)
