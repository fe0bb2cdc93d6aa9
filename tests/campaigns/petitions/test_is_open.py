"""Whether a petition can be signed: one rule, which the statement that writes signatures has in SQL as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from campaigns.petitions.intake import Outcome, write
from campaigns.petitions.petition import STATES, Petition, is_open
from campaigns.petitions.terms import Closed, Terms
from tests import cast
from tests.campaigns.petitions.test_signing import petition, prepared

TICK = timedelta(microseconds=1)
MOMENTS = (None, *(cast.NOW + shift for shift in (-timedelta(days=1), -TICK, timedelta(0), TICK, timedelta(days=1))))
#: Every case that the table can hold: what closes, closes after it opened.
CASES = [
    (state, opens_at, closes_at)
    for state, opens_at, closes_at in product(STATES, MOMENTS, MOMENTS)
    if opens_at is None or closes_at is None or opens_at < closes_at
]


@pytest.mark.parametrize(
    ("opens_at", "closes_at", "expected"),
    [
        (None, None, True),
        (cast.NOW, None, True),  # from its first moment on
        (cast.NOW + TICK, None, False),
        (None, cast.NOW, False),  # up to its last
        (None, cast.NOW + TICK, True),
        (cast.NOW, cast.NOW + TICK, True),
    ],
)
def test_it_is_open_from_its_first_moment_up_to_its_last(
    opens_at: datetime | None, closes_at: datetime | None, expected: bool
) -> None:
    assert is_open("open", opens_at, closes_at, cast.NOW) is expected
    assert not is_open("draft", opens_at, closes_at, cast.NOW)
    assert not is_open("closed", opens_at, closes_at, cast.NOW)


def test_the_database_the_petition_and_its_terms_agree_in_every_case(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        rows = []
        for number, (state, opens_at, closes_at) in enumerate(CASES):
            made = petition(session, slug=f"p{number}")
            rows.append(prepared(session, made, cast.NOW))
            period = {"state": state, "opens_at": opens_at, "closes_at": closes_at}
            session.execute(update(Petition).where(Petition.id == made.id).values(**period))
            session.refresh(made)
            expected = is_open(state, opens_at, closes_at, cast.NOW)
            assert made.is_open(cast.NOW) is Terms.of(session, made).is_open(cast.NOW) is expected
        for found, case in zip(write(session.connection(), rows), CASES, strict=True):
            assert isinstance(found, Outcome if is_open(*case, cast.NOW) else Closed), case


def test_it_is_the_moment_of_signing_that_decides(session: Session) -> None:
    made = petition(session, closes_at=cast.NOW + timedelta(hours=1))
    row = prepared(session, made, cast.NOW)
    late = replace(row, address_key=b"x" * 32, signed_at=cast.NOW + timedelta(hours=1))
    found = write(session.connection(), [row, late])
    assert [type(each) for each in found] == [Outcome, Closed]
