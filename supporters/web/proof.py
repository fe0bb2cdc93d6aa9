"""Proof of work by ALTCHA, made and checked here: no third party sees who sends a form. Optional, so that nobody
without JavaScript stands before a wall."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from altcha import v1

from supporters.errors import BadInput
from supporters.sealing import Keyring

#: How long somebody may take to fill in the form.
GOOD_FOR = timedelta(minutes=30)


def challenge(ring: Keyring, form: str, number: int) -> dict[str, Any]:
    """A riddle for this form, which is named as addresses are written; real time, whatever the clock of a demo says."""
    options = v1.ChallengeOptions(
        algorithm="SHA-256", max_number=number, hmac_key=_key(ring), expires=datetime.now(UTC) + GOOD_FOR,
        params={"form": form},
    )  # fmt: skip
    made = v1.create_challenge(options)
    return {
        "algorithm": made.algorithm, "challenge": made.challenge, "maxnumber": made.max_number, "salt": made.salt,
        "signature": made.signature,
    }  # fmt: skip


def solved(ring: Keyring, form: str, payload: str) -> str:
    """What the solved riddle is known by, so that it is good for one form; raises BadInput where it is not right."""
    try:
        given = json.loads(base64.b64decode(payload, validate=True))
        salt = given["salt"]
        for_this = f"form={form}" in str(salt).partition("?")[2].rstrip("&").split("&")
        right = for_this and v1.verify_solution(given, _key(ring))[0]
    except (binascii.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        right = False
    if not right:
        raise BadInput("The proof of work is not right or too old; load the form once more.", field="altcha")
    return str(given["challenge"])


def _key(ring: Keyring) -> str:
    return ring.hash("altcha", "key").hex()
