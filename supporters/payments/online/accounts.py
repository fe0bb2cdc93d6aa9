"""The accounts at payment gateways that the settings name, each with the gateway that talks to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, get_args

from supporters.errors import NotFound
from supporters.payments.gateway import Gateway, GatewayAccount, Method
from supporters.settings import BadSetting

SETTING = "SUPPORTERS_GATEWAYS"
METHODS: tuple[Method, ...] = get_args(Method)
#: Ours; any other is written as "package.module:Class".
BUILT_IN = {"mollie": "supporters.payments.mollie:Mollie", "stripe": "supporters.payments.stripe:Stripe"}
_KNOWN = {"name", "gateway", "key", "live", "webhook_secrets", "methods", "base_url", "currency"}


class Accounts(Mapping[str, Gateway]):
    """By the account's name, in the order of the settings: of two that have a method, the first takes it."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self._gateways = dict(gateways)

    @classmethod
    def read(cls, value: Any, *, now: Callable[[], datetime], public_url: str = "") -> Accounts:
        """From the setting: a list (or JSON of one) of accounts. Raises BadSetting naming what is wrong.

        ``{"name": "mollie", "gateway": "mollie", "key": "live_…"}``; also ``live`` (true or false, needed where the key
        does not begin with test_ or live_ somewhere), ``webhook_secrets``, ``methods``, ``currency`` and ``base_url``.
        A program may give an Accounts it made itself.
        """
        if isinstance(value, cls):
            return value
        return cls({account.name: _made(account, now) for account in cls._described(value, public_url)})

    @classmethod
    def named(cls, value: Any) -> list[str]:
        """The names in the setting, without loading a gateway. Raises BadSetting."""
        return list(value) if isinstance(value, cls) else [account.name for account in cls._described(value)]

    @staticmethod
    def _described(value: Any, public_url: str = "") -> list[GatewayAccount]:
        rows = value or []
        if isinstance(rows, str):
            try:
                rows = json.loads(rows)
            except ValueError:
                raise _wrong("it is not JSON: a list of accounts") from None
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise _wrong("it is a list of accounts, each with name, gateway and key")
        accounts = [_account(row, public_url) for row in rows]
        names = [account.name for account in accounts]
        if len(set(names)) < len(names):
            raise _wrong("two accounts have the same name")
        if len({account.is_live for account in accounts}) > 1:
            raise _wrong("it mixes live accounts with test accounts; a database has one kind")
        return accounts

    def __getitem__(self, name: str) -> Gateway:
        return self._gateways[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._gateways)

    def __len__(self) -> int:
        return len(self._gateways)

    def find(self, name: str) -> Gateway:
        """Raises NotFound where the settings name no such account."""
        found = self._gateways.get(name)
        if found is None:
            raise NotFound("There is no gateway account “%(name)s” in the settings.", field="account", name=name[:40])
        return found

    def methods(self, *, lasting: bool, currency: str = "EUR") -> dict[Method, str]:
        """What a donor can choose, with the account that takes it; ``lasting`` for what leaves a mandate."""
        found: dict[Method, str] = {}
        for name, gateway in self._gateways.items():
            if gateway.account.currency != currency:
                continue
            able = gateway.capabilities()
            for method in able.mandates if lasting else able.once:
                if not gateway.account.methods or method in gateway.account.methods:
                    found.setdefault(method, name)
        return {method: found[method] for method in METHODS if method in found}


def _account(row: Mapping[str, Any], public_url: str) -> GatewayAccount:
    if unknown := set(row) - _KNOWN:
        raise _wrong(f"an account has no {sorted(unknown)[0]!r}; there are {', '.join(sorted(_KNOWN))}")
    name, gateway, key = (str(row.get(each, "")).strip() for each in ("name", "gateway", "key"))
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,38}", name) or name == "sepa":
        raise _wrong("an account's name is small letters, digits and hyphens, such as mollie or stripe-nl")
    if gateway not in BUILT_IN and not re.fullmatch(r"[\w.]+:\w+", gateway):
        raise _wrong(f"the gateway of {name} is one of {', '.join(BUILT_IN)}, or written as package.module:Class")
    if not key:
        raise _wrong(f"the account {name} has no key")
    told = re.search(r"(?:^|_)(test|live)_", key)
    live = row.get("live", told and told.group(1) == "live")
    if not isinstance(live, bool):
        raise _wrong(f"say with live: true or false whether the key of {name} moves real money")
    if told and live != (told.group(1) == "live"):
        raise _wrong(f"the key of {name} is a {told.group(1)} key, and live says otherwise")
    methods = tuple(row.get("methods") or ())
    if strange := set(methods) - set(METHODS):
        raise _wrong(f"{name} names the method {sorted(map(str, strange))[0]!r}; there are {', '.join(METHODS)}")
    secrets = row.get("webhook_secrets") or ()
    return GatewayAccount(
        name, gateway, key, live, tuple([secrets] if isinstance(secrets, str) else secrets), methods,
        str(row.get("base_url") or ""), str(row.get("currency") or "EUR"),
        f"{public_url}/webhooks/{name}" if public_url else "",
    )  # fmt: skip


def _made(account: GatewayAccount, now: Callable[[], datetime]) -> Gateway:
    module, _, name = BUILT_IN.get(account.gateway, account.gateway).partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise _wrong(f"the gateway of {account.name} cannot be loaded ({error})") from None
    made: Gateway = found(account, now=now)
    return made


def _wrong(why: str) -> BadSetting:
    return BadSetting("%(key)s is not right: %(why)s.", field=SETTING, key=SETTING, why=why)
