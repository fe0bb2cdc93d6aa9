"""The simulated Mollie's API, version 2, as far as a charity asks it anything; in the vendor's own forms."""

from __future__ import annotations

import hashlib
import re
import socket
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, json, request, url_for

from admin.demo.vendors.mollie.rules import Json, Wrong, is_cancelable, shown, told
from admin.demo.vendors.mollie.state import KEY_LIVES, State

bp = Blueprint("api", __name__, url_prefix="/v2")
TITLES = {
    400: "Bad Request", 401: "Unauthorized Request", 404: "Not Found", 409: "Conflict", 410: "Gone",
    422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip
HTML = "<!doctype html><title>Proxy error</title><h1>Proxy error</h1><p>Something between us is out of order.</p>"
_KINDS = ("payments", "refunds", "chargebacks", "customers")


def state() -> State:
    found: State = current_app.extensions["mollie"]
    return found


# --- forms ------------------------------------------------------------------------------------------------------------


def answer(body: Json | None, status: int = 200) -> Response:
    text = "" if body is None else json.dumps(body)
    return Response(text, status, content_type="application/hal+json")


def wrong(status: int, detail: str, field: str | None = None) -> Response:
    body = {"status": status, "title": TITLES.get(status, "Error"), "detail": detail}
    link = {"href": "https://docs.mollie.com/errors", "type": "text/html"}
    return answer(body | ({"field": field} if field else {}) | {"_links": {"documentation": link}}, status)


def link(path: str, **args: Any) -> Json:
    return {"href": url_for(f"api.{path}", _external=True, **args), "type": "application/hal+json"}


def page_link(its_id: str) -> str:
    """Of the page where the donor pays, as a browser gets there."""
    path = url_for("pages.checkout", token=its_id.removeprefix("tr_"))
    home = state().public_url
    return home + path.removeprefix(request.script_root) if home else request.host_url.rstrip("/") + path


def as_payment(payment: Json) -> Json:
    kept = state()
    body = {name: value for name, value in payment.items() if name != "choices"}
    for name in ("expiresAt", "method"):  # left out while there is none
        if body[name] is None:
            del body[name]
    links = {
        "self": link("get_payment", its_id=payment["id"]),
        "dashboard": {"href": request.host_url.rstrip("/") + url_for("pages.dashboard"), "type": "text/html"},
        "documentation": {"href": "https://docs.mollie.com/reference/get-payment", "type": "text/html"},
    }
    if payment["status"] in ("open", "pending"):
        body["isCancelable"] = is_cancelable(payment)
    if payment["status"] == "open" and payment["sequenceType"] != "recurring":
        links["checkout"] = {"href": page_link(payment["id"]), "type": "text/html"}
    if payment["status"] == "paid":
        refunded, back = kept.gone_back("refunds", payment), kept.gone_back("chargebacks", payment)
        body |= {
            "amountRefunded": shown(refunded),
            "amountRemaining": shown(kept.left(payment)),
            "settlementAmount": payment["amount"],
        }
        if back:
            body["amountChargedBack"] = shown(back)
    for kind in ("refunds", "chargebacks"):
        if kept.of(kind, payment["id"]):
            links[kind] = link("list_of_payment", its_id=payment["id"], kind=kind)
    return body | {"_links": links}


def as_part(part: Json) -> Json:
    """A refund, chargeback, customer or mandate."""
    kind, home = part["resource"], url_for("api.list_all", kind="payments", _external=True).removesuffix("/payments")
    owner = f"/payments/{part['paymentId']}" if "paymentId" in part else ""
    owner = f"/customers/{part['customerId']}" if kind == "mandate" else owner
    links = {
        "self": {"href": f"{home}{owner}/{kind}s/{part['id']}", "type": "application/hal+json"},
        "documentation": {"href": "https://docs.mollie.com/reference", "type": "text/html"},
    }
    if kind == "customer":
        links["dashboard"] = {"href": request.host_url.rstrip("/") + url_for("pages.dashboard"), "type": "text/html"}
    else:
        links["customer" if kind == "mandate" else "payment"] = {"href": home + owner, "type": "application/hal+json"}
    # Of a chargeback the vendor does not say in which mode it is.
    left_out = {"revoked", "mode"} if kind == "chargeback" else {"revoked"}
    return {name: value for name, value in part.items() if name not in left_out} | {"_links": links}


def as_list(kind: str, found: list[Json]) -> Response:
    """A page, newest first; the next begins with the first that is not on it."""
    begin, limit = request.args.get("from"), request.args.get("limit", 50, type=int)
    if not 1 <= limit <= 250:
        raise Wrong(400, "Invalid limit", "limit")
    ids = [each["id"] for each in found]
    if begin is not None and begin not in ids:
        raise Wrong(400, "Invalid cursor value", "from")
    start = ids.index(begin) if begin is not None else 0
    shape = as_payment if kind == "payments" else as_part
    following = ids[start + limit] if len(ids) > start + limit else None
    body = {
        "count": len(ids[start : start + limit]),
        "_embedded": {kind: [shape(each) for each in found[start : start + limit]]},
        "_links": {
            "self": {"href": request.url, "type": "application/hal+json"},
            "previous": None,
            "next": _next(following, limit),
            "documentation": {"href": "https://docs.mollie.com/reference", "type": "text/html"},
        },
    }
    return answer(body)


def _next(begin: str | None, limit: int) -> Json | None:
    if begin is None:
        return None
    home = state().vendor_host
    where = home + request.path if home else request.base_url
    return {"href": f"{where}?from={begin}&limit={limit}", "type": "application/hal+json"}


# --- what goes before and after each request --------------------------------------------------------------------------


@bp.before_request
def who() -> Response | None:
    found = re.fullmatch(r"Bearer ((test|live)_\w+)", request.headers.get("Authorization", ""))
    if not found or (state().keys and found[1] not in state().keys):
        return wrong(401, "Missing authentication, or failed to authenticate")
    g.mode = found[2]
    return None


@bp.before_request
def trouble() -> Response | None:
    """The next of the failures that a test asked for, where this request changes something."""
    kept = state()
    g.trouble = ""
    with kept.lock:
        if request.method != "GET" and kept.troubles:
            g.trouble = kept.troubles.pop(0)
    if g.trouble == "429":
        refusal = wrong(429, "You have exceeded the rate limit. Please slow down your requests.")
        refusal.headers["Retry-After"] = "2"
        return refusal
    if g.trouble == "500":
        return wrong(500, "An internal error occurred")
    if g.trouble == "html":
        return Response(HTML, 502, content_type="text/html")
    return None


@bp.before_request
def replay() -> Response | None:
    """The answer that the same key got before. Keys of other requests than POST are ignored, as the vendor does."""
    key = request.headers.get("Idempotency-Key")
    g.key = f"{g.mode}:{key}" if key and request.method == "POST" else None
    g.print = hashlib.sha256(f"{request.path}\n".encode() + request.get_data()).hexdigest()
    kept = state()
    with kept.lock:
        answers = kept.data["answers"]
        for old in [one for one, each in answers.items() if _is_old(each, kept.now())]:
            del answers[old]
        before = answers.get(g.key or "")
        if before is None and g.key in kept.busy:
            g.key = None
            return wrong(409, "A request with this idempotency key is being processed")
        if before is None and g.key:
            kept.busy.add(g.key)
    if before is None:
        return None
    if before["print"] != g.print:
        return wrong(400, "The idempotency key was used for another request")
    g.key = None
    said = answer(before["body"], before["status"])
    said.headers["Idempotent-Replayed"] = "true"
    return said


def _is_old(answered: Json, now: datetime) -> bool:
    return now - datetime.fromisoformat(answered["at"]) > KEY_LIVES


@bp.after_request
def keep(response: Response) -> Response:
    kept = state()
    if g.get("key") and response.status_code < 300:
        with kept.changing():
            kept.data["answers"][g.key] = {
                "at": told(kept.now()), "print": g.print, "status": response.status_code, "body": response.get_json(),
            }  # fmt: skip
    if g.get("trouble") == "500_done":
        return wrong(500, "An internal error occurred")
    if g.get("trouble") == "drop" and (line := request.environ.get("werkzeug.socket")):
        line.shutdown(socket.SHUT_RDWR)
    return response


@bp.teardown_request
def no_longer_busy(_: BaseException | None) -> None:
    state().busy.discard(g.get("key") or "")


@bp.errorhandler(Wrong)
def say(error: Wrong) -> Response:
    return wrong(error.status, error.detail, error.field)


def asked() -> Json:
    found = request.get_json(silent=True, force=True)
    if not isinstance(found, dict):
        raise Wrong(400, "The request body is not valid JSON")
    return found


# --- endpoints --------------------------------------------------------------------------------------------------------


@bp.post("/customers")
def create_customer() -> Response:
    return answer(as_part(state().create_customer(asked(), g.mode)), 201)


@bp.get("/customers/<its_id>")
def get_customer(its_id: str) -> Response:
    return answer(as_part(state().get("customers", its_id, g.mode)))


@bp.post("/payments")
def create_payment() -> Response:
    return answer(as_payment(state().create_payment(asked(), g.mode)), 201)


@bp.get("/payments/<its_id>")
def get_payment(its_id: str) -> Response:
    with state().lock:
        return answer(as_payment(state().get("payments", its_id, g.mode)))


@bp.delete("/payments/<its_id>")
def cancel_payment(its_id: str) -> Response:
    return answer(as_payment(state().cancel(its_id, g.mode)))


@bp.post("/payments/<its_id>/refunds")
def create_refund(its_id: str) -> Response:
    return answer(as_part(state().create_refund(its_id, asked(), g.mode)), 201)


@bp.get("/payments/<its_id>/<any(refunds, chargebacks):kind>")
def list_of_payment(its_id: str, kind: str) -> Response:
    with state().lock:
        state().get("payments", its_id, g.mode)
        return as_list(kind, state().of(kind, its_id))


@bp.get(f"/<any({', '.join(_KINDS)}):kind>")
def list_all(kind: str) -> Response:
    with state().lock:
        found = [each for each in reversed(state().data[kind].values()) if each["mode"] == g.mode]
        return as_list(kind, found)


@bp.get("/customers/<its_id>/<any(payments, mandates):kind>")
def list_of_customer(its_id: str, kind: str) -> Response:
    with state().lock:
        state().get("customers", its_id, g.mode)
        found = [each for each in reversed(state().data[kind].values()) if each.get("customerId") == its_id]
        return as_list(kind, [each for each in found if not each.get("revoked")])


@bp.get("/customers/<its_id>/mandates/<mandate>")
def get_mandate(its_id: str, mandate: str) -> Response:
    return answer(as_part(state().mandate(its_id, mandate, g.mode)))


@bp.delete("/customers/<its_id>/mandates/<mandate>")
def revoke_mandate(its_id: str, mandate: str) -> Response:
    state().revoke(its_id, mandate, g.mode)
    return answer(None, 204)
