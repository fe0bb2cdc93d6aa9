import pytest
from sqlalchemy.orm import Session

from supporters.errors import BadInput, NotFound
from supporters.giving.fund import Fund
from tests import cast


def test_a_fund_is_known_by_its_code(session: Session) -> None:
    fund = Fund.open(session, "water", "Clean water", is_restricted=True)
    assert Fund.by_code(session, " water ") is fund
    assert fund.is_restricted


def test_an_unknown_code_is_answered_with_the_known_ones(session: Session) -> None:
    cast.fund(session)
    with pytest.raises(NotFound, match="no fund “wter”; there are: general") as caught:
        Fund.by_code(session, "wter")
    assert caught.value.field == "fund"


def test_a_code_is_given_once(session: Session) -> None:
    cast.fund(session)
    with pytest.raises(BadInput, match="already"):
        Fund.open(session, "general", "Another")
