"""Random histories of promises and collections: every step is committed, refused, or broken off in the middle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from supporters.errors import AchterbanError
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa import calendar
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement, announce
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.supporter import Supporter
from tests.cast import ANNA, BRAM
from tests.promises.ledger import Rows, broken_promises, damaged_files, difference, dump

ACCOUNTS = (("NL69ZZZ123456780000", "NL44RABO0123456789"), ("NL69001123456780000", "NL20INGB0001234567"))
IBANS = ("NL91ABNA0417164300", "NL39RABO0300065264", "NL20INGB0001234567", "DE89370400440532013000")
EVERY = ("month", "month", "month", "quarter", "year", "once")
#: In a history, each step is broken off at a random statement this often.
CRASH = st.none() | st.none() | st.integers(1, 30)
SOME = st.integers(0, 11)
SELDOM = st.sampled_from((False, False, False, True))
ACCOUNT = st.sampled_from((1, 1, 1, 0))


class Crash(Exception):
    """The machine stops here."""


class Histories(RuleBasedStateMachine):
    """Two accounts, three people, and everything that can happen to what they promise. Subclasses say ``engine``."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.today = date(2026, 11, 20)
        self.fuse: int | None = None
        self.asked: set[int] = set()
        event.listen(self.connection, "before_cursor_execute", self._burn)

    def teardown(self) -> None:
        event.remove(self.connection, "before_cursor_execute", self._burn)
        assert damaged_files(self.session) == []
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    def _burn(self, *_: Any) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Crash

    @property
    def now(self) -> datetime:
        return datetime(self.today.year, self.today.month, self.today.day, 9, tzinfo=UTC)

    # -- a step -----------------------------------------------------------------------------------

    def step(self, name: str, act: Callable[[Session], Any], crash: int | None = None) -> None:
        """Do it and look at everything: whole when it was done, untouched when it was refused or broken off."""
        before = self.rows
        self.fuse = crash
        try:
            act(self.session)
            self.session.flush()
            if self.engine.dialect.name == "postgresql":
                self.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
                self.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
            self.fuse = None
            self.session.commit()
        except AchterbanError:
            self.fuse = None
            self.session.expire_all()
            after = dump(self.session)
            assert difference(before, after) == [], f"{name} was refused and changed something all the same"
            self.session.rollback()
        except Crash:
            self.session.rollback()
            assert difference(before, dump(self.session)) == [], f"half of {name} was kept"
        self.rows: Rows = dump(self.session)
        self.session.rollback()
        assert broken_promises(self.session, self.rows) == []
        self._compare(name, before)

    def _compare(self, name: str, before: Rows) -> None:
        """What may have become of each instalment and each file in this step."""
        statuses = {one["id"]: one for one in self.rows["instalment"]}
        for old in before["instalment"]:
            new = statuses[old["id"]]
            assert new["due_on"] == old["due_on"]
            if new["status"] != old["status"]:
                allowed = MOVES[old["status"]]
                assert (new["status"], name) in allowed or (new["status"], "") in allowed, (
                    f"{name} made a {old['status']} instalment {new['status']}"
                )
        assert self.rows["collection_file"][: len(before["collection_file"])] == before["collection_file"]
        sent = [p["instalment_id"] for p in self.rows["payment"] if p["state"] in ("open", "booked")]
        assert len(sent) == len(set(sent))

    def one(self, model: Any, index: int, *conditions: Any) -> Any:
        """One of those there are, or None."""
        found = self.session.scalars(select(model).where(*conditions).order_by(model.id.desc())).all()
        return found[index % len(found)] if found else None

    # -- the beginning ----------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.rows = dump(self.session)
        for identifier, iban in ACCOUNTS:
            CreditorAccount.open(self.session, "Voorbeeld", identifier, iban, transactions_per_file=2)
        for code in ("general", "water"):
            Fund.open(self.session, code, code.title())
        for name in ("Ada", "Sam", "Suzie"):
            Supporter.welcome(self.session, first_name=name, surname="Test", by=ANNA, now=self.now)
        for number, amount in enumerate((1000, 2500, 750)):
            self._start(self.session, number, amount, "month", 25 + number, 0, "recurring", IBANS[number], told=True)
        self._start(self.session, 1, 5000, "quarter", 28, 1, "recurring", IBANS[3], told=True)
        self.session.commit()
        self.rows = dump(self.session)

    def _start(
        self, session: Session, who: int, cents: int, every: str, ahead: int, account: int, kind: str, iban: str,
        *, told: bool,
    ) -> None:  # fmt: skip
        supporter = self.one(Supporter, who)
        mandate = None
        if kind:
            mandate = Mandate.sign(
                session, supporter, iban, creditor_identifier=ACCOUNTS[account][0], signed_on=self.today,
                evidence_kind="paper", kind=kind, by=ANNA, now=self.now,
            )  # fmt: skip
        made = Commitment.start(
            session, supporter, Money(cents), every=every, start_on=self.today + timedelta(days=ahead),
            fund=self.one(Fund, cents), mandate=mandate, by=ANNA, now=self.now,
        )  # fmt: skip
        if told:
            Announcement.make(session, made, on=self.today, channel="letter", evidence="", by=ANNA, now=self.now)

    # -- promises ---------------------------------------------------------------------------------

    @rule(
        who=SOME, cents=st.sampled_from((100, 1000, 2500)), every=st.sampled_from(EVERY), ahead=st.integers(1, 50),
        account=ACCOUNT, kind=st.sampled_from(("recurring", "recurring", "one_off", "")), iban=st.sampled_from(IBANS),
        told=st.booleans(), crash=CRASH,
    )  # fmt: skip
    def start(self, who: int, cents: int, every: str, ahead: int, account: int, kind: str, iban: str, told: bool,
              crash: int | None) -> None:  # fmt: skip
        if len(self.rows["commitment"]) < 7:
            act = lambda s: self._start(s, who, cents, every, ahead, account, kind, iban, told=told)  # noqa: E731
            self.step("start", act, crash)

    @rule(which=SOME, cents=st.none() | st.sampled_from((100, 1000, 1500)), every=st.none() | st.sampled_from(EVERY),
          told=st.booleans(), crash=CRASH)  # fmt: skip
    def change(self, which: int, cents: int | None, every: str | None, told: bool, crash: int | None) -> None:
        def act(session: Session) -> None:
            one = self.one(Commitment, which)
            one.change(session, cents and Money(cents), every=every, reason="asked", by=ANNA, now=self.now)
            if told:
                Announcement.make(session, one, on=self.today, channel="letter", evidence="", by=ANNA, now=self.now)

        self.step("change", act, crash)

    @rule(which=SOME, start=st.integers(-10, 40), days=st.none() | st.integers(1, 70), crash=CRASH)
    def pause(self, which: int, start: int, days: int | None, crash: int | None) -> None:
        from_on = self.today + timedelta(days=start)
        until_on = from_on + timedelta(days=days) if days else None
        act = lambda s: self.one(Commitment, which).pause(s, from_on=from_on, until_on=until_on, by=ANNA, now=self.now)  # noqa: E731
        self.step("pause", act, crash)

    @rule(which=SOME, day=st.integers(-20, 20), crash=CRASH)
    def resume(self, which: int, day: int, crash: int | None) -> None:
        on = self.today + timedelta(days=day)
        self.step("resume", lambda s: self.one(Commitment, which).resume(s, on=on, by=ANNA, now=self.now), crash)

    @rule(which=SOME, ahead=st.none() | st.integers(-2, 4), crash=CRASH)
    def skip(self, which: int, ahead: int | None, crash: int | None) -> None:
        def act(session: Session) -> None:
            one = self.one(Commitment, which)
            number = None if ahead is None else max(1, one.next_number + ahead)
            one.skip(session, number, by=ANNA, now=self.now)

        self.step("skip", act, crash)

    @rule(which=SOME, day=st.integers(-5, 40), really=SELDOM, crash=CRASH)
    def stop(self, which: int, day: int, really: bool, crash: int | None) -> None:
        on = self.today + timedelta(days=day)
        act = lambda s: self.one(Commitment, which).stop(s, "donor_request", on=on, by=ANNA, now=self.now)  # noqa: E731
        if really:
            self.step("stop", act, crash)

    @rule(which=SOME, crash=CRASH)
    def ask_again(self, which: int, crash: int | None) -> None:
        found = self.one(Instalment, which, Instalment.status.in_(("returned", "missed")))
        if found is not None:
            act = lambda s: found.commitment.ask_again(s, found.number, by=ANNA, now=self.now)  # noqa: E731
            self.step("ask_again", act, crash)

    @rule(which=SOME, iban=st.sampled_from(IBANS), crash=CRASH)
    def move_account(self, which: int, iban: str, crash: int | None) -> None:
        act = lambda s: self.one(Mandate, which).change_account(s, iban, by=ANNA, now=self.now, on=self.today)  # noqa: E731
        self.step("move_account", act, crash)

    @rule(which=SOME, really=SELDOM, crash=CRASH)
    def end_mandate(self, which: int, really: bool, crash: int | None) -> None:
        act = lambda s: self.one(Mandate, which).cancel(s, "donor", by=ANNA, now=self.now, on=self.today)  # noqa: E731
        if really:
            self.step("end_mandate", act, crash)

    @rule(which=SOME, really=SELDOM, crash=CRASH)
    def die(self, which: int, really: bool, crash: int | None) -> None:
        act = lambda s: Death.report(s, self.one(Supporter, which), source="family", by=ANNA, now=self.now)  # noqa: E731
        if really:
            self.step("die", act, crash)

    @rule(crash=CRASH)
    def live(self, crash: int | None) -> None:
        found = self.one(Death, 0, Death.undone_at.is_(None))
        if found is not None:
            self.step("live", lambda s: found.undo(s, by=BRAM, now=self.now), crash)

    # -- collections ------------------------------------------------------------------------------

    @rule(account=ACCOUNT, crash=CRASH)
    def tell(self, account: int, crash: int | None) -> None:
        def act(session: Session) -> None:
            before = self.today + timedelta(days=45)
            list(announce(session, self.one(CreditorAccount, account), before=before, by=ANNA, now=self.now,
                          on=self.today))  # fmt: skip

        self.step("tell", act, crash)

    @rule(account=ACCOUNT, ahead=st.integers(0, 45), crash=CRASH)
    def prepare(self, account: int, ahead: int, crash: int | None) -> None:
        def act(session: Session) -> None:
            on = self.today + timedelta(days=ahead)
            CollectionBatch.prepare(session, self.one(CreditorAccount, account), on=on, by=ANNA, now=self.now)

        self.step("prepare", act, crash)

    @rule(which=SOME, crash=CRASH)
    def cancel(self, which: int, crash: int | None) -> None:
        found = self.one(CollectionBatch, which, CollectionBatch.state.in_(("prepared", "approved", "exported")))
        if found is not None:
            self.step("cancel", lambda s: found.cancel(s, "wrong", by=BRAM, now=self.now), crash)

    @rule(which=SOME, mine=st.sampled_from((False, False, True)), old=st.booleans(), crash=CRASH)
    def approve(self, which: int, mine: bool, old: bool, crash: int | None) -> None:
        found = self.one(CollectionBatch, which)
        if found is not None:
            format = "pain.008.001.02" if old else "pain.008.001.08"
            act = lambda s: found.approve(s, by=ANNA if mine else BRAM, now=self.now, format=format)  # noqa: E731
            self.step("approve", act, crash)

    @rule(which=SOME, crash=CRASH)
    def export(self, which: int, crash: int | None) -> None:
        found = self.one(CollectionBatch, which)
        if found is not None:
            self.step("export", lambda s: found.export(s, by=BRAM, now=self.now), crash)

    @rule(which=SOME, crash=CRASH)
    def book(self, which: int, crash: int | None) -> None:
        found = self.one(CollectionBatch, which)
        if found is not None:
            self.step("book", lambda s: found.book(s, by=ANNA, now=self.now), crash)

    @rule(account=ACCOUNT, extra=st.integers(0, 9), telling=st.booleans(), crash=CRASH)
    def run(self, account: int, extra: int, telling: bool, crash: int | None) -> None:
        """A collection as it should go, so that histories get somewhere."""
        coming = [one["next_due_on"] for one in self.rows["commitment"] if one["next_due_on"] and not one["ended_on"]]
        waiting = [one["due_on"] for one in self.rows["instalment"] if one["status"] == "due"]
        due = min(coming + waiting, default=self.today)
        self.today = max(self.today, due - timedelta(days=20))
        if telling:
            self.tell(account, None)
        self.prepare(account, max((due - self.today).days, 15) + extra, crash)
        found = self.one(CollectionBatch, 0, CollectionBatch.state == "prepared")
        if found is not None and crash is None:
            self.approve(0, False, telling, None)
            self.export(0, None)

    @precondition(lambda self: any(b["state"] == "exported" for b in self.rows["collection_batch"]))
    @rule(late=st.integers(0, 12), back=st.booleans(), again=st.booleans(), crash=CRASH)
    def settle(self, late: int, back: bool, again: bool, crash: int | None) -> None:
        """The collection date comes, somebody books on the day or later, and perhaps a line comes back."""
        found = self.one(CollectionBatch, 0, CollectionBatch.state == "exported")
        self.today = max(self.today, found.collect_on + timedelta(days=late))
        self.step("book", lambda s: found.book(s, by=ANNA, now=self.now), crash)
        if back:
            self.take_back(late, None)
        if again:
            self.ask_again(late, None)

    @rule(which=SOME, crash=CRASH)
    def take_back(self, which: int, crash: int | None) -> None:
        found = self.one(Payment, which, Payment.state.in_(("booked", "returned")))
        if found is not None:
            act = lambda s: found.take_back(s, on=self.today, by=ANNA, now=self.now, reason_code="MD06")  # noqa: E731
            self.step("take_back", act, crash)

    @rule(which=SOME, crash=CRASH)
    def fail(self, which: int, crash: int | None) -> None:
        found = self.one(Payment, which, Payment.state.in_(("open", "failed")))
        if found is not None:
            self.step("fail", lambda s: found.fail(s, by=ANNA, now=self.now, reason_code="AC04"), crash)

    # -- time -------------------------------------------------------------------------------------

    @rule(days=st.integers(1, 35))
    def days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def a_holiday_comes(self) -> None:
        """To the day before the next closed day, so that the run after it meets one."""
        day = self.today + timedelta(days=1)
        while calendar.is_business_day(day):
            day += timedelta(days=1)
        self.today = day - timedelta(days=1)


#: status → (status it may become, in which step; "" in any)
MOVES: dict[str, set[tuple[str, str]]] = {
    "due": {("claimed", "prepare"), ("missed", "prepare"), ("waived", "prepare"), ("skipped", "skip"),
            ("paused", "pause"), ("waived", "stop"), ("waived", "die")},
    "claimed": {("paid", "book"), ("returned", "fail"), ("due", "cancel"), ("paused", "cancel"), ("waived", "cancel"),
                ("paused", "pause"), ("waived", "stop"), ("waived", "die"), ("due", "end_mandate"),
                ("paused", "end_mandate"), ("waived", "end_mandate"), ("due", "die"), ("paused", "die")},
    "paid": {("returned", "take_back")},
    "returned": {("due", "ask_again")},
    "missed": {("due", "ask_again")},
    "paused": {("due", "resume")},
    "skipped": set(),
    "waived": {("due", "live")},
}  # fmt: skip
