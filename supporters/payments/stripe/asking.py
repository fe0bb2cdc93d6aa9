"""What Stripe is asked for, as its API wants it said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from supporters.money import Money
from supporters.payments.gateway import MandateRef, Method, Misasked, Order, RefundOrder, Urls
from supporters.payments.stripe.reading import CUSTOMER, METHOD, Plain, to_minor

#: What comes along with an object, so that one answer says all of it.
INTENT_PARTS = ["latest_charge.balance_transaction", "payment_method"]
CHECKOUT_PARTS = [
    *(f"payment_intent.{part}" for part in INTENT_PARTS),
    "setup_intent.latest_attempt",
    "setup_intent.payment_method",
]

_LOCALES = frozenset(
    [
        "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu",
        "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv",
        "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
    ]
)  # fmt: skip
_DESCRIPTION, _PRODUCT = 1000, 250  # as long as Stripe takes them


def check(pattern: re.Pattern[str], ident: str) -> None:
    """Before any request: an id becomes part of an address, and it may be a stranger's input."""
    if not pattern.fullmatch(ident):
        raise Misasked("This is no id of Stripe's.")


def check_mandate(ref: MandateRef) -> None:
    check(CUSTOMER, ref.customer)
    check(METHOD, ref.mandate)


def checkout(order: Order, urls: Urls, methods: Sequence[Method]) -> Plain:
    """A session at Stripe's page. ``methods`` filter what the account offers; there is no other way to name them."""
    currency = order.money.currency.lower()
    about: Plain = {"metadata": {"payment": order.key}, "description": order.description[:_DESCRIPTION]}
    params: Plain = {
        "mode": "setup" if order.purpose == "setup" else "payment",
        "ui_mode": "hosted_page",
        "allowed_payment_method_types": list(methods),
        "success_url": urls.back,
        "cancel_url": urls.back,
        "locale": _locale(order.locale),
        "metadata": {"payment": order.key},
        "expand": CHECKOUT_PARTS,
    }
    if order.purpose != "one_off":  # Stripe need not know who gives once
        params |= _customer(order)
    if order.purpose == "setup":
        return params | {"currency": currency, "setup_intent_data": about}
    if order.purpose == "first":
        about["setup_future_usage"] = "off_session"
    product = {"name": order.description[:_PRODUCT]}
    price = {"currency": currency, "unit_amount": _amount(order.money), "product_data": product}
    return params | {
        "submit_type": "donate",
        "adaptive_pricing": {"enabled": False},  # what is asked is what is paid, in that currency
        "line_items": [{"price_data": price, "quantity": 1}],
        "payment_intent_data": about,
    }


def _customer(order: Order) -> Plain:
    if order.customer is not None:
        check(CUSTOMER, order.customer)
        return {"customer": order.customer}
    made: Plain = {"customer_creation": "always"}  # once the donor is done: who leaves is nobody
    return made | {"customer_email": order.payer.email} if order.payer else made


def _amount(money: Money) -> int:
    if money.amount <= 0:
        raise Misasked("A payment or refund is of more than nothing.")
    return to_minor(money)


def _locale(locale: str) -> str:
    whole = locale.replace("_", "-")
    return next((one for one in (whole, whole.split("-")[0]) if one in _LOCALES), "auto")


def charge(order: Order, mandate: MandateRef) -> Plain:
    return {
        "amount": _amount(order.money),
        "currency": order.money.currency.lower(),
        "customer": mandate.customer,
        "payment_method": mandate.mandate,
        "off_session": True,
        "confirm": True,
        # Else Stripe asks where to send the donor, who is not there.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": order.description[:_DESCRIPTION],
        "metadata": {"payment": order.key},
        "expand": INTENT_PARTS,
    }


def refund(order: RefundOrder, intent: str) -> Plain:
    return {"payment_intent": intent, "amount": _amount(order.money), "metadata": {"refund": order.key}}
