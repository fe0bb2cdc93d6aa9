"""Whatever the OpenAPI document allows, and whatever it forbids, the API of giving answers as the document says."""

from __future__ import annotations

import random
from collections import Counter as Tally
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from sqlalchemy import Engine

from supporters.payments.memory import MemoryGateway
from tests import cast
from tests.supporters.web.conftest import ACCOUNT, ADA, open_site

#: A form is judged by more than its schema (a name is no web address), and a field we do not know is let pass.
STRICTER_THAN_WE_SAY = [positive_data_acceptance, negative_data_rejection]
EXAMPLES, WITH_BODY = 8, 40
#: What a generator cannot make up, and a form that is right but for what else is in it.
ONLY_OURS = {
    "amount_other", "interval", "fund", "consent_text_id", "return_to", "source_code", "placement", "edition",
    "cover_costs", "prefix", "website",
}  # fmt: skip


def test_schemathesis_finds_nothing(fresh_engine: Engine, tmp_path: Path) -> None:
    gateway = MemoryGateway(ACCOUNT, now=lambda: cast.NOW)
    often = "1000000 per minute"
    app = open_site(
        fresh_engine, tmp_path, {"memory": gateway}, SUPPORTERS_GIVING_BURST_LIMIT=often,
        SUPPORTERS_GIVING_STEADY_LIMIT=often,
    )  # fmt: skip
    token = app.test_client().post("/api/gifts", json=ADA).json["token"]
    answered: Tally[tuple[str, int]] = Tally()
    chance = random.Random(1)
    for found in schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations():
        operation = found.ok()
        # Only a body can break the document: any text may be asked for as a token.
        for mode in [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if operation.body else [])]:

            @settings(
                max_examples=WITH_BODY if operation.body else EXAMPLES, deadline=None, derandomize=True, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy(mode))
            def ask(case: Case) -> None:
                if case.path_parameters and chance.random() < 0.8:  # a token that is made up leads nowhere
                    case.path_parameters["token"] = token
                if isinstance(case.body, dict) and chance.random() < 0.5:
                    case.body = {k: v for k, v in case.body.items() if k not in ONLY_OURS} | ADA
                answer = case.call()
                answered[case.operation.label, answer.status_code] += 1
                case.validate_response(answer, excluded_checks=STRICTER_THAN_WE_SAY)

            ask()
    assert {label for label, status in answered if status < 400} == {
        "GET /api/giving", "GET /api/giving/challenge", "GET /api/checkouts/{token}", "POST /api/gifts",
        "POST /api/commitments", "OPTIONS /api/gifts", "OPTIONS /api/commitments",
    }  # fmt: skip
    assert not [status for _, status in answered if status >= 500]
    assert {status for label, status in answered if label.startswith("POST")} >= {201, 303, 422}
