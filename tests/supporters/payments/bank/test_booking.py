"""Everything that is matched is booked with one button, once, and what cannot be booked keeps nothing else waiting."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import hooks, registry
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.giving.year import FinancialYear
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.bank.line import BankAllocation, BankLine
from supporters.people.supporter import Supporter
from tests import cast
from tests.cast import ANNA, NOW
from tests.supporters.payments.bank.lines import account, book, from_ada, line, matched, reference
from tests.supporters.payments.sepa.collecting import DUE, announced, exported, payments, statuses


def gifts(session: Session) -> list[Gift]:
    return list(session.scalars(select(Gift).order_by(Gift.id)))


def allocations(session: Session) -> list[tuple[Any, ...]]:
    rows = session.scalars(select(BankAllocation).order_by(BankAllocation.id))
    return [(each.line_id, each.amount, each.kind, each.because) for each in rows]


def nothing_is_broken(session: Session) -> bool:
    return [finding for _, finding in registry.findings(session, now=NOW)] == []


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What the listeners of gifts_booked were told."""
    told: list[list[int]] = []
    handlers = {**hooks._handlers, "gifts_booked": [lambda session, gift_ids, by, now: told.append(gift_ids)]}
    monkeypatch.setattr(hooks, "_handlers", handlers)
    return told


def test_a_matched_gift_is_booked_on_the_day_of_the_bank(session: Session, heard: list[list[int]]) -> None:
    cast.fund(session)
    ada = cast.ada(session)
    told = from_ada(session, on=date(2026, 12, 24), value_on=date(2026, 12, 23))
    matched(session, told)
    done = book(session)
    (gift,) = gifts(session)
    assert (gift.supporter_id, gift.money, gift.received_on) == (ada.id, Money.eur("25.00"), date(2026, 12, 24))
    assert (gift.kind, gift.booking_key, gift.booked_by) == ("gift", f"bank:{told.id}", ANNA.key)
    assert [(each.fund.code, each.amount) for each in gift.designations] == [("general", 2500)]
    assert (told.state, told.settled_by) == ("booked", ANNA.key)
    assert allocations(session) == [(told.id, 2500, "gift", "iban")]
    assert (done.gifts, done.gifts_total, done.lines, heard) == (1, 2500, {"gift": 1}, [[gift.id]])
    assert nothing_is_broken(session)


def test_booking_again_books_nothing(session: Session) -> None:
    cast.fund(session)
    cast.ada(session)
    matched(session, from_ada(session))
    book(session)
    assert (book(session).count, len(gifts(session))) == (0, 1)


def test_only_what_is_matched_is_booked(session: Session) -> None:
    cast.fund(session)
    cast.ada(session)
    told = from_ada(session, name="Somebody Else")
    matched(session, told)
    assert (book(session).count, gifts(session), told.state) == (0, [], "proposed")


def test_a_standing_order_is_booked_as_the_instalment_it_fulfils(session: Session) -> None:
    ada = cast.ada(session)
    fund = cast.fund(session, "wells", "Wells", is_restricted=True)
    promise = Commitment.start(
        session, ada, Money.eur("15.00"), every="month", start_on=date(2026, 12, 25), method="transfer", by=ANNA,
        now=NOW, fund=fund, source_code="street",
    )  # fmt: skip
    cast.fund(session)
    session.commit()
    matched(session, from_ada(session, 1500))
    book(session)
    (gift,) = gifts(session)
    assert (gift.commitment_id, gift.source_code) == (promise.id, "street")
    assert [each.fund_id for each in gift.designations] == [fund.id]
    assert statuses(promise)[0] == (1, "paid")
    assert nothing_is_broken(session)
    second = from_ada(session, 1500, on=date(2026, 12, 30))
    assert matched(session, second) == [("proposed", "gift", "iban", "second_in_period")]


def test_an_organisation_gives_what_its_sector_gives(session: Session) -> None:
    cast.fund(session)
    Supporter.welcome(
        session, kind="organisation", organisation_name="Stichting Zon", sector="foundation", iban=cast.SAMS_IBAN,
        by=ANNA, now=NOW,
    )  # fmt: skip
    matched(session, line(session, 500_00, iban=cast.SAMS_IBAN, name="St. Zon"))
    book(session)
    assert gifts(session)[0].kind == "foundation"


def test_a_collection_is_booked_when_its_money_comes(session: Session) -> None:
    announced(session)
    batch = exported(session)
    told = line(session, 1000, on=DUE, batch_reference=reference(batch))
    matched(session, told)
    done = book(session)
    assert (batch.state, told.state, done.collections) == ("booked", "booked", 1)
    assert allocations(session) == [(told.id, 1000, "collection", "batch_reference")]
    assert gifts(session)[0].received_on == DUE
    assert nothing_is_broken(session)


def test_the_parts_of_a_collection_come_one_by_one_and_book_each_debit_once(session: Session) -> None:
    cast.creditor(session, transactions_per_file=1)
    announced(session)
    sam, _ = cast.sam_and_suzie(session)
    announced(session, sam, Money.eur("7.50"), iban=cast.SAMS_IBAN)
    batch = exported(session)
    first, second = payments(session, batch)
    one = line(session, first.amount, on=DUE, batch_reference=reference(batch, file=1))
    matched(session, one)
    assert book(session).collections == 1
    two = line(session, second.amount, on=DUE, batch_reference=reference(batch, file=2))
    matched(session, two)
    done = book(session)
    assert (done.collections, done.lines, len(gifts(session))) == (0, {"collection": 1}, 2)
    again = line(session, second.amount, on=DUE, batch_reference=reference(batch, file=2))
    assert matched(session, again)[0][3] == "told_twice"


def test_a_collection_that_was_booked_by_hand_is_set_against_its_money(session: Session) -> None:
    announced(session)
    batch = exported(session)
    batch.book(session, by=ANNA, now=NOW, today=DUE)
    told = line(session, 1000, on=DUE, batch_reference=reference(batch))
    matched(session, told)
    assert (book(session).lines, told.state, len(gifts(session))) == ({"collection": 1}, "booked", 1)


def test_debits_that_the_bank_tells_one_by_one_book_the_collection_once(session: Session) -> None:
    announced(session)
    sam, _ = cast.sam_and_suzie(session)
    announced(session, sam, Money.eur("7.50"), iban=cast.SAMS_IBAN)
    batch = exported(session)
    lines = [line(session, each.amount, on=DUE, end_to_end_id=each.reference) for each in payments(session, batch)]
    matched(session, *lines)
    done = book(session)
    assert (done.collections, done.lines, len(gifts(session))) == (1, {"payment": 2}, 2)
    assert nothing_is_broken(session)


def test_totals_and_single_debits_of_one_collection_bring_it_once(session: Session) -> None:
    announced(session)
    batch = exported(session)
    (payment,) = payments(session, batch)
    total = line(session, 1000, on=DUE, batch_reference=reference(batch))
    single = line(session, 1000, on=DUE, end_to_end_id=payment.reference)
    matched(session, total, single)
    assert sorted((total.state, single.state)) == ["matched", "proposed"]
    book(session)
    assert len(gifts(session)) == 1


def test_a_return_reverses_the_gift_on_the_day_it_left(session: Session) -> None:
    announced(session)
    batch = exported(session)
    (payment,) = payments(session, batch)
    came = line(session, 1000, on=DUE, batch_reference=reference(batch))
    went = line(session, -1000, on=date(2026, 12, 30), end_to_end_id=payment.reference, reason="MD06")
    matched(session, came, went)
    done = book(session, today=date(2026, 12, 31))
    session.refresh(payment)
    assert (done.lines, payment.state, went.state) == ({"collection": 1, "return": 1}, "returned", "booked")
    (reversal,) = gifts(session)[0].reversals
    assert (reversal.kind, reversal.reason_code, reversal.reversed_on) == ("return", "MD06", date(2026, 12, 30))
    assert nothing_is_broken(session)


def test_a_return_waits_for_its_collection(session: Session) -> None:
    announced(session)
    batch = exported(session)
    (payment,) = payments(session, batch)
    went = line(session, -1000, on=date(2026, 12, 30), end_to_end_id=payment.reference, reason="MD06")
    matched(session, went)
    assert book(session).count == 0
    assert (went.state, went.doubt) == ("matched", "not_booked_yet")
    matched(session, line(session, 1000, on=DUE, batch_reference=reference(batch)))
    assert book(session).lines == {"collection": 1, "return": 1}


def test_what_cannot_be_booked_keeps_nothing_else_waiting(session: Session) -> None:
    """Between the match and the button somebody died, a year closed, and a collection is booked too soon."""
    cast.fund(session)
    ada = cast.ada(session)
    sam, _ = cast.sam_and_suzie(session)
    sams = {"iban": cast.SAMS_IBAN, "name": "S. van den Berg"}
    announced(session, sam, iban=cast.SAMS_IBAN)
    batch = exported(session)
    early = line(session, 1000, on=DUE, batch_reference=reference(batch))
    old = line(session, 500, on=date(2025, 12, 30), **sams)
    fine, late = line(session, 700, **sams), from_ada(session)
    matched(session, early, old, fine, late)
    assert {each.state for each in (early, old, fine, late)} == {"matched"}
    FinancialYear.close(session, 2025, by=ANNA, now=NOW)
    Death.report(session, ada, source="family", by=ANNA, now=NOW)
    done = book(session, today=date(2026, 12, 27))
    assert (done.lines, fine.state) == ({"gift": 1}, "booked")
    assert [(each.state, each.doubt) for each in (early, old, late)] == [
        ("matched", "not_today"), ("proposed", "closed_year"), ("proposed", "deceased"),
    ]  # fmt: skip
    assert "book it from that day on" in done.left[early.id].message


def test_only_one_account_or_only_these_lines(session: Session) -> None:
    cast.fund(session)
    cast.ada(session)
    one, two, three = (from_ada(session, amount) for amount in (500, 600, 700))
    matched(session, one, two, three)
    assert book(session, account=account(session, "NL02ABNA0123456789")).count == 0
    assert (book(session, ids=[two.id]).count, two.state, one.state) == (1, "booked", "matched")
    assert book(session, account=one.account).count == 2


def test_a_line_is_never_booked_for_more_than_it_is(session: Session) -> None:
    cast.fund(session)
    cast.ada(session)
    told = from_ada(session)
    matched(session, told)
    book(session)
    made = session.scalars(select(BankAllocation)).one()
    session.add(
        BankAllocation(
            line_id=told.id, amount=1, kind="gift", because="person", gift_id=made.gift_id, made_at=NOW, made_by="x"
        )
    )
    with pytest.raises(Exception, match="would be booked"):
        session.flush()
    session.rollback()
    assert session.scalars(select(BankLine.state)).all() == ["booked"]
