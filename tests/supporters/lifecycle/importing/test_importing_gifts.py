from __future__ import annotations

import io
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supporters import Actor, FinancialYear, Gift, Supporter, hooks
from supporters.lifecycle.importing import Import, Plan
from supporters.money import Money
from tests import cast

BY = Actor("import", "gifts.csv", "test")
HEADER = "supporter_reference;amount;received_on;fund;kind;description;source_code\n"


@pytest.fixture(autouse=True)
def people(session: Session) -> dict[str, Supporter]:
    cast.fund(session)
    cast.fund(session, "water", "Water")
    given = {"1": {"surname": "Jansen"}, "2": {"kind": "organisation", "organisation_name": "Bakkerij Smit"}}
    return {
        reference: Supporter.welcome(session, reference=("import", reference), by=cast.ANNA, now=cast.NOW, **fields)
        for reference, fields in given.items()
    }


def opened(content: str, **options: object) -> Import:
    return Import.open("gifts", io.BytesIO(content.encode()), name="gifts.csv", **options)


def imported(session: Session, content: str, **options: object) -> Plan:
    return opened(content, **options).apply(session, by=BY, now=cast.NOW)


def errors(session: Session, content: str) -> list[str]:
    plan = opened(content).check(session, on=cast.TODAY)
    return [f"line {problem.line}, {problem.field}: {problem.message}" for problem in plan.errors]


def number_of(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Gift)) or 0


def test_a_gift_arrives_whole(session: Session) -> None:
    imported(session, HEADER + "1;1.234,50;31-12-2025;water;;=2+3, dank!;spring\n2;99;2026-01-01;;bedrijf;;\n")
    session.commit()
    one, two = session.scalars(select(Gift).order_by(Gift.id)).all()
    assert (one.money, one.received_on, one.kind) == (Money.eur("1234.50"), date(2025, 12, 31), "gift")
    assert (one.description, one.source_code, one.booked_by) == ("=2+3, dank!", "spring", "import:gifts.csv")
    assert [(share.fund.code, share.amount) for share in one.designations] == [("water", 123450)]
    assert (two.kind, two.designations[0].fund.code) == ("company", "general")


def test_the_same_file_twice_adds_nothing_and_twins_in_it_are_two_gifts(session: Session) -> None:
    content = HEADER + "1;10;2026-11-01;;;;\n1;10;2026-11-01;;;;\n1;10,00;01-11-2026;general;gift;;\n"
    assert imported(session, content).ready == 3
    plan = imported(session, content)
    assert (plan.ready, plan.known, number_of(session)) == (0, 3, 3)
    assert imported(session, content + "1;10;2026-11-01;;;;\n").ready == 1


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("9;10;2026-11-01;;;;", "line 2, supporter_reference: There is no supporter with reference “9”"),
        ("1;1.000;2026-11-01;;;;", "line 2, amount: “1.000” can mean two amounts"),
        ("1;-10;2026-11-01;;;;", "line 2, amount: “-10” is not more than nothing."),
        ("1;10;2026-12-02;;;;", "line 2, received_on: “2026-12-02” lies in the future."),
        ("1;10;2026-11-01;fire;;;", "line 2, fund: There is no fund “fire”; there are: general, water."),
        ("1;10;2026-11-01;;present;;", "line 2, kind: “present” is not one of: gift, bequest"),
        ("2;10;2026-11-01;;;;", "line 2, kind: This is empty, and the giver is an organisation"),
        ("1;10;2026-11-01;;;" + "x" * 501 + ";", "line 2, description: “xxx"),
    ],
)
def test_a_mistake_names_its_line_and_field(session: Session, row: str, says: str) -> None:
    [error] = errors(session, f"{HEADER}{row}\n")
    assert error.startswith(says)


def test_a_gift_in_a_closed_year_is_refused_on_its_line(session: Session) -> None:
    FinancialYear.close(session, 2025, by=cast.ANNA, now=cast.NOW)
    [error] = errors(session, HEADER + "1;10;2026-01-01;;;;\n1;10;2025-12-31;;;;\n")
    assert error.startswith("line 3, received_on: The financial year 2025 is closed")


def test_higher_floors_hear_of_the_gifts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setitem(hooks._handlers, "gifts_booked", [lambda _, gift_ids, **rest: heard.extend(gift_ids)])
    imported(session, HEADER + "1;10;2026-11-01;;;;\n1;11;2026-11-01;;;;\n")
    assert heard == list(session.scalars(select(Gift.id).order_by(Gift.id)))
