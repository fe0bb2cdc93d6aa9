import pytest
from sqlalchemy.orm import Session

from supporters.errors import BadInput, NotFound, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.money import Money
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


def test_a_closed_fund_takes_no_gift_and_no_commitment(session: Session) -> None:
    fund = cast.fund(session)
    fund.closed_on = cast.NOW.date()
    ada = cast.ada(session)

    for attempt in (
        lambda: cast.gift(session, ada, fund=fund),
        lambda: Commitment.start(
            session, ada, Money.eur(10), every="month", start_on=cast.NOW.date(), by=cast.ANNA, now=cast.NOW
        ),
    ):
        with pytest.raises(Refused, match="closed on") as caught:
            attempt()
        assert caught.value.field == "fund"


def test_a_text_longer_than_its_column_is_refused_by_name_on_both_databases(session: Session) -> None:
    with pytest.raises(BadInput, match="at most 40 characters") as caught:
        Fund.open(session, "x" * 41, "Too long a code")
    assert caught.value.field == "code"
