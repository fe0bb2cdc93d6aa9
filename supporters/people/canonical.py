"""When two spellings of an e-mail address are one mailbox.

Only what a provider documents about itself is folded: elsewhere dots and plus signs tell people apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from supporters.people.contact import clean_email


@dataclass(frozen=True, slots=True)
class Rule:
    """How a provider reads the part before the @."""

    ignores_dots: bool = False
    #: What follows this sign is a label of the owner's.
    label_sign: str = ""
    #: The same mailbox under its first name.
    domain: str = ""


_PLUS = Rule(label_sign="+")
_GMAIL = Rule(ignores_dots=True, label_sign="+", domain="gmail.com")
_PROTON = Rule(label_sign="+", domain="proton.me")
RULES = {
    "gmail.com": _GMAIL,
    "googlemail.com": _GMAIL,
    **dict.fromkeys(("outlook.com", "outlook.nl", "hotmail.com", "hotmail.nl"), _PLUS),
    **dict.fromkeys(("live.com", "live.nl", "msn.com"), _PLUS),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), _PLUS),
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), _PROTON),
    **dict.fromkeys(("fastmail.com", "fastmail.fm", "posteo.net", "posteo.nl", "mailbox.org", "soverin.net"), _PLUS),
    "yahoo.com": Rule(label_sign="-"),
}  # fmt: skip
_NO_RULE = Rule()


def canonical_email(address: str) -> str:
    """One spelling for one mailbox. Small letters everywhere; raises BadInput where it is no address."""
    return canonical_of_clean(clean_email(address))


def canonical_of_clean(address: str) -> str:
    """The same for an address that ``clean_email`` gave: checking one takes longer than all the rest of a signature."""
    local, _, domain = address.lower().rpartition("@")
    rule = RULES.get(domain, _NO_RULE)
    if rule.label_sign:
        local = local.partition(rule.label_sign)[0] or local
    if rule.ignores_dots:
        local = local.replace(".", "")
    return f"{local}@{rule.domain or domain}"
