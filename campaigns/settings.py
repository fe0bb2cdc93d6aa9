"""Every ``CAMPAIGNS_…`` key there is, with its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from limits import RateLimitItem, parse

from supporters.settings import BadSetting

PREFIX = "CAMPAIGNS_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Field ``burst_limit`` is the key ``CAMPAIGNS_BURST_LIMIT``, and so on. Limits are per network."""

    #: Signatures from one network that count without a second look: in a short window and in a long one.
    burst_limit: str = "20 per minute"
    steady_limit: str = "300 per day"
    #: The same for forms with a proof of work: a robot pays for each.
    burst_limit_with_proof: str = "100 per minute"
    steady_limit_with_proof: str = "3000 per day"
    #: Beyond this a network is told to wait; until then what is over its limit is stored, in quarantine.
    flood_limit: str = "300 per minute"
    #: Forms from one network that start a page in crowdfunding, or ask for the link to one.
    pages_limit: str = "20 per hour"
    #: How much work a proof is: a number up to this has to be found.
    proof_number: int = 50_000
    #: Seconds that a count may be old within one process; caches in front add their own.
    count_seconds: float = 1.0

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Settings:
        """The settings in ``config``; raises BadSetting, naming the key, where a value cannot be meant."""
        given: dict[str, Any] = {}
        for each in fields(cls):
            key = PREFIX + each.name.upper()
            if config.get(key) is None:
                continue
            value = config[key]
            try:
                if each.name.endswith(("_limit", "_with_proof")):
                    parse(str(value))
                    given[each.name] = str(value)
                else:
                    given[each.name] = float(value) if each.name == "count_seconds" else int(value)
            except ValueError:
                example = "20 per minute" if "limit" in each.name else "a number"
                raise BadSetting(
                    "%(key)s is %(value)r; write it as %(example)s.", field=key, key=key, value=value, example=example
                ) from None
        return cls(**given)

    def limit(self, name: str, *, with_proof: bool = False) -> RateLimitItem:
        """``burst``, ``steady``, ``flood`` or ``pages``."""
        key = f"{name}_limit{'_with_proof' if with_proof else ''}"
        return parse(getattr(self, key))
