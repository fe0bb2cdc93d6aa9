"""Gifts: the ledger, one gift, booking, thanking, and what goes back."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, selectinload
from wtforms import BooleanField, HiddenField, RadioField, SelectField

from admin import clock
from admin.access import current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money, ngettext
from admin.i18n import gettext as _
from admin.kit.confirm import Confirmation
from admin.kit.forms import DateField, Form, MoneyField, chosen, required, saving, shown, text
from admin.kit.lists import Column, Filter, listing
from admin.labels import choices, label
from admin.pages.commitments import fund_choices
from admin.pages.people import find, to_supporter
from admin.pages.people_edit import crumbs
from supporters import Designation, Fund, Gift, Money, OnlinePayment, Payment, Refund, Returned, Reversal, Supporter
from supporters.errors import BadInput
from supporters.giving.gift import KINDS, REVERSALS
from supporters.payments.bank.line import BankAllocation
from supporters.payments.online.refund import reversible_until

#: Thanked at once is fine for a hundred letters; more is a mailing, and has its own proof.
THANK_AT_ONCE = 500


def to_gift(gift_id: int) -> str:
    return url_for(f"{NAME}.gift_page", gift_id=gift_id)


def to_thank() -> tuple[ColumnElement[bool], ...]:
    """Gifts somebody should be thanked for: not those of a commitment, not what went back whole."""
    back = select(func.sum(Reversal.amount)).where(Reversal.gift_id == Gift.id).correlate(Gift).scalar_subquery()
    return (Gift.thanked_at.is_(None), Gift.commitment_id.is_(None), func.coalesce(back, 0) < Gift.amount)


def _badge(row: Any) -> tuple[str, str] | None:
    gift = row[0]
    if gift.reversals:
        whole = gift.net.amount == 0
        return (_("Went back"), "bad") if whole else (_("Partly went back"), "warn")
    if gift.thanked_at:
        return (_("Thanked"), "good")
    return None


def _went_back(query: Any, value: str) -> Any:
    back = exists().where(Reversal.gift_id == Gift.id)
    return query.where(back if value == "yes" else ~back)


GIFTS = listing(
    endpoint="gifts",
    title=lazy("Gifts"),
    query=lambda: select(Gift, Supporter).join(Supporter, Supporter.id == Gift.supporter_id),
    key=Gift.id,
    permission="gifts.see",
    default_sort="received",
    amount=Gift.amount,
    empty=lazy("No gift is found with this."),
    options=(selectinload(Gift.reversals), selectinload(Gift.designations).joinedload(Designation.fund)),
    columns=(
        Column(
            "received",
            lazy("Received"),
            lambda r: r[0].received_on,
            "date",
            link=lambda r: to_gift(r[0].id),
            sort=Gift.received_on,
            descending=True,
        ),
        Column("name", lazy("Supporter"), lambda r: r[1].name, link=lambda r: to_supporter(r[1].id)),
        Column("number", lazy("Number"), lambda r: r[1].number, on_screen=False),
        Column("amount", lazy("Amount"), lambda r: r[0].money, "money", sort=Gift.amount, descending=True),
        Column("back", lazy("Went back"), lambda r: r[0].reversed, "money", on_screen=False),
        Column("kind", lazy("Kind"), lambda r: label("gift", r[0].kind)),
        Column("fund", lazy("Fund"), lambda r: ", ".join(dict.fromkeys(d.fund.name for d in r[0].designations))),
        Column("source", lazy("Source"), lambda r: r[0].source_code, on_screen=False),
        Column("description", lazy("Description"), lambda r: r[0].description, on_screen=False),
        Column("state", lazy("State"), _badge, "badge"),
    ),
    filters=(
        Filter("from", lazy("From"), lambda q, v: q.where(Gift.received_on >= v), "date"),
        Filter("until", lazy("Until"), lambda q, v: q.where(Gift.received_on <= v), "date"),
        Filter("kind", lazy("Kind"), lambda q, v: q.where(Gift.kind == v), choices=lambda: choices("gift", KINDS)),
        Filter(
            "fund",
            lazy("Fund"),
            lambda q, v: q.where(exists().where(Designation.gift_id == Gift.id, Designation.fund_id == int(v))),
            choices=fund_choices,
        ),
        Filter("least", lazy("At least"), lambda q, v: q.where(Gift.amount >= v), "money"),
        Filter("back", lazy("Went back"), _went_back, choices=lambda: [("yes", _("Yes")), ("no", _("No"))]),
        Filter(
            "thank",
            lazy("Thanked"),
            lambda q, v: q.where(*to_thank()) if v == "todo" else q.where(Gift.thanked_at.is_not(None)),
            choices=lambda: [("todo", _("Still to thank")), ("done", _("Thanked"))],
        ),
    ),
)


@bp.get("/gifts")
@needs("gifts.see")
def gifts() -> ResponseReturnValue:
    page = GIFTS.page(session(), request.args)
    actions = []
    if may("gifts.thank") and page.args.get("thank") == "todo" and 0 < page.count <= THANK_AT_ONCE:
        actions = [(_("All of these were thanked"), url_for(f"{NAME}.gifts_thank", **page.args))]
    note = None if may("gifts.book") is False else _("To book a gift, open the supporter who gave it.")
    return render_template("achterban/list.html", page=page, actions=actions, lead=note)


@bp.get("/gifts/<int:gift_id>")
@needs("gifts.see")
def gift_page(gift_id: int) -> ResponseReturnValue:
    gift: Gift = Gift.get(session(), gift_id)
    payment = session().scalar(select(Payment).where(Payment.gift_id == gift.id))
    told = select(BankAllocation.line_id).where(BankAllocation.gift_id == gift.id, BankAllocation.undone_at.is_(None))
    online, refunds, until, can_refund = online_part(payment) if payment is not None else (None, [], None, False)
    return render_template(
        "achterban/gift.html", gift=gift, bank_line=session().scalar(told), payment=payment, online=online,
        refunds=refunds, until=until, can_refund=can_refund, thanks=_thanks(gift),
    )  # fmt: skip


def _thanks(gift: Gift) -> Any:
    """What it is thanks to, for who may see it."""
    from admin.pages.gift_credit import Thanks

    return Thanks.of(gift) if may("crowdfunding.see") else None


def online_part(payment: Payment) -> tuple[OnlinePayment | None, list[Any], date | None, bool]:
    """What a gateway knows of it, its refunds, until when the donor can take it back, and whether we can give some."""
    online = session().scalar(select(OnlinePayment).where(OnlinePayment.payment_id == payment.id))
    if online is None or payment.gift is None:
        return None, [], None, False
    from admin.pages.online_payments import refunds_of

    until = reversible_until(online, payment.gift.received_on)
    return online, refunds_of(payment.id), until, Refund.left(session(), payment).amount > 0


# --- booking ---------------------------------------------------------------------------------------------------


class GiftForm(Form):
    amount = MoneyField(lazy("Amount"), [required()])
    received_on = DateField(lazy("Received on"), [required()])
    fund = SelectField(lazy("For"), [chosen()])
    kind = SelectField(lazy("Kind"), [chosen()], choices=choices("gift", KINDS), default="gift")
    source_code = text(lazy("Source"), length=40, description=lazy("What brought it: a campaign, a call, the street"))
    description = text(lazy("Description"), length=500)
    key = HiddenField()


@bp.route("/supporters/<int:supporter>/gifts/new", methods=["GET", "POST"])
@needs("gifts.book")
def gift_new(supporter: int) -> ResponseReturnValue:
    """Sent twice it is booked once: the page carries the key of its booking."""
    person = find(supporter)
    form = GiftForm()
    form.fund.choices = fund_choices(open_only=True)
    if request.method == "GET":
        form.received_on.data, form.key.data = clock.today(), uuid4().hex
        form.kind.data = person.income_kind
    if form.validate_on_submit():
        with saving(form) as saved:
            gift = Gift.book(
                saved,
                person,
                form.amount.data,
                received_on=form.received_on.data,
                kind=form.kind.data,
                fund=Fund.get(saved, int(form.fund.data)),
                booking_key=f"form:{(form.key.data or uuid4().hex)[:64]}",
                source_code=form.source_code.data or None,
                description=form.description.data or "",
                by=current_actor(),
                now=clock.now(),
            )
            saved.flush()
            key = gift.id
        if not form.refusal:
            flash(_("Booked."), "success")
            return redirect(to_gift(key))
    return shown(
        "form.html",
        form=form,
        title=_("Book a gift"),
        crumbs=crumbs(person),
        button=_("Book it"),
        back=to_supporter(supporter),
        rows=[("amount", "received_on"), ("fund", "kind")],
    )


# --- thanking --------------------------------------------------------------------------------------------------


@bp.post("/gifts/<int:gift_id>/thank")
@needs("gifts.thank")
def gift_thank(gift_id: int) -> ResponseReturnValue:
    gift: Gift = Gift.get(session(), gift_id)
    with saving() as saved:
        gift.thank(saved, by=current_actor(), now=clock.now())
    flash(_("Noted that the giver was thanked."), "success")
    return redirect(to_gift(gift_id))


class ThankForm(Form):
    sure = BooleanField(lazy("The letters or messages have gone out"), [chosen()])


@bp.route("/gifts/thank", methods=["GET", "POST"])
@needs("gifts.thank")
def gifts_thank() -> ResponseReturnValue:
    """Everybody on the filtered list was thanked; the count is said first."""
    args = request.args.to_dict()
    if args.get("thank") != "todo":
        abort(404)
    query = GIFTS.filtered(args)
    count, total = GIFTS.measure(session(), query)
    form = ThankForm()
    if form.validate_on_submit() and count <= THANK_AT_ONCE:
        with saving(form) as saved:
            thanked = [row[0] for row in saved.execute(query)]
            for gift in thanked:
                gift.thank(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(ngettext("%(num)s gift was thanked for.", "%(num)s gifts were thanked for.", len(thanked)), "success")
            return redirect(url_for(f"{NAME}.gifts"))
    return Confirmation(
        title=_("Thanked"),
        question=_("These gifts will be noted as thanked for:"),
        button=_("Note it"),
        count=count,
        total=Money(total or 0),
        back=url_for(f"{NAME}.gifts", **args),
        crumbs=[(_("Gifts"), url_for(f"{NAME}.gifts"))],
    ).show(form)


# --- going back ------------------------------------------------------------------------------------------------


class ReverseForm(Form):
    amount = MoneyField(lazy("How much goes back"), [required()])
    kind = RadioField(lazy("What happened"), [chosen()], choices=choices("reversal", REVERSALS[:-1]), default="refund")
    on = DateField(lazy("On"), [required()])
    reason_code = text(
        lazy("Reason code"), length=40, description=lazy("As the bank gives it, such as MD06; only where it came back.")
    )
    description = text(lazy("Why"), required(), length=500)
    knows = BooleanField(lazy("I know that the donor can still take it back too, and then gets it twice"))


@bp.route("/gifts/<int:gift_id>/reverse", methods=["GET", "POST"])
@needs("gifts.reverse", fresh=True)
def gift_reverse(gift_id: int) -> ResponseReturnValue:
    """Posted money is never edited: what goes back is a line of its own, on its own date."""
    gift: Gift = Gift.get(session(), gift_id)
    payment = session().scalar(select(Payment).where(Payment.gift_id == gift.id))
    form = ReverseForm(data={"amount": gift.net, "on": clock.today(), "kind": "refund"})
    through_a_gateway = payment is not None and payment.gateway != "sepa"
    if payment is None or through_a_gateway:
        del form.reason_code
    until = payment.refundable_until if payment is not None and not through_a_gateway else None
    risky = until is not None and until >= clock.today() and bool(gift.net)
    if not risky:
        del form.knows
    if through_a_gateway:  # What the donor takes back, the gateway tells us; by hand it would be booked twice.
        form.kind.choices = choices("reversal", ["refund"])
    if gift.booking_key.startswith("bank:"):  # Taking back its line corrects it, and says what the line is then.
        form.kind.choices = choices("reversal", [kind for kind in REVERSALS[:-1] if kind != "correction"])
    if form.validate_on_submit():
        with saving(form, {"reversed_on": "on"}) as saved:
            if payment is not None and form.kind.data in ("return", "chargeback"):
                _came_back(saved, payment, form)
            else:
                if risky and form.kind.data == "refund" and not form.knows.data:
                    raise BadInput("Say that you know it, or wait until that day has passed.", field="knows")
                gift.reverse(
                    saved,
                    form.amount.data,
                    on=form.on.data,
                    kind=form.kind.data,
                    description=form.description.data,
                    by=current_actor(),
                    now=clock.now(),
                )
        if not form.refusal:
            flash(_("Booked as gone back."), "success")
            return redirect(to_gift(gift_id))
    trail = [
        (_("Gifts"), url_for(f"{NAME}.gifts")),
        (f"{money(gift.money)}, {day(gift.received_on)}", to_gift(gift_id)),
    ]
    points = [_("The gift itself stays in the books; a line is added on the date below.")]
    if through_a_gateway:
        points = [
            _("Only for money that you gave back in another way, such as a bank transfer."),
            _("To give it back through the gateway, use “Give money back” on the page of the gift instead."),
            *points,
        ]
    elif payment is not None:
        points.append(
            _("What the bank or the donor took back of a direct debit is not collected again unless somebody asks.")
        )
    points.append(_("This does not move money by itself: make a refund by us at the bank."))
    if risky and until is not None:
        points.insert(
            0,
            _(
                "Careful: until %(day)s the donor can also take this back at their own bank. If both happen, we lose"
                " the money twice. Ask them not to, or wait.",
                day=day(until),
            ),
        )
    return Confirmation(
        title=_("Money goes back"),
        question=_("Of the gift of %(name)s on %(day)s:", name=gift.supporter.name, day=day(gift.received_on)),
        points=points,
        total=gift.net,
        button=_("Book it"),
        back=to_gift(gift_id),
        danger=True,
        crumbs=trail,
    ).show(form)


def _came_back(saved: Session, payment: Payment, form: ReverseForm) -> None:
    """The payment and its instalment hear of it too; a bank gives a debit back whole."""
    assert payment.gift is not None
    if form.amount.data != payment.gift.net:
        raise BadInput("A debit comes back whole: %(money)s.", field="amount", money=str(payment.gift.net))
    Returned.record(
        saved,
        payment,
        form.reason_code.data or "",
        told=form.description.data[:255],
        told_on=form.on.data,
        collected=True,
        kind=form.kind.data,
        by=current_actor(),
        now=clock.now(),
    )


class ReallocateForm(Form):
    amount = MoneyField(lazy("How much"), [required()])
    source = SelectField(lazy("From fund"), [chosen()])
    target = SelectField(lazy("To fund"), [chosen()])


@bp.route("/gifts/<int:gift_id>/reallocate", methods=["GET", "POST"])
@needs("gifts.reverse")
def gift_reallocate(gift_id: int) -> ResponseReturnValue:
    gift: Gift = Gift.get(session(), gift_id)
    shares: dict[int, int] = {}
    for part in gift.designations:
        shares[part.fund_id] = shares.get(part.fund_id, 0) + part.amount
    form = ReallocateForm(data={"amount": gift.money})
    names = dict(fund_choices())
    form.source.choices = [
        (str(key), f"{names[str(key)]} ({money(amount)})") for key, amount in shares.items() if amount > 0
    ]
    form.target.choices = fund_choices(open_only=True)
    if form.validate_on_submit():
        with saving(form) as saved:
            source, target = Fund.get(saved, int(form.source.data)), Fund.get(saved, int(form.target.data))
            gift.reallocate(saved, form.amount.data, source=source, target=target, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Moved."), "success")
            return redirect(to_gift(gift_id))
    trail = [
        (_("Gifts"), url_for(f"{NAME}.gifts")),
        (f"{money(gift.money)}, {day(gift.received_on)}", to_gift(gift_id)),
    ]
    return shown(
        "form.html",
        form=form,
        title=_("Move to another fund"),
        crumbs=trail,
        button=_("Move it"),
        back=to_gift(gift_id),
        rows=[("source", "target")],
    )
