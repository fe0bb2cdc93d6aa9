"""The scripts of our elements on other sites, each in one answer with what they share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Response, request

_SHARED = Path(__file__).parent / "static" / "proof.js"


def script(element: Path, *, proves: bool = True) -> Response:
    """For every page of every site, which may keep it for some minutes. An element that sends a form ``proves``."""
    answer = Response(_whole(element, proves), mimetype="text/javascript")
    answer.cache_control.public, answer.cache_control.max_age = True, 300
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@cache
def _whole(element: Path, proves: bool) -> bytes:
    """In braces, so that two elements on one page do not see what the other shares."""
    return b"{\n" + (_SHARED.read_bytes() if proves else b"") + element.read_bytes() + b"}\n"
