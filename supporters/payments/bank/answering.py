"""What a person says of a line: whose gift it is, how it divides, or that it is none.

Each of these waits for its turn, writes what it did into the audit log, and leaves the line with allocations that add
up to it. An account that is remembered is told in the answer, and forgotten when the answer is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gift import Gift, Reversal
from supporters.giving.instalment import Instalment
from supporters.money import Money
from supporters.payments.bank import naming, remembering
from supporters.payments.bank.allocating import allocate, take_up
from supporters.payments.bank.booking import DEFAULT_FUND, returned_key
from supporters.payments.bank.evidence import EVIDENCE
from supporters.payments.bank.known import waiting_instalment
from supporters.payments.bank.line import WHYS, BankAllocation, BankLine
from supporters.payments.bank.matching import match
from supporters.payments.payment import Payment
from supporters.payments.returns.returned import Returned
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter


@dataclass(slots=True)
class Answer:
    """What came of it."""

    line: BankLine
    gifts: list[Gift] = field(default_factory=list)
    #: The account that is from now on known as this supporter's; None where it was, or was not to be.
    remembered: BankAccount | None = None
    #: Who else has that account: its next gift is a question again.
    shared_with: list[Supporter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a line that is divided: a supporter's gift, or no gift and ``why``. ``money`` is above zero."""

    money: Money
    supporter: Supporter | None = None
    fund: Fund | None = None
    instalment: Instalment | None = None
    kind: str | None = None  # of a gift, such as "bequest"
    why: str | None = None
    note: str = ""


# -- a gift -----------------------------------------------------------------------------------------------------


def assign(
    session: Session,
    line: BankLine,
    supporter: Supporter,
    *,
    by: Actor,
    now: datetime,
    fund: Fund | None = None,
    instalment: Instalment | None = None,
    kind: str | None = None,
    on: date | None = None,
    remember: bool = True,
) -> Answer:
    """It is a gift of this supporter, of what they promised to transfer where that was due then.

    ``on`` is another day than the bank's, where that one's year is closed. With ``remember`` the account counts as
    theirs from now on. Raises Refused, YearClosed, BadInput; then nothing happened.
    """
    take_up(session, line, by)
    _must_have_come_in(line)
    answer = Answer(line)
    with session.begin_nested():
        part = Part(line.money, supporter, fund, instalment, kind)
        answer.gifts.append(_book(session, line, part, by=by, now=now, on=on, number=None))
        if remember:
            made = next(each for each in reversed(line.allocations) if each.is_standing)
            person = supporter.survivor(session)
            answer.remembered, answer.shared_with = remembering.remember(session, line, made, person, by=by, now=now)
        line.supporter_id, line.kind = answer.gifts[0].supporter_id, "gift"
        audit.record(session, by, "assign", line, now=now, supporter=line.supporter_id, gift=answer.gifts[0].id)
        session.flush()
    return answer


def split(
    session: Session, line: BankLine, parts: Sequence[Part], *, by: Actor, now: datetime, on: date | None = None
) -> Answer:
    """It is several gifts, or a gift and something else; the parts are the line to the cent."""
    take_up(session, line, by)
    if not parts or any(part.money.amount <= 0 for part in parts):
        raise BadInput("Each part of a line is more than nothing.", field="amount")
    if any(part.money.currency != line.currency for part in parts):
        raise BadInput("The parts are in %(currency)s, as the line is.", field="amount", currency=line.currency)
    total = sum(part.money.amount for part in parts)
    if total != abs(line.amount):
        raise BadInput(
            "The parts come to %(total)s and the line is %(money)s: they must be the same.", field="amount",
            total=str(Money(total, line.currency)), money=str(Money(abs(line.amount), line.currency)),
        )  # fmt: skip
    if any((part.supporter is None) == (part.why is None) for part in parts):
        raise BadInput("Each part is a gift of a supporter, or no gift and why.", field="parts")
    answer = Answer(line)
    with session.begin_nested():
        for number, part in enumerate(parts, start=1):
            if part.supporter is not None:
                _must_have_come_in(line)
                answer.gifts.append(_book(session, line, part, by=by, now=now, on=on, number=number))
            else:
                _put_aside(session, line, part.money, part.why, part.note, by=by, now=now)
        line.kind, line.because = ("gift" if answer.gifts else "other"), "person"
        line.supporter_id = answer.gifts[0].supporter_id if len(answer.gifts) == 1 else None
        line.instalment_id = line.commitment_id = line.payment_id = line.batch_id = line.expected = None
        audit.record(session, by, "split", line, now=now, parts=len(parts), gifts=[gift.id for gift in answer.gifts])
        session.flush()
    return answer


def _book(
    session: Session, line: BankLine, part: Part, *, by: Actor, now: datetime, on: date | None, number: int | None
) -> Gift:
    assert part.supporter is not None
    person = part.supporter.survivor(session)
    instalment = _promised(session, line, part, person)
    promise = instalment.commitment if instalment is not None else None
    fund = part.fund or (promise.fund if promise is not None else Fund.by_code(session, DEFAULT_FUND))
    key = f"bank:{line.id}" if line.attempt == 1 else f"bank:{line.id}:{line.attempt}"
    gift = Gift.book(
        session, person, part.money, received_on=on or line.booked_on, fund=fund,
        booking_key=key if number is None else f"{key}/{number}", by=by, now=now, kind=part.kind,
        source_code=promise.source_code if promise is not None else None,
    )  # fmt: skip
    if instalment is not None:
        gift.instalment_id, gift.commitment_id, instalment.status = instalment.id, instalment.commitment_id, "paid"
    # What the machine had found itself stays the reason; a person only said yes to it.
    found = line.because if line.because in EVIDENCE and line.supporter_id == person.id else "person"
    because = found or "person"
    allocate(
        session, line, "gift", part.money, because=because, by=by, now=now, supporter_id=person.id, gift_id=gift.id
    )
    line.because = because
    if number is None:
        line.instalment_id, line.commitment_id = gift.instalment_id, gift.commitment_id
        line.payment_id = line.batch_id = line.expected = None
    return gift


def _promised(session: Session, line: BankLine, part: Part, person: Supporter) -> Instalment | None:
    """The instalment that it fulfils, locked: the one that was named, else what was to be transferred about then."""
    found = part.instalment
    if found is None and part.fund is None and part.kind is None:
        key = waiting_instalment(session, person.id, part.money, line.booked_on)
        found = session.get(Instalment, key) if key is not None else None
    if found is None:
        return None
    session.execute(
        select(Commitment.id).where(Commitment.id == found.commitment_id).with_for_update(key_share=True)
    ).all()
    session.refresh(found)
    if found.commitment.supporter_id != person.id:
        raise Refused("That instalment is of another supporter.", field="instalment")
    if found.status not in ("due", "missed", "returned"):
        if part.instalment is None:
            return None
        raise Refused(
            "Instalment %(number)s is %(status)s: nothing is to be paid for it.", field="instalment",
            number=found.number, status=found.status,
        )  # fmt: skip
    return found


# -- no gift ----------------------------------------------------------------------------------------------------


def set_aside(session: Session, line: BankLine, why: str, note: str = "", *, by: Actor, now: datetime) -> None:
    """It is not a gift, and why; something else takes a note that says what."""
    take_up(session, line, by)
    with session.begin_nested():
        _put_aside(session, line, Money(abs(line.amount), line.currency), why, note, by=by, now=now)
        line.state, line.kind, line.because, line.why, line.note = "set_aside", "other", "person", why, note.strip()
        line.supporter_id = line.instalment_id = line.commitment_id = line.payment_id = None
        line.batch_id = line.expected = None
        audit.record(session, by, "set_aside", line, now=now, why=why, note=note.strip())
        session.flush()


def _put_aside(
    session: Session, line: BankLine, money: Money, why: str | None, note: str, *, by: Actor, now: datetime
) -> None:
    if why not in WHYS:
        raise BadInput(
            "“%(why)s” is not a reason why it is no gift; there are: %(known)s.", field="why", why=str(why)[:40],
            known=", ".join(WHYS),
        )  # fmt: skip
    if why == "something_else" and not note.strip():
        raise BadInput("Say in a few words what it is.", field="note")
    if len(note) > 500:
        raise BadInput("A note has at most 500 characters.", field="note")
    sign = 1 if line.amount > 0 else -1
    allocate(
        session, line, "other", Money(sign * money.amount, money.currency), because="person", by=by, now=now, why=why,
        details={"note": note.strip()} if note.strip() else {},
    )  # fmt: skip


def accept(session: Session, line: BankLine, *, by: Actor, now: datetime, today: date | None = None) -> Answer:
    """What is proposed is right, a difference included: `achterban check` keeps telling of that."""
    take_up(session, line, by)
    if line.state not in ("proposed", "matched") or line.kind is None:
        raise Refused("Nothing is proposed for this line: say what it is.")
    if line.kind == "gift":
        if line.supporter is None:
            raise Refused("It may be several supporters': choose one.", field="supporter")
        return assign(session, line, line.supporter, by=by, now=now)
    if line.kind == "other":
        set_aside(session, line, line.why or "something_else", by=by, now=now)
        return Answer(line)
    with session.begin_nested():
        more: dict[str, Any] = {}
        if line.kind == "return":
            more = _return(session, line, by=by, now=now)
        elif line.kind in ("collection", "payment"):
            more = _collected(session, line, by=by, now=now, today=today)
        allocate(
            session, line, line.kind, because=line.because or "person", by=by, now=now, supporter_id=line.supporter_id,
            payment_id=line.payment_id, batch_id=line.batch_id, reference=line.batch_reference, **more,
        )  # fmt: skip
        audit.record(session, by, "accept", line, now=now, kind=line.kind)
        session.flush()
    return Answer(line)


def _return(session: Session, line: BankLine, *, by: Actor, now: datetime) -> dict[str, Any]:
    payment = session.get_one(Payment, line.payment_id)
    _once(session, line, "return")
    Returned.record(
        session, payment, line.reason, told_on=line.booked_on, told=line.text[:255], line=line, by=by, now=now
    )
    query = select(Reversal.id).join(Payment, Reversal.booking_key == returned_key()).where(Payment.id == payment.id)
    return {"gift_id": payment.gift_id, "reversal_id": session.scalar(query)}


def _collected(session: Session, line: BankLine, *, by: Actor, now: datetime, today: date | None) -> dict[str, Any]:
    batch = line.batch
    if batch is None or batch.state not in ("exported", "booked"):
        raise Refused("The collection of this line is not at the bank.")
    if batch.state == "exported":
        batch.book(session, by=by, now=now, today=today)
    if line.kind == "collection":
        return {}
    _once(session, line, "payment")
    payment = session.get_one(Payment, line.payment_id)
    if payment.gift_id is None:
        raise Refused(
            "Debit %(reference)s is %(state)s: no gift of it is in the books.", reference=payment.reference,
            state=payment.state,
        )  # fmt: skip
    return {"gift_id": payment.gift_id}


def _once(session: Session, line: BankLine, kind: str) -> None:
    other = session.scalar(
        select(BankAllocation.line_id).where(
            BankAllocation.payment_id == line.payment_id, BankAllocation.kind == kind,
            BankAllocation.undone_at.is_(None),
        )
    )  # fmt: skip
    if other is not None:
        raise Refused("Line %(number)s was booked as the same: set this one aside.", number=f"L{other:06d}")


def is_another(session: Session, line: BankLine, *, by: Actor, now: datetime) -> None:
    """It looked like another line told in another way, and is one of its own."""
    take_up(session, line, by)
    entry = session.get_one(BankLine, line.parent_id) if line.parent_id is not None else line
    if entry.twin_of_id is None:
        raise Refused("This line looks like no other.")
    audit.record(session, by, "tell_apart", line, now=now, twin=entry.twin_of_id)
    entry.twin_of_id = None
    session.flush()
    parts = select(BankLine.id).where((BankLine.id == entry.id) | (BankLine.parent_id == entry.id))
    match(session, session.scalars(parts).all(), now=now)


# -- somebody new -----------------------------------------------------------------------------------------------


def welcome(
    session: Session, line: BankLine, *, by: Actor, now: datetime, on: date | None = None, **fields: Any
) -> Answer:
    """Somebody new gave it: known from now on with the name and the account that the bank told, or the ``fields``."""
    take_up(session, line, by)
    _must_have_come_in(line)
    given = fields if fields.get("surname") or fields.get("organisation_name") else suggested(line) | fields
    with session.begin_nested():
        person = Supporter.welcome(session, by=by, now=now, on=min(line.booked_on, now.date()), **given)
        return assign(session, line, person, by=by, now=now, on=on)


def suggested(line: BankLine) -> dict[str, str]:
    """The name that the bank told, in its parts, for a form to begin with."""
    name = naming.parts(line.name)
    return {"initials": name.initials, "first_name": name.first_name, "prefix": name.prefix, "surname": name.surname}


def _must_have_come_in(line: BankLine) -> None:
    if line.amount <= 0:
        raise Refused("This money went off the account: it is no gift.")
