"""The short way for plain e-mail addresses says what the long way says."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from supporters.errors import BadInput
from supporters.people.contact import clean_email


def long_way(raw: str) -> str | None:
    try:
        return validate_email(raw.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def short_way(raw: str) -> str | None:
    try:
        return clean_email(raw)
    except BadInput:
        return None


PART = st.text(st.sampled_from("aZ09._+-é "), min_size=1, max_size=12)
HOST = st.text(st.sampled_from("aZ09.-"), min_size=1, max_size=12)
ENDING = st.sampled_from(("nl", "COM", "test", "local", "invalid", "example", "arpa", "onion", "x1", "q", "museum"))


@given(PART, HOST, ENDING)
def test_both_ways_agree(local: str, host: str, ending: str) -> None:
    raw = f"{local}@{host}.{ending}"
    assert short_way(raw) == long_way(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "a@b.nl", "Ada.Lovelace+x@Voorbeeld.NL", "a" * 64 + "@b.nl", "a" * 65 + "@b.nl", "a@" + "b" * 63 + ".nl",
        "a@" + "b" * 64 + ".nl", "a@xn--a.nl", "a@b--c.nl", "a@ab--c.nl", "a@localhost", "a@b.test", "a..b@c.nl",
        ".a@b.nl", "a@-b.nl", "a@b.c", "a@1.2", "a@b.nl.", "a@b.nl\n",
    ],
)  # fmt: skip
def test_both_ways_agree_at_the_edges(raw: str) -> None:
    assert short_way(raw) == long_way(raw)
