"""What a line of the bank may be, as choices that are numbered on the screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from admin import bank_view
from admin.blueprint import NAME
from admin.data import session
from admin.i18n import gettext as _
from admin.labels import label
from supporters import Supporter
from supporters.payments.bank.candidates import candidates
from supporters.payments.bank.line import BankLine
from supporters.people import search as people_search
from supporters.people.bank_account import BankAccount

#: As many as there are number keys.
MOST = 9
#: What stands behind the proposal itself, where it is no gift of somebody.
PROPOSAL = "proposal"


@dataclass(frozen=True)
class Choice:
    """``value`` is what the form sends: a supporter, with the instalment where one was due; or the proposal."""

    value: str
    title: str
    reasons: tuple[str, ...] = ()
    number: str = ""
    href: str | None = None
    supporter_id: int | None = None
    is_proposed: bool = False


def choices_of(line: BankLine) -> list[Choice]:
    """What is proposed, where that is no gift; then who may have given it, the likeliest first.

    Beside a proposal that is no gift somebody is only offered for more than a name: gateways and banks have names too.
    """
    found = [_proposal(line)] if line.kind not in (None, "gift") and line.state in ("proposed", "matched") else []
    if line.amount <= 0:
        return found
    for each in candidates(session(), line, MOST - len(found)):
        if found and found[0].value == PROPOSAL and each.because == "name":
            continue
        reasons = [label("match_evidence", each.because)]
        if line.name and not each.name_agrees:
            reasons = (
                [_("The name looks like it")] if each.because == "name" else [*reasons, _("The name is another one")]
            )
        if each.commitment_id is not None:
            reasons.append(_("Due of commitment %(number)s", number=f"C{each.commitment_id:07d}"))
        likely = line.state in ("proposed", "matched") and line.kind == "gift" and each.because != "name"
        value = f"s{each.supporter.id}" + (f":{each.instalment_id}" if each.instalment_id is not None else "")
        found.append(_person(each.supporter, value, reasons, likely and line.supporter_id == each.supporter.id))
    return found


def _proposal(line: BankLine) -> Choice:
    title, href = label("line_kind", line.kind), None
    if line.kind == "other":
        title = label("not_a_gift", line.why)
    elif line.kind in ("collection", "payment", "return") and line.batch_id is not None:
        href = url_for(f"{NAME}.run_page", batch_id=line.batch_id)
        title = f"{title} B{line.batch_id:05d}"
    if line.supporter is not None:
        title = f"{title}, {line.supporter.name}"
    return Choice(PROPOSAL, title, tuple(filter(None, [bank_view.why(line)])), href=href, is_proposed=True)


def _person(person: Supporter, value: str, reasons: list[str], is_proposed: bool = False) -> Choice:
    where = " · ".join(filter(None, [person.address.city if person.address else "", person.email]))
    if person.is_deceased:
        reasons = [*reasons, _("Has died")]
    return Choice(
        value, person.name, tuple(filter(None, [where, *reasons])), person.number,
        url_for(f"{NAME}.supporter", number=person.id), person.id, is_proposed,
    )  # fmt: skip


def found_by(words: str, *, but: Iterable[int | None] = ()) -> list[Choice]:
    """Whom somebody looked for, without those that are offered already."""
    ids = [each.id for each in people_search.search(session(), words, limit=MOST)]
    query = select(Supporter).where(Supporter.id.in_(ids)).options(selectinload(Supporter.contact_points))
    people = {each.id: each for each in session().scalars(query)}
    return [_person(people[key], f"s{key}", []) for key in ids if key in people and key not in set(but)]


def is_new_account(line: BankLine, offered: Iterable[Choice]) -> bool:
    """Whether somebody is offered of whom this account is not known yet."""
    ids = {each.supporter_id for each in offered if each.supporter_id is not None}
    if not ids or not line.iban[:2].isalpha() or line.amount <= 0:
        return False
    known = select(BankAccount.supporter_id).where(
        BankAccount.iban == line.iban, BankAccount.until_on.is_(None), BankAccount.supporter_id.in_(ids)
    )
    return bool(ids - set(session().scalars(known)))
