"""Online payments: the list, and one payment with all that we know of it and how we know it."""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import String, and_, cast, exists, literal, or_, select
from sqlalchemy.orm import contains_eager, undefer

from admin import payment_story
from admin.access import may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.lists import Column, Filter, listing
from admin.kit.remembered import remembered
from admin.labels import badge, choices, label
from admin.pages.people import to_supporter
from supporters import GatewayCall, Money, Notification, OnlinePayment, Payment, PaymentFact, Refund, Supporter, Task
from supporters.errors import NotFound
from supporters.people import search as people_search

#: So much of a raw notification is shown; it is a vendor's text, or a stranger's.
SHOWN_OF_A_BODY = 4000
NEWS_SHOWN, CALLS_SHOWN = 20, 50


def to_payment(payment_id: int) -> str:
    return url_for(f"{NAME}.online_payment", payment_id=payment_id)


def find(payment_id: int) -> OnlinePayment:
    found = session().scalar(select(OnlinePayment).where(OnlinePayment.payment_id == payment_id))
    if found is None:
        raise NotFound("There is no online payment %(number)s.", number=payment_story.number(payment_id))
    return found


# --- the list --------------------------------------------------------------------------------------------------

_OPEN_SECOND = exists().where(
    Task.key == literal("second:") + cast(OnlinePayment.payment_id, String), Task.done_at.is_(None)
)
_LOOKS = {
    "parked": OnlinePayment.step == "parked",
    "unknown": and_(OnlinePayment.step == "unknown", OnlinePayment.next_sync_at.is_(None)),
    "second": and_(OnlinePayment.duplicate_of_id.is_not(None), _OPEN_SECOND),
}
NEEDS_A_LOOK = or_(*_LOOKS.values())


def account_choices() -> list[tuple[str, str]]:
    """The accounts of the settings, and those that payments were made on before."""
    seen = remembered(
        "online accounts", lambda: list(session().scalars(select(OnlinePayment.account).distinct())), seconds=600
    )
    return [(name, name) for name in dict.fromkeys([*current_app.extensions["supporters"].accounts, *seen])]


def _found(query: Any, words: str) -> Any:
    """By our number or reference, by one of the vendor's names, or by who it is from."""
    if number := re.fullmatch(r"[Pp]0*(\d{1,15})", words):
        return query.where(OnlinePayment.payment_id == int(number[1]))
    named = or_(
        Payment.reference == words,
        OnlinePayment.external_id == words,
        OnlinePayment.transaction_id == words,
        exists().where(PaymentFact.payment_id == OnlinePayment.payment_id, PaymentFact.external_id == words),
    )
    people = people_search.matching(words)
    return query.where(or_(named, Payment.supporter_id.in_(people)) if people is not None else named)


def _looked_for(query: Any, value: str) -> Any:
    if value == "any":
        return query.where(NEEDS_A_LOOK)
    return query.where(_LOOKS.get(value, OnlinePayment.step == "failed"))


PAYMENTS = listing(
    endpoint="online_payments",
    title=lazy("Online payments"),
    query=lambda: (
        select(OnlinePayment, Payment, Supporter)
        .join(Payment, Payment.id == OnlinePayment.payment_id)
        .outerjoin(Supporter, Supporter.id == Payment.supporter_id)
    ),
    key=OnlinePayment.id,
    permission="money.see",
    default_sort="made",
    amount=Payment.amount,
    empty=lazy("No online payment is found with this."),
    options=(contains_eager(OnlinePayment.payment),),
    columns=(
        Column("number", lazy("Number"), lambda r: payment_story.number(r[1].id), link=lambda r: to_payment(r[1].id)),
        Column("made", lazy("Asked for"), lambda r: r[1].created_at, "moment", sort=OnlinePayment.id, descending=True),
        Column(
            "name",
            lazy("Supporter"),
            lambda r: r[2].name if r[2] is not None else _("not known yet"),
            link=lambda r: to_supporter(r[2].id) if r[2] is not None else None,
        ),
        Column("amount", lazy("Amount"), lambda r: r[1].money, "money"),
        Column("purpose", lazy("What for"), lambda r: label("online_purpose", r[0].purpose)),
        Column("method", lazy("How"), lambda r: label("online_method", r[0].method)),
        Column("account", lazy("Account"), lambda r: r[0].account),
        Column("reference", lazy("Reference"), lambda r: r[1].reference, on_screen=False),
        Column("external_id", lazy("Name at the gateway"), lambda r: r[0].external_id, on_screen=False),
        Column("failure", lazy("Why it failed"), lambda r: label("failure_code", r[0].failure_code), on_screen=False),
        Column(
            "fee",
            lazy("Costs"),
            lambda r: Money(r[0].fee, r[1].currency) if r[0].fee is not None else None,
            "money",
            on_screen=False,
        ),
        Column("step", lazy("State"), lambda r: badge("online_step", r[0].step), "badge"),
    ),
    filters=(
        Filter("q", lazy("Number, reference, name at the gateway or supporter"), _found, "text"),
        Filter(
            "step",
            lazy("State"),
            lambda q, v: q.where(OnlinePayment.step == v),
            choices=lambda: choices("online_step"),
        ),
        Filter(
            "look",
            lazy("Needs a look"),
            _looked_for,
            choices=lambda: [
                ("any", _("All that need a look")),
                ("parked", _("Does not fit")),
                ("unknown", _("Not known")),
                ("second", _("Second payment")),
                ("failed", _("Failed")),
            ],
        ),
        Filter(
            "purpose",
            lazy("What for"),
            lambda q, v: q.where(OnlinePayment.purpose == v),
            choices=lambda: choices("online_purpose"),
        ),
        Filter("account", lazy("Account"), lambda q, v: q.where(OnlinePayment.account == v), choices=account_choices),
        Filter("from", lazy("From"), lambda q, v: q.where(Payment.collect_on >= v), "date"),
        Filter("until", lazy("Until"), lambda q, v: q.where(Payment.collect_on <= v), "date"),
    ),
)


@bp.get("/online-payments")
@needs("money.see")
def online_payments() -> ResponseReturnValue:
    page = PAYMENTS.page(session(), request.args)
    actions = [(_("How the mails look"), url_for(f"{NAME}.payment_mails"))]
    return render_template("achterban/list.html", page=page, actions=actions)


# --- one payment -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RawNews:
    """A notification as it is shown: no more of its body than fits, and nothing in it that can fool an eye."""

    id: int
    received_at: datetime
    state: str
    kind: str
    times: int
    note: str
    size: int
    body: str


@bp.get("/online-payments/<int:payment_id>")
@needs("money.see")
def online_payment(payment_id: int) -> ResponseReturnValue:
    online = find(payment_id)
    payment = online.payment
    left = payment.gift.net if payment.gift is not None else None
    facts = session().scalars(
        select(PaymentFact)
        .where(PaymentFact.payment_id == payment_id)
        .order_by(PaymentFact.happened_at, PaymentFact.id)
    )
    calls = session().scalars(
        select(GatewayCall)
        .where(GatewayCall.payment_id == payment_id)
        .order_by(GatewayCall.id.desc())
        .limit(CALLS_SHOWN)
    )
    return render_template(
        "achterban/online_payment.html",
        online=online,
        payment=payment,
        number=payment_story.number(payment_id),
        story=payment_story.story(online, left),
        left=left,
        fee=Money(online.fee, payment.currency) if online.fee is not None else None,
        facts=list(facts),
        refunds=refunds_of(payment_id),
        can_refund=left is not None and bool(left) and Refund.left(session(), payment).amount > 0,
        is_for_a_person=online.is_for_a_person,
        calls=list(calls),
        answered=payment_story.answered,
        news=raw_news(online),
        others=others_of(online),
    )


def refunds_of(payment_id: int) -> list[tuple[Refund, Task | None]]:
    """Each with the task that it raised, where it did not arrive."""
    refunds = list(session().scalars(select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.id)))
    keys = [f"refund-failed:{refund.id}" for refund in refunds]
    tasks = {task.key: task for task in session().scalars(select(Task).where(Task.key.in_(keys)))}
    return [(refund, tasks.get(f"refund-failed:{refund.id}")) for refund in refunds]


def others_of(online: OnlinePayment) -> list[OnlinePayment]:
    """Other payments for the same: of one checkout, or of one instalment."""
    payment = online.payment
    same = [OnlinePayment.checkout_id == online.checkout_id] if online.checkout_id is not None else []
    if payment.instalment_id is not None:
        same.append(Payment.instalment_id == payment.instalment_id)
    if online.duplicate_of_id is not None:
        same.append(OnlinePayment.payment_id == online.duplicate_of_id)
    if not same:
        return []
    query = (
        select(OnlinePayment)
        .join(Payment, Payment.id == OnlinePayment.payment_id)
        .where(or_(*same), OnlinePayment.id != online.id)
        .options(contains_eager(OnlinePayment.payment))
        .order_by(OnlinePayment.id)
        .limit(10)
    )
    return list(session().scalars(query))


def about(online: OnlinePayment) -> Any:
    """Which notifications are about this payment: by the vendor's names for it, or by our key before it had one."""
    names = [name for name in (online.external_id, online.transaction_id) if name]
    named = Notification.external_id.in_(names) if names else Notification.key == online.payment.reference
    return and_(Notification.account == online.account, named)


def raw_news(online: OnlinePayment) -> list[RawNews]:
    query = select(Notification).where(about(online)).order_by(Notification.id.desc()).limit(NEWS_SHOWN)
    may_read = may("money.raw")
    return [
        RawNews(
            each.id, each.received_at, each.state, each.kind, each.times, payment_story.noted(each.note), each.size,
            readable(each.body(session())) if may_read else "",
        )
        for each in session().scalars(query.options(undefer(Notification.sealed_body)) if may_read else query)
    ]  # fmt: skip


def readable(body: bytes) -> str:
    """As text: JSON laid out, and every character that is none to read, or turns the line round, as a mark."""
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = text[:SHOWN_OF_A_BODY]
    return "".join(
        each if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Co") else "�" for each in text
    )
