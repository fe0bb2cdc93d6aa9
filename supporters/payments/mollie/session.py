"""Mollie's SDK on a session of ours: the one module that imports it."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import requests
from mollie.api.client import Client
from mollie.api.objects.customer import Customer
from mollie.api.objects.payment import Payment
from requests.adapters import HTTPAdapter

from supporters.payments.gateway import GatewayError, Unavailable
from supporters.payments.mollie.line import judge, left

#: No answer of Mollie's comes near it: a page of 250 payments is about half a megabyte.
LARGEST = 8_000_000
PAGE = 250
CURSOR = re.compile(r"(tr|re|chb)_[A-Za-z0-9]{4,60}", re.ASCII)
_CUSTOMER, _PAYMENT = cast(Any, Customer), cast(Any, Payment)
Json = Mapping[str, Any]
_CUSTOMER, _PAYMENT = cast(Any, Customer), cast(Any, Payment)


class Sdk:
    """The SDK's resources, by what they belong to. Their ids are checked before they come here."""

    def __init__(self, key: str, base_url: str, timeout: tuple[float, float]) -> None:
        self._client = Client(api_endpoint=base_url, timeout=cast(Any, timeout))
        self._client.set_api_key(key)
        self._client.UNAME = "achterban"  # else every request tells this machine's name
        self._client._client = self._line = Line()
        self.payments, self.customers = self._client.payments, self._client.customers
        self.refunds, self.chargebacks = self._client.refunds, self._client.chargebacks

    def customer(self, its_id: str) -> Any:
        """With ``payments`` and ``mandates``; nothing is asked for it."""
        return _CUSTOMER({"id": its_id}, self._client)

    def payment(self, its_id: str) -> Any:
        """With ``refunds`` and ``chargebacks``; nothing is asked for it."""
        return _PAYMENT({"id": its_id}, self._client)

    @property
    def is_replay(self) -> bool:
        """Whether the last answer in this thread is one that was given to the same key before."""
        return getattr(self._line.last, "is_replay", False)


def page(source: Any, kind: str, cursor: str | None) -> tuple[list[Json], str | None]:
    """One page and where the next begins; the SDK's lists end after one page.

    Of the link to the next only its ``from`` is used: to which host it points is not the answer's to say.
    """
    found = source.list(limit=PAGE, **({"from": cursor} if cursor else {}))
    following = (found["_links"].get("next") or {}).get("href")
    if following is None:
        return list(found["_embedded"][kind]), None
    (begin,) = parse_qs(urlsplit(following).query)["from"]
    if not CURSOR.fullmatch(begin) or begin == cursor:
        raise ValueError("a link to no next page")
    return list(found["_embedded"][kind]), begin


class Line(requests.Session):
    """Answers with what Mollie said, or raises a GatewayError: the SDK, which trips over errors, sees successes only.

    It does not do what waits or tells: no retries (on 429 they slept for as long as the answer asked), no redirects,
    no ``.netrc``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last = threading.local()
        self.auth = _as_it_is
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(max_retries=0))

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        changes = str(method).upper() != "GET"
        connect, read = (left(each) for each in options["timeout"])
        if min(connect, read) <= 0:
            raise Unavailable(outcome_unknown=changes, why="no time left")
        options |= {"stream": True, "allow_redirects": False, "timeout": (connect, read)}
        try:
            with super().request(method, url, *args, **options) as response:
                body = _body(response, changes=changes)
        except requests.RequestException as error:
            raise Unavailable(outcome_unknown=changes and not _never_sent(error), why=type(error).__name__) from None
        judge(response.status_code, body, response.headers.get("Retry-After"), changes=changes)
        response._content = body
        # The SDK would warn of it on the root logger, and so put a handler on that.
        self.last.is_replay = response.headers.pop("Idempotent-Replayed", None) is not None
        return response


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """The key is in the request: without this, requests would put there what ``~/.netrc`` has for the host."""
    return request


def _body(response: requests.Response, *, changes: bool) -> bytes:
    """All of it, unless it takes too long or never ends."""
    found = bytearray()
    try:
        while piece := response.raw.read1(65_536, decode_content=True):
            found += piece
            if len(found) > LARGEST or left(1) <= 0:
                raise Unavailable(outcome_unknown=changes, why="an answer without end")
    except GatewayError:
        raise
    except Exception as error:  # urllib3's: cut off, or not what its headers promise
        raise Unavailable(outcome_unknown=changes, why=type(error).__name__) from None
    return bytes(found)


def _never_sent(error: requests.RequestException) -> bool:
    """Whether there was no connection to send it over. A connection that broke has no ``reason``: it may have been."""
    if isinstance(error, requests.exceptions.SSLError):
        return False
    return isinstance(error, requests.ConnectTimeout) or bool(error.args and getattr(error.args[0], "reason", None))
