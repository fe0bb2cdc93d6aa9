"""The queue: one line of the bank after another that a person has to say something about, by keyboard or mouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import joinedload

from admin import bank_view
from admin.access import needs
from admin.bank_choices import PROPOSAL, Choice, choices_of, found_by, is_new_account
from admin.blueprint import NAME, bp
from admin.data import asked_key, session
from admin.i18n import gettext as _
from admin.i18n import money, number
from admin.kit.forms import shown
from admin.labels import choices, label
from admin.pages.bank_lines import what
from admin.pages.commitments import fund_choices
from supporters.giving.gift import KINDS
from supporters.payments.bank.line import WHYS, BankLine
from supporters.people.bank_account import BankAccount

#: What waits for an answer, and what may get one although it is matched.
WAITS = ("proposed", "unknown")
BEFORE, AFTER = 2, 9
COUNT_UP_TO = 10_000
#: So many parts of a line that was divided are named.
PARTS_SHOWN = 6


def to_queue(line_id: int | None = None, **more: Any) -> str:
    return url_for(f"{NAME}.bank_queue", line=line_id, **more)


def waits(*where: Any) -> Select[BankLine]:
    return select(BankLine).where(BankLine.state.in_(WAITS), *where)


def _after(line: BankLine) -> Any:
    return or_(BankLine.booked_on > line.booked_on, and_(BankLine.booked_on == line.booked_on, BankLine.id > line.id))


def _before(line: BankLine) -> Any:
    return or_(BankLine.booked_on < line.booked_on, and_(BankLine.booked_on == line.booked_on, BankLine.id < line.id))


def following(line: BankLine) -> int | None:
    """The line that comes after this one; at the end, the first that waits."""
    order = (BankLine.booked_on, BankLine.id)
    for where in ((_after(line),), (BankLine.id != line.id,)):
        found = session().scalar(waits(*where).with_only_columns(BankLine.id).order_by(*order).limit(1))
        if found is not None:
            return int(found)
    return None


@dataclass
class Around:
    """The lines before and after the one at hand, in the order of the queue."""

    earlier: list[BankLine]
    later: list[BankLine]
    count: int

    @classmethod
    def of(cls, line: BankLine) -> Around:
        earlier = waits(_before(line)).order_by(BankLine.booked_on.desc(), BankLine.id.desc()).limit(BEFORE)
        later = waits(_after(line)).order_by(BankLine.booked_on, BankLine.id).limit(AFTER)
        some = waits().with_only_columns(BankLine.id).limit(COUNT_UP_TO + 1).subquery()
        return cls(
            list(session().scalars(earlier))[::-1], list(session().scalars(later)),
            session().scalar(select(func.count()).select_from(some)) or 0,
        )  # fmt: skip


def at_hand(key: int | None) -> BankLine | None:
    """The line that was asked for, where it can still be answered; else the first that waits."""
    if key is not None:
        line = session().get(BankLine, key, options=(joinedload(BankLine.account),))
        if line is not None and line.state in (*WAITS, "matched"):
            return line
    return session().scalar(
        waits().order_by(BankLine.booked_on, BankLine.id).limit(1).options(joinedload(BankLine.account))
    )


@bp.get("/bank/queue")
@needs("bank.work")
def bank_queue() -> ResponseReturnValue:
    asked = asked_key("line")
    line = at_hand(asked)
    return page(line, gone=asked if line is not None and asked not in (None, line.id) else None)


def page(
    line: BankLine | None, *, complaint: str = "", given: Mapping[str, str] | None = None, gone: int | None = None
) -> ResponseReturnValue:
    """The queue at this line; ``given`` is what was filled in of a form that was refused, ``gone`` the line that was
    asked for and waits no more.
    """
    given = given or {}
    done = asked_key("done")
    last = session().get(BankLine, done) if done else None
    words = (given.get("q") or request.args.get("q", "")).strip()[:200]
    offered = choices_of(line) if line is not None else []
    is_other = any(each.value == PROPOSAL for each in offered)
    found: list[Choice] = []
    if line is not None and line.amount > 0 and words:
        found = found_by(words, but=[each.supporter_id for each in offered])
        offered += found
    answer = shown(
        "bank_queue.html",
        line=line,
        around=Around.of(line) if line is not None else None,
        offered=offered,
        givers=any(each.supporter_id is not None for each in offered),
        is_other=is_other,
        nobody=bool(words) and not found,
        picked=given.get("choice") or next((each.value for each in offered if each.is_proposed), ""),
        given=given,
        remember=line is not None and is_new_account(line, offered),
        another_day=line is not None and line.doubt == "closed_year",
        funds=fund_choices(open_only=True),
        kinds=choices("gift", KINDS),
        whys=choices("not_a_gift", WHYS),
        what=what,
        why=bank_view.why,
        looked_for=words,
        last=last if last is not None and last.state in ("booked", "set_aside") else None,
        parts=parts_of(last) if last is not None else [],
        remembered=remembered(last) if last is not None else None,
        complaint=complaint,
        gone=gone,
        twin=twin(line) if line is not None else None,
    )
    return (answer[0], 409) if complaint and isinstance(answer, tuple) else answer


def twin(line: BankLine) -> BankLine | None:
    """The line that it may be, told in another way: of a part, what is said of the whole."""
    entry = session().get_one(BankLine, line.parent_id) if line.parent_id is not None else line
    return session().get(BankLine, entry.twin_of_id) if entry.twin_of_id is not None else None


def parts_of(line: BankLine) -> list[str]:
    """What a line was divided into: what, how much, and whose; nothing where it is one thing."""
    made = [each for each in line.allocations if each.is_standing]
    if len(made) < 2:
        return []
    said = []
    for each in made:
        name = label("gift", each.gift.kind) if each.gift is not None else label("not_a_gift", each.why or "")
        words = f"{name} {money(each.amount, line.currency)}"
        said.append(f"{words}, {each.supporter.name}" if each.supporter is not None else words)
    more = len(said) - PARTS_SHOWN
    return said if more <= 0 else [*said[:PARTS_SHOWN], _("and %(count)s more", count=number(more))]


def remembered(line: BankLine) -> BankAccount | None:
    """The account that the answer made known as the supporter's."""
    for made in line.allocations:
        if made.is_standing and (key := made.details.get("remembered")):
            return session().get(BankAccount, key)
    return None
