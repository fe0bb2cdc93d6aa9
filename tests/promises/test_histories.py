"""Whatever happens, in whatever order, broken off anywhere: nothing is collected twice, no money appears or vanishes.

``ACHTERBAN_HISTORIES=500`` lives through as many histories on each database, with another seed each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from tests.promises.histories import Histories

WANTED = int(os.environ.get("ACHTERBAN_HISTORIES", "0"))
QUICK = {"sqlite": 12, "postgresql": 6}


def test_no_history_collects_twice_or_loses_money(engine: Engine) -> None:
    class Here(Histories):
        pass

    Here.engine = engine
    quiet = settings(
        max_examples=WANTED or QUICK[engine.dialect.name],
        stateful_step_count=60 if WANTED else 45,
        derandomize=not WANTED,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if WANTED else (Phase.generate,),
    )
    run_state_machine_as_test(Here, settings=quiet)
