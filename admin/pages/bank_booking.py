"""Booking all that is matched with one button, and what could not be booked and why."""

from __future__ import annotations

from typing import Any

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from wtforms import HiddenField

from admin import clock
from admin.access import current_actor, needs
from admin.bank_agrees import forget_bank
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import money, ngettext, say
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, saving
from admin.labels import label
from supporters import Money
from supporters.errors import Refused
from supporters.payments.bank import booking
from supporters.payments.bank.line import BankLine

#: So many of what could not be booked stand on the page.
SHOWN = 50


class BookForm(Form):
    expected = HiddenField()


def _matched() -> list[Any]:
    """By kind and currency: how many, and what they come to."""
    query = select(BankLine.kind, BankLine.currency, func.count(), func.sum(BankLine.amount))
    query = query.where(BankLine.state == "matched").group_by(BankLine.kind, BankLine.currency)
    return list(session().execute(query.order_by(func.count().desc())))


def left_over() -> list[tuple[BankLine, str]]:
    """What is matched and could not be booked the last time, each with why."""
    query = select(BankLine).where(BankLine.state == "matched", BankLine.doubt.is_not(None))
    lines = session().scalars(query.order_by(BankLine.booked_on, BankLine.id).limit(SHOWN))
    return [(line, label("doubt", line.doubt)) for line in lines]


@bp.route("/bank/book", methods=["GET", "POST"])
@needs("bank.work")
def bank_book() -> ResponseReturnValue:
    """What is said on the page is what is booked: where it became more meanwhile, one looks once more."""
    form = BookForm()
    kinds = _matched()
    count = sum(each[2] for each in kinds)
    if form.validate_on_submit():
        with saving(form) as saved:
            if form.expected.data != str(count):
                raise Refused("Since you looked it became another number of lines: look once more.")
            booked = booking.book_matched(saved, by=current_actor(), now=clock.now(), today=clock.today())
        if not form.refusal:
            forget_bank()
            return _told(booked)
    form.expected.data = str(count)
    totals = {currency: Money(int(sum(each[3] for each in kinds if each[1] == currency)), currency)
              for currency in dict.fromkeys(each[1] for each in kinds)}  # fmt: skip
    points = [
        f"{label('line_kind', kind)}: {ngettext('%(num)s line', '%(num)s lines', number)}, "
        f"{money(int(total), currency)}"
        for kind, currency, number, total in kinds
    ]
    return Confirmation(
        title=_("Book all matches"),
        question=_("This is booked:") if count else _("Nothing is matched: there is nothing to book."),
        points=[*points, _("What cannot be booked stays, and you hear why. Each line can be taken back by itself.")]
        if count
        else [],
        count=count,
        total=totals.get("EUR", next(iter(totals.values()), Money(0))),
        button=ngettext("Book this line", "Book these %(num)s lines", count),
        back=url_for(f"{NAME}.bank"),
        crumbs=[(_("Bank"), url_for(f"{NAME}.bank"))],
    ).show(form)


def _told(booked: booking.Booked) -> ResponseReturnValue:
    ids = list(booked.left)[:SHOWN]
    lines = {line.id: line for line in session().scalars(select(BankLine).where(BankLine.id.in_(ids)))}
    told = [(lines[key], say(booked.left[key])) for key in ids if key in lines]
    seen = {line.id for line, _why in told}
    told += [(line, why) for line, why in left_over() if line.id not in seen]
    return render_template("achterban/bank_booked.html", booked=booked, left=told)
