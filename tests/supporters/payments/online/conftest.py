from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.supporters.payments.online.till import Till


@pytest.fixture
def till(engine: Engine) -> Iterator[Till]:
    """A till whose commits are real to the test and are rolled back after it."""
    with engine.connect() as connection:
        outer = connection.begin()
        yield Till(connection)
        outer.rollback()
