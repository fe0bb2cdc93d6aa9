"""What is done about returns: what is proposed, what each action does, and that a group is all or nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from supporters import registry
from supporters.audit import AuditEntry
from supporters.errors import BadInput, NotFound, Refused
from supporters.giving.commitment import Commitment
from supporters.lifecycle.death import Death
from supporters.mail import letter
from supporters.mail.letter import Dropped
from supporters.mail.message import OutboxMessage
from supporters.payments.returns import letters, proposing
from supporters.payments.returns.acting import next_try
from supporters.payments.returns.returned import Returned
from supporters.payments.sepa.announcement import Announcement, announce
from supporters.payments.sepa.preview import Preview
from supporters.settings import Settings
from supporters.tasks import Task
from tests import cast
from tests.cast import ANNA
from tests.promises.ledger import broken_promises, refused_and_nothing_changed
from tests.supporters.payments.returns.coming_back import BACK, LATER, came_back, payment_of, promises
from tests.supporters.payments.sepa.collecting import at, booked, exported, left_out, payments, prepared, statuses

assert letters
#: The business day after payday: 25 January 2027 is a Monday.
AGAIN = date(2027, 1, 26)


def act(session: Session, rows: list[Returned], action: str, **fields: Any) -> int:
    given = {"by": ANNA, "now": LATER, "today": BACK} | fields
    count = Returned.act_on(session, [row.id for row in rows], action, **given)
    session.commit()
    return count


def one(session: Session, reason: str) -> tuple[Commitment, Returned]:
    (commitment,) = promises(session, 1)
    booked(session)
    return commitment, came_back(session, commitment, reason)


def proposed(session: Session, today: date = BACK) -> list[tuple[str, str, int]]:
    return [(group.code, group.action, group.count) for group in proposing.groups(session, today)]


def tasks(session: Session, *, open_only: bool = True) -> list[tuple[str, str]]:
    found = session.scalars(select(Task).order_by(Task.id))
    return [(task.kind, task.title) for task in found if task.is_open or not open_only]


def mails(session: Session) -> list[str]:
    return list(session.scalars(select(OutboxMessage.template).order_by(OutboxMessage.id)))


def what_it_says(session: Session) -> letter.Letter | Dropped:
    message = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc())).first()
    assert message is not None
    return letter.render(session, message, settings=Settings(), now=LATER)


# -- when -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "notice", "on"),
    [
        (date(2027, 1, 5), 14, AGAIN),
        (date(2027, 1, 5), 30, date(2027, 2, 4)),  # the notice has not run before
        (date(2027, 1, 26), 0, date(2027, 2, 26)),  # on the day itself the next payday is a month away
        (date(2027, 1, 25), 0, AGAIN),
        (date(2027, 9, 24), 0, date(2027, 9, 27)),  # the 25th is a Saturday
        (date(2026, 12, 20), 0, date(2026, 12, 28)),  # TARGET is closed at Christmas
        (date(2026, 12, 31), 14, AGAIN),
    ],
)
def test_the_next_try_is_the_business_day_after_payday(today: date, notice: int, on: date) -> None:
    assert next_try(today, 25, notice) == on


# -- what is proposed -----------------------------------------------------------------------------------------------


def test_groups_by_reason_and_by_what_is_proposed(session: Session) -> None:
    many = promises(session, 5)
    booked(session)
    for commitment, reason in zip(many, ("AM04", "AM04", "MD06", "ZZ99", "AC04"), strict=True):
        came_back(session, commitment, reason)
    assert proposed(session) == [
        ("AM04", "retry", 2), ("AC04", "ask_iban", 1), ("MD06", "hold_and_call", 1), ("ZZ99", "hold_and_call", 1),
    ]  # fmt: skip


def month_after(commitment: Commitment, months: int) -> date:
    return date(2026 + (11 + months) // 12, (11 + months) % 12 + 1, 28)


def collected(session: Session, commitment: Commitment, months: int, reason: str | None) -> None:
    """The collection of a month, and whether it came back; told in the week after."""
    on = month_after(commitment, months)
    batch = booked(session, on=on, now=at(on - timedelta(days=7)))
    if reason:
        (payment,) = [
            p for p in payments(session, batch) if p.instalment and p.instalment.commitment_id == commitment.id
        ]
        back = batch.collect_on + timedelta(days=5)
        Returned.record(session, payment, reason, told_on=back, by=ANNA, now=at(back))
        session.commit()


def test_the_third_in_a_row_proposes_the_end_and_a_success_takes_the_points_away(session: Session) -> None:
    (commitment,) = promises(session, 1)
    total = proposing.points(commitment.id)
    story: list[tuple[str | None, int]] = [
        ("AM04", 1), ("AM04", 2), (None, 0), ("AM04", 1), ("MS03", 2), ("AM04", 3),
    ]  # fmt: skip
    for months, (reason, points) in enumerate(story):
        collected(session, commitment, months, reason)
        assert session.scalar(select(total)) == points, months
    today = month_after(commitment, 6)
    assert {action for _, action, _ in proposed(session, today)} == {"end"}
    rows = list(session.scalars(select(Returned).where(Returned.reason == "AM04")))
    act(session, rows, "end", today=today, now=at(today))
    assert (commitment.end_reason, commitment.state(today)) == ("payment_failures", "ended")
    assert proposed(session, today) == [("MS03", "nothing", 1)]
    assert broken_promises(session) == []


def test_one_closed_account_is_asked_about_and_the_second_in_a_row_is_the_end(session: Session) -> None:
    commitment, row = one(session, "AC04")
    assert proposed(session) == [("AC04", "ask_iban", 1)]
    act(session, [row], "ask_iban")
    assert commitment.mandate is not None
    commitment.mandate.change_account(session, "NL39RABO0300065264", by=ANNA, now=LATER, on=BACK)
    session.commit()
    collected(session, commitment, 1, "AC04")
    assert proposed(session, date(2027, 2, 5)) == [("AC04", "end", 1)]
    session.refresh(commitment)
    row = session.scalars(select(Returned).order_by(Returned.id.desc())).first() or row
    act(session, [row], "end", today=date(2027, 2, 5), now=at(date(2027, 2, 5)))
    assert commitment.end_reason == "account_closed"


# -- retry ----------------------------------------------------------------------------------------------------------


def test_a_retry_goes_once_more_after_payday_with_its_own_notice(session: Session) -> None:
    commitment, row = one(session, "AM04")
    assert act(session, [row], "retry") == 1
    (instalment,) = commitment.instalments
    assert (instalment.status, instalment.asked_again_on, instalment.not_before_on) == ("due", BACK, AGAIN)
    assert (row.action, row.acted_by, row.outcome) == ("retry", ANNA.key, AGAIN.isoformat())
    assert mails(session) == ["debit_retry"]
    said = what_it_says(session)
    assert isinstance(said, letter.Letter)
    for part in ("€\xa010,00", "26 januari 2027", "4300", cast.OUR_IDENTIFIER, "/my/"):
        assert part in said.text, part
    assert [(a.channel, a.announced_on, a.first_due_on) for a in session.scalars(select(Announcement))][-1] == (
        "email", BACK, AGAIN,
    )  # fmt: skip
    early = prepared_or_none(session, on=date(2027, 1, 25), now=at(date(2027, 1, 20)))
    assert early is None
    both = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20)))
    assert [(p.attempt, p.instalment.number if p.instalment else 0) for p in payments(session, both)] == [
        (2, 1),
        (1, 2),
    ]
    assert Preview.of(session, both).suspicious == ()
    assert broken_promises(session) == []


def prepared_or_none(session: Session, **fields: Any) -> Any:
    try:
        return prepared(session, **fields)
    except Refused:
        session.rollback()
        return None


def test_what_is_tried_later_is_left_out_with_that_reason(session: Session) -> None:
    first, second = promises(session, 2)
    booked(session)
    row = came_back(session, first, "AM04")
    act(session, [row], "retry", payday=28)  # 28 January, and so 29 January at the earliest
    batch = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20)))
    assert left_out(session, batch) == {first.id: "not_yet"}
    assert [section.name for section in Preview.of(session, batch).left_out] == ["not_yet"]
    assert sorted(p.instalment.number for p in payments(session, batch) if p.instalment) == [2, 2]
    assert second.is_active(BACK)


def test_who_has_no_address_is_told_by_letter_before_it_is_tried_again(session: Session) -> None:
    commitment, row = one(session, "AM04")
    person = commitment.supporter
    point = person.current("email")
    assert point is not None
    person.drop_contact(session, point, by=ANNA, now=LATER, on=BACK)
    session.commit()
    act(session, [row], "retry")
    assert mails(session) == []
    batch = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20)))
    assert left_out(session, batch) == {commitment.id: "not_announced"}
    batch.cancel(session, "letters first", by=ANNA, now=LATER)
    told = list(announce(session, cast.creditor(session), before=date(2027, 2, 1), by=ANNA, now=LATER, on=BACK))
    session.commit()
    assert [(line["commitment"], line["amount"], line["first_due_on"]) for line in told] == [
        (commitment.number, "10.00", AGAIN.isoformat())
    ]
    again = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20)))
    assert again.count == 2
    assert list(announce(session, cast.creditor(session), before=date(2027, 2, 1), by=ANNA, now=LATER, on=BACK)) == []


def test_it_is_tried_once_and_not_again(session: Session) -> None:
    commitment, row = one(session, "AM04")
    act(session, [row], "retry")
    on = date(2027, 1, 28)
    booked(session, on=on, now=at(date(2027, 1, 20)))
    second = payment_of(session, commitment, attempt=2)
    again = Returned.record(session, second, "AM04", told_on=date(2027, 2, 2), by=ANNA, now=at(date(2027, 2, 2)))
    session.commit()
    # Instalment 2 went well on the same day, so nothing counts towards the end.
    assert proposed(session, date(2027, 2, 3)) == [("AM04", "hold_and_call", 1)]
    with refused_and_nothing_changed(session, Refused, "was tried 2 times"):
        act(session, [again], "retry", today=date(2027, 2, 3))


def test_the_notice_is_not_sent_where_it_is_not_tried_again(session: Session) -> None:
    commitment, row = one(session, "AM04")
    act(session, [row], "retry")
    commitment.stop(session, "donor_request", on=BACK, by=ANNA, now=LATER)
    session.commit()
    assert isinstance(what_it_says(session), Dropped)


# -- the others -----------------------------------------------------------------------------------------------------


def test_asking_for_an_account_holds_until_there_is_one(session: Session) -> None:
    commitment, row = one(session, "AC04")
    act(session, [row], "ask_iban")
    assert (commitment.state(BACK), mails(session)) == ("paused", ["debit_new_account"])
    ((kind, title),) = tasks(session)
    assert kind == "ask_iban" and "EUR 10.00" in title and "AC04" in title
    said = what_it_says(session)
    assert isinstance(said, letter.Letter) and "/my/" in said.text and "4300" in said.text
    assert prepared_or_none(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20))) is None
    assert commitment.mandate is not None
    commitment.mandate.change_account(session, "NL39RABO0300065264", by=ANNA, now=LATER, on=date(2027, 1, 10))
    session.commit()
    assert (commitment.state(date(2027, 1, 10)), tasks(session)) == ("active", [])
    assert isinstance(what_it_says(session), Dropped)
    batch = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20)))
    assert (batch.count, left_out(session, batch)) == (1, {commitment.id: "returned"})
    assert broken_promises(session) == []


def test_a_new_mandate_lets_it_go_on_too_and_another_pause_stays(session: Session) -> None:
    first, second = promises(session, 2)
    booked(session)
    rows = [came_back(session, each, "AC01") for each in (first, second)]
    second.pause(session, from_on=date(2027, 1, 6), by=ANNA, now=LATER)
    session.commit()
    act(session, rows, "ask_iban")
    for commitment in (first, second):
        fresh = cast.mandate(session, commitment.supporter, "NL39RABO0300065264", now=LATER)
        commitment.use(session, fresh, by=ANNA, now=LATER)
    session.commit()
    assert first.state(date(2027, 1, 6)) == "active"
    assert second.state(date(2027, 1, 6)) == "paused", "the donor's own pause is theirs"


def test_without_permission_the_mandate_ends_and_the_promise_waits(session: Session) -> None:
    commitment, row = one(session, "MD01")
    assert proposed(session) == [("MD01", "end_mandate", 1)]
    act(session, [row], "end_mandate")
    assert commitment.mandate is not None
    assert (commitment.mandate.cancelled_on, commitment.ended_on) == (BACK, None)
    assert [kind for kind, _ in tasks(session)] == ["ask_mandate"]
    assert prepared_or_none(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20))) is None


def test_who_took_it_back_is_called_and_nothing_is_collected_meanwhile(session: Session) -> None:
    commitment, row = one(session, "MD06")
    act(session, [row], "hold_and_call")
    assert commitment.state(BACK) == "paused"
    assert [kind for kind, _ in tasks(session)] == ["call"]
    commitment.resume(session, on=BACK, by=ANNA, now=LATER)
    session.commit()
    assert act(session, [row], "nothing", note="spoke to her") == 1
    assert (row.action, row.outcome) == ("nothing", "spoke to her")


def test_a_hold_lets_what_waits_to_be_tried_again_wait(session: Session) -> None:
    commitment, row = one(session, "AM04")
    act(session, [row], "retry")
    collected(session, commitment, 1, None)
    first = payment_of(session, commitment, attempt=2)
    assert first.state == "booked"
    other = Returned.record(session, first, "MD06", told_on=date(2027, 2, 2), by=ANNA, now=at(date(2027, 2, 2)))
    session.commit()
    act(session, [other], "hold_and_call", today=date(2027, 2, 3), now=at(date(2027, 2, 3)))
    assert [status for _, status in statuses(commitment)] == ["returned", "paid"]


def test_our_own_mistakes_are_one_task_for_one_collection_and_then_tried_again(session: Session) -> None:
    many = promises(session, 3)
    exported(session)
    rows = [came_back(session, each, "FF01", told="schema") for each in many]
    assert proposed(session) == [("FF01", "fix_data", 3)]
    act(session, rows, "fix_data")
    ((kind, title),) = tasks(session)
    assert kind == "fix_data" and title.startswith("3 debits of collection B0") and "FF01: schema" in title
    assert proposed(session) == []
    act(session, rows, "retry")
    assert {row.action for row in rows} == {"retry"}


def test_a_death_is_never_made_of_a_code(session: Session) -> None:
    (commitment,) = promises(session, 1)
    person = commitment.supporter
    other = cast.monthly(session, person, start_on=date(2027, 3, 28), iban="NL20INGB0001234567")
    session.commit()
    booked(session)
    row = came_back(session, commitment, "MD07")
    assert proposed(session) == [("MD07", "deceased", 1)]
    act(session, [row], "deceased")
    assert not person.is_deceased
    assert commitment.state(BACK) == other.state(BACK) == "paused"
    assert (mails(session), [kind for kind, _ in tasks(session)]) == ([], ["verify_death"])
    Death.report(session, person, source="bank", by=ANNA, now=LATER)
    session.commit()
    assert commitment.end_reason == "deceased"
    assert broken_promises(session) == []


def test_a_duplicate_is_looked_into_and_never_collected_again(session: Session) -> None:
    commitment, row = one(session, "AM05")
    act(session, [row], "investigate")
    assert [kind for kind, _ in tasks(session)] == ["investigate"]
    batch = prepared(session, on=date(2027, 1, 28), now=at(date(2027, 1, 20)))
    assert left_out(session, batch) == {commitment.id: "returned"}


# -- all or none ----------------------------------------------------------------------------------------------------


def test_a_group_is_all_or_none(session: Session) -> None:
    first, second = promises(session, 2)
    booked(session)
    rows = [came_back(session, each, "AM04") for each in (first, second)]
    second.ask_again(session, 1, by=ANNA, now=LATER)
    session.commit()
    with refused_and_nothing_changed(session, Refused, "was asked for again already"):
        act(session, rows, "retry")
    with refused_and_nothing_changed(session, NotFound, "is not there"):
        Returned.act_on(session, [rows[0].id, 999], "retry", by=ANNA, now=LATER, today=BACK)
    with refused_and_nothing_changed(session, BadInput, "is not something to do", "action"):
        act(session, rows, "shrug")
    assert proposed(session) == [("AM04", "nothing", 1), ("AM04", "retry", 1)]
    act(session, [rows[0]], "retry")
    with refused_and_nothing_changed(session, Refused, "was done about debit"):
        act(session, [rows[0]], "hold_and_call")


def test_every_act_leaves_a_trace_on_the_supporter(session: Session) -> None:
    commitment, row = one(session, "AM04")
    act(session, [row], "retry")
    entries = session.scalars(select(AuditEntry).where(AuditEntry.supporter_id == commitment.supporter_id)).all()
    told = {(entry.verb, entry.subject) for entry in entries}
    assert {("return", "payment"), ("act", "returned"), ("ask_again", "commitment")} <= told
    (line,) = [entry for entry in entries if entry.verb == "act"]
    assert line.detail["action"] == "retry" and line.detail["code"] == "AM04"


def test_a_death_or_an_end_that_came_first_leaves_nothing_to_do(session: Session) -> None:
    first, second = promises(session, 2)
    booked(session)
    rows = [came_back(session, each, "AM04") for each in (first, second)]
    Death.report(session, first.supporter, source="family", by=ANNA, now=LATER)
    second.stop(session, "donor_request", on=BACK, by=ANNA, now=LATER)
    session.commit()
    assert proposed(session) == [("AM04", "nothing", 2)]
    for row in rows:
        with refused_and_nothing_changed(session, Refused, "has ended"):
            act(session, [row], "retry")


@pytest.mark.parametrize("reason", ["AM04", "AC04", "MD06", "MD01", "MD07", "AM05", "FF01"])
def test_the_questions_do_not_grow_with_the_group(session: Session, reason: str) -> None:
    many = promises(session, 12)
    booked(session)
    rows = [came_back(session, each, reason) for each in many]
    ((_, action, count),) = proposed(session)
    assert count == 12
    asked: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: asked.append(args[2]))
    act(session, rows, action)
    selects = [each for each in asked if each.startswith("SELECT")]
    # A hook, a mail and an end are asked about one by one; nothing is looked for anew for each.
    assert len(selects) < 12 * (9 if action == "end_mandate" else 4) + 40, len(selects)
    assert list(registry.findings(session, now=LATER)) == []


def test_the_timeline_tells_what_came_back_and_what_was_done(session: Session) -> None:
    commitment, row = one(session, "MD06")
    act(session, [row], "hold_and_call")
    sources = (registry.timeline_sources["returns"], registry.timeline_sources["returns_acted"])
    told = [entry for source in sources for entry in source(session, commitment.supporter_id, None, 10)]
    assert [(entry.kind, entry.sentence) for entry in told] == [
        (
            "returned",
            f"Debit {row.payment.reference} of EUR 10.00 came back (MD06): The donor asked for the money back",
        ),
        ("acted", f"About debit {row.payment.reference} that came back: hold_and_call"),
    ]
