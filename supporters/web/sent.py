"""Reading what was sent, strictly: its size, its kind, its characters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from supporters.errors import AchterbanError, BadInput

#: Bytes of a form at most.
MOST = 64 * 1024
_MOST_FIELDS = 100


class TooLarge(AchterbanError):
    """HTTP 413."""

    code = "too_large"


class WrongKind(AchterbanError):
    """HTTP 415."""

    code = "wrong_content_type"


class WrongOrigin(AchterbanError):
    """HTTP 403."""

    code = "wrong_origin"


def is_json(request: Request) -> bool:
    return request.mimetype == "application/json"


def wants_page(request: Request) -> bool:
    """Whether a browser asks, which shows what it gets to a person."""
    best = request.accept_mimetypes.best_match(["application/problem+json", "application/json", "text/html"])
    return best == "text/html"


def fields_of(request: Request) -> Mapping[str, Any]:
    """The fields of a form or of a JSON object; raises TooLarge, WrongKind or BadInput."""
    request.max_content_length = MOST
    request.max_form_memory_size = MOST
    request.max_form_parts = _MOST_FIELDS
    try:
        if request.mimetype == "multipart/form-data":
            fields = {name: values[-1] for name, values in request.form.lists()}
            if any("\ufffd" in value for value in fields.values()):
                raise _bad_characters()
            return fields
        if request.mimetype == "application/x-www-form-urlencoded":
            return _urlencoded(request.get_data(cache=False))
        if request.mimetype == "application/json":
            return _object(request.get_data(cache=False))
    except RequestEntityTooLarge:
        raise TooLarge("This form is too large: at most %(most)s kilobytes are read.", most=MOST // 1024) from None
    raise WrongKind(
        "Send a form (application/x-www-form-urlencoded or multipart/form-data) or a JSON object (application/json)."
    )


def _urlencoded(data: bytes) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(data.decode("ascii"), True, encoding="utf-8", errors="strict", max_num_fields=_MOST_FIELDS)
        )
    except UnicodeDecodeError:
        raise _bad_characters() from None
    except ValueError:
        raise BadInput("A form has at most %(most)s fields.", most=_MOST_FIELDS) from None


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode())
    except UnicodeDecodeError:
        raise _bad_characters() from None
    except (ValueError, RecursionError):
        raise BadInput("This is not JSON; send one object with the fields of the form.") from None
    if not isinstance(found, dict):
        raise BadInput("Send one JSON object with the fields of the form, not a list or a value.")
    return found


def _bad_characters() -> BadInput:
    return BadInput("The form has characters that are not UTF-8; send it as UTF-8 (accept-charset).")


def page_of(request: Request) -> str:
    """The page the form was on, as the browser says it: without what follows a question mark."""
    for said in (request.headers.get("Referer", ""), request.headers.get("Origin", "")):
        try:
            parts = urlsplit(said) if said.startswith(("https://", "http://")) and said.isprintable() else None
        except ValueError:
            continue
        if parts is not None and parts.netloc:
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:500]
    return ""
