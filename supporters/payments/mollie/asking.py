"""What Mollie is asked, in its words."""

from __future__ import annotations

from typing import Any, get_args

from supporters.money import Money, exponent
from supporters.payments.gateway import MandateRef, Method, Misasked, Order, Payer, RefundOrder, Urls

Json = dict[str, Any]

METHODS: dict[Method, str] = {"ideal": "ideal", "bancontact": "bancontact", "card": "creditcard", "paypal": "paypal"}
#: Methods by which a mandate can be had for nothing; the others move a cent.
FOR_NOTHING = ("card", "paypal")
LONGEST = 255
LOCALES = frozenset({
    "ca_ES", "cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE", "de_LU", "en_BE", "en_GB", "en_NL", "en_US", "es_ES",
    "fi_FI", "fr_BE", "fr_FR", "fr_LU", "hu_HU", "is_IS", "it_IT", "lt_LT", "lv_LV", "nb_NO", "nl_BE", "nl_NL",
    "pl_PL", "pt_PT", "sk_SK", "sv_SE",
})  # fmt: skip
_LANGUAGES = {"en": "en_GB", "ca": "ca_ES", "cs": "cs_CZ", "da": "da_DK", "nb": "nb_NO", "sv": "sv_SE"}


def payment(order: Order, urls: Urls, methods: tuple[Method, ...]) -> Json:
    """One that the donor pays at Mollie's page; ``methods`` are the account's, empty for all."""
    asked = _asked(order) | {
        "amount": amount(_of_setup(order) if order.purpose == "setup" else order.money),
        "sequenceType": "oneoff" if order.purpose == "one_off" else "first",
        "redirectUrl": urls.back,
        "webhookUrl": urls.notify,
    }
    language, method = locale(order.locale), _method(order, methods)
    return asked | ({"locale": language} if language else {}) | ({"method": method} if method else {})


def debit(order: Order, mandate: MandateRef, notify: str) -> Json:
    """The mandate is always named: without, Mollie takes the customer's newest, which may be of another bank."""
    asked = _asked(order) | {
        "amount": amount(order.money),
        "sequenceType": "recurring",
        "customerId": mandate.customer,
        "mandateId": mandate.mandate,
    }
    return asked | ({"webhookUrl": notify} if notify else {})


def refund(order: RefundOrder) -> Json:
    described = order.description[:LONGEST]
    return {"amount": amount(order.money), "description": described, "metadata": {"refund": order.key}}


def customer(payer: Payer | None) -> Json:
    """Mollie mails nobody of whom it has no address."""
    told = {"name": payer.name, "email": payer.email} if payer else {}
    return {name: value for name, value in told.items() if value}


def amount(money: Money) -> dict[str, str]:
    """An exact string, with as many decimals as the currency has."""
    return {"currency": money.currency, "value": f"{money.decimal:.{exponent(money.currency)}f}"}


def locale(ours: str) -> str | None:
    """Mollie's name for a language; None where it has none, and then its page follows the browser."""
    whole = ours.replace("-", "_")
    if whole in LOCALES:
        return whole
    language = whole[:2].lower()
    same = f"{language}_{language.upper()}"
    return _LANGUAGES.get(language) or (same if same in LOCALES else None)


def allowed(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """Those of an account that Mollie has for a donor who is there; empty allows all."""
    return tuple(each for each in get_args(Method) if each in METHODS and (not methods or each in methods))


def _asked(order: Order) -> Json:
    return {"description": order.description[:LONGEST], "metadata": {"payment": order.key}}


def _method(order: Order, methods: tuple[Method, ...]) -> str | list[str] | None:
    """The one that is asked for; else those of the account, of which Mollie's page shows what it can do."""
    ours = allowed(methods)
    if order.method is None:
        return [METHODS[each] for each in ours] if methods else None
    if order.method not in ours:
        raise Misasked("This account at Mollie does not do %(method)s.", method=order.method)
    return METHODS[order.method]


def _of_setup(order: Order) -> Money:
    """What moves to make a mandate: as asked, but a cent where the method, or the donor's choice of it, needs one."""
    if order.money.amount not in (0, 1):
        raise Misasked("A setup moves nothing or a cent, not %(money)s.", money=str(order.money))
    return order.money if order.method in FOR_NOTHING else Money(1, order.money.currency)
