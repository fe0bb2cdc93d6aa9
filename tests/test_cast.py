"""The cast fits the models, on both databases."""

from sqlalchemy.orm import Session

from supporters.money import Money
from tests import cast


def test_ada_gives_ten_euros_a_month_by_direct_debit(session: Session) -> None:
    cast.creditor(session)
    commitment = cast.monthly(session)
    session.commit()
    assert commitment.supporter.name == "Ada Lovelace"
    assert commitment.money == Money.eur("10.00")
    assert commitment.state(cast.TODAY) == "active"
    assert commitment.mandate is not None
    assert commitment.mandate.bank_account.iban == cast.ADAS_IBAN


def test_sam_and_suzie_share_an_address_and_a_household(session: Session) -> None:
    sam, suzie = cast.sam_and_suzie(session)
    session.commit()
    assert sam.address == suzie.address
    assert sam.household is suzie.household is not None


def test_two_gifts_of_one_day_are_two_gifts(session: Session) -> None:
    ada = cast.ada(session)
    assert cast.gift(session, ada).id != cast.gift(session, ada).id
