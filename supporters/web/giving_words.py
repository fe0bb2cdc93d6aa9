"""What the public pages of giving call things, and what they say how it stands."""

from __future__ import annotations

from supporters.web.language import Reader

#: Names of methods that are the same in every language.
BRANDS = {"ideal": "iDEAL | Wero", "bancontact": "Bancontact", "paypal": "PayPal"}
METHODS = {"card": "Card", "sepa_debit": "Direct debit"}
INTERVALS = {
    "once": "Once", "month": "Every month", "two_months": "Every two months", "quarter": "Every quarter",
    "half_year": "Every half year", "year": "Every year",
}  # fmt: skip
HEARD = {
    "social": "On social media", "newspaper": "In a newspaper", "radio": "On the radio", "tv": "On television",
    "friends": "From somebody I know", "mail": "By a letter or mail of yours", "other": "In another way",
}  # fmt: skip
#: Where the payment service does not answer, and where it refuses what we ask.
TROUBLE = {
    "passing": "Our payment service does not answer just now. Nothing was charged, and what you filled in is kept: try"
    " it again in a moment.",
    "refused": "This way of paying does not work just now. Nothing was charged: try it again, or choose another way to"
    " pay.",
}


def methods(reader: Reader) -> dict[str, str]:
    return BRANDS | {method: reader.say(name) for method, name in METHODS.items()}


def intervals(reader: Reader) -> dict[str, str]:
    return {interval: reader.say(name) for interval, name in INTERVALS.items()}


def heard(reader: Reader) -> dict[str, str]:
    """Answers to how somebody heard of an edition."""
    return {answer: reader.say(name) for answer, name in HEARD.items()}
