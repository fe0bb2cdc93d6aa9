from __future__ import annotations

from datetime import date

import pytest

from supporters.errors import BadInput
from supporters.lifecycle.importing import parsing, words
from supporters.money import Money


@pytest.mark.parametrize(
    "text",
    [
        "2021-03-01", "2021/3/1", "01-03-2021", "1/3/2021", "1.3.2021", "20210301", "1 maart 2021", "1-mrt-2021",
        "1 Mar 2021", "2021-03-01 00:00:00", "2021-03-01T12:30:00Z",
    ],
)  # fmt: skip
def test_a_date_is_read_however_it_is_written(text: str) -> None:
    assert parsing.day(text) == date(2021, 3, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("31-02-2021", "does not exist: that month has days 1 to 28"),
        ("03/25/2021", "there is no month 25. The day comes first"),
        ("01-03-21", "write all four"),
        ("1-mrt-21", "write all four"),
        ("44256", "spreadsheet's number for a date (it may be 2021-03-01)"),
        ("0021-03-01", "year 21"),
        ("morgen", "write it as 2021-03-31 or 31-03-2021"),
        ("01-03/2021", "is not a date"),
    ],
)
def test_a_date_that_cannot_be_meant_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        parsing.day(text)
    assert says in caught.value.message


def test_what_must_have_happened_is_not_in_the_future() -> None:
    today = date(2026, 12, 1)
    assert parsing.past_day("2026-12-01", today) == today
    with pytest.raises(BadInput, match="in the future"):
        parsing.past_day("2026-12-02", today)


@pytest.mark.parametrize(
    ("text", "cents"), [("12,50", 1250), ("€ 12,50", 1250), ("1.234,56", 123456), ("1,234.56", 123456), ("12", 1200)]
)
def test_an_amount_is_read_however_it_is_written(text: str, cents: int) -> None:
    assert parsing.money(text) == Money(cents)


@pytest.mark.parametrize(
    ("text", "says"),
    [("1.000", "1,00 or 1000,00"), ("12,5O", "letter O"), ("-5", "more than nothing"), ("0", "more than")],
)
def test_an_amount_that_is_not_one_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parsing.money(text)


@pytest.mark.parametrize("text", ["3,03E+09", "3.03E+09", "1E+10"])
def test_a_number_that_a_spreadsheet_damaged_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="spreadsheet makes of a long number"):
        parsing.plain(text)


@pytest.mark.parametrize("text", ["#N/A", "#WAARDE!", "########"])
def test_an_error_of_a_spreadsheet_is_no_value(text: str) -> None:
    with pytest.raises(BadInput, match="error of the spreadsheet"):
        parsing.plain(text)


def test_line_breaks_in_a_cell_become_spaces_and_control_characters_are_refused() -> None:
    assert parsing.plain("two\r\nlines\tof it") == "two lines of it"
    with pytest.raises(BadInput, match="control character in “a·b”"):
        parsing.plain("a\x01b")


@pytest.mark.parametrize(
    ("text", "interval"),
    [("maand", "month"), ("Monthly", "month"), ("1", "month"), ("kwartaal", "quarter"), ("Half-Year", "half_year"),
     ("halfjaar", "half_year"), ("jaar", "year"), ("12", "year"), ("eenmalig", "once")],
)  # fmt: skip
def test_an_interval_has_many_words(text: str, interval: str) -> None:
    assert parsing.choice(text, words.INTERVALS) == interval


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="is not one of: once, month, two_months, quarter, half_year, year"):
        parsing.choice("weekly", words.INTERVALS)


def test_a_country_is_two_letters_or_its_name() -> None:
    assert [parsing.country(text) for text in ("nl", "België", "Germany", "AU")] == ["NL", "BE", "DE", "AU"]
    with pytest.raises(BadInput, match="two letters"):
        parsing.country("Atlantis")
