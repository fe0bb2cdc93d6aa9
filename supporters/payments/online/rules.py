"""What a form for giving may ask, as the settings say: every ``SUPPORTERS_GIVING_…`` key, with its default."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from limits import parse

from supporters.errors import BadInput
from supporters.giving.months import INTERVALS
from supporters.links import clean_origin, clean_page
from supporters.payments.online.accounts import METHODS
from supporters.settings import BadSetting

PREFIX = "SUPPORTERS_GIVING_"
LOCALES = ("nl", "en")
#: The words beside the box for the newsletter, until a charity says its own.
HOUSE_WORDS = {
    "nl": "Houd mij per e-mail op de hoogte van het werk. Afmelden kan in elk bericht.",
    "en": "Keep me informed about your work by e-mail. I can unsubscribe in every message.",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Field ``funds`` is the key ``SUPPORTERS_GIVING_FUNDS``, and so on. Amounts are cents."""

    #: The sites whose pages may send us a form; our own may always.
    origins: tuple[str, ...] = ()
    #: The pages to which somebody may go back afterwards; ours may always.
    return_urls: tuple[str, ...] = ()
    #: The funds that a form may name; empty: every open one.
    funds: tuple[str, ...] = ()
    #: What is suggested.
    amounts: tuple[int, ...] = (1000, 2500, 5000)
    #: How often somebody may give for longer.
    intervals: tuple[str, ...] = ("month", "quarter", "year")
    smallest: int = 100
    #: Above it somebody is asked to call.
    largest: int = 1_000_000
    #: The words beside the box for the newsletter, by language; empty: nothing is asked.
    newsletter: Mapping[str, str] = field(default_factory=lambda: dict(HOUSE_WORDS))
    #: What may be begun from one network: in a short window and in a long one.
    burst_limit: str = "20 per minute"
    steady_limit: str = "200 per day"
    #: The same for forms with a proof of work: whoever tries stolen cards pays for each.
    burst_limit_with_proof: str = "60 per minute"
    steady_limit_with_proof: str = "600 per day"
    #: How much work a proof is: a number up to this has to be found; 0: none is asked for.
    proof_number: int = 50_000
    #: What a payment costs, by method, that a donor may choose to cover (``SUPPORTERS_COVER_COSTS``).
    costs: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Rules:
        """The rules in ``config``; raises BadSetting, naming the key, where a value cannot be meant."""
        given: dict[str, Any] = {}
        for each in fields(cls):
            key = "SUPPORTERS_COVER_COSTS" if each.name == "costs" else PREFIX + each.name.upper()
            if config.get(key) is not None:
                try:
                    given[each.name] = _READERS[each.name](config[key])
                except BadInput as error:
                    raise _wrong(key, config[key], error.message) from None
                except (ValueError, TypeError, AttributeError):
                    raise _wrong(key, config[key], _MEANT[each.name]) from None
        rules = cls(**given)
        if not rules.smallest <= min(rules.amounts) <= max(rules.amounts) <= rules.largest:
            why = f"each is in cents, from {rules.smallest} to {rules.largest}"
            raise _wrong(f"{PREFIX}AMOUNTS", rules.amounts, why)
        return rules


def _wrong(key: str, value: object, why: str) -> BadSetting:
    return BadSetting("%(key)s is %(value)r; %(why)s.", field=key, key=key, value=value, why=why.rstrip("."))


def _listed(value: Any) -> list[str]:
    """A list, or text with commas; a single number, as the environment makes of one."""
    parts = str(value).split(",") if isinstance(value, str | int) else list(value)
    return [text for part in parts if (text := str(part).strip())]


def _each(clean: Callable[[str], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: tuple(clean(one) for one in _listed(value))


def _cents(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= 10**12:
        raise ValueError(text)
    return int(text)


def _number(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or int(text) > 10**8:
        raise ValueError(text)
    return int(text)


def _interval(text: str) -> str:
    if not INTERVALS.get(text):
        raise ValueError(text)
    return text


def _mapping(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
    if not isinstance(found, Mapping):
        raise TypeError
    return dict(found)


def _words(value: Any) -> dict[str, str]:
    found = {str(locale): " ".join(str(words).split()) for locale, words in _mapping(value).items()}
    if found and (set(found) != set(LOCALES) or not all(found.values())):
        raise ValueError
    return found


def _costs(value: Any) -> dict[str, int]:
    found = {str(method): _cents(cost) for method, cost in _mapping(value).items()}
    if set(found) - set(METHODS):
        raise ValueError
    return found


def _limit(value: Any) -> str:
    parse(str(value))
    return str(value)


def _codes(value: Any) -> tuple[str, ...]:
    return tuple(_listed(value))


def _some(read: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    def reader(value: Any) -> tuple[Any, ...]:
        if not (found := read(value)):
            raise ValueError
        return found

    return reader


_READERS: dict[str, Callable[[Any], Any]] = {
    "origins": _each(clean_origin),
    "return_urls": _each(clean_page),
    "funds": _codes,
    "amounts": _some(_each(_cents)),
    "intervals": _each(_interval),
    "smallest": _cents,
    "largest": _cents,
    "newsletter": _words,
    "burst_limit": _limit,
    "steady_limit": _limit,
    "burst_limit_with_proof": _limit,
    "steady_limit_with_proof": _limit,
    "proof_number": _number,
    "costs": _costs,
}
_MEANT = {
    "origins": "it is a list of sites, such as https://www.charity.example",
    "return_urls": "it is a list of pages, such as https://www.charity.example/thanks",
    "funds": "it is a list of the codes of funds, with commas",
    "amounts": "it is a list of cents, such as 1000,2500,5000",
    "intervals": f"it is a list of {', '.join(list(INTERVALS)[1:])}",
    "smallest": "it is a number of cents",
    "largest": "it is a number of cents",
    "newsletter": "it is the words in each language: {'nl': …, 'en': …}; empty asks nothing",
    "burst_limit": "write it as 20 per minute",
    "steady_limit": "write it as 200 per day",
    "burst_limit_with_proof": "write it as 60 per minute",
    "steady_limit_with_proof": "write it as 600 per day",
    "proof_number": "it is a number; 0 asks for no proof of work",
    "costs": f"it is cents by method, such as {{'ideal': 32}}; the methods are {', '.join(METHODS)}",
}
