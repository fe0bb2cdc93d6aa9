"""Whatever the OpenAPI document allows, and whatever it forbids, the API answers as the document says."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from campaigns.petitions.network import NetworkRule
from tests import cast
from tests.campaigns.crowdfunding.world import donor, edition, page

#: A form is judged by more than its schema (a name is no web address), and a field we do not know is let pass.
STRICTER_THAN_WE_SAY = [positive_data_acceptance, negative_data_rejection]
#: Of each operation and mode, and of those that have a body more: some 100 in all.
EXAMPLES, WITH_BODY = 8, 40
#: What a generator cannot make up, and a form that is right but for what else is in it.
ONLY_OURS = {"altcha", "consent_text_id", "return_to", "source", "birth_date", "submission_key"}
ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "consent": True}
RUNS = {"name": "Ada Lovelace", "email": "ada@example.org", "title": "Ada runs", "team": ""}


@pytest.fixture
def described(site: Flask) -> BaseSchema:
    with site.app_context():
        session = site.extensions["sqlalchemy"].session
        ran = edition(session)
        page(session, ran, donor(session, 1)).check(session, "live", by=cast.BRAM, now=cast.NOW)
        NetworkRule.add(session, "127.0.0.0/8", "allow", "hundreds of examples", by=cast.ANNA, now=cast.NOW)
        session.commit()
    return schemathesis.openapi.from_wsgi("/api/openapi.json", site)


def test_schemathesis_finds_nothing(described: BaseSchema) -> None:
    answered: Counter[tuple[str, int]] = Counter()
    chance = random.Random(1)
    for found in described.get_all_operations():
        operation = found.ok()
        # Only a body can break the document: any text may be asked for as a slug.
        for mode in [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if operation.body else [])]:

            @settings(
                max_examples=WITH_BODY if operation.body else EXAMPLES, deadline=None, derandomize=True, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy(mode))
            def ask(case: Case) -> None:
                if case.path_parameters and chance.random() < 0.8:  # a slug that is made up leads nowhere
                    of_edition = "/editions/" in case.path
                    case.path_parameters["slug"] = "families-2026" if of_edition else "afghanen"
                    if "page" in case.path_parameters:
                        case.path_parameters["page"] = "ada-runs"
                if isinstance(case.body, dict) and chance.random() < 0.5:
                    case.body = {k: v for k, v in case.body.items() if k not in ONLY_OURS} | (
                        RUNS if "/editions/" in case.path else ADA
                    )
                answer = case.call()
                answered[case.operation.label, answer.status_code] += 1
                case.validate_response(answer, excluded_checks=STRICTER_THAN_WE_SAY)

            ask()
    assert {label for label, status in answered if status < 300} == {
        "GET /api/petitions/{slug}", "GET /api/petitions/{slug}/count", "GET /api/petitions/{slug}/challenge",
        "OPTIONS /api/petitions/{slug}/signatures", "POST /api/petitions/{slug}/signatures",
        "GET /api/editions/{slug}", "GET /api/editions/{slug}/wall",
        "GET /api/editions/{slug}/pages/{page}", "POST /api/editions/{slug}/pages",
    }  # fmt: skip
    assert not [status for _, status in answered if status >= 500]
