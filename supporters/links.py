"""Addresses of other sites: which may send us a form, and to which pages somebody may be sent back."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from supporters.errors import BadInput


def clean_origin(value: str, field: str = "allowed_origins") -> str:
    """A site as a browser names it, such as https://www.example.org; raises BadInput."""
    try:
        parts = urlsplit(value.strip().rstrip("/"))
        right = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
    if not right or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise BadInput(
            "“%(value)s” is not a site; write it as https://www.example.org, without a path.",
            field=field, value=value[:80],
        )  # fmt: skip
    return f"{parts.scheme}://{parts.netloc.lower()}"


def clean_page(value: str, field: str = "return_urls") -> str:
    """A page to return to, or all below one; raises BadInput."""
    value = value.strip()
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        right = False
    if not right or not parts.path:
        raise BadInput(
            "“%(value)s” is not a page to return to; write https://www.example.org/thanks, or …/* for all below it.",
            field=field, value=value[:80],
        )  # fmt: skip
    return value


def may_return_to(url: str, allowed: Iterable[str]) -> bool:
    """Whether this is one of the pages, or below one that ends in ``/*``; never a way to another site."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return False
    if any(character in url for character in "\\\r\n\t") or ".." in path.split("/"):
        return False
    bare = url.partition("?")[0].partition("#")[0]
    return any(bare.startswith(one[:-1]) if one.endswith("/*") else bare == one for one in allowed)


def with_answer(url: str, **answer: str) -> str:
    """The page with these in its query, in the place of what it had under their names."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in answer]
    return urlunsplit(parts._replace(query=urlencode([*kept, *answer.items()])))
