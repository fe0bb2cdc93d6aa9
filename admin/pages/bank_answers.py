"""Answers to the lines of the bank: whose gift it is, how it divides, that it is none; and taking an answer back."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField

from admin import clock
from admin.access import current_actor, needs
from admin.bank_agrees import forget_bank
from admin.bank_choices import PROPOSAL
from admin.bank_view import to_line
from admin.blueprint import bp
from admin.i18n import gettext as _
from admin.i18n import lazy, say
from admin.kit.forms import DateField, Form, saving, shown, text
from admin.labels import choices
from admin.pages.bank_lines import find
from admin.pages.bank_queue import following, page, to_queue
from supporters import Fund, Supporter
from supporters.errors import AchterbanError, BadInput, NotFound
from supporters.giving.instalment import Instalment
from supporters.payments.bank import answering, undoing
from supporters.payments.bank.line import BankLine


@bp.route("/bank/queue/<int:line_id>", methods=["GET", "POST"])
@needs("bank.work")
def bank_answer(line_id: int) -> ResponseReturnValue:
    """One answer; then the next line comes, with an undo on top."""
    if request.method == "GET":
        return redirect(to_queue(line_id))
    decision = request.form.get("decision", "")
    try:
        with saving() as saved:
            answer(saved, find(line_id), decision)
    except AchterbanError as error:
        return page(find(line_id), complaint=say(error), given=request.form)
    forget_bank()
    if decision in ("undo", "another"):
        return redirect(to_queue(line_id))
    return redirect(to_queue(following(find(line_id)), done=line_id))


def answer(saved: Session, line: BankLine, decision: str) -> None:
    who: dict[str, Any] = {"by": current_actor(), "now": clock.now()}
    if decision == "choose":
        choose(saved, line, request.form.get("choice", ""), **who)
    elif decision == "set_aside":
        answering.set_aside(saved, line, request.form.get("why", ""), request.form.get("note", "").strip(), **who)
    elif decision == "same":
        twin = twin_of(saved, line)
        answering.set_aside(saved, line, "something_else", _("The same as %(line)s", line=twin.number), **who)
    elif decision == "another":
        answering.is_another(saved, line, **who)
    elif decision == "undo":
        undoing.undo(saved, line, today=clock.today(), **who)
    else:
        raise NotFound("There is no decision “%(decision)s”.", decision=decision[:20])


def twin_of(saved: Session, line: BankLine) -> BankLine:
    entry = saved.get_one(BankLine, line.parent_id) if line.parent_id is not None else line
    twin = saved.get(BankLine, entry.twin_of_id) if entry.twin_of_id is not None else None
    if twin is None:
        raise NotFound("This line looks like no other.")
    return twin


def choose(saved: Session, line: BankLine, choice: str, **who: Any) -> None:
    """The proposal as it stands; or a gift of the one who was chosen, for what they promised or for a fund."""
    if choice == PROPOSAL:
        answering.accept(saved, line, today=clock.today(), **who)
        return
    found = re.fullmatch(r"s(\d{1,15})(?::(\d{1,15}))?", choice)
    person = Supporter.find(saved, found[1]) if found else None
    if found is None or person is None:
        raise BadInput("Choose one of them first.", field="choice")
    fund = _fund(saved, request.form.get("fund", ""))
    answering.assign(
        saved, line, person, fund=fund, kind=request.form.get("kind") or None, on=_day("on"),
        instalment=saved.get(Instalment, int(found[2])) if found[2] and fund is None else None,
        remember=request.form.get("remember") == "y", **who,
    )  # fmt: skip


def _fund(saved: Session, key: str) -> Fund | None:
    return Fund.get(saved, int(key)) if key.isdecimal() and len(key) < 16 else None


def _day(name: str) -> date | None:
    """Another day than the bank's, where that one's year is closed."""
    given = request.form.get(name, "").strip()
    try:
        return date.fromisoformat(given) if given else None
    except ValueError as error:
        raise BadInput("There is no such day; write it as 31-12-2026.", field=name) from error


@bp.post("/bank/lines/<int:line_id>/undo")
@needs("bank.work")
def bank_line_undo(line_id: int) -> ResponseReturnValue:
    with saving() as saved:
        undoing.undo(saved, find(line_id), by=current_actor(), now=clock.now(), today=clock.today())
    forget_bank()
    flash(_("Taken back: the line waits again."), "success")
    return redirect(to_line(line_id))


# --- somebody new ----------------------------------------------------------------------------------------------


class NewGiverForm(Form):
    kind = RadioField(lazy("Kind"), choices=choices("kind_of_supporter"), default="person")
    first_name = text(lazy("First name"))
    initials = text(lazy("Initials"), length=40)
    prefix = text(lazy("Prefix"), length=40, description=lazy("Such as van der"))
    surname = text(lazy("Surname"))
    organisation_name = text(lazy("Name of the organisation"), description=lazy("Only for an organisation"))
    email = text(lazy("E-mail"), length=320)
    on = DateField(lazy("Book the gift on"), description=lazy("The year of the bank's own day is closed."))


@bp.route("/bank/lines/<int:line_id>/new-supporter", methods=["GET", "POST"])
@needs("bank.work")
def bank_new_supporter(line_id: int) -> ResponseReturnValue:
    """Somebody new gave it; the name and the account that the bank told are filled in."""
    line = find(line_id)
    form = NewGiverForm(data=answering.suggested(line))
    if line.doubt != "closed_year":
        del form.on
    if form.validate_on_submit():
        is_person = form.kind.data == "person"
        names = ("first_name", "initials", "prefix", "surname") if is_person else ("organisation_name",)
        given = {name: form[name].data or "" for name in names}
        with saving(form) as saved:
            if not any(given.values()):
                raise BadInput("Fill in a name.", field=names[-1])
            answering.welcome(
                saved, find(line_id), by=current_actor(), now=clock.now(), kind=form.kind.data,
                email=form.email.data or None, on=form.on.data if "on" in form else None, **given,
            )  # fmt: skip
        if not form.refusal:
            forget_bank()
            return redirect(to_queue(following(find(line_id)), done=line_id))
    return shown(
        "bank_new_supporter.html", form=form, line=find(line_id),
        rows=[("first_name", "initials"), ("prefix", "surname"), ("organisation_name", "email")],
    )  # fmt: skip
