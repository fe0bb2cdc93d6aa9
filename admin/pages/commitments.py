"""Commitments: the list, one commitment, and the verbs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import selectinload
from wtforms import RadioField, SelectField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.kit.forms import DateField, Form, IbanField, MoneyField, chosen, required, saving, shown, text
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices, label
from admin.pages.people import find, to_supporter
from admin.pages.people_edit import crumbs
from supporters import Commitment, CreditorAccount, Fund, Mandate, Money, OnlinePayment, Payment, Supporter, Term
from supporters.errors import NotFound
from supporters.giving.commitment import END_REASONS, METHODS
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import EVIDENCE
from supporters.giving.months import INTERVALS
from supporters.giving.pause import Pause
from supporters.payments.online import failing


def to_commitment(commitment_id: int) -> str:
    return url_for(f"{NAME}.commitment_page", commitment_id=commitment_id)


def _in_state(query: Any, value: str) -> Any:
    today = clock.today()
    paused = exists().where(
        Pause.commitment_id == Commitment.id,
        Pause.from_on <= today,
        or_(Pause.until_on.is_(None), Pause.until_on > today),
    )
    going = or_(Commitment.ended_on.is_(None), Commitment.ended_on > today)
    return query.where(
        {
            "active": and_(going, ~paused, Commitment.started_on <= today),
            "paused": and_(going, paused),
            "upcoming": and_(going, ~paused, Commitment.started_on > today),
            "ended": Commitment.ended_on <= today,
        }[value]
    )


def _by_mandate(query: Any, value: str) -> Any:
    if value == "none":
        return query.where(Commitment.ended_on.is_(None), Commitment.method == "sepa", Commitment.mandate_id.is_(None))
    from admin.pages.overview import lapsing

    return query.where(Commitment.id.in_(lapsing(clock.today())))


COMMITMENTS = listing(
    endpoint="commitments",
    title=lazy("Commitments"),
    query=lambda: (
        select(Commitment, Supporter, Term)
        .join(Supporter, Supporter.id == Commitment.supporter_id)
        .join(Term, and_(Term.commitment_id == Commitment.id, Term.id == _last_term()))
    ),
    key=Commitment.id,
    permission="commitments.see",
    default_sort="started",
    amount=Term.amount,
    empty=lazy("No commitment is found with this."),
    options=(selectinload(Commitment.pauses), selectinload(Commitment.fund)),
    columns=(
        Column(
            "name",
            lazy("Supporter"),
            lambda r: r[1].name,
            link=lambda r: to_supporter(r[1].id),
            sort=Supporter.sort_name,
        ),
        Column(
            "amount",
            lazy("Amount"),
            lambda r: Money(r[2].amount, r[0].currency),
            "money",
            link=lambda r: to_commitment(r[0].id),
            sort=Term.amount,
            descending=True,
        ),
        Column("every", lazy("Interval"), lambda r: label("every", r[2].every)),
        Column("fund", lazy("Fund"), lambda r: r[0].fund.name),
        Column("method", lazy("How"), lambda r: label("method", r[0].method)),
        Column(
            "started", lazy("Since"), lambda r: r[0].started_on, "date", sort=Commitment.started_on, descending=True
        ),
        Column("ended", lazy("Until"), lambda r: r[0].ended_on, "date", on_screen=False),
        Column("reason", lazy("Reason"), lambda r: label("end_reason", r[0].end_reason), on_screen=False),
        Column("number", lazy("Number"), lambda r: r[0].number, on_screen=False),
        Column("state", lazy("State"), lambda r: badge("commitment", r[0].state(clock.today())), "badge"),
    ),
    filters=(
        Filter("state", lazy("State"), _in_state, choices=lambda: choices("commitment")),
        Filter(
            "every",
            lazy("Interval"),
            lambda q, v: q.where(Term.interval_months == INTERVALS[v]),
            choices=lambda: choices("every"),
        ),
        Filter(
            "fund", lazy("Fund"), lambda q, v: q.where(Commitment.fund_id == int(v)), choices=lambda: fund_choices()
        ),
        Filter("since", lazy("Started from"), lambda q, v: q.where(Commitment.started_on >= v), "date"),
        Filter("until", lazy("Started until"), lambda q, v: q.where(Commitment.started_on <= v), "date"),
        Filter("least", lazy("At least"), lambda q, v: q.where(Term.amount >= v), "money"),
        Filter(
            "mandate",
            lazy("Mandate"),
            _by_mandate,
            choices=lambda: [
                ("none", _("None, though it is a direct debit")),
                ("lapsing", _("Lapses within three months")),
            ],
        ),
    ),
)


def _last_term() -> Any:
    later = Term.__table__.alias("later")
    return (
        select(later.c.id)
        .where(later.c.commitment_id == Commitment.id)
        .order_by(later.c.id.desc())
        .limit(1)
        .correlate(Commitment)
        .scalar_subquery()
    )


def fund_choices(*, open_only: bool = False) -> list[tuple[str, str]]:
    query = select(Fund).order_by(Fund.name)
    if open_only:
        query = query.where(Fund.closed_on.is_(None))
    return [(str(fund.id), fund.name) for fund in session().scalars(query)]


@bp.get("/commitments")
@needs("commitments.see")
def commitments() -> ResponseReturnValue:
    return render_template("achterban/list.html", page=COMMITMENTS.page(session(), request.args))


@bp.get("/commitments/<int:commitment_id>")
@needs("commitments.see")
def commitment_page(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    instalments = list(
        session().scalars(
            select(Instalment)
            .where(Instalment.commitment_id == commitment.id)
            .order_by(Instalment.number.desc())
            .limit(60)
        )
    )
    payments: dict[int | None, Payment] = {}
    for payment in session().scalars(
        select(Payment).where(Payment.instalment_id.in_([i.id for i in instalments])).order_by(Payment.id)
    ):
        payments[payment.instalment_id] = payment
    online = commitment.method == "online"
    keys = [payment.id for payment in payments.values() if payment.gateway != "sepa"]
    steps = select(OnlinePayment).where(OnlinePayment.payment_id.in_(keys))
    return render_template(
        "achterban/commitment.html", commitment=commitment, instalments=instalments, payments=payments,
        online_by_payment={each.payment_id: each for each in session().scalars(steps)} if keys else {},
        trouble=failing.of(session(), commitment.id, clock.today()) if online else None, sendable=failing.SENDABLE,
    )  # fmt: skip


# --- a new one -------------------------------------------------------------------------------------------------


class NewForm(Form):
    amount = MoneyField(lazy("Amount"), [required()])
    every = SelectField(lazy("How often"), [chosen()], choices=choices("every"), default="month")
    start_on = DateField(lazy("First collection on"), [required()])
    fund = SelectField(lazy("For"), [chosen()], coerce=str)
    method = SelectField(lazy("How"), [chosen()], choices=choices("method", METHODS[:2]), default="sepa")
    iban = IbanField(lazy("IBAN"), description=lazy("For a direct debit: the account that the donor signed for."))
    signed_on = DateField(lazy("Mandate signed on"), [Optional()])
    evidence = SelectField(lazy("Evidence of the mandate"), choices=choices("evidence", EVIDENCE[:2]))
    source_code = text(lazy("Source"), length=40, description=lazy("What brought it: a campaign, a call, the street"))


@bp.route("/supporters/<int:supporter>/commitments/new", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_new(supporter: int) -> ResponseReturnValue:
    """A promise, with its mandate where it is a direct debit: together, or neither."""
    person = find(supporter)
    form = NewForm()
    form.fund.choices = fund_choices(open_only=True)
    if request.method == "GET":
        form.signed_on.data = clock.today()
        accounts = [account for account in person.bank_accounts if account.until_on is None]
        form.iban.data = accounts[-1].iban if accounts else ""
    if form.validate_on_submit():
        names = {
            "interval": "every",
            "mandate_signed_on": "signed_on",
            "evidence_kind": "evidence",
            "account": "method",
        }
        with saving(form, names) as saved:
            mandate = None
            if form.method.data == "sepa":
                mandate = Mandate.sign(
                    saved,
                    person,
                    form.iban.data or "",
                    creditor_identifier=CreditorAccount.only(saved).identifier,
                    signed_on=form.signed_on.data or clock.today(),
                    evidence_kind=form.evidence.data,
                    by=current_actor(),
                    now=clock.now(),
                )
            made = Commitment.start(
                saved,
                person,
                form.amount.data,
                every=form.every.data,
                start_on=form.start_on.data,
                mandate=mandate,
                fund=Fund.get(saved, int(form.fund.data)),
                method=form.method.data,
                source_code=form.source_code.data or None,
                by=current_actor(),
                now=clock.now(),
            )
            saved.flush()
            key = made.id
        if not form.refusal:
            flash(_("The commitment has started."), "success")
            return redirect(to_commitment(key))
    return shown(
        "form.html",
        form=form,
        title=_("New commitment"),
        crumbs=crumbs(person),
        button=_("Start it"),
        back=to_supporter(supporter),
        rows=[("amount", "every"), ("start_on", "fund"), ("signed_on", "evidence")],
    )


# --- the verbs -------------------------------------------------------------------------------------------------


def _act(
    commitment: Commitment,
    form: Form,
    verb: Callable[[Any], Any],
    done: str,
    fields: dict[str, str] | None = None,
    **page: Any,
) -> ResponseReturnValue:
    """Load the form, call the verb, show what came of it."""
    if form.validate_on_submit():
        with saving(form, fields) as saved:
            verb(saved)
        if not form.refusal:
            flash(done, "success")
            return redirect(to_supporter(commitment.supporter_id))
    person = commitment.supporter
    trail = [*crumbs(person), (_title(commitment), to_commitment(commitment.id))]
    return shown("form.html", form=form, crumbs=trail, back=to_supporter(person.id), **page)


def _title(commitment: Commitment) -> str:
    return f"{money(commitment.money)} {label('every', commitment.term.every)}"


class ChangeForm(Form):
    amount = MoneyField(lazy("Amount"), [required()])
    every = SelectField(lazy("How often"), [chosen()], choices=choices("every"))
    reason = text(lazy("Why"), required(), description=lazy("In a few words, such as: asked for it by telephone"))


@bp.route("/commitments/<int:commitment_id>/change", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_change(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    form = ChangeForm(data={"amount": commitment.money, "every": commitment.term.every})
    return _act(
        commitment,
        form,
        lambda saved: commitment.change(
            saved, form.amount.data, every=form.every.data, reason=form.reason.data, by=current_actor(), now=clock.now()
        ),
        _("Changed, from the first instalment that no collection has taken yet."),
        {"interval": "every"},
        title=_("Change a commitment"),
        button=_("Save"),
        rows=[("amount", "every")],
        lead=_("Now %(what)s. The days on which it falls due stay the same.", what=_title(commitment)),
    )


class PauseForm(Form):
    from_on = DateField(lazy("With effect from"), [required()])
    until_on = DateField(
        lazy("Until"),
        [Optional()],
        description=lazy("The first day on which it goes on. Leave it empty where it is not known yet."),
    )
    reason = text(lazy("Why"))


@bp.route("/commitments/<int:commitment_id>/pause", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_pause(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    form = PauseForm(data={"from_on": clock.today()})
    return _act(
        commitment,
        form,
        lambda saved: commitment.pause(
            saved,
            from_on=form.from_on.data,
            until_on=form.until_on.data,
            reason=form.reason.data or "",
            by=current_actor(),
            now=clock.now(),
        ),
        _("Paused. What falls due in the pause is not collected, and not owed either."),
        title=_("Pause a commitment"),
        button=_("Pause it"),
        rows=[("from_on", "until_on")],
        lead=_("%(what)s: what falls due in the pause is never owed.", what=_title(commitment)),
    )


class ResumeForm(Form):
    on = DateField(lazy("With effect from"), [required()])


@bp.route("/commitments/<int:commitment_id>/resume", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_resume(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    form = ResumeForm(data={"on": clock.today()})
    return _act(
        commitment,
        form,
        lambda saved: commitment.resume(saved, on=form.on.data, by=current_actor(), now=clock.now()),
        _("It goes on. Nothing is collected for the time of the pause."),
        title=_("Resume a commitment"),
        button=_("Resume it"),
        lead=_(
            "%(what)s goes on on its own days; nothing is collected for the time of the pause.", what=_title(commitment)
        ),
    )


class SkipForm(Form):
    pass


@bp.route("/commitments/<int:commitment_id>/skip", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_skip(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    form = SkipForm()
    waiting = session().scalar(
        select(Instalment.due_on)
        .where(Instalment.commitment_id == commitment.id, Instalment.status == "due")
        .order_by(Instalment.number)
    )
    when = waiting or commitment.next_due_on
    return _act(
        commitment,
        form,
        lambda saved: commitment.skip(saved, by=current_actor(), now=clock.now()),
        _("Skipped: it is not collected and not owed."),
        title=_("Skip one instalment"),
        button=_("Skip it"),
        lead=_(
            "%(what)s: the instalment of %(day)s is left out, once. It is never owed.",
            what=_title(commitment),
            day=day(when),
        ),
    )


class StopForm(Form):
    reason = RadioField(
        lazy("Why"), [chosen()], choices=choices("end_reason", [r for r in END_REASONS if r != "deceased"])
    )
    on = DateField(lazy("With effect from"), [required()])


@bp.route("/commitments/<int:commitment_id>/stop", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_stop(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    form = StopForm(data={"on": clock.today()})
    return _act(
        commitment,
        form,
        lambda saved: commitment.stop(saved, form.reason.data, on=form.on.data, by=current_actor(), now=clock.now()),
        _("Stopped."),
        title=_("Stop a commitment"),
        button=_("Stop it"),
        danger=True,
        lead=_(
            "%(what)s ends. What is at the bank already can be refunded once it is collected.", what=_title(commitment)
        ),
    )


class RestartForm(Form):
    start_on = DateField(lazy("First collection on"), [required()])
    iban = IbanField(lazy("IBAN"), [required()])
    signed_on = DateField(lazy("Mandate signed on"), [required()])
    evidence = SelectField(lazy("Evidence of the mandate"), choices=choices("evidence", EVIDENCE[:2]))


@bp.route("/commitments/<int:commitment_id>/restart", methods=["GET", "POST"])
@needs("commitments.edit")
def commitment_restart(commitment_id: int) -> ResponseReturnValue:
    """A new commitment like the ended one, on a new mandate."""
    commitment: Commitment = Commitment.get(session(), commitment_id)
    if commitment.method != "sepa":
        raise NotFound("Only a direct debit is restarted here; start a new commitment instead.")
    form = RestartForm(data={"signed_on": clock.today()})

    def restart(saved: Any) -> None:
        mandate = Mandate.sign(
            saved,
            commitment.supporter,
            form.iban.data,
            creditor_identifier=CreditorAccount.only(saved).identifier,
            signed_on=form.signed_on.data,
            evidence_kind=form.evidence.data,
            by=current_actor(),
            now=clock.now(),
        )
        commitment.restart(saved, mandate, start_on=form.start_on.data, by=current_actor(), now=clock.now())

    return _act(
        commitment,
        form,
        restart,
        _("A new commitment has started."),
        {"mandate_signed_on": "signed_on"},
        title=_("Restart a commitment"),
        button=_("Start it"),
        rows=[("signed_on", "evidence")],
        lead=_("%(what)s starts anew, with a new mandate.", what=_title(commitment)),
    )


@bp.post("/commitments/<int:commitment_id>/ask-again/<int:number>")
@needs("commitments.edit")
def commitment_ask_again(commitment_id: int, number: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    with saving() as saved:
        commitment.ask_again(saved, number, by=current_actor(), now=clock.now())
    flash(_("It goes along with the next collection."), "success")
    return redirect(to_commitment(commitment_id))
