"""Settings are read once, and a value that cannot be meant is refused by the name of its key."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from supporters.settings import BadSetting, Settings


def test_without_any_key_the_defaults_hold() -> None:
    settings = Settings.read({})
    assert str(settings.timezone) == "Europe/Amsterdam"
    assert (settings.notice_days, settings.late_days, settings.lead_days) == (14, 27, 2)
    assert settings.file_limit == 50_000
    assert abs(settings.clock() - datetime.now(UTC)).total_seconds() < 5


def test_values_may_be_text_as_they_are_in_the_environment() -> None:
    settings = Settings.read(
        {"SUPPORTERS_NOTICE_DAYS": " 7 ", "SUPPORTERS_FILE_LIMIT": 10, "SUPPORTERS_TIMEZONE": "UTC"}
    )
    assert (settings.notice_days, settings.file_limit, str(settings.timezone)) == (7, 10, "UTC")


def test_the_clock_can_stand_still() -> None:
    settings = Settings.read({"SUPPORTERS_NOW": "2021-12-31T23:30:00+01:00"})
    assert settings.clock() == datetime(2021, 12, 31, 22, 30, tzinfo=UTC)
    assert settings.clock().date() == date(2021, 12, 31)


def test_just_after_midnight_it_is_the_new_day_where_the_charity_is() -> None:
    assert Settings.read({"SUPPORTERS_NOW": "2021-12-31T23:30:00+00:00"}).clock().date() == date(2022, 1, 1)


def test_a_day_is_the_day_where_the_charity_is() -> None:
    assert Settings().day_of(datetime(2021, 12, 31, 23, 30, tzinfo=UTC)) == date(2022, 1, 1)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("SUPPORTERS_NOTICE_DAYS", "two weeks", "a whole number from 0 to 365"),
        ("SUPPORTERS_NOTICE_DAYS", True, "a whole number"),
        ("SUPPORTERS_LATE_DAYS", -1, "a whole number from 0"),
        ("SUPPORTERS_LEAD_DAYS", 1.5, "a whole number"),
        ("SUPPORTERS_FILE_LIMIT", 0, "from 1 to"),
        ("SUPPORTERS_TIMEZONE", "Amsterdam", "such as Europe/Amsterdam"),
        ("SUPPORTERS_TIMEZONE", "", "such as Europe/Amsterdam"),
        ("SUPPORTERS_TIMEZONE", "../etc/passwd", "such as Europe/Amsterdam"),
        ("SUPPORTERS_NOW", "yesterday", "such as 2021-12-31T12:00:00"),
        ("SUPPORTERS_NOW", "2021-12-31T12:00:00", "with its time zone"),
        ("SUPPORTERS_NOW", 20211231, "with its time zone"),
    ],
)
def test_a_value_that_cannot_be_meant_names_its_key(key: str, value: Any, hint: str) -> None:
    with pytest.raises(BadSetting) as complaint:
        Settings.read({key: value})
    assert complaint.value.field == key
    assert key in complaint.value.message
    assert hint in complaint.value.message
