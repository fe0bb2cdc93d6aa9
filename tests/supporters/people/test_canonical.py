"""One mailbox has one spelling, and two mailboxes never share one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.errors import BadInput
from supporters.people.canonical import RULES, canonical_email
from supporters.people.consent import address_key
from tests.databases import KEYRING

words = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
locals_ = st.lists(words, min_size=1, max_size=3).map(".".join)
labels = st.one_of(st.just(""), words.map("+{}".format))
domains = st.sampled_from([*RULES, "example.org", "kpnmail.nl", "ziggo.nl", "xs4all.nl"])
addresses = st.builds("{}{}@{}".format, locals_, labels, domains)


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
        ("a.d.a+petition@googlemail.com", "ada@gmail.com"),
        ("a.da@example.org", "a.da@example.org"),
        ("ada+petition@example.org", "ada+petition@example.org"),
        ("ada.l+x@outlook.com", "ada.l@outlook.com"),
        ("ada-x@yahoo.com", "ada@yahoo.com"),
        ("ada+x@yahoo.com", "ada+x@yahoo.com"),
        ("ada+x@pm.me", "ada@proton.me"),
        ("ada@hotmail.com", "ada@hotmail.com"),  # Another mailbox than ada@outlook.com.
        ("+x@gmail.com", "+x@gmail.com"),
    ],
)
def test_only_what_a_provider_says_of_itself_is_folded(address: str, canonical: str) -> None:
    assert canonical_email(address) == canonical


@given(addresses)
def test_one_spelling_stays_as_it_is(address: str) -> None:
    once = canonical_email(address)
    assert canonical_email(once) == once


@given(addresses, st.data())
def test_capitals_are_the_same_mailbox(address: str, data: st.DataObject) -> None:
    spelled = "".join(char.upper() if data.draw(st.booleans()) else char for char in address)
    assert canonical_email(spelled) == canonical_email(address)
    assert address_key(KEYRING, spelled) == address_key(KEYRING, address)


@given(locals_, locals_, st.sampled_from(["example.org", "kpnmail.nl", "outlook.com", "yahoo.com"]))
def test_two_people_are_two_mailboxes(one: str, other: str, domain: str) -> None:
    same = canonical_email(f"{one}@{domain}") == canonical_email(f"{other}@{domain}")
    assert same == (one == other)


@given(addresses)
def test_nobody_is_moved_to_another_provider(address: str) -> None:
    domain = address.rpartition("@")[2]
    rule = RULES.get(domain)
    assert canonical_email(address).rpartition("@")[2] == ((rule and rule.domain) or domain)


@pytest.mark.parametrize(
    "address", ["", "ada", "@example.org", "ada@", "a b@example.org", "ada@example.org\nBcc: x@y.nl"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="is not an e-mail address"):
        canonical_email(address)
