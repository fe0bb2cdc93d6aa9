from __future__ import annotations

import io
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import (
    Actor,
    Announcement,
    Commitment,
    CreditorAccount,
    ExternalReference,
    Mandate,
    Supporter,
)
from supporters.lifecycle.importing import BadMapping, Import, Plan
from supporters.money import Money
from tests import cast
from tests.febrl import iban

BY = Actor("import", "promises.csv", "test")
HEADER = (
    "supporter_reference;amount;interval;start_on;mandate_reference;mandate_signed_on;iban;last_collected_on;"
    "last_instalment_number\n"
)


@pytest.fixture(autouse=True)
def people(session: Session) -> dict[str, Supporter]:
    cast.creditor(session)
    cast.fund(session)
    cast.fund(session, "water", "Water")
    made = {}
    for reference, surname in (("1", "Jansen"), ("2", "Vis"), ("3", "Bakker")):
        made[reference] = Supporter.welcome(
            session, surname=surname, reference=("import", reference), by=cast.ANNA, now=cast.NOW
        )
    session.flush()
    return made


def opened(content: str, **options: object) -> Import:
    return Import.open("commitments", io.BytesIO(content.encode()), name="promises.csv", **options)


def imported(session: Session, content: str, **options: object) -> Plan:
    return opened(content, **options).apply(session, by=BY, now=cast.NOW)


def errors(session: Session, content: str, **options: object) -> list[str]:
    plan = opened(content, **options).check(session, on=cast.TODAY)
    return [f"{problem.field}: {problem.message}" for problem in plan.errors]


def the_one(session: Session) -> Commitment:
    session.expire_all()
    return session.scalars(select(Commitment)).one()


def number_of(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Commitment)) or 0


def test_a_live_mandate_arrives_as_already_used(session: Session) -> None:
    row = f"1;12,50;maand;31-01-2020;OLD-1;15-01-2020;{iban(1)};30-11-2026;83\n"
    assert imported(session, HEADER + row).ready == 1
    commitment = the_one(session)
    assert (commitment.money, commitment.term.every, commitment.method) == (Money.eur("12.50"), "month", "sepa")
    assert (commitment.started_on, commitment.next_number, commitment.next_due_on) == (
        date(2020, 1, 31),
        84,
        date(2026, 12, 31),
    )
    assert commitment.term.due_on(86) == date(2027, 2, 28)
    assert commitment.term.due_on(87) == date(2027, 3, 31)
    mandate = commitment.mandate
    assert mandate is not None
    assert (mandate.reference, mandate.signed_on, mandate.kind) == ("OLD-1", date(2020, 1, 15), "recurring")
    assert (mandate.first_used_on, mandate.last_used_on) == (date(2020, 1, 31), date(2026, 11, 30))
    assert mandate.bank_account.iban == iban(1)
    told = session.scalars(select(Announcement)).one()
    assert (told.term_id, told.amount, told.first_due_on) == (commitment.term.id, 1250, date(2026, 12, 31))
    assert (told.channel, told.evidence) == ("imported", "migrated")


def test_a_new_mandate_must_be_announced_first(session: Session) -> None:
    imported(session, HEADER + f"1;12,50;month;2026-12-28;NEW-1;2026-11-20;{iban(1)};;\n")
    commitment = the_one(session)
    assert (commitment.next_number, commitment.next_due_on) == (1, date(2026, 12, 28))
    assert commitment.mandate is not None
    assert (commitment.mandate.first_used_on, commitment.mandate.last_used_on) == (None, None)
    assert session.scalars(select(Announcement)).all() == []


@pytest.mark.parametrize(
    ("interval", "start", "last", "number", "next_number", "next_due"),
    [
        ("month", "2019-03-01", "2026-11-01", "", 94, date(2026, 12, 1)),
        ("month", "2019-03-01", "2026-11-03", "", 94, date(2026, 12, 1)),
        # Collected on Friday what fell due on Sunday: it is not collected again two days later.
        ("month", "2019-03-01", "2026-10-30", "", 94, date(2026, 12, 1)),
        ("month", "2019-03-01", "2026-11-02", "7", 8, date(2026, 12, 1)),
        ("quarter", "2019-01-15", "2026-10-15", "", 33, date(2027, 1, 15)),
        ("year", "2020-02-29", "2026-02-28", "", 8, date(2027, 2, 28)),
        ("month", "2026-11-28", "2026-11-28", "1", 2, date(2026, 12, 28)),
    ],
)
def test_the_next_instalment_follows_the_last_collection_on_the_same_grid(
    session: Session, interval: str, start: str, last: str, number: str, next_number: int, next_due: date
) -> None:
    imported(session, HEADER + f"1;10;{interval};{start};M;2019-01-01;{iban(1)};{last};{number}\n")
    commitment = the_one(session)
    assert (commitment.next_number, commitment.next_due_on) == (next_number, next_due)
    assert commitment.term.due_on(next_number) == next_due


def test_the_same_file_twice_adds_nothing(session: Session) -> None:
    content = HEADER + (
        f"1;10;month;2020-01-01;OLD-1;2020-01-01;{iban(1)};2026-11-01;\n"
        "2;10;month;2026-12-01;;;;;\n"
        "2;10;month;2026-12-01;;;;;\n"
        "3;25;year;2026-12-01;;;;;\n"
    )
    assert imported(session, content).ready == 4
    plan = imported(session, content)
    assert (plan.ready, plan.known, number_of(session)) == (0, 4, 4)
    plan = imported(session, content + "2;10;month;2026-12-01;;;;;\n")
    assert (plan.ready, plan.known, number_of(session)) == (1, 4, 5)


def test_an_amount_that_was_changed_since_is_not_taken_for_another_promise(session: Session) -> None:
    content = HEADER + f"1;10;month;2020-01-01;OLD-1;2020-01-01;{iban(1)};2026-11-01;\n2;5;month;2026-12-01;;;;;\n"
    imported(session, content)
    for commitment in session.scalars(select(Commitment)).all():
        commitment.change(session, Money.eur("15.00"), reason="phone", by=cast.ANNA, now=cast.NOW)
    assert imported(session, content).known == 2


def test_a_promise_without_a_mandate_is_not_collected(session: Session) -> None:
    plan = imported(session, HEADER + f"1;10;month;2026-12-01;;;{iban(1)};;\n")
    assert plan.warnings[0].message == "There is an IBAN but no mandate: nothing will be collected from it."
    commitment = the_one(session)
    assert (commitment.method, commitment.mandate) == ("transfer", None)
    assert [account.iban for account in commitment.supporter.bank_accounts] == [iban(1)]


def test_an_account_that_is_known_is_not_added_twice(session: Session, people: dict[str, Supporter]) -> None:
    content = HEADER + (
        f"1;10;month;2026-12-01;M-1;2026-11-01;{iban(1)};;\n1;10;month;2026-12-01;M-2;2026-11-01;{iban(1)};;\n"
    )
    imported(session, content)
    imported(session, HEADER + "1;7;month;2026-12-01;M-3;2026-11-01;;;\n")
    session.expire_all()
    assert len(people["1"].bank_accounts) == 1
    assert len({mandate.bank_account_id for mandate in session.scalars(select(Mandate))}) == 1


def test_source_and_fund_come_from_the_file_or_for_all_rows(session: Session) -> None:
    content = "supporter_reference,amount,start_on,fund,source_code\n1,10,2026-12-01,Water,\n2,10,2026-12-01,,phone\n"
    imported(session, content, settings={"interval": "month", "source_code": "street"})
    found = session.scalars(select(Commitment).order_by(Commitment.id)).all()
    assert [(one.fund.code, one.source_code) for one in found] == [("water", "street"), ("general", "phone")]


def test_a_promise_for_one_time_has_a_one_off_mandate(session: Session) -> None:
    imported(session, HEADER + f"1;10;once;2026-12-28;M;2026-11-01;{iban(1)};;\n")
    commitment = the_one(session)
    assert commitment.mandate is not None
    assert commitment.mandate.kind == "one_off"


GOOD = ["1", "10", "month", "2026-12-01", "M-1", "2026-11-01", iban(1), "", ""]


@pytest.mark.parametrize(
    ("position", "value", "field", "says"),
    [
        (0, "99", "supporter_reference", "There is no supporter with reference “99” of “import”"),
        (0, "", "supporter_reference", "whose promise is it?"),
        (1, "1.000", "amount", "“1.000” can mean two amounts; write 1,00 or 1000,00."),
        (1, "12,5O", "amount", "letter O"),
        (1, "-5", "amount", "more than nothing"),
        (1, "", "amount", "This is empty, and cannot be."),
        (2, "weekly", "interval", "is not one of: once, month"),
        (3, "31-02-2026", "start_on", "does not exist"),
        (4, "M" * 36, "mandate_reference", "36"),
        (4, "M\u20ac1", "mandate_reference", "character that banks refuse"),
        (4, "", "mandate_reference", "a direct debit takes a mandate"),
        (5, "", "mandate_signed_on", "the bank asks when"),
        (5, "2026-12-02", "mandate_signed_on", "in the future"),
        (5, "2023-12-01", "mandate_signed_on", "has lapsed"),
        (6, iban(1)[:-1], "iban", "NL has 18 characters, this has 17"),
        (6, "", "iban", "we know 0 accounts"),
        (7, "2026-10-31", "last_collected_on", "before the mandate was signed"),
        (7, "2026-11-10", "last_collected_on", "not near a due date"),
        (8, "5", "last_collected_on", "though 5 instalments were collected"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_field_and_what_would_be_right(
    session: Session, position: int, value: str, field: str, says: str
) -> None:
    row = [*GOOD[:position], value, *GOOD[position + 1 :]]
    [error, *_] = errors(session, HEADER + ";".join(row) + "\n")
    assert error.startswith(f"{field}: ")
    assert says in error


def test_an_unknown_fund_is_refused_with_the_known_ones(session: Session) -> None:
    content = "supporter_reference,amount,interval,start_on,fund\n1,10,month,2026-12-01,fire\n"
    assert errors(session, content) == ["fund: There is no fund “fire”; there are: general, water."]


def test_a_mandate_twice_in_a_file_or_of_somebody_else_is_refused(session: Session) -> None:
    content = HEADER + f"1;10;month;2026-12-01;M;2026-11-01;{iban(1)};;\n"
    twice = content + f"2;10;month;2026-12-01;M;2026-11-01;{iban(2)};;\n"
    assert errors(session, twice) == ["mandate_reference: Mandate M is on line 2 too."]
    imported(session, content)
    [error] = errors(session, HEADER + f"2;10;month;2026-12-01;M;2026-11-01;{iban(2)};;\n")
    assert "belongs to another supporter" in error


def test_nothing_starts_for_somebody_who_died(session: Session, people: dict[str, Supporter]) -> None:
    people["1"].death_reported_at = cast.NOW
    session.flush()
    [error] = errors(session, HEADER + ";".join(GOOD) + "\n")
    assert error == "supporter_reference: This supporter has died: no commitment can start."


def test_a_merged_supporter_s_promise_goes_to_who_they_are_now(session: Session, people: dict[str, Supporter]) -> None:
    people["2"].merged_into_id = people["1"].id
    session.flush()
    imported(session, HEADER + f"2;10;month;2026-12-01;M;2026-11-01;{iban(1)};;\n")
    assert the_one(session).supporter_id == people["1"].id
    resolved = ExternalReference.resolve(session, "import", "2")
    assert resolved is people["1"]


def test_with_several_creditor_accounts_the_file_must_say_which(session: Session) -> None:
    CreditorAccount.open(session, "Tweede", cast.OUR_IDENTIFIER, "NL20INGB0001234567")
    content = HEADER + ";".join(GOOD) + "\n"
    with pytest.raises(BadMapping, match="--set creditor=IBAN"):
        opened(content).check(session, on=cast.TODAY)
    plan = opened(content, settings={"creditor": "NL20 INGB 0001 2345 67"}).check(session, on=cast.TODAY)
    assert plan.is_good


def test_a_promise_that_began_long_ago_and_was_never_collected_is_warned_about(session: Session) -> None:
    content = HEADER + f"1;10;month;2026-01-01;M;2025-12-01;{iban(1)};;\n"
    plan = opened(content).check(session, on=cast.TODAY)
    assert (plan.ready, plan.warned) == (1, 1)
    assert "fill in last_collected_on" in plan.warnings[0].message
