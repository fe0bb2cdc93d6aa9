"""The demo's two years from nothing, always the same rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from admin.demo import bank, crowdfunding, gifts, petitions, population, promises, runs
from admin.demo.bulk import analyse
from admin.demo.plan import FUNDS, MIGRATED_AT, NOW, YEARS, Plan, at, next_month
from admin.demo.runs import ANNA, BRAM
from supporters import audit
from supporters.actor import Actor
from supporters.audit import AuditEntry
from supporters.errors import Refused
from supporters.giving.fund import Fund
from supporters.giving.gift import Gift
from supporters.giving.year import FinancialYear
from supporters.payments.sepa.account import CreditorAccount
from supporters.people.supporter import Supporter
from supporters.tasks import Task

DEMO = Actor.job("demo")
#: Called with what is being done, and how far it is of how much.
Progress = Callable[[str, int, int], None]
STEPS = 4 + 24 + 6 + petitions.STEPS


def silent(what: str, done: int, of: int) -> None:
    """Progress that nobody looks at."""


def state(session: Session) -> str:
    """What the database holds: "empty", the demo "whole" or "begun", or something "other" that is not ours to touch."""
    marks = set(session.scalars(select(AuditEntry.verb).where(AuditEntry.subject == "demo")))
    if "finish" in marks:
        return "whole"
    if "begin" in marks:
        return "begun"
    used = session.scalar(select(Supporter.id).limit(1)) or session.scalar(select(AuditEntry.id).limit(1))
    return "other" if used else "empty"


def build(engine: Engine, *, one_in: int = 100, progress: Progress = silent) -> None:
    """Fill an empty, migrated database. The collections go through the verbs that fundraisers use."""
    plan = Plan.of(one_in)
    done = 0

    def step(what: str) -> None:
        nonlocal done
        progress(what, done, STEPS)
        done += 1

    with Session(engine) as session:
        if (found := state(session)) != "empty":
            raise Refused("The demo needs an empty database; this one is not (%(state)s).", state=found)
        _hurry(session)
        audit.record(session, DEMO, "begin", "demo", now=MIGRATED_AT, one_in=one_in)
        step("Opening funds and the account to collect on")
        account = _open_accounts(session)
        gifts.Institutions(session, plan).arrive()
        session.commit()
        step("Welcoming people")
        drawn = promises.draw(plan)
        events = runs.draw(plan, drawn)
        occasionals = population.store(session, plan, drawn)
        step("Taking over commitments and mandates")
        funds = {fund.code: fund.id for fund in session.scalars(select(Fund))}
        promises.store(session, drawn, account, funds)
        _note_import(session, len(drawn))
        session.commit()
        analyse(session)
        session.commit()
        collected = runs.Runs(session, plan, account, events, {p.id: p for p in drawn if p.ended_on})
        single = gifts.Single(session, plan, occasionals, funds)
        for year in YEARS:
            for month in range(1, 13):
                step(f"Collecting {date(year, month, 1):%B %Y}")
                collected.month(date(year, month, 1))
            step(f"Receiving the single gifts of {year}")
            single.fill(year)
            session.commit()
        step("Receiving bequests, subsidies and grants")
        institutions = gifts.Institutions(session, plan)
        for year in YEARS:
            institutions.give(year)
            institutions.bequeath(year)
        step("Counting what a crowdfunding campaign brought")
        crowdfunding.run(session, plan)
        session.commit()
        for ask in petitions.ASKS:
            step(f"Gathering signatures for “{ask.title}”")
            petitions.make(session, plan, ask)
            session.commit()
            session.expunge_all()
        step("Drafting the next petition")
        petitions.draft(session)
        step("Closing 2020")
        FinancialYear.close(session, 2020, by=BRAM, now=at(date(2021, 6, 15)))
        step("Reading the first statement of the year")
        bank.receive(session)
        _tasks(session)
        audit.record(session, DEMO, "finish", "demo", now=NOW, one_in=one_in)
        session.commit()
        analyse(session)
        session.commit()
    progress("Done", STEPS, STEPS)


def _hurry(session: Session) -> None:
    """A demo that is lost with the machine is built anew, so nothing waits for the disk."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET synchronous_commit = off"))
    else:
        session.connection().exec_driver_sql("PRAGMA wal_autocheckpoint = 20000")


def _open_accounts(session: Session) -> CreditorAccount:
    for code, name, is_restricted in FUNDS:
        Fund.open(session, code, name, is_restricted=is_restricted)
    account = CreditorAccount.open(
        session, "Stichting Achterban Demo", "NL69ZZZ123456780000", "NL91ABNA0417164300", bic="ABNANL2A"
    )
    account.remittance = "Uw bijdrage voor vluchtelingen"
    session.flush()
    return account


def _note_import(session: Session, count: int) -> None:
    audit.record(session, Actor("import", "old_crm", "demo"), "import", "commitment", now=MIGRATED_AT, count=count)


def _tasks(session: Session) -> None:
    """What waits for somebody on the morning the demo stands still at."""
    largest = session.scalars(
        select(Gift)
        .where(Gift.kind == "gift", Gift.thanked_at.is_(None), Gift.commitment_id.is_(None))
        .order_by(Gift.amount.desc(), Gift.id)
        .limit(3)
    ).all()
    for gift in largest:
        Task.raise_(
            session, "thank", "Call %(name)s to thank them for %(money)s.", by=ANNA, now=NOW - timedelta(days=4),
            key=f"thank:{gift.id}", supporter_id=gift.supporter_id, due_on=date(2022, 1, 7),
            name=gift.supporter.name, money=str(gift.money),
        )  # fmt: skip
    for key, kind, text_, due_on in (
        ("january", "collect", "Prepare the January collection.", date(2022, 1, 5)),
        ("announce", "announce", "Announce the new and changed amounts before they are collected.", date(2022, 1, 10)),
        ("lottery", "report", "Report to the Nationale Postcode Loterij on the earmarked money.", date(2022, 2, 1)),
        ("close", "close", "Close the financial year 2021 once the accountant is done.", next_month(NOW.date(), 5)),
    ):
        not_before = due_on if key == "close" else None
        Task.raise_(
            session, kind, text_, by=BRAM, now=NOW - timedelta(days=3), key=f"demo:{key}", due_on=due_on,
            not_before_on=not_before,
        )  # fmt: skip
