"""Giving money back through the gateway it came by: asking, and above a limit a second person's yes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import HiddenField

from admin import clock, payment_story
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money
from admin.i18n import gettext as _
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, MoneyField, required, saving, text
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices
from admin.pages.online_payment_acts import crumbs
from admin.pages.online_payments import find, to_payment
from admin.pages.people import to_supporter
from admin.pages.runs import name_of
from supporters import Money, Payment, Refund, Supporter
from supporters.errors import Refused
from supporters.payments.online import deciding


def limit(currency: str) -> Money:
    """Up to which one person gives back alone."""
    return Money(current_app.extensions["supporters"].settings.refund_limit, currency)


def to_refund(refund: Refund) -> str:
    """Where one can do something about it, else the payment it is of."""
    if refund.state == "waiting":
        return url_for(f"{NAME}.refund_approve", refund_id=refund.id)
    return to_payment(refund.payment_id)


REFUNDS = listing(
    endpoint="refunds",
    title=lazy("Refunds"),
    query=lambda: (
        select(Refund, Payment, Supporter)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Supporter, Supporter.id == Payment.supporter_id)
    ),
    key=Refund.id,
    permission="money.see",
    default_sort="requested",
    amount=Refund.amount,
    empty=lazy("No refund waits for a second person."),
    columns=(
        Column("payment", lazy("Payment"), lambda r: payment_story.number(r[1].id), link=lambda r: to_payment(r[1].id)),
        Column("name", lazy("Supporter"), lambda r: r[2].name, link=lambda r: to_supporter(r[2].id)),
        Column("amount", lazy("Amount"), lambda r: r[0].money, "money"),
        Column("why", lazy("Why"), lambda r: r[0].why),
        Column("requested", lazy("Asked for"), lambda r: r[0].requested_at, "moment", sort=Refund.id, descending=True),
        Column("by", lazy("Asked by"), lambda r: name_of(r[0].requested_by)),
        Column("approved", lazy("Approved by"), lambda r: name_of(r[0].approved_by), on_screen=False),
        Column("failure", lazy("Why it did not arrive"), lambda r: r[0].failure, on_screen=False),
        Column("state", lazy("State"), lambda r: badge("refund", r[0].state), "badge"),
        Column(
            "act",
            lazy("What you can do"),
            lambda r: _("Look and approve") if r[0].state == "waiting" else "",
            link=lambda r: to_refund(r[0]),
            in_file=False,
        ),
    ),
    filters=(
        Filter(
            "state",
            lazy("State"),
            lambda q, v: q if v == "all" else q.where(Refund.state == v),
            choices=lambda: [("all", _("Whatever state")), *choices("refund")],
            default="waiting",
        ),
    ),
)


@bp.get("/refunds")
@needs("money.see")
def refunds() -> ResponseReturnValue:
    lead = _("To give money back, open the gift or the online payment. Here is what waits for a second person.")
    return render_template("achterban/list.html", page=REFUNDS.page(session(), request.args), lead=lead)


# --- asking ----------------------------------------------------------------------------------------------------


def _form(currency: str) -> type[Form]:
    class RefundForm(Form):
        amount = MoneyField(lazy("How much goes back"), [required()], currency=currency)
        why = text(lazy("Why"), required(), description=lazy("For your colleagues; the donor does not get to read it."))
        key = HiddenField()

    return RefundForm


def _key(given: str | None) -> str:
    """The form's, so that sent twice it is one refund; what somebody made up is not taken."""
    try:
        return str(UUID(given or ""))
    except ValueError:
        return str(uuid4())


@bp.route("/online-payments/<int:payment_id>/refund", methods=["GET", "POST"])
@needs("money.refund", fresh=True)
def refund_new(payment_id: int) -> ResponseReturnValue:
    online = find(payment_id)
    payment = online.payment
    if payment.gift is None:
        raise Refused("Payment %(reference)s brought no money that could go back.", reference=payment.reference)
    left, alone = Refund.left(session(), payment), limit(payment.currency)
    if not left and request.method == "GET":
        flash(_("Nothing of this payment can go back any more: it went back, or is on its way."), "info")
        return redirect(to_payment(payment_id))
    second = online.duplicate_of_id is not None and request.args.get("why") == "second"
    given: dict[str, Any] = {"amount": left, "key": str(uuid4()), "why": _("Paid twice by mistake") if second else ""}
    form: Any = _form(payment.currency)(data=given)
    if form.validate_on_submit():
        with saving(form) as saved:
            refund = deciding.give_back(
                saved,
                online,
                form.amount.data,
                why=form.why.data,
                limit=alone,
                by=current_actor(),
                now=clock.now(),
                key=_key(form.key.data),
            )
            waits = refund.state == "waiting"
        if not form.refusal:
            if waits:
                flash(_("Asked for. It goes when a second person has approved it."), "success")
            else:
                flash(_("It is on its way: sent to the gateway within a minute."), "success")
            return redirect(to_payment(payment_id))
    return Confirmation(
        title=_("Give money back"),
        question=_(
            "Of the payment of %(name)s of %(day)s, at most this can go back:",
            name=payment.payer.name,
            day=day(payment.gift.received_on),
        ),
        points=payment_story.warnings_before_refund(online, alone=alone),
        total=left,
        button=_("Give it back"),
        back=to_payment(payment_id),
        danger=True,
        crumbs=crumbs(online),
    ).show(form)


# --- the second person -----------------------------------------------------------------------------------------


class SureForm(Form):
    """Only the token: the page is the question."""


def _waiting(refund_id: int) -> tuple[Refund, list[str]]:
    refund: Refund = Refund.get(session(), refund_id)
    points = [
        _("Why: %(why)s", why=refund.why),
        _("%(name)s asked for it on %(day)s.", name=name_of(refund.requested_by), day=day(refund.requested_at)),
    ]
    return refund, points


@bp.route("/refunds/<int:refund_id>/approve", methods=["GET", "POST"])
@needs("money.approve", fresh=True)
def refund_approve(refund_id: int) -> ResponseReturnValue:
    refund, points = _waiting(refund_id)
    online = find(refund.payment_id)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            refund.approve(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Approved. It is sent to the gateway within a minute."), "success")
            return redirect(to_payment(refund.payment_id))
    if refund.requested_by == current_actor().key:
        question, button = _("You asked for this yourself: somebody else has to approve it."), ""
    else:
        question = _(
            "You are the second person. You give back, of %(whole)s of %(name)s:",
            whole=money(refund.payment.money),
            name=refund.payment.payer.name,
        )
        button = _("I approve this refund")
    return Confirmation(
        title=_("Approve a refund"),
        question=question,
        points=[*points, *payment_story.warnings_before_refund(online, alone=limit(refund.currency))[:-1]],
        total=refund.money,
        button=button,
        back=to_payment(refund.payment_id),
        leave="" if button else _("Back"),
        crumbs=[*crumbs(online), (_("Refunds"), url_for(f"{NAME}.refunds"))],
    ).show(form)


@bp.route("/refunds/<int:refund_id>/cancel", methods=["GET", "POST"])
@needs("money.approve", fresh=True)
def refund_cancel(refund_id: int) -> ResponseReturnValue:
    """Whoever asked for it may also take it back; only before it was sent."""
    refund, points = _waiting(refund_id)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            refund.cancel(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Cancelled: nothing goes back."), "success")
            return redirect(to_payment(refund.payment_id))
    return Confirmation(
        title=_("Cancel a refund"),
        question=_("This does not go back to %(name)s:", name=refund.payment.payer.name),
        points=points,
        total=refund.money,
        button=_("Cancel the refund"),
        back=to_payment(refund.payment_id),
        leave=_("Back"),
        danger=True,
        crumbs=[*crumbs(find(refund.payment_id)), (_("Refunds"), url_for(f"{NAME}.refunds"))],
    ).show(form)
