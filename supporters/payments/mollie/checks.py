"""What is looked at before Mollie is asked anything: the account in the settings, and ids that may be a stranger's."""

from __future__ import annotations

import re

from supporters.payments.gateway import GatewayAccount, Misasked
from supporters.settings import BadSetting

SETTING = "SUPPORTERS_GATEWAYS"


def is_id(prefix: str, text: object) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(rf"{prefix}_[A-Za-z0-9]{{4,60}}", text, re.ASCII))


def known_id(prefix: str, text: str) -> None:
    """An id goes into an address: of a stranger's, with slashes in it, the SDK makes another request than it should."""
    if not is_id(prefix, text):
        raise Misasked("That is no id of the kind %(prefix)s_… that Mollie gives.", prefix=prefix)


def account_fits(account: GatewayAccount) -> None:
    """The SDK's own complaint about a key would show the key."""
    found = re.fullmatch(r"(live|test)_\w+", account.key, re.ASCII)
    if not found:
        raise BadSetting(
            "%(key)s has no API key for %(name)s: Mollie's begins with live_ or test_.",
            field=SETTING, key=SETTING, name=account.name,
        )  # fmt: skip
    if (found[1] == "live") != account.is_live:
        raise BadSetting(
            "%(key)s has a %(mode)s key for %(name)s, and says that it is_live=%(is_live)s.",
            field=SETTING, key=SETTING, name=account.name, mode=found[1], is_live=account.is_live,
        )  # fmt: skip
    if account.is_live and account.base_url and not account.base_url.startswith("https://"):
        raise BadSetting(
            "%(key)s would send the live key of %(name)s over a line that is not encrypted; write https://.",
            field=SETTING, key=SETTING, name=account.name,
        )  # fmt: skip
