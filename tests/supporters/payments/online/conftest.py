from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.supporters.payments.online.till import Till


@pytest.fixture
def till(fresh_engine: Engine) -> Till:
    return Till(fresh_engine)
