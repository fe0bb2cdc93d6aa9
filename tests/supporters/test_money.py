"""Money is whole minor units with a currency; text that could mean two amounts is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.money import CurrencyMismatch, Money, MoneyError


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12,50", 1250), ("12.50", 1250), ("12,5", 1250), ("12", 1200), ("€ 1.234,56", 123456), ("1,234.56", 123456),
        ("€1234,56", 123456), ("EUR 5", 500), ("5 EUR", 500), (",50", 50), (".5", 50), ("1.000.000", 100000000),
        ("1.000.000,01", 100000001), ("1 234,50", 123450), ("1\u00a0234,50", 123450), ("12,-", 1200), ("12,--", 1200),
        ("-3,10", -310), ("−3,10", -310), ("+3,10", 310), (" 7,00 ", 700), ("0", 0), ("1000,00", 100000),
    ],
)  # fmt: skip
def test_an_amount_reads_as_people_type_it(text: str, cents: int) -> None:
    assert Money.parse(text) == Money(cents)


@pytest.mark.parametrize("text", ["1.000", "1,000", "12.345", "€ 1.000", "0.005"])
def test_what_can_mean_two_amounts_is_refused_with_both_ways_to_write_it(text: str) -> None:
    with pytest.raises(MoneyError, match="can mean two amounts; write") as caught:
        Money.parse(text)
    assert caught.value.field == "amount"


def test_the_two_ways_out_of_1_000_are_one_and_a_thousand() -> None:
    with pytest.raises(MoneyError) as caught:
        Money.parse("1.000")
    assert caught.value.message == "“1.000” can mean two amounts; write 1,00 or 1000,00."


@pytest.mark.parametrize(("text", "right"), [("12,5O", "12,50"), ("1o,00", "10,00")])
def test_a_letter_o_for_a_zero_is_named_with_the_right_spelling(text: str, right: str) -> None:
    with pytest.raises(MoneyError, match=f"write {right}"):
        Money.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "€", ",", ".", "abc", "12,50,", "1,2,3", "1.00.000", "12-", "--5", "+-5", "1e3", "1.234,567", "12,345,6",
     "1.234,567.89", "NaN", "Infinity", "٣", "12;50", "9" * 40],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        Money.parse(text)


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(MoneyError, match="more decimals than JPY has"):
        Money.parse("12.5", "JPY")
    assert Money.parse("1250", "JPY") == Money(1250, "JPY")
    assert Money.parse("1.250", "BHD") == Money(1250, "BHD")


@pytest.mark.parametrize("wrong", [12.5, True, 0.1])
def test_a_float_is_never_money(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Money(wrong)
    with pytest.raises(TypeError):
        Money.eur(wrong)
    with pytest.raises(TypeError):
        Money(100) * 1.5  # type: ignore[operator]


def test_two_currencies_do_not_add_or_compare() -> None:
    for act in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a >= b):
        with pytest.raises(CurrencyMismatch):
            act(Money(1, "EUR"), Money(1, "USD"))
    assert Money(1, "EUR") != Money(1, "USD")


def test_a_currency_is_three_capitals() -> None:
    for wrong in ("eur", "EURO", ""):
        with pytest.raises(MoneyError):
            Money(1, wrong)


def test_money_from_whole_euros_text_and_decimals() -> None:
    assert Money.eur(12) == Money.eur("12.00") == Money.eur(Decimal("12")) == Money(1200)
    assert str(Money(123456)) == "EUR 1,234.56"
    assert str(Money(500, "JPY")) == "JPY 500"
    assert Money(1250).decimal == Decimal("12.50")
    assert -Money(5) + Money(7) * 2 == Money(9)
    assert not Money(0)


@given(st.integers(-(10**14), 10**14))
def test_what_is_written_with_two_decimals_reads_back(amount: int) -> None:
    money = Money(amount)
    assert Money.parse(f"{money.decimal:.2f}") == money
    assert Money.parse(f"{money.decimal:.2f}".replace(".", ",")) == money
    assert Money.parse(f"{money.decimal:,.2f}") == money


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_a_clear_refusal(text: str) -> None:
    try:
        assert isinstance(Money.parse(text), Money)
    except MoneyError as error:
        assert error.message
        assert error.field == "amount"
