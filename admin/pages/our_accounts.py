"""Our bank accounts: whose statements are read, and from which day on they are booked here."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import BooleanField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.forms import DateField, Form, required, saving, shown, text
from admin.kit.lists import Column, listing
from supporters.payments.bank import changing
from supporters.payments.bank.our_account import OurAccount

OUR_ACCOUNTS = listing(
    endpoint="our_accounts",
    title=lazy("Our bank accounts"),
    query=lambda: select(OurAccount),
    key=OurAccount.id,
    permission="settings.edit",
    default_sort="name",
    empty=lazy("No account yet. One that you collect on comes here by itself with its first statement."),
    columns=(
        Column(
            "name",
            lazy("Name"),
            lambda a: a.name,
            link=lambda a: url_for(f"{NAME}.our_account_edit", account_id=a.id),
            sort=OurAccount.name,
        ),
        Column("number", lazy("IBAN or number"), lambda a: a.spaced, "short"),
        Column("currency", lazy("Currency"), lambda a: a.currency),
        Column("from", lazy("Book from"), lambda a: a.book_from_on, "date"),
        Column(
            "state", lazy("State"), lambda a: (_("In use"), "good") if a.is_active else (_("Not in use"), ""), "badge"
        ),
    ),
)


@bp.get("/bank-accounts")
@needs("settings.edit")
def our_accounts() -> ResponseReturnValue:
    actions = [(_("New account"), url_for(f"{NAME}.our_account_new"))]
    return render_template(
        "achterban/list.html", page=OUR_ACCOUNTS.page(session(), request.args), actions=actions,
        lead=_("Statements of these accounts are read in. A statement of another account is refused."),
    )  # fmt: skip


class AccountForm(Form):
    name = text(lazy("Name"), required(), description=lazy("What colleagues call it, such as Donations"))
    book_from_on = DateField(
        lazy("Book from"),
        [Optional()],
        description=lazy("What came in before this day was booked elsewhere: such lines are kept and not booked here."),
    )


class NewAccountForm(AccountForm):
    number = text(lazy("IBAN"), required(), length=42, description=lazy("Or the bank's own number, where it has none"))
    currency = text(lazy("Currency"), required(), length=3, default="EUR")


class EditAccountForm(AccountForm):
    is_active = BooleanField(lazy("In use"))


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Our bank accounts"), url_for(f"{NAME}.our_accounts"))]


@bp.route("/bank-accounts/new", methods=["GET", "POST"])
@needs("settings.edit", fresh=True)
def our_account_new() -> ResponseReturnValue:
    form = NewAccountForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            OurAccount.add(
                saved, form.number.data, form.name.data, by=current_actor(), now=clock.now(),
                currency=(form.currency.data or "").upper(), book_from_on=form.book_from_on.data,
            )  # fmt: skip
        if not form.refusal:
            flash(_("Added."), "success")
            return redirect(url_for(f"{NAME}.our_accounts"))
    return shown(
        "form.html", form=form, title=_("New bank account of ours"), crumbs=_crumbs(), button=_("Add"),
        back=url_for(f"{NAME}.our_accounts"), rows=[("number", "currency")],
    )  # fmt: skip


@bp.route("/bank-accounts/<int:account_id>", methods=["GET", "POST"])
@needs("settings.edit", fresh=True)
def our_account_edit(account_id: int) -> ResponseReturnValue:
    """Its number stays: another account is another row."""
    account: OurAccount = OurAccount.get(session(), account_id)
    form = EditAccountForm(obj=account)
    if form.validate_on_submit():
        with saving(form) as saved:
            changing.change(
                saved, account, name=form.name.data, book_from_on=form.book_from_on.data,
                is_active=form.is_active.data, by=current_actor(), now=clock.now(), today=clock.today(),
            )  # fmt: skip
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(url_for(f"{NAME}.our_accounts"))
    return shown(
        "form.html", form=form, title=f"{account.name}, {account.spaced}", crumbs=_crumbs(), button=_("Save"),
        back=url_for(f"{NAME}.our_accounts"),
    )  # fmt: skip
