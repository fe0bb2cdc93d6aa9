"""What a browser does with a proof of work."""

from __future__ import annotations

import base64
import json
from typing import Any

from altcha import v1


def solve(challenge: dict[str, Any]) -> str:
    solution = v1.solve_challenge(
        challenge["challenge"], challenge["salt"], challenge["algorithm"], challenge["maxnumber"], 0
    )
    assert solution is not None
    answer = {key: challenge[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**answer, "number": solution.number}).encode()).decode()
