"""Collection runs: prepare, check, a second person approves, the file, the booking. Each state says what comes next."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from wtforms import SelectField

from admin import clock
from admin.access import current_actor, may, needs, roles_with
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, number, share
from admin.i18n import gettext as _
from admin.kit.confirm import Confirmation
from admin.kit.forms import DateField, Form, chosen, required, saving, shown, text
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices
from admin.run_result import RunResult
from admin.users import Role, User
from supporters import CollectionBatch, Commitment, CreditorAccount, Document, Instalment, Mandate, Supporter, Term
from supporters.errors import NotFound
from supporters.payments.sepa import announcement, calendar
from supporters.payments.sepa.pain008 import FORMATS
from supporters.payments.sepa.preview import Preview
from supporters.spreadsheet import harmless


def to_run(batch_id: int) -> str:
    return url_for(f"{NAME}.run_page", batch_id=batch_id)


def crumbs(batch: CollectionBatch | None = None) -> list[tuple[str, str]]:
    trail = [(_("Collection runs"), url_for(f"{NAME}.runs"))]
    return [*trail, (batch.number, to_run(batch.id))] if batch else trail


def name_of(key: str | None) -> str:
    """An actor's key as a colleague knows them."""
    kind, _sep, who = (key or "").partition(":")
    if kind != "person":
        return who or (key or "")
    names: dict[str, str] = g.setdefault("achterban_names", {})
    if who not in names:
        names[who] = session().scalar(select(User.name).where(User.email == who)) or who
    return names[who]


RUNS = listing(
    endpoint="runs",
    title=lazy("Collection runs"),
    query=lambda: select(CollectionBatch),
    key=CollectionBatch.id,
    permission="money.see",
    default_sort="collect_on",
    empty=lazy("No collection yet. Prepare the first one."),
    options=(joinedload(CollectionBatch.account),),
    columns=(
        Column("number", lazy("Number"), lambda b: b.number, link=lambda b: to_run(b.id)),
        Column(
            "collect_on",
            lazy("Collected on"),
            lambda b: b.collect_on,
            "date",
            sort=CollectionBatch.collect_on,
            descending=True,
        ),
        Column("count", lazy("Debits"), lambda b: b.count, "number"),
        Column("total", lazy("Amount"), lambda b: b.money, "money"),
        Column("account", lazy("On account"), lambda b: b.account.name),
        Column("by", lazy("Prepared by"), lambda b: name_of(b.prepared_by)),
        Column("state", lazy("State"), lambda b: badge("batch", b.state), "badge"),
    ),
    filters=(
        Filter(
            "state", lazy("State"), lambda q, v: q.where(CollectionBatch.state == v), choices=lambda: choices("batch")
        ),
    ),
)


@bp.get("/runs")
@needs("money.see")
def runs() -> ResponseReturnValue:
    actions = []
    if may("money.run"):
        actions = [
            (_("Prepare a collection"), url_for(f"{NAME}.run_new")),
            (_("Announce amounts"), url_for(f"{NAME}.run_announce")),
        ]
    return render_template("achterban/list.html", page=RUNS.page(session(), request.args), actions=actions)


# --- preparing -------------------------------------------------------------------------------------------------


class PrepareForm(Form):
    on = DateField(
        lazy("Collect what falls due up to"),
        [required()],
        description=lazy("The bank collects on this day, or on the first business day after it."),
    )
    account = SelectField(lazy("On the account"), [chosen()])


def account_choices() -> list[tuple[str, str]]:
    query = select(CreditorAccount).where(CreditorAccount.is_active).order_by(CreditorAccount.name)
    return [(str(account.id), f"{account.name} ({account.iban[-8:]})") for account in session().scalars(query)]


@bp.route("/runs/new", methods=["GET", "POST"])
@needs("money.run")
def run_new() -> ResponseReturnValue:
    form = PrepareForm()
    form.account.choices = account_choices()
    if not form.account.choices:
        flash(_("There is no account to collect on yet: add one first."), "warning")
        return redirect(url_for(f"{NAME}.creditor_new"))
    if request.method == "GET":
        accounts = list(session().scalars(select(CreditorAccount).where(CreditorAccount.is_active)))
        lead = max(account.lead_days for account in accounts)
        form.on.data = calendar.add_business_days(calendar.next_business_day(clock.today()), lead)
    if form.validate_on_submit():
        with saving(form) as saved:
            account: CreditorAccount = CreditorAccount.get(saved, int(form.account.data))
            batch = CollectionBatch.prepare(
                saved, account, on=form.on.data, by=current_actor(), now=clock.now(), today=clock.today()
            )
            key = batch.id
        if not form.refusal:
            flash(_("Prepared. Look at it below; then somebody else approves it."), "success")
            return redirect(to_run(key))
    return shown(
        "form.html",
        form=form,
        title=_("Prepare a collection"),
        crumbs=crumbs(),
        button=_("Prepare"),
        back=url_for(f"{NAME}.runs"),
        lead=_("This gathers what falls due and may be collected, and shows it to you. Nothing goes to the bank yet."),
    )


# --- one run ---------------------------------------------------------------------------------------------------


@bp.get("/runs/<int:batch_id>")
@needs("money.see")
def run_page(batch_id: int) -> ResponseReturnValue:
    batch: CollectionBatch = CollectionBatch.get(session(), batch_id)
    preview = Preview.of(session(), batch) if batch.state != "cancelled" else None
    return render_template(
        "achterban/run.html",
        batch=batch,
        preview=preview,
        steps=steps(batch),
        mine=current_actor().key == batch.prepared_by,
        colleagues=colleagues(batch),
        name_of=name_of,
        due=clock.today() >= batch.collect_on,
        result=RunResult.of(session(), batch) if batch.state in ("exported", "booked") else None,
        share=share,
        latest=calendar.before(batch.collect_on, max(1, batch.account.lead_days))
        if batch.state in ("prepared", "approved")
        else None,
    )


def steps(batch: CollectionBatch) -> list[tuple[str, str]]:
    """The five steps with, for each, whether it is done, current or still to come."""
    names = [_("Prepare"), _("Check"), _("Approve"), _("File to the bank"), _("Book")]
    reached = {"prepared": 1, "approved": 3, "exported": 4, "booked": 5, "cancelled": -1}[batch.state]
    return [
        (name, "done" if index < reached else "current" if index == reached else "") for index, name in enumerate(names)
    ]


def colleagues(batch: CollectionBatch) -> list[str]:
    """Who could approve: the others whose role reaches, where sign-in is ours to know."""
    if current_actor().key != batch.prepared_by and may("money.run"):
        return []
    query = (
        select(User)
        .join(User.roles)
        .where(Role.name.in_(roles_with("money.run")), User.active)
        .order_by(User.name, User.email)
        .limit(10)
    )
    return [user.shown_name for user in session().scalars(query) if f"person:{user.email}" != batch.prepared_by]


class ApproveForm(Form):
    format = SelectField(
        lazy("Format of the file"),
        [chosen()],
        choices=[(f, f) for f in FORMATS],
        default=FORMATS[0],
        description=lazy("The first is what banks take now; the older one is for a bank that asks for it."),
    )


@bp.route("/runs/<int:batch_id>/approve", methods=["GET", "POST"])
@needs("money.run", fresh=True)
def run_approve(batch_id: int) -> ResponseReturnValue:
    """The second pair of eyes; the file is made, checked and kept, once and for ever."""
    batch: CollectionBatch = CollectionBatch.get(session(), batch_id)
    form = ApproveForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            batch.approve(saved, by=current_actor(), now=clock.now(), format=form.format.data)
        if not form.refusal:
            flash(_("Approved. The file is ready for the bank."), "success")
            return redirect(to_run(batch_id))
    if batch.prepared_by == current_actor().key:
        question, button = _("You prepared this collection yourself: somebody else has to approve it."), ""
    else:
        question, button = _("You are the second person. You approve:"), _("I approve this collection")
    return Confirmation(
        title=_("Approve collection %(number)s", number=batch.number),
        question=question,
        points=[
            _("The bank collects this on %(day)s.", day=day(batch.collect_on)),
            _("The file is made now and never changes; until it is downloaded it can be cancelled whole."),
        ],
        count=batch.count,
        total=batch.money,
        button=button,
        back=to_run(batch_id),
        leave="" if button else _("Back"),
        crumbs=crumbs(batch),
    ).show(form)


@bp.post("/runs/<int:batch_id>/file/<int:sequence>")
@needs("money.run", fresh=True)
def run_file(batch_id: int, sequence: int) -> ResponseReturnValue:
    """The stored bytes. The first download counts as at the bank, so it takes a button and not a link."""
    batch: CollectionBatch = CollectionBatch.get(session(), batch_id)
    with saving() as saved:
        files = batch.export(saved, by=current_actor(), now=clock.now())
        found = next((file for file in files if file.sequence == sequence), None)
        if found is None:
            raise NotFound("This collection has no file %(sequence)s.", sequence=sequence)
    document = found.document
    headers = {
        "Content-Disposition": f'attachment; filename="{document.filename}"',
        "Content-Length": str(document.size),
    }
    key, engine = document.id, session().get_bind()

    def content() -> Iterator[bytes]:
        with Session(engine) as own:
            kept: Document = Document.get(own, key)
            yield from kept.chunks(own)

    return Response(content(), mimetype="application/xml", headers=headers)


class SureForm(Form):
    """Only the token: the page is the question."""


@bp.route("/runs/<int:batch_id>/book", methods=["GET", "POST"])
@needs("money.run", fresh=True)
def run_book(batch_id: int) -> ResponseReturnValue:
    batch: CollectionBatch = CollectionBatch.get(session(), batch_id)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            booked = batch.book(saved, by=current_actor(), now=clock.now(), today=clock.today())
        if not form.refusal:
            flash(_("Booked %(count)s gifts on %(day)s.", count=number(booked), day=day(batch.collect_on)), "success")
            return redirect(to_run(batch_id))
    return Confirmation(
        title=_("Book collection %(number)s", number=batch.number),
        question=_("The bank has collected this. You book it as gifts:"),
        points=[
            _("Every debit becomes a gift of %(day)s.", day=day(batch.collect_on)),
            _("They are provisional for five banking days; what comes back is booked as a return."),
        ],
        count=batch.count,
        total=batch.money,
        button=_("Book it"),
        back=to_run(batch_id),
        crumbs=crumbs(batch),
    ).show(form)


class CancelForm(Form):
    reason = text(lazy("Why"), required())


@bp.route("/runs/<int:batch_id>/cancel", methods=["GET", "POST"])
@needs("money.run", fresh=True)
def run_cancel(batch_id: int) -> ResponseReturnValue:
    batch: CollectionBatch = CollectionBatch.get(session(), batch_id)
    form = CancelForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            batch.cancel(saved, form.reason.data, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Cancelled. What was in it can be collected again."), "success")
            return redirect(to_run(batch_id))
    return Confirmation(
        title=_("Cancel collection %(number)s", number=batch.number),
        question=_("Nothing of this goes to the bank:"),
        points=[_("Everything in it is let go and goes along with the next collection.")],
        count=batch.count,
        total=batch.money,
        button=_("Cancel the collection"),
        back=to_run(batch_id),
        leave=_("Back"),
        danger=True,
        crumbs=crumbs(batch),
    ).show(form)


# --- announcing ------------------------------------------------------------------------------------------------


class AnnounceForm(Form):
    before = DateField(lazy("What falls due before"), [required()])
    account = SelectField(lazy("On the account"), [chosen()])


def waiting_to_be_announced(account: CreditorAccount, before: Any = None) -> int:
    query = (
        select(func.count())
        .select_from(Commitment)
        .join(Term, (Term.commitment_id == Commitment.id) & Term.last_number.is_(None))
        .join(Mandate, Mandate.id == Commitment.mandate_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .where(*announcement.unannounced(account, before))
    )
    again = (
        select(func.count())
        .select_from(Instalment)
        .join(Commitment, Commitment.id == Instalment.commitment_id)
        .join(Mandate, Mandate.id == Commitment.mandate_id)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .where(*announcement.untold_retries(account, before))
    )
    return int(session().scalar(query) or 0) + int(session().scalar(again) or 0)


@bp.route("/runs/announce", methods=["GET", "POST"])
@needs("money.run")
def run_announce() -> ResponseReturnValue:
    """A first or changed amount is told ahead; the file is for letters and mail, and the telling is recorded."""
    form = AnnounceForm()
    form.account.choices = account_choices()
    accounts = {str(a.id): a for a in session().scalars(select(CreditorAccount).where(CreditorAccount.is_active))}
    if request.method == "GET":
        today = clock.today()
        form.before.data = today.replace(year=today.year + today.month // 12, month=today.month % 12 + 1, day=28)
    if form.validate_on_submit():
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, announcement.HEADER, delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        rows = 0
        with saving(form) as saved:
            told = announcement.announce(
                saved,
                accounts[form.account.data],
                before=form.before.data,
                by=current_actor(),
                now=clock.now(),
                on=clock.today(),
            )
            for row in told:
                writer.writerow({key: harmless(value) for key, value in row.items()})
                rows += 1
        if not form.refusal and rows:
            name = f"announcements-{clock.today().isoformat()}.csv"
            return Response(
                ["\ufeff", buffer.getvalue()],
                mimetype="text/csv",
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )
        if not rows and not form.refusal:
            flash(_("Everybody was told already: there is nothing to announce."), "info")
    waiting = sum(waiting_to_be_announced(account) for account in accounts.values())
    return shown(
        "announce.html",
        form=form,
        title=_("Announce amounts"),
        crumbs=crumbs(),
        button=_("Announce and download"),
        back=url_for(f"{NAME}.runs"),
        waiting=waiting,
        notice=max((a.notice_days for a in accounts.values()), default=14),
    )
