"""Two operators at once on PostgreSQL: one of them wins, the other is told why, and the money is right either way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift
from supporters.giving.instalment import Instalment
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.supporter import Supporter
from supporters.tasks import Task
from tests import cast
from tests.cast import ANNA, BRAM, NOW, TODAY
from tests.promises.ledger import broken_promises
from tests.promises.operators import Act, at_once
from tests.supporters.payments.sepa.collecting import DUE, at

ROUNDS = int(os.environ.get("ACHTERBAN_ROUNDS", "6"))
CARL = cast.Actor.person("carl@example.org", authenticated=True)
IDS = count(1)


class Round:
    """Three promises on an account of their own, and a collection of them up to ``state``."""

    def __init__(self, engine: Engine, state: str | None) -> None:
        self.engine = engine
        with Session(engine) as session:
            number = next(IDS)
            account = CreditorAccount.open(session, "Account", f"NL69{number:03d}123456780000", cast.OUR_IBAN)
            made = []
            for each in range(3):
                donor = Supporter.welcome(session, first_name="Ada", surname=f"N{each}", by=ANNA, now=NOW)
                mandate = cast.mandate(session, donor, creditor_identifier=account.identifier)
                made.append(cast.monthly(session, donor, start_on=DUE, mandate=mandate))
                Announcement.make(
                    session, made[-1], on=TODAY - timedelta(days=20), channel="letter", evidence="", by=ANNA, now=NOW
                )
            session.commit()
            self.account_id = account.id
            self.commitments = [one.id for one in made]
            self.supporter_id = made[0].supporter_id
            self.batch_id: int | None = None
            if state is not None:
                batch = self.prepare(session)
                self.batch_id = batch.id
                if state != "prepared":
                    batch.approve(session, by=BRAM, now=NOW)
                if state in ("exported", "booked"):
                    batch.export(session, by=BRAM, now=NOW)
                session.commit()

    # What an operator does, each in its own session.

    def prepare(self, session: Session, days: int = 0) -> CollectionBatch:
        account = session.get_one(CreditorAccount, self.account_id)
        return CollectionBatch.prepare(session, account, on=DUE + timedelta(days=days), by=ANNA, now=NOW)

    def batch(self, session: Session) -> CollectionBatch:
        return session.get_one(CollectionBatch, self.batch_id)

    def first(self, session: Session) -> Commitment:
        return session.get_one(Commitment, self.commitments[0])

    def approve(self, session: Session, by: Any = BRAM) -> Any:
        return self.batch(session).approve(session, by=by, now=NOW)

    def export(self, session: Session) -> Any:
        return self.batch(session).export(session, by=BRAM, now=NOW)

    def book(self, session: Session) -> Any:
        return self.batch(session).book(session, by=BRAM, now=at(DUE))

    def cancel(self, session: Session) -> Any:
        return self.batch(session).cancel(session, "x", by=BRAM, now=NOW)

    def change(self, session: Session) -> Any:
        return self.first(session).change(session, Money.eur("99"), reason="asked", by=BRAM, now=NOW)

    def pause(self, session: Session) -> Any:
        return self.first(session).pause(session, from_on=TODAY, by=BRAM, now=NOW)

    def skip(self, session: Session) -> Any:
        return self.first(session).skip(session, 1, by=BRAM, now=NOW)

    def stop(self, session: Session) -> Any:
        return self.first(session).stop(session, "donor_request", on=TODAY, by=BRAM, now=NOW)

    def end_mandate(self, session: Session) -> Any:
        mandate = self.first(session).mandate
        assert mandate is not None
        return mandate.cancel(session, "donor", by=BRAM, now=NOW, on=TODAY)

    def move(self, session: Session) -> Any:
        mandate = self.first(session).mandate
        assert mandate is not None
        return mandate.change_account(session, "NL39RABO0300065264", by=BRAM, now=NOW, on=TODAY)

    def die(self, session: Session) -> Any:
        donor = session.get_one(Supporter, self.supporter_id)
        return Death.report(session, donor, source="family", by=ANNA, now=NOW)

    def fail(self, session: Session) -> Any:
        return session.scalars(select(Payment).where(Payment.supporter_id == self.supporter_id)).one().fail(
            session, by=ANNA, now=NOW
        )  # fmt: skip

    # What to look at afterwards.

    def payments(self, session: Session, state: str = "open") -> list[Payment]:
        query = select(Payment).join(Instalment, Instalment.id == Payment.instalment_id)
        return list(
            session.scalars(query.where(Instalment.commitment_id == self.commitments[0], Payment.state == state))
        )

    def gifts(self, session: Session) -> int:
        query = select(func.count()).select_from(Gift).where(Gift.commitment_id.in_(self.commitments))
        return session.scalar(query) or 0


@pytest.fixture(scope="module")
def shared(postgres_databases: Any) -> Iterator[Engine]:
    engine = postgres_databases.create()
    with Session(engine) as session:
        cast.fund(session)
        session.commit()
    yield engine
    postgres_databases.drop(engine)


def rounds(engine: Engine, state: str | None, *verbs: Callable[[Round], Act]) -> Iterator[tuple[Round, Any, Session]]:
    """Each round with what the operators were told, and a session to look with."""
    for _ in range(ROUNDS):
        this = Round(engine, state)
        outcome = at_once(engine, *(verb(this) for verb in verbs))
        with Session(engine) as session:
            yield this, outcome, session
    with Session(engine) as session:
        assert broken_promises(session) == []


def test_two_prepares_gather_everything_once(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, None, lambda r: r.prepare, lambda r: r.prepare):
        assert outcome.done == 1
        assert "nothing to collect" in next(filter(None, outcome.said))
        assert len(this.payments(session)) == 1


def test_a_prepare_and_a_cancel_leave_each_instalment_in_one_place(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "prepared", lambda r: r.prepare, lambda r: r.cancel):
        assert outcome.said[1] is None
        assert len(this.payments(session)) == (1 if outcome.said[0] is None else 0)


def test_two_approvals_make_one_set_of_files(shared: Engine) -> None:
    by_carl: Callable[[Round], Act] = lambda r: lambda s: r.approve(s, CARL)  # noqa: E731
    for this, outcome, session in rounds(shared, "prepared", lambda r: r.approve, by_carl):
        assert outcome.done == 1
        assert "only while it is prepared" in next(filter(None, outcome.said))
        assert [f.sequence for f in this.batch(session).files] == [1]


def test_an_approval_and_a_cancel_exclude_each_other(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "prepared", lambda r: r.approve, lambda r: r.cancel):
        assert outcome.said[1] is None
        assert this.batch(session).state == "cancelled"


def test_two_exports_count_as_one(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "approved", lambda r: r.export, lambda r: r.export):
        assert outcome.done == 2
        assert this.batch(session).state == "exported"


def test_an_export_and_a_cancel_exclude_each_other(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "approved", lambda r: r.export, lambda r: r.cancel):
        assert outcome.done == 1
        assert this.batch(session).state == ("exported" if outcome.said[0] is None else "cancelled")


def test_two_bookings_book_once(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "exported", lambda r: r.book, lambda r: r.book):
        assert outcome.done == 1
        assert "was booked on" in next(filter(None, outcome.said))
        assert this.gifts(session) == 3


def test_a_booking_and_a_failure_agree_on_the_line(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "exported", lambda r: r.book, lambda r: r.fail):
        assert outcome.said[0] is None
        assert this.gifts(session) == (2 if outcome.said[1] is None else 3)


def test_a_change_and_a_prepare_follow_each_other(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, None, lambda r: r.prepare, lambda r: r.change):
        assert outcome.done == 2
        assert {p.amount for p in this.payments(session)} <= {1000}  # The new amount was not announced: it waits.
        assert this.first(session).term.amount == 9900


@pytest.mark.parametrize("verb", ["pause", "skip", "stop", "end_mandate", "die"])
def test_what_is_let_go_while_a_run_gathers_is_never_exported(shared: Engine, verb: str) -> None:
    for this, outcome, session in rounds(shared, None, lambda r: r.prepare, lambda r: getattr(r, verb)):
        assert outcome.said[0] is None
        held = this.payments(session)
        if verb == "skip" and outcome.said[1] is not None:
            assert "is in a collection already" in outcome.said[1]
            assert len(held) == 1
        else:
            assert outcome.said[1] is None
            assert held == []


@pytest.mark.parametrize("verb", ["die", "end_mandate", "stop"])
def test_a_death_and_an_approval_never_end_in_an_export(shared: Engine, verb: str) -> None:
    for this, outcome, session in rounds(shared, "prepared", lambda r: r.approve, lambda r: getattr(r, verb)):
        assert outcome.done == 2
        batch = this.batch(session)
        blocked = batch.blockers(session)
        assert bool(blocked) != (this.payments(session) == [])


def test_a_death_holds_the_export_or_becomes_a_recall(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "approved", lambda r: r.export, lambda r: r.die):
        assert outcome.said[1] is None
        recalls = session.scalars(select(Task).where(Task.supporter_id == this.supporter_id)).all()
        if outcome.said[0] is None:
            assert len(recalls) == 1
        else:
            assert "has died" in outcome.said[0]
            assert recalls == []


def test_a_new_account_is_in_the_file_or_waits_for_the_next(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, "prepared", lambda r: r.approve, lambda r: r.move):
        assert outcome.done == 2
        (payment,) = this.payments(session)
        content = b"".join(this.batch(session).files[0].chunks(session))
        assert payment.iban is not None
        assert payment.iban.encode() in content


def test_two_reports_of_one_death_are_one(shared: Engine) -> None:
    for _, outcome, _ in rounds(shared, "prepared", lambda r: r.die, lambda r: r.die):
        assert outcome.done == 1
        assert "reported already" in next(filter(None, outcome.said))


def test_two_changes_follow_each_other(shared: Engine) -> None:
    for this, outcome, session in rounds(shared, None, lambda r: r.change, lambda r: r.change):
        assert outcome.done == 1
        assert "EUR 99.00 per month already" in next(filter(None, outcome.said))
        assert len(this.first(session).terms) == 2


def test_the_same_gift_from_two_sides_is_booked_once(shared: Engine) -> None:
    def book(this: Round) -> Act:
        return lambda s: cast.gift(
            s, s.get_one(Supporter, this.supporter_id), booking_key=f"form:{this.supporter_id}", fund=cast.fund(s)
        )

    for this, outcome, session in rounds(shared, None, book, book):
        assert outcome.done == 2
        query = select(func.count()).select_from(Gift).where(Gift.supporter_id == this.supporter_id)
        assert session.scalar(query) == 1
