"""What is done about returns: one action for one of them, or for a group at once, all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput, NotFound, Refused
from supporters.giving import turns
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.mail.message import OutboxMessage
from supporters.payments.payment import Payment
from supporters.payments.returns import holding
from supporters.payments.returns.proposing import ATTEMPTS
from supporters.payments.returns.reasons import ACTIONS
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa import calendar
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.taking_back import blocks
from supporters.people.supporter import Supporter
from supporters.tasks import Task

#: What is not the end of it: another action may follow.
FOLLOWED = ("fix_data", "investigate", "hold_and_call", "ask_iban", "deceased", "nothing")
_CLOSED = ("AC04", "AC05")


@dataclass(frozen=True, slots=True)
class Case:
    """One return with what it is about."""

    row: Returned
    payment: Payment
    supporter: Supporter
    commitment: Commitment | None
    instalment: Instalment | None
    mandate: Mandate | None

    @property
    def is_over(self) -> bool:
        return self.commitment is None or self.commitment.ended_on is not None


@dataclass(frozen=True, slots=True)
class Run:
    session: Session
    by: Actor
    now: datetime
    today: date
    payday: int


def act_on(
    session: Session,
    ids: Sequence[int],
    action: str,
    *,
    by: Actor,
    now: datetime,
    today: date,
    payday: int = 25,
    note: str = "",
) -> int:
    """Do the same about all of these; returns how many. Raises Refused, having done nothing, where one cannot be.

    ``note`` is what a person wants to be read with it.
    """
    if action not in ACTIONS:
        raise BadInput(
            "“%(action)s” is not something to do about a return; there are: %(known)s.",
            field="action", action=action[:40], known=", ".join(ACTIONS),
        )  # fmt: skip
    session.flush()
    turns.together(session)
    cases = _cases(session, ids)
    for case in cases:
        if case.row.acted_at is not None and case.row.action not in FOLLOWED:
            raise Refused(
                "Something was done about debit %(reference)s already: look at it again.",
                reference=case.payment.reference,
            )
        _DO[action].check(case)
    run = Run(session, by, now, today, payday)
    with session.begin_nested():
        outcomes = _DO[action].do(run, cases)
        for case in cases:
            row = case.row
            row.action, row.acted_at, row.acted_by = action, now, by.key
            row.outcome = (note or outcomes.get(row.id, ""))[:500]
        session.add_all(
            audit.line_of(by, "act", case.row, now=now, action=action, code=case.row.reason, note=note)
            for case in cases
        )
        session.flush()
    return len(cases)


def notice_days(session: Session) -> dict[str, int]:
    """How long ahead a debit is announced, by the identifier that it is collected under."""
    longest = select(CreditorAccount.identifier, func.max(CreditorAccount.notice_days))
    return {row[0]: row[1] for row in session.execute(longest.group_by(CreditorAccount.identifier))}


def next_try(today: date, payday: int, notice_days: int) -> date:
    """The business day after the next payday, but not before the notice about it has run."""
    month = today.replace(day=payday)
    after = calendar.add_business_days(month, 1)
    if after <= today:
        following = (month.replace(day=1) + timedelta(days=32)).replace(day=payday)
        after = calendar.add_business_days(following, 1)
    return max(after, calendar.next_business_day(today + timedelta(days=notice_days)))


def _cases(session: Session, ids: Sequence[int]) -> list[Case]:
    wanted = sorted(set(ids))
    found: list[Case] = []
    for some in blocks(wanted):
        rows = session.execute(
            select(Returned, Payment, Supporter, Commitment, Instalment, Mandate)
            .join(Payment, Payment.id == Returned.payment_id)
            .join(Supporter, Supporter.id == Returned.supporter_id)
            .outerjoin(Commitment, Commitment.id == Returned.commitment_id)
            .outerjoin(Instalment, Instalment.id == Payment.instalment_id)
            .outerjoin(Mandate, Mandate.id == Payment.mandate_id)
            .where(Returned.id.in_(some))
            .options(selectinload(Supporter.contact_points))
            .order_by(Returned.id)
            .with_for_update(of=Returned)
            .execution_options(populate_existing=True)
        )
        found += [Case(*row) for row in rows]
    if len(found) != len(wanted):
        raise NotFound("One of these returns is not there.", field="returns")
    return found


# -- what each action does ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Action:
    """``check`` raises Refused; ``do`` says of some what came of it."""

    check: Callable[[Case], None]
    do: Callable[[Run, list[Case]], dict[int, str]]


def _may_be_retried(case: Case) -> None:
    instalment = case.instalment
    if case.is_over or case.supporter.is_deceased:
        raise Refused("The promise behind debit %(reference)s has ended.", reference=case.payment.reference)
    if instalment is None or instalment.status != "returned":
        raise Refused(
            "Debit %(reference)s is not owed any more, or was asked for again already.",
            reference=case.payment.reference,
        )
    if instalment.attempts >= ATTEMPTS:
        raise Refused(
            "Debit %(reference)s was tried %(times)s times: it is not tried again by itself.",
            reference=case.payment.reference, times=instalment.attempts,
        )  # fmt: skip


def _retry(run: Run, cases: list[Case]) -> dict[int, str]:
    """Once more after the next payday. On another day it has to be announced anew: by mail now, else by letter."""
    notice = notice_days(run.session)
    outcomes: dict[int, str] = {}
    days: dict[int, date] = {}
    for case in cases:
        assert case.instalment is not None and case.commitment is not None
        days_ahead = notice.get(case.mandate.creditor_identifier if case.mandate is not None else "", 14)
        on = next_try(run.today, run.payday, days_ahead)
        case.instalment.status, case.instalment.asked_again_on = "due", run.today
        case.instalment.not_before_on = days[case.row.id] = on
        outcomes[case.row.id] = on.isoformat()
        run.session.add(
            audit.line_of(
                run.by, "ask_again", case.commitment, now=run.now, number=case.instalment.number, on=on.isoformat()
            )
        )
    run.session.flush()
    _announce(run, cases)
    _mail(run, cases, "debit_retry", "debit-retry", days)
    return outcomes


def _announce(run: Run, cases: list[Case]) -> None:
    mailed = [case for case in cases if case.supporter.email]
    told: set[int] = set()
    for some in blocks([case.instalment.term_id for case in mailed if case.instalment is not None]):
        told |= set(
            run.session.scalars(
                select(Announcement.term_id).where(
                    Announcement.term_id.in_(some), Announcement.announced_on == run.today,
                    Announcement.channel == "email",
                )
            )
        )  # fmt: skip
    for case in mailed:
        instalment = case.instalment
        assert instalment is not None and instalment.not_before_on is not None
        if instalment.term_id in told:
            continue
        told.add(instalment.term_id)
        run.session.add(
            Announcement(
                term_id=instalment.term_id, amount=instalment.amount, first_due_on=instalment.not_before_on,
                channel="email", announced_on=run.today, evidence="debit_retry", recorded_at=run.now,
                recorded_by=run.by.key,
            )
        )  # fmt: skip


def _mail(run: Run, cases: list[Case], template: str, key: str, days: dict[int, date] | None = None) -> None:
    """To each who has an address; whether they may be written to is asked when it is sent."""
    mails: list[tuple[str, str, dict[str, Any]]] = []
    for case in cases:
        person, email = case.supporter, case.supporter.email
        if email and not person.is_deceased:
            params = {"on": days[case.row.id].isoformat()} if days else {}
            columns = {"subject_id": case.row.id, "locale": person.language, "supporter_id": person.id}
            mails.append((f"{key}:{case.row.id}", email, {**columns, "params": params}))
    OutboxMessage.queue_all(run.session, template, mails, now=run.now)


def _is_not_over(case: Case) -> None:
    if case.is_over:
        raise Refused("The promise behind debit %(reference)s has ended.", reference=case.payment.reference)


def _hold(run: Run, cases: list[Case], reason: str) -> None:
    ids = [case.commitment.id for case in cases if case.commitment is not None]
    holding.hold(run.session, ids, today=run.today, reason=reason, by=run.by, now=run.now)


def _ask_iban(run: Run, cases: list[Case]) -> dict[int, str]:
    _hold(run, cases, holding.NEW_ACCOUNT)
    raise_(
        run, cases, "ask_iban",
        "Ask %(name)s for another account number: %(money)s came back (%(code)s). Nothing is collected until it is"
        " there.",
    )  # fmt: skip
    _mail(run, cases, "debit_new_account", "debit-account")
    return {}


def _end_mandate(run: Run, cases: list[Case]) -> dict[int, str]:
    mandates = {case.mandate.id: case.mandate for case in cases if case.mandate is not None}
    for _, mandate in sorted(mandates.items()):
        if mandate.cancelled_on is None:
            mandate.cancel(run.session, "no_permission", by=run.by, now=run.now, on=run.today)
    raise_(
        run, cases, "ask_mandate",
        "%(name)s gave no permission for the %(money)s that came back (%(code)s), says the bank. The mandate has ended:"
        " look for what they signed, and ask for a new one or let them go.",
    )  # fmt: skip
    return {}


def _hold_and_call(run: Run, cases: list[Case]) -> dict[int, str]:
    _hold(run, cases, holding.RETURNED)
    raise_(
        run, cases, "call",
        "Call %(name)s: %(money)s came back (%(code)s). Nothing is collected until you resume it.",
    )  # fmt: skip
    return {}


def _fix_data(run: Run, cases: list[Case]) -> dict[int, str]:
    """One task for all of one collection: what is wrong is ours, and it is wrong once."""
    of: dict[tuple[int | None, str], list[Case]] = {}
    for case in cases:
        of.setdefault((case.payment.batch_id, case.row.reason), []).append(case)
    for (batch_id, code), some in sorted(of.items(), key=lambda each: (each[0][0] or 0, each[0][1])):
        Task.raise_(
            run.session, "fix_data",
            "%(count)s debits of collection %(number)s were refused for something of ours (%(code)s: %(told)s). Put it"
            " right, and then let them be tried again under Returns.",
            by=run.by, now=run.now, key=f"fix-data:{batch_id}:{code}", count=len(some),
            number=f"B{batch_id or 0:05d}", code=code or "?", told=some[0].row.told[:100] or "?",
        )  # fmt: skip
    return {}


def _deceased(run: Run, cases: list[Case]) -> dict[int, str]:
    """Everything that they promised stops for now; only a person says that somebody died."""
    people = sorted({case.supporter.id for case in cases})
    ids: list[int] = []
    for some in blocks(people):
        going_on = select(Commitment.id).where(Commitment.supporter_id.in_(some), Commitment.ended_on.is_(None))
        ids += run.session.scalars(going_on)
    holding.hold(run.session, ids, today=run.today, reason=holding.DIED, by=run.by, now=run.now)
    raise_(
        run, cases, "verify_death",
        "The bank says that %(name)s has died (%(money)s came back). Make sure, without writing to them; then report"
        " the death, or resume what they promised.",
    )  # fmt: skip
    return {}


def _investigate(run: Run, cases: list[Case]) -> dict[int, str]:
    raise_(
        run, cases, "investigate",
        "Find out why %(money)s of %(name)s (%(reference)s) came back as %(code)s before anything is collected again.",
    )  # fmt: skip
    return {}


def _end(run: Run, cases: list[Case]) -> dict[int, str]:
    ended: set[int] = set()
    for case in cases:
        assert case.commitment is not None
        if case.commitment.id not in ended:
            reason = "account_closed" if case.row.reason in _CLOSED else "payment_failures"
            case.commitment.stop(run.session, reason, on=run.today, by=run.by, now=run.now)
            ended.add(case.commitment.id)
    return {}


def raise_(run: Run, cases: list[Case], kind: str, text: str) -> None:
    """A task for each; all of them are ours by their key, so none is asked for one by one."""
    keys = {holding.task_key(case.row.id): case for case in cases}
    known: set[str | None] = set()
    for some in blocks(sorted(keys)):
        known |= set(run.session.scalars(select(Task.key).where(Task.key.in_(some), Task.done_at.is_(None))))
        for old in run.session.scalars(select(Task).where(Task.key.in_(some), Task.done_at.is_not(None))):
            old.key = f"{old.key}:{old.id}"  # Done before, and to be done again.
    run.session.flush()
    run.session.add_all(
        Task(
            kind=kind, text=text, key=key, supporter_id=case.supporter.id, raised_at=run.now, raised_by=run.by.key,
            params={
                "name": case.supporter.name, "money": str(case.row.money), "code": case.row.reason or "?",
                "reference": case.payment.reference,
            },
        )
        for key, case in keys.items()
        if key not in known
    )  # fmt: skip


def _any(case: Case) -> None:
    """It can always be done."""


_DO = {
    "retry": _Action(_may_be_retried, _retry),
    "ask_iban": _Action(_is_not_over, _ask_iban),
    "end_mandate": _Action(_any, _end_mandate),
    "hold_and_call": _Action(_is_not_over, _hold_and_call),
    "fix_data": _Action(_any, _fix_data),
    "deceased": _Action(_any, _deceased),
    "investigate": _Action(_any, _investigate),
    "nothing": _Action(_any, lambda run, cases: {}),
    "end": _Action(_is_not_over, _end),
}
