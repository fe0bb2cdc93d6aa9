"""What seldom changes: funds, and the accounts to collect on."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import BooleanField, IntegerField
from wtforms.validators import NumberRange, Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.forms import DateField, Form, IbanField, required, saving, shown, text
from admin.kit.lists import Column, listing
from supporters import CreditorAccount, Fund, audit
from supporters.people.bank_account import clean_bic, clean_iban

FUNDS = listing(
    endpoint="funds",
    title=lazy("Funds"),
    query=lambda: select(Fund),
    key=Fund.id,
    permission="settings.edit",
    default_sort="name",
    columns=(
        Column(
            "name",
            lazy("Name"),
            lambda f: f.name,
            link=lambda f: url_for(f"{NAME}.fund_edit", fund_id=f.id),
            sort=Fund.name,
        ),
        Column("code", lazy("Code"), lambda f: f.code, sort=Fund.code),
        Column(
            "restricted", lazy("May be spent on"), lambda f: _("One purpose only") if f.is_restricted else _("Anything")
        ),
        Column("closed", lazy("State"), lambda f: (_("Closed"), "") if f.closed_on else (_("Open"), "good"), "badge"),
    ),
)


@bp.get("/funds")
@needs("settings.edit")
def funds() -> ResponseReturnValue:
    actions = [(_("New fund"), url_for(f"{NAME}.fund_new"))]
    return render_template("achterban/list.html", page=FUNDS.page(session(), request.args), actions=actions)


class FundForm(Form):
    name = text(lazy("Name"), required())
    is_restricted = BooleanField(lazy("The money may be spent on one purpose only"))


class NewFundForm(FundForm):
    code = text(lazy("Code"), required(), length=40, description=lazy("Short, as in an import file: whales"))


class EditFundForm(FundForm):
    closed_on = DateField(
        lazy("Closed on"), [Optional()], description=lazy("From then on it takes no new gifts or commitments.")
    )


@bp.route("/funds/new", methods=["GET", "POST"])
@needs("settings.edit")
def fund_new() -> ResponseReturnValue:
    form = NewFundForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            fund = Fund.open(saved, form.code.data, form.name.data, is_restricted=form.is_restricted.data)
            audit.record(saved, current_actor(), "open", fund, now=clock.now(), code=fund.code)
        if not form.refusal:
            flash(_("Added."), "success")
            return redirect(url_for(f"{NAME}.funds"))
    return shown(
        "form.html",
        form=form,
        title=_("New fund"),
        crumbs=[(_("Funds"), url_for(f"{NAME}.funds"))],
        button=_("Add"),
        back=url_for(f"{NAME}.funds"),
    )


@bp.route("/funds/<int:fund_id>", methods=["GET", "POST"])
@needs("settings.edit")
def fund_edit(fund_id: int) -> ResponseReturnValue:
    fund: Fund = Fund.get(session(), fund_id)
    form = EditFundForm(obj=fund)
    if form.validate_on_submit():
        with saving(form) as saved:
            before = {"name": fund.name, "is_restricted": fund.is_restricted, "closed_on": str(fund.closed_on)}
            fund.name, fund.is_restricted, fund.closed_on = form.name.data, form.is_restricted.data, form.closed_on.data
            audit.record(saved, current_actor(), "edit", fund, now=clock.now(), before=before)
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(url_for(f"{NAME}.funds"))
    return shown(
        "form.html",
        form=form,
        title=fund.name,
        crumbs=[(_("Funds"), url_for(f"{NAME}.funds"))],
        button=_("Save"),
        back=url_for(f"{NAME}.funds"),
    )


CREDITORS = listing(
    endpoint="creditors",
    title=lazy("Creditor accounts"),
    query=lambda: select(CreditorAccount),
    key=CreditorAccount.id,
    permission="settings.edit",
    default_sort="name",
    empty=lazy("No account to collect on yet."),
    columns=(
        Column(
            "name",
            lazy("Name"),
            lambda a: a.name,
            link=lambda a: url_for(f"{NAME}.creditor_edit", account_id=a.id),
            sort=CreditorAccount.name,
        ),
        Column("identifier", lazy("Creditor identifier"), lambda a: a.identifier),
        Column("iban", lazy("IBAN"), lambda a: a.iban),
        Column("notice", lazy("Announced ahead (days)"), lambda a: a.notice_days, "number"),
        Column(
            "state", lazy("State"), lambda a: (_("In use"), "good") if a.is_active else (_("Not in use"), ""), "badge"
        ),
    ),
)


@bp.get("/creditor-accounts")
@needs("settings.edit")
def creditors() -> ResponseReturnValue:
    actions = [(_("New account"), url_for(f"{NAME}.creditor_new"))]
    return render_template("achterban/list.html", page=CREDITORS.page(session(), request.args), actions=actions)


def days(label: object, most: int, hint: object, default: int) -> IntegerField:
    within = NumberRange(0, most, lazy("A number of days from %(min)s to %(max)s."))
    return IntegerField(label, [required(), within], description=hint, default=default)


class CreditorForm(Form):
    name = text(lazy("Name"), required(), length=70, description=lazy("As donors see it on their statement"))
    bic = text(lazy("BIC"), length=11)
    remittance = text(
        lazy("Text on the statement"), length=100, description=lazy("What a donor reads beside the amount")
    )
    notice_days = days(
        lazy("Announced ahead"), 60, lazy("Days between telling a donor and collecting; 14 unless agreed otherwise"), 14
    )
    lead_days = days(lazy("The bank wants the file"), 10, lazy("Banking days ahead"), 1)
    late_days = days(lazy("Collected late at most"), 90, lazy("Days; what is later is missed and a person decides"), 27)
    transactions_per_file = IntegerField(
        lazy("Debits in one file at most"),
        [required(), NumberRange(1, 100_000, lazy("A number from %(min)s to %(max)s."))],
        default=50_000,
    )


class NewCreditorForm(CreditorForm):
    identifier = text(
        lazy("Creditor identifier"),
        required(),
        length=35,
        description=lazy("From the bank, such as NL69ZZZ123456780000"),
    )
    iban = IbanField(lazy("IBAN"), [required()])


class EditCreditorForm(CreditorForm):
    is_active = BooleanField(lazy("In use"))


_LIMITS = ("notice_days", "lead_days", "late_days", "transactions_per_file")
_ROWS = [
    ("identifier", "iban"),
    ("bic", "remittance"),
    ("notice_days", "lead_days"),
    ("late_days", "transactions_per_file"),
]


@bp.route("/creditor-accounts/new", methods=["GET", "POST"])
@needs("settings.edit", fresh=True)
def creditor_new() -> ResponseReturnValue:
    form = NewCreditorForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            account = CreditorAccount.open(
                saved,
                form.name.data,
                form.identifier.data,
                clean_iban(form.iban.data),
                bic=form.bic.data or None,
                **{name: form[name].data for name in _LIMITS},
            )
            account.remittance = form.remittance.data or ""
            audit.record(saved, current_actor(), "open", account, now=clock.now(), iban=account.iban)
        if not form.refusal:
            flash(_("Added."), "success")
            return redirect(url_for(f"{NAME}.creditors"))
    return shown(
        "form.html",
        form=form,
        title=_("New account to collect on"),
        crumbs=[(_("Creditor accounts"), url_for(f"{NAME}.creditors"))],
        button=_("Add"),
        back=url_for(f"{NAME}.creditors"),
        rows=_ROWS,
    )


@bp.route("/creditor-accounts/<int:account_id>", methods=["GET", "POST"])
@needs("settings.edit", fresh=True)
def creditor_edit(account_id: int) -> ResponseReturnValue:
    """Identifier and IBAN stay: another account is another row, so that old files keep saying what they said."""
    account: CreditorAccount = CreditorAccount.get(session(), account_id)
    form = EditCreditorForm(obj=account)
    if form.validate_on_submit():
        with saving(form) as saved:
            names = ("name", "remittance", *_LIMITS, "is_active")
            before = {name: getattr(account, name) for name in names}
            for name in names:
                setattr(account, name, form[name].data if form[name].data is not None else "")
            account.bic = clean_bic(form.bic.data) if form.bic.data else None
            audit.record(saved, current_actor(), "edit", account, now=clock.now(), before=before)
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(url_for(f"{NAME}.creditors"))
    return shown(
        "form.html",
        form=form,
        title=f"{account.name}, {account.iban}",
        crumbs=[(_("Creditor accounts"), url_for(f"{NAME}.creditors"))],
        button=_("Save"),
        back=url_for(f"{NAME}.creditors"),
        rows=_ROWS,
    )
