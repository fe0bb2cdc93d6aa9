"""What people see of the double of Stripe: the page where a donor pays, and a dashboard of what was paid."""

from __future__ import annotations

from flask import Flask, abort, redirect, render_template_string, request, url_for
from werkzeug.wrappers import Response

from admin.demo.vendors import stripe_payments as payments
from admin.demo.vendors import stripe_returns as returns
from admin.demo.vendors.stripe_asks import ApiError
from admin.demo.vendors.stripe_shapes import Thing
from admin.demo.vendors.stripe_state import StripeState

_NAMES = {
    "ideal": "iDEAL | Wero",
    "bancontact": "Bancontact",
    "card": "Card",
    "paypal": "PayPal",
    "sepa_debit": "SEPA Direct Debit",
}
_WORDS = {
    "en": {
        "title": "Pay", "simulation": "SIMULATION: this is not Stripe, and no money moves.",
        "setup": "Permission to debit you later", "how": "How do you pay?", "pay": "Pay", "allow": "Give permission",
        "slow": "Pay later (the bank is slow)", "refused": "The bank refuses", "cancel": "Cancel and go back",
        "was_refused": "The bank refused this payment. You can try again, or go back.",
        "over": "There is nothing to pay here any more.",
        "debit": "A debit takes the bank some days: see the dashboard.",
    },
    "nl": {
        "title": "Betalen", "simulation": "SIMULATIE: dit is Stripe niet, en er gaat geen geld om.",
        "setup": "Toestemming om later af te schrijven", "how": "Hoe betaal je?", "pay": "Betalen",
        "allow": "Toestemming geven", "slow": "Later betalen (de bank is traag)", "refused": "De bank weigert",
        "cancel": "Annuleren en terug",
        "was_refused": "De bank heeft deze betaling geweigerd. Je kunt het opnieuw proberen, of teruggaan.",
        "over": "Hier valt niets meer te betalen.",
        "debit": "Een incasso duurt bij de bank een paar dagen: zie het overzicht.",
    },
}  # fmt: skip

_BASE = """<!doctype html>
<html lang="{{ lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ title }} ({{ mark }})</title>
<style>
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1a1f36;background:#f6f8fa}
.mark{margin:0;padding:.75rem 1rem;background:#7a3e00;color:#fff;font-weight:600;text-align:center}
main{max-width:{{ width }};margin:1.5rem auto;padding:1.25rem;background:#fff;border:1px solid #d5dbe1;
border-radius:.5rem}
h1{font-size:1.25rem;margin:0 0 .5rem}
.amount{font-size:2rem;font-weight:700;margin:.25rem 0 1rem}
fieldset{border:1px solid #d5dbe1;border-radius:.375rem;margin:0 0 1rem;padding:.5rem 1rem}
legend{font-weight:600}
label{display:flex;gap:.5rem;align-items:center;min-height:2.5rem}
button{font:inherit;min-height:2.75rem;padding:.5rem 1rem;border-radius:.375rem;border:1px solid #4a5568;
background:#fff;color:#1a1f36;cursor:pointer}
button:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid #1d4ed8;outline-offset:2px}
.pay button{display:block;width:100%;margin:0 0 .625rem}
button.first{background:#4338ca;border-color:#4338ca;color:#fff;font-weight:600}
.notice{padding:.75rem 1rem;border-left:4px solid #b42318;background:#fef3f2}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.5rem;border-bottom:1px solid #e3e8ee;vertical-align:top}
td form{display:inline-block;margin:0 .25rem .25rem 0}
td input{font:inherit;width:6rem;min-height:2.25rem}
td button{min-height:2.25rem;padding:.25rem .625rem}
code{overflow-wrap:anywhere}
</style>
</head>
<body>
<p class="mark" role="note">{{ simulation }}</p>
<main>
"""
_END = "</main></body></html>"

_CHECKOUT = (
    _BASE
    + """<h1>{{ what }}</h1>
<p class="amount">{{ amount or words.setup }}</p>
{% if refused %}<p class="notice" role="alert">{{ words.was_refused }}</p>{% endif %}
{% if over %}<p>{{ words.over }}</p>{% else %}
<form method="post" class="pay">
<fieldset><legend>{{ words.how }}</legend>
{% for method in methods %}<label><input type="radio" name="method" value="{{ method }}"{% if loop.first %} checked
{% endif %}> {{ names[method] }}</label>
{% endfor %}</fieldset>
{% if "sepa_debit" in methods %}<p>{{ words.debit }}</p>{% endif %}
<button class="first" name="then" value="pay">{{ words.pay if amount else words.allow }}</button>
<button name="then" value="slow">{{ words.slow }}</button>
{% if amount %}<button name="then" value="refused">{{ words.refused }}</button>{% endif %}
<button name="then" value="cancel">{{ words.cancel }}</button>
</form>
{% endif %}
"""
    + _END
)

_DASHBOARD = (
    _BASE
    + """<h1>Payments</h1>
{% if said %}<p class="notice" role="status">{{ said }}</p>{% endif %}
{% if not rows %}<p>Nothing was paid yet.</p>{% else %}
<div class="wide" tabindex="0" role="region" aria-label="Payments"><table>
<thead><tr><th scope="col">Payment</th><th scope="col">Amount</th><th scope="col">State</th>
<th scope="col">Actions</th></tr></thead>
<tbody>
{% for row in rows %}<tr>
<td><code>{{ row.id }}</code><br>{{ row.description or "" }}</td>
<td>{{ row.amount }}{% if row.refunded %}<br>refunded {{ row.refunded }}{% endif %}</td>
<td>{{ row.state }}{% for dispute in row.disputes %}<br>dispute {{ dispute.status }}{% endfor %}</td>
<td>
{% macro act(verb, text, ident) %}<form method="post" action="{{ url_for('stripe_act', verb=verb, ident=ident) }}">
{{ caller() if caller else "" }}<button>{{ text }}</button></form>{% endmacro %}
{% if row.state == "processing" %}{{ act("settle", "The money arrives", row.id) }}
{{ act("fail", "The bank refuses", row.id) }}{% endif %}
{% if row.left %}{% call act("refund", "Refund", row.id) %}<label>Amount of {{ row.id[-6:] }}
<input name="amount" inputmode="numeric" pattern="[0-9]+([.,][0-9]{2})?" value="{{ row.left }}"></label>{% endcall %}
{{ act("dispute", "Dispute", row.id) }}{% endif %}
{% for refund in row.refunds %}
{% if refund.status == "pending" %}{{ act("finish", "Refund arrives", refund.id) }}{% endif %}
{% if refund.status != "failed" %}{{ act("bounce", "Refund comes back", refund.id) }}{% endif %}{% endfor %}
{% for dispute in row.disputes %}{% if dispute.status != "won" %}{{ act("win", "Win dispute", dispute.id) }}{% endif %}
{% endfor %}
{% for method in row.methods %}{{ act("detach", "Detach payment method", method.id) }}{% endfor %}
</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}
"""
    + _END
)


def register(app: Flask, state: StripeState) -> None:
    @app.get("/")
    def stripe_home() -> str:
        return _dashboard(state)

    @app.post("/act/<verb>/<ident>")
    def stripe_act(verb: str, ident: str) -> Response:
        return _act(state, verb, ident)

    @app.get("/checkout/<ident>")
    def stripe_checkout(ident: str) -> str:
        return _page(state, ident)

    @app.post("/checkout/<ident>")
    def stripe_pay(ident: str) -> Response:
        return _pay(state, ident)


# --- the donor --------------------------------------------------------------------------------------------------


def _session(state: StripeState, ident: str) -> Thing:
    session = state.get(ident)
    if session is None or session["object"] != "checkout.session":
        abort(404)
    return session


def _page(state: StripeState, ident: str) -> str:
    session = _session(state, ident)
    lang = "nl" if (session["locale"] or "").startswith("nl") else "en"
    words, hidden = _WORDS[lang], state.hidden.get(ident, {})
    about = hidden.get("payment_intent_data") or hidden.get("setup_intent_data") or {}
    return render_template_string(
        _CHECKOUT,
        lang=lang, words=words, title=words["title"], mark="simulation", width="28rem",
        simulation=words["simulation"], what=about.get("description") or words["title"],
        amount=_shown(session["amount_total"], session["currency"]) if session["amount_total"] else "",
        methods=payments.offered(session), names=_NAMES, over=session["status"] != "open",
        refused=request.args.get("refused"),
    )  # fmt: skip


def _pay(state: StripeState, ident: str) -> Response:
    with state.change():
        session = _session(state, ident)
        then, method = request.form.get("then", ""), request.form.get("method", "")
        if session["status"] != "open" or then == "cancel":
            return redirect(session["cancel_url"] or session["success_url"], 303)
        if method not in payments.offered(session):
            abort(400)
        if then == "refused" and method != "sepa_debit":
            payments.refuse(state, session, "soft", method)
            return redirect(url_for("stripe_checkout", ident=ident, refused=1), 303)
        if then not in ("pay", "slow", "refused"):
            abort(400)
        slow = then != "pay" or method not in payments.AT_ONCE
        payments.complete(state, session, method, slow=slow and session["mode"] != "setup")
        if then == "refused" and session["payment_intent"]:
            payments.fail(state, state.things[session["payment_intent"]], "soft")
    return redirect(session["success_url"], 303)


# --- the staff --------------------------------------------------------------------------------------------------


def _dashboard(state: StripeState) -> str:
    with state.change():
        rows = [_row(state, intent) for intent in state.all("payment_intent")]
        rows += [_setup_row(state, setup) for setup in state.all("setup_intent")]
    return render_template_string(
        _DASHBOARD, lang="en", title="Payments", mark="simulation", width="70rem",
        simulation=_WORDS["en"]["simulation"], rows=rows, said=request.args.get("said"),
    )  # fmt: skip


def _row(state: StripeState, intent: Thing) -> Thing:
    charge = state.get(intent["latest_charge"]) or {"amount": 0, "amount_refunded": 0, "payment_method_details": None}
    left = charge["amount"] - charge["amount_refunded"] if intent["status"] == "succeeded" else 0
    details = charge["payment_method_details"] or {"type": ""}
    names = {intent["payment_method"], (details.get(details["type"]) or {}).get("generated_sepa_debit")}
    kept = [state.get(name) for name in sorted(name for name in names if name)]
    refunded = charge["amount_refunded"]
    return {
        "id": intent["id"], "description": intent["description"], "state": intent["status"],
        "amount": _shown(intent["amount"], intent["currency"]), "left": f"{left / 100:.2f}" if left else "",
        "refunded": _shown(refunded, intent["currency"]) if refunded else "",
        "disputes": state.all("dispute", payment_intent=intent["id"]),
        "refunds": state.all("refund", payment_intent=intent["id"]),
        "methods": [method for method in kept if method and method["customer"]],
    }  # fmt: skip


def _setup_row(state: StripeState, setup: Thing) -> Thing:
    attempt = state.get(setup["latest_attempt"]) or {"payment_method_details": {"type": ""}}
    details = attempt["payment_method_details"]
    names = {setup["payment_method"], (details.get(details["type"]) or {}).get("generated_sepa_debit")}
    kept = [state.get(name) for name in sorted(name for name in names if name)]
    return {
        "id": setup["id"], "description": setup["description"], "state": setup["status"], "amount": "only a mandate",
        "left": "", "refunded": "", "disputes": [], "refunds": [],
        "methods": [method for method in kept if method and method["customer"]],
    }  # fmt: skip


def _act(state: StripeState, verb: str, ident: str) -> Response:
    said = None
    with state.change():
        thing = state.get(ident)
        if thing is None:
            abort(404)
        try:
            if verb == "refund":
                returns.refund(state, thing, _cents(request.form.get("amount", "")))
            elif verb == "dispute":
                returns.dispute(state, thing, thing["amount"])
            elif verb == "win":
                returns.win(state, thing)
            elif verb == "detach":
                payments.detach(state, thing)
            elif verb == "settle":
                payments.settle(state, thing)
            elif verb == "fail" and thing["status"] == "processing":
                payments.fail(state, thing, "soft")
            elif verb == "finish":
                returns.finish_refund(state, thing)
            elif verb == "bounce":
                returns.fail_refund(state, thing)
            else:
                abort(404)
        except ApiError as error:
            said = str(error)
    return redirect(url_for("stripe_home", said=said), 303)


def _cents(text: str) -> int:
    euros, _, cents = text.strip().replace(",", ".").partition(".")
    if not (euros.isdecimal() and euros.isascii()) or not (cents == "" or (cents.isdecimal() and len(cents) == 2)):
        raise ApiError(400, f"“{text[:20]}” is no amount.")
    return int(euros) * 100 + int(cents or 0)


def _shown(amount: int, currency: str) -> str:
    return f"{'€' if currency == 'eur' else currency.upper()} {amount // 100}.{amount % 100:02}"
